/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table: what walks and look-ups say, what is known where something was lost, credentials,
 * and what can be wrong above a process.
 */
#include "table_world.h"

#define TICK 10000000ULL

/* What there is to be said of one of a pid that is a process's, from a walk or a look-up. */
static void walk_of(struct world *w, const struct who *who, const char *path, enum walk_kind kind,
		    uint64_t image)
{
	struct wire_exec e = exec_of(tick(w), who, path, LIST("walk"), MSG_EXEC_TASK_WALK);

	if (kind == WALK_PROCFS)
		e.exec.flags |= MSG_EXEC_PROCFS;
	e.ext.walk = kind;
	e.exec.ktime = e.ext.task.image = image;
	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_false(w->shown);
	check(w);
}

/* Pid 1 did not change; 2 has ended, 3 exec'ed, 4 was forked by it: nothing of this was told. */
static void test_walk_after_a_loss(void **state)
{
	struct world *w = *state;
	struct image *one = root(w, 1);
	uint64_t begin, exec;
	struct who who, four;
	struct image *three;

	forks(w, 1, 2);
	forks(w, 2, 3);
	forks(w, 3, 30);
	w->now += NS_PER_SEC;
	exec = tick(w);
	four = (struct who){ 4, tick(w), 3, get(w, 3)->start, "four" };
	begin = tick(w);
	three = image(w, 3);
	who = who_of(get(w, 1));
	walk_of(w, &who, "/sbin/init", WALK_AFTER_LOSS, one->ktime);
	who = who_of(get(w, 3));
	who.ppid = 1;
	who.parent_start = one->start;
	who.comm = "new";
	walk_of(w, &who, "/bin/new", WALK_AFTER_LOSS, exec);
	walk_of(w, &four, "/bin/four", WALK_AFTER_LOSS, four.start);
	who = who_of(get(w, 30));
	walk_of(w, &who, "/sbin/init", WALK_AFTER_LOSS, who.start);
	assert_int_equal(w->t.stats.lost_exits, 0);
	/* Who was not told in a walk that broke off may be there. */
	build_walked(begin, tick(w), 4, true, deliver, w);
	assert_size(w, 5);
	build_walked(begin, tick(w), 4, false, deliver, w);
	assert_size(w, 4);
	assert_null(table_find(&w->t, 2));
	assert_int_equal(w->t.stats.lost_exits, 1);
	assert_int_equal(w->t.stats.lost_execs, 1);
	assert_ptr_equal(image(w, 1), one);
	assert_name(image(w, 3)->exe, "/bin/new");
	assert_name(image(w, 3)->comm, "new");
	assert_int_equal(image(w, 3)->ktime, exec);
	assert_ptr_equal(image(w, 3)->previous, three);
	assert_ptr_equal(image(w, 3)->parent, one);
	assert_int_equal(get(w, 4)->origin, FROM_SNAPSHOT);
	assert_ptr_equal(image(w, 4)->parent, image(w, 3));
	assert_ptr_equal(image(w, 30)->parent, three);
	assert_int_equal(w->t.stats.reparented[REPARENT_LOOKUP], 1);
	assert_int_equal(lineage_of(w, 4), LINEAGE_OK);
	/* One that began while the walk was on is not in it, and is there. */
	forks(w, 1, 5);
	begin = get(w, 5)->start - 1;
	build_walked(begin, tick(w), 0, false, deliver, w);
	assert_non_null(table_find(&w->t, 5));
	assert_size(w, 2);
}

/* Nor is one that is known only as the parent of another, and began while the walk was on. */
static void test_walk_and_a_younger_placeholder(void **state)
{
	struct world *w = *state;
	uint64_t begin;
	struct who who;

	root(w, 1);
	begin = tick(w);
	w->now += NS_PER_SEC;
	who = (struct who){ 7, w->now + NS_PER_SEC, 6, w->now, "seven" };
	w->now += 2 * NS_PER_SEC;
	build_rename(tick(w), &who, "seven", deliver, w);
	assert_int_equal(get(w, 6)->origin, FROM_PLACEHOLDER);
	who = who_of(get(w, 1));
	walk_of(w, &who, "/sbin/init", WALK_AFTER_LOSS, image(w, 1)->ktime);
	build_walked(begin, tick(w), 1, false, deliver, w);
	assert_non_null(table_find(&w->t, 6));
	assert_int_equal(w->t.stats.lost_exits, 0);
	assert_size(w, 3);
}

/* What a walk says is older than what events have said: it is not news. */
static void test_walk_that_comes_late(void **state)
{
	struct world *w = *state;
	struct who who;
	struct image *i;
	uint64_t start;

	root(w, 1);
	forks(w, 1, 2);
	start = get(w, 2)->start;
	i = execs(w, 2, "/bin/new");
	who = who_of(get(w, 2));
	who.comm = "old";
	w->now -= 2000000;
	walk_of(w, &who, "/bin/old", WALK_AFTER_LOSS, start);
	assert_ptr_equal(image(w, 2), i);
	assert_name(i->exe, "/bin/new");
	assert_name(i->comm, "new");
	w->now += 2000000;
	/* Nor does one that has ended come back. */
	exits(w, 2, 1);
	walk_of(w, &who, "/bin/old", WALK_PROCFS, start);
	assert_size(w, 1);
}

/* /proc does not say when an image began: the events that do name the one that it told. */
static void test_image_of_proc(void **state)
{
	struct world *w = *state;
	uint64_t start = tick(w), exec, later;
	struct who who = { 5, start, 1, get(w, root(w, 1)->pid)->start, "five" };
	struct image *i;

	w->now += NS_PER_SEC;
	exec = tick(w);
	walk_of(w, &who, "/bin/five", WALK_PROCFS, start);
	i = image(w, 5);
	who.image = exec;
	build_rename(tick(w), &who, "five", deliver, w);
	assert_ptr_equal(image(w, 5), i);
	assert_name(i->exe, "/bin/five");
	assert_int_equal(w->t.stats.lost_execs, 0);
	assert_int_equal(lineage_of(w, 5), LINEAGE_OK);
	/* One that began afterwards is another. */
	later = tick(w);
	who.image = later;
	build_rename(tick(w), &who, "six", deliver, w);
	assert_int_equal(w->t.stats.lost_execs, 1);
	assert_ptr_equal(image(w, 5)->previous, i);
	assert_null(image(w, 5)->exe);
	assert_int_equal(image(w, 5)->ktime, later);
	assert_int_equal(lineage_of(w, 5), LINEAGE_MISSING_PARENT);
	check(w);
	/* A look-up tells what it is; its exec, if it comes after all, is no other. */
	walk_of(w, &who, "/bin/six", WALK_KERNEL_MAP, later);
	assert_name(image(w, 5)->exe, "/bin/six");
	assert_int_equal(lineage_of(w, 5), LINEAGE_OK);
	assert_int_equal(w->t.stats.images, 3);
}

/* The same of the snapshot. */
static void test_image_of_a_snapshot_of_proc(void **state)
{
	struct world *w = *state;
	uint64_t start = tick(w), exec = tick(w) + NS_PER_SEC;
	struct who who = { 1, start, 0, 0, "one", .image = exec };
	struct wire_exec e;

	w->now += 2 * NS_PER_SEC;
	snapshot_of(w, 1, start - start % TICK, 0, 0, MSG_EXEC_PROCFS);
	build_rename(tick(w), &who, "one", deliver, w);
	assert_name(image(w, 1)->exe, "/bin/snap");
	assert_int_equal(w->t.stats.lost_execs, 0);
	e = exec_of(tick(w), &who, "/bin/next", LIST("next"), MSG_EXEC_EXECVE);
	e.event.cleanup_process = (struct msg_execve_key){ .pid = 1, .ktime = exec };
	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_int_equal(w->t.stats.lost_execs, 0);
	assert_int_equal(lineage_of(w, 1), LINEAGE_OK);
	assert_int_equal(w->t.stats.images, 2);
	check(w);
}

/* Who knows the start of a process better than /proc does is not told otherwise by it. */
static void test_exact_start_stays(void **state)
{
	struct world *w = *state;
	uint64_t start;

	root(w, 1);
	w->now += 12345;
	forks(w, 1, 2);
	start = get(w, 2)->start;
	snapshot_of(w, 2, start - start % TICK, 1, get(w, 1)->start, MSG_EXEC_PROCFS);
	assert_int_equal(get(w, 2)->start, start);
	assert_null(table_lookup(&w->t, 2, start + 1));
	assert_int_equal(get(w, 2)->start, start);
	check(w);
}

/* An exec that was lost shows in the next one, which names the image that it replaced. */
static void test_exec_over_an_unknown_image(void **state)
{
	struct world *w = *state;
	struct wire_exec e;
	struct who who;

	root(w, 1);
	forks(w, 1, 2);
	w->now += NS_PER_SEC;
	who = who_of(get(w, 2));
	e = exec_of(tick(w) + 1000, &who, "/bin/new", LIST("new"), MSG_EXEC_EXECVE);
	e.event.cleanup_process = (struct msg_execve_key){ .pid = 2, .ktime = w->now };
	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_name(image(w, 2)->exe, "/bin/new");
	assert_int_equal(w->t.stats.lost_execs, 1);
	assert_int_equal(lineage_of(w, 2), LINEAGE_MISSING_PARENT);
	check(w);
}

/* Of its leader; those of other threads are their own. */
static void test_credentials(void **state)
{
	struct world *w = *state;
	struct msg_rename m;
	struct who who;

	root(w, 1);
	assert_int_equal(creds_of(get(w, 1))->uid, 0);
	assert_int_equal(creds_of(get(w, 1))->auid, UINT32_MAX);
	who = who_of(get(w, 1));
	who.uid = 7;
	who.gid = 8;
	build_rename(tick(w), &who, "one", deliver, w);
	assert_int_equal(creds_of(get(w, 1))->uid, 7);
	assert_int_equal(creds_of(get(w, 1))->fsgid, 8);
	m = (struct msg_rename){ .common.ktime = tick(w), .task = task_of(&who) };
	m.task.tid = 99;
	m.task.uid = 9;
	wire_encode_rename(&m, deliver, w);
	assert_int_equal(creds_of(get(w, 1))->uid, 7);
	/* A child has those of who forks it, and they are held once. */
	build_rename(tick(w), &who, "one", deliver, w);
	who.start = get(w, 1)->start;
	build_fork(tick(w), &who,
		   &(struct who){ .pid = 2, .start = w->now, .ppid = 1, .parent_start = who.start },
		   deliver, w);
	assert_ptr_equal(creds_of(get(w, 2)), creds_of(get(w, 1)));
	check(w);
}

/* M1 to M4: what can be wrong above a process. */
static void test_lineage_errors(void **state)
{
	struct world *w = *state;
	uint64_t t1 = tick(w), t2 = tick(w), t3 = tick(w);
	struct image *one, fake;

	one = root(w, 1);
	forks(w, 1, 2);
	forks(w, 2, 3);
	assert_int_equal(lineage_of(w, 3), LINEAGE_OK);
	execs(w, 1, "/sbin/again"); /* an exec of pid 1 is no other pid 1 */
	assert_int_equal(lineage_of(w, 3), LINEAGE_OK);
	/* No pid 1 on the way. */
	snapshot_of(w, 20, t1, 0, 0, 0);
	snapshot_of(w, 21, t2, 20, t1, 0);
	assert_int_equal(lineage_of(w, 21), LINEAGE_INCOMPLETE);
	/* One, but not at the end. */
	fake = *image(w, 21);
	fake.pid = 1;
	assert_int_equal(lineage_check(&fake), LINEAGE_INCOMPLETE);
	/* Twice. */
	fake.parent = one;
	assert_int_equal(lineage_check(&fake), LINEAGE_WRONG_PARENT);
	/* A parent that is known to be missing, of one in between. */
	snapshot_of(w, 31, t3, 77, t2, 0);
	forks(w, 31, 32);
	assert_int_equal(lineage_of(w, 32), LINEAGE_MISSING_PARENT);
	assert_string_equal(lineage_name(LINEAGE_WRONG_PARENT), "wrong_parent");
	assert_string_equal(lineage_name(N_LINEAGES), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_walk_after_a_loss),
		TEST(test_walk_and_a_younger_placeholder),
		TEST(test_walk_that_comes_late),
		TEST(test_image_of_proc),
		TEST(test_image_of_a_snapshot_of_proc),
		TEST(test_exact_start_stays),
		TEST(test_exec_over_an_unknown_image),
		TEST(test_credentials),
		TEST(test_lineage_errors),
	};

	return cmocka_run_group_tests_name("table_walks", tests, NULL, NULL);
}

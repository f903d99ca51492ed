/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table: who is whose child, which image is whose, through lost and late events. The
 * scenarios T1 to T16 are those of the specification of the resolver.
 */
#include "process/ident.h"
#include "table_world.h"

#define TICK 10000000ULL

static void test_t1_delete(void **state)
{
	struct world *w = *state;
	struct image *three = root(w, 3);

	assert_size(w, 1);
	assert_ptr_equal(forks(w, 3, 4)->parent, three);
	assert_size(w, 2);
	exits(w, 4, 0);
	assert_size(w, 1);
	exits(w, 3, 0);
	assert_size(w, 0);
	assert_int_equal(w->t.stats.processes, 2); /* to be looked up for a while */
	forget_ended(w);
	assert_int_equal(w->t.stats.processes, 0);
	assert_int_equal(w->t.stats.images, 0);
	assert_int_equal(w->t.strings.count, 0);
}

static void test_t2_dead_parent_stays(void **state)
{
	struct world *w = *state;
	struct image *three = root(w, 3), *four = forks(w, 3, 4);

	exits(w, 3, 0);
	assert_size(w, 1);
	assert_ptr_equal(four->parent, three);
	assert_true(image_is(three, IMAGE_DEAD));
	assert_name(three->exe, "/sbin/init");
	forget_ended(w);
	assert_ptr_equal(four->parent, three);
	assert_int_equal(w->t.stats.processes, 2);
	exits(w, 4, 0);
	forget_ended(w);
	assert_int_equal(w->t.stats.processes, 0);
}

static void test_t3_exec_edge(void **state)
{
	struct world *w = *state;
	struct image *three = root(w, 3), *c = forks(w, 3, 4), *e;

	/* What the fork copied... */
	assert_string_equal(c->info->argv->bytes, "init");
	assert_name(c->info->cwd, "/");
	e = execs(w, 4, "/bin/ls");
	assert_ptr_not_equal(e, c);
	assert_ptr_equal(e->previous, c);
	assert_ptr_equal(e->parent, three);
	assert_ptr_equal(c->parent, three);
	assert_size(w, 2);
	/* ... and the exec replaced: of a copy, only the names stay. */
	assert_name(c->exe, "/sbin/init");
	assert_name(c->comm, "root");
	assert_null(c->info);
	assert_false(image_is(c, IMAGE_IS_EXEC));
	assert_name(e->exe, "/bin/ls");
	assert_name(e->info->cwd, "/");
	assert_int_equal(e->info->argv->len, 4);
	assert_memory_equal(e->info->argv->bytes, "a\0b", 4);
	assert_true(image_is(e, IMAGE_IS_EXEC));
	assert_name(e->comm, "ls");
	assert_int_equal(e->ktime, w->now);
	assert_int_equal(c->ktime, c->start);
}

/* Arguments that were cut within a string: in the state every string ends. */
static void test_cut_arguments(void **state)
{
	struct world *w = *state;
	struct wire_exec e;
	struct who who;

	root(w, 1);
	who = who_of(get(w, 1));
	e = exec_of(tick(w), &who, "/bin/x", (str_t){ "a\0bc", 4 }, MSG_EXEC_TRUNC_ARGS);
	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_true(image_is(image(w, 1), IMAGE_ARGV_TRUNCATED));
	assert_int_equal(image(w, 1)->info->argv->len, 5);
	assert_memory_equal(image(w, 1)->info->argv->bytes, "a\0bc", 5);
	check(w);
}

static void test_t4_t5_exec_of_an_orphan(void **state)
{
	struct world *w = *state;
	struct image *three = root(w, 3), *c = forks(w, 3, 4), *e1, *e2;

	exits(w, 3, 0);
	e1 = execs(w, 4, "/bin/a");
	assert_ptr_equal(e1->previous, c);
	assert_ptr_equal(c->parent, three);
	assert_size(w, 1);
	e2 = execs(w, 4, "/bin/b");
	assert_ptr_equal(e2->previous, e1);
	assert_ptr_equal(e1->previous, c);
	assert_ptr_equal(e2->parent, three);
	check(w);
}

static void test_t6_pid_of_a_dead_parent_again(void **state)
{
	struct world *w = *state;
	struct image *a = root(w, 3), *b = forks(w, 3, 4), *a2, *d, *e;

	exits(w, 3, 0);
	e = execs(w, 4, "/bin/e");
	a2 = root(w, 3);
	d = forks(w, 3, 5);
	assert_ptr_equal(d->parent, a2);
	assert_ptr_equal(e->previous, b);
	assert_ptr_equal(b->parent, a);
	assert_ptr_not_equal(a, a2);
	assert_size(w, 3);
}

static void test_t7_the_image_that_forked(void **state)
{
	struct world *w = *state;
	struct image *a = root(w, 3), *b = forks(w, 3, 4), *c = forks(w, 4, 5), *e;

	e = execs(w, 4, "/bin/e");
	assert_ptr_equal(c->parent, b);
	assert_ptr_equal(e->previous, b);
	assert_ptr_equal(e->parent, a);
	/* Events of the child name the same parent; the edge stays at the image that forked. */
	execs(w, 5, "/bin/f");
	assert_ptr_equal(image(w, 5)->parent, b);
	check(w);
}

static void test_t11_exec_of_exec(void **state)
{
	struct world *w = *state;

	root(w, 1);
	assert_false(image_is(forks(w, 1, 3), IMAGE_IS_EXEC));
	assert_false(image_is(forks(w, 3, 4), IMAGE_IS_EXEC));
	assert_true(image_is(execs(w, 4, "/bin/a"), IMAGE_IS_EXEC));
	assert_false(image_is(image(w, 4), IMAGE_IS_EXEC_EXEC));
	assert_true(image_is(execs(w, 4, "/bin/b"), IMAGE_IS_EXEC_EXEC));
	assert_true(image_is(execs(w, 4, "/bin/c"), IMAGE_IS_EXEC_EXEC));
	check(w);
}

/* One of the snapshot that has not exec'ed, then two execs. */
static void test_t12_snapshot_then_execs(void **state)
{
	struct world *w = *state;
	struct image *three = root(w, 3);
	struct who four = { 4, tick(w), 3, three->start, "four" };
	struct wire_exec e =
		exec_of(tick(w), &four, "/bin/3", LIST("3"), MSG_EXEC_TASK_WALK | MSG_EXEC_NO_EXEC);

	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_false(image_is(image(w, 4), IMAGE_IS_EXEC));
	assert_ptr_equal(image(w, 4)->parent, three);
	execs(w, 4, "/bin/a");
	assert_true(image_is(image(w, 4), IMAGE_IS_EXEC));
	assert_false(image_is(image(w, 4), IMAGE_IS_EXEC_EXEC));
	execs(w, 4, "/bin/b");
	assert_true(image_is(image(w, 4), IMAGE_IS_EXEC_EXEC));
	check(w);
}

static void test_t16_subreaper(void **state)
{
	struct world *w = *state;
	struct image *grandparent;

	root(w, 1);
	grandparent = forks(w, 1, 2);
	forks(w, 2, 3);
	forks(w, 3, 4);
	forks(w, 3, 5);
	assert_int_equal(lineage_of(w, 4), LINEAGE_OK);
	exits(w, 3, 2);
	assert_ptr_equal(image(w, 4)->parent, grandparent);
	assert_ptr_equal(image(w, 5)->parent, grandparent);
	assert_int_equal(get(w, 4)->ppid, 2);
	assert_int_equal(get(w, 4)->parent_start, get(w, 2)->start);
	assert_int_equal(lineage_of(w, 4), LINEAGE_OK);
	check(w);
	forget_ended(w);
	assert_int_equal(w->t.stats.processes, 4); /* nothing descends from 3 any more */
}

/* The exit did not say who the reaper is; the child's next event does. */
static void test_reaper_from_next_event(void **state)
{
	struct world *w = *state;
	struct who child;

	root(w, 1);
	forks(w, 1, 3);
	forks(w, 3, 4);
	exits(w, 3, 0);
	check(w);
	assert_int_equal(image(w, 4)->parent->pid, 3);
	child = who_of(get(w, 4));
	child.ppid = 1;
	child.parent_start = get(w, 1)->start;
	build_rename(tick(w), &child, "new", deliver, w);
	assert_ptr_equal(image(w, 4)->parent, image(w, 1));
	assert_int_equal(get(w, 4)->ppid, 1);
	assert_int_equal(w->t.stats.reparented[REPARENT_EVENT], 1);
	check(w);
	/* A parent of which nothing is known but this: nothing changes, but that we know it. */
	child.ppid = 77;
	child.parent_start = 5;
	build_rename(tick(w), &child, "new", deliver, w);
	assert_ptr_equal(image(w, 4)->parent, image(w, 1));
	assert_int_equal(get(w, 4)->ppid, 1);
	assert_null(table_find(&w->t, 77));
	assert_int_equal(w->t.stats.reparent_failed[REPARENT_EVENT], 1);
	assert_int_equal(lineage_of(w, 4), LINEAGE_MISSING_PARENT);
	/* Until it names one that is known. */
	child.ppid = 1;
	child.parent_start = get(w, 1)->start;
	build_rename(tick(w), &child, "new", deliver, w);
	assert_int_equal(lineage_of(w, 4), LINEAGE_OK);
	forget_ended(w);
	assert_int_equal(w->t.stats.processes, 2);
}

/*
 * After the exit event of a parent the kernel takes a while until it gives the children away; their
 * events name it until then. It must not come back to life by that, nor get them back.
 */
static void test_named_after_its_exit(void **state)
{
	struct world *w = *state;
	struct who four;

	root(w, 1);
	for (int i = 0; i < 1000; i++) {
		forks(w, 1, 3);
		forks(w, 3, 4);
		four = who_of(get(w, 4));
		exits(w, 3, 1);
		assert_int_equal(get(w, 4)->ppid, 1);
		build_rename(tick(w), &four, "new", deliver, w);
		assert_int_equal(get(w, 4)->ppid, 1);
		assert_ptr_equal(image(w, 4)->parent, image(w, 1));
		assert_null(table_find(&w->t, 3));
		assert_size(w, 2);
		four.ppid = 1;
		four.parent_start = get(w, 1)->start;
		build_rename(tick(w), &four, "new", deliver, w);
		assert_ptr_equal(image(w, 4)->parent, image(w, 1));
		exits(w, 4, 1);
	}
	forget_ended(w);
	assert_int_equal(w->t.stats.processes, 1);
}

/*
 * Of one that has ended stays what something descends from: its id leads there, however much of its
 * line went with the newest.
 */
static void test_the_id_of_an_old_image(void **state)
{
	struct world *w = *state;
	struct image *c;
	struct process *two;

	root(w, 1);
	c = forks(w, 1, 2);
	two = get(w, 2);
	forks(w, 2, 3);
	execs(w, 2, "/bin/a");
	execs(w, 2, "/bin/b");
	execs(w, 2, "/bin/c");
	assert_ptr_equal(table_lookup(&w->t, 2, two->start), two);
	exits(w, 2, 0);
	assert_ptr_equal(table_ended(&w->t, 2, c->start)->previous->previous->previous, c);
	forget_ended(w);
	assert_ptr_equal(table_ended(&w->t, 2, c->start), c);
	assert_int_equal(w->t.stats.processes, 3);
	exits(w, 3, 1);
	forget_ended(w);
	assert_int_equal(w->t.stats.processes, 1);
}

/* A pid that is used again within the 100 ms in which start times have the same hash. */
static void test_ended_of_one_id(void **state)
{
	struct world *w = *state;
	uint64_t start[3];

	root(w, 1);
	w->now += NS_PER_SEC - w->now % NS_PER_SEC + 123; /* not what /proc says */
	for (int i = 0; i < 3; i++) {
		start[i] = forks(w, 1, 2)->start;
		w->now += 6 * NS_PER_MS;
		if (i < 2)
			exits(w, 2, 1);
	}
	assert_int_equal(w->t.stats.entity_collisions, 3);
	for (int i = 0; i < 2; i++)
		assert_int_equal(table_ended(&w->t, 2, start[i])->start, start[i]);
	assert_null(table_ended(&w->t, 2, start[2]));
	forget_ended(w);
	assert_null(table_ended(&w->t, 2, start[1]));
	/* Those that the last one collided with are forgotten; it is not. */
	exits(w, 2, 1);
	assert_int_equal(table_ended(&w->t, 2, start[2])->start, start[2]);
}

static void test_clone_parent(void **state)
{
	struct world *w = *state;
	struct image *one = root(w, 1);
	struct who by, child;

	forks(w, 1, 3);
	by = who_of(get(w, 3));
	child = (struct who){ 4, tick(w), 1, one->start, NULL };
	build_fork(tick(w), &by, &child, deliver, w);
	assert_int_equal(w->ev.process->pid, 3); /* who forked */
	assert_int_equal(w->ev.child->pid, 4);
	assert_ptr_equal(image(w, 4)->parent, one); /* whose child it is */
	assert_int_equal(get(w, 4)->ppid, 1);
	check(w);
	exits(w, 3, 1);
	assert_ptr_equal(image(w, 4)->parent, one);
	check(w);
}

static void test_pid_reuse_with_lost_exit(void **state)
{
	struct world *w = *state;
	struct image *old, *grandchild;
	uint32_t old_id;

	root(w, 1);
	old = forks(w, 1, 5);
	old_id = get(w, 5)->entity_id;
	grandchild = forks(w, 5, 6);
	assert_ptr_not_equal(forks(w, 1, 5), old);
	assert_int_equal(w->t.stats.reused_pids, 1);
	assert_int_not_equal(get(w, 5)->entity_id, old_id);
	assert_size(w, 3);
	assert_ptr_equal(grandchild->parent, old); /* not the new one with its pid */
	assert_true(image_is(old, IMAGE_DEAD));
	assert_null(get(w, 5)->children);
	exits(w, 5, 1);
	exits(w, 6, 1);
	forget_ended(w);
	assert_int_equal(w->t.stats.processes, 1);
}

/* The same, where the first sign of the new one is an event of its own: its fork was lost too. */
static void test_pid_reuse_with_lost_fork(void **state)
{
	struct world *w = *state;
	struct who who;

	root(w, 1);
	forks(w, 1, 5);
	who = (struct who){ 5, tick(w), 1, get(w, 1)->start, "other" };
	build_rename(tick(w), &who, "name", deliver, w);
	assert_int_equal(w->t.stats.reused_pids, 1);
	assert_int_equal(w->t.stats.placeholders, 1);
	assert_int_equal(get(w, 5)->start, who.start);
	assert_int_equal(get(w, 5)->origin, FROM_PLACEHOLDER);
	assert_ptr_equal(image(w, 5)->parent, image(w, 1));
	assert_size(w, 2);
}

/* What happened between the attaching of the hooks and the snapshot is in the ring, and behind it. */
static void test_events_from_before_the_snapshot(void **state)
{
	struct world *w = *state;
	uint64_t early = tick(w), start = tick(w), old_exec = tick(w), snap;
	struct who one = { 1, early, 0, 0, "one" }, two = { 2, start, 1, early, "two" };
	struct wire_exec e;

	snapshot_of(w, 1, early, 0, 0, 0);
	snapshot_of(w, 2, start, 1, early, 0);
	snap = w->now;
	assert_size(w, 2);

	build_fork(start + 1, &one, &two, deliver, w);
	assert_false(w->shown);
	e = exec_of(old_exec, &two, "/bin/old", LIST("old"), MSG_EXEC_EXECVE);
	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_false(w->shown);
	assert_int_equal(w->t.stats.stale, 2);
	assert_size(w, 2);
	assert_name(image(w, 2)->exe, "/bin/snap");

	/* An older word on who it is does not replace a newer one. */
	two.ppid = 99;
	two.parent_start = 3;
	two.comm = "was";
	build_rename(old_exec + 1, &two, "x", deliver, w);
	assert_int_equal(get(w, 2)->ppid, 1);
	assert_name(image(w, 2)->comm, "snap");
	assert_int_equal(lineage_of(w, 2), LINEAGE_OK);

	/* What comes behind the snapshot counts again. */
	assert_true(snap < tick(w));
	execs(w, 2, "/bin/new");
	assert_name(image(w, 2)->exe, "/bin/new");
	assert_true(image_is(image(w, 2), IMAGE_IS_EXEC_EXEC));
	exits(w, 2, 1);
	assert_size(w, 1);
}

/* The kernel links a process before the fork event: the snapshot can be first to see it. */
static void test_snapshot_before_the_fork_event(void **state)
{
	struct world *w = *state;
	uint64_t early = tick(w), start = tick(w);
	struct who one = { 1, early, 0, 0, "one" }, two = { 2, start, 1, early, "two" };

	snapshot_of(w, 1, early, 0, 0, 0);
	snapshot_of(w, 2, start, 1, early, MSG_EXEC_NO_EXEC);
	build_fork(tick(w), &one, &two, deliver, w);
	assert_false(w->shown); /* it existed at start, that is all there is to say */
	assert_int_equal(w->t.stats.stale, 1);
	assert_size(w, 2);
}

/* And to see an image before its exec event: it is there once. */
static void test_snapshot_within_an_exec(void **state)
{
	struct world *w = *state;
	uint64_t early = tick(w), start = tick(w);
	struct image *i;

	snapshot_of(w, 1, early, 0, 0, 0);
	snapshot_of(w, 2, start, 1, early, 0);
	i = execs(w, 2, "/bin/snap");
	assert_null(i->previous);
	assert_false(image_is(i, IMAGE_IS_EXEC_EXEC));
	assert_int_equal(w->t.stats.images, 2);
	/* Of a later one nothing is new but the time. */
	assert_ptr_equal(execs(w, 2, "/bin/snap"), i);
	assert_int_equal(i->ktime, w->now);
	assert_int_equal(w->t.stats.equal_execs, 1);
	assert_true(image_is(execs(w, 2, "/bin/other"), IMAGE_IS_EXEC_EXEC));
	check(w);
}

/* A process that ended before the snapshot, and whose pid the snapshot saw at another. */
static void test_old_process_with_a_pid_of_the_snapshot(void **state)
{
	struct world *w = *state;
	uint64_t early = tick(w), old_start = tick(w), before = tick(w), start = tick(w);
	struct who one = { 1, early, 0, 0, "one" }, old = { 5, old_start, 1, early, "old" };
	struct who new = { 5, start, 1, early, "snap" };
	struct process *held;

	snapshot_of(w, 1, early, 0, 0, 0);
	snapshot_of(w, 5, start, 1, early, 0);
	held = get(w, 5);

	build_fork(before, &one, &old, deliver, w);
	assert_true(w->shown);
	assert_ptr_not_equal(w->ev.child, held);
	assert_ptr_equal(get(w, 5), held);
	check(w);
	build_rename(before + 1, &old, "older", deliver, w);
	assert_ptr_not_equal(w->ev.process, held);
	assert_ptr_equal(get(w, 5), held);
	build_exit(before + 2, &old, 0, 1, early, deliver, w);
	assert_true(w->shown);
	assert_ptr_equal(get(w, 5), held);
	assert_size(w, 2);

	/* A fork that comes after all this is of one that has ended. */
	build_fork(before + 3, &one, &old, deliver, w);
	assert_size(w, 2);

	/* With the exit of yet another lost, the next event of the new one ends it. */
	old.start = before + 4;
	build_fork(before + 5, &one, &old, deliver, w);
	assert_int_equal(w->t.n_processes, 3);
	build_rename(tick(w), &new, "name", deliver, w);
	assert_ptr_equal(w->ev.process, held);
	assert_int_equal(w->t.stats.reused_pids, 1);
	assert_size(w, 2);
}

static void test_children_before_parents(void **state)
{
	struct world *w = *state;
	uint64_t t1 = tick(w), t2 = tick(w), t3 = tick(w), t4 = tick(w);
	struct who gone = { .ppid = 1, .parent_start = t1 };

	snapshot_of(w, 20, t4, 300, t3, 0);
	snapshot_of(w, 100, t2, 1, t1, 0);
	snapshot_of(w, 300, t3, 100, t2, 0);
	/* Whose parent has ended meanwhile; and another one, whose parent's pid is used again. */
	snapshot_of(w, 400, t4, 299, t3, 0);
	snapshot_of(w, 401, t4, 300, t3 - 1, 0);
	snapshot_of(w, 500, t2, 2, t1, MSG_EXEC_KTHREAD);
	snapshot_of(w, 2, t1, 0, 0, MSG_EXEC_KTHREAD);
	snapshot_of(w, 1, t1, 0, 0, 0);
	assert_int_not_equal(lineage_of(w, 20), LINEAGE_OK);
	forks(w, 1, 7);
	assert_ptr_equal(image(w, 20)->parent, image(w, 300));
	assert_ptr_equal(image(w, 300)->parent, image(w, 100));
	assert_ptr_equal(image(w, 100)->parent, image(w, 1));
	assert_int_equal(lineage_of(w, 20), LINEAGE_OK);
	assert_int_equal(image(w, 400)->parent->pid, 299);
	assert_int_not_equal(lineage_of(w, 400), LINEAGE_OK);
	assert_int_equal(image(w, 401)->parent->start, t3 - 1);
	assert_int_equal(get(w, 300)->start, t3);
	assert_int_equal(lineage_of(w, 500), LINEAGE_OK);
	assert_int_equal(lineage_of(w, 2), LINEAGE_OK);
	assert_true(image_is(image(w, 500), IMAGE_KTHREAD));
	assert_false(image_is(image(w, 500), IMAGE_IS_EXEC));
	assert_size(w, 11);

	/* Their exits are still to come, and say who has the children now. */
	gone.pid = 299;
	gone.start = t3;
	build_exit(tick(w), &gone, 0, 100, t2, deliver, w);
	gone.pid = 300;
	gone.start = t3 - 1;
	build_exit(tick(w), &gone, 0, 1, t1, deliver, w);
	assert_ptr_equal(image(w, 400)->parent, image(w, 100));
	assert_int_equal(lineage_of(w, 400), LINEAGE_OK);
	assert_ptr_equal(image(w, 401)->parent, image(w, 1));
	assert_int_equal(get(w, 300)->start, t3);
	assert_size(w, 9);
}

/*
 * One that was forked and ended while the snapshot was taken, which saw only its child: it is known
 * by name, and may be shown as an ancestor, before its fork comes.
 */
static void test_fork_of_a_placeholder(void **state)
{
	struct world *w = *state;
	uint64_t early = tick(w), start = tick(w), forked = tick(w), child_start = tick(w);
	struct who one = { 1, early, 0, 0, "one" }, two = { 20, start, 1, early, "two" };
	struct image *i;

	snapshot_of(w, 1, early, 0, 0, 0);
	snapshot_of(w, 3, child_start, 20, start, 0);
	table_link(&w->t);
	i = image(w, 20);
	assert_null(i->exe);
	assert_int_not_equal(lineage_of(w, 3), LINEAGE_OK);
	image_keep(&w->t, &i->info->rendered, "as shown", 8);
	image_keep(&w->t, &i->info->rendered_self, "as shown", 8);

	build_fork(forked, &one, &two, deliver, w);
	assert_true(w->shown);
	assert_ptr_equal(image(w, 20), i);
	assert_name(i->exe, "/bin/snap");
	assert_null(i->info->rendered);
	assert_ptr_equal(i->parent, image(w, 1));
	assert_int_equal(lineage_of(w, 3), LINEAGE_OK);
	check(w);
	exits(w, 20, 1);
	assert_ptr_equal(image(w, 3)->parent, image(w, 1));
	assert_size(w, 2);
}

/* A second look at the same process brings its image up to date and adds none. */
static void test_snapshot_twice(void **state)
{
	struct world *w = *state;
	uint64_t t1 = tick(w), t2 = tick(w);

	snapshot_of(w, 1, t1, 0, 0, 0);
	snapshot_of(w, 2, t2, 1, t1, 0);
	snapshot_of(w, 2, t2, 1, t1, 0);
	assert_size(w, 2);
	assert_int_equal(w->t.stats.images, 2);
}

/* /proc tells start times in ticks; events of the same process tell them exactly. */
static void test_start_times_from_proc(void **state)
{
	struct world *w = *state;
	uint64_t base = w->now / TICK * TICK;
	struct who one = { 1, base + 123, 0, 0, "one" };
	struct who two = { 2, base + TICK + 4567, 1, base + 123, "two" };
	struct who three = { 3, base + 2 * TICK, 2, two.start, NULL };
	uint32_t id;

	w->now += 10 * TICK;
	snapshot_of(w, 1, base, 0, 0, MSG_EXEC_PROCFS);
	snapshot_of(w, 2, base + TICK, 1, base, MSG_EXEC_PROCFS);
	id = get(w, 2)->entity_id;
	build_fork(tick(w), &two, &three, deliver, w);
	assert_ptr_equal(w->ev.process, get(w, 2));
	assert_size(w, 3);
	assert_ptr_equal(image(w, 3)->parent, image(w, 2));
	assert_int_equal(lineage_of(w, 3), LINEAGE_OK);
	build_rename(tick(w), &one, "x", deliver, w);
	assert_size(w, 3);
	assert_int_equal(w->t.stats.placeholders, 0);
	/* The id does not depend on who told of it. */
	assert_int_equal(id, entity_hash(2, entity_start(two.start, w->t.boot_offset)));
	/* In the next tick it is another one. */
	two.start += TICK;
	build_rename(tick(w), &two, "x", deliver, w);
	assert_int_equal(w->t.stats.reused_pids, 1);
	check(w);
}

/* Within one tick a parent from /proc can seem younger than its child; a cycle is refused. */
static void test_no_cycles(void **state)
{
	struct world *w = *state;
	uint64_t base = w->now / TICK * TICK;
	struct who a, b;

	snapshot_of(w, 1, base - TICK, 0, 0, MSG_EXEC_PROCFS);
	snapshot_of(w, 2, base, 1, base - TICK, MSG_EXEC_PROCFS);
	snapshot_of(w, 3, base, 2, base, MSG_EXEC_PROCFS);
	assert_ptr_equal(image(w, 3)->parent, image(w, 2));
	a = who_of(get(w, 2));
	a.ppid = 3;
	a.parent_start = base;
	build_rename(tick(w), &a, "x", deliver, w);
	assert_ptr_equal(image(w, 2)->parent, image(w, 1));
	check(w);
	/* Its own parent, or an older one's child: not either. */
	a.ppid = 2;
	build_rename(tick(w), &a, "x", deliver, w);
	b = who_of(get(w, 1));
	b.ppid = 3;
	b.parent_start = base;
	build_rename(tick(w), &b, "x", deliver, w);
	assert_null(image(w, 1)->parent);
	snapshot_of(w, 4, base, 4, base, MSG_EXEC_PROCFS);
	assert_null(image(w, 4)->parent);
	check(w);
}

static void test_lineage(void **state)
{
	struct world *w = *state;
	struct who stranger;

	root(w, 1);
	forks(w, 1, 2);
	forks(w, 2, 3);
	assert_int_equal(lineage_of(w, 1), LINEAGE_OK);
	assert_int_equal(lineage_of(w, 3), LINEAGE_OK);
	/* Of this one nothing is known above. */
	stranger = (struct who){ 9, tick(w), 8, tick(w), "stranger" };
	build_rename(tick(w), &stranger, "x", deliver, w);
	assert_int_not_equal(lineage_of(w, 9), LINEAGE_OK);
	forks(w, 9, 10);
	assert_int_not_equal(lineage_of(w, 10), LINEAGE_OK);
	/* A parent that ended without a reaper that we know: still a line, and not the right one. */
	forks(w, 3, 4);
	exits(w, 3, 0);
	assert_int_equal(lineage_of(w, 4), LINEAGE_OK);
	exits(w, 2, 0);
	exits(w, 1, 0);
	assert_int_equal(lineage_of(w, 4), LINEAGE_OK);
	check(w);
}

static void test_exec_from_a_thread(void **state)
{
	struct world *w = *state;
	struct who who;
	struct wire_exec e;

	root(w, 1);
	forks(w, 1, 2);
	who = who_of(get(w, 2));
	e = exec_of(tick(w), &who, "/bin/t", LIST("t"), MSG_EXEC_EXECVE);
	e.exec.tid = e.ext.task.tid = 77;
	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_name(image(w, 2)->exe, "/bin/t");
	assert_null(table_find(&w->t, 77));
	assert_size(w, 2);
}

/* A thread's name is its own; the process has that of its leader. */
static void test_names(void **state)
{
	struct world *w = *state;
	struct msg_rename m;
	struct who who;

	root(w, 1);
	forks(w, 1, 2);
	who = who_of(get(w, 2));
	who.comm = "before";
	build_rename(tick(w), &who, "after", deliver, w);
	assert_name(image(w, 2)->comm, "after");
	m = (struct msg_rename){ .common.ktime = tick(w), .task = task_of(&who) };
	m.task.tid = 3;
	set_comm(m.task.comm, "thread");
	set_comm(m.new_name, "other");
	wire_encode_rename(&m, deliver, w);
	assert_name(image(w, 2)->comm, "after");
	/* What an exec replaced is in its event, also where the kernel did not say it. */
	execs(w, 2, "/bin/x");
	assert_int_equal(w->ev.prev_comm.len, 5);
	assert_memory_equal(w->ev.prev_comm.bytes, "after", 5);
	check(w);
}

static void test_exit_times(void **state)
{
	struct world *w = *state;
	uint64_t start;

	root(w, 1);
	forks(w, 1, 2);
	start = get(w, 2)->start;
	w->now += 12345678901;
	exits(w, 2, 1);
	assert_int_equal(w->ev.run_time, w->now - start);
	assert_int_equal(w->ev.boot_offset, 1700000000000000000);
}

static void test_unseen_process_ends(void **state)
{
	struct world *w = *state;
	struct who who = { 9, tick(w), 1, 5, "ghost" };

	build_exit(tick(w), &who, 0, 1, 5, deliver, w);
	assert_true(w->shown);
	assert_int_equal(w->t.stats.placeholders, 2); /* and its parent, which goes on */
	assert_int_equal(get(w, 1)->start, 5);
	assert_size(w, 1);
	forget_ended(w);
	assert_int_equal(w->t.stats.images, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_t1_delete),
		TEST(test_t2_dead_parent_stays),
		TEST(test_t3_exec_edge),
		TEST(test_cut_arguments),
		TEST(test_t4_t5_exec_of_an_orphan),
		TEST(test_t6_pid_of_a_dead_parent_again),
		TEST(test_t7_the_image_that_forked),
		TEST(test_t11_exec_of_exec),
		TEST(test_t12_snapshot_then_execs),
		TEST(test_t16_subreaper),
		TEST(test_reaper_from_next_event),
		TEST(test_named_after_its_exit),
		TEST(test_the_id_of_an_old_image),
		TEST(test_ended_of_one_id),
		TEST(test_clone_parent),
		TEST(test_pid_reuse_with_lost_exit),
		TEST(test_pid_reuse_with_lost_fork),
		TEST(test_events_from_before_the_snapshot),
		TEST(test_snapshot_before_the_fork_event),
		TEST(test_snapshot_within_an_exec),
		TEST(test_old_process_with_a_pid_of_the_snapshot),
		TEST(test_children_before_parents),
		TEST(test_fork_of_a_placeholder),
		TEST(test_snapshot_twice),
		TEST(test_start_times_from_proc),
		TEST(test_no_cycles),
		TEST(test_lineage),
		TEST(test_exec_from_a_thread),
		TEST(test_names),
		TEST(test_exit_times),
		TEST(test_unseen_process_ends),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}

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
	assert_ptr_equal(image_parent(forks(w, 3, 4)), three);
	assert_size(w, 2);
	exits(w, 4, 0);
	assert_size(w, 1);
	exits(w, 3, 0);
	assert_size(w, 0);
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
	assert_ptr_equal(image_parent(four), three);
	assert_true(three->process->dead);
	assert_name(three->exe, "/sbin/init");
	exits(w, 4, 0);
	assert_int_equal(w->t.stats.processes, 0);
}

static void test_t3_exec_edge(void **state)
{
	struct world *w = *state;
	struct image *three = root(w, 3), *c = forks(w, 3, 4), *e = execs(w, 4, "/bin/ls");

	assert_ptr_not_equal(e, c);
	assert_ptr_equal(e->previous, c);
	assert_ptr_equal(image_parent(e), three);
	assert_ptr_equal(image_parent(c), three);
	assert_size(w, 2);
	/* What the fork copied and the exec replaced. */
	assert_name(c->exe, "/sbin/init");
	assert_string_equal(c->argv->bytes, "init");
	assert_false(c->is_exec);
	assert_name(e->exe, "/bin/ls");
	assert_name(e->cwd, "/");
	assert_int_equal(e->argv->len, 4);
	assert_memory_equal(e->argv->bytes, "a\0b", 4);
	assert_true(e->is_exec);
	assert_string_equal(e->comm, "ls");
	assert_int_equal(e->ktime, w->now);
	assert_int_equal(c->ktime, c->process->start);
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
	assert_true(image(w, 1)->argv_truncated);
	assert_int_equal(image(w, 1)->argv->len, 5);
	assert_memory_equal(image(w, 1)->argv->bytes, "a\0bc", 5);
	check(w);
}

static void test_t4_t5_exec_of_an_orphan(void **state)
{
	struct world *w = *state;
	struct image *three = root(w, 3), *c = forks(w, 3, 4), *e1, *e2;

	exits(w, 3, 0);
	e1 = execs(w, 4, "/bin/a");
	assert_ptr_equal(e1->previous, c);
	assert_ptr_equal(image_parent(c), three);
	assert_size(w, 1);
	e2 = execs(w, 4, "/bin/b");
	assert_ptr_equal(e2->previous, e1);
	assert_ptr_equal(e1->previous, c);
	assert_ptr_equal(image_parent(e2), three);
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
	assert_ptr_equal(image_parent(d), a2);
	assert_ptr_equal(e->previous, b);
	assert_ptr_equal(image_parent(b), a);
	assert_ptr_not_equal(a, a2);
	assert_size(w, 3);
}

static void test_t7_the_image_that_forked(void **state)
{
	struct world *w = *state;
	struct image *a = root(w, 3), *b = forks(w, 3, 4), *c = forks(w, 4, 5), *e;

	e = execs(w, 4, "/bin/e");
	assert_ptr_equal(image_parent(c), b);
	assert_ptr_equal(e->previous, b);
	assert_ptr_equal(image_parent(e), a);
	/* Events of the child name the same parent; the edge stays at the image that forked. */
	execs(w, 5, "/bin/f");
	assert_ptr_equal(image_parent(image(w, 5)), b);
	check(w);
}

static void test_t11_exec_of_exec(void **state)
{
	struct world *w = *state;

	root(w, 1);
	assert_false(forks(w, 1, 3)->is_exec);
	assert_false(forks(w, 3, 4)->is_exec);
	assert_true(execs(w, 4, "/bin/a")->is_exec);
	assert_false(image(w, 4)->is_exec_exec);
	assert_true(execs(w, 4, "/bin/b")->is_exec_exec);
	assert_true(execs(w, 4, "/bin/c")->is_exec_exec);
	check(w);
}

/* One of the snapshot that has not exec'ed, then two execs. */
static void test_t12_snapshot_then_execs(void **state)
{
	struct world *w = *state;
	struct image *three = root(w, 3);
	struct who four = { 4, tick(w), 3, three->process->start, "four" };
	struct wire_exec e =
		exec_of(tick(w), &four, "/bin/3", LIST("3"), MSG_EXEC_TASK_WALK | MSG_EXEC_NO_EXEC);

	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_false(image(w, 4)->is_exec);
	assert_ptr_equal(image_parent(image(w, 4)), three);
	execs(w, 4, "/bin/a");
	assert_true(image(w, 4)->is_exec);
	assert_false(image(w, 4)->is_exec_exec);
	execs(w, 4, "/bin/b");
	assert_true(image(w, 4)->is_exec_exec);
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
	assert_true(lineage_complete(get(w, 4)));
	exits(w, 3, 2);
	assert_ptr_equal(image_parent(image(w, 4)), grandparent);
	assert_ptr_equal(image_parent(image(w, 5)), grandparent);
	assert_int_equal(get(w, 4)->ppid, 2);
	assert_int_equal(get(w, 4)->parent_start, get(w, 2)->start);
	assert_true(lineage_complete(get(w, 4)));
	assert_int_equal(w->t.stats.processes, 4); /* nothing descends from 3 any more */
	check(w);
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
	assert_int_equal(image_parent(image(w, 4))->process->pid, 3);
	child = who_of(get(w, 4));
	child.ppid = 1;
	child.parent_start = get(w, 1)->start;
	build_rename(tick(w), &child, "new", deliver, w);
	assert_ptr_equal(image_parent(image(w, 4)), image(w, 1));
	assert_int_equal(get(w, 4)->ppid, 1);
	assert_int_equal(w->t.stats.processes, 2);
	check(w);
	/* A parent of which nothing is known but this: nobody else is shown in its place. */
	child.ppid = 77;
	child.parent_start = 5;
	build_rename(tick(w), &child, "new", deliver, w);
	assert_int_equal(image_parent(image(w, 4))->process->pid, 77);
	assert_null(image_parent(image_parent(image(w, 4))));
	assert_false(lineage_complete(get(w, 4)));
	check(w);
}

/*
 * After the exit event of a parent the kernel takes a while until it gives the children away; their
 * events name it until then. It must not come back to life by that.
 */
static void test_named_after_its_exit(void **state)
{
	struct world *w = *state;
	struct who three, four;

	root(w, 1);
	for (int i = 0; i < 1000; i++) {
		forks(w, 1, 3);
		forks(w, 3, 4);
		three = who_of(get(w, 3));
		four = who_of(get(w, 4));
		exits(w, 3, 1);
		assert_int_equal(get(w, 4)->ppid, 1);
		build_rename(tick(w), &four, "new", deliver, w);
		assert_int_equal(get(w, 4)->ppid, 3);
		assert_int_equal(image_parent(image(w, 4))->process->start, three.start);
		assert_null(table_find(&w->t, 3));
		assert_size(w, 2);
		four.ppid = 1;
		four.parent_start = get(w, 1)->start;
		build_rename(tick(w), &four, "new", deliver, w);
		assert_ptr_equal(image_parent(image(w, 4)), image(w, 1));
		exits(w, 4, 1);
		assert_int_equal(w->t.stats.processes, 1);
	}
}

static void test_clone_parent(void **state)
{
	struct world *w = *state;
	struct image *one = root(w, 1);
	struct who by, child;

	forks(w, 1, 3);
	by = who_of(get(w, 3));
	child = (struct who){ 4, tick(w), 1, one->process->start, NULL };
	build_fork(tick(w), &by, &child, deliver, w);
	assert_int_equal(w->ev.process->pid, 3); /* who forked */
	assert_int_equal(w->ev.child->pid, 4);
	assert_ptr_equal(image_parent(image(w, 4)), one); /* whose child it is */
	assert_int_equal(get(w, 4)->ppid, 1);
	check(w);
	exits(w, 3, 1);
	assert_ptr_equal(image_parent(image(w, 4)), one);
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
	assert_ptr_equal(image_parent(grandchild), old); /* not the new one with its pid */
	assert_true(old->process->dead);
	assert_null(get(w, 5)->children);
	exits(w, 5, 1);
	exits(w, 6, 1);
	assert_int_equal(w->t.stats.processes, 1);
	check(w);
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
	assert_ptr_equal(image_parent(image(w, 5)), image(w, 1));
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
	assert_string_equal(image(w, 2)->comm, "snap");
	assert_true(lineage_complete(get(w, 2)));

	/* What comes behind the snapshot counts again. */
	assert_true(snap < tick(w));
	execs(w, 2, "/bin/new");
	assert_name(image(w, 2)->exe, "/bin/new");
	assert_true(image(w, 2)->is_exec_exec);
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
	assert_false(i->is_exec_exec);
	assert_int_equal(w->t.stats.images, 2);
	assert_true(execs(w, 2, "/bin/snap")->is_exec_exec);
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

	/* With its exit lost, the next event of the new one ends it. */
	build_fork(before, &one, &old, deliver, w);
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

	snapshot_of(w, 2, t4, 300, t3, 0);
	snapshot_of(w, 100, t2, 1, t1, 0);
	snapshot_of(w, 300, t3, 100, t2, 0);
	/* Whose parent has ended meanwhile; and another one, whose parent's pid is used again. */
	snapshot_of(w, 400, t4, 299, t3, 0);
	snapshot_of(w, 401, t4, 300, t3 - 1, 0);
	snapshot_of(w, 500, t1, 0, 0, MSG_EXEC_KTHREAD);
	snapshot_of(w, 1, t1, 0, 0, 0);
	assert_false(lineage_complete(get(w, 2)));
	forks(w, 1, 7);
	assert_ptr_equal(image_parent(image(w, 2)), image(w, 300));
	assert_ptr_equal(image_parent(image(w, 300)), image(w, 100));
	assert_ptr_equal(image_parent(image(w, 100)), image(w, 1));
	assert_true(lineage_complete(get(w, 2)));
	assert_int_equal(image_parent(image(w, 400))->process->pid, 299);
	assert_false(lineage_complete(get(w, 400)));
	assert_int_equal(image_parent(image(w, 401))->process->start, t3 - 1);
	assert_int_equal(get(w, 300)->start, t3);
	assert_true(lineage_complete(get(w, 500)));
	assert_true(get(w, 500)->kthread);
	assert_false(image(w, 500)->is_exec);
	assert_size(w, 10);

	/* Their exits are still to come, and say who has the children now. */
	gone.pid = 299;
	gone.start = t3;
	build_exit(tick(w), &gone, 0, 100, t2, deliver, w);
	gone.pid = 300;
	gone.start = t3 - 1;
	build_exit(tick(w), &gone, 0, 1, t1, deliver, w);
	assert_ptr_equal(image_parent(image(w, 400)), image(w, 100));
	assert_true(lineage_complete(get(w, 400)));
	assert_ptr_equal(image_parent(image(w, 401)), image(w, 1));
	assert_int_equal(get(w, 300)->start, t3);
	assert_size(w, 8);
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
	assert_false(lineage_complete(get(w, 3)));
	image_keep(&i->rendered, "as shown", 8);
	image_keep(&i->rendered_self, "as shown", 8);

	build_fork(forked, &one, &two, deliver, w);
	assert_true(w->shown);
	assert_ptr_equal(image(w, 20), i);
	assert_name(i->exe, "/bin/snap");
	assert_null(i->rendered);
	assert_ptr_equal(image_parent(i), image(w, 1));
	assert_true(lineage_complete(get(w, 3)));
	check(w);
	exits(w, 20, 1);
	assert_ptr_equal(image_parent(image(w, 3)), image(w, 1));
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
	assert_ptr_equal(image_parent(image(w, 3)), image(w, 2));
	assert_true(lineage_complete(get(w, 3)));
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
	assert_ptr_equal(image_parent(image(w, 3)), image(w, 2));
	a = who_of(get(w, 2));
	a.ppid = 3;
	a.parent_start = base;
	build_rename(tick(w), &a, "x", deliver, w);
	assert_ptr_equal(image_parent(image(w, 2)), image(w, 1));
	check(w);
	/* Its own parent, or an older one's child: not either. */
	a.ppid = 2;
	build_rename(tick(w), &a, "x", deliver, w);
	b = who_of(get(w, 1));
	b.ppid = 3;
	b.parent_start = base;
	build_rename(tick(w), &b, "x", deliver, w);
	assert_null(image_parent(image(w, 1)));
	snapshot_of(w, 4, base, 4, base, MSG_EXEC_PROCFS);
	assert_null(image_parent(image(w, 4)));
	check(w);
}

static void test_lineage(void **state)
{
	struct world *w = *state;
	struct who stranger;

	root(w, 1);
	forks(w, 1, 2);
	forks(w, 2, 3);
	assert_true(lineage_complete(get(w, 1)));
	assert_true(lineage_complete(get(w, 3)));
	/* Of this one nothing is known above. */
	stranger = (struct who){ 9, tick(w), 8, tick(w), "stranger" };
	build_rename(tick(w), &stranger, "x", deliver, w);
	assert_false(lineage_complete(get(w, 9)));
	forks(w, 9, 10);
	assert_false(lineage_complete(get(w, 10)));
	/* A parent that ended without a reaper that we know: still a line, and not the right one. */
	forks(w, 3, 4);
	exits(w, 3, 0);
	assert_true(lineage_complete(get(w, 4)));
	exits(w, 2, 0);
	exits(w, 1, 0);
	assert_true(lineage_complete(get(w, 4)));
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
	assert_string_equal(image(w, 2)->comm, "after");
	m = (struct msg_rename){ .common.ktime = tick(w), .task = task_of(&who) };
	m.task.tid = 3;
	set_comm(m.task.comm, "thread");
	set_comm(m.new_name, "other");
	wire_encode_rename(&m, deliver, w);
	assert_string_equal(image(w, 2)->comm, "after");
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table: what it holds on to is bounded, what it lets go of is freed, ids are unique.
 */
#include <pthread.h>
#include <time.h>

#include "process/ident.h"
#include "table_world.h"

/* Readers there are none: what was given up is freed, as soon as liburcu has come round to it. */
static void settle(struct world *w)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; i < 10000 && w->t.reclaim.waiting; i++) {
		table_tend(&w->t, w->now);
		nanosleep(&ms, NULL);
	}
	assert_int_equal(w->t.reclaim.waiting, 0);
	assert_int_equal(w->t.reclaim.waiting_bytes, 0);
}

static void test_exec_chain_is_bounded(void **state)
{
	struct world *w = *state;
	struct image *c;

	root(w, 1);
	c = forks(w, 1, 2);
	for (int i = 0; i < 1000; i++) {
		struct image *newest = execs(w, 2, i & 1 ? "/bin/a" : "/bin/b"), *k = newest;

		assert_true(get(w, 2)->n_images <= 34);
		/* Those that came last are all there. */
		for (int n = 0; n < 15 && n <= i; n++, k = k->previous)
			assert_int_equal(k->exe->s[5], (i - n) & 1 ? 'a' : 'b');
		/* And the first, which tells how it began. */
		while (k->previous)
			k = k->previous;
		assert_ptr_equal(k, c);
		check(w);
	}
	assert_in_range(w->t.stats.spliced, 960, 1000);
	assert_int_equal(w->t.stats.images, get(w, 2)->n_images + 1);
	assert_int_equal(w->t.stats.processes, 2);
}

/* What something descends from stays, wherever in the line it is. */
static void test_forks_between_execs(void **state)
{
	struct world *w = *state;
	struct image *forked_by[50];

	root(w, 1);
	forks(w, 1, 2);
	for (uint32_t i = 0; i < 1000; i++) {
		execs(w, 2, i & 1 ? "/bin/a" : "/bin/b");
		if (i % 20 == 7) {
			forked_by[i / 20] = image(w, 2);
			forks(w, 2, 100 + i / 20);
		}
	}
	check(w);
	for (uint32_t i = 0; i < 50; i++) {
		assert_ptr_equal(image(w, 100 + i)->parent, forked_by[i]);
		assert_ptr_equal(image_process(forked_by[i]), get(w, 2));
	}
	assert_in_range(get(w, 2)->n_images, 51 + 15, 2 * (51 + 16));
	for (uint32_t i = 0; i < 50; i++)
		exits(w, 100 + i, 1);
	forget_ended(w);
	for (int i = 0; i < 200; i++)
		execs(w, 2, i & 1 ? "/bin/a" : "/bin/b");
	check(w);
	assert_in_range(get(w, 2)->n_images, 16, 34);
	exits(w, 2, 1);
	forget_ended(w);
	assert_int_equal(w->t.stats.images, 1);
}

/* Who execs the same again and again is one image: nothing of before is pushed out. */
static void test_exec_bomb(void **state)
{
	struct world *w = *state;
	struct wire_exec exec;
	struct image *c, *e;
	struct who who;
	size_t strings;

	root(w, 1);
	c = forks(w, 1, 2);
	e = execs(w, 2, "/bin/a");
	strings = w->t.strings.bytes;
	for (int i = 0; i < 100000; i++)
		assert_ptr_equal(execs(w, 2, "/bin/a"), e);
	assert_int_equal(w->t.strings.bytes, strings);
	assert_ptr_equal(e->previous, c);
	assert_int_equal(e->ktime, w->now);
	assert_int_equal(w->t.stats.equal_execs, 100000);
	assert_int_equal(w->t.stats.execs, 100001);
	/* What differs in anything is another: in credentials, */
	who = who_of(get(w, 2));
	who.uid = 5;
	exec = exec_of(tick(w), &who, "/bin/a", LIST("a\0b"), MSG_EXEC_EXECVE);
	wire_encode_exec(&exec, &w->tmp, deliver, w);
	assert_ptr_equal(image(w, 2)->previous, e);
	/* arguments, */
	exec = exec_of(tick(w), &who, "/bin/a", LIST("a\0c"), MSG_EXEC_EXECVE);
	wire_encode_exec(&exec, &w->tmp, deliver, w);
	/* environment, */
	exec.event.common.ktime = exec.exec.ktime = exec.ext.task.image = tick(w);
	exec.envs = LIST("A=1");
	wire_encode_exec(&exec, &w->tmp, deliver, w);
	/* file. */
	exec.event.common.ktime = exec.exec.ktime = exec.ext.task.image = tick(w);
	exec.ext.exe.ino = 77;
	wire_encode_exec(&exec, &w->tmp, deliver, w);
	assert_int_equal(w->t.stats.equal_execs, 100000);
	assert_int_equal(get(w, 2)->n_images, 6);
	check(w);
	settle(w);
	assert_int_equal(w->t.images.in_use, 7);
	assert_int_equal(w->t.infos.in_use, 6); /* none of the copy that the first exec replaced */
}

struct candidate {
	uint32_t id, pid;
};

static int by_id(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Two processes with the same hash: by the birthday paradox there are some among 400,000. */
static void find_collision(int64_t offset, struct candidate *a, struct candidate *b)
{
	const size_t n = 400000;
	struct candidate *all = xcalloc(n, sizeof(*all));
	size_t i;

	for (i = 0; i < n; i++) {
		all[i].pid = (uint32_t)i + 2;
		all[i].id =
			entity_hash(all[i].pid, entity_start(all[i].pid * ENTITY_FLOOR, offset));
	}
	qsort(all, n, sizeof(*all), by_id);
	for (i = 1; i < n && all[i].id != all[i - 1].id; i++)
		;
	assert_true(i < n);
	*a = all[i - 1];
	*b = all[i];
	free(all);
}

static void test_entity_collision(void **state)
{
	struct world *w = *state;
	struct candidate a, b;
	uint32_t second = 0;

	find_collision(w->t.boot_offset, &a, &b);
	for (int round = 0; round < 2; round++) {
		struct who who_a = { a.pid, a.pid * ENTITY_FLOOR, 0, 0, "a" };
		struct who who_b = { b.pid, b.pid * ENTITY_FLOOR, 0, 0, "b" };

		build_rename(tick(w), &who_a, "a", deliver, w);
		assert_int_equal(w->t.stats.entity_collisions, round);
		build_rename(tick(w), &who_b, "b", deliver, w);
		assert_int_equal(get(w, a.pid)->entity_id, a.id);
		assert_int_not_equal(get(w, b.pid)->entity_id, a.id);
		assert_int_equal(w->t.stats.entity_collisions, round + 1);
		if (round)
			assert_int_equal(get(w, b.pid)->entity_id, second);
		second = get(w, b.pid)->entity_id;
		/* It keeps its id when the one that it collided with is gone. */
		exits(w, a.pid, 0);
		assert_int_equal(get(w, b.pid)->entity_id, second);
		check(w);
		exits(w, b.pid, 0);
		assert_int_equal(table_ended(&w->t, a.pid, who_a.start)->pid, a.pid);
		assert_int_equal(table_ended(&w->t, b.pid, who_b.start)->pid, b.pid);
		forget_ended(w); /* an id that was in use a moment ago is avoided, too */
	}
}

/* Who has ended is held for a while: no longer than that, and no more than so many. */
static void test_a_million_forks(void **state)
{
	struct world *w = *state;
	size_t strings, most = 0;
	struct who parent, child;

	root(w, 1);
	forks(w, 1, 2);
	strings = w->t.strings.count;
	parent = who_of(get(w, 2));
	for (uint32_t i = 0; i < 1000000; i++) {
		child = (struct who){ 100 + i % 30000, w->now += 10000, 2, parent.start, "child" };
		build_fork(w->now += 10000, &parent, &child, deliver, w);
		if (i % 8 == 0) {
			struct wire_exec e = exec_of(w->now += 10000, &child, "/bin/true",
						     LIST("true"), MSG_EXEC_EXECVE);

			wire_encode_exec(&e, &w->tmp, deliver, w);
		}
		build_exit(w->now += 10000, &child, 0, 1, get(w, 1)->start, deliver, w);
		assert_true(w->t.stats.processes <= 2 + TABLE_EXITED_MAX);
		if (i % 1000 == 0)
			table_tend(&w->t, w->now);
		if (table_bytes(&w->t) > most)
			most = table_bytes(&w->t);
	}
	assert_int_equal(w->t.stats.evicted, 1000000 - TABLE_EXITED_MAX);
	assert_in_range(most, 0, 16 << 20);
	check(w);
	forget_ended(w);
	assert_int_equal(w->t.stats.processes, 2);
	assert_int_equal(w->t.stats.images, 2);
	assert_int_equal(w->t.strings.count, strings);
	settle(w);
	assert_int_equal(w->t.images.in_use, 2);
	assert_int_equal(w->t.infos.in_use, 2);
	assert_int_equal(w->t.processes.in_use, 2);
	/* The maps are as large as what is in them asks for, once there is something to add. */
	assert_true(rcumap_bytes(&w->t.pids) <= 64 << 10);
}

/* The same in depth: each forks the next and ends; the reaper takes every one. */
static void test_a_long_line_under_a_reaper(void **state)
{
	struct world *w = *state;

	root(w, 1);
	forks(w, 1, 2);
	for (uint32_t pid = 2; pid < 100000; pid++) {
		forks(w, pid, pid + 1);
		exits(w, pid, 1);
		assert_true(w->t.stats.processes <= 2 + TABLE_EXITED_MAX);
	}
	check(w);
	forget_ended(w);
	assert_int_equal(w->t.stats.processes, 2);
}

#define LINE 200000

/* Each forks the next and ends, and no reaper is known: all of them are held by the last. */
static void *free_long_line(void *user)
{
	struct world *w = user;

	exits(w, LINE + 2, 0);
	w->now += (TABLE_EXITED_SECONDS + 1) * NS_PER_SEC;
	table_tend(&w->t, w->now);
	return NULL;
}

static void long_line(struct world *w, bool with_execs)
{
	pthread_attr_t attr;
	pthread_t thread;

	root(w, 1);
	forks(w, 1, 2);
	for (uint32_t pid = 2; pid < LINE + 2; pid++) {
		if (with_execs) {
			execs(w, pid, "/bin/a");
			execs(w, pid, "/bin/b");
		}
		forks(w, pid, pid + 1);
		exits(w, pid, 0);
	}
	assert_int_equal(w->t.stats.processes, LINE + 2);
	assert_true(w->t.stats.images >= LINE + 2);
	/* A stack that one frame for each would overflow many times. */
	pthread_attr_init(&attr);
	assert_int_equal(pthread_attr_setstacksize(&attr, 256 * 1024), 0);
	assert_int_equal(pthread_create(&thread, &attr, free_long_line, w), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	assert_int_equal(w->t.stats.processes, 1);
	assert_int_equal(w->t.stats.images, 1);
	check(w);
}

static void test_a_long_line_is_freed(void **state)
{
	long_line(*state, false);
}

static void test_a_long_line_of_execs_is_freed(void **state)
{
	long_line(*state, true);
}

static void execs_with(struct world *w, uint32_t pid, size_t len)
{
	static char args[8000];
	struct who who = who_of(get(w, pid));
	struct wire_exec e;

	memset(args, 'a', len - 1);
	args[len - 1] = '\0';
	memcpy(args, &pid, sizeof(pid)); /* each has its own, with no NUL before the end */
	for (size_t i = 0; i < sizeof(pid); i++)
		args[i] |= 0x40;
	e = exec_of(tick(w), &who, "/bin/long", (str_t){ args, len }, MSG_EXEC_EXECVE);
	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_int_equal(image(w, pid)->info->argv->len, len);
}

/* Over the cap the dead go first, then arguments are cut; who lives stays. */
static void test_memory_cap(void **state)
{
	struct world *w = *state;
	size_t bytes;

	root(w, 1);
	for (uint32_t pid = 2; pid < 202; pid++) {
		forks(w, 1, pid);
		execs_with(w, pid, 8000);
	}
	settle(w);
	bytes = table_bytes(&w->t);
	assert_true(bytes > 200UL * 8000);
	table_tend(&w->t, w->now);
	assert_int_equal(w->t.stats.evicted, 0);
	for (uint32_t pid = 1000; pid < 6000; pid++) {
		forks(w, 1, pid);
		exits(w, pid, 1);
	}
	settle(w);
	assert_int_equal(w->t.n_exited, 5000);
	w->t.memory_cap = bytes;
	for (int turns = 0; turns < 10; turns++)
		table_tend(&w->t, w->now);
	assert_in_range(w->t.stats.evicted, 1000, 5000);
	assert_int_equal(w->t.n_processes, 201);
	assert_int_equal(image(w, 2)->info->argv->len, 8000);
	check(w);
	w->t.memory_cap = bytes / 2 + 300000;
	for (int turns = 0; turns < 10; turns++)
		table_tend(&w->t, w->now);
	assert_int_equal(w->t.n_exited, 0);
	assert_int_equal(w->t.stats.evicted, 5000);
	assert_true(w->t.stats.over_cap > 0);
	assert_int_equal(w->t.n_processes, 201);
	for (uint32_t pid = 2; pid < 202; pid++) {
		const struct args *argv = image(w, pid)->info->argv;

		if (argv->len == 8000)
			continue;
		assert_int_equal(argv->len, 4096);
		assert_int_equal(argv->bytes[4095], 0);
		assert_true(image_is(image(w, pid), IMAGE_ARGV_TRUNCATED));
	}
	check(w);
	settle(w);
	assert_true(w->t.args_bytes < bytes / 2 + 300000); /* pools keep what they had */
}

/* Whatever is in it; that nothing is left is the leak checker's to say. */
static void test_table_free(void **state)
{
	struct world *w = *state;

	root(w, 1);
	for (uint32_t pid = 2; pid < 5000; pid++) {
		forks(w, pid / 2, pid);
		if (pid % 3 == 0)
			execs(w, pid, "/bin/x");
		if (pid % 5 == 0)
			execs(w, pid, "/bin/y");
	}
	for (uint32_t pid = 3; pid < 2000; pid += 7)
		exits(w, pid, pid % 2);
	check(w);
	table_free(&w->t);
	assert_null(w->t.pids.slots);
	table_init(&w->t, 0);
	assert_size(w, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exec_chain_is_bounded),
		TEST(test_forks_between_execs),
		TEST(test_exec_bomb),
		TEST(test_entity_collision),
		TEST(test_a_million_forks),
		TEST(test_a_long_line_under_a_reaper),
		TEST(test_a_long_line_is_freed),
		TEST(test_a_long_line_of_execs_is_freed),
		TEST(test_memory_cap),
		TEST(test_table_free),
	};

	return cmocka_run_group_tests_name("table_memory", tests, NULL, NULL);
}

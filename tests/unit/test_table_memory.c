/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table: what it holds on to is bounded, what it lets go of is freed, ids are unique.
 */
#include <pthread.h>

#include "process/ident.h"
#include "table_world.h"

static void test_exec_chain_is_bounded(void **state)
{
	struct world *w = *state;
	size_t most = 0;

	root(w, 1);
	forks(w, 1, 2);
	for (int i = 0; i < 1000; i++) {
		execs(w, 2, i & 1 ? "/bin/a" : "/bin/b");
		if (w->t.stats.images > most)
			most = w->t.stats.images;
		if (i > 17)
			assert_int_equal(w->t.stats.images, most);
	}
	assert_in_range(most, 10, 20); /* the newest ones, and pid 1 */
	assert_int_equal(w->t.stats.processes, 2);
	check(w);
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
		w->now += NS_PER_SEC; /* an id that was in use a moment ago is avoided, too */
	}
}

static void test_a_million_forks(void **state)
{
	struct world *w = *state;
	size_t buckets = w->t.n_buckets, strings;
	struct who parent, child;

	root(w, 1);
	forks(w, 1, 2);
	strings = w->t.strings.count;
	parent = who_of(get(w, 2));
	for (uint32_t i = 0; i < 1000000; i++) {
		child = (struct who){ 100 + i % 30000, tick(w), 2, parent.start, "child" };
		build_fork(tick(w), &parent, &child, deliver, w);
		if (i % 8 == 0) {
			struct wire_exec e = exec_of(tick(w), &child, "/bin/true", LIST("true"),
						     MSG_EXEC_EXECVE);

			wire_encode_exec(&e, &w->tmp, deliver, w);
		}
		build_exit(tick(w), &child, 0, 1, get(w, 1)->start, deliver, w);
		assert_int_equal(w->t.stats.processes, 2);
	}
	assert_int_equal(w->t.stats.images, 2);
	assert_int_equal(w->t.strings.count, strings);
	assert_int_equal(w->t.n_buckets, buckets);
	check(w);
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
		assert_int_equal(w->t.stats.processes, 2);
	}
	check(w);
}

#define LINE 200000

/* Each forks the next and ends, and no reaper is known: all of them are held by the last. */
static void *free_long_line(void *user)
{
	struct world *w = user;

	exits(w, LINE + 2, 0);
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
	assert_null(w->t.pids);
	table_init(&w->t, 0);
	assert_size(w, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exec_chain_is_bounded),
		TEST(test_entity_collision),
		TEST(test_a_million_forks),
		TEST(test_a_long_line_under_a_reaper),
		TEST(test_a_long_line_is_freed),
		TEST(test_a_long_line_of_execs_is_freed),
		TEST(test_table_free),
	};

	return cmocka_run_group_tests_name("table_memory", tests, NULL, NULL);
}

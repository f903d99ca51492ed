/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of the process table against a list: whatever is added, removed and replaced, under keys
 * that are there several times and keys that fall into each other's way, all of it is found and
 * nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/rcumap.h"
#include "numbers.h"

#define PAIRS_MAX 20000

struct pair {
	uint32_t key;
	void *value;
};

struct world {
	struct reclaim reclaim;
	struct rcumap map;
	/* What is to be in it. Values are addresses that nobody looks behind: 16, 32, 48, ... */
	struct pair pairs[PAIRS_MAX];
	size_t n;
	uintptr_t next_value;
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	reclaim_init(&w->reclaim);
	rcumap_init(&w->map, &w->reclaim);
	w->next_value = 16;
	numbers_begin();
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	reclaim_end(&w->reclaim);
	rcumap_end(&w->map);
	free(w);
	return 0;
}

static void *new_value(struct world *w)
{
	return (void *)(w->next_value += 16);
}

static void add(struct world *w, uint32_t key)
{
	assert_true(w->n < PAIRS_MAX);
	w->pairs[w->n] = (struct pair){ key, new_value(w) };
	rcumap_add(&w->map, key, w->pairs[w->n++].value);
}

static void remove_at(struct world *w, size_t i)
{
	rcumap_remove(&w->map, w->pairs[i].key, w->pairs[i].value);
	w->pairs[i] = w->pairs[--w->n];
}

static void replace_at(struct world *w, size_t i)
{
	void *old = w->pairs[i].value;

	w->pairs[i].value = new_value(w);
	rcumap_replace(&w->map, w->pairs[i].key, old, w->pairs[i].value);
}

static bool has(const struct world *w, uint32_t key, const void *value)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->pairs[i].key == key && w->pairs[i].value == value)
			return true;
	return false;
}

/* A key leads to its values, to each once. */
static void check_key(const struct world *w, uint32_t key)
{
	struct rcumap_walk walk = rcumap_begin(&w->map, key);
	size_t want = 0, found = 0;
	const void *seen[64];
	const void *v;

	for (size_t i = 0; i < w->n; i++)
		want += w->pairs[i].key == key;
	while ((v = rcumap_next(&walk))) {
		assert_true(has(w, key, v));
		assert_true(found < 64);
		for (size_t i = 0; i < found; i++)
			assert_ptr_not_equal(seen[i], v);
		seen[found++] = v;
	}
	assert_int_equal(found, want);
}

/* What it says of itself is so, and it stays loose enough to be quick. */
static void check_slots(const struct world *w)
{
	const struct rcumap_slots *s = w->map.slots;
	size_t used = 0, gone = 0, n = 0;
	const void *v;

	for (size_t i = 0; i <= s->mask; i++) {
		used += s->slot[i].value && s->slot[i].value != RCUMAP_GONE;
		gone += s->slot[i].value == RCUMAP_GONE;
	}
	assert_int_equal(used, w->n);
	assert_int_equal(used, w->map.used);
	assert_int_equal(gone, w->map.gone);
	assert_true((used + gone) * 4 <= (s->mask + 1) * 3);
	rcumap_for_each(&w->map, i, v) n++;
	assert_int_equal(n, w->n);
	assert_int_equal(rcumap_bytes(&w->map), (s->mask + 1) * sizeof(s->slot[0]));
}

static void test_one(void **state)
{
	struct world *w = *state;

	check_key(w, 0);
	add(w, 0);
	add(w, UINT32_MAX);
	check_key(w, 0);
	check_key(w, 1);
	check_key(w, UINT32_MAX);
	replace_at(w, 0);
	check_key(w, 0);
	remove_at(w, 0);
	check_key(w, 0);
	check_key(w, UINT32_MAX);
	remove_at(w, 0);
	check_key(w, UINT32_MAX);
	check_slots(w);
}

/* Keys are taken from so few that each is there several times, or from so many that none is. */
static void random_operations(struct world *w, uint32_t keys, size_t size, int rounds)
{
	for (int round = 0; round < rounds; round++) {
		uint32_t key = (uint32_t)number_below(keys);
		size_t what = number_below(100);

		if (w->n < size / 2 || (what < 45 && w->n < size)) {
			add(w, key);
		} else if (what < 90) {
			size_t i = number_below(w->n);

			key = w->pairs[i].key;
			remove_at(w, i);
		} else {
			size_t i = number_below(w->n);

			key = w->pairs[i].key;
			replace_at(w, i);
		}
		check_key(w, key);
		if (round % 1000 == 0) {
			check_slots(w);
			reclaim_poll(&w->reclaim, true);
		}
	}
	for (size_t i = 0; i < w->n; i++)
		check_key(w, w->pairs[i].key);
	check_slots(w);
}

static void test_random(void **state)
{
	random_operations(*state, 1000000, 500, 50000);
}

static void test_duplicates(void **state)
{
	random_operations(*state, 40, 300, 50000);
}

static uint32_t key_of_slot(const struct world *w, size_t slot)
{
	uint32_t key;

	do
		key = (uint32_t)number_below(UINT32_MAX);
	while ((rcumap_hash(key) & w->map.slots->mask) != slot);
	return key;
}

/* All in one crowd, which goes beyond the end of the slots and on at their beginning. */
static void test_crowd(void **state)
{
	struct world *w = *state;
	size_t last = w->map.slots->mask;
	uint32_t keys[32];

	for (size_t i = 0; i < 32; i++)
		keys[i] = key_of_slot(w, last - i % 4);
	for (int round = 0; round < 20000; round++) {
		size_t k = number_below(32);

		if (w->n < 40 || (w->n < 200 && number_below(2)))
			add(w, keys[k]);
		else
			remove_at(w, number_below(w->n));
		check_key(w, keys[k]);
	}
	assert_int_equal(w->map.slots->mask, last);
	while (w->n) {
		remove_at(w, number_below(w->n));
		check_key(w, keys[number_below(32)]);
	}
	/* Where nothing is left there are no gaps to step over, either. */
	assert_int_equal(w->map.gone, 0);
	check_slots(w);
}

static void test_grows(void **state)
{
	struct world *w = *state;
	size_t most;

	for (uint32_t i = 0; i < PAIRS_MAX; i++)
		add(w, i * 7);
	check_slots(w);
	most = rcumap_bytes(&w->map);
	assert_in_range(most, PAIRS_MAX * sizeof(struct pair), 5 * PAIRS_MAX * sizeof(struct pair));
	assert_true(w->reclaim.waiting_bytes > 0); /* readers may be in the smaller ones */
	for (uint32_t i = 0; i < PAIRS_MAX; i += 501)
		check_key(w, i * 7);
	while (w->n > 10)
		remove_at(w, w->n - 1);
	for (size_t i = 0; i < w->n; i++)
		check_key(w, w->pairs[i].key);
	/* Pids come and go: each takes an empty slot, until gaps are as much in the way as values. */
	for (uint32_t i = 0; i < 50000; i++) {
		add(w, 1000000 + i);
		remove_at(w, w->n - 1);
	}
	check_slots(w);
	assert_true(rcumap_bytes(&w->map) <= most);
	for (uint32_t i = 0; i < 50000; i++) {
		add(w, 1000000 + i);
		remove_at(w, 0);
	}
	check_slots(w);
	assert_int_equal(w->n, 10);
	assert_true(rcumap_bytes(&w->map) <= most);
}

/* Who looks around while the table is made anew goes on in the one where it began. */
static void test_walk_over_a_rebuild(void **state)
{
	struct world *w = *state;
	struct rcumap_walk walk;
	void *values[3];
	size_t n = 0;
	void *v;

	for (int i = 0; i < 3; i++) {
		add(w, 5);
		values[i] = w->pairs[i].value;
	}
	read_begin();
	walk = rcumap_begin(&w->map, 5);
	assert_ptr_equal(rcumap_next(&walk), values[n++]);
	for (uint32_t i = 0; i < 5000; i++)
		add(w, 6 + i);
	reclaim_poll(&w->reclaim, true);
	while ((v = rcumap_next(&walk)))
		assert_ptr_equal(v, values[n++]);
	read_end();
	assert_int_equal(n, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one),	  TEST(test_random), TEST(test_duplicates),
		TEST(test_crowd), TEST(test_grows),  TEST(test_walk_over_a_rebuild),
	};

	return cmocka_run_group_tests_name("rcumap", tests, NULL, NULL);
}

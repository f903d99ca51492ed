/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that readers may still look at: it is not freed while one can, and freed soon after. That
 * nothing is left, and nothing freed too early, is for AddressSanitizer to see as well.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/intern.h"
#include "base/reclaim.h"

static void sleep_ms(long ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

/* Whether all is freed within ten seconds; how long it takes is up to liburcu. */
static bool settles(struct reclaim *r)
{
	for (int i = 0; i < 10000 && r->waiting; i++) {
		reclaim_poll(r, true);
		sleep_ms(1);
	}
	return !r->waiting && !r->waiting_bytes;
}

static void test_freed_in_time(void **state)
{
	struct reclaim r;
	struct pool pool;

	(void)state;
	reclaim_init(&r);
	pool_init(&pool, 32);
	reclaim_poll(&r, true); /* nothing to do */
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 2500; i++) {
			reclaim_add(&r, xmalloc(10), NULL, 10);
			reclaim_add(&r, pool_get(&pool), &pool, 0);
		}
		assert_true(r.waiting > 0);
		assert_true(settles(&r));
		assert_int_equal(pool.in_use, 0);
	}
	reclaim_end(&r);
	pool_end(&pool);
}

/* What was not asked for is not lost at the end. */
static void test_end(void **state)
{
	struct reclaim r;
	struct pool pool;

	(void)state;
	pool_init(&pool, 32);
	for (int n = 0; n < 3500; n += 700) {
		reclaim_init(&r);
		for (int i = 0; i < n; i++)
			reclaim_add(&r, i % 2 ? xmalloc(10) : pool_get(&pool), i % 2 ? NULL : &pool,
				    i % 2 ? 10 : 0);
		assert_int_equal(r.waiting, n);
		assert_int_equal(r.waiting_bytes, n / 2 * 10);
		reclaim_end(&r);
		assert_int_equal(r.waiting, 0);
		assert_int_equal(r.waiting_bytes, 0);
		assert_int_equal(pool.in_use, 0);
	}
	pool_end(&pool);
}

struct reader {
	atomic_int step; /* 1: within a section; 2: it is to leave; 3: it has */
	const char *volatile at;
	bool nested, good;
};

static void *read_it(void *user)
{
	struct reader *r = user;

	read_begin();
	if (r->nested) {
		read_begin();
		read_end();
	}
	atomic_store(&r->step, 1);
	while (atomic_load(&r->step) != 2)
		sleep_ms(1);
	r->good = !strcmp(r->at, "still there");
	read_end();
	atomic_store(&r->step, 3);
	return NULL;
}

/* A reader keeps what was there when its section began, for as long as it likes. */
static void keeps(bool nested)
{
	struct reader reader = { .nested = nested };
	char *at = xstrdup("still there");
	struct reclaim r;
	pthread_t thread;

	reclaim_init(&r);
	reader.at = at;
	assert_int_equal(pthread_create(&thread, NULL, read_it, &reader), 0);
	while (atomic_load(&reader.step) != 1)
		sleep_ms(1);
	reclaim_add(&r, at, NULL, 12);
	for (int i = 0; i < 100; i++) {
		reclaim_poll(&r, true);
		sleep_ms(1);
	}
	assert_int_equal(r.waiting, 1);
	assert_int_equal(r.waiting_bytes, 12);
	atomic_store(&reader.step, 2);
	pthread_join(thread, NULL);
	assert_true(reader.good);
	assert_true(settles(&r));
	reclaim_end(&r);
}

static void test_reader_keeps(void **state)
{
	(void)state;
	keeps(false);
}

/* The end of an inner section is not that of the outer one. */
static void test_nested_section(void **state)
{
	(void)state;
	keeps(true);
}

/* A section that begins afterwards cannot have found it, and is not waited for. */
static void test_later_reader(void **state)
{
	struct reader reader = { 0 };
	struct reclaim r;
	pthread_t thread;

	(void)state;
	reclaim_init(&r);
	for (int i = 0; i < 1000; i++) /* a whole batch: asked for at once */
		reclaim_add(&r, xmalloc(8), NULL, 8);
	sleep_ms(200);
	reader.at = "still there";
	assert_int_equal(pthread_create(&thread, NULL, read_it, &reader), 0);
	while (atomic_load(&reader.step) != 1)
		sleep_ms(1);
	assert_true(settles(&r));
	atomic_store(&reader.step, 2);
	pthread_join(thread, NULL);
	reclaim_end(&r);
}

/* Interned strings that were put: gone for the writer, there for readers. */
static void test_interned(void **state)
{
	struct reclaim r;
	struct intern t;
	struct istr *s;
	char text[16];

	(void)state;
	reclaim_init(&r);
	intern_init(&t, &r);
	s = intern_get(&t, "a string", 8);
	read_begin();
	intern_put(&t, s);
	assert_int_equal(t.count, 0);
	assert_int_equal(t.bytes, 0);
	assert_true(r.waiting_bytes > sizeof(*s));
	reclaim_poll(&r, true);
	sleep_ms(50);
	reclaim_poll(&r, true);
	assert_string_equal(s->s, "a string");
	/* Another with the same text is another. */
	assert_ptr_not_equal(intern_get(&t, "a string", 8), s);
	read_end();
	for (int i = 0; i < 5000; i++)
		intern_put(&t, intern_get(&t, text, (size_t)snprintf(text, 16, "%d", i)));
	assert_int_equal(t.count, 1);
	assert_true(settles(&r));
	reclaim_end(&r);
	intern_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freed_in_time), cmocka_unit_test(test_end),
		cmocka_unit_test(test_reader_keeps),  cmocka_unit_test(test_nested_section),
		cmocka_unit_test(test_later_reader),  cmocka_unit_test(test_interned),
	};

	return cmocka_run_group_tests_name("reclaim", tests, NULL, NULL);
}

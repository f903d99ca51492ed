/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools: objects are zeroed, apart from each other, and used again. Under AddressSanitizer a pool is
 * malloc, and what it counts is still the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "numbers.h"

#define N 10000

static bool is_filled(const unsigned char *p, size_t size, unsigned char with)
{
	for (size_t i = 0; i < size; i++)
		if (p[i] != with)
			return false;
	return true;
}

/* Objects of this size, all in use at once, each with bytes of its own. */
static void check_size(size_t size)
{
	static unsigned char *held[N];
	struct pool p;

	pool_init(&p, size);
	assert_int_equal(p.bytes, 0);
	for (size_t i = 0; i < N; i++) {
		held[i] = pool_get(&p);
		assert_int_equal((uintptr_t)held[i] % 8, 0);
		assert_true(is_filled(held[i], size, 0));
		memset(held[i], (int)(i % 255 + 1), size);
	}
	assert_int_equal(p.in_use, N);
	assert_true(p.bytes >= N * size);
	for (size_t i = 0; i < N; i++)
		assert_true(is_filled(held[i], size, (unsigned char)(i % 255 + 1)));
	for (size_t i = 0; i < N; i++)
		pool_put(&p, held[i]);
	assert_int_equal(p.in_use, 0);
	pool_end(&p);
	assert_int_equal(p.bytes, 0);
}

static void test_sizes(void **state)
{
	(void)state;
	check_size(8);
	check_size(24);
	check_size(72);
	check_size(200);
	check_size(4096);
}

/* What was put back is given again, zeroed, and takes no more memory. */
static void test_used_again(void **state)
{
	static void *held[N];
	struct pool p;
	size_t bytes;

	(void)state;
	pool_init(&p, 40);
	for (size_t i = 0; i < N; i++)
		held[i] = pool_get(&p);
	bytes = p.bytes;
	numbers_begin();
	for (int round = 0; round < 100000; round++) {
		size_t i = number_below(N);

		memset(held[i], 0xaa, 40);
		pool_put(&p, held[i]);
		assert_int_equal(p.in_use, N - 1);
		held[i] = pool_get(&p);
		assert_true(is_filled(held[i], 40, 0));
	}
	assert_int_equal(p.in_use, N);
	assert_int_equal(p.bytes, bytes);
	for (size_t i = 0; i < N; i++)
		pool_put(&p, held[i]);
	pool_end(&p);
}

/* An end is a beginning again. */
static void test_after_the_end(void **state)
{
	struct pool p;

	(void)state;
	pool_init(&p, 16);
	pool_end(&p);
	for (int round = 0; round < 3; round++) {
		void *o = pool_get(&p);

		assert_int_equal(p.in_use, 1);
		pool_put(&p, o);
		pool_end(&p);
		assert_int_equal(p.in_use, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_after_the_end),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}

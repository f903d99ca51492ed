/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cloud credentials of a process: which are kept, how long, and how many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "process/cloud.h"

static bool add(struct cloud *c, const char *key_id, uint64_t expiry)
{
	return cloud_add(c, (str_t){ key_id, strlen(key_id) }, expiry, 0);
}

/* What is valid at that time: the ids, with blanks between them. */
static void assert_valid(struct cloud *c, uint64_t now, const char *want)
{
	const struct cloud_credential *list;
	char got[CLOUD_MAX * (CLOUD_KEY_MAX + 1)] = "";
	size_t n;

	list = cloud_fetch(c, now, &n);
	for (size_t i = 0; i < n; i++) {
		strcat(got, i ? " " : "");
		strcat(got, list[i].key_id);
	}
	assert_string_equal(got, want);
}

static void test_expiry(void **state)
{
	struct cloud c = { 0 };

	(void)state;
	assert_valid(&c, 0, "");
	assert_true(add(&c, "A", 100));
	assert_true(add(&c, "B", 50));
	assert_true(add(&c, "C", 0)); /* not known: it stays */
	assert_true(add(&c, "D", 200));
	assert_valid(&c, 49, "A B C D");
	assert_valid(&c, 50, "A C D");
	/* what has expired is gone, not hidden */
	assert_valid(&c, 0, "A C D");
	assert_int_equal(c.n, 3);
	assert_valid(&c, 199, "C D");
	assert_valid(&c, UINT64_MAX, "C");
	cloud_free(&c);
	assert_null(c.list);
	assert_int_equal(c.n, 0);
}

static void test_all_expired(void **state)
{
	struct cloud c = { 0 };

	(void)state;
	add(&c, "A", 1);
	add(&c, "B", 2);
	assert_valid(&c, 2, "");
	assert_null(c.list); /* a process that has none any more costs nothing */
	assert_true(add(&c, "A", 5));
	assert_valid(&c, 2, "A");
	cloud_free(&c);
}

static void test_known(void **state)
{
	static const str_t token = { "session", 7 }, other = { "sessiom", 7 };
	struct cloud c = { 0 };
	const struct cloud_credential *list;
	size_t n;

	(void)state;
	assert_true(cloud_add(&c, (str_t){ "ASIAXYZ", 7 }, 100, cloud_hash(token)));
	assert_true(add(&c, "ASIAXY", 100)); /* not the beginning of one */
	assert_false(cloud_add(&c, (str_t){ "ASIAXYZ, and more", 7 }, 300, cloud_hash(other)));
	list = cloud_fetch(&c, 200, &n);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].key_id, "ASIAXYZ");
	assert_int_equal(list[0].expiry, 300);
	assert_int_equal(list[0].token_hash, cloud_hash(other));
	assert_true(cloud_hash(token) != cloud_hash(other));
	assert_true(cloud_hash((str_t){ 0 }) != 0);
	cloud_free(&c);
}

static void test_refused(void **state)
{
	char longest[CLOUD_KEY_MAX + 2];
	struct cloud c = { 0 };

	(void)state;
	memset(longest, 'K', sizeof(longest));
	longest[CLOUD_KEY_MAX + 1] = '\0';
	assert_false(add(&c, "", 100));
	assert_false(cloud_add(&c, (str_t){ 0 }, 100, 0));
	assert_false(cloud_add(&c, (str_t){ "A\0B", 3 }, 100, 0));
	assert_false(add(&c, longest, 100));
	assert_int_equal(c.n, 0);
	assert_null(c.list);
	longest[CLOUD_KEY_MAX] = '\0';
	assert_true(add(&c, longest, 100));
	assert_valid(&c, 0, longest);
	cloud_free(&c);
}

static void test_bound(void **state)
{
	char id[16], want[CLOUD_MAX * 16] = "";
	struct cloud c = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "K%d", i);
		assert_true(add(&c, id, 100));
		assert_true(c.n <= CLOUD_MAX);
		if (i < 1000 - CLOUD_MAX)
			continue;
		strcat(want, *want ? " " : "");
		strcat(want, id);
	}
	assert_valid(&c, 1, want);
	cloud_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expiry), cmocka_unit_test(test_all_expired),
		cmocka_unit_test(test_known),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests_name("cloud", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users: which of several, and what malformed lines do (nothing).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "process/users.h"

/* The text exactly as long as it is: a read beyond it is seen. */
static char *init(struct users *u, const char *text, size_t len)
{
	char *copy = memcpy(xmalloc(len), text, len);

	users_init(u, copy, len);
	return copy;
}

static void assert_name(const struct users *u, uint32_t uid, const char *name)
{
	str_t s = users_name(u, uid);

	assert_int_equal(s.len, strlen(name));
	assert_memory_equal(s.bytes, name, s.len);
}

#define WITH(u, text, ...)                                       \
	do {                                                     \
		char *copy = init(&(u), text, sizeof(text) - 1); \
                                                                 \
		__VA_ARGS__                                      \
		users_free(&(u));                                \
		free(copy);                                      \
	} while (0)

static void test_names(void **state)
{
	struct users u;

	(void)state;
	WITH(u, "root:0\nnobody:65534\ndaemon:1\nbob:1000\n", {
		assert_int_equal(u.n, 4);
		assert_name(&u, 0, "root");
		assert_name(&u, 1, "daemon");
		assert_name(&u, 1000, "bob");
		assert_name(&u, 65534, "nobody");
		assert_name(&u, 2, "");
		assert_name(&u, 65535, "");
		assert_name(&u, UINT32_MAX, "");
	});
}

/* As getpwuid(3): the first in the file, wherever sorting puts it. */
static void test_first_of_several(void **state)
{
	struct users u;

	(void)state;
	WITH(u, "z:5\nroot:0\na:5\ntoor:0\nm:5\nzz:0", {
		assert_int_equal(u.n, 6);
		assert_name(&u, 0, "root");
		assert_name(&u, 5, "z");
	});
}

static void test_malformed(void **state)
{
	struct users u;

	(void)state;
	WITH(u,
	     "\n:\n:7\nnouid\nempty:\nsigned:-1\nplus:+1\nblank: 1\nhex:0x10\nlate:1x\nmore:1:2\n"
	     "cr:1\r\nbig:4294967296\nhuge:99999999999999999999999999\nok:4294967295\nzeros:007",
	     {
		     assert_int_equal(u.n, 2);
		     assert_name(&u, UINT32_MAX, "ok");
		     assert_name(&u, 7, "zeros");
		     assert_name(&u, 0, "");
		     assert_name(&u, 1, "");
	     });
}

static void test_empty(void **state)
{
	struct users u;

	(void)state;
	users_init(&u, NULL, 0); /* a system without passwd */
	assert_name(&u, 0, "");
	users_free(&u);
	WITH(u, "", { assert_name(&u, 0, ""); });
	WITH(u, "\n\n\n", { assert_name(&u, 0, ""); });
	WITH(u, ":", { assert_name(&u, 0, ""); });
	WITH(u, "a", { assert_name(&u, 0, ""); });
	WITH(u, "a:0", { assert_name(&u, 0, "a"); });
}

/* The name is whatever stands there; what a terminal must not see is for the output to say. */
static void test_odd_names(void **state)
{
	struct users u;
	str_t s;

	(void)state;
	WITH(u, "a b\x1b[31m\xff:3\nn\0l:4\n", {
		assert_name(&u, 3, "a b\x1b[31m\xff");
		s = users_name(&u, 4);
		assert_int_equal(s.len, 3);
		assert_memory_equal(s.bytes, "n\0l", 3);
	});
}

static void test_many_unsorted(void **state)
{
	struct buf text = { 0 };
	struct users u;
	char name[16];

	(void)state;
	/* each uid once, in a shuffled order (the step has no factor in common with the size) */
	for (uint32_t i = 0; i < 10000; i++)
		buf_printf(&text, "u%u:%u\n", i * 7919 % 10000 * 3, i * 7919 % 10000 * 3);
	users_init(&u, text.data, text.len);
	assert_int_equal(u.n, 10000);
	for (uint32_t uid = 0; uid < 30000; uid++) {
		snprintf(name, sizeof(name), "u%u", uid);
		assert_name(&u, uid, uid % 3 ? "" : name);
	}
	users_free(&u);
	assert_null(u.list);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_first_of_several),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_odd_names), cmocka_unit_test(test_many_unsorted),
	};

	return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}

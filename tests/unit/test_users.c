/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users and groups: which of several, what malformed lines do (nothing), and what of
 * passwd(5) and group(5) becomes of them.
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

typedef void (*reducer)(struct buf *out, const char *text, size_t len, size_t max);

/* The text exactly as long as it is, behind something that must stay. */
static void assert_reduced(reducer reduce, const char *text, size_t len, const char *want)
{
	char *copy = memcpy(xmalloc(len), text, len);
	struct buf b = { 0 };

	buf_str(&b, "kept\n");
	reduce(&b, copy, len, SIZE_MAX);
	assert_int_equal(b.len, 5 + strlen(want));
	assert_memory_equal(b.data, "kept\n", 5);
	assert_memory_equal(b.data + 5, want, strlen(want));
	buf_free(&b);
	free(copy);
}

#define REDUCED(reduce, text, want) assert_reduced(reduce, text, sizeof(text) - 1, want)

static void test_passwd(void **state)
{
	(void)state;
	REDUCED(users_reduce_passwd,
		"root:x:0:0:root:/root:/bin/bash\n"
		"daemon:*:1:1::/usr/sbin:/usr/sbin/nologin\n"
		"# a comment:x:2:2::/:\n"
		"nobody:$6$x/y:65534:65534:a, b:/:\n"
		"\n"
		"short::7:7\n"
		"zeros:x:0010:1:::\n"
		"last:x:4294967295:0:::",
		"root:0\ndaemon:1\nnobody:65534\nshort:7\nzeros:10\nlast:4294967295\n");
	REDUCED(users_reduce_passwd, "", "");
	REDUCED(users_reduce_passwd, "root:x:0:0:\0:/:\n\xff\x1b:x:3:3:::\n",
		"root:0\n\xff\x1b:3\n");
}

static void test_passwd_malformed(void **state)
{
	(void)state;
	REDUCED(users_reduce_passwd,
		":\n:::\n::::::\n:x:1:1:::\nname\nname:x\nname:x:1\nname:x::1:::\nname:x:-1:1:::\n"
		"name:x:+1:1:::\nname:x: 1:1:::\nname:x:0x1:1:::\nname:x:4294967296:1:::\n"
		"+:x:0:0:::\n+bob:x:5:5:::\n-bob::5:5:::\n+@netgroup::::::\n name:x:1x:1:::\n"
		"name:x:99999999999999999999999:1:::\n",
		"");
}

static void test_group(void **state)
{
	struct users u;
	static const char text[] = "root:x:0:\nadm:*:4:syslog,bob\nwheel:x:10\n+:::\nbad:x:x:\n"
				   "nogid:x::\nx:y\nzero:x:0:root";
	struct buf b = { 0 };

	(void)state;
	REDUCED(users_reduce_group, text, "root:0\nadm:4\nwheel:10\nzero:0\n");
	users_reduce_group(&b, text, sizeof(text) - 1, SIZE_MAX);
	users_init(&u, "bob:4\n", 6);
	users_init_groups(&u, b.data, b.len);
	assert_int_equal(u.n, 1);
	assert_int_equal(u.n_groups, 4);
	assert_name(&u, 4, "bob");
	assert_int_equal(users_group(&u, 4).len, 3);
	assert_memory_equal(users_group(&u, 4).bytes, "adm", 3);
	assert_memory_equal(users_group(&u, 0).bytes, "root", 4);
	assert_int_equal(users_group(&u, 5).len, 0);
	users_free(&u);
	assert_null(u.groups);
	assert_int_equal(users_group(&u, 4).len, 0);
	buf_free(&b);
}

/* Whole lines up to the bounds, and nothing beyond. */
static void test_bounds(void **state)
{
	struct buf text = { 0 }, out = { 0 };

	(void)state;
	for (int i = 0; i < USERS_NAME_MAX + 1; i++)
		buf_char(&text, 'n');
	buf_str(&text, ":x:1:1:::\n");
	users_reduce_passwd(&out, text.data, text.len, SIZE_MAX);
	assert_int_equal(out.len, 0);
	users_reduce_passwd(&out, text.data + 1, text.len - 1, SIZE_MAX);
	assert_int_equal(out.len, USERS_NAME_MAX + 3);

	text.len = out.len = 0;
	for (int i = 0; i < USERS_LINES_MAX; i++)
		buf_str(&text, "a:b:1\n");
	buf_str(&text, "late:x:2\n");
	users_reduce_group(&out, text.data, text.len, SIZE_MAX);
	assert_int_equal(out.len, USERS_LINES_MAX * 4);
	out.len = 0;
	users_reduce_group(&out, text.data, text.len, 11);
	assert_int_equal(out.len, 8);

	/* a line across the end of what is read: cut there it would be group 10 */
	text.len = out.len = 0;
	buf_str(&text, "first:x:7:\nlong:x:8:");
	while (text.len < USERS_FILE_MAX - 9)
		buf_char(&text, 'g');
	buf_str(&text, "\ncut:x:1000:\n");
	users_reduce_group(&out, text.data, text.len, SIZE_MAX);
	assert_int_equal(out.len, 15);
	assert_memory_equal(out.data, "first:7\nlong:8\n", 15);
	out.len = 0;
	memset(text.data, 'x', text.len);
	users_reduce_passwd(&out, text.data, text.len, SIZE_MAX);
	assert_int_equal(out.len, 0);
	buf_free(&text);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_first_of_several),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_odd_names), cmocka_unit_test(test_many_unsorted),
		cmocka_unit_test(test_passwd),	  cmocka_unit_test(test_passwd_malformed),
		cmocka_unit_test(test_group),	  cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}

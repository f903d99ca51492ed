/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts and views of arguments and environments: lists whose strings end in NUL, whole or cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/env.h"
#include "process/args.h"

#define LIST(s) ((str_t){ "" s, sizeof(s) })
/* Without the NUL of its last string. */
#define CUT(s) ((str_t){ "" s, sizeof(s) - 1 })

static void assert_str(str_t got, str_t want)
{
	assert_int_equal(got.len, want.len);
	if (want.len)
		assert_memory_equal(got.bytes, want.bytes, want.len);
}

/* Exactly as long as it is: a read beyond it is seen. */
static str_t tight(str_t s)
{
	return (str_t){ memcpy(malloc(s.len ? s.len : 1), s.len ? s.bytes : "", s.len), s.len };
}

static void free_tight(str_t s)
{
	free((char *)s.bytes);
}

static void test_argv0_and_rest(void **state)
{
	static const struct {
		str_t argv, argv0, rest;
	} cases[] = {
		{ LIST("ls\0-l\0/"), CUT("ls"), LIST("-l\0/") },
		{ LIST("ls"), CUT("ls"), { NULL, 0 } },
		{ CUT("ls"), CUT("ls"), { NULL, 0 } },
		{ CUT("ls\0-"), CUT("ls"), CUT("-") },
		{ LIST("\0x"), CUT(""), LIST("x") },
		{ LIST("x\0"), CUT("x"), LIST("") },
		{ LIST(""), CUT(""), { NULL, 0 } },
		{ { NULL, 0 }, CUT(""), { NULL, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		str_t argv = tight(cases[i].argv);

		assert_str(args_argv0(argv), cases[i].argv0);
		assert_str(args_rest(argv), cases[i].rest);
		free_tight(argv);
	}
	assert_str(args_argv0((str_t){ NULL, 0 }), CUT(""));
}

static void test_env_names(void **state)
{
	static const struct {
		str_t env, names;
	} cases[] = {
		{ LIST("A=1\0B=2"), LIST("A\0B") }, { LIST("A="), LIST("A") },
		{ LIST("A=b=c"), LIST("A") },	    { LIST("plain"), LIST("plain") },
		{ LIST("=x"), LIST("") },	    { LIST("A=1\0\0B=2"), LIST("A\0\0B") },
		{ CUT("A=1\0B=2"), LIST("A\0B") },  { CUT("A=1\0B"), LIST("A\0B") },
		{ { "", 0 }, { "", 0 } },	    { { NULL, 0 }, { "", 0 } },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		str_t env = cases[i].env.bytes ? tight(cases[i].env) : cases[i].env;

		b.len = 0;
		env_names(env, &b);
		assert_str((str_t){ b.data, b.len }, cases[i].names);
		if (env.bytes)
			free_tight(env);
	}
	buf_lit(&b, "before");
	env_names(cases[0].env, &b);
	assert_memory_equal(b.data, "beforeA\0B", 10);
	buf_free(&b);
}

static void test_env_cut(void **state)
{
	static const str_t env = LIST("PATH=/bin\0LANG=C\0PATHS=x\0PAT=y\0EMPTY=\0NONE\0LANG=D");
	char *names[] = { "LANG", "PATH", "EMPTY", "NONE" };
	struct env_keys keep = { names, 4 };
	struct buf b = { 0 };

	(void)state;
	env_cut(&b, env.bytes, env.len, &keep);
	assert_str((str_t){ b.data, b.len },
		   LIST("PATH=/bin\0LANG=C\0PATHS\0PAT\0EMPTY=\0NONE\0LANG=D"));
	b.len = keep.n = 0;
	env_cut(&b, env.bytes, env.len, &keep);
	assert_str((str_t){ b.data, b.len }, LIST("PATH\0LANG\0PATHS\0PAT\0EMPTY\0NONE\0LANG"));
	/* the last one of a list that was cut is shown as far as it goes */
	b.len = 0;
	keep.n = 1;
	env_cut(&b, "A=1\0LANG=e", 10, &keep);
	assert_str((str_t){ b.data, b.len }, LIST("A\0LANG=e"));
	buf_free(&b);
}

static void test_env_get(void **state)
{
	str_t env = tight(CUT("A=1\0LONG=a=b\0EMPTY=\0AA=2\0NONE\0A=3\0=x\0LAST=cut"));
	str_t value = { 0 };

	(void)state;
	assert_true(env_get(env, "A", &value));
	assert_str(value, CUT("1"));
	assert_true(env_get(env, "AA", &value));
	assert_str(value, CUT("2"));
	assert_true(env_get(env, "LONG", &value));
	assert_str(value, CUT("a=b"));
	assert_true(env_get(env, "EMPTY", &value));
	assert_str(value, CUT(""));
	assert_true(env_get(env, "LAST", &value));
	assert_str(value, CUT("cut"));
	value = CUT("as it was");
	assert_false(env_get(env, "NONE", &value));
	assert_false(env_get(env, "LON", &value));
	assert_false(env_get(env, "LASTS", &value));
	assert_false(env_get(env, "LAST=cut", &value));
	assert_false(env_get((str_t){ NULL, 0 }, "A", &value));
	assert_str(value, CUT("as it was"));
	free_tight(env);
}

static void test_show_cut(void **state)
{
	static const struct {
		str_t list, shown;
	} cases[] = {
		{ CUT("ls\0-la"), LIST("ls\0-la...") },
		/* cut between two strings */
		{ LIST("ls\0-la"), LIST("ls\0-la...") },
		{ LIST("ls\0"), LIST("ls\0...") },
		{ LIST(""), LIST("...") },
		{ { NULL, 0 }, LIST("...") },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		str_t list = tight(cases[i].list);

		b.len = 0;
		args_show_cut(list, &b);
		assert_str((str_t){ b.data, b.len }, cases[i].shown);
		assert_true(!list.len || !memcmp(list.bytes, cases[i].list.bytes, list.len));
		free_tight(list);
	}
	b.len = 0;
	buf_lit(&b, "before");
	args_show_cut(CUT("x"), &b);
	assert_str((str_t){ b.data, b.len }, LIST("beforex..."));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_argv0_and_rest), cmocka_unit_test(test_env_names),
		cmocka_unit_test(test_env_cut),	       cmocka_unit_test(test_env_get),
		cmocka_unit_test(test_show_cut),
	};

	return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}

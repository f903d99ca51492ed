/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope expressions: what each filter makes of its values, and what is refused with which words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/scope.h"

static void accept(struct scope *s, const char *expr)
{
	struct tsr_error err = { TSR_OK, "untouched" };

	if (scope_parse(s, expr, &err) != TSR_OK)
		fail_msg("'%s' was refused: %s", expr, err.message);
	assert_string_equal(err.message, "untouched");
}

/* The message names the expression and has these words. */
static void refuse(struct scope *s, const char *expr, const char *words)
{
	struct tsr_error err = { TSR_OK, "" };
	uint32_t on = s->on, negated = s->negated;

	if (scope_parse(s, expr, &err) != TSR_ERR_USAGE)
		fail_msg("'%s' was not refused", expr);
	assert_int_equal(err.status, TSR_ERR_USAGE);
	if (!strstr(err.message, words) || !strstr(err.message, expr))
		fail_msg("'%s': the message was: %s", expr, err.message);
	/* it is not half in force */
	assert_int_equal(s->on, on);
	assert_int_equal(s->negated, negated);
	assert_int_equal(scope_parse(s, expr, NULL), TSR_ERR_USAGE);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *name;
		uint32_t bit;
		size_t list, n;
	} filters[] = {
		{ "uid", SCOPE_UID, offsetof(struct scope, uids), offsetof(struct scope, n_uids) },
		{ "pid", SCOPE_PID, offsetof(struct scope, pids), offsetof(struct scope, n_pids) },
		{ "descendants-of", SCOPE_TREE, offsetof(struct scope, roots),
		  offsetof(struct scope, n_roots) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct scope s = { 0 };
		const uint32_t *list = (const void *)((const char *)&s + filters[i].list);
		const size_t *n = (const void *)((const char *)&s + filters[i].n);
		char expr[128];

		snprintf(expr, sizeof(expr), "%s=0,1000,4294967295", filters[i].name);
		accept(&s, expr);
		assert_int_equal(s.on, filters[i].bit);
		assert_int_equal(s.negated, 0);
		assert_int_equal(*n, 3);
		assert_int_equal(list[0], 0);
		assert_int_equal(list[1], 1000);
		assert_int_equal(list[2], UINT32_MAX);

		/* a second expression of the same filter adds alternatives */
		snprintf(expr, sizeof(expr), "%s=7", filters[i].name);
		accept(&s, expr);
		assert_int_equal(*n, 4);
		assert_int_equal(list[3], 7);

		s = (struct scope){ 0 };
		snprintf(expr, sizeof(expr), "%s!=7", filters[i].name);
		accept(&s, expr);
		assert_int_equal(s.on, filters[i].bit);
		assert_int_equal(s.negated, filters[i].bit);
		assert_int_equal(*n, 1);
	}
}

static void test_wrong_numbers(void **state)
{
	static const char *const values[] = {
		"-1",
		"+1",
		"0x10",
		"1x",
		"bob",
		" 1",
		"1 ",
		"4294967296",
		"1.5",
		"1-5",
		"1,-1",
		"1,,2",
		"1,",
		",1",
		",",
		"18446744073709551616",
		"99999999999999999999999999",
	};
	static const char *const names[] = { "uid", "pid", "descendants-of" };
	char expr[128];

	(void)state;
	for (size_t n = 0; n < 3; n++) {
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			struct scope s = { 0 };

			snprintf(expr, sizeof(expr), "%s=%s", names[n], values[i]);
			refuse(&s, expr, "is not a number");
			snprintf(expr, sizeof(expr), "%s!=%s", names[n], values[i]);
			refuse(&s, expr, "is not a number");
		}
	}
}

static void test_comm(void **state)
{
	struct scope s = { 0 };

	(void)state;
	accept(&s, "comm=bash,a b,exactly15chars.,x=y!");
	assert_int_equal(s.on, SCOPE_COMM);
	assert_int_equal(s.n_comms, 4);
	assert_string_equal(s.comms[0].comm, "bash");
	assert_string_equal(s.comms[1].comm, "a b");
	assert_string_equal(s.comms[2].comm, "exactly15chars.");
	assert_string_equal(s.comms[3].comm, "x=y!");
	/* a key of the kernel's map: all of its bytes count */
	for (size_t i = 4; i < TASK_COMM_LEN; i++)
		assert_int_equal(s.comms[0].comm[i], 0);
	refuse(&s, "comm=sixteen.chars.is", "1 to 15 characters, 'sixteen.chars.is' has 16");
	refuse(&s, "comm=", "expected comm=VALUE,... or comm!=VALUE,...");
	refuse(&s, "comm=a,,b", "'' has 0");
	refuse(&s, "comm!=bash", "both comm= and comm!=");
}

static void assert_exe(const struct scope *s, size_t i, const char *path, size_t bytes)
{
	assert_string_equal(s->exes[i].path, path);
	assert_int_equal(s->exes[i].prefixlen, 8 * bytes);
	for (size_t k = strlen(path); k < SCOPE_EXE_LEN; k++)
		assert_int_equal(s->exes[i].path[k], 0);
}

static void test_exe(void **state)
{
	struct scope s = { 0 };

	(void)state;
	/* a whole path is one with its NUL: "/usr/bin/lsof" does not begin with it */
	accept(&s, "exe=/usr/bin/ls,/opt/*,/*,memfd:x,memfd:*,/a*b,/opt/**");
	assert_int_equal(s.on, SCOPE_EXE);
	assert_int_equal(s.n_exes, 7);
	assert_exe(&s, 0, "/usr/bin/ls", 12);
	assert_exe(&s, 1, "/opt/", 5);
	assert_exe(&s, 2, "/", 1);
	assert_exe(&s, 3, "memfd:x", 8);
	assert_exe(&s, 4, "memfd:", 6);
	assert_exe(&s, 5, "/a*b", 5);
	assert_exe(&s, 6, "/opt/*", 6);
	refuse(&s, "exe=ls", "'ls' is not an absolute path");
	refuse(&s, "exe=./ls", "is not an absolute path");
	refuse(&s, "exe=*", "is not an absolute path");
	refuse(&s, "exe=/bin/ls,", "'' is not an absolute path");
	refuse(&s, "exe=memfd", "is not an absolute path");
}

static void test_long_paths(void **state)
{
	char expr[1024], path[512];
	struct scope s = { 0 };

	(void)state;
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[SCOPE_EXE_LEN - 1] = '\0';
	snprintf(expr, sizeof(expr), "exe=%s", path);
	accept(&s, expr);
	assert_exe(&s, 0, path, SCOPE_EXE_LEN);
	snprintf(expr, sizeof(expr), "exe=%s*", path);
	accept(&s, expr);
	assert_exe(&s, 1, path, SCOPE_EXE_LEN - 1);
	snprintf(expr, sizeof(expr), "exe=%sp", path);
	refuse(&s, expr, "the path is longer than 247");
	snprintf(expr, sizeof(expr), "exe=%sp*", path);
	refuse(&s, expr, "the path is longer than 247");
	assert_int_equal(s.n_exes, 2);
}

static void test_several_filters(void **state)
{
	struct scope s = { 0 };

	(void)state;
	accept(&s, "uid!=0,1");
	accept(&s, "comm=bash");
	accept(&s, "descendants-of=1");
	accept(&s, "uid!=2");
	assert_int_equal(s.on, SCOPE_UID | SCOPE_COMM | SCOPE_TREE);
	assert_int_equal(s.negated, SCOPE_UID);
	assert_int_equal(s.n_uids, 3);
	refuse(&s, "uid=3", "both uid= and uid!= are given; use one of them");
	refuse(&s, "descendants-of!=3", "both descendants-of= and descendants-of!=");
	assert_int_equal(s.n_uids, 3);
}

static void test_syntax(void **state)
{
	struct scope s = { 0 };

	(void)state;
	refuse(&s, "", "unknown filter ''; there are uid, pid, comm, exe, descendants-of");
	refuse(&s, "=", "unknown filter ''");
	refuse(&s, "=5", "unknown filter ''");
	refuse(&s, "!=5", "unknown filter ''");
	refuse(&s, "gid=5", "unknown filter 'gid'; there are uid, pid");
	refuse(&s, "UID=5", "unknown filter 'UID'");
	refuse(&s, "ui=5", "unknown filter 'ui'");
	refuse(&s, "uidd=5", "unknown filter 'uidd'");
	refuse(&s, "uid =5", "unknown filter 'uid '");
	refuse(&s, "uid", "expected uid=VALUE,... or uid!=VALUE,...");
	refuse(&s, "uid!", "expected uid=VALUE");
	refuse(&s, "uid=", "expected uid=VALUE");
	refuse(&s, "uid!=", "expected uid=VALUE");
	refuse(&s, "uid!5", "expected uid=VALUE");
	refuse(&s, "uid==5", "'=5' is not a number");
	refuse(&s, "uid!!=5", "expected uid=VALUE");
	assert_int_equal(s.on, 0);
}

static void test_limit(void **state)
{
	static const char *const forms[] = { "uid=", "pid=", "comm=c", "exe=/e",
					     "descendants-of=" };
	struct scope s = { 0 };
	char expr[2048];

	(void)state;
	for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
		for (int i = 0; i < SCOPE_MAX; i++) {
			snprintf(expr, sizeof(expr), "%s%d", forms[f], i);
			accept(&s, expr);
		}
		snprintf(expr, sizeof(expr), "%s%d", forms[f], SCOPE_MAX);
		refuse(&s, expr, "more than 64 values");
	}
	/* and within one expression */
	s = (struct scope){ 0 };
	strcpy(expr, "pid=");
	for (int i = 0; i < SCOPE_MAX; i++)
		sprintf(expr + strlen(expr), "%s%d", i ? "," : "", i);
	accept(&s, expr);
	s = (struct scope){ 0 };
	strcat(expr, ",64");
	refuse(&s, expr, "more than 64 values");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	   cmocka_unit_test(test_wrong_numbers),
		cmocka_unit_test(test_comm),	   cmocka_unit_test(test_exe),
		cmocka_unit_test(test_long_paths), cmocka_unit_test(test_several_filters),
		cmocka_unit_test(test_syntax),	   cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}

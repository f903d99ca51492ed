/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users by mount namespace, and the message that tells them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "process/ns_users.h"
#include "wire/decode.h"
#include "wire/encode.h"

static str_t text(const char *s)
{
	return (str_t){ s, strlen(s) };
}

static void assert_user(const struct ns_users *u, uint32_t ns, uint32_t uid, const char *name)
{
	const struct users *users = ns_users_find(u, ns);
	str_t got;

	assert_non_null(users);
	got = users_name(users, uid);
	assert_int_equal(got.len, strlen(name));
	assert_memory_equal(got.bytes, name, got.len);
}

static void test_each_has_its_own(void **state)
{
	struct ns_users u = { 0 };
	char first[] = "web:1000\n";

	(void)state;
	assert_null(ns_users_find(&u, 7));
	ns_users_set(&u, 7, text(first), text("www:33\n"));
	memset(first, 'x', sizeof(first) - 1); /* it is a copy */
	ns_users_set(&u, 8, text("db:1000\n"), text(""));
	assert_user(&u, 7, 1000, "web");
	assert_user(&u, 8, 1000, "db");
	assert_user(&u, 8, 1001, "");
	assert_int_equal(users_group(ns_users_find(&u, 7), 33).len, 3);
	ns_users_set(&u, 7, text("other:1000\n"), text(""));
	assert_user(&u, 7, 1000, "other");
	assert_int_equal(u.n, 2);
	ns_users_free(&u);
}

/* However many there are, memory does not grow; those told last are there. */
static void test_bounded(void **state)
{
	struct ns_users u = { 0 };

	(void)state;
	for (uint32_t ns = 1; ns <= 10 * NS_USERS_MAX; ns++)
		ns_users_set(&u, ns, text("a:1\n"), text(""));
	assert_int_equal(u.n, NS_USERS_MAX);
	assert_null(ns_users_find(&u, 9 * NS_USERS_MAX));
	for (uint32_t ns = 9 * NS_USERS_MAX + 1; ns <= 10 * NS_USERS_MAX; ns++)
		assert_user(&u, ns, 1, "a");
	ns_users_free(&u);
}

static int decode(void *user, const void *msg, size_t len)
{
	struct tsr_event ev;

	assert_int_equal(wire_decode(msg, len, NULL, &ev), WIRE_NAMES);
	assert_int_equal(ev.ktime, 123);
	ns_users_set(user, ev.names.mnt_ns, ev.names.users, ev.names.groups);
	return 0;
}

static int decode_damaged(void *user, const void *msg, size_t len)
{
	struct msg_names *m = malloc(len);
	struct tsr_event ev;

	(void)user;
	memcpy(m, msg, len);
	m->size_users++;
	assert_int_equal(wire_decode(m, len, NULL, &ev), WIRE_LENGTHS);
	m->size_users = UINT32_MAX;
	m->size_groups = (uint32_t)len;
	assert_int_equal(wire_decode(m, len, NULL, &ev), WIRE_LENGTHS);
	m->common.size = sizeof(*m) - 8;
	assert_int_equal(wire_decode(m, sizeof(*m) - 8, NULL, &ev), WIRE_SHORT);
	free(m);
	return 0;
}

static void test_message(void **state)
{
	struct ev_names names = { 42, text("web:1000\nroot:0\n"), text("www:33\n") };
	struct ns_users u = { 0 };
	struct buf tmp = { 0 };
	char *large = calloc(1, WIRE_NAMES_MAX + 1);

	(void)state;
	assert_int_equal(wire_encode_names(&names, 123, &tmp, decode, &u), 0);
	assert_user(&u, 42, 0, "root");
	assert_int_equal(users_group(ns_users_find(&u, 42), 33).len, 3);
	assert_int_equal(wire_encode_names(&names, 123, &tmp, decode_damaged, &u), 0);
	names.users = (str_t){ large, WIRE_NAMES_MAX + 1 };
	assert_int_equal(wire_encode_names(&names, 123, &tmp, decode, &u), -EMSGSIZE);
	free(large);
	buf_free(&tmp);
	ns_users_free(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_has_its_own),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

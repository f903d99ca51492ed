/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scrubbing: what is masked, what is not, and that no secret of a known form is ever let through.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build_messages.h"
#include "process/scrub.h"

#define MASK "********"

static size_t count_strings(str_t list)
{
	size_t n = 0;

	for (size_t i = 0; i < list.len; i++)
		n += list.bytes[i] == '\0' || i + 1 == list.len;
	return n;
}

/* For messages: NULs as '|'. */
static const char *readable(const char *bytes, size_t len)
{
	static char text[2][4096];
	static unsigned int turn;
	char *s = text[turn++ % 2];

	if (len >= sizeof(text[0]))
		len = sizeof(text[0]) - 1;
	for (size_t i = 0; i < len; i++)
		s[i] = bytes[i] ? bytes[i] : '|';
	s[len] = '\0';
	return s;
}

/* Also what must hold of every list. */
static void check_at(const char *file, int line, str_t in, str_t want)
{
	char *copy = memcpy(malloc(in.len + 1), in.bytes, in.len);
	struct buf out = { 0 }, again = { 0 };

	scrub_list(in, &out);
	if (out.len != want.len || memcmp(out.data, want.bytes, want.len)) {
		print_error("%s\n  became %s\n", readable(in.bytes, in.len),
			    readable(out.data, out.len));
		print_error("  not    %s\n", readable(want.bytes, want.len));
		_fail(file, line);
	}
	if (memcmp(in.bytes, copy, in.len)) {
		print_error("the list itself was changed\n");
		_fail(file, line);
	}
	if (!scrub_suspect(in) && (out.len != in.len || memcmp(out.data, in.bytes, in.len))) {
		print_error("%s: changed, though not suspect\n", readable(in.bytes, in.len));
		_fail(file, line);
	}
	if (count_strings((str_t){ out.data, out.len }) != count_strings(in)) {
		print_error("%s: another number of strings\n", readable(in.bytes, in.len));
		_fail(file, line);
	}
	scrub_list((str_t){ out.data, out.len }, &again);
	if (again.len != out.len || memcmp(again.data, out.data, out.len)) {
		print_error("%s\n  scrubbed again is %s\n", readable(out.data, out.len),
			    readable(again.data, again.len));
		_fail(file, line);
	}
	buf_free(&out);
	buf_free(&again);
	free(copy);
}

#define check(in, want) check_at(__FILE__, __LINE__, LIST(in), LIST(want))
#define check_same(in)	check(in, in)

/* Scenario S1 of the specification. */
static void test_scenario(void **state)
{
	(void)state;
	check("cmd --secret 123 --token 123 --jwt abc",
	      "cmd --secret ******** --token ******** --jwt ********");
	check("cmd\0--secret\000123\0--token\000123\0--jwt\0abc",
	      "cmd\0--secret\0********\0--token\0********\0--jwt\0********");
}

static void test_every_word(void **state)
{
	static const char *const words[] = { "password",    "passwd",  "mysql_pwd",  "access_token",
					     "auth_token",  "api_key", "apikey",     "secret",
					     "credentials", "token",   "stripetoken" };
	char in[128], want[128];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (int form = 0; form < 8; form++) {
			const char *before = form & 1 ? "my-" : "", *behind = form & 2 ? "-2" : "";
			const char *sep = form & 4 ? "=" : " ";

			snprintf(in, sizeof(in), "cmd --%s%s%s%sv4lue end", before, words[i],
				 behind, sep);
			snprintf(want, sizeof(want), "cmd --%s%s%s%s" MASK " end", before, words[i],
				 behind, sep);
			check_at(__FILE__, __LINE__, (str_t){ in, strlen(in) + 1 },
				 (str_t){ want, strlen(want) + 1 });
		}
	}
}

static void test_jwt(void **state)
{
	(void)state;
	check("cmd\0--jwt=abc", "cmd\0--jwt=********");
	check("cmd\0--JWT\0abc\0def", "cmd\0--JWT\0********\0def");
	check("cmd \"--jwt\" abc", "cmd \"--jwt\" ********");
	/* the word alone, or as part of another, is too common */
	check_same("cmd jwt abc");
	check_same("cmd\0-jwt\0abc");
	check_same("cmd --jwt-issuer me");
	check_same("cmd jwt=abc");
}

static void test_separators(void **state)
{
	(void)state;
	check("c --password=abc d", "c --password=******** d");
	check("c password:abc d", "c password:******** d");
	check("c password: abc d", "c password: ******** d");
	check("c password = abc d", "c password = ******** d");
	check("c password : abc d", "c password : ******** d");
	check("c password= abc d", "c password= ******** d");
	check("c -password \t abc d", "c -password \t ******** d");
	check("c password\nabc\nd", "c password\n********\nd");
	check("c\0password\0=\0abc\0d", "c\0password\0=\0********\0d");
	check("c\0Password:\0abc\0d", "c\0Password:\0********\0d");
	check("c\0--password\0=abc\0d", "c\0--password\0********\0d");
	/* an empty value is one: the next string is not in its place */
	check("c\0--password=\0d", "c\0--password=\0d");
	check("c\0--password\0\0d", "c\0--password\0\0d");
	check("c --password", "c --password");
	check("c\0--password", "c\0--password");
	check("c\0--password \0a b", "c\0--password \0********");
}

static void test_case(void **state)
{
	(void)state;
	check("c\0--PassWord\0x", "c\0--PassWord\0********");
	check("c\0DB_PASSWORD=x", "c\0DB_PASSWORD=********");
	check("c -H X-API_KEY:x", "c -H X-API_KEY:********");
	/* '@' and '`', '[' and '{' differ in the same bit as 'A' and 'a': letters only */
	check_same("c MYSQL\x7fPWD x api\x7fkey x");
}

static void test_quotes(void **state)
{
	(void)state;
	check("c --password \"a b\" d", "c --password ******** d");
	check("c --password='a b' d", "c --password=******** d");
	check("c --password='a'\"b c\"d e", "c --password=******** e");
	check("c --password=a\"b c\" d", "c --password=******** d");
	check("c --password \"a\\\" b\" d", "c --password ******** d");
	check("c --password a\\ b d", "c --password ******** d");
	check("c --password '\\' d", "c --password ******** d");
	/* a quote that does not end: all the rest, rather than too little */
	check("c --password 'a b d", "c --password ********");
	check("c --password \"a b\\\"", "c --password ********");
	check("c --password a\\", "c --password ********");
	/* quotes around the key, or around both */
	check("c \"--password\" a b", "c \"--password\" ******** b");
	check("c '--password'=a b", "c '--password'=******** b");
	check("curl -H 'X-Auth-Token: a b' http://h/",
	      "curl -H 'X-Auth-Token: ********' http://h/");
	check("c \"password=a b\" d", "c \"password=********\" d");
	check("c \"password=a b\"'c d'e f", "c \"password=********\" f");
	check("c {\"password\": \"a b\"} d", "c {\"password\": ******** d");
	check("c\0\"password\": \"a b\", \"c\": 1", "c\0\"password\": ********");
}

static void test_strings_of_their_own(void **state)
{
	(void)state;
	check("c\0--password\0a b c\0d", "c\0--password\0********\0d");
	check("c\0--password\0--x y\0d", "c\0--password\0********\0d");
	check("c\0--password=correct horse\0d", "c\0--password=********\0d");
	check("c\0-H\0X-Auth-Token: Bearer abc\0d", "c\0-H\0X-Auth-Token: ********\0d");
	check("c\0TOKEN=a b\0d e", "c\0TOKEN=********\0d e");
	check("c\0--password\0'a\0b'", "c\0--password\0********\0b'");
}

/* An option that looks like a key in the place of a value: what it is can't be told. */
static void test_key_as_value(void **state)
{
	(void)state;
	check("c\0--password-stdin\0--token\0abc\0d", "c\0--password-stdin\0********\0********\0d");
	check("c --password-stdin --token abc d", "c --password-stdin ******** ******** d");
	check("c --password-stdin --token=abc d", "c --password-stdin ******** d");
	check("c\0--password\0--verbose\0d", "c\0--password\0********\0d");
	check("c\0--password\0token\0d", "c\0--password\0********\0d");
}

static void test_environment(void **state)
{
	(void)state;
	check("AWS_SECRET_ACCESS_KEY=a b=c\0HOME=/root",
	      "AWS_SECRET_ACCESS_KEY=********\0HOME=/root");
	check("HOME=/root\0MYSQL_PWD=x\0TOKEN=\0A=b",
	      "HOME=/root\0MYSQL_PWD=********\0TOKEN=\0A=b");
	check("GITHUB_TOKEN=--secret\0A=b", "GITHUB_TOKEN=********\0A=b");
}

static void test_not_a_key(void **state)
{
	(void)state;
	check_same("cat /etc/passwd /etc/group");
	check_same("cat\0/etc/passwd\0/etc/group");
	check_same("cat ../passwd/x y");
	check_same("cat passwd/x y");
	check_same("/usr/bin/passwd\0root");
	check_same("passwd\0root");
	check_same("passwd root");
	check_same("echo $PASSWORD x");
	check_same("echo $TOKEN\0x");
	check_same("echo my$TOKEN x");
	check_same("ls\0-l\0--pass\0word\0tok\0en\0a");
	check_same("curl http://h/?token=1 x"); /* a key follows a blank or dashes */
	check_same("");
	check_same("\0\0");
	/* but who calls argv[0] NAME=value hides nothing by it */
	check("password=abc\0d", "password=********\0d");
	check("--token\0abc\0d", "--token\0********\0d");
	/* and behind argv[0] the word is a key */
	check("sudo\0passwd\0root", "sudo\0passwd\0********");
}

static void test_no_nul_at_the_end(void **state)
{
	static const str_t cut[] = {
		{ "c\0--password\0abc", 16 }, { "c\0--password\0abc", 13 },
		{ "c\0--password\0abc", 12 }, { "c\0--password\0abc", 11 },
		{ "c\0--password=a b", 16 },
	};
	static const str_t want[] = {
		{ "c\0--password\0********", 22 }, { "c\0--password", 13 },
		{ "c\0--password", 13 },	   { "c\0--passwor", 12 },
		{ "c\0--password=********", 22 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		/* exactly as long as it is: a read beyond it is seen */
		char *bytes = memcpy(malloc(cut[i].len), cut[i].bytes, cut[i].len);
		struct buf out = { 0 };

		scrub_list((str_t){ bytes, cut[i].len }, &out);
		assert_int_equal(out.len, want[i].len);
		assert_memory_equal(out.data, want[i].bytes, want[i].len);
		buf_free(&out);
		free(bytes);
	}
	assert_false(scrub_suspect((str_t){ NULL, 0 }));
	assert_false(scrub_suspect((str_t){ "token", 4 }));
	assert_true(scrub_suspect((str_t){ "token", 5 }));
}

static void test_appends(void **state)
{
	struct buf out = { 0 };

	(void)state;
	buf_lit(&out, "before");
	scrub_list(LIST("c\0--token\0a"), &out);
	assert_int_equal(out.len, 6 + sizeof("c\0--token\0********"));
	assert_memory_equal(out.data, "beforec\0--token\0********", out.len);
	buf_free(&out);
}

/* Lists made of known forms and random secrets; the same in every run. */
struct maker {
	uint64_t seed;
	struct buf in, want;
};

static uint32_t roll(struct maker *m, uint32_t n)
{
	m->seed = m->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(m->seed >> 33) % n;
}

static void both(struct maker *m, const char *s)
{
	buf_str(&m->in, s);
	buf_str(&m->want, s);
}

static const char *pick(struct maker *m, const char *const *list, size_t n)
{
	return list[roll(m, (uint32_t)n)];
}

#define PICK(m, list) pick(m, list, sizeof(list) / sizeof((list)[0]))

/* Every part of a secret has a '#' in front, which nothing else has. */
static void put_secret(struct maker *m, const char *quote, bool blanks)
{
	uint32_t parts = blanks ? 1 + roll(m, 3) : 1;

	buf_str(&m->in, quote);
	for (uint32_t p = 0; p < parts; p++) {
		if (p)
			buf_char(&m->in, ' ');
		buf_char(&m->in, '#');
		for (uint32_t n = 1 + roll(m, 12); n; n--)
			buf_char(&m->in, "abcXYZ019-_=:/$+.,token"[roll(m, 23)]);
	}
	buf_str(&m->in, quote);
}

static void put_key(struct maker *m)
{
	static const char *const words[] = { "password",    "passwd",  "mysql_pwd", "access_token",
					     "auth_token",  "api_key", "apikey",    "secret",
					     "credentials", "token" };
	static const char *const before[] = { "", "", "my-", "X-", "db_", "PG" };
	static const char *const behind[] = { "", "", "s", "-file", "_2" };
	char key[64];

	snprintf(key, sizeof(key), "%s%s%s", PICK(m, before), PICK(m, words), PICK(m, behind));
	if (roll(m, 3) == 0)
		for (char *c = key; *c; c++)
			*c = (char)(roll(m, 2) ? toupper((unsigned char)*c) : *c);
	both(m, key);
}

static void put_harmless(struct maker *m)
{
	static const char *const words[] = {
		"-v",	"/etc/passwd", "--user=bob", "x:y", "--jwt-x", "$TOKEN",
		"a'b'", "--",	       "-",	     "key", "=",       "\xc3\xa4\xff"
	};

	both(m, PICK(m, words));
}

static void put_dashes(struct maker *m)
{
	static const char *const dashes[] = { "", "-", "--" };

	both(m, PICK(m, dashes));
}

static void end_string(struct maker *m)
{
	buf_char(&m->in, '\0');
	buf_char(&m->want, '\0');
}

static void mask(struct maker *m)
{
	buf_lit(&m->want, MASK);
}

/* A string, or two, of a list that was split. */
static void put_split(struct maker *m)
{
	static const char *const separators[] = { "=", ":", ": " };

	switch (roll(m, 4)) {
	case 0:
		put_harmless(m);
		break;
	case 1:
		put_dashes(m);
		put_key(m);
		end_string(m);
		put_secret(m, roll(m, 2) ? "" : "\"", true);
		mask(m);
		break;
	case 2:
		put_dashes(m);
		put_key(m);
		both(m, PICK(m, separators));
		put_secret(m, roll(m, 2) ? "" : "'", true);
		mask(m);
		break;
	case 3:
		both(m, "--jwt");
		end_string(m);
		put_secret(m, "", true);
		mask(m);
		break;
	}
	end_string(m);
}

/* The same within a longer string, as of `sh -c`. */
static void put_joined(struct maker *m)
{
	static const char *const separators[] = { " ", "\t ", "=", ":", ": ", " = " };
	static const char *const quotes[] = { "'", "\"" };
	const char *quote = PICK(m, quotes);

	both(m, "run");
	for (uint32_t n = roll(m, 5); n; n--) {
		both(m, " ");
		switch (roll(m, 4)) {
		case 0:
			put_harmless(m);
			continue;
		case 1:
			put_dashes(m);
			put_key(m);
			both(m, PICK(m, separators));
			put_secret(m, "", false);
			break;
		case 2:
			put_dashes(m);
			put_key(m);
			both(m, PICK(m, separators));
			put_secret(m, quote, true);
			break;
		case 3: /* quotes around both */
			both(m, quote);
			put_key(m);
			both(m, ": ");
			put_secret(m, "", true);
			mask(m);
			both(m, quote);
			continue;
		}
		mask(m);
	}
	end_string(m);
}

static void test_no_secret_gets_through(void **state)
{
	struct maker m = { .seed = 20261121 };

	(void)state;
	for (int round = 0; round < 20000; round++) {
		m.in.len = m.want.len = 0;
		both(&m, "sh");
		end_string(&m);
		for (uint32_t n = roll(&m, 6); n; n--) {
			if (roll(&m, 3))
				put_split(&m);
			else
				put_joined(&m);
		}
		/* which also says that what is none is left as it is */
		check_at(__FILE__, __LINE__, (str_t){ m.in.data, m.in.len },
			 (str_t){ m.want.data, m.want.len });
		assert_null(memchr(m.want.data, '#', m.want.len));
	}
	buf_free(&m.in);
	buf_free(&m.want);
}

/* Any bytes at all: bounded, and nothing that is not suspect changes. */
static void test_any_bytes(void **state)
{
	static const char *const parts[] = { "token", "--", "-", "=", ":",    " ",  "\"", "'",
					     "\\",    "/",  "$", "a", "\xff", "\n", "jwt" };
	struct maker m = { .seed = 7 };

	(void)state;
	for (int round = 0; round < 50000; round++) {
		struct buf out = { 0 };

		m.in.len = 0;
		for (uint32_t n = roll(&m, 24); n; n--) {
			if (roll(&m, 6) == 0)
				buf_char(&m.in, '\0');
			else
				buf_str(&m.in, PICK(&m, parts));
		}
		scrub_list((str_t){ m.in.data, m.in.len }, &out);
		/* at worst each pair of a key's end and a one-byte value becomes a mask */
		assert_true(out.len <= m.in.len * 8 + 1);
		if (m.in.len)
			check_at(__FILE__, __LINE__, (str_t){ out.data, out.len },
				 (str_t){ out.data, out.len });
		buf_free(&out);
	}
	buf_free(&m.in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenario),
		cmocka_unit_test(test_every_word),
		cmocka_unit_test(test_jwt),
		cmocka_unit_test(test_separators),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_strings_of_their_own),
		cmocka_unit_test(test_key_as_value),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_not_a_key),
		cmocka_unit_test(test_no_nul_at_the_end),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_no_secret_gets_through),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests_name("scrub", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of arguments with secrets in every known form, and what a scrubber has to make of them: from
 * random numbers, the same in every run, or from bytes that a fuzzer chose.
 *
 * Every part of a secret begins with a '#', and nothing else has one: it must not show. And what has
 * no secret has to come out as it is.
 */
#ifndef TSR_TESTS_SECRET_COMMANDS_H
#define TSR_TESTS_SECRET_COMMANDS_H

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/scrub.h"

#define MASK	   "********"
#define REGEX_MASK "*****"

struct maker {
	uint64_t seed;
	const uint8_t *bytes, *bytes_end; /* in place of the seed; at their end all are 0 */
	bool user;			  /* also what user_rules() masks */
	bool joined;			  /* a blank ends a value that is not quoted */
	struct buf in, want;
};

static inline uint32_t roll(struct maker *m, uint32_t n)
{
	if (m->bytes)
		return m->bytes < m->bytes_end ? *m->bytes++ % n : 0;
	m->seed = m->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(m->seed >> 33) % n;
}

static inline const char *pick(struct maker *m, const char *const *list, size_t n)
{
	return list[roll(m, (uint32_t)n)];
}

#define PICK(m, list) pick(m, list, sizeof(list) / sizeof((list)[0]))

/* What a user may add; the commands have keys for each of the words. */
static inline void user_rules(struct scrubber *s)
{
	static const char *const words[] = {
		"pin", "sess*", "*Phrase", "*bearer*", "-k", "--auth"
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (scrub_add_word(s, words[i], NULL))
			abort();
}

static inline void user_regex(struct scrubber *s)
{
	if (scrub_add_regex(s, "ZQ[0-9]+", NULL) || scrub_add_regex(s, "(?<=QZ)[a-z]+z", NULL))
		abort();
}

static inline void both(struct maker *m, const char *s)
{
	buf_str(&m->in, s);
	buf_str(&m->want, s);
}

static inline void mask(struct maker *m)
{
	buf_lit(&m->want, MASK);
}

static inline void end_string(struct maker *m)
{
	buf_char(&m->in, '\0');
	buf_char(&m->want, '\0');
}

/* The letters are what it may hold besides; blanks: several parts. */
static inline void put_secret(struct maker *m, const char *quote, bool blanks, const char *letters)
{
	uint32_t parts = blanks ? 1 + roll(m, 3) : 1;

	buf_str(&m->in, quote);
	for (uint32_t p = 0; p < parts; p++) {
		if (p)
			buf_char(&m->in, ' ');
		buf_char(&m->in, '#');
		for (uint32_t n = 1 + roll(m, 12); n; n--)
			buf_char(&m->in, letters[roll(m, (uint32_t)strlen(letters))]);
	}
	buf_str(&m->in, quote);
}

#define LETTERS	     "abcXYZ019-_=:/$+.token"
#define LETTERS_MORE LETTERS ",;&?"

static inline void put_cased(struct maker *m, const char *before, const char *word,
			     const char *behind)
{
	char key[64];

	snprintf(key, sizeof(key), "%s%s%s", before, word, behind);
	if (roll(m, 3) == 0)
		for (char *c = key; *c; c++)
			*c = (char)(roll(m, 2) ? toupper((unsigned char)*c) : *c);
	both(m, key);
}

/* With dashes that it may have, or must. */
static inline void put_key(struct maker *m, bool dashes)
{
	static const char *const words[] = { "password",    "passwd",  "mysql_pwd",  "access_token",
					     "auth_token",  "api_key", "apikey",     "secret",
					     "credentials", "token",   "stripetoken" };
	static const char *const before[] = { "", "", "my-", "X-", "db_", "PG", "\xc3\xa4" };
	static const char *const behind[] = { "", "", "s", "-file", "_2" };
	static const char *const some[] = { "", "-", "--" };

	if (dashes && roll(m, 6) == 0) {
		put_cased(m, "--", "jwt", "");
		return;
	}
	if (dashes && m->user && roll(m, 4) == 0) {
		put_cased(m, "", roll(m, 2) ? "-k" : "--auth", "");
		return;
	}
	if (dashes)
		both(m, PICK(m, some));
	switch (m->user ? roll(m, 8) : 0) {
	case 4:
		put_cased(m, "", "pin", "");
		break;
	case 5:
		put_cased(m, "", "sess", PICK(m, behind));
		break;
	case 6:
		put_cased(m, PICK(m, before), "phrase", "");
		break;
	case 7:
		put_cased(m, PICK(m, before), "bearer", PICK(m, behind));
		break;
	default:
		put_cased(m, PICK(m, before), PICK(m, words), PICK(m, behind));
	}
}

/* A word without a secret; nothing in it can be taken for the value of one. */
static inline void put_harmless(struct maker *m)
{
	static const char *const words[] = {
		"-v",	       "/etc/passwd",  "--user=bob", "x:y",   "--jwt-x",
		"$TOKEN",      "a'b'",	       "--",	     "-",     "key",
		"=",	       "\xc3\xa4\xff", "-pinx",	     "--kk",  "xsess",
		"phrases",     "--auths=1",    "--k",	     "a=>b",  "x,y;z&a",
		"-o=a=1,b=2",  "${TOKEN:-x}",  "-auth",	     "{a:1}", "/x/token:/y/passwd:ro",
		"http://h/?a", "jwt=1",	       "(x)",	     "k=v",   "pins",
	};
	static const char *const masked[][2] = {
		{ "aZQ12b", "a" REGEX_MASK "b" },
		{ "ZQ1ZQ2", REGEX_MASK REGEX_MASK },
		{ "k=QZabz,", "k=QZ" REGEX_MASK "," },
		{ "--ZQ9=ZQ", "--" REGEX_MASK "=ZQ" },
	};
	uint32_t n = roll(m, m->user ? 12 : 8);

	if (n < 8) {
		both(m, PICK(m, words));
		return;
	}
	buf_str(&m->in, masked[n - 8][0]);
	buf_str(&m->want, masked[n - 8][1]);
}

static inline void put_quoted_secret(struct maker *m, const char *quote, bool blanks)
{
	put_secret(m, quote, blanks, LETTERS_MORE);
	mask(m);
}

/* "http://h/p?a=1&token=...&b=2"; a value has blanks where the string is the URL alone. */
static inline void put_url(struct maker *m, bool blanks)
{
	static const char *const places[] = { "http://h:80/a/b?", "?", "/search?q=1&", "a=1&b&",
					      "https://token.h/secret/x?" };

	both(m, PICK(m, places));
	for (uint32_t n = 1 + roll(m, 4), i = 0; i < n; i++) {
		if (i)
			both(m, "&");
		if (roll(m, 2)) {
			both(m, roll(m, 2) ? "x=1" : "y");
			continue;
		}
		put_key(m, false);
		both(m, "=");
		if (roll(m, 8) == 0 && i + 1 < n)
			continue; /* no value */
		put_secret(m, "", blanks, LETTERS ",;?");
		mask(m);
	}
}

/* "a=1,password=...;x", with the same character between all. */
static inline void put_pairs(struct maker *m, bool blanks)
{
	const char *between = roll(m, 2) ? "," : ";", *sep = roll(m, 2) ? "=" : ":";

	both(m, roll(m, 2) ? "a=1" : "rw");
	for (uint32_t n = 1 + roll(m, 4); n; n--) {
		both(m, between);
		if (roll(m, 3) == 0) {
			both(m, roll(m, 2) ? "x=1" : "y");
			continue;
		}
		put_key(m, false);
		both(m, sep);
		if (roll(m, 3) == 0)
			put_secret(m, roll(m, 2) ? "\"" : "'", true, LETTERS_MORE);
		else
			put_secret(m, "", blanks, LETTERS "?&");
		mask(m);
	}
}

static inline void put_json(struct maker *m)
{
	both(m, "{\"a\":1,");
	for (uint32_t n = 1 + roll(m, 3); n; n--) {
		both(m, "\"");
		put_key(m, false);
		both(m, "\":");
		put_secret(m, "\"", true, LETTERS_MORE);
		mask(m);
		both(m, ",");
	}
	both(m, "\"z\":[1,2]}");
}

/* "--env=TOKEN=..." */
static inline void put_nested(struct maker *m)
{
	static const char *const outer[] = { "--env=", "-H:", "a=b=", "--data={", "x=(", "f[" };

	both(m, PICK(m, outer));
	put_key(m, true);
	both(m, roll(m, 2) ? "=" : ":");
}

/* A string, or two, of a list that was split. */
static inline void put_split(struct maker *m)
{
	static const char *const separators[] = { "=", ":", ": ", " = ", ":=" };
	bool quoted = roll(m, 2);

	switch (roll(m, 8)) {
	case 0:
	case 1:
		put_harmless(m);
		break;
	case 2:
		put_key(m, true);
		end_string(m);
		put_quoted_secret(m, quoted ? "\"" : "", true);
		break;
	case 3:
		put_key(m, true);
		both(m, PICK(m, separators));
		put_quoted_secret(m, quoted ? "'" : "", true);
		break;
	case 4:
		put_url(m, true);
		break;
	case 5:
		put_pairs(m, true);
		break;
	case 6:
		put_json(m);
		break;
	case 7:
		put_nested(m);
		put_quoted_secret(m, quoted ? "'" : "", true);
		break;
	}
	end_string(m);
}

static inline void put_joined_word(struct maker *m)
{
	static const char *const separators[] = { " ", "\t ", "=", ":", ": ", " = ", " => ", ":=" };
	static const char *const quotes[] = { "'", "\"" };
	const char *quote = PICK(m, quotes);

	switch (roll(m, 8)) {
	case 0:
	case 1:
		put_harmless(m);
		break;
	case 2:
		put_key(m, true);
		both(m, PICK(m, separators));
		put_quoted_secret(m, "", false);
		break;
	case 3:
		put_key(m, true);
		both(m, PICK(m, separators));
		put_quoted_secret(m, quote, true);
		break;
	case 4: /* quotes around both */
		both(m, quote);
		put_key(m, false);
		both(m, ": ");
		put_quoted_secret(m, "", true);
		both(m, quote);
		break;
	case 5:
		put_url(m, false);
		break;
	case 6: /* in quotes blanks are the value's */
		both(m, quote);
		put_url(m, true);
		both(m, quote);
		break;
	case 7:
		put_nested(m);
		put_quoted_secret(m, roll(m, 2) ? quote : "", false);
		break;
	}
}

/* The same within a longer string, as of `sh -c`. */
static inline void put_joined(struct maker *m)
{
	both(m, "run");
	for (uint32_t n = roll(m, 5); n; n--) {
		both(m, " ");
		if (roll(m, 6))
			put_joined_word(m);
		else
			put_pairs(m, false);
	}
	end_string(m);
}

/* A list in m->in, and how it has to show in m->want. */
static inline void make_command(struct maker *m)
{
	m->in.len = m->want.len = 0;
	both(m, "sh");
	end_string(m);
	for (uint32_t n = roll(m, 6); n; n--) {
		if (roll(m, 3))
			put_split(m);
		else
			put_joined(m);
	}
}

static inline void maker_free(struct maker *m)
{
	buf_free(&m->in);
	buf_free(&m->want);
}

#endif

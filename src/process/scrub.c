/* SPDX-License-Identifier: Apache-2.0 */
#include "process/scrub.h"

#include <ctype.h>

#define MASK "********"

/* reference/process-resolver.md; true: the key may have other letters around the word. */
static const struct {
	const char *word;
	uint8_t len;
	bool inside;
} words[] = {
	{ "password", 8, true },      { "passwd", 6, true },	    { "mysql_pwd", 9, true },
	{ "access_token", 12, true }, { "auth_token", 10, true },   { "api_key", 7, true },
	{ "apikey", 6, true },	      { "secret", 6, true },	    { "credentials", 11, true },
	{ "token", 5, true },	      { "stripetoken", 11, false }, { "jwt", 3, false },
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))

static bool same_word(const char *s, const char *word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((s[i] | ((unsigned char)(s[i] - 'A') < 26 ? 32 : 0)) != word[i])
			return false;
	return true;
}

static bool word_at(const char *s, size_t left)
{
	for (size_t w = 0; w < N_WORDS; w++)
		if (words[w].len <= left && same_word(s, words[w].word, words[w].len))
			return true;
	return false;
}

#define PAIR(a, b) [(a)&31] = 1U << ((b)&31)

/* By first letter, the second letters that any word has: rules out nearly every place at once. */
static const uint32_t pairs[32] = {
	PAIR('p', 'a'),
	PAIR('m', 'y'),
	['a' & 31] = 1U << ('c' & 31) | 1U << ('u' & 31) | 1U << ('p' & 31),
	['s' & 31] = 1U << ('e' & 31) | 1U << ('t' & 31),
	PAIR('c', 'r'),
	PAIR('t', 'o'),
	PAIR('j', 'w'),
};

bool scrub_suspect(str_t list)
{
	for (size_t i = 0; i + 3 <= list.len; i++)
		if (pairs[list.bytes[i] & 31] >> (list.bytes[i + 1] & 31) & 1 &&
		    word_at(list.bytes + i, list.len - i))
			return true;
	return false;
}

static bool is_secret_key(const char *key, size_t len, size_t dashes)
{
	for (size_t w = 0; w < N_WORDS; w++) {
		size_t n = words[w].len;

		if (!words[w].inside) {
			/* "--jwt" only with its dashes: the word alone is too common */
			if (len == n && same_word(key, words[w].word, n) && (dashes == 2 || n > 3))
				return true;
			continue;
		}
		for (size_t i = 0; i + n <= len; i++)
			if (same_word(key + i, words[w].word, n))
				return true;
	}
	return false;
}

static bool is_blank(char c)
{
	return isspace((unsigned char)c);
}

static bool is_separator(char c)
{
	return c == '=' || c == ':';
}

static bool ends_key(char c)
{
	return is_blank(c) || is_separator(c) || c == '/' || c == '$';
}

/* To behind the quote that ends it. */
static size_t quoted_len(const char *s, size_t left, char quote)
{
	for (size_t n = 0; n < left; n++) {
		if (s[n] == quote)
			return n + 1;
		if (s[n] == '\\' && quote == '"')
			n++;
	}
	return left; /* no end in sight: rather too much than too little */
}

/* To the next blank, as a shell reads it. */
static size_t word_len(const char *s, size_t left)
{
	size_t n = 0;

	while (n < left && !is_blank(s[n])) {
		char c = s[n++];

		if (c == '"' || c == '\'')
			n += quoted_len(s + n, left - n, c);
		else if (c == '\\')
			n++;
	}
	return n < left ? n : left;
}

struct key {
	size_t value;  /* where its value begins, the end if there is none */
	char ended_by; /* 0: the end */
	char quote;    /* that was opened before the key and is still open, or 0 */
	bool dashed;
};

static bool parse_key(const char *s, size_t len, struct key *k)
{
	char quote = *s == '"' || *s == '\'' ? *s : 0;
	size_t at = quote ? 1 : 0, dashes = 0, begin;

	while (dashes < 2 && at < len && s[at] == '-') {
		dashes++;
		at++;
	}
	begin = at;
	while (at < len && !ends_key(s[at]) && !(quote && s[at] == quote))
		at++;
	if (!is_secret_key(s + begin, at - begin, dashes))
		return false;
	if (quote && at < len && s[at] == quote) {
		quote = 0;
		at++;
	}
	*k = (struct key){ .quote = quote, .dashed = dashes };
	if (at < len) {
		k->ended_by = s[at];
		if (is_separator(s[at]))
			at++;
		else if (!is_blank(s[at]))
			return false;
	}
	while (at < len && is_blank(s[at]))
		at++;
	k->value = at;
	return true;
}

/* "--password --token abc": be --token a value or a key, abc must not show. */
static bool asks_for_value(const char *s, size_t len)
{
	struct key k;

	return len && *s == '-' && parse_key(s, len, &k) && k.value == len && k.ended_by != '=';
}

/* One string; pending: it is the value of the one before. Returns whether the next one is. */
static bool scrub_string(const char *s, size_t len, bool first, bool pending, struct buf *out)
{
	size_t i = 0, n;

	if (pending && !(len == 1 && is_separator(*s))) {
		/* a string of its own is a value as a whole, blanks or not */
		if (len)
			buf_lit(out, MASK);
		return asks_for_value(s, len);
	}
	for (; i < len; i += n) {
		bool begins = !i;
		struct key k;

		n = 1;
		if (is_blank(s[i])) {
			buf_char(out, s[i]);
			continue;
		}
		n = word_len(s + i, len - i);
		if (pending) {
			if (n == 1 && is_separator(s[i])) { /* "key = value" */
				buf_char(out, s[i]);
				continue;
			}
			pending = asks_for_value(s + i, n);
			buf_lit(out, MASK);
			continue;
		}
		/* argv[0] is a program, which can be passwd, unless it is a NAME=value */
		if (!parse_key(s + i, len - i, &k) ||
		    (first && begins && !k.dashed && !is_separator(k.ended_by))) {
			for (n = 0; i + n < len && !is_blank(s[i + n]); n++)
				;
			buf_add(out, s + i, n);
			continue;
		}
		n = k.value;
		buf_add(out, s + i, n);
		if (i + n == len)
			return k.ended_by != '='; /* NAME= is the empty value */
		if (begins && is_separator(k.ended_by)) {
			/* a NAME=value of its own, blanks or not */
			buf_lit(out, MASK);
			return false;
		}
		if (!k.quote) {
			pending = true;
			continue;
		}
		i += n;
		n = quoted_len(s + i, len - i, k.quote);
		buf_lit(out, MASK);
		if (s[i + n - 1] == k.quote)
			buf_char(out, k.quote);
		n += word_len(s + i + n, len - i - n);
	}
	return pending;
}

void scrub_list(str_t list, struct buf *out)
{
	bool pending = false, first = true;
	size_t at = 0;

	while (at < list.len) {
		size_t len = strnlen(list.bytes + at, list.len - at);

		pending = scrub_string(list.bytes + at, len, first, pending, out);
		buf_char(out, '\0');
		first = false;
		at += len + 1;
	}
}

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
	{"password", 8, true},	  {"passwd", 6, true},	{"mysql_pwd", 9, true},
	{"access_token", 12, true}, {"auth_token", 10, true}, {"api_key", 7, true},
	{"apikey", 6, true},	  {"secret", 6, true},	{"credentials", 11, true},
	{"token", 5, true},	  {"stripetoken", 11, false}, {"jwt", 3, false},
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

#define PAIR(a, b) [(a) & 31] = 1U << ((b) & 31)

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
			if (len == n && same_word(key, words[w].word, n) &&
			    (dashes == 2 || n > 3))
				return true;
			continue;
		}
		for (size_t i = 0; i + n <= len; i++)
			if (same_word(key + i, words[w].word, n))
				return true;
	}
	return false;
}

static bool ends_key(char c)
{
	return isspace((unsigned char)c) || c == '=' || c == ':' || c == '/' || c == '$';
}

/* The length of a value: to the next blank, or to the closing quote. */
static size_t value_len(const char *s, size_t left)
{
	size_t n = 0;

	if (left && (*s == '"' || *s == '\'')) {
		const char *close = left > 1 ? memchr(s + 1, *s, left - 1) : NULL;

		if (close)
			return (size_t)(close - s) + 1;
		return left; /* no end in sight: rather too much than too little */
	}
	while (n < left && !isspace((unsigned char)s[n]))
		n++;
	return n;
}

/* One string; pending: its first word is a value. Returns whether the next one's is. */
static bool scrub_string(const char *s, size_t len, bool first, bool pending, struct buf *out)
{
	size_t i = 0;

	if (pending && len) {
		/* a string of its own is a value as a whole, blanks or not */
		buf_lit(out, MASK);
		return false;
	}
	while (i < len) {
		size_t dashes = 0, key, end, n;

		if (isspace((unsigned char)s[i])) {
			buf_char(out, s[i++]);
			continue;
		}
		while (dashes < 2 && i + dashes < len && s[i + dashes] == '-')
			dashes++;
		key = i + dashes;
		end = key;
		while (end < len && !ends_key(s[end]))
			end++;
		if (!(first && i == 0 && !dashes) && is_secret_key(s + key, end - key, dashes)) {
			size_t at = end;

			if (at == len) {
				buf_add(out, s + i, len - i);
				return true;
			}
			if (s[at] == '=' || s[at] == ':')
				at++;
			else
				while (at < len && isspace((unsigned char)s[at]))
					at++;
			if (at > end && s[end] != '/' && s[end] != '$') {
				buf_add(out, s + i, at - i);
				if (at == len)
					return s[end] != '=' && s[end] != ':';
				n = value_len(s + at, len - at);
				buf_lit(out, MASK);
				i = at + n;
				continue;
			}
		}
		/* not a key: on to the next blank */
		n = i;
		while (n < len && !isspace((unsigned char)s[n]))
			n++;
		buf_add(out, s + i, n - i);
		i = n;
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "process/scrub_words.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "process/scrub.h"

#define WORD_LEN_MAX 64
#define DASHES_MAX   2

static char lower(char c)
{
	return (char)(c | ((unsigned char)(c - 'A') < 26 ? 32 : 0));
}

/* The same for a letter in either case, and for some bytes that are none. */
static unsigned int slot_of(char c)
{
	return (unsigned char)c & 31;
}

bool scrub_is_key_char(char c)
{
	static const bool ends[256] = {
		['\0'] = 1, [' '] = 1, ['\t'] = 1, ['\n'] = 1, ['\v'] = 1, ['\f'] = 1, ['\r'] = 1,
		['='] = 1,  [':'] = 1, ['/'] = 1,  ['$'] = 1,  ['?'] = 1,  ['&'] = 1,  [';'] = 1,
		[','] = 1,  ['<'] = 1, ['>'] = 1,  ['|'] = 1,  ['`'] = 1,  ['"'] = 1,  ['\''] = 1,
		['\\'] = 1, ['('] = 1, [')'] = 1,  ['['] = 1,  [']'] = 1,  ['{'] = 1,  ['}'] = 1,
	};

	return !ends[(unsigned char)c];
}

/* False: it can't be a word, err says why. */
static bool parse_word(const char *text, struct scrub_word *word, struct tsr_error *err)
{
	const char *s = text;
	size_t len = strlen(s), dashes = 0, bad = 0;
	bool before = *s == '*', behind;

	s += before;
	len -= before;
	while (!before && dashes < DASHES_MAX && s[dashes] == '-')
		dashes++;
	s += dashes;
	len -= dashes;
	behind = len && s[len - 1] == '*';
	len -= behind;
	while (bad < len && s[bad] != '*' && scrub_is_key_char(s[bad]))
		bad++;
	if (!len)
		tsr_fail(err, TSR_ERR_USAGE, "scrub-word: '%s' is not valid: it is empty", text);
	else if (len > WORD_LEN_MAX)
		tsr_fail(err, TSR_ERR_USAGE, "scrub-word: '%s' is longer than %d bytes", text,
			 WORD_LEN_MAX);
	else if (bad < len)
		tsr_fail(err, TSR_ERR_USAGE,
			 "scrub-word: '%s' is not valid: '%c' can't be %s; expected the name of a "
			 "key such as pin, pin*, *pin, *pin* or --pin",
			 text, s[bad], s[bad] == '*' ? "inside it" : "in a key");
	if (!len || len > WORD_LEN_MAX || bad < len)
		return false;
	*word = (struct scrub_word){
		.text = xmalloc(len),
		.len = (uint32_t)len,
		.dashes = (uint8_t)dashes,
		.before = before,
		.behind = behind,
	};
	for (size_t i = 0; i < len; i++)
		word->text[i] = lower(s[i]);
	return true;
}

static void make_tables(struct scrub_words *w)
{
	memset(w->pairs, 0, sizeof(w->pairs));
	memset(w->first, 0, sizeof(w->first));
	for (size_t i = 0; i < w->n; i++) {
		const struct scrub_word *word = &w->list[i];
		unsigned int slot = slot_of(word->text[0]);

		w->pairs[slot] |= word->len > 1 ? 1U << slot_of(word->text[1]) : UINT32_MAX;
		for (unsigned int behind = slot + 1; behind <= 32; behind++)
			w->first[behind]++;
	}
}

enum tsr_status scrub_words_add(struct scrub_words *w, const char *text, struct tsr_error *err)
{
	struct scrub_word word;
	size_t at = w->n;

	if (w->n == SCRUB_WORDS_MAX)
		return tsr_fail(err, TSR_ERR_USAGE,
				"scrub-word: '%s' is too much: there are %d words", text,
				SCRUB_WORDS_MAX);
	if (!parse_word(text, &word, err))
		return TSR_ERR_USAGE;
	w->list = xrealloc(w->list, (w->n + 1) * sizeof(*w->list));
	for (; at && slot_of(w->list[at - 1].text[0]) > slot_of(word.text[0]); at--)
		w->list[at] = w->list[at - 1];
	w->list[at] = word;
	w->n++;
	make_tables(w);
	return TSR_OK;
}

void scrub_words_free(struct scrub_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->list[i].text);
	free(w->list);
}

static bool begins_with(const char *s, size_t left, const struct scrub_word *word)
{
	if (word->len > left)
		return false;
	for (size_t i = 0; i < word->len; i++)
		if (lower(s[i]) != word->text[i])
			return false;
	return true;
}

static bool any_begins(const struct scrub_words *w, const char *s, size_t left)
{
	unsigned int slot = slot_of(*s);

	for (size_t i = w->first[slot]; i < w->first[slot + 1]; i++)
		if (begins_with(s, left, &w->list[i]))
			return true;
	return false;
}

/* Two letters rule out nearly every place at once. */
static bool may_begin(const struct scrub_words *w, const char *s)
{
	return w->pairs[slot_of(s[0])] >> slot_of(s[1]) & 1;
}

/* It runs over every argument of every record. */
bool scrub_words_in(const struct scrub_words *w, const char *s, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		if (may_begin(w, s + i) && any_begins(w, s + i, len - i))
			return true;
	return len && any_begins(w, s + len - 1, 1);
}

bool scrub_words_name(const struct scrub_words *w, const char *key, size_t len, size_t dashes)
{
	for (size_t at = 0; at < len; at++) {
		unsigned int slot = slot_of(key[at]);

		if (at + 1 < len && !may_begin(w, key + at))
			continue;
		for (size_t i = w->first[slot]; i < w->first[slot + 1]; i++) {
			const struct scrub_word *word = &w->list[i];

			if ((at && !word->before) || (word->dashes && word->dashes != dashes) ||
			    !begins_with(key + at, len - at, word))
				continue;
			if (word->behind || at + word->len == len)
				return true;
		}
	}
	return false;
}

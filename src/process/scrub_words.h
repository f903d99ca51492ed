/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that name secrets: which keys they are in, and a quick look whether any is there at all.
 * Only for the scrubber, whose header says how it may be used.
 */
#ifndef TSR_PROCESS_SCRUB_WORDS_H
#define TSR_PROCESS_SCRUB_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tarsier/status.h>

struct scrub_word {
	char *text; /* lower case */
	uint32_t len;
	uint8_t dashes;	     /* exactly so many before the key; 0: any */
	bool before, behind; /* other letters of the key may stand there */
};

struct scrub_words {
	struct scrub_word *list; /* in the order of slot_of(their first letter) */
	size_t n;
	/* By slot of a letter, the slots of letters that follow it in any word, at its beginning. */
	uint32_t pairs[32];
	uint32_t first[33]; /* by slot of the first letter, where its words begin */
};

/* TSR_ERR_USAGE: it can't be one, err says why. */
enum tsr_status scrub_words_add(struct scrub_words *w, const char *word, struct tsr_error *err);
void scrub_words_free(struct scrub_words *w);

/* Whether any of the words stands anywhere in these bytes. */
bool scrub_words_in(const struct scrub_words *w, const char *s, size_t len);

/* Whether the key, with so many dashes before it, names a secret. */
bool scrub_words_name(const struct scrub_words *w, const char *key, size_t len, size_t dashes);

/* ' ', '\t', '\n', '\v', '\f', '\r', whatever the locale. */
static inline bool scrub_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What a key consists of, and so a word: no blanks, quotes, brackets, nor =:/$?&;,|\ */
bool scrub_is_key_char(char c);

#endif

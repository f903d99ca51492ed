/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masks the secrets in arguments and environments for the eyes of others. Only ever a view: what the
 * state holds is as it was, and the number of strings stays.
 *
 * Words. A key is what stands after a blank, a quote or one or two dashes and is named by one of the
 * words, whatever its case; its value, after a blank, '=' or ':', becomes "********". How far a value
 * goes: a string of its own as a whole, of one that begins with the key ("--password=a b",
 * "TOKEN=a b") all the rest, else to the next blank that a shell would split at. Inside a word keys
 * are found, too, where '=' or ':' ends them: after '?' and '&' up to the next '&', after ';' and ','
 * up to the next of these, after brackets, quotes, '=' and ':' up to the word's end. What follows '/'
 * or '$' is a path or a variable, and no key.
 *
 * Regular expressions (PCRE2) see each string as it is; what they match becomes "*****". One that
 * takes too many steps, or too much memory, masks the whole string: in doubt too much is masked
 * and not too little.
 *
 * A scrubber is built, and from then on its rules never change. With regular expressions it has
 * room to work in: one thread at a time may use it; without, any number.
 */
#ifndef TSR_PROCESS_SCRUB_H
#define TSR_PROCESS_SCRUB_H

#include <stdbool.h>
#include <stdint.h>

#include <tarsier/status.h>

#include "base/buf.h"
#include "event/event.h"

#define SCRUB_WORDS_MAX	  256 /* with the default ones */
#define SCRUB_REGEXES_MAX 64

struct scrubber;

/* With the default words, the caller's to free. */
struct scrubber *scrub_new(void);
void scrub_free(struct scrubber *s);

/*
 * One more word: "word" is the whole key, "word*" its begin, "*word" its end, "*word*" any part of
 * it; dashes before it ask for exactly as many. Without regard to case (of ASCII). TSR_ERR_USAGE:
 * err says what is wrong with it, and it was not added.
 */
enum tsr_status scrub_add_word(struct scrubber *s, const char *word, struct tsr_error *err);

/* One more regular expression, of bytes. TSR_ERR_USAGE: err says what is wrong with it, and where. */
enum tsr_status scrub_add_regex(struct scrubber *s, const char *regex, struct tsr_error *err);

/* The default words and nothing else, for any thread. It lives as long as the program. */
const struct scrubber *scrub_default(void);

/*
 * Whether a list (each string ends in NUL) has anything that asks for a closer look: false means
 * that scrub_list() would change nothing.
 */
bool scrub_suspect(const struct scrubber *s, str_t list);

/* Appends the list with its secrets masked. A last string without its NUL gets one. */
void scrub_list(const struct scrubber *s, str_t list, struct buf *out);

/*
 * The same for an environment: each string is a NAME=value of its own, or a NAME, whose value the
 * next string is not.
 */
void scrub_env(const struct scrubber *s, str_t envs, struct buf *out);

/* How many strings were masked whole since a regular expression reached a limit. */
uint64_t scrub_limit_hits(const struct scrubber *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "process/scrub.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "process/scrub_regex.h"
#include "process/scrub_view.h"
#include "process/scrub_words.h"

#define REGEX_MASK "*****"

/* reference/process-resolver.md; "--jwt" only with its dashes: the word alone is too common. */
static const char *const default_words[] = {
	"*password*", "*passwd*", "*mysql_pwd*",   "*access_token*", "*auth_token*", "*api_key*",
	"*apikey*",   "*secret*", "*credentials*", "*token*",	     "stripetoken",  "--jwt",
};

struct scrubber {
	struct scrub_words words;
	struct scrub_regexes *regexes; /* NULL: none */
};

static void add_default_words(struct scrubber *s)
{
	for (size_t i = 0; i < sizeof(default_words) / sizeof(default_words[0]); i++)
		scrub_words_add(&s->words, default_words[i], NULL);
}

struct scrubber *scrub_new(void)
{
	struct scrubber *s = xcalloc(1, sizeof(*s));

	add_default_words(s);
	return s;
}

void scrub_free(struct scrubber *s)
{
	if (!s)
		return;
	scrub_words_free(&s->words);
	scrub_regexes_free(s->regexes);
	free(s);
}

enum tsr_status scrub_add_word(struct scrubber *s, const char *word, struct tsr_error *err)
{
	return scrub_words_add(&s->words, word, err);
}

enum tsr_status scrub_add_regex(struct scrubber *s, const char *regex, struct tsr_error *err)
{
	if (!s->regexes)
		s->regexes = scrub_regexes_new();
	return scrub_regexes_add(s->regexes, regex, err);
}

static struct scrubber with_defaults;

static void init_defaults(void)
{
	add_default_words(&with_defaults);
}

const struct scrubber *scrub_default(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_defaults);
	return &with_defaults;
}

bool scrub_suspect(const struct scrubber *s, str_t list)
{
	return scrub_words_in(&s->words, list.bytes, list.len) || (s->regexes && list.len);
}

static bool show(const struct scrubber *s, struct scrub_string *string, struct buf *out)
{
	size_t begin = out->len;
	bool all = true, pending;

	if (s->regexes)
		all = scrub_regexes_match(s->regexes, string->s, string->len, &string->spans,
					  &string->n_spans);
	pending = scrub_string_view(string, out);
	if (!all) {
		out->len = begin;
		buf_lit(out, REGEX_MASK);
	}
	return pending;
}

static void scrub(const struct scrubber *s, str_t list, bool env, struct buf *out)
{
	const struct scrub_words *words = &s->words;
	bool pending = false;

	if (s->regexes) {
		scrub_regexes_begin(s->regexes, list.len);
		if (!scrub_words_in(words, list.bytes, list.len))
			words = NULL;
	}
	for (size_t at = 0; at < list.len;) {
		struct scrub_string string = {
			.words = words,
			.s = list.bytes + at,
			.len = strnlen(list.bytes + at, list.len - at),
			.argv0 = !env && !at,
			.pending = !env && pending,
		};

		pending = show(s, &string, out);
		buf_char(out, '\0');
		at += string.len + 1;
	}
}

void scrub_list(const struct scrubber *s, str_t list, struct buf *out)
{
	scrub(s, list, false, out);
}

void scrub_env(const struct scrubber *s, str_t envs, struct buf *out)
{
	scrub(s, envs, true, out);
}

uint64_t scrub_limit_hits(const struct scrubber *s)
{
	return s->regexes ? scrub_regexes_limit_hits(s->regexes) : 0;
}

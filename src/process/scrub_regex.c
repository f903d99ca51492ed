/* SPDX-License-Identifier: Apache-2.0 */
#include "process/scrub_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "process/scrub.h"

#define REGEX_LEN_MAX 4096

/* PCRE2's own limits: of one place where a match can begin. */
#define MATCH_LIMIT 1000000
#define DEPTH_LIMIT 100000
#define HEAP_LIMIT  8192 /* KiB */
#define JIT_STACK   (1UL << 20)

/*
 * A step takes some 5 ns. What is usual takes a few for each place that looks like a match. A list
 * of arguments costs 20 ms at most, the largest that the kernel takes (6 MiB) a third of a second.
 */
#define STRING_STEPS	  65536
#define STRING_BYTE_STEPS 16 /* more, for each byte */
#define LIST_STEPS	  (2L << 20)
#define LIST_BYTE_STEPS	  8
#define MATCH_STEPS	  16 /* what to begin a match costs */
#define MOVE_BYTES	  32 /* moving on by so many is as dear as a step */

struct scrub_regexes {
	pcre2_code *list[SCRUB_REGEXES_MAX];
	size_t n;
	pcre2_general_context *memory;
	pcre2_match_context *context;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
	struct scrub_span *spans;
	size_t n_spans, cap;
	int64_t list_steps, steps; /* that are left */
	size_t at;		   /* in the string, at the last step */
	uint64_t limit_hits;
};

static int on_step(pcre2_callout_block *block, void *user)
{
	struct scrub_regexes *r = user;
	size_t at = block->current_position, moved = at > r->at ? at - r->at : r->at - at;

	r->at = at;
	r->steps -= 1 + (int64_t)(moved / MOVE_BYTES);
	return r->steps < 0 ? PCRE2_ERROR_CALLOUT : 0;
}

static void *allocate(size_t n, void *user)
{
	(void)user;
	return xmalloc(n);
}

static void release(void *p, void *user)
{
	(void)user;
	free(p);
}

struct scrub_regexes *scrub_regexes_new(void)
{
	struct scrub_regexes *r = xcalloc(1, sizeof(*r));

	r->memory = pcre2_general_context_create(allocate, release, NULL);
	r->context = pcre2_match_context_create(r->memory);
	r->data = pcre2_match_data_create(1, r->memory);
	pcre2_set_match_limit(r->context, MATCH_LIMIT);
	pcre2_set_depth_limit(r->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(r->context, HEAP_LIMIT);
	pcre2_set_callout(r->context, on_step, r);
	/* NULL where there is no JIT */
	r->stack = pcre2_jit_stack_create(32UL << 10, JIT_STACK, NULL);
	if (r->stack)
		pcre2_jit_stack_assign(r->context, NULL, r->stack);
	return r;
}

void scrub_regexes_free(struct scrub_regexes *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		pcre2_code_free(r->list[i]);
	pcre2_jit_stack_free(r->stack);
	pcre2_match_data_free(r->data);
	pcre2_match_context_free(r->context);
	pcre2_general_context_free(r->memory);
	free(r->spans);
	free(r);
}

enum tsr_status scrub_regexes_add(struct scrub_regexes *r, const char *regex, struct tsr_error *err)
{
	PCRE2_UCHAR why[128];
	pcre2_code *code;
	PCRE2_SIZE where;
	int error;

	if (!*regex)
		return tsr_fail(err, TSR_ERR_USAGE, "scrub-regex: '' is not valid: it is empty");
	if (strlen(regex) > REGEX_LEN_MAX)
		return tsr_fail(err, TSR_ERR_USAGE, "scrub-regex: longer than %d bytes: '%.80s...'",
				REGEX_LEN_MAX, regex);
	if (r->n == SCRUB_REGEXES_MAX)
		return tsr_fail(err, TSR_ERR_USAGE, "scrub-regex: more than %d of them",
				SCRUB_REGEXES_MAX);
	code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, PCRE2_AUTO_CALLOUT, &error,
			     &where, NULL);
	if (!code) {
		pcre2_get_error_message(error, why, sizeof(why));
		return tsr_fail(err, TSR_ERR_USAGE,
				"scrub-regex: '%.200s' is not valid: %s, at byte %zu", regex,
				(const char *)why, (size_t)where);
	}
	/* Where it can't be had, the interpreter does it. */
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	r->list[r->n++] = code;
	return TSR_OK;
}

void scrub_regexes_begin(struct scrub_regexes *r, size_t list_len)
{
	r->list_steps = LIST_STEPS + LIST_BYTE_STEPS * (int64_t)list_len;
}

static void add_span(struct scrub_regexes *r, size_t from, size_t to)
{
	if (r->n_spans == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 16;
		r->spans = xrealloc(r->spans, r->cap * sizeof(*r->spans));
	}
	r->spans[r->n_spans++] = (struct scrub_span){ from, to };
}

static bool match_all(struct scrub_regexes *r, const pcre2_code *code, const char *s, size_t len)
{
	for (size_t at = 0; at < len;) {
		const PCRE2_SIZE *found;
		int n;

		r->at = at;
		r->steps -= MATCH_STEPS;
		if (r->steps < 0)
			return false;
		n = pcre2_match(code, (PCRE2_SPTR)s, len, at, PCRE2_NOTEMPTY, r->data, r->context);
		if (n == PCRE2_ERROR_NOMATCH)
			return true;
		if (n < 0)
			return false;
		found = pcre2_get_ovector_pointer(r->data);
		/* \K in an assertion can turn them round */
		if (found[0] < found[1])
			add_span(r, found[0], found[1]);
		else
			add_span(r, found[1], found[0]);
		at = found[1] > at ? found[1] : at + 1;
	}
	return true;
}

static int by_begin(const void *a, const void *b)
{
	const struct scrub_span *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

static void merge_spans(struct scrub_regexes *r)
{
	size_t n = 0;

	if (r->n_spans)
		qsort(r->spans, r->n_spans, sizeof(*r->spans), by_begin);
	for (size_t i = 0; i < r->n_spans; i++) {
		if (n && r->spans[i].from < r->spans[n - 1].to) {
			if (r->spans[i].to > r->spans[n - 1].to)
				r->spans[n - 1].to = r->spans[i].to;
		} else {
			r->spans[n++] = r->spans[i];
		}
	}
	r->n_spans = n;
}

bool scrub_regexes_match(struct scrub_regexes *r, const char *s, size_t len,
			 const struct scrub_span **spans, size_t *n)
{
	int64_t steps = STRING_STEPS + STRING_BYTE_STEPS * (int64_t)len;
	bool all = true;

	if (steps > r->list_steps)
		steps = r->list_steps;
	r->steps = steps;
	r->n_spans = 0;
	for (size_t i = 0; i < r->n && all; i++)
		all = match_all(r, r->list[i], s, len);
	r->list_steps -= steps - r->steps;
	r->limit_hits += !all;
	merge_spans(r);
	*spans = r->spans;
	*n = r->n_spans;
	return all;
}

uint64_t scrub_regexes_limit_hits(const struct scrub_regexes *r)
{
	return r->limit_hits;
}

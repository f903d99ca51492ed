/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The regular expressions of a scrubber, by PCRE2. Only for the scrubber.
 *
 * Who runs a program chooses its arguments, so what matching costs is bounded, and not by a clock:
 * a recording replays to the same bytes. PCRE2's own limits begin anew at each place where a match
 * can begin, which makes a long string quadratic under them. So steps are counted, over all of a
 * string and all of a list, at each item of the pattern (PCRE2 calls out there).
 */
#ifndef TSR_PROCESS_SCRUB_REGEX_H
#define TSR_PROCESS_SCRUB_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tarsier/status.h>

#include "process/scrub_view.h"

struct scrub_regexes;

struct scrub_regexes *scrub_regexes_new(void);
void scrub_regexes_free(struct scrub_regexes *r); /* NULL: nothing */

/* TSR_ERR_USAGE: it can't be one, err says why and where. */
enum tsr_status scrub_regexes_add(struct scrub_regexes *r, const char *regex,
				  struct tsr_error *err);

/* Before the strings of a list of so many bytes. */
void scrub_regexes_begin(struct scrub_regexes *r, size_t list_len);

/*
 * What they match in a string: spans in their order, none over another, until the next call.
 * False: a limit was reached, what would match is not known.
 */
bool scrub_regexes_match(struct scrub_regexes *r, const char *s, size_t len,
			 const struct scrub_span **spans, size_t *n);

/* How often that was false. */
uint64_t scrub_regexes_limit_hits(const struct scrub_regexes *r);

#endif

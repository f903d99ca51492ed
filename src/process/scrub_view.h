/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One string as it may be seen: where keys and their values are. Only for the scrubber.
 */
#ifndef TSR_PROCESS_SCRUB_VIEW_H
#define TSR_PROCESS_SCRUB_VIEW_H

#include "base/buf.h"
#include "process/scrub_words.h"

/* Bytes of a string that are masked besides the values of words. */
struct scrub_span {
	size_t from, to;
};

struct scrub_string {
	const struct scrub_words *words; /* NULL: none is in any string of the list */
	const char *s;
	size_t len;
	const struct scrub_span *spans; /* in their order, none over another */
	size_t n_spans;
	bool argv0;   /* it is a program, which can be passwd, unless it is a NAME=value */
	bool pending; /* it is the value of the one before */
};

/* Appends the view, without a NUL. Returns whether the next string is a value of this one. */
bool scrub_string_view(const struct scrub_string *string, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table as a tree.
 */
#ifndef TSR_OUTPUT_TREE_H
#define TSR_OUTPUT_TREE_H

#include <stdbool.h>

#include "base/buf.h"
#include "output/names.h"
#include "process/scrub.h"
#include "process/table.h"

struct tree_options {
	const char *host;
	struct user_names names;
	const struct scrubber *scrub; /* NULL: secrets are shown */
	bool colour;
	bool args; /* of DOT, too: it shows no arguments else */
	unsigned int width;
};

enum tree_format { TREE_TEXT, TREE_JSON, TREE_DOT };

/*
 * Appends the live processes of the table, by pid, as text or JSON; no recursion: a chain may be very
 * deep. DOT has all images that are held: dot.h.
 */
void tree_write(struct buf *out, const struct table *t, enum tree_format format,
		const struct tree_options *o);

#endif

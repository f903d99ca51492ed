/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table as a tree.
 */
#ifndef TSR_OUTPUT_TREE_H
#define TSR_OUTPUT_TREE_H

#include <stdbool.h>

#include "base/buf.h"
#include "process/table.h"
#include "process/users.h"

struct tree_options {
	const char *host;
	const struct users *users;
	bool colour, scrub;
	unsigned int width;
};

enum tree_format { TREE_TEXT, TREE_JSON, TREE_DOT };

/* Appends the live processes of the table, by pid; no recursion: a chain may be very deep. */
void tree_write(struct buf *out, const struct table *t, enum tree_format format,
		const struct tree_options *o);

#endif

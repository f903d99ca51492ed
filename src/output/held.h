/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All images that a table holds, in an order that is the same each time: by pid, by the start of the
 * process, by the beginning of the image. For what shows all of them, or looks for children: there
 * are no lists of these. The pipeline thread, or whoever is alone with the table; the list is right
 * until the table changes.
 */
#ifndef TSR_OUTPUT_HELD_H
#define TSR_OUTPUT_HELD_H

#include "process/table.h"

struct held_image {
	const struct image *image;
	const struct image *next; /* the one that replaced it; NULL: it is the newest */
	uint32_t twin;		  /* how many before it have the same pid and times */
};

struct held {
	struct held_image *list;
	size_t n;
};

/* Everything that can be reached by edges from a process that lives, or that is remembered. */
void held_collect(struct held *h, const struct table *t);
void held_free(struct held *h);

/* Never NULL for an image of the table. */
const struct held_image *held_find(const struct held *h, const struct image *i);

/* Whether two images are of the same process. */
bool held_same_process(const struct image *a, const struct image *b);

#endif

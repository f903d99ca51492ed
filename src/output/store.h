/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process with all that is known of it: for people, or as JSON.
 */
#ifndef TSR_OUTPUT_STORE_H
#define TSR_OUTPUT_STORE_H

#include "output/dump.h"

/*
 * Appends what is known of the process of an image: of its newest image and those before, of those
 * above it and what is wrong there, of its children. The pipeline thread, or whoever is alone with
 * the table. o->raw is taken to be set.
 */
void store_process_write(struct buf *out, const struct table *t, const struct image *i, bool json,
			 const struct dump_options *o);

/*
 * The newest image of the process with a pid: of the one that lives, else of the one that began
 * last among those that have ended and are still held. NULL: there is none.
 */
const struct image *store_find_pid(const struct table *t, uint32_t pid);

#endif

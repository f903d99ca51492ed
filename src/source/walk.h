/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a loss: a walk through all processes that there are, as the snapshot was. Its messages are
 * older than events that are still in the ring, so they wait until all events up to the walk's end
 * have been delivered. The pipeline thread.
 */
#ifndef TSR_SOURCE_WALK_H
#define TSR_SOURCE_WALK_H

#include "base/buf.h"
#include "source/source.h"

#define WALK_PAUSE \
	(400UL * 1000 * 1000) /* ns between two walks at least, however much is lost meanwhile */

struct walk {
	bool due;     /* something was lost since the last one */
	bool waiting; /* messages are in the buffer */
	bool incomplete;
	uint64_t begin, end; /* boot clock */
	uint32_t n;
	struct buf messages; /* each aligned to 8 */
	uint64_t total;
};

/* Takes one message of the iterator: a message_fn, user is the walk. */
int walk_take(void *user, const void *msg, size_t len);

/* Whether one is to be made now. */
bool walk_wanted(const struct walk *w, uint64_t now);

/* What was taken since begin is complete, unless n is a negative errno. */
void walk_end(struct walk *w, int n, uint64_t now);

/* Delivers what was taken, then the end of the walk. */
int walk_deliver(struct walk *w, message_fn fn, void *user);

void walk_free(struct walk *w);

struct known_process;
struct known_path;

/* Delivers what the kernel's maps know of a process; path NULL: not that of its executable. */
int known_deliver(const struct known_process *k, const struct known_path *path, message_fn fn,
		  void *user);

#endif

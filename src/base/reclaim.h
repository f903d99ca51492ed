/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that readers on other threads may still look at: given up now, freed when none of them can.
 *
 * One thread (the writer) owns the data, unlinks it and gives it up here. Readers enter a read
 * section, find objects, and leave; they take no lock and wait for nobody, nor does the writer for
 * them. The grace periods are liburcu's ("bulletproof" flavour: a thread need not register), asked
 * for once for many objects; the freeing is done by the writer, so that what it frees needs no lock
 * either.
 */
#ifndef TSR_BASE_RECLAIM_H
#define TSR_BASE_RECLAIM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"

struct reclaim_batch;

struct reclaim {
	struct reclaim_batch *filling;
	struct reclaim_batch *first, **last; /* asked for, oldest first */
	struct reclaim_batch *spare;
	size_t waiting;	      /* objects not freed yet */
	size_t waiting_bytes; /* of them, as their owners said */
};

void reclaim_init(struct reclaim *r);

/* Waits for all readers, then frees everything. No reader may come after it. */
void reclaim_end(struct reclaim *r);

/*
 * Gives up p, which no reader can find any more: to its pool, or to free() if that is NULL. bytes:
 * what is counted as waiting; 0 for a pool's, which counts its own.
 */
void reclaim_add(struct reclaim *r, void *p, struct pool *pool, size_t bytes);

/* Frees what can be freed. flush: asks for the grace period of what was given up so far, too. */
void reclaim_poll(struct reclaim *r, bool flush);

/* A read section of this thread; sections nest. Any thread; async-signal-unsafe. */
void read_begin(void);
void read_end(void);

#endif

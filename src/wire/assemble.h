/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long arguments and environments: they come in chunks ahead of the exec that they belong to.
 *
 * Bounded in number and bytes; the oldest unfinished one goes first, and the exec that asks for it
 * then is decoded without it and marked. One thread.
 */
#ifndef TSR_WIRE_ASSEMBLE_H
#define TSR_WIRE_ASSEMBLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ASSEMBLER_SLOTS 32	     /* execs with long arguments under way at a time */
#define ASSEMBLER_BYTES (24UL << 20) /* in all; one exec has at most 6 MiB of each */

struct assembly {
	uint64_t pid, time;
	uint64_t used; /* order of age; 0: free */
	struct buf bytes;
};

struct assembler {
	struct assembly slots[ASSEMBLER_SLOTS];
	struct assembly *given[2]; /* what the last event points to */
	size_t bytes;
	uint64_t clock;
	uint64_t dropped; /* assemblies that were given up */
	uint64_t missing; /* args and envs of execs that were not all there */
};

void assembler_add(struct assembler *a, uint64_t pid, uint64_t time, const void *p, size_t n);

/* What came under this id, or NULL; it stays until assembler_done(). */
const struct buf *assembler_get(struct assembler *a, uint64_t pid, uint64_t time);

/* The same, but only to look: assembler_done() does not free it. */
const struct buf *assembler_peek(const struct assembler *a, uint64_t pid, uint64_t time);

/* The event is through: frees what it pointed to. */
void assembler_done(struct assembler *a);
void assembler_free(struct assembler *a);

#endif

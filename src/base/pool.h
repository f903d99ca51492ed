/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of one size without malloc's header each: what there are hundreds of thousands of. A pool
 * keeps what it once had, for its next objects. One thread.
 *
 * Under AddressSanitizer it is malloc, which sees a use after free.
 */
#ifndef TSR_BASE_POOL_H
#define TSR_BASE_POOL_H

#include <stddef.h>

struct pool_chunk;

struct pool {
	size_t size;
	void *free_list;
	struct pool_chunk *chunks;
	size_t in_use; /* objects */
	size_t bytes;  /* of the chunks */
};

/* size is that of an object, a multiple of 8. */
void pool_init(struct pool *p, size_t size);

/* Frees the chunks, whatever is still in use. */
void pool_end(struct pool *p);

/* Zeroed. */
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *object);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit: the least that a table of processes can be. Keys and pointers in open addressing, for
 * one thread, and a malloc'ed struct for each.
 */
#ifndef TSR_BENCH_RESOLVER_PLAIN_H
#define TSR_BENCH_RESOLVER_PLAIN_H

#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"

struct plain_process {
	uint32_t pid, entity_id;
	uint64_t start;
	char rest[48];
};

struct plain {
	struct plain_slot {
		uint32_t key;
		struct plain_process *p; /* NULL: empty */
	} * slots;
	size_t mask, n;
};

static inline size_t plain_hash(uint32_t key)
{
	return (key * 0x9e3779b97f4a7c15ULL) >> 32;
}

static inline size_t plain_bytes(const struct plain *t)
{
	return (t->mask + 1) * sizeof(*t->slots);
}

static inline void plain_init(struct plain *t)
{
	*t = (struct plain){ .slots = xcalloc(1024, sizeof(*t->slots)), .mask = 1023 };
}

static inline void plain_put(struct plain *t, uint32_t key, struct plain_process *p)
{
	size_t at = plain_hash(key) & t->mask;

	while (t->slots[at].p)
		at = (at + 1) & t->mask;
	t->slots[at] = (struct plain_slot){ key, p };
	t->n++;
}

static inline void plain_add(struct plain *t, uint32_t key, struct plain_process *p)
{
	if (t->n * 2 > t->mask) {
		struct plain old = *t;

		*t = (struct plain){ .slots = xcalloc(2 * (old.mask + 1), sizeof(*t->slots)),
				     .mask = 2 * old.mask + 1 };
		for (size_t i = 0; i <= old.mask; i++)
			if (old.slots[i].p)
				plain_put(t, old.slots[i].key, old.slots[i].p);
		free(old.slots);
	}
	plain_put(t, key, p);
}

static inline struct plain_process *plain_get(const struct plain *t, uint32_t key)
{
	size_t at = plain_hash(key) & t->mask;

	while (t->slots[at].p && t->slots[at].key != key)
		at = (at + 1) & t->mask;
	return t->slots[at].p;
}

/* The key is there. Those behind it move up, so that no gap stops a look-up. */
static inline void plain_remove(struct plain *t, uint32_t key)
{
	size_t at = plain_hash(key) & t->mask, next;

	while (t->slots[at].key != key || !t->slots[at].p)
		at = (at + 1) & t->mask;
	for (next = (at + 1) & t->mask; t->slots[next].p; next = (next + 1) & t->mask) {
		size_t home = plain_hash(t->slots[next].key) & t->mask;

		if (((next - home) & t->mask) < ((next - at) & t->mask))
			continue;
		t->slots[at] = t->slots[next];
		at = next;
	}
	t->slots[at].p = NULL;
	t->n--;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table from 32-bit keys to pointers: one thread writes, any number read without a lock.
 *
 * Open addressing: a look-up touches one line of the table and the object. Several values may have
 * the same key. liburcu's table does more (several writers) and takes 42 ns for a look-up where
 * this one takes about 10, and 100 ns to add; bench/ prints both.
 *
 * A reader is in a read section (base/reclaim.h), and looks at the object to see that it is the one
 * it wants: a slot can have changed hands between the look at its key and the look at its value.
 */
#ifndef TSR_BASE_RCUMAP_H
#define TSR_BASE_RCUMAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/reclaim.h"

struct rcumap_slots {
	size_t mask;
	struct {
		void *value; /* NULL: none since ever; GONE: none any more */
		uint32_t key, pad;
	} slot[];
};

struct rcumap {
	struct rcumap_slots *slots;
	size_t used, gone; /* slots with a value, and those that had one */
	struct reclaim *reclaim;
};

#define RCUMAP_GONE ((void *)1)

void rcumap_init(struct rcumap *m, struct reclaim *reclaim);
void rcumap_end(struct rcumap *m);

/* The writer. */
void rcumap_add(struct rcumap *m, uint32_t key, void *value);
void rcumap_remove(struct rcumap *m, uint32_t key, const void *value);
void rcumap_replace(struct rcumap *m, uint32_t key, const void *old, void *value);

static inline size_t rcumap_bytes(const struct rcumap *m)
{
	return (m->slots->mask + 1) * sizeof(m->slots->slot[0]);
}

/* Spreads keys that count up (pids) and keeps those that are hashes already apart. */
static inline size_t rcumap_hash(uint32_t key)
{
	return (key * 0x9e3779b97f4a7c15ULL) >> 32;
}

/*
 * The values of a key, one by one: at begins as rcumap_first(), is moved by each call, and belongs
 * to the table that slots was when it began. NULL: no more.
 */
struct rcumap_walk {
	const struct rcumap_slots *slots;
	size_t at;
	uint32_t key;
};

static inline struct rcumap_walk rcumap_begin(const struct rcumap *m, uint32_t key)
{
	const struct rcumap_slots *s = __atomic_load_n(&m->slots, __ATOMIC_ACQUIRE);

	return (struct rcumap_walk){ s, rcumap_hash(key) & s->mask, key };
}

static inline void *rcumap_next(struct rcumap_walk *w)
{
	for (;;) {
		uint32_t key = __atomic_load_n(&w->slots->slot[w->at].key, __ATOMIC_RELAXED);
		void *v = __atomic_load_n(&w->slots->slot[w->at].value, __ATOMIC_ACQUIRE);

		if (!v)
			return NULL;
		w->at = (w->at + 1) & w->slots->mask;
		if (key == w->key && v != RCUMAP_GONE)
			return v;
	}
}

/* All values, in no order: for the writer, which must not change the table meanwhile. */
/* NOLINTBEGIN(bugprone-macro-parentheses): v is assigned to */
#define rcumap_for_each(m, i, v)                       \
	for (size_t i = 0; i <= (m)->slots->mask; i++) \
		if (((v) = (m)->slots->slot[i].value) != NULL && (void *)(v) != RCUMAP_GONE)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif

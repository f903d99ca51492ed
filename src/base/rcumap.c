/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rcumap.h"

#include <stdlib.h>

#include "base/buf.h"

#define SLOTS_MIN 1024

static struct rcumap_slots *make(size_t n)
{
	struct rcumap_slots *s = xcalloc(1, sizeof(*s) + n * sizeof(s->slot[0]));

	s->mask = n - 1;
	return s;
}

void rcumap_init(struct rcumap *m, struct reclaim *reclaim)
{
	*m = (struct rcumap){ .slots = make(SLOTS_MIN), .reclaim = reclaim };
}

void rcumap_end(struct rcumap *m)
{
	free(m->slots);
	m->slots = NULL;
}

/* Into a slot that no look-up for another key has to stop at: the value last, it is what counts. */
static void put(struct rcumap_slots *s, size_t at, uint32_t key, void *value)
{
	__atomic_store_n(&s->slot[at].key, key, __ATOMIC_RELAXED);
	__atomic_store_n(&s->slot[at].value, value, __ATOMIC_RELEASE);
}

/* A new table without the gaps, as large as what is in it asks for. */
static void rebuild(struct rcumap *m)
{
	struct rcumap_slots *old = m->slots, *s;
	size_t n = SLOTS_MIN;

	while (n < m->used * 2 + m->used / 2)
		n *= 2;
	s = make(n);
	for (size_t i = 0; i <= old->mask; i++) {
		void *v = old->slot[i].value;
		size_t at;

		if (!v || v == RCUMAP_GONE)
			continue;
		at = rcumap_hash(old->slot[i].key) & s->mask;
		while (s->slot[at].value)
			at = (at + 1) & s->mask;
		s->slot[at].key = old->slot[i].key;
		s->slot[at].value = v;
	}
	m->gone = 0;
	__atomic_store_n(&m->slots, s, __ATOMIC_RELEASE);
	reclaim_add(m->reclaim, old, NULL, sizeof(*old) + (old->mask + 1) * sizeof(old->slot[0]));
}

void rcumap_add(struct rcumap *m, uint32_t key, void *value)
{
	struct rcumap_slots *s;
	size_t at;

	/* A look-up of what is not there ends at an empty slot: a quarter of them stays empty. */
	if ((m->used + m->gone + 1) * 4 > (m->slots->mask + 1) * 3)
		rebuild(m);
	s = m->slots;
	at = rcumap_hash(key) & s->mask;
	while (s->slot[at].value && s->slot[at].value != RCUMAP_GONE)
		at = (at + 1) & s->mask;
	m->gone -= s->slot[at].value == RCUMAP_GONE;
	m->used++;
	put(s, at, key, value);
}

static size_t find(const struct rcumap_slots *s, uint32_t key, const void *value)
{
	size_t at = rcumap_hash(key) & s->mask;

	while (s->slot[at].value != value)
		at = (at + 1) & s->mask;
	return at;
}

void rcumap_remove(struct rcumap *m, uint32_t key, const void *value)
{
	struct rcumap_slots *s = m->slots;
	size_t at = find(s, key, value);
	bool last = !s->slot[(at + 1) & s->mask].value;

	m->used--;
	/* Nothing goes on behind it: it can be empty, and so can the gaps before it. */
	__atomic_store_n(&s->slot[at].value, last ? NULL : RCUMAP_GONE, __ATOMIC_RELEASE);
	m->gone += !last;
	while (last && s->slot[at = (at - 1) & s->mask].value == RCUMAP_GONE) {
		__atomic_store_n(&s->slot[at].value, NULL, __ATOMIC_RELEASE);
		m->gone--;
	}
}

void rcumap_replace(struct rcumap *m, uint32_t key, const void *old, void *value)
{
	struct rcumap_slots *s = m->slots;

	__atomic_store_n(&s->slot[find(s, key, old)].value, value, __ATOMIC_RELEASE);
}

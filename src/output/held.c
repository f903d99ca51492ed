/* SPDX-License-Identifier: Apache-2.0 */
#include "output/held.h"

#include <stdlib.h>

/* The images that were met already: an open-addressed set of pointers. */
struct met {
	const struct image **slots;
	size_t mask, n;
};

static size_t slot_of(const struct met *m, const struct image *i)
{
	size_t at = (size_t)(((uintptr_t)i >> 3) * 0x9e3779b97f4a7c15ULL >> 32) & m->mask;

	while (m->slots[at] && m->slots[at] != i)
		at = (at + 1) & m->mask;
	return at;
}

static void met_grow(struct met *m)
{
	struct met old = *m;

	m->mask = old.slots ? 2 * old.mask + 1 : 1023;
	m->slots = xcalloc(m->mask + 1, sizeof(struct image *));
	for (size_t i = 0; old.slots && i <= old.mask; i++)
		if (old.slots[i])
			m->slots[slot_of(m, old.slots[i])] = old.slots[i];
	free(old.slots);
}

struct collect {
	struct held *held;
	struct met met;
	size_t cap;
};

static void add(struct collect *c, const struct image *i)
{
	size_t at;

	if (!i)
		return;
	if (2 * c->met.n >= c->met.mask)
		met_grow(&c->met);
	at = slot_of(&c->met, i);
	if (c->met.slots[at])
		return;
	c->met.slots[at] = i;
	c->met.n++;
	if (c->held->n == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 256;
		c->held->list = xrealloc(c->held->list, c->cap * sizeof(*c->held->list));
	}
	c->held->list[c->held->n++] = (struct held_image){ .image = i };
}

static int three_way(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* What is shown of an image's identity. */
static int by_identity(const struct image *a, const struct image *b)
{
	int order = three_way(a->pid, b->pid);

	order = order ? order : three_way(a->start, b->start);
	return order ? order : three_way(a->ktime, b->ktime);
}

/* Two can be the same in all that: the entity id, at last the address keeps them apart. */
static int in_order(const void *a, const void *b)
{
	const struct image *x = ((const struct held_image *)a)->image;
	const struct image *y = ((const struct held_image *)b)->image;
	int order = by_identity(x, y);

	order = order ? order : three_way(x->entity_id, y->entity_id);
	return order ? order : three_way((uintptr_t)x, (uintptr_t)y);
}

void held_collect(struct held *h, const struct table *t)
{
	struct collect c = { .held = h };
	const struct process *p;
	const struct image *head;

	*h = (struct held){ 0 };
	rcumap_for_each(&t->pids, i, p) add(&c, p->image);
	rcumap_for_each(&t->entities, i, head) add(&c, head);
	for (size_t i = 0; i < t->n_exited; i++)
		add(&c, t->exited[(t->exited_first + i) % TABLE_EXITED_MAX].image);
	for (size_t i = 0; i < h->n; i++) { /* which grows meanwhile */
		const struct image *image = h->list[i].image;

		add(&c, image->previous);
		add(&c, image->parent);
	}
	free(c.met.slots);
	if (!h->n)
		return;
	qsort(h->list, h->n, sizeof(*h->list), in_order);
	for (size_t i = 1; i < h->n; i++)
		if (!by_identity(h->list[i].image, h->list[i - 1].image))
			h->list[i].twin = h->list[i - 1].twin + 1;
	for (size_t i = 0; i < h->n; i++) {
		const struct image *old = h->list[i].image->previous;

		if (old)
			h->list[held_find(h, old) - h->list].next = h->list[i].image;
	}
}

void held_free(struct held *h)
{
	free(h->list);
	*h = (struct held){ 0 };
}

const struct held_image *held_find(const struct held *h, const struct image *i)
{
	const struct held_image key = { .image = i };

	return bsearch(&key, h->list, h->n, sizeof(key), in_order);
}

bool held_same_process(const struct image *a, const struct image *b)
{
	return a->pid == b->pid && a->entity_id == b->entity_id && a->start == b->start;
}

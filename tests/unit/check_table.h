/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must always hold in a process table, between two events. Looks at everything: for tables of
 * tests.
 */
#ifndef TSR_TESTS_CHECK_TABLE_H
#define TSR_TESTS_CHECK_TABLE_H

#include <stdlib.h>

#include "process/table.h"

/* How often each thing is pointed to; in the order in which they were first seen. */
struct tally {
	struct tally_item {
		const void *at;
		uint32_t n, mark;
	} * items;
	size_t n, cap;
	uint32_t *slots; /* number of an item + 1, or 0; twice as many as there is room for items */
};

static inline uint32_t *tally_slot(const struct tally *c, const void *at)
{
	size_t mask = 2 * c->cap - 1, k = (size_t)(((uintptr_t)at * 0x9e3779b97f4a7c15ULL) >> 20);

	while (c->slots[k & mask] && c->items[c->slots[k & mask] - 1].at != at)
		k++;
	return &c->slots[k & mask];
}

static inline void tally_grow(struct tally *c)
{
	c->cap = c->cap ? 2 * c->cap : 64;
	c->items = xrealloc(c->items, c->cap * sizeof(*c->items));
	free(c->slots);
	c->slots = xcalloc(2 * c->cap, sizeof(*c->slots));
	for (size_t i = 0; i < c->n; i++)
		*tally_slot(c, c->items[i].at) = (uint32_t)i + 1;
}

static inline struct tally_item *tally_find(const struct tally *c, const void *at)
{
	uint32_t n = c->cap ? *tally_slot(c, at) : 0;

	return n ? &c->items[n - 1] : NULL;
}

static inline void tally_add(struct tally *c, const void *at)
{
	struct tally_item *item;

	if (!at)
		return;
	item = tally_find(c, at);
	if (item) {
		item->n++;
		return;
	}
	if (c->n == c->cap)
		tally_grow(c);
	c->items[c->n] = (struct tally_item){ .at = at, .n = 1 };
	*tally_slot(c, at) = (uint32_t)++c->n;
}

static inline void tally_free(struct tally *c)
{
	free(c->items);
	free(c->slots);
}

struct table_check {
	const struct table *t;
	struct tally images, strings, args, processes;
	struct tally held; /* processes that images are of, by their entity ids */
	size_t stubs;
};

static inline const struct image *image_at(const struct table_check *c, size_t n)
{
	return c->images.items[n].at;
}

static inline void count_info(struct table_check *c, const struct info *info)
{
	tally_add(&c->strings, info->cwd);
	tally_add(&c->strings, info->cgroup);
	tally_add(&c->strings, info->tty);
	tally_add(&c->strings, info->called);
	tally_add(&c->strings, info->ns);
	tally_add(&c->args, info->argv);
	tally_add(&c->args, info->env);
	tally_add(&c->args, info->rendered);
	tally_add(&c->args, info->rendered_self);
}

/* All that can be reached, and by how many. */
static inline void count_all(struct table_check *c)
{
	const struct table *t = c->t;
	const struct process *p;

	rcumap_for_each(&t->pids, at, p)
	{
		tally_add(&c->processes, p);
		tally_add(&c->images, p->image);
		tally_add(&c->strings, p->creds);
	}
	for (size_t n = 0; n < t->n_exited; n++)
		tally_add(&c->images, t->exited[(t->exited_first + n) % TABLE_EXITED_MAX].image);
	for (size_t n = 0; n < ENV_CACHE; n++)
		tally_add(&c->args, t->env_cache[n].env);
	/* the list grows while it is gone through */
	for (size_t n = 0; n < c->images.n; n++) {
		const struct image *i = c->images.items[n].at;

		tally_add(&c->images, i->previous);
		tally_add(&c->images, i->parent);
		tally_add(&c->strings, i->exe);
		tally_add(&c->strings, i->comm);
		if (i->info)
			count_info(c, i->info);
		c->stubs += !i->info;
	}
}

static inline const char *check_list(const struct args *a)
{
	return a && (!a->len || a->bytes[a->len - 1]) ? "a list does not end in NUL" : NULL;
}

static inline const char *check_previous(const struct image *i, const struct image *previous)
{
	if (previous->pid != i->pid || previous->start != i->start ||
	    previous->entity_id != i->entity_id || previous->life != i->life)
		return "an exec edge leaves its process";
	if (previous->parent != i->parent)
		return "an image has another parent than its process";
	if (image_is(previous, IMAGE_HEAD))
		return "an entity id leads to an image that is not the newest";
	return NULL;
}

static inline const char *check_image(const struct table_check *c, const struct image *i)
{
	const struct process *p = image_process(i);

	if (i->refs != tally_find(&c->images, i)->n)
		return "an image's references are miscounted";
	if (!p != image_is(i, IMAGE_DEAD))
		return "an image is dead, or is not";
	if (!p && i->info)
		return "the image of one that has ended is not a stub";
	if (p && !tally_find(&c->processes, p))
		return "an image of a process that is not in the pid map";
	if (p && (p->pid != i->pid || p->start != i->start || p->entity_id != i->entity_id))
		return "an image is not of its process";
	if (i->info && check_list(i->info->argv))
		return check_list(i->info->argv);
	if (i->info && check_list(i->info->env))
		return check_list(i->info->env);
	return i->previous ? check_previous(i, i->previous) : NULL;
}

/*
 * No way up by fork edges, and none down by exec edges, comes back to where it was. All images
 * above one that was found to be good are.
 */
static inline bool has_cycle(struct table_check *c, bool previous)
{
	const uint32_t begin = previous ? 1 << 30 : 0;
	uint32_t round = begin;

	for (size_t n = 0; n < c->images.n; n++) {
		const struct image *i = c->images.items[n].at;
		struct tally_item *item;

		round++;
		for (; i; i = previous ? i->previous : i->parent) {
			item = tally_find(&c->images, i);
			if (item->mark == round)
				return true;
			if (item->mark > begin)
				break;
			item->mark = round;
		}
	}
	return false;
}

static inline const char *check_images(struct table_check *c)
{
	const char *wrong = NULL;

	if (c->images.n != c->t->stats.images)
		return "the number of images is not that of those in reach";
	if (c->stubs != c->t->stats.stubs)
		return "the number of stubs is not that of those in reach";
	for (size_t n = 0; n < c->images.n && !wrong; n++)
		wrong = check_image(c, image_at(c, n));
	if (!wrong && (has_cycle(c, false) || has_cycle(c, true)))
		wrong = "a cycle";
	for (size_t n = 0; n < c->t->n_exited && !wrong; n++)
		if (image_process(c->t->exited[(c->t->exited_first + n) % TABLE_EXITED_MAX].image))
			wrong = "one that lives is in the list of those that have ended";
	return wrong;
}

/* Entity ids are counted, too: no address, but told apart. */
static inline const void *as_item(uint32_t entity_id)
{
	return (const void *)((uintptr_t)entity_id + 1);
}

static inline const char *check_entities(struct table_check *c)
{
	const struct table *t = c->t;
	struct tally heads = { 0 };
	const char *wrong = NULL;
	const struct image *i;
	size_t n = 0;

	for (size_t k = 0; k < c->images.n; k++)
		tally_add(&c->held, as_item(image_at(c, k)->entity_id));
	rcumap_for_each(&t->entities, at, i)
	{
		n++;
		tally_add(&heads, as_item(i->entity_id));
		if (!tally_find(&c->images, i))
			wrong = "an entity id leads to an image that is not in reach";
		else if (!image_is(i, IMAGE_HEAD) ||
			 i->entity_id != t->entities.slots->slot[at].key)
			wrong = "an entity id leads to another's image";
		else if (image_process(i) && image_process(i)->image != i)
			wrong = "the entity id of one that lives leads to an old image";
		if (wrong)
			break;
	}
	if (!wrong && (heads.n != n || n != t->entities.used))
		wrong = "two processes have the same entity id";
	if (!wrong && c->held.n != n)
		wrong = "the entity id of a process that is held leads nowhere";
	if (!wrong && t->stats.processes != n)
		wrong = "the number of processes is not that of those held";
	for (size_t k = 0; k < c->images.n; k++)
		n -= image_is(image_at(c, k), IMAGE_HEAD);
	if (!wrong && n)
		wrong = "an image is taken for one that an entity id leads to";
	tally_free(&heads);
	return wrong;
}

static inline const char *check_children(const struct process *p)
{
	const struct process *above = p->image->parent ? image_process(p->image->parent) : NULL;

	if (above == p)
		return "a process is its own parent";
	if (!!p->prev_sibling != !!above)
		return "not in the list of its parent's children, or in that of a dead one";
	if (p->prev_sibling && *p->prev_sibling != p)
		return "a list of children is broken backwards";
	if (p->next_sibling && p->next_sibling->prev_sibling != &p->next_sibling)
		return "a list of children is broken";
	for (const struct process *q = p->children; q; q = q->next_sibling)
		if (!q->image->parent || image_process(q->image->parent) != p)
			return "a stranger in a list of children";
	return NULL;
}

static inline const char *check_process(const struct table_check *c, const struct process *p)
{
	const struct process *found = table_find(c->t, p->pid), *q;
	struct rcumap_walk w = rcumap_begin(&c->t->pids, p->pid);
	uint32_t n = 0;

	if (p->seq & 1)
		return "a change of a process did not end";
	if (!p->image || image_process(p->image) != p || !p->image->info)
		return "a live process has no image";
	if (!found || found->pid != p->pid || found->start < p->start)
		return "a live process is not found by its pid";
	while ((q = rcumap_next(&w)))
		if (q != p && q->pid == p->pid && q->start == p->start)
			return "a process is there twice";
	for (const struct image *i = p->image; i; i = i->previous)
		n++;
	/* Each is counted by its process until it goes: so there is none that it does not lead to. */
	if (n != p->n_images)
		return "an image of a live process is not in its line";
	return check_children(p);
}

static inline const char *check_processes(const struct table_check *c)
{
	const struct table *t = c->t;
	const char *wrong = NULL;
	const struct process *p;

	if (c->processes.n != t->n_processes || t->pids.used != t->n_processes)
		return "the pid map does not hold the live processes";
	rcumap_for_each(&t->pids, at, p)
	{
		if (t->pids.slots->slot[at].key != p->pid)
			return "a process is in the pid map under another pid";
		if (!wrong)
			wrong = check_process(c, p);
	}
	return wrong;
}

static inline const char *check_strings(const struct table_check *c)
{
	const struct intern *strings = &c->t->strings;
	size_t n = 0, bytes = 0;

	for (size_t b = 0; b < strings->n_buckets; b++) {
		for (const struct istr *s = strings->buckets[b]; s; s = s->next) {
			const struct tally_item *item = tally_find(&c->strings, s);

			if (!item || item->n != s->refs)
				return "references to a string are miscounted";
			n++;
			bytes += sizeof(*s) + s->len + 1;
		}
	}
	if (n != c->strings.n || n != strings->count || bytes != strings->bytes)
		return "strings are miscounted, or used after they were given up";
	bytes = 0;
	for (size_t k = 0; k < c->args.n; k++) {
		const struct args *a = c->args.items[k].at;

		if (a->refs != c->args.items[k].n)
			return "references to arguments are miscounted";
		bytes += sizeof(*a) + a->len;
	}
	return bytes == c->t->args_bytes ? NULL : "bytes of arguments are miscounted";
}

/* NULL, or what is wrong. */
static inline const char *check_table(const struct table *t)
{
	struct table_check c = { .t = t };
	const char *wrong;

	count_all(&c);
	wrong = check_images(&c);
	if (!wrong)
		wrong = check_processes(&c);
	if (!wrong)
		wrong = check_entities(&c);
	if (!wrong)
		wrong = check_strings(&c);
	tally_free(&c.images);
	tally_free(&c.strings);
	tally_free(&c.args);
	tally_free(&c.processes);
	tally_free(&c.held);
	return wrong;
}

#endif

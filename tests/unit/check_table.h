/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must always hold in a process table, between two events. Looks at everything: for tables of
 * tests.
 */
#ifndef TSR_TESTS_CHECK_TABLE_H
#define TSR_TESTS_CHECK_TABLE_H

#include <stdlib.h>

#include "process/table.h"

struct image_list {
	const struct image **at;
	size_t n, cap;
};

static inline void image_list_add(struct image_list *l, const struct image *i)
{
	/* All below it are added with it: what is there already is not needed again. */
	for (; i; i = i->previous) {
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 64;
			l->at = xrealloc(l->at, l->cap * sizeof(*l->at));
		}
		l->at[l->n++] = i;
	}
}

static inline int image_list_order(const void *a, const void *b)
{
	const struct image *const *x = a, *const *y = b;

	return *x < *y ? -1 : *x > *y;
}

static inline void image_list_unique(struct image_list *l)
{
	size_t n = 0;

	if (!l->n)
		return;
	qsort(l->at, l->n, sizeof(*l->at), image_list_order);
	for (size_t i = 0; i < l->n; i++)
		if (!n || l->at[n - 1] != l->at[i])
			l->at[n++] = l->at[i];
	l->n = n;
}

#define FOR_EACH_HELD(t, b, p)                      \
	for (size_t b = 0; b < (t)->n_buckets; b++) \
		for (const struct process *p = (t)->entities[b]; p; p = p->next_entity)

static inline size_t image_refs_wanted(const struct table *t, const struct image_list *l,
				       const struct image *i)
{
	size_t n = 0;

	FOR_EACH_HELD(t, b, p)
	n += (p->image == i) + (p->forked_by == i);
	for (size_t k = 0; k < l->n; k++)
		n += l->at[k]->previous == i;
	return n;
}

static inline const char *check_images(const struct table *t, const struct image_list *l)
{
	size_t strings = 0, refs = 0;

	if (l->n != t->stats.images)
		return "the number of images is not that of those in reach";
	for (size_t k = 0; k < l->n; k++) {
		const struct image *i = l->at[k];

		if (i->refs != image_refs_wanted(t, l, i))
			return "an image's references are miscounted";
		if (i->previous && i->previous->process != i->process)
			return "an exec edge leaves its process";
		if (i->argv && (!i->argv->len || i->argv->bytes[i->argv->len - 1]))
			return "a list of arguments does not end in NUL";
		strings += !!i->exe + !!i->cwd + !!i->cgroup + !!i->tty;
	}
	for (size_t b = 0; b < t->strings.n_buckets; b++)
		for (const struct istr *s = t->strings.buckets[b]; s; s = s->next)
			refs += s->refs;
	return strings == refs ? NULL : "references to strings are miscounted";
}

static inline const char *check_process(const struct table *t, const struct image_list *l,
					const struct process *p)
{
	const struct process *above = p->forked_by ? p->forked_by->process : NULL;
	size_t steps = 0, images = 0;

	for (const struct process *q = p->next_entity; q; q = q->next_entity)
		if (q->entity_id == p->entity_id)
			return "two processes have the same entity id";
	for (const struct process *q = above; q; q = q->forked_by ? q->forked_by->process : NULL)
		if (q == p || ++steps > t->stats.processes)
			return "a cycle of fork edges";
	for (size_t k = 0; k < l->n; k++)
		images += l->at[k]->process == p;
	if (p->refs != images + !p->dead)
		return "a process's references are miscounted";
	if (p->dead)
		return p->image || p->children || p->prev_sibling ? "a dead process holds on"
								  : NULL;
	if (!p->image || p->image->process != p)
		return "a live process has no image";
	if (!!p->prev_sibling != (above && !above->dead))
		return "not in the list of its parent's children, or in that of a dead one";
	if (p->prev_sibling && *p->prev_sibling != p)
		return "a list of children is broken backwards";
	for (const struct process *c = p->children; c; c = c->next_sibling)
		if (c->dead || !c->forked_by || c->forked_by->process != p)
			return "a stranger in a list of children";
	return NULL;
}

/* NULL, or what is wrong. */
static inline const char *check_table(const struct table *t)
{
	size_t held = 0, live = 0, mapped = 0;
	struct image_list l = { 0 };
	const char *wrong;

	FOR_EACH_HELD(t, b, p)
	{
		held++;
		live += !p->dead;
		image_list_add(&l, p->image);
		image_list_add(&l, p->forked_by);
	}
	image_list_unique(&l);
	wrong = check_images(t, &l);
	FOR_EACH_HELD(t, b, p)
	if (!wrong)
		wrong = check_process(t, &l, p);
	free(l.at);
	for (size_t b = 0; b < t->n_buckets; b++) {
		for (const struct process *p = t->pids[b]; p; p = p->next_pid) {
			const struct process *found = table_find(t, p->pid);

			mapped++;
			if (p->dead)
				return "a dead process is in the pid map";
			if (!found || found->pid != p->pid || found->start < p->start)
				return "a live process is not found by its pid";
		}
	}
	if (held != t->stats.processes)
		return "the number of processes is not that of those held";
	if (live != mapped || mapped != t->n_processes)
		return "the pid map does not hold the live processes";
	return wrong;
}

#endif

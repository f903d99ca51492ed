/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writer's files share: making and giving up processes and images (table.c), moving them in
 * the tree (lineage.c), following events (follow.c).
 */
#ifndef TSR_PROCESS_EDIT_H
#define TSR_PROCESS_EDIT_H

#include "process/table.h"

/* Around changes of a process and its images that belong together; they nest. */
static inline void change_begin(struct process *p)
{
	if (!p->changing++)
		__atomic_store_n(&p->seq, p->seq + 1, __ATOMIC_RELAXED);
}

static inline void change_end(struct process *p)
{
	if (!--p->changing)
		PUBLISH(p->seq, p->seq + 1);
}

/* table.c */

/* Within a change, which the caller ends: nobody sees what is made only half. */
struct process *process_new(struct table *t, uint32_t pid, uint64_t start, uint8_t origin);
struct image *image_new(struct table *t, struct process *p);
struct image *image_ref(struct image *i);
void image_put(struct table *t, struct image *i);
struct info *info_new(struct table *t);
void info_put(struct table *t, struct info *i); /* NULL is fine */
void retire(struct table *t, struct process *p, uint64_t when);

struct args *args_new(struct table *t, const void *bytes, size_t len);
void args_put(struct table *t, struct args *a);

/* Leaves names and ids. */
void make_stub(struct table *t, struct image *i);

/* Arguments longer than max bytes are cut, to none if max is 0, and marked. */
void image_cut_argv(struct table *t, struct image *i, size_t max);

/* Sets a string, or nothing if it is empty; within a change if readers know the place. */
void set_istr(struct table *t, struct istr **at, str_t s);
void set_flag(struct image *i, uint32_t flag, bool on);
void forget_rendered(struct table *t, struct image *i);

/* /proc tells start times to the tick only: the first that knows better is believed. */
bool same_start(struct table *t, struct process *p, uint64_t start);

/* The same as table_lookup() for one that is there now: older ones with its pid have ended. */
struct process *lookup_live(struct table *t, uint32_t pid, uint64_t start);

/* follow.c: an image that began at ktime is one that we have not seen. */
bool is_newer_image(const struct process *p, uint64_t ktime);

/* lineage.c */
bool can_be_parent(const struct process *p, const struct image *parent);
/* image NULL: none. False: it cannot be. */
bool set_parent(struct table *t, struct process *p, struct image *image);
void unlink_parent(struct process *p);
void set_parent_missing(struct process *p, bool missing);
void follow_parent(struct table *t, struct process *p, uint32_t ppid, uint64_t start,
		   enum reparent_path path);
void give_children(struct table *t, struct process *p, const struct ev_exit *x);
void ask_for_parent(struct table *t, const struct process *p);
struct image *parent_get(struct table *t, uint32_t pid, uint64_t start);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "process/lookup.h"

#include <string.h>

#include "base/clock.h"
#include "process/edit.h"
#include "wire.h"

#define SHARE_WINDOW   NS_PER_SEC      /* in which the time spent is looked at */
#define FIRST_SPENDING (5 * NS_PER_MS) /* of a window goes without being looked at */

void lookup_init(struct lookup *l, struct table *t, const struct lookup_ops *ops, void *user)
{
	memset(l, 0, sizeof(*l));
	l->table = t;
	l->ops = *ops;
	l->user = user;
}

/* Whether a pid may be asked for in /proc; asking counts. */
static bool may_ask(struct lookup *l, uint32_t pid)
{
	size_t slot = rcumap_hash(pid) % LOOKUP_LIMITER;
	uint64_t now = clock_boot_ns();

	if (l->asked[slot].pid == pid && l->asked[slot].at &&
	    now - l->asked[slot].at < LOOKUP_AGAIN_S * NS_PER_SEC) {
		l->stats.limited++;
		return false;
	}
	l->asked[slot].pid = pid;
	l->asked[slot].at = now;
	return true;
}

static bool ask_kernel_map(struct lookup *l, uint32_t pid, uint64_t start)
{
	bool found;

	if (!l->ready || !l->ops.kernel_map || l->depth >= LOOKUP_DEPTH)
		return false;
	l->depth++;
	found = !l->ops.kernel_map(l->user, pid, start);
	l->depth--;
	return found;
}

static bool ask_procfs(struct lookup *l, uint32_t pid, uint64_t start)
{
	uint64_t begin = clock_boot_ns(), took;
	bool found;

	if (!l->ops.procfs || l->depth >= LOOKUP_DEPTH || !may_ask(l, pid))
		return false;
	l->depth++;
	found = !l->ops.procfs(l->user, pid, start);
	l->depth--;
	if (l->depth || l->quiet) /* its time is in that of the one who asked first, or nobody's */
		return found;
	took = clock_boot_ns() - begin;
	l->spent += took;
	l->stats.procfs_ns += took;
	if (took > l->stats.procfs_max_ns)
		l->stats.procfs_max_ns = took;
	return found;
}

/* Whether there is time for /proc while events wait. */
static bool has_time(struct lookup *l)
{
	uint64_t now = clock_boot_ns();

	if (now - l->spent_since > SHARE_WINDOW) {
		l->spent_since = now;
		l->spent = 0;
	}
	return l->spent < FIRST_SPENDING || l->spent * LOOKUP_SHARE < now - l->spent_since;
}

static void put_off(struct lookup *l, uint32_t pid, uint64_t start)
{
	if (l->n_pending == LOOKUP_PENDING) {
		l->stats.given_up++;
		return;
	}
	l->stats.deferred++;
	l->pending[l->n_pending].pid = pid;
	l->pending[l->n_pending++].start = start;
}

static bool has_inode(const struct image *i, uint64_t inode)
{
	return !inode || !i->info || !i->info->file.ino || i->info->file.ino == inode;
}

struct image *lookup_resolve(struct lookup *l, uint32_t pid, uint64_t inode, bool procfs)
{
	struct process *p = pid ? table_find(l->table, pid) : NULL;

	if (!pid)
		return NULL;
	if (p && has_inode(p->image, inode)) {
		l->stats.hits[HIT_CACHE]++;
		return p->image;
	}
	l->stats.inode_mismatch += p != NULL;
	if (ask_kernel_map(l, pid, 0)) {
		p = table_find(l->table, pid);
		if (p && has_inode(p->image, inode)) {
			l->stats.hits[HIT_KERNEL_MAP]++;
			return p->image;
		}
	}
	if (procfs && ask_procfs(l, pid, 0)) {
		p = table_find(l->table, pid);
		if (p) {
			l->stats.hits[HIT_PROCFS]++;
			if (!has_inode(p->image, inode)) {
				l->stats.inode_mismatch++;
				set_parent_missing(p, true);
			}
			return p->image;
		}
	}
	l->stats.misses++;
	return NULL;
}

/* The event's word on one process: asked for if it is not known, or runs an image that is not. */
static void need(struct lookup *l, uint32_t pid, uint64_t start, uint64_t image, bool gone)
{
	struct process *p;

	if (!pid)
		return;
	p = table_lookup(l->table, pid, start);
	if (p ? !is_newer_image(p, image) : table_ended(l->table, pid, start) != NULL)
		return;
	if (ask_kernel_map(l, pid, start)) {
		l->stats.hits[HIT_KERNEL_MAP]++;
		return;
	}
	if (gone || !l->ops.procfs) {
		l->stats.misses++;
		return;
	}
	if (!has_time(l)) {
		put_off(l, pid, start);
		return;
	}
	if (ask_procfs(l, pid, start))
		l->stats.hits[HIT_PROCFS]++;
	else
		l->stats.misses++;
}

void lookup_before(struct lookup *l, const struct tsr_event *ev)
{
	const struct ev_task *task = &ev->task;
	bool is_exec = ev->def->id == TSR_EVENT_SCHED_PROCESS_EXEC;

	/* Whom an event from before the snapshot names and the snapshot does not, is gone. */
	if (!l->ready || !ev->has_task || ev->ktime < l->table->snapshot_end)
		return;
	/* A walk tells of all of them. */
	if (is_exec && ev->exec.snapshot &&
	    (ev->exec.walk == WALK_SNAPSHOT || ev->exec.walk == WALK_AFTER_LOSS))
		return;
	need(l, task->ppid, task->parent_start, 0, false);
	if (ev->def->id == TSR_EVENT_SCHED_PROCESS_FORK && ev->fork.ppid != task->ppid &&
	    ev->fork.ppid != task->pid)
		need(l, ev->fork.ppid, ev->fork.parent_start, 0, false);
	if (is_exec) /* it says itself who it is */
		return;
	need(l, task->pid, task->start, task->image, ev->def->id == TSR_EVENT_SCHED_PROCESS_EXIT);
}

unsigned int lookup_reparent(struct lookup *l, struct image *i)
{
	const struct table_stats *s = &l->table->stats;
	uint64_t *failed = &l->table->stats.reparent_failed[REPARENT_LOOKUP];
	unsigned int n = 0;

	for (int level = 0; i && level < REPARENT_LEVELS; level++) {
		const struct image *above = i->parent;
		const struct process *p = image_process(i);
		uint64_t before = s->reparented[REPARENT_LOOKUP];

		if (i->pid == 1)
			break;
		if (!above || image_is(above, IMAGE_DEAD)) {
			uint64_t failed_before = *failed;

			/* of one that has ended nobody says who its parent was */
			if (p)
				ask_procfs(l, p->pid, p->start);
			if (i->parent == above && *failed == failed_before)
				++*failed;
			n += s->reparented[REPARENT_LOOKUP] > before || (!above && i->parent);
		}
		i = i->parent;
	}
	return n;
}

static void take_orphans(struct lookup *l)
{
	struct table *t = l->table;

	for (size_t i = 0; i < t->n_orphans; i++)
		put_off(l, t->orphans[i].pid, t->orphans[i].start);
	t->n_orphans = 0;
}

void lookup_tend(struct lookup *l, uint64_t max_ns)
{
	uint64_t end = clock_boot_ns() + max_ns;

	take_orphans(l);
	l->quiet = true;
	while (l->n_pending && clock_boot_ns() < end) {
		uint32_t pid = l->pending[--l->n_pending].pid;

		const struct process *p =
			table_lookup(l->table, pid, l->pending[l->n_pending].start);

		if (p && (!p->image->parent || image_is(p->image->parent, IMAGE_DEAD)))
			lookup_reparent(l, p->image);
		else if (ask_procfs(l, pid, l->pending[l->n_pending].start))
			l->stats.hits[HIT_PROCFS]++;
		else
			l->stats.misses++;
	}
	l->quiet = false;
}

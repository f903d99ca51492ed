/* SPDX-License-Identifier: Apache-2.0 */
#include "process/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "process/ident.h"
#include "process/recent.h"

#define EXEC_CHAIN_MAX 16 /* exec edges that are kept below an image */
#define OLD_ARGS_MAX   4096
#define LINEAGE_MAX    4096 /* steps of a walk: more than there can be, a cycle ends here */

void table_init(struct table *t, int64_t boot_offset)
{
	memset(t, 0, sizeof(*t));
	t->n_buckets = 1024;
	t->pids = xcalloc(t->n_buckets, sizeof(struct process *));
	t->entities = xcalloc(t->n_buckets, sizeof(struct process *));
	t->boot_offset = boot_offset;
	t->recent = xcalloc(1, sizeof(*t->recent));
	intern_init(&t->strings);
}

static uint32_t mix(uint32_t x)
{
	return x * 0x9e3779b1u >> 7;
}

static struct process **pid_bucket(const struct table *t, uint32_t pid)
{
	return &t->pids[mix(pid) & (t->n_buckets - 1)];
}

static struct process **entity_bucket(const struct table *t, uint32_t id)
{
	return &t->entities[id & (t->n_buckets - 1)];
}

static void grow(struct table *t)
{
	size_t old = t->n_buckets;
	struct process **pids = t->pids, **entities = t->entities;

	t->n_buckets *= 2;
	t->pids = xcalloc(t->n_buckets, sizeof(struct process *));
	t->entities = xcalloc(t->n_buckets, sizeof(struct process *));
	for (size_t i = 0; i < old; i++) {
		for (struct process *p = pids[i], *next; p; p = next) {
			struct process **b = pid_bucket(t, p->pid);

			next = p->next_pid;
			p->next_pid = *b;
			*b = p;
		}
		for (struct process *p = entities[i], *next; p; p = next) {
			struct process **b = entity_bucket(t, p->entity_id);

			next = p->next_entity;
			p->next_entity = *b;
			*b = p;
		}
	}
	free(pids);
	free(entities);
}

/*
 * Around the snapshot there can be two with a pid for a moment: the one that the snapshot saw, and
 * an older one whose last events are still in the ring.
 */
struct process *table_find(const struct table *t, uint32_t pid)
{
	struct process *newest = NULL;

	for (struct process *p = *pid_bucket(t, pid); p; p = p->next_pid)
		if (p->pid == pid && (!newest || p->start > newest->start))
			newest = p;
	return newest;
}

/* Held, or of one that ended a moment ago. */
static bool entity_taken(const struct table *t, uint32_t id)
{
	if (recent_has(t->recent, id, t->now_ms))
		return true;
	for (const struct process *p = *entity_bucket(t, id); p; p = p->next_entity)
		if (p->entity_id == id)
			return true;
	return false;
}

/* Unique among those held: a newcomer that collides is hashed again, in a way that repeats. */
static void assign_entity(struct table *t, struct process *p)
{
	uint64_t start = entity_start(p->start, t->boot_offset);
	uint32_t id = entity_hash(p->pid, start);
	struct process **b;

	for (uint32_t salt = 1; entity_taken(t, id); salt++) {
		t->stats.entity_collisions++;
		id = entity_hash(p->pid ^ id, start + salt * ENTITY_FLOOR);
	}
	p->entity_id = id;
	b = entity_bucket(t, id);
	p->next_entity = *b;
	*b = p;
}

static void args_put(struct args *a)
{
	if (a && !--a->refs)
		free(a);
}

static void forget_rendered(struct image *i)
{
	args_put(i->rendered);
	i->rendered = NULL;
}

static void set_comm(struct image *i, const char *comm)
{
	if (!i || !memcmp(i->comm, comm, sizeof(i->comm))) /* one that has ended has no image */
		return;
	memcpy(i->comm, comm, sizeof(i->comm));
	forget_rendered(i);
}

static void unlink_parent(struct process *p)
{
	if (!p->prev_sibling)
		return;
	*p->prev_sibling = p->next_sibling;
	if (p->next_sibling)
		p->next_sibling->prev_sibling = p->prev_sibling;
	p->prev_sibling = NULL;
	p->next_sibling = NULL;
}

/* Gives up a process that nobody refers to; what is left is its reference to this image. */
static struct image *process_free(struct table *t, struct process *p)
{
	struct process **at = entity_bucket(t, p->entity_id);
	struct image *forked_by = p->forked_by;

	unlink_parent(p);
	while (*at != p)
		at = &(*at)->next_entity;
	*at = p->next_entity;
	free(p);
	t->stats.processes--;
	return forked_by;
}

/*
 * Frees what nobody refers to any more: an image and those below it, with the last one its
 * process, then the image that forked that. In a loop: how long a line of dead ancestors gets is
 * up to whoever forks.
 */
static void image_put(struct table *t, struct image *i)
{
	while (i) {
		struct process *p = i->process; /* exec edges stay within it */

		while (i && !--i->refs) {
			struct image *previous = i->previous;

			intern_put(&t->strings, i->exe);
			intern_put(&t->strings, i->cwd);
			intern_put(&t->strings, i->cgroup);
			intern_put(&t->strings, i->tty);
			args_put(i->argv);
			args_put(i->rendered);
			args_put(i->rendered_self);
			free(i);
			t->stats.images--;
			p->refs--;
			i = previous;
		}
		i = p->refs ? NULL : process_free(t, p);
	}
}

static void process_put(struct table *t, struct process *p)
{
	if (!--p->refs)
		image_put(t, process_free(t, p));
}

static struct image *image_new(struct table *t, struct process *p)
{
	struct image *i = xcalloc(1, sizeof(*i));

	i->process = p;
	i->refs = 1;
	p->refs++;
	t->stats.images++;
	return i;
}

static struct image *image_ref(struct image *i)
{
	if (i)
		i->refs++;
	return i;
}

static bool same_str(const struct istr *a, str_t s)
{
	return a ? a->len == s.len && !memcmp(a->s, s.bytes, s.len) : !s.len;
}

static void set_istr(struct table *t, struct istr **at, str_t s)
{
	struct istr *old = *at;

	*at = s.len ? intern_get(&t->strings, s.bytes, s.len) : NULL;
	intern_put(&t->strings, old);
}

static void set_tty(struct table *t, struct image *i, const struct ev_task *task)
{
	str_t tty = { task->tty, strnlen(task->tty, EV_TTY_LEN) };

	if (!same_str(i->tty, tty))
		set_istr(t, &i->tty, tty);
}

static struct process *process_new(struct table *t, uint32_t pid, uint64_t start, uint8_t origin)
{
	struct process *p = xcalloc(1, sizeof(*p)), **b;

	p->pid = pid;
	p->start = start;
	p->origin = origin;
	p->refs = 1; /* the pid map's */
	assign_entity(t, p);
	b = pid_bucket(t, pid);
	p->next_pid = *b;
	*b = p;
	t->n_processes++;
	if (++t->stats.processes > t->n_buckets) /* the dead are in the entity map too */
		grow(t);
	return p;
}

/*
 * No process is its own ancestor: a message that says so is wrong, and following it would make a
 * cycle that is never freed. A parent is older than its children, in ticks at least, as /proc has
 * them; so only within a tick is there something to look for.
 */
static bool can_be_parent(const struct process *p, const struct process *parent)
{
	uint64_t tick = p->start / TICK_NS;

	for (int steps = 0; steps < LINEAGE_MAX; steps++) {
		if (parent == p || parent->start / TICK_NS > tick)
			return false;
		if (parent->start / TICK_NS < tick || !parent->forked_by)
			return true;
		parent = parent->forked_by->process;
	}
	return false;
}

static void set_parent(struct table *t, struct process *p, struct process *parent,
		       struct image *image)
{
	struct image *old = p->forked_by;

	if (parent && !can_be_parent(p, parent))
		return;
	unlink_parent(p);
	p->forked_by = image_ref(image);
	image_put(t, old);
	if (!parent || parent->dead)
		return;
	p->next_sibling = parent->children;
	p->prev_sibling = &parent->children;
	if (parent->children)
		parent->children->prev_sibling = &p->next_sibling;
	parent->children = p;
}

/* Takes it out of the map; its images stay while something descends from them. */
static void retire(struct table *t, struct process *p)
{
	struct process **at = pid_bucket(t, p->pid);
	struct image *newest = p->image;

	if (p->dead)
		return;
	recent_add(t->recent, p->entity_id, t->now_ms);
	while (*at != p)
		at = &(*at)->next_pid;
	*at = p->next_pid;
	t->n_processes--;
	p->dead = true;
	unlink_parent(p);
	while (p->children)
		unlink_parent(p->children);
	p->image = NULL;
	image_put(t, newest);
	process_put(t, p);
}

/* /proc tells start times to the tick only: the first that knows better is believed. */
static bool same_start(struct process *p, uint64_t start)
{
	if (p->start == start)
		return true;
	if (p->start - p->start % TICK_NS != start - start % TICK_NS)
		return false;
	if (start % TICK_NS == 0) /* it is the one asked for who knows no better */
		return true;
	if (!p->start_coarse)
		return false;
	if (p->image && p->image->ktime == p->start) {
		p->image->ktime = start;
		forget_rendered(p->image);
	}
	p->start = start;
	p->start_coarse = false;
	return true;
}

/* The live process with this identity, or NULL. */
static struct process *lookup(const struct table *t, uint32_t pid, uint64_t start)
{
	struct process *p = *pid_bucket(t, pid);

	while (p && !(p->pid == pid && same_start(p, start)))
		p = p->next_pid;
	return p;
}

/* The same for one that is there now: older ones with its pid have ended without our seeing. */
static struct process *lookup_live(struct table *t, uint32_t pid, uint64_t start)
{
	for (struct process *p = *pid_bucket(t, pid), *next; p; p = next) {
		next = p->next_pid;
		if (p->pid == pid && p->start < start && !same_start(p, start)) {
			t->stats.reused_pids++;
			retire(t, p);
		}
	}
	return lookup(t, pid, start);
}

/* Whether an exit of this one was seen lately. */
static bool has_ended(const struct table *t, uint32_t pid, uint64_t start)
{
	return recent_has(t->recent, entity_hash(pid, entity_start(start, t->boot_offset)),
			  t->now_ms);
}

static void set_ids(struct process *p, const struct ev_task *task)
{
	p->ns_pid = task->ns_pid;
	p->uid = task->uid;
	p->gid = task->gid;
	p->euid = task->euid;
}

/*
 * A parent that we know by its pid only: what shows above a process is never somebody else. Who it
 * is above that is not known, which lineage_complete() then says.
 */
static struct process *parent_get(struct table *t, uint32_t pid, uint64_t start)
{
	struct process *p = lookup(t, pid, start);

	if (p)
		return p;
	p = process_new(t, pid, start, FROM_PLACEHOLDER);
	t->stats.placeholders++;
	p->image = image_new(t, p);
	p->image->argv_truncated = true;
	p->image->ktime = start;
	p->ns_pid = pid;
	p->unknown_parent = true;
	return p;
}

/* The kernel's word on who the parent is now: the edge follows it. */
static void follow_parent(struct table *t, struct process *p, uint32_t ppid, uint64_t start)
{
	struct process *above = p->forked_by ? p->forked_by->process : NULL;
	struct process *parent;

	p->ppid = ppid;
	p->parent_start = start;
	p->unknown_parent = false;
	if (!ppid) {
		set_parent(t, p, NULL, NULL);
		return;
	}
	/* The edge names the image that forked, which need not be the parent's newest. */
	if (above && above->pid == ppid && same_start(above, start))
		return;
	if (start / TICK_NS > p->start / TICK_NS) /* not even a placeholder for what can't be */
		return;
	parent = parent_get(t, ppid, start);
	set_parent(t, p, parent, parent->image);
	/*
	 * Between the exit event of a parent and the moment when the kernel gives its children
	 * away, they still name it: it stays as an ancestor, but it does not live again.
	 */
	if (parent->unknown_parent && has_ended(t, ppid, start))
		retire(t, parent);
}

/* A process whose beginning we did not see: as much as its own event says. */
static struct process *placeholder(struct table *t, const struct ev_task *task)
{
	struct process *p = process_new(t, task->pid, task->start, FROM_PLACEHOLDER);

	t->stats.placeholders++;
	p->image = image_new(t, p);
	p->image->argv_truncated = true; /* they were never seen */
	p->image->ktime = task->image;
	memcpy(p->image->comm, task->comm, sizeof(p->image->comm));
	set_ids(p, task);
	return p;
}

static struct process *actor(struct table *t, const struct tsr_event *ev)
{
	const struct ev_task *task = &ev->task;
	struct process *p = lookup_live(t, task->pid, task->start);

	if (!p)
		p = placeholder(t, task);
	else if (p->snapshot_at > ev->ktime) /* what it says of the process is out of date */
		return p;
	set_ids(p, task);
	if (task->pid == task->tid)
		set_comm(p->image, task->comm);
	set_tty(t, p->image, task);
	follow_parent(t, p, task->ppid, task->parent_start);
	return p;
}

/* i is a new image, or that of a placeholder: nothing is in it yet, but it may have been shown. */
static void image_inherit(struct image *i, const struct image *from)
{
	forget_rendered(i);
	args_put(i->rendered_self);
	i->exe = istr_ref(from->exe);
	i->cwd = istr_ref(from->cwd);
	i->cgroup = istr_ref(from->cgroup);
	i->tty = istr_ref(from->tty);
	i->argv = from->argv;
	if (i->argv)
		i->argv->refs++;
	i->rendered_self = from->rendered_self;
	if (i->rendered_self)
		i->rendered_self->refs++;
	i->argv_truncated = from->argv_truncated;
	i->exe_deleted = from->exe_deleted;
	i->cwd_deleted = from->cwd_deleted;
	memcpy(i->comm, from->comm, sizeof(i->comm));
}

static bool apply_fork(struct table *t, struct tsr_event *ev)
{
	const struct ev_fork *f = &ev->fork;
	struct process *parent = actor(t, ev), *child;

	ev->process = parent;
	ev->image = parent->image;
	child = lookup_live(t, f->child_pid, f->child_start);
	/* The snapshot can show a child before its fork's event: whatever the times, it is known. */
	if (child && child->snapshot_at) {
		t->stats.stale++;
		return false;
	}
	if (!child) {
		child = process_new(t, f->child_pid, f->child_start, FROM_EVENT);
		child->image = image_new(t, child);
		child->unknown_parent = true;
	}
	/* Or it was known by name only, as the parent of one in the snapshot. */
	if (child->unknown_parent) {
		image_inherit(child->image, parent->image);
		child->image->ktime = f->child_start;
		memcpy(child->image->comm, ev->task.comm, sizeof(child->image->comm));
		child->origin = FROM_EVENT;
		child->ns_pid = f->child_ns_pid;
		child->uid = ev->task.uid;
		child->gid = ev->task.gid;
		child->euid = ev->task.euid;
		follow_parent(t, child, f->ppid, f->parent_start);
	}
	ev->child = child;
	return true;
}

static struct args *args_new(str_t s)
{
	struct args *a;

	if (!s.len)
		return NULL;
	a = xmalloc(sizeof(*a) + s.len + 1);
	a->refs = 1;
	a->len = (uint32_t)s.len;
	memcpy(a->bytes, s.bytes, s.len);
	/* One that was cut in the middle: every string in the state ends in NUL. */
	if (a->bytes[a->len - 1])
		a->bytes[a->len++] = '\0';
	return a;
}

static void fill_image(struct table *t, struct image *i, const struct tsr_event *ev)
{
	const struct ev_exec *e = &ev->exec;

	set_istr(t, &i->exe, e->path);
	set_istr(t, &i->cwd, e->cwd);
	set_istr(t, &i->cgroup, e->cgroup);
	set_tty(t, i, &ev->task);
	i->argv = args_new(e->args);
	i->argv_truncated = e->cut & EV_CUT_ARGV;
	i->exe_deleted = e->deleted;
	i->cwd_deleted = e->cwd_deleted;
	i->ktime = e->image;
	memcpy(i->comm, ev->task.comm, sizeof(i->comm));
}

/* The snapshot caught a process within this very exec: the image is there already. */
static bool seen_in_snapshot(const struct process *p, const struct tsr_event *ev)
{
	return p->snapshot_at && p->image->is_exec && !p->image->previous &&
	       p->image->ktime == p->start && ev->ktime - p->snapshot_at < 1000000000ULL &&
	       same_str(p->image->exe, ev->exec.path);
}

static void apply_snapshot(struct table *t, struct tsr_event *ev)
{
	const struct ev_task *task = &ev->task;
	struct process *p = lookup_live(t, task->pid, task->start), *parent;

	if (!p)
		p = process_new(t, task->pid, task->start, FROM_SNAPSHOT);
	else
		image_put(t, p->image);
	p->snapshot_at = ev->ktime;
	if (t->snapshot_end < ev->ktime)
		t->snapshot_end = ev->ktime;
	p->kthread = ev->exec.kthread;
	p->start_coarse = ev->exec.procfs && task->start % TICK_NS == 0;
	p->image = image_new(t, p);
	fill_image(t, p->image, ev);
	p->image->is_exec = !ev->exec.no_exec && !ev->exec.kthread;
	set_ids(p, task);
	p->ppid = task->ppid;
	p->parent_start = task->parent_start;
	p->unknown_parent = false;
	parent = p->ppid ? lookup(t, p->ppid, p->parent_start) : NULL;
	if (parent)
		set_parent(t, p, parent, parent->image);
	else if (p->ppid)
		t->unlinked = true;
	ev->process = p;
	ev->image = p->image;
}

/*
 * The snapshot goes by pid: where pids have wrapped, a child comes before its parent. A parent that
 * is not there at all has ended while the snapshot was taken; its exit, which says who has the
 * children now, is still to come.
 */
void table_link(struct table *t)
{
	struct process **orphans;
	size_t n = 0;

	if (!t->unlinked)
		return;
	t->unlinked = false;
	orphans = xcalloc(t->n_processes, sizeof(struct process *));
	for (size_t i = 0; i < t->n_buckets; i++)
		for (struct process *p = t->pids[i]; p; p = p->next_pid)
			if (!p->forked_by && p->ppid)
				orphans[n++] = p;
	for (size_t i = 0; i < n; i++) {
		struct process *p = orphans[i], *parent;

		if (p->parent_start / TICK_NS > p->start / TICK_NS)
			continue;
		parent = parent_get(t, p->ppid, p->parent_start);
		if (parent->unknown_parent)
			parent->start_coarse = p->start_coarse;
		set_parent(t, p, parent, parent->image);
	}
	free(orphans);
}

/* Of an image that is over, arguments of kilobytes are not kept; that they are cut is. */
static void shrink(struct image *i)
{
	if (!i->argv || i->argv->len <= OLD_ARGS_MAX)
		return;
	args_put(i->argv);
	i->argv = NULL;
	i->argv_truncated = true;
	args_put(i->rendered_self);
	i->rendered_self = NULL;
}

/* Who execs all the time is not to fill the memory: the newest images stay. */
static void cut_chain(struct table *t, struct image *i)
{
	for (int n = 0; i && n < EXEC_CHAIN_MAX; n++)
		i = i->previous;
	if (i && i->previous) {
		image_put(t, i->previous);
		i->previous = NULL;
	}
}

static bool apply_exec(struct table *t, struct tsr_event *ev)
{
	struct process *p;
	struct image *old, *i;
	bool seen;

	if (ev->exec.snapshot) {
		apply_snapshot(t, ev);
		return false;
	}
	p = lookup_live(t, ev->task.pid, ev->task.start);
	if (!p)
		p = placeholder(t, &ev->task);
	ev->process = p;
	old = p->image;
	if (p->snapshot_at > ev->ktime) {
		t->stats.stale++;
		ev->image = old;
		return false;
	}
	ev->prev_comm = ev->exec.prev_comm;
	if (!ev->prev_comm.len) { /* old may go below */
		memcpy(ev->prev_comm_copy, old->comm, sizeof(ev->prev_comm_copy));
		ev->prev_comm = (str_t){ ev->prev_comm_copy, strnlen(old->comm, EV_COMM_LEN) };
	}
	set_ids(p, &ev->task);
	follow_parent(t, p, ev->task.ppid, ev->task.parent_start);
	seen = seen_in_snapshot(p, ev);
	i = image_new(t, p);
	fill_image(t, i, ev);
	i->is_exec = true;
	i->is_exec_exec = old->is_exec && !seen;
	p->image = i;
	if (p->origin != FROM_PLACEHOLDER && !seen) {
		i->previous = old; /* its reference goes with it */
		shrink(old);
		cut_chain(t, i);
	} else {
		image_put(t, old);
	}
	ev->image = i;
	return true;
}

/* The kernel gives the children of one that ends to its reaper. */
static void give_children(struct table *t, struct process *p, const struct ev_exit *x)
{
	struct process *reaper = x->reaper_pid ? lookup(t, x->reaper_pid, x->reaper_start) : NULL;

	while (p->children) {
		struct process *child = p->children;

		if (!reaper || reaper == p || !can_be_parent(child, reaper)) {
			unlink_parent(child);
			continue;
		}
		child->ppid = reaper->pid;
		child->parent_start = reaper->start;
		set_parent(t, child, reaper, reaper->image);
	}
}

static bool apply_exit(struct table *t, struct tsr_event *ev)
{
	const struct ev_task *task = &ev->task;
	struct process *p;

	/* Its last threads can race in the kernel, and each report the end of all. */
	if (!lookup_live(t, task->pid, task->start) && has_ended(t, task->pid, task->start)) {
		t->stats.stale++;
		return false;
	}
	p = actor(t, ev);
	ev->process = p;
	ev->image = p->image;
	ev->run_time = ev->ktime > p->start ? ev->ktime - p->start : 0;
	give_children(t, p, &ev->exit);
	/* It began before the hooks were there and was gone before the snapshot: none of ours. */
	if (p->origin == FROM_PLACEHOLDER && !p->image->is_exec && ev->ktime < t->snapshot_end) {
		t->stats.stale++;
		return false;
	}
	return true;
}

bool table_apply(struct table *t, struct tsr_event *ev)
{
	ev->boot_offset = t->boot_offset;
	t->now_ms = (uint32_t)(ev->ktime / 1000000);
	if (!(ev->def->id == TSR_EVENT_SCHED_PROCESS_EXEC && ev->exec.snapshot))
		table_link(t);
	switch (ev->def->id) {
	case TSR_EVENT_SCHED_PROCESS_FORK:
		return apply_fork(t, ev);
	case TSR_EVENT_SCHED_PROCESS_EXEC:
		return apply_exec(t, ev);
	case TSR_EVENT_SCHED_PROCESS_EXIT:
		return apply_exit(t, ev);
	default:
		if (ev->has_task) {
			ev->process = actor(t, ev);
			ev->image = ev->process->image;
		}
		return true;
	}
}

void table_done(struct table *t, struct tsr_event *ev)
{
	struct process *p = ev->process;

	if (!p)
		return;
	if (ev->def->id == TSR_EVENT_SCHED_PROCESS_EXIT)
		retire(t, p);
	else if (ev->def->id == TSR_EVENT_TASK_RENAME && ev->task.tid == p->pid &&
		 p->snapshot_at <= ev->ktime)
		set_comm(p->image, ev->rename.new_name);
}

void image_keep(struct args **place, const char *bytes, size_t len)
{
	struct args *a = xmalloc(sizeof(*a) + len);

	a->refs = 1;
	a->len = (uint32_t)len;
	memcpy(a->bytes, bytes, len);
	args_put(*place);
	*place = a;
}

bool lineage_complete(const struct process *p)
{
	for (int steps = 0; steps < LINEAGE_MAX; steps++) {
		if (!p->forked_by)
			return !p->ppid && !p->unknown_parent;
		if (p->forked_by->process->pid != p->ppid && !p->dead)
			return false;
		p = p->forked_by->process;
	}
	return false;
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n_buckets; i++)
		while (t->pids[i])
			retire(t, t->pids[i]);
	free(t->pids);
	free(t->entities);
	free(t->recent);
	intern_free(&t->strings);
	memset(t, 0, sizeof(*t));
}

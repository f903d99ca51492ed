/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following events: what a fork, an exec, an exit does to the table, what the snapshot and later
 * walks through the kernel's processes say, and what is left when some of that was lost.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/env.h"
#include "process/edit.h"
#include "wire.h"

#define EXEC_CHAIN_MAX \
	16 /* images below the newest that are kept though nothing descends from them */
#define OLD_ARGS_MAX 4096 /* bytes of arguments that an image that is over keeps */

static void set_comm(struct table *t, struct process *p, const char *comm)
{
	str_t s = { comm, strnlen(comm, EV_COMM_LEN) };
	struct image *i = p->image;

	if (i->comm && i->comm->len == s.len && !memcmp(i->comm->s, s.bytes, s.len))
		return;
	change_begin(p);
	set_istr(t, &i->comm, s);
	change_end(p);
	forget_rendered(t, i);
}

static void set_creds(struct table *t, struct process *p, const struct ev_task *task)
{
	const struct creds c = {
		.uid = task->uid,
		.gid = task->gid,
		.suid = task->suid,
		.sgid = task->sgid,
		.euid = task->euid,
		.egid = task->egid,
		.fsuid = task->fsuid,
		.fsgid = task->fsgid,
		.auid = task->auid,
		.sessionid = task->sessionid,
		.cap_permitted = task->cap_permitted,
		.cap_effective = task->cap_effective,
		.cap_inheritable = task->cap_inheritable,
	};

	if (p->creds && !memcmp(p->creds->s, &c, sizeof(c)))
		return;
	table_set_creds(t, p, &c);
}

static void set_ids(struct table *t, struct process *p, const struct ev_task *task)
{
	PUBLISH(p->ns_pid, task->ns_pid);
	/* threads can have credentials of their own; the process's are those of its leader */
	if (task->pid == task->tid || !p->creds)
		set_creds(t, p, task);
}

static void set_tty(struct table *t, struct process *p, const struct ev_task *task)
{
	str_t tty = { task->tty, strnlen(task->tty, EV_TTY_LEN) };
	struct info *info = p->image->info;

	if (info->tty ? info->tty->len == tty.len && !memcmp(info->tty->s, tty.bytes, tty.len)
		      : !tty.len)
		return;
	change_begin(p);
	set_istr(t, &info->tty, tty);
	change_end(p);
}

/* A process whose beginning we did not see: as much as its own event says. Within a change. */
static struct process *placeholder(struct table *t, const struct ev_task *task)
{
	struct process *p = process_new(t, task->pid, task->start, FROM_PLACEHOLDER);

	t->stats.placeholders++;
	set_flag(p->image, IMAGE_ARGV_TRUNCATED, true); /* they were never seen */
	PUBLISH(p->image->ktime, task->image);
	set_comm(t, p, task->comm);
	p->unknown_parent = true;
	set_parent_missing(p, true);
	/* Its end was seen: it is there for this event only. */
	p->ended = table_ended(t, task->pid, task->start);
	t->stats.late += p->ended;
	return p;
}

/* Puts an image in front of the newest, which becomes the one before it. */
static void push_image(struct table *t, struct process *p, struct image *i)
{
	struct image *old = p->image;

	i->previous = old; /* the process's reference becomes the edge's */
	i->parent = image_ref(old->parent);
	i->flags |= (old->flags & IMAGE_PARENT_MISSING) | IMAGE_HEAD;
	change_begin(p);
	set_flag(old, IMAGE_HEAD, false);
	PUBLISH(p->image, i);
	change_end(p);
	rcumap_replace(&t->entities, p->entity_id, old, i);
}

/*
 * Who execs all the time is not to fill the memory: beyond some, images that nothing descends from
 * are taken out of the line. It is looked through only when it has doubled.
 */
static void cut_chain(struct table *t, struct process *p)
{
	struct image *i = p->image;
	uint32_t n = 0;

	if (p->n_images <= EXEC_CHAIN_MAX || p->n_images <= p->scan_at)
		return;
	while (i->previous) {
		struct image *old = i->previous;

		if (++n < EXEC_CHAIN_MAX || old->refs > 1 || !old->previous) {
			i = old;
			continue;
		}
		PUBLISH(i->previous, image_ref(old->previous));
		image_put(t, old);
		t->stats.spliced++;
	}
	p->scan_at = p->n_images > EXEC_CHAIN_MAX ? 2 * p->n_images : 0;
}

/* An image that is over: arguments of kilobytes are not kept; that they are cut is. */
static void shrink(struct table *t, struct image *i)
{
	/* never more than a copy of what forked it */
	if (!image_is(i, IMAGE_IS_EXEC))
		make_stub(t, i);
	else if (i->info && i->info->argv && i->info->argv->len > OLD_ARGS_MAX)
		image_cut_argv(t, i, 0);
}

/*
 * The kernel says that the process runs an image that began after the one we know: its exec was
 * lost. What it is we do not know, but it is not the old one.
 */
static void lost_exec(struct table *t, struct process *p, uint64_t ktime)
{
	struct image *i = image_new(t, p);

	t->stats.lost_execs++;
	i->info = info_new(t);
	i->ktime = ktime;
	i->comm = istr_ref(p->image->comm);
	i->flags = IMAGE_IS_EXEC | IMAGE_EXEC_LOST | IMAGE_ARGV_TRUNCATED |
		   (image_is(p->image, IMAGE_IS_EXEC) ? IMAGE_IS_EXEC_EXEC : 0);
	i->info->tty = istr_ref(p->image->info->tty);
	i->info->cgroup = istr_ref(p->image->info->cgroup);
	i->info->ns = istr_ref(p->image->info->ns);
	push_image(t, p, i);
	shrink(t, i->previous);
	cut_chain(t, p);
}

bool is_newer_image(const struct process *p, uint64_t ktime)
{
	/*
	 * The kernel side names the start where it does not know: of one that was there before us;
	 * /proc always, and only to the tick. What began before we were told what it runs is what we
	 * were told.
	 */
	return ktime > p->image->ktime && ktime > p->told_at &&
	       !(p->start_coarse && ktime / TICK_NS == p->start / TICK_NS);
}

static struct process *actor(struct table *t, const struct tsr_event *ev)
{
	const struct ev_task *task = &ev->task;
	struct process *p = lookup_live(t, task->pid, task->start);

	if (p && p->told_at > ev->ktime) /* what it says of the process is out of date */
		return p;
	if (p)
		change_begin(p);
	else
		p = placeholder(t, task);
	if (is_newer_image(p, task->image))
		lost_exec(t, p, task->image);
	if (p->told_at < ev->ktime)
		p->told_at = ev->ktime;
	set_ids(t, p, task);
	if (task->pid == task->tid)
		set_comm(t, p, task->comm);
	set_tty(t, p, task);
	follow_parent(t, p, task->ppid, task->parent_start, REPARENT_EVENT);
	change_end(p);
	return p;
}

static struct args *args_ref(struct args *a)
{
	if (a)
		a->refs++;
	return a;
}

/* What a copy has of the flags. */
#define INHERITED                                                                             \
	(IMAGE_ARGV_TRUNCATED | IMAGE_EXE_DELETED | IMAGE_CWD_DELETED | IMAGE_ENV_TRUNCATED | \
	 IMAGE_KTHREAD)

/* i is that of a new process, or of a placeholder, which may have been shown. */
static void image_inherit(struct table *t, struct image *i, const struct image *from)
{
	struct info *to = info_new(t), *old = i->info;
	const struct info *f = from->info;

	if (f) /* else it is over, and of a fork that came late */
		*to = *f;
	to->rendered = NULL;
	istr_ref(to->cwd);
	istr_ref(to->cgroup);
	istr_ref(to->tty);
	istr_ref(to->called);
	istr_ref(to->ns);
	args_ref(to->argv);
	args_ref(to->env);
	args_ref(to->rendered_self);
	intern_put(&t->strings, i->exe);
	PUBLISH(i->exe, istr_ref(from->exe));
	set_flag(i, INHERITED, false);
	set_flag(i, from->flags & INHERITED, true);
	PUBLISH(i->info, to);
	info_put(t, old);
}

static struct image *image_began(const struct process *p, uint64_t when)
{
	struct image *i = p->image;

	while (i && i->ktime != when)
		i = i->previous;
	return i;
}

/* What the actor ran: not always its newest image, a message can be late. NULL: it was not seen. */
static struct image *image_then(const struct process *p, const struct tsr_event *ev)
{
	return p->image->ktime <= ev->ktime ? p->image : image_began(p, ev->task.image);
}

/* All that is known of it is its own doing: the fork is still to tell what it is a copy of. */
static bool is_no_copy(const struct process *p)
{
	const struct image *i = p->image;

	return p->unknown_parent ||
	       (!i->exe && !i->previous && i->ktime == p->start && !image_is(i, IMAGE_IS_EXEC));
}

static bool apply_fork(struct table *t, struct tsr_event *ev)
{
	const struct ev_fork *f = &ev->fork;
	uint64_t parent_start = f->parent_start;
	struct process *parent, *child;
	uint32_t ppid = f->ppid;
	struct image *from;

	if (!f->child_pid || !ev->task.pid || f->child_pid == ev->task.pid) {
		t->stats.bad_forks++;
		return false;
	}
	t->stats.forks++;
	parent = actor(t, ev);
	from = image_then(parent, ev);
	ev->process = parent;
	ev->image = from ? from : parent->image;
	child = lookup_live(t, f->child_pid, f->child_start);
	/* The snapshot can show a child before its fork's event: whatever the times, it is known. */
	if (child && child->snapshot_at) {
		t->stats.stale++;
		return false;
	}
	ev->child = child;
	/* Or it was known by name only, as the parent of one in the snapshot. */
	if (child && !is_no_copy(child))
		return true;
	if (child) {
		change_begin(child);
	} else {
		const struct image *ended = table_ended(t, f->child_pid, f->child_start);
		/* a fork's start time is exact: another one within the tick is another one */
		bool over = ended && ended->start == f->child_start;

		child = process_new(t, f->child_pid, f->child_start, FROM_EVENT);
		child->unknown_parent = true;
		child->ended = over; /* it is there for this event only */
		t->stats.late += over;
	}
	ev->child = child;
	if (from)
		image_inherit(t, child->image, from);
	/* what the parent ran then is not known: neither is what the child is a copy of */
	if (from && !from->exe)
		set_flag(child->image, from->flags & IMAGE_EXEC_LOST, true);
	if (child->told_at <= ev->ktime) { /* else its own events came first, and know better */
		PUBLISH(child->image->ktime, f->child_start);
		set_istr(t, &child->image->comm,
			 (str_t){ ev->task.comm, strnlen(ev->task.comm, EV_COMM_LEN) });
		PUBLISH(child->ns_pid, f->child_ns_pid);
		child->told_at = ev->ktime;
		set_creds(t, child, &ev->task);
	}
	PUBLISH(child->origin, FROM_EVENT);
	/* Made for its maker's parent (CLONE_PARENT): that one can have ended just now. */
	if (ppid == ev->task.ppid && parent->ppid &&
	    !image_is(parent->image, IMAGE_PARENT_MISSING)) {
		ppid = parent->ppid;
		parent_start = parent->parent_start;
	}
	if (child->unknown_parent)
		follow_parent(t, child, ppid, parent_start, REPARENT_EVENT);
	if (from && from != parent->image && child->image->parent == parent->image)
		set_parent(t, child, from);
	change_end(child);
	return true;
}

static void count_args(struct table *t, const struct ev_exec *e)
{
	t->stats.path_errors += !!(e->cut & EV_CUT_PATH);
	t->stats.args_truncated += !!(e->cut & EV_CUT_ARGV);
	t->stats.env_truncated += !!(e->cut & EV_CUT_ENV);
	t->stats.args_bytes += e->args.len;
	t->stats.env_bytes += e->envs.len;
}

/* A list that was cut in the middle: every string in the state ends in NUL. */
static struct args *list_of(struct table *t, str_t s)
{
	struct args *a;

	if (!s.len)
		return NULL;
	if (!s.bytes[s.len - 1])
		return args_new(t, s.bytes, s.len);
	a = args_new(t, s.bytes, s.len + 1); /* a NUL, or a byte of the message, stands behind it */
	a->bytes[s.len] = '\0';
	return a;
}

static void fill_env(struct table *t, struct info *info, const struct ev_exec *e)
{
	uint64_t hash = hash_bytes(e->envs.bytes, e->envs.len, t->seed);
	size_t slot = hash % ENV_CACHE;
	struct buf names = { 0 };

	info->env_hash = hash;
	if (!e->envs.len)
		return;
	if (t->keep_env) {
		info->env = list_of(t, e->envs);
		return;
	}
	if (!t->env_cache[slot].env || t->env_cache[slot].hash != hash) {
		env_cut(&names, e->envs.bytes, e->envs.len, t->env_keys);
		args_put(t, t->env_cache[slot].env);
		t->env_cache[slot].env = args_new(t, names.data, names.len);
		t->env_cache[slot].hash = hash;
		buf_free(&names);
	}
	info->env = args_ref(t->env_cache[slot].env);
}

/* The path that was called, where it is not simply the file: a symlink, a multi-call binary. */
static str_t called(const struct ev_exec *e)
{
	str_t none = { 0 };

	if (!e->cmdpath.len || (e->cmdpath.len == e->path.len &&
				!memcmp(e->cmdpath.bytes, e->path.bytes, e->path.len)))
		return none;
	return e->cmdpath;
}

/* What was not said of an image's context is as it was before, or as its parent's is. */
static void take_context(struct table *t, struct info *to, const struct info *from)
{
	static const uint32_t unset[sizeof(((struct ev_exec *)0)->ns) / sizeof(uint32_t)];
	struct istr *ns = to->ns;

	if (!from)
		return;
	if (!to->cgroup && !to->cgroup_id) {
		PUBLISH(to->cgroup, istr_ref(from->cgroup));
		to->cgroup_id = from->cgroup_id;
	}
	if (!ns || !memcmp(ns->s, unset, sizeof(unset))) {
		PUBLISH(to->ns, istr_ref(from->ns));
		intern_put(&t->strings, ns);
	}
	if (!to->sid) {
		to->sid = from->sid;
		to->pgid = from->pgid;
	}
}

/* i is not known to anybody yet, or within a change. */
static void fill_image(struct table *t, struct image *i, const struct tsr_event *ev)
{
	const struct ev_exec *e = &ev->exec;
	struct info *info = info_new(t), *old = i->info;
	uint32_t flags =
		i->flags & ~(uint32_t)(IMAGE_ARGV_TRUNCATED | IMAGE_EXE_DELETED |
				       IMAGE_CWD_DELETED | IMAGE_ENV_TRUNCATED | IMAGE_KTHREAD);

	set_istr(t, &i->exe, e->path);
	set_istr(t, &i->comm, (str_t){ ev->task.comm, strnlen(ev->task.comm, EV_COMM_LEN) });
	set_istr(t, &info->cwd, e->cwd);
	set_istr(t, &info->cgroup, e->cgroup);
	set_istr(t, &info->tty, (str_t){ ev->task.tty, strnlen(ev->task.tty, EV_TTY_LEN) });
	set_istr(t, &info->called, called(e));
	set_istr(t, &info->ns, (str_t){ (const char *)e->ns, sizeof(e->ns) });
	info->argv = list_of(t, e->args);
	fill_env(t, info, e);
	info->cgroup_id = e->cgroup_id;
	info->file = e->exe;
	info->nlink = e->nlink;
	info->sid = e->sid;
	info->pgid = e->pgid;
	take_context(t, info, old);
	flags |= e->cut & EV_CUT_ARGV ? IMAGE_ARGV_TRUNCATED : 0;
	flags |= e->cut & EV_CUT_ENV ? IMAGE_ENV_TRUNCATED : 0;
	flags |= e->deleted ? IMAGE_EXE_DELETED : 0;
	flags |= e->cwd_deleted ? IMAGE_CWD_DELETED : 0;
	flags |= e->kthread ? IMAGE_KTHREAD : 0;
	__atomic_store_n(&i->flags, flags, __ATOMIC_RELEASE);
	PUBLISH(i->ktime, e->image);
	PUBLISH(i->info, info);
	info_put(t, old);
}

static bool same_exe(const struct image *i, const struct tsr_event *ev)
{
	str_t exe = istr_str(i->exe);

	return exe.len && exe.len == ev->exec.path.len &&
	       !memcmp(exe.bytes, ev->exec.path.bytes, exe.len);
}

/* What was told of it since then does not say when that image began: /proc's word. */
static bool told_since(const struct process *p, const struct tsr_event *ev)
{
	return p->told_at > ev->ktime && p->image->exe && p->image->ktime < ev->exec.image;
}

/* The snapshot, or /proc, caught a process within this very exec: the image is there already. */
static bool seen_in_snapshot(const struct process *p, const struct tsr_event *ev)
{
	const struct image *i = p->image;
	bool first = !i->previous && i->ktime == p->start;
	bool told = p->snapshot_at ? first && ev->ktime - p->snapshot_at < NS_PER_SEC
				   : first && p->origin == FROM_PROCFS;

	return (told || told_since(p, ev)) && image_is(i, IMAGE_IS_EXEC) && same_exe(i, ev);
}

/* What was known of a process by its name only, or of an image by its time only, is told. */
static void fill_in(struct table *t, struct process *p, const struct tsr_event *ev)
{
	uint64_t began = p->image->ktime;

	change_begin(p);
	fill_image(t, p->image, ev);
	if (ev->exec.procfs && began > ev->exec.image) /* /proc does not know when */
		PUBLISH(p->image->ktime, began);
	set_flag(p->image, IMAGE_IS_EXEC, !ev->exec.no_exec && !ev->exec.kthread);
	change_end(p);
	forget_rendered(t, p->image);
}

static void apply_snapshot(struct table *t, struct tsr_event *ev)
{
	const struct ev_task *task = &ev->task;
	struct process *p = lookup_live(t, task->pid, task->start);
	struct image *parent = NULL;
	struct process *above;

	if (p)
		change_begin(p);
	else
		p = process_new(t, task->pid, task->start, FROM_SNAPSHOT);
	p->snapshot_at = p->told_at = ev->ktime;
	if (t->snapshot_end < ev->ktime)
		t->snapshot_end = ev->ktime;
	p->start_coarse = ev->exec.procfs && p->start % TICK_NS == 0;
	PUBLISH(p->origin, FROM_SNAPSHOT);
	fill_in(t, p, ev);
	PUBLISH(p->ns_pid, task->ns_pid);
	set_creds(t, p, task);
	PUBLISH(p->ppid, task->ppid);
	p->parent_start = task->parent_start;
	p->unknown_parent = false;
	above = p->ppid ? table_lookup(t, p->ppid, p->parent_start) : NULL;
	if (above)
		parent = above->image;
	if (parent && set_parent(t, p, parent)) {
		set_parent_missing(p, false);
	} else {
		t->unlinked |= p->ppid;
		set_parent_missing(p, p->ppid);
	}
	change_end(p);
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
	struct process **orphans, *p;
	size_t n = 0;

	if (!t->unlinked)
		return;
	t->unlinked = false;
	orphans = xcalloc(t->n_processes, sizeof(struct process *));
	rcumap_for_each(&t->pids, i, p) if (!p->image->parent && p->ppid) orphans[n++] = p;
	for (size_t i = 0; i < n; i++) {
		struct image *parent;
		struct process *above;

		p = orphans[i];
		if (p->parent_start / TICK_NS > p->start / TICK_NS)
			continue;
		parent = parent_get(t, p->ppid, p->parent_start);
		above = image_process(parent);
		if (above && above->unknown_parent)
			above->start_coarse = p->start_coarse;
		if (set_parent(t, p, parent))
			set_parent_missing(p, false);
	}
	free(orphans);
}

static bool same_list(const struct args *a, const struct args *b)
{
	return a == b || (a && b && a->len == b->len && !memcmp(a->bytes, b->bytes, a->len));
}

/* The same file, arguments and environment; credentials are compared by the caller. */
static bool equal_images(const struct image *a, const struct image *b)
{
	return a->info && b->info && a->exe == b->exe && a->comm == b->comm &&
	       a->info->file.ino == b->info->file.ino && a->info->file.dev == b->info->file.dev &&
	       a->info->env_hash == b->info->env_hash && same_list(a->info->argv, b->info->argv) &&
	       a->info->cwd == b->info->cwd;
}

/*
 * The exec of an image over an equal one makes no new node: else who execs itself all the time would
 * push all that is of interest out of the line. Only its time is new.
 */
static bool absorb_equal(struct table *t, struct process *p, struct image *i,
			 const struct istr *creds_before)
{
	struct image *old = p->image;

	if (!image_is(old, IMAGE_IS_EXEC) || creds_before != p->creds || !equal_images(old, i))
		return false;
	t->stats.equal_execs++;
	change_begin(p);
	PUBLISH(old->ktime, i->ktime);
	change_end(p);
	forget_rendered(t, old);
	image_put(t, i);
	return true;
}

static void keep_prev_comm(struct tsr_event *ev, const struct image *old)
{
	str_t comm = istr_str(old->comm);

	ev->prev_comm = ev->exec.prev_comm;
	if (ev->prev_comm.len) /* old may go before the event is shown */
		return;
	memset(ev->prev_comm_copy, 0, sizeof(ev->prev_comm_copy));
	memcpy(ev->prev_comm_copy, comm.bytes ? comm.bytes : "", comm.len);
	ev->prev_comm = (str_t){ ev->prev_comm_copy, comm.len };
}

/*
 * An exec whose image is not the newest: what came after it was found out before it arrived. The
 * image that is in the line now.
 */
static struct image *insert_below(struct table *t, struct process *p, struct image *i)
{
	struct image *above = p->image, *below;

	while (above->previous && above->previous->ktime > i->ktime)
		above = above->previous;
	below = above->previous;
	if (equal_images(above, i)) { /* of such only the last one's time is kept */
		image_put(t, i);
		return above;
	}
	i->previous = below;
	i->parent = image_ref(above->parent);
	set_flag(i, IMAGE_IS_EXEC_EXEC, below && image_is(below, IMAGE_IS_EXEC));
	i->flags |= above->flags & IMAGE_PARENT_MISSING;
	PUBLISH(above->previous, i);
	set_flag(above, IMAGE_IS_EXEC_EXEC, true);
	shrink(t, i);
	return i;
}

/* An image is told of whose time alone was known: the one above it was marked because of it. */
static void tell_image(struct table *t, struct process *p, struct image *i,
		       const struct tsr_event *ev)
{
	/* its name can be newer than this */
	struct istr *comm = i == p->image && p->told_at > ev->ktime ? istr_ref(i->comm) : NULL;
	struct image *above = p->image;
	bool stub = !i->info;

	while (above != i && above->previous != i)
		above = above->previous;
	change_begin(p);
	fill_image(t, i, ev);
	if (stub) {
		t->stats.stubs--;
		make_stub(t, i);
	}
	if (comm)
		set_istr(t, &i->comm, istr_str(comm));
	set_flag(i, IMAGE_EXEC_LOST, false);
	if (above->exe)
		set_flag(above, IMAGE_EXEC_LOST, false);
	change_end(p);
	intern_put(&t->strings, comm);
	forget_rendered(t, i);
	forget_rendered(t, above);
}

/* An exec whose image is in the line already: it came late or again. */
static void exec_of_known(struct table *t, struct process *p, struct image *i,
			  const struct tsr_event *ev)
{
	uint64_t replaced = ev->exec.prev_image;

	/* a look-up knows neither arguments nor environment: these are still to be told */
	if (i->exe && !(i->info && !i->info->argv && !i->info->env && !i->info->cwd))
		return;
	tell_image(t, p, i, ev);
	if (i->previous && replaced > i->previous->ktime && replaced < i->ktime)
		set_flag(i, IMAGE_EXEC_LOST, true);
}

static void exec_image(struct table *t, struct process *p, struct tsr_event *ev)
{
	const struct istr *creds_before = p->creds;
	struct image *old = p->image, *i;
	bool seen = seen_in_snapshot(p, ev);
	/* the one it replaced is not the one that we know */
	bool lost = is_newer_image(p, ev->exec.prev_image) && ev->exec.prev_image < ev->exec.image;

	if (p->told_at <= ev->ktime)
		set_ids(t, p, &ev->task);
	/* of a placeholder nothing was known but that it is, and nothing is shown below it */
	if (seen ||
	    (p->origin == FROM_PLACEHOLDER && !old->exe && !old->previous && old->refs == 1)) {
		set_flag(old, IMAGE_EXEC_LOST, false);
		fill_in(t, p, ev);
		return;
	}
	if (told_since(p, ev)) /* another one, which came later */
		PUBLISH(old->ktime, p->told_at);
	ev->image = ev->exec.image <= old->ktime ? image_began(p, ev->exec.image) : NULL;
	if (ev->image && image_is(ev->image, IMAGE_IS_EXEC)) {
		exec_of_known(t, p, ev->image, ev);
		return;
	}
	if (lost) {
		lost_exec(t, p, ev->exec.prev_image);
		set_istr(t, &p->image->comm, ev->prev_comm);
		old = p->image;
	}
	i = image_new(t, p);
	i->flags = IMAGE_IS_EXEC | (image_is(old, IMAGE_IS_EXEC) ? IMAGE_IS_EXEC_EXEC : 0) |
		   (lost ? IMAGE_EXEC_LOST : 0);
	fill_image(t, i, ev);
	take_context(t, i->info, old->info);
	ev->image = i;
	if (ev->exec.image < old->ktime) {
		ev->image = insert_below(t, p, i);
		return;
	}
	if (absorb_equal(t, p, i, creds_before)) {
		ev->image = p->image;
		return;
	}
	push_image(t, p, i);
	shrink(t, old);
	cut_chain(t, p);
}

static void apply_walk(struct table *t, struct tsr_event *ev);

static bool apply_exec(struct table *t, struct tsr_event *ev)
{
	struct process *p;

	if (ev->exec.snapshot) {
		if (ev->exec.walk == WALK_SNAPSHOT)
			apply_snapshot(t, ev);
		else
			apply_walk(t, ev);
		return false;
	}
	count_args(t, &ev->exec);
	t->stats.execs++;
	p = lookup_live(t, ev->task.pid, ev->task.start);
	if (p && p->snapshot_at > ev->ktime) {
		t->stats.stale++;
		ev->process = p;
		ev->image = p->image;
		return false;
	}
	if (p)
		change_begin(p);
	else
		p = placeholder(t, &ev->task);
	ev->process = p;
	keep_prev_comm(ev, p->image);
	if (p->told_at <= ev->ktime)
		follow_parent(t, p, ev->task.ppid, ev->task.parent_start, REPARENT_EVENT);
	ev->image = NULL;
	exec_image(t, p, ev);
	if (p->told_at < ev->ktime)
		p->told_at = ev->ktime;
	change_end(p);
	if (!ev->image)
		ev->image = p->image;
	return true;
}

static uint8_t origin_of(uint8_t walk)
{
	return walk == WALK_KERNEL_MAP ? FROM_KERNEL_MAP
	       : walk == WALK_PROCFS   ? FROM_PROCFS
				       : FROM_SNAPSHOT;
}

/* Another file than ours: an exec that we did not see, and whose time is not known. */
static bool other_file(const struct image *i, const struct tsr_event *ev)
{
	const struct ev_file *a = &i->info->file, *b = &ev->exec.exe;

	return ev->exec.walk != WALK_KERNEL_MAP && a->ino && b->ino &&
	       /* stat(2) names another device on some file systems */
	       (a->ino != b->ino || (!ev->exec.procfs && a->dev != b->dev));
}

/* An older word than that of an event: but of what was running it can be the first. */
static void tell_of_old(struct table *t, struct process *p, const struct tsr_event *ev)
{
	struct image *i = p->image;

	/* the time of the one that is named can have moved, by an equal exec */
	while (i->previous && i->previous->ktime >= ev->exec.image)
		i = i->previous;
	if (!i->exe && ev->exec.path.len && i->ktime == ev->exec.image)
		tell_image(t, p, i, ev);
	else if (same_exe(i, ev))
		set_flag(i, IMAGE_EXEC_LOST, false);
}

/*
 * What a look-up or a walk after a loss says of a process: as of its own time, which the events that
 * were applied may have overtaken.
 */
static void apply_walk(struct table *t, struct tsr_event *ev)
{
	const struct ev_task *task = &ev->task;
	struct process *p = lookup_live(t, task->pid, task->start);
	bool is_new = !p, newer = p && is_newer_image(p, ev->exec.image);
	/* The kernel side's map has it from then, and does not know whether it still lives. */
	uint64_t as_of = ev->exec.walk == WALK_KERNEL_MAP ? ev->exec.image : ev->ktime;

	if (is_new && table_ended(t, task->pid, task->start))
		return;
	if (is_new) {
		p = process_new(t, task->pid, task->start, origin_of(ev->exec.walk));
		p->unknown_parent = true;
		p->start_coarse = ev->exec.procfs && task->start % TICK_NS == 0;
	}
	ev->process = p;
	ev->image = p->image;
	if (!is_new && p->told_at > as_of) {
		tell_of_old(t, p, ev);
		return;
	}
	if (!is_new)
		change_begin(p);
	p->told_at = as_of;
	PUBLISH(p->ns_pid, task->ns_pid);
	if (task->pid == task->tid)
		set_creds(t, p, task);
	if (is_new || (!p->image->exe && ev->exec.path.len)) {
		fill_in(t, p, ev);
		PUBLISH(p->origin, origin_of(ev->exec.walk));
	} else if (newer || other_file(p->image, ev)) {
		/* if it is not known when it began: after all that we know of */
		uint64_t began = newer ? ev->exec.image : p->image->ktime + 1;

		lost_exec(t, p, began);
		if (ev->exec.path.len)
			fill_in(t, p, ev);
		PUBLISH(p->image->ktime, began);
	} else {
		set_comm(t, p, task->comm);
	}
	ev->image = p->image;
	/* who it is now is known: what was missed between is no concern of those below */
	if (p->image->exe)
		set_flag(p->image, IMAGE_EXEC_LOST, false);
	follow_parent(t, p, task->ppid, task->parent_start, REPARENT_LOOKUP);
	if (is_new && p->image->parent)
		take_context(t, p->image->info, p->image->parent->info);
	/* who has it now was said when that one ended, to those who were known then */
	if (p->image->parent && image_is(p->image->parent, IMAGE_DEAD))
		ask_for_parent(t, p);
	change_end(p);
}

void table_walked(struct table *t, const struct tsr_event *ev)
{
	struct process **gone, *p;
	size_t n = 0;

	if (ev->walked.incomplete)
		return;
	if (t->doubt <= ev->walked.begin)
		t->doubt = 0;
	gone = xcalloc(t->n_processes, sizeof(struct process *));
	rcumap_for_each(&t->pids, i, p) if (p->told_at < ev->walked.begin &&
					    p->start < ev->walked.begin) gone[n++] = p;
	for (size_t i = 0; i < n; i++) {
		t->stats.lost_exits++;
		retire(t, gone[i], ev->ktime);
	}
	free(gone);
}

static bool apply_exit(struct table *t, struct tsr_event *ev)
{
	const struct ev_task *task = &ev->task;
	struct process *p;

	/* Its last threads can race in the kernel, and each report the end of all. */
	if (!lookup_live(t, task->pid, task->start) && table_ended(t, task->pid, task->start)) {
		t->stats.stale++;
		return false;
	}
	t->stats.exits++;
	p = actor(t, ev);
	ev->process = p;
	ev->image = p->image;
	ev->run_time = ev->ktime > p->start ? ev->ktime - p->start : 0;
	give_children(t, p, &ev->exit);
	/* It began before the hooks were there and was gone before the snapshot: none of ours. */
	if (p->origin == FROM_PLACEHOLDER && !image_is(p->image, IMAGE_IS_EXEC) &&
	    ev->ktime < t->snapshot_end) {
		t->stats.stale++;
		return false;
	}
	return true;
}

bool table_apply(struct table *t, struct tsr_event *ev)
{
	ev->table = t;
	ev->boot_offset = t->boot_offset;
	t->now = ev->ktime;
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
	if (ev->child && ev->child->ended)
		retire(t, ev->child, ev->ktime);
	if (ev->def->id == TSR_EVENT_SCHED_PROCESS_EXIT || p->ended) {
		retire(t, p, ev->ktime);
	} else if (ev->def->id == TSR_EVENT_TASK_RENAME && ev->task.tid == p->pid &&
		   p->told_at <= ev->ktime) {
		t->stats.renames++;
		set_comm(t, p, ev->rename.new_name);
	}
}

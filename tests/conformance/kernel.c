/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ALL_CAPS 0x1ffffffffffULL /* capabilities of root */

void k_init(struct kernel *k, uint64_t step, wire_emit_fn emit, void *user)
{
	*k = (struct kernel){
		.now = 1000 * NS_PER_SEC + 123, /* no full tick of /proc's clock */
		.step = step,
		.emit = emit,
		.user = user,
	};
}

void k_free(struct kernel *k)
{
	free(k->processes);
	free(k->images);
	buf_free(&k->tmp);
}

uint64_t k_tick(struct kernel *k)
{
	return k->now += k->step;
}

int k_find(const struct kernel *k, uint32_t pid)
{
	for (size_t i = k->n_processes; i-- > 0;)
		if (k->processes[i].pid == pid && k->processes[i].alive)
			return (int)i;
	return K_NONE;
}

int k_parent(const struct kernel *k, int process)
{
	int image = k->processes[process].parent;

	return image == K_NONE ? K_NONE : k->images[image].process;
}

const struct k_image *k_newest(const struct kernel *k, int process)
{
	return &k->images[k->processes[process].image];
}

uint64_t k_inode(const char *file)
{
	uint64_t ino = 1000;

	while (*file)
		ino = ino * 31 + (unsigned char)*file++;
	return ino;
}

static void set_name(char *to, const char *name)
{
	memset(to, 0, K_NAME);
	for (size_t i = 0; i < K_NAME - 1 && name[i]; i++)
		to[i] = name[i];
}

void k_list_add(struct k_list *l, const char *s)
{
	size_t n = strlen(s) + 1;

	if (l->len + n > sizeof(l->bytes))
		abort();
	memcpy(l->bytes + l->len, s, n);
	l->len += n;
}

static bool same_list(const struct k_list *a, const struct k_list *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static int new_image(struct kernel *k, const struct k_image *i)
{
	k->images = xrealloc(k->images, (k->n_images + 1) * sizeof(*k->images));
	k->images[k->n_images] = *i;
	return (int)k->n_images++;
}

static int new_process(struct kernel *k, const struct k_process *p)
{
	k->processes = xrealloc(k->processes, (k->n_processes + 1) * sizeof(*k->processes));
	k->processes[k->n_processes] = *p;
	return (int)k->n_processes++;
}

static struct msg_task task_of(const struct kernel *k, int process)
{
	const struct k_process *p = &k->processes[process], *parent = NULL;
	uint32_t uid = p->tid == p->pid ? p->uid : p->thread_uid;
	uint64_t caps = uid ? 0 : ALL_CAPS;
	struct msg_task t = {
		.pid = p->pid,
		.tid = p->tid,
		.ns_pid = p->pid,
		.ns_tid = p->tid,
		.start = p->start,
		.thread_start = p->start,
		.image = k_newest(k, process)->began,
		.uid = uid,
		.gid = uid,
		.euid = uid,
		.egid = uid,
		.suid = uid,
		.sgid = uid,
		.fsuid = uid,
		.fsgid = uid,
		.auid = p->auid,
		.sessionid = p->auid,
		.cap_permitted = caps,
		.cap_effective = caps,
	};

	if (k_parent(k, process) != K_NONE)
		parent = &k->processes[k_parent(k, process)];
	if (parent) {
		t.ppid = t.parent_ns_pid = parent->pid;
		t.parent_start = parent->start;
		t.parent_image = k->images[parent->image].began;
	}
	memcpy(t.comm, k_newest(k, process)->comm, K_NAME);
	memcpy(t.tty, p->tty, K_NAME);
	return t;
}

/* An event of the leader tells what its credentials are. */
static void told(struct kernel *k, int process)
{
	struct k_process *p = &k->processes[process];

	if (p->tid == p->pid)
		k->images[p->image].uid = p->uid;
}

static void keep_known(struct kernel *k, int process, const char *file)
{
	struct k_process *p = &k->processes[process];

	p->known = task_of(k, process);
	p->known.tid = p->known.ns_tid = p->pid;
	p->known_at = k->now;
	set_name(p->known_file, file);
}

int k_boot(struct kernel *k, uint32_t pid)
{
	struct k_process p = {
		.pid = pid,
		.tid = pid,
		.start = k_tick(k),
		.alive = true,
		.parent = K_NONE,
		.maker = K_NONE,
		.auid = UINT32_MAX,
		.ns = 1,
	};
	struct k_image i = { .process = (int)k->n_processes,
			     .previous = K_NONE,
			     .is_exec = true,
			     .began = p.start };

	snprintf(i.program.file, K_NAME, "boot%u", pid);
	set_name(i.comm, i.program.file);
	k_list_add(&i.program.args, i.program.file);
	p.image = new_image(k, &i);
	return new_process(k, &p);
}

int k_fork(struct kernel *k, int by, uint32_t pid, bool sibling)
{
	struct k_process p = k->processes[by];
	struct k_image i = *k_newest(k, by);
	struct msg_clone_event m = { .flags = MSG_EXEC_CLONE };
	struct msg_clone_ext x = { 0 };
	int child;

	m.common.ktime = k_tick(k) + 200;
	if (p.tid != p.pid)
		i.uid = p.uid = p.thread_uid;
	m.pid = m.tid = m.nspid = p.pid = p.tid = pid;
	m.ktime = p.start = i.began = k->now;
	p.subreaper = false;
	p.maker = by;
	p.parent = p.image;
	if (sibling && k_parent(k, by) != K_NONE)
		p.parent = k->processes[k_parent(k, by)].image;
	i.process = (int)k->n_processes;
	i.previous = K_NONE;
	i.is_exec = false;
	p.image = new_image(k, &i);
	told(k, by);
	x.task = task_of(k, by);
	child = new_process(k, &p);
	/* of a map that keeps the file of the one that forks */
	keep_known(k, child, i.program.file);
	m.parent.pid = x.child_ppid = k->processes[child].known.ppid;
	m.parent.ktime = x.child_parent_image = k->processes[child].known.parent_image;
	x.child_parent_start = k->processes[child].known.parent_start;
	x.child_parent_ns_pid = x.child_ppid;
	wire_encode_fork(&m, &x, k->emit, k->user);
	return child;
}

static struct wire_exec exec_message(const struct kernel *k, int process)
{
	const struct k_process *p = &k->processes[process];
	const struct k_image *i = k_newest(k, process);
	const struct k_program *g = &i->program;
	struct wire_exec w = {
		.event.parent = { .pid = p->known.ppid, .ktime = p->known.parent_image },
		.event.ns = { .uts_inum = p->ns, .mnt_inum = p->ns, .net_inum = p->ns },
		.exec = {
			.pid = p->pid,
			.tid = p->pid,
			.nspid = p->pid,
			.uid = p->uid,
			.auid = p->auid,
			.flags = MSG_EXEC_ROOT_CWD,
			.nlink = 1,
			.ino = k_inode(g->file),
			.ktime = i->began,
		},
		.ext = {
			.task = task_of(k, process),
			.exe = { .ino = k_inode(g->file), .dev = 1, .mode = 0100755 },
			.args_size = g->args.len,
			.envs_size = g->envs.len,
			.sid = p->pid,
			.pgid = p->pid,
			.sessionid = p->auid,
		},
		.path = { g->file, strlen(g->file) },
		.args = { g->args.bytes, g->args.len },
		.envs = { g->envs.bytes, g->envs.len },
	};

	snprintf(w.event.kube.docker_id, sizeof(w.event.kube.docker_id), "%s", p->cgroup);
	w.event.kube.cgrpid = p->cgroup[0] ? k_inode(p->cgroup) : 0;
	return w;
}

static void send_exec(struct kernel *k, int process, uint64_t replaced, const char *prev_comm)
{
	struct wire_exec w = exec_message(k, process);

	w.event.common.ktime = k->now + 200; /* it is sent a little after the image began */
	w.exec.flags |= MSG_EXEC_EXECVE;
	w.event.cleanup_process.pid = w.exec.pid;
	w.event.cleanup_process.ktime = replaced;
	memcpy(w.ext.prev_comm, prev_comm, K_NAME);
	wire_encode_exec(&w, &k->tmp, k->emit, k->user);
}

int k_exec(struct kernel *k, int process, const struct k_program *program)
{
	struct k_process *p = &k->processes[process];
	struct k_image i = { .process = process, .previous = p->image, .is_exec = true };
	uint64_t replaced = k_newest(k, process)->began;
	char prev_comm[K_NAME];
	const struct k_image *old;

	i.program = *program;
	i.began = k_tick(k);
	set_name(i.comm, program->file);
	/* the thread that execs takes over the process */
	i.uid = p->tid == p->pid ? p->uid : p->thread_uid;
	p->uid = i.uid;
	p->tid = p->pid;
	old = k_newest(k, process);
	memcpy(prev_comm, old->comm, K_NAME);
	/* Equal: file, arguments, environment, credentials; and ours, name: see docs/resolver.md. */
	if (old->is_exec && !strcmp(old->program.file, program->file) && old->uid == i.uid &&
	    !strcmp(old->comm, i.comm) && same_list(&old->program.args, &program->args) &&
	    same_list(&old->program.envs, &program->envs))
		k->images[p->image].began = i.began;
	else
		p->image = new_image(k, &i);
	keep_known(k, process, program->file);
	send_exec(k, process, replaced, prev_comm);
	return p->image;
}

void k_rename(struct kernel *k, int process, const char *comm)
{
	struct k_image *i = &k->images[k->processes[process].image];
	struct msg_rename m = { .common.ktime = k_tick(k) };
	bool leader = k->processes[process].tid == k->processes[process].pid;

	told(k, process);
	m.task = task_of(k, process);
	memcpy(m.old_name, m.task.comm, K_NAME);
	memcpy(m.new_name, m.task.comm, K_NAME);
	if (comm)
		set_name(m.new_name, comm);
	if (leader)
		memcpy(i->comm, m.new_name, K_NAME);
	wire_encode_rename(&m, k->emit, k->user);
}

int k_reaper(const struct kernel *k, int process)
{
	int one = k_find(k, 1);

	for (int p = k_parent(k, process); p != K_NONE; p = k_parent(k, p))
		if (k->processes[p].alive && k->processes[p].subreaper)
			return p;
	return one == process ? K_NONE : one;
}

void k_exit_begin(struct kernel *k, int process, bool tells)
{
	struct k_process *p = &k->processes[process];
	int reaper = k_reaper(k, process);
	struct msg_exit_event m = { .common.ktime = k_tick(k) };
	struct msg_exit_ext x = { 0 };

	told(k, process);
	m.current.pid = p->pid;
	m.current.ktime = k_newest(k, process)->began;
	m.info.tid = p->tid;
	x.task = task_of(k, process);
	if (tells && reaper != K_NONE) {
		x.reaper_pid = k->processes[reaper].pid;
		x.reaper_start = k->processes[reaper].start;
		x.reaper_image = k_newest(k, reaper)->began;
	}
	p->alive = false;
	p->reaper = reaper;
	wire_encode_exit(&m, &x, k->emit, k->user);
}

void k_exit_end(struct kernel *k, int process)
{
	int reaper = k->processes[process].reaper;

	if (reaper != K_NONE && !k->processes[reaper].alive)
		reaper = k_reaper(k, process);
	for (size_t i = 0; i < k->n_processes; i++) {
		struct k_process *c = &k->processes[i];

		if (c->alive && k_parent(k, (int)i) == process)
			c->parent = reaper == K_NONE ? K_NONE : k->processes[reaper].image;
	}
}

void k_exit(struct kernel *k, int process, bool tells)
{
	k_exit_begin(k, process, tells);
	k_exit_end(k, process);
}

/* It speaks of the process, whichever of its threads acts. */
static struct wire_exec process_message(struct kernel *k, int process)
{
	struct k_process *p = &k->processes[process];
	uint32_t tid = p->tid;
	struct wire_exec w;

	p->tid = p->pid;
	w = exec_message(k, process);
	p->tid = tid;
	w.envs = (str_t){ 0 };
	return w;
}

int k_tell(struct kernel *k, int process, enum walk_kind walk, bool blind, wire_emit_fn emit,
	   void *user)
{
	struct wire_exec w = process_message(k, process);
	struct msg_task *t = &w.ext.task;

	w.event.common.ktime = k_tick(k);
	w.ext.walk = walk;
	w.exec.flags |= MSG_EXEC_TASK_WALK;
	if (!k_newest(k, process)->is_exec)
		w.exec.flags |= MSG_EXEC_NO_EXEC;
	if (k->processes[process].kthread)
		w.exec.flags |= MSG_EXEC_KTHREAD;
	if (blind) {
		t->ppid = 0;
		t->parent_start = t->parent_image = 0;
	}
	if (walk == WALK_SNAPSHOT) {
		k->images[k->processes[process].image].uid = k->processes[process].uid;
		keep_known(k, process, w.path.bytes);
	}
	return wire_encode_exec(&w, &k->tmp, emit, user);
}

int k_walked(struct kernel *k, uint64_t begin, bool incomplete, wire_emit_fn emit, void *user)
{
	struct msg_walked m = {
		.common.ktime = k_tick(k),
		.begin = begin,
		.n = 1,
		.incomplete = incomplete,
	};

	return wire_encode_walked(&m, emit, user);
}

/* As known_deliver() of source/walk.h: as of when the kernel side noted it. */
static int tell_known(struct kernel *k, const struct k_process *p, wire_emit_fn emit, void *user)
{
	struct wire_exec w = {
		.event.common.ktime = k_tick(k),
		.event.parent = { .pid = p->known.ppid, .ktime = p->known.parent_image },
		.exec = {
			.pid = p->pid,
			.tid = p->pid,
			.nspid = p->pid,
			.uid = p->known.euid,
			.auid = p->known.auid,
			.flags = MSG_EXEC_TASK_WALK | MSG_EXEC_ERROR_ARGS | MSG_EXEC_ERROR_CWD |
				 MSG_EXEC_ERROR_ENVS,
			.ino = k_inode(p->known_file),
			.ktime = p->known.image,
		},
		.ext = {
			.task = p->known,
			.exe = { .ino = k_inode(p->known_file), .dev = 1, .mode = 0100755 },
			.sessionid = p->known.sessionid,
			.walk = WALK_KERNEL_MAP,
		},
		.path = { p->known_file, strlen(p->known_file) },
	};
	struct buf tmp = { 0 };
	int err;

	if (p->known.image == p->start)
		w.exec.flags |= MSG_EXEC_NO_EXEC;
	err = wire_encode_exec(&w, &tmp, emit, user);
	buf_free(&tmp);
	return err;
}

/* As snapshot_one() of source/snapshot.h: what is now; times to the tick, but for the one asked. */
static int tell_proc(struct kernel *k, int process, uint64_t start, wire_emit_fn emit, void *user)
{
	struct wire_exec w = process_message(k, process);
	struct msg_task *t = &w.ext.task;
	struct buf tmp = { 0 };
	int err;

	w.event.common.ktime = k_tick(k);
	w.ext.walk = WALK_PROCFS;
	w.exec.flags |= MSG_EXEC_TASK_WALK | MSG_EXEC_PROCFS;
	if (!start)
		t->start -= t->start % TICK_NS;
	t->thread_start = t->image = w.exec.ktime = t->start;
	t->parent_start -= t->parent_start % TICK_NS;
	t->parent_image = t->parent_start;
	err = wire_encode_exec(&w, &tmp, emit, user);
	buf_free(&tmp);
	return err;
}

int k_look_up(struct kernel *k, enum walk_kind walk, uint32_t pid, uint64_t start,
	      wire_emit_fn emit, void *user)
{
	bool proc = walk == WALK_PROCFS;
	const struct k_process *p;
	size_t at = k->n_processes;

	/* The map keeps those that have ended, until their pid is used again. */
	while (at && (k->processes[at - 1].pid != pid || (proc && !k->processes[at - 1].alive)))
		at--;
	if (!at)
		return -ENOENT;
	p = &k->processes[at - 1];
	if ((start && p->start / TICK_NS != start / TICK_NS) || (!proc && !p->known.pid))
		return -ESRCH;
	return proc ? tell_proc(k, (int)at - 1, start, emit, user) : tell_known(k, p, emit, user);
}

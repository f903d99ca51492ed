/* SPDX-License-Identifier: Apache-2.0 */
#include "source/snapshot.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "source/procfs.h"
#include "wire/encode.h"

#define READ_STEP   (32UL << 10)
#define MESSAGE_MAX (96UL << 10) /* the iterator makes none that is larger */
#define PID_AT	    (sizeof(struct msg_execve_event) + offsetof(struct msg_exec, pid))
#define CMDLINE_MAX (32UL << 10) /* of a process that was there before us; more is marked as cut */

/* Delivers one message of the iterator, with what it cannot tell: the arguments, from /proc. */
static int deliver(struct buf *msg, struct buf *cmdline, struct buf *tmp, message_fn fn, void *user)
{
	const struct msg_execve_event *m = (const void *)msg->data;
	const struct msg_exec *x = (const void *)(m + 1);
	uint32_t flags = MSG_EXEC_PROCFS;
	bool cut;
	int err;

	if (msg->len < sizeof(*m) + sizeof(*x) || x->flags & MSG_EXEC_KTHREAD || x->size_args)
		return fn(user, msg->data, msg->len);
	/*
	 * A process that has exec'ed since would lend its arguments to the old image: its exec is
	 * an event, and that one's arguments then count.
	 */
	err = procfs_read(x->pid, "cmdline", cmdline, CMDLINE_MAX, &cut);
	if (err || !cmdline->len) { /* gone, or not for us to see */
		cmdline->len = 0;
		flags = MSG_EXEC_ERROR_ARGS;
	}
	if (cut)
		flags |= MSG_EXEC_TRUNC_ARGS;
	buf_room(cmdline, 1);
	return wire_exec_rewrite(msg->data, msg->len, (str_t){ cmdline->data, cmdline->len },
				 (str_t){ 0 }, flags, tmp, fn, user);
}

int snapshot_read(int fd, struct buf *seen, message_fn fn, void *user)
{
	struct buf in = { 0 }, msg = { 0 }, cmdline = { 0 }, tmp = { 0 };
	int n = 0, err = 0;

	while (!err) {
		ssize_t got = read(fd, buf_room(&in, READ_STEP), READ_STEP);
		size_t at = 0;

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			err = -errno;
		if (got <= 0)
			break;
		in.len += (size_t)got;
		while (!err && in.len - at >= sizeof(struct msg_common)) {
			struct msg_common c;

			memcpy(&c, in.data + at, sizeof(c));
			if (c.size < sizeof(c) || c.size > MESSAGE_MAX)
				err = -EBADMSG;
			if (err || in.len - at < c.size)
				break;
			msg.len = 0; /* to a place of its own: aligned */
			buf_add(&msg, in.data + at, c.size);
			at += c.size;
			n++;
			if (seen && msg.len >= PID_AT + sizeof(uint32_t))
				buf_add(seen, msg.data + PID_AT, sizeof(uint32_t));
			if (fn)
				err = deliver(&msg, &cmdline, &tmp, fn, user);
		}
		memmove(in.data, in.data + at, in.len - at);
		in.len -= at;
	}
	buf_free(&in);
	buf_free(&msg);
	buf_free(&cmdline);
	buf_free(&tmp);
	return err ? err : n;
}

static_assert(sizeof(((struct procfs_process *)0)->ns) == sizeof(struct msg_namespaces),
	      "namespaces as in the message");

/* What /proc does not tell stays 0: securebits, and the level of the user namespace. */
static void proc_creds(const struct procfs_process *p, struct wire_exec *w)
{
	struct msg_generic_cred *c = &w->event.creds;
	struct msg_task *t = &w->ext.task;

	c->uid = t->uid = p->uid;
	c->gid = t->gid = p->gid;
	c->euid = t->euid = p->euid;
	c->egid = t->egid = p->egid;
	c->suid = t->suid = p->suid;
	c->sgid = t->sgid = p->sgid;
	c->fsuid = t->fsuid = p->fsuid;
	c->fsgid = t->fsgid = p->fsgid;
	c->cap.permitted = t->cap_permitted = p->cap_permitted;
	c->cap.effective = t->cap_effective = p->cap_effective;
	c->cap.inheritable = t->cap_inheritable = p->cap_inheritable;
	c->user_ns.ns_inum = w->event.ns.user_inum;
}

static void proc_message(const struct procfs_process *p, uint32_t walk, struct buf *tmp,
			 message_fn fn, void *user, int *err)
{
	struct wire_exec w = { 0 };
	struct msg_task *t = &w.ext.task;

	w.event.common.ktime = clock_boot_ns();
	w.ext.walk = walk;
	w.exec.flags = MSG_EXEC_TASK_WALK | MSG_EXEC_PROCFS;
	if (p->kthread)
		w.exec.flags |= MSG_EXEC_KTHREAD;
	if (p->no_exec)
		w.exec.flags |= MSG_EXEC_NO_EXEC;
	if (p->exe_deleted)
		w.exec.flags |= MSG_EXEC_DELETED;
	if (p->cwd_deleted)
		w.exec.flags |= MSG_EXEC_CWD_DELETED;
	if (!p->exe.len && !p->kthread)
		w.exec.flags |= MSG_EXEC_ERROR_FILENAME;
	if (!p->cwd.len && !p->kthread)
		w.exec.flags |= MSG_EXEC_ERROR_CWD;
	if (p->cmdline_cut)
		w.exec.flags |= MSG_EXEC_TRUNC_ARGS;
	w.exec.pid = w.exec.tid = t->pid = t->tid = p->pid;
	w.exec.nspid = t->ns_pid = t->ns_tid = p->ns_pid;
	w.exec.uid = p->euid;
	w.exec.auid = t->auid = p->auid;
	w.exec.nlink = p->exe_nlink;
	w.exec.ino = p->exe_file.ino;
	w.exec.ktime = t->image = t->start = t->thread_start = p->start;
	w.event.parent.pid = t->ppid = p->ppid;
	w.event.parent.ktime = t->parent_start = t->parent_image = p->parent_start;
	memcpy(&w.event.ns, p->ns, sizeof(w.event.ns));
	proc_creds(p, &w);
	memcpy(t->comm, p->comm, sizeof(t->comm));
	memcpy(t->tty, p->tty, sizeof(t->tty));
	w.ext.exe = (struct msg_file){ .ino = p->exe_file.ino,
				       .ctime = p->exe_file.ctime,
				       .dev = p->exe_file.dev,
				       .mode = p->exe_file.mode };
	w.ext.sid = p->sid;
	w.ext.pgid = p->pgid;
	w.ext.sessionid = t->sessionid = p->sessionid;
	snprintf(w.event.kube.docker_id, sizeof(w.event.kube.docker_id), "%s", p->cgroup);
	w.path = (str_t){ p->exe.data, p->exe.len };
	w.args = (str_t){ p->cmdline.data, p->cmdline.len };
	w.cwd = (str_t){ p->cwd.data, p->cwd.len };
	*err = wire_encode_exec(&w, tmp, fn, user);
}

int snapshot_one(uint32_t pid, uint64_t start, bool tty_of_stdin, message_fn fn, void *user)
{
	struct procfs_process p = { 0 };
	struct buf tmp = { 0 };
	int err = procfs_process(&p, pid);

	if (!err && start && p.start / TICK_NS != start / TICK_NS)
		err = -ESRCH; /* another one has the pid now */
	if (!err) {
		if (tty_of_stdin && !*p.tty)
			procfs_tty_of_stdin(pid, p.tty);
		/* A process can keep whoever reads its arguments waiting for ever. */
		p.cmdline.len = 0;
		p.cmdline_cut = true;
		if (start)
			p.start = start; /* which is exact, while /proc knows the tick */
		proc_message(&p, WALK_PROCFS, &tmp, fn, user, &err);
	}
	procfs_process_free(&p);
	buf_free(&tmp);
	return err;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int snapshot_procfs(const struct buf *seen, uint64_t before, message_fn fn, void *user)
{
	DIR *proc = opendir("/proc");
	struct procfs_process p = { 0 };
	struct buf tmp = { 0 };
	struct dirent *d;
	int n = 0, err = 0;

	if (!proc)
		return -errno;
	while (!err && (d = readdir(proc))) {
		char *end;
		unsigned long value = strtoul(d->d_name, &end, 10);
		uint32_t pid = (uint32_t)value;

		if (*end || !value || value > INT32_MAX)
			continue;
		if (seen &&
		    bsearch(&pid, seen->data, seen->len / sizeof(pid), sizeof(pid), by_number))
			continue;
		if (procfs_process(&p, pid) || p.zombie || p.start + TICK_NS >= before)
			continue; /* gone, or its events tell of it */
		proc_message(&p, WALK_SNAPSHOT, &tmp, fn, user, &err);
		n++;
	}
	closedir(proc);
	procfs_process_free(&p);
	buf_free(&tmp);
	return err ? err : n;
}

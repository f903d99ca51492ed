/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages for tests: short to write down, made by the encoder, kept in a list. A process of a
 * test is its pid and start time; an image begins with its process unless said otherwise.
 */
#ifndef TSR_TESTS_BUILD_MESSAGES_H
#define TSR_TESTS_BUILD_MESSAGES_H

#include <stdlib.h>
#include <string.h>

#include "wire.h"
#include "wire/encode.h"

struct who {
	uint32_t pid;
	uint64_t start;
	uint32_t ppid;
	uint64_t parent_start;
	const char *comm;
	uint64_t image; /* when it began; 0: with the process */
	uint32_t uid, gid;
};

static inline str_t str_of(const char *s)
{
	return s ? (str_t){ s, strlen(s) } : (str_t){ 0 };
}

/* A string literal with NULs inside; its own last one ends the last string of the list. */
#define LIST(s) ((str_t){ "" s, sizeof(s) })

static inline void set_comm(char *to, const char *name)
{
	memset(to, 0, TASK_COMM_LEN);
	for (size_t i = 0; name && name[i] && i < TASK_COMM_LEN - 1; i++)
		to[i] = name[i];
}

static inline struct msg_task task_of(const struct who *w)
{
	struct msg_task t = {
		.pid = w->pid,
		.tid = w->pid,
		.ns_pid = w->pid,
		.ns_tid = w->pid,
		.start = w->start,
		.thread_start = w->start,
		.image = w->image ? w->image : w->start,
		.ppid = w->ppid,
		.parent_ns_pid = w->ppid,
		.parent_start = w->parent_start,
		.parent_image = w->parent_start,
		.uid = w->uid,
		.euid = w->uid,
		.suid = w->uid,
		.fsuid = w->uid,
		.gid = w->gid,
		.egid = w->gid,
		.sgid = w->gid,
		.fsgid = w->gid,
		.auid = UINT32_MAX,
		.sessionid = UINT32_MAX,
	};

	set_comm(t.comm, w->comm);
	return t;
}

/* The child's parent is the one in child: who forks, unless with CLONE_PARENT. */
static inline int build_fork(uint64_t when, const struct who *by, const struct who *child,
			     wire_emit_fn emit, void *user)
{
	struct msg_clone_event m = {
		.common.ktime = when,
		.parent = { .pid = child->ppid, .ktime = child->parent_start },
		.pid = child->pid,
		.tid = child->pid,
		.nspid = child->pid,
		.flags = MSG_EXEC_CLONE,
		.ktime = child->start,
	};
	struct msg_clone_ext x = {
		.task = task_of(by),
		.child_ppid = child->ppid,
		.child_parent_ns_pid = child->ppid,
		.child_parent_start = child->parent_start,
		.child_parent_image = child->parent_start,
	};

	return wire_encode_fork(&m, &x, emit, user);
}

static inline int build_exit(uint64_t when, const struct who *w, uint32_t code, uint32_t reaper_pid,
			     uint64_t reaper_start, wire_emit_fn emit, void *user)
{
	struct msg_exit_event m = {
		.common.ktime = when,
		.current = { .pid = w->pid, .ktime = w->start },
		.info = { .code = code, .tid = w->pid },
	};
	struct msg_exit_ext x = {
		.task = task_of(w),
		.reaper_pid = reaper_pid,
		.reaper_start = reaper_start,
	};

	return wire_encode_exit(&m, &x, emit, user);
}

/* flags says what kind: MSG_EXEC_TASK_WALK makes it one of the snapshot, its image the first. */
static inline struct wire_exec exec_of(uint64_t when, const struct who *w, const char *path,
				       str_t args, uint32_t flags)
{
	bool walk = flags & MSG_EXEC_TASK_WALK;
	struct wire_exec p = {
		.event.common.ktime = when,
		.event.parent = { .pid = w->ppid, .ktime = w->parent_start },
		.exec = {
			.pid = w->pid,
			.tid = w->pid,
			.nspid = w->pid,
			.auid = UINT32_MAX,
			.flags = flags | MSG_EXEC_ROOT_CWD,
			.nlink = 1,
			.ktime = walk ? w->start : when,
		},
		.ext.task = task_of(w),
		.path = str_of(path),
		.args = args,
	};

	p.ext.task.image = p.exec.ktime;
	p.ext.args_size = args.len;
	return p;
}

static inline int build_rename(uint64_t when, const struct who *w, const char *name,
			       wire_emit_fn emit, void *user)
{
	struct msg_rename m = { .common.ktime = when, .task = task_of(w) };

	memcpy(m.old_name, m.task.comm, sizeof(m.old_name));
	set_comm(m.new_name, name);
	return wire_encode_rename(&m, emit, user);
}

/* The end of a walk that told of n processes. */
static inline int build_walked(uint64_t begin, uint64_t when, uint32_t n, bool incomplete,
			       wire_emit_fn emit, void *user)
{
	struct msg_walked m = {
		.common.ktime = when,
		.begin = begin,
		.n = n,
		.incomplete = incomplete,
	};

	return wire_encode_walked(&m, emit, user);
}

/* Messages one after the other. */
struct messages {
	struct {
		void *bytes;
		size_t len;
	} at[512];
	size_t n;
};

static inline int messages_add(void *user, const void *msg, size_t len)
{
	struct messages *m = user;

	if (m->n == sizeof(m->at) / sizeof(m->at[0]))
		abort();
	/* Allocated by itself and no longer than it is: a read beyond its end does not go unseen. */
	m->at[m->n].bytes = memcpy(xmalloc(len), msg, len);
	m->at[m->n++].len = len;
	return 0;
}

static inline void messages_free(struct messages *m)
{
	while (m->n)
		free(m->at[--m->n].bytes);
}

#endif

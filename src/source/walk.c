/* SPDX-License-Identifier: Apache-2.0 */
#include "source/walk.h"

#include <errno.h>

#include "base/clock.h"
#include "state.h"
#include "wire.h"
#include "wire/encode.h"

/* Where msg_exec_ext is in an exec message, or 0. */
static size_t ext_at(const char *msg, size_t len)
{
	const struct msg_execve_event *m = (const void *)msg;
	const struct msg_exec *x = (const void *)(m + 1);
	size_t at;

	if (len < sizeof(*m) + sizeof(*x) || m->common.op != MSG_OP_EXECVE || x->size < sizeof(*x))
		return 0;
	at = sizeof(*m) + sizeof(*x) + ((x->size - sizeof(*x) + 7) & ~(size_t)7);
	return at + sizeof(struct msg_exec_ext) <= len ? at : 0;
}

int walk_take(void *user, const void *msg, size_t len)
{
	static const char zeros[8];
	struct walk *w = user;
	size_t begin = w->messages.len, at;

	buf_add(&w->messages, msg, len);
	buf_add(&w->messages, zeros, -len & 7);
	if (((const struct msg_common *)msg)->op == MSG_OP_DATA)
		return 0; /* long arguments, ahead of their process */
	at = ext_at(w->messages.data + begin, len);
	if (!at) {
		w->messages.len = begin;
		w->incomplete = true;
		return 0;
	}
	((struct msg_exec_ext *)(void *)(w->messages.data + begin + at))->walk = WALK_AFTER_LOSS;
	w->n++;
	return 0;
}

bool walk_wanted(const struct walk *w, uint64_t now)
{
	uint64_t took = w->end - w->begin;

	/* where there are very many processes, walks are not to be what makes us lose more */
	return w->due && !w->waiting && now - w->end > (took > WALK_PAUSE ? took : WALK_PAUSE);
}

void walk_end(struct walk *w, int n, uint64_t now)
{
	w->end = now;
	w->waiting = true;
	w->due = false;
	w->incomplete |= n < 0;
	w->total++;
}

int walk_deliver(struct walk *w, message_fn fn, void *user)
{
	struct msg_walked end = {
		.common.ktime = w->end,
		.begin = w->begin,
		.n = w->n,
		.incomplete = w->incomplete,
	};
	size_t at = 0;
	int err = 0;

	while (!err && at < w->messages.len) {
		const struct msg_common *c = (const void *)(w->messages.data + at);

		err = fn(user, c, c->size);
		at += (c->size + 7) & ~(size_t)7;
	}
	if (!err)
		err = wire_encode_walked(&end, fn, user);
	buf_free(&w->messages); /* of all processes there are: not to be kept */
	w->n = 0;
	w->incomplete = w->waiting = false;
	return err;
}

void walk_free(struct walk *w)
{
	buf_free(&w->messages);
}

int known_deliver(const struct known_process *k, const struct known_path *path, message_fn fn,
		  void *user)
{
	const struct msg_task *t = &k->task;
	struct wire_exec w = {
		.event.common.ktime = clock_boot_ns(),
		.event.parent = { .pid = t->ppid, .ktime = t->parent_start },
		.event.creds = { .uid = t->uid, .gid = t->gid, .suid = t->suid, .sgid = t->sgid,
				 .euid = t->euid, .egid = t->egid, .fsuid = t->fsuid,
				 .fsgid = t->fsgid,
				 .cap = { .permitted = t->cap_permitted,
					  .effective = t->cap_effective,
					  .inheritable = t->cap_inheritable } },
		.exec = {
			.pid = t->pid,
			.tid = t->pid,
			.nspid = t->ns_pid,
			.uid = t->euid,
			.auid = t->auid,
			.flags = MSG_EXEC_TASK_WALK | MSG_EXEC_ERROR_ARGS | MSG_EXEC_ERROR_CWD |
				 MSG_EXEC_ERROR_ENVS,
			.ino = k->exe.ino,
			.ktime = t->image,
		},
		.ext = { .task = *t, .exe = k->exe, .walk = WALK_KERNEL_MAP,
			 .sessionid = t->sessionid },
	};
	struct buf tmp = { 0 };
	int err;

	w.ext.task.tid = t->pid;
	if (t->image == t->start)
		w.exec.flags |= MSG_EXEC_NO_EXEC;
	if (path && path->len <= KNOWN_PATH_MAX) {
		w.path = (str_t){ path->path, path->len };
		w.exec.flags |= (uint32_t)path->flags << 16 & MSG_EXEC_DELETED;
	} else {
		w.exec.flags |= MSG_EXEC_ERROR_FILENAME;
	}
	err = wire_encode_exec(&w, &tmp, fn, user);
	buf_free(&tmp);
	return err;
}

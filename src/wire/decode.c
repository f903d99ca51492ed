/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/decode.h"

#include <string.h>

#include "wire.h"

/* What is left of a message's variable parts. */
struct rest {
	const char *at;
	size_t left;
	bool bad;
};

static str_t take(struct rest *r, size_t n)
{
	str_t s = { r->at, n };

	if (n > r->left) {
		r->bad = true;
		return (str_t){ 0 };
	}
	r->at += n;
	r->left -= n;
	return s;
}

static void task_from(struct ev_task *t, const struct msg_task *m)
{
	t->pid = m->pid;
	t->tid = m->tid;
	t->ns_pid = m->ns_pid;
	t->ns_tid = m->ns_tid;
	t->start = m->start;
	t->thread_start = m->thread_start;
	t->image = m->image;
	t->ppid = m->ppid;
	t->parent_ns_pid = m->parent_ns_pid;
	t->parent_start = m->parent_start;
	t->parent_image = m->parent_image;
	t->uid = m->uid;
	t->gid = m->gid;
	t->euid = m->euid;
	t->egid = m->egid;
	t->suid = m->suid;
	t->sgid = m->sgid;
	t->fsuid = m->fsuid;
	t->fsgid = m->fsgid;
	t->auid = m->auid;
	t->sessionid = m->sessionid;
	t->cap_inheritable = m->cap_inheritable;
	t->cap_permitted = m->cap_permitted;
	t->cap_effective = m->cap_effective;
	memcpy(t->comm, m->comm, sizeof(t->comm));
	memcpy(t->tty, m->tty, sizeof(t->tty));
}

static str_t fixed_str(const char *s, size_t size)
{
	return (str_t){ s, strnlen(s, size) };
}

static bool has_nul(str_t s)
{
	return s.len && memchr(s.bytes, '\0', s.len);
}

/*
 * A list of strings ends in NUL. One that was cut may not: what is behind its last NUL is then a
 * string that is not complete, and stays (the area is followed by bytes of the message, but the
 * reader goes by the length).
 */
static bool list_ok(str_t s, bool cut)
{
	return !s.len || cut || s.bytes[s.len - 1] == '\0';
}

static enum wire_error decode_fork(const void *msg, size_t len, struct tsr_event *ev)
{
	const struct msg_clone_event *m = msg;
	const struct msg_clone_ext *x = (const void *)(m + 1);
	struct ev_fork *f = &ev->fork;

	if (len < sizeof(*m) + sizeof(*x))
		return WIRE_SHORT;
	if (m->pid == x->task.pid) /* not its own child: both are alive */
		return WIRE_VALUE;
	task_from(&ev->task, &x->task);
	f->child_pid = m->pid;
	f->child_ns_pid = m->nspid;
	f->child_start = m->ktime;
	f->ppid = x->child_ppid;
	f->parent_ns_pid = x->child_parent_ns_pid;
	f->parent_start = x->child_parent_start;
	f->parent_image = x->child_parent_image;
	return WIRE_OK;
}

static enum wire_error decode_exit(const void *msg, size_t len, struct tsr_event *ev)
{
	const struct msg_exit_event *m = msg;
	const struct msg_exit_ext *x = (const void *)(m + 1);

	if (len < sizeof(*m) + sizeof(*x))
		return WIRE_SHORT;
	task_from(&ev->task, &x->task);
	ev->exit.code = m->info.code;
	ev->exit.reaper_pid = x->reaper_pid;
	ev->exit.reaper_start = x->reaper_start;
	return WIRE_OK;
}

/* Puts the chunks in the place of their description. */
static enum wire_error resolve_chunks(str_t *area, uint32_t cut_bit, struct assembler *chunks,
				      struct ev_exec *e)
{
	struct data_event_desc d;
	const struct buf *b;

	if (area->len != sizeof(d))
		return WIRE_LENGTHS;
	memcpy(&d, area->bytes, sizeof(d));
	*area = (str_t){ 0 };
	if (d.leftover > d.size)
		return WIRE_LENGTHS;
	if (d.leftover)
		e->cut |= cut_bit;
	if (d.leftover == d.size)
		return WIRE_OK;
	if (!chunks)
		return WIRE_ORPHAN;
	b = assembler_get(chunks, d.id.pid, d.id.time);
	if (b && (uint64_t)b->len + d.leftover == d.size) {
		*area = (str_t){ b->data, b->len };
		return WIRE_OK;
	}
	/*
	 * They had to go to make room, all or the first ones. An exec without its arguments is
	 * better than none: otherwise whoever floods the assembler could hide it.
	 */
	chunks->missing++;
	e->cut |= cut_bit;
	return WIRE_OK;
}

static void exec_fixed(struct ev_exec *e, const struct msg_execve_event *m,
		       const struct msg_exec *x)
{
	const struct msg_generic_cred *c = &m->creds;
	uint32_t flags = x->flags;

	e->snapshot = flags & MSG_EXEC_TASK_WALK;
	e->kthread = flags & MSG_EXEC_KTHREAD;
	e->no_exec = flags & MSG_EXEC_NO_EXEC;
	e->procfs = flags & MSG_EXEC_PROCFS;
	e->deleted = flags & MSG_EXEC_DELETED;
	e->cwd_deleted = flags & MSG_EXEC_CWD_DELETED;
	e->kernel = flags & MSG_EXEC_KERNEL;
	e->env_names = flags & MSG_EXEC_ENV_NAMES;
	e->cut = (flags & (MSG_EXEC_TRUNC_FILENAME | MSG_EXEC_ERROR_FILENAME) ? EV_CUT_PATH : 0) |
		 (flags & (MSG_EXEC_TRUNC_ARGS | MSG_EXEC_ERROR_ARGS) ? EV_CUT_ARGV : 0) |
		 (flags & (MSG_EXEC_TRUNC_ENVS | MSG_EXEC_ERROR_ENVS) ? EV_CUT_ENV : 0) |
		 (flags & (MSG_EXEC_TRUNC_CWD | MSG_EXEC_ERROR_CWD) ? EV_CUT_CWD : 0);
	e->secure = x->secureexec;
	e->uid = x->uid;
	e->auid = x->auid;
	e->nlink = x->nlink;
	e->image = x->ktime;
	e->prev_image = m->cleanup_process.ktime;
	e->cgroup_id = m->kube.cgrpid;
	e->cgroup = fixed_str(m->kube.docker_id, sizeof(m->kube.docker_id));
	e->suid = c->suid;
	e->sgid = c->sgid;
	e->fsuid = c->fsuid;
	e->fsgid = c->fsgid;
	e->securebits = c->securebits;
	e->cap_permitted = c->cap.permitted;
	e->cap_effective = c->cap.effective;
	e->cap_inheritable = c->cap.inheritable;
	e->user_ns_level = c->user_ns.level;
	e->user_ns_uid = c->user_ns.uid;
	e->user_ns_gid = c->user_ns.gid;
	memcpy(e->ns, &m->ns, sizeof(e->ns));
}

static struct ev_file file_from(const struct msg_file *f)
{
	return (struct ev_file){ .ino = f->ino, .ctime = f->ctime, .dev = f->dev, .mode = f->mode };
}

static enum wire_error exec_ext(struct tsr_event *ev, const struct msg_exec_ext *x, struct rest *r)
{
	static const uint32_t cuts[EXEC_STR_MAX] = {
		[EXEC_STR_CMDPATH] = EV_CUT_CMDPATH,
		[EXEC_STR_INTERP] = EV_CUT_INTERP,
		[EXEC_STR_STDIN] = EV_CUT_STDIN,
	};
	struct ev_exec *e = &ev->exec;
	str_t *strings[EXEC_STR_MAX] = { &e->cmdpath, &e->interp, &e->stdin_path, &e->interpreter,
					 &e->script };

	task_from(&ev->task, &x->task);
	if (x->walk >= WALK_KIND_MAX)
		return WIRE_VALUE;
	e->walk = (uint8_t)x->walk;
	e->exe = file_from(&x->exe);
	e->interpreter_file = file_from(&x->interpreter);
	e->args_size = x->args_size;
	e->envs_size = x->envs_size;
	e->sid = x->sid;
	e->pgid = x->pgid;
	e->stdin_type = x->stdin_type;
	e->prev_comm = fixed_str(x->prev_comm, sizeof(x->prev_comm));
	for (int i = 0; i < EXEC_STR_MAX; i++) {
		*strings[i] = take(r, x->size_str[i]);
		if (r->bad)
			return WIRE_LENGTHS;
		if (has_nul(*strings[i]))
			return WIRE_STRING;
		if (x->trunc & ((1U | 1U << EXEC_STR_TRUNC_SHIFT) << i))
			e->cut |= cuts[i];
	}
	return WIRE_OK;
}

static enum wire_error decode_exec(const void *msg, size_t len, struct assembler *chunks,
				   struct tsr_event *ev)
{
	const struct msg_execve_event *m = msg;
	const struct msg_exec *x = (const void *)(m + 1);
	const struct msg_exec_ext *ext;
	struct ev_exec *e = &ev->exec;
	struct rest r;
	enum wire_error err;
	size_t var;

	if (len < sizeof(*m) + sizeof(*x) + sizeof(*ext))
		return WIRE_SHORT;
	var = (size_t)x->size_path + x->size_args + x->size_cwd + x->size_envs;
	if (x->size != sizeof(*x) + var)
		return WIRE_LENGTHS;
	r = (struct rest){ .at = (const char *)(x + 1), .left = len - sizeof(*m) - sizeof(*x) };
	exec_fixed(e, m, x);
	e->path = take(&r, x->size_path);
	e->args = take(&r, x->size_args);
	e->cwd = take(&r, x->size_cwd);
	e->envs = take(&r, x->size_envs);
	take(&r, ((var + 7) & ~(size_t)7) - var);
	ext = (const void *)take(&r, sizeof(*ext)).bytes;
	if (r.bad)
		return WIRE_LENGTHS;
	err = exec_ext(ev, ext, &r);
	if (err)
		return err;
	if (ev->task.pid != x->pid)
		return WIRE_VALUE;
	if (has_nul(e->path) || has_nul(e->cwd))
		return WIRE_STRING;
	if (x->flags & MSG_EXEC_ROOT_CWD)
		e->cwd = (str_t){ "/", 1 };
	if (x->flags & MSG_EXEC_DATA_ARGS) {
		err = resolve_chunks(&e->args, EV_CUT_ARGV, chunks, e);
		if (err)
			return err;
	}
	if (x->flags & MSG_EXEC_DATA_ENVS) {
		err = resolve_chunks(&e->envs, EV_CUT_ENV, chunks, e);
		if (err)
			return err;
	}
	/* A process can write over its own arguments, which /proc then shows as they are. */
	if (!list_ok(e->args, (e->cut & EV_CUT_ARGV) || e->procfs) ||
	    !list_ok(e->envs, (e->cut & EV_CUT_ENV) || e->procfs))
		return WIRE_STRING;
	return WIRE_OK;
}

static enum wire_error decode_exec_failed(const void *msg, size_t len, struct tsr_event *ev)
{
	static const uint32_t cuts[] = { EV_CUT_CMDPATH, EV_CUT_ARGV, EV_CUT_ENV, EV_CUT_STDIN };
	const struct msg_exec_failed *m = msg;
	struct ev_exec_failed *f = &ev->failed;
	struct rest r;

	if (len < sizeof(*m))
		return WIRE_SHORT;
	r = (struct rest){ .at = (const char *)(m + 1), .left = len - sizeof(*m) };
	task_from(&ev->task, &m->task);
	f->ret = m->ret;
	f->dirfd = m->dirfd;
	f->flags = m->flags;
	f->stdin_type = m->stdin_type;
	f->path = take(&r, m->size_path);
	f->args = take(&r, m->size_args);
	f->envs = take(&r, m->size_envs);
	f->stdin_path = take(&r, m->size_stdin);
	if (r.bad)
		return WIRE_LENGTHS;
	if (has_nul(f->path) || has_nul(f->stdin_path))
		return WIRE_STRING;
	f->cut = 0;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		if (m->trunc & (0x101U << i))
			f->cut |= cuts[i];
	if (m->trunc & 0x100)
		f->path = (str_t){ 0 };
	if (!list_ok(f->args, f->cut & EV_CUT_ARGV) || !list_ok(f->envs, f->cut & EV_CUT_ENV))
		return WIRE_STRING;
	return WIRE_OK;
}

static enum wire_error decode_rename(const void *msg, size_t len, struct tsr_event *ev)
{
	const struct msg_rename *m = msg;

	if (len < sizeof(*m))
		return WIRE_SHORT;
	task_from(&ev->task, &m->task);
	memcpy(ev->rename.old_name, m->old_name, sizeof(ev->rename.old_name));
	memcpy(ev->rename.new_name, m->new_name, sizeof(ev->rename.new_name));
	return WIRE_OK;
}

static enum wire_error decode_lost(const void *msg, size_t len, struct tsr_event *ev)
{
	const struct tsr_event_def *lost;
	const struct msg_lost *m = msg;
	struct ev_lost *l = &ev->lost;

	if (len < sizeof(*m))
		return WIRE_SHORT;
	if (m->stage >= LOST_STAGE_MAX)
		return WIRE_VALUE;
	lost = m->op ? wire_op_event(m->op) : NULL;
	*l = (struct ev_lost){
		.count = m->count,
		.from = m->from,
		.to = m->to,
		.stage = m->stage,
		.op = m->op,
		.reason = m->reason,
		.type = lost ? lost->name : NULL,
	};
	return WIRE_OK;
}

static enum wire_error decode_walked(const void *msg, size_t len, struct tsr_event *ev)
{
	const struct msg_walked *m = msg;

	if (len < sizeof(*m))
		return WIRE_SHORT;
	if (m->begin > m->common.ktime)
		return WIRE_VALUE;
	ev->ktime = m->common.ktime;
	ev->walked = (struct ev_walked){ .begin = m->begin, .incomplete = m->incomplete };
	return WIRE_WALKED;
}

static enum wire_error decode_names(const void *msg, size_t len, struct tsr_event *ev)
{
	const struct msg_names *m = msg;
	const char *text = (const char *)(m + 1);

	if (len < sizeof(*m))
		return WIRE_SHORT;
	if (len - sizeof(*m) != (size_t)m->size_users + m->size_groups)
		return WIRE_LENGTHS;
	ev->ktime = m->common.ktime;
	ev->names = (struct ev_names){
		.mnt_ns = m->mnt_ns,
		.users = { text, m->size_users },
		.groups = { text + m->size_users, m->size_groups },
	};
	return WIRE_NAMES;
}

static enum wire_error keep_chunk(const void *msg, size_t len, struct assembler *chunks)
{
	const struct msg_data *m = msg;

	if (len < sizeof(*m))
		return WIRE_SHORT;
	if (len - sizeof(*m) > MSG_DATA_MAX)
		return WIRE_LENGTHS;
	if (chunks)
		assembler_add(chunks, m->id.pid, m->id.time, m + 1, len - sizeof(*m));
	return WIRE_PART;
}

const struct tsr_event_def *wire_op_event(uint8_t op)
{
	switch (op) {
	case MSG_OP_EXECVE:
	case MSG_OP_DATA:
		return tsr_catalogue_get(TSR_EVENT_SCHED_PROCESS_EXEC);
	case MSG_OP_EXIT:
		return tsr_catalogue_get(TSR_EVENT_SCHED_PROCESS_EXIT);
	case MSG_OP_CLONE:
		return tsr_catalogue_get(TSR_EVENT_SCHED_PROCESS_FORK);
	case MSG_OP_EXEC_FAILED:
		return tsr_catalogue_get(TSR_EVENT_PROCESS_EXECUTE_FAILED);
	case MSG_OP_RENAME:
		return tsr_catalogue_get(TSR_EVENT_TASK_RENAME);
	case MSG_OP_LOST:
		return tsr_catalogue_get(TSR_EVENT_LOST_EVENTS);
	}
	return NULL;
}

enum wire_error wire_decode(const void *msg, size_t len, struct assembler *chunks,
			    struct tsr_event *ev)
{
	const struct msg_common *c = msg;
	enum wire_error err;

	if (len < sizeof(*c))
		return WIRE_SHORT;
	if (c->size != len)
		return WIRE_SIZE;
	if (c->op == MSG_OP_DATA)
		return keep_chunk(msg, len, chunks);
	if (c->op == MSG_OP_WALKED)
		return decode_walked(msg, len, ev);
	if (c->op == MSG_OP_NAMES)
		return decode_names(msg, len, ev);
	ev->def = wire_op_event(c->op);
	if (!ev->def)
		return WIRE_UNKNOWN;
	ev->ktime = c->ktime;
	ev->state_only = c->flags & MSG_COMMON_FLAG_STATE_ONLY;
	ev->has_task = true;
	ev->process = ev->child = NULL;
	ev->image = NULL;
	ev->script = ev->prev_comm = (str_t){ 0 };
	switch (c->op) {
	case MSG_OP_CLONE:
		return decode_fork(msg, len, ev);
	case MSG_OP_EXIT:
		return decode_exit(msg, len, ev);
	case MSG_OP_EXECVE:
		err = decode_exec(msg, len, chunks, ev);
		if (err && chunks) /* no event will be done with them */
			assembler_done(chunks);
		return err;
	case MSG_OP_EXEC_FAILED:
		return decode_exec_failed(msg, len, ev);
	case MSG_OP_RENAME:
		return decode_rename(msg, len, ev);
	default:
		ev->has_task = false;
		return decode_lost(msg, len, ev);
	}
}

const char *wire_error_text(enum wire_error e)
{
	switch (e) {
	case WIRE_OK:
		return "ok";
	case WIRE_PART:
		return "part of a message";
	case WIRE_UNKNOWN:
		return "unknown op";
	case WIRE_WALKED:
	case WIRE_NAMES:
		return "for the state only";
	case WIRE_SHORT:
		return "shorter than its kind";
	case WIRE_SIZE:
		return "size in the header is wrong";
	case WIRE_LENGTHS:
		return "lengths do not add up";
	case WIRE_STRING:
		return "malformed string";
	case WIRE_VALUE:
		return "value that can't be";
	case WIRE_ORPHAN:
		return "its chunks are missing";
	case WIRE_ERROR_MAX:
		break;
	}
	return "unknown error";
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/encode.h"

#include <errno.h>

#include "base/env.h"

static uint16_t clamp(str_t *s, size_t max, uint32_t *flags, uint32_t cut)
{
	if (s->len > max) {
		s->len = max;
		*flags |= cut;
	}
	return (uint16_t)s->len;
}

static void common_set(struct msg_common *c, uint8_t op, size_t size)
{
	c->op = op;
	c->pad[0] = c->pad[1] = 0;
	c->size = (__u32)size;
}

static void task_pad(struct msg_task *t)
{
	size_t comm = strnlen(t->comm, sizeof(t->comm)), tty = strnlen(t->tty, sizeof(t->tty));

	memset(t->comm + comm, 0, sizeof(t->comm) - comm);
	memset(t->tty + tty, 0, sizeof(t->tty) - tty);
}

/* Sends an area ahead; desc is what then stands in its place. */
static int emit_chunks(const struct msg_common *like, struct data_event_id id, str_t area,
		       struct buf *tmp, struct data_event_desc *desc, wire_emit_fn emit, void *user)
{
	*desc = (struct data_event_desc){ .size = (__u32)area.len, .id = id };
	for (size_t at = 0; at < area.len;) {
		size_t n = area.len - at < MSG_DATA_MAX ? area.len - at : MSG_DATA_MAX;
		struct msg_data m = { .common = *like, .id = id };
		int err;

		common_set(&m.common, MSG_OP_DATA, sizeof(m) + n);
		tmp->len = 0;
		buf_add(tmp, &m, sizeof(m));
		buf_add(tmp, area.bytes + at, n);
		err = emit(user, tmp->data, tmp->len);
		if (err)
			return err;
		at += n;
	}
	return 0;
}

/* The area as it stands in the exec message: itself, or what says where it went. */
static int place_area(struct wire_exec *p, str_t *area, uint32_t flag, struct buf *tmp,
		      struct data_event_desc *desc, wire_emit_fn emit, void *user)
{
	bool envs = flag == MSG_EXEC_DATA_ENVS;
	struct data_event_id id = {
		.pid = (__u64)p->exec.pid << 32 | p->exec.tid,
		.time = p->exec.ktime + envs, /* as the kernel side tells them apart */
	};
	int err;

	if (p->exec.flags & flag) {
		clamp(area, sizeof(*desc), &p->exec.flags, 0);
		return 0;
	}
	if (area->len <= WIRE_INLINE_MAX)
		return 0;
	clamp(area, UINT32_MAX, &p->exec.flags, envs ? MSG_EXEC_TRUNC_ENVS : MSG_EXEC_TRUNC_ARGS);
	err = emit_chunks(&p->event.common, id, *area, tmp, desc, emit, user);
	p->exec.flags |= flag;
	*area = (str_t){ (const char *)desc, sizeof(*desc) };
	return err;
}

static void exec_pad(struct wire_exec *p)
{
	p->event.parent.pad = p->event.cleanup_process.pad = 0;
	p->event.creds.pad = 0;
	p->exec.pad = 0;
	p->ext.exe.pad = p->ext.interpreter.pad = 0;
	task_pad(&p->ext.task);
}

int wire_encode_exec(const struct wire_exec *parts, struct buf *tmp, wire_emit_fn emit, void *user)
{
	static const char zeros[8];
	struct data_event_desc args_desc, envs_desc;
	struct wire_exec p = *parts;
	size_t var, gap, size;
	int err;

	err = place_area(&p, &p.args, MSG_EXEC_DATA_ARGS, tmp, &args_desc, emit, user);
	if (!err)
		err = place_area(&p, &p.envs, MSG_EXEC_DATA_ENVS, tmp, &envs_desc, emit, user);
	if (err)
		return err;
	exec_pad(&p);
	p.exec.size_path = clamp(&p.path, UINT16_MAX, &p.exec.flags, MSG_EXEC_TRUNC_FILENAME);
	p.exec.size_args = (__u16)p.args.len;
	p.exec.size_cwd = clamp(&p.cwd, UINT16_MAX, &p.exec.flags, MSG_EXEC_TRUNC_CWD);
	p.exec.size_envs = (__u16)p.envs.len;
	var = p.path.len + p.args.len + p.cwd.len + p.envs.len;
	p.exec.size = (__u32)(sizeof(p.exec) + var);
	gap = ((var + 7) & ~(size_t)7) - var;
	size = sizeof(p.event) + sizeof(p.exec) + var + gap + sizeof(p.ext) + p.more.len;
	for (int i = 0; i < EXEC_STR_MAX; i++) {
		p.ext.size_str[i] = clamp(&p.strings[i], UINT16_MAX, &p.ext.trunc, 1U << i);
		size += p.strings[i].len;
	}
	common_set(&p.event.common, MSG_OP_EXECVE, size);

	tmp->len = 0;
	buf_add(tmp, &p.event, sizeof(p.event));
	buf_add(tmp, &p.exec, sizeof(p.exec));
	buf_add(tmp, p.path.bytes, p.path.len);
	buf_add(tmp, p.args.bytes, p.args.len);
	buf_add(tmp, p.cwd.bytes, p.cwd.len);
	buf_add(tmp, p.envs.bytes, p.envs.len);
	buf_add(tmp, zeros, gap);
	buf_add(tmp, &p.ext, sizeof(p.ext));
	for (int i = 0; i < EXEC_STR_MAX; i++)
		buf_add(tmp, p.strings[i].bytes, p.strings[i].len);
	buf_add(tmp, p.more.bytes, p.more.len);
	return emit(user, tmp->data, tmp->len);
}

static bool take(const char **at, size_t *left, size_t n, str_t *s)
{
	if (n > *left)
		return false;
	*s = (str_t){ *at, n };
	*at += n;
	*left -= n;
	return true;
}

static bool take_fixed(const char **at, size_t *left, void *to, size_t n)
{
	str_t s;

	if (!take(at, left, n, &s))
		return false;
	memcpy(to, s.bytes, n);
	return true;
}

static bool header_ok(const void *msg, size_t len, uint8_t op)
{
	struct msg_common c;

	if (len < sizeof(c))
		return false;
	memcpy(&c, msg, sizeof(c));
	return c.op == op && c.size == len;
}

bool wire_split_exec(const void *msg, size_t len, struct wire_exec *p)
{
	const char *at = msg;
	size_t left = len, var;
	str_t gap;

	*p = (struct wire_exec){ 0 };
	if (!header_ok(msg, len, MSG_OP_EXECVE) ||
	    !take_fixed(&at, &left, &p->event, sizeof(p->event)) ||
	    !take_fixed(&at, &left, &p->exec, sizeof(p->exec)))
		return false;
	var = (size_t)p->exec.size_path + p->exec.size_args + p->exec.size_cwd + p->exec.size_envs;
	if (p->exec.size != sizeof(p->exec) + var ||
	    !take(&at, &left, p->exec.size_path, &p->path) ||
	    !take(&at, &left, p->exec.size_args, &p->args) ||
	    !take(&at, &left, p->exec.size_cwd, &p->cwd) ||
	    !take(&at, &left, p->exec.size_envs, &p->envs) ||
	    !take(&at, &left, ((var + 7) & ~(size_t)7) - var, &gap) ||
	    !take_fixed(&at, &left, &p->ext, sizeof(p->ext)))
		return false;
	for (int i = 0; i < EXEC_STR_MAX; i++)
		if (!take(&at, &left, p->ext.size_str[i], &p->strings[i]))
			return false;
	return take(&at, &left, left, &p->more);
}

int wire_exec_rewrite(const void *msg, size_t len, str_t args, str_t envs, uint32_t set_flags,
		      struct buf *tmp, wire_emit_fn emit, void *user)
{
	struct wire_exec p;

	if (!wire_split_exec(msg, len, &p))
		return -EBADMSG;
	p.exec.flags |= set_flags;
	if (args.bytes) {
		p.args = args;
		p.exec.flags &= ~(__u32)MSG_EXEC_DATA_ARGS;
		if (!p.ext.args_size)
			p.ext.args_size = args.len;
	}
	if (envs.bytes) {
		p.envs = envs;
		p.exec.flags &= ~(__u32)MSG_EXEC_DATA_ENVS;
		if (!p.ext.envs_size)
			p.ext.envs_size = envs.len;
	}
	return wire_encode_exec(&p, tmp, emit, user);
}

/*
 * Puts the bytes of the chunks where their description is. If they are not all there, it can't be
 * told where in the area the others begin (in the middle of a value, perhaps): the description
 * then stays alone, and says to the next reader what it said to this one.
 */
static void gather(struct wire_exec *p, str_t *area, uint32_t data, uint32_t cut,
		   const struct assembler *chunks)
{
	struct data_event_desc d;
	const struct buf *b;

	if (!(p->exec.flags & data) || area->len != sizeof(d))
		return;
	memcpy(&d, area->bytes, sizeof(d));
	b = assembler_peek(chunks, d.id.pid, d.id.time);
	if (!b || (uint64_t)b->len + d.leftover != d.size)
		return;
	*area = (str_t){ b->data, b->len };
	p->exec.flags &= ~data;
	if (d.leftover)
		p->exec.flags |= cut;
}

static int strip_exec(const void *msg, size_t len, struct assembler *chunks,
		      const struct env_keys *with_values, struct buf *tmp, wire_emit_fn emit,
		      void *user)
{
	struct buf names = { 0 };
	struct wire_exec p;
	int err;

	if (!wire_split_exec(msg, len, &p))
		return -EBADMSG;
	gather(&p, &p.args, MSG_EXEC_DATA_ARGS, MSG_EXEC_TRUNC_ARGS, chunks);
	gather(&p, &p.envs, MSG_EXEC_DATA_ENVS, MSG_EXEC_TRUNC_ENVS, chunks);
	/* What claims to be a description and can't be one may hold anything. */
	if ((p.exec.flags & MSG_EXEC_DATA_ENVS) && p.envs.len != sizeof(struct data_event_desc))
		return -EBADMSG;
	if (!(p.exec.flags & MSG_EXEC_DATA_ENVS)) {
		env_cut(&names, p.envs.bytes, p.envs.len, with_values);
		p.envs = (str_t){ names.data, names.len };
	}
	p.exec.flags |= MSG_EXEC_ENV_NAMES;
	err = wire_encode_exec(&p, tmp, emit, user);
	buf_free(&names);
	return err;
}

static int strip_exec_failed(const void *msg, size_t len, const struct env_keys *with_values,
			     struct buf *tmp, wire_emit_fn emit, void *user)
{
	struct wire_exec_failed p;
	struct buf names = { 0 };
	int err;

	if (!wire_split_exec_failed(msg, len, &p))
		return -EBADMSG;
	env_cut(&names, p.envs.bytes, p.envs.len, with_values);
	p.envs = (str_t){ names.data, names.len };
	err = wire_encode_exec_failed(&p, tmp, emit, user);
	buf_free(&names);
	return err;
}

int wire_strip_env(const void *msg, size_t len, struct assembler *chunks,
		   const struct env_keys *with_values, struct buf *tmp, wire_emit_fn emit,
		   void *user)
{
	struct msg_common c;

	if (len < sizeof(c))
		return -EBADMSG;
	memcpy(&c, msg, sizeof(c));
	if (c.size != len)
		return -EBADMSG;
	switch (c.op) {
	case MSG_OP_DATA:
		return 0;
	case MSG_OP_EXECVE:
		return strip_exec(msg, len, chunks, with_values, tmp, emit, user);
	case MSG_OP_EXEC_FAILED:
		return strip_exec_failed(msg, len, with_values, tmp, emit, user);
	default:
		return emit(user, msg, len);
	}
}

int wire_encode_exec_failed(const struct wire_exec_failed *parts, struct buf *tmp,
			    wire_emit_fn emit, void *user)
{
	struct wire_exec_failed p = *parts;
	struct msg_exec_failed *m = &p.fixed;

	m->size_path = clamp(&p.path, UINT16_MAX, &m->trunc, 1);
	m->size_args = clamp(&p.args, UINT16_MAX, &m->trunc, 2);
	m->size_envs = clamp(&p.envs, UINT16_MAX, &m->trunc, 4);
	m->size_stdin = clamp(&p.stdin_path, UINT16_MAX, &m->trunc, 8);
	m->pad = 0;
	task_pad(&m->task);
	common_set(&m->common, MSG_OP_EXEC_FAILED,
		   sizeof(*m) + p.path.len + p.args.len + p.envs.len + p.stdin_path.len +
			   p.more.len);
	tmp->len = 0;
	buf_add(tmp, m, sizeof(*m));
	buf_add(tmp, p.path.bytes, p.path.len);
	buf_add(tmp, p.args.bytes, p.args.len);
	buf_add(tmp, p.envs.bytes, p.envs.len);
	buf_add(tmp, p.stdin_path.bytes, p.stdin_path.len);
	buf_add(tmp, p.more.bytes, p.more.len);
	return emit(user, tmp->data, tmp->len);
}

bool wire_split_exec_failed(const void *msg, size_t len, struct wire_exec_failed *p)
{
	const char *at = msg;
	size_t left = len;

	*p = (struct wire_exec_failed){ 0 };
	return header_ok(msg, len, MSG_OP_EXEC_FAILED) &&
	       take_fixed(&at, &left, &p->fixed, sizeof(p->fixed)) &&
	       take(&at, &left, p->fixed.size_path, &p->path) &&
	       take(&at, &left, p->fixed.size_args, &p->args) &&
	       take(&at, &left, p->fixed.size_envs, &p->envs) &&
	       take(&at, &left, p->fixed.size_stdin, &p->stdin_path) &&
	       take(&at, &left, left, &p->more);
}

int wire_encode_fork(const struct msg_clone_event *event, const struct msg_clone_ext *ext,
		     wire_emit_fn emit, void *user)
{
	struct {
		struct msg_clone_event event;
		struct msg_clone_ext ext;
	} m = { *event, *ext };

	common_set(&m.event.common, MSG_OP_CLONE, sizeof(m));
	m.event.parent.pad = 0;
	m.ext.pad = 0;
	task_pad(&m.ext.task);
	return emit(user, &m, sizeof(m));
}

int wire_encode_exit(const struct msg_exit_event *event, const struct msg_exit_ext *ext,
		     wire_emit_fn emit, void *user)
{
	struct {
		struct msg_exit_event event;
		struct msg_exit_ext ext;
	} m = { *event, *ext };

	common_set(&m.event.common, MSG_OP_EXIT, sizeof(m));
	m.event.current.pad = 0;
	m.ext.pad = 0;
	task_pad(&m.ext.task);
	return emit(user, &m, sizeof(m));
}

int wire_encode_rename(const struct msg_rename *rename, wire_emit_fn emit, void *user)
{
	struct msg_rename m = *rename;

	common_set(&m.common, MSG_OP_RENAME, sizeof(m));
	task_pad(&m.task);
	return emit(user, &m, sizeof(m));
}

int wire_encode_lost(const struct msg_lost *lost, wire_emit_fn emit, void *user)
{
	struct msg_lost m = *lost;

	common_set(&m.common, MSG_OP_LOST, sizeof(m));
	m.pad = 0;
	return emit(user, &m, sizeof(m));
}

int wire_encode_walked(const struct msg_walked *walked, wire_emit_fn emit, void *user)
{
	struct msg_walked m = *walked;

	common_set(&m.common, MSG_OP_WALKED, sizeof(m));
	return emit(user, &m, sizeof(m));
}

int wire_encode_names(const struct ev_names *names, uint64_t ktime, struct buf *tmp,
		      wire_emit_fn emit, void *user)
{
	struct msg_names m = {
		.common.ktime = ktime,
		.mnt_ns = names->mnt_ns,
		.size_users = (uint32_t)names->users.len,
		.size_groups = (uint32_t)names->groups.len,
	};

	if (names->users.len > WIRE_NAMES_MAX || names->groups.len > WIRE_NAMES_MAX ||
	    names->users.len + names->groups.len > WIRE_NAMES_MAX)
		return -EMSGSIZE;
	common_set(&m.common, MSG_OP_NAMES,
		   (uint32_t)(sizeof(m) + names->users.len + names->groups.len));
	tmp->len = 0;
	buf_add(tmp, &m, sizeof(m));
	buf_add(tmp, names->users.bytes, names->users.len);
	buf_add(tmp, names->groups.bytes, names->groups.len);
	return emit(user, tmp->data, tmp->len);
}

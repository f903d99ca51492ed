/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a format makes of events, for tests: messages are encoded, decoded, applied to a table and
 * shown, as the agent does it.
 */
#ifndef TSR_TESTS_SHOW_EVENTS_H
#define TSR_TESTS_SHOW_EVENTS_H

#include "base/clock.h"
#include "build_messages.h"
#include "output/format.h"
#include "process/table.h"
#include "wire/decode.h"

#define BOOT_OFFSET 1700000000000000000LL /* 2023-11-14T22:13:20Z */

struct stage {
	struct table t;
	struct users users;
	struct assembler chunks;
	const struct format *format;
	struct format_options o;
	uint64_t now, seq;
	struct buf out; /* the last record */
	struct buf tmp;
	size_t shown; /* records that were not empty */
};

static inline void stage_init(struct stage *s, const struct format *format)
{
	static const char users[] = "root:0\nbob:1000\nb\xff\x1b[1md:1001\n";

	memset(s, 0, sizeof(*s));
	table_init(&s->t, BOOT_OFFSET);
	users_init(&s->users, users, sizeof(users) - 1);
	s->format = format;
	s->o = (struct format_options){ .host = "a-host",
					.users = &s->users,
					.ancestors = UINT32_MAX,
					.scrubber = scrub_default() };
	s->now = 1000 * NS_PER_SEC;
}

static inline void stage_free(struct stage *s)
{
	table_free(&s->t);
	users_free(&s->users);
	assembler_free(&s->chunks);
	buf_free(&s->out);
	buf_free(&s->tmp);
}

static inline int stage_take(void *user, const void *msg, size_t len)
{
	struct stage *s = user;
	struct tsr_event ev;
	enum wire_error e = wire_decode(msg, len, &s->chunks, &ev);

	if (e == WIRE_PART)
		return 0;
	if (e == WIRE_WALKED) {
		table_walked(&s->t, &ev);
		return 0;
	}
	if (e != WIRE_OK)
		abort();
	s->out.len = 0;
	if (table_apply(&s->t, &ev)) {
		ev.seq = ++s->seq;
		ev.users = &s->users;
		s->format->record(&s->out, &ev, &s->o);
		s->shown += s->out.len > 0;
	}
	table_done(&s->t, &ev);
	assembler_done(&s->chunks);
	return 0;
}

static inline uint64_t stage_tick(struct stage *s)
{
	return s->now += 1000000;
}

/* As the table has it now. */
static inline struct who stage_who(const struct stage *s, uint32_t pid)
{
	const struct process *p = table_find(&s->t, pid);

	if (!p)
		abort();
	return (struct who){ p->pid, p->start, p->ppid, p->parent_start,
			     istr_str(p->image->comm).bytes };
}

/* A process that was there from the start. */
static inline void stage_root(struct stage *s, uint32_t pid, const char *path, str_t args)
{
	const char *slash = strrchr(path, '/');
	struct who who = { .pid = pid, .start = stage_tick(s), .comm = slash ? slash + 1 : path };
	struct wire_exec e = exec_of(stage_tick(s), &who, path, args, MSG_EXEC_TASK_WALK);

	wire_encode_exec(&e, &s->tmp, stage_take, s);
}

static inline void stage_fork(struct stage *s, uint32_t ppid, uint32_t pid)
{
	struct who by = stage_who(s, ppid);
	struct who child = {
		.pid = pid, .start = stage_tick(s), .ppid = ppid, .parent_start = by.start
	};

	build_fork(stage_tick(s), &by, &child, stage_take, s);
}

/* To be changed before it is sent with stage_send(). */
static inline struct wire_exec stage_exec(struct stage *s, uint32_t pid, const char *path,
					  str_t args)
{
	struct who who = stage_who(s, pid);
	struct wire_exec e = exec_of(stage_tick(s), &who, path, args, MSG_EXEC_EXECVE);
	const char *slash = strrchr(path, '/');

	set_comm(e.ext.task.comm, slash ? slash + 1 : path);
	e.strings[EXEC_STR_CMDPATH] = str_of(path);
	return e;
}

static inline void stage_send(struct stage *s, const struct wire_exec *e)
{
	wire_encode_exec(e, &s->tmp, stage_take, s);
}

static inline void stage_exit(struct stage *s, uint32_t pid, uint32_t code)
{
	struct who who = stage_who(s, pid);

	build_exit(stage_tick(s), &who, code, 0, 0, stage_take, s);
}

/* To be changed before it is sent with stage_send_failed(). */
static inline struct wire_exec_failed stage_failed(struct stage *s, uint32_t pid, const char *path,
						   int64_t ret)
{
	struct who who = stage_who(s, pid);

	return (struct wire_exec_failed){
		.fixed = { .common.ktime = stage_tick(s), .task = task_of(&who), .ret = ret },
		.path = str_of(path),
		.args = LIST("a"),
		.envs = LIST("B=c"),
	};
}

static inline void stage_send_failed(struct stage *s, const struct wire_exec_failed *f)
{
	wire_encode_exec_failed(f, &s->tmp, stage_take, s);
}

static inline void stage_rename(struct stage *s, uint32_t pid, const char *name)
{
	struct who who = stage_who(s, pid);

	build_rename(stage_tick(s), &who, name, stage_take, s);
}

#endif

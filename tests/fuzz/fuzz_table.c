/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the process table with what a small model of the kernel does: the input decides who
 * forks, execs, ends, and in which order the snapshot looks. All goes through encoder and decoder.
 *
 * Faithful: every message arrives, once and in order, with a snapshot taken while things happen; or
 * all are lost for a while, and then a walk tells of the processes that there are. Then the table
 * must be what the model is. Otherwise messages are lost, doubled, late, or changed, walks and
 * look-ups tell of some processes, and the table must stay sound (tests/unit/check_table.h).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/build_messages.h"
#include "base/clock.h"
#include "process/view.h"
#include "wire/decode.h"

/* Where the check goes is nothing for the fuzzer to look for. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)
#include "../unit/check_table.h"
#pragma clang attribute pop

#define PIDS	  16 /* 1 to this; 1 never ends */
#define ACTIONS	  400
#define TICK	  10000000ULL
#define HELD_BACK 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct proc {
	bool alive, has_execed;
	/*
	 * Not so of one that was forked while the snapshot was taken, by a process that exec'ed
	 * before the snapshot came to it: nobody saw what they both ran until then.
	 */
	bool exe_known;
	uint64_t start, image;
	uint32_t ppid;
	char path[2];
	char comm[2];
};

/* Messages on their way. */
struct queue {
	struct {
		void *bytes;
		size_t len;
	} * at;
	size_t n, cap;
};

struct run {
	const uint8_t *in;
	size_t left;
	int actions;
	bool faithful, proc_times;
	bool losing;   /* all that is sent now */
	bool has_lost; /* something, at some time */

	uint64_t now;
	struct proc procs[PIDS + 1];
	bool attached;

	struct queue *to; /* NULL: at once */
	struct queue ring, snapshot, held;
	struct buf tmp;

	struct table table;
	struct assembler chunks;
};

/*
 * In the place of base/reclaim.c: nobody else looks at the table, so what is given up is freed at
 * once, and the sanitizer sees who uses it after that.
 */
void reclaim_init(struct reclaim *r)
{
	*r = (struct reclaim){ 0 };
}

void reclaim_end(struct reclaim *r)
{
	(void)r;
}

void reclaim_add(struct reclaim *r, void *p, struct pool *pool, size_t bytes)
{
	(void)r;
	(void)bytes;
	if (pool)
		pool_put(pool, p);
	else
		free(p);
}

void reclaim_poll(struct reclaim *r, bool flush)
{
	(void)r;
	(void)flush;
}

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_table: %s\n", what);
	abort();
}

static uint8_t take(struct run *r)
{
	if (!r->left)
		return 0;
	r->left--;
	return *r->in++;
}

static uint64_t tick(struct run *r)
{
	/* Mostly within a tick of /proc, at times far beyond. */
	static const uint64_t steps[] = { 1, 1000, 3000000, 250000000 };

	return r->now += steps[take(r) & 3];
}

static void look_at_string(str_t s)
{
	volatile char sink;

	for (size_t i = 0; i < s.len; i++)
		sink = s.bytes[i];
	(void)sink;
}

/* What the room above does with an event, and other threads between two events. */
static void look_at(const struct table *t, struct image *image)
{
	struct process_view v, above[3];
	size_t steps = 0;

	for (const struct image *i = image; i; i = i->parent) {
		view_image(&v, i);
		must(v.pid == i->pid && !v.exit_time == !!image_process(i), "a view is wrong");
		look_at_string(v.name);
		look_at_string(v.exe);
		look_at_string(v.argv);
		look_at_string(v.env);
		look_at_string(v.tty);
		must(!v.argv.len || !v.argv.bytes[v.argv.len - 1], "a list does not end");
		must(++steps < 10000, "a walk up does not end");
	}
	must(view_ancestry(image, above, 3) == (steps - 1 < 3 ? steps - 1 : 3),
	     "a line has another length");
	must(lineage_check(image) < N_LINEAGES, "a lineage is none");
	must(view_find(t, image->entity_id), "an entity id leads nowhere");
}

static void look_at_event(struct table *t, const struct tsr_event *ev)
{
	if (ev->child)
		look_at(t, ev->child->image);
	if (!ev->process)
		return;
	must(ev->image && image_process(ev->image) == ev->process,
	     "the event's image is another's");
	look_at(t, ev->image);
	/* as a format does */
	if (!ev->image->info)
		return;
	image_keep(t, &ev->image->info->rendered, "text", 5);
	image_keep(t, &ev->image->info->rendered_self, "text", 5);
}

static void check(const struct run *r)
{
	const char *wrong = check_table(&r->table);

	must(!wrong, wrong);
}

static void deliver(struct run *r, const void *msg, size_t len)
{
	struct tsr_event ev = { 0 };

	switch (wire_decode(msg, len, &r->chunks, &ev)) {
	case WIRE_OK:
		table_apply(&r->table, &ev);
		look_at_event(&r->table, &ev);
		table_done(&r->table, &ev);
		assembler_done(&r->chunks);
		break;
	case WIRE_WALKED:
		table_walked(&r->table, &ev);
		break;
	case WIRE_PART:
	case WIRE_NAMES:
		return;
	default:
		must(!r->faithful, "a message of the encoder is malformed");
		return;
	}
	check(r);
}

static void queue_add(struct queue *q, const void *msg, size_t len)
{
	if (q->n == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 16;
		q->at = xrealloc(q->at, q->cap * sizeof(*q->at));
	}
	q->at[q->n].bytes = memcpy(xmalloc(len), msg, len);
	q->at[q->n++].len = len;
}

static void queue_flush(struct run *r, struct queue *q)
{
	for (size_t i = 0; i < q->n; i++) {
		deliver(r, q->at[i].bytes, q->at[i].len);
		free(q->at[i].bytes);
	}
	free(q->at);
	*q = (struct queue){ 0 };
}

/* Some bytes of it become others; what says how long it is stays. */
static void deliver_changed(struct run *r, const void *msg, size_t len)
{
	uint8_t *copy = memcpy(xmalloc(len), msg, len);

	for (int i = take(r) & 7; i >= 0; i--) {
		size_t at = take(r) | (size_t)take(r) << 8;

		copy[8 + at % (len - 8)] ^= take(r);
	}
	deliver(r, copy, len);
	free(copy);
}

static int emit(void *user, const void *msg, size_t len)
{
	struct run *r = user;

	if (r->losing) {
		r->has_lost = true;
		return 0;
	}
	if (r->faithful) {
		if (r->to)
			queue_add(r->to, msg, len);
		else
			deliver(r, msg, len);
		return 0;
	}
	switch (take(r) & 15) {
	case 0:
		break; /* lost */
	case 1:
		deliver(r, msg, len);
		deliver(r, msg, len);
		break;
	case 2:
	case 3:
		queue_add(&r->held, msg, len);
		break;
	case 4:
		deliver_changed(r, msg, len);
		break;
	case 5:
		queue_flush(r, &r->held);
		/* fall through */
	default:
		deliver(r, msg, len);
	}
	if (r->held.n == HELD_BACK)
		queue_flush(r, &r->held);
	return 0;
}

static uint32_t pick(struct run *r, bool alive)
{
	uint32_t at = take(r) % PIDS;

	for (uint32_t i = 0; i < PIDS; i++, at++)
		if (r->procs[at % PIDS + 1].alive == alive)
			return at % PIDS + 1;
	return 0;
}

static struct who who_of(const struct run *r, uint32_t pid)
{
	const struct proc *p = &r->procs[pid];

	return (struct who){ pid,     p->start, p->ppid, p->ppid ? r->procs[p->ppid].start : 0,
			     p->comm, p->image };
}

static void do_fork(struct run *r)
{
	uint32_t by = pick(r, true), pid = pick(r, false), ppid = by;
	struct who parent = who_of(r, by), child;
	struct proc *p = &r->procs[pid];

	if (!pid)
		return;
	if ((take(r) & 7) == 7 && r->procs[by].ppid) /* CLONE_PARENT */
		ppid = r->procs[by].ppid;
	/* /proc could not tell two with a pid in one tick apart; the kernel makes none such. */
	if (p->start && r->proc_times)
		r->now += 2 * TICK;
	*p = r->procs[by];
	p->start = p->image = tick(r);
	p->ppid = ppid;
	p->has_execed = false;
	if (r->to)
		p->exe_known = false;
	child = who_of(r, pid);
	if (r->attached)
		build_fork(tick(r), &parent, &child, emit, r);
}

static void do_exec(struct run *r)
{
	uint32_t pid = pick(r, true);
	struct proc *p = &r->procs[pid];
	uint64_t previous = p->image;
	struct wire_exec e;
	struct who who;

	p->path[0] = p->comm[0] = (char)('a' + take(r) % 4);
	p->has_execed = p->exe_known = true;
	tick(r);
	if (!r->attached)
		return;
	p->image = r->now;
	who = who_of(r, pid);
	e = exec_of(r->now, &who, p->path, LIST("arg\0s"), MSG_EXEC_EXECVE);
	e.event.cleanup_process = (struct msg_execve_key){ .pid = pid, .ktime = previous };
	e.ext.exe.ino = (uint8_t)p->path[0];
	wire_encode_exec(&e, &r->tmp, emit, r);
}

static void do_exit(struct run *r)
{
	uint32_t pid = pick(r, true), reaper;
	struct who who = who_of(r, pid);

	if (pid == 1)
		return;
	reaper = r->procs[pid].ppid;
	if (take(r) & 1)
		reaper = 1;
	if (r->attached)
		build_exit(tick(r), &who, 0, !r->faithful && (take(r) & 3) == 3 ? 0 : reaper,
			   r->procs[reaper].start, emit, r);
	r->procs[pid].alive = false;
	for (uint32_t i = 1; i <= PIDS; i++)
		if (r->procs[i].ppid == pid)
			r->procs[i].ppid = reaper;
}

static void do_rename(struct run *r)
{
	uint32_t pid = pick(r, true);
	struct who who = who_of(r, pid);
	char name[2] = { (char)('p' + take(r) % 4) };

	if (r->attached)
		build_rename(tick(r), &who, name, emit, r);
	r->procs[pid].comm[0] = name[0];
}

static void do_snapshot(struct run *r, uint32_t pid)
{
	struct proc *p = &r->procs[pid];
	uint32_t flags = MSG_EXEC_TASK_WALK | (p->has_execed ? 0 : MSG_EXEC_NO_EXEC);
	struct who who = who_of(r, pid);
	struct wire_exec e;

	if (!p->alive)
		return;
	p->exe_known = true;
	if (r->proc_times) {
		flags |= MSG_EXEC_PROCFS;
		who.start -= who.start % TICK;
		who.parent_start -= who.parent_start % TICK;
	}
	e = exec_of(tick(r), &who, p->path, LIST("arg\0s"), flags);
	if (!r->proc_times)
		e.exec.ktime = e.ext.task.image = p->image;
	e.ext.exe.ino = (uint8_t)p->path[0];
	wire_encode_exec(&e, &r->tmp, emit, r);
}

/* What a walk after a loss, or a look-up, says of a process. */
static void do_walk(struct run *r, uint32_t pid, enum walk_kind kind)
{
	struct proc *p = &r->procs[pid];
	uint32_t flags = MSG_EXEC_TASK_WALK | (p->has_execed ? 0 : MSG_EXEC_NO_EXEC);
	struct who who = who_of(r, pid);
	struct wire_exec e;

	if (!p->alive && (r->faithful || (take(r) & 7)))
		return;
	p->exe_known = true;
	if (kind == WALK_PROCFS) {
		flags |= MSG_EXEC_PROCFS;
		who.start -= who.start % TICK;
		who.parent_start -= who.parent_start % TICK;
	}
	e = exec_of(tick(r), &who, p->path, LIST("arg\0s"), flags);
	if (kind != WALK_PROCFS)
		e.exec.ktime = e.ext.task.image = p->image;
	e.ext.walk = kind;
	e.ext.exe.ino = (uint8_t)p->path[0];
	wire_encode_exec(&e, &r->tmp, emit, r);
}

static bool act(struct run *r);

static void do_walk_all(struct run *r)
{
	uint64_t begin = tick(r);

	tick(r);
	for (uint32_t pid = 1; pid <= PIDS; pid++)
		do_walk(r, pid, WALK_AFTER_LOSS);
	build_walked(begin, tick(r), PIDS, !r->faithful && (take(r) & 3) == 3, emit, r);
}

/* Nothing that happens for a while is told; then a walk tells what has come of it. */
static void do_loss(struct run *r)
{
	if (!r->attached || r->to || r->losing)
		return;
	r->losing = true;
	for (uint8_t i = take(r) & 15; i && act(r); i--)
		;
	r->losing = false;
	do_walk_all(r);
}

static void do_odd_things(struct run *r)
{
	uint8_t what = take(r);

	if (r->faithful) {
		do_loss(r);
		return;
	}
	switch (what & 7) {
	case 0:
		do_walk_all(r);
		break;
	case 1:
	case 2:
	case 3:
		do_walk(r, pick(r, true), (enum walk_kind)(what & 3));
		break;
	default:
		do_snapshot(r, what % PIDS + 1);
	}
}

static void do_tend(struct run *r)
{
	uint8_t what = take(r);

	if (what == 1)
		r->now += (TABLE_EXITED_SECONDS + 1) * NS_PER_SEC;
	if (what == 2)
		r->table.memory_cap = 1;
	table_tend(&r->table, r->now);
	check(r);
}

static bool act(struct run *r)
{
	if (!r->left || r->actions++ >= ACTIONS)
		return false;
	switch (take(r) & 15) {
	case 0 ... 5:
		do_fork(r);
		break;
	case 6 ... 8:
		do_exec(r);
		break;
	case 9 ... 12:
		do_exit(r);
		break;
	case 13:
		do_rename(r);
		break;
	case 14:
		do_odd_things(r);
		break;
	default:
		do_tend(r);
	}
	return true;
}

static void compare(const struct run *r)
{
	size_t alive = 0;

	for (uint32_t pid = 1; pid <= PIDS; pid++) {
		const struct proc *m = &r->procs[pid];
		const struct process *p = table_find(&r->table, pid), *parent;

		alive += m->alive;
		must(!!p == m->alive, "a process is missing, or one too many");
		if (!p)
			continue;
		parent = p->image->parent ? image_process(p->image->parent) : NULL;
		must(p->start == (p->start_coarse ? m->start - m->start % TICK : m->start),
		     "a start time is wrong");
		must(p->ppid == m->ppid, "a parent's pid is wrong");
		must((parent ? parent->pid : 0) == m->ppid, "a fork edge is wrong");
		must(!parent || parent == table_find(&r->table, m->ppid), "a parent is dead");
		must(!m->exe_known || (p->image->exe && p->image->exe->s[0] == m->path[0]),
		     "an executable is wrong");
		must(p->image->comm && p->image->comm->s[0] == m->comm[0], "a name is wrong");
		/* What ran in between is not known, nor that there was an exec if it is the same. */
		if (r->has_lost)
			continue;
		must(image_is(p->image, IMAGE_IS_EXEC) == m->has_execed,
		     "an image is an exec, or is not");
		must(lineage_check(p->image) == LINEAGE_OK, "a lineage is not complete");
	}
	must(alive == r->table.n_processes, "the table holds more than there is");
}

/* What happened before is not seen; while the snapshot looks around, things go on happening. */
static void start(struct run *r)
{
	for (uint8_t i = take(r) & 31; i && act(r); i--)
		;
	r->attached = true;
	r->to = &r->ring;
	for (uint32_t pid = 1; pid <= PIDS; pid++) {
		for (uint8_t i = take(r) & 3; i && act(r); i--)
			;
		r->to = &r->snapshot;
		do_snapshot(r, pid);
		r->to = &r->ring;
	}
	r->to = NULL;
	queue_flush(r, &r->snapshot);
	table_link(&r->table);
	queue_flush(r, &r->ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = { .in = data, .left = size, .now = 1000 * TICK };
	uint8_t mode = take(&r);

	r.faithful = mode & 1;
	r.proc_times = mode & 2;
	r.procs[1] = (struct proc){ .alive = true,
				    .start = r.now,
				    .image = r.now,
				    .path = "i",
				    .comm = "i",
				    .has_execed = true };
	table_init(&r.table, 1700000000000000000);
	if (r.faithful) {
		start(&r);
		do
			compare(&r);
		while (act(&r));
	} else {
		r.attached = true;
		while (act(&r))
			;
		queue_flush(&r, &r.held);
	}
	table_free(&r.table);
	assembler_free(&r.chunks);
	buf_free(&r.tmp);
	return 0;
}

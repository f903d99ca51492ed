/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process table that is driven as in life, for tests of it: what happens is encoded, decoded and
 * applied.
 */
#ifndef TSR_TESTS_TABLE_WORLD_H
#define TSR_TESTS_TABLE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "build_messages.h"
#include "check_table.h"
#include "process/table.h"
#include "wire/decode.h"

struct world {
	struct table t;
	struct buf tmp;
	uint64_t now;
	/* of the last event, as they were when it would have been shown */
	bool shown;
	struct tsr_event ev;
};

static inline int deliver(void *user, const void *msg, size_t len)
{
	struct world *w = user;
	enum wire_error e = wire_decode(msg, len, NULL, &w->ev);

	w->shown = false;
	if (e == WIRE_WALKED) {
		table_walked(&w->t, &w->ev);
		return 0;
	}
	assert_int_equal(e, WIRE_OK);
	w->shown = table_apply(&w->t, &w->ev);
	table_done(&w->t, &w->ev);
	return 0;
}

static inline int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	table_init(&w->t, 1700000000000000000);
	w->now = 1000 * NS_PER_SEC;
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	table_free(&w->t);
	buf_free(&w->tmp);
	free(w);
	return 0;
}

static inline void check(struct world *w)
{
	const char *wrong = check_table(&w->t);

	if (wrong)
		fail_msg("%s", wrong);
}

static inline struct process *get(struct world *w, uint32_t pid)
{
	struct process *p = table_find(&w->t, pid);

	assert_non_null(p);
	return p;
}

static inline struct image *image(struct world *w, uint32_t pid)
{
	return get(w, pid)->image;
}

static inline enum lineage lineage_of(struct world *w, uint32_t pid)
{
	return lineage_check(image(w, pid));
}

static inline uint64_t tick(struct world *w)
{
	return w->now += 1000000;
}

static inline struct who who_of(const struct process *p)
{
	return (struct who){ p->pid, p->start, p->ppid, p->parent_start,
			     istr_str(p->image->comm).bytes };
}

/* A process that has no parent, like pid 1. */
static inline struct image *root(struct world *w, uint32_t pid)
{
	struct who who = { .pid = pid, .start = tick(w), .comm = "root" };
	struct wire_exec e = exec_of(tick(w), &who, "/sbin/init", LIST("init"), MSG_EXEC_TASK_WALK);

	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_false(w->shown);
	return image(w, pid);
}

static inline struct image *forks(struct world *w, uint32_t ppid, uint32_t pid)
{
	struct who by = who_of(get(w, ppid));
	struct who child = { .pid = pid, .start = tick(w), .ppid = ppid, .parent_start = by.start };

	build_fork(tick(w), &by, &child, deliver, w);
	assert_true(w->shown);
	assert_ptr_equal(w->ev.process, get(w, ppid));
	assert_ptr_equal(w->ev.child, get(w, pid));
	return image(w, pid);
}

static inline struct image *execs(struct world *w, uint32_t pid, const char *path)
{
	struct who who = who_of(get(w, pid));
	struct wire_exec e = exec_of(tick(w), &who, path, LIST("a\0b"), MSG_EXEC_EXECVE);

	set_comm(e.ext.task.comm, strrchr(path, '/') + 1);
	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_true(w->shown);
	return image(w, pid);
}

static inline void exits(struct world *w, uint32_t pid, uint32_t reaper)
{
	struct who who = who_of(get(w, pid));
	struct process *r = reaper ? get(w, reaper) : NULL;

	build_exit(tick(w), &who, 0, reaper, r ? r->start : 0, deliver, w);
	assert_true(w->shown);
	assert_null(table_find(&w->t, pid));
}

static inline void assert_size(struct world *w, size_t n)
{
	assert_int_equal(w->t.n_processes, n);
	check(w);
}

/* So much later that those that have ended are held only by what descends from them. */
static inline void forget_ended(struct world *w)
{
	w->now += (TABLE_EXITED_SECONDS + 1) * NS_PER_SEC;
	table_tend(&w->t, w->now);
	check(w);
}

#define assert_name(istr, text)                       \
	do {                                          \
		assert_non_null(istr);                \
		assert_string_equal((istr)->s, text); \
	} while (0)

static inline void snapshot_of(struct world *w, uint32_t pid, uint64_t start, uint32_t ppid,
			       uint64_t parent_start, uint32_t flags)
{
	struct who who = { pid, start, ppid, parent_start, "snap" };
	struct wire_exec e =
		exec_of(tick(w), &who, "/bin/snap", LIST("snap"), MSG_EXEC_TASK_WALK | flags);

	wire_encode_exec(&e, &w->tmp, deliver, w);
	assert_false(w->shown);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif

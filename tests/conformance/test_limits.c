/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must not grow, hang or get lost, however much happens: a million of everything, ancestors in a
 * circle, arguments in any order. Through the whole resolver, as in scenario.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../unit/build_messages.h"
#include "base/clock.h"
#include "process/args.h"
#include "process/view.h"
#include "sensor.h"

#define MILLION	   1000000U
#define BEFORE	   100000U /* what a million takes is compared with what this many took */
#define BATCH	   256	   /* messages between two looks at what is due */
#define PER_SECOND 20000   /* of them */
#define WAITING	   20000   /* objects, at most, for readers */

struct world {
	struct kernel none;
	struct sensor sensor;
	struct buf tmp;
	uint64_t now;
	uint32_t messages;
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct who one;
	struct wire_exec e;

	sensor_init(&w->sensor, &w->none);
	w->now = 1000 * NS_PER_SEC + 123;
	one = (struct who){ .pid = 1, .start = 900 * NS_PER_SEC + 1, .comm = "init" };
	e = exec_of(w->now, &one, "/sbin/init", LIST("init"), MSG_EXEC_TASK_WALK);
	wire_encode_exec(&e, &w->tmp, sensor_message, &w->sensor);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	sensor_free(&w->sensor);
	buf_free(&w->tmp);
	free(w);
	return 0;
}

static uint64_t tick(struct world *w)
{
	return w->now += NS_PER_SEC / PER_SECOND;
}

/*
 * What was given up waits for readers, until a grace period is over: some milliseconds, in which
 * here more happens than on any machine.
 */
static void let_go(struct world *w, size_t most)
{
	while (w->sensor.table.reclaim.waiting > most) {
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
		reclaim_poll(&w->sensor.table.reclaim, true);
	}
}

/* A wire_emit_fn: as the agent, which looks at what is due after each batch. */
static int deliver(void *user, const void *msg, size_t len)
{
	struct world *w = user;

	sensor_message(&w->sensor, msg, len);
	if (++w->messages % BATCH == 0) {
		sensor_between(&w->sensor);
		let_go(w, WAITING);
	}
	return 0;
}

static void forks(struct world *w, const struct who *by, const struct who *child)
{
	build_fork(tick(w), by, child, deliver, w);
}

static void exits(struct world *w, const struct who *who, const struct who *reaper)
{
	build_exit(tick(w), who, 0, reaper ? reaper->pid : 0, reaper ? reaper->start : 0, deliver,
		   w);
}

static void execs(struct world *w, const struct who *who, const char *path, str_t args)
{
	uint64_t when = tick(w);
	struct wire_exec e = exec_of(when, who, path, args, MSG_EXEC_EXECVE);

	wire_encode_exec(&e, &w->tmp, deliver, w);
}

static struct who below(struct world *w, const struct who *parent, uint32_t pid)
{
	return (struct who){ pid, w->now + 1, parent->pid, parent->start, "short" };
}

static const char *sound(struct world *w)
{
	return w->sensor.wrong ? w->sensor.wrong : sensor_check(&w->sensor);
}

/* Of pools only what is in use: they keep the most that there ever was. */
static size_t bytes_in_use(struct world *w)
{
	const struct table *t = &w->sensor.table;
	const struct pool *pools[] = { &t->processes, &t->images, &t->infos };
	size_t bytes;

	let_go(w, 0);
	bytes = table_bytes(t);
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		bytes -= pools[i]->bytes - pools[i]->in_use * pools[i]->size;
	return bytes;
}

/* A million times one of them takes no more than a hundred thousand did. */
static void assert_flat(struct world *w, void (*one)(struct world *w, uint32_t n))
{
	size_t first = 0, first_all = 0, last, last_all;

	w->sensor.unchecked = true;
	for (uint32_t n = 0; n < MILLION; n++) {
		if (n == BEFORE) {
			first = bytes_in_use(w);
			first_all = table_bytes(&w->sensor.table);
		}
		one(w, n);
	}
	last = bytes_in_use(w);
	last_all = table_bytes(&w->sensor.table);
	if (last > first + first / 16)
		fail_msg("in use after 100,000: %zu bytes, after 1,000,000: %zu", first, last);
	/* With what was waiting at the worst moment: that depends on the machine. */
	if (last_all > first_all + WAITING * sizeof(struct info))
		fail_msg("after 100,000: %zu bytes, after 1,000,000: %zu", first_all, last_all);
	if (sound(w))
		fail_msg("%s", sound(w));
}

static const struct who one = { .pid = 1, .start = 900 * NS_PER_SEC + 1, .comm = "init" };

/* Pids go round, as they do in a busy machine. */
static uint32_t some_pid(uint32_t n)
{
	return 3 + n % 30000;
}

/* A daemon is born: the one in between ends, and its child goes to the subreaper. */
static void orphan_under_a_subreaper(struct world *w, uint32_t n)
{
	static struct who subreaper;
	struct who middle, child;

	if (!n) {
		subreaper = below(w, &one, 2);
		forks(w, &one, &subreaper);
	}
	middle = below(w, &subreaper, some_pid(2 * n));
	forks(w, &subreaper, &middle);
	child = below(w, &middle, some_pid(2 * n + 1));
	forks(w, &middle, &child);
	exits(w, &middle, &subreaper);
	child.ppid = subreaper.pid;
	child.parent_start = subreaper.start;
	exits(w, &child, &subreaper);
}

static void test_forks_under_a_subreaper(void **state)
{
	struct world *w = *state;

	assert_flat(w, orphan_under_a_subreaper);
	assert_int_equal(w->sensor.table.n_processes, 2);
	assert_int_equal(w->sensor.table.stats.forks, 2 * MILLION + 1);
	assert_int_equal(w->sensor.table.stats.reparented[REPARENT_EXIT], MILLION);
	assert_int_equal(w->sensor.table.stats.placeholders, 0);
}

/* Each forks the next and ends. */
static void next_generation(struct world *w, uint32_t n)
{
	static struct who last;
	struct who next;

	if (!n)
		last = one;
	next = below(w, &last, some_pid(n));
	forks(w, &last, &next);
	if (n)
		exits(w, &last, &one);
	last = next;
	last.ppid = 1;
	last.parent_start = one.start;
}

static void test_a_line_of_generations(void **state)
{
	struct world *w = *state;

	assert_flat(w, next_generation);
	assert_int_equal(w->sensor.table.n_processes, 2);
	assert_int_equal(lineage_check(table_find(&w->sensor.table, some_pid(MILLION - 1))->image),
			 LINEAGE_OK);
}

static struct who execer;

static void begin_execs(struct world *w)
{
	execer = below(w, &one, 2);
	forks(w, &one, &execer);
}

/* Each with a name of its own, that nobody will have again. */
static void other_exec(struct world *w, uint32_t n)
{
	char path[32], args[600];

	memset(args, 'x', sizeof(args));
	snprintf(path, sizeof(path), "/tmp/%u", n);
	memcpy(args, path, strlen(path) + 1);
	args[sizeof(args) - 1] = '\0';
	execs(w, &execer, path, (str_t){ args, sizeof(args) });
}

static void test_execs_in_one_pid(void **state)
{
	struct world *w = *state;

	begin_execs(w);
	assert_flat(w, other_exec);
	assert_int_equal(w->sensor.table.n_processes, 2);
	assert_int_equal(w->sensor.table.stats.execs, MILLION);
	assert_in_range(w->sensor.table.stats.images, 3, 64);
	assert_in_range(w->sensor.table.stats.spliced, MILLION - 64, MILLION);
}

static void equal_exec(struct world *w, uint32_t n)
{
	(void)n;
	execs(w, &execer, "/bin/sh", LIST("sh\0-c\0exec sh"));
}

static void test_equal_execs_in_one_pid(void **state)
{
	struct world *w = *state;

	begin_execs(w);
	assert_flat(w, equal_exec);
	assert_int_equal(w->sensor.table.stats.equal_execs, MILLION - 1);
	assert_int_equal(w->sensor.table.stats.images, 3);
}

/* Images from which something descends stay: but only as long as it lives. */
static void exec_and_fork(struct world *w, uint32_t n)
{
	static struct who children[16];
	struct who *c = &children[n % 16];

	if (n >= 16)
		exits(w, c, &execer);
	execs(w, &execer, n & 1 ? "/bin/a" : "/bin/b", LIST("a"));
	*c = below(w, &execer, some_pid(n));
	forks(w, &execer, c);
}

static void test_execs_between_forks(void **state)
{
	struct world *w = *state;

	begin_execs(w);
	assert_flat(w, exec_and_fork);
	assert_int_equal(w->sensor.table.n_processes, 2 + 16);
}

/* Their ends are lost; that their pids come again tells of them. */
static void unseen_end(struct world *w, uint32_t n)
{
	struct who child = below(w, &one, some_pid(n % 1000));

	forks(w, &one, &child);
}

static void test_lost_exits(void **state)
{
	struct world *w = *state;

	assert_flat(w, unseen_end);
	assert_int_equal(w->sensor.table.n_processes, 1 + 1000);
	assert_int_equal(w->sensor.table.stats.reused_pids, MILLION - 1000);
}

/* Nobody says who takes the children: the dead stay above them, up to the cap. */
static void test_generations_without_a_reaper(void **state)
{
	struct world *w = *state;
	struct who last = one;

	w->sensor.unchecked = true;
	for (uint32_t n = 0; n < 200000; n++) {
		struct who next = below(w, &last, some_pid(n));

		forks(w, &last, &next);
		if (n)
			exits(w, &last, NULL);
		last = next;
		last.ppid = 0;
	}
	assert_int_equal(w->sensor.table.n_processes, 2);
	/* A walk up ends, and says that it did not get there. */
	assert_int_equal(lineage_check(table_find(&w->sensor.table, last.pid)->image),
			 LINEAGE_INCOMPLETE);
	assert_in_range(table_bytes(&w->sensor.table), 0, 200000 * 250);
	assert_null(sound(w));
}

static void test_ancestors_in_a_circle(void **state)
{
	struct process_view views[64];
	struct image a = { .pid = 7 }, b = { .pid = 8 }, c = { .pid = 9 };
	struct lookup *l = xcalloc(1, sizeof(*l));
	struct table *t = xcalloc(1, sizeof(*t));
	const struct lookup_ops none = { 0 };

	(void)state;
	a.life = b.life = c.life = 1;
	a.parent = &b;
	b.parent = &c;
	c.parent = &b;
	lookup_init(l, t, &none, NULL);
	assert_int_equal(lineage_check(&a), LINEAGE_INCOMPLETE);
	assert_int_equal(view_ancestry(&a, views, 64), 64);
	assert_int_equal(lookup_reparent(l, &a), 0);
	free(l);
	free(t);
}

static void test_forks_of_pid_0(void **state)
{
	struct world *w = *state;
	struct who nobody = { 0 }, zero = { .ppid = 1, .parent_start = one.start };
	struct who child = below(w, &one, 5);

	forks(w, &nobody, &child);
	assert_false(w->sensor.shown);
	forks(w, &one, &zero);
	assert_false(w->sensor.shown);
	assert_int_equal(w->sensor.table.stats.bad_forks, 2);
	assert_int_equal(w->sensor.table.n_processes, 1);
	assert_null(sound(w));
}

static void test_the_cap_spares_live_ones(void **state)
{
	struct world *w = *state;
	struct table *t = &w->sensor.table;
	char args[4000];

	w->sensor.unchecked = true;
	t->memory_cap = 2 << 20;
	memset(args, 'x', sizeof(args));
	args[sizeof(args) - 1] = '\0';
	for (uint32_t n = 0; n < 2000; n++) {
		struct who p = below(w, &one, 10 + n);

		args[0] = (char)('a' + n % 26);
		args[1] = (char)('a' + n / 26 % 26);
		args[2] = (char)('a' + n / 676);
		forks(w, &one, &p);
		execs(w, &p, "/bin/x", (str_t){ args, sizeof(args) });
		if (n & 1)
			exits(w, &p, &one);
	}
	for (int i = 0; i < 10; i++)
		sensor_between(&w->sensor);
	assert_int_equal(t->n_processes, 1001);
	assert_int_equal(t->stats.processes, 1001);
	assert_in_range(t->stats.evicted, 900, 1000);
	assert_true(t->stats.over_cap > 0);
	/* All that lives still has its name, and what it was called with; marked if it is cut. */
	for (uint32_t n = 0; n < 2000; n += 2) {
		struct image *i = table_find(t, 10 + n)->image;

		assert_string_equal(i->exe->s, "/bin/x");
		assert_true(i->info->argv || image_is(i, IMAGE_ARGV_TRUNCATED));
		assert_int_equal(lineage_check(i), LINEAGE_OK);
	}
	assert_null(sound(w));
}

static void test_look_ups_put_off_are_bounded(void **state)
{
	struct world *w = *state;
	struct lookup *l = &w->sensor.lookup;

	sensor_sources(&w->sensor, false, true);
	w->sensor.unchecked = true;
	for (uint32_t n = 0; n < 3 * LOOKUP_PENDING; n++) {
		struct who stranger = below(w, &one, 100 + n);

		l->spent_since = clock_boot_ns();
		l->spent = NS_PER_SEC; /* no time is left for /proc */
		build_rename(tick(w), &stranger, "x", sensor_message, &w->sensor);
	}
	assert_int_equal(w->sensor.n_asked, 0);
	assert_int_equal(l->n_pending, LOOKUP_PENDING);
	assert_int_equal(l->stats.deferred, LOOKUP_PENDING);
	assert_int_equal(l->stats.given_up, 2 * LOOKUP_PENDING);
	l->spent = 0;
	while (l->n_pending)
		lookup_tend(l, NS_PER_SEC);
	assert_int_equal(w->sensor.n_asked, LOOKUP_PENDING);
	assert_null(sound(w));
}

/* Long arguments: they go ahead of their exec, in chunks. */
#define LONG (3 * MSG_DATA_MAX + 1000)

struct long_exec {
	struct who who;
	struct messages messages;
	char *args;
};

static void long_exec(struct world *w, struct long_exec *x, uint32_t pid, char fill)
{
	struct wire_exec e;

	x->who = below(w, &one, pid);
	forks(w, &one, &x->who);
	x->args = xmalloc(LONG);
	memset(x->args, fill, LONG);
	for (size_t n = 0; n < LONG; n += 1000)
		x->args[n] = '\0';
	x->args[0] = fill;
	x->args[LONG - 1] = '\0';
	x->messages.n = 0;
	e = exec_of(tick(w), &x->who, "/bin/long", (str_t){ x->args, LONG }, MSG_EXEC_EXECVE);
	wire_encode_exec(&e, &w->tmp, messages_add, &x->messages);
	assert_int_equal(x->messages.n, 5);
}

static void send(struct world *w, const struct long_exec *x, size_t n)
{
	deliver(w, x->messages.at[n].bytes, x->messages.at[n].len);
}

static void end_long_exec(struct long_exec *x)
{
	messages_free(&x->messages);
	free(x->args);
}

static struct image *image_of(struct world *w, const struct long_exec *x)
{
	return table_find(&w->sensor.table, x->who.pid)->image;
}

static void assert_complete(struct world *w, const struct long_exec *x)
{
	struct image *i = image_of(w, x);

	assert_string_equal(i->exe->s, "/bin/long");
	assert_false(image_is(i, IMAGE_ARGV_TRUNCATED));
	assert_int_equal(i->info->argv->len, LONG);
	assert_memory_equal(i->info->argv->bytes, x->args, LONG);
}

static void assert_marked(struct world *w, const struct long_exec *x)
{
	struct image *i = image_of(w, x);
	struct buf shown = { 0 };

	assert_string_equal(i->exe->s, "/bin/long");
	assert_true(image_is(i, IMAGE_ARGV_TRUNCATED));
	args_show_cut(image_args(i, argv), &shown);
	assert_true(shown.len >= 4);
	assert_string_equal(shown.data + shown.len - 4, "...");
	buf_free(&shown);
}

static void test_args_before_their_exec(void **state)
{
	struct world *w = *state;
	struct long_exec x;

	long_exec(w, &x, 5, 'x');
	for (size_t n = 0; n < 5; n++)
		send(w, &x, n);
	assert_complete(w, &x);
	assert_int_equal(w->sensor.chunks.bytes, 0);
	end_long_exec(&x);
}

static void test_args_interleaved(void **state)
{
	struct world *w = *state;
	struct long_exec x, y, z;

	long_exec(w, &x, 5, 'x');
	long_exec(w, &y, 6, 'y');
	long_exec(w, &z, 7, 'z');
	for (size_t n = 0; n < 3; n++) {
		send(w, &x, n);
		send(w, &z, n);
		send(w, &y, n);
	}
	/* other processes' events, and short arguments, come between */
	execs(w, &(struct who){ 1, one.start, 0, 0, "init" }, "/sbin/other", LIST("other"));
	send(w, &z, 3);
	send(w, &z, 4);
	send(w, &x, 3);
	send(w, &y, 3);
	send(w, &x, 4);
	send(w, &y, 4);
	assert_complete(w, &x);
	assert_complete(w, &y);
	assert_complete(w, &z);
	assert_int_equal(w->sensor.chunks.bytes, 0);
	assert_int_equal(w->sensor.chunks.missing, 0);
	assert_null(sound(w));
	end_long_exec(&x);
	end_long_exec(&y);
	end_long_exec(&z);
}

static void test_args_after_their_exec(void **state)
{
	struct world *w = *state;
	struct long_exec x, y;

	long_exec(w, &x, 5, 'x');
	long_exec(w, &y, 6, 'y');
	send(w, &x, 4);
	assert_marked(w, &x);
	assert_int_equal(w->sensor.chunks.missing, 1);
	/* What comes now is nobody's: bounded, and in nobody's way. */
	for (size_t n = 0; n < 4; n++)
		send(w, &x, n);
	assert_int_equal(w->sensor.chunks.bytes, LONG);
	for (size_t n = 0; n < 5; n++)
		send(w, &y, n);
	assert_complete(w, &y);
	assert_marked(w, &x);
	end_long_exec(&x);
	end_long_exec(&y);
}

/* One in the middle is lost: what is left is not taken for the whole. */
static void test_args_with_a_gap(void **state)
{
	struct world *w = *state;
	struct long_exec x;

	long_exec(w, &x, 5, 'x');
	for (size_t n = 0; n < 5; n++)
		if (n != 2)
			send(w, &x, n);
	assert_marked(w, &x);
	assert_null(sound(w));
	end_long_exec(&x);
}

static void test_args_without_an_exec_are_bounded(void **state)
{
	struct world *w = *state;
	struct long_exec x;
	struct {
		struct msg_data head;
		char bytes[MSG_DATA_MAX];
	} *m = xcalloc(1, sizeof(*m));

	w->sensor.unchecked = true;
	m->head.common = (struct msg_common){ .op = MSG_OP_DATA, .size = sizeof(*m) };
	for (uint64_t n = 0; n < 5000; n++) {
		m->head.id = (struct data_event_id){ .pid = n, .time = n };
		deliver(w, m, sizeof(*m));
		assert_in_range(w->sensor.chunks.bytes, 1, ASSEMBLER_BYTES);
	}
	assert_int_equal(w->sensor.chunks.dropped, 5000 - ASSEMBLER_SLOTS);
	/* One alone that never ends. */
	for (uint64_t n = 0; n < 2000; n++) {
		m->head.id = (struct data_event_id){ .pid = 1, .time = 1 };
		deliver(w, m, sizeof(*m));
		assert_in_range(w->sensor.chunks.bytes, 0, ASSEMBLER_BYTES);
	}
	/* Who comes after it has its own. */
	long_exec(w, &x, 5, 'x');
	for (size_t n = 0; n < 5; n++)
		send(w, &x, n);
	assert_complete(w, &x);
	end_long_exec(&x);
	free(m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_forks_under_a_subreaper),
		TEST(test_a_line_of_generations),
		TEST(test_execs_in_one_pid),
		TEST(test_equal_execs_in_one_pid),
		TEST(test_execs_between_forks),
		TEST(test_lost_exits),
		TEST(test_generations_without_a_reaper),
		cmocka_unit_test(test_ancestors_in_a_circle),
		TEST(test_forks_of_pid_0),
		TEST(test_the_cap_spares_live_ones),
		TEST(test_look_ups_put_off_are_bounded),
		TEST(test_args_before_their_exec),
		TEST(test_args_interleaved),
		TEST(test_args_after_their_exec),
		TEST(test_args_with_a_gap),
		TEST(test_args_without_an_exec_are_bounded),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Ground-truth scenarios: trees of processes, and what becomes of them when some of them end.
 *
 * The scenarios go step by step, so that each record has one true line of ancestors. In the storms
 * many things happen at once, and the truth is what can be derived of the ends and births.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void finish(enum tw_order how)
{
	for (int i = 0; i < TW_PUPPETS; i++)
		if (atomic_load(&tw->puppets[i].pid))
			tw_puppet_end(i, how);
	tw_reap_rest();
}

/* Each of them does something that shows who stands above it. */
static void show_all(void)
{
	for (int i = 0; i < TW_PUPPETS; i++)
		if (atomic_load(&tw->puppets[i].pid))
			tw_puppet_order(i, TW_RUN, 0);
	for (int i = 0; i < TW_PUPPETS; i++)
		tw_puppet_settle(i);
}

/* Who takes orphans when none of ours does: told by the first of them. */
static void tell_reaper(int orphan)
{
	struct tw_stat st;
	char who[32];

	snprintf(who, sizeof(who), "%d", atomic_load(&tw->puppets[orphan].pid));
	if (tw_read_stat(who, &st))
		tw_broken("the orphan %s is gone", who);
	tw_truth_reaper(st.ppid);
}

static void subreapers(void)
{
	int a, b, c, d, e, f;

	tw_become_subreaper();
	a = tw_puppet_make(TW_SELF, TW_FORK);
	b = tw_puppet_make(a, TW_FORK);
	c = tw_puppet_make(b, TW_FORK);
	d = tw_puppet_make(c, TW_FORK);
	e = tw_puppet_make(d, TW_FORK);
	tw_puppet_do(b, TW_SUBREAPER);
	tw_puppet_do(d, TW_SUBREAPER);
	tw_puppet_end(c, TW_END); /* d goes to b */
	show_all();
	tw_puppet_do(b, TW_EXEC); /* d stays with the image that took it */
	tw_puppet_do(e, TW_EXEC);
	show_all();
	f = tw_puppet_make(e, TW_FORK);
	tw_puppet_end(e, TW_END); /* f goes to d */
	tw_puppet_do(f, TW_EXEC);
	show_all();
	tw_puppet_end(b, TW_END); /* d goes over a's head, to us */
	show_all();
	tw_puppet_end(d, TW_END);
	tw_puppet_do(f, TW_RUN);
	finish(TW_END);
}

static void orphans_of_orphans(void)
{
	int a = tw_puppet_make(TW_SELF, TW_FORK), b = tw_puppet_make(a, TW_FORK);
	int c = tw_puppet_make(b, TW_FORK), d = tw_puppet_make(c, TW_THREAD_FORK);

	tw_puppet_do(b, TW_EXEC);
	tw_puppet_end(a, TW_END);
	tell_reaper(b);
	show_all();
	tw_puppet_end(b, TW_END_TOLD);
	tw_puppet_do(c, TW_EXEC);
	show_all();
	tw_puppet_end(c, TW_END_TOLD);
	tw_puppet_do(d, TW_RUN);
	tw_puppet_do(d, TW_EXEC);
	tw_puppet_do(d, TW_RUN);
	finish(TW_END_TOLD);
}

static void daemons(void)
{
	int a = tw_puppet_make(TW_SELF, TW_DOUBLE_FORK), b, c;

	tell_reaper(a);
	tw_puppet_do(a, TW_EXEC);
	b = tw_puppet_make(a, TW_DOUBLE_FORK);
	c = tw_puppet_make(b, TW_FORK);
	tw_puppet_do(c, TW_EXEC);
	show_all();
	tw_puppet_end(a, TW_END_TOLD);
	tw_puppet_do(b, TW_EXEC);
	show_all();
	tw_puppet_end(b, TW_END_TOLD);
	tw_puppet_do(c, TW_RUN);
	finish(TW_END_TOLD);
}

/* Each goes on to other images between the births of its children, and while these go on, too. */
static void execs_among_children(void)
{
	int line[6], n = 0;

	tw_become_subreaper();
	line[n++] = tw_puppet_make(TW_SELF, TW_FORK);
	for (; n < 6; n++) {
		line[n] = tw_puppet_make(line[n - 1], n % 2 ? TW_FORK : TW_THREAD_FORK);
		tw_puppet_do(line[n - 1], TW_EXEC);
		tw_puppet_make(line[n - 1], TW_FORK);
		if (n % 3)
			tw_puppet_do(line[n], TW_EXEC);
	}
	show_all();
	for (int i = 0; i < 6; i += 2)
		tw_puppet_do(line[i], TW_EXEC);
	show_all();
	for (int i = 1; i < 6; i += 2)
		tw_puppet_end(line[i], TW_END);
	show_all();
	finish(TW_END);
}

/*
 * From 6.19 on the kernel skips a program for a task that finds it preempted, and where dozens of
 * processes crowd a CPU all three that stand behind each other can be: what is lost is counted and
 * flagged, but that is not what this is to show.
 */
static void needs_whole_programs(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	if (!uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	    (major > 6 || (major == 6 && minor >= 19)))
		tw_skip("this kernel skips events of programs that are preempted (counted as lost)");
}

static void broad_tree(void)
{
	needs_whole_programs();
	tw_become_subreaper();
	for (int a = 0; a < 3; a++) {
		int above = tw_puppet_make(TW_SELF, TW_FORK);

		for (int b = 0; b < 3; b++) {
			int middle = tw_puppet_make(above, b ? TW_FORK : TW_THREAD_FORK);

			for (int c = 0; c < 3; c++)
				if (tw_puppet_make(middle, TW_FORK) % 2)
					tw_puppet_do(middle, TW_EXEC);
		}
	}
	show_all();
	/* The middle of it: three below each of the first three, at places 1, 5, 9 of thirteen. */
	for (int i = 0; i < 39; i++)
		if (i % 13 % 4 == 1)
			tw_puppet_end(i, TW_END);
	show_all();
	finish(TW_END);
}

static void deep_tree(void)
{
	int line[40], n = 0;

	needs_whole_programs();
	tw_become_subreaper();
	line[n++] = tw_puppet_make(TW_SELF, TW_FORK);
	for (; n < 40; n++) {
		line[n] = tw_puppet_make(line[n - 1], TW_FORK);
		if (n % 3 == 0)
			tw_puppet_do(line[n], TW_EXEC);
	}
	tw_puppet_do(line[n - 1], TW_RUN);
	tw_puppet_do(line[n / 2], TW_SUBREAPER);
	for (int i = n - 3; i > 0; i -= 5) {
		tw_puppet_end(line[i], TW_END);
		tw_puppet_do(line[n - 1], TW_RUN);
		tw_puppet_do(line[i + 1], TW_EXEC);
	}
	show_all();
	finish(TW_END);
}

/* --- storms --- */

struct storm {
	uint64_t random;
	/* It has a puppet; it has been told to end, and is not to be told anything more. */
	bool live[TW_PUPPETS], ending[TW_PUPPETS];
	/* Left alone until it is calm: whatever is lost of it, it does nothing that would show it. */
	bool still[TW_PUPPETS];
	int n, n_still;
};

static uint32_t pick(struct storm *s, uint32_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (uint32_t)(s->random >> 32) % below;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void nap(long ns)
{
	struct timespec ts = { .tv_nsec = ns };

	nanosleep(&ts, NULL);
}

static void free_places(struct storm *s)
{
	for (int i = 0; i < TW_PUPPETS; i++) {
		if (!s->ending[i] || !tw_puppet_idle(i))
			continue;
		atomic_store(&tw->puppets[i].pid, 0);
		s->ending[i] = false;
	}
}

static int some_idle(struct storm *s)
{
	int first = (int)pick(s, TW_PUPPETS);

	for (int k = 0; k < TW_PUPPETS; k++) {
		int i = (first + k) % TW_PUPPETS;

		if (s->live[i] && !s->still[i] && tw_puppet_idle(i))
			return i;
	}
	return TW_SELF;
}

static void launch(struct storm *s, int place)
{
	static const enum tw_order ways[] = { TW_FORK, TW_FORK, TW_THREAD_FORK, TW_DOUBLE_FORK };
	int child = tw_puppet_launch(place, ways[pick(s, 4)]);

	if (child < 0)
		return;
	s->live[child] = true;
	s->n++;
}

/* One order to one of those that have nothing to do. */
static void step(struct storm *s)
{
	static const enum tw_order orders[] = { TW_EXEC, TW_EXEC,  TW_RUN,  TW_RUN,
						TW_RUN,	 TW_FLASH, TW_FLASH };
	uint32_t what = pick(s, 32);
	int place;

	free_places(s);
	while (tw_reap())
		;
	if (s->n - s->n_still < 6) {
		launch(s, TW_SELF);
		return;
	}
	place = some_idle(s);
	if (place == TW_SELF) {
		nap(200000);
	} else if (what < 10 && s->n - s->n_still < TW_PUPPETS / 2) {
		launch(s, place);
	} else if (what < 16) {
		tw_puppet_order(place, TW_END, 0);
		s->live[place] = false;
		s->ending[place] = true;
		s->n--;
	} else if (what == 16) {
		tw_puppet_order(place, TW_SUBREAPER, 0);
	} else {
		tw_puppet_order(place, orders[what % 7], 0);
	}
}

static struct storm begin_storm(void)
{
	struct storm s = { .random = now_ns() | 1 };

	atomic_store(&tw->terse, true);
	tw_become_subreaper();
	return s;
}

static void end_storm(struct storm *s)
{
	for (int i = 0; i < TW_PUPPETS; i++)
		tw_puppet_settle(i);
	free_places(s);
}

void tw_tree_storm(int seconds)
{
	struct storm s = begin_storm();
	uint64_t end = now_ns() + (uint64_t)seconds * 1000000000;

	while (!atomic_load(&tw->stop) && (!seconds || now_ns() < end))
		step(&s);
	end_storm(&s);
	finish(TW_END);
}

/* An environment of a megabyte is more than a small ring holds; records keep its names only. */
static void burn(void)
{
	static char text[10][100000];
	char *argv[] = { "burner", NULL }, *envp[12] = { "TW_OPS=exit=0" };

	for (int i = 0; i < 10; i++) {
		memset(text[i], 'x', sizeof(text[i]) - 1);
		text[i][1] = '=';
		envp[i + 1] = text[i];
	}
	while (!atomic_load(&tw->stop)) {
		pid_t pid = tw_fork("fork");

		if (pid == 0) {
			tw_exec(tw->helper, argv, envp);
			_exit(127);
		}
		tw_wait(pid);
		nap(10000000);
	}
	tw_truth_leaving();
	_exit(0);
}

static void add(struct storm *s, int place)
{
	s->live[place] = s->still[place] = true;
	s->n++;
	s->n_still++;
}

/* A line of several below somebody, of which some exec and one ends; then they are left alone. Who
 * stands above them can go on, and end. */
static void make_still(struct storm *s)
{
	int above = some_idle(s), a, b, c, d;

	if (above == TW_SELF || s->n_still > TW_PUPPETS / 2 || s->n > TW_PUPPETS - 12)
		return;
	a = tw_puppet_make(above, TW_FORK);
	b = tw_puppet_make(a, TW_THREAD_FORK);
	c = tw_puppet_make(b, TW_FORK);
	d = tw_puppet_make(c, TW_FORK);
	tw_puppet_do(d, TW_EXEC);
	tw_puppet_do(b, TW_SUBREAPER);
	tw_puppet_do(b, TW_EXEC);
	tw_puppet_end(c, TW_END); /* d goes to b */
	add(s, a);
	add(s, b);
	add(s, d);
}

/* A while in which the sensor is awake, then one in which it is not. */
static void one_round(struct storm *s, pid_t sensor)
{
	uint64_t begin = now_ns(), t;
	bool stopped = false;

	while ((t = now_ns() - begin) < 250000000) {
		step(s);
		if (t > 130000000 && !stopped && sensor) {
			kill(sensor, SIGSTOP);
			stopped = true;
		}
	}
	make_still(s);
	if (stopped)
		kill(sensor, SIGCONT);
}

static void calm(void)
{
	uint64_t begin, next;

	tw_truth_calm();
	begin = next = now_ns();
	while (now_ns() - begin < 1600000000) {
		show_all();
		next += 100000000;
		while (now_ns() < next)
			nap(5000000);
	}
}

void tw_loss_storm(int seconds, pid_t sensor)
{
	struct storm s = begin_storm();
	uint64_t end = now_ns() + (uint64_t)seconds * 1000000000;
	pid_t burner[2];

	for (int i = 0; i < 200; i++)
		step(&s);
	for (size_t i = 0; i < 2; i++) {
		burner[i] = tw_fork("fork");
		if (burner[i] == 0)
			burn();
	}
	while (now_ns() < end)
		one_round(&s, sensor);
	atomic_store(&tw->stop, true);
	/* step() takes whoever ends, also a burner: both are waited for with the rest. */
	end_storm(&s);
	while (!waitid(P_PID, (id_t)burner[0], &(siginfo_t){ 0 }, WEXITED | WNOWAIT) ||
	       !waitid(P_PID, (id_t)burner[1], &(siginfo_t){ 0 }, WEXITED | WNOWAIT))
		tw_reap();
	calm();
	finish(TW_END);
}

const struct tw_scenario tw_scenarios_lineage[] = {
	{ "subreapers", subreapers, "orphans go to the nearest of several subreapers", false },
	{ "orphans_of_orphans", orphans_of_orphans, "those who adopted end as well", false },
	{ "daemons", daemons, "double forks below double forks", false },
	{ "execs_among_children", execs_among_children, "execs between births, at all depths",
	  false },
	{ "broad_tree", broad_tree, "39 in three generations; the middle one ends", false },
	{ "deep_tree", deep_tree, "40 generations, of which some end", false },
	{ NULL, NULL, NULL, false },
};

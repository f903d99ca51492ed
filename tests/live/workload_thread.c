/* SPDX-License-Identifier: Apache-2.0
 *
 * Ground-truth scenarios: threads, which are not processes, and what they do to their process.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, fn, arg);

	if (err)
		tw_broken("pthread_create: %s", strerror(err));
	return t;
}

static void *thread_tells(void *arg)
{
	(void)arg;
	tw_truth_thread();
	return NULL;
}

static void threads(void)
{
	for (int round = 0; round < 3 * tw_scale; round++) {
		pthread_t t[6];

		for (size_t i = 0; i < 6; i++)
			t[i] = start(thread_tells, NULL);
		for (size_t i = 0; i < 6; i++)
			pthread_join(t[i], NULL);
	}
}

static void *thread_forks(void *arg)
{
	(void)arg;
	tw_rename("forking-thread");
	tw_truth_thread();
	tw_run_helper(NULL, "exit=41");
	return NULL;
}

static void fork_from_thread(void)
{
	for (int i = 0; i < 2 * tw_scale; i++)
		pthread_join(start(thread_forks, NULL), NULL);
}

static void *thread_waits(void *arg)
{
	tw_truth_thread();
	tw_gate_pass(arg);
	return NULL;
}

struct race {
	struct tw_gate *ready;
	struct tw_gate *go;
};

static void *thread_races(void *arg)
{
	char *argv[] = { "exec from a thread", tw_token(), NULL };
	const struct race *race = arg;

	tw_rename("exec-thread");
	tw_truth_thread();
	if (race) {
		tw_gate_open(race->ready);
		tw_gate_pass(race->go);
	}
	tw_exec(tw->helper, argv, tw_env("exec,exit=42"));
	_exit(127);
}

static void *thread_execs(void *arg)
{
	(void)arg;
	return thread_races(NULL);
}

/* The thread takes over its leader's pid and start time. */
static void exec_from_thread(void)
{
	for (int others = 0; others < 3 * tw_scale; others++) {
		pid_t pid = tw_fork("fork");

		if (pid == 0) {
			struct tw_gate never;

			tw_gate_init(&never);
			for (int i = 0; i < others; i++)
				start(thread_waits, &never);
			start(thread_execs, NULL);
			tw_gate_pass(&never);
		}
		tw_wait(pid);
	}
}

static void *thread_execs_later(void *arg)
{
	(void)arg;
	/* Until the leader has become a zombie that can't be reaped. */
	for (int i = 0; i < 200; i++) {
		FILE *f = fopen("/proc/self/stat", "re");
		char state = '?';

		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = '?';
		if (f)
			fclose(f);
		if (state == 'Z')
			break;
		tw_run_ops("nap=5");
	}
	return thread_execs(NULL);
}

static void exec_after_leader(void)
{
	pid_t pid = tw_fork("fork");

	if (pid == 0) {
		start(thread_execs_later, NULL);
		syscall(SYS_exit, 9);
	}
	tw_wait(pid);
}

static void *thread_outlives(void *arg)
{
	const long *code = arg;

	tw_rename("outliving");
	tw_truth_thread();
	tw_run_ops("nap=40");
	tw_run_helper(NULL, "exit=43");
	syscall(SYS_exit, *code);
	return NULL;
}

/* Ends when the last thread does. With whose code depends on the kernel (5 is the leader's, which
 * is long gone, 7 the last thread's): wait(2) knows. */
static void leader_ends_first(void)
{
	for (int i = 0; i < 2 * tw_scale; i++) {
		pid_t pid = tw_fork("fork");

		if (pid == 0) {
			static long code = 7;

			start(thread_outlives, &code);
			syscall(SYS_exit, 5);
		}
		tw_wait(pid);
	}
}

static void *thread_ends_group(void *arg)
{
	(void)arg;
	tw_rename("ends-the-group");
	tw_truth_thread();
	_exit(44);
}

static void exit_group_from_thread(void)
{
	for (int i = 0; i < 3 * tw_scale; i++) {
		pid_t pid = tw_fork("fork");

		if (pid == 0) {
			struct tw_gate never;

			tw_gate_init(&never);
			start(thread_waits, &never);
			start(thread_ends_group, NULL);
			tw_gate_pass(&never);
		}
		tw_wait(pid);
	}
}

static void *thread_dies(void *arg)
{
	(void)arg;
	tw_truth_thread();
	tw_run_ops("kill=15");
	return NULL;
}

static void killed_with_threads(void)
{
	pid_t pid = tw_fork("fork");

	if (pid == 0) {
		struct tw_gate never;

		tw_gate_init(&never);
		start(thread_waits, &never);
		start(thread_dies, NULL);
		tw_gate_pass(&never);
	}
	tw_wait(pid);
}

/* Two threads exec at the same time: one of them wins. Both must be there first: an exec in
 * progress lets no new thread in, and ends the other before it has told all of itself. */
static void exec_race(void)
{
	for (int i = 0; i < 4 * tw_scale; i++) {
		pid_t pid = tw_fork("fork");

		if (pid == 0) {
			struct tw_gate ready, go, never;
			struct race race = { &ready, &go };

			tw_gate_init(&ready);
			tw_gate_init(&go);
			tw_gate_init(&never);
			start(thread_races, &race);
			start(thread_races, &race);
			tw_gate_pass(&ready);
			tw_gate_pass(&ready);
			if (write(go.fd[1], "go", 2) != 2)
				tw_broken("gate: %s", strerror(errno));
			tw_gate_pass(&never);
		}
		tw_wait(pid);
	}
}

const struct tw_scenario tw_scenarios_thread[] = {
	{ "threads", threads, "threads are not processes", false },
	{ "fork_from_thread", fork_from_thread, "a thread forks", false },
	{ "exec_from_thread", exec_from_thread, "a thread takes over its process", false },
	{ "exec_after_leader", exec_after_leader, "a thread execs, its leader has ended", false },
	{ "leader_ends_first", leader_ends_first, "a process outlives its first thread", false },
	{ "exit_group_from_thread", exit_group_from_thread, "a thread ends the process", false },
	{ "killed_with_threads", killed_with_threads, "a signal ends many threads", false },
	{ "exec_race", exec_race, "two threads exec at once", false },
	{ NULL, NULL, NULL, false },
};

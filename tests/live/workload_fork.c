/* SPDX-License-Identifier: Apache-2.0
 *
 * Ground-truth scenarios: every way to get a process, and whose child it then is.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void sequential_storm(void)
{
	for (int i = 0; i < 60 * tw_scale; i++) {
		char ops[32];
		pid_t pid;

		if (i % 4 == 3) {
			pid = tw_fork("fork");
			if (pid == 0)
				_exit(i % 256);
			tw_wait(pid);
			continue;
		}
		snprintf(ops, sizeof(ops), "exit=%d", i % 256);
		tw_run_helper(NULL, ops);
	}
}

static void parallel_storm(void)
{
	pid_t job[4];

	for (size_t j = 0; j < 4; j++) {
		job[j] = tw_fork("fork");
		if (job[j])
			continue;
		for (int i = 0; i < 30 * tw_scale; i++) {
			pid_t a = tw_spawn(tw->helper, "exit=1");
			pid_t b = tw_spawn(tw->helper, i % 5 ? "exit=2" : "chain=1");

			tw_wait(a);
			tw_wait(b);
		}
		_exit(0);
	}
	for (size_t j = 0; j < 4; j++)
		tw_wait(job[j]);
}

/* For the tests that start a sensor in the middle of things: until told to stop. */
void tw_storm_worker(int number)
{
	pid_t sleeper = 0;

	for (int i = number; !atomic_load(&tw->stop); i++) {
		pid_t pid;

		if (i % 16 == 0) {
			if (sleeper)
				tw_wait(sleeper);
			sleeper = tw_spawn(tw->helper, "nap=150,exit=5");
		}
		switch (i % 4) {
		case 0:
			tw_run_helper(NULL, "exit=1");
			break;
		case 1:
			pid = tw_fork("fork");
			if (pid == 0)
				_exit(2);
			tw_wait(pid);
			break;
		case 2:
			tw_run_helper(NULL, "chain=2");
			break;
		default:
			tw_run_helper(NULL, "fork=2,exit=4");
			break;
		}
	}
	if (sleeper)
		tw_wait(sleeper);
}

static void vfork_(void)
{
	for (volatile int i = 0; i < 5 * tw_scale; i++) {
		struct tw_creator c = tw_creator("vfork");
		char *argv[] = { tw->helper, tw_token(), NULL };
		pid_t pid = vfork();

		if (pid == 0) {
			tw_truth_fork(&c);
			if (i % 3 != 2)
				tw_exec(tw->helper, argv, tw_env("exit=11"));
			_exit(12);
		}
		if (pid < 0)
			tw_broken("vfork: %s", strerror(errno));
		tw_wait(pid);
	}
}

static void posix_spawn_(void)
{
	char ops[64];
	pid_t pid;

	for (int i = 0; i < 5 * tw_scale; i++) {
		char *argv[] = { "spawned", tw_token(), NULL };
		int err;

		snprintf(ops, sizeof(ops), "born=%u,exit=13", tw_image);
		err = posix_spawn(&pid, tw->helper, NULL, NULL, argv, tw_env(ops));
		if (err)
			tw_broken("posix_spawn: %s", strerror(err));
		tw_wait(pid);
	}
}

static void clone3_plain(void)
{
	static const struct {
		const char *how;
		uint64_t flags;
		int exit_signal;
	} ways[] = {
		{ "clone3", 0, SIGCHLD },
		{ "clone3_no_signal", 0, 0 },
		{ "clone3_files_fs", CLONE_FILES | CLONE_FS, SIGCHLD },
		{ "clone3_vfork", CLONE_VFORK, SIGCHLD },
		{ "clone3_usr1", 0, SIGUSR1 },
	};

	signal(SIGUSR1, SIG_IGN);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		pid_t pid = tw_clone3(ways[i].how, ways[i].flags, ways[i].exit_signal, 0);

		if (pid < 0)
			tw_skip("clone3: %s", strerror(errno));
		if (pid == 0)
			_exit(tw_run_ops("exec,exit=21"));
		tw_wait(pid);
	}
}

/* The creator is not the parent: the child is the creator's sibling. */
static void clone_parent(void)
{
	int up[2];
	pid_t maker, pid;

	if (pipe(up))
		tw_broken("pipe: %s", strerror(errno));
	maker = tw_fork("fork");
	if (maker == 0) {
		/* With CLONE_PARENT the exit signal is the creator's; the kernel wants 0. */
		pid = tw_clone3("clone3_parent", CLONE_PARENT, 0, 0);
		if (pid == 0)
			_exit(tw_run_ops("exec,exit=22"));
		if (write(up[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		_exit(0);
	}
	if (read(up[0], &pid, sizeof(pid)) != sizeof(pid) || pid < 0)
		tw_broken("no CLONE_PARENT child");
	tw_wait(pid);
	tw_wait(maker);
}

static int shared_memory_child(void *arg)
{
	struct tw_creator *c = arg;

	tw_truth_fork(c);
	return 23;
}

/* Shares memory with its creator like a thread, but is a process. */
static void clone_vm(void)
{
	const size_t size = 256 * 1024;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED)
		tw_broken("mmap: %s", strerror(errno));
	for (int i = 0; i < 3 * tw_scale; i++) {
		struct tw_creator c = tw_creator("clone_vm");
		pid_t pid = clone(shared_memory_child, stack + size,
				  CLONE_VM | CLONE_FILES | SIGCHLD, &c);

		if (pid < 0)
			tw_broken("clone: %s", strerror(errno));
		tw_wait(pid);
	}
}

/* A grandchild whose parent ends first. Returns its host pid; it ends after `gate` opens. */
static pid_t make_orphan(struct tw_gate *gate, bool told)
{
	int up[2];
	pid_t middle, orphan;

	if (pipe(up))
		tw_broken("pipe: %s", strerror(errno));
	middle = tw_fork("fork");
	if (middle == 0) {
		orphan = tw_fork_told("fork");
		if (orphan == 0) {
			char *argv[] = { "orphan", tw_token(), NULL };
			char ops[64];

			tw_gate_pass(gate);
			snprintf(ops, sizeof(ops), "fork=1,exec,%sexit=31", told ? "tell," : "");
			tw_exec(tw->helper, argv, tw_env(ops));
			_exit(127);
		}
		if (write(up[1], &orphan, sizeof(orphan)) != sizeof(orphan))
			_exit(1);
		_exit(30);
	}
	if (read(up[0], &orphan, sizeof(orphan)) != sizeof(orphan))
		tw_broken("no orphan");
	tw_wait(middle);
	close(up[0]);
	close(up[1]);
	return orphan;
}

static void orphans(void)
{
	for (int i = 0; i < 3 * tw_scale; i++) {
		struct tw_gate gate;
		pid_t pid;

		tw_gate_init(&gate);
		pid = make_orphan(&gate, true);
		tw_gate_open(&gate);
		tw_wait_gone(pid);
	}
}

static void subreaper(void)
{
	tw_become_subreaper();
	for (int i = 0; i < 3 * tw_scale; i++) {
		struct tw_gate gate;
		pid_t pid;

		tw_gate_init(&gate);
		pid = make_orphan(&gate, false);
		tw_gate_open(&gate);
		tw_wait(pid);
	}
}

/* The parent ends after the child's exec: the later events have another parent than the exec. */
static void late_orphan(void)
{
	struct tw_gate born, started, go;
	pid_t middle, orphan;
	int up[2];

	tw_gate_init(&born);
	tw_gate_init(&started);
	tw_gate_init(&go);
	if (pipe(up))
		tw_broken("pipe: %s", strerror(errno));
	middle = tw_fork("fork");
	if (middle == 0) {
		char ops[64];

		snprintf(ops, sizeof(ops), "open=%d,gate=%d,fork=1,exec,tell,exit=33",
			 started.fd[1], go.fd[0]);
		orphan = tw_fork_told("fork");
		if (orphan == 0) {
			char *argv[] = { "late orphan", tw_token(), NULL };

			tw_exec(tw->helper, argv, tw_env(ops));
			_exit(127);
		}
		if (write(up[1], &orphan, sizeof(orphan)) != sizeof(orphan))
			_exit(1);
		tw_gate_pass(&born);
		_exit(0);
	}
	if (read(up[0], &orphan, sizeof(orphan)) != sizeof(orphan))
		tw_broken("no orphan");
	tw_gate_pass(&started);
	tw_gate_open(&born);
	tw_wait(middle);
	tw_gate_open(&go);
	tw_wait_gone(orphan);
}

static void daemonize(void)
{
	struct tw_gate gate;
	pid_t pid, inner;
	int up[2];

	tw_gate_init(&gate);
	if (pipe(up))
		tw_broken("pipe: %s", strerror(errno));
	pid = tw_fork("fork");
	if (pid == 0) {
		if (setsid() < 0)
			tw_broken("setsid: %s", strerror(errno));
		inner = tw_fork_told("fork");
		if (inner == 0) {
			char *argv[] = { "daemon", tw_token(), NULL };

			tw_gate_pass(&gate);
			tw_exec(tw->helper, argv, tw_env("tell,exit=0"));
			_exit(127);
		}
		if (write(up[1], &inner, sizeof(inner)) != sizeof(inner))
			_exit(1);
		_exit(0);
	}
	if (read(up[0], &inner, sizeof(inner)) != sizeof(inner))
		tw_broken("no daemon");
	tw_wait(pid);
	tw_gate_open(&gate);
	tw_wait_gone(inner);
}

static void exec_chain(void)
{
	char ops[32];

	snprintf(ops, sizeof(ops), "chain=%d", 8 * tw_scale);
	tw_run_helper(NULL, ops);
	/* Between the execs there may be forks: a child's parent is the image that forked it. */
	for (int i = 0; i < 3; i++) {
		pid_t pid = tw_fork("fork");

		if (pid == 0) {
			char *argv[] = { "forks between execs", tw_token(), NULL };

			tw_run_ops("fork=1");
			tw_exec(tw->helper, argv, tw_env("fork=2,exec,chain=2"));
			_exit(127);
		}
		tw_wait(pid);
	}
}

/* The parent goes on to other images while its child lives: the child's parent stays the image
 * that forked it. */
static void parent_execs(void)
{
	struct tw_gate gone_on, go;
	pid_t pid;

	tw_gate_init(&gone_on);
	tw_gate_init(&go);
	if (tw_copy_helper("another-program", 0755))
		tw_broken("copy: %s", strerror(errno));
	pid = tw_fork("fork");
	if (pid == 0) {
		char *argv[] = { "parent goes on", tw_token(), NULL };
		pid_t child = tw_fork_told("fork");
		char ops[64];

		if (child == 0) {
			char *child_argv[] = { "child of a past image", tw_token(), NULL };

			tw_gate_pass(&go);
			tw_exec(tw->helper, child_argv, tw_env("fork=1,exit=25"));
			_exit(127);
		}
		snprintf(ops, sizeof(ops), "open=%d,reap=%d,fork=1", gone_on.fd[1], child);
		tw_exec("another-program", argv, tw_env(ops));
		_exit(127);
	}
	tw_gate_pass(&gone_on);
	tw_gate_open(&go);
	tw_wait(pid);
}

/* Deep lineage, to see that the ancestors are all there and in order. */
static void deep_lineage(void)
{
	pid_t pid = 0;

	for (int depth = 0; depth < 24; depth++) {
		pid = tw_fork("fork");
		if (!pid)
			continue;
		tw_wait(pid);
		if (depth)
			_exit(depth);
		return;
	}
	_exit(tw_run_ops("exec,exit=24"));
}

/* The parent of a traced process is still its parent, not its tracer. */
static void traced(void)
{
	struct tw_gate attached, go;
	pid_t target, tracer;
	int status;

	tw_gate_init(&attached);
	tw_gate_init(&go);
	target = tw_fork("fork");
	if (target == 0) {
		tw_gate_pass(&go);
		_exit(tw_run_ops("exec,chain=1"));
	}
	tracer = tw_fork("fork");
	if (tracer == 0) {
		if (ptrace(PTRACE_SEIZE, target, NULL, NULL)) {
			tw_skip_part("seize", "ptrace: %s", strerror(errno));
			tw_gate_open(&attached);
			_exit(0);
		}
		tw_gate_open(&attached);
		/* Stops for exec (SIGTRAP) and signals; not our zombie to reap for good: the real
		 * parent gets it after us. */
		while (waitpid(target, &status, __WALL) == target && WIFSTOPPED(status)) {
			int sig = WSTOPSIG(status);

			ptrace(PTRACE_CONT, target, NULL, sig == SIGTRAP ? 0 : sig);
		}
		_exit(0);
	}
	tw_gate_pass(&attached);
	tw_gate_open(&go);
	tw_wait(tracer);
	tw_wait(target);
}

const struct tw_scenario tw_scenarios_fork[] = {
	{ "sequential_storm", sequential_storm, "programs one after the other", false },
	{ "parallel_storm", parallel_storm, "four jobs, two children at a time each", false },
	{ "vfork", vfork_, "vfork with and without exec", false },
	{ "posix_spawn", posix_spawn_, "the C library's posix_spawn", false },
	{ "clone3", clone3_plain, "clone3 with several flags and exit signals", false },
	{ "clone_parent", clone_parent, "CLONE_PARENT: the creator is not the parent", false },
	{ "clone_vm", clone_vm, "a process that shares memory is not a thread", false },
	{ "orphans", orphans, "the parent ends first: adopted by init", false },
	{ "late_orphan", late_orphan, "the parent ends after the child's exec", false },
	{ "subreaper", subreaper, "the parent ends first: adopted by a subreaper", false },
	{ "daemonize", daemonize, "double fork with setsid", false },
	{ "exec_chain", exec_chain, "many execs of one pid, with forks between them", false },
	{ "parent_execs", parent_execs, "the parent goes on to another image", false },
	{ "deep_lineage", deep_lineage, "24 generations", false },
	{ "traced", traced, "a traced process keeps its parent", false },
	{ NULL, NULL, NULL, false },
};

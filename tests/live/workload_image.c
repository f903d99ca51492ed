/* SPDX-License-Identifier: Apache-2.0
 *
 * The ground-truth workload: what a new image does.
 *
 * The workload is its own helper program. Arguments and environment are what is being tested, so
 * an image may have none of its own: it knows that it is one by the inherited state descriptor. It
 * first writes down its exec, then does what TW_OPS (or the state) says, a list of
 *   exit=N kill=N segv chain=N fork=N exec nap=MS gate=FD open=FD reap=PID tell born=IMAGE puppet=N
 * where gate waits until somebody opens.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool next_op(const char **ops, char *name, size_t size, long *arg)
{
	size_t len = strcspn(*ops, ",");
	char *eq;

	if (!len)
		return false;
	if (len >= size)
		tw_broken("operation too long: %s", *ops);
	memcpy(name, *ops, len);
	name[len] = '\0';
	*ops += len + ((*ops)[len] == ',');
	eq = strchr(name, '=');
	*arg = eq ? strtol(eq + 1, NULL, 10) : 0;
	if (eq)
		*eq = '\0';
	return true;
}

static void op_chain(long left)
{
	char ops[64];
	char *argv[] = { "chained", tw_token(), NULL };

	if (left <= 0)
		return;
	snprintf(ops, sizeof(ops), "chain=%ld", left - 1);
	tw_exec(tw->helper, argv, tw_env(ops));
	tw_broken("chain: exec failed");
}

static void op_kill(int sig)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (sig != SIGKILL)
		signal(sig, SIG_DFL);
	kill(getpid(), sig);
	tw_broken("survived signal %d", sig);
}

static void op_segv(void)
{
	/* Volatile, or the compiler sees through it and refuses. */
	volatile uintptr_t nowhere = 16;

	*(volatile int *)nowhere = 1;
	tw_broken("survived a write to address 16");
}

static void op_nap(long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

int tw_run_ops(const char *ops)
{
	char name[32];
	bool tell = false;
	long arg;

	while (next_op(&ops, name, sizeof(name), &arg)) {
		if (!strcmp(name, "exit")) {
			if (tell)
				tw_exit_told((int)arg);
			return (int)arg;
		} else if (!strcmp(name, "kill")) {
			op_kill((int)arg);
		} else if (!strcmp(name, "segv")) {
			op_segv();
		} else if (!strcmp(name, "chain")) {
			op_chain(arg);
		} else if (!strcmp(name, "fork")) {
			for (long i = 0; i < arg; i++) {
				pid_t pid = tw_fork("fork");

				if (pid == 0)
					_exit(3);
				tw_wait(pid);
			}
		} else if (!strcmp(name, "exec")) {
			tw_run_helper(tw->helper, "exit=0");
		} else if (!strcmp(name, "nap")) {
			op_nap(arg);
		} else if (!strcmp(name, "gate")) {
			struct tw_gate g = { .fd = { (int)arg, -1 } };

			tw_gate_pass(&g);
		} else if (!strcmp(name, "open")) {
			struct tw_gate g = { .fd = { -1, (int)arg } };

			tw_gate_open(&g);
		} else if (!strcmp(name, "reap")) {
			tw_wait((pid_t)arg);
		} else if (!strcmp(name, "puppet")) {
			tw_puppet_follow((int)arg);
		} else if (!strcmp(name, "tell")) {
			tell = true;
		} else if (strcmp(name, "born")) {
			tw_broken("unknown operation %s", name);
		}
	}
	if (tell)
		tw_exit_told(0);
	return 0;
}

/* Who was created by the C library (posix_spawn) can only tell of its birth after its exec. */
static void tell_birth(const char *ops)
{
	const char *born = strstr(ops, "born=");
	struct tw_stat st;
	struct tw_creator c = { .how = "posix_spawn" };

	if (!born || tw_read_stat("self", &st))
		return;
	c.pid = c.tid = st.ppid;
	c.image = (uint32_t)strtoul(born + strlen("born="), NULL, 10);
	tw_truth_fork(&c);
}

int tw_image_main(int argc, char **argv, char **envp)
{
	const char *ops = getenv("TW_OPS");
	int code;

	if (!ops)
		ops = tw->ops;
	tell_birth(ops);
	tw_truth_exec(argc, argv, envp);
	code = tw_run_ops(ops);
	tw_truth_leaving();
	return code;
}

/* The kernel started us (core_pattern "|HELPER __umh PID-OF-MAIN"): nothing is inherited. */
int tw_umh_main(int argc, char **argv, char **envp)
{
	struct tw_creator c = { .how = "usermode_helper" };
	char buf[65536];

	tw_truth_fork(&c);
	tw_truth_exec(argc, argv, envp);
	while (read(0, buf, sizeof(buf)) > 0)
		;
	tw_exit_told(0);
}

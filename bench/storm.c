/*
 * SPDX-License-Identifier: Apache-2.0
 *
 * storm: process workloads for the benchmarks, timed from the inside.
 *
 *	storm seq N PROGRAM		N programs, one after the other
 *	storm jobs J N PROGRAM		N programs by J jobs at once
 *	storm forks J N			N forks without an exec, by J jobs at once
 *	storm timed S J PROGRAM		for S seconds J jobs start whatever they can: two
 *					programs, then a fork without an exec, and so on
 *	storm live N			N sleeping programs until stdin ends or SIGTERM or SIGINT
 *
 * Option, before the mode: --spawn=vfork (the default), --spawn=fork, --spawn=posix_spawn.
 *
 * Promises: the last line on stdout is one JSON object with the time between the first and the
 * last process (CLOCK_MONOTONIC; the workers of jobs, forks and timed exist before the clock
 * starts), the CPU time of all its processes, and the number of forks, execs and exits that took
 * place below this process. An exec counts only when its program ran and ended with 0, an exit
 * only when it was waited for: the counts are what an agent can be held to. Every process here
 * dies with its parent, so nothing stays behind, however this program ends. Status: 0 all went
 * well, 1 something failed to start or ended badly (the counts are printed all the same), 2 wrong
 * usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum spawn_how {
	SPAWN_VFORK,
	SPAWN_FORK,
	SPAWN_POSIX,
};

/* What one worker did. Shared between the processes; each worker writes only its own. */
struct tally {
	uint64_t forks;
	uint64_t execs;
	uint64_t exits;
	uint64_t failed;
	char pad[32]; /* a cache line each */
};

#define MAX_JOBS 1024

static enum spawn_how spawn_how = SPAWN_VFORK;
static char *child_environ[] = { "LC_ALL=C", "PATH=/usr/bin:/bin", NULL };
static volatile sig_atomic_t stop_asked;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* To be called first in a forked child: no orphan outlives a storm that was killed. */
static void die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it died before the line above */
}

static void reap(pid_t pid, bool exec, struct tally *t)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			t->failed++;
			return;
		}
	}
	t->exits++;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		t->failed++;
	else if (exec)
		t->execs++;
}

static pid_t start_program(const char *program)
{
	char *argv[] = { (char *)program, NULL };
	pid_t pid;
	int err;

	switch (spawn_how) {
	case SPAWN_POSIX:
		err = posix_spawn(&pid, program, NULL, NULL, argv, child_environ);
		if (err) {
			errno = err;
			return -1;
		}
		return pid;
	case SPAWN_FORK:
		pid = fork();
		break;
	default:
		pid = vfork();
		break;
	}
	if (pid == 0) {
		execve(program, argv, child_environ);
		_exit(127);
	}
	return pid;
}

static void run_program(const char *program, struct tally *t)
{
	pid_t pid = start_program(program);

	if (pid < 0) {
		t->failed++;
		return;
	}
	t->forks++;
	reap(pid, true, t);
}

static void run_fork(struct tally *t)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0) {
		t->failed++;
		return;
	}
	t->forks++;
	reap(pid, false, t);
}

/* A worker's share of the work, or, with no count, work until the deadline. */
struct work {
	const char *program; /* NULL: forks only */
	uint64_t count;
	uint64_t deadline;
};

static void work_off(const struct work *w, struct tally *t)
{
	if (w->deadline) {
		for (uint64_t i = 0; now_ns() < w->deadline; i++) {
			if (i % 3 == 2)
				run_fork(t);
			else
				run_program(w->program, t);
		}
		return;
	}
	for (uint64_t i = 0; i < w->count; i++) {
		if (w->program)
			run_program(w->program, t);
		else
			run_fork(t);
	}
}

/* User and system time of this process and of all below it that were waited for. */
static uint64_t cpu_ns(void)
{
	static const int whose[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	uint64_t ns = 0;

	for (unsigned int i = 0; i < 2; i++) {
		struct rusage r;

		getrusage(whose[i], &r);
		ns += (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000U;
		ns += (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000U;
	}
	return ns;
}

static int report(const char *mode, uint64_t elapsed, const struct tally *t)
{
	printf("{\"mode\":\"%s\",\"elapsed_ns\":%" PRIu64 ",\"cpu_ns\":%" PRIu64
	       ",\"forks\":%" PRIu64 ",\"execs\":%" PRIu64 ",\"exits\":%" PRIu64
	       ",\"failed\":%" PRIu64 "}\n",
	       mode, elapsed, cpu_ns(), t->forks, t->execs, t->exits, t->failed);
	fflush(stdout);
	return t->failed ? 1 : 0;
}

static int mode_seq(uint64_t count, const char *program)
{
	struct work w = { .program = program, .count = count };
	struct tally t = { 0 };
	uint64_t start = now_ns();

	work_off(&w, &t);
	return report("seq", now_ns() - start, &t);
}

/*
 * The workers wait on a pipe whose writing end only this process holds: closing it starts all
 * of them at once, and the clock. (Each must close its own copy, or none would ever see the end.)
 */
static int mode_parallel(const char *mode, unsigned int jobs, uint64_t count, uint64_t seconds,
			 const char *program)
{
	struct tally total = { 0 };
	struct tally *tallies;
	pid_t pids[MAX_JOBS];
	pid_t self = getpid();
	uint64_t start;
	int gate[2];
	char c;

	tallies = mmap(NULL, sizeof(*tallies) * jobs, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tallies == MAP_FAILED)
		die("mmap");
	if (pipe(gate))
		die("pipe");

	for (unsigned int j = 0; j < jobs; j++) {
		struct work w = { .program = program };

		w.count = count / jobs + (j < count % jobs ? 1 : 0);
		pids[j] = fork();
		if (pids[j] < 0)
			die("fork");
		if (pids[j] == 0) {
			die_with_parent(self);
			close(gate[1]);
			while (read(gate[0], &c, 1) < 0 && errno == EINTR)
				;
			close(gate[0]);
			if (seconds)
				w.deadline = now_ns() + seconds * 1000000000U;
			work_off(&w, &tallies[j]);
			_exit(0);
		}
		total.forks++;
	}
	close(gate[0]);
	start = now_ns();
	close(gate[1]);
	for (unsigned int j = 0; j < jobs; j++)
		reap(pids[j], false, &total);
	start = now_ns() - start;

	for (unsigned int j = 0; j < jobs; j++) {
		total.forks += tallies[j].forks;
		total.execs += tallies[j].execs;
		total.exits += tallies[j].exits;
		total.failed += tallies[j].failed;
	}
	return report(mode, start, &total);
}

static void on_stop(int sig)
{
	(void)sig;
	stop_asked = 1;
}

/* Each sleeper is a program of its own (this one, again), as real processes are. */
static int mode_live(uint64_t count)
{
	char *argv[] = { "storm", "sleep", NULL };
	struct sigaction sa = { .sa_handler = on_stop };
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct tally t = { 0 };
	uint64_t start = now_ns();
	pid_t self = getpid();
	pid_t *pids;
	int up[2];
	char buf[256];

	pids = calloc(count, sizeof(*pids));
	if (!pids)
		die("calloc");
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	/* The writing end closes at exec: when the pipe ends, the last of them has started. */
	if (pipe2(up, O_CLOEXEC))
		die("pipe2");
	for (uint64_t i = 0; i < count && !stop_asked; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			die_with_parent(self);
			execve("/proc/self/exe", argv, child_environ);
			_exit(127);
		}
		if (pids[i] < 0) {
			t.failed++;
			break;
		}
		t.forks++;
	}
	close(up[1]);
	while (read(up[0], buf, sizeof(buf)) < 0 && errno == EINTR && !stop_asked)
		;
	printf("live %" PRIu64 "\n", t.forks);
	fflush(stdout);

	while (!stop_asked) {
		if (poll(&in, 1, -1) < 0)
			continue;
		if (read(STDIN_FILENO, buf, sizeof(buf)) <= 0)
			break;
	}
	for (uint64_t i = 0; i < t.forks; i++)
		kill(pids[i], SIGTERM);
	for (uint64_t i = 0; i < t.forks; i++) {
		int status;

		while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
			;
		t.exits++;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)
			t.execs++;
		else
			t.failed++;
	}
	free(pids);
	return report("live", now_ns() - start, &t);
}

static int usage(void)
{
	fputs("usage: storm [--spawn=vfork|fork|posix_spawn] seq N PROGRAM | jobs J N PROGRAM |\n"
	      "             forks J N | timed S J PROGRAM | live N\n",
	      stderr);
	return 2;
}

/* A number from 1 to max, or 0 if it is anything else. */
static uint64_t number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n > max)
		return 0;
	return n;
}

int main(int argc, char **argv)
{
	uint64_t a, b;

	if (argc > 1 && !strncmp(argv[1], "--spawn=", 8)) {
		const char *how = argv[1] + 8;

		if (!strcmp(how, "vfork"))
			spawn_how = SPAWN_VFORK;
		else if (!strcmp(how, "fork"))
			spawn_how = SPAWN_FORK;
		else if (!strcmp(how, "posix_spawn"))
			spawn_how = SPAWN_POSIX;
		else
			return usage();
		argv++;
		argc--;
	}
	if (argc == 2 && !strcmp(argv[1], "sleep")) {
		for (;;)
			pause();
	}
	if (argc < 3)
		return usage();
	a = number(argv[2], 1000000000);
	if (!a)
		return usage();
	if (argc == 3 && !strcmp(argv[1], "live"))
		return mode_live(a);
	if (argc == 4 && !strcmp(argv[1], "seq"))
		return mode_seq(a, argv[3]);
	if (argc < 4 || !(b = number(argv[3], 1000000000)))
		return usage();
	if (argc == 4 && !strcmp(argv[1], "forks") && a <= MAX_JOBS)
		return mode_parallel("forks", (unsigned int)a, b, 0, NULL);
	if (argc == 5 && !strcmp(argv[1], "jobs") && a <= MAX_JOBS)
		return mode_parallel("jobs", (unsigned int)a, b, 0, argv[4]);
	if (argc == 5 && !strcmp(argv[1], "timed") && b <= MAX_JOBS)
		return mode_parallel("timed", (unsigned int)b, 0, a, argv[4]);
	return usage();
}

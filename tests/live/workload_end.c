/* SPDX-License-Identifier: Apache-2.0
 *
 * Ground-truth scenarios: ends of all kinds, execs that fail, renames, programs not our own.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
	if (!ok)
		tw_broken("%s: %s", what, strerror(errno));
}

static bool ends_a_process(int sig)
{
	switch (sig) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return false;
	default:
		return true;
	}
}

static void signals(void)
{
	struct rlimit none = { 0, 0 };

	/* No core dumps here: that is the next scenario. The hard limit goes with this process. */
	must(!setrlimit(RLIMIT_CORE, &none), "setrlimit");
	for (int sig = 1; sig < 65; sig++) {
		char ops[32];

		if (!ends_a_process(sig))
			continue;
		/* The C library's own two can't be set to their default by it. */
		if (sig == 32 || sig == 33)
			continue;
		snprintf(ops, sizeof(ops), "kill=%d", sig);
		tw_run_helper(NULL, ops);
	}
	tw_run_helper(NULL, "segv");
	for (int i = 0; i < 3 * tw_scale; i++) {
		static const int sigs[] = { SIGKILL, SIGTERM, SIGHUP };
		struct tw_gate up, never;
		char ops[32];
		pid_t pid;

		/* By its parent: once just forked, once an image that blocks. */
		tw_gate_init(&up);
		pid = tw_fork("fork");
		if (pid == 0) {
			tw_gate_open(&up);
			for (;;)
				pause();
		}
		tw_gate_pass(&up);
		kill(pid, sigs[i % 3]);
		tw_wait(pid);

		tw_gate_init(&never);
		snprintf(ops, sizeof(ops), "open=%d,gate=%d", up.fd[1], never.fd[0]);
		pid = tw_spawn(tw->helper, ops);
		tw_gate_pass(&up);
		kill(pid, sigs[i % 3]);
		tw_wait(pid);
	}
}

static void core_dumps(void)
{
	static const char *const ways[] = { "segv", "kill=6", "kill=3", "kill=8", "kill=31" };
	struct rlimit core;
	char pattern[256] = "";
	bool dumped = false;
	FILE *f = fopen("/proc/sys/kernel/core_pattern", "re");

	if (f && !fgets(pattern, sizeof(pattern), f))
		pattern[0] = '\0';
	if (f)
		fclose(f);
	if (pattern[0] == '|')
		tw_skip("core dumps go to a program of this machine: %s", pattern);
	must(!getrlimit(RLIMIT_CORE, &core), "getrlimit");
	core.rlim_cur = core.rlim_max;
	must(!setrlimit(RLIMIT_CORE, &core), "setrlimit");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int status = tw_wait(tw_spawn(tw->helper, ways[i]));

		dumped |= WCOREDUMP(status);
	}
	if (!dumped)
		tw_skip_part("core flag", "no core dump was made (hard limit %llu, pattern %s)",
			     (unsigned long long)core.rlim_max, pattern);
}

static void exit_codes(void)
{
	for (int code = 0; code < 256; code++) {
		pid_t pid = tw_fork("fork");

		if (pid == 0)
			_exit(code);
		tw_wait(pid);
	}
	tw_run_helper(NULL, "exit=255");
	tw_run_helper(NULL, "exit=256");
	tw_run_helper(NULL, "exit=-1");
}

static void put_file(const char *path, const void *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	must(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && !fchmod(fd, mode), path);
	close(fd);
}

/* Fails, goes on, succeeds: a failure leaves no trace in what follows. */
static void fail_exec(const char *path, char *const *argv, char *const *envp)
{
	pid_t pid = tw_fork("fork");
	int status;

	if (pid == 0) {
		char *then[] = { "after a failure", tw_token(), NULL };

		tw_exec(path, argv, envp);
		if (strlen(path) % 2)
			_exit(126);
		tw_exec(tw->helper, then, tw_env("exit=91"));
		_exit(127);
	}
	status = tw_wait(pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
		tw_broken("failed exec of %s: status %#x", path, status);
}

static void exec_failed(void)
{
	char long_name[300];
	char *argv[] = { "fails", tw_token(), NULL };
	char *too_long[] = { "too long", NULL, NULL };
	char *too_much[40] = { "too much" };
	int fd;

	memset(long_name, 'l', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	put_file("not-executable", "#!/bin/sh\n", 10, 0644);
	put_file("empty", "", 0, 0755);
	put_file("text", "no program\n", 11, 0755);
	put_file("no-interpreter", "#!/nowhere/at/all\n", 18, 0755);
	put_file("elf-head", "\177ELF\2\1\1", 7, 0755);
	must(!symlink("loop", "loop"), "symlink");
	must(!mkdir("directory", 0755), "mkdir");

	fail_exec("/nowhere/at/all", argv, tw_env("exit=0")); /* ENOENT */
	fail_exec("missing", argv, tw_env("exit=0"));	      /* ENOENT, relative */
	fail_exec("", argv, tw_env("exit=0"));		      /* ENOENT, empty */
	fail_exec("not-executable", argv, tw_env("exit=0"));  /* EACCES */
	fail_exec("directory", argv, tw_env("exit=0"));	      /* EACCES */
	fail_exec("empty", argv, tw_env("exit=0"));	      /* ENOEXEC */
	fail_exec("text", argv, tw_env("exit=0"));	      /* ENOEXEC */
	fail_exec("elf-head", argv, tw_env("exit=0"));	      /* ENOEXEC */
	fail_exec("no-interpreter", argv, tw_env("exit=0"));  /* ENOENT, of the interpreter */
	fail_exec("empty/below", argv, tw_env("exit=0"));     /* ENOTDIR */
	fail_exec("loop", argv, tw_env("exit=0"));	      /* ELOOP */
	fail_exec(long_name, argv, tw_env("exit=0"));	      /* ENAMETOOLONG */

	too_long[1] = malloc(200000);
	must(!!too_long[1], "malloc");
	memset(too_long[1], 'x', 199999);
	too_long[1][199999] = '\0';
	fail_exec(tw->helper, too_long, tw_env("exit=0")); /* E2BIG, one string */
	too_long[1][120000] = '\0';
	for (size_t i = 1; i < 39; i++)
		too_much[i] = too_long[1];
	fail_exec(tw->helper, too_much, tw_env("exit=0")); /* E2BIG, all together */
	fail_exec("/nowhere", too_long, tw_env("exit=0")); /* ENOENT, a lot of arguments */
	free(too_long[1]);

	must(!tw_copy_helper("busy", 0755), "copy");
	fd = open("busy", O_WRONLY);
	must(fd >= 0, "busy");
	/* ETXTBSY; some kernels allow it. */
	fail_exec("busy", argv, tw_env("exit=91"));
	close(fd);
}

/* The exec fails when the old image is already gone: the kernel kills the process. */
static void exec_no_return(void)
{
	Elf64_Ehdr head;
	Elf64_Phdr prog;
	int fd;
	pid_t pid;

	must(!tw_copy_helper("bad-elf", 0755), "copy");
	fd = open("bad-elf", O_RDWR | O_CLOEXEC);
	must(fd >= 0 && pread(fd, &head, sizeof(head), 0) == sizeof(head), "bad-elf");
	if (head.e_ident[EI_CLASS] != ELFCLASS64)
		tw_skip("only made for 64 bits");
	for (unsigned int i = 0; i < head.e_phnum; i++) {
		off_t at = (off_t)(head.e_phoff + i * sizeof(prog));

		must(pread(fd, &prog, sizeof(prog), at) == sizeof(prog), "bad-elf");
		if (prog.p_type != PT_LOAD)
			continue;
		/* No user process can have this address. */
		prog.p_vaddr = UINT64_C(0xffff800000000000) | (prog.p_vaddr & 0xfff);
		must(pwrite(fd, &prog, sizeof(prog), at) == sizeof(prog), "bad-elf");
	}
	close(fd);
	pid = tw_fork("fork");
	if (pid == 0) {
		char *argv[] = { "dies in exec", tw_token(), NULL };

		tw_exec("bad-elf", argv, tw_env("exit=0"));
		_exit(92);
	}
	if (!WIFSIGNALED(tw_wait(pid)))
		tw_skip_part("killed", "this kernel refused the program before it was too late");
}

/* The C library's child fails to exec and ends; its pid is told by SIGCHLD alone. */
static void spawn_failed(void)
{
	char *argv[] = { "spawn fails", tw_token(), NULL };
	struct timespec second = { .tv_sec = 1 };
	siginfo_t si = { 0 };
	sigset_t chld;
	pid_t pid;
	struct tw_line l;
	struct tw_stat st;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	must(!sigprocmask(SIG_BLOCK, &chld, NULL), "sigprocmask");
	if (posix_spawn(&pid, "/nowhere/at/all", NULL, NULL, argv, tw_env("exit=0")) != ENOENT)
		tw_broken("posix_spawn of a missing program did not say ENOENT");
	if (sigtimedwait(&chld, &si, &second) != SIGCHLD)
		tw_broken("no SIGCHLD for the child of posix_spawn");
	must(!tw_read_stat("self", &st), "stat");
	tw_line_begin(&l, "fork");
	tw_line_text(&l, "how", "posix_spawn_failed");
	tw_line_int(&l, "pid", si.si_pid);
	tw_line_int(&l, "ppid", st.pid);
	tw_line_int(&l, "creator", st.pid);
	tw_line_int(&l, "creator_image", tw_image);
	tw_line_end(&l);
	tw_line_begin(&l, "exec_failed");
	tw_line_int(&l, "pid", si.si_pid);
	tw_line_int(&l, "tid", si.si_pid);
	tw_line_text(&l, "cmdpath", "/nowhere/at/all");
	tw_line_int(&l, "errno", ENOENT);
	tw_line_text(&l, "error", "ENOENT");
	tw_line_texts(&l, "argv", argv, '\0');
	tw_line_end(&l);
	tw_line_begin(&l, "exit");
	tw_line_int(&l, "pid", si.si_pid);
	tw_line_int(&l, "ppid", st.pid);
	tw_line_int(&l, "code", 127);
	tw_line_int(&l, "signal", 0);
	tw_line_bool(&l, "core", false);
	tw_line_text(&l, "by", "SIGCHLD");
	tw_line_end(&l);
}

static void *rename_thread(void *arg)
{
	(void)arg;
	tw_rename("thread-renamed");
	return NULL;
}

static void renames(void)
{
	static const char *const names[] = { "renamed",	   "",
					     "with space", "a name that is cut off",
					     "\xff\xfe",   "new\nline",
					     "(x) y" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		pid_t pid = tw_fork("fork");

		if (pid == 0) {
			pthread_t t;

			tw_rename(names[i]);
			if (!pthread_create(&t, NULL, rename_thread, NULL))
				pthread_join(t, NULL);
			/* A fork takes the name along, an exec makes a new one. */
			tw_run_ops("fork=1");
			if (i % 2)
				tw_run_helper(NULL, "exit=93");
			_exit(0);
		}
		tw_wait(pid);
	}
}

/* The interpreter that an ELF file asks for, resolved; NULL if it asks for none. */
static char *elf_interpreter(const char *path)
{
	char name[PATH_MAX];
	char *found = NULL;
	Elf64_Ehdr head;
	Elf64_Phdr prog;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_ident[EI_CLASS] != ELFCLASS64)
		goto end;
	for (unsigned int i = 0; i < head.e_phnum && !found; i++) {
		off_t at = (off_t)(head.e_phoff + i * sizeof(prog));

		if (pread(fd, &prog, sizeof(prog), at) != sizeof(prog))
			break;
		if (prog.p_type != PT_INTERP || prog.p_filesz > sizeof(name))
			continue;
		if (pread(fd, name, prog.p_filesz, (off_t)prog.p_offset) == (ssize_t)prog.p_filesz)
			found = realpath(name, NULL);
	}
end:
	close(fd);
	return found;
}

/* A program with a dynamic linker; ours has none. */
static void dynamic_program(void)
{
	static const char *const programs[] = { "/usr/bin/cat", "/bin/cat" };
	char *interpreter = NULL;
	int in[2], gone[2];
	const char *path = NULL;
	pid_t pid;
	char c;

	for (size_t i = 0; i < 2 && !interpreter; i++) {
		path = programs[i];
		interpreter = elf_interpreter(path);
	}
	if (!interpreter)
		tw_skip("no dynamically linked cat on this machine");
	must(!pipe(in) && !pipe2(gone, O_CLOEXEC), "pipe");
	pid = tw_fork("fork");
	if (pid == 0) {
		char *argv[] = { "cat", "-u", "-", NULL };

		dup2(in[0], 0);
		close(in[0]);
		close(in[1]);
		tw_exec(path, argv, tw_env("none"));
		_exit(127);
	}
	close(gone[1]);
	close(in[0]);
	/* The exec closes the other end. */
	must(read(gone[0], &c, 1) == 0, "exec of cat");
	tw_truth_exec_of(pid, interpreter);
	close(in[1]);
	tw_wait(pid);
}

/* The kernel itself starts a program: the core dump helper. */
static void usermode_helper(void)
{
	static const char file[] = "/proc/sys/kernel/core_pattern";
	char old_pattern[256] = "", pattern[256];
	struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
	int fd, n;

	n = snprintf(pattern, sizeof(pattern), "|%s __umh %d", tw->helper, tw->main_pid);
	if (n > 127)
		tw_skip("the temporary directory's name is too long for core_pattern");
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		tw_skip("%s: %s", file, strerror(errno));
	must(read(fd, old_pattern, sizeof(old_pattern) - 1) > 0, file);
	must(pwrite(fd, pattern, (size_t)n, 0) == n, file);
	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = core.rlim_max;
	setrlimit(RLIMIT_CORE, &core);
	for (int i = 0; i < 2 * tw_scale; i++)
		tw_wait(tw_spawn(tw->helper, "segv"));
	must(pwrite(fd, old_pattern, strlen(old_pattern), 0) > 0, file);
	close(fd);
}

const struct tw_scenario tw_scenarios_end[] = {
	{ "signals", signals, "every signal that ends a process", false },
	{ "core_dumps", core_dumps, "ends with a core dump", false },
	{ "exit_codes", exit_codes, "every exit code", false },
	{ "exec_failed", exec_failed, "execs that fail, with every usual error", false },
	{ "exec_no_return", exec_no_return, "an exec that fails too late", false },
	{ "spawn_failed", spawn_failed, "posix_spawn of a missing program", false },
	{ "renames", renames, "processes and threads change their names", false },
	{ "dynamic_program", dynamic_program, "a program with a dynamic linker", false },
	{ "usermode_helper", usermode_helper, "a program started by the kernel", true },
	{ NULL, NULL, NULL, false },
};

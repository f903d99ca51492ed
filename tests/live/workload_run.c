/* SPDX-License-Identifier: Apache-2.0
 *
 * The ground-truth workload: fork, exec, wait and exit, each with its truth written down.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

pid_t tw_fork(const char *how)
{
	struct tw_creator c = tw_creator(how);
	pid_t pid = fork();

	if (pid < 0)
		tw_broken("fork: %s", strerror(errno));
	if (pid == 0)
		tw_truth_fork(&c);
	return pid;
}

pid_t tw_fork_told(const char *how)
{
	struct tw_gate told;
	pid_t pid;

	tw_gate_init(&told);
	pid = tw_fork(how);
	if (pid)
		tw_gate_pass(&told);
	else
		tw_gate_open(&told);
	close(told.fd[0]);
	close(told.fd[1]);
	return pid;
}

void tw_rename(const char *name)
{
	char old_name[32] = "", new_name[32] = "";

	prctl(PR_GET_NAME, old_name);
	prctl(PR_SET_NAME, name);
	prctl(PR_GET_NAME, new_name);
	tw_truth_rename(old_name, new_name);
}

/* Returns -1 and errno like the syscall: some kernels lack some flags. */
pid_t tw_clone3(const char *how, uint64_t flags, int exit_signal, pid_t set_tid)
{
	struct tw_creator c = tw_creator(how);
	struct clone_args args = {
		.flags = flags,
		.exit_signal = (uint64_t)exit_signal,
		.set_tid = set_tid ? (uint64_t)(uintptr_t)&set_tid : 0,
		.set_tid_size = set_tid ? 1 : 0,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		tw_truth_fork(&c);
	return (pid_t)pid;
}

void tw_exec(const char *path, char *const *argv, char *const *envp)
{
	tw_truth_try(path, NULL, argv);
	execve(path, argv, envp);
	tw_truth_exec_failed(path, argv, errno);
}

void tw_execat(int dirfd, const char *path, char *const *argv, char *const *envp, int flags,
	       const char *cmdpath, const char *script)
{
	tw_truth_try(cmdpath, script, argv);
	syscall(SYS_execveat, dirfd, path, argv, envp, flags);
	tw_truth_exec_failed(cmdpath, argv, errno);
}

/* The host's pid of a child that the caller knows as `pid`. */
static pid_t host_pid_of(pid_t pid)
{
	char buf[4096];
	const char *p;
	int level = -1;
	int fd;
	ssize_t n;

	if (getpid() == tw_host_pid())
		return pid;
	/* NSpid lists one pid per level, the host's first; ours is the last. */
	fd = openat(TW_FD_PROC, "self/status", O_RDONLY | O_CLOEXEC);
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	p = strstr(buf, "NSpid:");
	for (; p && *p && *p != '\n'; p++)
		level += *p == '\t';
	if (level < 1 || level >= TW_NS_LEVELS || pid >= TW_NS_PIDS)
		tw_broken("pid %d is beyond the table of namespaced pids", pid);
	return atomic_load(&tw->host_pid[level][pid]);
}

int tw_wait(pid_t pid)
{
	siginfo_t si = { 0 };
	int status;

	while (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT | __WALL) < 0)
		if (errno != EINTR)
			tw_broken("waitid %d: %s", pid, strerror(errno));
	/* Write it down while the zombie still holds its pid: see the head of workload.h. */
	tw_truth_exit(host_pid_of(pid), si.si_code == CLD_EXITED ? si.si_status : 0,
		      si.si_code == CLD_EXITED ? 0 : si.si_status, si.si_code == CLD_DUMPED,
		      "wait");
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			tw_broken("waitpid %d: %s", pid, strerror(errno));
	return status;
}

bool tw_reap(void)
{
	siginfo_t si = { 0 };

	if (waitid(P_ALL, 0, &si, WEXITED | WNOWAIT | WNOHANG | __WALL) || !si.si_pid)
		return false;
	tw_wait(si.si_pid);
	return true;
}

void tw_reap_rest(void)
{
	siginfo_t si;

	while (!waitid(P_ALL, 0, &si, WEXITED | WNOWAIT | __WALL) || errno == EINTR)
		tw_reap();
}

_Noreturn void tw_exit_told(int code)
{
	tw_truth_exit(tw_host_pid(), code, 0, false, "self");
	_exit(code);
}

void tw_wait_gone(pid_t pid)
{
	struct timespec nap = { .tv_nsec = 2000000 };
	struct tw_stat st;
	char who[32];

	/* A pid may be used again at once, but not for a minute without a pause. */
	snprintf(who, sizeof(who), "%d", pid);
	for (int i = 0; i < 10000; i++) {
		/* A zombie has ended; some inits take their time to reap. */
		if (tw_read_stat(who, &st) || st.state == 'Z')
			return;
		nanosleep(&nap, NULL);
	}
	tw_broken("process %d does not go away", pid);
}

char *tw_token(void)
{
	static _Thread_local char text[32];

	snprintf(text, sizeof(text), "mark-%u", atomic_fetch_add(&tw->token, 1));
	return text;
}

char **tw_env(const char *ops)
{
	static _Thread_local char text[256];
	static _Thread_local char *env[3];
	static char other[] = "TW_MARK=ground truth";

	snprintf(text, sizeof(text), "TW_OPS=%s", ops);
	env[0] = text;
	env[1] = other;
	return env;
}

pid_t tw_spawn(const char *path, const char *ops)
{
	pid_t pid = tw_fork("fork");

	if (pid == 0) {
		char *argv[] = { (char *)path, tw_token(), NULL };

		tw_exec(path, argv, tw_env(ops));
		_exit(127);
	}
	return pid;
}

void tw_run_helper(const char *path, const char *ops)
{
	int status = tw_wait(tw_spawn(path ? path : tw->helper, ops));

	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		tw_broken("%s could not be executed", path ? path : tw->helper);
}

int tw_copy_helper(const char *to, mode_t mode)
{
	struct stat st;
	int in, out = -1;
	int ret = -1;
	off_t left;

	in = open(tw->helper, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -1;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	if (out < 0 || fstat(in, &st))
		goto end;
	for (left = st.st_size; left > 0;) {
		ssize_t n = sendfile(out, in, NULL, (size_t)left);

		if (n <= 0)
			goto end;
		left -= n;
	}
	ret = fchmod(out, mode);
end:
	if (out >= 0)
		close(out);
	close(in);
	return ret;
}

void tw_need_others(void)
{
	char path[sizeof(tw->dir)];
	char *slash;
	struct stat st;

	strcpy(path, tw->dir);
	while ((slash = strrchr(path, '/')) && slash != path) {
		if (stat(path, &st) || !(st.st_mode & S_IXOTH))
			tw_skip("other users can't enter %s", path);
		*slash = '\0';
	}
}

__attribute__((format(printf, 3, 0))) static void say(const char *kind, const char *part,
						      const char *fmt, va_list ap)
{
	struct tw_line l;
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	tw_line_begin(&l, kind);
	if (part)
		tw_line_text(&l, "part", part);
	tw_line_text(&l, "reason", text);
	tw_line_end(&l);
}

_Noreturn void tw_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("skip", NULL, fmt, ap);
	va_end(ap);
	_exit(0);
}

void tw_skip_part(const char *part, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("skip", part, fmt, ap);
	va_end(ap);
}

_Noreturn void tw_broken(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("broken", NULL, fmt, ap);
	va_end(ap);
	_exit(97);
}

void tw_gate_init(struct tw_gate *g)
{
	if (pipe(g->fd))
		tw_broken("pipe: %s", strerror(errno));
}

void tw_gate_open(struct tw_gate *g)
{
	if (write(g->fd[1], "", 1) != 1)
		tw_broken("gate: %s", strerror(errno));
}

/* Lets one through per opening. */
void tw_gate_pass(struct tw_gate *g)
{
	char c;

	while (read(g->fd[0], &c, 1) < 0)
		if (errno != EINTR)
			tw_broken("gate: %s", strerror(errno));
}

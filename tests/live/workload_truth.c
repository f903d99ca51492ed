/* SPDX-License-Identifier: Apache-2.0
 *
 * The ground-truth workload: what is true of the process that asks.
 *
 * Everything is read from the kernel (procfs, syscalls), through a descriptor of the host's /proc
 * that every process inherits, so that a process in a pid namespace or a chroot still learns its
 * pids and paths as the host sees them. What the kernel won't tell, the scenario has put in *tw.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

struct tw_state *tw;
uint32_t tw_image;
int tw_scale = 1;

static ssize_t read_proc(const char *name, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;
	int fd = openat(TW_FD_PROC, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while (len + 1 < size && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	buf[len] = '\0';
	return (ssize_t)len;
}

int tw_read_stat(const char *who, struct tw_stat *st)
{
	char name[64], buf[2048];
	char *open_paren, *close_paren;
	unsigned long long ticks;
	size_t len;

	snprintf(name, sizeof(name), "%s/stat", who);
	if (read_proc(name, buf, sizeof(buf)) <= 0)
		return -1;
	open_paren = strchr(buf, '(');
	close_paren = strrchr(buf, ')');
	if (!open_paren || !close_paren)
		return -1;
	len = (size_t)(close_paren - open_paren - 1);
	if (len >= sizeof(st->comm))
		len = sizeof(st->comm) - 1;
	memcpy(st->comm, open_paren + 1, len);
	st->comm[len] = '\0';
	st->pid = atoi(buf);
	/* state ppid pgrp session tty_nr, then 14 numbers we don't want, then starttime */
	if (sscanf(close_paren + 1,
		   " %c %d %*d %d %d %*d %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%*s %*s %*s %*s %llu",
		   &st->state, &st->ppid, &st->sid, &st->tty, &ticks) != 5)
		return -1;
	st->start_ticks = ticks;
	return 0;
}

static void must_stat(const char *who, struct tw_stat *st)
{
	if (tw_read_stat(who, st))
		tw_broken("no /proc/%s/stat: %s", who, strerror(errno));
}

pid_t tw_host_pid(void)
{
	struct tw_stat st;

	must_stat("self", &st);
	return st.pid;
}

struct tw_creator tw_creator(const char *how)
{
	struct tw_stat st;
	struct tw_creator c = { .image = tw_image, .how = how };

	must_stat("self", &st);
	c.pid = st.pid;
	must_stat("thread-self", &st);
	c.tid = st.pid;
	return c;
}

/* The kernel's parents, nearest first, as [pid, start ticks] pairs, up to pid 1. */
static void put_chain(struct tw_line *l, pid_t pid)
{
	tw_line_open(l, "chain", '[');
	for (int depth = 0; pid > 0 && depth < 128; depth++) {
		char who[32];
		struct tw_stat st;

		snprintf(who, sizeof(who), "%d", pid);
		if (tw_read_stat(who, &st))
			break;
		tw_line_open(l, NULL, '[');
		tw_line_item(l, st.pid);
		tw_line_item(l, (int64_t)st.start_ticks);
		tw_line_close(l, ']');
		pid = st.ppid;
	}
	tw_line_close(l, ']');
}

static void put_stat(struct tw_line *l, const struct tw_stat *st)
{
	tw_line_int(l, "pid", st->pid);
	tw_line_int(l, "ppid", st->ppid);
	tw_line_int(l, "sid", st->sid);
	tw_line_int(l, "tty_nr", st->tty);
	tw_line_int(l, "start_ticks", (int64_t)st->start_ticks);
	tw_line_text(l, "comm", st->comm);
}

static void put_ids(struct tw_line *l)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	if (tw->ids_known) {
		r = e = s = tw->uid;
		rg = eg = sg = tw->gid;
	}
	tw_line_int(l, "uid", r);
	tw_line_int(l, "euid", e);
	tw_line_int(l, "suid", s);
	tw_line_int(l, "gid", rg);
	tw_line_int(l, "egid", eg);
	tw_line_int(l, "sgid", sg);
}

/* The waiter of a process in a pid namespace knows it by another pid than the host does. */
static void register_ns_pids(const struct tw_stat *st)
{
	char buf[4096];
	char *p;
	int level = 0;

	if (getpid() == st->pid || read_proc("self/status", buf, sizeof(buf)) <= 0)
		return;
	p = strstr(buf, "NSpid:");
	if (!p)
		return;
	for (p += strlen("NSpid:"); level < TW_NS_LEVELS; level++) {
		char *end;
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		if (pid >= 0 && pid < TW_NS_PIDS)
			atomic_store(&tw->host_pid[level][pid], st->pid);
		p = end;
		while (*p == '\t' || *p == ' ')
			p++;
		if (*p == '\n')
			break;
	}
}

void tw_truth_fork(const struct tw_creator *creator)
{
	struct tw_line l;
	struct tw_stat st;

	must_stat("self", &st);
	register_ns_pids(&st);
	tw_line_begin(&l, "fork");
	tw_line_text(&l, "how", creator->how);
	put_stat(&l, &st);
	tw_line_int(&l, "ns_pid", getpid());
	tw_line_int(&l, "creator", creator->pid);
	tw_line_int(&l, "creator_tid", creator->tid);
	tw_line_int(&l, "creator_image", creator->image);
	if (!atomic_load(&tw->terse)) {
		put_ids(&l);
		put_chain(&l, st.ppid);
	}
	tw_line_end(&l);
}

/* The path behind a /proc link as the host's procfs would show it; says if it was deleted. */
static size_t read_link(const char *name, char *buf, size_t size, bool *deleted)
{
	static const char suffix[] = " (deleted)";
	const size_t slen = sizeof(suffix) - 1;
	size_t skip = strlen(tw->root);
	struct stat by_link, by_path;
	ssize_t n;

	*deleted = false;
	memcpy(buf, tw->root, skip);
	n = readlinkat(TW_FD_PROC, name, buf + skip, size - skip - 1);
	if (n < 0)
		return 0;
	/* A chroot's own root directory. */
	if (skip && n == 1)
		n = 0;
	buf[skip + (size_t)n] = '\0';
	/* A file may really be called "x (deleted)". */
	if ((size_t)n > slen && !strcmp(buf + skip + n - slen, suffix) &&
	    !fstatat(TW_FD_PROC, name, &by_link, 0) &&
	    (stat(buf + skip, &by_path) || by_path.st_ino != by_link.st_ino ||
	     by_path.st_dev != by_link.st_dev)) {
		*deleted = true;
		n -= (ssize_t)slen;
	}
	return skip + (size_t)n;
}

static void put_exe(struct tw_line *l)
{
	static const char memfd[] = "/memfd:";
	char path[TW_PATH_MAX];
	bool deleted;
	size_t len = read_link("self/exe", path, sizeof(path), &deleted);
	struct stat st;

	if (len >= sizeof(memfd) - 1 && deleted && !memcmp(path, memfd, sizeof(memfd) - 1)) {
		tw_line_bytes(l, "exe", path + 1, len - 1);
		tw_line_bool(l, "memfd", true);
	} else {
		tw_line_bytes(l, "exe", path, len);
		tw_line_bool(l, "exe_deleted", deleted);
	}
	if (!fstatat(TW_FD_PROC, "self/exe", &st, 0)) {
		tw_line_int(l, "dev", (int64_t)st.st_dev);
		tw_line_int(l, "dev_major", major(st.st_dev));
		tw_line_int(l, "dev_minor", minor(st.st_dev));
		tw_line_int(l, "ino", (int64_t)st.st_ino);
		tw_line_int(l, "mode", st.st_mode);
		tw_line_int(l, "nlink", (int64_t)st.st_nlink);
		tw_line_int(l, "ctime",
			    st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec);
	}
}

static void put_cwd(struct tw_line *l)
{
	char path[TW_PATH_MAX];
	bool deleted = false;
	size_t len;

	if (tw->cwd[0]) {
		tw_line_text(l, "cwd", tw->cwd);
	} else {
		len = read_link("self/cwd", path, sizeof(path), &deleted);
		if (len)
			tw_line_bytes(l, "cwd", path, len);
	}
	tw_line_bool(l, "cwd_deleted", deleted);
}

static void put_stdin(struct tw_line *l)
{
	char path[TW_PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fstat(0, &st))
		return;
	tw_line_int(l, "stdin_mode", st.st_mode);
	n = readlinkat(TW_FD_PROC, "self/fd/0", path, sizeof(path));
	if (n > 0)
		tw_line_bytes(l, "stdin", path, (size_t)n);
}

static void put_status(struct tw_line *l)
{
	static const char *const caps[][2] = {
		{ "CapInh:", "cap_inheritable" },
		{ "CapPrm:", "cap_permitted" },
		{ "CapEff:", "cap_effective" },
	};
	char buf[8192];
	const char *p;

	if (read_proc("self/loginuid", buf, sizeof(buf)) > 0)
		tw_line_int(l, "loginuid", (int64_t)strtoul(buf, NULL, 10));
	if (read_proc("self/status", buf, sizeof(buf)) <= 0)
		return;
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		p = strstr(buf, caps[i][0]);
		if (p)
			tw_line_int(l, caps[i][1],
				    (int64_t)strtoull(p + strlen(caps[i][0]), NULL, 16));
	}
	tw_line_int(l, "securebits", prctl(PR_GET_SECUREBITS));
}

static void put_namespaces(struct tw_line *l, bool *same_cgroup_ns)
{
	static const char *const names[] = { "uts",
					     "ipc",
					     "mnt",
					     "pid",
					     "pid_for_children",
					     "net",
					     "time",
					     "time_for_children",
					     "cgroup",
					     "user" };

	tw_line_open(l, "ns", '{');
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[64], text[64];
		ssize_t n;
		char *bracket;

		snprintf(name, sizeof(name), "self/ns/%s", names[i]);
		n = readlinkat(TW_FD_PROC, name, text, sizeof(text) - 1);
		if (n <= 0)
			continue;
		text[n] = '\0';
		if (!strcmp(names[i], "cgroup"))
			*same_cgroup_ns = !strcmp(text, tw->cgroup_ns);
		bracket = strchr(text, '[');
		if (bracket)
			tw_line_int(l, names[i], (int64_t)strtoul(bracket + 1, NULL, 10));
	}
	tw_line_close(l, '}');
}

static void put_cgroup(struct tw_line *l)
{
	char buf[8192], path[8300];
	char *p, *end;
	struct stat st;

	if (!tw->cgroup_mount[0] || read_proc("self/cgroup", buf, sizeof(buf)) <= 0)
		return;
	p = strncmp(buf, "0::", 3) ? strstr(buf, "\n0::") : buf;
	if (!p)
		return;
	p = strstr(p, "0::") + 3;
	end = strchr(p, '\n');
	if (end)
		*end = '\0';
	snprintf(path, sizeof(path), "%s%s", tw->cgroup_mount, p);
	if (stat(path, &st))
		return;
	tw_line_text(l, "cgroup", p);
	tw_line_int(l, "cgroup_id", (int64_t)st.st_ino);
}

void tw_truth_exec(int argc, char **argv, char **envp)
{
	struct tw_line l;
	struct tw_stat st;
	bool same_cgroup_ns = false;
	size_t env_size = 0;

	must_stat("self", &st);
	tw_image = atomic_fetch_add(&tw->image, 1) + 1;
	tw_line_begin(&l, "exec");
	tw_line_int(&l, "image", tw_image);
	put_stat(&l, &st);
	tw_line_int(&l, "ns_pid", getpid());
	put_exe(&l);
	if (atomic_load(&tw->terse)) {
		tw_line_end(&l);
		return;
	}
	put_cwd(&l);
	put_ids(&l);
	put_stdin(&l);
	put_status(&l);
	put_namespaces(&l, &same_cgroup_ns);
	tw_line_int(&l, "user_ns_level", tw->user_ns_level);
	if (tw->user_ns_level)
		tw_line_int(&l, "user_ns_owner", tw->user_ns_owner);
	if (same_cgroup_ns)
		put_cgroup(&l);
	put_chain(&l, st.ppid);
	tw_line_int(&l, "argc", argc);
	tw_line_texts(&l, "argv", argv, '\0');
	tw_line_texts(&l, "env", envp, '=');
	for (char **e = envp; *e; e++)
		env_size += strlen(*e) + 1;
	tw_line_int(&l, "env_size", (int64_t)env_size);
	tw_line_end(&l);
}

void tw_truth_exec_of(pid_t host_pid, const char *interpreter)
{
	struct tw_line l;
	struct tw_stat st;
	char who[32], name[64], path[TW_PATH_MAX], args[4096];
	ssize_t n, len;

	snprintf(who, sizeof(who), "%d", host_pid);
	must_stat(who, &st);
	tw_line_begin(&l, "exec");
	tw_line_int(&l, "image", atomic_fetch_add(&tw->image, 1) + 1);
	put_stat(&l, &st);
	snprintf(name, sizeof(name), "%s/exe", who);
	n = readlinkat(TW_FD_PROC, name, path, sizeof(path));
	if (n > 0)
		tw_line_bytes(&l, "exe", path, (size_t)n);
	snprintf(name, sizeof(name), "%s/cwd", who);
	n = readlinkat(TW_FD_PROC, name, path, sizeof(path));
	if (n > 0)
		tw_line_bytes(&l, "cwd", path, (size_t)n);
	snprintf(name, sizeof(name), "%s/cmdline", who);
	len = read_proc(name, args, sizeof(args));
	tw_line_open(&l, "argv", '[');
	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(args + at) + 1)
		tw_line_text(&l, NULL, args + at);
	tw_line_close(&l, ']');
	tw_line_text(&l, "interpreter", interpreter);
	put_chain(&l, st.ppid);
	tw_line_end(&l);
}

static void put_doer(struct tw_line *l)
{
	struct tw_stat st;
	char comm[32] = "";

	must_stat("self", &st);
	tw_line_int(l, "pid", st.pid);
	must_stat("thread-self", &st);
	tw_line_int(l, "tid", st.pid);
	prctl(PR_GET_NAME, comm);
	tw_line_text(l, "comm", comm);
}

void tw_truth_try(const char *cmdpath, const char *script, char *const *argv)
{
	struct tw_line l;
	size_t size = 0;

	for (char *const *a = argv; *a; a++)
		size += strlen(*a);
	tw_line_begin(&l, "try");
	put_doer(&l);
	tw_line_text(&l, "cmdpath", cmdpath);
	if (script)
		tw_line_text(&l, "script", script);
	/* The image will say all of it; twice two megabytes would only cost. */
	if (size < 65536 && !atomic_load(&tw->terse))
		tw_line_texts(&l, "argv", argv, '\0');
	tw_line_end(&l);
}

void tw_truth_exec_failed(const char *cmdpath, char *const *argv, int error)
{
	struct tw_line l;
	size_t size = 0;

	for (char *const *a = argv; *a; a++)
		size += strlen(*a);
	tw_line_begin(&l, "exec_failed");
	put_doer(&l);
	tw_line_text(&l, "cmdpath", cmdpath);
	tw_line_int(&l, "errno", error);
	tw_line_text(&l, "error", strerrorname_np(error));
	if (size < 65536)
		tw_line_texts(&l, "argv", argv, '\0');
	tw_line_end(&l);
}

void tw_truth_exit(pid_t host_pid, int code, int sig, bool core, const char *by)
{
	struct tw_line l;
	struct tw_stat st;
	char who[32];

	snprintf(who, sizeof(who), "%d", host_pid);
	must_stat(who, &st);
	tw_line_begin(&l, "exit");
	put_stat(&l, &st);
	tw_line_int(&l, "code", code);
	tw_line_int(&l, "signal", sig);
	tw_line_bool(&l, "core", core);
	tw_line_text(&l, "by", by);
	tw_line_end(&l);
}

void tw_truth_rename(const char *old_name, const char *new_name)
{
	struct tw_line l;
	struct tw_stat st;

	must_stat("self", &st);
	tw_line_begin(&l, "rename");
	tw_line_int(&l, "pid", st.pid);
	must_stat("thread-self", &st);
	tw_line_int(&l, "tid", st.pid);
	tw_line_text(&l, "old", old_name);
	tw_line_text(&l, "new", new_name);
	tw_line_end(&l);
}

/* Said by a thread: I exist, and I am not a process. */
void tw_truth_thread(void)
{
	struct tw_line l;
	struct tw_stat st;

	tw_line_begin(&l, "thread");
	must_stat("self", &st);
	tw_line_int(&l, "pid", st.pid);
	must_stat("thread-self", &st);
	tw_line_int(&l, "tid", st.pid);
	tw_line_end(&l);
}

void tw_truth_leaving(void)
{
	struct tw_line l;

	tw_line_begin(&l, "leaving");
	tw_line_int(&l, "pid", tw_host_pid());
	tw_line_end(&l);
}

void tw_truth_subreaper(uint64_t since)
{
	struct tw_line l;

	tw_line_begin(&l, "subreaper");
	tw_line_int(&l, "pid", tw_host_pid());
	tw_line_int(&l, "since", (int64_t)since);
	tw_line_end(&l);
}

void tw_truth_gone(pid_t host_pid)
{
	struct tw_line l;

	tw_line_begin(&l, "gone");
	tw_line_int(&l, "pid", host_pid);
	tw_line_end(&l);
}

void tw_truth_reaper(pid_t host_pid)
{
	struct tw_line l;

	tw_line_begin(&l, "reaper");
	tw_line_int(&l, "pid", host_pid);
	tw_line_end(&l);
}

void tw_truth_calm(void)
{
	struct tw_line l;

	tw_line_begin(&l, "calm");
	tw_line_end(&l);
}

void tw_truth_phase(const char *phase)
{
	struct tw_line l;
	struct timespec wall, boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &wall);
	tw_line_begin(&l, "phase");
	tw_line_text(&l, "phase", phase);
	tw_line_int(&l, "pid", tw_host_pid());
	tw_line_int(&l, "wall_minus_boot",
		    (wall.tv_sec - boot.tv_sec) * INT64_C(1000000000) + wall.tv_nsec -
			    boot.tv_nsec);
	tw_line_int(&l, "ticks_per_second", sysconf(_SC_CLK_TCK));
	tw_line_text(&l, "dir", tw->dir);
	tw_line_end(&l);
}

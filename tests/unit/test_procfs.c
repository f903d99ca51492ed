/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading /proc: the parsers with text that a process has a say in, and real processes: this one,
 * and children whose image, arguments and folder are known. A child is this program again, which
 * waits until its standard input ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "source/procfs.h"

#define WAITS	    "TARSIER_TEST_PROCFS_WAITS" /* in the environment: be the child */
#define CMDLINE_MAX (32UL << 10)

typedef int (*parser)(struct procfs_process *p, const char *text, size_t len);

/* The text in memory of just its length: a read beyond it is seen. */
static int parse(parser fn, struct procfs_process *p, const char *text, size_t len)
{
	char *copy = memcpy(xmalloc(len), text, len);
	int err = fn(p, copy, len);

	free(copy);
	return err;
}

#define STAT(p, s)   parse(procfs_parse_stat, p, s, strlen(s))
#define STATUS(p, s) parse(procfs_parse_status, p, s, strlen(s))
#define CGROUP(p, s) parse(procfs_parse_cgroup, p, s, strlen(s))

/* What follows the comm, up to the start time and beyond. */
#define REST                                                                                         \
	" S 7 70 700 34816 70 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 1000 200 18446744073709551615 " \
	"1 1 0 0 0 0 0 0\n"

static void assert_rest(const struct procfs_process *p)
{
	assert_int_equal(p->ppid, 7);
	assert_int_equal(p->pgid, 70);
	assert_int_equal(p->sid, 700);
	assert_int_equal(p->start, 123450000000ULL);
	assert_false(p->kthread);
	assert_false(p->zombie);
}

static void test_stat(void **state)
{
	static const struct {
		const char *text, *comm;
	} cases[] = {
		{ "42 (bash)" REST, "bash" },
		{ "42 (exactly15chars.)" REST, "exactly15chars." },
		{ "42 ()" REST, "" },
		{ "42 (a b)" REST, "a b" },
		{ "42 (a) R 1 1 1 (b)" REST, "a) R 1 1 1 (b" },
		{ "42 ())" REST, ")" },
		{ "42 (()" REST, "(" },
		{ "42 () S 1)" REST, ") S 1" },
		{ "42 (a\nb\n)" REST, "a\nb\n" },
		{ "42 (\xff\x1b[0m)" REST, "\xff\x1b[0m" },
		/* kernel workers show what they work for: 63 characters */
		{ "42 (kworker/u8:3-events_unbound)" REST, "kworker/u8:3-ev" },
		{ "42 (kworker/R-a-name-that-is-very-long-indeed-up-to-63-characters!)" REST,
		  "kworker/R-a-nam" },
	};
	struct procfs_process p = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(STAT(&p, cases[i].text), 0);
		assert_string_equal(p.comm, cases[i].comm);
		/* nothing of a longer name before is left: these bytes go into messages */
		for (size_t k = strlen(p.comm); k < sizeof(p.comm); k++)
			assert_int_equal(p.comm[k], 0);
		assert_rest(&p);
	}
}

static void test_stat_flags(void **state)
{
	static const struct {
		const char *text;
		bool kthread, zombie;
	} cases[] = {
		{ "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0", true, false },
		{ "5 (x) Z 1 1 1 0 -1 4228100 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0", false, true },
		{ "5 (x) X 1 1 1 0 -1 4228100 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0", false, true },
		{ "5 (Z) R 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0", false, false },
		{ "5 (x) t 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 -2 0 1 0 3 0 0", false, false },
	};
	struct procfs_process p = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(STAT(&p, cases[i].text), 0);
		assert_int_equal(p.kthread, cases[i].kthread);
		assert_int_equal(p.zombie, cases[i].zombie);
		assert_int_equal(p.start, 30000000);
	}
}

static void test_stat_damaged(void **state)
{
	static const char *const bad[] = {
		"",
		"42",
		"42 bash S 7 70 700",
		"42 (bash S 7 70 700",
		"42 bash) S 7 70 700",
		"42 )bash( S 7 70 700 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 5",
		"42 (bash)",
		"42 (bash) ",
		"42 (bash) S",
		"42 (bash) S x 70 700 34816 70 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345",
		"42 (bash) S 7 70 700 34816 70 4194304 1 2 3 4 5 6 7 8 20 0 1 0 x",
		/* a start time that has no nanoseconds in 64 bits */
		"42 (bash) S 7 70 700 34816 70 4194304 1 2 3 4 5 6 7 8 20 0 1 0 1844674407371",
		("42 (bash) S 7 70 700 34816 70 4194304 1 2 3 4 5 6 7 8 20 0 1 0 "
		 "99999999999999999999999999"),
	};
	static const char whole[] = "42 (bash)" REST;
	struct procfs_process p = { 0 };
	size_t enough = (size_t)(strstr(whole, "12345") - whole) + 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(STAT(&p, bad[i]), -EBADMSG);
	for (size_t n = 0; n < sizeof(whole); n++)
		assert_int_equal(parse(procfs_parse_stat, &p, whole, n), n < enough ? -EBADMSG : 0);
	/* the last that has */
	assert_int_equal(STAT(&p, "42 (bash) S 7 70 700 34816 70 4194304 1 2 3 4 5 6 7 8 20 0 1 0 "
				  "1844674407370"),
			 0);
	assert_int_equal(p.start, 18446744073700000000ULL);
}

/* However much there is behind the comm, and whatever numbers. */
static void test_stat_long(void **state)
{
	struct procfs_process p = { 0 };
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, "42 (bash)");
	for (int i = 0; i < 4000; i++)
		buf_str(&b, " 99999999999999999999");
	procfs_parse_stat(&p, b.data, b.len); /* nothing to rely on, but nothing breaks */
	b.len = 0;
	buf_str(&b, "42 (");
	for (int i = 0; i < 40000; i++)
		buf_char(&b, i % 2 ? ')' : '(');
	buf_str(&b, ")" REST);
	assert_int_equal(procfs_parse_stat(&p, b.data, b.len), 0);
	assert_string_equal(p.comm, "()()()()()()()(");
	assert_rest(&p);
	/* a NUL ends what can be read of the numbers */
	assert_int_equal(parse(procfs_parse_stat, &p, "1 (a) S 1 \0 1 1", 15), -EBADMSG);
	assert_int_equal(parse(procfs_parse_stat, &p, "\0\0(\0)\0\0", 7), -EBADMSG);
	b.len = 0;
	buf_add(&b, "1 (a\0b)" REST, sizeof("1 (a\0b)" REST));
	assert_int_equal(procfs_parse_stat(&p, b.data, b.len - 1), 0);
	assert_memory_equal(p.comm, "a\0\0\0", 4);
	buf_free(&b);
}

#define STATUS_HEAD \
	"Name:\tbash\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t42\nNgid:\t0\nPid:\t42\n"

static void test_status(void **state)
{
	struct procfs_process p = { .ns_pid = 42 };

	(void)state;
	assert_int_equal(STATUS(&p,
				STATUS_HEAD "Uid:\t1000\t0\t1001\t1002\nGid:\t100\t5\t101\t102\n"
					    "Groups:\t1 2 3 \nNStgid:\t42\t1\nNSpid:\t42\t7\n"
					    "NSpgid:\t42\t9\nSeccomp:\t0\n"),
			 0);
	assert_int_equal(p.uid, 1000);
	assert_int_equal(p.euid, 0);
	assert_int_equal(p.gid, 100);
	assert_int_equal(p.egid, 5);
	assert_int_equal(p.ns_pid, 7);
	/* not nested; another order; the last line without its end */
	assert_int_equal(
		STATUS(&p, "NSpid:\t42\nGid:\t1\t2\t1\t1\nUid:\t4294967295\t4294967294\t0\t0"), 0);
	assert_int_equal(p.uid, UINT32_MAX);
	assert_int_equal(p.euid, UINT32_MAX - 1);
	assert_int_equal(p.gid, 1);
	assert_int_equal(p.egid, 2);
	assert_int_equal(p.ns_pid, 42);
	/* no NSpid in kernels without namespaces: what the caller has set stays */
	p.ns_pid = 5;
	assert_int_equal(STATUS(&p, "Uid:\t1\t2\t3\t4\nGid:\t1\t2\t3\t4\n"), 0);
	assert_int_equal(p.ns_pid, 5);
}

static void test_status_missing(void **state)
{
	struct procfs_process p = { 0 };

	(void)state;
	assert_int_equal(STATUS(&p, ""), -EBADMSG);
	assert_int_equal(STATUS(&p, "\n\n\n"), -EBADMSG);
	assert_int_equal(STATUS(&p, STATUS_HEAD), -EBADMSG);
	/* each of the two must be there: neither counts twice, and NSpid for neither */
	assert_int_equal(STATUS(&p, "Uid:\t1\t2\t3\t4\nNSpid:\t42\n"), -EBADMSG);
	assert_int_equal(STATUS(&p, "Gid:\t1\t2\t3\t4\nNSpid:\t42\n"), -EBADMSG);
	assert_int_equal(STATUS(&p, "Uid:\t1\t2\t3\t4\nUid:\t1\t2\t3\t4\n"), -EBADMSG);
	assert_int_equal(STATUS(&p, "Uid:\t1\nGid:\t1\n"), -EBADMSG);
	assert_int_equal(STATUS(&p, "Uid:\tx\ty\nGid:\t1\t2\n"), -EBADMSG);
	/* what a process calls itself is not a line of its own: the kernel escapes line breaks */
	assert_int_equal(STATUS(&p, "Name:\tUid:\t1\t2\nGid:\t1\t2\n"), -EBADMSG);
	assert_int_equal(STATUS(&p, "Name:\ta\\nUid:\t1\t2\nGid:\t1\t2\n"), -EBADMSG);
}

static void test_status_long_lines(void **state)
{
	struct procfs_process p = { 0 };
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, "Uid:\t1\t2\t3\t4\nGroups:\t");
	for (int i = 0; i < 65536; i++)
		buf_printf(&b, "%d ", i);
	buf_str(&b, "\nGid:\t5\t6\t7\t8\n");
	/* as deep as pid namespaces go, with the longest pids */
	buf_str(&b, "NSpid:");
	for (int i = 0; i < 32; i++)
		buf_str(&b, "\t4194304");
	buf_str(&b, "\t77\n");
	assert_int_equal(procfs_parse_status(&p, b.data, b.len), 0);
	assert_int_equal(p.uid, 1);
	assert_int_equal(p.egid, 6);
	assert_int_equal(p.ns_pid, 77);
	buf_free(&b);
}

static void test_cgroup(void **state)
{
	static const struct {
		const char *text, *leaf;
		int err;
	} cases[] = {
		{ "0::/user.slice/user-0.slice/session-1.scope\n", "session-1.scope", 0 },
		{ "0::/init.scope", "init.scope", 0 },
		{ "0::/\n", "", 0 },
		/* version 1 and the default hierarchy side by side: wherever that stands */
		{ "12:pids:/a/b\n1:name=systemd:/c/d\n0::/e/f\n", "f", 0 },
		{ "0::/e/f\n12:pids:/a/b\n", "f", 0 },
		/* not this hierarchy, whatever it looks like */
		{ "10::/x/y\n0::/e\n", "e", 0 },
		{ "5:name=0::/x:/y\n", "", -ENOENT },
		{ "12:pids:/a/b\n1:name=systemd:/c/d\n", "", -ENOENT },
		{ "", "", -ENOENT },
		{ "\n\n", "", -ENOENT },
		{ "0::", "", -ENOENT },
		{ "0::\n0::/a", "a", 0 },
		{ "0::x\n", "", -EBADMSG },
		{ "0::/../../x\n", "x", 0 }, /* seen from a namespace beside it */
		{ "0::/a b:c/d:e f", "d:e f", 0 },
	};
	struct procfs_process p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&p, 'x', sizeof(p));
		assert_int_equal(CGROUP(&p, cases[i].text), cases[i].err);
		assert_string_equal(p.cgroup, cases[i].leaf);
	}
}

static void test_cgroup_long(void **state)
{
	struct procfs_process p = { 0 };
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, "0::/");
	for (int i = 0; i < 255; i++) /* the longest name that a folder can have */
		buf_char(&b, (char)('a' + i % 26));
	assert_int_equal(procfs_parse_cgroup(&p, b.data, b.len), 0);
	assert_int_equal(strlen(p.cgroup), sizeof(p.cgroup) - 1);
	assert_memory_equal(p.cgroup, b.data + 4, sizeof(p.cgroup) - 1);
	buf_free(&b);
}

/* Real processes. */

static struct buf read_whole(const char *path)
{
	struct buf b = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = read(fd, buf_room(&b, 65536), 65536)) > 0)
		b.len += (size_t)n;
	close(fd);
	return b;
}

static void assert_buf(const struct buf *b, const char *s, size_t len)
{
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, s, len);
}

static void test_self(void **state)
{
	struct buf cmdline = read_whole("/proc/self/cmdline");
	struct procfs_process p = { 0 };
	char comm[16], path[4096];
	ssize_t n;

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, comm), 0);
	assert_int_equal(prctl(PR_SET_NAME, "x) R 1 (\nUid: 5"), 0);
	assert_int_equal(procfs_process(&p, (uint32_t)getpid()), 0);
	assert_string_equal(p.comm, "x) R 1 (\nUid: 5");
	prctl(PR_SET_NAME, comm);
	assert_int_equal(p.pid, getpid());
	assert_int_equal(p.ppid, getppid());
	assert_int_equal(p.sid, getsid(0));
	assert_int_equal(p.pgid, getpgrp());
	assert_int_equal(p.uid, getuid());
	assert_int_equal(p.euid, geteuid());
	assert_int_equal(p.gid, getgid());
	assert_int_equal(p.egid, getegid());
	assert_false(p.kthread);
	assert_false(p.zombie);
	assert_false(p.exe_deleted);
	assert_false(p.cwd_deleted);
	assert_true(p.start > 0 && p.start < clock_boot_ns());
	assert_int_equal(p.start % 10000000, 0);
	if (p.ppid) /* of a parent that this pid namespace can see */
		assert_true(p.parent_start > 0 && p.parent_start <= p.start);
	n = readlink("/proc/self/exe", path, sizeof(path));
	assert_buf(&p.exe, path, (size_t)n);
	assert_non_null(getcwd(path, sizeof(path)));
	assert_buf(&p.cwd, path, strlen(path));
	assert_buf(&p.cmdline, cmdline.data, cmdline.len);
	assert_false(p.cmdline_cut);
	procfs_process_free(&p);
	buf_free(&cmdline);
}

struct child {
	const char *exe, *cwd; /* NULL: this program, this folder */
	char *const *argv;
	int exe_fd; /* if there is no exe */
	int flags;  /* of clone(2) */
	/* of it while it runs */
	pid_t pid;
	int hold;
};

/* Runs it and waits until its exec is done. */
static bool child_start(struct child *c)
{
	char *const env[] = { (char *)WAITS "=1", NULL };
	int in[2], done[2];
	char failed;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	c->pid = (pid_t)syscall(SYS_clone, c->flags | SIGCHLD, 0, 0, 0, 0);
	if (!c->pid) {
		dup2(in[0], 0);
		if (!c->cwd || !chdir(c->cwd)) {
			if (c->exe)
				execve(c->exe, c->argv, env);
			else
				fexecve(c->exe_fd, c->argv, env);
		}
		write(done[1], "!", 1);
		_exit(1);
	}
	close(in[0]);
	close(done[1]);
	c->hold = in[1];
	if (c->pid > 0)
		assert_int_equal(read(done[0], &failed, 1), 0);
	close(done[0]);
	return c->pid > 0;
}

static void child_end(struct child *c)
{
	int status;

	close(c->hold);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	assert_int_equal(status, 0);
}

/* A folder of ours with a copy of this program in it. */
static char *folder;

static const char *in_folder(const char *name)
{
	static char path[16][256]; /* a test takes fewer */
	static unsigned int turn;
	char *p = path[turn++ % 16];

	snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
	return p;
}

static void copy_self(int to)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	off_t at = 0;

	assert_true(from >= 0 && to >= 0);
	assert_int_equal(fstat(from, &st), 0);
	while (at < st.st_size)
		assert_true(sendfile(to, from, &at, (size_t)(st.st_size - at)) > 0);
	close(from);
}

static void copy_self_to(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);

	copy_self(fd);
	assert_int_equal(close(fd), 0);
}

#define ARGV \
	((char *const[]){ (char *)"odd name", (char *)"", (char *)"a b\n\xff", (char *)"", NULL })
#define ARGV_BYTES "odd name\0\0a b\n\xff\0"

static int make_folder(void **state)
{
	char *real;

	(void)state;
	folder = xstrdup("/tmp/tarsier-procfs-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	real = realpath(folder, NULL); /* /tmp can be a link */
	free(folder);
	folder = real;
	return real ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "copy", "copy (deleted)", "cwd", "cwd (deleted)" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(in_folder(names[i]));
	remove(folder);
	free(folder);
	return 0;
}

static void test_child(void **state)
{
	struct child c = { .exe = in_folder("copy"), .cwd = in_folder("cwd"), .argv = ARGV };
	struct procfs_process p = { 0 };

	(void)state;
	copy_self_to(c.exe);
	assert_int_equal(mkdir(c.cwd, 0700), 0);
	assert_true(child_start(&c));
	assert_int_equal(procfs_process(&p, (uint32_t)c.pid), 0);
	assert_int_equal(p.pid, c.pid);
	assert_int_equal(p.ns_pid, c.pid);
	assert_int_equal(p.ppid, getpid());
	assert_string_equal(p.comm, "copy");
	assert_buf(&p.exe, c.exe, strlen(c.exe));
	assert_buf(&p.cwd, c.cwd, strlen(c.cwd));
	assert_false(p.exe_deleted);
	assert_false(p.cwd_deleted);
	assert_buf(&p.cmdline, ARGV_BYTES, sizeof(ARGV_BYTES));
	assert_true(p.start >= p.parent_start && p.parent_start);

	/* both go while it runs */
	assert_int_equal(unlink(c.exe), 0);
	assert_int_equal(rmdir(c.cwd), 0);
	assert_int_equal(procfs_process(&p, (uint32_t)c.pid), 0);
	assert_buf(&p.exe, c.exe, strlen(c.exe));
	assert_buf(&p.cwd, c.cwd, strlen(c.cwd));
	assert_true(p.exe_deleted);
	assert_true(p.cwd_deleted);
	child_end(&c);

	/* and the process itself */
	assert_true(procfs_process(&p, (uint32_t)c.pid) < 0);
	procfs_process_free(&p);
}

/* A name can end like the kernel's mark of what has been deleted. */
static void test_named_deleted(void **state)
{
	struct child c = { .exe = in_folder("copy (deleted)"),
			   .cwd = in_folder("cwd (deleted)"),
			   .argv = ARGV };
	struct procfs_process p = { 0 };

	(void)state;
	copy_self_to(c.exe);
	assert_int_equal(mkdir(c.cwd, 0700), 0);
	assert_true(child_start(&c));
	assert_int_equal(procfs_process(&p, (uint32_t)c.pid), 0);
	assert_buf(&p.exe, c.exe, strlen(c.exe));
	assert_buf(&p.cwd, c.cwd, strlen(c.cwd));
	assert_false(p.exe_deleted);
	assert_false(p.cwd_deleted);
	/* deleted, and another is where the mark points */
	assert_int_equal(rename(c.exe, in_folder("copy")), 0);
	assert_int_equal(rename(c.cwd, in_folder("cwd")), 0);
	copy_self_to(c.exe);
	assert_int_equal(mkdir(c.cwd, 0700), 0);
	assert_int_equal(unlink(in_folder("copy")), 0);
	assert_int_equal(rmdir(in_folder("cwd")), 0);
	assert_int_equal(procfs_process(&p, (uint32_t)c.pid), 0);
	assert_buf(&p.exe, in_folder("copy"), strlen(in_folder("copy")));
	assert_buf(&p.cwd, in_folder("cwd"), strlen(in_folder("cwd")));
	assert_true(p.exe_deleted);
	assert_true(p.cwd_deleted);
	child_end(&c);
	assert_int_equal(unlink(c.exe), 0);
	assert_int_equal(rmdir(c.cwd), 0);
	procfs_process_free(&p);
}

static void test_memfd(void **state)
{
	struct child c = { .argv = ARGV, .exe_fd = memfd_create("hidden name", MFD_CLOEXEC) };
	struct procfs_process p = { 0 };

	(void)state;
	copy_self(c.exe_fd);
	assert_true(child_start(&c));
	assert_int_equal(procfs_process(&p, (uint32_t)c.pid), 0);
	assert_buf(&p.exe, "memfd:hidden name", 17);
	assert_true(p.exe_deleted);
	assert_buf(&p.cmdline, ARGV_BYTES, sizeof(ARGV_BYTES));
	child_end(&c);
	close(c.exe_fd);
	procfs_process_free(&p);
}

static void test_long_cmdline(void **state)
{
	char *longest = memset(xmalloc(100001), 'l', 100001);
	char *const argv[] = { (char *)"a", longest, (char *)"end", NULL };
	struct child c = { .exe = "/proc/self/exe", .argv = argv };
	struct procfs_process p = { 0 };
	struct buf b = { 0 };
	bool cut;

	(void)state;
	longest[100000] = '\0';
	assert_true(child_start(&c));
	assert_int_equal(procfs_process(&p, (uint32_t)c.pid), 0);
	assert_int_equal(p.cmdline.len, CMDLINE_MAX);
	assert_memory_equal(p.cmdline.data, "a\0llllll", 8);
	assert_int_equal(p.cmdline.data[CMDLINE_MAX - 1], 'l');
	assert_true(p.cmdline_cut);

	/* exactly as many bytes as there are is not a cut */
	assert_int_equal(procfs_read((uint32_t)c.pid, "cmdline", &b, 2 + 100001 + 4, &cut), 0);
	assert_int_equal(b.len, 2 + 100001 + 4);
	assert_false(cut);
	assert_int_equal(procfs_read((uint32_t)c.pid, "cmdline", &b, 2 + 100001 + 3, &cut), 0);
	assert_int_equal(b.len, 2 + 100001 + 3);
	assert_true(cut);
	assert_int_equal(procfs_read((uint32_t)c.pid, "cmdline", &b, 0, &cut), 0);
	assert_int_equal(b.len, 0);
	assert_true(cut);
	assert_int_equal(procfs_read((uint32_t)c.pid, "nothing", &b, 10, &cut), -ENOENT);
	child_end(&c);
	buf_free(&b);
	procfs_process_free(&p);
	free(longest);
}

/* The struct is used again from process to process: nothing of the last one may stay. */
static void test_used_again(void **state)
{
	struct procfs_process p = { 0 };
	struct child c = { .exe = "/proc/self/exe", .argv = ARGV };
	siginfo_t info;

	(void)state;
	assert_int_equal(procfs_process(&p, (uint32_t)getpid()), 0);
	assert_true(child_start(&c));
	close(c.hold);
	/* ended and not waited for: there is no image any more */
	assert_int_equal(waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(procfs_process(&p, (uint32_t)c.pid), 0);
	assert_true(p.zombie);
	assert_int_equal(p.ppid, getpid());
	assert_int_equal(p.exe.len, 0);
	assert_int_equal(p.cwd.len, 0);
	assert_int_equal(p.cmdline.len, 0);
	waitpid(c.pid, NULL, 0);
	assert_true(procfs_process(&p, (uint32_t)c.pid) < 0);
	assert_int_equal(procfs_process(&p, 0), -ENOENT);
	procfs_process_free(&p);
}

static void test_kernel_thread(void **state)
{
	struct procfs_process p = { 0 };

	(void)state;
	assert_int_equal(procfs_process(&p, (uint32_t)getpid()), 0);
	if (procfs_process(&p, 2) || strcmp(p.comm, "kthreadd")) {
		printf("# pid 2 is not kthreadd: a pid namespace of its own\n");
		procfs_process_free(&p);
		skip();
	}
	assert_true(p.kthread);
	assert_int_equal(p.ppid, 0);
	assert_int_equal(p.parent_start, 0);
	assert_int_equal(p.exe.len, 0);
	assert_int_equal(p.cwd.len, 0);
	assert_int_equal(p.cmdline.len, 0);
	assert_false(p.exe_deleted);
	procfs_process_free(&p);
}

static void test_pid_namespace(void **state)
{
	struct child c = { .exe = "/proc/self/exe", .argv = ARGV, .flags = CLONE_NEWPID };
	struct procfs_process p = { 0 };

	(void)state;
	if (!child_start(&c)) {
		printf("# no pid namespace can be made: %s\n", strerror(errno));
		close(c.hold);
		skip();
	}
	assert_int_equal(procfs_process(&p, (uint32_t)c.pid), 0);
	assert_int_equal(p.pid, c.pid);
	assert_int_equal(p.ns_pid, 1);
	assert_int_equal(p.ppid, getpid());
	child_end(&c);
	procfs_process_free(&p);
}

static int wait_for_the_end(void)
{
	char c;

	while (read(0, &c, 1) > 0)
		;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_stat_flags),
		cmocka_unit_test(test_stat_damaged),
		cmocka_unit_test(test_stat_long),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_missing),
		cmocka_unit_test(test_status_long_lines),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_cgroup_long),
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_named_deleted),
		cmocka_unit_test(test_memfd),
		cmocka_unit_test(test_long_cmdline),
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_kernel_thread),
		cmocka_unit_test(test_pid_namespace),
	};

	if (getenv(WAITS))
		return wait_for_the_end();
	return cmocka_run_group_tests_name("procfs", tests, make_folder, remove_folder);
}

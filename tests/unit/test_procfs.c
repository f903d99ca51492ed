/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading /proc of real processes: this one, and children whose image, arguments and folder are
 * known. A child is this program again, which waits until its standard input ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pty.h>
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

static void assert_file(const struct ev_file *f, const struct stat *st)
{
	assert_int_equal(f->ino, st->st_ino);
	assert_int_equal(f->dev, st->st_dev);
	assert_int_equal(f->mode, st->st_mode);
	assert_int_equal(f->ctime,
			 (uint64_t)st->st_ctim.tv_sec * NS_PER_SEC + (uint64_t)st->st_ctim.tv_nsec);
}

static void assert_buf(const struct buf *b, const char *s, size_t len)
{
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, s, len);
}

/* The number in the file; UINT32_MAX if there is none. */
static uint32_t number_in(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned int n = UINT32_MAX;

	if (f && fscanf(f, "%u", &n) != 1)
		fail();
	if (f)
		fclose(f);
	return n;
}

static size_t lines_of(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

/* As stat(2) and system calls have them. */
static void assert_self_fields(const struct procfs_process *p)
{
	static const char *const ns[] = { "uts",
					  "ipc",
					  "mnt",
					  "pid",
					  "pid_for_children",
					  "net",
					  "time",
					  "time_for_children",
					  "cgroup",
					  "user" };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	unsigned int r, e, saved;
	struct stat st;
	char path[64];

	assert_int_equal(getresuid(&r, &e, &saved), 0);
	assert_int_equal(p->suid, saved);
	assert_int_equal(p->fsuid, e);
	assert_int_equal(getresgid(&r, &e, &saved), 0);
	assert_int_equal(p->sgid, saved);
	assert_int_equal(p->fsgid, e);
	assert_int_equal(syscall(SYS_capget, &head, caps), 0);
	assert_int_equal(p->cap_effective, (uint64_t)caps[1].effective << 32 | caps[0].effective);
	assert_int_equal(p->cap_permitted, (uint64_t)caps[1].permitted << 32 | caps[0].permitted);
	assert_int_equal(p->cap_inheritable,
			 (uint64_t)caps[1].inheritable << 32 | caps[0].inheritable);
	assert_int_equal(p->auid, number_in("/proc/self/loginuid"));
	assert_int_equal(p->sessionid, number_in("/proc/self/sessionid"));
	for (size_t i = 0; i < PROCFS_NAMESPACES; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", ns[i]);
		assert_int_equal(p->ns[i], stat(path, &st) ? 0 : st.st_ino);
		assert_int_equal(procfs_namespace((uint32_t)getpid(), ns[i]), p->ns[i]);
	}
	assert_int_equal(stat("/proc/self/exe", &st), 0);
	assert_file(&p->exe_file, &st);
	assert_int_equal(p->exe_nlink, st.st_nlink);
	/* none where no hierarchy is mounted */
	for (size_t i = 0; i < p->cgroups.n; i++)
		assert_int_equal(p->cgroups.list[i].path.bytes[0], '/');
	assert_int_equal(p->cgroups.n, lines_of(&p->cgroup_text));
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
	assert_int_equal(p.tgid, getpid());
	assert_self_fields(&p);
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
	assert_int_equal(p.exe_file.ino, 0);
	assert_int_equal(p.exe_nlink, 0);
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
	assert_int_equal(p.exe_file.ino, 0);
	assert_int_equal(p.exe_nlink, 0);
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

static void test_environ(void **state)
{
	struct child c = { .exe = "/proc/self/exe", .argv = ARGV };
	static const char whole[] = WAITS "=1";
	struct buf b = { 0 };
	bool cut;

	(void)state;
	assert_true(child_start(&c));
	assert_int_equal(procfs_environ((uint32_t)c.pid, &b, 4096, &cut), 0);
	assert_buf(&b, whole, sizeof(whole));
	assert_false(cut);
	assert_int_equal(procfs_environ((uint32_t)c.pid, &b, sizeof(whole), &cut), 0);
	assert_buf(&b, whole, sizeof(whole));
	assert_false(cut);
	/* a list in any case, of what fits */
	assert_int_equal(procfs_environ((uint32_t)c.pid, &b, 5, &cut), 0);
	assert_buf(&b, "TARS", 5);
	assert_true(cut);
	assert_int_equal(procfs_environ((uint32_t)c.pid, &b, 0, &cut), 0);
	assert_int_equal(b.len, 0);
	assert_true(cut);
	child_end(&c);
	assert_true(procfs_environ((uint32_t)c.pid, &b, 4096, &cut) < 0);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void test_file_fields(void **state)
{
	struct child c = { .exe = in_folder("copy"), .argv = ARGV };
	uint32_t me = (uint32_t)getpid(), nlink;
	struct stat st;
	struct ev_file f;

	(void)state;
	copy_self_to(c.exe);
	assert_int_equal(stat(c.exe, &st), 0);
	assert_int_equal(procfs_file_fields(me, c.exe, &f, &nlink), 0);
	assert_file(&f, &st);
	assert_int_equal(nlink, 1);
	assert_int_equal(procfs_file_fields(me, "/dev/null", &f, NULL), 0);
	assert_true(S_ISCHR(f.mode));

	/* of an executable also when it has no name any more */
	assert_true(child_start(&c));
	assert_int_equal(procfs_file_fields((uint32_t)c.pid, NULL, &f, &nlink), 0);
	assert_file(&f, &st);
	assert_int_equal(nlink, 1);
	assert_int_equal(unlink(c.exe), 0);
	assert_int_equal(procfs_file_fields((uint32_t)c.pid, NULL, &f, &nlink), 0);
	assert_int_equal(f.ino, st.st_ino);
	assert_int_equal(nlink, 0);
	assert_int_equal(procfs_file_fields(me, c.exe, &f, &nlink), -ENOENT);
	assert_int_equal(f.ino, 0);
	child_end(&c);
	nlink = 5;
	assert_true(procfs_file_fields((uint32_t)c.pid, NULL, &f, &nlink) < 0);
	assert_int_equal(f.ino, 0);
	assert_int_equal(f.mode, 0);
	assert_int_equal(nlink, 0);
}

/* A process with a terminal of its own, which is its standard input, too. */
static void test_tty(void **state)
{
	char name[64], want[64], tty[EV_TTY_LEN] = "";
	struct procfs_process p = { 0 };
	int master;
	pid_t pid = forkpty(&master, name, NULL, NULL);

	(void)state;
	if (!pid) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(strncmp(name, "/dev/pts/", 9), 0);
	snprintf(want, sizeof(want), "pts%s", name + 9);
	/* forkpty() does not say when the child has its terminal */
	for (int i = 0; i < 2000 && !p.tty_nr; i++) {
		assert_int_equal(procfs_process(&p, (uint32_t)pid), 0);
		usleep(1000);
	}
	assert_string_equal(p.tty, want);
	for (int i = 0; i < 2000 && strcmp(tty, want) != 0; i++) {
		assert_int_equal(procfs_tty_of_stdin((uint32_t)pid, tty), 0);
		usleep(1000);
	}
	assert_string_equal(tty, want);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(master);
	assert_true(procfs_tty_of_stdin((uint32_t)pid, tty) < 0);
	assert_string_equal(tty, "");
	procfs_process_free(&p);
}

static void test_tty_of_pipe(void **state)
{
	struct child c = { .exe = "/proc/self/exe", .argv = ARGV };
	char tty[EV_TTY_LEN] = "left";

	(void)state;
	assert_true(child_start(&c));
	assert_int_equal(procfs_tty_of_stdin((uint32_t)c.pid, tty), 0);
	assert_string_equal(tty, "");
	child_end(&c);
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
		cmocka_unit_test(test_self),	      cmocka_unit_test(test_child),
		cmocka_unit_test(test_named_deleted), cmocka_unit_test(test_memfd),
		cmocka_unit_test(test_long_cmdline),  cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_kernel_thread), cmocka_unit_test(test_pid_namespace),
		cmocka_unit_test(test_environ),	      cmocka_unit_test(test_file_fields),
		cmocka_unit_test(test_tty),	      cmocka_unit_test(test_tty_of_pipe),
	};

	if (getenv(WAITS))
		return wait_for_the_end();
	return cmocka_run_group_tests_name("procfs", tests, make_folder, remove_folder);
}

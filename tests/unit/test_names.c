/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of containers: who asks never waits, whatever the thread is kept by; what is asked how often;
 * and the reading itself, from a root that does what it can to lead out of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "process/users.h"
#include "source/names.h"
#include "source/procfs.h"

#define PATIENCE (20 * NS_PER_SEC)

/* A clock that stands, and a reader whose reads end when they are let. */
static _Atomic uint64_t now;
static sem_t may_read;
static atomic_int reading, reads;
static atomic_bool held;

static uint64_t get_now(void)
{
	return atomic_load(&now);
}

/* Says what it was asked; of a namespace below 10 it is an error. */
static int read_fake(uint32_t mnt_ns, uint32_t pid, struct buf *users, struct buf *groups)
{
	atomic_fetch_add(&reading, 1);
	if (atomic_load(&held))
		while (sem_wait(&may_read))
			;
	atomic_fetch_add(&reads, 1);
	buf_printf(users, "u%u:%u\n", mnt_ns, pid);
	buf_printf(groups, "g%u:%u\n", mnt_ns, pid);
	return mnt_ns == 3 ? -ESRCH : mnt_ns < 10 ? -EACCES : 0;
}

static struct names *open_fake(void)
{
	const struct names_config config = { .read = read_fake,
					     .clock = get_now,
					     .age = 1000,
					     .retry = 100,
					     .stuck = 5000,
					     .close = 50 * NS_PER_MS };
	struct names *n;

	atomic_store(&now, 1000000);
	atomic_store(&reading, 0);
	atomic_store(&reads, 0);
	atomic_store(&held, false);
	assert_int_equal(sem_init(&may_read, 0, 0), 0);
	n = names_open(&config);
	assert_non_null(n);
	return n;
}

struct log {
	unsigned int n;
	int err;
	uint32_t mnt_ns[2 * NAMES_QUEUE];
	char users[64], groups[64]; /* of the last */
};

static void note(void *user, const struct names_answer *a)
{
	struct log *l = user;

	assert_true(l->n < 2 * NAMES_QUEUE);
	l->mnt_ns[l->n++] = a->mnt_ns;
	l->err = a->err;
	snprintf(l->users, sizeof(l->users), "%.*s", (int)a->users.len,
		 a->users.len ? a->users.bytes : "");
	snprintf(l->groups, sizeof(l->groups), "%.*s", (int)a->groups.len,
		 a->groups.len ? a->groups.bytes : "");
}

/* Until that many answers have come. */
static void take(struct names *n, struct log *l, unsigned int wanted)
{
	uint64_t begin = clock_boot_ns();
	unsigned int before = l->n;

	while (l->n < before + wanted) {
		unsigned int seen = l->n, count = names_poll(n, note, l);

		assert_int_equal(count, l->n - seen);
		assert_true(clock_boot_ns() - begin < PATIENCE);
		usleep(100);
	}
	assert_int_equal(l->n, before + wanted);
}

static void wait_reading(int count)
{
	uint64_t begin = clock_boot_ns();

	while (atomic_load(&reading) < count) {
		assert_true(clock_boot_ns() - begin < PATIENCE);
		usleep(100);
	}
}

static void test_answer(void **state)
{
	struct names *n = open_fake();
	struct log l = { 0 };

	(void)state;
	assert_int_equal(names_poll(n, note, &l), 0);
	assert_true(names_request(n, 4026531841, 77));
	take(n, &l, 1);
	assert_int_equal(l.mnt_ns[0], 4026531841);
	assert_int_equal(l.err, 0);
	assert_string_equal(l.users, "u4026531841:77\n");
	assert_string_equal(l.groups, "g4026531841:77\n");
	assert_int_equal(names_poll(n, note, &l), 0);
	assert_false(names_request(n, 0, 77)); /* no namespace */
	names_close(n);
}

static void test_age(void **state)
{
	struct names *n = open_fake();
	struct log l = { 0 };

	(void)state;
	assert_true(names_request(n, 10, 1));
	assert_false(names_request(n, 10, 2));
	take(n, &l, 1);
	assert_false(names_request(n, 10, 2));
	atomic_fetch_add(&now, 999);
	assert_false(names_request(n, 10, 2));
	atomic_fetch_add(&now, 1);
	assert_true(names_request(n, 10, 2));
	take(n, &l, 1);
	assert_string_equal(l.users, "u10:2\n");
	assert_int_equal(names_stats(n).queued, 2);
	assert_int_equal(names_stats(n).dropped, 0);
	names_close(n);
}

/* An error is an answer, and as old; unless it was the process that was of no help. */
static void test_errors(void **state)
{
	struct names *n = open_fake();
	struct log l = { 0 };

	(void)state;
	assert_true(names_request(n, 5, 1));
	take(n, &l, 1);
	assert_int_equal(l.err, -EACCES);
	assert_string_equal(l.users, "");
	assert_string_equal(l.groups, "");
	atomic_fetch_add(&now, 999);
	assert_false(names_request(n, 5, 2));
	atomic_fetch_add(&now, 1);
	assert_true(names_request(n, 5, 2));
	take(n, &l, 1);

	assert_true(names_request(n, 3, 1));
	take(n, &l, 1);
	assert_int_equal(l.err, -ESRCH);
	atomic_fetch_add(&now, 99);
	assert_false(names_request(n, 3, 2));
	atomic_fetch_add(&now, 1);
	assert_true(names_request(n, 3, 2));
	take(n, &l, 1);
	assert_int_equal(names_stats(n).failed, 4);
	names_close(n);
}

/* Who asks does not wait for the reader: what is too much is dropped, and can be asked again. */
static void test_full(void **state)
{
	struct names *n = open_fake();
	struct log l = { 0 };

	(void)state;
	atomic_store(&held, true);
	for (uint32_t i = 0; i < NAMES_QUEUE; i++)
		assert_true(names_request(n, 100 + i, i));
	for (uint32_t i = 0; i < NAMES_QUEUE; i++)
		assert_false(names_request(n, 100 + i, i)); /* they are on their way */
	assert_int_equal(names_stats(n).dropped, 0);
	assert_false(names_request(n, 1000, 1));
	assert_false(names_request(n, 1001, 1));
	assert_int_equal(names_stats(n).dropped, 2);
	wait_reading(1);
	assert_int_equal(names_poll(n, note, &l), 0);
	for (int i = 0; i < NAMES_QUEUE; i++)
		sem_post(&may_read);
	take(n, &l, NAMES_QUEUE);
	for (uint32_t i = 0; i < NAMES_QUEUE; i++)
		assert_int_equal(l.mnt_ns[i], 100 + i);
	atomic_store(&held, false);
	assert_true(names_request(n, 1000, 1));
	take(n, &l, 1);
	assert_int_equal(l.mnt_ns[NAMES_QUEUE], 1000);
	names_close(n);
}

/* More namespaces than are remembered, round the ring many times. */
static void test_many(void **state)
{
	struct names *n = open_fake();
	uint32_t asked = 0;

	(void)state;
	for (uint32_t ns = 4026532000; ns < 4026532000 + 20000; ns++) {
		struct log l = { 0 };

		if (names_request(n, ns, 1))
			asked++;
		if (asked % 32 == 0)
			names_poll(n, note, &l);
	}
	while (asked > (uint32_t)atomic_load(&reads)) {
		struct log l = { 0 };

		names_poll(n, note, &l);
	}
	assert_int_equal(names_stats(n).queued, asked);
	assert_int_equal(names_stats(n).queued + names_stats(n).dropped, 20000);
	names_close(n);
}

/* A read that does not end: its namespace fails, the others are answered. */
static void test_stuck(void **state)
{
	struct names *n = open_fake();
	struct log l = { 0 };

	(void)state;
	atomic_store(&held, true);
	assert_true(names_request(n, 20, 1));
	assert_true(names_request(n, 21, 1));
	assert_true(names_request(n, 22, 1));
	wait_reading(1);
	atomic_fetch_add(&now, 4999);
	assert_int_equal(names_poll(n, note, &l), 0);
	atomic_store(&held, false);
	atomic_fetch_add(&now, 1);
	take(n, &l, 3);
	assert_int_equal(l.mnt_ns[0], 20);
	assert_int_equal(l.mnt_ns[1], 21);
	assert_int_equal(l.mnt_ns[2], 22);
	assert_int_equal(names_stats(n).stuck, 1);
	assert_int_equal(names_stats(n).failed, 1);
	assert_false(names_request(n, 20, 1)); /* not soon again */
	/* it ends after all: nobody asks for what it says */
	sem_post(&may_read);
	atomic_fetch_add(&now, 999);
	assert_false(names_request(n, 20, 1));
	assert_true(names_request(n, 23, 1));
	take(n, &l, 1);
	assert_int_equal(l.mnt_ns[3], 23);
	names_close(n);
}

/* Not without a bound: at last it is as if there were no answers. */
static void test_all_stuck(void **state)
{
	struct names *n = open_fake();
	struct log l = { 0 };

	(void)state;
	atomic_store(&held, true);
	for (uint32_t ns = 30; ns < 34; ns++) {
		assert_true(names_request(n, ns, 1));
		wait_reading((int)(ns - 29));
		atomic_fetch_add(&now, 5000);
		take(n, &l, 1);
		assert_int_equal(l.err, -ETIMEDOUT);
		assert_int_equal(l.mnt_ns[ns - 30], ns);
	}
	assert_true(names_request(n, 34, 1));
	wait_reading(5);
	atomic_fetch_add(&now, 5000);
	for (int i = 0; i < 100; i++)
		assert_int_equal(names_poll(n, note, &l), 0);
	for (uint32_t i = 0; i < 2 * NAMES_QUEUE; i++)
		names_request(n, 100 + i, 1);
	assert_int_equal(names_stats(n).dropped, NAMES_QUEUE + 1);
	/* those that end make room for others */
	atomic_store(&held, false);
	for (int i = 0; i < 5; i++)
		sem_post(&may_read);
	take(n, &l, NAMES_QUEUE);
	assert_int_equal(l.err, 0);
	names_close(n);
}

/* Closing waits for a while, and leaves to their threads the reads that go on. */
static void test_close_while_stuck(void **state)
{
	struct names *n = open_fake();
	uint64_t begin, took;
	struct log l = { 0 };

	(void)state;
	atomic_store(&held, true);
	assert_true(names_request(n, 40, 1));
	wait_reading(1);
	atomic_fetch_add(&now, 5000);
	take(n, &l, 1);
	assert_true(names_request(n, 41, 1));
	wait_reading(2);
	begin = clock_boot_ns();
	names_close(n);
	took = clock_boot_ns() - begin;
	assert_true(took >= 50 * NS_PER_MS);
	assert_true(took < 10 * NS_PER_SEC);
	/* they own their memory: this is for sanitizers to see */
	sem_post(&may_read);
	sem_post(&may_read);
	begin = clock_boot_ns();
	while (atomic_load(&reads) < 2)
		assert_true(clock_boot_ns() - begin < PATIENCE);
	usleep(20000);
}

static void test_close_at_once(void **state)
{
	uint64_t begin = clock_boot_ns();

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct names *n = open_fake();

		for (uint32_t ns = 100; ns < 100 + (uint32_t)i; ns++)
			names_request(n, ns, 1);
		names_close(n);
	}
	assert_true(clock_boot_ns() - begin < PATIENCE);
}

/* The reading. */

static char folder[64];

static const char *at(const char *name)
{
	static char path[8][192];
	static unsigned int turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
	return p;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* folder: secret, and root, in which all is well. */
static int make_root(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/tarsier-names-XXXXXX");
	if (!mkdtemp(folder) || mkdir(at("root"), 0755) || mkdir(at("root/etc"), 0755))
		return -1;
	write_file("secret", "secret:x:66:66:::\n");
	write_file("root/etc/passwd", "inside:x:5:5:::\n");
	write_file("root/etc/group", "group:x:6:inside\n");
	return 0;
}

static int remove_root(void **state)
{
	static const char *const names[] = {
		"root/etc/passwd", "root/etc/group", "root/etc/shadow", "root/etc", "root/other",
		"root/proc",	   "root",	     "secret",		""
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(at(names[i]));
	return 0;
}

static int open_root(void)
{
	int fd = open(at("root"), O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* What the path leads to from the root; the error of the way, or that of the reading. */
static int read_path(int (*how)(int, const char *), const char *path, struct buf *out)
{
	int root = open_root(), fd = how(root, path), err = fd;

	out->len = 0;
	if (fd >= 0) {
		err = procfs_read_regular(fd, out, 4096);
		close(fd);
	}
	close(root);
	return err;
}

typedef int (*way)(int root, const char *path);

static void assert_reads(way how, const char *path, const char *text)
{
	struct buf out = { 0 };

	assert_int_equal(read_path(how, path, &out), 0);
	assert_int_equal(out.len, strlen(text));
	assert_memory_equal(out.data, text, out.len);
	buf_free(&out);
}

static void assert_refused(way how, const char *path, int error)
{
	struct buf out = { 0 };

	assert_int_equal(read_path(how, path, &out), error);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static bool has_openat2(void)
{
	int root = open_root(), fd = procfs_open_in_root(root, "etc/../etc"), is;

	is = fd >= 0; /* the other way has no ".." */
	if (is)
		close(fd);
	close(root);
	return is;
}

static void test_ways(void **state)
{
	(void)state;
	assert_reads(procfs_open_in_root, "etc/passwd", "inside:x:5:5:::\n");
	assert_reads(procfs_open_in_root, "/etc/passwd", "inside:x:5:5:::\n");
	assert_refused(procfs_open_in_root, "etc/nothing", -ENOENT);
	assert_refused(procfs_open_in_root, "etc/passwd/x", -ENOTDIR);
	assert_reads(procfs_open_no_links, "etc/passwd", "inside:x:5:5:::\n");
	assert_reads(procfs_open_no_links, "//etc//passwd", "inside:x:5:5:::\n");
	assert_refused(procfs_open_no_links, "etc/nothing", -ENOENT);
	assert_refused(procfs_open_no_links, "etc/passwd/x", -ENOTDIR);
	assert_refused(procfs_open_no_links, "etc/../../secret", -EXDEV);
	assert_refused(procfs_open_no_links, "..", -EXDEV);
	assert_refused(procfs_open_no_links, "etc", -EINVAL);
	assert_refused(procfs_open_no_links, "/", -EINVAL);
}

/* Links that want to lead out lead to the same path within, or nowhere. */
static void test_links(void **state)
{
	char target[256];
	static const char *const links[] = { "/etc/group", "group", "../etc/group",
					     "../../../../../../etc/group" };

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		assert_int_equal(symlink(links[i], at("root/etc/shadow")), 0);
		assert_refused(procfs_open_no_links, "etc/shadow", -ELOOP);
		if (has_openat2())
			assert_reads(procfs_open_in_root, "etc/shadow", "group:x:6:inside\n");
		unlink(at("root/etc/shadow"));
	}
	for (int i = 0; i < 3; i++) {
		int err = has_openat2() ? -ENOENT : -ELOOP;

		snprintf(target, sizeof(target), "%s%s", i ? "../../.." : "", at("secret"));
		if (i == 2)
			strcpy(target, "../../secret");
		assert_int_equal(symlink(target, at("root/etc/shadow")), 0);
		assert_refused(procfs_open_no_links, "etc/shadow", -ELOOP);
		assert_refused(procfs_open_in_root, "etc/shadow", err);
		unlink(at("root/etc/shadow"));
	}
	/* a folder on the way */
	assert_int_equal(symlink("..", at("root/other")), 0);
	assert_refused(procfs_open_no_links, "other/secret", -ELOOP);
	assert_refused(procfs_open_in_root, "other/secret", has_openat2() ? -ENOENT : -ELOOP);
	unlink(at("root/other"));
	assert_int_equal(symlink("shadow", at("root/etc/shadow")), 0);
	assert_refused(procfs_open_in_root, "etc/shadow", -ELOOP);
}

/* Nothing but a file is opened, and that only if it is small. */
static void test_kinds(void **state)
{
	struct buf out = { 0 };
	int fd;

	(void)state;
	unlink(at("root/etc/shadow"));
	assert_int_equal(mkfifo(at("root/etc/shadow"), 0600), 0);
	assert_refused(procfs_open_in_root, "etc/shadow", -EINVAL);
	unlink(at("root/etc/shadow"));
	if (!mknod(at("root/etc/shadow"), S_IFCHR | 0600, makedev(1, 5))) /* zeros without end */
		assert_refused(procfs_open_in_root, "etc/shadow", -EINVAL);
	unlink(at("root/etc/shadow"));
	/* a file that is none: it may be /proc/kmsg */
	fd = open("/proc/version", O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(procfs_read_regular(fd, &out, 4096), -EINVAL);
	close(fd);
	fd = open(at("root/etc/passwd"), O_PATH | O_CLOEXEC);
	assert_int_equal(procfs_read_regular(fd, &out, 16), 0);
	assert_int_equal(out.len, 16);
	assert_int_equal(procfs_read_regular(fd, &out, 15), -EFBIG);
	assert_int_equal(out.len, 0);
	close(fd);
	buf_free(&out);
}

/* A process in a mount namespace of its own, whose root is the folder's. */
struct container {
	pid_t pid;
	uint32_t mnt_ns;
};

/* What its root is: the root of a mount, as a container's; a folder, as after chroot(8); and the first
 * with an /etc from a server of files that never answers. */
enum root_kind { ROOT_MOUNT, ROOT_FOLDER, ROOT_SILENT };

static bool mount_silent(const char *where)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[64];

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	return fd >= 0 && !mount("silent", where, "fuse", 0, options);
}

static bool set_up(enum root_kind kind)
{
	const char *root = at("root");

	return !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       (kind == ROOT_FOLDER || !mount(root, root, NULL, MS_BIND, NULL)) &&
	       (kind != ROOT_SILENT || mount_silent(at("root/etc"))) && !chroot(root) &&
	       !chdir("/");
}

static bool container_start(struct container *c, enum root_kind kind)
{
	int ready[2];
	char byte = 0;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	c->pid = fork();
	if (!c->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* if a test fails in the middle */
		byte = set_up(kind) ? '+' : '-';
		write(ready[1], &byte, 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	c->mnt_ns = procfs_namespace((uint32_t)c->pid, "mnt");
	return byte == '+';
}

static void container_end(struct container *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
}

#define START(c, kind)                                           \
	do {                                                     \
		if (!container_start(c, kind)) {                 \
			container_end(c);                        \
			printf("# cannot be made: " #kind "\n"); \
			skip();                                  \
		}                                                \
	} while (0)

static int read_container(const struct container *c, uint32_t mnt_ns, char *text, size_t size)
{
	struct buf users = { 0 }, groups = { 0 };
	int err = names_read(mnt_ns, (uint32_t)c->pid, &users, &groups);

	snprintf(text, size, "%.*s%.*s", (int)users.len, users.len ? users.data : "",
		 (int)groups.len, groups.len ? groups.data : "");
	buf_free(&users);
	buf_free(&groups);
	return err;
}

static void test_container(void **state)
{
	struct log l = { 0 };
	struct container c;
	struct names *n;

	(void)state;
	START(&c, ROOT_MOUNT);
	n = names_open(NULL);
	assert_non_null(n);
	assert_true(names_request(n, c.mnt_ns, (uint32_t)c.pid));
	take(n, &l, 1);
	assert_int_equal(l.err, 0);
	assert_string_equal(l.users, "inside:5\n");
	assert_string_equal(l.groups, "group:6\n");
	assert_false(names_request(n, c.mnt_ns, (uint32_t)c.pid));
	names_close(n);
	container_end(&c);
}

static void test_container_odd(void **state)
{
	struct container c;
	char text[256];

	(void)state;
	START(&c, ROOT_MOUNT);
	/* files that are not there are no error; one that is none is, if the other is, too */
	unlink(at("root/etc/group"));
	assert_int_equal(read_container(&c, c.mnt_ns, text, sizeof(text)), 0);
	assert_string_equal(text, "inside:5\n");
	assert_int_equal(symlink(at("secret"), at("root/etc/group")), 0);
	assert_int_equal(read_container(&c, c.mnt_ns, text, sizeof(text)), 0);
	assert_string_equal(text, "inside:5\n");
	unlink(at("root/etc/passwd"));
	assert_int_equal(mkfifo(at("root/etc/passwd"), 0600), 0);
	unlink(at("root/etc/group"));
	assert_int_equal(read_container(&c, c.mnt_ns, text, sizeof(text)), 0);
	assert_int_equal(mkfifo(at("root/etc/group"), 0600), 0);
	assert_int_equal(read_container(&c, c.mnt_ns, text, sizeof(text)), -EINVAL);
	assert_string_equal(text, "");
	/* another namespace than was asked for: the pid has become another process's */
	assert_int_equal(read_container(&c, c.mnt_ns + 1, text, sizeof(text)), -ESRCH);
	container_end(&c);
	assert_int_equal(read_container(&c, c.mnt_ns, text, sizeof(text)), -ESRCH);
}

/* Of a process with a root of its own the names would count for all of its namespace. */
static void test_chroot(void **state)
{
	struct container c;
	char text[256];

	(void)state;
	START(&c, ROOT_FOLDER);
	assert_int_equal(read_container(&c, c.mnt_ns, text, sizeof(text)), -ESRCH);
	assert_string_equal(text, "");
	container_end(&c);
}

/* The real thing: a read that ends only with the one who is to answer it. */
static void test_silent(void **state)
{
	const struct names_config config = { .stuck = NS_PER_SEC, .close = 100 * NS_PER_MS };
	uint64_t begin = clock_boot_ns();
	struct log l = { 0 };
	struct container c, other;
	struct names *n;
	struct ev_file f;

	(void)state;
	START(&c, ROOT_SILENT);
	START(&other, ROOT_MOUNT);
	n = names_open(&config);
	assert_true(names_request(n, c.mnt_ns, (uint32_t)c.pid));
	assert_true(names_request(n, other.mnt_ns, (uint32_t)other.pid));
	take(n, &l, 2);
	assert_int_equal(l.mnt_ns[0], c.mnt_ns);
	assert_int_equal(l.mnt_ns[1], other.mnt_ns);
	assert_int_equal(names_stats(n).stuck, 1);
	assert_int_equal(l.err, 0);
	assert_string_equal(l.users, "inside:5\n");
	/* of the executable the answer needs no server */
	assert_int_equal(procfs_file_fields((uint32_t)c.pid, NULL, &f, NULL), 0);
	names_close(n);
	assert_true(clock_boot_ns() - begin < PATIENCE);
	container_end(&c);
	container_end(&other);
	usleep(20000); /* for the thread to end: its memory is looked at */
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_all_stuck),
		cmocka_unit_test(test_close_while_stuck),
		cmocka_unit_test(test_close_at_once),
		IN_FOLDER(test_ways),
		IN_FOLDER(test_links),
		IN_FOLDER(test_kinds),
		IN_FOLDER(test_container),
		IN_FOLDER(test_container_odd),
		IN_FOLDER(test_chroot),
		IN_FOLDER(test_silent),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}

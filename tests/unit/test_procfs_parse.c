/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parsers of /proc, with text that a process has a say in.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source/procfs_parse.h"

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
	assert_int_equal(p->tty_nr, 34816);
	assert_string_equal(p->tty, "pts0");
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
		assert_int_equal(p.tty_nr, 0);
		assert_string_equal(p.tty, "");
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
		"42 (bash) S 7 70 700 x 70 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345",
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
	assert_int_equal(p.tgid, 42);
	assert_int_equal(p.uid, 1000);
	assert_int_equal(p.euid, 0);
	assert_int_equal(p.suid, 1001);
	assert_int_equal(p.fsuid, 1002);
	assert_int_equal(p.gid, 100);
	assert_int_equal(p.egid, 5);
	assert_int_equal(p.sgid, 101);
	assert_int_equal(p.fsgid, 102);
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
	assert_int_equal(STATUS(&p, "Uid:\t1\t2\t3\nGid:\t1\t2\t3\t4\n"), -EBADMSG);
	assert_int_equal(STATUS(&p, "Uid:\t1\t2\t3\t4\nGid:\t1\t2\t3\n"), -EBADMSG);
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

static void test_status_caps(void **state)
{
	static const char ids[] = "Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n";
	struct procfs_process p = { 0 };
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, ids);
	buf_str(&b, "CapInh:\t0000000000000001\nCapPrm:\t000001ffffffffff\n"
		    "CapEff:\tffffffff00000000\nCapBnd:\t0000000000000007\nCapAmb:\t0\n");
	assert_int_equal(parse(procfs_parse_status, &p, b.data, b.len), 0);
	assert_int_equal(p.cap_inheritable, 1);
	assert_int_equal(p.cap_permitted, 0x1ffffffffff);
	assert_int_equal(p.cap_effective, 0xffffffff00000000);
	/* the struct is used again: what the next one does not tell is not the last one's */
	p.tgid = 9;
	assert_int_equal(STATUS(&p, ids), 0);
	assert_int_equal(p.cap_inheritable, 0);
	assert_int_equal(p.cap_permitted, 0);
	assert_int_equal(p.cap_effective, 0);
	assert_int_equal(p.tgid, 0);
	buf_free(&b);
}

static void assert_str(str_t s, const char *want)
{
	assert_int_equal(s.len, strlen(want));
	assert_memory_equal(s.bytes, want, s.len);
}

/* The text in memory of just its length; to be freed. */
static char *exact(const char *text)
{
	return memcpy(xmalloc(strlen(text)), text, strlen(text));
}

static void test_cgroups(void **state)
{
	static const char text[] = "12:pids:/a/b\n"
				   "4:cpu,cpuacct:/\n"
				   "3:cpuset:/x:y/z w\n"
				   "1:name=systemd:/user.slice/s.scope\n"
				   "0::/e/f\n";
	char *copy = exact(text);
	struct procfs_cgroups c;

	(void)state;
	memset(&c, 'x', sizeof(c));
	procfs_parse_cgroups(&c, copy, strlen(text));
	assert_int_equal(c.n, 5);
	assert_str(c.list[1].controllers, "cpu,cpuacct");
	assert_str(procfs_cgroup_path(&c, "pids"), "/a/b");
	assert_str(procfs_cgroup_path(&c, "cpu"), "/");
	assert_str(procfs_cgroup_path(&c, "cpuacct"), "/");
	assert_str(procfs_cgroup_path(&c, "cpuset"), "/x:y/z w");
	assert_str(procfs_cgroup_path(&c, "name=systemd"), "/user.slice/s.scope");
	assert_str(procfs_cgroup_path(&c, ""), "/e/f");
	/* neither part of a name, nor a list */
	assert_str(procfs_cgroup_path(&c, "cpuse"), "");
	assert_str(procfs_cgroup_path(&c, "cpu,cpuacct"), "");
	assert_str(procfs_cgroup_path(&c, "memory"), "");
	free(copy);
}

static void test_cgroups_damaged(void **state)
{
	static const char text[] = "\n:\n::\n:::\n0:\n0::\nx::/a\n-1:a:/a\n7::/a\n0:a:b\n1:b,:/c\n"
				   "99999999999:c:/a\n5:d:/";
	char *copy = exact(text);
	struct procfs_cgroups c;
	struct buf b = { 0 };

	(void)state;
	procfs_parse_cgroups(&c, copy, strlen(text));
	assert_int_equal(c.n, 2);
	assert_str(procfs_cgroup_path(&c, "b"), "/c");
	assert_str(procfs_cgroup_path(&c, "d"), "/");
	assert_str(procfs_cgroup_path(&c, ""), "");
	free(copy);
	for (int i = 1; i < 1000; i++)
		buf_printf(&b, "%d:c%d:/p%d\n", i, i, i);
	procfs_parse_cgroups(&c, b.data, b.len);
	assert_int_equal(c.n, PROCFS_CGROUPS_MAX);
	assert_str(procfs_cgroup_path(&c, "c32"), "/p32");
	assert_str(procfs_cgroup_path(&c, "c33"), "");
	buf_free(&b);
}

static void test_mounts(void **state)
{
	static const char text[] =
		"21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
		"36 21 0:300 /a\\040b /mnt\\011x\\134\\012 rw - fuse.s\\040f none rw\n"
		"37 21 259:4097 / /z rw shared:1 master:2 propagate_from:3 - xfs - -\n"
		/* not escapes */
		"38 21 0:1 \\04 /\\400\\x\\ rw - tmpfs tmpfs";
	char *copy = exact(text);
	const char *at = copy;
	size_t left = strlen(text);
	struct procfs_mount m;
	struct buf names = { 0 };

	(void)state;
	assert_true(procfs_next_mount(&at, &left, &m, &names));
	assert_int_equal(m.id, 21);
	assert_int_equal(m.parent, 1);
	assert_int_equal(m.dev, 254 << 8);
	assert_str(m.root, "/");
	assert_str(m.point, "/");
	assert_str(m.fs_type, "ext4");
	assert_true(procfs_next_mount(&at, &left, &m, &names));
	assert_int_equal(m.dev, 0x10002c); /* as stat(2) has 0:300 */
	assert_str(m.root, "/a b");
	assert_str(m.point, "/mnt\tx\\\n");
	assert_str(m.fs_type, "fuse.s f");
	assert_true(procfs_next_mount(&at, &left, &m, &names));
	assert_int_equal(m.dev, 0x1010301);
	assert_str(m.point, "/z");
	assert_str(m.fs_type, "xfs");
	assert_true(procfs_next_mount(&at, &left, &m, &names));
	assert_int_equal(m.id, 38);
	assert_str(m.root, "\\04");
	assert_str(m.point, "/\\400\\x\\");
	assert_str(m.fs_type, "tmpfs");
	assert_false(procfs_next_mount(&at, &left, &m, &names));
	assert_false(procfs_next_mount(&at, &left, &m, &names));
	buf_free(&names);
	free(copy);
}

static void test_mounts_damaged(void **state)
{
	static const char *const bad[] = {
		"",
		"\n\n",
		"21",
		"21 1 254:0 / /",
		"21 1 254:0 / / rw",
		"21 1 254:0 / / rw - ",
		"21 1 254:0 / / rw - ext4",
		"21 1 254:0 / / rw -  ext4 x",
		"21 1 254:0 / / rw shared:1 ext4 /dev/vda rw",
		"21 1 254 / / rw - ext4 /dev/vda rw",
		"x 1 254:0 / / rw - ext4 /dev/vda rw",
		"21 -1 254:0 / / rw - ext4 /dev/vda rw",
		"21 1 4096:0 / / rw - ext4 /dev/vda rw",
		"21 1 1:1048576 / / rw - ext4 /dev/vda rw",
		"4294967296 1 254:0 / / rw - ext4 /dev/vda rw",
	};
	static const char good[] = "7 1 254:0 / /x rw - ext4 /dev/vda rw";
	struct procfs_mount m;
	struct buf names = { 0 }, b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *at;
		char *copy;
		size_t left;

		/* skipped, and what follows is there */
		b.len = 0;
		buf_printf(&b, "%s\n%s", bad[i], good);
		at = copy = memcpy(xmalloc(b.len), b.data, b.len);
		left = b.len;
		assert_true(procfs_next_mount(&at, &left, &m, &names));
		assert_int_equal(m.id, 7);
		assert_str(m.point, "/x");
		assert_false(procfs_next_mount(&at, &left, &m, &names));
		free(copy);
	}
	buf_free(&names);
	buf_free(&b);
}

static void test_strings(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *strings[4];
		const char *environment; /* as a list, and its length */
		size_t environment_len;
	} cases[] = {
		{ "", 0, { 0 }, "", 0 },
		{ "a\0b\0", 4, { "a", "b" }, "a\0b\0", 4 },
		{ "a\0b", 3, { "a", "b" }, "a\0b\0", 4 },
		{ "\0", 1, { "" }, "", 0 },
		{ "\0\0A=1\0", 6, { "", "", "A=1" }, "A=1\0", 4 },
		{ "A=\0=\0\0", 6, { "A=", "=", "" }, "A=\0=\0", 5 },
		{ "one title", 9, { "one title" }, "one title\0", 10 },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *copy = memcpy(xmalloc(cases[i].len), cases[i].text, cases[i].len);
		const char *at = copy;
		size_t left = cases[i].len;
		str_t s;

		for (size_t k = 0; cases[i].strings[k]; k++) {
			assert_true(procfs_next_string(&at, &left, &s));
			assert_str(s, cases[i].strings[k]);
		}
		assert_false(procfs_next_string(&at, &left, &s));
		out.len = 0;
		procfs_parse_environ(&out, copy, cases[i].len);
		assert_int_equal(out.len, cases[i].environment_len);
		if (out.len)
			assert_memory_equal(out.data, cases[i].environment, out.len);
		free(copy);
	}
	buf_free(&out);
}

static void test_number(void **state)
{
	static const char *const bad[] = { "",
					   "\n",
					   "-1",
					   "+1",
					   " 1",
					   "1 ",
					   "1\n\n",
					   "4294967296",
					   "x",
					   "1x",
					   "99999999999999999999999" };
	uint32_t n = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *copy = exact(bad[i]);

		assert_int_equal(procfs_parse_number(copy, strlen(bad[i]), &n), -EBADMSG);
		assert_int_equal(n, 5);
		free(copy);
	}
	assert_int_equal(procfs_parse_number("4294967295", 10, &n), 0);
	assert_int_equal(n, UINT32_MAX);
	assert_int_equal(procfs_parse_number("0\n", 2, &n), 0);
	assert_int_equal(n, 0);
}

static void test_ns(void **state)
{
	static const char *const bad[] = {
		"",  "mnt",   "mnt:[]", "mnt:[1",	  "mnt[1]", ":[1]",  "[1]",
		"]", "mnt:]", "a:[[1]", "a:[4294967296]", "a:[1]x", "a:[-1]"
	};
	uint32_t n = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *copy = exact(bad[i]);

		assert_int_equal(procfs_parse_ns(copy, strlen(bad[i]), &n), -EBADMSG);
		assert_int_equal(n, 5);
		free(copy);
	}
	assert_int_equal(procfs_parse_ns("mnt:[4026531841]", 16, &n), 0);
	assert_int_equal(n, 4026531841);
}

static void test_tty_name(void **state)
{
	/* major << 8 | minor; of larger minors the upper bits stand above both */
	static const struct {
		uint32_t nr;
		const char *name;
	} cases[] = {
		{ 0, "" },
		{ 136 << 8, "pts0" },
		{ 136 << 8 | 255, "pts255" },
		{ 1 << 20 | 136 << 8, "pts256" },
		{ 0xfffU << 20 | 136 << 8 | 255, "pts1048575" },
		{ 137 << 8 | 1, "pts257" },
		{ 143 << 8 | 255, "pts2047" },
		{ 144 << 8, "" },
		{ 135 << 8, "" },
		{ 4 << 8, "tty0" },
		{ 4 << 8 | 1, "tty1" },
		{ 4 << 8 | 63, "tty63" },
		{ 4 << 8 | 64, "ttyS0" },
		{ 4 << 8 | 255, "ttyS191" },
		{ 1 << 20 | 4 << 8, "" },
		{ 5 << 8, "tty" },
		{ 5 << 8 | 1, "console" },
		{ 5 << 8 | 2, "ptmx" },
		{ 5 << 8 | 3, "" },
		{ 166 << 8 | 3, "ttyACM3" },
		{ 188 << 8 | 7, "ttyUSB7" },
		{ 204 << 8 | 64, "ttyAMA0" },
		{ 204 << 8 | 63, "" },
		{ 204 << 8 | 80, "" },
		{ 229 << 8, "hvc0" },
		{ UINT32_MAX, "" },
	};
	char tty[EV_TTY_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(tty, 'x', sizeof(tty));
		procfs_tty_name(cases[i].nr, tty);
		assert_string_equal(tty, cases[i].name);
		for (size_t k = strlen(tty); k < sizeof(tty); k++)
			assert_int_equal(tty[k], 0);
	}
}

static void test_tty_link(void **state)
{
	static const struct {
		const char *link, *name;
	} cases[] = {
		{ "/dev/pts/0", "pts0" },
		{ "/dev/pts/1234567", "pts1234567" },
		{ "/dev/pts/7 (deleted)", "pts7" },
		{ "/dev/pts/ptmx", "pts/ptmx" },
		{ "/dev/pts/", "pts/" },
		{ "/dev/pts/99999999999", "pts/99999999999" },
		{ "/dev/tty1", "tty1" },
		{ "/dev/ttyS0", "ttyS0" },
		{ "/dev/console", "console" },
		{ "/dev/null", "" },
		{ "/dev/null (deleted)", "" },
		{ "/dev/nullx", "nullx" },
		{ "/dev/urandom", "urandom" },
		{ "/dev/a-name-of-more-than-15", "a-name-of-more-" },
		{ "/dev/", "" },
		{ "/dev", "" },
		{ "", "" },
		{ " (deleted)", "" },
		{ "pipe:[123]", "" },
		{ "socket:[123]", "" },
		{ "/home/dev/null", "" },
		{ "/x/dev/pts/1", "" },
	};
	char tty[EV_TTY_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *copy = exact(cases[i].link);

		memset(tty, 'x', sizeof(tty));
		procfs_tty_link(copy, strlen(cases[i].link), tty);
		assert_string_equal(tty, cases[i].name);
		for (size_t k = strlen(tty); k < sizeof(tty); k++)
			assert_int_equal(tty[k], 0);
		free(copy);
	}
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
		cmocka_unit_test(test_status_caps),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_cgroup_long),
		cmocka_unit_test(test_cgroups),
		cmocka_unit_test(test_cgroups_damaged),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_mounts_damaged),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_ns),
		cmocka_unit_test(test_tty_name),
		cmocka_unit_test(test_tty_link),
	};

	return cmocka_run_group_tests_name("procfs_parse", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the parsers of what is in /proc/PID: the same bytes to each of them. What goes into messages
 * afterwards must be in its bounds, and nothing may depend on what was there before.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source/procfs_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* A name, and nothing behind it. */
static void check_tty(const char *tty)
{
	for (size_t i = strnlen(tty, EV_TTY_LEN); i < EV_TTY_LEN; i++)
		must(!tty[i]);
	must(!tty[EV_TTY_LEN - 1]);
}

static void check_stat(const char *text, size_t len)
{
	struct procfs_process p, q;
	int err;

	memset(&p, 0, sizeof(p));
	memset(&q, 0xff, sizeof(q));
	err = procfs_parse_stat(&p, text, len);
	must(err == procfs_parse_stat(&q, text, len));
	must(!err || err == -EBADMSG);
	if (err)
		return;
	for (size_t i = strnlen(p.comm, sizeof(p.comm)); i < sizeof(p.comm); i++)
		must(!p.comm[i]);
	must(!p.comm[sizeof(p.comm) - 1]);
	must(!memcmp(p.comm, q.comm, sizeof(p.comm)));
	must(p.ppid == q.ppid && p.pgid == q.pgid && p.sid == q.sid);
	must(p.start == q.start && p.start % 10000000 == 0);
	must(p.kthread == q.kthread && p.zombie == q.zombie && p.tty_nr == q.tty_nr);
	must(!memcmp(p.tty, q.tty, sizeof(p.tty)));
	check_tty(p.tty);
}

static void check_status(const char *text, size_t len)
{
	struct procfs_process p, q;
	int err;

	memset(&p, 0, sizeof(p));
	memset(&q, 0xff, sizeof(q));
	p.ns_pid = q.ns_pid =
		42; /* as the caller sets it: kernels without namespaces do not tell */
	err = procfs_parse_status(&p, text, len);
	must(err == procfs_parse_status(&q, text, len));
	must(!err || err == -EBADMSG);
	if (!err)
		must(p.uid == q.uid && p.euid == q.euid && p.gid == q.gid && p.egid == q.egid &&
		     p.suid == q.suid && p.fsuid == q.fsuid && p.sgid == q.sgid &&
		     p.fsgid == q.fsgid && p.ns_pid == q.ns_pid);
	must(p.tgid == q.tgid && p.cap_effective == q.cap_effective &&
	     p.cap_permitted == q.cap_permitted && p.cap_inheritable == q.cap_inheritable);
}

static void check_cgroup(const char *text, size_t len)
{
	struct procfs_process p;
	size_t n;
	int err;

	memset(&p, 0xff, sizeof(p));
	err = procfs_parse_cgroup(&p, text, len);
	must(!err || err == -ENOENT || err == -EBADMSG);
	n = strnlen(p.cgroup, sizeof(p.cgroup));
	must(n < sizeof(p.cgroup));
	must(!n || !err);
	/* a leaf, as it stands in the text */
	must(!memchr(p.cgroup, '/', n) && !memchr(p.cgroup, '\n', n));
	must(!n || memmem(text, len, p.cgroup, n));
}

static bool within(str_t s, const char *text, size_t len)
{
	return s.bytes >= text && s.bytes + s.len <= text + len;
}

static void check_cgroups(const char *text, size_t len)
{
	struct procfs_cgroups c;

	memset(&c, 0xff, sizeof(c));
	procfs_parse_cgroups(&c, text, len);
	must(c.n <= PROCFS_CGROUPS_MAX);
	for (size_t i = 0; i < c.n; i++) {
		must(within(c.list[i].controllers, text, len) && within(c.list[i].path, text, len));
		must(c.list[i].path.len && *c.list[i].path.bytes == '/');
	}
	must(within(procfs_cgroup_path(&c, "memory"), text, len) ||
	     !procfs_cgroup_path(&c, "memory").len);
}

/* Each mount takes a line, and nothing grows: an escape stands for one byte. */
static void check_mounts(const char *text, size_t len)
{
	struct procfs_mount m;
	struct buf names = { 0 };
	size_t left = len;

	for (const char *at = text; procfs_next_mount(&at, &left, &m, &names);) {
		must(at + left == text + len);
		must(m.root.len + m.point.len + m.fs_type.len == names.len && names.len <= len);
		must(within(m.root, names.data, names.len) &&
		     within(m.point, names.data, names.len) &&
		     within(m.fs_type, names.data, names.len));
	}
	must(!left);
	buf_free(&names);
}

/* The strings are the text, and the environment is those of them that are not empty. */
static void check_strings(const char *text, size_t len)
{
	size_t left = len, at_environ = 0;
	struct buf environment = { 0 };
	str_t s;

	procfs_parse_environ(&environment, text, len);
	must(environment.len <= len + 1);
	must(!environment.len || !environment.data[environment.len - 1]);
	for (const char *at = text, *before = at; procfs_next_string(&at, &left, &s); before = at) {
		must(s.bytes == before && !memchr(s.bytes, '\0', s.len));
		must(at == s.bytes + s.len + (at < text + len || !text[len - 1]));
		if (!s.len)
			continue;
		must(at_environ + s.len < environment.len);
		must(!memcmp(environment.data + at_environ, s.bytes, s.len));
		at_environ += s.len + 1;
	}
	must(!left && at_environ == environment.len);
	buf_free(&environment);
}

static void check_small(const char *text, size_t len)
{
	char tty[EV_TTY_LEN];
	uint32_t a = 1, b = 2;
	int err;

	err = procfs_parse_number(text, len, &a);
	must(err == procfs_parse_number(text, len, &b) && (err ? a == 1 && b == 2 : a == b));
	a = 1;
	b = 2;
	err = procfs_parse_ns(text, len, &a);
	must(err == procfs_parse_ns(text, len, &b) && (err ? a == 1 && b == 2 : a == b));
	memset(tty, 0xff, sizeof(tty));
	procfs_tty_link(text, len, tty);
	check_tty(tty);
	if (len >= sizeof(a)) {
		memcpy(&a, text, sizeof(a));
		memset(tty, 0xff, sizeof(tty));
		procfs_tty_name(a, tty);
		check_tty(tty);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	check_stat(text, size);
	check_status(text, size);
	check_cgroup(text, size);
	check_cgroups(text, size);
	check_mounts(text, size);
	check_strings(text, size);
	check_small(text, size);
	return 0;
}

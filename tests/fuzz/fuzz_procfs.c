/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the parsers of /proc/PID/{stat,status,cgroup}: the same bytes to each of them. What goes
 * into messages afterwards must be in its bounds, and nothing may depend on what was there before.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source/procfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
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
	must(p.kthread == q.kthread && p.zombie == q.zombie);
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
		     p.ns_pid == q.ns_pid);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_stat((const char *)data, size);
	check_status((const char *)data, size);
	check_cgroup((const char *)data, size);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "source/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define PF_KTHREAD  0x00200000 /* include/linux/sched.h */
#define FILE_MAX    (16UL << 10)
#define CMDLINE_MAX (32UL << 10)

static const char deleted[] = " (deleted)";

int procfs_read(uint32_t pid, const char *name, struct buf *out, size_t max, bool *cut)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	out->len = 0;
	*cut = false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (out->len <= max) {
		ssize_t n = read(fd, buf_room(out, 4096), 4096);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;

			close(fd);
			return err;
		}
		if (!n)
			break;
		out->len += (size_t)n;
	}
	close(fd);
	if (out->len > max) {
		out->len = max;
		*cut = true;
	}
	return 0;
}

/* "pid (comm) S ppid pgrp session ...": comm can hold anything, ')' too. */
int procfs_parse_stat(struct procfs_process *p, const char *text, size_t len)
{
	const char *open = memchr(text, '(', len), *close = memrchr(text, ')', len);
	unsigned long long start;
	unsigned int flags;
	char rest[512], state;
	size_t n;

	if (!open || !close || close < open)
		return -EBADMSG;
	n = (size_t)(close - open - 1);
	if (n >= sizeof(p->comm))
		n = sizeof(p->comm) - 1; /* kernel workers show more */
	memset(p->comm, 0, sizeof(p->comm));
	memcpy(p->comm, open + 1, strnlen(open + 1, n)); /* zeros behind its end, always */
	n = (size_t)(text + len - close - 1);
	if (n >= sizeof(rest))
		n = sizeof(rest) - 1;
	memcpy(rest, close + 1, n);
	rest[n] = '\0';
	/* fields 3 to 22 of proc(5) */
	if (sscanf(rest,
		   " %c %u %u %u %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &state, &p->ppid, &p->pgid, &p->sid, &flags, &start) != 6)
		return -EBADMSG;
	if (start > UINT64_MAX / TICK_NS)
		return -EBADMSG;
	p->kthread = flags & PF_KTHREAD;
	p->zombie = state == 'Z' || state == 'X';
	p->start = start * TICK_NS;
	return 0;
}

/* The lines that are needed, wherever they are; the last number of NSpid is the innermost. */
int procfs_parse_status(struct procfs_process *p, const char *text, size_t len)
{
	enum { UIDS = 1, GIDS = 2 };
	const char *end = text + len;
	int found = 0;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((nl ? nl : end) - text);
		char line[512]; /* NSpid: 32 namespaces deep at most */

		if (n < sizeof(line)) {
			char *last;

			memcpy(line, text, n);
			line[n] = '\0';
			if (sscanf(line, "Uid: %u %u", &p->uid, &p->euid) == 2)
				found |= UIDS;
			else if (sscanf(line, "Gid: %u %u", &p->gid, &p->egid) == 2)
				found |= GIDS;
			last = strrchr(line, '\t');
			if (!strncmp(line, "NSpid:", 6) && last)
				sscanf(last, "%u", &p->ns_pid);
		}
		text += n + 1;
	}
	return found == (UIDS | GIDS) ? 0 : -EBADMSG;
}

/* "0::/a/b": the leaf of the default hierarchy. */
int procfs_parse_cgroup(struct procfs_process *p, const char *text, size_t len)
{
	const char *end = text + len;

	p->cgroup[0] = '\0';
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = nl ? nl : end, *leaf;

		if (line_end - text > 3 && !memcmp(text, "0::", 3)) {
			leaf = memrchr(text, '/', (size_t)(line_end - text));
			if (!leaf)
				return -EBADMSG;
			snprintf(p->cgroup, sizeof(p->cgroup), "%.*s", (int)(line_end - leaf - 1),
				 leaf + 1);
			return 0;
		}
		text = line_end + 1;
	}
	return -ENOENT;
}

/* A name can end like the kernel's mark; then it is there, and leads to the same file. */
static bool is_there(const char *link, uint32_t pid, const struct buf *name)
{
	char path[PATH_MAX + 32];
	struct stat a, b;

	snprintf(path, sizeof(path), "/proc/%u/root%.*s", pid, (int)name->len, name->data);
	return !stat(link, &a) && !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Without the kernel's mark on what has no name any more. */
static bool read_link(uint32_t pid, const char *name, struct buf *out, bool *gone)
{
	const size_t mark = sizeof(deleted) - 1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	out->len = 0;
	*gone = false;
	n = readlink(path, buf_room(out, PATH_MAX), PATH_MAX);
	if (n <= 0)
		return false;
	out->len = (size_t)n;
	if (out->len > mark && !memcmp(out->data + out->len - mark, deleted, mark) &&
	    !is_there(path, pid, out)) {
		out->len -= mark;
		*gone = true;
	}
	/* A memfd never has a name in the file system; "/memfd:x" can be a file's. */
	if (*gone && out->len > 7 && !memcmp(out->data, "/memfd:", 7))
		memmove(out->data, out->data + 1, --out->len);
	return true;
}

static int read_start(uint32_t pid, uint64_t *start)
{
	struct procfs_process p = { 0 };
	struct buf b = { 0 };
	bool cut;
	int err = procfs_read(pid, "stat", &b, FILE_MAX, &cut);

	if (!err)
		err = procfs_parse_stat(&p, b.data, b.len);
	buf_free(&b);
	*start = p.start;
	return err;
}

int procfs_process(struct procfs_process *p, uint32_t pid)
{
	struct buf *b = &p->cmdline; /* until the arguments are read */
	bool cut;
	int err = procfs_read(pid, "stat", b, FILE_MAX, &cut);

	if (!err)
		err = procfs_parse_stat(p, b->data, b->len);
	if (!err)
		err = procfs_read(pid, "status", b, FILE_MAX, &cut);
	if (err)
		return err;
	p->pid = p->ns_pid = pid;
	err = procfs_parse_status(p, b->data, b->len);
	if (err)
		return err;
	p->parent_start = 0;
	if (p->ppid)
		read_start(p->ppid, &p->parent_start);
	p->cgroup[0] = '\0';
	if (!procfs_read(pid, "cgroup", b, FILE_MAX, &cut))
		procfs_parse_cgroup(p, b->data, b->len);
	p->exe.len = p->cwd.len = 0;
	p->exe_deleted = p->cwd_deleted = p->cmdline_cut = false;
	b->len = 0;
	if (p->kthread)
		return 0;
	read_link(pid, "exe", &p->exe, &p->exe_deleted);
	read_link(pid, "cwd", &p->cwd, &p->cwd_deleted);
	if (procfs_read(pid, "cmdline", b, CMDLINE_MAX, &p->cmdline_cut))
		b->len = 0;
	return 0;
}

void procfs_process_free(struct procfs_process *p)
{
	buf_free(&p->exe);
	buf_free(&p->cwd);
	buf_free(&p->cmdline);
}

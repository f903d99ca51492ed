/* SPDX-License-Identifier: Apache-2.0 */
#include "source/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define FILE_MAX    (16UL << 10)
#define CMDLINE_MAX (32UL << 10)

static const char deleted[] = " (deleted)";

static int open_process(uint32_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_at(int dir, const char *name, struct buf *out, size_t max, bool *cut)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	out->len = 0;
	*cut = false;
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

int procfs_read(uint32_t pid, const char *name, struct buf *out, size_t max, bool *cut)
{
	int dir = open_process(pid), err;

	out->len = 0;
	*cut = false;
	if (dir < 0)
		return dir;
	err = read_at(dir, name, out, max, cut);
	close(dir);
	return err;
}

int procfs_environ(uint32_t pid, struct buf *out, size_t max, bool *cut)
{
	struct buf text = { 0 };
	int err = procfs_read(pid, "environ", &text, max, cut);

	out->len = 0;
	if (!err)
		procfs_parse_environ(out, text.data, text.len);
	if (out->len > max) { /* by the last one's NUL */
		out->len = max;
		out->data[max - 1] = '\0';
		*cut = true;
	}
	buf_free(&text);
	return err;
}

/*
 * Not to be kept waiting: what is known of the file without asking a server is what the kernel has of
 * it while it runs.
 */
static int stat_at(int dir, const char *name, int flags, struct ev_file *file, uint32_t *nlink)
{
	const unsigned int wanted = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_INO | STATX_CTIME;
	struct statx st;

	*file = (struct ev_file){ 0 };
	if (nlink)
		*nlink = 0;
	if (statx(dir, name, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, wanted, &st))
		return -errno;
	file->ino = st.stx_ino;
	file->mode = st.stx_mode;
	/* as new_encode_dev() in include/linux/kdev_t.h: that is how the kernel side has it */
	file->dev = (st.stx_dev_minor & 0xff) | st.stx_dev_major << 8 |
		    (st.stx_dev_minor & ~0xffU) << 12;
	file->ctime = (uint64_t)st.stx_ctime.tv_sec * NS_PER_SEC + st.stx_ctime.tv_nsec;
	if (nlink)
		*nlink = st.stx_nlink;
	return 0;
}

/* A name can end like the kernel's mark; then it is there, and leads to the same file. */
static bool is_there(int dir, const char *link, const struct buf *name)
{
	int root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	struct ev_file a, b;
	char path[PATH_MAX];
	bool same;

	if (root < 0)
		return false;
	snprintf(path, sizeof(path), "%.*s", (int)name->len, name->data);
	fd = procfs_open_cached(root, path);
	same = fd >= 0 && !stat_at(dir, link, 0, &a, NULL) &&
	       !stat_at(fd, "", AT_EMPTY_PATH, &b, NULL) && a.dev == b.dev && a.ino == b.ino;
	if (fd >= 0)
		close(fd);
	close(root);
	return same;
}

/* Without the kernel's mark on what has no name any more. */
static bool read_link(int dir, const char *name, struct buf *out, bool *gone)
{
	const size_t mark = sizeof(deleted) - 1;
	ssize_t n;

	out->len = 0;
	*gone = false;
	n = readlinkat(dir, name, buf_room(out, PATH_MAX), PATH_MAX);
	if (n <= 0)
		return false;
	out->len = (size_t)n;
	if (out->len > mark && !memcmp(out->data + out->len - mark, deleted, mark) &&
	    !is_there(dir, name, out)) {
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

/* A kernel without audit has no such file. */
static uint32_t read_number(int dir, const char *name, struct buf *tmp)
{
	uint32_t number;
	bool cut;

	if (read_at(dir, name, tmp, 64, &cut) || procfs_parse_number(tmp->data, tmp->len, &number))
		return UINT32_MAX;
	return number;
}

static uint32_t read_ns(int dir, const char *name)
{
	char path[32], link[64];
	uint32_t inode;
	ssize_t n;

	snprintf(path, sizeof(path), "ns/%s", name);
	n = readlinkat(dir, path, link, sizeof(link));
	return n > 0 && !procfs_parse_ns(link, (size_t)n, &inode) ? inode : 0;
}

int procfs_file_fields(uint32_t pid, const char *path, struct ev_file *file, uint32_t *nlink)
{
	int dir = path ? procfs_open_root(pid) : open_process(pid), fd, err;

	*file = (struct ev_file){ 0 };
	if (nlink)
		*nlink = 0;
	if (dir < 0)
		return dir;
	if (path) {
		fd = procfs_open_in_root(dir, path);
		err = fd < 0 ? fd : stat_at(fd, "", AT_EMPTY_PATH, file, nlink);
		if (fd >= 0)
			close(fd);
	} else {
		err = stat_at(dir, "exe", 0, file, nlink);
	}
	close(dir);
	return err;
}

uint32_t procfs_namespace(uint32_t pid, const char *name)
{
	int dir = open_process(pid);
	uint32_t inode;

	if (dir < 0)
		return 0;
	inode = read_ns(dir, name);
	close(dir);
	return inode;
}

int procfs_tty_of_stdin(uint32_t pid, char *tty)
{
	char path[64], link[PATH_MAX];
	ssize_t n;

	memset(tty, 0, EV_TTY_LEN);
	snprintf(path, sizeof(path), "/proc/%u/fd/0", pid);
	n = readlink(path, link, sizeof(link));
	if (n < 0)
		return -errno;
	procfs_tty_link(link, (size_t)n, tty);
	return 0;
}

/* What kernel threads have none of. */
static void read_image(struct procfs_process *p, int dir)
{
	read_link(dir, "exe", &p->exe, &p->exe_deleted);
	stat_at(dir, "exe", 0, &p->exe_file, &p->exe_nlink);
	read_link(dir, "cwd", &p->cwd, &p->cwd_deleted);
	if (read_at(dir, "cmdline", &p->cmdline, CMDLINE_MAX, &p->cmdline_cut))
		p->cmdline.len = 0;
}

static int read_process(struct procfs_process *p, uint32_t pid, int dir)
{
	static const char *const ns[PROCFS_NAMESPACES] = {
		"uts",
		"ipc",
		"mnt",
		"pid",
		"pid_for_children",
		"net",
		"time",
		"time_for_children",
		"cgroup",
		"user",
	};
	struct buf *b = &p->cmdline; /* until the arguments are read */
	bool cut;
	int err = read_at(dir, "stat", b, FILE_MAX, &cut);

	if (!err)
		err = procfs_parse_stat(p, b->data, b->len);
	if (!err)
		err = read_at(dir, "status", b, FILE_MAX, &cut);
	if (err)
		return err;
	p->pid = p->ns_pid = pid;
	err = procfs_parse_status(p, b->data, b->len);
	if (err)
		return err;
	p->parent_start = 0;
	if (p->ppid)
		read_start(p->ppid, &p->parent_start);
	p->auid = read_number(dir, "loginuid", b);
	p->sessionid = read_number(dir, "sessionid", b);
	for (size_t i = 0; i < PROCFS_NAMESPACES; i++)
		p->ns[i] = read_ns(dir, ns[i]);
	if (read_at(dir, "cgroup", &p->cgroup_text, FILE_MAX, &cut))
		p->cgroup_text.len = 0;
	procfs_parse_cgroup(p, p->cgroup_text.data, p->cgroup_text.len);
	procfs_parse_cgroups(&p->cgroups, p->cgroup_text.data, p->cgroup_text.len);
	p->exe.len = p->cwd.len = 0;
	p->exe_deleted = p->cwd_deleted = p->cmdline_cut = false;
	p->exe_file = (struct ev_file){ 0 };
	p->exe_nlink = 0;
	b->len = 0;
	if (!p->kthread)
		read_image(p, dir);
	return 0;
}

int procfs_process(struct procfs_process *p, uint32_t pid)
{
	int dir = open_process(pid), err;

	if (dir < 0)
		return dir;
	err = read_process(p, pid, dir);
	close(dir);
	return err;
}

void procfs_process_free(struct procfs_process *p)
{
	buf_free(&p->exe);
	buf_free(&p->cwd);
	buf_free(&p->cmdline);
	buf_free(&p->cgroup_text);
}

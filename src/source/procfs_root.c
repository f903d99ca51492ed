/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as another process sees them, who may be a container's and hostile: a link of its must not
 * lead to the host's files, and what is opened must not be more than a file.
 */
#include "source/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CONFIGFS_MAGIC
#define CONFIGFS_MAGIC 0x62656570 /* fs/configfs/mount.c; not in <linux/magic.h> */
#endif

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20 /* Linux 5.12 */
#endif

#define TRIES 8 /* openat2() asks for another one when something was renamed on the way */

int procfs_open_root(uint32_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The next part of a path, at most NAME_MAX long, without what separates it from the next. */
static int next_part(const char **path, char *name)
{
	const char *begin = *path + strspn(*path, "/");
	size_t n = strcspn(begin, "/");

	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, begin, n);
	name[n] = '\0';
	*path = begin + n + strspn(begin + n, "/");
	return strcmp(name, "..") ? 0 : -EXDEV;
}

static int open_part(int dir, const char *name)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (S_ISLNK(st.st_mode))
		err = -ELOOP; /* with O_PATH it is the link that is open */
	if (!err)
		return fd;
	close(fd);
	return err;
}

int procfs_open_no_links(int root, const char *path)
{
	char name[NAME_MAX + 1];
	int fd = open_part(root, ".");

	while (fd >= 0 && *path) {
		int dir = fd;

		fd = next_part(&path, name);
		if (!fd)
			fd = open_part(dir, *name ? name : ".");
		close(dir);
	}
	return fd;
}

/* -ENOSYS: there is no openat2(). */
static int open_in(int root, const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve };
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd >= 0)
		return (int)fd;
	/* a filter of system calls says that it is not permitted */
	return errno == EPERM ? -ENOSYS : -errno;
}

int procfs_open_in_root(int root, const char *path)
{
	int fd = -EAGAIN;

	for (int i = 0; i < TRIES && fd == -EAGAIN; i++)
		fd = open_in(root, path, 0);
	return fd == -ENOSYS ? procfs_open_no_links(root, path) : fd;
}

int procfs_open_cached(int root, const char *path)
{
	int fd = open_in(root, path, RESOLVE_CACHED);

	/* before 5.12 it cannot be asked for */
	return fd == -EINVAL || fd == -ENOSYS ? -EAGAIN : fd;
}

/* Where to read is to do: to take a message out, to start a probe. */
static bool reading_acts(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return true;
	switch ((unsigned long)fs.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
	case SECURITYFS_MAGIC:
	case CONFIGFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case BPF_FS_MAGIC:
		return true;
	default:
		return false;
	}
}

int procfs_read_regular(int path_fd, struct buf *out, size_t max)
{
	struct stat st;
	char path[32];
	int fd, err = 0;

	out->len = 0;
	/* Looked at before it is opened: opening alone can start a watchdog, or wait for a FIFO's writer. */
	if (fstat(path_fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || reading_acts(path_fd))
		return -EINVAL;
	if (st.st_size > (off_t)max)
		return -EFBIG;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (out->len <= max) {
		ssize_t n = read(fd, buf_room(out, 4096), 4096);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		out->len += (size_t)n;
	}
	close(fd);
	if (!err && out->len > max)
		err = -EFBIG;
	if (err)
		out->len = 0;
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "source/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/tracer.h"

#define FDS_MAX	  4096 /* looked at; a library makes its file early, so that its number is low */
#define FILES_MAX 8    /* with the name, opened */

static const char prefix[] = "/memfd:datadog-tracer-info-";

static bool has_name(int dir, const char *name)
{
	char link[sizeof(prefix)];

	/* whatever follows is cut off */
	return readlinkat(dir, name, link, sizeof(link)) >= (ssize_t)sizeof(prefix) - 1 &&
	       !memcmp(link, prefix, sizeof(prefix) - 1);
}

/*
 * Whether it is in the kernel's own file system of memory, where no program can keep a reader
 * waiting: anyone can give a file such a name. A server of files is not asked, therefore.
 */
static bool is_memfd(int fd)
{
	int own = memfd_create("tarsier", MFD_CLOEXEC);
	struct statx theirs, ours;
	bool same;

	if (own < 0)
		return false;
	same = !statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &theirs) &&
	       !statx(own, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &ours) &&
	       theirs.stx_dev_major == ours.stx_dev_major &&
	       theirs.stx_dev_minor == ours.stx_dev_minor && S_ISREG(theirs.stx_mode);
	close(own);
	return same;
}

static int read_metadata(int dir, const char *name, struct tracer_metadata *m)
{
	struct buf b = { 0 };
	/* O_PATH: what it is can change until it is open */
	int fd = openat(dir, name, O_PATH | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = is_memfd(fd) ? procfs_read_regular(fd, &b, TRACER_SIZE_MAX) : -ENOENT;
	if (err == -EFBIG)
		err = -E2BIG;
	if (!err)
		err = tracer_parse(m, b.data, b.len);
	buf_free(&b);
	close(fd);
	return err;
}

int procfs_tracer_metadata(uint32_t pid, struct tracer_metadata *m)
{
	int files = 0, err = -ENOENT;
	struct dirent *d;
	char path[32];
	DIR *dir;

	memset(m, 0, sizeof(*m));
	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	for (int i = 0; i < FDS_MAX && files < FILES_MAX && (d = readdir(dir)); i++) {
		if (*d->d_name == '.' || !has_name(dirfd(dir), d->d_name))
			continue;
		files++;
		err = read_metadata(dirfd(dir), d->d_name, m);
		if (!err)
			break;
	}
	closedir(dir);
	return err;
}

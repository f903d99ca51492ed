/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading /proc/PID. Everything there can change or vanish between two reads; what the text says is
 * taken apart in procfs_parse.h. Any thread; nothing is shared.
 */
#ifndef TSR_SOURCE_PROCFS_H
#define TSR_SOURCE_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"
#include "source/procfs_parse.h"

struct tracer_metadata;

/*
 * Fills p, whose buffers are used again; -ESRCH and the like if it is gone. All of it is of the same
 * process, also where its pid is given to another one meanwhile; but that process can exec.
 */
int procfs_process(struct procfs_process *p, uint32_t pid);
void procfs_process_free(struct procfs_process *p);

/* A file of /proc/PID, at most max bytes of it; *cut says that there was more. */
int procfs_read(uint32_t pid, const char *name, struct buf *out, size_t max, bool *cut);

/*
 * The environment as it was at the exec, as far as the process has not written over it, as by
 * procfs_parse_environ(): at most max bytes. *cut: there was more, and the last string may be
 * incomplete. Replaces what is in out.
 */
int procfs_environ(uint32_t pid, struct buf *out, size_t max, bool *cut);

/*
 * The fields of a file, and its number of links where nlink is not NULL; all 0 in case of an error.
 * path NULL: of the executable, in no more time than a system call takes. Else of a path as the
 * process has it, from its root, whose links lead nowhere else. That can wait for a file system that
 * the process is in control of: not for threads that must not.
 */
int procfs_file_fields(uint32_t pid, const char *path, struct ev_file *file, uint32_t *nlink);

/* A namespace's inode, by its name in /proc/PID/ns; 0 if it can't be read. */
uint32_t procfs_namespace(uint32_t pid, const char *name);

/*
 * Where the controlling terminal is not known: what the standard input is, as procfs_tty_link() names
 * it. tty has EV_TTY_LEN bytes. -errno if there is none, or if it is not for us to see.
 */
int procfs_tty_of_stdin(uint32_t pid, char *tty);

/*
 * The root directory of a process, as it sees it. A descriptor that cannot be read from (O_PATH),
 * which is the caller's to close, or -errno.
 */
int procfs_open_root(uint32_t pid);

/*
 * A file (O_PATH, the caller's) by its path from there. Symbolic links are followed within that root:
 * they never lead out of it, nor to what another process has open. Where there is no openat2(2) no
 * link is followed, and no "..": -ELOOP, -EXDEV.
 */
int procfs_open_in_root(int root, const char *path);

/*
 * The same, if the kernel knows the way by heart: it waits for no file system. -EAGAIN: it does not.
 * (Before Linux 5.12 it asks.)
 */
int procfs_open_cached(int root, const char *path);

/* How it is done without openat2(2); apart for tests. */
int procfs_open_no_links(int root, const char *path);

/*
 * Reads a regular file that was opened with O_PATH, of at most max bytes, replacing what is in out.
 * -EINVAL for what is no regular file, or in a file system where reading does things (proc, sysfs and
 * their like), -EFBIG if it is larger. Can wait as procfs_file_fields() can.
 */
int procfs_read_regular(int path_fd, struct buf *out, size_t max);

/*
 * What a tracing library has said of the process. The first of its memory files that is well-formed
 * counts; only some thousand descriptors are looked at. -ENOENT: none; else as tracer_parse(), or
 * -errno. It is never waited for a process or a file system.
 */
int procfs_tracer_metadata(uint32_t pid, struct tracer_metadata *m);

#endif

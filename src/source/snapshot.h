/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that exist, as exec messages marked as of the snapshot.
 */
#ifndef TSR_SOURCE_SNAPSHOT_H
#define TSR_SOURCE_SNAPSHOT_H

#include "base/buf.h"
#include "source/source.h"

/*
 * Reads the messages of an opened task iterator to its end, completes the arguments from /proc
 * and delivers them (fn NULL: only runs it). The pids (uint32_t, ascending) are appended to seen,
 * which may be NULL. The number of processes, or a negative errno.
 */
int snapshot_read(int iter_fd, struct buf *seen, message_fn fn, void *user);

/*
 * From /proc alone: those that are not in seen (NULL: all) and began before a time of the boot
 * clock (UINT64_MAX: all). For `tarsier tree` without privileges, for kernels whose iterator is
 * refused, and for what an iterator leaves out: there are kernels where that is pid 1. Start times
 * are known to the clock tick only.
 */
int snapshot_procfs(const struct buf *seen, uint64_t before, message_fn fn, void *user);

/*
 * One process, from /proc, as a WALK_PROCFS; start 0: whoever has the pid. -ESRCH and the like.
 * tty_of_stdin: one without a controlling terminal has that of its standard input.
 */
int snapshot_one(uint32_t pid, uint64_t start, bool tty_of_stdin, message_fn fn, void *user);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading /proc/PID. Everything there can change or vanish between two reads, and most of its
 * strings are under the control of the process: lengths are bounded, formats checked.
 */
#ifndef TSR_SOURCE_PROCFS_H
#define TSR_SOURCE_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

struct procfs_process {
	uint32_t pid, ns_pid, ppid, sid, pgid;
	uint32_t uid, euid, gid, egid;
	uint64_t start, parent_start; /* boot clock, to the tick */
	bool kthread, zombie, exe_deleted, cwd_deleted, cmdline_cut;
	char comm[EV_COMM_LEN];
	char cgroup[128]; /* leaf name in the default hierarchy */
	struct buf exe, cwd, cmdline;
};

/* Fills p, whose buffers are used again; -ESRCH and the like if it is gone. */
int procfs_process(struct procfs_process *p, uint32_t pid);
void procfs_process_free(struct procfs_process *p);

/* A file of /proc/PID, at most max bytes of it; *cut says that there was more. */
int procfs_read(uint32_t pid, const char *name, struct buf *out, size_t max, bool *cut);

/* The parsers, apart from the reading: for tests and fuzzers. Text of len bytes. */
int procfs_parse_stat(struct procfs_process *p, const char *text, size_t len);
int procfs_parse_status(struct procfs_process *p, const char *text, size_t len);
int procfs_parse_cgroup(struct procfs_process *p, const char *text, size_t len);

#endif

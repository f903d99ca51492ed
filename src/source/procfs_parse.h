/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of /proc/PID, apart from the reading: for tests and fuzzers. Most of its strings are under
 * the control of the process: lengths are bounded, formats checked. Texts are of len bytes and need
 * no NUL behind them.
 */
#ifndef TSR_SOURCE_PROCFS_PARSE_H
#define TSR_SOURCE_PROCFS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

#define PROCFS_CGROUPS_MAX 32 /* hierarchies: one per controller at most, and named ones */
#define PROCFS_NAMESPACES  10 /* in the order of ev_exec.ns */

/* Where a process is in each hierarchy of cgroups. The strings are the text's. */
struct procfs_cgroups {
	size_t n;
	struct procfs_cgroup {
		str_t controllers; /* "cpu,cpuacct", "name=systemd"; "" is the default hierarchy */
		str_t path;	   /* from "/" */
	} list[PROCFS_CGROUPS_MAX];
};

struct procfs_process {
	uint32_t pid, ns_pid, ppid, sid, pgid;
	uint32_t tgid; /* another than pid: that is a thread */
	uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	uint64_t cap_permitted, cap_effective, cap_inheritable;
	uint32_t auid, sessionid;	/* login uid and audit session; UINT32_MAX: none */
	uint32_t ns[PROCFS_NAMESPACES]; /* inodes; 0: could not be read */
	uint64_t start, parent_start;	/* boot clock, to the tick */
	bool kthread, no_exec, zombie, exe_deleted, cwd_deleted, cmdline_cut;
	char comm[EV_COMM_LEN];
	uint32_t tty_nr;      /* the controlling terminal's device; 0: none */
	char tty[EV_TTY_LEN]; /* its name; "": none, or not known */
	char cgroup[128];     /* leaf name in the default hierarchy */
	struct procfs_cgroups cgroups;
	struct ev_file exe_file; /* all 0: could not be read */
	uint32_t exe_nlink;
	struct buf exe, cwd, cmdline, cgroup_text;
};

/* Fills comm, state, ids of the family, tty and start time. -EBADMSG. */
int procfs_parse_stat(struct procfs_process *p, const char *text, size_t len);

/*
 * Fills uids and gids, capabilities, tgid (0 if it is not told) and ns_pid (as it was if it is not
 * told). -EBADMSG if the uids or gids are not there.
 */
int procfs_parse_status(struct procfs_process *p, const char *text, size_t len);

/* Fills cgroup. -ENOENT if there is no default hierarchy, -EBADMSG. */
int procfs_parse_cgroup(struct procfs_process *p, const char *text, size_t len);

/* All hierarchies; malformed lines, and those beyond the limit, are skipped. */
void procfs_parse_cgroups(struct procfs_cgroups *c, const char *text, size_t len);

/*
 * The path in the hierarchy that has a controller ("memory", "name=systemd"; "": the default one);
 * empty if there is none. A controller that is in no hierarchy of its own is in the default one, but
 * whether it is enabled there the text does not tell.
 */
str_t procfs_cgroup_path(const struct procfs_cgroups *c, const char *controller);

/* A line of mountinfo. */
struct procfs_mount {
	uint32_t id, parent;
	uint32_t dev; /* as in ev_file */
	str_t root;   /* of the mount in its file system */
	str_t point;  /* seen from the process's root */
	str_t fs_type;
};

/*
 * The next mount, taken off the text; malformed lines are skipped. False: there is none. The strings
 * are in names, until the next call.
 */
bool procfs_next_mount(const char **text, size_t *len, struct procfs_mount *m, struct buf *names);

/*
 * The next string of a list whose strings end in NUL (cmdline, environ), taken off the text; false:
 * there is none. The last one can lack its NUL: it was cut off, or a process wrote over it.
 */
bool procfs_next_string(const char **text, size_t *len, str_t *s);

/*
 * environ as a list, appended to out: without the empty strings that a process leaves that wrote over
 * it, and with a NUL behind the last one.
 */
void procfs_parse_environ(struct buf *out, const char *text, size_t len);

/* loginuid, sessionid: a number and nothing else, but for a line's end. -EBADMSG. */
int procfs_parse_number(const char *text, size_t len, uint32_t *number);

/* The link of a namespace, "mnt:[4026531841]": the inode. -EBADMSG. */
int procfs_parse_ns(const char *text, size_t len, uint32_t *inode);

/*
 * The name of a terminal as the kernel has it ("pts3", "tty1", "ttyS0"), from its device in stat; ""
 * for none and for drivers that are not known here. tty has EV_TTY_LEN bytes, zeros behind the name.
 */
void procfs_tty_name(uint32_t tty_nr, char *tty);

/*
 * The same from where an open file leads: "/dev/pts/3" is "pts3", "/dev/X" is "X" (whether or not
 * that is a terminal); "" for /dev/null and all that is not in /dev.
 */
void procfs_tty_link(const char *link, size_t len, char *tty);

#endif

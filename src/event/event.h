/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event inside: what decode makes of a message, and what the rooms above add to it.
 *
 * Strings point into the message (or into what the assembler holds); an event lives no longer than
 * the call that delivers its message.
 */
#ifndef TSR_EVENT_EVENT_H
#define TSR_EVENT_EVENT_H

#include <tarsier/event.h>

#define EV_COMM_LEN 16
#define EV_TTY_LEN  16

struct image;
struct process;
struct table;

typedef struct tsr_string str_t;

/* Who acted, as the kernel saw it at that moment. */
struct ev_task {
	uint32_t pid, tid, ns_pid, ns_tid;
	uint64_t start, thread_start, image;
	uint32_t ppid, parent_ns_pid;
	uint64_t parent_start, parent_image;
	uint32_t uid, gid, euid, egid, suid, sgid, fsuid, fsgid;
	uint32_t auid, sessionid; /* UINT32_MAX: not set */
	uint64_t cap_inheritable, cap_permitted, cap_effective;
	char comm[EV_COMM_LEN];
	char tty[EV_TTY_LEN]; /* the controlling terminal, "" if there is none */
};

struct ev_file {
	uint64_t ino, ctime;
	uint32_t dev;
	uint16_t mode;
};

struct ev_fork {
	uint32_t child_pid, child_ns_pid;
	uint64_t child_start;
	/* the child's parent as the kernel has it: with CLONE_PARENT not who forked */
	uint32_t ppid, parent_ns_pid;
	uint64_t parent_start, parent_image;
};

struct ev_exit {
	uint32_t code;	     /* as wait(2) gives it */
	uint32_t reaper_pid; /* 0: not known */
	uint64_t reaper_start;
};

/* What of an exec was cut, or could not be read; the bits of ev_exec.cut. */
enum ev_cut {
	EV_CUT_PATH = 1,
	EV_CUT_ARGV = 2,
	EV_CUT_ENV = 4,
	EV_CUT_CWD = 8,
	EV_CUT_CMDPATH = 16,
	EV_CUT_INTERP = 32,
	EV_CUT_STDIN = 64,
};

struct ev_exec {
	uint8_t walk; /* enum walk_kind of the wire; of a snapshot's */
	bool snapshot, kthread, no_exec, procfs, deleted, cwd_deleted, kernel, env_names;
	uint32_t cut;
	uint32_t secure, uid, auid, nlink, sid, pgid;
	uint64_t image; /* when it began */
	uint64_t
		prev_image; /* the same of the one it replaced, as the kernel side knows; 0: not said */
	uint64_t args_size, envs_size;
	str_t path, args, cwd, envs; /* args and envs: each string ends in NUL */
	str_t cmdpath, interp, stdin_path, interpreter, script;
	str_t prev_comm, cgroup;
	uint16_t stdin_type;
	struct ev_file exe, interpreter_file;
	uint64_t cgroup_id;
	uint32_t suid, sgid, fsuid, fsgid, securebits;
	uint64_t cap_permitted, cap_effective, cap_inheritable;
	int32_t user_ns_level;
	uint32_t user_ns_uid, user_ns_gid;
	/* in the order of the message: uts, ipc, mnt, pid, children, net, time, children, cgroup, user */
	uint32_t ns[10];
};

struct ev_exec_failed {
	int64_t ret;
	int32_t dirfd, flags;
	uint32_t cut;
	str_t path, args, envs, stdin_path;
	uint16_t stdin_type;
};

struct ev_rename {
	char old_name[EV_COMM_LEN], new_name[EV_COMM_LEN];
};

/* The end of a walk through all processes. */
struct ev_walked {
	uint64_t begin;
	bool incomplete;
};

/* The names of users that a mount namespace has, as text. */
struct ev_names {
	uint32_t mnt_ns;
	str_t users, groups;
};

struct ev_lost {
	uint64_t count, from, to;
	uint32_t stage; /* enum lost_stage of the wire */
	uint8_t op, reason;
	const char *type; /* the event that was lost, or NULL */
};

struct tsr_event {
	const struct tsr_event_def *def;
	uint64_t ktime;
	uint64_t seq;
	const struct users *users; /* whose names they are; only of what is shown */
	bool state_only;	   /* outside the scope: keeps the state right, is not shown */
	bool has_task;
	struct ev_task task;
	union {
		struct ev_fork fork;
		struct ev_exec exec;
		struct ev_exit exit;
		struct ev_exec_failed failed;
		struct ev_rename rename;
		struct ev_lost lost;
		struct ev_walked walked;
		struct ev_names names;
	};

	/* From the state: */
	struct table *table;
	struct process *process, *child;
	struct image *image; /* of process */
	str_t script;	     /* of an exec: the script's path */
	str_t prev_comm;
	char prev_comm_copy[EV_COMM_LEN];
	int64_t boot_offset; /* boot clock to epoch */
	uint64_t run_time;
};

/* Lists that are made for the output; they live as long as the values. */
struct event_scratch {
	char secure[64];
	char truncated[96];
};

/* All values of an event's fields, in the order of its definition. */
void event_values(const struct tsr_event *ev, struct tsr_value *values, struct event_scratch *tmp);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel -> user message format, shared by the eBPF programs and the user side.
 *
 * Little-endian, naturally aligned, no implicit padding; static assertions pin every size and the
 * offsets that matter. The structs up to uprobe_regs have the layout of the documented message API
 * (reference/seeds/004, data/wire/layout.txt); what we need beyond it stands behind those bytes in
 * the same message (struct msg_task, msg_exec_ext, ...) or has an op code of its own from
 * MSG_OP_OWN on. Every message starts with msg_common, whose size covers all of it, so that a
 * reader skips what it does not know.
 */
#ifndef TARSIER_WIRE_H
#define TARSIER_WIRE_H

#ifndef __bpf__
#include <assert.h>
#include <linux/types.h>
#include <stddef.h>
#endif

enum msg_op {
	MSG_OP_EXECVE = 5,
	MSG_OP_EXIT = 7,
	MSG_OP_CLONE = 23,
	MSG_OP_DATA = 24,
	MSG_OP_CGROUP = 25,
	MSG_OP_THROTTLE = 27,
	/* Ours: outside the range that the documented API uses. */
	MSG_OP_OWN = 128,
	MSG_OP_EXEC_FAILED = 128,
	MSG_OP_RENAME = 129,
	MSG_OP_LOST = 130,   /* made by the agent, so that a recording holds its losses too */
	MSG_OP_WALKED = 131, /* the end of a walk through all processes, after a loss */
	MSG_OP_NAMES = 132,  /* the names of users in a container */
};

#define DOCKER_ID_LENGTH	  128
#define CGROUP_NAME_LENGTH	  128
#define CGROUP_PATH_LENGTH	  4096
#define BINARY_PATH_MAX_LEN	  256
#define MAX_ARG_LENGTH		  256
#define STRING_POSTFIX_MAX_LENGTH 128
#define UPROBE_REGS_MAX		  18
#define MSG_DATA_MAX		  32736 /* bytes of one chunk: a 32 KiB message with its header */
#define TASK_COMM_LEN		  16	/* include/linux/sched.h */

/* msg_common.flags */
#define MSG_COMMON_FLAG_RETURN		  0x01
#define MSG_COMMON_FLAG_KERNEL_STACKTRACE 0x02
#define MSG_COMMON_FLAG_USER_STACKTRACE	  0x04
#define MSG_COMMON_FLAG_IMA_HASH	  0x08
#define MSG_COMMON_FLAG_PROCESS_NOT_FOUND 0x10
#define MSG_COMMON_FLAG_ACTION_FAILED	  0x20
/* Ours: outside the scope that was asked for; keeps the state right, is not shown. */
#define MSG_COMMON_FLAG_STATE_ONLY 0x80

/* msg_exec.flags: the documented API's style, and in the upper half what it lacks */
#define MSG_EXEC_EXECVE		0x00000001
#define MSG_EXEC_EXECVEAT	0x00000002
#define MSG_EXEC_PROCFS		0x00000004 /* completed from /proc */
#define MSG_EXEC_TRUNC_FILENAME 0x00000008
#define MSG_EXEC_TRUNC_ARGS	0x00000010
#define MSG_EXEC_TASK_WALK	0x00000020 /* from the snapshot: the process existed at start */
#define MSG_EXEC_ERROR_FILENAME 0x00000100
#define MSG_EXEC_ERROR_ARGS	0x00000200
#define MSG_EXEC_ROOT_CWD	0x00001000 /* cwd is "/": no bytes */
#define MSG_EXEC_ERROR_CWD	0x00002000
#define MSG_EXEC_CLONE		0x00004000 /* msg_clone_event.flags: made by a fork */
#define MSG_EXEC_DATA_ARGS	0x00040000 /* the bytes of args are a data_event_desc */
#define MSG_EXEC_DATA_ENVS	0x00080000
#define MSG_EXEC_TRUNC_CWD	0x00100000
#define MSG_EXEC_TRUNC_ENVS	0x00200000
#define MSG_EXEC_ERROR_ENVS	0x00400000
#define MSG_EXEC_DELETED	0x00800000 /* the executable has no name any more */
#define MSG_EXEC_CWD_DELETED	0x01000000
#define MSG_EXEC_MEMFD		0x02000000
#define MSG_EXEC_KTHREAD	0x04000000 /* snapshot only: a kernel thread */
#define MSG_EXEC_NO_EXEC	0x08000000 /* snapshot only: has not exec'ed since its fork */
#define MSG_EXEC_ENV_NAMES	0x10000000 /* the values were left out of envs */
#define MSG_EXEC_KERNEL		0x20000000 /* started by the kernel: a user-mode helper */

/* msg_exec.secureexec */
#define MSG_SECURE_SETUID      0x01
#define MSG_SECURE_SETGID      0x02
#define MSG_SECURE_FILE_CAPS   0x04
#define MSG_SECURE_SETUID_ROOT 0x08
#define MSG_SECURE_SETGID_ROOT 0x10

/* The path has more components than were walked. */
#define UNRESOLVED_PATH_COMPONENTS 0x2

struct msg_common {
	__u8 op;
	__u8 flags;
	__u8 pad[2];
	__u32 size;  /* of the whole message, this header included */
	__u64 ktime; /* boot clock, ns */
};

/* Names an image: a process (pid) and the boot-clock time at which that image began. */
struct msg_execve_key {
	__u32 pid;
	__u32 pad;
	__u64 ktime;
};

struct msg_k8s {
	__u64 cgrpid;
	__u64 cgrp_tracker_id;
	char docker_id[DOCKER_ID_LENGTH]; /* the leaf name of the cgroup */
};

struct msg_capabilities {
	__u64 permitted;
	__u64 effective;
	__u64 inheritable;
};

struct msg_user_namespace {
	__s32 level;
	__u32 uid;
	__u32 gid;
	__u32 ns_inum;
};

struct msg_generic_cred {
	__u32 uid;
	__u32 gid;
	__u32 suid;
	__u32 sgid;
	__u32 euid;
	__u32 egid;
	__u32 fsuid;
	__u32 fsgid;
	__u32 securebits;
	__u32 pad;
	struct msg_capabilities cap;
	struct msg_user_namespace user_ns;
};

struct msg_namespaces {
	__u32 uts_inum;
	__u32 ipc_inum;
	__u32 mnt_inum;
	__u32 pid_inum;
	__u32 pid_child_inum;
	__u32 net_inum;
	__u32 time_inum;
	__u32 time_child_inum;
	__u32 cgroup_inum;
	__u32 user_inum;
};

struct msg_execve_event {
	struct msg_common common;
	struct msg_k8s kube;
	struct msg_execve_key parent;
	__u64 parent_flags;
	struct msg_generic_cred creds;
	struct msg_namespaces ns;
	struct msg_execve_key cleanup_process; /* the image that this exec replaced */
	/* struct msg_exec, its bytes, struct msg_exec_ext, its strings */
};

struct msg_exec {
	__u32 size; /* 64 + size_path + size_args + size_cwd + size_envs */
	__u32 pid;
	__u32 tid;
	__u32 nspid;
	__u32 secureexec;
	__u32 uid; /* the effective uid */
	__u32 auid;
	__u32 flags;
	__u32 nlink;
	__u32 pad;
	__u64 ino;
	__u64 ktime;
	__u16 size_path;
	__u16 size_args;
	__u16 size_cwd;
	__u16 size_envs;
	/* path, args, cwd, envs: args and envs are strings that end in NUL */
};

struct msg_clone_event {
	struct msg_common common;
	struct msg_execve_key parent;
	__u32 pid;
	__u32 tid;
	__u32 nspid;
	__u32 flags;
	__u64 ktime; /* when the child began: its start time */
		     /* struct msg_clone_ext */
};

struct msg_exit_info {
	__u32 code; /* as wait(2) gives it: status << 8 | core flag | signal */
	__u32 tid;
};

struct msg_exit_event {
	struct msg_common common;
	struct msg_execve_key current;
	struct msg_exit_info info;
	/* struct msg_exit_ext */
};

struct msg_cgroup_data {
	__s32 state;
	__u32 hierarchy_id;
	__u32 level;
	__u32 pad;
	char name[CGROUP_NAME_LENGTH];
};

struct msg_cgroup_event {
	struct msg_common common;
	struct msg_execve_key parent;
	__u32 cgrp_op;
	__u32 pid;
	__u32 nspid;
	__u32 flags;
	__u64 ktime;
	__u64 cgrpid_tracker;
	__u64 cgrpid;
	struct msg_cgroup_data cgrp_data;
	char path[CGROUP_PATH_LENGTH];
};

struct msg_throttle_event {
	struct msg_common common;
	struct msg_k8s kube;
};

struct data_event_id {
	__u64 pid; /* pid << 32 | tid of the writer */
	__u64 time;
};

/* A chunk of long args or envs. */
struct msg_data {
	struct msg_common common;
	struct data_event_id id;
	/* up to MSG_DATA_MAX bytes */
};

/* Stands where the bytes of args or envs would, when these went ahead in msg_data messages. */
struct data_event_desc {
	__s32 error;
	__u32 pad;
	__u32 leftover; /* bytes that were not sent */
	__u32 size;	/* bytes in all */
	struct data_event_id id;
};

enum sent_failed {
	SENT_FAILED_UNKNOWN,
	SENT_FAILED_ENOENT,
	SENT_FAILED_E2BIG,
	SENT_FAILED_EBUSY,
	SENT_FAILED_EINVAL,
	SENT_FAILED_ENOSPC,
	SENT_FAILED_EAGAIN,
	SENT_FAILED_MAX,
};

/* Per CPU: messages that could not be sent, by op and by kind of error. */
struct kernel_stats {
	__u64 sent_failed[256][SENT_FAILED_MAX];
};

struct binary {
	__s32 path_length;
	__u32 reversed;
	char path[BINARY_PATH_MAX_LEN];
	char end[STRING_POSTFIX_MAX_LENGTH];
	char end_r[STRING_POSTFIX_MAX_LENGTH];
	char args[MAX_ARG_LENGTH];
	__u64 mb_set;
	__u64 mb_gen;
};

struct cgroup_rate_key {
	__u64 id;
};

struct cgroup_rate_options {
	__u64 events;
	__u64 interval;
};

struct cgroup_rate_value {
	__u64 curr;
	__u64 prev;
	__u64 time;
	__u64 rate;
	__u64 throttled;
};

struct reg_assignment {
	__u8 type; /* 0 none, 1 constant, 2 register, 3 register + offset, 4 memory */
	__u8 pad1;
	__u16 src;
	__u16 dst;
	__u8 src_size;
	__u8 dst_size;
	__u64 off;
};

struct uprobe_regs {
	struct reg_assignment ass[UPROBE_REGS_MAX];
	__u32 cnt;
	__u32 pad;
};

/*
 * What follows is ours.
 */

/* Who acts, at this moment: stands behind the documented part of every message of ours. */
struct msg_task {
	__u32 pid; /* thread group id; host's view, as all ids here that are not ns_ */
	__u32 tid;
	__u32 ns_pid;
	__u32 ns_tid;
	__u64 start;	    /* boot-clock start time of the process (of its leader) */
	__u64 thread_start; /* of the acting thread */
	__u64 image;	    /* when the process's image began: the key's ktime */
	__u32 ppid;	    /* the kernel's parent at this moment */
	__u32 parent_ns_pid;
	__u64 parent_start;
	__u64 parent_image;
	__u32 uid;
	__u32 gid;
	__u32 euid;
	__u32 egid;
	char comm[TASK_COMM_LEN];
	char tty[16]; /* the controlling terminal, "" if there is none */
	__u32 suid;
	__u32 sgid;
	__u32 fsuid;
	__u32 fsgid;
	__u32 auid;	 /* of the login; ~0: not set */
	__u32 sessionid; /* audit session; ~0: not set */
	__u64 cap_inheritable;
	__u64 cap_permitted;
	__u64 cap_effective;
};

/* Of a fork. */
struct msg_clone_ext {
	struct msg_task task; /* the acting parent: with CLONE_PARENT not the child's parent */
	__u32 child_ppid;     /* the child's parent as the kernel has it */
	__u32 child_parent_ns_pid;
	__u64 child_parent_start;
	__u64 child_parent_image;
	__u32 child_pid_ns;
	__u32 pad;
};

struct msg_exit_ext {
	struct msg_task task;
	/* Who gets the children of the one that ended; pid 0: not known. */
	__u32 reaper_pid;
	__u32 pad;
	__u64 reaper_start;
	__u64 reaper_image;
};

/* A file as the kernel has it; dev as stat(2) shows it. */
struct msg_file {
	__u64 ino;
	__u64 ctime; /* epoch, ns */
	__u32 dev;
	__u16 mode;
	__u16 pad;
};

/* Strings behind msg_exec_ext and msg_exec_failed, in this order, each with its u16 size. */
enum msg_exec_string {
	EXEC_STR_CMDPATH,     /* what was asked for */
	EXEC_STR_INTERP,      /* bprm->interp: of a script, what its #! line names */
	EXEC_STR_STDIN,	      /* path of fd 0 */
	EXEC_STR_INTERPRETER, /* the ELF interpreter (ld.so), resolved */
	EXEC_STR_SCRIPT,      /* the script, resolved by the kernel, where a hook can tell */
	EXEC_STR_MAX,
};

#define EXEC_STR_TRUNC_SHIFT \
	8 /* trunc: bit per string that was cut, then bit per string in error */

/* Where an exec message with MSG_EXEC_TASK_WALK is from: msg_exec_ext.walk. */
enum walk_kind {
	WALK_SNAPSHOT, /* all processes, at the start */
	WALK_AFTER_LOSS,
	WALK_KERNEL_MAP, /* one that was asked for: what the kernel side had kept of it */
	WALK_PROCFS,	 /* the same, from /proc */
	WALK_KIND_MAX,
};

struct msg_exec_ext {
	struct msg_task task;
	struct msg_file exe;
	struct msg_file interpreter;
	__u64 args_size; /* of the argument area; more than came if it was cut */
	__u64 envs_size;
	__u32 sid; /* session and process group, host's view */
	__u32 pgid;
	__u32 sessionid; /* audit session */
	__u32 trunc;
	__u16 stdin_type; /* S_IFMT bits */
	__u16 size_str[EXEC_STR_MAX];
	__u32 walk; /* enum walk_kind */
	char prev_comm[TASK_COMM_LEN];
};

struct msg_exec_failed {
	struct msg_common common;
	struct msg_task task;
	__s64 ret;
	__s32 dirfd;
	__s32 flags;
	__u64 args_size;
	__u64 envs_size;
	__u16 size_path; /* as it was passed */
	__u16 size_args;
	__u16 size_envs;
	__u16 stdin_type;
	__u32 trunc; /* bit 0 path, 1 args, 2 envs, 3 stdin; bits 8.. in error */
	__u16 size_stdin;
	__u16 pad;
	/* path, args, envs, stdin path */
};

struct msg_rename {
	struct msg_common common;
	struct msg_task task;
	char old_name[TASK_COMM_LEN];
	char new_name[TASK_COMM_LEN];
};

/* Where something was lost. */
enum lost_stage {
	LOST_KERNEL_RING,
	LOST_KERNEL_RECURSION,
	LOST_MALFORMED,
	LOST_OUTPUT_QUEUE,
	LOST_RECORDING,
	LOST_STAGE_MAX,
};

struct msg_lost {
	struct msg_common common;
	__u64 count;
	__u64 from; /* boot clock: nothing was lost before this */
	__u64 to;
	__u32 stage;
	__u8 op;     /* of what was lost; 0: not known */
	__u8 reason; /* enum sent_failed */
	__u16 pad;
};

/* All processes that were there between begin and the message's own time have been told. */
struct msg_walked {
	struct msg_common common;
	__u64 begin;
	__u32 n;
	__u32 incomplete; /* it broke off: who was not told may be there */
};

/* Behind it users, then groups: lines "name:id\n". */
struct msg_names {
	struct msg_common common;
	__u32 mnt_ns;
	__u32 size_users;
	__u32 size_groups;
	__u32 pad;
};

#ifndef __bpf__
#define WIRE_SIZE(t, n)	     static_assert(sizeof(struct t) == (n), "size of " #t)
#define WIRE_OFFSET(t, f, n) static_assert(offsetof(struct t, f) == (n), "offset of " #t "." #f)
WIRE_SIZE(msg_common, 16);
WIRE_OFFSET(msg_common, size, 4);
WIRE_OFFSET(msg_common, ktime, 8);
WIRE_SIZE(msg_execve_key, 16);
WIRE_OFFSET(msg_execve_key, ktime, 8);
WIRE_SIZE(msg_k8s, 144);
WIRE_SIZE(msg_capabilities, 24);
WIRE_SIZE(msg_user_namespace, 16);
WIRE_SIZE(msg_generic_cred, 80);
WIRE_OFFSET(msg_generic_cred, cap, 40);
WIRE_OFFSET(msg_generic_cred, user_ns, 64);
WIRE_SIZE(msg_namespaces, 40);
WIRE_SIZE(msg_execve_event, 320);
WIRE_OFFSET(msg_execve_event, kube, 16);
WIRE_OFFSET(msg_execve_event, parent, 160);
WIRE_OFFSET(msg_execve_event, parent_flags, 176);
WIRE_OFFSET(msg_execve_event, creds, 184);
WIRE_OFFSET(msg_execve_event, ns, 264);
WIRE_OFFSET(msg_execve_event, cleanup_process, 304);
WIRE_SIZE(msg_exec, 64);
WIRE_OFFSET(msg_exec, ino, 40);
WIRE_OFFSET(msg_exec, ktime, 48);
WIRE_OFFSET(msg_exec, size_path, 56);
WIRE_SIZE(msg_clone_event, 56);
WIRE_OFFSET(msg_clone_event, parent, 16);
WIRE_OFFSET(msg_clone_event, pid, 32);
WIRE_OFFSET(msg_clone_event, ktime, 48);
WIRE_SIZE(msg_exit_event, 40);
WIRE_OFFSET(msg_exit_event, current, 16);
WIRE_OFFSET(msg_exit_event, info, 32);
WIRE_SIZE(msg_cgroup_data, 144);
WIRE_SIZE(msg_cgroup_event, 4312);
WIRE_OFFSET(msg_cgroup_event, cgrp_data, 72);
WIRE_OFFSET(msg_cgroup_event, path, 216);
WIRE_SIZE(msg_throttle_event, 160);
WIRE_SIZE(msg_data, 32);
WIRE_SIZE(data_event_desc, 32);
WIRE_OFFSET(data_event_desc, id, 16);
WIRE_SIZE(kernel_stats, 14336);
WIRE_SIZE(binary, 792);
WIRE_SIZE(cgroup_rate_key, 8);
WIRE_SIZE(cgroup_rate_options, 16);
WIRE_SIZE(cgroup_rate_value, 40);
WIRE_SIZE(reg_assignment, 16);
WIRE_SIZE(uprobe_regs, 296);
WIRE_SIZE(msg_task, 160);
WIRE_OFFSET(msg_task, cap_inheritable, 136);
WIRE_SIZE(msg_walked, 32);
WIRE_SIZE(msg_names, 32);
WIRE_SIZE(msg_clone_ext, 192);
WIRE_SIZE(msg_exit_ext, 184);
WIRE_SIZE(msg_file, 24);
WIRE_SIZE(msg_exec_ext, 272);
WIRE_OFFSET(msg_exec_ext, exe, 160); /* as in struct known_process */
WIRE_SIZE(msg_exec_failed, 224);
WIRE_SIZE(msg_rename, 208);
WIRE_SIZE(msg_lost, 48);
#endif

#endif

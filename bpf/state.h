/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keys and values of the maps: shared by the programs and their loader, never recorded or sent.
 */
#ifndef TARSIER_STATE_H
#define TARSIER_STATE_H

#include "wire.h"

/* Which filters of the scope are in force, and which of them hold the negated form. */
enum scope_bits {
	SCOPE_UID = 1,
	SCOPE_PID = 2,
	SCOPE_COMM = 4,
	SCOPE_EXE = 8,
	SCOPE_TREE = 16,      /* descendants of a process */
	SCOPE_TREE_ROOT = 32, /* an image's flag: that process itself */
};

#define SCOPE_MAX     64  /* values of one filter */
#define SCOPE_EXE_LEN 248 /* LPM tries take keys of at most 256 bytes of data */

struct image_state {
	__u64 start; /* of the process: a stale entry of a reused pid does not match */
	__u64 image; /* when the image began */
	__u32 flags; /* SCOPE_EXE, SCOPE_TREE, SCOPE_TREE_ROOT: what this image is in */
	__u32 pad;
};

/* What is kept of a process for those who missed its events. */
struct known_process {
	struct msg_task task;
	struct msg_file exe;
};

#define KNOWN_PATH_MAX 256

struct known_path {
	__u16 len, flags; /* MSG_EXEC_DELETED >> 16 */
	__u32 pad;
	char path[KNOWN_PATH_MAX];
};

struct known_file {
	__u64 ino;
	__u64 ctime; /* an inode's number is used again at once */
	__u32 dev;
	__u32 pad;
};

struct exited_key {
	__u64 start;
	__u32 pid;
	__u32 pad;
};

struct comm_value {
	char comm[TASK_COMM_LEN];
};

/* The file that an exec began with, while the exec is under way: not held, so checked by ino. */
struct exec_file {
	__u64 dentry, mnt, ino;
};

struct scope_exe_key {
	__u32 prefixlen; /* bits */
	char path[SCOPE_EXE_LEN];
};

#define PATH_AREA   16384
#define INLINE_MAX  8192 /* args or envs up to this travel in the exec's own message */
#define DATA_CHUNKS 200	 /* of MSG_DATA_MAX: above the 6 MiB that the kernel accepts at most */
/* What may stand in var: all parts of the largest exec, which is then never too large to send. */
#define VAR_MAX 98304

#define N_SLOTS_AGAIN 8 /* messages that X_again and X_last can have under construction at a time */

/*
 * A message under construction; never leaves the kernel as a whole. What loops and long functions
 * carry along is here too, not in registers: the verifier does not follow it, so that it sees the
 * same state on all paths and is done in thousands of instructions, not in millions.
 */
struct scratch {
	char path[PATH_AREA * 2]; /* filled from PATH_AREA down; the rest keeps reads in bounds */
	struct {
		__u64 dentry, mnt, mnt_root;
		__u32 pos, flags;
	} walk;
	struct {
		__u64 at, left, time;
		__s32 error;
		__u32 pad;
	} chunks;
	struct {
		__u64 at;
		__u32 begin, trunc;
	} strv;
	__u64 number;  /* makes a number of a pointer: see as_number() */
	__u32 off;     /* of the next byte in var */
	__u32 old_tid; /* of the thread that execs, before it takes over its process */
	__u32 pad2;
	__u32 fd_type; /* of the last put_fd(): S_IFMT bits */
	union {	       /* var follows either header: the message is contiguous */
		struct {
			struct msg_execve_event event;
			struct msg_exec exec;
		};
		struct {
			char gap[sizeof(struct msg_execve_event) + sizeof(struct msg_exec) -
				 sizeof(struct msg_exec_failed)];
			struct msg_exec_failed failed;
		};
	};
	char var[VAR_MAX + PATH_AREA * 2];
	struct msg_exec_ext ext;
	struct scope_exe_key exe_key;
	struct {
		struct msg_data data;
		char bytes[MSG_DATA_MAX];
	} chunk;
};

#endif

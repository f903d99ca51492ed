/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message of each kind. Every field has a value of its own, so that none can stand for another.
 */
#ifndef TSR_TESTS_SAMPLE_MESSAGES_H
#define TSR_TESTS_SAMPLE_MESSAGES_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "build_messages.h"
#include "wire/decode.h"

static inline struct msg_task sample_task(void)
{
	struct msg_task t = {
		.pid = 101,
		.tid = 102,
		.ns_pid = 103,
		.ns_tid = 104,
		.start = 105,
		.thread_start = 106,
		.image = 107,
		.ppid = 108,
		.parent_ns_pid = 109,
		.parent_start = 110,
		.parent_image = 111,
		.uid = 112,
		.gid = 113,
		.euid = 114,
		.egid = 115,
		.suid = 116,
		.sgid = 117,
		.fsuid = 118,
		.fsgid = 119,
		.auid = 120,
		.sessionid = 121,
		.cap_inheritable = 122,
		.cap_permitted = 123,
		.cap_effective = 124,
	};

	set_comm(t.comm, "fifteen_letters");
	set_comm(t.tty, "pts7");
	return t;
}

static inline struct wire_exec sample_exec(void)
{
	struct wire_exec p = {
		.event = {
			.common = { .flags = MSG_COMMON_FLAG_STATE_ONLY, .ktime = 201 },
			.kube = { .cgrpid = 202, .cgrp_tracker_id = 203, .docker_id = "leaf.scope" },
			.parent = { .pid = 108, .ktime = 111 },
			.creds = {
				.uid = 112, .gid = 113, .suid = 204, .sgid = 205, .euid = 114,
				.egid = 115, .fsuid = 206, .fsgid = 207, .securebits = 208,
				.cap = { .permitted = 1ULL << 40 | 1, .effective = 1ULL << 39,
					 .inheritable = 1ULL << 38 },
				.user_ns = { .level = 2, .uid = 209, .gid = 210, .ns_inum = 220 },
			},
			.ns = { 211, 212, 213, 214, 215, 216, 217, 218, 219, 220 },
			.cleanup_process = { .pid = 101, .ktime = 221 },
		},
		.exec = {
			.pid = 101, .tid = 102, .nspid = 103, .secureexec = 0x1f, .uid = 114,
			.auid = 222, .flags = MSG_EXEC_EXECVE | MSG_EXEC_KERNEL, .nlink = 223,
			.ino = 224, .ktime = 107,
		},
		.ext = {
			.task = sample_task(),
			.exe = { .ino = 224, .ctime = 225, .dev = 226, .mode = 0100755 },
			.interpreter = { .ino = 227, .ctime = 228, .dev = 229, .mode = 0100644 },
			.args_size = 230, .envs_size = 231, .sid = 232, .pgid = 233,
			.sessionid = 234, .stdin_type = S_IFCHR,
			.prev_comm = "bash",
		},
		.path = str_of("/usr/bin/cat"),
		.args = LIST("cat\0-n\0\0caf\xe9"),
		.cwd = str_of("/home/me"),
		.envs = LIST("PATH=/bin\0HOME=/"),
		.strings = {
			[EXEC_STR_CMDPATH] = str_of("./cat"),
			[EXEC_STR_INTERP] = str_of("/usr/bin/interp"),
			[EXEC_STR_STDIN] = str_of("/dev/pts/7"),
			[EXEC_STR_INTERPRETER] = str_of("/lib/ld.so"),
			[EXEC_STR_SCRIPT] = str_of("/home/me/script"),
		},
	};

	return p;
}

static inline struct wire_exec_failed sample_failed(void)
{
	struct wire_exec_failed p = {
		.fixed = {
			.common = { .ktime = 301 }, .task = sample_task(), .ret = -ENOENT,
			.dirfd = -100, .flags = 0x1000, .args_size = 302, .envs_size = 303,
			.stdin_type = S_IFIFO,
		},
		.path = str_of("/no/such"),
		.args = LIST("such\0x"),
		.envs = LIST("A=1\0B=2"),
		.stdin_path = str_of("pipe:[9]"),
	};

	return p;
}

static inline int add_fork(struct messages *m)
{
	struct msg_clone_event e = {
		.common = { .ktime = 401 },
		.parent = { .pid = 406, .ktime = 409 },
		.pid = 402,
		.tid = 402,
		.nspid = 404,
		.flags = MSG_EXEC_CLONE,
		.ktime = 405,
	};
	struct msg_clone_ext x = {
		.task = sample_task(),
		.child_ppid = 406,
		.child_parent_ns_pid = 407,
		.child_parent_start = 408,
		.child_parent_image = 409,
		.child_pid_ns = 410,
	};

	return wire_encode_fork(&e, &x, messages_add, m);
}

static inline int add_exit(struct messages *m)
{
	struct msg_exit_event e = {
		.common = { .ktime = 501 },
		.current = { .pid = 101, .ktime = 107 },
		.info = { .code = 7 << 8, .tid = 102 },
	};
	struct msg_exit_ext x = {
		.task = sample_task(),
		.reaper_pid = 502,
		.reaper_start = 503,
		.reaper_image = 504,
	};

	return wire_encode_exit(&e, &x, messages_add, m);
}

static inline int add_rename(struct messages *m)
{
	struct msg_rename r = {
		.common = { .ktime = 601 },
		.task = sample_task(),
		.old_name = "fifteen_letters",
		.new_name = "sixteen_letters_", /* all bytes: there is no NUL to rely on */
	};

	return wire_encode_rename(&r, messages_add, m);
}

static inline int add_lost(struct messages *m)
{
	struct msg_lost l = {
		.common = { .ktime = 701 },
		.count = 702,
		.from = 703,
		.to = 704,
		.stage = LOST_KERNEL_RING,
		.op = MSG_OP_CLONE,
		.reason = SENT_FAILED_EAGAIN,
	};

	return wire_encode_lost(&l, messages_add, m);
}

static inline void add_exec(struct messages *m, const struct wire_exec *p)
{
	struct buf tmp = { 0 };

	assert_int_equal(wire_encode_exec(p, &tmp, messages_add, m), 0);
	buf_free(&tmp);
}

static inline void add_failed(struct messages *m, const struct wire_exec_failed *p)
{
	struct buf tmp = { 0 };

	assert_int_equal(wire_encode_exec_failed(p, &tmp, messages_add, m), 0);
	buf_free(&tmp);
}

static inline enum wire_error decode_last(struct messages *m, struct assembler *a,
					  struct tsr_event *ev)
{
	return wire_decode(m->at[m->n - 1].bytes, m->at[m->n - 1].len, a, ev);
}

/* One of each kind. */
static inline void add_samples(struct messages *m)
{
	struct wire_exec exec = sample_exec();
	struct wire_exec_failed failed = sample_failed();

	add_fork(m);
	add_exec(m, &exec);
	add_exit(m);
	add_failed(m, &failed);
	add_rename(m);
	add_lost(m);
}

#endif

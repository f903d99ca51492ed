/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to events: every field of every event has the value that the message had, and whatever
 * is wrong with a message is told from what is not. Messages are allocated as long as they are, so
 * that the address sanitizer sees a read beyond them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "build_messages.h"
#include "wire/decode.h"

/* Every field has a value of its own, so that none can stand for another. */
static struct msg_task sample_task(void)
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
	};

	set_comm(t.comm, "fifteen_letters");
	return t;
}

static struct wire_exec sample_exec(void)
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

static struct wire_exec_failed sample_failed(void)
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

static int add_fork(struct messages *m)
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

static int add_exit(struct messages *m)
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

static int add_rename(struct messages *m)
{
	struct msg_rename r = {
		.common = { .ktime = 601 },
		.task = sample_task(),
		.old_name = "fifteen_letters",
		.new_name = "sixteen_letters_", /* all bytes: there is no NUL to rely on */
	};

	return wire_encode_rename(&r, messages_add, m);
}

static int add_lost(struct messages *m)
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

static void add_exec(struct messages *m, const struct wire_exec *p)
{
	struct buf tmp = { 0 };

	assert_int_equal(wire_encode_exec(p, &tmp, messages_add, m), 0);
	buf_free(&tmp);
}

static void add_failed(struct messages *m, const struct wire_exec_failed *p)
{
	struct buf tmp = { 0 };

	assert_int_equal(wire_encode_exec_failed(p, &tmp, messages_add, m), 0);
	buf_free(&tmp);
}

static enum wire_error decode_last(struct messages *m, struct assembler *a, struct tsr_event *ev)
{
	return wire_decode(m->at[m->n - 1].bytes, m->at[m->n - 1].len, a, ev);
}

/* One of each kind. */
static void add_samples(struct messages *m)
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

/* A value as text; a string's zero bytes show as \0, a list is [a|b]. */
static const char *render(const struct tsr_value *v, char *text, size_t size)
{
	FILE *f = fmemopen(text, size, "w");
	str_t s = v->type == TSR_TYPE_STRINGS ? v->list : v->s;

	if (!v->present) {
		fputs("-", f);
	} else if (v->type == TSR_TYPE_STRING) {
		fwrite(s.bytes, 1, s.len, f);
	} else if (v->type == TSR_TYPE_STRINGS) {
		fputc('[', f);
		for (size_t i = 0; i < s.len; i++)
			if (s.bytes[i] || i + 1 < s.len)
				fputc(s.bytes[i] ? s.bytes[i] : '|', f);
		assert_true(!s.len || !s.bytes[s.len - 1]);
		fputc(']', f);
	} else if (v->type == TSR_TYPE_BOOL) {
		fputs(v->i ? "true" : "false", f);
	} else if (v->type == TSR_TYPE_INT32 || v->type == TSR_TYPE_INT64) {
		fprintf(f, "%lld", (long long)v->i);
	} else {
		fprintf(f, "%llu", (unsigned long long)v->u);
	}
	fclose(f);
	return text;
}

struct expect {
	const char *field, *value;
};

/* Every field of the event, in the definition's order, has this value. */
static void assert_values(const struct tsr_event *ev, const struct expect *expect, size_t n)
{
	struct event_scratch tmp;
	struct tsr_value values[64];
	char text[512];

	assert_int_equal(n, ev->def->n_fields);
	event_values(ev, values, &tmp);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(expect[i].field, ev->def->fields[i].name);
		if (strcmp(render(&values[i], text, sizeof(text)), expect[i].value))
			fail_msg("%s is %s, should be %s", expect[i].field, text, expect[i].value);
		if (!values[i].present)
			assert_true(ev->def->fields[i].optional);
		assert_int_equal(values[i].type, ev->def->fields[i].type);
	}
}

#define ASSERT_VALUES(ev, e) assert_values(ev, e, sizeof(e) / sizeof((e)[0]))

/* One field's value only. */
static void assert_value(const struct tsr_event *ev, const char *field, const char *value)
{
	int index = tsr_event_def_field(ev->def, field);
	struct event_scratch tmp;
	struct tsr_value values[64];
	char text[512];

	assert_true(index >= 0);
	event_values(ev, values, &tmp);
	assert_string_equal(render(&values[index], text, sizeof(text)), value);
}

static void assert_sample_task(const struct tsr_event *ev)
{
	const struct msg_task m = sample_task();
	const struct ev_task *t = &ev->task;

	assert_true(ev->has_task);
	assert_int_equal(t->pid, m.pid);
	assert_int_equal(t->tid, m.tid);
	assert_int_equal(t->ns_pid, m.ns_pid);
	assert_int_equal(t->ns_tid, m.ns_tid);
	assert_int_equal(t->start, m.start);
	assert_int_equal(t->thread_start, m.thread_start);
	assert_int_equal(t->image, m.image);
	assert_int_equal(t->ppid, m.ppid);
	assert_int_equal(t->parent_ns_pid, m.parent_ns_pid);
	assert_int_equal(t->parent_start, m.parent_start);
	assert_int_equal(t->parent_image, m.parent_image);
	assert_int_equal(t->uid, m.uid);
	assert_int_equal(t->gid, m.gid);
	assert_int_equal(t->euid, m.euid);
	assert_int_equal(t->egid, m.egid);
	assert_memory_equal(t->comm, m.comm, sizeof(t->comm));
}

static void test_fork(void **state)
{
	static const struct expect expect[] = {
		{ "parent_tid", "102" },
		{ "parent_ns_tid", "104" },
		{ "parent_pid", "101" },
		{ "parent_ns_pid", "103" },
		{ "parent_start_time", "106" },
		{ "child_tid", "402" },
		{ "child_ns_tid", "404" },
		{ "child_pid", "402" },
		{ "child_ns_pid", "404" },
		{ "start_time", "405" },
		{ "parent_process_tid", "406" },
		{ "parent_process_ns_tid", "407" },
		{ "parent_process_pid", "406" },
		{ "parent_process_ns_pid", "407" },
		{ "parent_process_start_time", "408" },
		{ "leader_tid", "402" },
		{ "leader_ns_tid", "404" },
		{ "leader_pid", "402" },
		{ "leader_ns_pid", "404" },
		{ "leader_start_time", "405" },
	};
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	add_fork(&m);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
	assert_int_equal(ev.def->id, TSR_EVENT_SCHED_PROCESS_FORK);
	assert_int_equal(ev.ktime, 401);
	assert_false(ev.state_only);
	assert_sample_task(&ev);
	assert_int_equal(ev.fork.parent_image, 409);
	ASSERT_VALUES(&ev, expect);
	messages_free(&m);
}

static void test_exec(void **state)
{
	static const struct expect expect[] = {
		{ "cmdpath", "./cat" },
		{ "pathname", "/usr/bin/cat" },
		{ "dev", "226" },
		{ "inode", "224" },
		{ "ctime", "225" },
		{ "inode_mode", "33261" },
		{ "interpreter_pathname", "/lib/ld.so" },
		{ "interpreter_dev", "229" },
		{ "interpreter_inode", "227" },
		{ "interpreter_ctime", "228" },
		{ "argv", "[cat|-n||caf\xe9]" },
		{ "interp", "/usr/bin/interp" },
		{ "stdin_type", "8192" },
		{ "stdin_path", "/dev/pts/7" },
		{ "invoked_from_kernel", "true" },
		{ "prev_comm", "bash" },
		{ "env", "[PATH=/bin|HOME=/]" },
		{ "pwd", "/home/me" },
		{ "script_pathname", "/home/me/script" },
		{ "secure_exec", "[setuid|setgid|file_caps|setuid_root|setgid_root]" },
		{ "nlink", "223" },
		{ "suid", "204" },
		{ "sgid", "205" },
		{ "fsuid", "206" },
		{ "fsgid", "207" },
		{ "egid", "115" },
		{ "securebits", "208" },
		{ "cap_permitted", "1099511627777" },
		{ "cap_effective", "549755813888" },
		{ "cap_inheritable", "274877906944" },
		{ "loginuid", "222" },
		{ "sid", "232" },
		{ "cgroup_id", "202" },
		{ "cgroup_name", "leaf.scope" },
		{ "uts_ns", "211" },
		{ "ipc_ns", "212" },
		{ "mnt_ns", "213" },
		{ "pid_ns", "214" },
		{ "pid_ns_for_children", "215" },
		{ "net_ns", "216" },
		{ "time_ns", "217" },
		{ "time_ns_for_children", "218" },
		{ "cgroup_ns", "219" },
		{ "user_ns", "220" },
		{ "user_ns_level", "2" },
		{ "user_ns_uid", "209" },
		{ "user_ns_gid", "210" },
		{ "argv_size", "230" },
		{ "env_size", "231" },
		{ "truncated", "-" },
	};
	struct wire_exec p = sample_exec();
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	add_exec(&m, &p);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
	assert_int_equal(ev.def->id, TSR_EVENT_SCHED_PROCESS_EXEC);
	assert_int_equal(ev.ktime, 201);
	assert_true(ev.state_only);
	assert_sample_task(&ev);
	assert_int_equal(ev.exec.uid, 114);
	assert_int_equal(ev.exec.image, 107);
	assert_int_equal(ev.exec.pgid, 233);
	assert_int_equal(ev.exec.interpreter_file.mode, 0100644);
	/* These two the rooms above fill in. */
	ev.prev_comm = ev.exec.prev_comm;
	ev.script = ev.exec.script;
	ASSERT_VALUES(&ev, expect);
	messages_free(&m);
}

/* What an exec can lack. */
static void test_bare_exec(void **state)
{
	static const char *const absent[] = {
		"interpreter_pathname",
		"interpreter_dev",
		"interpreter_inode",
		"interpreter_ctime",
		"stdin_type",
		"stdin_path",
		"pwd",
		"script_pathname",
		"secure_exec",
		"loginuid",
		"cgroup_name",
		"time_ns",
		"time_ns_for_children",
		"truncated",
	};
	struct wire_exec p = {
		.exec = { .pid = 5, .auid = UINT32_MAX },
		.ext.task.pid = 5,
		.strings[EXEC_STR_CMDPATH] = str_of("cmd"),
	};
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	add_exec(&m, &p);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		assert_value(&ev, absent[i], "-");
	assert_value(&ev, "argv", "[]");
	assert_value(&ev, "env", "[]");
	assert_value(&ev, "interp", "cmd"); /* no script: what was asked for */
	messages_free(&m);
}

static void test_exec_flags(void **state)
{
	static const struct {
		uint32_t flag;
		const char *truncated;
	} cuts[] = {
		{ MSG_EXEC_TRUNC_FILENAME, "[pathname]" },
		{ MSG_EXEC_ERROR_FILENAME, "[pathname]" },
		{ MSG_EXEC_TRUNC_ARGS, "[argv]" },
		{ MSG_EXEC_ERROR_ARGS, "[argv]" },
		{ MSG_EXEC_TRUNC_ENVS, "[env]" },
		{ MSG_EXEC_ERROR_ENVS, "[env]" },
		{ MSG_EXEC_TRUNC_CWD, "[pwd]" },
		{ MSG_EXEC_ERROR_CWD, "[pwd]" },
		{ 0, "-" },
	};
	static const struct {
		uint32_t trunc;
		const char *truncated;
	} strings[] = {
		{ 1U << EXEC_STR_CMDPATH, "[cmdpath]" },
		{ 1U << EXEC_STR_INTERP, "[interp]" },
		{ 1U << EXEC_STR_STDIN, "[stdin_path]" },
		{ 1U << (EXEC_STR_CMDPATH + EXEC_STR_TRUNC_SHIFT), "[cmdpath]" },
		{ 1U << (EXEC_STR_STDIN + EXEC_STR_TRUNC_SHIFT), "[stdin_path]" },
	};
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct wire_exec p = sample_exec();

		p.exec.flags = cuts[i].flag;
		add_exec(&m, &p);
		assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
		assert_value(&ev, "truncated", cuts[i].truncated);
		assert_value(&ev, "invoked_from_kernel", "false");
	}
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct wire_exec p = sample_exec();

		p.ext.trunc = strings[i].trunc;
		add_exec(&m, &p);
		assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
		assert_value(&ev, "truncated", strings[i].truncated);
	}
	/* All at once: the names' room suffices. */
	{
		struct wire_exec p = sample_exec();

		p.exec.flags = UINT32_MAX & ~(uint32_t)(MSG_EXEC_DATA_ARGS | MSG_EXEC_DATA_ENVS);
		p.ext.trunc = UINT32_MAX;
		add_exec(&m, &p);
		assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
		assert_value(&ev, "truncated", "[cmdpath|pathname|argv|interp|stdin_path|env|pwd]");
		assert_value(&ev, "pwd", "/"); /* MSG_EXEC_ROOT_CWD */
		assert_true(ev.exec.snapshot && ev.exec.kthread && ev.exec.no_exec &&
			    ev.exec.procfs && ev.exec.deleted && ev.exec.cwd_deleted &&
			    ev.exec.kernel && ev.exec.env_names);
	}
	messages_free(&m);
}

static void test_exit(void **state)
{
	static const struct {
		uint32_t code;
		struct expect expect[5];
	} exits[] = {
#define EXIT(code, status, signal, core)                                                   \
	{                                                                                  \
		code,                                                                      \
		{                                                                          \
			{ "exit_code", status }, { "signal_code", signal },                \
				{ "process_group_exit", "true" }, { "core_dumped", core }, \
			{                                                                  \
				"run_time", "505"                                          \
			}                                                                  \
		}                                                                          \
	}
		EXIT(0, "0", "0", "false"),	     EXIT(7 << 8, "7", "0", "false"),
		EXIT(255 << 8, "255", "0", "false"), EXIT(9, "0", "9", "false"),
		EXIT(11 | 0x80, "0", "11", "true"),  EXIT(64, "0", "64", "false"),
	};
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		struct msg_exit_event *e;

		add_exit(&m);
		e = m.at[m.n - 1].bytes;
		e->info.code = exits[i].code;
		assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
		assert_int_equal(ev.def->id, TSR_EVENT_SCHED_PROCESS_EXIT);
		assert_int_equal(ev.ktime, 501);
		assert_sample_task(&ev);
		assert_int_equal(ev.exit.reaper_pid, 502);
		assert_int_equal(ev.exit.reaper_start, 503);
		ev.run_time = 505;
		ASSERT_VALUES(&ev, exits[i].expect);
	}
	messages_free(&m);
}

static void test_exec_failed(void **state)
{
	static const struct expect expect[] = {
		{ "dirfd", "-100" },	      { "flags", "4096" },
		{ "pathname", "/no/such" },   { "binary.path", "-" },
		{ "binary.device_id", "-" },  { "binary.inode_number", "-" },
		{ "binary.ctime", "-" },      { "binary.inode_mode", "-" },
		{ "interpreter_path", "-" },  { "stdin_type", "4096" },
		{ "stdin_path", "pipe:[9]" }, { "kernel_invoked", "0" },
		{ "argv", "[such|x]" },	      { "envp", "[A=1|B=2]" },
		{ "returnValue", "-2" },      { "error", "ENOENT" },
		{ "truncated", "-" },	      { "script_pathname", "-" },
	};
	struct wire_exec_failed p = sample_failed();
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	add_failed(&m, &p);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
	assert_int_equal(ev.def->id, TSR_EVENT_PROCESS_EXECUTE_FAILED);
	assert_int_equal(ev.ktime, 301);
	assert_sample_task(&ev);
	ASSERT_VALUES(&ev, expect);

	p.fixed.trunc = 0xf;
	add_failed(&m, &p);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
	assert_value(&ev, "truncated", "[pathname|argv|stdin_path|envp]");
	p.fixed.trunc = 0x706; /* nothing of it could be read: not "empty", but absent */
	p.args.len = p.envs.len = 0;
	add_failed(&m, &p);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
	assert_value(&ev, "pathname", "-");
	assert_value(&ev, "argv", "-");
	assert_value(&ev, "envp", "-");
	p.fixed.trunc = 0;
	p.fixed.ret = -3000; /* no error that has a name, nor is the next */
	add_failed(&m, &p);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
	assert_value(&ev, "error", "-");
	p.fixed.ret = INT64_MIN;
	add_failed(&m, &p);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
	assert_value(&ev, "error", "-");
	assert_value(&ev, "returnValue", "-9223372036854775808");
	messages_free(&m);
}

static void test_rename(void **state)
{
	static const struct expect expect[] = { { "old_name", "fifteen_letters" },
						{ "new_name", "sixteen_letters_" } };
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	add_rename(&m);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
	assert_int_equal(ev.def->id, TSR_EVENT_TASK_RENAME);
	assert_int_equal(ev.ktime, 601);
	assert_sample_task(&ev);
	ASSERT_VALUES(&ev, expect);
	messages_free(&m);
}

static void test_lost(void **state)
{
	static const struct expect expect[] = {
		{ "count", "702" },
		{ "stage", "kernel_ring" },
		{ "type", "sched_process_fork" },
		{ "reason", "EAGAIN" },
		{ "from", "703" },
		{ "to", "704" },
	};
	static const char *const stages[] = { "kernel_ring", "kernel_recursion", "malformed",
					      "output_queue", "recording" };
	struct messages m = { 0 };
	struct tsr_event ev;
	struct msg_lost *l;

	(void)state;
	add_lost(&m);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
	assert_int_equal(ev.def->id, TSR_EVENT_LOST_EVENTS);
	assert_false(ev.has_task);
	ASSERT_VALUES(&ev, expect);
	l = m.at[m.n - 1].bytes;
	l->op = l->reason = 0;
	for (l->stage = 0; l->stage < LOST_STAGE_MAX; l->stage++) {
		assert_int_equal(decode_last(&m, NULL, &ev), WIRE_OK);
		assert_value(&ev, "stage", stages[l->stage]);
		assert_value(&ev, "type", "-");
		assert_value(&ev, "reason", "-");
	}
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_VALUE);
	messages_free(&m);
}

/* Every prefix of every message, with the header's size as it was and as it would be right. */
static void test_truncated(void **state)
{
	struct messages m = { 0 };

	(void)state;
	add_samples(&m);
	for (size_t i = 0; i < m.n; i++) {
		for (size_t len = 0; len < m.at[i].len; len++) {
			struct msg_common *c = memcpy(xmalloc(len), m.at[i].bytes, len);
			struct tsr_event ev;
			enum wire_error e = wire_decode(c, len, NULL, &ev);

			assert_int_equal(e, len < sizeof(*c) ? WIRE_SHORT : WIRE_SIZE);
			if (len >= sizeof(*c)) {
				c->size = (__u32)len;
				e = wire_decode(c, len, NULL, &ev);
				if (e != WIRE_SHORT && e != WIRE_LENGTHS)
					fail_msg("op %u, %zu of %zu bytes: %s", c->op, len,
						 m.at[i].len, wire_error_text(e));
			}
			free(c);
		}
	}
	messages_free(&m);
}

/* What a newer version appends is skipped. */
static void test_longer(void **state)
{
	struct messages m = { 0 };

	(void)state;
	add_samples(&m);
	for (size_t i = 0; i < m.n; i++) {
		for (size_t more = 1; more < 20; more++) {
			size_t len = m.at[i].len + more;
			struct msg_common *c = xcalloc(1, len);
			struct tsr_event ev;

			memcpy(c, m.at[i].bytes, m.at[i].len);
			assert_int_equal(wire_decode(c, len, NULL, &ev), WIRE_SIZE);
			c->size = (__u32)len;
			assert_int_equal(wire_decode(c, len, NULL, &ev), WIRE_OK);
			free(c);
		}
	}
	messages_free(&m);
}

/* A u16 or u32 within a message, one more and one less, and what that must be taken for. */
struct off_by_one {
	const char *what;
	size_t at, size;
	enum wire_error more, less;
};

#define LENGTH(type, base, m, more, less)                                                    \
	{                                                                                    \
#type "." #m, (base) + offsetof(type, m), sizeof(((type *)0)->m), more, less \
	}

static void check_lengths(const struct messages *m, const struct off_by_one *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int by = -1; by <= 1; by += 2) {
			size_t len = m->at[0].len;
			char *msg = memcpy(xmalloc(len), m->at[0].bytes, len);
			enum wire_error should = by > 0 ? f[i].more : f[i].less, is;
			struct tsr_event ev;
			uint32_t v = 0;

			memcpy(&v, msg + f[i].at, f[i].size);
			v += (uint32_t)by;
			memcpy(msg + f[i].at, &v, f[i].size);
			is = wire_decode(msg, len, NULL, &ev);
			if (is != should)
				fail_msg("%s %+d: %s, should be: %s", f[i].what, by,
					 wire_error_text(is), wire_error_text(should));
			free(msg);
		}
	}
}

static void test_lengths_of_exec(void **state)
{
	struct wire_exec p = sample_exec();
	size_t var = p.path.len + p.args.len + p.cwd.len + p.envs.len;
	size_t exec = sizeof(struct msg_execve_event);
	size_t ext = exec + sizeof(struct msg_exec) + ((var + 7) & ~(size_t)7);
	const struct off_by_one fields[] = {
		LENGTH(struct msg_common, 0, size, WIRE_SIZE, WIRE_SIZE),
		LENGTH(struct msg_exec, exec, size, WIRE_LENGTHS, WIRE_LENGTHS),
		LENGTH(struct msg_exec, exec, size_path, WIRE_LENGTHS, WIRE_LENGTHS),
		LENGTH(struct msg_exec, exec, size_args, WIRE_LENGTHS, WIRE_LENGTHS),
		LENGTH(struct msg_exec, exec, size_cwd, WIRE_LENGTHS, WIRE_LENGTHS),
		LENGTH(struct msg_exec, exec, size_envs, WIRE_LENGTHS, WIRE_LENGTHS),
		/* One less leaves a byte behind, as a newer version might. */
		LENGTH(struct msg_exec_ext, ext, size_str[0], WIRE_LENGTHS, WIRE_OK),
		LENGTH(struct msg_exec_ext, ext, size_str[1], WIRE_LENGTHS, WIRE_OK),
		LENGTH(struct msg_exec_ext, ext, size_str[2], WIRE_LENGTHS, WIRE_OK),
		LENGTH(struct msg_exec_ext, ext, size_str[3], WIRE_LENGTHS, WIRE_OK),
		LENGTH(struct msg_exec_ext, ext, size_str[4], WIRE_LENGTHS, WIRE_OK),
	};
	struct messages m = { 0 };

	(void)state;
	add_exec(&m, &p);
	check_lengths(&m, fields, sizeof(fields) / sizeof(fields[0]));
	messages_free(&m);
}

static void test_lengths_of_exec_failed(void **state)
{
	const struct off_by_one fields[] = {
		LENGTH(struct msg_common, 0, size, WIRE_SIZE, WIRE_SIZE),
		/* What follows a shorter part shifts: a list then does not end where it should. */
		LENGTH(struct msg_exec_failed, 0, size_path, WIRE_LENGTHS, WIRE_STRING),
		LENGTH(struct msg_exec_failed, 0, size_args, WIRE_LENGTHS, WIRE_STRING),
		LENGTH(struct msg_exec_failed, 0, size_envs, WIRE_LENGTHS, WIRE_STRING),
		LENGTH(struct msg_exec_failed, 0, size_stdin, WIRE_LENGTHS, WIRE_OK),
	};
	struct wire_exec_failed p = sample_failed();
	struct messages m = { 0 };

	(void)state;
	add_failed(&m, &p);
	check_lengths(&m, fields, sizeof(fields) / sizeof(fields[0]));
	messages_free(&m);
}

/*
 * The parts of an exec change in length and their sum with them: whatever is made of it, nothing
 * beyond the message is read.
 */
static void test_lengths_that_add_up(void **state)
{
	static const int steps[] = { -300, -9, -8, -1, 1, 7, 8, 9, 300, 60000 };
	struct wire_exec p = sample_exec();
	struct messages m = { 0 };
	size_t accepted = 0;

	(void)state;
	add_exec(&m, &p);
	for (size_t i = 0; i < 16 * sizeof(steps) / sizeof(steps[0]); i++) {
		size_t len = m.at[0].len;
		char *msg = memcpy(xmalloc(len), m.at[0].bytes, len);
		struct msg_exec *x = (void *)(msg + sizeof(struct msg_execve_event));
		__u16 *sizes[] = { &x->size_path, &x->size_args, &x->size_cwd, &x->size_envs };
		__u16 *a = sizes[i % 4], *b = sizes[i / 4 % 4];
		struct tsr_event ev;

		*a = (__u16)(*a + steps[i / 16]);
		*b = (__u16)(*b - steps[i / 16] / 2);
		x->size = (__u32)(sizeof(*x) + x->size_path + x->size_args + x->size_cwd +
				  x->size_envs);
		accepted += wire_decode(msg, len, NULL, &ev) == WIRE_OK;
		free(msg);
	}
	assert_true(accepted < 16 * sizeof(steps) / sizeof(steps[0]));
	messages_free(&m);
}

static void test_strings(void **state)
{
	static const str_t nul = { "a\0b", 3 }, open = { "a\0b", 3 };
	struct messages m = { 0 };
	struct wire_exec_failed f;
	struct tsr_event ev;
	struct wire_exec p;

	(void)state;
#define ASSERT_EXEC(change, error)                                   \
	do {                                                         \
		p = sample_exec();                                   \
		change;                                              \
		add_exec(&m, &p);                                    \
		assert_int_equal(decode_last(&m, NULL, &ev), error); \
	} while (0)
	ASSERT_EXEC(p.path = nul, WIRE_STRING);
	ASSERT_EXEC(p.cwd = nul, WIRE_STRING);
	for (int i = 0; i < EXEC_STR_MAX; i++)
		ASSERT_EXEC(p.strings[i] = nul, WIRE_STRING);
	/* A list that is not complete does not end in NUL; one that is, does. */
	ASSERT_EXEC(p.args = open, WIRE_STRING);
	ASSERT_EXEC(p.envs = open, WIRE_STRING);
	ASSERT_EXEC((p.args = open, p.exec.flags |= MSG_EXEC_TRUNC_ARGS), WIRE_OK);
	ASSERT_EXEC((p.envs = open, p.exec.flags |= MSG_EXEC_TRUNC_ENVS), WIRE_OK);
	ASSERT_EXEC((p.envs = open, p.exec.flags |= MSG_EXEC_TRUNC_ARGS), WIRE_STRING);
	ASSERT_EXEC((p.args = open, p.envs = open, p.exec.flags |= MSG_EXEC_PROCFS), WIRE_OK);
	ASSERT_EXEC(p.exec.pid = 7, WIRE_VALUE); /* not who acts */

#define ASSERT_FAILED(change, error)                                 \
	do {                                                         \
		f = sample_failed();                                 \
		change;                                              \
		add_failed(&m, &f);                                  \
		assert_int_equal(decode_last(&m, NULL, &ev), error); \
	} while (0)
	ASSERT_FAILED(f.path = nul, WIRE_STRING);
	ASSERT_FAILED(f.stdin_path = nul, WIRE_STRING);
	ASSERT_FAILED(f.args = open, WIRE_STRING);
	ASSERT_FAILED(f.envs = open, WIRE_STRING);
	ASSERT_FAILED((f.args = open, f.fixed.trunc = 2), WIRE_OK);
	ASSERT_FAILED((f.envs = open, f.fixed.trunc = 4), WIRE_OK);
	messages_free(&m);
}

static void test_values_that_cannot_be(void **state)
{
	struct msg_clone_event *fork;
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	add_fork(&m);
	fork = m.at[0].bytes;
	fork->pid = sample_task().pid;
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_VALUE);
	messages_free(&m);
}

static void test_ops(void **state)
{
	static const uint8_t known[] = { MSG_OP_EXECVE, MSG_OP_EXIT,	    MSG_OP_CLONE,
					 MSG_OP_DATA,	MSG_OP_EXEC_FAILED, MSG_OP_RENAME,
					 MSG_OP_LOST };
	struct msg_common c = { .size = sizeof(c) };
	struct tsr_event ev;

	(void)state;
	for (unsigned int op = 0; op < 256; op++) {
		bool is_known = memchr(known, (int)op, sizeof(known)) != NULL;

		c.op = (__u8)op;
		assert_int_equal(wire_decode(&c, sizeof(c), NULL, &ev),
				 is_known ? WIRE_SHORT : WIRE_UNKNOWN);
		assert_true((wire_op_event((uint8_t)op) != NULL) == is_known);
	}
}

static void test_error_texts(void **state)
{
	(void)state;
	for (int i = 0; i < WIRE_ERROR_MAX; i++) {
		assert_string_not_equal(wire_error_text((enum wire_error)i), "unknown error");
		for (int k = 0; k < i; k++)
			assert_string_not_equal(wire_error_text((enum wire_error)i),
						wire_error_text((enum wire_error)k));
	}
	assert_string_equal(wire_error_text(WIRE_ERROR_MAX), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_bare_exec),
		cmocka_unit_test(test_exec_flags),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_exec_failed),
		cmocka_unit_test(test_rename),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_longer),
		cmocka_unit_test(test_lengths_of_exec),
		cmocka_unit_test(test_lengths_of_exec_failed),
		cmocka_unit_test(test_lengths_that_add_up),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_values_that_cannot_be),
		cmocka_unit_test(test_ops),
		cmocka_unit_test(test_error_texts),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}

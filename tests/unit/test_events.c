/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a message to the fields of its event: every one has the value that the message had, and is
 * absent when its documentation says so.
 */
#include <stdio.h>

#include "sample_messages.h"

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
	assert_int_equal(t->suid, m.suid);
	assert_int_equal(t->sgid, m.sgid);
	assert_int_equal(t->fsuid, m.fsuid);
	assert_int_equal(t->fsgid, m.fsgid);
	assert_int_equal(t->auid, m.auid);
	assert_int_equal(t->sessionid, m.sessionid);
	assert_int_equal(t->cap_inheritable, m.cap_inheritable);
	assert_int_equal(t->cap_permitted, m.cap_permitted);
	assert_int_equal(t->cap_effective, m.cap_effective);
	assert_memory_equal(t->comm, m.comm, sizeof(t->comm));
	assert_memory_equal(t->tty, m.tty, sizeof(t->tty));
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
		EXIT(0, "0", "0", "false"),
		EXIT(7 << 8, "7", "0", "false"),
		EXIT(255 << 8, "255", "0", "false"),
		EXIT(9, "0", "9", "false"),
		EXIT(11 | 0x80, "0", "11", "true"),
		EXIT(64, "0", "64", "false"),
		EXIT(3 << 8 | 15, "0", "15", "false"), /* a signal leaves no status */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork),	  cmocka_unit_test(test_exec),
		cmocka_unit_test(test_bare_exec), cmocka_unit_test(test_exec_flags),
		cmocka_unit_test(test_exit),	  cmocka_unit_test(test_exec_failed),
		cmocka_unit_test(test_rename),	  cmocka_unit_test(test_lost),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}

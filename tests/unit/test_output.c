/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON records of each kind of event, from the message on, read by a reader of the tests' own;
 * and all that occur here held against the catalogue.
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

#include "process/ident.h"
#include "read_json.h"
#include "show_events.h"

#define FFFD "\xef\xbf\xbd"

#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define SAFE (1ULL << 53)

struct world {
	struct stage s;
	struct json_doc d; /* the last record */
};

/* The types that a field's value may have in JSON. */
static bool right_type(const struct tsr_field_def *f, const struct json *j)
{
	switch (f->type) {
	case TSR_TYPE_BOOL:
		return j->type == JSON_BOOL;
	case TSR_TYPE_STRING:
	case TSR_TYPE_TIME:
		return j->type == JSON_STRING;
	case TSR_TYPE_STRINGS:
		return j->type == JSON_LIST;
	case TSR_TYPE_INT64:
	case TSR_TYPE_UINT64:
		if (j->type == JSON_STRING) /* only what a reader could lose digits of */
			return strtoull(j->text.data + (*j->text.data == '-'), NULL, 10) > SAFE;
		return j->type == JSON_NUMBER &&
		       strtoull(j->text.data + (*j->text.data == '-'), NULL, 10) <= SAFE;
	default:
		return j->type == JSON_NUMBER;
	}
}

/* What is in args is what the catalogue says, in its order, and all of it that is not optional. */
static void check_args(const struct json *root)
{
	const struct tsr_event_def *def = tsr_catalogue_find(json_get(root, "event")->text.data);
	const struct json *arg = json_get(root, "args");

	assert_non_null(def);
	assert_int_equal(arg->type, JSON_OBJECT);
	arg = arg->first;
	for (size_t i = 0; i < def->n_fields; i++) {
		const struct tsr_field_def *f = &def->fields[i];
		char b64[80];

		if (!arg || strcmp(arg->name, f->name)) {
			if (!f->optional)
				fail_msg("%s.%s is missing", def->name, f->name);
			continue;
		}
		if (!right_type(f, arg))
			fail_msg("%s.%s is not a %s", def->name, f->name, tsr_type_name(f->type));
		arg = arg->next;
		snprintf(b64, sizeof(b64), "%s_b64", f->name);
		if (arg && !strcmp(arg->name, b64))
			arg = arg->next;
	}
	if (arg)
		fail_msg("%s has no field %s", def->name, arg->name);
}

static void read_record(struct world *w)
{
	const struct buf *b = &w->s.out;

	json_free(&w->d);
	w->d = json_read(b->data, b->len);
	if (w->d.wrong)
		fail_msg("%s at %zu of %.*s", w->d.wrong, w->d.at, (int)b->len, b->data);
	/* one line, whatever is in it */
	assert_int_equal(b->data[b->len - 1], '\n');
	if (w->s.format == &format_json)
		assert_ptr_equal(memchr(b->data, '\n', b->len), b->data + b->len - 1);
	check_args(w->d.root);
}

static const struct json *get(struct world *w, const char *path)
{
	const struct json *j;

	if (!w->d.root)
		read_record(w);
	j = json_get(w->d.root, path);
	if (!j)
		fail_msg("there is no %s in %.*s", path, (int)w->s.out.len, w->s.out.data);
	return j;
}

static bool absent(struct world *w, const char *path)
{
	if (!w->d.root)
		read_record(w);
	return !json_get(w->d.root, path);
}

static void assert_text(struct world *w, const char *path, const char *text)
{
	assert_int_equal(get(w, path)->type, JSON_STRING);
	assert_string_equal(get(w, path)->text.data, text);
	assert_int_equal(get(w, path)->text.len, strlen(text));
}

static void assert_number(struct world *w, const char *path, const char *digits)
{
	assert_int_equal(get(w, path)->type, JSON_NUMBER);
	assert_string_equal(get(w, path)->text.data, digits);
}

static void assert_truth(struct world *w, const char *path, bool truth)
{
	assert_int_equal(get(w, path)->type, JSON_BOOL);
	assert_int_equal(get(w, path)->truth, truth);
}

static void assert_count(struct world *w, const char *path, size_t n)
{
	assert_int_equal(get(w, path)->type, JSON_LIST);
	assert_int_equal(json_count(get(w, path)), n);
}

/* The boot-clock time as it must show. */
static void assert_time(struct world *w, const char *path, uint64_t boot)
{
	uint64_t epoch;

	assert_int_equal(clock_parse_rfc3339(get(w, path)->text.data, &epoch), 0);
	assert_int_equal(epoch, boot + (uint64_t)BOOT_OFFSET);
	assert_int_equal(get(w, path)->text.len, strlen("2026-11-21T01:42:04.123456789Z"));
}

/* Each of these makes a record, which the asserts then look at. */
static void forks(struct world *w, uint32_t ppid, uint32_t pid)
{
	stage_fork(&w->s, ppid, pid);
	read_record(w);
}

static void sends(struct world *w, const struct wire_exec *e)
{
	stage_send(&w->s, e);
	read_record(w);
}

static void execs(struct world *w, uint32_t pid, const char *path, str_t args)
{
	struct wire_exec e = stage_exec(&w->s, pid, path, args);

	sends(w, &e);
}

static void sends_failed(struct world *w, const struct wire_exec_failed *f)
{
	stage_send_failed(&w->s, f);
	read_record(w);
}

static void loses(struct world *w, const struct msg_lost *m)
{
	wire_encode_lost(m, stage_take, &w->s);
	read_record(w);
}

/* pid 1, and pid 10 that it forked and that is a shell. */
static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	stage_init(&w->s, &format_json);
	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	forks(w, 1, 10);
	execs(w, 10, "/bin/sh", LIST("sh"));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	json_free(&w->d);
	stage_free(&w->s);
	free(w);
	return 0;
}

static void assert_names(const struct json *object, const char *const *names)
{
	const struct json *j = object->first;

	for (; *names; names++, j = j->next) {
		if (!j)
			fail_msg("no %s in %s", *names, object->name);
		assert_string_equal(j->name, *names);
	}
	if (j)
		fail_msg("%s in %s", j->name, object->name);
}

static void test_exec(void **state)
{
	static const char *const top[] = {
		"time", "seq", "event", "host", "process", "args", NULL
	};
	static const char *const process[] = {
		"entity_id", "exec_id",	       "pid",	    "tid",
		"ns_pid",    "ppid",	       "name",	    "exe",
		"argv",	     "argv_truncated", "cwd",	    "uid",
		"gid",	     "euid",	       "user",	    "start_time",
		"is_exec",   "parent_missing", "ancestors", NULL,
	};
	static const char *const ancestor[] = { "entity_id", "exec_id",	   "pid", "name",
						"exe",	     "start_time", NULL };
	struct world *w = *state;
	const struct process *p;
	struct buf id = { 0 };
	char s[16];

	forks(w, 10, 20);
	execs(w, 20, "/usr/bin/ls", LIST("ls\0-l"));
	p = table_find(&w->s.t, 20);
	assert_names(w->d.root, top);
	assert_names(get(w, "process"), process);
	assert_names(get(w, "process.ancestors.0"), ancestor);
	assert_text(w, "event", "sched_process_exec");
	assert_text(w, "host", "a-host");
	assert_time(w, "time", w->s.now);
	assert_number(w, "seq", "4");
	snprintf(s, sizeof(s), "%u", p->entity_id);
	assert_number(w, "process.entity_id", s);
	exec_id_append(&id, "a-host", w->s.now, 20); /* of the image: it began with this exec */
	buf_char(&id, '\0');
	assert_text(w, "process.exec_id", id.data);
	buf_free(&id);
	assert_number(w, "process.pid", "20");
	assert_number(w, "process.tid", "20");
	assert_number(w, "process.ns_pid", "20");
	assert_number(w, "process.ppid", "10");
	assert_text(w, "process.name", "ls");
	assert_text(w, "process.exe", "/usr/bin/ls");
	assert_count(w, "process.argv", 2);
	assert_text(w, "process.argv.0", "ls");
	assert_text(w, "process.argv.1", "-l");
	assert_truth(w, "process.argv_truncated", false);
	assert_text(w, "process.cwd", "/");
	assert_number(w, "process.uid", "0");
	assert_text(w, "process.user", "root");
	assert_time(w, "process.start_time", p->start);
	assert_truth(w, "process.is_exec", true);
	assert_truth(w, "process.parent_missing", false);
	/* nearest first; the images that forked */
	assert_count(w, "process.ancestors", 2);
	assert_number(w, "process.ancestors.0.pid", "10");
	assert_text(w, "process.ancestors.0.exe", "/bin/sh");
	assert_text(w, "process.ancestors.0.name", "sh");
	assert_number(w, "process.ancestors.1.pid", "1");
	assert_text(w, "process.ancestors.1.exe", "/sbin/init");
	assert_time(w, "process.ancestors.1.start_time", table_find(&w->s.t, 1)->start);
	assert_text(w, "args.cmdpath", "/usr/bin/ls");
	assert_text(w, "args.pathname", "/usr/bin/ls");
	assert_true(json_same(get(w, "args.argv"), get(w, "process.argv")));
	assert_text(w, "args.prev_comm", "sh");
	assert_true(absent(w, "args.truncated"));
	assert_true(absent(w, "args.secure_exec"));
	assert_true(absent(w, "args.stdin_type"));
	assert_true(absent(w, "args.loginuid"));
	assert_true(absent(w, "args.time_ns"));
	assert_true(absent(w, "args.interpreter_pathname"));
}

/* What is there only when it is so. */
static void test_exec_optional(void **state)
{
	struct world *w = *state;
	struct wire_exec e = stage_exec(&w->s, 10, "memfd:x", LIST("x"));

	e.exec.flags |= MSG_EXEC_DELETED | MSG_EXEC_CWD_DELETED | MSG_EXEC_TRUNC_ARGS |
			MSG_EXEC_TRUNC_ENVS | MSG_EXEC_KERNEL;
	e.exec.flags &= ~(__u32)MSG_EXEC_ROOT_CWD;
	e.cwd = str_of("/gone");
	e.exec.secureexec = MSG_SECURE_SETUID | MSG_SECURE_SETUID_ROOT;
	e.exec.auid = 0;
	e.ext.task.uid = e.ext.task.euid = 4242;
	strcpy(e.ext.task.tty, "pts3");
	strcpy(e.event.kube.docker_id, "docker-" CONTAINER ".scope");
	e.ext.stdin_type = S_IFSOCK;
	e.strings[EXEC_STR_STDIN] = str_of("socket:[5]");
	e.strings[EXEC_STR_INTERPRETER] = str_of("/lib/ld.so");
	e.ext.interpreter.ino = 77;
	e.event.ns.time_inum = 99;
	e.ext.trunc = 1U << EXEC_STR_CMDPATH;
	sends(w, &e);
	assert_truth(w, "process.exe_deleted", true);
	assert_truth(w, "process.cwd_deleted", true);
	assert_truth(w, "process.argv_truncated", true);
	assert_text(w, "process.exe", "memfd:x");
	assert_text(w, "process.cwd", "/gone");
	assert_text(w, "process.tty", "pts3");
	assert_number(w, "process.uid", "4242");
	assert_true(absent(w, "process.user"));
	assert_text(w, "container.id", CONTAINER);
	assert_text(w, "container.runtime", "docker");
	assert_text(w, "args.cgroup_name", "docker-" CONTAINER ".scope");
	assert_count(w, "args.secure_exec", 2);
	assert_text(w, "args.secure_exec.0", "setuid");
	assert_text(w, "args.secure_exec.1", "setuid_root");
	assert_number(w, "args.loginuid", "0");
	assert_number(w, "args.stdin_type", "49152");
	assert_text(w, "args.stdin_path", "socket:[5]");
	assert_text(w, "args.interpreter_pathname", "/lib/ld.so");
	assert_number(w, "args.interpreter_inode", "77");
	assert_number(w, "args.time_ns", "99");
	assert_truth(w, "args.invoked_from_kernel", true);
	assert_count(w, "args.truncated", 3);
	assert_text(w, "args.truncated.0", "cmdpath");
	assert_text(w, "args.truncated.1", "argv");
	assert_text(w, "args.truncated.2", "env");
	/* a container without a name that tells the runtime */
	e = stage_exec(&w->s, 10, "/x", LIST("x"));
	strcpy(e.event.kube.docker_id, CONTAINER);
	sends(w, &e);
	assert_text(w, "container.id", CONTAINER);
	assert_true(absent(w, "container.runtime"));
	assert_true(absent(w, "process.exe_deleted"));
}

static void test_fork(void **state)
{
	struct world *w = *state;
	const struct json *parent, *child;

	execs(w, 10, "/usr/bin/make", LIST("make\0all"));
	forks(w, 10, 21);
	assert_text(w, "event", "sched_process_fork");
	assert_number(w, "process.pid", "10");
	assert_truth(w, "process.is_exec", true);
	assert_number(w, "child.pid", "21");
	assert_number(w, "child.ppid", "10");
	assert_text(w, "child.exe", "/usr/bin/make");
	assert_text(w, "child.argv.1", "all");
	assert_truth(w, "child.is_exec", false);
	assert_number(w, "child.ancestors.0.pid", "10");
	assert_count(w, "child.ancestors", 2);
	assert_count(w, "process.ancestors", 1);
	assert_number(w, "args.parent_pid", "10");
	assert_number(w, "args.child_pid", "21");
	assert_time(w, "args.start_time", table_find(&w->s.t, 21)->start);
	/* in the same form */
	parent = get(w, "process")->first;
	child = get(w, "child")->first;
	for (; parent && child; parent = parent->next, child = child->next)
		assert_string_equal(parent->name, child->name);
	assert_true(!parent && !child);
}

static void test_exit(void **state)
{
	static const struct {
		uint32_t code;
		const char *exit, *signal;
		bool core;
	} cases[] = {
		{ 0, "0", "0", false },
		{ 3 << 8, "3", "0", false },
		{ 255 << 8, "255", "0", false },
		{ 9, "0", "9", false },
		{ 11 | 0x80, "0", "11", true },
		/* a status beside a signal is not one: a signal ended it */
		{ 5 << 8 | 6, "0", "6", false },
	};
	struct world *w = *state;
	uint64_t start, took;
	char s[32];

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		forks(w, 10, 30 + i);
		start = table_find(&w->s.t, 30 + i)->start;
		stage_exit(&w->s, 30 + i, cases[i].code);
		took = w->s.now - start;
		read_record(w);
		assert_text(w, "event", "sched_process_exit");
		assert_number(w, "args.exit_code", cases[i].exit);
		assert_number(w, "args.signal_code", cases[i].signal);
		assert_truth(w, "args.core_dumped", cases[i].core);
		assert_truth(w, "args.process_group_exit", true);
		snprintf(s, sizeof(s), "%llu", (unsigned long long)took);
		assert_number(w, "args.run_time", s);
		/* the image that ended, and who it was */
		assert_text(w, "process.exe", "/bin/sh");
		assert_number(w, "process.ancestors.0.pid", "10");
		assert_true(absent(w, "child"));
	}
}

static void test_failed(void **state)
{
	struct world *w = *state;
	struct wire_exec_failed f = stage_failed(&w->s, 10, "./nothing", -ENOENT);

	f.fixed.dirfd = -100;
	f.envs = LIST("A=1\0TOKEN=x\0NOVALUE");
	sends_failed(w, &f);
	assert_text(w, "event", "process_execute_failed");
	assert_text(w, "args.pathname", "./nothing");
	assert_number(w, "args.returnValue", "-2");
	assert_text(w, "args.error", "ENOENT");
	assert_number(w, "args.dirfd", "-100");
	assert_count(w, "args.envp", 3);
	assert_text(w, "args.envp.0", "A");
	assert_text(w, "args.envp.1", "TOKEN");
	assert_text(w, "args.envp.2", "NOVALUE");
	assert_text(w, "process.exe", "/bin/sh");

	/* the caller's memory could not be read: nothing is not the same as an empty list */
	f = stage_failed(&w->s, 10, "", -EFAULT);
	f.args = f.envs = (str_t){ 0 };
	f.fixed.trunc = 0x707;
	sends_failed(w, &f);
	assert_text(w, "args.error", "EFAULT");
	assert_true(absent(w, "args.pathname"));
	assert_true(absent(w, "args.argv"));
	assert_true(absent(w, "args.envp"));
	assert_count(w, "args.truncated", 3);
	f.fixed.trunc = 0;
	sends_failed(w, &f);
	assert_text(w, "args.pathname", "");
	assert_count(w, "args.argv", 0);
}

/* A recording can hold what no kernel returns. */
static void test_odd_errors(void **state)
{
	static const struct {
		int64_t ret;
		const char *name;
	} cases[] = {
		{ -EACCES, "EACCES" }, { 0, NULL },	    { 1, NULL },	 { -4095, NULL },
		{ -4096, NULL },       { INT64_MIN, NULL }, { INT64_MAX, NULL }, { -512, NULL },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_exec_failed f = stage_failed(&w->s, 10, "/x", cases[i].ret);

		sends_failed(w, &f);
		if (cases[i].name)
			assert_text(w, "args.error", cases[i].name);
		else
			assert_true(absent(w, "args.error"));
	}
}

static void test_rename(void **state)
{
	struct world *w = *state;
	struct who who = stage_who(&w->s, 10);
	struct msg_rename m = { .common.ktime = stage_tick(&w->s), .task = task_of(&who) };

	stage_rename(&w->s, 10, "new\n\"name");
	read_record(w);
	assert_text(w, "event", "task_rename");
	assert_text(w, "args.old_name", "sh");
	assert_text(w, "args.new_name", "new\n\"name");
	/* who acted had still the old one; from then on, all see the new one */
	assert_text(w, "process.name", "sh");
	forks(w, 10, 40);
	assert_text(w, "process.name", "new\n\"name");
	assert_text(w, "child.ancestors.0.name", "new\n\"name");
	stage_rename(&w->s, 10, "other");
	stage_exit(&w->s, 40, 0);
	read_record(w);
	assert_text(w, "process.ancestors.0.name", "other");
	/* a thread's name is not the process's */
	m.task.tid = 11;
	set_comm(m.task.comm, "thread");
	set_comm(m.old_name, "thread");
	set_comm(m.new_name, "worker");
	wire_encode_rename(&m, stage_take, &w->s);
	read_record(w);
	assert_text(w, "process.name", "thread");
	assert_number(w, "process.tid", "11");
	assert_number(w, "process.pid", "10");
	forks(w, 10, 41);
	assert_text(w, "process.name", "other");
}

static void test_lost(void **state)
{
	static const char *const top[] = { "time", "seq", "event", "host", "args", NULL };
	struct world *w = *state;
	struct msg_lost m = { .common.ktime = w->s.now, .count = 7, .from = 5, .to = w->s.now };

	m.stage = LOST_KERNEL_RING;
	m.op = MSG_OP_EXIT;
	m.reason = SENT_FAILED_ENOSPC;
	loses(w, &m);
	assert_names(w->d.root, top);
	assert_text(w, "event", "lost_events");
	assert_number(w, "args.count", "7");
	assert_text(w, "args.stage", "kernel_ring");
	assert_text(w, "args.type", "sched_process_exit");
	assert_text(w, "args.reason", "ENOSPC");
	assert_time(w, "args.from", 5);
	assert_time(w, "args.to", w->s.now);
	m.stage = LOST_OUTPUT_QUEUE;
	m.op = m.reason = 0;
	m.count = UINT64_MAX;
	loses(w, &m);
	assert_text(w, "args.stage", "output_queue");
	assert_text(w, "args.count", "18446744073709551615");
	assert_true(absent(w, "args.type"));
	assert_true(absent(w, "args.reason"));
	/* a type and a reason that a newer kernel side has */
	m.op = 200;
	m.reason = 250;
	loses(w, &m);
	assert_true(absent(w, "args.type"));
	assert_true(absent(w, "args.reason"));
}

static void test_large_integers(void **state)
{
	static const struct {
		uint64_t v;
		enum json_type type;
		const char *text;
	} cases[] = {
		{ 0, JSON_NUMBER, "0" },
		{ SAFE - 1, JSON_NUMBER, "9007199254740991" },
		{ SAFE, JSON_NUMBER, "9007199254740992" },
		{ SAFE + 1, JSON_STRING, "9007199254740993" },
		{ UINT64_MAX, JSON_STRING, "18446744073709551615" },
	}, negative[] = {
		{ (uint64_t)-(int64_t)SAFE, JSON_NUMBER, "-9007199254740992" },
		{ (uint64_t)(-(int64_t)SAFE - 1), JSON_STRING, "-9007199254740993" },
		{ (uint64_t)INT64_MIN, JSON_STRING, "-9223372036854775808" },
		{ (uint64_t)INT64_MAX, JSON_STRING, "9223372036854775807" },
		{ SAFE, JSON_NUMBER, "9007199254740992" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < 5; i++) {
		struct wire_exec e = stage_exec(&w->s, 10, "/x", LIST("x"));
		struct wire_exec_failed f = stage_failed(&w->s, 10, "/x", (int64_t)negative[i].v);

		e.ext.exe.ino = cases[i].v;
		sends(w, &e);
		assert_int_equal(get(w, "args.inode")->type, cases[i].type);
		assert_string_equal(get(w, "args.inode")->text.data, cases[i].text);
		sends_failed(w, &f);
		assert_int_equal(get(w, "args.returnValue")->type, negative[i].type);
		assert_string_equal(get(w, "args.returnValue")->text.data, negative[i].text);
	}
	w->s.seq = SAFE;
	execs(w, 10, "/x", LIST("x"));
	assert_text(w, "seq", "9007199254740993");
}

static void test_ancestors(void **state)
{
	struct world *w = *state;
	char path[64];

	for (uint32_t pid = 10; pid < 60; pid++) {
		forks(w, pid, pid + 1);
		snprintf(path, sizeof(path), "/bin/p%u", pid + 1);
		execs(w, pid + 1, path, LIST("p"));
	}
	assert_count(w, "process.ancestors", 51);
	for (uint32_t i = 0; i < 50; i++) {
		char at[64], pid[16];

		snprintf(at, sizeof(at), "process.ancestors.%u.pid", i);
		snprintf(pid, sizeof(pid), "%u", 59 - i);
		assert_number(w, at, pid);
	}
	assert_number(w, "process.ancestors.50.pid", "1");
	w->s.o.ancestors = 2;
	execs(w, 60, "/bin/again", LIST("p"));
	assert_count(w, "process.ancestors", 2);
	assert_number(w, "process.ancestors.1.pid", "58");
	w->s.o.ancestors = 0;
	execs(w, 60, "/bin/again", LIST("p"));
	assert_count(w, "process.ancestors", 0);
	assert_truth(w, "process.parent_missing", false);

	/* the parent's later image is not the one that forked */
	w->s.o.ancestors = UINT32_MAX;
	execs(w, 59, "/bin/later", LIST("p"));
	execs(w, 60, "/bin/again", LIST("p"));
	assert_text(w, "process.ancestors.0.exe", "/bin/p59");
}

/* One whose beginning was not seen. */
static void test_placeholder(void **state)
{
	struct world *w = *state;
	struct who who = { .pid = 500,
			   .start = 900 * NS_PER_SEC,
			   .ppid = 400,
			   .parent_start = 800 * NS_PER_SEC,
			   .comm = "odd" };

	build_exit(stage_tick(&w->s), &who, 0, 0, 0, stage_take, &w->s);
	read_record(w);
	assert_number(w, "process.pid", "500");
	assert_text(w, "process.name", "odd");
	assert_truth(w, "process.parent_missing", true);
	assert_true(absent(w, "process.exe"));
	assert_true(absent(w, "process.cwd"));
	assert_count(w, "process.argv", 0);
	assert_number(w, "process.ancestors.0.pid", "400");
	assert_true(absent(w, "process.ancestors.0.exe"));
}

static void test_scrub(void **state)
{
	struct world *w = *state;
	struct wire_exec e;

	execs(w, 10, "/bin/x", LIST("x\0--token\0hidden\0end"));
	assert_text(w, "process.argv.2", "********");
	assert_text(w, "args.argv.2", "********");
	assert_text(w, "process.argv.3", "end");
	assert_null(memmem(w->s.out.data, w->s.out.len, "hidden", 6));
	/* as shown by a fork and in a failed exec, too */
	forks(w, 10, 70);
	assert_null(memmem(w->s.out.data, w->s.out.len, "hidden", 6));
	{
		struct wire_exec_failed f = stage_failed(&w->s, 10, "/x", -ENOENT);

		f.args = LIST("x\0--token\0hidden");
		sends_failed(w, &f);
		assert_text(w, "args.argv.2", "********");
		assert_null(memmem(w->s.out.data, w->s.out.len, "hidden", 6));
	}
	/* the state still has it */
	assert_memory_equal(table_find(&w->s.t, 10)->image->info->argv->bytes + 10, "hidden", 7);
	w->s.o.scrubber = NULL;
	execs(w, 10, "/bin/y", LIST("x\0--token\0hidden\0end"));
	assert_text(w, "process.argv.2", "hidden");
	assert_text(w, "args.argv.2", "hidden");
	w->s.o.scrubber = scrub_default();

	/* names only, unless asked for; then with the secrets masked, the first one's as well */
	e = stage_exec(&w->s, 10, "/bin/x", LIST("x"));
	e.envs = LIST("API_TOKEN=hidden a\0A=1=2\0=::=\0NOVALUE\0");
	sends(w, &e);
	assert_count(w, "args.env", 5);
	assert_text(w, "args.env.0", "API_TOKEN");
	assert_text(w, "args.env.1", "A");
	assert_text(w, "args.env.2", "");
	assert_text(w, "args.env.3", "NOVALUE");
	assert_text(w, "args.env.4", "");
	w->s.o.env_values = true;
	sends(w, &e);
	assert_text(w, "args.env.0", "API_TOKEN=********");
	assert_text(w, "args.env.1", "A=1=2");
	w->s.o.scrubber = NULL;
	sends(w, &e);
	assert_text(w, "args.env.0", "API_TOKEN=hidden a");

	/* values of some; a name that is a key is not one of what stands behind it */
	w->s.o.scrubber = scrub_default();
	w->s.o.env_values = false;
	w->s.o.env_keep = &(struct env_keys){ (char *[]){ "A" }, 1 };
	sends(w, &e);
	assert_text(w, "args.env.0", "API_TOKEN");
	assert_text(w, "args.env.1", "A=1=2");
	assert_text(w, "args.env.3", "NOVALUE");
	w->s.o.env_keep = &(struct env_keys){ (char *[]){ "API_TOKEN" }, 1 };
	sends(w, &e);
	assert_text(w, "args.env.0", "API_TOKEN=********");
	assert_text(w, "args.env.1", "A");
}

/* Bytes that are not UTF-8, wherever a process can put them. */
static void test_not_utf8(void **state)
{
	struct world *w = *state;
	struct wire_exec e = stage_exec(&w->s, 10, "/tmp/\xff", LIST("\xfe\0ok\0a\xc3"));

	set_comm(e.ext.task.comm, "\xc3(");
	e.exec.flags &= ~(__u32)MSG_EXEC_ROOT_CWD;
	e.cwd = str_of("/\x80");
	strcpy(e.ext.task.tty, "\x81");
	strcpy(e.event.kube.docker_id, "\x82");
	strcpy(e.ext.prev_comm, "\x83");
	e.ext.task.uid = 1001;
	e.envs = LIST("\x84=1");
	e.strings[EXEC_STR_STDIN] = str_of("\x85");
	sends(w, &e);
	assert_text(w, "process.exe", "/tmp/" FFFD);
	assert_text(w, "process.exe_b64", "L3RtcC//");
	assert_text(w, "process.name", FFFD "(");
	assert_text(w, "process.name_b64", "wyg=");
	assert_text(w, "process.cwd_b64", "L4A=");
	assert_text(w, "process.tty_b64", "gQ==");
	assert_text(w, "process.user", "b" FFFD "\x1b[1md");
	assert_text(w, "process.user_b64", "Yv8bWzFtZA==");
	assert_text(w, "process.argv.0", FFFD);
	assert_text(w, "process.argv_b64.0", "/g==");
	assert_int_equal(get(w, "process.argv_b64.1")->type, JSON_NULL);
	assert_text(w, "process.argv_b64.2", "YcM=");
	assert_true(json_same(get(w, "args.argv_b64"), get(w, "process.argv_b64")));
	assert_text(w, "args.cmdpath_b64", "L3RtcC//");
	assert_text(w, "args.cgroup_name_b64", "gg==");
	assert_text(w, "args.prev_comm_b64", "gw==");
	assert_text(w, "args.env_b64.0", "hA==");
	assert_text(w, "args.stdin_path_b64", "hQ==");
	forks(w, 10, 80);
	assert_text(w, "child.ancestors.0.name_b64", "wyg=");
	assert_text(w, "child.ancestors.0.exe_b64", "L3RtcC//");
}

/* What tries to be JSON, or to end the line. */
static void test_hostile_text(void **state)
{
	static const char hostile[] = "\"},\"argv_truncated\":\n\r\x1b[2J\\";
	struct world *w = *state;
	struct wire_exec e = stage_exec(&w->s, 10, hostile, LIST(",\"argv\":[\0\",\"argv\":[\0]"));

	set_comm(e.ext.task.comm, "\"\n{\\\t\x01\x7f");
	sends(w, &e);
	assert_text(w, "process.exe", hostile);
	assert_text(w, "process.name", "\"\n{\\\t\x01\x7f");
	assert_count(w, "process.argv", 3);
	assert_text(w, "process.argv.1", "\",\"argv\":[");
	assert_true(json_same(get(w, "process.argv"), get(w, "args.argv")));
	for (size_t i = 0; i + 1 < w->s.out.len; i++)
		assert_true((unsigned char)w->s.out.data[i] >= 0x20 && w->s.out.data[i] != 0x7f);
	w->s.o.host = "a \"host\"\xff";
	execs(w, 10, "/x", LIST(""));
	assert_text(w, "host", "a \"host\"" FFFD);
	assert_text(w, "host_b64", "YSAiaG9zdCL/");
	assert_count(w, "process.argv", 1);
	assert_text(w, "process.argv.0", "");
}

/* As long as the kernel accepts them: in chunks, not cut, in both places. */
static void test_long_arguments(void **state)
{
	struct world *w = *state;
	struct wire_exec e = stage_exec(&w->s, 10, "/bin/echo", (str_t){ 0 });
	struct buf args = { 0 };

	for (int i = 0; i < 100000; i++)
		buf_printf(&args, "argument-%d%c", i, '\0');
	e.args = (str_t){ args.data, args.len };
	e.ext.args_size = args.len;
	sends(w, &e);
	assert_count(w, "process.argv", 100000);
	assert_truth(w, "process.argv_truncated", false);
	assert_text(w, "process.argv.99999", "argument-99999");
	assert_true(json_same(get(w, "process.argv"), get(w, "args.argv")));
	buf_free(&args);
}

static void test_pretty(void **state)
{
	static const char item[] = "\n      \"{\\\"a\\\": [1, 2]}\"\n";
	struct world *w = *state;
	struct wire_exec e = stage_exec(&w->s, 10, "/bin/x", LIST("x\0\n\0{\"a\": [1, 2]}"));
	struct json_doc compact;

	sends(w, &e);
	compact = w->d;
	w->d = (struct json_doc){ 0 };
	w->s.format = &format_json_pretty;
	w->s.seq--;
	sends(w, &e);
	assert_memory_equal(w->s.out.data, "{\n  \"time\": \"", 13);
	assert_memory_equal(w->s.out.data + w->s.out.len - 3, "\n}\n", 3);
	assert_non_null(memmem(w->s.out.data, w->s.out.len, item, sizeof(item) - 1));
	/* the same but for what differs: it replaced another image */
	assert_true(json_same(json_get(compact.root, "process"), get(w, "process")));
	assert_int_equal(json_count(json_get(compact.root, "args")), json_count(get(w, "args")));
	json_free(&compact);
}

/* More fields than the room for their values would be written beyond it. */
static void test_room_for_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < tsr_catalogue_size(); i++)
		assert_true(tsr_catalogue_get((enum tsr_event_id)i)->n_fields <= 96);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exec),
		TEST(test_exec_optional),
		TEST(test_fork),
		TEST(test_exit),
		TEST(test_failed),
		TEST(test_odd_errors),
		TEST(test_rename),
		TEST(test_lost),
		TEST(test_large_integers),
		TEST(test_ancestors),
		TEST(test_placeholder),
		TEST(test_scrub),
		TEST(test_not_utf8),
		TEST(test_hostile_text),
		TEST(test_long_arguments),
		TEST(test_pretty),
		TEST(test_room_for_fields),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shows the process table from inside: the dump, one process with all that is known of it, the
 * metrics.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/dump.h"
#include "output/metrics.h"
#include "output/store.h"
#include "process/extras.h"
#include "read_json.h"
#include "show_events.h"

#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct world {
	struct stage s;
	struct dump_options o;
	struct buf out;
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	stage_init(&w->s, &format_table);
	w->o = (struct dump_options){ .host = "a-host",
				      .names = { &w->s.users, NULL },
				      .scrub = scrub_default() };
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	stage_free(&w->s);
	buf_free(&w->out);
	free(w);
	return 0;
}

static void assert_text(const struct buf *got, const char *want)
{
	if (got->len != strlen(want) || memcmp(got->data, want, got->len))
		fail_msg("it is\n%.*snot\n%s", (int)got->len, got->data, want);
}

static void assert_has(const struct buf *got, const char *part)
{
	if (!memmem(got->data, got->len, part, strlen(part)))
		fail_msg("it is\n%.*swithout\n%s", (int)got->len, got->data, part);
}

static struct json_doc read_out(struct world *w)
{
	struct json_doc d = json_read(w->out.data, w->out.len);

	if (d.wrong)
		fail_msg("%s at %zu of\n%.*s", d.wrong, d.at, (int)w->out.len, w->out.data);
	return d;
}

static struct json_doc read_dump(struct world *w)
{
	w->out.len = 0;
	dump_write(&w->out, &w->s.t, &w->o);
	return read_out(w);
}

static const struct image *newest(struct world *w, uint32_t pid)
{
	const struct image *i = store_find_pid(&w->s.t, pid);

	assert_non_null(i);
	return i;
}

static void write_process(struct world *w, uint32_t pid, bool json)
{
	w->out.len = 0;
	store_process_write(&w->out, &w->s.t, newest(w, pid), json, &w->o);
}

static struct json_doc read_process(struct world *w, uint32_t pid)
{
	write_process(w, pid, true);
	return read_out(w);
}

static const char *value(const struct json *j, const char *path)
{
	const struct json *v = json_get(j, path);

	if (!v)
		fail_msg("there is no %s", path);
	return v->type == JSON_NULL   ? "null"
	       : v->type == JSON_BOOL ? (v->truth ? "true" : "false")
	       : v->text.data	      ? v->text.data
				      : "";
}

#define assert_value(d, path, text) assert_string_equal(value((d)->root, path), text)

/* The entry of a pid, the newest or not. */
static const struct json *entry(const struct json_doc *d, const char *pid, const char *is_newest)
{
	const struct json *j = json_get(d->root, "entries.0");

	while (j && (strcmp(value(j, "pid"), pid) || strcmp(value(j, "newest"), is_newest)))
		j = j->next;
	if (!j)
		fail_msg("there is no entry of %s", pid);
	return j;
}

/* An exec with everything that one can have. */
static void exec_whole(struct world *w, uint32_t pid)
{
	struct wire_exec e =
		stage_exec(&w->s, pid, "/bin/sh", LIST("sh\0-c\0it's --token hidden\0\xff"));

	e.ext.task.uid = 1000;
	e.ext.task.gid = 7;
	e.ext.task.ns_pid = 5;
	e.ext.task.auid = 1000;
	e.ext.task.sessionid = 3;
	e.ext.task.cap_permitted = 1ULL << 5 | 1ULL << 21;
	e.ext.task.cap_effective = 1ULL << 5;
	strcpy(e.ext.task.tty, "pts0");
	e.ext.exe = (struct msg_file){ .ino = 1234, .dev = 8 << 8 | 1, .mode = 0100755 };
	e.exec.nlink = 2;
	e.ext.sid = 20;
	e.ext.pgid = 21;
	e.event.ns.mnt_inum = 4026;
	e.event.kube.cgrpid = 99;
	strcpy(e.event.kube.docker_id, "docker-" CONTAINER ".scope");
	e.envs = LIST("PATH=/bin\0SECRET=x\0NOTHING");
	e.cwd = str_of("/root");
	e.exec.flags &= ~(uint32_t)MSG_EXEC_ROOT_CWD;
	e.strings[EXEC_STR_CMDPATH] = str_of("./sh");
	stage_send(&w->s, &e);
}

/* 1 has forked 20, which has forked 21 and 22 and then run sh; 22 has ended. */
static void family(struct world *w)
{
	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	stage_fork(&w->s, 1, 20);
	stage_fork(&w->s, 20, 21);
	stage_fork(&w->s, 20, 22);
	stage_exit(&w->s, 22, 0);
	exec_whole(w, 20);
}

#define IN_CONTAINER "\"cgroup\":\"docker-" CONTAINER ".scope\",\"container_id\":\"" CONTAINER "\","
#define IN_NONE	     "\"cgroup\":null,\"container_id\":null,"

static void test_plain(void **state)
{
	static const char want[] =
		"{\"entries\":[\n"
		"{\"pid\":1,\"ppid\":0,\"name\":\"init\",\"path\":\"/sbin/init\",\"inode\":null,"
		"\"mount_id\":null,\"source\":\"snapshot\",\"exec_inode\":null,\"is_exec\":true,"
		"\"parent_missing\":false," IN_NONE
		"\"newest\":true,\"exited\":false,\"stub\":false},\n"
		"{\"pid\":20,\"ppid\":1,\"name\":\"init\",\"path\":\"/sbin/init\",\"inode\":null,"
		"\"mount_id\":null,\"source\":\"event\",\"exec_inode\":1234,\"is_exec\":false,"
		"\"parent_missing\":false," IN_NONE
		"\"newest\":false,\"exited\":false,\"stub\":true},\n"
		"{\"pid\":20,\"ppid\":1,\"name\":\"sh\",\"path\":\"/bin/sh\",\"inode\":1234,"
		"\"mount_id\":null,\"source\":\"event\",\"exec_inode\":1234,\"is_exec\":true,"
		"\"parent_missing\":false," IN_CONTAINER
		"\"newest\":true,\"exited\":false,\"stub\":false},\n"
		"{\"pid\":21,\"ppid\":20,\"name\":\"init\",\"path\":\"/sbin/init\",\"inode\":null,"
		"\"mount_id\":null,\"source\":\"event\",\"exec_inode\":null,\"is_exec\":false,"
		"\"parent_missing\":false," IN_NONE
		"\"newest\":true,\"exited\":false,\"stub\":false},\n"
		"{\"pid\":22,\"ppid\":20,\"name\":\"init\",\"path\":\"/sbin/init\",\"inode\":null,"
		"\"mount_id\":null,\"source\":null,\"exec_inode\":null,\"is_exec\":false,"
		"\"parent_missing\":false," IN_NONE
		"\"newest\":true,\"exited\":true,\"stub\":true}]}\n";
	struct world *w = *state;
	struct json_doc d = read_dump(w);

	assert_text(&w->out, "{\"entries\":[]}\n");
	json_free(&d);
	family(w);
	d = read_dump(w);
	assert_text(&w->out, want);
	json_free(&d);
}

static void check_raw_ids(const struct json *sh, const struct json *before)
{
	assert_string_equal(value(sh, "exec_id"), "YS1ob3N0OjEwMDAwMTAwMDAwMDA6MjA=");
	assert_string_equal(value(sh, "entity_id"), value(before, "entity_id"));
	assert_string_equal(value(sh, "previous.exec_id"), value(before, "exec_id"));
	assert_string_equal(value(sh, "previous.pid"), "20");
	assert_string_equal(value(sh, "parent.pid"), "1");
	assert_string_equal(value(before, "previous"), "null");
	assert_string_equal(value(sh, "start_time"), "2023-11-14T22:30:00.003000000Z");
	assert_string_equal(value(sh, "image_time"), "2023-11-14T22:30:00.010000000Z");
	assert_string_equal(value(sh, "exit_time"), "null");
	/* an image ends when the next one begins */
	assert_string_equal(value(before, "exit_time"), value(sh, "image_time"));
	assert_string_equal(value(sh, "ns_pid"), "5");
	assert_string_equal(value(sh, "lineage"), "ok");
}

static void check_raw_creds(const struct json *sh, const struct json *before)
{
	assert_string_equal(value(sh, "creds.uid"), "1000");
	assert_string_equal(value(sh, "creds.user"), "bob");
	assert_string_equal(value(sh, "creds.gid"), "7");
	assert_string_equal(value(sh, "creds.euid"), "0");
	assert_string_equal(value(sh, "creds.login_uid"), "1000");
	assert_string_equal(value(sh, "creds.login_session"), "3");
	assert_string_equal(value(sh, "creds.cap_permitted"), "0x200020");
	assert_string_equal(value(sh, "creds.cap_effective"), "0x20");
	assert_string_equal(value(sh, "creds.cap_inheritable"), "0x0");
	assert_string_equal(value(before, "creds"), "null");
}

static void test_raw(void **state)
{
	struct world *w = *state;
	const struct json *sh, *before, *gone;
	struct json_doc d;

	family(w);
	w->o.raw = true;
	d = read_dump(w);
	sh = entry(&d, "20", "true");
	before = entry(&d, "20", "false");
	gone = entry(&d, "22", "true");
	check_raw_ids(sh, before);
	check_raw_creds(sh, before);
	assert_string_equal(value(sh, "flags.0"), "is_exec");
	assert_string_equal(value(sh, "flags.1"), "head");
	assert_int_equal(json_count(json_get(sh, "flags")), 2);
	assert_string_equal(value(sh, "argv.2"), "it's --token ********");
	assert_string_equal(value(sh, "argv_b64.3"), "/w==");
	assert_string_equal(value(sh, "env.0"), "PATH");
	assert_string_equal(value(sh, "env.1"), "SECRET");
	assert_string_equal(value(sh, "env.2"), "NOTHING");
	assert_string_equal(value(sh, "cwd"), "/root");
	assert_string_equal(value(sh, "called"), "./sh");
	assert_string_equal(value(sh, "tty"), "pts0");
	assert_string_equal(value(sh, "sid"), "20");
	assert_string_equal(value(sh, "pgid"), "21");
	assert_string_equal(value(sh, "cgroup_id"), "99");
	assert_string_equal(value(sh, "file.inode"), "1234");
	assert_string_equal(value(sh, "file.device"), "8:1");
	assert_string_equal(value(sh, "file.mode"), "0100755");
	assert_string_equal(value(sh, "file.links"), "2");
	assert_string_equal(value(sh, "namespaces.mnt"), "4026");
	assert_string_equal(value(sh, "namespaces.uts"), "null");
	assert_string_equal(value(gone, "creds"), "null");
	assert_string_equal(value(gone, "file"), "null");
	assert_string_equal(value(gone, "exit_time"), "2023-11-14T22:30:00.009000000Z");
	assert_value(&d, "host", "a-host");
	assert_value(&d, "metrics.cache_size", "3");
	json_free(&d);
	w->o.scrub = NULL;
	d = read_dump(w);
	assert_string_equal(value(entry(&d, "20", "true"), "argv.2"), "it's --token hidden");
	json_free(&d);
}

/* What is above each of these is not what it should be, and is said at the place. */
static void test_wrong(void **state)
{
	struct world *w = *state;
	struct who lost, stranger = { .pid = 77, .start = 1, .ppid = 66, .parent_start = 1 };
	struct who root2 = { .pid = 70, .start = 1, .comm = "odd" };
	struct json_doc d;

	family(w);
	/* 21 runs what nobody has seen the exec of */
	lost = stage_who(&w->s, 21);
	{
		struct msg_rename m = { .common.ktime = stage_tick(&w->s), .task = task_of(&lost) };

		m.task.image = w->s.now;
		set_comm(m.task.comm, "lost");
		set_comm(m.new_name, "lost");
		wire_encode_rename(&m, stage_take, &w->s);
	}
	build_rename(stage_tick(&w->s), &stranger, "x", stage_take, &w->s);
	build_rename(stage_tick(&w->s), &root2, "odd", stage_take, &w->s);
	d = read_process(w, 21);
	assert_value(&d, "lineage", "missing_parent");
	assert_value(&d, "wrong.0", "exec_lost");
	assert_value(&d, "ancestors.0.edge", "exec");
	assert_value(&d, "ancestors.0.name", "init");
	assert_value(&d, "ancestors.1.edge", "fork");
	assert_value(&d, "ancestors.1.pid", "20");
	/* the image that forked, which is not the one that 20 runs now */
	assert_value(&d, "ancestors.1.name", "init");
	assert_int_equal(json_count(json_get(d.root, "ancestors.0.wrong")), 0);
	json_free(&d);
	d = read_process(w, 77);
	assert_value(&d, "lineage", "missing_parent");
	assert_int_equal(json_count(json_get(d.root, "wrong")), 0);
	assert_value(&d, "ancestors.0.pid", "66");
	assert_value(&d, "ancestors.0.wrong.0", "parent_missing");
	assert_value(&d, "source", "placeholder");
	json_free(&d);
	d = read_process(w, 70);
	assert_value(&d, "lineage", "incomplete");
	assert_value(&d, "wrong.0", "incomplete");
	json_free(&d);
	write_process(w, 77, false);
	assert_has(&w->out, "\nlineage: missing_parent\n"
			    "                  x 77\n"
			    "  fork of         ? 66  <- its parent is not known\n");
}

static void test_process_text(void **state)
{
	static const char sh[] =
		"sh 20\n"
		"  entity id       2972948881\n"
		"  exec id         YS1ob3N0OjEwMDAwMTAwMDAwMDA6MjA=\n"
		"  pid inside      5\n"
		"  parent          1\n"
		"  known from      event\n"
		"  started         2023-11-14T22:30:00.003000000Z\n"
		"  image since     2023-11-14T22:30:00.010000000Z\n"
		"  executable      /bin/sh\n"
		"  called as       ./sh\n"
		"  file            inode 1234 on 8:1, mode 0100755, 2 links\n"
		"  arguments       sh -c 'it'\\''s --token ********' ?\n"
		"  directory       /root\n"
		"  container       " CONTAINER " (docker)\n"
		"  cgroup          docker-" CONTAINER ".scope (99)\n"
		"  terminal        pts0\n"
		"  session         20, process group 21\n"
		"  namespaces      mnt:4026\n"
		"  environment     PATH SECRET NOTHING\n"
		"  user            1000 (bob), effective 0 (root), saved 0 (root), fs 0 (root)\n"
		"  group           7, effective 0, saved 0, fs 0\n"
		"  login           user 1000, session 3\n"
		"  cap permitted   cap_kill cap_sys_admin\n"
		"  cap effective   cap_kill\n"
		"  cap inheritable none\n"
		"  flags           is_exec head\n"
		"\n"
		"lineage: ok\n"
		"                  sh 20 /bin/sh\n"
		"  exec from       init 20 /sbin/init\n"
		"  fork of         init 1 /sbin/init\n"
		"\n"
		"children:\n"
		"                  init 21 /sbin/init\n"
		"                  init 22 /sbin/init (ended)\n";
	static const char gone[] = "init 22, ended\n"
				   "  entity id       2939682962\n"
				   "  exec id         YS1ob3N0OjEwMDAwMDcwMDAwMDA6MjI=\n"
				   "  started         2023-11-14T22:30:00.007000000Z\n"
				   "  ended           2023-11-14T22:30:00.009000000Z\n"
				   "  executable      /sbin/init\n"
				   "  flags           dead head\n"
				   "\n"
				   "lineage: ok\n"
				   "                  init 22 /sbin/init (ended)\n"
				   "  fork of         init 20 /sbin/init\n"
				   "  fork of         init 1 /sbin/init\n";
	struct world *w = *state;

	family(w);
	write_process(w, 20, false);
	assert_text(&w->out, sh);
	write_process(w, 22, false);
	assert_text(&w->out, gone);
}

static void test_process_json(void **state)
{
	struct world *w = *state;
	struct wire_exec e;
	struct json_doc d;

	family(w);
	e = stage_exec(&w->s, 21, "/bin/ls", LIST("ls"));
	stage_send(&w->s, &e);
	d = read_process(w, 20);
	assert_value(&d, "pid", "20");
	assert_value(&d, "creds.uid", "1000"); /* it is always raw */
	assert_value(&d, "capabilities.permitted.0", "cap_kill");
	assert_value(&d, "capabilities.permitted.1", "cap_sys_admin");
	assert_int_equal(json_count(json_get(d.root, "capabilities.effective")), 1);
	assert_int_equal(json_count(json_get(d.root, "capabilities.inheritable")), 0);
	assert_value(&d, "lineage", "ok");
	assert_int_equal(json_count(json_get(d.root, "ancestors")), 2);
	assert_value(&d, "ancestors.0.edge", "exec");
	assert_value(&d, "ancestors.0.stub", "true");
	assert_value(&d, "ancestors.1.edge", "fork");
	assert_value(&d, "ancestors.1.name", "init");
	assert_value(&d, "children.0.pid", "21");
	assert_value(&d, "children.0.name", "ls"); /* once, as what it runs now */
	assert_value(&d, "children.0.exited", "false");
	assert_value(&d, "children.1.pid", "22");
	assert_value(&d, "children.1.exited", "true");
	assert_int_equal(json_count(json_get(d.root, "children")), 2);
	json_free(&d);
	d = read_process(w, 22);
	assert_null(json_get(d.root, "capabilities"));
	assert_int_equal(json_count(json_get(d.root, "children")), 0);
	json_free(&d);
}

/* What /proc says of a process that was asked for, and what few processes have. */
static void test_extras(void **state)
{
	static const struct tracer_metadata tracer = {
		.schema_version = 2,
		.language = "python",
		.version = "2.1",
		.runtime_id = "4711",
		.service_name = "shop",
		.service_env = "prod",
		.process_tags = "a:b\x1b",
	};
	const struct dump_facts facts = { LIST("HOME\0TERM"), true, str_of("pts7") };
	struct world *w = *state;
	struct process *p;
	struct json_doc d;

	family(w);
	p = table_find(&w->s.t, 21);
	extras_set_tracer(p, &tracer);
	cloud_add(&p->extras->cloud, str_of("AKIAX"), 1700000000ULL * NS_PER_SEC, 0);
	cloud_add(&p->extras->cloud, str_of("AKIAY"), 0, 0);
	w->o.facts = &facts;
	write_process(w, 21, false);
	assert_has(&w->out, "\n  standard input  pts7\n");
	assert_has(&w->out, "\n  environment     HOME TERM ...\n");
	assert_has(&w->out, "\n  tracer          python 2.1 4711\n  service         shop prod\n"
			    "  service tags    a:b?\n");
	assert_has(&w->out, "\n  cloud key       AKIAX, expires 2023-11-14T22:13:20.000000000Z\n"
			    "  cloud key       AKIAY\n");
	d = read_process(w, 21);
	assert_value(&d, "env.1", "TERM");
	assert_value(&d, "env_truncated", "true");
	assert_value(&d, "stdin_tty", "pts7");
	assert_value(&d, "tracer.schema_version", "2");
	assert_value(&d, "tracer.service_name", "shop");
	assert_value(&d, "tracer.service_version", "null");
	assert_value(&d, "cloud_credentials.0.key_id", "AKIAX");
	assert_value(&d, "cloud_credentials.0.expires", "2023-11-14T22:13:20.000000000Z");
	assert_value(&d, "cloud_credentials.1.expires", "null");
	json_free(&d);
}

/* The names of a container are its own. */
static void test_own_names(void **state)
{
	struct world *w = *state;
	struct ns_users own = { 0 };
	struct json_doc d;

	family(w);
	ns_users_set(&own, 4026, str_of("inside:1000\n"), str_of("guests:7\n"));
	w->o.names.own = &own;
	d = read_process(w, 20);
	assert_value(&d, "creds.user", "inside");
	assert_value(&d, "creds.group", "guests");
	json_free(&d);
	write_process(w, 20, false);
	assert_has(&w->out, "\n  user            1000 (inside), effective 0, saved 0, fs 0\n"
			    "  group           7 (guests), effective 0, saved 0, fs 0\n");
	ns_users_free(&own);
}

static void test_find(void **state)
{
	struct world *w = *state;
	const struct image *old;
	uint64_t start;

	family(w);
	assert_ptr_equal(store_find_pid(&w->s.t, 20), table_find(&w->s.t, 20)->image);
	assert_null(store_find_pid(&w->s.t, 4000));
	old = store_find_pid(&w->s.t, 22);
	assert_non_null(old);
	start = old->start;
	/* the pid comes again: the one that lives now */
	stage_fork(&w->s, 20, 22);
	assert_ptr_not_equal(store_find_pid(&w->s.t, 22), old);
	assert_ptr_equal(store_find_pid(&w->s.t, 22), table_find(&w->s.t, 22)->image);
	/* and goes: the one that began last */
	stage_exit(&w->s, 22, 0);
	assert_ptr_not_equal(store_find_pid(&w->s.t, 22), old);
	assert_true(store_find_pid(&w->s.t, 22)->start > start);
}

/* Whatever processes are called: JSON that is JSON, and text that a terminal can take. */
static void test_hostile(void **state)
{
	struct world *w = *state;
	struct wire_exec e;
	struct json_doc d;

	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	stage_fork(&w->s, 1, 20);
	e = stage_exec(&w->s, 20, "/x\n\x1b]0;t\x07\xff",
		       LIST("\"\\\x1b[2J\0\xff\0\n\0'\0\0\xe2\x80\xae-x"));
	set_comm(e.ext.task.comm, "\x1b[31m\xff\n");
	strcpy(e.event.kube.docker_id, "a\nb\xff");
	e.envs = LIST("A\n\x1b=1\0=\0\xff");
	e.cwd = str_of("/\x9b\r");
	e.exec.flags &= ~(uint32_t)MSG_EXEC_ROOT_CWD;
	stage_send(&w->s, &e);
	w->o.raw = true;
	d = read_dump(w);
	json_free(&d);
	d = read_process(w, 20);
	assert_value(&d, "path_b64", "L3gKG10wO3QH/w==");
	json_free(&d);
	write_process(w, 20, false);
	for (size_t i = 0; i < w->out.len; i++) {
		unsigned char c = (unsigned char)w->out.data[i];

		assert_true((c >= 0x20 && c < 0x7f) || c == '\n');
	}
	assert_has(&w->out, "\n  arguments       '\"\\?[2J' ? '?' ''\\''' '' \?\?\?-x\n");
}

static void test_metrics(void **state)
{
	static const char want[] = "cache_size 3\n"
				   "held.processes 4\n"
				   "held.images 5\n"
				   "held.stubs 2\n"
				   "held.bytes ";
	struct world *w = *state;
	struct lookup_ops ops = { 0 };
	struct lookup l;
	struct json_doc d;

	family(w);
	lookup_init(&l, &w->s.t, &ops, NULL);
	lookup_resolve(&l, 20, 1234, false);
	lookup_resolve(&l, 1, 0, false);
	lookup_resolve(&l, 20, 99, false);
	lookup_resolve(&l, 4000, 0, false);
	w->s.t.stats.lineage[LINEAGE_WRONG_PARENT] = 7;
	w->s.t.stats.reparented[REPARENT_EVENT] = 8;
	w->s.t.stats.reparent_failed[REPARENT_LOOKUP] = 9;
	l.stats.limited = 10;
	metrics_write(&w->out, &w->s.t, &l, false);
	assert_true(w->out.len > sizeof(want));
	assert_memory_equal(w->out.data, want, sizeof(want) - 1);
	assert_has(&w->out, "\nhits.cache 2\nhits.kernel_maps 0\nhits.procfs 0\nmisses 2\n");
	assert_has(&w->out, "\nreparent.success.event 8\n");
	w->out.len = 0;
	metrics_write(&w->out, &w->s.t, &l, true);
	d = read_out(w);
	assert_value(&d, "cache_size", "3");
	assert_value(&d, "hits.cache", "2");
	assert_value(&d, "misses", "2");
	assert_value(&d, "inode_mismatch", "1");
	assert_value(&d, "added.event", "3");
	assert_value(&d, "added.snapshot", "1");
	assert_value(&d, "flushed", "0");
	assert_value(&d, "args.truncated", "0");
	assert_value(&d, "args.size", "28");
	assert_value(&d, "envs.size", "27");
	assert_value(&d, "broken_lineage.wrong_parent", "7");
	assert_value(&d, "reparent.success.event", "8");
	assert_value(&d, "reparent.failed.lookup", "9");
	assert_value(&d, "reparent.failed.event", "0");
	assert_value(&d, "procfs.limiter_drops", "10");
	assert_value(&d, "lost.execs", "0");
	json_free(&d);
	/* all that ended are forgotten */
	table_tend(&w->s.t, w->s.now + 2 * TABLE_EXITED_SECONDS * NS_PER_SEC);
	w->out.len = 0;
	metrics_write(&w->out, &w->s.t, NULL, false);
	assert_has(&w->out, "\nflushed 1\nevicted 0\n");
	assert_has(&w->out, "\nhits.cache 0\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain),	 TEST(test_raw),	  TEST(test_wrong),
		TEST(test_process_text), TEST(test_process_json), TEST(test_extras),
		TEST(test_own_names),	 TEST(test_find),	  TEST(test_hostile),
		TEST(test_metrics),
	};

	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}

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
#include "process/view.h"
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

#define PLAIN_OF_ONE(pid, ppid, name, path, inode, source, runs, exec, cgroup, container, last) \
	"{\"pid\":" pid ",\"ppid\":" ppid ",\"name\":\"" name "\",\"path\":\"" path             \
	"\",\"inode\":" inode ",\"mount_id\":null,\"source\":" source ",\"exec_inode\":" runs   \
	",\"is_exec\":" exec ",\"parent_missing\":false,\"cgroup\":" cgroup                     \
	",\"container_id\":" container ",\"newest\":" last

static void test_plain(void **state)
{
	static const char want[] = "{\"entries\":[\n" PLAIN_OF_ONE(
		"1", "0", "init", "/sbin/init", "null", "\"snapshot\"", "null", "true", "null",
		"null",
		"true") ",\"exited\":false,\"stub\":false},\n" PLAIN_OF_ONE("20", "1", "init",
									    "/sbin/init", "null",
									    "\"event\"",
									    "1234", "false", "null", "null", "false") ",\"exited\":false,\"stub\":true},\n" PLAIN_OF_ONE("20",
																					 "1",
																					 "sh", "/bin/sh", "1234", "\"event\"", "1234", "true", "\"docker-" CONTAINER ".scope\"", "\"" CONTAINER "\"", "true") ",\"exited\":false,\"stub\":false},\n" PLAIN_OF_ONE("21",
																																										  "20", "sh", "/bin/sh", "1234", "\"event\"", "1234", "false", "\"docker-" CONTAINER ".scope\"", "\"" CONTAINER "\"", "true") ",\"exited\":false,\"stub\":false},\n" PLAIN_OF_ONE("22",
																																																																  "20",
																																																																  "sh", "/bin/sh", "null",
																																																																  "null",
																																																																  "null", "false", "null", "null",
																																																																  "true") ",\"exited\":true,\"stub\":true}]}\n";
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
	assert_string_equal(value(sh, "exec_id"), "YS1ob3N0OjEwMDAwMDUwMDAwMDA6MjA=");
	assert_string_equal(value(sh, "entity_id"), value(before, "entity_id"));
	assert_string_equal(value(sh, "previous.exec_id"), value(before, "exec_id"));
	assert_string_equal(value(sh, "previous.pid"), "20");
	assert_string_equal(value(sh, "parent.pid"), "1");
	assert_string_equal(value(before, "previous"), "null");
	assert_string_equal(value(sh, "start_time"), "2023-11-14T22:30:00.003000000Z");
	assert_string_equal(value(sh, "image_time"), "2023-11-14T22:30:00.005000000Z");
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
	assert_string_equal(value(gone, "exit_time"), "2023-11-14T22:30:00.010000000Z");
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
	assert_value(&d, "ancestors.0.name", "sh");
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
	struct world *w = *state;

	family(w);
	write_process(w, 20, false);
	assert_text(&w->out, "");
	write_process(w, 22, false);
	assert_text(&w->out, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain),
		TEST(test_raw),
		TEST(test_wrong),
		TEST(test_process_text),
	};

	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}

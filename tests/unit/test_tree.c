/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process tree as text and as JSON: its order and form, hostile names, and a chain that is much
 * deeper than a stack. As DOT: test_dot.c.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/tree.h"
#include "read_json.h"
#include "show_events.h"

#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define DEEP 100000

struct world {
	struct stage s;
	struct tree_options o;
	struct buf out;
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	stage_init(&w->s, &format_table);
	w->o = (struct tree_options){ .host = "a-host",
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

static void write_tree(struct world *w, enum tree_format format)
{
	w->out.len = 0;
	tree_write(&w->out, &w->s.t, format, &w->o);
}

static void assert_tree(struct world *w, const char *want)
{
	write_tree(w, TREE_TEXT);
	if (w->out.len != strlen(want) || (w->out.len && memcmp(w->out.data, want, w->out.len)))
		fail_msg("the tree is\n%.*snot\n%s", (int)w->out.len, w->out.data, want);
}

static struct json_doc read_tree(struct world *w)
{
	struct json_doc d;

	write_tree(w, TREE_JSON);
	d = json_read(w->out.data, w->out.len);
	if (d.wrong)
		fail_msg("%s at %zu", d.wrong, d.at);
	assert_int_equal(w->out.data[w->out.len - 1], '\n');
	return d;
}

static void assert_value(const struct json_doc *d, const char *path, const char *text)
{
	const struct json *j = json_get(d->root, path);

	if (!j)
		fail_msg("there is no %s", path);
	assert_string_equal(j->text.data, text);
}

/* What does not depend on the order in which the table came to it. */
static void family(struct world *w)
{
	struct stage *s = &w->s;
	struct wire_exec e;

	stage_root(s, 1, "/sbin/init", LIST("init\0--now"));
	stage_root(s, 2, "kthreadd", (str_t){ 0 });
	stage_fork(s, 1, 300);
	stage_fork(s, 1, 20);
	stage_fork(s, 20, 25);
	stage_fork(s, 20, 21);
	stage_fork(s, 21, 22);
	stage_fork(s, 300, 301);
	e = stage_exec(s, 20, "/bin/sh", LIST("sh\0-c\0run --token hidden"));
	e.ext.task.uid = 1000;
	stage_send(s, &e);
	e = stage_exec(s, 22, "/bin/ls", LIST("ls"));
	e.ext.task.uid = 77;
	strcpy(e.event.kube.docker_id, "docker-" CONTAINER ".scope");
	stage_send(s, &e);
}

static void test_text(void **state)
{
	struct world *w = *state;

	assert_tree(w, "");
	family(w);
	assert_tree(w, "init 1 --now\n"
		       "├─sh 20 bob -c run --token ********\n"
		       "│ ├─init 21 --now\n"
		       "│ │ └─ls 22 77 0123456789ab\n"
		       "│ └─init 25 --now\n"
		       "└─init 300 --now\n"
		       "  └─init 301 --now\n"
		       "kthreadd 2\n");
	w->o.scrub = NULL;
	write_tree(w, TREE_TEXT);
	assert_non_null(memmem(w->out.data, w->out.len, "--token hidden", 14));
}

/* A container's own names count before the machine's; an unknown user is not taken for root. */
static void test_users(void **state)
{
	struct world *w = *state;
	struct ns_users own = { 0 };
	struct wire_exec e;
	struct json_doc d;

	family(w);
	e = stage_exec(&w->s, 25, "/bin/c", LIST("c"));
	e.ext.task.uid = 1000;
	e.event.ns.mnt_inum = 4026;
	stage_send(&w->s, &e);
	stage_exit(&w->s, 21, 0);
	/* 4242 is known as a parent only */
	build_fork(
		stage_tick(&w->s),
		&(struct who){ 300, stage_who(&w->s, 300).start, 4242, 1, "init" },
		&(struct who){
			.pid = 302, .start = stage_tick(&w->s), .ppid = 4242, .parent_start = 1 },
		stage_take, &w->s);
	ns_users_set(&own, 4026, str_of("inside:1000\n"), (str_t){ 0 });
	w->o.names.own = &own;
	write_tree(w, TREE_TEXT);
	assert_non_null(memmem(w->out.data, w->out.len, "c 25 inside c", 6));
	assert_non_null(memmem(w->out.data, w->out.len, "sh 20 bob", 9));
	assert_non_null(memmem(w->out.data, w->out.len, " 4242 ?", 7));
	d = read_tree(w);
	for (const struct json *j = json_get(d.root, "processes.0"); j; j = j->next) {
		const struct json *pid = json_get(j, "pid");

		if (!strcmp(pid->text.data, "4242"))
			assert_null(json_get(j, "uid"));
		else
			assert_non_null(json_get(j, "uid"));
	}
	json_free(&d);
	ns_users_free(&own);
}

/* When the parent has gone and nobody has said who the new one is, it stands for itself. */
static void test_orphans(void **state)
{
	struct world *w = *state;

	family(w);
	stage_exit(&w->s, 21, 0);
	stage_exit(&w->s, 300, 0);
	assert_tree(w, "init 1 --now\n"
		       "└─sh 20 bob -c run --token ********\n"
		       "  └─init 25 --now\n"
		       "kthreadd 2\n"
		       "ls 22 77 0123456789ab\n"
		       "init 301 --now\n");
}

static void test_json(void **state)
{
	struct world *w = *state;
	struct json_doc d;

	d = read_tree(w);
	assert_value(&d, "host", "a-host");
	assert_int_equal(json_count(json_get(d.root, "processes")), 0);
	json_free(&d);
	family(w);
	d = read_tree(w);
	assert_int_equal(json_count(json_get(d.root, "processes")), 2);
	assert_value(&d, "processes.0.pid", "1");
	assert_value(&d, "processes.0.argv.1", "--now");
	assert_value(&d, "processes.0.exe", "/sbin/init");
	assert_value(&d, "processes.0.user", "root");
	assert_int_equal(json_count(json_get(d.root, "processes.0.children")), 2);
	assert_value(&d, "processes.0.children.0.pid", "20");
	assert_value(&d, "processes.0.children.0.ppid", "1");
	assert_value(&d, "processes.0.children.0.name", "sh");
	assert_value(&d, "processes.0.children.0.argv.2", "run --token ********");
	assert_value(&d, "processes.0.children.0.children.0.pid", "21");
	assert_value(&d, "processes.0.children.0.children.0.children.0.pid", "22");
	assert_value(&d, "processes.0.children.0.children.0.children.0.container_id", CONTAINER);
	assert_null(json_get(d.root, "processes.0.children.0.children.0.children.0.user"));
	assert_null(json_get(d.root, "processes.0.container_id"));
	assert_value(&d, "processes.0.children.0.children.1.pid", "25");
	assert_int_equal(json_count(json_get(d.root, "processes.0.children.0.children.1.children")),
			 0);
	assert_value(&d, "processes.0.children.1.children.0.pid", "301");
	assert_value(&d, "processes.1.pid", "2");
	json_free(&d);
}

/* Names with all bytes, those first that mean something in one of the languages. */
static void hostile_family(struct world *w)
{
	static const char *const names[] = { "\"",  "\\",    "\\\"", "\"];x[",	"\\n\\l",
					     "<b>", "{|}",   "a\nb", "\x1b[2J", "\xff\xc2\x9b",
					     "//",  "/* */", "#",    "a;b",	"\xe2\x80\xae!" };
	uint32_t pid = 100;
	char name[2] = "";

	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) + 255; i++, pid++) {
		struct wire_exec e;

		stage_fork(&w->s, 1, pid);
		e = stage_exec(&w->s, pid, "/x", LIST("x\0\"\\\n\x1b]\xc2\x9b\xff\0e"));
		name[0] = (char)(i + 1);
		set_comm(e.ext.task.comm, i < 255 ? name : names[i - 255]);
		stage_send(&w->s, &e);
	}
}

static void test_hostile_names(void **state)
{
	struct world *w = *state;
	struct json_doc d;
	size_t lines = 0;

	hostile_family(w);
	d = read_tree(w);
	assert_int_equal(json_count(json_get(d.root, "processes.0.children")), 255 + 15);
	assert_value(&d, "processes.0.children.9.name", "\n");
	assert_value(&d, "processes.0.children.255.name", "\"");
	assert_value(&d, "processes.0.children.128.name_b64", "gQ==");
	json_free(&d);
	write_tree(w, TREE_TEXT);
	for (size_t i = 0; i < w->out.len; i++) {
		unsigned char c = (unsigned char)w->out.data[i];

		lines += c == '\n';
		assert_true((c >= 0x20 && c != 0x7f) || c == '\n');
		/* C1 controls */
		assert_false(c == 0xc2 && (unsigned char)w->out.data[i + 1] < 0xa0);
	}
	assert_int_equal(lines, 1 + 255 + 15);
	assert_null(memmem(w->out.data, w->out.len, "\xe2\x80\xae", 3));
}

/* As wide as the terminal at most, where that is wide enough for the names. */
static void test_width(void **state)
{
	struct world *w = *state;

	family(w);
	for (uint32_t pid = 300; pid < 340; pid++) {
		struct wire_exec e;

		if (pid > 301)
			stage_fork(&w->s, pid - 1, pid);
		e = stage_exec(&w->s, pid, "/bin/exactly15chars.",
			       LIST("x\0--long-\xe2\x82\xac\xe2\x82\xac\0some\0more\0and\0more"));
		stage_send(&w->s, &e);
	}
	for (w->o.width = 60; w->o.width < 200; w->o.width++) {
		for (int colour = 0; colour < 2; colour++) {
			struct json_reader r;
			struct buf scratch = { 0 };
			size_t n = 0, widest = 0;

			w->o.colour = colour;
			write_tree(w, TREE_TEXT);
			r = (struct json_reader){ .at = (unsigned char *)w->out.data };
			r.end = r.at + w->out.len;
			while (r.at < r.end) {
				if (*r.at == '\n') {
					widest = n > widest ? n : widest;
					n = 0;
					r.at++;
				} else if (*r.at == '\x1b') {
					assert_true(colour);
					while (*r.at++ != 'm')
						;
				} else {
					/* not cut within a character */
					assert_true(json_raw_char(&r, &scratch));
					n++;
				}
			}
			assert_true(widest <= w->o.width);
			assert_true(widest > w->o.width / 2);
			buf_free(&scratch);
		}
	}
}

/* A fork from a fork from a fork: built at once, on a small stack. */
static void make_chain(struct world *w)
{
	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	for (uint32_t pid = 2; pid <= DEEP; pid++)
		stage_fork(&w->s, pid - 1, pid);
}

static void *write_all_forms(void *arg)
{
	struct world *w = arg;
	const struct json *j;
	struct json_doc d;
	size_t lines = 0, depth = 0;

	write_tree(w, TREE_TEXT);
	for (size_t i = 0; i < w->out.len; i++)
		lines += w->out.data[i] == '\n';
	assert_int_equal(lines, DEEP);
	/* not a byte of indentation for each level of each line: that would be 20 GB */
	assert_true(w->out.len < DEEP * 400UL);
	d = read_tree(w);
	for (j = json_get(d.root, "processes.0"); j; j = json_get(j, "children.0"))
		depth++;
	assert_int_equal(depth, DEEP);
	json_free(&d);
	write_tree(w, TREE_DOT);
	lines = 0;
	for (size_t i = 0; i < w->out.len; i++)
		lines += w->out.data[i] == '\n';
	assert_int_equal(lines, 4 + DEEP + (DEEP - 1) + 1);
	return NULL;
}

static void test_deep(void **state)
{
	struct world *w = *state;
	pthread_attr_t attr;
	pthread_t thread;

	make_chain(w);
	pthread_attr_init(&attr);
	assert_int_equal(pthread_attr_setstacksize(&attr, 256UL << 10), 0);
	assert_int_equal(pthread_create(&thread, &attr, write_all_forms, w), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	/* as deep a line of ancestors as there is, in one record */
	w->s.format = &format_json;
	stage_exit(&w->s, DEEP, 0);
	{
		struct json_doc d = json_read(w->s.out.data, w->s.out.len);

		assert_null(d.wrong);
		assert_int_equal(json_count(json_get(d.root, "process.ancestors")), DEEP - 1);
		json_free(&d);
	}
}

static void test_deep_indentation(void **state)
{
	struct world *w = *state;
	struct stage *s = &w->s;

	w->o.width = 16; /* four levels, and the mark in place of those outside of them */
	stage_root(s, 1, "/a", LIST("a"));
	for (uint32_t pid = 2; pid < 8; pid++)
		stage_fork(s, pid - 1, pid);
	stage_fork(s, 2, 9);
	stage_fork(s, 6, 8);
	assert_tree(w, "a 1\n"
		       "└─a 2\n"
		       "  ├─a 3\n"
		       "  │ └─a 4\n"
		       "  │   └─a 5\n"
		       "  │     └─a 6\n"
		       "… │       ├─a 7\n"
		       "… │       └─a 8\n"
		       "  └─a 9\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text),  TEST(test_orphans),	       TEST(test_json),
		TEST(test_users), TEST(test_hostile_names),    TEST(test_width),
		TEST(test_deep),  TEST(test_deep_indentation),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All images that are held as a graph: nodes, edges, their marks, and arguments that would like to
 * be something else than text.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "output/dot.h"
#include "read_dot.h"
#include "show_events.h"

#define ARGS_COLUMNS 4096 /* as many of a node are shown */
#define LINE_COLUMNS 80
#define RANDOM	     300

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

static struct dot read_graph(struct world *w)
{
	struct dot d;

	w->out.len = 0;
	dot_write(&w->out, &w->s.t, &w->o);
	d = dot_read(w->out.data, w->out.len);
	if (d.wrong)
		fail_msg("%s, at %zu of\n%.*s", d.wrong, (size_t)(d.at - w->out.data),
			 (int)w->out.len, w->out.data);
	/* each image once, and each but the first ones with what it came from */
	assert_int_equal(d.n - dot_edges(&d, "fork") - dot_edges(&d, "exec") - 1,
			 w->s.t.stats.images);
	return d;
}

static void exec_args(struct world *w, uint32_t pid, const char *path, str_t args)
{
	struct wire_exec e = stage_exec(&w->s, pid, path, args);

	stage_send(&w->s, &e);
}

static void test_graph(void **state)
{
	static const char want[] =
		"digraph processes {\n"
		"  node [shape=box, fontname=\"monospace\"];\n"
		"  // dotted: replaced by an exec; dashed: its process has ended\n"
		"  // red: what is above it is known to be wrong or unknown\n"
		"  i1_1000001000000_1000001000000 [label=\"init:1\"];\n"
		"  i20_1000003000000_1000003000000 [label=\"init:20\", style=dotted];\n"
		"  i20_1000003000000_1000007000000 [label=\"sh:20\"];\n"
		"  i21_1000005000000_1000005000000 [label=\"init:21\", style=dashed];\n"
		"  i21_1000005000000_1000008000000 [label=\"ls:21\", style=dashed];\n"
		"  i1_1000001000000_1000001000000 -> i20_1000003000000_1000003000000 [label=fork];\n"
		"  i20_1000003000000_1000003000000 -> i20_1000003000000_1000007000000 "
		"[label=exec, style=bold, color=blue];\n"
		"  i20_1000003000000_1000003000000 -> i21_1000005000000_1000005000000 "
		"[label=fork];\n"
		"  i21_1000005000000_1000005000000 -> i21_1000005000000_1000008000000 "
		"[label=exec, style=bold, color=blue];\n"
		"}\n";
	struct world *w = *state;
	struct dot d;

	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	stage_fork(&w->s, 1, 20);
	stage_fork(&w->s, 20, 21);
	exec_args(w, 20, "/bin/sh", LIST("sh"));
	exec_args(w, 21, "/bin/ls", LIST("ls"));
	stage_exit(&w->s, 21, 0);
	d = read_graph(w);
	if (w->out.len != sizeof(want) - 1 || memcmp(w->out.data, want, w->out.len))
		fail_msg("the graph is\n%.*s", (int)w->out.len, w->out.data);
	dot_free(&d);
}

static void test_empty(void **state)
{
	struct world *w = *state;
	struct dot d = read_graph(w);

	assert_int_equal(d.n, 1);
	dot_free(&d);
}

/* Nobody knows where it came from: red, and no edge to somebody else. */
static void test_missing(void **state)
{
	struct world *w = *state;
	struct who stranger = {
		.pid = 77, .start = stage_tick(&w->s), .ppid = 66, .parent_start = 1, .comm = "late"
	};
	struct dot d;

	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	build_rename(stage_tick(&w->s), &stranger, "late", stage_take, &w->s);
	d = read_graph(w);
	assert_string_equal(dot_get(dot_node(&d, "?:66"), "color"), "red");
	assert_string_equal(dot_get(dot_node(&d, "init:1"), "color"), "");
	assert_int_equal(dot_edges(&d, "fork"), 1);
	assert_int_equal(dot_edges(&d, "exec"), 0);
	dot_free(&d);
}

/* Two images of a process that began at the same time are two nodes all the same. */
static void test_twins(void **state)
{
	struct world *w = *state;
	struct wire_exec e;
	struct dot d;

	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	stage_fork(&w->s, 1, 20);
	e = stage_exec(&w->s, 20, "/bin/sh", LIST("sh"));
	e.exec.ktime = e.ext.task.image = table_find(&w->s.t, 20)->start;
	stage_send(&w->s, &e);
	d = read_graph(w);
	assert_non_null(dot_node(&d, "init:20"));
	assert_non_null(dot_node(&d, "sh:20"));
	assert_int_equal(dot_edges(&d, "exec"), 1);
	dot_free(&d);
}

/* What is below the newest image of a process is held by others only: it is there, too. */
static void test_ancestors_of_the_dead(void **state)
{
	struct world *w = *state;
	struct dot d;

	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	stage_fork(&w->s, 1, 20);
	exec_args(w, 20, "/bin/first", LIST("first"));
	stage_fork(&w->s, 20, 21);
	exec_args(w, 20, "/bin/second", LIST("second"));
	exec_args(w, 20, "/bin/third", LIST("third"));
	stage_exit(&w->s, 20, 0);
	table_tend(&w->s.t, w->s.now + 2 * TABLE_EXITED_SECONDS * NS_PER_SEC);
	d = read_graph(w);
	assert_non_null(dot_node(&d, "first:20"));
	assert_null(dot_node(&d, "third:20"));
	assert_string_equal(dot_get(dot_node(&d, "first:20"), "style"), "dashed");
	dot_free(&d);
}

static void put_shown(struct buf *b, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = s[i] ? utf8_shown(s + i, len - i) : 1;

		/* a NUL ends an argument: what is between two is shown as a blank */
		if (!s[i])
			buf_char(b, ' ');
		else if (n)
			buf_add(b, s + i, n);
		else
			buf_char(b, '?');
		i += n ? n : 1;
	}
}

/* The arguments that a node shows, without its line breaks; every line is short enough. */
static void shown_args(const char *label, struct buf *out)
{
	size_t columns = 0;

	out->len = 0;
	label = strchr(label, '\n');
	for (label = label ? label + 1 : ""; *label;) {
		size_t n = utf8_len(label, strlen(label));

		if (*label == '\n') {
			columns = 0;
		} else {
			columns += utf8_columns(label, n);
			assert_true(columns <= LINE_COLUMNS + 1); /* and the mark of a cut */
			buf_add(out, label, n);
		}
		label += n;
	}
}

/* What the node shows is what was passed, and nothing else. */
static void check_args(struct world *w, uint32_t pid, str_t args)
{
	struct buf want = { 0 }, got = { 0 };
	const struct dot_statement *node;
	char label[32];
	struct dot d;

	exec_args(w, pid, "/bin/x", args);
	d = read_graph(w);
	snprintf(label, sizeof(label), "x:%u", pid);
	node = dot_node(&d, label);
	while (node && !strcmp(dot_get(node, "style"), "dotted")) /* not the newest */
		node++;
	assert_non_null(node);
	put_shown(&want, args.bytes, args.len - 1); /* without the last NUL */
	shown_args(dot_get(node, "label"), &got);
	if (got.len != want.len || (got.len && memcmp(got.data, want.data, got.len)))
		fail_msg("shown is\n%.*s\nnot\n%.*s", (int)got.len, got.data, (int)want.len,
			 want.data);
	buf_free(&want);
	buf_free(&got);
	dot_free(&d);
}

static const str_t hostile[] = {
	LIST("\""),
	LIST("\\"),
	LIST("\\\\\""),
	LIST("\"];\n evil -> node [label=\""),
	LIST("\\N \\G \\n \\l \\r \\L \\E \\T"),
	LIST("ends in \\"),
	LIST("&lt;b&gt; &amp; &#x22; & &amp;quot;"),
	LIST("<b>{a|b}</b>"),
	LIST("a\nb\r\tc\\\nd"),
	LIST("\x1b[2J\x07\x7f\x01"),
	LIST("\xff\xc2\x9b\xc3\xe2\x80\xae!\xf0\x9f\x90\x92\xed\xa0\x80"),
	LIST("// /* */ # ; digraph { }"),
	LIST("a\0\0b\0 \0"),
	LIST("graph\0node\0edge\0subgraph"),
};

#define N_HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

static void hostile_family(struct world *w)
{
	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	w->o.args = true;
	for (uint32_t i = 0; i < N_HOSTILE; i++) {
		stage_fork(&w->s, 1, 100 + i);
		check_args(w, 100 + i, hostile[i]);
	}
}

static void test_hostile_args(void **state)
{
	hostile_family(*state);
}

/* Names, too, of all bytes. */
static void test_hostile_names(void **state)
{
	struct world *w = *state;
	struct dot d;

	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	for (uint32_t c = 1; c < 256; c++) {
		char name[] = { 'a', (char)c, 'b', '\0' };
		struct wire_exec e;

		stage_fork(&w->s, 1, 100 + c);
		e = stage_exec(&w->s, 100 + c, "/bin/x", LIST("x"));
		set_comm(e.ext.task.comm, name);
		stage_send(&w->s, &e);
	}
	d = read_graph(w);
	for (uint32_t c = 1; c < 256; c++) {
		char label[32];

		snprintf(label, sizeof(label), "a%cb:%u", c >= 0x20 && c < 0x7f ? (char)c : '?',
			 100 + c);
		assert_non_null(dot_node(&d, label));
	}
	dot_free(&d);
}

static void test_random_args(void **state)
{
	static const char likely[] = "\"\\&\n;nlN<>[]{}";
	struct world *w = *state;
	uint32_t seed = 20261121;
	char args[400];

	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	stage_fork(&w->s, 1, 20);
	w->o.args = true;
	w->o.scrub = NULL; /* what was passed, byte by byte */
	for (int round = 0; round < RANDOM; round++) {
		size_t len;

		seed = seed * 1664525 + 1013904223;
		len = 2 + (seed >> 16) % (sizeof(args) - 2);
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			args[i] = seed >> 31 ? likely[(seed >> 16) % (sizeof(likely) - 1)]
					     : (char)(seed >> 16);
		}
		args[0] = 'x'; /* not the image before once more */
		args[len - 1] = '\0';
		check_args(w, 20, (str_t){ args, len });
	}
}

/* 4,000 characters are shown, of a megabyte its beginning; more would be no node but a wall. */
static void test_long_args(void **state)
{
	struct world *w = *state;
	size_t len = 1UL << 20;
	char *args = xmalloc(len);
	struct buf got = { 0 };
	struct wire_exec e;
	struct dot d;

	for (size_t i = 0; i < len; i++)
		args[i] = "0123456789\"\\&"[i % 13];
	stage_root(&w->s, 1, "/sbin/init", LIST("init"));
	stage_fork(&w->s, 1, 20);
	w->o.args = true;
	args[3999] = '\0';
	check_args(w, 20, (str_t){ args, 4000 });
	args[3999] = 'x';
	args[len - 1] = '\0';
	e = stage_exec(&w->s, 20, "/bin/long", (str_t){ args, len });
	stage_send(&w->s, &e);
	d = read_graph(w);
	shown_args(dot_get(dot_node(&d, "long:20"), "label"), &got);
	assert_int_equal(got.len, ARGS_COLUMNS + strlen("…"));
	assert_memory_equal(got.data, args, ARGS_COLUMNS);
	assert_memory_equal(got.data + ARGS_COLUMNS, "…", strlen("…"));
	buf_free(&got);
	dot_free(&d);
	free(args);
}

static void test_args_option(void **state)
{
	struct world *w = *state;
	struct dot d;

	stage_root(&w->s, 1, "/sbin/init", LIST("init\0--password\0hidden"));
	d = read_graph(w);
	assert_string_equal(dot_get(dot_node(&d, "init:1"), "label"), "init:1");
	dot_free(&d);
	w->o.args = true;
	d = read_graph(w);
	assert_string_equal(dot_get(dot_node(&d, "init:1"), "label"),
			    "init:1\ninit --password ********\n");
	dot_free(&d);
	w->o.scrub = NULL;
	d = read_graph(w);
	assert_string_equal(dot_get(dot_node(&d, "init:1"), "label"),
			    "init:1\ninit --password hidden\n");
	dot_free(&d);
}

/* Its exit status; 127: there is no such program. */
static int run_dot(const struct buf *graph)
{
	const char *const argv[] = { "dot", "-Tcanon", "-o", "/dev/null", NULL };
	int in[2], status;
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(in), 0);
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		close(in[0]);
		close(in[1]);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(in[0]);
	for (size_t at = 0; at < graph->len;) {
		ssize_t n = write(in[1], graph->data + at, graph->len - at);

		if (n < 0) { /* it has ended: its status says why */
			assert_int_equal(errno, EPIPE);
			break;
		}
		at += (size_t)n;
	}
	close(in[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Our reader is strict; that Graphviz agrees with it is seen where there is one. */
static void test_graphviz(void **state)
{
	struct world *w = *state;
	int status;

	hostile_family(w);
	status = run_dot(&w->out);
	if (status == 127) {
		printf("# needs dot (package graphviz)\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_graph),
		TEST(test_empty),
		TEST(test_missing),
		TEST(test_twins),
		TEST(test_ancestors_of_the_dead),
		TEST(test_hostile_args),
		TEST(test_hostile_names),
		TEST(test_random_args),
		TEST(test_long_args),
		TEST(test_args_option),
		TEST(test_graphviz),
	};

	return cmocka_run_group_tests_name("dot", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table for people: what each line says, that it fits, and that nothing in it acts on the
 * terminal, whatever processes call themselves.
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
#include <time.h>

#include <cmocka.h>

#include "read_json.h"
#include "show_events.h"

#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define ARGUMENTS_AT 50 /* the column where an exec's arguments begin */

static int setup(void **state)
{
	struct stage *s = xcalloc(1, sizeof(*s));

	setenv("TZ", "UTC", 1);
	tzset();
	stage_init(s, &format_table);
	stage_root(s, 1, "/sbin/init", LIST("init"));
	stage_fork(s, 1, 10);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	stage_free(*state);
	free(*state);
	return 0;
}

/*
 * The columns of the last line, which must be one line of valid UTF-8 without anything that a
 * terminal acts on.
 */
static size_t columns(struct stage *s)
{
	const unsigned char *text = (const unsigned char *)s->out.data;
	struct json_reader r = { .at = text, .end = text + s->out.len - 1 };
	struct buf scratch = { 0 };
	size_t n = 0;

	assert_true(s->out.len > 0);
	assert_int_equal(s->out.data[s->out.len - 1], '\n');
	while (r.at < r.end) {
		const unsigned char *c = r.at;

		if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
			fail_msg("a control character gets through");
		if (!json_raw_char(&r, &scratch))
			fail_msg("%s gets through", r.wrong);
		n++;
	}
	buf_free(&scratch);
	return n;
}

static void assert_line(struct stage *s, const char *want)
{
	if (s->out.len != strlen(want) + 1 || memcmp(s->out.data, want, s->out.len - 1))
		fail_msg("the line is\n%.*snot\n%s", (int)s->out.len, s->out.data, want);
	columns(s);
}

static void execs(struct stage *s, uint32_t pid, const char *path, str_t args)
{
	struct wire_exec e = stage_exec(s, pid, path, args);

	stage_send(s, &e);
}

static void test_head(void **state)
{
	struct stage *s = *state;

	s->out.len = 0;
	format_table.begin(&s->out, &s->o);
	assert_line(s, "TIME         PID     USER       PROCESS           ARGUMENTS");
}

static void test_exec(void **state)
{
	struct stage *s = *state;
	struct wire_exec e;

	s->now = 1001 * NS_PER_SEC + 233 * NS_PER_MS;
	execs(s, 10, "/usr/bin/ls", LIST("ls\0-l\0a b\0\0c"));
	assert_line(s, "22:30:01.234 10      root       + ls              -l a b '' c");
	/* without arguments nothing stands behind the name but the gap */
	execs(s, 10, "/usr/bin/ls", LIST("ls"));
	assert_line(s, "22:30:01.235 10      root       + ls              ");
	execs(s, 10, "/usr/bin/ls", (str_t){ 0 });
	assert_line(s, "22:30:01.236 10      root       + ls              ");
	/* the longest of each column stays in it */
	stage_fork(s, 10, 4194304);
	e = stage_exec(s, 4194304, "/bin/exactly15chars.", LIST("x\0-v"));
	e.ext.task.uid = 4294967295;
	stage_send(s, &e);
	assert_line(s, "22:30:01.239 4194304 4294967295 + exactly15chars. -v");
	/* secrets are masked here, too */
	execs(s, 10, "/bin/x", LIST("x\0--token\0hidden"));
	assert_line(s, "22:30:01.240 10      root       + x               --token ********");
	s->o.scrubber = NULL;
	execs(s, 10, "/bin/x", LIST("x\0--token\0hidden"));
	assert_line(s, "22:30:01.241 10      root       + x               --token hidden");
}

static void test_container(void **state)
{
	struct stage *s = *state;
	struct wire_exec e = stage_exec(s, 10, "/bin/x", LIST("x\0-v"));

	strcpy(e.event.kube.docker_id, "docker-" CONTAINER ".scope");
	stage_send(s, &e);
	assert_line(s, "22:30:00.005 10      root       + 0123456789ab x               -v");
}

static void test_exit(void **state)
{
	static const struct {
		uint32_t code;
		uint64_t ns;
		const char *want;
	} cases[] = {
		{ 0, 2 * NS_PER_MS, "exit 0 after 2.0 ms" },
		{ 3 << 8, 999 * NS_PER_MS, "exit 3 after 999.0 ms" },
		{ 255 << 8, NS_PER_SEC, "exit 255 after 1.0 s" },
		{ SIGKILL, 599 * NS_PER_SEC, "killed by SIGKILL after 599.0 s" },
		{ SIGSEGV | 0x80, 7200 * NS_PER_SEC,
		  "killed by SIGSEGV (core dumped) after 120 min" },
		{ 99, NS_PER_SEC, "killed by signal 99 after 1.0 s" },
		{ 126 | 0x80, NS_PER_SEC, "killed by signal 126 (core dumped) after 1.0 s" },
	};
	struct stage *s = *state;

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stage_fork(s, 10, 20 + i);
		assert_int_equal(s->out.len, 0); /* a fork has no line */
		s->now = table_find(&s->t, 20 + i)->start + cases[i].ns - 1000000;
		stage_exit(s, 20 + i, cases[i].code);
		columns(s);
		assert_memory_equal(s->out.data + 32, "- init            ", 18);
		s->out.data[s->out.len - 1] = '\0';
		assert_string_equal(s->out.data + ARGUMENTS_AT, cases[i].want);
	}
}

static void test_failed(void **state)
{
	struct stage *s = *state;
	struct wire_exec_failed f = stage_failed(s, 10, "./nothing", -ENOENT);
	char path[300];

	stage_send_failed(s, &f);
	assert_line(s, "22:30:00.005 10      root       ! init            "
		       "cannot run ./nothing: No such file or directory");
	/* a path that does not fit is cut, what is wrong with it is not */
	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	f = stage_failed(s, 10, path, -EACCES);
	stage_send_failed(s, &f);
	assert_line(s, "22:30:00.006 10      root       ! init            "
		       "cannot run ppppppppppppppppppp…: Permission denied");
	assert_int_equal(columns(s), 100);
	f.path = (str_t){ 0 };
	f.fixed.trunc = 0x100;
	stage_send_failed(s, &f);
	assert_line(s, "22:30:00.006 10      root       ! init            "
		       "cannot run : Permission denied");
	/* the path was cut already */
	f = stage_failed(s, 10, "/a", -ENOENT);
	f.fixed.trunc = 1;
	stage_send_failed(s, &f);
	assert_line(s, "22:30:00.007 10      root       ! init            "
		       "cannot run /a…: No such file or directory");
}

/* What no kernel returns, and a recording can hold. */
static void test_odd_errors(void **state)
{
	static const int64_t errors[] = { 0,	 1,	    -4096,     -5000,	       INT64_MIN,
					  -4095, INT64_MAX, INT32_MIN, INT32_MIN - 1LL };
	struct stage *s = *state;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct wire_exec_failed f = stage_failed(s, 10, "/x", errors[i]);

		stage_send_failed(s, &f);
		columns(s);
		assert_non_null(memmem(s->out.data, s->out.len, "nknown error", 12));
	}
}

static void test_rename(void **state)
{
	struct stage *s = *state;

	stage_rename(s, 10, "a\nb\x1b]0;");
	assert_line(s, "22:30:00.005 10      root       = init            renamed to a?b?]0;");
}

static void test_lost(void **state)
{
	struct stage *s = *state;
	struct msg_lost m = { .common.ktime = 1000 * NS_PER_SEC, .count = 7 };

	m.stage = LOST_KERNEL_RING;
	m.op = MSG_OP_EXIT;
	wire_encode_lost(&m, stage_take, s);
	assert_line(s, "22:30:00.000 7 sched_process_exit lost: the ring buffer was full: try a "
		       "larger --ring-size");
	m.op = 0;
	m.count = UINT64_MAX;
	for (m.stage = 1; m.stage < LOST_STAGE_MAX; m.stage++) {
		wire_encode_lost(&m, stage_take, s);
		columns(s);
		assert_memory_equal(s->out.data,
				    "22:30:00.000 18446744073709551615 events lost: ", 47);
		assert_null(memmem(s->out.data, s->out.len, "unknown", 7));
	}
}

static void test_users(void **state)
{
	struct stage *s = *state;
	struct wire_exec e = stage_exec(s, 10, "/bin/x", LIST("x"));

	e.ext.task.uid = 1000;
	stage_send(s, &e);
	assert_line(s, "22:30:00.005 10      bob        + x               ");
	e.ext.task.uid = 1001;
	stage_send(s, &e);
	assert_line(s, "22:30:00.005 10      b??[1md    + x               ");
	e.ext.task.uid = 4242;
	stage_send(s, &e);
	assert_line(s, "22:30:00.005 10      4242       + x               ");
}

/* Arguments as wide as the room, one less and one more; of one and of three bytes each. */
static void test_cut_to_the_width(void **state)
{
	static const char *const characters[] = { "x", "\xe2\x82\xac" };
	struct stage *s = *state;

	s->o.scrubber = NULL;
	for (unsigned int width = ARGUMENTS_AT + 2; width < 140; width += 7) {
		unsigned int room = width - ARGUMENTS_AT;

		s->o.width = width;
		for (size_t c = 0; c < 2; c++) {
			for (unsigned int n = room - 1; n <= room + 1; n++) {
				struct buf args = { 0 };
				size_t bytes = strlen(characters[c]);
				char *at;

				buf_add(&args, "a", 2);
				for (unsigned int i = 0; i < n; i++)
					buf_str(&args, characters[c]);
				buf_char(&args, '\0');
				execs(s, 10, "/bin/a", (str_t){ args.data, args.len });
				at = s->out.data + ARGUMENTS_AT;
				assert_int_equal(columns(s), ARGUMENTS_AT + (n <= room ? n : room));
				if (n <= room) {
					assert_int_equal(s->out.len, ARGUMENTS_AT + n * bytes + 1);
					assert_memory_equal(at, args.data + 2, n * bytes);
				} else {
					assert_memory_equal(at, args.data + 2, (room - 1) * bytes);
					assert_memory_equal(at + (room - 1) * bytes, "…\n", 4);
				}
				buf_free(&args);
			}
		}
	}
}

/* A terminal that is too narrow for the columns: a line is never wider than the window. */
static void test_narrow(void **state)
{
	struct stage *s = *state;

	for (s->o.width = 1; s->o.width <= ARGUMENTS_AT + 1; s->o.width++) {
		execs(s, 10, "/bin/a", LIST("a\0bcd"));
		assert_in_range(columns(s), 1, s->o.width);
		if (s->o.width == ARGUMENTS_AT + 1)
			assert_memory_equal(s->out.data + ARGUMENTS_AT, "…", 3);
	}
}

/* Not all of them are joined, when more than fits is there. */
static void test_many_arguments(void **state)
{
	struct stage *s = *state;
	struct buf args = { 0 };

	for (int i = 0; i < 50000; i++)
		buf_printf(&args, "%d%c", i, '\0');
	execs(s, 10, "/bin/a", (str_t){ args.data, args.len });
	assert_line(s, "22:30:00.005 10      root       + a               "
		       "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 2…");
	buf_free(&args);
}

/* Every byte, wherever a process can put it. */
static void test_no_control_characters(void **state)
{
	struct stage *s = *state;

	s->o.width = 120;
	for (int c = 1; c < 256; c++) {
		/* beside what would make it part of a character, and at the end */
		char text[] = { 'a', (char)c, '\x9b', 'b', (char)c, '\0' };
		struct wire_exec e = stage_exec(s, 10, "/bin/x", LIST("x"));
		struct wire_exec_failed f = stage_failed(s, 10, text, -ENOENT);
		char args[] = { 'x',	0,	'a',	 (char)c, '\xc2',  (char)c,
				'\xe2', '\x80', (char)c, 0,	  (char)c, 0 };

		set_comm(e.ext.task.comm, text);
		e.args = (str_t){ args, sizeof(args) };
		stage_send(s, &e);
		columns(s);
		stage_send_failed(s, &f);
		columns(s);
		stage_rename(s, 10, text);
		columns(s);
		stage_fork(s, 10, 20);
		stage_exit(s, 20, 0);
		columns(s);
	}
}

/* Sequences that some decoders take for a control, or that turn the line around. */
static void test_disguised_controls(void **state)
{
	static const struct {
		const char *bytes, *shown;
	} cases[] = {
		{ "\xc2\x9b"
		  "31m",
		  "??31m" }, /* CSI */
		{ "\xe0\x82\x9b"
		  "31m",
		  "???31m" }, /* the same, overlong */
		{ "\xf0\x80\x82\x9b"
		  "m",
		  "????m" },
		{ "\xc0\x9b"
		  "m",
		  "??m" }, /* ESC, overlong */
		{ "\xed\xa0\x9b", "???" },
		{ "\xf8\x80\x80\x80\x9b", "?????" },
		{ "\xe2\x80\xae"
		  "cod.exe",
		  "???cod.exe" }, /* right-to-left override */
		{ "\xe2\x81\xa6"
		  "a\xe2\x81\xa9",
		  "???a???" },
		{ "\xe2\x80\xa8"
		  "a",
		  "???a" }, /* line separator */
		{ "\xc2\xa0\xc3\xa9\xe2\x80\xa7\xe2\x82\xac\xf0\x9f\x90\x92",
		  "\xc2\xa0\xc3\xa9\xe2\x80\xa7\xe2\x82\xac\xf0\x9f\x90\x92" },
	};
	struct stage *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf args = { 0 };

		buf_add(&args, "x", 2);
		buf_add(&args, cases[i].bytes, strlen(cases[i].bytes) + 1);
		execs(s, 10, "/bin/x", (str_t){ args.data, args.len });
		columns(s);
		s->out.data[s->out.len - 1] = '\0';
		assert_string_equal(s->out.data + ARGUMENTS_AT, cases[i].shown);
		buf_free(&args);
	}
}

/* Random bytes of the kind that is near to characters, in terminals of all widths. */
static void test_any_bytes(void **state)
{
	static const char bytes[] = "ab \x1b\x7f\x80\x9b\xa8\xbf\xc2\xc3\xe0\xe2\xed\xf0\xf4\xff";
	struct stage *s = *state;
	uint64_t seed = 11;

	for (int round = 0; round < 20000; round++) {
		char args[64] = "x";
		size_t n;

		for (size_t i = 2; i < sizeof(args); i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			args[i] = bytes[(seed >> 33) % sizeof(bytes)];
		}
		args[sizeof(args) - 1] = '\0';
		s->o.width = ARGUMENTS_AT + 1 + (unsigned int)round % 60;
		execs(s, 10, "/bin/x", (str_t){ args, sizeof(args) });
		n = columns(s);
		assert_true(n <= s->o.width);
	}
}

/* Takes out what sets a colour; anything else that begins like it stays, and is seen. */
static void strip_colours(struct buf *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->len;) {
		size_t n = 2;

		if (b->len - i > 3 && b->data[i] == '\x1b' && b->data[i + 1] == '[') {
			while (i + n < b->len && b->data[i + n] >= '0' && b->data[i + n] <= '9')
				n++;
			if (i + n < b->len && b->data[i + n] == 'm') {
				i += n + 1;
				continue;
			}
		}
		b->data[to++] = b->data[i++];
	}
	b->len = to;
}

static void all_kinds(struct stage *s, struct buf *lines)
{
	struct wire_exec_failed f = stage_failed(s, 10, "/x", -ENOENT);
	struct wire_exec e = stage_exec(s, 10, "/bin/x", LIST("x\0-v\0\x1b[1mbold"));
	struct msg_lost m = { .common.ktime = 1, .count = 7 };

	s->out.len = 0;
	format_table.begin(&s->out, &s->o);
	buf_add(lines, s->out.data, s->out.len);
	strcpy(e.event.kube.docker_id, CONTAINER);
	stage_send(s, &e);
	buf_add(lines, s->out.data, s->out.len);
	stage_send_failed(s, &f);
	buf_add(lines, s->out.data, s->out.len);
	stage_rename(s, 10, "y");
	buf_add(lines, s->out.data, s->out.len);
	wire_encode_lost(&m, stage_take, s);
	buf_add(lines, s->out.data, s->out.len);
	stage_exit(s, 10, 9);
	buf_add(lines, s->out.data, s->out.len);
}

/* Colours change nothing but the colour, and every line ends without one. */
static void test_colour(void **state)
{
	struct buf plain = { 0 }, coloured = { 0 };
	struct stage *s = *state;
	uint64_t now = s->now;

	all_kinds(s, &plain);
	assert_null(memchr(plain.data, '\x1b', plain.len));
	stage_free(s);
	free(s);
	setup(state);
	s = *state;
	assert_int_equal(s->now, now);
	s->o.colour = true;
	all_kinds(s, &coloured);
	assert_true(coloured.len > plain.len);
	for (size_t i = 0; i < coloured.len; i++)
		if (coloured.data[i] == '\n') {
			size_t end = i;
			const char *last = memrchr(coloured.data, '\x1b', end);

			assert_memory_equal(last, "\x1b[0m", 4);
		}
	strip_colours(&coloured);
	assert_int_equal(coloured.len, plain.len);
	assert_memory_equal(coloured.data, plain.data, plain.len);
	buf_free(&plain);
	buf_free(&coloured);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_head),
		TEST(test_exec),
		TEST(test_container),
		TEST(test_exit),
		TEST(test_failed),
		TEST(test_odd_errors),
		TEST(test_rename),
		TEST(test_lost),
		TEST(test_users),
		TEST(test_cut_to_the_width),
		TEST(test_narrow),
		TEST(test_many_arguments),
		TEST(test_no_control_characters),
		TEST(test_disguised_controls),
		TEST(test_any_bytes),
		TEST(test_colour),
	};

	return cmocka_run_group_tests_name("output_table", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sinks with readers that are slow, that stop, that go, and that never read: what is lost is
 * counted to the record, and the end comes in time.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "output/sink.h"

#define RECORDS 3 /* in each chunk */

/* A pipe whose other end is the sink's. */
struct reader {
	int fds[2];
	char path[64]; /* opens the writing end anew */
	pthread_t thread;
	size_t piece;
	unsigned int pause_us;
	struct buf got;
};

static int saved_stdout = -1;

static int setup(void **state)
{
	struct reader *r = xcalloc(1, sizeof(*r));

	if (pipe2(r->fds, O_CLOEXEC))
		return -1;
	snprintf(r->path, sizeof(r->path), "/proc/self/fd/%d", r->fds[1]);
	*state = r;
	return 0;
}

/* Also when a test has failed in the middle: its result goes to the standard output. */
static void restore_stdout(void)
{
	if (saved_stdout < 0)
		return;
	dup2(saved_stdout, 1);
	close(saved_stdout);
	saved_stdout = -1;
}

static int teardown(void **state)
{
	struct reader *r = *state;

	restore_stdout();
	for (int i = 0; i < 2; i++)
		if (r->fds[i] >= 0)
			close(r->fds[i]);
	buf_free(&r->got);
	free(r);
	return 0;
}

static void close_end(struct reader *r, int i)
{
	close(r->fds[i]);
	r->fds[i] = -1;
}

static struct sink *must_open(const char *path, enum sink_policy policy, size_t limit)
{
	struct tsr_error err;
	struct sink *s;

	if (sink_open(&s, path, policy, limit, &err))
		fail_msg("%s", err.message);
	return s;
}

/* The sink is the only writer, so that the reader sees the end. */
static struct sink *open_pipe(struct reader *r, enum sink_policy policy, size_t limit)
{
	struct sink *s = must_open(r->path, policy, limit);

	close_end(r, 1);
	return s;
}

/* The same as the standard output: not opened by the sink, and not closed. */
static struct sink *open_stdout(struct reader *r, enum sink_policy policy, size_t limit)
{
	fflush(stdout);
	saved_stdout = fcntl(1, F_DUPFD_CLOEXEC, 3);
	assert_true(saved_stdout >= 0);
	assert_int_equal(dup2(r->fds[1], 1), 1);
	close_end(r, 1);
	return must_open(NULL, policy, limit);
}

static void *read_on(void *arg)
{
	struct reader *r = arg;
	ssize_t n;

	while ((n = read(r->fds[0], buf_room(&r->got, r->piece), r->piece)) > 0) {
		r->got.len += (size_t)n;
		if (r->pause_us)
			usleep(r->pause_us);
	}
	return NULL;
}

static void start_reading(struct reader *r, size_t piece, unsigned int pause_us)
{
	r->piece = piece;
	r->pause_us = pause_us;
	assert_int_equal(pthread_create(&r->thread, NULL, read_on, r), 0);
}

static void end_reading(struct reader *r)
{
	pthread_join(r->thread, NULL);
}

/* A chunk of this size that names its number. */
static struct buf chunk(uint32_t no, size_t size)
{
	struct buf b = { 0 };

	memset(buf_room(&b, size), '.', size);
	snprintf(b.data, size, "chunk %u", no);
	b.len = size;
	b.data[size - 1] = '\n';
	return b;
}

/* Puts one, which empties the buffer in any case. */
static bool put(struct sink *s, uint32_t no, size_t size)
{
	struct buf b = chunk(no, size);
	bool taken = sink_put(s, &b, RECORDS, NULL);

	assert_int_equal(b.len, 0);
	buf_free(&b);
	return taken;
}

static void expect(struct buf *all, uint32_t no, size_t size)
{
	struct buf b = chunk(no, size);

	buf_add(all, b.data, b.len);
	buf_free(&b);
}

static void assert_got(const struct reader *r, const struct buf *want)
{
	assert_int_equal(r->got.len, want->len);
	assert_memory_equal(r->got.data, want->data, want->len);
}

static uint64_t ms_since(uint64_t then)
{
	return (clock_boot_ns() - then) / NS_PER_MS;
}

static void test_slow_reader(void **state)
{
	struct reader *r = *state;
	struct sink *s = open_pipe(r, SINK_BLOCK, 16384);
	struct buf want = { 0 };

	start_reading(r, 5000, 200);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(put(s, i, 1000 + i));
		expect(&want, i, 1000 + i);
	}
	assert_int_equal(sink_error(s), 0);
	assert_int_equal(sink_close(s, 10000), 0);
	end_reading(r);
	assert_got(r, &want);
	buf_free(&want);
}

/* Who still reads at the end gets all of it, although the time is over. */
static void test_slow_at_the_end(void **state)
{
	struct reader *r = *state;
	struct sink *s = open_stdout(r, SINK_BLOCK, 1 << 20);
	struct buf want = { 0 };

	for (uint32_t i = 0; i < 60; i++) {
		assert_true(put(s, i, 10000));
		expect(&want, i, 10000);
	}
	start_reading(r, 4096, 5000);
	assert_int_equal(sink_close(s, 10), 0);
	restore_stdout();
	end_reading(r);
	assert_got(r, &want);
	buf_free(&want);
}

/* What is dropped is known, and nothing else is missing. */
static void test_drop(void **state)
{
	struct reader *r = *state;
	struct sink *s = open_pipe(r, SINK_DROP, 20000);
	struct buf want = { 0 };
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < 500; i++) {
		if (put(s, i, 1000))
			expect(&want, i, 1000);
		else
			dropped++;
	}
	/* the pipe, the queue, and what was on its way */
	assert_true(dropped > 350 && dropped < 500);
	start_reading(r, 65536, 0);
	assert_int_equal(sink_close(s, 10000), 0);
	end_reading(r);
	assert_got(r, &want);
	assert_int_equal(want.len / 1000 + dropped, 500);
	buf_free(&want);
}

/* After a drop it goes on when there is room. */
static void test_drop_and_go_on(void **state)
{
	struct reader *r = *state;
	struct sink *s = open_pipe(r, SINK_DROP, 3000);
	struct buf want = { 0 };
	uint32_t no = 0;

	while (put(s, no, 1000))
		expect(&want, no++, 1000);
	start_reading(r, 65536, 0);
	for (uint64_t began = clock_boot_ns(); !put(s, 7777, 1000);) {
		assert_true(ms_since(began) < 10000);
		usleep(1000);
	}
	expect(&want, 7777, 1000);
	assert_int_equal(sink_close(s, 10000), 0);
	end_reading(r);
	assert_got(r, &want);
	buf_free(&want);
}

static void test_larger_than_the_limit(void **state)
{
	struct reader *r = *state;
	struct sink *s = open_pipe(r, SINK_DROP, 1000);
	struct buf want = { 0 };

	/* the queue is empty: it is taken, and the next is not, however small, until it is written */
	assert_true(put(s, 1, 200000));
	assert_false(put(s, 2, 200000));
	assert_false(put(s, 3, 10));
	start_reading(r, 65536, 0);
	expect(&want, 1, 200000);
	assert_int_equal(sink_close(s, 10000), 0);
	end_reading(r);
	assert_got(r, &want);
	buf_free(&want);
}

static void test_larger_than_the_limit_waits(void **state)
{
	struct reader *r = *state;
	struct sink *s = open_pipe(r, SINK_BLOCK, 1);
	struct buf want = { 0 };

	start_reading(r, 65536, 0);
	for (uint32_t i = 0; i < 20; i++) {
		assert_true(put(s, i, 100000));
		expect(&want, i, 100000);
	}
	assert_int_equal(sink_close(s, 10000), 0);
	end_reading(r);
	assert_got(r, &want);
	buf_free(&want);
}

static void test_nothing(void **state)
{
	struct reader *r = *state;
	struct sink *s = open_pipe(r, SINK_DROP, 0);
	struct buf b = { 0 };

	assert_true(sink_put(s, &b, 0, NULL));
	assert_int_equal(sink_error(s), 0);
	assert_int_equal(sink_close(s, 0), 0);
	start_reading(r, 100, 0);
	end_reading(r);
	assert_int_equal(r->got.len, 0);
}

static void wait_for_error(const struct sink *s, int error)
{
	for (uint64_t began = clock_boot_ns(); sink_error(s) != error; usleep(1000))
		assert_true(ms_since(began) < 10000);
}

/* The process lives on, with the default action of SIGPIPE. */
static void test_reader_gone(void **state)
{
	struct reader *r = *state;
	struct sink *s = open_pipe(r, SINK_BLOCK, 100000);
	struct buf b = { 0 };
	uint64_t taken = 0, began;

	assert_ptr_equal(signal(SIGPIPE, SIG_DFL), SIG_DFL);
	close_end(r, 0);
	/* no room for the third: waits, and hears of the error */
	for (uint32_t i = 0; i < 4; i++)
		taken += put(s, i, 50000) ? RECORDS : 0;
	wait_for_error(s, -EPIPE);
	began = clock_boot_ns();
	assert_false(put(s, 9, 10));
	b = chunk(10, 100);
	assert_false(sink_put(s, &b, 1, NULL));
	assert_int_equal(b.len, 0);
	buf_free(&b);
	/* none of those that were taken was written */
	assert_true(taken > 0);
	assert_int_equal(sink_close(s, 10000), taken);
	assert_true(ms_since(began) < 5000);
}

/* Some chunks whole, then it goes: what is lost begins with the one that was not whole. */
static void test_reader_goes(void **state)
{
	struct reader *r = *state;
	struct sink *s = open_stdout(r, SINK_BLOCK, 1 << 20);
	char bytes[10500];
	uint64_t lost;

	for (uint32_t i = 0; i < 100; i++)
		assert_true(put(s, i, 4000));
	for (size_t at = 0; at < sizeof(bytes);)
		at += (size_t)read(r->fds[0], bytes + at, sizeof(bytes) - at);
	close_end(r, 0);
	wait_for_error(s, -EPIPE);
	lost = sink_close(s, 10000);
	restore_stdout();
	/* at least these were still to be written; the pipe had taken no more than it holds */
	assert_true(lost <= (100 - 2) * RECORDS);
	assert_true(lost >= (100 - (65536 + sizeof(bytes)) / 4000 - 1) * RECORDS);
	assert_int_equal(lost % RECORDS, 0);
}

static void test_full_disk(void **state)
{
	struct sink *s = must_open("/dev/full", SINK_BLOCK, 1000);

	(void)state;
	assert_true(put(s, 1, 100));
	wait_for_error(s, -ENOSPC);
	assert_false(put(s, 2, 100));
	assert_int_equal(sink_error(s), -ENOSPC);
	assert_int_equal(sink_close(s, 10000), RECORDS);
}

/* Nobody reads, nobody goes: it ends in time, and says what was not written. */
static void stuck(struct sink *s, size_t fits)
{
	uint64_t began, lost;

	for (uint32_t i = 0; i < 50; i++)
		assert_true(put(s, i, 10000));
	began = clock_boot_ns();
	lost = sink_close(s, 300);
	assert_true(ms_since(began) >= 290);
	assert_true(ms_since(began) < 8000);
	assert_true(lost <= 50 * RECORDS && lost >= (50 - fits / 10000) * RECORDS);
	assert_int_equal(lost % RECORDS, 0);
}

static void test_stuck_stdout(void **state)
{
	struct reader *r = *state;

	stuck(open_stdout(r, SINK_BLOCK, 1 << 20), 65536);
	/* it is not the sink's to close */
	assert_true(fcntl(1, F_GETFD) >= 0);
	restore_stdout();
}

static void test_stuck_pipe(void **state)
{
	stuck(open_pipe(*state, SINK_BLOCK, 1 << 20), 65536);
}

static size_t count_threads(void)
{
	size_t n = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Threads: %zu", &n) == 1)
			break;
	fclose(f);
	return n;
}

/* A terminal that stands still can keep write(2) although poll(2) has promised room. */
static void test_stuck_terminal(void **state)
{
	struct termios raw = { 0 };
	size_t threads = count_threads();
	int master, slave;
	char path[64];

	(void)state;
	cfmakeraw(&raw);
	if (openpty(&master, &slave, path, &raw, NULL)) {
		printf("# no terminal can be had: %s\n", strerror(errno));
		skip();
	}
	stuck(must_open(path, SINK_BLOCK, 1 << 20), 65536);
	/* what is left of it goes with the terminal, and touches nothing that is freed */
	close(slave);
	close(master);
	for (uint64_t began = clock_boot_ns(); count_threads() > threads; usleep(1000))
		assert_true(ms_since(began) < 10000);
}

static void *set_after_a_while(void *arg)
{
	atomic_bool *flag = arg;

	usleep(200000);
	atomic_store(flag, true);
	return NULL;
}

/* A second Ctrl-C ends a wait. */
static void test_give_up(void **state)
{
	struct sink *s = open_pipe(*state, SINK_BLOCK, 1000);
	atomic_bool give_up = false;
	struct buf b = chunk(2, 1000);
	uint64_t began = clock_boot_ns();
	pthread_t thread;

	assert_true(put(s, 1, 100000)); /* more than the pipe holds */
	assert_int_equal(pthread_create(&thread, NULL, set_after_a_while, &give_up), 0);
	assert_false(sink_put(s, &b, RECORDS, &give_up));
	assert_true(ms_since(began) >= 190);
	assert_true(ms_since(began) < 5000);
	pthread_join(thread, NULL);
	buf_free(&b);
	assert_int_equal(sink_close(s, 0), RECORDS);
}

static void test_file(void **state)
{
	char path[] = "/tmp/tarsier-sink-XXXXXX", text[64] = "";
	int fd = mkstemp(path);
	struct buf want = { 0 };
	struct reader file = { .piece = 1 << 20 };
	struct sink *s;
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	/* what was there before goes */
	assert_int_equal(write(fd, "old and longer than what is new", 31), 31);
	s = must_open(path, SINK_BLOCK, 1000);
	assert_true(put(s, 1, 20));
	assert_int_equal(sink_close(s, 10000), 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 20);
	assert_memory_equal(text, "chunk 1", 7);
	close(fd);

	/* a new one is for the user's own eyes: it holds arguments and environments */
	assert_int_equal(unlink(path), 0);
	s = must_open(path, SINK_DROP, 1 << 20);
	for (uint32_t i = 0; i < 10; i++) {
		assert_true(put(s, i, 100000));
		expect(&want, i, 100000);
	}
	assert_int_equal(sink_close(s, 10000), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	file.fds[0] = open(path, O_RDONLY | O_CLOEXEC);
	read_on(&file);
	assert_got(&file, &want);
	close(file.fds[0]);
	buf_free(&file.got);
	buf_free(&want);
	assert_int_equal(unlink(path), 0);
}

static void test_cannot_open(void **state)
{
	static const struct {
		const char *path, *why;
	} cases[] = {
		{ "/tmp", "Is a directory" },
		{ "/nonexistent/x", "No such file or directory" },
		{ "/dev/null/x", "Not a directory" },
		{ "", "No such file or directory" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tsr_error err = { 0 };
		struct sink *s = NULL;

		assert_int_equal(sink_open(&s, cases[i].path, SINK_BLOCK, 1, &err), TSR_ERR_IO);
		assert_null(s);
		assert_non_null(strstr(err.message, cases[i].path));
		assert_non_null(strstr(err.message, cases[i].why));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slow_reader),
		TEST(test_slow_at_the_end),
		TEST(test_drop),
		TEST(test_drop_and_go_on),
		TEST(test_larger_than_the_limit),
		TEST(test_larger_than_the_limit_waits),
		TEST(test_nothing),
		TEST(test_reader_gone),
		TEST(test_reader_goes),
		TEST(test_full_disk),
		TEST(test_stuck_stdout),
		TEST(test_stuck_pipe),
		TEST(test_stuck_terminal),
		TEST(test_give_up),
		TEST(test_file),
		TEST(test_cannot_open),
	};

	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}

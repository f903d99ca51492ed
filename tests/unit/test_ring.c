/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of the kernel's ring, with a file that is laid out like one: a page with the reader's
 * position, a page with the writer's, the data, and the data once more. The test is the kernel.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/bpf.h>

#include "base/buf.h"
#include "numbers.h"
#include "source/ring.h"
#include "wire.h"

#define SIZE	   (64UL << 10)
#define LARGE	   (4UL << 20) /* several windows */
#define LENGTH_MAX (150UL << 10)
#define GIVEN_MAX  200000
#define ALL	   UINT64_MAX

struct message {
	struct msg_common common;
	uint64_t number;
	/* bytes that say which one it is */
};

struct world {
	struct ring ring;
	int fd;
	size_t size, page;
	char *map;	  /* of the whole file */
	unsigned long at; /* the writer's position */
	uint64_t numbers; /* of messages that were put */
	/* what came, in its order */
	uint64_t given[GIVEN_MAX], times[GIVEN_MAX];
	size_t n;
	size_t fail_at; /* the delivery that fails; 0: none */
};

static int setup_size(void **state, size_t size)
{
	struct world *w = xcalloc(1, sizeof(*w));
	size_t len;

	w->size = size;
	w->page = (size_t)sysconf(_SC_PAGESIZE);
	len = 2 * w->page + 2 * size;
	w->fd = memfd_create("ring", MFD_CLOEXEC);
	assert_true(w->fd >= 0);
	assert_int_equal(ftruncate(w->fd, (off_t)len), 0);
	w->map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
	assert_ptr_not_equal(w->map, MAP_FAILED);
	assert_int_equal(ring_map(&w->ring, w->fd, size), 0);
	numbers_begin();
	*state = w;
	return 0;
}

static int setup(void **state)
{
	return setup_size(state, SIZE);
}

static int setup_large(void **state)
{
	return setup_size(state, LARGE);
}

static int teardown(void **state)
{
	struct world *w = *state;

	ring_unmap(&w->ring);
	ring_unmap(&w->ring); /* there is nothing to do, then */
	munmap(w->map, 2 * w->page + 2 * w->size);
	close(w->fd);
	free(w);
	return 0;
}

/* In both places where the reader can see it. */
static void poke(struct world *w, unsigned long at, const void *bytes, size_t len)
{
	char *data = w->map + 2 * w->page;

	for (size_t i = 0; i < len; i++) {
		size_t k = (at + i) & (w->size - 1);

		data[k] = data[k + w->size] = ((const char *)bytes)[i];
	}
}

static void set_header(struct world *w, unsigned long at, size_t len, uint32_t flags)
{
	uint32_t header[2] = { (uint32_t)len | flags, 0 };

	poke(w, at, header, sizeof(header));
}

static unsigned long reader_at(const struct world *w)
{
	return *(const unsigned long *)(const void *)w->map;
}

static bool has_room(const struct world *w, size_t len)
{
	return w->at + len + 16 - reader_at(w) <= w->size;
}

/* Where it is, to be committed later if flags say that it is busy. */
static unsigned long put_bytes(struct world *w, const void *bytes, size_t len, uint32_t flags)
{
	unsigned long at = w->at;

	assert_true(has_room(w, len));
	set_header(w, at, len, flags);
	poke(w, at + 8, bytes, len);
	w->at += (len + 8 + 7) & ~7UL;
	__atomic_store_n((unsigned long *)(void *)(w->map + w->page), w->at, __ATOMIC_RELEASE);
	return at;
}

static char byte_of(uint64_t number, size_t i)
{
	return (char)(number * 31 + i);
}

static unsigned long put_len(struct world *w, uint64_t time, size_t len, uint32_t flags)
{
	static char bytes[LENGTH_MAX];
	struct message m = { .common.ktime = time, .number = w->numbers++ };

	assert_in_range(len, sizeof(m), LENGTH_MAX);
	memcpy(bytes, &m, sizeof(m));
	for (size_t i = sizeof(m); i < len; i++)
		bytes[i] = byte_of(m.number, i);
	return put_bytes(w, bytes, len, flags);
}

static void put(struct world *w, uint64_t time)
{
	put_len(w, time, sizeof(struct message), 0);
}

static int take(void *user, const void *msg, size_t len)
{
	struct world *w = user;
	struct message m;

	assert_int_equal((uintptr_t)msg % 8, 0);
	assert_true(len >= sizeof(m));
	memcpy(&m, msg, sizeof(m));
	for (size_t i = sizeof(m); i < len; i++)
		assert_int_equal(((const char *)msg)[i], byte_of(m.number, i));
	assert_true(w->n < GIVEN_MAX);
	w->times[w->n] = m.common.ktime;
	w->given[w->n++] = m.number;
	return w->n == w->fail_at ? -EIO : 0;
}

static int drain(struct world *w, uint64_t until)
{
	return ring_drain(&w->ring, until, take, w);
}

static void assert_times(const struct world *w, const uint64_t *times, size_t n)
{
	assert_int_equal(w->n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(w->times[i], times[i]);
}

#define ASSERT_TIMES(w, ...)                               \
	assert_times(w, (const uint64_t[]){ __VA_ARGS__ }, \
		     sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* Each of them came, once, and they came by time. */
static void assert_all(const struct world *w, bool in_order)
{
	unsigned char *seen = xcalloc(w->numbers + 1, 1);

	assert_int_equal(w->n, w->numbers);
	for (size_t i = 0; i < w->n; i++) {
		assert_true(w->given[i] < w->numbers);
		assert_false(seen[w->given[i]]);
		seen[w->given[i]] = 1;
		if (in_order && i)
			assert_true(w->times[i] >= w->times[i - 1]);
	}
	free(seen);
}

static void test_by_time(void **state)
{
	struct world *w = *state;

	assert_true(ring_empty(&w->ring));
	assert_int_equal(drain(w, ALL), 0);
	put(w, 50);
	put(w, 20);
	put(w, 30);
	put(w, 20);
	put(w, 10);
	assert_false(ring_empty(&w->ring));
	assert_int_equal(drain(w, ALL), 5);
	ASSERT_TIMES(w, 10, 20, 20, 30, 50);
	/* Those of one time as they came. */
	assert_int_equal(w->given[1], 1);
	assert_int_equal(w->given[2], 3);
	assert_true(ring_empty(&w->ring));
	assert_int_equal(reader_at(w), w->at);
	assert_int_equal(drain(w, ALL), 0);
}

static void test_held_until(void **state)
{
	struct world *w = *state;

	put(w, 10);
	put(w, 40);
	put(w, 30);
	assert_int_equal(drain(w, 30), 2);
	ASSERT_TIMES(w, 10, 30);
	/* The ring is the kernel's again; what is held is not in it. */
	assert_true(ring_empty(&w->ring));
	put(w, 35);
	put(w, 60);
	put(w, 50);
	assert_int_equal(drain(w, 40), 2);
	ASSERT_TIMES(w, 10, 30, 35, 40);
	assert_int_equal(drain(w, 40), 0);
	assert_int_equal(drain(w, 55), 1);
	assert_int_equal(drain(w, ALL), 1);
	ASSERT_TIMES(w, 10, 30, 35, 40, 50, 60);
}

/* As long as none comes later than it is held, they all come in order. */
static void late(struct world *w, size_t length_max)
{
	struct {
		uint64_t time, at;
	} pending[8];
	uint64_t now = 1000;
	size_t n = 0;

	while (w->numbers < 20000) {
		/* Programs that have read the time send up to 100 later. */
		now += number_below(4);
		while (n < 8) {
			pending[n].time = now;
			pending[n++].at = now + number_below(100);
		}
		for (size_t i = 0; i < n; i++) {
			size_t len = sizeof(struct message) +
				     number_below(length_max - sizeof(struct message));

			if (pending[i].at > now || !has_room(w, len))
				continue;
			put_len(w, pending[i].time, len, 0);
			pending[i--] = pending[--n];
		}
		if (number_below(8) == 0 || !has_room(w, length_max))
			assert_true(drain(w, now - 100) >= 0);
	}
	assert_true(drain(w, ALL) >= 0);
	assert_all(w, true);
}

static void test_late_ones(void **state)
{
	late(*state, 64);
}

/* The positions are of any length, so messages wrap, and windows of the large ring move. */
static void test_any_length(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 30000; i++) {
		size_t len = sizeof(struct message) + number_below(3000);

		if (i % 1000 == 7)
			len = w->size / 3 < LENGTH_MAX ? w->size / 3 : LENGTH_MAX;
		if (!has_room(w, len))
			assert_true(drain(w, ALL) > 0);
		put_len(w, (uint64_t)i, len, 0);
	}
	assert_true(drain(w, ALL) > 0);
	assert_all(w, true);
	assert_true(w->at > 5 * w->size);
}

/* A message behind the end of the data: in one piece, for it lies there twice. */
static void test_wraps(void **state)
{
	struct world *w = *state;
	size_t len = SIZE / 8 - 24;

	while (w->at < w->size) {
		put_len(w, w->numbers, len, 0);
		assert_int_equal(drain(w, ALL), 1);
	}
	assert_in_range(w->at & (w->size - 1), 1, len);
	assert_all(w, true);
}

/* More are held than there may be: the oldest go, in their order. */
static void test_no_more_than_so_many(void **state)
{
	struct world *w = *state;

	for (uint64_t i = 0; i < 1500; i++)
		put(w, 10000 - i);
	assert_int_equal(drain(w, 0), 1500 - RING_KEEP);
	assert_int_equal(w->ring.n_kept, RING_KEEP);
	assert_int_equal(drain(w, 0), 0);
	/* Of those that are held the youngest stay. */
	for (size_t i = 0; i < w->n; i++)
		assert_true(w->times[i] <= 10000 - RING_KEEP);
	put(w, 20000);
	assert_int_equal(drain(w, 0), 1);
	assert_int_equal(drain(w, ALL), RING_KEEP);
	assert_all(w, false);
}

static void test_no_more_than_so_many_bytes(void **state)
{
	struct world *w = *state;

	for (uint64_t i = 0; i < 6; i++)
		put_len(w, 100 + i, 100UL << 10, 0);
	assert_int_equal(drain(w, 0), 4);
	assert_int_equal(w->ring.n_kept, 2);
	/* A small one finds room beside them. */
	put(w, 200);
	assert_int_equal(drain(w, 0), 0);
	assert_int_equal(w->ring.n_kept, 3);
	/* A large one does not: the oldest makes room. */
	put_len(w, 201, 100UL << 10, 0);
	assert_int_equal(drain(w, 0), 1);
	assert_int_equal(w->times[4], 104);
	assert_int_equal(drain(w, ALL), 3);
	assert_all(w, true);
}

/* One that is not complete holds up those behind it, but none that are held already. */
static void test_busy(void **state)
{
	struct world *w = *state;
	unsigned long at;

	put(w, 10);
	put(w, 100);
	at = put_len(w, 20, 64, BPF_RINGBUF_BUSY_BIT);
	put(w, 30);
	assert_int_equal(drain(w, 50), 1);
	assert_false(ring_empty(&w->ring));
	assert_int_equal(reader_at(w), at);
	assert_int_equal(drain(w, 50), 0);
	ASSERT_TIMES(w, 10);
	set_header(w, at, 64, 0);
	assert_int_equal(drain(w, 50), 2);
	ASSERT_TIMES(w, 10, 20, 30);
	put_len(w, 110, 64, BPF_RINGBUF_BUSY_BIT);
	assert_int_equal(drain(w, 100), 1);
	ASSERT_TIMES(w, 10, 20, 30, 100);
	assert_false(ring_empty(&w->ring));
}

static void test_discarded(void **state)
{
	struct world *w = *state;
	unsigned long at;

	put_len(w, 1, 64, BPF_RINGBUF_DISCARD_BIT);
	assert_int_equal(drain(w, ALL), 0);
	assert_true(ring_empty(&w->ring));
	put(w, 2);
	at = put_len(w, 3, 200, BPF_RINGBUF_BUSY_BIT);
	put(w, 4);
	assert_int_equal(drain(w, ALL), 1);
	set_header(w, at, 200, BPF_RINGBUF_DISCARD_BIT);
	assert_int_equal(drain(w, ALL), 1);
	ASSERT_TIMES(w, 2, 4);
	assert_true(ring_empty(&w->ring));
}

/* The delivery ends there, and none comes twice. */
static void test_failing(void **state)
{
	struct world *w = *state;

	put(w, 1);
	put(w, 100);
	assert_int_equal(drain(w, 50), 1);
	for (uint64_t i = 0; i < 10; i++)
		put(w, 10 + i);
	w->fail_at = 4;
	assert_int_equal(drain(w, 50), -EIO);
	assert_int_equal(w->n, 4);
	put(w, 60);
	assert_true(drain(w, ALL) >= 2);
	for (size_t i = 1; i < w->n; i++)
		assert_true(w->times[i] > w->times[i - 1]);
	assert_int_equal(w->times[w->n - 1], 100);
}

static int take_any(void *user, const void *msg, size_t len)
{
	struct world *w = user;

	assert_int_equal(len, w->n ? sizeof(struct msg_common) : 4);
	(void)msg;
	w->n++;
	return 0;
}

/* Shorter than any message is: who reads it will say so; it is not looked into for its time. */
static void test_short(void **state)
{
	struct world *w = *state;
	struct msg_common c = { .ktime = 5 };

	put_bytes(w, &c, sizeof(c), 0);
	put_bytes(w, "abcd", 4, 0);
	assert_int_equal(ring_drain(&w->ring, ALL, take_any, w), 2);
}

/* One round is enough: a storm that goes on does not keep the reader from all else. */
static int put_again(void *user, const void *msg, size_t len)
{
	struct world *w = user;

	take(user, msg, len);
	if (has_room(w, 2000) && w->numbers < 20000)
		put_len(w, w->numbers, 2000, 0);
	return 0;
}

static void test_storm(void **state)
{
	struct world *w = *state;

	while (has_room(w, 2000))
		put_len(w, w->numbers, 2000, 0);
	assert_true(ring_drain(&w->ring, ALL, put_again, w) > 0);
	assert_true(w->n * 2008 <= 2 * w->size);
	while (!ring_empty(&w->ring))
		assert_true(drain(w, ALL) >= 0);
	assert_all(w, true);
}

static void test_no_ring(void **state)
{
	struct ring r = { 0 };

	(void)state;
	assert_true(ring_map(&r, -1, SIZE) < 0);
	ring_unmap(&r);
}

#define TEST(f)	      cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_LARGE(f) cmocka_unit_test_setup_teardown(f, setup_large, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_time),
		TEST(test_held_until),
		TEST(test_late_ones),
		TEST_LARGE(test_late_ones),
		TEST(test_any_length),
		TEST_LARGE(test_any_length),
		TEST(test_wraps),
		TEST_LARGE(test_wraps),
		TEST(test_no_more_than_so_many),
		TEST_LARGE(test_no_more_than_so_many_bytes),
		TEST(test_busy),
		TEST(test_discarded),
		TEST(test_failing),
		TEST(test_short),
		TEST(test_storm),
		TEST_LARGE(test_storm),
		cmocka_unit_test(test_no_ring),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}

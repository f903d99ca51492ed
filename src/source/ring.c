/* SPDX-License-Identifier: Apache-2.0 */
#include "source/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wire.h"

#define MESSAGE_MAX (160UL << 10) /* above the largest that the programs can make */
#define WINDOW	    (1UL << 20)
#define KEEP_BYTES  (256UL << 10) /* of messages that wait for older ones */

int ring_map(struct ring *r, int fd, size_t size)
{
	void *p;

	r->fd = fd;
	r->size = size;
	r->page = (size_t)sysconf(_SC_PAGESIZE);
	r->window_step = size < WINDOW ? size : WINDOW;
	r->window_len = r->window_step + (size < MESSAGE_MAX ? size : MESSAGE_MAX);
	p = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	r->consumer = p;
	p = mmap(NULL, r->page, PROT_READ, MAP_SHARED, fd, (off_t)r->page);
	if (p == MAP_FAILED) {
		int err = -errno;

		munmap(r->consumer, r->page);
		r->consumer = NULL;
		return err;
	}
	r->producer = p;
	return 0;
}

static void close_window(struct ring *r)
{
	if (r->window)
		munmap((void *)r->window, r->window_len);
	r->window = NULL;
}

void ring_unmap(struct ring *r)
{
	if (!r->consumer)
		return;
	close_window(r);
	munmap(r->consumer, r->page);
	munmap((void *)r->producer, r->page);
	r->consumer = NULL;
	buf_free(&r->kept);
	buf_free(&r->spare);
}

static bool in_window(const struct ring *r, unsigned long pos)
{
	size_t at = pos & (r->size - 1);

	return r->window && at >= r->window_at && at < r->window_at + r->window_step;
}

/*
 * Moves the window to where pos is. Behind the data the kernel's file shows them once more, so a
 * message that wraps is contiguous in the last window, too.
 */
static int move_window(struct ring *r, unsigned long pos)
{
	size_t at = pos & (r->size - 1) & ~(r->window_step - 1);
	void *p;

	close_window(r);
	p = mmap(NULL, r->window_len, PROT_READ, MAP_SHARED, r->fd, (off_t)(2 * r->page + at));
	if (p == MAP_FAILED)
		return -errno;
	r->window = p;
	r->window_at = at;
	return 0;
}

static unsigned long load(const unsigned long *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

bool ring_empty(const struct ring *r)
{
	return load(r->consumer) == load(r->producer);
}

struct entry {
	const char *msg;
	uint32_t len;
};

static uint64_t time_of(const struct entry *e)
{
	const struct msg_common *c = (const void *)e->msg;

	return e->len >= sizeof(*c) ? c->ktime : 0;
}

/* By time, those of the same time as they came; nearly sorted already. */
static void sort(struct entry *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct entry e = list[i];
		uint64_t t = time_of(&e);
		size_t k = i;

		for (; k > 0 && time_of(&list[k - 1]) > t; k--)
			list[k] = list[k - 1];
		list[k] = e;
	}
}

/* The next messages of the window that are complete; where they end. */
static unsigned long gather(const struct ring *r, unsigned long at, unsigned long end,
			    struct entry *list, size_t max, size_t *n)
{
	while (at < end && *n < max && in_window(r, at)) {
		const char *m = r->window + (at & (r->size - 1)) - r->window_at;
		uint32_t len = __atomic_load_n((const uint32_t *)m, __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break; /* still being written; those behind it wait, so that order holds */
		at += ((len & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
		if (!(len & BPF_RINGBUF_DISCARD_BIT))
			list[(*n)++] = (struct entry){ m + BPF_RINGBUF_HDR_SZ, len };
	}
	return at;
}

static size_t take_kept(const struct ring *r, struct entry *list)
{
	size_t at = 0;

	for (size_t i = 0; i < r->n_kept; i++) {
		list[i] = (struct entry){ r->kept.data + at, r->kept_len[i] };
		at += (r->kept_len[i] + 7) & ~7UL;
	}
	return r->n_kept;
}

/* How many of the sorted list are to be given now: those old enough, and what can't be kept. */
static size_t due(const struct entry *list, size_t n, uint64_t until)
{
	size_t give = n, bytes = 0;

	while (give && n - give < RING_KEEP && time_of(&list[give - 1]) > until) {
		bytes += list[give - 1].len + 8;
		if (bytes > KEEP_BYTES)
			break;
		give--;
	}
	return give;
}

/* Copies them: the ring is the kernel's again, and the window may move. */
static void keep(struct ring *r, const struct entry *list, size_t n)
{
	static const char zeros[8];
	struct buf last = r->kept;

	r->kept = r->spare; /* the list points into the last one */
	r->spare = last;
	r->kept.len = 0;
	for (size_t i = 0; i < n; i++) {
		buf_add(&r->kept, list[i].msg, list[i].len);
		buf_add(&r->kept, zeros, -list[i].len & 7);
		r->kept_len[i] = list[i].len;
	}
	r->n_kept = n;
}

/*
 * A program reads the time, then reserves: two CPUs can do that in opposite order, some hundred
 * nanoseconds apart, or milliseconds where a program can be preempted or its CPU is a virtual one.
 * So messages are sorted, and the youngest wait for older ones that may still come.
 */
int ring_drain(struct ring *r, uint64_t until, message_fn fn, void *user)
{
	unsigned long begin = *r->consumer, at = begin;
	struct entry list[2 * RING_KEEP];
	int count = 0;
	bool more = true;

	r->read_all = false;
	/* Once around at most: the caller has more to do than to keep up with a storm. */
	while (more && at - begin < r->size) {
		unsigned long end = load(r->producer);
		size_t n = take_kept(r, list), give;
		int err = 0;

		if (at != end && !in_window(r, at)) {
			err = move_window(r, at);
			if (err)
				return err;
		}
		at = gather(r, at, end, list, 2 * RING_KEEP, &n);
		r->read_all = at == end;
		more = n == 2 * RING_KEEP || (at != end && !in_window(r, at));
		sort(list, n);
		give = due(list, n, until);
		for (size_t i = 0; i < give && !err; i++)
			/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the first n are filled */
			err = fn(user, list[i].msg, list[i].len);
		count += (int)give;
		keep(r, list + give, n - give);
		__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
		if (err)
			return err;
	}
	return count;
}

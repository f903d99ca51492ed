/* SPDX-License-Identifier: Apache-2.0 */
#include "source/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wire.h"

#define MESSAGE_MAX  (160UL << 10) /* above the largest that the programs can make */
#define GROUP	     256 /* messages sorted at a time */
#define HOLD	     16	 /* of them wait for the next group: more than programs can be under way */

int ring_map(struct ring *r, int fd, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t again = size < MESSAGE_MAX ? size : MESSAGE_MAX;
	void *p;

	again = (again + page - 1) & ~(page - 1);
	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	r->consumer = p;
	r->consumer_len = page;
	r->producer_len = page + size + again;
	p = mmap(NULL, r->producer_len, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (p == MAP_FAILED) {
		int err = -errno;

		munmap(r->consumer, page);
		r->consumer = NULL;
		return err;
	}
	r->producer = p;
	r->data = (const char *)p + page;
	r->size = size;
	return 0;
}

void ring_unmap(struct ring *r)
{
	if (!r->consumer)
		return;
	munmap(r->consumer, r->consumer_len);
	munmap((void *)r->producer, r->producer_len);
	r->consumer = NULL;
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
	unsigned long end; /* the position behind it */
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

/* The next messages that are complete; where they end. */
static unsigned long gather(const struct ring *r, unsigned long at, unsigned long end,
			    struct entry *list, size_t max, size_t *n)
{
	while (at < end && *n < max) {
		const char *m = r->data + (at & (r->size - 1));
		uint32_t len = __atomic_load_n((const uint32_t *)m, __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break; /* still being written; those behind it wait, so that order holds */
		at += ((len & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
		if (!(len & BPF_RINGBUF_DISCARD_BIT))
			list[(*n)++] = (struct entry){m + BPF_RINGBUF_HDR_SZ, len, at};
	}
	return at;
}

/*
 * A program reads the time, then reserves: two CPUs can do that in opposite order, some hundred
 * nanoseconds apart. So messages are sorted in groups, and the last ones of a group wait for the
 * next one if there is more to come.
 */
int ring_drain(struct ring *r, message_fn fn, void *user)
{
	unsigned long begin = *r->consumer, at = begin;
	struct entry list[GROUP];
	size_t held = 0;
	int count = 0;

	/* Once around at most: the caller has more to do than to keep up with a storm. */
	while (at - begin < r->size) {
		unsigned long end = load(r->producer), free_to = at;
		size_t n = held, give;
		int err = 0;

		at = gather(r, at, end, list, GROUP, &n);
		if (n == held && !n)
			break;
		sort(list, n);
		give = n == GROUP ? n - HOLD : n;
		for (size_t i = 0; i < give && !err; i++)
			err = fn(user, list[i].msg, list[i].len);
		count += (int)give;
		held = n - give;
		memmove(list, list + give, held * sizeof(*list));
		/* Room goes back to the kernel up to the first that is still in use. */
		free_to = at;
		for (size_t i = 0; i < held; i++) {
			unsigned long start = list[i].end - ((list[i].len + BPF_RINGBUF_HDR_SZ + 7) & ~7UL);

			if (start < free_to)
				free_to = start;
		}
		__atomic_store_n(r->consumer, free_to, __ATOMIC_RELEASE);
		if (err)
			return err;
		if (!held)
			break;
	}
	/* The loop can end with some held: they are the next drain's first. */
	if (!held)
		__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	return count;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "source/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define MESSAGE_MAX  (160UL << 10) /* above the largest that the programs can make */
#define RELEASE_STEP (32UL << 10)  /* the kernel gets room back in steps of this */

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

int ring_drain(struct ring *r, message_fn fn, void *user)
{
	unsigned long begin = *r->consumer, at = begin, released = at, end = load(r->producer);
	int n = 0, err = 0;

	/* Once around at most: the caller has more to do than to keep up with a storm. */
	while (at < end && !err && at - begin < r->size) {
		const char *m = r->data + (at & (r->size - 1));
		uint32_t len = __atomic_load_n((const uint32_t *)m, __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			break; /* still being written; those behind it wait, so that order holds */
		at += ((len & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			err = fn(user, m + BPF_RINGBUF_HDR_SZ, len);
			n++;
		}
		if (at - released >= RELEASE_STEP) {
			__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
			released = at;
			end = load(r->producer);
		}
	}
	__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	return err ? err : n;
}

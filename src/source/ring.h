/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of the kernel's ring buffer: messages are used where they lie.
 *
 * Not libbpf's reader, for two reasons: that one maps the data twice over (a message that wraps is
 * then contiguous), so that a ring of 8 MiB adds 16 MiB to the process; here a window of the ring is
 * mapped, which moves along with the reader. It tells the kernel its position after every
 * message; here after a group of them. And it delivers in the order of the ring, not of time.
 */
#ifndef TSR_SOURCE_RING_H
#define TSR_SOURCE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "source/source.h"

#define RING_KEEP 512 /* messages that wait for older ones, at most */

struct ring {
	unsigned long *consumer;
	const unsigned long *producer;
	const char *window; /* of the data, from window_at on; NULL: none */
	size_t window_at, window_len, window_step;
	size_t size, page;
	struct buf kept, spare; /* messages that wait, each aligned to 8 */
	uint32_t kept_len[RING_KEEP];
	size_t n_kept;
	bool read_all; /* the last drain came to the end of what was there */
	int fd;
};

/* fd stays the caller's, and open. Negative errno. */
int ring_map(struct ring *r, int fd, size_t size);
void ring_unmap(struct ring *r);

/*
 * Delivers what is there by kernel time; messages younger than until (boot clock) are kept, to a
 * bound, for the next call. The number of messages, what fn returned if that was not 0, or -ENOMEM.
 */
int ring_drain(struct ring *r, uint64_t until, message_fn fn, void *user);

bool ring_empty(const struct ring *r);

#endif

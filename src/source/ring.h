/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of the kernel's ring buffer: messages are used where they lie.
 *
 * Not libbpf's reader, for two reasons: that one maps the data twice over (a message that wraps is
 * then contiguous), which doubles what a large ring adds to the process; here only as much is
 * mapped again as the largest message needs. And it tells the kernel its position after every
 * message; here after every few pages.
 */
#ifndef TSR_SOURCE_RING_H
#define TSR_SOURCE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/source.h"

struct ring {
	unsigned long *consumer;
	const unsigned long *producer;
	const char *data;
	size_t size, consumer_len, producer_len;
};

int ring_map(struct ring *r, int fd, size_t size);
void ring_unmap(struct ring *r);

/* Delivers what is there; the number of messages, or what fn returned if that was not 0. */
int ring_drain(struct ring *r, message_fn fn, void *user);

bool ring_empty(const struct ring *r);

#endif

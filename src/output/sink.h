/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sinks: where records go. Each has a queue of chunks, bounded in bytes, and a thread of its own
 * that writes, so that a slow reader does not hold the pipeline up until the queue is full; what
 * happens then is the policy's.
 *
 * sink_put() and the statistics are the pipeline thread's.
 */
#ifndef TSR_OUTPUT_SINK_H
#define TSR_OUTPUT_SINK_H

#include <stdatomic.h>
#include <stdbool.h>

#include <tarsier/status.h>

#include "base/buf.h"

#define SINK_QUEUE_DEFAULT (4UL << 20)

enum sink_policy {
	SINK_BLOCK, /* wait: nothing is lost here, but then the kernel's ring can fill */
	SINK_DROP,  /* drop and count */
};

struct sink;

/* path NULL: standard output. On SIGPIPE the process must not die: ignore it. */
enum tsr_status sink_open(struct sink **out, const char *path, enum sink_policy policy,
			  size_t queue_bytes, struct tsr_error *err);

/*
 * Hands over what is in b, which holds that many records, and empties it. False: it was dropped.
 * give_up ends a wait (a second Ctrl-C).
 */
bool sink_put(struct sink *s, struct buf *b, uint64_t records, const atomic_bool *give_up);

/* 0, -EPIPE when the reader has gone, or what else writing failed with; nothing more is written. */
int sink_error(const struct sink *s);

/* Writes what is queued, for at most timeout_ms if it is stuck; nothing more may be put. */
void sink_finish(struct sink *s, unsigned int timeout_ms);

/* The same, and closes; the number of records that were not written. */
uint64_t sink_close(struct sink *s, unsigned int timeout_ms);

#endif

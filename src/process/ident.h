/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identities of processes: entity_id (32 bit, short, unique among those held) and exec_id (global).
 */
#ifndef TSR_PROCESS_IDENT_H
#define TSR_PROCESS_IDENT_H

#include <stdint.h>

#include "base/buf.h"

#define ENTITY_FLOOR 100000000ULL /* start times that differ by less have the same hash */

/* murmur3-32 over big-endian pid and start time (epoch ns, floored to 100 ms). */
uint32_t entity_hash(uint32_t pid, uint64_t start_epoch_ns);

/*
 * The start time that goes into the hash: floored to the clock ticks that /proc shows, so that a
 * process has the same id whether an event or /proc told of it.
 */
uint64_t entity_start(uint64_t start_boot_ns, int64_t boot_offset);

/* Appends base64("node:ktime:pid"). */
void exec_id_append(struct buf *b, const char *node, uint64_t ktime, uint32_t pid);

void base64_append(struct buf *b, const void *data, size_t len);

#endif

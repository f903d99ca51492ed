/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times: the kernel's boot clock inside, RFC 3339 outside; durations and sizes as people write them.
 */
#ifndef TSR_BASE_CLOCK_H
#define TSR_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define NS_PER_SEC 1000000000ULL
#define NS_PER_MS  1000000ULL
#define TICK_NS	   10000000ULL /* start times in /proc are floored to this: USER_HZ is 100 */

uint64_t clock_boot_ns(void);

/* What to add to a boot-clock time to get nanoseconds since the epoch. */
int64_t clock_boot_offset(void);

/* "2026-11-21T01:42:04.123456789Z" */
void clock_rfc3339(struct buf *b, uint64_t epoch_ns);

/*
 * RFC 3339 (with any number of decimals; Z, an offset, or nothing: UTC) to ns since the epoch.
 * -EINVAL, -ERANGE.
 */
int clock_parse_rfc3339(const char *s, uint64_t *epoch_ns);

/* "500ms", "10s", "2m", "1h"; a bare number is seconds. -EINVAL, -ERANGE. */
int parse_duration(const char *s, uint64_t *ns);

/* "4096", "64k", "8M", "1G" (powers of 1024). -EINVAL, -ERANGE. */
int parse_size(const char *s, uint64_t *bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entity ids of processes that ended lately. Start times count in tenths of a second in an id,
 * so a pid that is used again at once would get the id of the one before it.
 *
 * Bounded: the last RECENT_MAX that ended are remembered. One thread.
 */
#ifndef TSR_PROCESS_RECENT_H
#define TSR_PROCESS_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#define RECENT_MAX 4096 /* 20,000 ends a second, at RECENT_MS */
#define RECENT_MS  200	/* twice the grain of an id */

struct recent {
	struct recent_id {
		uint32_t id;
		uint32_t ended; /* ms */
		uint16_t next;	/* of its chain, 1 + index; 0: the last */
	} ring[RECENT_MAX];
	uint16_t heads[RECENT_MAX]; /* 1 + index, by hash */
	uint32_t count;		    /* of all that were ever added */
};

void recent_add(struct recent *r, uint32_t id, uint32_t now_ms);

/* Whether a process with this id ended less than RECENT_MS ago. */
bool recent_has(const struct recent *r, uint32_t id, uint32_t now_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "process/recent.h"

static uint16_t *head_of(struct recent *r, uint32_t id)
{
	return &r->heads[id & (RECENT_MAX - 1)];
}

void recent_add(struct recent *r, uint32_t id, uint32_t now_ms)
{
	uint16_t slot = (uint16_t)(r->count % RECENT_MAX);
	struct recent_id *e = &r->ring[slot];
	uint16_t *at;

	if (r->count++ >= RECENT_MAX) {
		at = head_of(r, e->id);
		while (*at != slot + 1)
			at = &r->ring[*at - 1].next;
		*at = e->next;
	}
	at = head_of(r, id);
	*e = (struct recent_id){ .id = id, .ended = now_ms, .next = *at };
	*at = (uint16_t)(slot + 1);
}

bool recent_has(const struct recent *r, uint32_t id, uint32_t now_ms)
{
	for (uint16_t i = r->heads[id & (RECENT_MAX - 1)]; i; i = r->ring[i - 1].next)
		if (r->ring[i - 1].id == id && now_ms - r->ring[i - 1].ended < RECENT_MS)
			return true;
	return false;
}

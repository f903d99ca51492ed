/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users, from what the source said of them at its start: no look-up happens while an event
 * waits, and a replay names users as the recording's machine did. One thread.
 */
#ifndef TSR_PROCESS_USERS_H
#define TSR_PROCESS_USERS_H

#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

struct users {
	struct user {
		uint32_t uid;
		uint32_t len;
		const char *name;
	} * list; /* by uid */
	size_t n;
};

/* From lines "name:uid"; text must live as long as the users. Malformed lines are skipped. */
void users_init(struct users *u, const char *text, size_t len);
void users_free(struct users *u);

/* The name, empty if the uid has none. */
str_t users_name(const struct users *u, uint32_t uid);

#endif

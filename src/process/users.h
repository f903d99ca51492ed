/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users and groups, from text that was read elsewhere and earlier: what the source said at
 * its start (so that a replay names users as the recording's machine did), or a container's own
 * files. No look-up happens while an event waits. One thread.
 */
#ifndef TSR_PROCESS_USERS_H
#define TSR_PROCESS_USERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

/* Of passwd(5) and group(5): what is beyond is not read, a line with a longer name is skipped. */
#define USERS_FILE_MAX	(1UL << 20)
#define USERS_LINES_MAX 65536
#define USERS_NAME_MAX	256 /* as useradd(8): LOGIN_NAME_MAX */

struct user {
	uint32_t id; /* uid, or gid */
	uint32_t len;
	const char *name;
};

struct users {
	struct user *list; /* by uid */
	size_t n;
	struct user *groups; /* by gid */
	size_t n_groups;
};

/* From lines "name:uid"; text must live as long as the users. Malformed lines are skipped. */
void users_init(struct users *u, const char *text, size_t len);

/* The groups, too, from lines "name:gid": once, after users_init(). */
void users_init_groups(struct users *u, const char *text, size_t len);

void users_free(struct users *u);

/* The name, empty if the uid or gid has none. */
str_t users_name(const struct users *u, uint32_t uid);
str_t users_group(const struct users *u, uint32_t gid);

/*
 * The text of passwd(5) or group(5) as the lines that the above take, appended to out, whole ones and
 * at most max bytes of them. Left out are malformed lines, those of NIS ("+name", "-name") and
 * comments.
 */
void users_reduce_passwd(struct buf *out, const char *text, size_t len, size_t max);
void users_reduce_group(struct buf *out, const char *text, size_t len, size_t max);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of users as containers have them, by mount namespace; told by messages, so that a replay
 * has them, too. The pipeline thread.
 */
#ifndef TSR_PROCESS_NS_USERS_H
#define TSR_PROCESS_NS_USERS_H

#include "process/users.h"

#define NS_USERS_MAX 64 /* namespaces; the one that was told longest ago goes */

struct ns_users {
	struct {
		uint32_t mnt_ns;
		uint64_t told; /* order of age */
		char *text;    /* what users points to */
		struct users users;
	} list[NS_USERS_MAX];
	size_t n;
	uint64_t clock;
};

/* Copies the texts ("name:uid\n", "name:gid\n"). */
void ns_users_set(struct ns_users *u, uint32_t mnt_ns, str_t users, str_t groups);

/* NULL: not told. Valid until the next ns_users_set(). */
const struct users *ns_users_find(const struct ns_users *u, uint32_t mnt_ns);
void ns_users_free(struct ns_users *u);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "process/ns_users.h"

#include <stdlib.h>

void ns_users_set(struct ns_users *u, uint32_t mnt_ns, str_t users, str_t groups)
{
	size_t at = 0;
	char *text;

	while (at < u->n && u->list[at].mnt_ns != mnt_ns)
		at++;
	if (at == NS_USERS_MAX) {
		at = 0;
		for (size_t i = 1; i < u->n; i++)
			if (u->list[i].told < u->list[at].told)
				at = i;
	}
	if (at == u->n) {
		u->n++;
	} else {
		users_free(&u->list[at].users);
		free(u->list[at].text);
	}
	text = xmalloc(users.len + groups.len + 1);
	if (users.len)
		memcpy(text, users.bytes, users.len);
	if (groups.len)
		memcpy(text + users.len, groups.bytes, groups.len);
	u->list[at].mnt_ns = mnt_ns;
	u->list[at].told = ++u->clock;
	u->list[at].text = text;
	users_init(&u->list[at].users, text, users.len);
	users_init_groups(&u->list[at].users, text + users.len, groups.len);
}

const struct users *ns_users_find(const struct ns_users *u, uint32_t mnt_ns)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->list[i].mnt_ns == mnt_ns)
			return &u->list[i].users;
	return NULL;
}

void ns_users_free(struct ns_users *u)
{
	for (size_t i = 0; i < u->n; i++) {
		users_free(&u->list[i].users);
		free(u->list[i].text);
	}
	u->n = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "process/users.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static int by_uid(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	/* the first of several names of a uid is the one that getpwuid(3) gives */
	if (x->uid == y->uid)
		return x->name < y->name ? -1 : x->name > y->name;
	return x->uid < y->uid ? -1 : 1;
}

static int parse_uid(const char *s, const char *end, uint32_t *uid)
{
	uint64_t v = 0;

	if (s == end)
		return -1;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > UINT32_MAX)
			return -1;
	}
	*uid = (uint32_t)v;
	return 0;
}

void users_init(struct users *u, const char *text, size_t len)
{
	size_t cap = 0, n = 0;
	struct user *list = NULL;

	while (len) {
		const char *nl = memchr(text, '\n', len);
		const char *line_end = nl ? nl : text + len;
		const char *colon = memchr(text, ':', (size_t)(line_end - text));
		uint32_t uid;

		if (colon && colon > text && !parse_uid(colon + 1, line_end, &uid)) {
			if (n == cap) {
				cap = cap ? cap * 2 : 64;
				list = xrealloc(list, cap * sizeof(*list));
			}
			list[n++] = (struct user){ uid, (uint32_t)(colon - text), text };
		}
		len -= (size_t)(line_end - text) + !!nl;
		text = line_end + !!nl;
	}
	if (n)
		qsort(list, n, sizeof(*list), by_uid);
	u->list = list;
	u->n = n;
}

void users_free(struct users *u)
{
	free(u->list);
	memset(u, 0, sizeof(*u));
}

str_t users_name(const struct users *u, uint32_t uid)
{
	size_t lo = 0, hi = u->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (u->list[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < u->n && u->list[lo].uid == uid)
		return (str_t){ u->list[lo].name, u->list[lo].len };
	return (str_t){ 0 };
}

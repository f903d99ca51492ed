/* SPDX-License-Identifier: Apache-2.0 */
#include "process/users.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	/* the first of several names of a uid is the one that getpwuid(3) gives */
	if (x->id == y->id)
		return x->name < y->name ? -1 : x->name > y->name;
	return x->id < y->id ? -1 : 1;
}

static int parse_id(const char *s, const char *end, uint32_t *id)
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
	*id = (uint32_t)v;
	return 0;
}

/* The next line of the text without its end, which is taken off; false: there is none. */
static bool next_line(const char **text, size_t *len, str_t *line)
{
	const char *nl;

	if (!*len)
		return false;
	nl = memchr(*text, '\n', *len);
	*line = (str_t){ *text, nl ? (size_t)(nl - *text) : *len };
	*text += line->len + !!nl;
	*len -= line->len + !!nl;
	return true;
}

static struct user *make_list(const char *text, size_t len, size_t *count)
{
	size_t cap = 0, n = 0;
	struct user *list = NULL;
	str_t line;

	while (next_line(&text, &len, &line)) {
		const char *colon = memchr(line.bytes, ':', line.len);
		uint32_t id;

		if (!colon || colon == line.bytes ||
		    parse_id(colon + 1, line.bytes + line.len, &id))
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			list = xrealloc(list, cap * sizeof(*list));
		}
		list[n++] = (struct user){ id, (uint32_t)(colon - line.bytes), line.bytes };
	}
	if (n)
		qsort(list, n, sizeof(*list), by_id);
	*count = n;
	return list;
}

void users_init(struct users *u, const char *text, size_t len)
{
	memset(u, 0, sizeof(*u));
	u->list = make_list(text, len, &u->n);
}

void users_init_groups(struct users *u, const char *text, size_t len)
{
	u->groups = make_list(text, len, &u->n_groups);
}

void users_free(struct users *u)
{
	free(u->list);
	free(u->groups);
	memset(u, 0, sizeof(*u));
}

static str_t find(const struct user *list, size_t n, uint32_t id)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (list[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < n && list[lo].id == id)
		return (str_t){ list[lo].name, list[lo].len };
	return (str_t){ 0 };
}

str_t users_name(const struct users *u, uint32_t uid)
{
	return find(u->list, u->n, uid);
}

str_t users_group(const struct users *u, uint32_t gid)
{
	return find(u->groups, u->n_groups, gid);
}

/*
 * "name:password:id:...": name and id of a line with at least that many colons. The password is not
 * looked at: in files of some age it is one.
 */
static bool split_line(str_t line, unsigned int colons, str_t *name, uint32_t *id)
{
	const char *end = line.bytes + line.len, *at = line.bytes;
	const char *colon[3] = { end, end, end };

	for (unsigned int i = 0; i < 3; i++) {
		at = memchr(at, ':', (size_t)(end - at));
		if (!at && i < colons)
			return false;
		if (!at)
			break;
		colon[i] = at++;
	}
	*name = (str_t){ line.bytes, (size_t)(colon[0] - line.bytes) };
	if (!name->len || name->len > USERS_NAME_MAX || memchr("+-#", *name->bytes, 3))
		return false;
	return !parse_id(colon[1] + 1, colon[2], id);
}

static void reduce(struct buf *out, const char *text, size_t len, size_t max, unsigned int colons)
{
	size_t begin = out->len, lines = 0;
	str_t line;

	if (len > USERS_FILE_MAX) {
		const char *nl = memrchr(text, '\n', USERS_FILE_MAX);

		/* half a line could name half a number */
		len = nl ? (size_t)(nl - text) : 0;
	}
	while (lines++ < USERS_LINES_MAX && next_line(&text, &len, &line)) {
		size_t before = out->len;
		uint32_t id;
		str_t name;

		if (!split_line(line, colons, &name, &id))
			continue;
		buf_add(out, name.bytes, name.len);
		buf_char(out, ':');
		buf_u64(out, id);
		buf_char(out, '\n');
		if (out->len - begin > max) {
			out->len = before;
			return;
		}
	}
}

void users_reduce_passwd(struct buf *out, const char *text, size_t len, size_t max)
{
	reduce(out, text, len, max, 3); /* name:password:uid:gid */
}

void users_reduce_group(struct buf *out, const char *text, size_t len, size_t max)
{
	/* Some tools leave the empty list of members out, with its colon. */
	reduce(out, text, len, max, 2);
}

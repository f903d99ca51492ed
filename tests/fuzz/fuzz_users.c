/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the lists of users and groups, and what becomes of passwd(5) and group(5), and holds what
 * they find against a search from the top, line by line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "process/users.h"

#define LOOKUPS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool read_number(const char *s, size_t len, uint32_t *number)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9' || v > UINT32_MAX)
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*number = (uint32_t)v;
	return len && v <= UINT32_MAX;
}

/* Whether the bytes are this number, with or without zeros before it. */
static int is_number(const char *s, size_t len, uint32_t number)
{
	uint32_t n;

	return read_number(s, len, &n) && n == number;
}

static size_t count_digits(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/* The first line "name:uid", name not empty. */
static str_t search(const char *text, size_t size, uint32_t uid)
{
	for (size_t at = 0, end; at < size; at = end + 1) {
		size_t colon = at;

		for (end = at; end < size && text[end] != '\n'; end++)
			;
		while (colon < end && text[colon] != ':')
			colon++;
		if (colon > at && colon < end && is_number(text + colon + 1, end - colon - 1, uid))
			return (str_t){ text + at, colon - at };
	}
	return (str_t){ 0 };
}

static void check(const struct users *u, const char *text, size_t size, uint32_t uid)
{
	str_t found = users_name(u, uid), want = search(text, size, uid);

	must(found.bytes == want.bytes && found.len == want.len);
}

/* The field of a line, from 0; false: it has none. */
static bool field_of(const char *line, size_t len, int number, str_t *field)
{
	for (; number; number--) {
		const char *colon = memchr(line, ':', len);

		if (!colon)
			return false;
		len -= (size_t)(colon + 1 - line);
		line = colon + 1;
	}
	*field = (str_t){ line, len };
	if (memchr(line, ':', len))
		field->len = (size_t)((const char *)memchr(line, ':', len) - line);
	return true;
}

/* Each line of the result is what stands in the next line that has a name and a number. */
static void check_reduced(const char *text, size_t size, bool passwd)
{
	struct buf out = { 0 };
	struct users u;
	size_t at_out = 0, n = 0;

	(passwd ? users_reduce_passwd : users_reduce_group)(&out, text, size, SIZE_MAX);
	must(out.len <= size + 1);
	for (size_t at = 0, end; at < size; at = end + 1) {
		str_t name, id, more;
		const char *line = text + at;
		uint32_t number;

		for (end = at; end < size && text[end] != '\n'; end++)
			;
		if (at == end || !field_of(line, end - at, 2, &id) ||
		    !field_of(line, end - at, 0, &name) ||
		    (passwd && !field_of(line, end - at, 3, &more)) || !name.len ||
		    name.len > USERS_NAME_MAX || *line == '+' || *line == '-' || *line == '#')
			continue;
		if (!read_number(id.bytes, id.len, &number))
			continue;
		n++;
		must(out.len > at_out + name.len &&
		     !memcmp(out.data + at_out, name.bytes, name.len));
		must(out.data[at_out + name.len] == ':');
		at_out += name.len + 1;
		id.len = count_digits(out.data + at_out, out.len - at_out);
		must(is_number(out.data + at_out, id.len, number));
		at_out += id.len;
		must(at_out < out.len && out.data[at_out++] == '\n');
	}
	must(at_out == out.len);
	users_init(&u, out.data, out.len);
	users_init_groups(&u, out.data, out.len);
	must(u.n == n && u.n_groups == n);
	users_free(&u);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct users u;

	users_init(&u, text, size);
	for (size_t i = 0; i < u.n && i < LOOKUPS; i++) {
		check(&u, text, size, u.list[i].id);
		check(&u, text, size, u.list[i].id + 1);
	}
	check(&u, text, size, 0);
	users_free(&u);
	must(!u.list && !u.n);
	check_reduced(text, size, true);
	check_reduced(text, size, false);
	return 0;
}

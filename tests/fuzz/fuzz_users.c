/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the list of users and holds what it finds against a search from the top, line by line.
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

/* Whether the bytes are this number, with or without zeros before it. */
static int is_number(const char *s, size_t len, uint32_t number)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9' || v > UINT32_MAX)
			return 0;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	return len && v == number;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct users u;

	users_init(&u, text, size);
	for (size_t i = 0; i < u.n && i < LOOKUPS; i++) {
		check(&u, text, size, u.list[i].uid);
		check(&u, text, size, u.list[i].uid + 1);
	}
	check(&u, text, size, 0);
	users_free(&u);
	must(!u.list && !u.n);
	return 0;
}

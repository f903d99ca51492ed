/* SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"

#include <stdbool.h>

static bool is_among(const struct env_keys *keys, const char *name, size_t len)
{
	for (size_t i = 0; keys && i < keys->n; i++)
		if (strlen(keys->names[i]) == len && !memcmp(keys->names[i], name, len))
			return true;
	return false;
}

void env_cut(struct buf *out, const char *envs, size_t len, const struct env_keys *keep)
{
	for (size_t at = 0; at < len;) {
		const char *entry = envs + at;
		size_t n = strnlen(entry, len - at);
		const char *eq = memchr(entry, '=', n);
		size_t name = eq ? (size_t)(eq - entry) : n;

		buf_add(out, entry, is_among(keep, entry, name) ? n : name);
		buf_char(out, '\0');
		at += n + 1;
	}
}

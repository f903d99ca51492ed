/* SPDX-License-Identifier: Apache-2.0 */
#include "process/args.h"

#include "base/env.h"

str_t args_argv0(str_t argv)
{
	return (str_t){ argv.bytes, argv.len ? strnlen(argv.bytes, argv.len) : 0 };
}

str_t args_rest(str_t argv)
{
	size_t n = args_argv0(argv).len + 1;

	return n < argv.len ? (str_t){ argv.bytes + n, argv.len - n } : (str_t){ 0 };
}

void env_names(str_t envs, struct buf *out)
{
	env_cut(out, envs.bytes, envs.len, NULL);
}

bool env_get(str_t envs, const char *name, str_t *value)
{
	size_t len = strlen(name);

	for (size_t at = 0; at < envs.len;) {
		const char *entry = envs.bytes + at;
		size_t n = strnlen(entry, envs.len - at);

		if (n > len && entry[len] == '=' && !memcmp(entry, name, len)) {
			*value = (str_t){ entry + len + 1, n - len - 1 };
			return true;
		}
		at += n + 1;
	}
	return false;
}

void args_show_cut(str_t list, struct buf *out)
{
	bool ended = list.len && !list.bytes[list.len - 1];

	buf_add(out, list.bytes, list.len - ended);
	buf_lit(out, ARGS_CUT_MARK);
	buf_char(out, '\0');
}

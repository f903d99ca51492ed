/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

static void add_components(struct buf *out, size_t root, const char *p, size_t len)
{
	const char *end = p + len;

	while (p < end) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		size_t n = (size_t)((slash ? slash : end) - p);

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (out->len > root && out->data[out->len - 1] != '/')
				out->len--;
			if (out->len > root)
				out->len--;
		} else if (n && !(n == 1 && p[0] == '.')) {
			buf_char(out, '/');
			buf_add(out, p, n);
		}
		p += n + 1;
	}
}

void path_lexical(struct buf *out, const char *dir, size_t dir_len, const char *path,
		  size_t path_len)
{
	size_t root = out->len;

	if (path_len && path[0] != '/')
		add_components(out, root, dir, dir_len);
	add_components(out, root, path, path_len);
	if (out->len == root)
		buf_char(out, '/');
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "output/json.h"

#include "base/utf8.h"
#include "process/ident.h"

/* What can stand as it is: printable ASCII but for '"' and '\\'. */
static inline bool plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	const char *short_form = c == '"'    ? "\\\""
				 : c == '\\' ? "\\\\"
				 : c == '\n' ? "\\n"
				 : c == '\r' ? "\\r"
				 : c == '\t' ? "\\t"
				 : c == '\b' ? "\\b"
				 : c == '\f' ? "\\f"
					     : NULL;

	if (short_form) {
		buf_add(b, short_form, 2);
		return;
	}
	buf_lit(b, "\\u00");
	buf_char(b, hex[c >> 4]);
	buf_char(b, hex[c & 15]);
}

bool json_string(struct buf *b, str_t s)
{
	const unsigned char *p = (const unsigned char *)s.bytes;
	bool valid = true;
	size_t i = 0;

	buf_char(b, '"');
	while (i < s.len) {
		size_t from = i, n;

		while (i < s.len && plain(p[i]))
			i++;
		buf_add(b, p + from, i - from);
		if (i == s.len)
			break;
		n = p[i] < 0x80 ? 0 : utf8_len(s.bytes + i, s.len - i);
		if (n == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0) {
			escape(b, p[i + 1]); /* C1 controls: terminals act on them, too */
			i += 2;
		} else if (n) {
			buf_add(b, p + i, n);
			i += n;
		} else if (p[i] < 0x80) {
			escape(b, p[i++]); /* DEL as well */
		} else {
			buf_lit(b, "\xef\xbf\xbd");
			valid = false;
			i++;
		}
	}
	buf_char(b, '"');
	return valid;
}

static void key(struct buf *b, const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);
	char *p = buf_room(b, n + m + 4);

	p[0] = ',';
	p[1] = '"';
	memcpy(p + 2, name, n);
	memcpy(p + 2 + n, suffix, m);
	p[2 + n + m] = '"';
	p[3 + n + m] = ':';
	b->len += n + m + 4;
}

void json_key(struct buf *b, const char *name)
{
	key(b, name, "");
}

void json_member(struct buf *b, const char *name, str_t s)
{
	key(b, name, "");
	if (json_string(b, s))
		return;
	key(b, name, "_b64");
	buf_char(b, '"');
	base64_append(b, s.bytes, s.len);
	buf_char(b, '"');
}

static bool list_next(str_t list, size_t *at, str_t *s)
{
	if (*at >= list.len)
		return false;
	s->bytes = list.bytes + *at;
	s->len = strnlen(s->bytes, list.len - *at);
	*at += s->len + 1;
	return true;
}

static bool is_utf8(str_t s)
{
	size_t i = 0, n;

	while (i < s.len) {
		n = utf8_len(s.bytes + i, s.len - i);
		if (!n)
			return false;
		i += n;
	}
	return true;
}

void json_list_member(struct buf *b, const char *name, str_t list)
{
	bool valid = true;
	size_t at = 0;
	str_t s;

	key(b, name, "");
	buf_char(b, '[');
	for (bool first = true; list_next(list, &at, &s); first = false) {
		if (!first)
			buf_char(b, ',');
		valid &= json_string(b, s);
	}
	buf_char(b, ']');
	if (valid)
		return;
	key(b, name, "_b64");
	buf_char(b, '[');
	at = 0;
	for (bool first = true; list_next(list, &at, &s); first = false) {
		if (!first)
			buf_char(b, ',');
		if (is_utf8(s)) {
			buf_lit(b, "null");
			continue;
		}
		buf_char(b, '"');
		base64_append(b, s.bytes, s.len);
		buf_char(b, '"');
	}
	buf_char(b, ']');
}

static void new_line(struct buf *b, int depth)
{
	buf_char(b, '\n');
	for (int i = 0; i < depth; i++)
		buf_lit(b, "  ");
}

void json_pretty(struct buf *b, const char *json, size_t len)
{
	bool string = false;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		char c = json[i];

		if (string) {
			buf_char(b, c);
			if (c == '\\' && i + 1 < len)
				buf_char(b, json[++i]);
			else if (c == '"')
				string = false;
			continue;
		}
		switch (c) {
		case '{':
		case '[':
			buf_char(b, c);
			if (i + 1 < len && (json[i + 1] == '}' || json[i + 1] == ']'))
				buf_char(b, json[++i]);
			else
				new_line(b, ++depth);
			break;
		case '}':
		case ']':
			new_line(b, --depth);
			buf_char(b, c);
			break;
		case ',':
			buf_char(b, c);
			new_line(b, depth);
			break;
		case ':':
			buf_lit(b, ": ");
			break;
		default:
			string = c == '"';
			buf_char(b, c);
		}
	}
}

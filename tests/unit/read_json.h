/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict reader of JSON (RFC 8259), to hold the writer against something that shares no code with
 * it: nothing but JSON passes, strings are valid UTF-8, no object has a name twice. No recursion, so
 * that the depth of what is read is not limited.
 */
#ifndef TSR_TESTS_READ_JSON_H
#define TSR_TESTS_READ_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_LIST, JSON_OBJECT };

struct json {
	enum json_type type;
	char *name;	 /* in an object */
	struct buf text; /* a string's bytes, a number's digits, with a NUL behind */
	bool truth;
	struct json *parent, *first, *last, *next;
	struct json *made_before; /* for json_free() */
};

struct json_reader {
	const unsigned char *at, *end;
	struct json *made;
	const char *wrong;
};

static inline void json_blank(struct json_reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
		r->at++;
}

static inline bool json_fail(struct json_reader *r, const char *wrong)
{
	r->wrong = wrong;
	return false;
}

static inline bool json_word(struct json_reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n))
		return json_fail(r, "an unknown word");
	r->at += n;
	return true;
}

static inline void json_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_char(b, (char)c);
	} else if (c < 0x800) {
		buf_char(b, (char)(0xc0 | c >> 6));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_char(b, (char)(0xe0 | c >> 12));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_char(b, (char)(0xf0 | c >> 18));
		buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* Decodes a character, and says no to what its shortest form is not. */
static inline bool json_raw_char(struct json_reader *r, struct buf *b)
{
	unsigned char lead = *r->at;
	int more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
	uint32_t c = lead < 0x80 ? lead : lead & (0x3fu >> more);
	size_t before = b->len;

	if (lead >= 0x80 && (lead < 0xc0 || lead > 0xf7))
		return json_fail(r, "a byte that no character begins with");
	if (r->end - r->at <= more)
		return json_fail(r, "a cut character");
	for (int i = 1; i <= more; i++) {
		if (r->at[i] >> 6 != 2)
			return json_fail(r, "a cut character");
		c = c << 6 | (r->at[i] & 0x3f);
	}
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return json_fail(r, "a character that there is not");
	json_utf8(b, c);
	if (b->len - before != (size_t)more + 1)
		return json_fail(r, "an overlong character");
	r->at += more + 1;
	return true;
}

static inline bool json_hex(struct json_reader *r, uint32_t *c)
{
	*c = 0;
	for (int i = 0; i < 4; i++, r->at++) {
		const char *digits = "0123456789abcdef", *d;

		d = r->at < r->end && *r->at ? strchr(digits, *r->at | 0x20) : NULL;
		if (!d)
			return json_fail(r, "\\u without four digits");
		*c = *c << 4 | (uint32_t)(d - digits);
	}
	return true;
}

static inline bool json_escape(struct json_reader *r, struct buf *b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint32_t c, low;
	const char *f;

	if (++r->at == r->end)
		return json_fail(r, "a string without an end");
	f = *r->at ? strchr(from, *r->at) : NULL;
	if (f) {
		buf_char(b, to[f - from]);
		r->at++;
		return true;
	}
	if (*r->at++ != 'u')
		return json_fail(r, "an unknown escape");
	if (!json_hex(r, &c))
		return false;
	if (c >= 0xd800 && c < 0xdc00) {
		if (!json_word(r, "\\u") || !json_hex(r, &low) || low < 0xdc00 || low > 0xdfff)
			return json_fail(r, "half a character");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if (c >= 0xdc00 && c < 0xe000) {
		return json_fail(r, "half a character");
	}
	json_utf8(b, c);
	return true;
}

static inline bool json_text(struct json_reader *r, struct buf *b)
{
	if (r->at == r->end || *r->at != '"')
		return json_fail(r, "not a string");
	for (r->at++; r->at < r->end && *r->at != '"';) {
		if (*r->at < 0x20)
			return json_fail(r, "a control character in a string");
		if (!(*r->at == '\\' ? json_escape(r, b) : json_raw_char(r, b)))
			return false;
	}
	if (r->at == r->end)
		return json_fail(r, "a string without an end");
	r->at++;
	buf_char(b, '\0');
	b->len--;
	return true;
}

static inline bool json_digits(struct json_reader *r)
{
	const unsigned char *from = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return r->at > from || json_fail(r, "a number without digits");
}

static inline bool json_number(struct json_reader *r, struct buf *b)
{
	const unsigned char *from = r->at;

	if (*r->at == '-')
		r->at++;
	if (r->at < r->end && *r->at == '0')
		r->at++;
	else if (!json_digits(r))
		return false;
	if (r->at < r->end && *r->at == '.') {
		r->at++;
		if (!json_digits(r))
			return false;
	}
	if (r->at < r->end && (*r->at | 0x20) == 'e') {
		r->at++;
		if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
			r->at++;
		if (!json_digits(r))
			return false;
	}
	buf_add(b, from, (size_t)(r->at - from));
	buf_char(b, '\0');
	b->len--;
	return true;
}

static inline struct json *json_add(struct json_reader *r, struct json *parent, char *name)
{
	struct json *j = xcalloc(1, sizeof(*j));

	j->made_before = r->made;
	r->made = j;
	j->name = name;
	j->parent = parent;
	if (parent && parent->last)
		parent->last->next = j;
	else if (parent)
		parent->first = j;
	if (parent)
		parent->last = j;
	return j;
}

/* The name of a member and its colon. */
static inline bool json_name(struct json_reader *r, const struct json *object, char **name)
{
	struct buf b = { 0 };

	json_blank(r);
	if (!json_text(r, &b)) {
		buf_free(&b);
		return false;
	}
	*name = b.data;
	for (const struct json *j = object->first; j; j = j->next)
		if (!strcmp(j->name, *name))
			return json_fail(r, "a name twice");
	json_blank(r);
	if (r->at == r->end || *r->at++ != ':')
		return json_fail(r, "a member without a colon");
	return true;
}

static inline bool json_scalar(struct json_reader *r, struct json *j)
{
	switch (*r->at) {
	case '"':
		j->type = JSON_STRING;
		return json_text(r, &j->text);
	case 't':
		j->type = JSON_BOOL;
		j->truth = true;
		return json_word(r, "true");
	case 'f':
		j->type = JSON_BOOL;
		return json_word(r, "false");
	case 'n':
		j->type = JSON_NULL;
		return json_word(r, "null");
	default:
		j->type = JSON_NUMBER;
		return json_number(r, &j->text);
	}
}

/* After a value: closes what ends here. Sets *at to what the next value is in, NULL at the end. */
static inline bool json_close(struct json_reader *r, struct json **at)
{
	while (*at) {
		json_blank(r);
		if (r->at == r->end)
			return json_fail(r, "something is not closed");
		if (*r->at == ',') {
			r->at++;
			return true;
		}
		if (*r->at != ((*at)->type == JSON_LIST ? ']' : '}'))
			return json_fail(r, "neither a comma nor the end");
		r->at++;
		*at = (*at)->parent;
	}
	return true;
}

static inline bool json_values(struct json_reader *r)
{
	struct json *in = NULL;

	do {
		char *name = NULL;
		struct json *j;
		bool named = !in || in->type != JSON_OBJECT || json_name(r, in, &name);

		j = json_add(r, in, name);
		if (!named)
			return false;
		json_blank(r);
		if (r->at == r->end)
			return json_fail(r, "a value is missing");
		if (*r->at != '{' && *r->at != '[') {
			if (!json_scalar(r, j))
				return false;
		} else {
			j->type = *r->at++ == '[' ? JSON_LIST : JSON_OBJECT;
			json_blank(r);
			if (r->at < r->end && *r->at == (j->type == JSON_LIST ? ']' : '}')) {
				r->at++;
			} else {
				in = j;
				continue;
			}
		}
		if (!json_close(r, &in))
			return false;
	} while (in);
	json_blank(r);
	return r->at == r->end || json_fail(r, "something behind the end");
}

struct json_doc {
	struct json *root, *made;
	const char *wrong; /* NULL if it is JSON */
	size_t at;
};

static inline void json_free(struct json_doc *d)
{
	while (d->made) {
		struct json *j = d->made;

		d->made = j->made_before;
		buf_free(&j->text);
		free(j->name);
		free(j);
	}
	d->root = NULL;
}

static inline struct json_doc json_read(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	struct json_reader r = { .at = p, .end = p + len };
	struct json_doc d = { 0 };

	if (!json_values(&r) && !r.wrong)
		r.wrong = "not JSON";
	d.wrong = r.wrong;
	d.at = (size_t)(r.at - p);
	d.made = d.root = r.made;
	while (d.root && d.root->made_before) /* the first that was made */
		d.root = d.root->made_before;
	return d;
}

/* "process.ancestors.0.name": NULL if there is no such thing. */
static inline const struct json *json_get(const struct json *j, const char *path)
{
	while (j && *path) {
		size_t n = strcspn(path, ".");
		unsigned long index = strtoul(path, NULL, 10);
		const struct json *c = j->first;

		if (j->type == JSON_LIST)
			while (c && index--)
				c = c->next;
		else
			while (c && (strlen(c->name) != n || memcmp(c->name, path, n)))
				c = c->next;
		j = c;
		path += n + (path[n] == '.');
	}
	return j;
}

static inline size_t json_count(const struct json *j)
{
	size_t n = 0;

	for (const struct json *c = j ? j->first : NULL; c; c = c->next)
		n++;
	return n;
}

/* Both are the same, but for blanks and the way in which strings are escaped. */
static inline bool json_same(const struct json *a, const struct json *b)
{
	const struct json *top_a = a, *top_b = b;

	for (;;) {
		if (a->type != b->type || a->truth != b->truth || a->text.len != b->text.len ||
		    (a->text.len && memcmp(a->text.data, b->text.data, a->text.len)) ||
		    !a->first != !b->first)
			return false;
		if (a->first) {
			a = a->first;
			b = b->first;
		} else {
			while (a != top_a && b != top_b && !a->next && !b->next) {
				a = a->parent;
				b = b->parent;
			}
			if (a == top_a || b == top_b)
				return a == top_a && b == top_b;
			a = a->next;
			b = b->next;
			if (!a || !b)
				return false;
		}
		if (!a->name != !b->name || (a->name && strcmp(a->name, b->name)))
			return false;
	}
}

#endif

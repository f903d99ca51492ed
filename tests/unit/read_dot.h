/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict reader of the part of DOT that we write, to hold the writer against something that shares
 * no code with it: one digraph of node and edge statements, where every edge ends at a node that was
 * written, no node is written twice, and nothing in a quoted string means what it should not.
 */
#ifndef TSR_TESTS_READ_DOT_H
#define TSR_TESTS_READ_DOT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

#define DOT_ATTRIBUTES 8

struct dot_statement {
	char *from, *to; /* to: NULL for a node */
	struct {
		char *name;
		struct buf value; /* with a NUL behind */
	} attributes[DOT_ATTRIBUTES];
	size_t n;
};

struct dot {
	struct dot_statement *list;
	size_t n, cap;
	const char *wrong; /* NULL: it is right */
	const char *at, *end;
};

static inline bool dot_fail(struct dot *d, const char *wrong)
{
	if (!d->wrong)
		d->wrong = wrong;
	return false;
}

static inline void dot_blank(struct dot *d)
{
	for (;;) {
		while (d->at < d->end && (*d->at == ' ' || *d->at == '\n'))
			d->at++;
		if (d->end - d->at < 2 || d->at[0] != '/' || d->at[1] != '/')
			return;
		while (d->at < d->end && *d->at != '\n')
			d->at++;
	}
}

static inline bool dot_token(struct dot *d, const char *token)
{
	size_t n = strlen(token);

	dot_blank(d);
	if ((size_t)(d->end - d->at) < n || memcmp(d->at, token, n))
		return false;
	d->at += n;
	return true;
}

static inline char *dot_name(struct dot *d)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	const char *begin;

	dot_blank(d);
	begin = d->at;
	while (d->at < d->end && *d->at &&
	       (strchr(first, *d->at) || (d->at > begin && *d->at >= '0' && *d->at <= '9')))
		d->at++;
	if (d->at == begin)
		return NULL;
	return strndup(begin, (size_t)(d->at - begin));
}

/*
 * A quoted string as a label shows it: a new line for "\n" and "\l". All other escapes but those of
 * the quote and of the backslash itself stand for something that the writer cannot have meant.
 */
static inline bool dot_quoted(struct dot *d, struct buf *out)
{
	while (d->at < d->end && *d->at != '"') {
		size_t n = utf8_len(d->at, (size_t)(d->end - d->at));
		unsigned char c = (unsigned char)*d->at;

		if (!n)
			return dot_fail(d, "not UTF-8");
		if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)d->at[1] < 0xa0))
			return dot_fail(d, "a control character");
		if (c == '&') {
			if (d->end - d->at < 5 || memcmp(d->at, "&amp;", 5))
				return dot_fail(d, "an '&' that could begin an entity");
			d->at += 4;
			buf_char(out, '&');
		} else if (c == '\\') {
			if (++d->at == d->end)
				break;
			if (!strchr("\\\"nl", *d->at))
				return dot_fail(d, "an escape with another meaning");
			buf_char(out, *d->at == 'n' || *d->at == 'l' ? '\n' : *d->at);
		} else {
			buf_add(out, d->at, n);
		}
		d->at += c == '&' || c == '\\' ? 1 : n;
	}
	if (d->at == d->end)
		return dot_fail(d, "a string that does not end");
	d->at++;
	return true;
}

static inline bool dot_attributes(struct dot *d, struct dot_statement *s)
{
	if (!dot_token(d, "["))
		return true;
	do {
		struct buf *value;
		char *plain;

		if (s->n == DOT_ATTRIBUTES)
			return dot_fail(d, "too many attributes");
		value = &s->attributes[s->n].value;
		s->attributes[s->n].name = dot_name(d);
		if (!s->attributes[s->n++].name || !dot_token(d, "="))
			return dot_fail(d, "no attribute");
		if (dot_token(d, "\"")) {
			if (!dot_quoted(d, value))
				return false;
		} else {
			plain = dot_name(d);
			if (!plain)
				return dot_fail(d, "no value");
			buf_str(value, plain);
			free(plain);
		}
		buf_char(value, 0);
		value->len--;
	} while (dot_token(d, ","));
	return dot_token(d, "]") || dot_fail(d, "no ']'");
}

static inline bool dot_read_statement(struct dot *d)
{
	struct dot_statement *s;

	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		d->list = xrealloc(d->list, d->cap * sizeof(*d->list));
	}
	s = &d->list[d->n++];
	memset(s, 0, sizeof(*s));
	s->from = dot_name(d);
	if (!s->from)
		return dot_fail(d, "no node");
	if (dot_token(d, "->")) {
		s->to = dot_name(d);
		if (!s->to)
			return dot_fail(d, "an edge to nowhere");
	}
	return dot_attributes(d, s) && (dot_token(d, ";") || dot_fail(d, "no ';'"));
}

static inline int dot_by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The nodes' names, sorted. */
static inline size_t dot_names(const struct dot *d, char ***names)
{
	size_t n = 0;

	*names = xmalloc((d->n + 1) * sizeof(char *));
	for (size_t i = 0; i < d->n; i++)
		if (!d->list[i].to)
			(*names)[n++] = d->list[i].from;
	qsort(*names, n, sizeof(char *), dot_by_name);
	return n;
}

static inline void dot_check_edges(struct dot *d)
{
	char **names;
	size_t n = dot_names(d, &names);

	for (size_t i = 1; i < n; i++)
		if (!strcmp(names[i], names[i - 1]))
			dot_fail(d, "a node is written twice");
	for (size_t i = 0; i < d->n; i++) {
		if (!d->list[i].to)
			continue;
		if (!bsearch(&d->list[i].from, names, n, sizeof(char *), dot_by_name) ||
		    !bsearch(&d->list[i].to, names, n, sizeof(char *), dot_by_name))
			dot_fail(d, "an edge ends at a node that was not written");
	}
	free(names);
}

/* "node [...]", which sets what all nodes have, is taken for one that has no label. */
static inline struct dot dot_read(const char *text, size_t len)
{
	struct dot d = { .at = text, .end = text + len };
	char *name = NULL;

	if (!dot_token(&d, "digraph") || !(name = dot_name(&d)) || !dot_token(&d, "{"))
		dot_fail(&d, "no digraph");
	free(name);
	while (!d.wrong && !dot_token(&d, "}"))
		dot_read_statement(&d);
	dot_blank(&d);
	if (!d.wrong && d.at != d.end)
		dot_fail(&d, "something behind the digraph");
	if (!d.wrong)
		dot_check_edges(&d);
	return d;
}

static inline void dot_free(struct dot *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->list[i].from);
		free(d->list[i].to);
		for (size_t k = 0; k < d->list[i].n; k++) {
			free(d->list[i].attributes[k].name);
			buf_free(&d->list[i].attributes[k].value);
		}
	}
	free(d->list);
}

/* The value of an attribute, "" if it has none. */
static inline const char *dot_get(const struct dot_statement *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->attributes[i].name, name))
			return s->attributes[i].value.data;
	return "";
}

/* The node whose label begins with this; NULL: none. */
static inline const struct dot_statement *dot_node(const struct dot *d, const char *label)
{
	for (size_t i = 0; i < d->n; i++)
		if (!d->list[i].to && !strncmp(dot_get(&d->list[i], "label"), label, strlen(label)))
			return &d->list[i];
	return NULL;
}

/* How many edges of a kind there are; kind: their label. */
static inline size_t dot_edges(const struct dot *d, const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->list[i].to && !strcmp(dot_get(&d->list[i], "label"), kind);
	return n;
}

#endif

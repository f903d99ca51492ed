/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer, the base of every writer. Running out of memory is fatal here: what is
 * written is bounded by its callers, and an agent that cannot have a few kilobytes cannot go on.
 * Not thread-safe; a zeroed struct is an empty buffer.
 */
#ifndef TSR_BASE_BUF_H
#define TSR_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
};

/* Makes room for n more bytes and returns where they go; the caller adds to len. */
char *buf_grow(struct buf *b, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_free(struct buf *b);

static inline char *buf_room(struct buf *b, size_t n)
{
	return b->cap - b->len >= n ? b->data + b->len : buf_grow(b, n);
}

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n)
		memcpy(buf_room(b, n), p, n);
	b->len += n;
}

static inline void buf_char(struct buf *b, char c)
{
	*buf_room(b, 1) = c;
	b->len++;
}

static inline void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

/* A string literal: its length is known when it is compiled. */
#define buf_lit(b, s) buf_add(b, "" s, sizeof(s) - 1)

void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);

/* Allocation that does not return NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 in bytes that others chose.
 */
#ifndef TSR_BASE_UTF8_H
#define TSR_BASE_UTF8_H

#include <stddef.h>

#include "base/buf.h"

/* The length of the valid sequence at s, or 0 (RFC 3629: no surrogates, nothing overlong). */
static inline size_t utf8_len(const char *s, size_t left)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char c = p[0];
	size_t n;

	if (c < 0x80)
		return 1;
	n = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ||
	    (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/*
 * The same for what may reach a terminal; 0 also of C0 and C1 controls, and of the characters that
 * break a line (U+2028, U+2029) or turn the direction of its text, and so can hide what it says.
 */
static inline size_t utf8_shown(const char *s, size_t left)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = utf8_len(s, left);

	if (p[0] < 0x20 || p[0] == 0x7f || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0))
		return 0;
	if (n == 3 && p[0] == 0xe2 &&
	    ((p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
	     (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)))
		return 0;
	return n;
}

/* How many columns of a terminal the valid sequence at s, of that length, takes: 0, 1 or 2. */
unsigned int utf8_columns(const char *s, size_t len);

/* Appends what a terminal can show of s, the rest as '?', in at most max columns; how many it took. */
size_t utf8_put(struct buf *b, const char *s, size_t len, size_t max);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdint.h>

struct range {
	uint32_t first, last;
};

/* What takes no column: combining marks, zero-width characters, variation selectors. */
static const struct range none[] = {
	{ 0x300, 0x36f },   { 0x483, 0x489 },	{ 0x591, 0x5bd },   { 0x610, 0x61a },
	{ 0x64b, 0x65f },   { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200f },
	{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
};

/* What takes two: the blocks of Unicode's EastAsianWidth.txt that are wide or fullwidth. */
static const struct range two[] = {
	{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x23e9, 0x23ec },	  { 0x25fd, 0x25fe },
	{ 0x2614, 0x2615 },   { 0x2648, 0x2653 },   { 0x26aa, 0x26ab },	  { 0x26bd, 0x26be },
	{ 0x2705, 0x2705 },   { 0x270a, 0x270b },   { 0x2753, 0x2757 },	  { 0x2795, 0x2797 },
	{ 0x2b1b, 0x2b1c },   { 0x2e80, 0x303e },   { 0x3041, 0x33ff },	  { 0x3400, 0x4dbf },
	{ 0x4e00, 0xa4cf },   { 0xa960, 0xa97f },   { 0xac00, 0xd7a3 },	  { 0xf900, 0xfaff },
	{ 0xfe10, 0xfe19 },   { 0xfe30, 0xfe6f },   { 0xff01, 0xff60 },	  { 0xffe0, 0xffe6 },
	{ 0x16fe0, 0x18cff }, { 0x1aff0, 0x1b2ff }, { 0x1f004, 0x1f004 }, { 0x1f0cf, 0x1f0cf },
	{ 0x1f18e, 0x1f18e }, { 0x1f191, 0x1f19a }, { 0x1f200, 0x1f320 }, { 0x1f32d, 0x1f64f },
	{ 0x1f680, 0x1f6ff }, { 0x1f7e0, 0x1f7eb }, { 0x1f90c, 0x1f9ff }, { 0x1fa70, 0x1faff },
	{ 0x20000, 0x3fffd },
};

static int within(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n && ranges[i].first <= c; i++)
		if (c <= ranges[i].last)
			return 1;
	return 0;
}

unsigned int utf8_columns(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c = len < 2 ? p[0] : p[0] & (0x7f >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	if (within(c, none, sizeof(none) / sizeof(none[0])))
		return 0;
	return within(c, two, sizeof(two) / sizeof(two[0])) ? 2 : 1;
}

size_t utf8_put(struct buf *b, const char *s, size_t len, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		size_t seq = utf8_shown(s + i, len - i);
		size_t columns = seq ? utf8_columns(s + i, seq) : 1;

		if (n + columns > max)
			break;
		if (seq)
			buf_add(b, s + i, seq);
		else
			buf_char(b, '?');
		i += seq ? seq : 1;
		n += columns;
	}
	return n;
}

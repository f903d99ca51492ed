/* SPDX-License-Identifier: Apache-2.0 */
#include "process/ident.h"

#include <string.h>

#include "base/clock.h"

#define ENTITY_SEED 0x18273645u /* reference/datastores.md */

static uint32_t rotl(uint32_t x, int r)
{
	return x << r | x >> (32 - r);
}

uint32_t entity_hash(uint32_t pid, uint64_t start_epoch_ns)
{
	uint64_t start = start_epoch_ns - start_epoch_ns % ENTITY_FLOOR;
	/* The key is big-endian, murmur3 reads little-endian words. */
	uint32_t words[3] = { __builtin_bswap32(pid), __builtin_bswap32((uint32_t)(start >> 32)),
			      __builtin_bswap32((uint32_t)start) };
	uint32_t h = ENTITY_SEED;

	for (int i = 0; i < 3; i++) {
		h ^= rotl(words[i] * 0xcc9e2d51u, 15) * 0x1b873593u;
		h = rotl(h, 13) * 5 + 0xe6546b64u;
	}
	h ^= 12;
	h = (h ^ h >> 16) * 0x85ebca6bu;
	h = (h ^ h >> 13) * 0xc2b2ae35u;
	return h ^ h >> 16;
}

uint64_t entity_start(uint64_t start_boot_ns, int64_t boot_offset)
{
	return start_boot_ns - start_boot_ns % TICK_NS + (uint64_t)boot_offset;
}

void base64_append(struct buf *b, const void *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = data;
	char *out = buf_room(b, (len + 2) / 3 * 4), *o = out;

	for (; len >= 3; len -= 3, p += 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = digits[v >> 6 & 63];
		*o++ = digits[v & 63];
	}
	if (len) {
		uint32_t v = (uint32_t)p[0] << 16 | (len > 1 ? (uint32_t)p[1] << 8 : 0);

		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = len > 1 ? digits[v >> 6 & 63] : '=';
		*o++ = '=';
	}
	b->len += (size_t)(o - out);
}

void exec_id_append(struct buf *b, const char *node, uint64_t ktime, uint32_t pid)
{
	char text[320];
	struct buf id = { text, 0, sizeof(text) }; /* host names have at most 64 bytes */

	buf_add(&id, node, strnlen(node, 255));
	buf_char(&id, ':');
	buf_u64(&id, ktime);
	buf_char(&id, ':');
	buf_u64(&id, pid);
	base64_append(b, id.data, id.len);
}

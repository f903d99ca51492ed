/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the assembler of long arguments: chunks of several execs in any order, taken, looked at or
 * given up, against a model that keeps everything. The input is a sequence of operations of four
 * bytes: what to do, whose, how much (two bytes).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/assemble.h"

#define IDS   64 /* more than there are slots */
#define CHUNK (1UL << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	size_t len; /* of what was added under this id since it was last taken */
	uint8_t sum;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t sum_of(const struct buf *b)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < b->len; i++)
		sum = (uint8_t)(sum + (uint8_t)b->data[i]);
	return sum;
}

/* Given up for want of room, or all there: never a part, never somebody else's. */
static void check(const struct buf *b, struct model *m)
{
	if (!b)
		return;
	must(b->len == m->len && sum_of(b) == m->sum);
}

static void bounds(const struct assembler *a)
{
	size_t bytes = 0;

	for (size_t i = 0; i < ASSEMBLER_SLOTS; i++)
		if (a->slots[i].used)
			bytes += a->slots[i].bytes.len;
	must(bytes == a->bytes && bytes <= ASSEMBLER_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char chunk[CHUNK];
	struct assembler a = { 0 };
	struct model models[IDS] = { 0 };

	for (; size >= 4; data += 4, size -= 4) {
		uint32_t id = data[1] % IDS;
		size_t n = (size_t)(data[2] | data[3] << 8) << (data[0] >> 6);
		struct model *m = &models[id];

		switch (data[0] & 3) {
		case 0:
		case 1:
			if (n > CHUNK)
				n = CHUNK;
			if (!assembler_peek(&a, id,
					    id)) /* it is a new one, the old one was given up */
				*m = (struct model){ 0 };
			memset(chunk, data[0], n);
			assembler_add(&a, id, id, chunk, n);
			m->len += n;
			m->sum = (uint8_t)(m->sum + n * data[0]);
			break;
		case 2:
			check(assembler_peek(&a, id, id), m);
			break;
		default:
			check(assembler_get(&a, id, id), m);
			assembler_done(&a);
			must(!assembler_peek(&a, id, id));
			*m = (struct model){ 0 };
		}
		bounds(&a);
	}
	assembler_free(&a);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writer and the reader of recordings share: checksums and the index.
 */
#include "source/recording_format.h"

#include <stdlib.h>

/* The checksum of the format: FNV-1a. */
static uint32_t fnv1a(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static uint32_t sum_without(void *p, size_t len, uint32_t *field)
{
	uint32_t kept = *field, sum;

	*field = 0;
	sum = fnv1a(p, len);
	*field = kept;
	return sum;
}

void rec_header_seal(struct rec_header *h)
{
	h->checksum = sum_without(h, h->size, &h->checksum);
}

bool rec_header_verify(struct rec_header *h)
{
	return h->checksum == sum_without(h, h->size, &h->checksum);
}

void rec_block_seal(struct rec_block *b)
{
	b->checksum = sum_without(b, sizeof(*b), &b->checksum);
}

bool rec_block_verify(struct rec_block *b)
{
	return b->checksum == sum_without(b, sizeof(*b), &b->checksum);
}

void rec_index_init(struct rec_index *x)
{
	*x = (struct rec_index){ .stride = 1 };
}

void rec_index_free(struct rec_index *x)
{
	free(x->entries);
	rec_index_init(x);
}

static void extend(struct rec_entry *e, const struct rec_entry *by)
{
	e->n_blocks += by->n_blocks;
	if (by->time_first < e->time_first)
		e->time_first = by->time_first;
	if (by->time_last > e->time_last)
		e->time_last = by->time_last;
}

static void halve(struct rec_index *x)
{
	for (uint32_t i = 0; i < x->n_entries; i += 2) {
		struct rec_entry e = x->entries[i];

		extend(&e, &x->entries[i + 1]);
		x->entries[i / 2] = e;
	}
	x->n_entries /= 2;
	x->stride *= 2;
}

void rec_index_add(struct rec_index *x, const struct rec_block *b, uint64_t offset)
{
	struct rec_entry e = {
		.offset = offset,
		.n_blocks = 1,
		.messages_before = b->messages_before,
		.time_first = b->time_first,
		.time_last = b->time_last,
	};

	x->n_blocks++;
	if (x->n_entries && x->entries[x->n_entries - 1].n_blocks < x->stride) {
		extend(&x->entries[x->n_entries - 1], &e);
		return;
	}
	if (x->n_entries == REC_INDEX_MAX)
		halve(x);
	/* Room grows with the powers of two: most recordings have few blocks. */
	if (!(x->n_entries & (x->n_entries - 1)))
		x->entries = xrealloc(x->entries,
				      (x->n_entries ? x->n_entries * 2 : 1) * sizeof(*x->entries));
	x->entries[x->n_entries++] = e;
}

void rec_index_append(const struct rec_index *x, struct rec_footer f, struct buf *out)
{
	struct rec_index_header h = { .magic = REC_INDEX_MAGIC, .n_entries = x->n_entries };
	size_t start = out->len;

	f.n_blocks = x->n_blocks;
	memcpy(f.magic, REC_END_MAGIC, sizeof(f.magic));
	buf_add(out, &h, sizeof(h));
	buf_add(out, x->entries, x->n_entries * sizeof(*x->entries));
	buf_add(out, &f, offsetof(struct rec_footer, checksum));
	f.checksum = fnv1a(out->data + start, out->len - start);
	buf_add(out, &f.checksum, sizeof(f.checksum));
	buf_add(out, f.magic, sizeof(f.magic));
}

bool rec_footer_verify(const char *index, size_t size)
{
	struct rec_footer f;

	if (size < sizeof(f))
		return false;
	memcpy(&f, index + size - sizeof(f), sizeof(f));
	return !memcmp(f.magic, REC_END_MAGIC, sizeof(f.magic)) &&
	       f.checksum == fnv1a(index, size - sizeof(f) + offsetof(struct rec_footer, checksum));
}

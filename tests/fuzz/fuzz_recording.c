/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the reader of recordings: the input is a file, read to its end, and every message goes to
 * the decoder, as in a replay.
 *
 * Checksums and compression keep blind changes at the door, so the mutator also changes what is
 * inside a block and packs it again, and mends checksums. The files of the corpus are plain
 * recordings (tests/unit/test_recording FOLDER writes some).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zstd.h>

#include "source/recording.h"
#include "source/recording_format.h"
#include "wire/decode.h"

/* Of a block that is changed inside: large inputs find little that small ones do not. */
#define INSIDE_MAX (64U << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

struct replay {
	struct assembler chunks;
	uint64_t n;
};

static int decode(void *user, const void *msg, size_t len)
{
	struct replay *replay = user;
	struct tsr_event ev;

	if ((uintptr_t)msg % 8 || !len || len > REC_MESSAGE_MAX)
		abort();
	replay->n++;
	wire_decode(msg, len, &replay->chunks, &ev);
	assembler_done(&replay->chunks);
	return 0;
}

static void read_all(struct source *s)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	struct tsr_error err = { 0 };
	uint64_t n = 0, at, total;
	int got;

	if (!replay)
		abort();
	s->ops->start(s, decode, replay, &err);
	while ((got = s->ops->poll(s, -1, decode, replay, &err)) > 0) {
		n += (uint64_t)got;
		recording_progress(s, &at, &total);
		if (n != replay->n || at > total)
			abort();
	}
	/* It ends, stays so, and says why if it does not end well. */
	if (!got || s->ops->poll(s, -1, decode, replay, &err) != got || n != replay->n)
		abort();
	s->ops->close(s);
	assembler_free(&replay->chunks);
	free(replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsr_error err;
	struct source *s;
	char path[64];
	int fd = memfd_create("recording", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!recording_open(&s, path, &err))
		read_all(s);
	close(fd);
	return 0;
}

/* Where block number `no` begins, or as far as blocks go; 0: not even a header. */
static size_t find_block(const uint8_t *data, size_t size, unsigned int no)
{
	struct rec_header h;
	struct rec_block b;
	size_t at, next;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	at = h.size;
	while (at <= size && size - at >= sizeof(b)) {
		memcpy(&b, data + at, sizeof(b));
		next = at + sizeof(b) + b.size_stored;
		if (b.magic != REC_BLOCK_MAGIC || next > size || !no--)
			return at;
		at = next;
	}
	return at <= size ? at : 0;
}

/* In a block, as far as they are whole; what is behind counts as one. */
static uint32_t count_messages(const uint8_t *raw, size_t len)
{
	struct rec_prefix prefix;
	uint32_t n = 0;
	size_t at = 0;

	while (at < len) {
		memcpy(&prefix, raw + at, sizeof(prefix));
		n++;
		if (prefix.len > len - at)
			break;
		at += sizeof(prefix) + REC_ALIGN(prefix.len);
	}
	return n;
}

/* Changes the inside of the block that begins at `at`; the new size of all. */
static size_t mutate_inside(uint8_t *data, size_t size, size_t max, size_t at)
{
	static uint8_t raw[INSIDE_MAX], stored[INSIDE_MAX + 4096];
	struct rec_block b;
	size_t len, behind;

	memcpy(&b, data + at, sizeof(b));
	behind = at + sizeof(b) + b.size_stored;
	len = ZSTD_decompress(raw, sizeof(raw), data + at + sizeof(b), b.size_stored);
	if (ZSTD_isError(len) || !len)
		return size;
	len = LLVMFuzzerMutate(raw, len, sizeof(raw));
	/* A size that is no multiple of 8 is refused at once. */
	memset(raw + len, 0, REC_ALIGN(len) - len);
	b.size_raw = (uint32_t)REC_ALIGN(len);
	/* What the header says of them is wrong only when it is the header that was changed. */
	b.n_messages = count_messages(raw, b.size_raw);
	b.size_stored = (uint32_t)ZSTD_compress(stored, sizeof(stored), raw, b.size_raw, 1);
	if (at + sizeof(b) + b.size_stored + (size - behind) > max)
		return size;
	memmove(data + at + sizeof(b) + b.size_stored, data + behind, size - behind);
	rec_block_seal(&b);
	memcpy(data + at, &b, sizeof(b));
	memcpy(data + at + sizeof(b), stored, b.size_stored);
	return at + sizeof(b) + b.size_stored + (size - behind);
}

/* Makes the checksum of the header, or of the block's header at `at`, right. */
static void mend(uint8_t *data, size_t size, size_t at)
{
	struct rec_header h;
	struct rec_block b;

	if (at && at + sizeof(b) <= size) {
		memcpy(&b, data + at, sizeof(b));
		rec_block_seal(&b);
		memcpy(data + at, &b, sizeof(b));
	} else if (size >= sizeof(h)) {
		struct rec_header *whole;

		memcpy(&h, data, sizeof(h));
		if (h.size < sizeof(h) || h.size > size)
			return;
		whole = malloc(h.size);
		if (!whole)
			abort();
		memcpy(whole, data, h.size);
		rec_header_seal(whole);
		memcpy(data, whole, h.size);
		free(whole);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	size_t at = find_block(data, size, seed / 8 % 4);
	struct rec_block b;

	switch (seed % 8) {
	case 0:
	case 1:
	case 2:
	case 3:
		if (!at || size - at < sizeof(b))
			break;
		memcpy(&b, data + at, sizeof(b));
		if (b.magic == REC_BLOCK_MAGIC && b.size_stored <= size - at - sizeof(b))
			return mutate_inside(data, size, max, at);
		break;
	case 4: /* the header of a block */
		if (!at || size - at < sizeof(b))
			break;
		LLVMFuzzerMutate(data + at, sizeof(b), sizeof(b));
		mend(data, size, at);
		return size;
	case 5: /* the header of the file */
		size = LLVMFuzzerMutate(data, size, max);
		mend(data, size, 0);
		return size;
	}
	return LLVMFuzzerMutate(data, size, max);
}

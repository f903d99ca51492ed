/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a recording, for those who write and read it: a header, blocks, an index, a footer.
 * docs/recording.md is the specification and gives the reasons. Little-endian, no implicit padding.
 */
#ifndef TSR_SOURCE_RECORDING_FORMAT_H
#define TSR_SOURCE_RECORDING_FORMAT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Messages and these structs are used as they stand in the file. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a recording is little-endian");

#define REC_MAGIC	"\x89TARSIER"
#define REC_END_MAGIC	"TSREND\r\n"
#define REC_MAGIC_SIZE	8
#define REC_BLOCK_MAGIC 0x4b4c4254u /* "TBLK" */
#define REC_INDEX_MAGIC 0x58444954u /* "TIDX" */
#define REC_VERSION	1

/* What a writer fills a block with; a larger message is a block of its own. */
#define REC_BLOCK_RAW (256U << 10)
/* A reader gets these pieces of a block that is cut off; the window has its share in memory. */
#define REC_PIECE      (8U << 10)
#define REC_WINDOW_LOG 15
/* Limits of what a reader takes. */
#define REC_RAW_MAX	   (16U << 20)
#define REC_WINDOW_LOG_MAX 24
#define REC_MESSAGE_MAX	   (1U << 20)
#define REC_USERS_MAX	   (16U << 20)
#define REC_INDEX_MAX	   1024

#define REC_FLAG_ENV_VALUES 1U

struct rec_header {
	char magic[REC_MAGIC_SIZE];
	uint32_t version; /* these two stand here in every version */
	uint32_t size;	  /* of the header with its strings and the padding to 8 */
	int64_t boot_offset;
	uint64_t start;
	uint32_t n_cpus;
	uint32_t flags;
	uint16_t size_host; /* without a NUL, as all sizes here */
	uint16_t size_kernel;
	uint16_t size_arch;
	uint16_t size_version;
	uint32_t size_users;
	uint32_t checksum; /* of the whole header, this field being 0 */
			   /* host, kernel, arch, version, users, padding */
};

struct rec_block {
	uint32_t magic;
	uint32_t checksum;    /* of this header, this field being 0 */
	uint32_t size_stored; /* the zstd frame that follows */
	uint32_t size_raw;
	uint32_t n_messages;
	uint32_t reserved;
	uint64_t messages_before; /* in the blocks before: none is missing, none is twice */
	uint64_t time_first;	  /* the earliest and the latest time of its messages */
	uint64_t time_last;
};

/* Before each message in a block; behind it, zeros up to a multiple of 8. */
struct rec_prefix {
	uint32_t len;
	uint32_t reserved;
};

struct rec_index_header {
	uint32_t magic;
	uint32_t n_entries;
};

/* One block, or several that follow each other. */
struct rec_entry {
	uint64_t offset; /* of the first one in the file */
	uint64_t n_blocks;
	uint64_t messages_before;
	uint64_t time_first;
	uint64_t time_last;
};

struct rec_footer {
	uint64_t index_offset;
	uint64_t n_blocks;
	uint64_t n_messages;
	uint64_t n_lost;   /* messages that could not be written any more */
	int32_t error;	   /* the Linux errno that ended the recording early, or 0 */
	uint32_t checksum; /* of the index and the footer up to here */
	char magic[REC_MAGIC_SIZE];
};

static_assert(sizeof(struct rec_header) == 56, "size of rec_header");
static_assert(offsetof(struct rec_header, size_users) == 48, "offset of size_users");
static_assert(sizeof(struct rec_block) == 48, "size of rec_block");
static_assert(sizeof(struct rec_prefix) == 8, "size of rec_prefix");
static_assert(sizeof(struct rec_index_header) == 8, "size of rec_index_header");
static_assert(sizeof(struct rec_entry) == 40, "size of rec_entry");
static_assert(sizeof(struct rec_footer) == 48, "size of rec_footer");
static_assert(offsetof(struct rec_footer, checksum) == 36, "offset of checksum");

#define REC_ALIGN(n) (((n) + 7) & ~(size_t)7)

/*
 * The index as writer and reader both build it from the blocks they see. It is bounded: when it is
 * full, neighbours become one entry, and every entry holds twice as many blocks from then on.
 */
struct rec_index {
	struct rec_entry *entries;
	uint32_t n_entries;
	uint64_t stride; /* blocks of an entry */
	uint64_t n_blocks;
};

void rec_index_init(struct rec_index *x);
void rec_index_add(struct rec_index *x, const struct rec_block *b, uint64_t offset);
void rec_index_free(struct rec_index *x);

/* Appends the index and the footer, whose other fields f has, as they stand in the file. */
void rec_index_append(const struct rec_index *x, struct rec_footer f, struct buf *out);

/*
 * Set or check the checksum of a header (of all its h->size bytes) and of a block's header. To
 * check needs to write, too: the sum is made with its own field 0.
 */
void rec_header_seal(struct rec_header *h);
bool rec_header_verify(struct rec_header *h);
void rec_block_seal(struct rec_block *b);
bool rec_block_verify(struct rec_block *b);

/* Of size bytes that end with a footer: what rec_index_append() made, intact. */
bool rec_footer_verify(const char *index, size_t size);

#endif

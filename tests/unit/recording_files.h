/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings for tests: made of messages that a reader can tell from their number, read back and
 * held against these; and as bytes in memory, to be cut and damaged. To be included after cmocka.
 */
#ifndef TSR_TESTS_RECORDING_FILES_H
#define TSR_TESTS_RECORDING_FILES_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/recording.h"
#include "source/recording_format.h"

static char folder[PATH_MAX];

/*
 * The messages: number i of a kind is always the same, so that a reader knows what must come.
 */
enum kind {
	SMALL, /* 16 to 135 bytes */
	MIXED, /* 1 byte to 100 KiB */
	HUGE_, /* 200 KiB to the limit, around the size of a block */
};

static inline uint64_t scramble(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static inline size_t length_of(enum kind kind, uint64_t i)
{
	static const size_t edges[] = {
		REC_BLOCK_RAW - 9, REC_BLOCK_RAW - 8,	REC_BLOCK_RAW - 7, REC_BLOCK_RAW,
		REC_BLOCK_RAW + 1, REC_MESSAGE_MAX - 1, REC_MESSAGE_MAX,   200 << 10,
	};
	uint64_t r = scramble(i + 1);

	switch (kind) {
	case SMALL:
		return 16 + r % 120;
	case MIXED:
		return r % 64 ? 1 + (r >> 8) % 700 : 1 + (r >> 8) % (100 << 10);
	default:
		return edges[i % (sizeof(edges) / sizeof(edges[0]))];
	}
}

/* Half of it repeats itself and half does not, as in life; word 1 is the time. */
static inline size_t make(enum kind kind, uint64_t i, char *msg)
{
	size_t len = length_of(kind, i);

	for (size_t at = 0; at < len; at += 8) {
		uint64_t word = at == 8 ? 1000 + i : at % 16 ? at : scramble(i << 20 | at);

		memcpy(msg + at, &word, len - at < 8 ? len - at : 8);
	}
	return len;
}

/* Where they are made: by who adds them, and by who compares. */
static _Alignas(8) char message[REC_MESSAGE_MAX], wanted[REC_MESSAGE_MAX];

static inline struct source_info some_info(void)
{
	static char users[] = "root:0\nalice:1000\nbob:1001\n";
	struct source_info info = {
		.host = "vm",
		.kernel = "6.1.0-44-amd64 #1 SMP",
		.arch = "x86_64",
		.version = "0.1.0",
		.boot_offset = -12345678901,
		.start = 998877665544332211,
		.n_cpus = 2,
		.env_values = true,
		.users = users,
		.users_len = sizeof(users) - 1,
	};

	return info;
}

static inline void must(enum tsr_status status, const struct tsr_error *err)
{
	if (status)
		fail_msg("%s: %s", tsr_status_name(status), err->message);
}

static inline struct recorder *begin(const char *path)
{
	struct source_info info = some_info();
	struct tsr_error err;
	struct recorder *r;

	must(recorder_open(&r, path, &info, &err), &err);
	return r;
}

static inline void add(struct recorder *r, enum kind kind, uint64_t from, uint64_t n,
		       uint64_t flush_every)
{
	for (uint64_t i = from; i < from + n; i++) {
		size_t len = make(kind, i, message);

		assert_int_equal(recorder_add(r, message, len), 0);
		if (flush_every && i % flush_every == flush_every - 1)
			assert_int_equal(recorder_flush(r), 0);
	}
}

static inline void record(const char *path, enum kind kind, uint64_t n, uint64_t flush_every)
{
	struct recorder *r = begin(path);

	add(r, kind, 0, n, flush_every);
	assert_int_equal(recorder_close(r), 0);
}

/* What a reader got, held against what was written. */
struct reading {
	enum kind kind;
	uint64_t n;	/* messages that came */
	uint64_t wrong; /* of them, not what they should be */
	uint64_t stop_at;
};

static inline int check_message(void *user, const void *msg, size_t len)
{
	struct reading *g = user;
	size_t want = make(g->kind, g->n, wanted);

	if (len != want || memcmp(msg, wanted, len) || (uintptr_t)msg % 8)
		g->wrong++;
	g->n++;
	return g->stop_at && g->n == g->stop_at;
}

/* To the end; what poll() said there. */
static inline int read_all(struct source *s, struct reading *g, struct tsr_error *err)
{
	uint64_t before;
	int n;

	do {
		before = g->n;
		n = s->ops->poll(s, -1, check_message, g, err);
		if (n >= 0)
			assert_int_equal(g->n - before, n);
	} while (n > 0);
	assert_int_not_equal(n, 0);
	return n;
}

/* What reading a file came to; if it could not be opened, only that. */
struct outcome {
	enum tsr_status opened;
	int end;
	uint64_t n;
	struct tsr_error err;
};

static inline struct outcome read_file(const char *path, enum kind kind)
{
	struct outcome o = { 0 };
	struct reading g = { .kind = kind };
	struct source *s;

	o.opened = recording_open(&s, path, &o.err);
	if (o.opened)
		return o;
	must(s->ops->start(s, check_message, &g, &o.err), &o.err);
	assert_int_equal(g.n, 0);
	o.end = read_all(s, &g, &o.err);
	o.n = g.n;
	if (g.wrong)
		fail_msg("%" PRIu64 " of %" PRIu64 " messages are wrong: %s", g.wrong, g.n,
			 o.err.message);
	s->ops->close(s);
	return o;
}

/* A file in memory that is easily cut and damaged: its bytes, its path. */
struct image {
	int fd;
	char path[64];
	unsigned char *bytes;
	size_t size;
};

static inline void image_set(const struct image *m, const void *p, size_t n, size_t at)
{
	assert_int_equal(pwrite(m->fd, p, n, (off_t)at), n);
}

static inline struct image image_new(const void *bytes, size_t size)
{
	struct image m = { .fd = memfd_create("recording", MFD_CLOEXEC), .size = size };

	assert_true(m.fd >= 0);
	snprintf(m.path, sizeof(m.path), "/proc/self/fd/%d", m.fd);
	m.bytes = test_malloc(size + 1);
	if (bytes) {
		memcpy(m.bytes, bytes, size);
		image_set(&m, bytes, size, 0);
	}
	return m;
}

static inline struct image image_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct image m;
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	m = image_new(NULL, (size_t)st.st_size);
	assert_int_equal(read(fd, m.bytes, m.size), m.size);
	image_set(&m, m.bytes, m.size, 0);
	close(fd);
	return m;
}

static inline void image_free(struct image *m)
{
	close(m->fd);
	test_free(m->bytes);
}

/* The next calls leave what it returned alone, but not many. */
static inline const char *in_folder(const char *name)
{
	static char paths[4][PATH_MAX + 64];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static inline struct image recorded(enum kind kind, uint64_t n, uint64_t flush_every)
{
	const char *path = in_folder("image");
	struct image m;

	record(path, kind, n, flush_every);
	m = image_of(path);
	assert_int_equal(unlink(path), 0);
	return m;
}

/* A block as the file has it; the one with magic 0 is where the blocks end. */
static inline struct rec_block block_at(const struct image *m, size_t *at)
{
	struct rec_block b;

	if (!*at) {
		struct rec_header h;

		memcpy(&h, m->bytes, sizeof(h));
		*at = h.size;
	} else {
		memcpy(&b, m->bytes + *at, sizeof(b));
		*at += sizeof(b) + b.size_stored;
	}
	memcpy(&b, m->bytes + *at, sizeof(b));
	if (b.magic != REC_BLOCK_MAGIC)
		b.magic = 0;
	return b;
}

/* The messages in the blocks that are whole in the first `size` bytes. */
static inline uint64_t whole_messages(const struct image *m, size_t size)
{
	uint64_t n = 0;
	size_t at = 0;

	for (struct rec_block b = block_at(m, &at); b.magic; b = block_at(m, &at)) {
		if (at + sizeof(b) + b.size_stored > size)
			break;
		n += b.n_messages;
	}
	return n;
}

static inline void says(const struct tsr_error *err, const char *what)
{
	if (!strstr(err->message, what))
		fail_msg("\"%s\" does not say \"%s\"", err->message, what);
}

/* For cmocka: a folder, and nothing of it left afterwards. */
static inline int folder_new(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/recording.XXXXXX", base ? base : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline int folder_free(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

#endif

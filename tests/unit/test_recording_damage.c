/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings that are not whole: of what is cut or damaged an exact beginning comes back and never
 * anything else, with an error that says where; what is forged asks for no more than it may.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <zstd.h>

#include "recording_files.h"
#include "wire.h"

/* A cut file: an exact beginning, with all the whole blocks, and an error that says where. */
static uint64_t check_cut(const struct image *m, enum kind kind, size_t size)
{
	struct rec_header h;
	struct outcome o;
	char where[64];
	uint64_t whole;

	assert_int_equal(ftruncate(m->fd, (off_t)size), 0);
	o = read_file(m->path, kind);
	memcpy(&h, m->bytes, sizeof(h));
	if (size < h.size) {
		assert_int_equal(o.opened, TSR_ERR_FORMAT);
		says(&o.err, size >= REC_MAGIC_SIZE ? "cut off" : "not a recording");
		return 0;
	}
	must(o.opened, &o.err);
	whole = whole_messages(m, size);
	assert_int_equal(o.end, -EBADMSG);
	assert_int_equal(o.err.status, TSR_ERR_FORMAT);
	assert_true(o.n >= whole);
	snprintf(where, sizeof(where), ": byte %zu, block ", size);
	says(&o.err, where);
	snprintf(where, sizeof(where), ", message %" PRIu64 ": cut off: ", o.n + 1);
	says(&o.err, where);
	snprintf(where, sizeof(where), "before it was shown: %" PRIu64 " messages", o.n);
	says(&o.err, where);
	return o.n - whole;
}

static void test_every_cut(void **state)
{
	struct image m = recorded(SMALL, 40, 15);

	(void)state;
	for (size_t size = m.size; size-- > 1;)
		check_cut(&m, SMALL, size);
	image_free(&m);
}

static void test_cuts_of_a_bigger_file(void **state)
{
	struct image m = recorded(MIXED, 2500, 0);
	uint64_t more = 0;

	(void)state;
	assert_true(m.size > 3 * REC_BLOCK_RAW);
	for (uint64_t i = 0; i < 150; i++) {
		size_t size = 1 + scramble(i) % (m.size - 1);

		image_set(&m, m.bytes, m.size, 0);
		more += check_cut(&m, MIXED, size);
	}
	/* Also what is whole in a block that is not. */
	assert_true(more > 0);
	image_free(&m);
}

/* A block is not all or nothing: half of its bytes are about half of its messages. */
static void test_half_a_block(void **state)
{
	struct image m = recorded(SMALL, 1000, 0);
	size_t at = 0, size;
	struct rec_block b = block_at(&m, &at);

	(void)state;
	assert_int_equal(b.n_messages, 1000);
	for (size_t part = 1; part < 8; part++) {
		image_set(&m, m.bytes, m.size, 0);
		size = at + sizeof(b) + b.size_stored * part / 8;
		assert_true(check_cut(&m, SMALL, size) >= 1000 * part / 8 - 110);
	}
	image_free(&m);
}

/* Every byte, with each of its bits turned and with others in its place. */
static void test_every_damaged_byte(void **state)
{
	struct image m = recorded(SMALL, 40, 15);
	uint64_t unseen = 0;

	(void)state;
	for (size_t at = 0; at < m.size; at++) {
		for (int how = 0; how < 10; how++) {
			unsigned char was = m.bytes[at], now;
			struct outcome o;

			now = how < 8 ? (unsigned char)(was ^ 1 << how) : how == 8 ? 0 : 0xff;
			if (now == was)
				continue;
			image_set(&m, &now, 1, at);
			o = read_file(m.path, SMALL);
			image_set(&m, &was, 1, at);
			if (o.opened || o.end != -ENODATA)
				continue;
			/* Bits that zstd does not use. */
			assert_int_equal(o.n, 40);
			unseen++;
		}
	}
	if (unseen > m.size / 10)
		fail_msg("%" PRIu64 " changes were not noticed", unseen);
	image_free(&m);
}

static void test_damage_of_a_bigger_file(void **state)
{
	struct image m = recorded(MIXED, 2500, 0);
	size_t first = 0;

	(void)state;
	block_at(&m, &first);
	for (uint64_t i = 0; i < 100; i++) {
		size_t at = first + scramble(i) % (m.size - first);
		size_t len = 1 + scramble(i + 1000) % 4096;
		char zeros[4096] = { 0 };
		struct outcome o;

		len = len < m.size - at ? len : m.size - at;
		image_set(&m, zeros, len, at);
		o = read_file(m.path, MIXED);
		image_set(&m, m.bytes + at, len, at);
		must(o.opened, &o.err);
		if (o.end == -ENODATA) {
			assert_int_equal(o.n, 2500);
		} else {
			assert_int_equal(o.end, -EBADMSG);
			assert_true(o.n >= whole_messages(&m, at));
		}
	}
	image_free(&m);
}

/* The error of a damaged block in the middle says how much is missing. */
static void test_error_text(void **state)
{
	struct image m = recorded(SMALL, 100, 10);
	struct outcome o;
	char where[160];
	size_t at = 0;

	(void)state;
	for (int i = 0; i < 4; i++)
		block_at(&m, &at);
	image_set(&m, "X", 1, at + sizeof(struct rec_block) + 20);
	o = read_file(m.path, SMALL);
	assert_int_equal(o.end, -EBADMSG);
	snprintf(where, sizeof(where), "%s: byte %zu, block 4, message 31: damaged: ", m.path,
		 at + sizeof(struct rec_block));
	says(&o.err, where);
	says(&o.err, "Everything before it was shown: 30 of 100 messages");
	image_free(&m);
}

/* Whether the index, found through the footer, has each block where it is. */
static void check_index(const struct image *m, uint64_t messages, uint64_t blocks)
{
	struct rec_index_header h;
	struct rec_footer f;
	const unsigned char *entries;
	uint64_t n_blocks = 0, each = 0;
	size_t at = 0;
	struct rec_block b = block_at(m, &at);

	memcpy(&f, m->bytes + m->size - sizeof(f), sizeof(f));
	assert_memory_equal(f.magic, REC_END_MAGIC, sizeof(f.magic));
	assert_int_equal(f.n_messages, messages);
	assert_int_equal(f.n_blocks, blocks);
	assert_true(f.index_offset < m->size);
	memcpy(&h, m->bytes + f.index_offset, sizeof(h));
	assert_int_equal(h.magic, REC_INDEX_MAGIC);
	assert_true(h.n_entries <= REC_INDEX_MAX);
	assert_true(blocks <= REC_INDEX_MAX ? h.n_entries == blocks
					    : h.n_entries >= REC_INDEX_MAX / 2);
	entries = m->bytes + f.index_offset + sizeof(h);
	assert_ptr_equal(entries + h.n_entries * sizeof(struct rec_entry),
			 m->bytes + m->size - sizeof(f));
	for (uint32_t i = 0; i < h.n_entries; i++) {
		uint64_t first = UINT64_MAX, last = 0;
		struct rec_entry e;

		memcpy(&e, entries + i * sizeof(e), sizeof(e));
		assert_int_equal(e.offset, at);
		assert_int_equal(e.messages_before, b.messages_before);
		if (!i)
			each = e.n_blocks;
		assert_true(i == h.n_entries - 1 ? e.n_blocks <= each : e.n_blocks == each);
		for (uint64_t k = 0; k < e.n_blocks; k++) {
			assert_int_equal(b.magic, REC_BLOCK_MAGIC);
			/* Message i is of time 1000 + i. */
			assert_int_equal(b.time_first, 1000 + b.messages_before);
			assert_int_equal(b.time_last, b.time_first + b.n_messages - 1);
			first = b.time_first < first ? b.time_first : first;
			last = b.time_last > last ? b.time_last : last;
			b = block_at(m, &at);
		}
		assert_int_equal(e.time_first, first);
		assert_int_equal(e.time_last, last);
		n_blocks += e.n_blocks;
	}
	assert_int_equal(b.magic, 0);
	assert_int_equal(at, f.index_offset);
	assert_int_equal(n_blocks, blocks);
}

static void test_index(void **state)
{
	static const struct {
		uint64_t messages, flush_every, blocks;
	} cases[] = {
		{ 0, 1, 0 },	   { 1, 1, 1 },	      { 50, 10, 5 },	 { 1024, 1, 1024 },
		{ 1025, 1, 1025 }, { 5000, 1, 5000 }, { 5001, 2, 2501 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct image m = recorded(SMALL, cases[i].messages, cases[i].flush_every);
		struct outcome o;

		check_index(&m, cases[i].messages, cases[i].blocks);
		o = read_file(m.path, SMALL);
		assert_int_equal(o.end, -ENODATA);
		assert_int_equal(o.n, cases[i].messages);
		image_free(&m);
	}
}

/* Times need not be in order, nor be there at all: a message may be too short for one. */
static void test_times(void **state)
{
	struct recorder *r = begin(in_folder("times"));
	struct msg_common msg = { .size = sizeof(msg) };
	const uint64_t n = 2000, top = 100000;
	struct rec_index_header h;
	struct rec_entry e;
	struct rec_footer f;
	struct rec_block b;
	struct image m;
	size_t at = 0;
	uint64_t k = 0;

	(void)state;
	for (uint64_t i = 0; i < n; i++) {
		msg.ktime = top - i;
		assert_int_equal(recorder_add(r, &msg, sizeof(msg)), 0);
		assert_int_equal(recorder_flush(r), 0);
	}
	assert_int_equal(recorder_close(r), 0);
	m = image_of(in_folder("times"));
	memcpy(&f, m.bytes + m.size - sizeof(f), sizeof(f));
	memcpy(&h, m.bytes + f.index_offset, sizeof(h));
	for (uint32_t i = 0; i < h.n_entries; i++) {
		memcpy(&e, m.bytes + f.index_offset + sizeof(h) + i * sizeof(e), sizeof(e));
		assert_int_equal(e.time_last, top - k);
		k += e.n_blocks;
		assert_int_equal(e.time_first, top - k + 1);
	}
	assert_int_equal(k, n);
	image_free(&m);

	r = begin(in_folder("times"));
	for (uint64_t i = 0; i < 3; i++) {
		msg.ktime = (uint64_t[]){ 500, 300, 900 }[i];
		assert_int_equal(recorder_add(r, &msg, sizeof(msg)), 0);
	}
	assert_int_equal(recorder_flush(r), 0);
	assert_int_equal(recorder_add(r, "none", 4), 0);
	assert_int_equal(recorder_close(r), 0);
	m = image_of(in_folder("times"));
	b = block_at(&m, &at);
	assert_int_equal(b.time_first, 300);
	assert_int_equal(b.time_last, 900);
	b = block_at(&m, &at);
	assert_int_equal(b.time_first, 0);
	assert_int_equal(b.time_last, 0);
	image_free(&m);
}

/* An index that is nonsense takes nothing from the messages, and no memory. */
static void test_absurd_index(void **state)
{
	struct image m = recorded(SMALL, 40, 15);
	struct rec_footer f, bad;
	struct outcome o;
	uint32_t many = UINT32_MAX;

	(void)state;
	memcpy(&f, m.bytes + m.size - sizeof(f), sizeof(f));
	for (int i = 0; i < 4; i++) {
		bad = f;
		if (i == 0)
			bad.index_offset = 0;
		else if (i == 1)
			bad.index_offset = UINT64_MAX;
		else if (i == 2)
			bad.n_messages = UINT64_MAX;
		else
			bad.n_blocks = UINT64_MAX;
		image_set(&m, &bad, sizeof(bad), m.size - sizeof(bad));
		o = read_file(m.path, SMALL);
		assert_int_equal(o.end, -EBADMSG);
		assert_int_equal(o.n, 40);
		says(&o.err, "the index is not that of the blocks");
		says(&o.err, "was shown: 40 messages");
	}
	image_set(&m, &f, sizeof(f), m.size - sizeof(f));
	image_set(&m, &many, 4, f.index_offset + offsetof(struct rec_index_header, n_entries));
	o = read_file(m.path, SMALL);
	assert_int_equal(o.end, -EBADMSG);
	assert_int_equal(o.n, 40);
	image_set(&m, m.bytes, m.size, 0);
	image_set(&m, "more", 4, m.size);
	o = read_file(m.path, SMALL);
	assert_int_equal(o.end, -EBADMSG);
	assert_int_equal(o.n, 40);
	says(&o.err, "4 bytes follow the footer");
	image_free(&m);
}

/* A file of our own making: a good header, a block of these bytes, with this header. */
static struct image forged(struct rec_block b, const void *raw, size_t len, uint32_t garbage)
{
	struct image m = recorded(SMALL, 0, 0), made;
	size_t at = 0, cap = ZSTD_compressBound(len), n;
	unsigned char *bytes;

	block_at(&m, &at);
	bytes = test_calloc(1, at + sizeof(b) + cap + garbage);
	memcpy(bytes, m.bytes, at);
	n = ZSTD_compress(bytes + at + sizeof(b), cap, raw, len, 1) + garbage;
	assert_false(ZSTD_isError(n));
	b.magic = REC_BLOCK_MAGIC;
	b.size_stored = (uint32_t)n;
	rec_block_seal(&b);
	memcpy(bytes + at, &b, sizeof(b));
	made = image_new(bytes, at + sizeof(b) + n);
	test_free(bytes);
	image_free(&m);
	return made;
}

static void forged_is(struct rec_block b, const void *raw, size_t len, uint32_t garbage,
		      uint64_t shown, const char *what)
{
	struct image m = forged(b, raw, len, garbage);
	struct outcome o = read_file(m.path, SMALL);

	must(o.opened, &o.err);
	if (o.end != -EBADMSG || o.n != shown)
		fail_msg("%d after %" PRIu64 " messages, not \"%s\"", o.end, o.n, what);
	says(&o.err, what);
	image_free(&m);
}

/* What only someone with bad intentions writes: the checksums are right, the rest is not. */
static void test_forged_blocks(void **state)
{
	static const char cannot[] = "a block cannot have", other[] = "of another size",
			  fewer[] = "fewer whole messages", no[] = "no message can be at byte";
	static const struct {
		const char *what;
		uint32_t n, copies, more, told, reserved, garbage, shown;
		int64_t len;
		uint64_t before;
	} cases[] = {
		{ "cut off", 1, 1, .shown = 1 }, /* nothing wrong but that there is no index */
		{ fewer, 2, 1, .shown = 1 },
		{ no, 1, 2, .shown = 1 },
		{ "missing or misplaced", 1, 1, .before = 1 },
		{ cannot, 0, 1, .more = 0 },
		{ cannot, UINT32_MAX, 1, .more = 0 },
		{ fewer, 1, 1, .len = 200 },
		{ no, 1, 1, .len = UINT32_MAX },
		{ no, 1, 1, .len = -1 }, /* stands for 0 */
		{ no, 1, 1, .reserved = 1 },
		{ other, 1, 1, .told = 8 },
		{ other, 1, 1, .told = -8U },
		{ other, 1, 1, .more = 8 },
		{ cannot, 1, 1, .more = 4, .told = 4 },
		{ cannot, 1, 1, .told = REC_RAW_MAX },
		{ cannot, 1, 1, .told = -1024U },
		{ cannot, 1, 1, .garbage = 4096 },
	};
	char one[256] = { 0 }, raw[512] = { 0 };
	struct rec_prefix prefix = { .len = (uint32_t)make(SMALL, 0, one + 8) };
	uint32_t size = (uint32_t)(sizeof(prefix) + REC_ALIGN(prefix.len));

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rec_block b = {
			.size_raw = size * cases[i].copies + cases[i].told,
			.n_messages = cases[i].n,
			.messages_before = cases[i].before,
		};
		struct rec_prefix p = prefix;

		p.reserved = cases[i].reserved;
		if (cases[i].len)
			p.len = cases[i].len < 0 ? 0 : (uint32_t)cases[i].len;
		memcpy(one, &p, sizeof(p));
		memcpy(raw, one, size);
		memcpy(raw + size, one, size);
		forged_is(b, raw, (size_t)size * cases[i].copies + cases[i].more, cases[i].garbage,
			  cases[i].shown, cases[i].what);
	}
}

/* Large ones, among them little that becomes much. */
static void test_forged_sizes(void **state)
{
	char *zeros = test_calloc(1, REC_RAW_MAX + 8);
	uint32_t len = REC_MESSAGE_MAX + 1;
	struct rec_block b = { .size_raw = 4096, .n_messages = 1 };

	(void)state;
	forged_is(b, zeros, REC_RAW_MAX, 0, 0, "of another size");
	b.size_raw = REC_RAW_MAX;
	forged_is(b, zeros, REC_RAW_MAX + 8, 0, 0, "of another size");
	forged_is(b, zeros, REC_RAW_MAX, 0, 0, "no message can be at byte 0");
	b.size_raw = REC_RAW_MAX + 8;
	forged_is(b, zeros, REC_RAW_MAX + 8, 0, 0, "a block cannot have");
	memcpy(zeros, &len, sizeof(len));
	b.size_raw = (uint32_t)(sizeof(struct rec_prefix) + REC_ALIGN(len));
	forged_is(b, zeros, b.size_raw, 0, 0, "no message can be at byte 0");
	test_free(zeros);
}

/* A block by the letter of docs/recording.md, without the reader. */
static void test_inside_of_a_block(void **state)
{
	struct image m = recorded(SMALL, 300, 0);
	static char raw[REC_BLOCK_RAW], zeros[8];
	size_t at = 0, in = 0, len;
	struct rec_block b = block_at(&m, &at);
	struct rec_prefix prefix;

	(void)state;
	assert_int_equal(b.n_messages, 300);
	assert_true(b.size_raw <= sizeof(raw));
	len = ZSTD_decompress(raw, sizeof(raw), m.bytes + at + sizeof(b), b.size_stored);
	assert_int_equal(len, b.size_raw);
	for (uint64_t i = 0; i < 300; i++) {
		memcpy(&prefix, raw + in, sizeof(prefix));
		in += sizeof(prefix);
		assert_int_equal(prefix.len, make(SMALL, i, wanted));
		assert_int_equal(prefix.reserved, 0);
		assert_memory_equal(raw + in, wanted, prefix.len);
		in += prefix.len;
		assert_memory_equal(raw + in, zeros, -in % 8);
		in += -in % 8;
	}
	assert_int_equal(in, len);
	image_free(&m);
}

static void test_forged_headers(void **state)
{
	struct image m = recorded(SMALL, 10, 0);
	/* Offset and size of a field, and its new value; the strings begin at 56 with "vm". */
	static const struct {
		size_t at, size;
		uint32_t value;
		const char *says;
	} cases[] = {
		{ 40, 2, 256, "strings of its header" }, /* the host, longer than it can be */
		{ 40, 2, 3, "strings of its header" },	 /* so that all do not add up */
		{ 48, 4, 3, "strings of its header" },	 /* the users */
		{ 48, 4, UINT32_MAX, "strings of its header" },
		{ 56, 1, 0, "strings of its header" }, /* a NUL in the host */
		{ 36, 4, 2, "strings of its header" }, /* an unknown flag */
		{ 12, 4, 48, "its header is wrong" },  /* smaller than its fixed part */
		{ 12, 4, 57, "its header is wrong" },
		{ 12, 4, UINT32_MAX - 7, "its header is wrong" },
		{ 12, 4, 1U << 20, "cut off" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned char *h = test_malloc(m.size);
		struct rec_header fixed;
		struct outcome o;

		memcpy(h, m.bytes, m.size);
		memcpy(h + cases[i].at, &cases[i].value, cases[i].size);
		memcpy(&fixed, h, sizeof(fixed));
		if (fixed.size >= sizeof(fixed) && fixed.size <= m.size)
			rec_header_seal((struct rec_header *)h);
		image_set(&m, h, m.size, 0);
		test_free(h);
		o = read_file(m.path, SMALL);
		if (!o.opened)
			fail_msg("case %zu: opened", i);
		assert_int_equal(o.opened, TSR_ERR_FORMAT);
		says(&o.err, cases[i].says);
	}
	image_free(&m);
}

static void test_versions(void **state)
{
	struct image m = recorded(SMALL, 10, 0);
	static const uint32_t newer[] = { REC_VERSION + 1, 77, UINT32_MAX };
	struct outcome o;
	uint32_t zero = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++) {
		char text[64];

		image_set(&m, &newer[i], 4, offsetof(struct rec_header, version));
		/* That all else has another meaning then does not hide the reason. */
		image_set(&m, "????????????????", 16, 12);
		o = read_file(m.path, SMALL);
		assert_int_equal(o.opened, TSR_ERR_FORMAT);
		snprintf(text, sizeof(text), "format version %" PRIu32 ", this tarsier", newer[i]);
		says(&o.err, text);
		says(&o.err, "reads up to version 1");
		/* A newer one may also have a shorter header. */
		assert_int_equal(ftruncate(m.fd, 12), 0);
		o = read_file(m.path, SMALL);
		says(&o.err, text);
		image_set(&m, m.bytes, m.size, 0);
	}
	image_set(&m, &zero, 4, offsetof(struct rec_header, version));
	o = read_file(m.path, SMALL);
	assert_int_equal(o.opened, TSR_ERR_FORMAT);
	says(&o.err, "damaged");
	image_free(&m);
}

static void test_not_recordings(void **state)
{
	static const char garbage[] = "#!/bin/sh\necho this is not a recording, but long enough "
				      "that it could be one, if only it began as one\n";
	struct image m = image_new(garbage, sizeof(garbage));
	struct outcome o;
	bool root = geteuid() == 0;

	(void)state;
	o = read_file(m.path, SMALL);
	assert_int_equal(o.opened, TSR_ERR_FORMAT);
	says(&o.err, "is not a recording");
	says(&o.err, m.path);
	for (int size = 7; size > 0; size--) {
		assert_int_equal(ftruncate(m.fd, size), 0);
		o = read_file(m.path, SMALL);
		says(&o.err, "is not a recording");
	}
	assert_int_equal(ftruncate(m.fd, 0), 0);
	o = read_file(m.path, SMALL);
	assert_int_equal(o.opened, TSR_ERR_FORMAT);
	says(&o.err, "is empty");
	image_free(&m);

	o = read_file(folder, SMALL);
	assert_int_equal(o.opened, TSR_ERR_FORMAT);
	says(&o.err, "is a directory");
	o = read_file("/dev/zero", SMALL);
	says(&o.err, "is a device");
	o = read_file(in_folder("missing"), SMALL);
	assert_int_equal(o.opened, TSR_ERR_IO);
	says(&o.err, "No such file");
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	o = read_file(in_folder("fifo"), SMALL); /* and does not wait */
	says(&o.err, "is a pipe");

	record(in_folder("private"), SMALL, 1, 0);
	assert_int_equal(chmod(folder, 0755), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	else
		assert_int_equal(chmod(in_folder("private"), 0), 0);
	o = read_file(in_folder("private"), SMALL);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(o.opened, TSR_ERR_IO);
	says(&o.err, "Permission denied");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_cuts_of_a_bigger_file),
		cmocka_unit_test(test_half_a_block),
		cmocka_unit_test(test_every_damaged_byte),
		cmocka_unit_test(test_damage_of_a_bigger_file),
		cmocka_unit_test(test_error_text),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_absurd_index),
		cmocka_unit_test(test_inside_of_a_block),
		cmocka_unit_test(test_forged_blocks),
		cmocka_unit_test(test_forged_sizes),
		cmocka_unit_test(test_forged_headers),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_not_recordings),
	};

	return cmocka_run_group_tests_name("recording damage", tests, folder_new, folder_free);
}

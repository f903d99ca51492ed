/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identities of processes. What they are is a contract: they are stored and compared outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "process/ident.h"

static void test_entity_hash(void **state)
{
	(void)state;
	/* The vectors of the specification: both start times are in the same 100 ms. */
	assert_int_equal(entity_hash(12345, 1755852177635091549), 0x992827a0);
	assert_int_equal(entity_hash(12345, 1755852177625193969), 0x992827a0);
	/* By another implementation of murmur3-32. */
	assert_int_equal(entity_hash(0, 0), 0xf6c56b4a);
	assert_int_equal(entity_hash(1, 1732153324000000000), 0xf371ebbd);
	assert_int_equal(entity_hash(4194304, 1732153324099999999), 0x39af5619);
	assert_int_equal(entity_hash(UINT32_MAX, UINT64_MAX), 0x56a8538d);
}

static void test_entity_hash_floor(void **state)
{
	const uint64_t at = 1755852177600000000;

	(void)state;
	assert_int_equal(entity_hash(7, at), entity_hash(7, at + ENTITY_FLOOR - 1));
	assert_int_not_equal(entity_hash(7, at), entity_hash(7, at - 1));
	assert_int_not_equal(entity_hash(7, at), entity_hash(7, at + ENTITY_FLOOR));
	assert_int_not_equal(entity_hash(7, at), entity_hash(8, at));
}

/* /proc shows a start time in ticks of 10 ms: of an event or of /proc, the id is the same. */
static void test_entity_start(void **state)
{
	const int64_t offset = 1755850000003333333;

	(void)state;
	for (uint64_t start = 123456; start < 3000000000; start += 1234567) {
		uint64_t from_proc = start / 10000000 * 10000000;

		assert_int_equal(entity_start(start, offset), entity_start(from_proc, offset));
		assert_int_equal(entity_start(start, offset), from_proc + (uint64_t)offset);
	}
	assert_int_equal(entity_start(20000000, -5000000), 15000000);
}

static void test_base64(void **state)
{
	static const char *const vectors[][2] = {
		/* RFC 4648, section 10 */
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		/* the two digits that are no letters */
		{ "\xfb\xff\xbf", "+/+/" },
		{ "\xff\xff\xff\xff", "/////w==" },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		b.len = 0;
		buf_lit(&b, "<");
		base64_append(&b, vectors[i][0], strlen(vectors[i][0]));
		buf_char(&b, '\0');
		assert_string_equal(b.data + 1, vectors[i][1]);
	}
	/* Zero bytes are bytes; and it grows the buffer by what it needs. */
	buf_free(&b);
	base64_append(&b, (char[300]){ 0 }, 300);
	assert_int_equal(b.len, 400);
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(b.data[i], 'A');
	buf_free(&b);
}

static void test_exec_id(void **state)
{
	char node[1000];
	struct buf b = { 0 };

	(void)state;
	exec_id_append(&b, "vm", 5123456789, 4242);
	buf_char(&b, '\0');
	assert_string_equal(b.data, "dm06NTEyMzQ1Njc4OTo0MjQy"); /* vm:5123456789:4242 */
	/* The longest: cut in the name, the numbers stay. */
	memset(node, 'n', sizeof(node) - 1);
	node[sizeof(node) - 1] = '\0';
	b.len = 0;
	exec_id_append(&b, node, UINT64_MAX, UINT32_MAX);
	assert_int_equal(b.len, (255 + 1 + 20 + 1 + 10 + 2) / 3 * 4);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entity_hash),  cmocka_unit_test(test_entity_hash_floor),
		cmocka_unit_test(test_entity_start), cmocka_unit_test(test_base64),
		cmocka_unit_test(test_exec_id),
	};

	return cmocka_run_group_tests_name("ident", tests, NULL, NULL);
}

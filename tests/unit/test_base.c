/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ground floor: buffers, interned strings, times, durations and sizes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/intern.h"

static void assert_buf(struct buf *b, const char *s)
{
	assert_int_equal(b->len, strlen(s));
	assert_memory_equal(b->data, s, b->len);
	b->len = 0;
}

static void test_buf_grows(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_char(&b, (char)i);
	assert_int_equal(b.len, 100000);
	assert_true(b.cap >= b.len);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], (char)i);
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 100000);
	/* Room is for the caller to fill: it is not content yet. */
	memset(buf_room(&b, 5000000), 'x', 5000000);
	assert_int_equal(b.len, 100000);
	assert_true(b.cap - b.len >= 5000000);
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
}

static void test_buf_numbers(void **state)
{
	static const int64_t numbers[] = { 0,  1,   -1,	       9,	  10,	    -10,
					   99, 100, INT32_MIN, INT64_MIN, INT64_MAX };
	struct buf b = { 0 };
	char s[32];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(s, sizeof(s), "%lld", (long long)numbers[i]);
		buf_i64(&b, numbers[i]);
		assert_buf(&b, s);
		snprintf(s, sizeof(s), "%llu", (unsigned long long)numbers[i]);
		buf_u64(&b, (uint64_t)numbers[i]);
		assert_buf(&b, s);
	}
	buf_free(&b);
}

static void test_buf_text(void **state)
{
	char wide[2001];
	struct buf b = { 0 };

	(void)state;
	buf_str(&b, "a");
	buf_lit(&b, "bc");
	buf_printf(&b, "%d %s", 42, "x");
	assert_buf(&b, "abc42 x");
	buf_printf(&b, "%2000s", "y");
	memset(wide, ' ', 1999);
	strcpy(wide + 1999, "y");
	assert_buf(&b, wide);
	buf_free(&b);
}

static void test_intern(void **state)
{
	struct istr *a, *same, *nul, *nul2, *empty;
	struct intern t;

	(void)state;
	intern_init(&t, NULL);
	a = intern_get(&t, "/usr/bin/lsXXX", 11);
	same = intern_get(&t, "/usr/bin/ls", 11);
	assert_ptr_equal(a, same);
	assert_int_equal(a->refs, 2);
	assert_int_equal(a->len, 11);
	assert_string_equal(a->s, "/usr/bin/ls"); /* ends in NUL */
	/* Strings are bytes. */
	nul = intern_get(&t, "a\0b", 3);
	nul2 = intern_get(&t, "a\0c", 3);
	assert_ptr_not_equal(nul, nul2);
	empty = intern_get(&t, "", 0);
	assert_int_equal(t.count, 4);
	assert_ptr_equal(istr_ref(a), a);
	assert_null(istr_ref(NULL));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(t.count, 4);
		intern_put(&t, a);
	}
	assert_int_equal(t.count, 3);
	intern_put(&t, NULL);
	intern_put(&t, nul);
	intern_put(&t, nul2);
	intern_put(&t, empty);
	assert_int_equal(t.count, 0);
	assert_int_equal(t.bytes, 0);
	intern_free(&t);
}

static void test_intern_many(void **state)
{
	static struct istr *held[20000];
	struct intern t;
	char s[32];

	(void)state;
	intern_init(&t, NULL);
	for (int i = 0; i < 20000; i++)
		held[i] = intern_get(&t, s, (size_t)snprintf(s, sizeof(s), "string %d", i));
	assert_int_equal(t.count, 20000);
	assert_true(t.n_buckets >= 20000); /* chains stay short */
	for (int i = 0; i < 20000; i += 7) {
		struct istr *again =
			intern_get(&t, s, (size_t)snprintf(s, sizeof(s), "string %d", i));

		assert_ptr_equal(again, held[i]);
		intern_put(&t, again);
	}
	for (int i = 0; i < 20000; i += 2)
		intern_put(&t, held[i]);
	assert_int_equal(t.count, 10000);
	intern_free(&t); /* frees what is still held */
}

static void assert_time(uint64_t ns, const char *text)
{
	struct buf b = { 0 };
	uint64_t back;

	clock_rfc3339(&b, ns);
	buf_char(&b, '\0');
	assert_string_equal(b.data, text);
	assert_int_equal(clock_parse_rfc3339(b.data, &back), 0);
	assert_int_equal(back, ns);
	buf_free(&b);
}

static void test_rfc3339(void **state)
{
	(void)state;
	assert_time(0, "1970-01-01T00:00:00.000000000Z");
	assert_time(1, "1970-01-01T00:00:00.000000001Z");
	assert_time(999999999, "1970-01-01T00:00:00.999999999Z");
	assert_time(NS_PER_SEC, "1970-01-01T00:00:01.000000000Z");
	assert_time(951782400ULL * NS_PER_SEC, "2000-02-29T00:00:00.000000000Z");
	assert_time(951868799ULL * NS_PER_SEC, "2000-02-29T23:59:59.000000000Z");
	assert_time(1709164800ULL * NS_PER_SEC, "2024-02-29T00:00:00.000000000Z");
	assert_time(1735689599999999999, "2024-12-31T23:59:59.999999999Z");
	assert_time(1795225324123456789, "2026-11-21T01:42:04.123456789Z");
	assert_time(4107542400ULL * NS_PER_SEC, "2100-03-01T00:00:00.000000000Z");
	assert_time(4107542399ULL * NS_PER_SEC, "2100-02-28T23:59:59.000000000Z");
	assert_time(18446744072999999999ULL, "2554-07-21T23:34:32.999999999Z");
	/* The remembered second is left and come back to. */
	assert_time(2, "1970-01-01T00:00:00.000000002Z");
	assert_time(60 * NS_PER_SEC, "1970-01-01T00:01:00.000000000Z");
}

/* Every day of a leap cycle, against the C library. */
static void test_rfc3339_days(void **state)
{
	(void)state;
	for (time_t day = 0; day < 366 * 500; day++) {
		time_t t = day * 86400 + day % 86400;
		char text[40];
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000000000Z", &tm);
		assert_time((uint64_t)t * NS_PER_SEC, text);
	}
}

static void test_rfc3339_forms(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} same[] = {
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "1969-12-31T19:00:00-05:00", 0 },
		{ "1970-01-01 00:00:00", 0 },
		{ "1970-01-01t00:00:00z", 0 },
		{ "1970-01-01T00:00:00-00:00", 0 },
		{ "1970-01-01T05:45:00.5+05:45", 500000000 },
		{ "1970-01-01T00:00:00.25Z", 250000000 },
		{ "1970-01-01T00:00:00.1234567891234Z", 123456789 },
		{ "2016-12-31T23:59:60Z", 1483228800 * NS_PER_SEC },	  /* a leap second */
		{ "2024-03-01T00:30:00+01:00", 1709249400 * NS_PER_SEC }, /* Feb 29 in UTC */
	};
	static const char *const malformed[] = {
		"",
		"now",
		"2024",
		"2024-01-01",
		"2024-01-01T",
		"2024-01-01T00:00",
		"2024-01-01T00:00:0",
		"2024-13-01T00:00:00Z",
		"2024-00-01T00:00:00Z",
		"2024-01-00T00:00:00Z",
		"2024-01-32T00:00:00Z",
		"2024-04-31T00:00:00Z",
		"2023-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2024-01-01T24:00:00Z",
		"2024-01-01T00:60:00Z",
		"2024-01-01T00:00:61Z",
		"2024-01-01T00:00:00.Z",
		"2024-01-01T00:00:00ZZ",
		"2024-01-01T00:00:00Z ",
		" 2024-01-01T00:00:00Z",
		"2024-1-1T00:00:00Z",
		"2024-01-01T1:2:3Z",
		"+024-01-01T00:00:00Z",
		"2024-01-01T00:00:00+1:00",
		"2024-01-01T00:00:00+0100",
		"2024-01-01T00:00:00+24:00",
		"2024-01-01T00:00:00+01:60",
		"2024-01-01T00:00:00+01:00Z",
		"2024-01-01T00:00:00+-1:00",
		"2024/01/01T00:00:00Z",
		"2024-01-01X00:00:00Z",
	};
	static const char *const range[] = { "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01",
					     "0000-01-01T00:00:00Z", "2555-01-01T00:00:00Z",
					     "9999-12-31T23:59:59Z" };
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		if (clock_parse_rfc3339(same[i].text, &ns))
			fail_msg("refused: %s", same[i].text);
		assert_int_equal(ns, same[i].ns);
	}
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		if (clock_parse_rfc3339(malformed[i], &ns) != -EINVAL)
			fail_msg("not refused: '%s'", malformed[i]);
	for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++)
		if (clock_parse_rfc3339(range[i], &ns) != -ERANGE)
			fail_msg("not out of range: %s", range[i]);
}

/* Now by both ways is the same moment. */
static void test_boot_offset(void **state)
{
	struct timespec ts;
	int64_t now, gap;

	(void)state;
	now = (int64_t)clock_boot_ns() + clock_boot_offset();
	clock_gettime(CLOCK_REALTIME, &ts);
	gap = ts.tv_sec * (int64_t)NS_PER_SEC + ts.tv_nsec - now;
	/* The machine may be busy; but the zero point can't be off by more than that. */
	assert_true(gap > -10 * (int64_t)NS_PER_SEC && gap < 10 * (int64_t)NS_PER_SEC);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "0", 0 },
		{ "7", 7 * NS_PER_SEC },
		{ "10s", 10 * NS_PER_SEC },
		{ "500ms", 500000000 },
		{ "20us", 20000 },
		{ "1ns", 1 },
		{ "2m", 120 * NS_PER_SEC },
		{ "3h", 10800 * NS_PER_SEC },
		{ "18446744073709551615ns", UINT64_MAX },
		{ "18446744073s", 18446744073 * NS_PER_SEC },
	};
	static const char *const malformed[] = { "",	 "s",	 "-1s",	 "+1s", "1x",  "1 s",
						 "1sec", "1.5s", "0x10", "1s ", " 1s", "ms1" };
	static const char *const range[] = { "18446744073709551616ns", "18446744074s",
					     "99999999999999999999999", "5124096h" };
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (parse_duration(good[i].text, &ns))
			fail_msg("refused: %s", good[i].text);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		if (parse_duration(malformed[i], &ns) != -EINVAL)
			fail_msg("not refused: '%s'", malformed[i]);
	for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++)
		if (parse_duration(range[i], &ns) != -ERANGE)
			fail_msg("not out of range: %s", range[i]);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },	     { "4096", 4096 },	  { "64k", 65536 },
		{ "64K", 65536 },    { "8m", 8UL << 20 }, { "8M", 8UL << 20 },
		{ "1g", 1UL << 30 }, { "1G", 1UL << 30 }, { "18446744073709551615", UINT64_MAX },
	};
	static const char *const malformed[] = { "", "k", "-1", "1kb", "1 k", "1t", "1.5M", "8MM" };
	static const char *const range[] = { "18446744073709551616", "17179869184G",
					     "18446744073709551615k" };
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (parse_size(good[i].text, &n))
			fail_msg("refused: %s", good[i].text);
		assert_int_equal(n, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		if (parse_size(malformed[i], &n) != -EINVAL)
			fail_msg("not refused: '%s'", malformed[i]);
	for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++)
		if (parse_size(range[i], &n) != -ERANGE)
			fail_msg("not out of range: %s", range[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_grows),    cmocka_unit_test(test_buf_numbers),
		cmocka_unit_test(test_buf_text),     cmocka_unit_test(test_intern),
		cmocka_unit_test(test_intern_many),  cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_rfc3339_days), cmocka_unit_test(test_rfc3339_forms),
		cmocka_unit_test(test_boot_offset),  cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

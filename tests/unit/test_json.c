/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON: strings of any bytes, the members that go with those that are not UTF-8, and the
 * form for people. What comes out is read by a reader of the tests' own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/json.h"
#include "read_json.h"

#define FFFD "\xef\xbf\xbd"

#define STR(s) ((str_t){ "" s, sizeof(s) - 1 })

static struct json_doc must_read(const char *text, size_t len)
{
	struct json_doc d = json_read(text, len);

	if (d.wrong)
		fail_msg("%s at %zu of %.*s", d.wrong, d.at, (int)len, text);
	return d;
}

/* The tests lean on the reader: it has to say no. */
static void test_the_reader(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"[",
		"]",
		"{]",
		"[}",
		"[1,]",
		"{,}",
		"{\"a\"}",
		"{\"a\":}",
		"[1 2]",
		"[1]]",
		"{a:1}",
		"01",
		"+1",
		".5",
		"1.",
		"1e",
		"-",
		"tru",
		"nul",
		"\"",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\t\"",
		"\"\n\"",
		"\"\xff\"",
		"\"\xc3\"",
		"\"\xc0\x80\"",
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xe0\x80\x80\"",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"{\"a\":1,\"a\":2}",
		"{\"a\":1,}",
		"1 1",
		"[\"a\":1]",
		"'a'",
		"\"\x01\"",
		"\"\xe2\x82\"",
		"\"\x80\"",
		"nan",
		"{\"a\" 1}",
	};
	static const char *const good[] = {
		"0",
		"-0",
		"1.5e+3",
		"\"\"",
		"[]",
		"{}",
		" [ ] ",
		"{\"a\":{\"a\":[1,null,true]}}",
		"\"\\u00e9\\ud83d\\ude00\\/\"",
		"\"\xf0\x9f\x98\x80\x7f\"",
		"\n{\"\":false}\t",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json_doc d = json_read(bad[i], strlen(bad[i]));

		if (!d.wrong)
			fail_msg("read as JSON: %s", bad[i]);
		json_free(&d);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct json_doc d = must_read(good[i], strlen(good[i]));

		json_free(&d);
	}
}

/* Writes it, and reads it again as what it should be. */
static void check_string(str_t in, bool valid, const char *want, size_t want_len)
{
	struct buf b = { 0 };
	struct json_doc d;

	assert_int_equal(json_string(&b, in), valid);
	d = must_read(b.data, b.len);
	assert_int_equal(d.root->type, JSON_STRING);
	assert_int_equal(d.root->text.len, want_len);
	assert_memory_equal(d.root->text.data, want, want_len);
	/* nothing in it that a terminal would act on, were it shown as it is */
	for (size_t i = 0; i < b.len; i++)
		assert_true((unsigned char)b.data[i] >= 0x20 && b.data[i] != 0x7f);
	json_free(&d);
	buf_free(&b);
}

#define check_valid(s)	       check_string(STR(s), true, s, sizeof(s) - 1)
#define check_invalid(s, want) check_string(STR(s), false, want, sizeof(want) - 1)

static void test_every_byte(void **state)
{
	static const char *const forms[0x20] = {
		[8] = "\"\\b\"",  [9] = "\"\\t\"",  [10] = "\"\\n\"",
		[12] = "\"\\f\"", [13] = "\"\\r\"",
	};
	char want[16];

	(void)state;
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;
		struct buf b = { 0 };

		json_string(&b, (str_t){ &byte, 1 });
		if (c < 0x20 && forms[c])
			snprintf(want, sizeof(want), "%s", forms[c]);
		else if (c < 0x20 || c == 0x7f)
			snprintf(want, sizeof(want), "\"\\u%04x\"", (unsigned int)c);
		else if (c == '"' || c == '\\')
			snprintf(want, sizeof(want), "\"\\%c\"", c);
		else if (c < 0x80)
			snprintf(want, sizeof(want), "\"%c\"", c);
		else
			snprintf(want, sizeof(want), "\"" FFFD "\"");
		assert_int_equal(b.len, strlen(want));
		assert_memory_equal(b.data, want, b.len);
		buf_free(&b);
		if (c < 0x80)
			check_string((str_t){ &byte, 1 }, true, &byte, 1);
		else
			check_string((str_t){ &byte, 1 }, false, FFFD, 3);
	}
	check_valid("");
	check_string((str_t){ NULL, 0 }, true, "", 0);
	check_valid("plain");
	check_valid("\0in\0side\0");
	check_valid("\"\\/\b\f\n\r\t\x1b[31m\x7f");
}

static void test_every_character(void **state)
{
	struct buf in = { 0 }, out = { 0 };

	(void)state;
	for (uint32_t c = 0x80; c <= 0x10ffff; c++) {
		if (c == 0xd800)
			c = 0xe000;
		in.len = out.len = 0;
		json_utf8(&in, c);
		assert_true(json_string(&out, (str_t){ in.data, in.len }));
		if (c < 0xa0) { /* C1 controls are escaped: terminals act on them */
			char escaped[16];

			snprintf(escaped, sizeof(escaped), "\"\\u00%02x\"", c);
			assert_int_equal(out.len, 8);
			assert_memory_equal(out.data, escaped, 8);
			continue;
		}
		assert_int_equal(out.len, in.len + 2);
		assert_memory_equal(out.data + 1, in.data, in.len);
	}
	buf_free(&in);
	buf_free(&out);
	check_valid("\xc3\xa9t\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x92");
}

/* One replacement for each byte that belongs to nothing; what is beside it stays. */
static void test_not_utf8(void **state)
{
	(void)state;
	/* overlong */
	check_invalid("\xc0\x80", FFFD FFFD);
	check_invalid("\xc1\xbf", FFFD FFFD);
	check_invalid("\xe0\x80\x80", FFFD FFFD FFFD);
	check_invalid("\xe0\x9f\xbf", FFFD FFFD FFFD);
	check_invalid("\xf0\x80\x80\x80", FFFD FFFD FFFD FFFD);
	check_invalid("\xf0\x8f\xbf\xbf", FFFD FFFD FFFD FFFD);
	check_invalid("\xf8\x88\x80\x80\x80", FFFD FFFD FFFD FFFD FFFD);
	/* surrogates, and beyond the last */
	check_invalid("\xed\xa0\x80", FFFD FFFD FFFD);
	check_invalid("\xed\xbf\xbf", FFFD FFFD FFFD);
	check_invalid("\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD);
	check_invalid("\xf5\x80\x80\x80", FFFD FFFD FFFD FFFD);
	check_invalid("\xfe\xff", FFFD FFFD);
	/* cut at the end, or by what follows */
	check_invalid("a\xc3", "a" FFFD);
	check_invalid("a\xe2\x82", "a" FFFD FFFD);
	check_invalid("a\xf0\x9f\x90", "a" FFFD FFFD FFFD);
	check_invalid("\xe2\x82z", FFFD FFFD "z");
	check_invalid("\xe2\x82\"", FFFD FFFD "\"");
	check_invalid("\xe2\xc3\xa9", FFFD "\xc3\xa9");
	check_invalid("\xf0\x9f\xe2\x82\xac", FFFD FFFD "\xe2\x82\xac");
	check_invalid("\x80"
		      "a\xbf",
		      FFFD "a" FFFD);
	/* the nearest that are right */
	check_valid("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf");
	check_valid("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	/* a replacement that was there before is not one of ours */
	check_valid(FFFD);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33);
}

/* Writer and reader agree on what UTF-8 is, for bytes that are close to it. */
static void test_random_bytes(void **state)
{
	static const char bytes[] =
		"a\"\\\n\x7f\x80\x9f\xa0\xbf\xc0\xc2\xdf\xe0\xe2\xed\xef\xf0\xf4\xf5\xff";
	uint64_t seed = 1;
	char in[16] = { 0 }, raw[20];

	(void)state;
	for (int round = 0; round < 300000; round++) {
		size_t n = next_random(&seed) % sizeof(in);
		struct json_reader r;
		struct buf out = { 0 }, scratch = { 0 };
		struct json_doc d;
		bool valid = true;

		for (size_t i = 0; i < n; i++)
			in[i] = bytes[next_random(&seed) % (sizeof(bytes) - 1)];
		memcpy(raw, in, n);
		r = (struct json_reader){ .at = (unsigned char *)raw,
					  .end = (unsigned char *)raw + n };
		while (valid && r.at < r.end)
			valid = json_raw_char(&r, &scratch);
		assert_int_equal(json_string(&out, (str_t){ in, n }), valid);
		d = must_read(out.data, out.len);
		if (valid) {
			assert_int_equal(d.root->text.len, n);
			assert_memory_equal(d.root->text.data, in, n);
		}
		json_free(&d);
		buf_free(&out);
		buf_free(&scratch);
	}
}

/* The members of an object that begins with one. */
static struct json_doc members(struct buf *b)
{
	struct buf whole = { 0 };
	struct json_doc d;

	buf_lit(&whole, "{\"first\":0");
	buf_add(&whole, b->data, b->len);
	buf_char(&whole, '}');
	d = must_read(whole.data, whole.len);
	buf_free(&whole);
	buf_free(b);
	return d;
}

static void assert_text(const struct json_doc *d, const char *path, const char *text)
{
	const struct json *j = json_get(d->root, path);

	if (!j)
		fail_msg("there is no %s", path);
	assert_int_equal(j->type, JSON_STRING);
	assert_string_equal(j->text.data, text);
	assert_int_equal(j->text.len, strlen(text));
}

static void test_member(void **state)
{
	struct buf b = { 0 };
	struct json_doc d;

	(void)state;
	json_member(&b, "name", STR("a \"b\""));
	json_member(&b, "empty", (str_t){ NULL, 0 });
	json_member(&b, "broken",
		    STR("\xff"
			"a"));
	json_member(&b, "exe", STR("/tmp/\xe9"));
	d = members(&b);
	assert_int_equal(json_count(d.root), 1 + 1 + 1 + 2 + 2);
	assert_text(&d, "name", "a \"b\"");
	assert_text(&d, "empty", "");
	assert_text(&d, "broken", FFFD "a");
	assert_text(&d, "broken_b64", "/2E=");
	assert_text(&d, "exe", "/tmp/" FFFD);
	assert_text(&d, "exe_b64", "L3RtcC/p");
	json_free(&d);
}

static void test_list_member(void **state)
{
	struct buf b = { 0 };
	struct json_doc d;

	(void)state;
	json_list_member(&b, "none", (str_t){ NULL, 0 });
	json_list_member(&b, "empty", (str_t){ "\0\0", 2 });
	json_list_member(&b, "argv", (str_t){ "ls\0-l", 6 });
	json_list_member(&b, "cut", (str_t){ "ls\0-l", 5 }); /* without the last NUL */
	json_list_member(&b, "broken", (str_t){ "a\0\xff\0\xc3\xa9\0\0b\xfe", 11 });
	d = members(&b);
	assert_int_equal(json_count(d.root), 7);
	assert_int_equal(json_get(d.root, "none")->type, JSON_LIST);
	assert_int_equal(json_count(json_get(d.root, "none")), 0);
	assert_int_equal(json_count(json_get(d.root, "empty")), 2);
	assert_text(&d, "empty.0", "");
	assert_text(&d, "empty.1", "");
	assert_int_equal(json_count(json_get(d.root, "argv")), 2);
	assert_text(&d, "argv.0", "ls");
	assert_text(&d, "argv.1", "-l");
	assert_true(json_same(json_get(d.root, "cut.0"), json_get(d.root, "argv.0")));
	assert_int_equal(json_count(json_get(d.root, "cut")), 2);
	/* the exact bytes where they are not in the text, and as many items */
	assert_int_equal(json_count(json_get(d.root, "broken")), 5);
	assert_int_equal(json_count(json_get(d.root, "broken_b64")), 5);
	assert_text(&d, "broken.1", FFFD);
	assert_text(&d, "broken.2", "\xc3\xa9");
	assert_text(&d, "broken.4", "b" FFFD);
	assert_int_equal(json_get(d.root, "broken_b64.0")->type, JSON_NULL);
	assert_text(&d, "broken_b64.1", "/w==");
	assert_int_equal(json_get(d.root, "broken_b64.2")->type, JSON_NULL);
	assert_int_equal(json_get(d.root, "broken_b64.3")->type, JSON_NULL);
	assert_text(&d, "broken_b64.4", "Yv4=");
	json_free(&d);
}

static void test_pretty(void **state)
{
	static const char compact[] =
		"{\"a\":1,\"b\":[true,null,\"x\"],\"c\":{},\"d\":[],\"e\":{\"f\":[{\"g\":-1.5}]},"
		"\"h,{\":\"}:[\\\"]\\\\\"}";
	static const char pretty[] = "{\n"
				     "  \"a\": 1,\n"
				     "  \"b\": [\n"
				     "    true,\n"
				     "    null,\n"
				     "    \"x\"\n"
				     "  ],\n"
				     "  \"c\": {},\n"
				     "  \"d\": [],\n"
				     "  \"e\": {\n"
				     "    \"f\": [\n"
				     "      {\n"
				     "        \"g\": -1.5\n"
				     "      }\n"
				     "    ]\n"
				     "  },\n"
				     "  \"h,{\": \"}:[\\\"]\\\\\"\n"
				     "}";
	struct json_doc a, b;
	struct buf out = { 0 };

	(void)state;
	buf_lit(&out, "#");
	json_pretty(&out, compact, sizeof(compact) - 1);
	assert_int_equal(out.len, sizeof(pretty));
	assert_memory_equal(out.data + 1, pretty, sizeof(pretty) - 1);
	a = must_read(compact, sizeof(compact) - 1);
	b = must_read(out.data + 1, out.len - 1);
	assert_true(json_same(a.root, b.root));
	json_free(&a);
	json_free(&b);
	buf_free(&out);
}

static void put_random(struct buf *b, uint64_t *seed, int depth)
{
	static const char *const scalars[] = { "0", "-12.5", "true", "false", "null" };
	char s[8];
	size_t n;

	switch (next_random(seed) % (depth < 5 ? 4 : 2)) {
	case 0:
		buf_str(b, scalars[next_random(seed) % 5]);
		break;
	case 1:
		n = next_random(seed) % sizeof(s);
		for (size_t i = 0; i < n; i++)
			s[i] = "{}[]:,\"\\\n a\xc3\xff"[next_random(seed) % 13];
		json_string(b, (str_t){ s, n });
		break;
	case 2:
		buf_char(b, '[');
		n = next_random(seed) % 4;
		for (size_t i = 0; i < n; i++) {
			if (i)
				buf_char(b, ',');
			put_random(b, seed, depth + 1);
		}
		buf_char(b, ']');
		break;
	default:
		buf_char(b, '{');
		n = next_random(seed) % 4;
		for (size_t i = 0; i < n; i++) {
			buf_printf(b, "%s\"%zu:{\":", i ? "," : "", i);
			put_random(b, seed, depth + 1);
		}
		buf_char(b, '}');
	}
}

static void test_pretty_says_the_same(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct buf compact = { 0 }, pretty = { 0 };
		struct json_doc a, b;

		put_random(&compact, &seed, 0);
		json_pretty(&pretty, compact.data, compact.len);
		a = must_read(compact.data, compact.len);
		b = must_read(pretty.data, pretty.len);
		assert_true(json_same(a.root, b.root));
		json_free(&a);
		json_free(&b);
		buf_free(&compact);
		buf_free(&pretty);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_reader),	     cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_every_character),	     cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_random_bytes),	     cmocka_unit_test(test_member),
		cmocka_unit_test(test_list_member),	     cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_pretty_says_the_same),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

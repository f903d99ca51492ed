/* SPDX-License-Identifier: Apache-2.0
 *
 * The ground-truth workload: writing one JSON line.
 *
 * Safe in a vfork child, in a child of a threaded process and in many threads at once: the line
 * lives in a mapping of its own (malloc's locks may be held by nobody who will ever release them)
 * and goes out with one write(2).
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void grow(struct tw_line *l, size_t need)
{
	size_t cap = l->cap;
	void *p;

	if (l->len + need <= l->cap)
		return;
	while (cap < l->len + need)
		cap *= 2;
	p = mremap(l->buf, l->cap, cap, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		_exit(99);
	l->buf = p;
	l->cap = cap;
}

static void put(struct tw_line *l, const char *s, size_t n)
{
	grow(l, n);
	memcpy(l->buf + l->len, s, n);
	l->len += n;
}

static void put_text(struct tw_line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* Length of the well-formed UTF-8 sequence at s, 0 if there is none (Unicode, table 3-7). */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	unsigned char c = s[0];
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf) {
		len = 2;
	} else if (c >= 0xe0 && c <= 0xef) {
		len = 3;
		if (c == 0xe0)
			lo = 0xa0;
		if (c == 0xed)
			hi = 0x9f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		len = 4;
		if (c == 0xf0)
			lo = 0x90;
		if (c == 0xf4)
			hi = 0x8f;
	} else {
		return 0;
	}
	if (n < len || s[1] < lo || s[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return len;
}

static bool is_utf8(const unsigned char *s, size_t n)
{
	while (n) {
		size_t len = utf8_len(s, n);

		if (!len)
			return false;
		s += len;
		n -= len;
	}
	return true;
}

static void put_json_string(struct tw_line *l, const unsigned char *s, size_t n)
{
	put(l, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		char esc[8];

		if (s[i] == '"' || s[i] == '\\') {
			esc[0] = '\\';
			esc[1] = (char)s[i];
			put(l, esc, 2);
		} else if (s[i] < 0x20 || s[i] == 0x7f) {
			put(l, esc, (size_t)snprintf(esc, sizeof(esc), "\\u%04x", s[i]));
		} else {
			put(l, (const char *)&s[i], 1);
		}
	}
	put(l, "\"", 1);
}

static void put_base64(struct tw_line *l, const unsigned char *s, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	put_text(l, "{\"b64\":\"");
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16;
		char out[4];

		if (i + 1 < n)
			v |= (uint32_t)s[i + 1] << 8;
		if (i + 2 < n)
			v |= s[i + 2];
		out[0] = digits[v >> 18];
		out[1] = digits[v >> 12 & 63];
		out[2] = i + 1 < n ? digits[v >> 6 & 63] : '=';
		out[3] = i + 2 < n ? digits[v & 63] : '=';
		put(l, out, 4);
	}
	put_text(l, "\"}");
}

static void put_value(struct tw_line *l, const void *bytes, size_t len)
{
	if (is_utf8(bytes, len))
		put_json_string(l, bytes, len);
	else
		put_base64(l, bytes, len);
}

static void put_key(struct tw_line *l, const char *key)
{
	if (l->comma)
		put(l, ",", 1);
	l->comma = true;
	if (key) {
		put_json_string(l, (const unsigned char *)key, strlen(key));
		put(l, ":", 1);
	}
}

void tw_line_int(struct tw_line *l, const char *key, int64_t value)
{
	char text[32];

	put_key(l, key);
	put(l, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)value));
}

void tw_line_item(struct tw_line *l, int64_t value)
{
	tw_line_int(l, NULL, value);
}

void tw_line_bool(struct tw_line *l, const char *key, bool value)
{
	put_key(l, key);
	put_text(l, value ? "true" : "false");
}

void tw_line_bytes(struct tw_line *l, const char *key, const void *bytes, size_t len)
{
	put_key(l, key);
	put_value(l, bytes, len);
}

void tw_line_text(struct tw_line *l, const char *key, const char *text)
{
	tw_line_bytes(l, key, text, strlen(text));
}

void tw_line_open(struct tw_line *l, const char *key, char bracket)
{
	put_key(l, key);
	put(l, &bracket, 1);
	l->comma = false;
}

void tw_line_close(struct tw_line *l, char bracket)
{
	put(l, &bracket, 1);
	l->comma = true;
}

/* A NULL-terminated list; of each text what comes before `stop_at` (0: all of it). */
void tw_line_texts(struct tw_line *l, const char *key, char *const *texts, char stop_at)
{
	tw_line_open(l, key, '[');
	for (; *texts; texts++) {
		const char *end = stop_at ? strchr(*texts, stop_at) : NULL;

		tw_line_bytes(l, NULL, *texts, end ? (size_t)(end - *texts) : strlen(*texts));
	}
	tw_line_close(l, ']');
}

void tw_line_begin(struct tw_line *l, const char *kind)
{
	struct timespec ts;

	l->cap = 65536;
	l->len = 0;
	l->comma = false;
	l->buf = mmap(NULL, l->cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (l->buf == MAP_FAILED)
		_exit(99);
	put(l, "{", 1);
	tw_line_text(l, "kind", kind);
	tw_line_text(l, "scenario", tw ? tw->scenario : "");
	clock_gettime(CLOCK_BOOTTIME, &ts);
	tw_line_int(l, "t", ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec);
}

void tw_line_end(struct tw_line *l)
{
	ssize_t n;

	put(l, "}\n", 2);
	do {
		n = write(TW_FD_TRUTH, l->buf, l->len);
	} while (n < 0 && errno == EINTR);
	/* A truth that is not written down must not look like a truth. */
	if (n != (ssize_t)l->len)
		_exit(98);
	munmap(l->buf, l->cap);
}

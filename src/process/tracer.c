/* SPDX-License-Identifier: Apache-2.0 */
#include "process/tracer.h"

#include <errno.h>
#include <string.h>

#include <mpack.h> /* after stdbool.h: it would define a bool of its own */

/* Only libmpack's tokens are used: its parser keeps nodes, and what we skip needs none. */
struct reader {
	mpack_tokbuf_t tokens;
	const char *at;
	size_t left;
};

#define FIELD(key, member)                                            \
	{                                                             \
		key, offsetof(struct tracer_metadata, member),        \
			sizeof(((struct tracer_metadata *)0)->member) \
	}

static const struct field {
	const char *key;
	size_t offset, size;
} fields[] = {
	FIELD("runtime_id", runtime_id),	   FIELD("tracer_language", language),
	FIELD("tracer_version", version),	   FIELD("hostname", hostname),
	FIELD("service_name", service_name),	   FIELD("service_env", service_env),
	FIELD("service_version", service_version), FIELD("process_tags", process_tags),
	FIELD("container_id", container_id),
};

static int next(struct reader *r, mpack_token_t *tok)
{
	/* mpack_read() must not be called without a byte to read */
	if (!r->left || mpack_read(&r->tokens, &r->at, &r->left, tok) != MPACK_OK)
		return -EBADMSG;
	return 0;
}

static bool has_bytes(const mpack_token_t *tok)
{
	return tok->type == MPACK_TOKEN_STR || tok->type == MPACK_TOKEN_BIN ||
	       tok->type == MPACK_TOKEN_EXT;
}

/* The bytes of the string, binary or extension that tok began. */
static int take_bytes(struct reader *r, const mpack_token_t *tok, const char **bytes)
{
	mpack_token_t chunk;
	int err;

	*bytes = "";
	if (!tok->length)
		return 0;
	err = next(r, &chunk);
	if (err || chunk.length != tok->length)
		return -EBADMSG; /* all of it is there, or nothing more comes */
	*bytes = chunk.data.chunk_ptr;
	return 0;
}

/*
 * The rest of the value that tok began. However many elements an array claims to have: each takes a
 * byte of those that are there.
 */
static int skip(struct reader *r, mpack_token_t tok)
{
	uint64_t left[TRACER_DEPTH_MAX]; /* to come, per level */
	unsigned int depth = 0;
	const char *bytes;
	int err;

	for (;;) {
		if (has_bytes(&tok)) {
			err = take_bytes(r, &tok, &bytes);
			if (err)
				return err;
		}
		if ((tok.type == MPACK_TOKEN_ARRAY || tok.type == MPACK_TOKEN_MAP) && tok.length) {
			if (depth == TRACER_DEPTH_MAX)
				return -E2BIG;
			left[depth++] =
				(uint64_t)tok.length * (tok.type == MPACK_TOKEN_MAP ? 2 : 1);
		} else {
			while (depth && !--left[depth - 1])
				depth--;
		}
		if (!depth)
			return 0;
		err = next(r, &tok);
		if (err)
			return err;
	}
}

/* Into size bytes, with a NUL at the end; what is too long is not cut in the middle of a character. */
static void copy(char *to, size_t size, const char *s, size_t len, bool *cut)
{
	size_t n = strnlen(s, len);

	if (n < len || n >= size)
		*cut = true;
	if (n >= size)
		for (n = size - 1; n && n < len && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
			;
	memset(to, 0, size);
	memcpy(to, s, n);
}

static int take_value(struct reader *r, struct tracer_metadata *m, const char *key, size_t len)
{
	mpack_token_t tok;
	const char *bytes;
	int err = next(r, &tok);

	if (err)
		return err;
	if (tok.type == MPACK_TOKEN_UINT && len == strlen("schema_version") &&
	    !memcmp(key, "schema_version", len) && !tok.data.value.hi) {
		m->schema_version = tok.data.value.lo;
		return 0;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct field *f = &fields[i];

		if (tok.type != MPACK_TOKEN_STR || len != strlen(f->key) ||
		    memcmp(key, f->key, len))
			continue;
		err = take_bytes(r, &tok, &bytes);
		if (!err)
			copy((char *)m + f->offset, f->size, bytes, tok.length, &m->cut);
		return err;
	}
	return skip(r, tok);
}

static int take_map(struct reader *r, struct tracer_metadata *m)
{
	mpack_token_t tok;
	int err = next(r, &tok);

	if (err || tok.type != MPACK_TOKEN_MAP)
		return -EBADMSG;
	for (uint32_t i = 0, n = tok.length; i < n; i++) {
		const char *key = "";
		size_t len = 0;

		err = next(r, &tok);
		if (!err && tok.type == MPACK_TOKEN_STR) {
			err = take_bytes(r, &tok, &key);
			len = tok.length;
		} else if (!err) {
			err = skip(r, tok);
		}
		if (!err)
			err = take_value(r, m, key, len);
		if (err)
			return err;
	}
	return 0;
}

int tracer_parse(struct tracer_metadata *m, const void *data, size_t len)
{
	struct reader r = { .at = data, .left = len };
	int err;

	memset(m, 0, sizeof(*m));
	if (len > TRACER_SIZE_MAX)
		return -E2BIG;
	mpack_tokbuf_init(&r.tokens);
	err = take_map(&r, m);
	if (err)
		memset(m, 0, sizeof(*m));
	return err;
}

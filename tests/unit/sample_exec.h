/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exec to be encoded, with lists of any length, for the tests of encoder and assembler.
 */
#ifndef TSR_TESTS_SAMPLE_EXEC_H
#define TSR_TESTS_SAMPLE_EXEC_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build_messages.h"
#include "wire/decode.h"

#define EXEC_PID 77

static inline struct wire_exec sample(void)
{
	static const struct who who = { EXEC_PID, 1000, 1, 10, "sample" };
	struct wire_exec p =
		exec_of(2000, &who, "/bin/sample", LIST("sample\0-x"), MSG_EXEC_EXECVE);

	p.envs = LIST("A=secret one\0B=\0=C\0plain");
	p.strings[EXEC_STR_CMDPATH] = str_of("./sample");
	p.strings[EXEC_STR_SCRIPT] = str_of("script");
	return p;
}

/* A list of n bytes: strings "0123456" with their NULs, and so each place in it is told apart. */
static inline str_t long_list(size_t n)
{
	char *s = xmalloc(n);

	for (size_t i = 0; i < n; i++)
		s[i] = i % 8 == 7 ? '\0' : (char)('!' + (i / 8 + i % 8) % 90);
	s[n - 1] = '\0';
	return (str_t){ s, n };
}

static inline void free_list(str_t s)
{
	free((void *)(uintptr_t)s.bytes);
}

static inline void encode(struct messages *m, const struct wire_exec *p)
{
	struct buf tmp = { 0 };

	assert_int_equal(wire_encode_exec(p, &tmp, messages_add, m), 0);
	buf_free(&tmp);
}

/* Decodes all of them; the last one gives the event, the others are its chunks. */
static inline void decode_all(const struct messages *m, struct assembler *a, struct tsr_event *ev)
{
	for (size_t i = 0; i < m->n; i++)
		assert_int_equal(wire_decode(m->at[i].bytes, m->at[i].len, a, ev),
				 i + 1 < m->n ? WIRE_PART : WIRE_OK);
}

static inline void assert_str(str_t is, str_t should)
{
	assert_int_equal(is.len, should.len);
	if (is.len)
		assert_memory_equal(is.bytes, should.bytes, is.len);
}

static inline struct msg_exec *exec_of_message(void *msg)
{
	return (void *)((char *)msg + sizeof(struct msg_execve_event));
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that are wrong in some way: that is noticed, said, and nothing beyond them is read.
 * They are allocated as long as they are, so that the address sanitizer sees a read beyond them.
 */
#include "sample_messages.h"

/* Every prefix of every message, with the header's size as it was and as it would be right. */
static void test_truncated(void **state)
{
	struct messages m = { 0 };

	(void)state;
	add_samples(&m);
	for (size_t i = 0; i < m.n; i++) {
		for (size_t len = 0; len < m.at[i].len; len++) {
			struct msg_common *c = memcpy(xmalloc(len), m.at[i].bytes, len);
			struct tsr_event ev;
			enum wire_error e = wire_decode(c, len, NULL, &ev);

			assert_int_equal(e, len < sizeof(*c) ? WIRE_SHORT : WIRE_SIZE);
			if (len >= sizeof(*c)) {
				c->size = (__u32)len;
				e = wire_decode(c, len, NULL, &ev);
				if (e != WIRE_SHORT && e != WIRE_LENGTHS)
					fail_msg("op %u, %zu of %zu bytes: %s", c->op, len,
						 m.at[i].len, wire_error_text(e));
			}
			free(c);
		}
	}
	messages_free(&m);
}

/* What a newer version appends is skipped. */
static void test_longer(void **state)
{
	struct messages m = { 0 };

	(void)state;
	add_samples(&m);
	for (size_t i = 0; i < m.n; i++) {
		for (size_t more = 1; more < 20; more++) {
			size_t len = m.at[i].len + more;
			struct msg_common *c = xcalloc(1, len);
			struct tsr_event ev;

			memcpy(c, m.at[i].bytes, m.at[i].len);
			assert_int_equal(wire_decode(c, len, NULL, &ev), WIRE_SIZE);
			c->size = (__u32)len;
			assert_int_equal(wire_decode(c, len, NULL, &ev), WIRE_OK);
			free(c);
		}
	}
	messages_free(&m);
}

/* A u16 or u32 within a message, one more and one less, and what that must be taken for. */
struct off_by_one {
	const char *what;
	size_t at, size;
	enum wire_error more, less;
};

#define LENGTH(type, base, m, more, less)                                                    \
	{                                                                                    \
#type "." #m, (base) + offsetof(type, m), sizeof(((type *)0)->m), more, less \
	}

static void check_lengths(const struct messages *m, const struct off_by_one *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int by = -1; by <= 1; by += 2) {
			size_t len = m->at[0].len;
			char *msg = memcpy(xmalloc(len), m->at[0].bytes, len);
			enum wire_error should = by > 0 ? f[i].more : f[i].less, is;
			struct tsr_event ev;
			uint32_t v = 0;

			memcpy(&v, msg + f[i].at, f[i].size);
			v += (uint32_t)by;
			memcpy(msg + f[i].at, &v, f[i].size);
			is = wire_decode(msg, len, NULL, &ev);
			if (is != should)
				fail_msg("%s %+d: %s, should be: %s", f[i].what, by,
					 wire_error_text(is), wire_error_text(should));
			free(msg);
		}
	}
}

static void test_lengths_of_exec(void **state)
{
	struct wire_exec p = sample_exec();
	size_t var = p.path.len + p.args.len + p.cwd.len + p.envs.len;
	size_t exec = sizeof(struct msg_execve_event);
	size_t ext = exec + sizeof(struct msg_exec) + ((var + 7) & ~(size_t)7);
	const struct off_by_one fields[] = {
		LENGTH(struct msg_common, 0, size, WIRE_SIZE, WIRE_SIZE),
		LENGTH(struct msg_exec, exec, size, WIRE_LENGTHS, WIRE_LENGTHS),
		LENGTH(struct msg_exec, exec, size_path, WIRE_LENGTHS, WIRE_LENGTHS),
		LENGTH(struct msg_exec, exec, size_args, WIRE_LENGTHS, WIRE_LENGTHS),
		LENGTH(struct msg_exec, exec, size_cwd, WIRE_LENGTHS, WIRE_LENGTHS),
		LENGTH(struct msg_exec, exec, size_envs, WIRE_LENGTHS, WIRE_LENGTHS),
		/* One less leaves a byte behind, as a newer version might. */
		LENGTH(struct msg_exec_ext, ext, size_str[0], WIRE_LENGTHS, WIRE_OK),
		LENGTH(struct msg_exec_ext, ext, size_str[1], WIRE_LENGTHS, WIRE_OK),
		LENGTH(struct msg_exec_ext, ext, size_str[2], WIRE_LENGTHS, WIRE_OK),
		LENGTH(struct msg_exec_ext, ext, size_str[3], WIRE_LENGTHS, WIRE_OK),
		LENGTH(struct msg_exec_ext, ext, size_str[4], WIRE_LENGTHS, WIRE_OK),
	};
	struct messages m = { 0 };

	(void)state;
	add_exec(&m, &p);
	check_lengths(&m, fields, sizeof(fields) / sizeof(fields[0]));
	messages_free(&m);
}

static void test_lengths_of_exec_failed(void **state)
{
	const struct off_by_one fields[] = {
		LENGTH(struct msg_common, 0, size, WIRE_SIZE, WIRE_SIZE),
		/* What follows a shorter part shifts: a list then does not end where it should. */
		LENGTH(struct msg_exec_failed, 0, size_path, WIRE_LENGTHS, WIRE_STRING),
		LENGTH(struct msg_exec_failed, 0, size_args, WIRE_LENGTHS, WIRE_STRING),
		LENGTH(struct msg_exec_failed, 0, size_envs, WIRE_LENGTHS, WIRE_STRING),
		LENGTH(struct msg_exec_failed, 0, size_stdin, WIRE_LENGTHS, WIRE_OK),
	};
	struct wire_exec_failed p = sample_failed();
	struct messages m = { 0 };

	(void)state;
	add_failed(&m, &p);
	check_lengths(&m, fields, sizeof(fields) / sizeof(fields[0]));
	messages_free(&m);
}

/*
 * The parts of an exec change in length and their sum with them: whatever is made of it, nothing
 * beyond the message is read.
 */
static void test_lengths_that_add_up(void **state)
{
	static const int steps[] = { -300, -9, -8, -1, 1, 7, 8, 9, 300, 60000 };
	struct wire_exec p = sample_exec();
	struct messages m = { 0 };
	size_t accepted = 0;

	(void)state;
	add_exec(&m, &p);
	for (size_t i = 0; i < 16 * sizeof(steps) / sizeof(steps[0]); i++) {
		size_t len = m.at[0].len;
		char *msg = memcpy(xmalloc(len), m.at[0].bytes, len);
		struct msg_exec *x = (void *)(msg + sizeof(struct msg_execve_event));
		__u16 *sizes[] = { &x->size_path, &x->size_args, &x->size_cwd, &x->size_envs };
		__u16 *a = sizes[i % 4], *b = sizes[i / 4 % 4];
		struct tsr_event ev;

		*a = (__u16)(*a + steps[i / 16]);
		*b = (__u16)(*b - steps[i / 16] / 2);
		x->size = (__u32)(sizeof(*x) + x->size_path + x->size_args + x->size_cwd +
				  x->size_envs);
		accepted += wire_decode(msg, len, NULL, &ev) == WIRE_OK;
		free(msg);
	}
	assert_true(accepted < 16 * sizeof(steps) / sizeof(steps[0]));
	messages_free(&m);
}

static void test_strings(void **state)
{
	static const str_t nul = { "a\0b", 3 }, open = { "a\0b", 3 };
	struct messages m = { 0 };
	struct wire_exec_failed f;
	struct tsr_event ev;
	struct wire_exec p;

	(void)state;
#define ASSERT_EXEC(change, error)                                   \
	do {                                                         \
		p = sample_exec();                                   \
		change;                                              \
		add_exec(&m, &p);                                    \
		assert_int_equal(decode_last(&m, NULL, &ev), error); \
	} while (0)
	ASSERT_EXEC(p.path = nul, WIRE_STRING);
	ASSERT_EXEC(p.cwd = nul, WIRE_STRING);
	for (int i = 0; i < EXEC_STR_MAX; i++)
		ASSERT_EXEC(p.strings[i] = nul, WIRE_STRING);
	/* A list that is not complete does not end in NUL; one that is, does. */
	ASSERT_EXEC(p.args = open, WIRE_STRING);
	ASSERT_EXEC(p.envs = open, WIRE_STRING);
	ASSERT_EXEC((p.args = open, p.exec.flags |= MSG_EXEC_TRUNC_ARGS), WIRE_OK);
	ASSERT_EXEC((p.envs = open, p.exec.flags |= MSG_EXEC_TRUNC_ENVS), WIRE_OK);
	ASSERT_EXEC((p.envs = open, p.exec.flags |= MSG_EXEC_TRUNC_ARGS), WIRE_STRING);
	ASSERT_EXEC((p.args = open, p.envs = open, p.exec.flags |= MSG_EXEC_PROCFS), WIRE_OK);
	ASSERT_EXEC(p.exec.pid = 7, WIRE_VALUE); /* not who acts */

#define ASSERT_FAILED(change, error)                                 \
	do {                                                         \
		f = sample_failed();                                 \
		change;                                              \
		add_failed(&m, &f);                                  \
		assert_int_equal(decode_last(&m, NULL, &ev), error); \
	} while (0)
	ASSERT_FAILED(f.path = nul, WIRE_STRING);
	ASSERT_FAILED(f.stdin_path = nul, WIRE_STRING);
	ASSERT_FAILED(f.args = open, WIRE_STRING);
	ASSERT_FAILED(f.envs = open, WIRE_STRING);
	ASSERT_FAILED((f.args = open, f.fixed.trunc = 2), WIRE_OK);
	ASSERT_FAILED((f.envs = open, f.fixed.trunc = 4), WIRE_OK);
	messages_free(&m);
}

static void test_values_that_cannot_be(void **state)
{
	struct msg_clone_event *fork;
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	add_fork(&m);
	fork = m.at[0].bytes;
	fork->pid = sample_task().pid;
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_VALUE);
	messages_free(&m);
}

/* Whose word on a process it is. */
static void test_walks(void **state)
{
	struct wire_exec p = sample_exec();
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	p.exec.flags |= MSG_EXEC_TASK_WALK;
	for (uint32_t kind = 0; kind < WALK_KIND_MAX + 2; kind++) {
		p.ext.walk = kind;
		add_exec(&m, &p);
		assert_int_equal(decode_last(&m, NULL, &ev),
				 kind < WALK_KIND_MAX ? WIRE_OK : WIRE_VALUE);
		if (kind < WALK_KIND_MAX)
			assert_int_equal(ev.exec.walk, kind);
	}
	p.ext.walk = UINT32_MAX - 255; /* not one that fits into a byte, either */
	add_exec(&m, &p);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_VALUE);
	messages_free(&m);
}

static void test_walked(void **state)
{
	struct messages m = { 0 };
	struct tsr_event ev;

	(void)state;
	build_walked(701, 702, 703, false, messages_add, &m);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_WALKED);
	assert_int_equal(ev.ktime, 702);
	assert_int_equal(ev.walked.begin, 701);
	assert_false(ev.walked.incomplete);
	build_walked(702, 702, 0, true, messages_add, &m);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_WALKED);
	assert_true(ev.walked.incomplete);
	build_walked(703, 702, 0, false, messages_add, &m);
	assert_int_equal(decode_last(&m, NULL, &ev), WIRE_VALUE);
	messages_free(&m);
}

static void test_ops(void **state)
{
	static const uint8_t known[] = { MSG_OP_EXECVE, MSG_OP_EXIT,	    MSG_OP_CLONE,
					 MSG_OP_DATA,	MSG_OP_EXEC_FAILED, MSG_OP_RENAME,
					 MSG_OP_LOST,	MSG_OP_WALKED,	    MSG_OP_NAMES };
	struct msg_common c = { .size = sizeof(c) };
	struct tsr_event ev;

	(void)state;
	for (unsigned int op = 0; op < 256; op++) {
		bool is_known = memchr(known, (int)op, sizeof(known)) != NULL;
		bool is_event = is_known && op != MSG_OP_WALKED && op != MSG_OP_NAMES;

		c.op = (__u8)op;
		assert_int_equal(wire_decode(&c, sizeof(c), NULL, &ev),
				 is_known ? WIRE_SHORT : WIRE_UNKNOWN);
		assert_true((wire_op_event((uint8_t)op) != NULL) == is_event);
	}
}

static void test_error_texts(void **state)
{
	(void)state;
	for (int i = WIRE_SHORT; i < WIRE_ERROR_MAX; i++) {
		assert_string_not_equal(wire_error_text((enum wire_error)i), "unknown error");
		for (int k = WIRE_OK; k < i; k++)
			assert_string_not_equal(wire_error_text((enum wire_error)i),
						wire_error_text((enum wire_error)k));
	}
	assert_string_equal(wire_error_text(WIRE_ERROR_MAX), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_longer),
		cmocka_unit_test(test_lengths_of_exec),
		cmocka_unit_test(test_lengths_of_exec_failed),
		cmocka_unit_test(test_lengths_that_add_up),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_values_that_cannot_be),
		cmocka_unit_test(test_walks),
		cmocka_unit_test(test_walked),
		cmocka_unit_test(test_ops),
		cmocka_unit_test(test_error_texts),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}

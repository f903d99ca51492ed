/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long arguments and environments, which go ahead of their exec in chunks: whole, in part, mixed
 * with others, lost; and what the assembler holds of them is bounded.
 */
#include "sample_exec.h"

static void test_chunks(void **state)
{
	static const size_t sizes[] = {
		WIRE_INLINE_MAX,     WIRE_INLINE_MAX + 1, MSG_DATA_MAX,
		MSG_DATA_MAX + 1,    2 * MSG_DATA_MAX,	  327361,
		2 * 1024 * 1024 + 5, 6 * 1024 * 1024,
	};
	struct assembler a = { 0 };
	struct tsr_event ev;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i], parts = (n + MSG_DATA_MAX - 1) / MSG_DATA_MAX;
		struct wire_exec p = sample();
		struct messages m = { 0 };

		p.args = long_list(n);
		p.envs = long_list(n / 2);
		encode(&m, &p);
		if (n <= WIRE_INLINE_MAX)
			parts = 0;
		if (n / 2 > WIRE_INLINE_MAX)
			parts += (n / 2 + MSG_DATA_MAX - 1) / MSG_DATA_MAX;
		assert_int_equal(m.n, parts + 1);
		decode_all(&m, &a, &ev);
		assert_str(ev.exec.args, p.args);
		assert_str(ev.exec.envs, p.envs);
		assert_int_equal(ev.exec.cut, 0);
		assembler_done(&a);
		assert_int_equal(a.bytes, 0);
		messages_free(&m);
		free_list(p.args);
		free_list(p.envs);
	}
	assert_int_equal(a.dropped + a.missing, 0);
	assembler_free(&a);
}

/* Chunks of several execs at a time, as from several CPUs. */
static void test_interleaved_chunks(void **state)
{
	enum { EXECS = 8 };
	struct messages m[EXECS] = { 0 };
	struct wire_exec p[EXECS];
	struct assembler a = { 0 };
	struct tsr_event ev;

	(void)state;
	for (uint32_t i = 0; i < EXECS; i++) {
		p[i] = sample();
		p[i].exec.pid = p[i].exec.tid = p[i].ext.task.pid = 100 + i;
		p[i].args = long_list(5 * MSG_DATA_MAX - i);
		encode(&m[i], &p[i]);
		assert_int_equal(m[i].n, 6);
	}
	for (size_t k = 0; k < 6; k++) {
		for (size_t i = 0; i < EXECS; i++) {
			enum wire_error e = wire_decode(m[i].at[k].bytes, m[i].at[k].len, &a, &ev);

			assert_int_equal(e, k < 5 ? WIRE_PART : WIRE_OK);
			if (e == WIRE_OK) {
				assert_str(ev.exec.args, p[i].args);
				assembler_done(&a);
			}
		}
	}
	assert_int_equal(a.bytes, 0);
	for (size_t i = 0; i < EXECS; i++) {
		messages_free(&m[i]);
		free_list(p[i].args);
	}
	assembler_free(&a);
}

/* Of a message with chunked arguments and an empty path: what stands for the arguments. */
static struct data_event_desc *desc_of(void *msg)
{
	return (void *)(exec_of_message(msg) + 1);
}

static void test_leftover(void **state)
{
	struct assembler a = { 0 };
	struct messages m = { 0 };
	struct wire_exec p = sample();
	struct data_event_desc *d;
	struct tsr_event ev;
	void *exec;
	size_t len;

	(void)state;
	p.path.len = 0;
	p.args = long_list(3 * MSG_DATA_MAX);
	encode(&m, &p);
	exec = m.at[3].bytes;
	len = m.at[3].len;
	d = desc_of(exec);
	assert_int_equal(d->size, 3 * MSG_DATA_MAX);
	assert_int_equal(d->leftover, 0);

	/* The ring was full for the last one: what came is there, and marked. */
	d->leftover = MSG_DATA_MAX;
	for (size_t i = 0; i < 2; i++)
		wire_decode(m.at[i].bytes, m.at[i].len, &a, &ev);
	assert_int_equal(wire_decode(exec, len, &a, &ev), WIRE_OK);
	assert_int_equal(ev.exec.args.len, 2 * MSG_DATA_MAX);
	assert_memory_equal(ev.exec.args.bytes, p.args.bytes, 2 * MSG_DATA_MAX);
	assert_int_equal(ev.exec.cut, EV_CUT_ARGV);
	assembler_done(&a);
	assert_int_equal(a.missing, 0);

	/* Not even the first one. */
	d->leftover = d->size;
	assert_int_equal(wire_decode(exec, len, &a, &ev), WIRE_OK);
	assert_int_equal(ev.exec.args.len, 0);
	assert_int_equal(ev.exec.cut, EV_CUT_ARGV);
	assert_int_equal(wire_decode(exec, len, NULL, &ev), WIRE_OK);
	assert_int_equal(a.missing, 0);

	d->leftover = d->size + 1;
	assert_int_equal(wire_decode(exec, len, &a, &ev), WIRE_LENGTHS);
	messages_free(&m);
	free_list(p.args);
	assembler_free(&a);
}

static void test_orphan(void **state)
{
	struct assembler a = { 0 };
	struct messages m = { 0 };
	struct wire_exec p = sample();
	struct tsr_event ev;

	(void)state;
	p.args = long_list(3 * MSG_DATA_MAX);
	p.envs = long_list(WIRE_INLINE_MAX + 1);
	encode(&m, &p);
	assert_int_equal(m.n, 5);
	assert_int_equal(wire_decode(m.at[4].bytes, m.at[4].len, NULL, &ev), WIRE_ORPHAN);

	/* An exec whose chunks are gone is still an exec. */
	assert_int_equal(wire_decode(m.at[4].bytes, m.at[4].len, &a, &ev), WIRE_OK);
	assert_int_equal(ev.exec.args.len, 0);
	assert_int_equal(ev.exec.envs.len, 0);
	assert_int_equal(ev.exec.cut, EV_CUT_ARGV | EV_CUT_ENV);
	assert_int_equal(a.missing, 2);
	assembler_done(&a);

	/* Some are there, but nobody knows which: none of them is shown. */
	for (size_t i = 1; i < 4; i++)
		wire_decode(m.at[i].bytes, m.at[i].len, &a, &ev);
	assert_int_equal(wire_decode(m.at[4].bytes, m.at[4].len, &a, &ev), WIRE_OK);
	assert_int_equal(ev.exec.args.len, 0);
	assert_str(ev.exec.envs, p.envs);
	assert_int_equal(ev.exec.cut, EV_CUT_ARGV);
	assert_int_equal(a.missing, 3);
	assembler_done(&a);
	assert_int_equal(a.bytes, 0);

	/* An area that is said to be a description and has another size. */
	exec_of_message(m.at[4].bytes)->size_args--;
	exec_of_message(m.at[4].bytes)->size_path++;
	assert_int_not_equal(wire_decode(m.at[4].bytes, m.at[4].len, &a, &ev), WIRE_OK);
	messages_free(&m);
	free_list(p.args);
	free_list(p.envs);
	assembler_free(&a);
}

/* An exec that turns out malformed after its chunks were found must not hold them. */
static void test_malformed_lets_go(void **state)
{
	struct assembler a = { 0 };
	struct messages m = { 0 };
	struct wire_exec p = sample();
	struct tsr_event ev;

	(void)state;
	p.args = long_list(WIRE_INLINE_MAX + 1);
	p.envs = (str_t){ "no NUL at the end", 17 };
	encode(&m, &p);
	wire_decode(m.at[0].bytes, m.at[0].len, &a, &ev);
	assert_int_equal(wire_decode(m.at[1].bytes, m.at[1].len, &a, &ev), WIRE_STRING);
	assert_int_equal(a.bytes, 0);
	assert_null(a.given[0]);
	messages_free(&m);
	free_list(p.args);
	assembler_free(&a);
}

static void test_chunk_sizes(void **state)
{
	struct assembler a = { 0 };
	size_t len = sizeof(struct msg_data) + MSG_DATA_MAX;
	struct msg_data *m = xcalloc(1, len + 1);
	struct tsr_event ev;

	(void)state;
	m->common.op = MSG_OP_DATA;
	m->common.size = sizeof(*m) - 1;
	assert_int_equal(wire_decode(m, sizeof(*m) - 1, &a, &ev), WIRE_SHORT);
	m->common.size = sizeof(*m);
	assert_int_equal(wire_decode(m, sizeof(*m), &a, &ev), WIRE_PART);
	m->common.size = (__u32)len;
	assert_int_equal(wire_decode(m, len, &a, &ev), WIRE_PART);
	m->common.size = (__u32)len + 1;
	assert_int_equal(wire_decode(m, len + 1, &a, &ev), WIRE_LENGTHS);
	assert_int_equal(a.bytes, MSG_DATA_MAX);
	free(m);
	assembler_free(&a);
}

static void test_assembler_slots(void **state)
{
	struct assembler a = { 0 };
	const struct buf *b;

	(void)state;
	for (uint64_t i = 0; i < 3 * ASSEMBLER_SLOTS; i++)
		assembler_add(&a, i, i, "12345678", 8);
	/* The oldest went. */
	assert_int_equal(a.dropped, 2 * ASSEMBLER_SLOTS);
	assert_int_equal(a.bytes, 8 * ASSEMBLER_SLOTS);
	assert_null(assembler_get(&a, 2 * ASSEMBLER_SLOTS - 1, 2 * ASSEMBLER_SLOTS - 1));
	/* Both parts of the name count. */
	assert_null(assembler_peek(&a, 2 * ASSEMBLER_SLOTS, 2 * ASSEMBLER_SLOTS + 1));
	assert_null(assembler_peek(&a, 2 * ASSEMBLER_SLOTS + 1, 2 * ASSEMBLER_SLOTS));
	b = assembler_peek(&a, 2 * ASSEMBLER_SLOTS, 2 * ASSEMBLER_SLOTS);
	assert_int_equal(b->len, 8);
	/* A look leaves it; a get ends with done, however often it was asked for. */
	assembler_done(&a);
	assert_ptr_equal(assembler_get(&a, 2 * ASSEMBLER_SLOTS, 2 * ASSEMBLER_SLOTS), b);
	assert_non_null(assembler_get(&a, 2 * ASSEMBLER_SLOTS + 1, 2 * ASSEMBLER_SLOTS + 1));
	assert_ptr_equal(assembler_get(&a, 2 * ASSEMBLER_SLOTS, 2 * ASSEMBLER_SLOTS), b);
	assembler_done(&a);
	assert_int_equal(a.bytes, 8 * (ASSEMBLER_SLOTS - 2));
	assembler_free(&a);
	assert_int_equal(a.bytes, 0);
}

static void test_assembler_bytes(void **state)
{
	static char chunk[MSG_DATA_MAX];
	struct assembler a = { 0 };
	size_t most = 0;

	(void)state;
	/* Four that grow at the same pace: together they are too much, and the oldest goes. */
	for (size_t i = 0; i < ASSEMBLER_BYTES / sizeof(chunk) + 40; i++) {
		assembler_add(&a, i % 4, 9, chunk, sizeof(chunk));
		if (a.bytes > most)
			most = a.bytes;
	}
	assert_true(most <= ASSEMBLER_BYTES);
	assert_true(most > ASSEMBLER_BYTES - 4 * sizeof(chunk));
	assert_true(a.dropped >= 1 && a.dropped <= 2);
	/* One alone that is too much: it goes, and begins again. */
	assembler_free(&a);
	a.dropped = 0;
	for (size_t i = 0; i < ASSEMBLER_BYTES / sizeof(chunk) + 2; i++)
		assembler_add(&a, 1, 1, chunk, sizeof(chunk));
	assert_true(a.dropped == 1);
	assert_true(a.bytes <= ASSEMBLER_BYTES);
	assembler_free(&a);
	assert_int_equal(a.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_interleaved_chunks),
		cmocka_unit_test(test_leftover),
		cmocka_unit_test(test_orphan),
		cmocka_unit_test(test_malformed_lets_go),
		cmocka_unit_test(test_chunk_sizes),
		cmocka_unit_test(test_assembler_slots),
		cmocka_unit_test(test_assembler_bytes),
	};

	return cmocka_run_group_tests_name("assemble", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to messages, and the changes to the kernel's messages: what completes them from /proc,
 * what takes the values of environments out.
 */
#include "sample_exec.h"

static void test_round_trip(void **state)
{
	struct messages m = { 0 };
	struct wire_exec p = sample(), q;

	(void)state;
	p.more = str_of("newer");
	encode(&m, &p);
	assert_int_equal(m.n, 1);
	assert_true(wire_split_exec(m.at[0].bytes, m.at[0].len, &q));
	assert_str(q.path, p.path);
	assert_str(q.args, p.args);
	assert_str(q.cwd, p.cwd);
	assert_str(q.envs, p.envs);
	for (int i = 0; i < EXEC_STR_MAX; i++)
		assert_str(q.strings[i], p.strings[i]);
	assert_str(q.more, p.more);
	/* What was read is written the same again, to the byte. */
	encode(&m, &q);
	assert_int_equal(m.at[0].len, m.at[1].len);
	assert_memory_equal(m.at[0].bytes, m.at[1].bytes, m.at[0].len);
	messages_free(&m);
}

/* Padding, and names behind their NUL: what was there before does not get out. */
static void test_every_byte_is_set(void **state)
{
	struct wire_exec clean = sample(), dirty = sample();
	struct messages m = { 0 };
	struct msg_exit_event exit = { .common.ktime = 1 };
	struct msg_exit_ext ext = { .reaper_pid = 1 };
	struct msg_lost lost = { .count = 1 };

	(void)state;
	memset(dirty.event.common.pad, 0xaa, sizeof(dirty.event.common.pad));
	dirty.event.parent.pad = dirty.event.cleanup_process.pad = 0xaaaaaaaa;
	dirty.event.creds.pad = dirty.exec.pad = 0xaaaaaaaa;
	dirty.ext.exe.pad = dirty.ext.interpreter.pad = 0xaaaa;
	dirty.ext.task.comm[10] = 'x';
	dirty.event.common.op = dirty.event.common.size = 99;
	dirty.exec.size = dirty.exec.size_path = dirty.ext.size_str[2] = 99;
	encode(&m, &clean);
	encode(&m, &dirty);
	assert_int_equal(m.at[0].len, m.at[1].len);
	assert_memory_equal(m.at[0].bytes, m.at[1].bytes, m.at[0].len);
	messages_free(&m);

	wire_encode_exit(&exit, &ext, messages_add, &m);
	exit.common.pad[1] = 1;
	exit.current.pad = ext.pad = 7;
	ext.task.comm[3] = 'x';
	wire_encode_exit(&exit, &ext, messages_add, &m);
	assert_memory_equal(m.at[0].bytes, m.at[1].bytes, m.at[0].len);
	messages_free(&m);

	wire_encode_lost(&lost, messages_add, &m);
	lost.pad = 1;
	lost.common.size = 3;
	wire_encode_lost(&lost, messages_add, &m);
	assert_memory_equal(m.at[0].bytes, m.at[1].bytes, m.at[0].len);
	messages_free(&m);
}

static void test_too_long(void **state)
{
	str_t path = long_list(70000);
	struct messages m = { 0 };
	struct wire_exec p = sample();
	struct tsr_event ev;

	(void)state;
	memset((void *)(uintptr_t)path.bytes, 'p', path.len);
	p.path = p.cwd = p.strings[EXEC_STR_INTERP] = path;
	p.exec.flags &= ~(uint32_t)MSG_EXEC_ROOT_CWD;
	encode(&m, &p);
	decode_all(&m, NULL, &ev);
	assert_int_equal(ev.exec.path.len, UINT16_MAX);
	assert_int_equal(ev.exec.cwd.len, UINT16_MAX);
	assert_int_equal(ev.exec.interp.len, UINT16_MAX);
	assert_int_equal(ev.exec.cut, EV_CUT_PATH | EV_CUT_CWD | EV_CUT_INTERP);
	messages_free(&m);
	free_list(path);
}

static void rewrite(struct messages *m, str_t args, str_t envs, uint32_t flags)
{
	struct buf tmp = { 0 };
	struct messages out = { 0 };

	assert_int_equal(wire_exec_rewrite(m->at[m->n - 1].bytes, m->at[m->n - 1].len, args, envs,
					   flags, &tmp, messages_add, &out),
			 0);
	messages_free(m);
	*m = out;
	buf_free(&tmp);
}

static void test_rewrite(void **state)
{
	const str_t keep = { 0 }, new_args = LIST("other\0name"), none = { "", 0 };
	struct assembler a = { 0 };
	struct messages m = { 0 };
	struct wire_exec p = sample();
	struct tsr_event ev;
	str_t big = long_list(100000);

	(void)state;
	/* As the snapshot has it: without arguments, their size not known. */
	p.args = p.envs = none;
	p.ext.args_size = p.ext.envs_size = 0;
	p.more = str_of("newer");
	encode(&m, &p);
	rewrite(&m, new_args, keep, MSG_EXEC_PROCFS);
	decode_all(&m, NULL, &ev);
	assert_str(ev.exec.args, new_args);
	assert_str(ev.exec.envs, none);
	assert_true(ev.exec.procfs);
	assert_int_equal(ev.exec.args_size, new_args.len);
	assert_int_equal(ev.exec.envs_size, 0);
	assert_str(ev.exec.path, p.path);
	assert_str(ev.exec.script, p.strings[EXEC_STR_SCRIPT]);

	/* To long ones; a size that is known stays. */
	rewrite(&m, keep, big, 0);
	assert_int_equal(m.n, 100000 / MSG_DATA_MAX + 2);
	decode_all(&m, &a, &ev);
	assert_str(ev.exec.args, new_args);
	assert_str(ev.exec.envs, big);
	assert_int_equal(ev.exec.envs_size, big.len);
	assembler_done(&a);

	/* Kept, they are what they were: the chunks that went ahead. */
	rewrite(&m, new_args, keep, MSG_EXEC_TRUNC_ARGS);
	assert_int_equal(m.n, 1);
	assert_int_equal(wire_decode(m.at[0].bytes, m.at[0].len, NULL, &ev), WIRE_ORPHAN);

	/* And back to none. */
	rewrite(&m, none, none, 0);
	decode_all(&m, NULL, &ev);
	assert_int_equal(ev.exec.args.len + ev.exec.envs.len, 0);
	assert_int_equal(ev.exec.envs_size, big.len);
	assert_int_equal(ev.exec.cut, EV_CUT_ARGV);
	assert_memory_equal((char *)m.at[0].bytes + m.at[0].len - 5, "newer", 5);
	messages_free(&m);
	free_list(big);
	assembler_free(&a);
}

static int stop_at_once(void *user, const void *msg, size_t len)
{
	(void)msg;
	(void)len;
	++*(int *)user;
	return -ENOSPC;
}

static void test_emit_ends_it(void **state)
{
	struct wire_exec p = sample();
	struct messages m = { 0 };
	struct buf tmp = { 0 };
	int calls = 0;

	(void)state;
	p.args = long_list(100000);
	assert_int_equal(wire_encode_exec(&p, &tmp, stop_at_once, &calls), -ENOSPC);
	assert_int_equal(calls, 1);
	messages_free(&m);
	buf_free(&tmp);
	free_list(p.args);
}

/* Every message that is not a whole exec message is refused, whatever its length. */
static void test_split_refuses(void **state)
{
	struct messages m = { 0 };
	struct wire_exec p = sample(), q;
	struct wire_exec_failed f = { .path = str_of("p"), .envs = LIST("A=1") }, g;
	struct buf tmp = { 0 };

	(void)state;
	encode(&m, &p);
	wire_encode_exec_failed(&f, &tmp, messages_add, &m);
	for (size_t i = 0; i < m.n; i++) {
		for (size_t len = 0; len < m.at[i].len; len++) {
			char *msg = memcpy(xmalloc(len), m.at[i].bytes, len);

			if (len >= sizeof(struct msg_common))
				((struct msg_common *)(void *)msg)->size = (__u32)len;
			assert_false(wire_split_exec(msg, len, &q));
			assert_false(wire_split_exec_failed(msg, len, &g));
			assert_int_equal(wire_exec_rewrite(msg, len, q.args, q.envs, 0, &tmp,
							   messages_add, &m),
					 -EBADMSG);
			free(msg);
		}
	}
	assert_false(wire_split_exec(m.at[1].bytes, m.at[1].len, &q));
	assert_false(wire_split_exec_failed(m.at[0].bytes, m.at[0].len, &g));
	exec_of_message(m.at[0].bytes)->size++;
	assert_false(wire_split_exec(m.at[0].bytes, m.at[0].len, &q));
	messages_free(&m);
	buf_free(&tmp);
}

struct stripper {
	struct assembler chunks;
	struct messages out;
	struct buf tmp;
	const struct env_keys *with_values;
};

/* As the pipeline does it: decode, then keep, then the event is done. */
static int strip(struct stripper *s, const void *msg, size_t len)
{
	struct tsr_event ev;
	int err;

	wire_decode(msg, len, &s->chunks, &ev);
	err = wire_strip_env(msg, len, &s->chunks, s->with_values, &s->tmp, messages_add, &s->out);
	assembler_done(&s->chunks);
	return err;
}

static void strip_all(struct stripper *s, const struct messages *m)
{
	for (size_t i = 0; i < m->n; i++)
		assert_int_equal(strip(s, m->at[i].bytes, m->at[i].len), 0);
}

static void stripper_free(struct stripper *s)
{
	messages_free(&s->out);
	assembler_free(&s->chunks);
	buf_free(&s->tmp);
}

static void assert_no_secret(const struct messages *m)
{
	for (size_t i = 0; i < m->n; i++)
		assert_null(memmem(m->at[i].bytes, m->at[i].len, "secret", 6));
}

static void test_strip(void **state)
{
	struct stripper s = { 0 };
	struct messages m = { 0 };
	struct wire_exec p = sample();
	struct wire_exec_failed f = { .path = str_of("p"),
				      .args = LIST("a\0b=kept"),
				      .envs = LIST("A=secret\0B=x"),
				      .stdin_path = str_of("/dev/null") };
	struct buf tmp = { 0 };
	struct tsr_event ev;

	(void)state;
	encode(&m, &p);
	wire_encode_exec_failed(&f, &tmp, messages_add, &m);
	strip_all(&s, &m);
	assert_int_equal(s.out.n, 2);
	assert_no_secret(&s.out);
	assert_int_equal(wire_decode(s.out.at[0].bytes, s.out.at[0].len, NULL, &ev), WIRE_OK);
	assert_true(ev.exec.env_names);
	assert_str(ev.exec.envs, LIST("A\0B\0\0plain"));
	assert_str(ev.exec.args, p.args);
	assert_str(ev.exec.cmdpath, p.strings[EXEC_STR_CMDPATH]);
	assert_int_equal(ev.exec.envs_size, p.ext.envs_size);
	assert_int_equal(wire_decode(s.out.at[1].bytes, s.out.at[1].len, NULL, &ev), WIRE_OK);
	assert_str(ev.failed.envs, LIST("A\0B"));
	assert_str(ev.failed.args, f.args);
	assert_str(ev.failed.stdin_path, f.stdin_path);

	/* Some variables keep theirs. */
	{
		char *kept[] = { "PATH", "B" };
		struct env_keys keys = { kept, 2 };
		struct stripper some = { .with_values = &keys };

		strip_all(&some, &m);
		assert_no_secret(&some.out);
		wire_decode(some.out.at[1].bytes, some.out.at[1].len, NULL, &ev);
		assert_str(ev.failed.envs, LIST("A\0B=x"));
		kept[0] = "A";
		messages_free(&some.out);
		strip_all(&some, &m);
		wire_decode(some.out.at[0].bytes, some.out.at[0].len, NULL, &ev);
		assert_true(ev.exec.env_names);
		assert_non_null(memmem(ev.exec.envs.bytes, ev.exec.envs.len, "A=secret", 8));
		stripper_free(&some);
	}

	/* What was stripped is stripped to the same: a recording of a replay. */
	{
		struct stripper again = { 0 };

		strip_all(&again, &s.out);
		for (size_t i = 0; i < s.out.n; i++)
			assert_memory_equal(s.out.at[i].bytes, again.out.at[i].bytes,
					    s.out.at[i].len);
		stripper_free(&again);
	}
	stripper_free(&s);
	messages_free(&m);
	buf_free(&tmp);
}

/* An environment in chunks, whose values lie across them. */
static void test_strip_chunks(void **state)
{
	const size_t n = 5 * MSG_DATA_MAX;
	struct stripper s = { 0 };
	struct messages m = { 0 };
	struct wire_exec p = sample();
	char *env = xmalloc(n);
	struct assembler a = { 0 };
	struct tsr_event ev;
	struct buf names = { 0 };

	(void)state;
	for (size_t i = 0; i < n; i++)
		env[i] = "secret"[i % 6];
	for (size_t at = 0; at + 4 < n; at += 10000)
		memcpy(env + at, at ? "\0N=" : "NN=", 3);
	env[n - 1] = '\0';
	p.envs = (str_t){ env, n };
	p.args = long_list(2 * MSG_DATA_MAX);
	encode(&m, &p);
	assert_int_equal(m.n, 8);
	strip_all(&s, &m);
	assert_no_secret(&s.out);
	assert_int_equal(s.out.n, 3); /* the names fit into the exec */
	decode_all(&s.out, &a, &ev);
	env_cut(&names, p.envs.bytes, p.envs.len, NULL);
	assert_str(ev.exec.envs, (str_t){ names.data, names.len });
	assert_str(ev.exec.args, p.args);
	assert_int_equal(ev.exec.cut, 0);
	assembler_done(&a);
	messages_free(&s.out);

	/* Its first chunk is lost, with those of the arguments: the rest is within a value. */
	for (size_t i = 3; i < m.n; i++)
		assert_int_equal(strip(&s, m.at[i].bytes, m.at[i].len), 0);
	assert_no_secret(&s.out);
	assert_int_equal(s.chunks.bytes, 0);
	decode_all(&s.out, &a, &ev);
	assert_int_equal(ev.exec.envs.len, 0);
	assert_int_equal(ev.exec.cut, EV_CUT_ARGV | EV_CUT_ENV);
	assembler_done(&a);
	stripper_free(&s);
	messages_free(&m);
	buf_free(&names);
	free_list(p.args);
	free(env);
	assembler_free(&a);
}

/* Names that are themselves too long for the exec go ahead in chunks again. */
static void test_strip_to_chunks(void **state)
{
	struct stripper s = { 0 };
	struct messages m = { 0 };
	struct wire_exec p = sample();
	struct assembler a = { 0 };
	struct tsr_event ev;

	(void)state;
	p.envs = long_list(4 * MSG_DATA_MAX); /* entries without a value stay whole */
	encode(&m, &p);
	strip_all(&s, &m);
	assert_true(s.out.n > 1);
	decode_all(&s.out, &a, &ev);
	assert_true(ev.exec.env_names);
	assert_int_equal(ev.exec.cut, 0);
	assert_null(memchr(ev.exec.envs.bytes, '=', ev.exec.envs.len));
	assembler_done(&a);
	messages_free(&m);
	free_list(p.envs);
	stripper_free(&s);
	assembler_free(&a);
}

static void test_strip_the_others(void **state)
{
	const struct who one = { 1, 10, 0, 0, "one" }, two = { 2, 20, 1, 10, "two" };
	struct stripper s = { 0 };
	struct messages m = { 0 };
	struct wire_exec p = sample();
	struct msg_lost lost = { .count = 3 };
	struct msg_common unknown = { .op = 200, .size = sizeof(unknown) };

	(void)state;
	build_fork(30, &one, &two, messages_add, &m);
	build_rename(40, &two, "zwei", messages_add, &m);
	build_exit(50, &two, 0, 1, 10, messages_add, &m);
	wire_encode_lost(&lost, messages_add, &m);
	messages_add(&m, &unknown, sizeof(unknown));
	strip_all(&s, &m);
	assert_int_equal(s.out.n, m.n);
	for (size_t i = 0; i < m.n; i++) {
		assert_int_equal(s.out.at[i].len, m.at[i].len);
		assert_memory_equal(s.out.at[i].bytes, m.at[i].bytes, m.at[i].len);
	}
	messages_free(&m);
	messages_free(&s.out);

	/* Malformed: there is no telling what is in it. */
	encode(&m, &p);
	exec_of_message(m.at[0].bytes)->size_envs--;
	assert_int_equal(strip(&s, m.at[0].bytes, m.at[0].len), -EBADMSG);
	exec_of_message(m.at[0].bytes)->size_envs++;
	exec_of_message(m.at[0].bytes)->flags |= MSG_EXEC_DATA_ENVS;
	assert_int_equal(strip(&s, m.at[0].bytes, m.at[0].len), -EBADMSG);
	assert_int_equal(strip(&s, m.at[0].bytes, m.at[0].len - 1), -EBADMSG);
	assert_int_equal(strip(&s, m.at[0].bytes, 3), -EBADMSG);
	assert_int_equal(s.out.n, 0);
	messages_free(&m);
	stripper_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),	cmocka_unit_test(test_every_byte_is_set),
		cmocka_unit_test(test_too_long),	cmocka_unit_test(test_rewrite),
		cmocka_unit_test(test_emit_ends_it),	cmocka_unit_test(test_split_refuses),
		cmocka_unit_test(test_strip),		cmocka_unit_test(test_strip_chunks),
		cmocka_unit_test(test_strip_to_chunks), cmocka_unit_test(test_strip_the_others),
	};

	return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the way of a message through decoder, assembler and values, and the encoder's changes to
 * messages.
 *
 * The input is a sequence of messages, each with its length (u16, little-endian) before it. The
 * size in a message's header is set right, so that changes are not all stopped there, unless the
 * highest bit of the length says to leave it. Each message stands in memory of its own length.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/decode.h"
#include "wire/encode.h"

#define LEAVE_SIZE 0x8000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Reads every byte: the sanitizer says if one of them is not there. */
static void touch(str_t s)
{
	volatile char sink;

	for (size_t i = 0; i < s.len; i++)
		sink = s.bytes[i];
	(void)sink;
}

static void read_values(const struct tsr_event *ev)
{
	struct tsr_value values[64];
	struct event_scratch tmp;

	must(ev->def->n_fields <= 64);
	event_values(ev, values, &tmp);
	for (size_t i = 0; i < ev->def->n_fields; i++) {
		const struct tsr_value *v = &values[i];

		must(v->type == ev->def->fields[i].type);
		must(v->present || ev->def->fields[i].optional);
		if (v->present && v->type == TSR_TYPE_STRING)
			touch(v->s);
		if (v->present && v->type == TSR_TYPE_STRINGS)
			touch(v->list);
	}
}

struct copy {
	struct assembler chunks;
	struct tsr_event ev;
	enum wire_error last;
};

static int decode_copy(void *user, const void *msg, size_t len)
{
	struct copy *c = user;

	must((uintptr_t)msg % 8 == 0);
	c->last = wire_decode(msg, len, &c->chunks, &c->ev);
	return 0;
}

static void same(str_t a, str_t b)
{
	must(a.len == b.len && (!a.len || !memcmp(a.bytes, b.bytes, a.len)));
}

/* What is recorded of a message that could be read can be read, and has no values. */
static void check_stripped(const void *msg, size_t len, struct assembler *chunks,
			   const struct tsr_event *ev)
{
	struct copy c = { .last = WIRE_UNKNOWN };
	struct buf tmp = { 0 }, names = { 0 };
	const str_t *envs = NULL, *stripped = NULL;

	must(!wire_strip_env(msg, len, chunks, NULL, &tmp, decode_copy, &c));
	must(c.last == WIRE_OK && c.ev.def == ev->def);
	if (ev->def->id == TSR_EVENT_SCHED_PROCESS_EXEC) {
		same(c.ev.exec.path, ev->exec.path);
		same(c.ev.exec.args, ev->exec.args);
		must(c.ev.exec.env_names && c.ev.exec.cut == ev->exec.cut);
		envs = &ev->exec.envs;
		stripped = &c.ev.exec.envs;
	} else if (ev->def->id == TSR_EVENT_PROCESS_EXECUTE_FAILED) {
		same(c.ev.failed.path, ev->failed.path);
		same(c.ev.failed.args, ev->failed.args);
		envs = &ev->failed.envs;
		stripped = &c.ev.failed.envs;
	}
	if (envs) {
		env_cut(&names, envs->bytes, envs->len, NULL);
		same(*stripped, (str_t){ names.data, names.len });
	}
	buf_free(&tmp);
	buf_free(&names);
	assembler_free(&c.chunks);
}

static int ignore(void *user, const void *msg, size_t len)
{
	(void)user;
	(void)msg;
	(void)len;
	return 0;
}

static void one_message(const void *msg, size_t len, struct assembler *chunks)
{
	struct tsr_event ev = { 0 };
	struct buf tmp = { 0 };
	enum wire_error e = wire_decode(msg, len, chunks, &ev);

	must(e < WIRE_ERROR_MAX && e != WIRE_ORPHAN);
	if (e == WIRE_OK) {
		read_values(&ev);
		check_stripped(msg, len, chunks, &ev);
	} else {
		wire_strip_env(msg, len, chunks, NULL, &tmp, ignore, NULL);
	}
	wire_exec_rewrite(msg, len, (str_t){ "a\0b", 4 }, (str_t){ 0 }, MSG_EXEC_PROCFS, &tmp,
			  ignore, NULL);
	buf_free(&tmp);
	assembler_done(chunks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct assembler chunks;

	while (size >= 2) {
		uint16_t head = (uint16_t)(data[0] | data[1] << 8);
		size_t len = head & ~LEAVE_SIZE;
		struct msg_common *msg;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		msg = malloc(len);
		must(msg || !len);
		if (len)
			memcpy(msg, data, len);
		if (len >= sizeof(*msg) && !(head & LEAVE_SIZE))
			msg->size = (__u32)len;
		if (len)
			one_message(msg, len, &chunks);
		free(msg);
		data += len;
		size -= len;
	}
	assembler_free(&chunks);
	must(!chunks.bytes);
	memset(&chunks, 0, sizeof(chunks));
	return 0;
}

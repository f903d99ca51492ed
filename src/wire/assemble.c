/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/assemble.h"

static void drop(struct assembler *a, struct assembly *s)
{
	a->bytes -= s->bytes.len;
	buf_free(&s->bytes);
	s->used = 0;
}

/* The slot of an assembly, or ASSEMBLER_SLOTS. */
static size_t find(const struct assembler *a, uint64_t pid, uint64_t time)
{
	size_t i = 0;

	while (i < ASSEMBLER_SLOTS &&
	       !(a->slots[i].used && a->slots[i].pid == pid && a->slots[i].time == time))
		i++;
	return i;
}

static struct assembly *oldest(struct assembler *a, const struct assembly *but)
{
	struct assembly *old = NULL;

	for (size_t i = 0; i < ASSEMBLER_SLOTS; i++) {
		struct assembly *s = &a->slots[i];

		if (s->used && s != but && (!old || s->used < old->used))
			old = s;
	}
	return old;
}

static struct assembly *take_slot(struct assembler *a)
{
	struct assembly *s;

	for (size_t i = 0; i < ASSEMBLER_SLOTS; i++)
		if (!a->slots[i].used)
			return &a->slots[i];
	s = oldest(a, NULL);
	a->dropped++;
	drop(a, s);
	return s;
}

void assembler_add(struct assembler *a, uint64_t pid, uint64_t time, const void *p, size_t n)
{
	size_t slot = find(a, pid, time);
	struct assembly *s = &a->slots[slot % ASSEMBLER_SLOTS];

	if (slot == ASSEMBLER_SLOTS) {
		s = take_slot(a);
		s->pid = pid;
		s->time = time;
		s->used = ++a->clock;
	}
	while (a->bytes + n > ASSEMBLER_BYTES) {
		struct assembly *old = oldest(a, s);

		a->dropped++;
		if (!old) { /* it alone is more than there may be */
			drop(a, s);
			return;
		}
		drop(a, old);
	}
	buf_add(&s->bytes, p, n);
	a->bytes += n;
}

const struct buf *assembler_get(struct assembler *a, uint64_t pid, uint64_t time)
{
	size_t slot = find(a, pid, time);
	struct assembly *s = &a->slots[slot % ASSEMBLER_SLOTS];

	if (slot == ASSEMBLER_SLOTS)
		return NULL;
	if (a->given[0] != s)
		a->given[a->given[0] ? 1 : 0] = s;
	return &s->bytes;
}

const struct buf *assembler_peek(const struct assembler *a, uint64_t pid, uint64_t time)
{
	size_t slot = find(a, pid, time);

	return slot < ASSEMBLER_SLOTS ? &a->slots[slot].bytes : NULL;
}

void assembler_done(struct assembler *a)
{
	for (int i = 0; i < 2; i++) {
		if (a->given[i] && a->given[i]->used)
			drop(a, a->given[i]);
		a->given[i] = NULL;
	}
}

void assembler_free(struct assembler *a)
{
	for (size_t i = 0; i < ASSEMBLER_SLOTS; i++)
		if (a->slots[i].used)
			drop(a, &a->slots[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/assemble.h"

static void drop(struct assembler *a, struct assembly *s)
{
	a->bytes -= s->bytes.len;
	buf_free(&s->bytes);
	s->used = 0;
}

static struct assembly *find(struct assembler *a, uint64_t pid, uint64_t time)
{
	for (size_t i = 0; i < ASSEMBLER_SLOTS; i++) {
		struct assembly *s = &a->slots[i];

		if (s->used && s->pid == pid && s->time == time)
			return s;
	}
	return NULL;
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
	struct assembly *s = find(a, pid, time);

	if (!s) {
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
	struct assembly *s = find(a, pid, time);

	if (!s)
		return NULL;
	a->given[a->given[0] ? 1 : 0] = s;
	return &s->bytes;
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

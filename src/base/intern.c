/* SPDX-License-Identifier: Apache-2.0 */
#include "base/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

void intern_init(struct intern *t)
{
	t->n_buckets = 256;
	t->buckets = xcalloc(t->n_buckets, sizeof(*t->buckets));
	t->count = 0;
	t->bytes = 0;
}

void intern_free(struct intern *t)
{
	for (size_t i = 0; i < t->n_buckets; i++) {
		for (struct istr *s = t->buckets[i], *next; s; s = next) {
			next = s->next;
			free(s);
		}
	}
	free(t->buckets);
	memset(t, 0, sizeof(*t));
}

static void grow(struct intern *t)
{
	size_t n = t->n_buckets * 2;
	struct istr **buckets = xcalloc(n, sizeof(*buckets));

	for (size_t i = 0; i < t->n_buckets; i++) {
		for (struct istr *s = t->buckets[i], *next; s; s = next) {
			next = s->next;
			s->next = buckets[s->hash & (n - 1)];
			buckets[s->hash & (n - 1)] = s;
		}
	}
	free(t->buckets);
	t->buckets = buckets;
	t->n_buckets = n;
}

struct istr *intern_get(struct intern *t, const char *str, size_t len)
{
	uint32_t hash = hash_bytes(str, len);
	struct istr **at = &t->buckets[hash & (t->n_buckets - 1)], *s;

	for (s = *at; s; s = s->next) {
		if (s->hash == hash && s->len == len && !memcmp(s->s, str, len)) {
			s->refs++;
			return s;
		}
	}
	s = xmalloc(sizeof(*s) + len + 1);
	s->hash = hash;
	s->refs = 1;
	s->len = (uint32_t)len;
	memcpy(s->s, str, len);
	s->s[len] = '\0';
	s->next = *at;
	*at = s;
	t->bytes += sizeof(*s) + len + 1;
	if (++t->count > t->n_buckets)
		grow(t);
	return s;
}

void intern_put(struct intern *t, struct istr *s)
{
	struct istr **at;

	if (!s || --s->refs)
		return;
	at = &t->buckets[s->hash & (t->n_buckets - 1)];
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	t->count--;
	t->bytes -= sizeof(*s) + s->len + 1;
	free(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/intern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/reclaim.h"

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 u128;
	u128 product = (u128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word(const char *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

uint64_t hash_bytes(const void *s, size_t len, uint64_t seed)
{
	const uint64_t odd = 0x9e3779b97f4a7c15ULL;
	const char *p = s;
	uint64_t h = seed ^ len;

	for (; len > 8; p += 8, len -= 8)
		h = mix(h ^ word(p, 8), odd ^ seed);
	h = mix(h ^ word(p, len), odd);
	return mix(h, odd ^ seed);
}

uint64_t hash_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint64_t)(uintptr_t)&seed; /* address layout is random, too */
	return seed | 1;
}

void intern_init(struct intern *t, struct reclaim *reclaim)
{
	t->reclaim = reclaim;
	t->seed = hash_seed();
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
	uint32_t hash = (uint32_t)hash_bytes(str, len, t->seed);
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
	if (t->reclaim)
		reclaim_add(t->reclaim, s, NULL, sizeof(*s) + s->len + 1);
	else
		free(s);
}

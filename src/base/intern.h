/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned strings: each distinct string is held once and counted. What processes have in common
 * (executables, directories, names) costs a pointer. One thread.
 */
#ifndef TSR_BASE_INTERN_H
#define TSR_BASE_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct istr {
	struct istr *next;
	uint32_t hash;
	uint32_t refs;
	uint32_t len;
	char s[]; /* len bytes and a NUL */
};

struct intern {
	struct istr **buckets;
	size_t n_buckets; /* a power of two */
	size_t count;
	size_t bytes; /* held, with the headers */
};

void intern_init(struct intern *t);
void intern_free(struct intern *t);

/* The string, with a reference that the caller owns. */
struct istr *intern_get(struct intern *t, const char *s, size_t len);
void intern_put(struct intern *t, struct istr *s);

static inline struct istr *istr_ref(struct istr *s)
{
	if (s)
		s->refs++;
	return s;
}

/* FNV-1a; for hash tables of what is not under an attacker's control in number. */
static inline uint32_t hash_bytes(const char *s, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h;
}

#endif

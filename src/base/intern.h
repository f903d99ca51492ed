/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned strings: each distinct string (or other bytes) is held once and counted. What processes
 * have in common (executables, directories, names, credentials) costs a pointer. One thread gets and
 * puts; with a reclaim, others can read a string that they found within a read section.
 */
#ifndef TSR_BASE_INTERN_H
#define TSR_BASE_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct reclaim;

struct istr {
	struct istr *next;
	uint32_t hash;
	uint32_t refs;
	uint32_t len;
	char s[] __attribute__((aligned(8))); /* len bytes and a NUL */
};

struct intern {
	struct istr **buckets;
	size_t n_buckets; /* a power of two */
	size_t count;
	size_t bytes; /* held, with the headers */
	uint64_t seed;
	struct reclaim *reclaim;
};

/* reclaim: who frees the strings; NULL: at once. */
void intern_init(struct intern *t, struct reclaim *reclaim);
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

/*
 * A keyed hash, eight bytes a step: what processes are called is up to them, so the seed keeps them
 * from choosing strings that collide.
 */
uint64_t hash_bytes(const void *s, size_t len, uint64_t seed);

/* For seeds: differs from run to run. */
uint64_t hash_seed(void);

#endif

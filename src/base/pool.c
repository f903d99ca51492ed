/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#if defined(__SANITIZE_ADDRESS__)
#define USE_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define USE_MALLOC 1
#endif
#endif

#define CHUNK (64UL << 10)

struct pool_chunk {
	struct pool_chunk *next;
	void *pad; /* objects are aligned to 16 as malloc's are */
};

void pool_init(struct pool *p, size_t size)
{
	*p = (struct pool){ .size = size };
}

void pool_end(struct pool *p)
{
	for (struct pool_chunk *c = p->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	*p = (struct pool){ .size = p->size };
}

#ifdef USE_MALLOC

void *pool_get(struct pool *p)
{
	p->in_use++;
	p->bytes += p->size;
	return xcalloc(1, p->size);
}

void pool_put(struct pool *p, void *object)
{
	p->in_use--;
	p->bytes -= p->size;
	free(object);
}

#else

static void add_chunk(struct pool *p)
{
	struct pool_chunk *c = xmalloc(CHUNK);
	char *at = (char *)(c + 1);

	c->next = p->chunks;
	p->chunks = c;
	p->bytes += CHUNK;
	for (size_t n = (CHUNK - sizeof(*c)) / p->size; n; n--, at += p->size) {
		/* cppcheck-suppress pointerSize ; the first bytes of a free one link it */
		memcpy(at, &p->free_list, sizeof(void *));
		p->free_list = at;
	}
}

void *pool_get(struct pool *p)
{
	void *object;

	if (!p->free_list)
		add_chunk(p);
	object = p->free_list;
	if (!object) /* a chunk has many */
		abort();
	memcpy(&p->free_list, object, sizeof(void *));
	p->in_use++;
	return memset(object, 0, p->size);
}

void pool_put(struct pool *p, void *object)
{
	memcpy(object, &p->free_list, sizeof(void *));
	p->free_list = object;
	p->in_use--;
}

#endif

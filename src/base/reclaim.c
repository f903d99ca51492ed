/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reclaim.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#if defined(__SANITIZE_THREAD__)
#define SEES_RCU  1
#define SANITIZED 1
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SEES_RCU 1
#endif
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* liburcu's inline functions. Its readers are not aligned as it says they are, which UBSan sees. */
#ifndef SANITIZED
#define _LGPL_SOURCE
#endif
#include <urcu/urcu-bp.h>

#include "base/buf.h"
#include "base/clock.h"

/*
 * ThreadSanitizer does not see what happens inside liburcu, which is not built with it. It is told
 * here what a grace period means: all that the writer did before it asked for one, and all that
 * readers did in sections that have ended, comes before what is done when it is over.
 */
#ifdef SEES_RCU
#include <sanitizer/tsan_interface.h>
static char grace_periods;
#define comes_before_end() __tsan_release(&grace_periods)
#define grace_period_end() __tsan_acquire(&grace_periods)
#else
#define comes_before_end() ((void)0)
#define grace_period_end() ((void)0)
#endif

#define BATCH 1000 /* objects for which one grace period is asked */

struct reclaim_batch {
	struct rcu_head rcu;
	atomic_bool over; /* the grace period is */
	struct reclaim_batch *next;
	size_t n, bytes;
	struct {
		void *p;
		struct pool *pool;
	} items[BATCH];
};

void reclaim_init(struct reclaim *r)
{
	*r = (struct reclaim){ 0 };
	r->last = &r->first;
}

static void grace_period_over(struct rcu_head *head)
{
	struct reclaim_batch *b = caa_container_of(head, struct reclaim_batch, rcu);

	grace_period_end();
	atomic_store_explicit(&b->over, true, memory_order_release);
}

static void ask(struct reclaim *r)
{
	struct reclaim_batch *b = r->filling;

	r->filling = NULL;
	b->next = NULL;
	*r->last = b;
	r->last = &b->next;
	comes_before_end();
	urcu_bp_call_rcu(&b->rcu, grace_period_over);
}

void reclaim_add(struct reclaim *r, void *p, struct pool *pool, size_t bytes)
{
	struct reclaim_batch *b = r->filling;

	if (!b) {
		b = r->spare ? r->spare : xmalloc(sizeof(*b));
		r->spare = NULL;
		b->n = b->bytes = 0;
		atomic_init(&b->over, false);
		r->filling = b;
	}
	b->items[b->n].p = p;
	b->items[b->n].pool = pool;
	b->bytes += bytes;
	r->waiting++;
	r->waiting_bytes += bytes;
	if (++b->n == BATCH)
		ask(r);
}

static void free_batch(struct reclaim *r, struct reclaim_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->items[i].pool)
			pool_put(b->items[i].pool, b->items[i].p);
		else
			free(b->items[i].p);
	}
	r->waiting -= b->n;
	r->waiting_bytes -= b->bytes;
	if (r->spare)
		free(b);
	else
		r->spare = b;
}

void reclaim_poll(struct reclaim *r, bool flush)
{
	while (r->first && atomic_load_explicit(&r->first->over, memory_order_acquire)) {
		struct reclaim_batch *b = r->first;

		r->first = b->next;
		if (!r->first)
			r->last = &r->first;
		free_batch(r, b);
	}
	if (flush && r->filling)
		ask(r);
}

void reclaim_end(struct reclaim *r)
{
	if (r->filling)
		ask(r);
	/* not urcu_bp_barrier(): ThreadSanitizer sees races in it */
	for (reclaim_poll(r, false); r->first; reclaim_poll(r, false))
		nanosleep(&(struct timespec){ .tv_nsec = NS_PER_MS }, NULL);
	free(r->spare);
	r->spare = NULL;
}

void read_begin(void)
{
	urcu_bp_read_lock();
}

void read_end(void)
{
	comes_before_end();
	urcu_bp_read_unlock();
}

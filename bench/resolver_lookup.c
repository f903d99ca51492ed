/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it takes to look at a process from another thread, while the writer writes or rests.
 *
 * There can be more threads than processors: the time of a look-up is CPU time of its thread.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "process/view.h"
#include "resolver.h"

#define TARGET_BY_ID 50.0
#define READERS_MAX  4
#define CHUNK	     4096 /* look-ups between two looks at the clock */
#define DEPTH	     5
#define CELL_NS	     150000000 /* how long the readers of a figure run */
#define WRITER_BATCH 1024

enum what {
	BY_PID,
	BY_ID,
	IMAGE,
	ANCESTRY,
	N_WHATS,
};

struct key {
	uint32_t pid, entity_id;
};

struct bench {
	struct world *w;
	struct key *keys; /* of the population, in no order */
	size_t n_keys;
	enum what what;
	atomic_bool stop;
	pthread_barrier_t ready;
	/* the writer's */
	struct tsr_event *events;
	size_t n_events;
	struct series writer;
};

struct reader {
	struct bench *b;
	pthread_t thread;
	size_t at;
	uint64_t failed;
	struct series s;
};

static bool look_up(const struct table *t, enum what what, const struct key *k)
{
	struct process_view views[DEPTH];
	const struct image *i;
	bool ok = false;

	read_begin();
	switch (what) {
	case BY_PID:
		ok = view_find_pid(t, k->pid);
		break;
	case BY_ID:
		ok = view_find(t, k->entity_id);
		break;
	case IMAGE:
		i = view_find(t, k->entity_id);
		if (i) {
			view_image(&views[0], i);
			ok = views[0].pid == k->pid && views[0].exe.len;
		}
		break;
	default:
		i = view_find(t, k->entity_id);
		ok = i && view_ancestry(i, views, DEPTH) == DEPTH && views[DEPTH - 1].pid;
	}
	read_end();
	return ok;
}

/* What is found is what was looked for: here, so that the timed look-ups need not touch it. */
static bool finds(const struct table *t, const struct key *k)
{
	const struct image *by_id, *by_pid;
	bool ok;

	read_begin();
	by_id = view_find(t, k->entity_id);
	by_pid = view_find_pid(t, k->pid);
	ok = by_id && by_pid && by_id->pid == k->pid && by_pid->pid == k->pid;
	read_end();
	return ok;
}

static void *read_on(void *user)
{
	struct reader *r = user;
	struct bench *b = r->b;

	for (size_t i = 0; i < CHUNK; i++) /* its first section makes it known to liburcu, too */
		r->failed += !finds(&b->w->t, &b->keys[(r->at + i) % b->n_keys]);
	pthread_barrier_wait(&b->ready);
	while (!atomic_load_explicit(&b->stop, memory_order_relaxed)) {
		uint64_t ns = clock_of(CLOCK_THREAD_CPUTIME_ID);

		for (size_t i = 0; i < CHUNK; i++) {
			r->failed += !look_up(&b->w->t, b->what, &b->keys[r->at]);
			r->at = r->at + 1 == b->n_keys ? 0 : r->at + 1;
		}
		series_add(&r->s, (double)(clock_of(CLOCK_THREAD_CPUTIME_ID) - ns) / CHUNK);
	}
	return NULL;
}

static void *write_on(void *user)
{
	struct bench *b = user;
	struct table *t = &b->w->t;
	uint64_t span = b->events[b->n_events - 1].ktime - b->events[0].ktime + 1000000;

	pthread_barrier_wait(&b->ready);
	while (!atomic_load_explicit(&b->stop, memory_order_relaxed)) {
		uint64_t ns;

		events_later(b->events, b->n_events, span);
		ns = clock_of(CLOCK_THREAD_CPUTIME_ID);
		for (size_t i = 0; i < b->n_events; i++) {
			apply(t, &b->events[i]);
			if (i % TEND_EVERY == 0)
				table_tend(t, b->events[i].ktime);
		}
		series_add(&b->writer,
			   (double)(clock_of(CLOCK_THREAD_CPUTIME_ID) - ns) / (double)b->n_events);
	}
	return NULL;
}

/* Entity ids are known to the table alone. */
static void take_keys(struct bench *b)
{
	struct world *w = b->w;
	/* those that have as many ancestors as are asked for */
	size_t first = 0, row = 1;

	for (int i = 0; i < DEPTH; i++, row *= CHILDREN)
		first += row;
	b->n_keys = w->n_live - first;
	b->keys = xcalloc(b->n_keys, sizeof(*b->keys));
	for (size_t i = 0; i < b->n_keys; i++) {
		uint32_t pid = w->live[first + i].pid;

		b->keys[i] = (struct key){ pid, table_find(&w->t, pid)->entity_id };
	}
	for (size_t i = b->n_keys; i > 1; i--) {
		size_t other = random_of(&w->random) % i;
		struct key k = b->keys[i - 1];

		b->keys[i - 1] = b->keys[other];
		b->keys[other] = k;
	}
}

static void run_readers(struct bench *b, size_t n_readers, bool with_writer, struct series *all)
{
	struct reader *readers = xcalloc(n_readers, sizeof(*readers));
	pthread_t writer;

	memset(&b->writer, 0, sizeof(b->writer));
	atomic_store(&b->stop, false);
	pthread_barrier_init(&b->ready, NULL, (unsigned int)(n_readers + with_writer + 1));
	if (with_writer && pthread_create(&writer, NULL, write_on, b) != 0)
		abort();
	for (size_t i = 0; i < n_readers; i++) {
		readers[i].b = b;
		readers[i].at = i * b->n_keys / n_readers;
		if (pthread_create(&readers[i].thread, NULL, read_on, &readers[i]) != 0)
			abort();
	}
	pthread_barrier_wait(&b->ready);
	nanosleep(&(struct timespec){ .tv_nsec = CELL_NS }, NULL);
	atomic_store(&b->stop, true);
	for (size_t i = 0; i < n_readers; i++) {
		pthread_join(readers[i].thread, NULL);
		if (readers[i].failed) /* who lives all the time is found all the time */
			abort();
		for (size_t k = 0; k < readers[i].s.n; k++)
			series_add(all, readers[i].s.v[k]);
	}
	if (with_writer)
		pthread_join(writer, NULL);
	pthread_barrier_destroy(&b->ready);
	free(readers);
}

static void bench_cells(struct bench *b, size_t n_readers, bool with_writer)
{
	static const char *const names[N_WHATS] = { "pid", "id", "view", "ancestry" };
	static const char *const labels[N_WHATS] = { "by pid", "by entity id",
						     "by entity id, and a view of it",
						     "by entity id, and views of 5 ancestors" };
	const char *config = with_writer ? "writing" : "resting";
	struct series *s = xcalloc(2, sizeof(*s)), *writer = s + 1;
	char key[96];

	for (b->what = 0; b->what < N_WHATS; b->what++) {
		s->n = s->seen = 0;
		run_readers(b, n_readers, with_writer, s);
		for (size_t i = 0; i < b->writer.n; i++)
			series_add(writer, b->writer.v[i]);
		snprintf(key, sizeof(key), "lookup.%zu.%zu.%s.%s", b->w->n_live, n_readers, config,
			 names[b->what]);
		figure(key, labels[b->what], "ns", s,
		       b->what == BY_ID && with_writer ? TARGET_BY_ID : 0);
	}
	if (with_writer) {
		snprintf(key, sizeof(key), "lookup.%zu.%zu.%s.event", b->w->n_live, n_readers,
			 config);
		figure(key, "the writer meanwhile, an event", "ns", writer, 0);
	}
	free(s);
}

static void bench_live(size_t live)
{
	static const size_t readers[] = { 1, READERS_MAX };
	struct bench *b = xcalloc(1, sizeof(*b));
	struct batch *batch = batch_new(WRITER_BATCH);

	b->w = world_new(live, ENV_PROGRAM);
	take_keys(b);
	world_programs(b->w, batch, WRITER_BATCH);
	b->n_events = batch->n;
	b->events = xcalloc(b->n_events, sizeof(*b->events));
	batch_decode(batch, b->events);
	for (int writing = 0; writing < 2; writing++) {
		for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
			heading("Look-ups, %zu live processes, %zu reader%s, %s", live, readers[i],
				readers[i] == 1 ? "" : "s",
				writing ? "while a writer applies what it can" : "no writer");
			bench_cells(b, readers[i], writing);
		}
	}
	if (b->w->t.stats.placeholders || b->w->t.n_processes != live)
		abort();
	free(b->keys);
	free(b->events);
	batch_free(batch);
	world_free(b->w);
	free(b);
}

void bench_look_up(const struct options *o)
{
	if (o->live) {
		bench_live(o->live);
		return;
	}
	bench_live(1000);
	bench_live(100000);
}

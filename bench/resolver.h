/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the benchmark `resolver` share: figures, clocks, and a world of processes whose
 * messages are made as the kernel side would send them.
 */
#ifndef TSR_BENCH_RESOLVER_H
#define TSR_BENCH_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "process/table.h"
#include "wire/decode.h"

#define CHILDREN     4	  /* of each process of the population: with 1,000 there are lines of 5 */
#define PROGRAMS     200  /* distinct ones */
#define BATCH	     1024 /* programs of a round */
#define KINDS	     3	  /* fork, exec, exit */
#define TEND_EVERY   512  /* events: about as often as the agent does in a replay */
#define SECTIONS_MAX 4

struct options {
	unsigned int rounds;
	unsigned int tries; /* rounds that are made at most, for each that is wanted */
	bool sections[SECTIONS_MAX];
	size_t live;	 /* 0: 1,000 and 100,000 */
	const char *env; /* NULL: all */
};

/* resolver.c: the figures of a run, printed as they come and kept for --json. */

#define SERIES_MAX 4096

/* Values of one kind, from many rounds. When it is full a random one has to go. */
struct series {
	double v[SERIES_MAX];
	size_t n, seen;
};

void series_add(struct series *s, double v);

/* Sorts. 0 if there is none. */
double series_median(struct series *s);

/* Of a number that does not vary. */
void series_set(struct series *s, double v);

void heading(const char *format, ...) __attribute__((format(printf, 1, 2)));
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Prints a figure: median, and the values between which four fifths lie. at_most: the target, 0 if
 * there is none. key tells it apart in the JSON.
 */
void figure(const char *key, const char *label, const char *unit, struct series *s, double at_most);

/* Up to 8 in a row, each with its name. */
void figures(const char *key, const char *label, const char *const *names, const char *unit,
	     struct series *s, size_t n, double at_most);

/* Instructions of user space on this thread so far; 0 if the machine does not count them. */
uint64_t instructions(void);

static inline uint64_t clock_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

/*
 * A stretch of time on this thread. Its length in ns, or 0 if the thread was off its CPU for more
 * than a tenth of it: what was measured meanwhile is something else, and is measured once more.
 */
struct lap {
	uint64_t wall, cpu;
};

static inline struct lap lap_begin(void)
{
	struct lap l = { .cpu = clock_of(CLOCK_THREAD_CPUTIME_ID) };

	l.wall = clock_of(CLOCK_MONOTONIC);
	return l;
}

static inline uint64_t lap_end(struct lap l)
{
	l.wall = clock_of(CLOCK_MONOTONIC) - l.wall;
	l.cpu = clock_of(CLOCK_THREAD_CPUTIME_ID) - l.cpu;
	return l.cpu + l.wall / 10 < l.wall ? 0 : l.wall;
}

/* What the processor's own counter has counted; its unit is found out by whoever uses it. */
static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t t;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
	return t;
#else
	return clock_of(CLOCK_MONOTONIC);
#endif
}

/* Numbers that are the same in each run. */
static inline uint32_t random_of(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33);
}

/* world.c */

/* What the environments of programs have in common. */
enum env_kind {
	ENV_NONE,
	ENV_SAME,    /* all of it */
	ENV_PROGRAM, /* all but `_`, which is the program's path, as a shell sets it */
	ENV_UNIQUE,  /* each has a variable with a value of its own */
	N_ENV_KINDS,
};

struct live {
	uint32_t pid, ppid;
	uint64_t start, parent_start, image;
	uint32_t program, cgroup;
};

/* Messages one after the other, and where each begins. */
struct batch {
	char *bytes;
	size_t len, cap;
	size_t *at; /* n + 1 of them */
	size_t n, n_max;
};

struct world {
	struct table t;
	uint64_t now, random;
	uint32_t next_pid;
	enum env_kind env;
	struct live *live;
	size_t n_live;
	size_t n_shells; /* who starts programs: as many of the youngest of the population */
	struct env_text *texts;
	struct buf tmp;
	size_t since_tended;
};

const char *env_name(enum env_kind kind);

/*
 * n live processes, each of which was forked and has exec'ed, and as many ended ones as a table that
 * has run for a while remembers.
 */
struct world *world_new(size_t n, enum env_kind env);

/* The same in steps: room for n, nothing in the table; then its processes. */
struct world *world_empty(size_t n, enum env_kind env);
void world_populate(struct world *w, bool from_snapshot);
void world_free(struct world *w);

/*
 * Processes number first to last - 1 of a line that begins under pid 1, which is made with the first
 * one: each is forked by the one before it, which ends then, and no reaper is told.
 */
void world_line(struct world *w, size_t first, size_t last);

/* Messages of programs that a shell starts one after the other: fork, exec, exit. */
void world_programs(struct world *w, struct batch *b, size_t n);

struct batch *batch_new(size_t n_programs);
void batch_free(struct batch *b);

/* Decodes all; events is an array of b->n. Aborts if one is not well-formed. */
void batch_decode(const struct batch *b, struct tsr_event *events);

/* Moves decoded events of whole programs to a later time: other processes, which do the same. */
void events_later(struct tsr_event *events, size_t n, uint64_t ns);

void apply(struct table *t, struct tsr_event *ev);

/* Waits until nothing is waiting for readers any more. */
void table_settle(struct table *t, uint64_t now);

/* The sections. */
void bench_apply(const struct options *o);
void bench_look_up(const struct options *o);
void bench_memory(const struct options *o);
void bench_maps(const struct options *o);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it takes to follow a fork, an exec, an exit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "resolver.h"
#include "wire.h"

#define TARGET_APPLY 300.0

/* What one way of taking a batch cost: an event of each kind, one of them all, its instructions. */
enum {
	MEAN = KINDS,
	INSTRUCTIONS,
	N_COSTS,
};

struct cost {
	struct series s[N_COSTS];
};

static const char *const names[N_COSTS] = { "fork", "exec", "exit", "mean", "instructions" };

enum way {
	DECODE_APPLY,
	APPLY,
	DECODE,
	N_WAYS,
};

/* Nothing of a round may be optimized into another; callgrind can be told to look at these only. */
#define TIMED __attribute__((noinline))

TIMED static void take_messages(struct world *w, const struct batch *b)
{
	struct tsr_event ev;

	for (size_t i = 0; i < b->n; i++) {
		const struct msg_common *m = (const void *)(b->bytes + b->at[i]);

		if (wire_decode(m, m->size, NULL, &ev) != WIRE_OK)
			abort();
		apply(&w->t, &ev);
		if (i % TEND_EVERY == 0)
			table_tend(&w->t, ev.ktime);
	}
}

TIMED static void take_events(struct world *w, struct tsr_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		apply(&w->t, &events[i]);
		if (i % TEND_EVERY == 0)
			table_tend(&w->t, events[i].ktime);
	}
}

/* The same with a look at the clock around each event. */
static void take_each(struct world *w, const struct batch *b, struct tsr_event *events,
		      uint64_t spent[KINDS])
{
	uint64_t before = ticks(), after;

	for (size_t i = 0; i < b->n; i++) {
		struct tsr_event ev;

		if (events) {
			apply(&w->t, &events[i]);
		} else {
			const struct msg_common *m = (const void *)(b->bytes + b->at[i]);

			wire_decode(m, m->size, NULL, &ev);
			apply(&w->t, &ev);
		}
		after = ticks();
		spent[i % KINDS] += after - before;
		before = after;
		if (i % TEND_EVERY == 0) {
			table_tend(&w->t, w->now);
			before = ticks();
		}
	}
}

/* What two looks at the clock take that have nothing between them, in ticks. */
static double look_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 1000; i++) {
		uint64_t a = ticks(), b = ticks();

		if (b - a < least)
			least = b - a;
	}
	return (double)least;
}

static void by_kind(struct world *w, const struct batch *b, struct tsr_event *events,
		    struct cost *c)
{
	uint64_t spent[KINDS] = { 0 }, ns, t0;
	double ns_per_tick, look = look_cost();
	struct lap lap = lap_begin();

	t0 = ticks();
	take_each(w, b, events, spent);
	t0 = ticks() - t0;
	ns = lap_end(lap);
	ns_per_tick = (double)ns / (double)t0;
	for (int k = 0; k < KINDS && ns; k++)
		series_add(&c->s[k],
			   ((double)spent[k] / ((double)b->n / KINDS) - look) * ns_per_tick);
}

static void in_all(struct world *w, const struct batch *b, struct tsr_event *events, enum way way,
		   struct cost *c)
{
	uint64_t count = instructions(), ns;
	struct lap lap = lap_begin();

	if (way == DECODE_APPLY)
		take_messages(w, b);
	else if (way == APPLY)
		take_events(w, events, b->n);
	else
		batch_decode(b, events);
	ns = lap_end(lap);
	count = instructions() - count;
	if (ns)
		series_add(&c->s[MEAN], (double)ns / (double)b->n);
	if (count)
		series_add(&c->s[INSTRUCTIONS], (double)count / (double)b->n);
}

static void round_of(struct world *w, struct batch *b, struct tsr_event *events, struct cost *costs)
{
	world_programs(w, b, BATCH);
	in_all(w, b, NULL, DECODE_APPLY, &costs[DECODE_APPLY]);
	world_programs(w, b, BATCH);
	by_kind(w, b, NULL, &costs[DECODE_APPLY]);
	world_programs(w, b, BATCH);
	in_all(w, b, events, DECODE, &costs[DECODE]);
	in_all(w, b, events, APPLY, &costs[APPLY]);
	world_programs(w, b, BATCH);
	batch_decode(b, events);
	by_kind(w, b, events, &costs[APPLY]);
}

static bool enough(const struct cost *costs, unsigned int rounds)
{
	bool all = costs[DECODE].s[MEAN].n >= rounds;

	for (int k = 0; k <= MEAN; k++)
		all = all && costs[DECODE_APPLY].s[k].n >= rounds && costs[APPLY].s[k].n >= rounds;
	return all;
}

static void show_way(const char *config, const char *key, const char *label, struct cost *c,
		     double target)
{
	/* decoding alone is not timed by kind */
	int first = c->s[0].n ? 0 : MEAN;
	char full[128];

	snprintf(full, sizeof(full), "apply.%s.%s", config, key);
	figures(full, label, names + first, "ns", c->s + first, (size_t)(MEAN + 1 - first), target);
	snprintf(full, sizeof(full), "apply.%s.%s.%s", config, key, names[INSTRUCTIONS]);
	if (c->s[INSTRUCTIONS].n)
		figure(full, "  instructions of an event", "", &c->s[INSTRUCTIONS], 0);
}

/* shells: how many start programs; 0: as many as usual. Returns what an exec takes to apply. */
static double bench_config(size_t live, enum env_kind env, size_t shells, const struct options *o)
{
	struct cost *costs = xcalloc(N_WAYS, sizeof(*costs));
	struct world *w = world_new(live, env);
	struct batch *b = batch_new(BATCH);
	struct tsr_event *events = xcalloc(b->n_max, sizeof(*events));
	uint64_t made = w->t.stats.forks, n = 0;
	char config[64];
	double exec;

	if (shells)
		w->n_shells = shells;
	for (; n <= (uint64_t)o->tries * o->rounds && !(n > o->rounds && enough(costs, o->rounds));
	     n++) {
		if (n == 1) /* the first warms up */
			memset(costs, 0, N_WAYS * sizeof(*costs));
		round_of(w, b, events, costs);
	}
	/* figures of events that were not what they were meant to be are worth nothing */
	if (w->t.stats.forks - made != 4 * BATCH * n || w->t.stats.stale ||
	    w->t.stats.placeholders || w->t.stats.lost_execs || w->t.n_processes != live)
		abort();
	snprintf(config, sizeof(config), "%zu.%s%s", live, env_name(env),
		 shells ? ".all_fork" : "");
	show_way(config, "decode_apply", "decode and apply", &costs[DECODE_APPLY], 0);
	show_way(config, "decode", "decode only", &costs[DECODE], 0);
	show_way(config, "apply", "apply only", &costs[APPLY], TARGET_APPLY);
	exec = series_median(&costs[APPLY].s[1]);
	free(events);
	batch_free(b);
	world_free(w);
	free(costs);
	return exec;
}

static void bench_live(size_t live, const struct options *o)
{
	static const char *const about[N_ENV_KINDS] = {
		[ENV_NONE] = "no environments",
		[ENV_SAME] = "environments all the same",
		[ENV_PROGRAM] = "environments differ in `_` (200 programs)",
		[ENV_UNIQUE] = "environments all differ in one variable",
	};
	double exec[N_ENV_KINDS] = { 0 };

	for (enum env_kind env = ENV_NONE; env < N_ENV_KINDS; env++) {
		if (o->env && strcmp(o->env, env_name(env)) != 0)
			continue;
		heading("Events applied, %zu live processes, of which 16 start programs; %s", live,
			about[env]);
		exec[env] = bench_config(live, env, 0, o);
	}
	if (o->env)
		return;
	heading("Of that the environment, %zu live processes: an exec with one less one without",
		live);
	for (enum env_kind env = ENV_SAME; env < N_ENV_KINDS; env++) {
		struct series s = { 0 };
		char key[64];

		series_set(&s, exec[env] - exec[ENV_NONE]);
		snprintf(key, sizeof(key), "apply.%zu.environment.%s", live, env_name(env));
		figure(key, about[env], "ns", &s, 0);
	}
}

void bench_apply(const struct options *o)
{
	if (o->live) {
		bench_live(o->live, o);
		return;
	}
	bench_live(1000, o);
	bench_live(100000, o);
	heading("Events applied, 100000 live processes, of which all start programs; environments "
		"differ in `_` (200 programs)");
	bench_config(100000, ENV_PROGRAM, 100000, o);
}

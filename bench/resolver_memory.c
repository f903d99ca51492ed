/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a live process takes in memory, and what is left of one that has ended.
 *
 * Each figure is taken in a process of its own, forked before there was anything else: what malloc()
 * has given back stays in the RSS, and liburcu's thread is not in a fork.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "resolver.h"
#include "resolver_plain.h"

#define TARGET_LIVE 700.0
#define TARGET_STUB 64.0
#define MANY	    100000
#define MIB	    1048576.0

enum part {
	PROCESSES,
	IMAGES,
	INFOS,
	STRINGS,
	LISTS,
	MAPS,
	N_PARTS,
};

struct memory {
	bool ok;
	double counted, rss; /* bytes for each */
	double parts[N_PARTS];
};

static const char *const part_names[N_PARTS] = {
	[PROCESSES] = "processes",	     [IMAGES] = "images",
	[INFOS] = "what is known of images", [STRINGS] = "strings",
	[LISTS] = "arguments, environments", [MAPS] = "maps",
};

static double rss(void)
{
	unsigned long long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%llu %llu", &size, &resident) != 2)
		abort();
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void parts_of(const struct table *t, double parts[N_PARTS])
{
	parts[PROCESSES] = (double)t->processes.bytes;
	parts[IMAGES] = (double)t->images.bytes;
	parts[INFOS] = (double)t->infos.bytes;
	parts[STRINGS] =
		(double)(t->strings.bytes + t->strings.n_buckets * sizeof(*t->strings.buckets));
	parts[LISTS] = (double)t->args_bytes;
	parts[MAPS] = (double)(rcumap_bytes(&t->pids) + rcumap_bytes(&t->entities));
}

struct from {
	enum env_kind env;
	bool snapshot;
};

static void take_live(struct memory *m, const struct from *from)
{
	struct world *w = world_empty(MANY, from->env);
	double before = (double)table_bytes(&w->t), rss_before;

	/* the thread of liburcu, the first chunks */
	table_settle(&w->t, w->now);
	rss_before = rss();
	world_populate(w, from->snapshot);
	table_settle(&w->t, w->now);
	m->rss = (rss() - rss_before) / MANY;
	m->counted = ((double)table_bytes(&w->t) - before) / MANY;
	parts_of(&w->t, m->parts);
	for (int i = 0; i < N_PARTS; i++)
		m->parts[i] /= MANY;
	m->ok = true;
}

/*
 * Each forks the next, which then ends; nobody is told to be its children's reaper, so that the last
 * has all of them above it.
 */
static void take_stubs(struct memory *m, const struct from *from)
{
	struct world *w = world_empty(TABLE_EXITED_MAX + MANY + 1, from->env);
	double before, rss_before, n;

	world_line(w, 1, TABLE_EXITED_MAX + 1); /* as many are remembered anyway */
	table_settle(&w->t, w->now);
	before = (double)table_bytes(&w->t);
	n = (double)w->t.stats.stubs;
	rss_before = rss();
	world_line(w, TABLE_EXITED_MAX + 1, TABLE_EXITED_MAX + MANY + 1);
	table_settle(&w->t, w->now);
	n = (double)w->t.stats.stubs - n;
	m->counted = ((double)table_bytes(&w->t) - before) / n;
	m->rss = (rss() - rss_before) / n;
	m->ok = (size_t)n == MANY;
}

/* What a struct for each process and two tables that find it take, if there is nothing else. */
static void take_plain(struct memory *m, const struct from *from)
{
	struct plain pids, ids;
	double before = rss();

	(void)from;
	plain_init(&pids);
	plain_init(&ids);
	for (uint32_t i = 1; i <= MANY; i++) {
		struct plain_process *p = xmalloc(sizeof(*p));

		memset(p, 1, sizeof(*p));
		plain_add(&pids, i, p);
		plain_add(&ids, i * 0x9e3779b9U, p);
	}
	m->rss = (rss() - before) / MANY;
	m->counted = (double)(plain_bytes(&pids) + plain_bytes(&ids)) / MANY +
		     sizeof(struct plain_process);
	m->ok = true;
}

static struct memory apart(void (*take)(struct memory *m, const struct from *from),
			   struct from from)
{
	struct memory m = { 0 };
	int fds[2];
	pid_t pid;

	fflush(stdout);
	if (pipe(fds) != 0 || (pid = fork()) < 0)
		abort();
	if (!pid) {
		take(&m, &from);
		_exit(write(fds[1], &m, sizeof(m)) != (ssize_t)sizeof(m));
	}
	close(fds[1]);
	if (read(fds[0], &m, sizeof(m)) != (ssize_t)sizeof(m) || !m.ok)
		abort();
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return m;
}

static void show(const char *key, const char *label, double bytes, double target)
{
	struct series s = { 0 };

	series_set(&s, bytes);
	figure(key, label, "bytes", &s, target);
}

static void show_live(const char *key, struct from from)
{
	struct memory m = apart(take_live, from);
	char full[96];

	snprintf(full, sizeof(full), "memory.live.%s", key);
	show(full, "for each, as the table counts", m.counted, TARGET_LIVE);
	for (int i = 0; i < N_PARTS; i++) {
		char label[64];

		snprintf(full, sizeof(full), "memory.live.%s.part%d", key, i);
		snprintf(label, sizeof(label), "  %s", part_names[i]);
		show(full, label, m.parts[i], 0);
	}
	snprintf(full, sizeof(full), "memory.live.%s.rss", key);
	show(full, "for each, of the process's RSS", m.rss, TARGET_LIVE);
	remark("  in all %.1f MiB, %.1f MiB of RSS", m.counted * MANY / MIB, m.rss * MANY / MIB);
}

void bench_memory(const struct options *o)
{
	struct memory m;

	(void)o;
	heading("Memory of %d live processes: 200 programs, arguments all different", MANY);
	remark("  each forked and exec'ed, all with the same environment");
	show_live("same", (struct from){ ENV_SAME, false });
	remark("  each forked and exec'ed, environments differ in `_`");
	show_live("program", (struct from){ ENV_PROGRAM, false });
	remark("  from the snapshot, environments differ in `_`");
	show_live("snapshot", (struct from){ ENV_PROGRAM, true });
	m = apart(take_plain, (struct from){ ENV_NONE, false });
	remark("  the limit: two plain tables, and a malloc'ed struct of %zu bytes for each",
	       sizeof(struct plain_process));
	show("memory.plain", "for each", m.counted, 0);
	show("memory.plain.rss", "for each, of the process's RSS", m.rss, 0);

	heading("Memory of what is left of %d ended processes that something descends from", MANY);
	m = apart(take_stubs, (struct from){ ENV_SAME, false });
	show("memory.stub", "a stub and its place in the map", m.counted, 0);
	show("memory.stub.rss", "the same, of the process's RSS", m.rss, 0);
	show("memory.stub.struct", "the stub itself", sizeof(struct image), 0);
	/* its names are shared; what it has of them are two pointers */
	show("memory.stub.unnamed", "the stub itself but the pointers to its names",
	     sizeof(struct image) - 2 * sizeof(struct istr *), TARGET_STUB);
	show("memory.stub.all", "stub and place in the map but the pointers to its names",
	     m.counted - 2 * sizeof(struct istr *), TARGET_STUB);
}

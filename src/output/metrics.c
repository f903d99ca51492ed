/* SPDX-License-Identifier: Apache-2.0 */
#include "output/metrics.h"

struct metric {
	const char *name; /* of groups and, last, its own, with dots between them */
	uint64_t value;
};

/* How much of both names is groups that they share. */
static size_t shared_groups(const char *a, const char *b)
{
	size_t n = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '.')
			n = i + 1;
	return n;
}

static void close_groups(struct buf *out, const char *name)
{
	while ((name = strchr(name, '.'))) {
		buf_char(out, '}');
		name++;
	}
}

/* Metrics of a group stand beside each other. */
static void write_json(struct buf *out, const struct metric *list, size_t n)
{
	const char *before = "", *name, *dot;

	buf_char(out, '{');
	for (size_t i = 0; i < n; i++) {
		size_t shared = shared_groups(before, list[i].name);

		close_groups(out, before + shared);
		if (i)
			buf_char(out, ',');
		for (name = list[i].name + shared; (dot = strchr(name, '.')); name = dot + 1)
			buf_printf(out, "\"%.*s\":{", (int)(dot - name), name);
		buf_printf(out, "\"%s\":", name);
		buf_u64(out, list[i].value);
		before = list[i].name;
	}
	close_groups(out, before);
	buf_char(out, '}');
}

static void write_text(struct buf *out, const struct metric *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(out, list[i].name);
		buf_char(out, ' ');
		buf_u64(out, list[i].value);
		buf_char(out, '\n');
	}
}

/* All that came and is not held any more. */
static uint64_t flushed(const struct table_stats *s)
{
	uint64_t added = 0;

	for (size_t i = 0; i < N_ORIGINS; i++)
		added += s->added[i];
	return added - s->processes;
}

void metrics_write(struct buf *out, const struct table *t, const struct lookup *l, bool json)
{
	static const struct lookup_stats none;
	const struct lookup_stats *k = l ? &l->stats : &none;
	const struct table_stats *s = &t->stats;
	const struct metric list[] = {
		{ "cache_size", t->n_processes },
		{ "held.processes", s->processes },
		{ "held.images", s->images },
		{ "held.stubs", s->stubs },
		{ "held.bytes", table_bytes(t) },
		{ "hits.cache", k->hits[HIT_CACHE] },
		{ "hits.kernel_maps", k->hits[HIT_KERNEL_MAP] },
		{ "hits.procfs", k->hits[HIT_PROCFS] },
		{ "misses", k->misses },
		{ "added.event", s->added[FROM_EVENT] },
		{ "added.snapshot", s->added[FROM_SNAPSHOT] },
		{ "added.kernel_map", s->added[FROM_KERNEL_MAP] },
		{ "added.procfs", s->added[FROM_PROCFS] },
		{ "added.placeholder", s->added[FROM_PLACEHOLDER] },
		{ "flushed", flushed(s) },
		{ "evicted", s->evicted },
		{ "over_cap", s->over_cap },
		{ "path_errors", s->path_errors },
		{ "orphans_dropped", s->orphans_dropped },
		{ "args.truncated", s->args_truncated },
		{ "args.size", s->args_bytes },
		{ "envs.truncated", s->env_truncated },
		{ "envs.size", s->env_bytes },
		{ "broken_lineage.missing_parent", s->lineage[LINEAGE_MISSING_PARENT] },
		{ "broken_lineage.wrong_parent", s->lineage[LINEAGE_WRONG_PARENT] },
		{ "broken_lineage.incomplete", s->lineage[LINEAGE_INCOMPLETE] },
		{ "inode_mismatch", k->inode_mismatch },
		{ "reparent.success.exit", s->reparented[REPARENT_EXIT] },
		{ "reparent.success.event", s->reparented[REPARENT_EVENT] },
		{ "reparent.success.lookup", s->reparented[REPARENT_LOOKUP] },
		{ "reparent.failed.exit", s->reparent_failed[REPARENT_EXIT] },
		{ "reparent.failed.event", s->reparent_failed[REPARENT_EVENT] },
		{ "reparent.failed.lookup", s->reparent_failed[REPARENT_LOOKUP] },
		{ "procfs.limiter_drops", k->limited },
		{ "procfs.deferred", k->deferred },
		{ "procfs.given_up", k->given_up },
		{ "procfs.ns", k->procfs_ns },
		{ "procfs.max_ns", k->procfs_max_ns },
		{ "lost.execs", s->lost_execs },
		{ "lost.exits", s->lost_exits },
		{ "forks.applied", s->forks },
		{ "forks.bad", s->bad_forks },
		{ "execs.applied", s->execs },
		{ "execs.equal", s->equal_execs },
		{ "exits.applied", s->exits },
		{ "exits.late", s->late },
		{ "stale", s->stale },
		{ "reused_pids", s->reused_pids },
		{ "images.spliced", s->spliced },
		{ "images.compacted", s->compacted },
	};
	size_t n = sizeof(list) / sizeof(list[0]);

	if (json)
		write_json(out, list, n);
	else
		write_text(out, list, n);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding out about processes that the table does not know: their forks or execs were lost, or they
 * are asked for by pid. In this order: the table; what the kernel side has kept; /proc.
 *
 * What is found comes as a message, like everything else (so it is in a recording, and a replay need
 * not ask): the functions that ask deliver it to the pipeline, which applies it before they return.
 * Parents are asked for before their children, LOOKUP_DEPTH levels up at most.
 *
 * The pipeline thread only. What it costs is bounded: a pid is asked for in /proc once in 30 s, and
 * no more than LOOKUP_SHARE of the time goes into that while events wait; the rest waits for a
 * quiet moment.
 */
#ifndef TSR_PROCESS_LOOKUP_H
#define TSR_PROCESS_LOOKUP_H

#include "process/table.h"

#define LOOKUP_DEPTH	16
#define LOOKUP_AGAIN_S	30   /* seconds until a pid is asked for in /proc again */
#define LOOKUP_LIMITER	1024 /* pids that are remembered for that */
#define LOOKUP_SHARE	20   /* of the time: one part in so many */
#define LOOKUP_PENDING	1024 /* that wait for a quiet moment; more are given up and counted */
#define REPARENT_LEVELS 3    /* fork edges that a reparenting through /proc goes up */

/*
 * Both deliver what they know of a process as an exec message that is marked as a walk's, and return
 * 0; -ENOENT or the like if there is nothing. start 0: whoever has the pid now.
 */
struct lookup_ops {
	int (*kernel_map)(void *user, uint32_t pid, uint64_t start); /* NULL: there is none */
	int (*procfs)(void *user, uint32_t pid, uint64_t start);     /* NULL: there is none */
};

enum lookup_hit { HIT_CACHE, HIT_KERNEL_MAP, HIT_PROCFS, N_HITS };

struct lookup_stats {
	uint64_t hits[N_HITS], misses;
	uint64_t inode_mismatch;
	uint64_t limited;		   /* not asked in /proc: asked lately */
	uint64_t deferred;		   /* put off: events wait */
	uint64_t given_up;		   /* too many were put off */
	uint64_t procfs_ns, procfs_max_ns; /* time spent while events waited; the longest */
};

struct lookup {
	struct table *table;
	struct lookup_ops ops;
	void *user;
	bool ready; /* the snapshot is complete; before, the kernel's maps are not asked */
	unsigned int depth;
	bool quiet; /* no event waits */
	struct {
		uint32_t pid;
		uint64_t at;
	} asked[LOOKUP_LIMITER];
	struct {
		uint32_t pid;
		uint64_t start;
	} pending[LOOKUP_PENDING];
	size_t n_pending;
	uint64_t spent, spent_since; /* ns in /proc, and since when */
	struct lookup_stats stats;
};

void lookup_init(struct lookup *l, struct table *t, const struct lookup_ops *ops, void *user);

/*
 * The newest image of the live process with a pid, or NULL. inode, if not 0, is that of the
 * executable that it runs now: another one is a sign that what we hold is stale. If it still is
 * another one when /proc was asked, what was found is returned and marked (IMAGE_PARENT_MISSING).
 */
struct image *lookup_resolve(struct lookup *l, uint32_t pid, uint64_t inode, bool procfs);

/* Before an event is applied: asks for those it names that the table does not know. */
void lookup_before(struct lookup *l, const struct tsr_event *ev);

/*
 * Asks /proc for the parents of those above an image whose own parents have ended, or are missing;
 * REPARENT_LEVELS levels up. The number of processes that got another parent.
 */
unsigned int lookup_reparent(struct lookup *l, struct image *i);

/* No event waits: what was put off is done, for at most max_ns. */
void lookup_tend(struct lookup *l, uint64_t max_ns);

#endif

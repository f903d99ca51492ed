/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that are, and of those that were what still matters to a descendant, or mattered a
 * moment ago.
 *
 * One thread, the pipeline thread, calls all of this; process/view.h is for the others. No I/O
 * happens here: what is not known is asked for by process/lookup.h, and comes as a message.
 */
#ifndef TSR_PROCESS_TABLE_H
#define TSR_PROCESS_TABLE_H

#include "base/buf.h"
#include "base/pool.h"
#include "base/rcumap.h"
#include "process/model.h"

#define TABLE_MEMORY_DEFAULT (256UL << 20)
#define TABLE_EXITED_SECONDS 30	   /* an ended process can be looked up this long... */
#define TABLE_EXITED_MAX     16384 /* ...or until so many others have ended */
#define TABLE_ORPHANS_MAX    256

/* What is wrong with a line of ancestors. */
enum lineage {
	LINEAGE_OK,
	LINEAGE_MISSING_PARENT, /* an ancestor is known to be wrong or unknown */
	LINEAGE_WRONG_PARENT,	/* pid 1 stands above pid 1 */
	LINEAGE_INCOMPLETE,	/* the line does not reach pid 1 */
	N_LINEAGES,
};

/* Through which path a process got another parent, or should have. */
enum reparent_path {
	REPARENT_EXIT,	 /* its parent ended, and the kernel said who takes its children */
	REPARENT_EVENT,	 /* the parent that its own event named */
	REPARENT_LOOKUP, /* what a walk or /proc said after a loss */
	N_REPARENT_PATHS,
};

struct table_stats {
	uint64_t processes; /* live and dead that are held */
	uint64_t images, stubs;
	uint64_t added[N_ORIGINS];
	uint64_t forks, execs, exits, renames;
	uint64_t equal_execs; /* of an image over an equal one: no new image */
	uint64_t entity_collisions;
	uint64_t reused_pids; /* whose exit was not seen: another had the pid */
	uint64_t lost_exits;  /* found gone in a walk */
	uint64_t lost_execs;  /* the kernel's image was a newer one than ours */
	uint64_t placeholders;
	uint64_t stale;	      /* events from before the snapshot of their process */
	uint64_t bad_forks;   /* of pid 0, of itself, or with a parent that is younger */
	uint64_t late;	      /* events of a process whose end had been seen */
	uint64_t path_errors; /* execs whose path was cut or could not be read */
	uint64_t args_truncated, env_truncated;
	uint64_t args_bytes, env_bytes; /* of all that came */
	uint64_t spliced;		/* images of the middle of a long line of execs */
	uint64_t compacted;		/* stubs that were made */
	uint64_t evicted;		/* ended processes forgotten before their time */
	uint64_t over_cap;		/* times that nothing was left to give up */
	uint64_t orphans_dropped;	/* children that were not asked about: too many at a time */
	uint64_t lineage[N_LINEAGES];	/* of the events shown */
	uint64_t reparented[N_REPARENT_PATHS], reparent_failed[N_REPARENT_PATHS];
};

struct env_keys;

struct exited {
	struct image *image;
	uint64_t at;
};

/* The lists of environment names that were seen last: processes mostly pass on what they got. */
#define ENV_CACHE 64

struct table {
	struct reclaim reclaim;
	struct pool processes, images, infos;
	struct rcumap pids;	/* pid -> struct process */
	struct rcumap entities; /* entity id -> struct image, the newest of its process */
	struct intern strings;
	struct {
		uint64_t hash; /* of all names and values */
		struct args *env;
	} env_cache[ENV_CACHE];
	struct exited *exited; /* a ring of TABLE_EXITED_MAX */
	size_t exited_first, n_exited;
	size_t n_processes; /* live */
	size_t args_bytes;  /* held in struct args */
	size_t memory_cap;  /* bytes */
	int64_t boot_offset;
	uint64_t now;	/* ktime of the last event */
	uint64_t doubt; /* something was lost until then, and no walk was made since; 0: nothing */
	uint64_t snapshot_end; /* when the last process of the snapshot was seen */
	bool unlinked;	       /* processes of the snapshot whose parents came after them */
	bool keep_env;	       /* whole environments, not only names */
	uint64_t seed;
	const struct env_keys
		*env_keys; /* variables whose values are kept; the caller's, or NULL */
	/* Children of a parent that ended and whose reaper we do not know: to be asked for. */
	struct {
		uint32_t pid;
		uint64_t start;
	} orphans[TABLE_ORPHANS_MAX];
	size_t n_orphans;
	struct table_stats stats;
};

void table_init(struct table *t, int64_t boot_offset);

/* No reader may come any more. */
void table_free(struct table *t);

/*
 * Follows an event and links it to its process, image and child. False: it is from before the
 * snapshot of its process, which holds its effect already, and is not to be shown.
 */
bool table_apply(struct table *t, struct tsr_event *ev);

/* The end of a walk: who was not told in it has ended without our seeing. */
void table_walked(struct table *t, const struct tsr_event *ev);

/* Links those of the snapshot that came before their parents; done at the first event after it. */
void table_link(struct table *t);

/* The event was shown: what ended with it may go. */
void table_done(struct table *t, struct tsr_event *ev);

/* Frees what no reader can see any more; now and then, at least once in a second. */
void table_reclaim(struct table *t);

/* Once in a second: forgets those that have ended long ago, and keeps to the cap. now: boot clock. */
void table_tend(struct table *t, uint64_t now);

/* The newest live process with this pid, or NULL. */
struct process *table_find(const struct table *t, uint32_t pid);

/* The live process with this identity, or NULL. */
struct process *table_lookup(struct table *t, uint32_t pid, uint64_t start);

/* The newest image of a process that has ended, not long ago, or NULL. */
struct image *table_ended(const struct table *t, uint32_t pid, uint64_t start);

/* Bytes held, with what waits for readers. */
size_t table_bytes(const struct table *t);

/* Keeps what a format made of an image in one of its places: most events need the same again. */
void image_keep(struct table *t, struct args **place, const char *bytes, size_t len);

/* What is wrong above an image. The writer, or a reader within a read section. */
enum lineage lineage_check(const struct image *i);

/*
 * The same for what an event of a time shows: a line is in doubt, too, where something was lost since
 * one in it was told last, until a walk has told of all; and where one in it is known as of later
 * only, from the snapshot. The writer.
 */
enum lineage lineage_at(const struct table *t, const struct image *i, uint64_t when);

/* Something was lost before a time: what was told before may not be so any more. */
void table_doubt(struct table *t, uint64_t when);

const char *lineage_name(enum lineage l);
const char *origin_name(enum process_origin o);

/* Updates that do not come with who acted: of the leader of the process. */
void table_set_creds(struct table *t, struct process *p, const struct creds *c);

#endif

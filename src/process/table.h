/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that are, and of those that were what still matters to a descendant.
 *
 * The model: a process is a (pid, start time); what it runs between two execs is an image. An
 * image has an exec edge to the one it replaced; a process has a fork edge to the image that made
 * it, which moves to the reaper when the kernel gives the process another parent. Images are
 * counted: the newest one is held by its process, older ones by those who descend from them.
 *
 * One thread, the pipeline thread, owns all of it. No I/O happens here.
 */
#ifndef TSR_PROCESS_TABLE_H
#define TSR_PROCESS_TABLE_H

#include "base/buf.h"
#include "base/intern.h"
#include "event/event.h"

/* Where we know a process from. */
enum process_origin {
	FROM_EVENT,	  /* its fork */
	FROM_SNAPSHOT,	  /* it existed at start */
	FROM_PLACEHOLDER, /* its own later event: its fork was not seen */
};

/* A list of strings of an image, each ending in NUL; shared by the images that have the same. */
struct args {
	uint32_t refs;
	uint32_t len;
	char bytes[];
};

struct image {
	struct process *process;
	struct image *previous; /* exec edge */
	struct istr *exe, *cwd, *cgroup, *tty;
	struct args *argv;
	/*
	 * What a format made of it, as somebody's ancestor and of what does not change in it; the
	 * one goes when the name changes, the other is shared with what is forked from it.
	 */
	struct args *rendered, *rendered_self;
	uint64_t ktime; /* when it began: the exec, or the start of the process */
	uint32_t refs;
	bool is_exec, is_exec_exec, argv_truncated, exe_deleted, cwd_deleted;
	char comm[EV_COMM_LEN];
};

struct process {
	struct process *next_pid;    /* chain of the pid map */
	struct process *next_entity; /* chain of the entity map */
	struct image *image;	     /* the newest; counted while the process lives */
	struct image *forked_by;     /* fork edge; NULL: none or not known */
	struct process *children, *next_sibling, **prev_sibling;
	uint64_t start;	      /* boot clock */
	uint64_t snapshot_at; /* events of it before this are in the snapshot already */
	uint32_t pid, ns_pid, entity_id;
	uint32_t ppid; /* the kernel's parent, 0 if it has none */
	uint64_t parent_start;
	uint32_t uid, gid, euid;
	uint32_t refs; /* the map's, and one for each image */
	uint8_t origin;
	bool kthread, dead, start_coarse;
	bool unknown_parent; /* a placeholder: what is above it was never told */
};

struct table_stats {
	uint64_t processes, images;
	uint64_t entity_collisions;
	uint64_t reused_pids; /* whose exit was not seen */
	uint64_t placeholders;
	uint64_t stale; /* events from before the snapshot of their process */
};

struct recent;

struct table {
	struct process **pids, **entities;
	size_t n_buckets, n_processes;
	struct intern strings;
	int64_t boot_offset;
	struct recent *recent; /* entity ids of processes that have just ended */
	uint32_t now_ms;
	struct table_stats stats;
	uint64_t snapshot_end; /* when the last process of the snapshot was seen */
	bool unlinked;	       /* processes of the snapshot whose parents came after them */
};

void table_init(struct table *t, int64_t boot_offset);
void table_free(struct table *t);

/*
 * Follows an event and links it to its process, image and child. False: it is from before the
 * snapshot of its process, which holds its effect already, and is not to be shown.
 */
bool table_apply(struct table *t, struct tsr_event *ev);

/* Links those of the snapshot that came before their parents; done at the first event after it. */
void table_link(struct table *t);

/* The event was shown: what ended with it may go. */
void table_done(struct table *t, struct tsr_event *ev);

/* The live process with this pid, or NULL. */
struct process *table_find(const struct table *t, uint32_t pid);

/* Keeps what a format made of an image in one of its places: most events need the same again. */
void image_keep(struct args **place, const char *bytes, size_t len);

/* The image above this one by fork edges: of the parent process; NULL at the end. */
static inline struct image *image_parent(const struct image *i)
{
	return i->process->forked_by;
}

/* True if the walk up ends at a process that has no parent, as it should. */
bool lineage_complete(const struct process *p);

#endif

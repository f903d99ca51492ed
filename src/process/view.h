/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at processes from other threads, while the pipeline thread writes: no locks, and nobody
 * waits for anybody.
 *
 * All of it within a read section (read_begin(), read_end() of base/reclaim.h); what a view points
 * to is valid until the section ends. A section is to be short: what the writer gives up meanwhile
 * stays in memory until it ends.
 */
#ifndef TSR_PROCESS_VIEW_H
#define TSR_PROCESS_VIEW_H

#include "base/reclaim.h"
#include "process/table.h"

/* A process as it was at one moment. */
struct process_view {
	const struct image *image;
	uint32_t pid, entity_id;
	uint32_t flags;	     /* enum image_flag */
	uint64_t start;	     /* of the process; boot clock, ns, as all times here */
	uint64_t image_time; /* when the image began */
	uint64_t exit_time;  /* 0: it lives */
	str_t name, exe;
	/* Of one that has ended the rest is not known: zero, empty, NULL. */
	uint32_t ns_pid, ppid;
	uint8_t origin;
	const struct creds *creds;
	str_t cwd, cgroup, tty, called, argv, env;
	struct ev_file file;
	uint64_t cgroup_id;
	const uint32_t *ns; /* in the order of struct ev_exec; NULL: not known */
	uint32_t sid, pgid, nlink;
};

/* The newest image of a process that is held, alive or not, or NULL. */
const struct image *view_find(const struct table *t, uint32_t entity_id);

/* That of the live process with this pid, or NULL. */
const struct image *view_find_pid(const struct table *t, uint32_t pid);

/* What there is to know of an image. */
void view_image(struct process_view *v, const struct image *i);

/*
 * Those above an image by fork edges, the nearest first, at most max of them; their number. A line
 * that is broken or goes in a circle (it never should) ends.
 */
size_t view_ancestry(const struct image *i, struct process_view *views, size_t max);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model: processes, and the images that they run between two execs.
 *
 * A process is a (pid, start time). An image has an exec edge (previous) to the one it replaced and a
 * fork edge (parent) to the image that made its process; the fork edge moves to the reaper's when
 * the kernel gives the process another parent. An image lives as long as something descends from
 * it; when its process has ended, what is left of it is a stub: its names and ids.
 *
 * One thread, the pipeline thread, writes. Others read through process/view.h, within a read
 * section; what they may look at is written with PUBLISH(), and what of a process can change
 * together stands between change_begin() and change_end(). References are counted for the writer
 * alone.
 */
#ifndef TSR_PROCESS_MODEL_H
#define TSR_PROCESS_MODEL_H

#include "base/intern.h"
#include "event/event.h"

#define PUBLISH(at, v) __atomic_store_n(&(at), (v), __ATOMIC_RELEASE)
#define OBSERVE(at)    __atomic_load_n(&(at), __ATOMIC_ACQUIRE)

/* Where we know a process from. */
enum process_origin {
	FROM_EVENT,	  /* its fork */
	FROM_SNAPSHOT,	  /* it existed at start, or was found by a walk after a loss */
	FROM_KERNEL_MAP,  /* its fork was not seen; what the kernel side had kept */
	FROM_PROCFS,	  /* the same, from /proc */
	FROM_PLACEHOLDER, /* its own later event, or that of a child: all else is unknown */
	N_ORIGINS,
};

enum image_flag {
	IMAGE_IS_EXEC = 1,
	IMAGE_IS_EXEC_EXEC = 2,
	IMAGE_PARENT_MISSING = 4, /* we know that what is above it is wrong or unknown */
	IMAGE_EXEC_LOST = 8,	  /* between it and the one before there was another */
	IMAGE_DEAD = 16,	  /* its process has ended */
	IMAGE_KTHREAD = 32,
	IMAGE_ARGV_TRUNCATED = 64,
	IMAGE_EXE_DELETED = 128,
	IMAGE_CWD_DELETED = 256,
	IMAGE_ENV_TRUNCATED = 512,
	IMAGE_HEAD = 1024, /* it is the one that its entity id leads to */
};

/* A list of strings, each ending in NUL, or other bytes; shared by the images that have the same. */
struct args {
	uint32_t refs;
	uint32_t len;
	char bytes[];
};

/* Equal credentials are held once (interned), so that a pointer tells them apart. */
struct creds {
	uint32_t uid, gid, suid, sgid, euid, egid, fsuid, fsgid;
	uint32_t auid, sessionid; /* UINT32_MAX: not set */
	uint64_t cap_permitted, cap_effective, cap_inheritable;
};

/* What is known of an image beyond its names while its process lives. */
struct info {
	struct istr *cwd, *cgroup, *tty;
	struct istr *called; /* the path that was called, if it is another (symlink, script) */
	struct istr *ns;     /* uint32_t[10], in the order of struct ev_exec */
	struct args *argv;
	struct args *env; /* names, and values where these are wanted */
	/* What a format made of it, of what does not change in it; shared with what is forked from it. */
	struct args *rendered_self;
	/* The same of what it is as somebody's ancestor; goes when its name changes. */
	struct args *rendered;
	uint64_t env_hash; /* of all names and values */
	uint64_t cgroup_id;
	struct ev_file file;
	uint32_t nlink, sid, pgid, pad;
};

struct image {
	struct image *previous; /* exec edge */
	struct image *parent;	/* fork edge; the same in all images of a process */
	struct info *info;	/* NULL: a stub */
	/* The process; or, the lowest bit set, twice the time (boot clock, ns) at which it ended. */
	uint64_t life;
	struct istr *exe, *comm;
	uint64_t start; /* of the process */
	uint64_t ktime; /* when it began: the exec, or the start of the process */
	uint32_t pid, entity_id;
	uint32_t refs;
	uint32_t flags; /* enum image_flag */
};

/* A process that lives. */
struct process {
	uint32_t seq; /* odd while it is being changed */
	uint32_t pid, ns_pid, entity_id;
	struct image *image; /* the newest; counted */
	struct istr *creds;  /* struct creds; NULL: not known */
	uint64_t start;
	uint64_t parent_start;
	uint32_t ppid; /* the kernel's parent, 0 if it has none */
	uint8_t origin;
	bool start_coarse;   /* known to the tick of /proc only */
	bool unknown_parent; /* a placeholder: what is above it was never told */
	bool ended;	     /* it had ended already when its last event came */
	uint8_t changing;    /* changes that are under way, one within another */
	struct process *children, *next_sibling, **prev_sibling;
	uint64_t snapshot_at; /* events of it before this are in the snapshot already */
	uint64_t told_at;     /* when its last event was, or it was last seen in a walk */
	uint32_t n_images, scan_at;
	struct extras *extras; /* what few processes have; NULL: nothing */
};

static inline struct process *image_process(const struct image *i)
{
	uint64_t life = OBSERVE(i->life);

	return life & 1 ? NULL : (struct process *)(uintptr_t)life;
}

/* 0 while its process lives. */
static inline uint64_t image_exit_time(const struct image *i)
{
	uint64_t life = OBSERVE(i->life);

	return life & 1 ? life >> 1 : 0;
}

static inline bool image_is(const struct image *i, uint32_t flag)
{
	return OBSERVE(i->flags) & flag;
}

static inline const struct creds *creds_of(const struct process *p)
{
	const struct istr *s = OBSERVE(p->creds);

	return s ? (const struct creds *)(const void *)s->s : NULL;
}

static inline str_t istr_str(const struct istr *s)
{
	return s ? (str_t){ s->s, s->len } : (str_t){ 0 };
}

static inline str_t args_str(const struct args *a)
{
	return a ? (str_t){ a->bytes, a->len } : (str_t){ 0 };
}

/* What of info there is: empty for a stub. */
#define image_str(i, field)  ((i)->info ? istr_str((i)->info->field) : (str_t){ 0 })
#define image_args(i, field) ((i)->info ? args_str((i)->info->field) : (str_t){ 0 })

#endif

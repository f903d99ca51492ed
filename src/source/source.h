/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where messages come from: the live kernel, a recording, or a test. All speak the wire format, so
 * everything behind this seam is the same code for each of them.
 *
 * One thread, the pipeline thread, calls a source; only wake() may be called from others and from
 * signal handlers.
 */
#ifndef TSR_SOURCE_SOURCE_H
#define TSR_SOURCE_SOURCE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tarsier/status.h>

/* What the messages do not say of the machine they come from; a recording's header has it. */
struct source_info {
	char host[256];
	char kernel[160]; /* uname's release and version: 65 bytes each */
	char arch[72];
	char version[64];    /* of the tarsier that made the messages */
	int64_t boot_offset; /* boot clock to epoch, ns */
	uint64_t start;	     /* boot clock: when the source began */
	uint32_t n_cpus;
	bool env_values; /* else environments are names only */
	/* passwd lines "name:uid\n" as they were: user names must not change with the place of replay */
	char *users;
	size_t users_len;
};

/* A message of len bytes, aligned to 8, valid during the call. Nonzero stops the delivery. */
typedef int (*message_fn)(void *user, const void *msg, size_t len);

struct source;

struct source_ops {
	const char *name;
	/*
	 * Begins, and delivers the snapshot: the processes that exist, as exec messages marked so.
	 * When it returns, every hook is attached.
	 */
	enum tsr_status (*start)(struct source *s, message_fn fn, void *user,
				 struct tsr_error *err);
	/*
	 * Waits at most timeout_ms (-1: no limit) for messages and delivers what there is. Returns
	 * the number of messages, 0 if none came or it was woken, -ENODATA at the end of a source
	 * that ends, another negative errno when it failed: then err says why.
	 */
	int (*poll)(struct source *s, int timeout_ms, message_fn fn, void *user,
		    struct tsr_error *err);
	/*
	 * Delivers what is known of one process as an exec message marked as a walk's, now: from
	 * what the kernel side keeps, or from /proc. start (boot clock) 0: whoever has the pid.
	 * 0, or a negative errno: -ENOENT, -ESRCH if there is none. NULL: the source can't.
	 */
	int (*look_up)(struct source *s, bool procfs, uint32_t pid, uint64_t start, message_fn fn,
		       void *user);
	/* Makes a poll under way, or the next one, return at once. Async-signal-safe. */
	void (*wake)(struct source *s);
	/* No more events are made; what was made before can still be polled. */
	void (*stop)(struct source *s);
	void (*close)(struct source *s);
};

struct source {
	const struct source_ops *ops;
	struct source_info info; /* filled when the source is made */
};

/* Fills it for this machine; users is allocated, the source's owner frees it. */
void source_info_local(struct source_info *info);

#endif

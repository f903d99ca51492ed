/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users and groups as a container has them, from its own /etc/passwd and /etc/group: read by
 * a thread, because the file system that they are on is the container's, and can keep a reader waiting
 * for ever. Who asks never waits, and gets the answer later.
 *
 * One thread, the owner's, calls all functions here. What it asks for is a mount namespace: all
 * processes in it are taken to have the same files.
 */
#ifndef TSR_SOURCE_NAMES_H
#define TSR_SOURCE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

#define NAMES_QUEUE    64	     /* asked for, and the answer not taken yet */
#define NAMES_TEXT_MAX (256UL << 10) /* of the names of users, and as much of groups */

struct names;

struct names_answer {
	uint32_t mnt_ns;
	/*
	 * 0: read, though there may be no names, nor such files. -ESRCH: the process that was asked
	 * for was no help (it is gone, or has a root of its own): soon another can be. -ETIMEDOUT: it
	 * takes too long. Or why the files cannot be read.
	 */
	int err;
	str_t users, groups; /* "name:uid\n", "name:gid\n": for users_init(), users_init_groups() */
};

/* The strings live as long as the call. */
typedef void (*names_fn)(void *user, const struct names_answer *answer);

/*
 * Reads the names of a mount namespace that a process is in, appends them, and returns as err above.
 * The thread's part of the work.
 */
typedef int (*names_read_fn)(uint32_t mnt_ns, uint32_t pid, struct buf *users, struct buf *groups);
int names_read(uint32_t mnt_ns, uint32_t pid, struct buf *users, struct buf *groups);

/* All times in ns; what is 0 or NULL has a default. */
struct names_config {
	names_read_fn read;	 /* names_read() */
	uint64_t (*clock)(void); /* clock_boot_ns() */
	uint64_t age;		 /* a namespace is not asked again within 5 min */
	uint64_t retry;		 /* after -ESRCH: within 1 s */
	uint64_t stuck;		 /* 10 s: a read that takes longer is given up */
	uint64_t close;		 /* 500 ms: names_close() waits this long at most for reads */
};

struct names_stats {
	uint64_t queued;
	uint64_t dropped; /* not asked, because the queue was full */
	uint64_t failed;  /* answers with an error */
	uint64_t stuck;	  /* reads that were given up */
};

/*
 * Starts the thread, which has the privileges of the one that calls: it needs CAP_SYS_PTRACE and
 * CAP_DAC_READ_SEARCH. NULL: there is none to be had. config may be NULL.
 */
struct names *names_open(const struct names_config *config);

/*
 * Asks for a namespace through a process that is in it. Whether it was queued: not if it was asked
 * already, lately or with the answer still to come, nor if the queue is full. Makes no system call
 * but to wake the thread.
 */
bool names_request(struct names *n, uint32_t mnt_ns, uint32_t pid);

/* Delivers the answers there are, in the order they were asked for; how many. */
unsigned int names_poll(struct names *n, names_fn fn, void *user);

struct names_stats names_stats(const struct names *n);

/* Answers that were not taken are lost. A read that does not end is left to its thread. */
void names_close(struct names *n);

#endif

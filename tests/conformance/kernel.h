/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is true, for tests: a kernel's processes and all images that they ever ran, in arrays, followed
 * by the rules of the reference page in the most obvious way. It says what happens in messages, as
 * the kernel side does; whether they arrive is up to the test.
 *
 * Processes and images are named by their index and never go away. One thread.
 */
#ifndef TSR_TESTS_KERNEL_H
#define TSR_TESTS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire.h"
#include "wire/encode.h"

#define K_NONE (-1)
#define K_NAME 16

/* A list: each string ends in NUL. */
struct k_list {
	char bytes[112];
	size_t len;
};

struct k_program {
	char file[K_NAME];
	struct k_list args, envs;
};

struct k_image {
	int process;
	int previous; /* exec edge: the image that it replaced */
	bool is_exec;
	uint64_t began;
	uint32_t uid; /* as an event told it last: what makes execs equal */
	struct k_program program;
	char comm[K_NAME];
};

struct k_process {
	uint32_t pid;
	uint64_t start;
	bool alive, subreaper, kthread;
	int image;  /* the newest */
	int parent; /* fork edge: the image that forked it, or that of its reaper */
	int maker;  /* the process that forked it, or K_NONE */
	int reaper; /* who was to get its children when it ended */
	uint32_t uid, auid, ns;
	char tty[K_NAME], cgroup[K_NAME];
	/* Who acts for it: its leader, or a thread with credentials of its own. */
	uint32_t tid, thread_uid;
	/* What the kernel side's map has: as of the last fork, exec or snapshot of this process. */
	struct msg_task known;
	uint64_t known_at;
	char known_file[K_NAME];
};

struct kernel {
	struct k_process *processes;
	size_t n_processes;
	struct k_image *images;
	size_t n_images;
	uint64_t now, step; /* boot clock; how much later each thing happens */
	struct buf tmp;
	wire_emit_fn emit; /* where messages go */
	void *user;
};

void k_init(struct kernel *k, uint64_t step, wire_emit_fn emit, void *user);
void k_free(struct kernel *k);
uint64_t k_tick(struct kernel *k);

/* The live process with a pid, or K_NONE. */
int k_find(const struct kernel *k, uint32_t pid);

/* The process of its parent, or K_NONE. */
int k_parent(const struct kernel *k, int process);
const struct k_image *k_newest(const struct kernel *k, int process);
uint64_t k_inode(const char *file);
void k_list_add(struct k_list *l, const char *s);

/* One that was there before all messages, without a parent; nothing is said. The process. */
int k_boot(struct kernel *k, uint32_t pid);

/* sibling: with CLONE_PARENT. The child. */
int k_fork(struct kernel *k, int by, uint32_t pid, bool sibling);

/* The image: a new one, or the old one if it is equal. */
int k_exec(struct kernel *k, int process, const struct k_program *program);

/* What any event says, a rename's: comm NULL is the same name again. */
void k_rename(struct kernel *k, int process, const char *comm);

/*
 * The end; the children go to the nearest ancestor that is a subreaper, or to pid 1. tells: the
 * message names who that is. In two steps as in life: between them the children still name the
 * one that ended.
 */
void k_exit_begin(struct kernel *k, int process, bool tells);
void k_exit_end(struct kernel *k, int process);
void k_exit(struct kernel *k, int process, bool tells);

/* Who would get the children now, or K_NONE. */
int k_reaper(const struct kernel *k, int process);

/* What is known of a process without an event; blind: but for its parent. */
int k_tell(struct kernel *k, int process, enum walk_kind walk, bool blind, wire_emit_fn emit,
	   void *user);

/* The end of a walk through all of them. */
int k_walked(struct kernel *k, uint64_t begin, bool incomplete, wire_emit_fn emit, void *user);

/* What a look-up in the kernel's map or in /proc gives; start 0: whoever has the pid. */
int k_look_up(struct kernel *k, enum walk_kind walk, uint32_t pid, uint64_t start,
	      wire_emit_fn emit, void *user);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs share with user space: settings, the ring, the state of images, statistics.
 * The loader sizes the maps and writes the settings before it loads.
 */
#ifndef TARSIER_MAPS_H
#define TARSIER_MAPS_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "state.h"
#include "wire.h"

/* Settings: constant once loaded, so the verifier drops the code of what is off. */
const volatile __u32 cfg_nr_cpus = 1;
const volatile __u32 cfg_scope = 0; /* enum scope_bits of the filters in force */
const volatile __u32 cfg_scope_not = 0;

const volatile __u32 cfg_again = 0; /* there are programs behind the first: see mark_done() */

/*
 * The reader is woken when at least this much waits in the ring; ~0: a wake-up is under way, or
 * only the reader's timer drains. The reader writes it (mapped), whoever wakes sets it to ~0, so
 * that a full ring wakes once and not with every message.
 */
__u64 wake_at = ~0ULL;

/* Counts every message that was not sent; says when `stats` is worth reading. */
__u64 lost_total = 0;

/* Events that the kernel skipped in the first program and the second one made good. */
__u64 recovered_total = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct kernel_stats);
} stats SEC(".maps");

/* The newest image of a process that has exec'ed, or is in a scope, since we are here. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, u32); /* thread group id */
	__type(value, struct image_state);
} images SEC(".maps");

/*
 * For user space, when it misses a process: by pid what was known of it last, and by executable its
 * path (one of its names). Filled by forks, execs and the snapshot; the least used are forgotten.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u32); /* thread group id */
	__type(value, struct known_process);
} known_processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct known_file);
	__type(value, struct known_path);
} known_paths SEC(".maps");

/* Thread groups whose exit was sent: two last threads that race both see the group dead. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct exited_key);
	__type(value, u32);
} exited SEC(".maps");

/* The name that a task has before its exec renames it; only while the exec is under way. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); /* thread id */
	__type(value, struct comm_value);
} prev_comms SEC(".maps");

/* What execs began with, where a hook can tell: of a script that is gone when the exec is seen. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); /* thread id */
	__type(value, struct exec_file);
} exec_files SEC(".maps");

/*
 * Room to put a message together. A slot belongs to one program on one CPU: the kernel does not
 * let a program nest in itself on a CPU, so that nothing else can write there meanwhile.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* One for the snapshot, one each CPU for each; if cfg_again some that are taken as needed. */
#define SLOT_SNAPSHOT	     0
#define SLOTS_EXEC	     1
#define SLOTS_EXEC_FAILED    (1 + cfg_nr_cpus)
#define SLOTS_EXEC_FAILED_AT (1 + 2 * cfg_nr_cpus)
#define SLOTS_AGAIN	     (1 + 3 * cfg_nr_cpus)

__u32 slot_taken[N_SLOTS_AGAIN];

/* The threads in a tracepoint of which a program has done the work and the last has not run yet. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536); /* each CPU keeps some free: no mark is to go before its time */
	__type(key, u32);
	__type(value, u8);
} seen_first SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SCOPE_MAX);
	__type(key, u32);
	__type(value, u8);
} scope_uid SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SCOPE_MAX);
	__type(key, u32);
	__type(value, u8);
} scope_pid SEC(".maps");

/* The processes whose descendants are the scope. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SCOPE_MAX);
	__type(key, u32);
	__type(value, u8);
} scope_roots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SCOPE_MAX);
	__type(key, struct comm_value);
	__type(value, u8);
} scope_comm SEC(".maps");

/* A whole path ends in NUL and matches itself; a prefix has none. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, SCOPE_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct scope_exe_key);
	__type(value, u8);
} scope_exe SEC(".maps");

#endif

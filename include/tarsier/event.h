/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event, as a program that embeds the library sees it.
 *
 * An event and all that is reached from it is valid only within the callback that it is given to,
 * and only on that thread (the pipeline thread). Strings are bytes: not necessarily UTF-8, and not
 * terminated; none of them is to be freed.
 */
#ifndef TARSIER_EVENT_H
#define TARSIER_EVENT_H

#include <tarsier/catalogue.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct tsr_event;

struct tsr_string {
	const char *bytes;
	size_t len;
};

/* The value of a field. */
struct tsr_value {
	enum tsr_type type;
	bool present; /* false: the field is optional and this event lacks it */
	union {
		int64_t i;  /* BOOL, INT32, INT64 */
		uint64_t u; /* UINT8 ... UINT64; TIME: boot clock, ns */
		struct tsr_string s;
		struct tsr_string list; /* STRINGS: each one ends in a NUL byte */
	};
};

/* A process at the time of an event; the pointers live as long as the event. */
struct tsr_process {
	uint32_t entity_id;
	int32_t pid, ns_pid, ppid;
	uint32_t uid, gid, euid; /* UINT32_MAX: not known, of an ancestor that has ended */
	uint64_t start_time;	 /* boot clock, ns */
	struct tsr_string name, exe, cwd, user, container_id;
	struct tsr_string argv; /* each one ends in a NUL byte; as it was, nothing masked */
	bool argv_truncated, is_exec, parent_missing, exe_deleted, cwd_deleted;
};

const struct tsr_event_def *tsr_event_definition(const struct tsr_event *event);

/* The number in this run, from 1. */
uint64_t tsr_event_seq(const struct tsr_event *event);

/* When it happened: ns of the kernel's boot clock, and ns since the epoch. */
uint64_t tsr_event_boot_time(const struct tsr_event *event);
uint64_t tsr_event_time(const struct tsr_event *event);

/* The value of field number index of the definition; false if there is no such field. */
bool tsr_event_value(const struct tsr_event *event, size_t index, struct tsr_value *value);

/* Who acted; false for events that no process made. */
bool tsr_event_process(const struct tsr_event *event, struct tsr_process *process);

/* The new process of a fork; false for other events. */
bool tsr_event_child(const struct tsr_event *event, struct tsr_process *process);

/* An ancestor of who acted: 1 is the parent; false above the last that is known. */
bool tsr_event_ancestor(const struct tsr_event *event, unsigned int level,
			struct tsr_process *process);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif

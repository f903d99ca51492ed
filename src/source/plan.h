/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which programs are loaded: for every wanted event the first of its hooks that this kernel takes.
 *
 * A hook is tried by loading and attaching it, not by guessing from versions. What refuses is
 * noted with its reason, and the next alternative of that event comes in its place.
 */
#ifndef TSR_SOURCE_PLAN_H
#define TSR_SOURCE_PLAN_H

#include <tarsier/catalogue.h>
#include <tarsier/status.h>

#define PLAN_HOOKS_MAX 8

struct plan_hook {
	const struct tsr_hook_def *def;
	bool refused;
	int error; /* errno of the refusal */
	char reason[256];
};

struct plan_slot {
	const struct tsr_event_def *event;
	bool required; /* the state needs it */
	int chosen;    /* index of the hook in use or to be tried, -1: none is left */
	size_t n_hooks;
	struct plan_hook hooks[PLAN_HOOKS_MAX];
};

struct plan {
	struct plan_slot slots[TSR_EVENT_COUNT];
	size_t n_slots;
};

/* The plan for these events; those that the state needs are always in it. */
void plan_init(struct plan *p, const bool wanted[TSR_EVENT_COUNT]);

/* A program of the plan's refused: the slot it belongs to moves on. False: it is none of ours. */
bool plan_refuse(struct plan *p, const char *program, int error, const char *detail);

/* Calls fn for each program that the plan has in use; optional ones may fail. */
void plan_programs(const struct plan *p, void (*fn)(void *user, const char *program), void *user);

/* True if the hook that this program belongs to works without it. */
bool plan_optional(const char *program);

/* The required event that has no hook left, or NULL. */
const struct plan_slot *plan_failed(const struct plan *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "source/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Some hooks are more than one program. */
static const struct {
	const char *main;
	const char *others[4];
	bool optional; /* the hook does without them */
} companions[] = {
	{ "exec_btf", { "prev_comm_btf", "script_kprobe" }, true },
	{ "exec_raw", { "prev_comm_raw", "script_kprobe" }, true },
	{ "exec_failed_fexit", { "exec_failed_fexit_at" }, false },
	{ "exec_failed_kprobe",
	  { "exec_failed_kprobe_ret", "exec_failed_kprobe_at", "exec_failed_kprobe_at_ret" },
	  false },
};

#define N_COMPANIONS (sizeof(companions) / sizeof(companions[0]))
#define OTHERS_MAX   4

static bool needed_by_state(enum tsr_event_id id)
{
	return id == TSR_EVENT_SCHED_PROCESS_FORK || id == TSR_EVENT_SCHED_PROCESS_EXEC ||
	       id == TSR_EVENT_SCHED_PROCESS_EXIT;
}

void plan_init(struct plan *p, const bool wanted[TSR_EVENT_COUNT])
{
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < tsr_catalogue_size(); i++) {
		const struct tsr_event_def *def = tsr_catalogue_get((enum tsr_event_id)i);
		struct plan_slot *slot = &p->slots[p->n_slots];

		if (!def->n_hooks || !(wanted[i] || needed_by_state(def->id)))
			continue;
		slot->event = def;
		slot->required = needed_by_state(def->id);
		for (size_t h = 0; h < def->n_hooks && h < PLAN_HOOKS_MAX; h++)
			slot->hooks[slot->n_hooks++].def = &def->hooks[h];
		p->n_slots++;
	}
}

/* The main program of the hook that this one belongs to. */
static const char *main_program(const char *program, bool *optional)
{
	*optional = false;
	for (size_t i = 0; i < N_COMPANIONS; i++) {
		for (size_t k = 0; k < OTHERS_MAX && companions[i].others[k]; k++) {
			if (!strcmp(companions[i].others[k], program)) {
				*optional = companions[i].optional;
				return companions[i].main;
			}
		}
	}
	return program;
}

bool plan_optional(const char *program)
{
	bool optional;

	main_program(program, &optional);
	return optional;
}

static const char *explain(int error)
{
	switch (error) {
	case EPERM:
	case EACCES:
		return "the kernel refuses it";
	case ENOENT:
	case ESRCH:
		return "this kernel has no such hook";
	case EINVAL:
	case EOPNOTSUPP:
	case 524: /* ENOTSUPP, which user space has no name for */
		return "this kernel does not support it";
	case E2BIG:
		return "too complex for this kernel's verifier";
	case ENOMEM:
		return "not enough memory";
	}
	return "failed";
}

bool plan_refuse(struct plan *p, const char *program, int error, const char *detail)
{
	bool optional;
	const char *main = main_program(program, &optional);

	for (size_t s = 0; s < p->n_slots; s++) {
		struct plan_slot *slot = &p->slots[s];
		struct plan_hook *hook;

		if (slot->chosen < 0)
			continue;
		hook = &slot->hooks[slot->chosen];
		if (strcmp(hook->def->program, main))
			continue;
		hook->refused = true;
		hook->error = error;
		snprintf(hook->reason, sizeof(hook->reason), "%s (%s%s%s)", explain(error),
			 error == 524 ? "not supported" : strerror(error), *detail ? ": " : "",
			 detail);
		if ((size_t)++slot->chosen == slot->n_hooks)
			slot->chosen = -1;
		return true;
	}
	return false;
}

void plan_programs(const struct plan *p, void (*fn)(void *user, const char *program), void *user)
{
	for (size_t s = 0; s < p->n_slots; s++) {
		const struct plan_slot *slot = &p->slots[s];
		const char *program;

		if (slot->chosen < 0)
			continue;
		program = slot->hooks[slot->chosen].def->program;
		fn(user, program);
		for (size_t i = 0; i < N_COMPANIONS; i++) {
			if (strcmp(companions[i].main, program))
				continue;
			for (size_t k = 0; k < OTHERS_MAX && companions[i].others[k]; k++)
				fn(user, companions[i].others[k]);
		}
	}
}

const struct plan_slot *plan_failed(const struct plan *p)
{
	for (size_t s = 0; s < p->n_slots; s++)
		if (p->slots[s].required && p->slots[s].chosen < 0)
			return &p->slots[s];
	return NULL;
}

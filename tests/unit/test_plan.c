/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of hooks: the first that this kernel takes, companions, and what is left when all have
 * refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/plan.h"

/* The hooks of an exec with what accompanies them. */
#define EXEC_BTF "exec_btf", "prev_comm_btf", "script_kprobe"
#define EXEC_RAW "exec_raw", "prev_comm_raw", "script_kprobe"

struct names {
	const char *at[64];
	size_t n;
};

static void add_name(void *user, const char *program)
{
	struct names *l = user;

	assert_true(l->n < sizeof(l->at) / sizeof(l->at[0]));
	l->at[l->n++] = program;
}

static struct names programs(const struct plan *p)
{
	struct names l = { .n = 0 };

	plan_programs(p, add_name, &l);
	return l;
}

static bool has(const struct names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->at[i], name))
			return true;
	return false;
}

static void assert_programs(const struct plan *p, const char *const *want, size_t n)
{
	struct names l = programs(p);

	for (size_t i = 0; i < n; i++)
		if (!has(&l, want[i]))
			fail_msg("%s is missing", want[i]);
	assert_int_equal(l.n, n);
}

#define PROGRAMS(p, ...)                                         \
	assert_programs(p, (const char *const[]){ __VA_ARGS__ }, \
			sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static struct plan_slot *slot_of(struct plan *p, enum tsr_event_id id)
{
	for (size_t i = 0; i < p->n_slots; i++)
		if (p->slots[i].event->id == id)
			return &p->slots[i];
	return NULL;
}

static struct plan all(void)
{
	bool wanted[TSR_EVENT_COUNT];
	struct plan p;

	memset(wanted, true, sizeof(wanted));
	plan_init(&p, wanted);
	return p;
}

static void test_what_the_state_needs(void **state)
{
	bool wanted[TSR_EVENT_COUNT] = { false };
	struct plan p;

	(void)state;
	plan_init(&p, wanted);
	assert_int_equal(p.n_slots, 3);
	for (size_t i = 0; i < p.n_slots; i++) {
		assert_true(p.slots[i].required);
		assert_int_equal(p.slots[i].chosen, 0);
	}
	assert_non_null(slot_of(&p, TSR_EVENT_SCHED_PROCESS_FORK));
	assert_non_null(slot_of(&p, TSR_EVENT_SCHED_PROCESS_EXEC));
	assert_non_null(slot_of(&p, TSR_EVENT_SCHED_PROCESS_EXIT));
	PROGRAMS(&p, "fork_btf", EXEC_BTF, "exit_btf");
	assert_null(plan_failed(&p));
}

/* Every event with hooks has its slot, with all of them, in the catalogue's order. */
static void test_all(void **state)
{
	struct plan p = all();
	size_t slots = 0;

	(void)state;
	for (size_t i = 0; i < tsr_catalogue_size(); i++) {
		const struct tsr_event_def *def = tsr_catalogue_get((enum tsr_event_id)i);
		const struct plan_slot *s = slot_of(&p, def->id);

		if (!def->n_hooks) { /* the agent makes it itself */
			assert_null(s);
			continue;
		}
		slots++;
		assert_non_null(s);
		assert_int_equal(s->n_hooks, def->n_hooks);
		for (size_t h = 0; h < def->n_hooks; h++)
			assert_ptr_equal(s->hooks[h].def, &def->hooks[h]);
		assert_int_equal(s->required, def->id == TSR_EVENT_SCHED_PROCESS_FORK ||
						      def->id == TSR_EVENT_SCHED_PROCESS_EXEC ||
						      def->id == TSR_EVENT_SCHED_PROCESS_EXIT);
	}
	assert_int_equal(p.n_slots, slots);
	PROGRAMS(&p, "fork_btf", EXEC_BTF, "exit_btf", "exec_failed_fexit", "exec_failed_fexit_at",
		 "rename_btf");
}

static void test_alternatives(void **state)
{
	struct plan p = all();
	const struct plan_slot *fork = slot_of(&p, TSR_EVENT_SCHED_PROCESS_FORK);

	(void)state;
	assert_true(plan_refuse(&p, "fork_btf", EINVAL, "no BTF"));
	assert_true(fork->hooks[0].refused);
	assert_int_equal(fork->hooks[0].error, EINVAL);
	assert_string_equal(fork->hooks[0].reason,
			    "this kernel does not support it (Invalid argument: no BTF)");
	assert_int_equal(fork->chosen, 1);
	assert_false(fork->hooks[1].refused);
	assert_string_equal(fork->hooks[fork->chosen].def->program, "fork_raw");
	/* the others stay where they are */
	PROGRAMS(&p, "fork_raw", EXEC_BTF, "exit_btf", "exec_failed_fexit", "exec_failed_fexit_at",
		 "rename_btf");
	assert_null(plan_failed(&p));
}

/* Of an alternative that was refused already, or of nobody. */
static void test_none_of_ours(void **state)
{
	struct plan p = all();

	(void)state;
	assert_false(plan_refuse(&p, "nothing", EINVAL, ""));
	assert_false(plan_refuse(&p, "", EINVAL, ""));
	assert_false(plan_refuse(&p, "fork_raw", EINVAL, "")); /* not in use yet */
	assert_true(plan_refuse(&p, "fork_btf", EINVAL, ""));
	assert_false(plan_refuse(&p, "fork_btf", EINVAL, ""));
	assert_int_equal(slot_of(&p, TSR_EVENT_SCHED_PROCESS_FORK)->chosen, 1);
}

static void test_required_without_a_hook(void **state)
{
	struct plan p = all();
	const struct plan_slot *failed;

	(void)state;
	assert_true(plan_refuse(&p, "exit_btf", EPERM, "lockdown"));
	assert_null(plan_failed(&p));
	assert_true(plan_refuse(&p, "exit_raw", EPERM, "lockdown"));
	failed = plan_failed(&p);
	assert_non_null(failed);
	assert_int_equal(failed->event->id, TSR_EVENT_SCHED_PROCESS_EXIT);
	assert_int_equal(failed->chosen, -1);
	/* there is no program to load for it any more, and none that could refuse */
	PROGRAMS(&p, "fork_btf", EXEC_BTF, "exec_failed_fexit", "exec_failed_fexit_at",
		 "rename_btf");
	assert_false(plan_refuse(&p, "exit_raw", EPERM, ""));
}

/* One that was only wanted is missed, but nothing fails. */
static void test_wanted_without_a_hook(void **state)
{
	struct plan p = all();
	struct plan_slot *s = slot_of(&p, TSR_EVENT_TASK_RENAME);

	(void)state;
	assert_true(plan_refuse(&p, "rename_btf", ENOENT, ""));
	assert_true(plan_refuse(&p, "rename_raw", ENOENT, ""));
	assert_int_equal(s->chosen, -1);
	assert_null(plan_failed(&p));
	for (size_t h = 0; h < s->n_hooks; h++)
		assert_string_equal(s->hooks[h].reason,
				    "this kernel has no such hook (No such file "
				    "or directory)");
}

/* A hook of several programs goes as a whole. */
static void test_companions(void **state)
{
	struct plan p = all();
	const struct plan_slot *s = slot_of(&p, TSR_EVENT_PROCESS_EXECUTE_FAILED);

	(void)state;
	assert_true(plan_refuse(&p, "exec_failed_fexit_at", ENOENT, "execveat"));
	assert_true(s->hooks[0].refused);
	assert_string_equal(s->hooks[s->chosen].def->program, "exec_failed_kprobe");
	PROGRAMS(&p, "fork_btf", EXEC_BTF, "exit_btf", "exec_failed_kprobe",
		 "exec_failed_kprobe_ret", "exec_failed_kprobe_at", "exec_failed_kprobe_at_ret",
		 "rename_btf");
	assert_true(plan_refuse(&p, "exec_failed_kprobe_at_ret", EOPNOTSUPP, ""));
	assert_string_equal(s->hooks[s->chosen].def->program, "exec_failed_btf");
	/* those of a hook that has gone do not take the next one with them */
	assert_false(plan_refuse(&p, "exec_failed_fexit_at", ENOENT, ""));
	assert_false(plan_refuse(&p, "exec_failed_kprobe_ret", ENOENT, ""));
	PROGRAMS(&p, "fork_btf", EXEC_BTF, "exit_btf", "exec_failed_btf", "rename_btf");
}

static void test_optional_companions(void **state)
{
	struct plan p = all();

	(void)state;
	assert_true(plan_optional("prev_comm_btf"));
	assert_true(plan_optional("prev_comm_raw"));
	assert_true(plan_optional("script_kprobe"));
	assert_false(plan_optional("exec_btf"));
	assert_false(plan_optional("exec_failed_fexit_at"));
	assert_false(plan_optional("exec_failed_kprobe_ret"));
	assert_false(plan_optional("nothing"));
	/* each hook has the one of its own kind */
	assert_true(plan_refuse(&p, "exec_btf", EINVAL, ""));
	PROGRAMS(&p, "fork_btf", EXEC_RAW, "exit_btf", "exec_failed_fexit", "exec_failed_fexit_at",
		 "rename_btf");
}

static void test_reasons(void **state)
{
	static const struct {
		int error;
		const char *words;
	} reasons[] = {
		{ EPERM, "the kernel refuses it" },
		{ EACCES, "the kernel refuses it" },
		{ ENOENT, "this kernel has no such hook" },
		{ ESRCH, "this kernel has no such hook" },
		{ EINVAL, "this kernel does not support it" },
		{ EOPNOTSUPP, "this kernel does not support it" },
		{ 524, "this kernel does not support it (not supported)" },
		{ E2BIG, "too complex for this kernel's verifier" },
		{ ENOMEM, "not enough memory" },
		{ EIO, "failed (" },
	};
	char detail[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		struct plan p = all();
		const struct plan_slot *s = slot_of(&p, TSR_EVENT_TASK_RENAME);

		assert_true(plan_refuse(&p, "rename_btf", reasons[i].error, ""));
		assert_int_equal(s->hooks[0].error, reasons[i].error);
		if (strncmp(s->hooks[0].reason, reasons[i].words, strlen(reasons[i].words)))
			fail_msg("%d: %s", reasons[i].error, s->hooks[0].reason);
		/* no number that only a kernel developer knows, nothing left open */
		assert_null(strstr(s->hooks[0].reason, "Unknown error"));
		assert_int_equal(s->hooks[0].reason[strlen(s->hooks[0].reason) - 1], ')');

		/* the verifier's words can be very long */
		memset(detail, 'x', sizeof(detail) - 1);
		detail[sizeof(detail) - 1] = '\0';
		assert_true(plan_refuse(&p, "rename_raw", reasons[i].error, detail));
		assert_int_equal(strlen(s->hooks[1].reason), sizeof(s->hooks[1].reason) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_state_needs),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_alternatives),
		cmocka_unit_test(test_none_of_ours),
		cmocka_unit_test(test_required_without_a_hook),
		cmocka_unit_test(test_wanted_without_a_hook),
		cmocka_unit_test(test_companions),
		cmocka_unit_test(test_optional_companions),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}

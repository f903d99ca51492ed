/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event catalogue as an embedding program sees it. The contract's names are written down here
 * a second time on purpose: a change of the description that breaks them must fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <tarsier/catalogue.h>

struct contract_field {
	const char *name;
	const char *type;
};

static const struct contract_field fork_contract[] = {
	{ "parent_tid", "int32" },
	{ "parent_ns_tid", "int32" },
	{ "parent_pid", "int32" },
	{ "parent_ns_pid", "int32" },
	{ "parent_start_time", "time" },
	{ "child_tid", "int32" },
	{ "child_ns_tid", "int32" },
	{ "child_pid", "int32" },
	{ "child_ns_pid", "int32" },
	{ "start_time", "time" },
	{ "parent_process_tid", "int32" },
	{ "parent_process_ns_tid", "int32" },
	{ "parent_process_pid", "int32" },
	{ "parent_process_ns_pid", "int32" },
	{ "parent_process_start_time", "time" },
	{ "leader_tid", "int32" },
	{ "leader_ns_tid", "int32" },
	{ "leader_pid", "int32" },
	{ "leader_ns_pid", "int32" },
	{ "leader_start_time", "time" },
};

static const struct contract_field exec_contract[] = {
	{ "cmdpath", "string" },
	{ "pathname", "string" },
	{ "dev", "uint32" },
	{ "inode", "uint64" },
	{ "ctime", "uint64" },
	{ "inode_mode", "uint16" },
	{ "interpreter_pathname", "string" },
	{ "interpreter_dev", "uint32" },
	{ "interpreter_inode", "uint64" },
	{ "interpreter_ctime", "uint64" },
	{ "argv", "[]string" },
	{ "interp", "string" },
	{ "stdin_type", "uint16" },
	{ "stdin_path", "string" },
	{ "invoked_from_kernel", "bool" },
	{ "prev_comm", "string" },
	{ "env", "[]string" },
	{ "pwd", "string" },
};

static const struct contract_field exit_contract[] = {
	{ "exit_code", "int32" },
	{ "signal_code", "int32" },
	{ "process_group_exit", "bool" },
};

static const struct contract_field execute_failed_contract[] = {
	{ "dirfd", "int32" },
	{ "flags", "int32" },
	{ "pathname", "string" },
	{ "binary.path", "string" },
	{ "binary.device_id", "uint32" },
	{ "binary.inode_number", "uint64" },
	{ "binary.ctime", "uint64" },
	{ "binary.inode_mode", "uint16" },
	{ "interpreter_path", "string" },
	{ "stdin_type", "uint16" },
	{ "stdin_path", "string" },
	{ "kernel_invoked", "int32" },
	{ "argv", "[]string" },
	{ "envp", "[]string" },
};

static const struct contract_field rename_contract[] = {
	{ "old_name", "string" },
	{ "new_name", "string" },
};

static const struct contract_field lost_contract[] = {
	{ "count", "uint64" },	{ "stage", "string" }, { "type", "string" },
	{ "reason", "string" }, { "from", "time" },    { "to", "time" },
};

#define CONTRACT(id, name, fields)                                     \
	{                                                              \
		id, name, fields, sizeof(fields) / sizeof((fields)[0]) \
	}

static const struct {
	enum tsr_event_id id;
	const char *name;
	const struct contract_field *fields;
	size_t n_fields;
} contract[] = {
	CONTRACT(TSR_EVENT_SCHED_PROCESS_FORK, "sched_process_fork", fork_contract),
	CONTRACT(TSR_EVENT_SCHED_PROCESS_EXEC, "sched_process_exec", exec_contract),
	CONTRACT(TSR_EVENT_SCHED_PROCESS_EXIT, "sched_process_exit", exit_contract),
	CONTRACT(TSR_EVENT_PROCESS_EXECUTE_FAILED, "process_execute_failed",
		 execute_failed_contract),
	CONTRACT(TSR_EVENT_TASK_RENAME, "task_rename", rename_contract),
	CONTRACT(TSR_EVENT_LOST_EVENTS, "lost_events", lost_contract),
};

static void test_contract(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(contract) / sizeof(contract[0]); i++) {
		const struct tsr_event_def *def = tsr_catalogue_get(contract[i].id);

		assert_non_null(def);
		assert_string_equal(def->name, contract[i].name);
		assert_true(def->n_fields >= contract[i].n_fields);
		for (size_t f = 0; f < contract[i].n_fields; f++) {
			assert_string_equal(def->fields[f].name, contract[i].fields[f].name);
			assert_string_equal(tsr_type_name(def->fields[f].type),
					    contract[i].fields[f].type);
		}
	}
}

static void test_ids_in_order(void **state)
{
	(void)state;
	assert_int_equal(tsr_catalogue_size(), TSR_EVENT_COUNT);
	for (size_t i = 0; i < tsr_catalogue_size(); i++) {
		const struct tsr_event_def *def = tsr_catalogue_get((enum tsr_event_id)i);

		assert_non_null(def);
		assert_int_equal(def->id, i);
		/* Equal pointers: the name leads back to this event and to no other. */
		assert_ptr_equal(tsr_catalogue_find(def->name), def);
	}
	assert_null(tsr_catalogue_get(TSR_EVENT_COUNT));
	assert_null(tsr_catalogue_get((enum tsr_event_id) - 1));
}

static void test_fields_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < tsr_catalogue_size(); i++) {
		const struct tsr_event_def *def = tsr_catalogue_get((enum tsr_event_id)i);

		for (size_t f = 0; f < def->n_fields; f++)
			assert_int_equal(tsr_event_def_field(def, def->fields[f].name), f);
		assert_int_equal(tsr_event_def_field(def, "no_such_field"), -1);
		assert_int_equal(tsr_event_def_field(def, ""), -1);
	}
	assert_int_equal(tsr_event_def_field(NULL, "argv"), -1);
	assert_int_equal(tsr_event_def_field(tsr_catalogue_get(TSR_EVENT_LOST_EVENTS), NULL), -1);
}

/* The enums of indexes belong to the tables: the first, the last, one with a dot, the number. */
static void test_field_indexes(void **state)
{
	const struct tsr_event_def *exec = tsr_catalogue_get(TSR_EVENT_SCHED_PROCESS_EXEC);
	const struct tsr_event_def *failed = tsr_catalogue_get(TSR_EVENT_PROCESS_EXECUTE_FAILED);
	const struct tsr_event_def *rename = tsr_catalogue_get(TSR_EVENT_TASK_RENAME);

	(void)state;
	assert_int_equal(exec->n_fields, TSR_N_FIELDS_SCHED_PROCESS_EXEC);
	assert_int_equal(tsr_event_def_field(exec, "cmdpath"), TSR_F_SCHED_PROCESS_EXEC_CMDPATH);
	assert_int_equal(tsr_event_def_field(exec, "truncated"),
			 TSR_F_SCHED_PROCESS_EXEC_TRUNCATED);
	assert_int_equal(tsr_event_def_field(failed, "binary.inode_number"),
			 TSR_F_PROCESS_EXECUTE_FAILED_BINARY_INODE_NUMBER);
	assert_int_equal(rename->n_fields, TSR_N_FIELDS_TASK_RENAME);
}

static void test_documented(void **state)
{
	(void)state;
	for (size_t i = 0; i < tsr_catalogue_size(); i++) {
		const struct tsr_event_def *def = tsr_catalogue_get((enum tsr_event_id)i);

		assert_true(strlen(def->doc) > 0);
		assert_true(strlen(def->group) > 0);
		for (size_t f = 0; f < def->n_fields; f++)
			assert_true(strlen(def->fields[f].doc) > 0);
		for (size_t h = 0; h < def->n_hooks; h++) {
			assert_true(strlen(def->hooks[h].program) > 0);
			assert_true(strlen(def->hooks[h].kind) > 0);
			assert_true(strlen(def->hooks[h].target) > 0);
			assert_non_null(def->hooks[h].limits);
		}
	}
}

/* Base process events need nothing but tp_btf or raw_tp: what every supported kernel has. */
static void test_default_events(void **state)
{
	size_t from_kernel = 0;

	(void)state;
	for (size_t i = 0; i < tsr_catalogue_size(); i++) {
		const struct tsr_event_def *def = tsr_catalogue_get((enum tsr_event_id)i);

		if (!def->is_default || def->n_hooks == 0)
			continue;
		from_kernel++;
		assert_string_equal(def->hooks[0].kind, "tp_btf");
		assert_string_equal(def->hooks[def->n_hooks - 1].kind, "raw_tp");
	}
	assert_int_equal(from_kernel, 3);
	assert_true(tsr_catalogue_get(TSR_EVENT_SCHED_PROCESS_FORK)->is_default);
	assert_true(tsr_catalogue_get(TSR_EVENT_SCHED_PROCESS_EXEC)->is_default);
	assert_true(tsr_catalogue_get(TSR_EVENT_SCHED_PROCESS_EXIT)->is_default);
	/* A loss is always told, and nothing of the kernel is needed for it. */
	assert_true(tsr_catalogue_get(TSR_EVENT_LOST_EVENTS)->is_default);
	assert_int_equal(tsr_catalogue_get(TSR_EVENT_LOST_EVENTS)->n_hooks, 0);
}

static void test_find_is_exact(void **state)
{
	(void)state;
	assert_null(tsr_catalogue_find(NULL));
	assert_null(tsr_catalogue_find(""));
	assert_null(tsr_catalogue_find("sched_process_exe"));
	assert_null(tsr_catalogue_find("sched_process_execs"));
	assert_null(tsr_catalogue_find("SCHED_PROCESS_EXEC"));
	assert_null(tsr_catalogue_find("process"));
}

static void test_nearest(void **state)
{
	static const struct {
		const char *typed;
		const char *meant;
	} cases[] = {
		{ "sched_process_exec", "sched_process_exec" },
		{ "sched_process_exce", "sched_process_exec" }, /* a swap is one mistake */
		{ "sched_process_exti", "sched_process_exit" },
		{ "sched_proces_fork", "sched_process_fork" },
		{ "shced_process_frok", "sched_process_fork" },
		{ "sched-process-exit", "sched_process_exit" },
		{ "Sched_Process_Exec", "sched_process_exec" },
		{ "task_rename_", "task_rename" },
		{ "ask_rename", "task_rename" },
		{ "lost_event", "lost_events" },
		{ "proces", "process" },
		{ "porcess", "process" },
		{ "agents", "agent" },
		{ "exec", "sched_process_exec" }, /* part of a name */
		{ "fork", "sched_process_fork" },
		{ "failed", "process_execute_failed" },
		{ "Rename", "task_rename" },
	};
	static const char *const strangers[] = {
		"", "x", "ex", "open", "security_file_open", "zzzzzzz", "\xff\xfe\xfd", "- -",
	};
	char endless[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = tsr_catalogue_nearest(cases[i].typed);

		if (!got)
			fail_msg("\"%s\": nothing near", cases[i].typed);
		assert_string_equal(got, cases[i].meant);
	}
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		const char *got = tsr_catalogue_nearest(strangers[i]);

		if (got)
			fail_msg("\"%s\": \"%s\" is not near", strangers[i], got);
	}
	/* Every length up to far beyond the longest name: the rows have a fixed size. */
	for (size_t len = 0; len < sizeof(endless); len++) {
		memset(endless, 'q', len);
		endless[len] = '\0';
		assert_null(tsr_catalogue_nearest(endless));
	}
	assert_null(tsr_catalogue_nearest(NULL));
}

static void test_type_names(void **state)
{
	static const char *const names[] = {
		[TSR_TYPE_BOOL] = "bool",     [TSR_TYPE_INT32] = "int32",
		[TSR_TYPE_INT64] = "int64",   [TSR_TYPE_UINT8] = "uint8",
		[TSR_TYPE_UINT16] = "uint16", [TSR_TYPE_UINT32] = "uint32",
		[TSR_TYPE_UINT64] = "uint64", [TSR_TYPE_TIME] = "time",
		[TSR_TYPE_STRING] = "string", [TSR_TYPE_STRINGS] = "[]string",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(tsr_type_name((enum tsr_type)i), names[i]);
	assert_null(tsr_type_name((enum tsr_type)(TSR_TYPE_STRINGS + 1)));
	assert_null(tsr_type_name((enum tsr_type) - 1));
}

/* What the schema says is tested in tests/schema; here, that it is there, whole, and a string. */
static void test_schema(void **state)
{
	const char *schema = tsr_catalogue_schema();
	size_t len = strlen(schema);

	(void)state;
	assert_true(len > 2);
	assert_int_equal(schema[0], '{');
	assert_string_equal(schema + len - 2, "}\n");
	assert_non_null(strstr(schema, "https://json-schema.org/draft/2020-12/schema"));
	for (size_t i = 0; i < tsr_catalogue_size(); i++) {
		const struct tsr_event_def *def = tsr_catalogue_get((enum tsr_event_id)i);

		assert_non_null(strstr(schema, def->name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contract),       cmocka_unit_test(test_ids_in_order),
		cmocka_unit_test(test_fields_by_name), cmocka_unit_test(test_field_indexes),
		cmocka_unit_test(test_documented),     cmocka_unit_test(test_default_events),
		cmocka_unit_test(test_find_is_exact),  cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_type_names),     cmocka_unit_test(test_schema),
	};

	return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf/wire.h against an independent implementation of the message format: data/wire/layout.txt has
 * the place of every field, the .bin files one example of each struct. Every line of the layout is
 * checked, and every field of ours is in it.
 *
 * The pattern of the examples: scalars are numbered from 1 in the order of the struct, array
 * elements one by one, and number n has the upper bytes of n * 0x0102030405060708. Of a
 * signed one the factor is cut to its size before, so that nothing carries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire.h"

/* The examples are read into these. */
static struct msg_common MsgCommon;
static struct msg_execve_event MsgExecveEvent;
static struct msg_exec MsgExec;
static struct msg_clone_event MsgCloneEvent;
static struct msg_exit_event MsgExitEvent;
static struct msg_cgroup_event MsgCgroupEvent;
static struct msg_throttle_event MsgThrottleEvent;
static struct kernel_stats KernelStats;
static struct binary Binary;
static struct cgroup_rate_key CgroupRateKey;
static struct cgroup_rate_options CgroupRateOptions;
static struct cgroup_rate_value CgroupRateValue;
static struct uprobe_regs UprobeRegs;
static struct data_event_desc DataEventDesc;
static struct msg_data MsgData;

struct field {
	const char *name;
	const void *at;	  /* in the example */
	size_t off, size; /* as the compiler has them */
	size_t scalar;	  /* size of one; 0: a struct, its fields follow */
	bool is_signed;
};

#define PLACE(s, go, m) #s "." go, &s.m, offsetof(__typeof__(s), m), sizeof(s.m)
#define STRUCT(s, go, m)                  \
	{                                 \
		PLACE(s, go, m), 0, false \
	}
#define SCALAR(s, go, m)                                              \
	{                                                             \
		PLACE(s, go, m), sizeof(s.m), (__typeof__(s.m))-1 < 1 \
	}
#define ARRAY(s, go, m)                                \
	{                                              \
		PLACE(s, go, m), sizeof(s.m[0]), false \
	}

#define COMMON(s, go, m)                                                              \
	STRUCT(s, go, m), SCALAR(s, go ".Op", m.op), SCALAR(s, go ".Flags", m.flags), \
		ARRAY(s, go ".PadV2", m.pad), SCALAR(s, go ".Size", m.size),          \
		SCALAR(s, go ".Ktime", m.ktime)
#define KEY(s, go, m)                                                               \
	STRUCT(s, go, m), SCALAR(s, go ".Pid", m.pid), SCALAR(s, go ".Pad", m.pad), \
		SCALAR(s, go ".Ktime", m.ktime)
#define KUBE(s, go, m)                                             \
	STRUCT(s, go, m), SCALAR(s, go ".Cgrpid", m.cgrpid),       \
		SCALAR(s, go ".CgrpTrackerID", m.cgrp_tracker_id), \
		ARRAY(s, go ".Docker", m.docker_id)

static const struct field fields[] = {
	SCALAR(MsgCommon, "Op", op),
	SCALAR(MsgCommon, "Flags", flags),
	ARRAY(MsgCommon, "PadV2", pad),
	SCALAR(MsgCommon, "Size", size),
	SCALAR(MsgCommon, "Ktime", ktime),

	COMMON(MsgExecveEvent, "Common", common),
	KUBE(MsgExecveEvent, "Kube", kube),
	KEY(MsgExecveEvent, "Parent", parent),
	SCALAR(MsgExecveEvent, "ParentFlags", parent_flags),
	STRUCT(MsgExecveEvent, "Creds", creds),
	SCALAR(MsgExecveEvent, "Creds.Uid", creds.uid),
	SCALAR(MsgExecveEvent, "Creds.Gid", creds.gid),
	SCALAR(MsgExecveEvent, "Creds.Suid", creds.suid),
	SCALAR(MsgExecveEvent, "Creds.Sgid", creds.sgid),
	SCALAR(MsgExecveEvent, "Creds.Euid", creds.euid),
	SCALAR(MsgExecveEvent, "Creds.Egid", creds.egid),
	SCALAR(MsgExecveEvent, "Creds.FSuid", creds.fsuid),
	SCALAR(MsgExecveEvent, "Creds.FSgid", creds.fsgid),
	SCALAR(MsgExecveEvent, "Creds.SecureBits", creds.securebits),
	SCALAR(MsgExecveEvent, "Creds.Pad", creds.pad),
	STRUCT(MsgExecveEvent, "Creds.Cap", creds.cap),
	SCALAR(MsgExecveEvent, "Creds.Cap.Permitted", creds.cap.permitted),
	SCALAR(MsgExecveEvent, "Creds.Cap.Effective", creds.cap.effective),
	SCALAR(MsgExecveEvent, "Creds.Cap.Inheritable", creds.cap.inheritable),
	STRUCT(MsgExecveEvent, "Creds.UserNs", creds.user_ns),
	SCALAR(MsgExecveEvent, "Creds.UserNs.Level", creds.user_ns.level),
	SCALAR(MsgExecveEvent, "Creds.UserNs.Uid", creds.user_ns.uid),
	SCALAR(MsgExecveEvent, "Creds.UserNs.Gid", creds.user_ns.gid),
	SCALAR(MsgExecveEvent, "Creds.UserNs.NsInum", creds.user_ns.ns_inum),
	STRUCT(MsgExecveEvent, "Namespaces", ns),
	SCALAR(MsgExecveEvent, "Namespaces.UtsInum", ns.uts_inum),
	SCALAR(MsgExecveEvent, "Namespaces.IpcInum", ns.ipc_inum),
	SCALAR(MsgExecveEvent, "Namespaces.MntInum", ns.mnt_inum),
	SCALAR(MsgExecveEvent, "Namespaces.PidInum", ns.pid_inum),
	SCALAR(MsgExecveEvent, "Namespaces.PidChildInum", ns.pid_child_inum),
	SCALAR(MsgExecveEvent, "Namespaces.NetInum", ns.net_inum),
	SCALAR(MsgExecveEvent, "Namespaces.TimeInum", ns.time_inum),
	SCALAR(MsgExecveEvent, "Namespaces.TimeChildInum", ns.time_child_inum),
	SCALAR(MsgExecveEvent, "Namespaces.CgroupInum", ns.cgroup_inum),
	SCALAR(MsgExecveEvent, "Namespaces.UserInum", ns.user_inum),
	KEY(MsgExecveEvent, "CleanupProcess", cleanup_process),

	SCALAR(MsgExec, "Size", size),
	SCALAR(MsgExec, "PID", pid),
	SCALAR(MsgExec, "TID", tid),
	SCALAR(MsgExec, "NSPID", nspid),
	SCALAR(MsgExec, "SecureExec", secureexec),
	SCALAR(MsgExec, "UID", uid),
	SCALAR(MsgExec, "AUID", auid),
	SCALAR(MsgExec, "Flags", flags),
	SCALAR(MsgExec, "Nlink", nlink),
	SCALAR(MsgExec, "Pad", pad),
	SCALAR(MsgExec, "Ino", ino),
	SCALAR(MsgExec, "Ktime", ktime),
	SCALAR(MsgExec, "SizePath", size_path),
	SCALAR(MsgExec, "SizeArgs", size_args),
	SCALAR(MsgExec, "SizeCwd", size_cwd),
	SCALAR(MsgExec, "SizeEnvs", size_envs),

	COMMON(MsgCloneEvent, "Common", common),
	KEY(MsgCloneEvent, "Parent", parent),
	SCALAR(MsgCloneEvent, "PID", pid),
	SCALAR(MsgCloneEvent, "TID", tid),
	SCALAR(MsgCloneEvent, "NSPID", nspid),
	SCALAR(MsgCloneEvent, "Flags", flags),
	SCALAR(MsgCloneEvent, "Ktime", ktime),

	COMMON(MsgExitEvent, "Common", common),
	KEY(MsgExitEvent, "ProcessKey", current),
	STRUCT(MsgExitEvent, "Info", info),
	SCALAR(MsgExitEvent, "Info.Code", info.code),
	SCALAR(MsgExitEvent, "Info.Tid", info.tid),

	COMMON(MsgCgroupEvent, "Common", common),
	KEY(MsgCgroupEvent, "Parent", parent),
	SCALAR(MsgCgroupEvent, "CgrpOp", cgrp_op),
	SCALAR(MsgCgroupEvent, "PID", pid),
	SCALAR(MsgCgroupEvent, "NSPID", nspid),
	SCALAR(MsgCgroupEvent, "Flags", flags),
	SCALAR(MsgCgroupEvent, "Ktime", ktime),
	SCALAR(MsgCgroupEvent, "CgrpidTracker", cgrpid_tracker),
	SCALAR(MsgCgroupEvent, "Cgrpid", cgrpid),
	STRUCT(MsgCgroupEvent, "CgrpData", cgrp_data),
	SCALAR(MsgCgroupEvent, "CgrpData.State", cgrp_data.state),
	SCALAR(MsgCgroupEvent, "CgrpData.HierarchyId", cgrp_data.hierarchy_id),
	SCALAR(MsgCgroupEvent, "CgrpData.Level", cgrp_data.level),
	SCALAR(MsgCgroupEvent, "CgrpData.Pad", cgrp_data.pad),
	ARRAY(MsgCgroupEvent, "CgrpData.Name", cgrp_data.name),
	ARRAY(MsgCgroupEvent, "Path", path),

	COMMON(MsgThrottleEvent, "Common", common),
	KUBE(MsgThrottleEvent, "Kube", kube),

	{ PLACE(KernelStats, "SentFailed", sent_failed), sizeof(__u64), false },

	SCALAR(Binary, "PathLength", path_length),
	SCALAR(Binary, "Reversed", reversed),
	ARRAY(Binary, "Path", path),
	ARRAY(Binary, "End", end),
	ARRAY(Binary, "EndR", end_r),
	ARRAY(Binary, "Args", args),
	SCALAR(Binary, "MBSet", mb_set),
	SCALAR(Binary, "MBGen", mb_gen),

	SCALAR(CgroupRateKey, "Id", id),

	SCALAR(CgroupRateOptions, "Events", events),
	SCALAR(CgroupRateOptions, "Interval", interval),

	SCALAR(CgroupRateValue, "Curr", curr),
	SCALAR(CgroupRateValue, "Prev", prev),
	SCALAR(CgroupRateValue, "Time", time),
	SCALAR(CgroupRateValue, "Rate", rate),
	SCALAR(CgroupRateValue, "Throttled", throttled),

	STRUCT(UprobeRegs, "Ass", ass), /* the layout stops here; test_assignments goes on */
	SCALAR(UprobeRegs, "Cnt", cnt),
	SCALAR(UprobeRegs, "Pad", pad),

	SCALAR(DataEventDesc, "Error", error),
	SCALAR(DataEventDesc, "Pad", pad),
	SCALAR(DataEventDesc, "Leftover", leftover),
	SCALAR(DataEventDesc, "Size", size),
	STRUCT(DataEventDesc, "Id", id),
	SCALAR(DataEventDesc, "Id.Pid", id.pid),
	SCALAR(DataEventDesc, "Id.Time", id.time),

	COMMON(MsgData, "Common", common),
	STRUCT(MsgData, "Id", id),
	SCALAR(MsgData, "Id.Pid", id.pid),
	SCALAR(MsgData, "Id.Time", id.time),
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

struct example {
	const char *name;
	void *at;
	size_t size;
};

#define EXAMPLE(s)                \
	{                         \
#s, &s, sizeof(s) \
	}

static struct example examples[] = {
	EXAMPLE(MsgCommon),	   EXAMPLE(MsgExecveEvent),    EXAMPLE(MsgExec),
	EXAMPLE(MsgCloneEvent),	   EXAMPLE(MsgExitEvent),      EXAMPLE(MsgCgroupEvent),
	EXAMPLE(MsgThrottleEvent), EXAMPLE(KernelStats),       EXAMPLE(Binary),
	EXAMPLE(CgroupRateKey),	   EXAMPLE(CgroupRateOptions), EXAMPLE(CgroupRateValue),
	EXAMPLE(UprobeRegs),	   EXAMPLE(DataEventDesc),     EXAMPLE(MsgData),
};

#define N_EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static char *folder;	    /* NULL: the data is not here */
static char lines[256][96]; /* of the layout */
static size_t n_lines;
static unsigned int line_used[256];

static size_t read_file(const char *name, void *to, size_t size)
{
	char path[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (!f)
		return 0;
	n = fread(to, 1, size, f);
	fclose(f);
	return n;
}

static bool try_folder(const char *root, const char *below)
{
	char path[4096];
	FILE *f;

	if (!root)
		return false;
	snprintf(path, sizeof(path), "%s/%s/layout.txt", root, below);
	f = fopen(path, "r");
	if (!f)
		return false;
	while (n_lines < 256 && fgets(lines[n_lines], sizeof(lines[0]), f)) {
		lines[n_lines][strcspn(lines[n_lines], "\n")] = '\0';
		n_lines++;
	}
	fclose(f);
	*strrchr(path, '/') = '\0';
	folder = strdup(path);
	return true;
}

static void find_folder(void)
{
	if (!try_folder(getenv("SHARED"), "data/wire") &&
	    !try_folder(getenv("SOURCE"), "../shared/data/wire"))
		try_folder("../shared", "data/wire");
}

static void need_folder(void)
{
	if (folder)
		return;
	print_message("# no data/wire/layout.txt in $SHARED nor ../shared\n");
	skip();
}

/* The line that starts with these words; counts that it was looked at. */
static const char *line_of(const char *start)
{
	size_t n = strlen(start);

	for (size_t i = 0; i < n_lines; i++) {
		if (!strncmp(lines[i], start, n) && lines[i][n] == ' ') {
			line_used[i]++;
			return lines[i] + n;
		}
	}
	fail_msg("%s is not in layout.txt", start);
	return NULL;
}

static uint64_t pattern(size_t number, size_t size, bool is_signed)
{
	const uint64_t step = 0x0102030405060708ULL;
	size_t drop = 64 - 8 * size;

	return is_signed ? (number * (step >> drop)) & (~0ULL >> drop) : number * step >> drop;
}

static uint64_t number_at(const void *p, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)p;
	case 2:
		return *(const uint16_t *)p;
	case 4:
		return *(const uint32_t *)p;
	case 8:
		return *(const uint64_t *)p;
	}
	fail_msg("no scalar has %zu bytes", size);
	return 0;
}

/* Checks the scalars of a field by value; *number is that of its first one. */
static void check_values(const struct field *f, size_t *number)
{
	const char *at = f->at;

	if (f->at == UprobeRegs.ass) {
		*number += 7UL * UPROBE_REGS_MAX;
		return;
	}
	if (!f->scalar)
		return;
	for (size_t i = 0; i < f->size / f->scalar; i++, (*number)++) {
		uint64_t is = number_at(at + i * f->scalar, f->scalar);
		uint64_t should = pattern(*number, f->scalar, f->is_signed);

		if (is != should)
			fail_msg("%s[%zu] is %#llx, should be %#llx", f->name, i,
				 (unsigned long long)is, (unsigned long long)should);
	}
}

static void test_struct(void **state)
{
	const struct example *e = *state;
	size_t prefix = strlen(e->name), number = 1, covered = 0, wire, go;
	char bytes[sizeof(KernelStats) + 1], name[64];

	need_folder();
	snprintf(name, sizeof(name), "== %s", e->name);
	assert_int_equal(sscanf(line_of(name), " wire=%zu go=%zu", &wire, &go), 2);
	assert_int_equal(wire, e->size);
	assert_int_equal(go, e->size);
	snprintf(name, sizeof(name), "%s.bin", e->name);
	assert_int_equal(read_file(name, bytes, sizeof(bytes)), e->size);
	memcpy(e->at, bytes, e->size);

	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct field *f = &fields[i];
		size_t off, size, go_off;

		if (strncmp(f->name, e->name, prefix) || f->name[prefix] != '.')
			continue;
		assert_int_equal(sscanf(line_of(f->name), " wire_off=%zu size=%zu go_off=%zu", &off,
					&size, &go_off),
				 3);
		if (f->off != off || f->off != go_off || f->size != size)
			fail_msg("%s is %zu bytes at %zu, should be %zu at %zu", f->name, f->size,
				 f->off, size, off);
		assert_memory_equal(f->at, bytes + off, size);
		check_values(f, &number);
		if (f->scalar || f->at == UprobeRegs.ass) {
			assert_int_equal(off, covered); /* nothing between two fields */
			covered += size;
		}
	}
	assert_int_equal(covered, e->size);
}

static void test_assignments(void **state)
{
	size_t n = 1;

	(void)state;
	need_folder();
	assert_int_equal(read_file("UprobeRegs.bin", &UprobeRegs, sizeof(UprobeRegs)),
			 sizeof(UprobeRegs));
	for (size_t i = 0; i < UPROBE_REGS_MAX; i++) {
		const struct reg_assignment *a = &UprobeRegs.ass[i];

		assert_int_equal(a->type, pattern(n++, 1, false));
		assert_int_equal(a->pad1, pattern(n++, 1, false));
		assert_int_equal(a->src, pattern(n++, 2, false));
		assert_int_equal(a->dst, pattern(n++, 2, false));
		assert_int_equal(a->src_size, pattern(n++, 1, false));
		assert_int_equal(a->dst_size, pattern(n++, 1, false));
		assert_int_equal(a->off, pattern(n++, 8, false));
	}
}

/* Runs last: each line was looked at, once. */
static void test_every_line(void **state)
{
	(void)state;
	need_folder();
	assert_int_equal(n_lines, N_FIELDS + N_EXAMPLES);
	for (size_t i = 0; i < n_lines; i++)
		if (line_used[i] != 1)
			fail_msg("line %zu was checked %u times: %s", i + 1, line_used[i],
				 lines[i]);
}

int main(void)
{
	struct CMUnitTest tests[N_EXAMPLES + 2] = {
		[N_EXAMPLES] = cmocka_unit_test(test_assignments),
		[N_EXAMPLES + 1] = cmocka_unit_test(test_every_line),
	};
	int failed;

	for (size_t i = 0; i < N_EXAMPLES; i++)
		tests[i] = (struct CMUnitTest){
			.name = examples[i].name,
			.test_func = test_struct,
			.initial_state = &examples[i],
		};
	find_folder();
	failed = cmocka_run_group_tests_name("wire_golden", tests, NULL, NULL);
	free(folder);
	return failed;
}

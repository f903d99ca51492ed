// SPDX-License-Identifier: Apache-2.0
/*
 * What a test VM must offer before a failure in it may be blamed on Tarsier: BTF, the bpf LSM in
 * the active list, a ring buffer, a loaded and attached raw tracepoint, the mounts. Speaks TAP.
 *
 * Deliberately without libbpf, so that it shares no assumption with what is tested.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

static int tests, failures;

static void check(bool ok, const char *name, const char *diagnostic)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, name);
	if (!ok) {
		printf("# %s\n", diagnostic);
		failures++;
	}
}

static void check_errno(bool ok, const char *name)
{
	check(ok, name, strerror(errno));
}

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static void check_btf(void)
{
	uint16_t magic = 0;
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && read(fd, &magic, sizeof(magic)) == sizeof(magic);

	check_errno(ok, "kernel type information can be read");
	check(magic == 0xeb9f, "kernel type information is BTF in our byte order", "wrong magic");
	if (fd >= 0)
		close(fd);
}

static void check_lsm(void)
{
	char list[512] = "";
	int fd = open("/sys/kernel/security/lsm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, list, sizeof(list) - 1) : -1;
	const char *found;

	check_errno(n > 0, "list of active LSMs can be read");
	found = strstr(list, "bpf");
	check(found && (found == list || found[-1] == ',') && (found[3] == ',' || !found[3]),
	      "bpf is an active LSM", list);
	if (fd >= 0)
		close(fd);
}

static void check_bpf(void)
{
	/* r0 = 0; exit */
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	static char log[4096];
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_RINGBUF,
		.max_entries = 1 << 20,
	};
	long map, prog, link;

	/* Before 5.11 maps count against this limit, and a refusal looks like a lack of privilege. */
	check_errno(!setrlimit(RLIMIT_MEMLOCK, &unlimited),
		    "the limit on locked memory can be raised");
	map = bpf(BPF_MAP_CREATE, &attr);
	check_errno(map >= 0, "ring buffer of 1 MiB");

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = sizeof(insns) / sizeof(insns[0]);
	attr.license = (uintptr_t) "GPL";
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	prog = bpf(BPF_PROG_LOAD, &attr);
	check(prog >= 0, "raw tracepoint program loads", *log ? log : strerror(errno));

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.name = (uintptr_t) "sched_process_exec";
	attr.raw_tracepoint.prog_fd = prog;
	link = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	check_errno(link >= 0, "it attaches to sched_process_exec");

	if (link >= 0)
		close(link);
	if (prog >= 0)
		close(prog);
	if (map >= 0)
		close(map);
}

static void check_mounts(void)
{
	static const struct {
		const char *path;
		long magic;
	} mounts[] = {
		{ "/", TMPFS_MAGIC },
		{ "/proc", PROC_SUPER_MAGIC },
		{ "/sys", SYSFS_MAGIC },
		{ "/sys/fs/bpf", BPF_FS_MAGIC },
		{ "/sys/fs/cgroup", CGROUP2_SUPER_MAGIC },
		{ "/sys/kernel/security", SECURITYFS_MAGIC },
		{ "/sys/kernel/tracing", TRACEFS_MAGIC },
		{ "/dev/pts", DEVPTS_SUPER_MAGIC },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		char name[80], got[40] = "";
		struct statfs fs = { 0 };

		if (statfs(mounts[i].path, &fs))
			snprintf(got, sizeof(got), "%m");
		else
			snprintf(got, sizeof(got), "type %#lx", (long)fs.f_type);
		snprintf(name, sizeof(name), "%s is mounted", mounts[i].path);
		check(fs.f_type == mounts[i].magic, name, got);
	}
}

static void check_loopback(void)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &req);

	check_errno(ok && (req.ifr_flags & IFF_UP), "the loopback interface is up");
	if (fd >= 0)
		close(fd);
}

int main(void)
{
	struct utsname name;

	if (!uname(&name))
		printf("# %s %s %s\n", name.sysname, name.release, name.machine);
	check_btf();
	check_lsm();
	check_bpf();
	check_mounts();
	check_loopback();
	printf("1..%d\n", tests);
	return failures ? 1 : 0;
}

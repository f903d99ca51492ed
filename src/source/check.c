/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be there before any program is loaded. A person gets one clear message instead of the
 * first thing that failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "source/bpf.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

static bool has_cap(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;

	return !cap_get_flag(caps, cap, CAP_EFFECTIVE, &value) && value == CAP_SET;
}

static enum tsr_status check_caps(struct tsr_error *err)
{
	cap_t caps = cap_get_proc();
	char missing[64] = "";

	if (!caps)
		return tsr_fail(err, TSR_ERR_PERMISSION, "cannot read our capabilities: %s",
				strerror(errno));
	if (!has_cap(caps, CAP_SYS_ADMIN))
		snprintf(missing, sizeof(missing), "%s%s%s",
			 has_cap(caps, CAP_BPF) ? "" : "CAP_BPF ",
			 has_cap(caps, CAP_PERFMON) ? "" : "CAP_PERFMON ",
			 has_cap(caps, CAP_SYS_PTRACE) ? "" : "CAP_SYS_PTRACE ");
	cap_free(caps);
	if (!*missing)
		return TSR_OK;
	missing[strlen(missing) - 1] = '\0';
	return tsr_fail(
		err, TSR_ERR_PERMISSION,
		"not allowed to load eBPF programs: missing %s\n"
		"run it as root (sudo tarsier ...), or give the program these capabilities:\n"
		"  setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search+ep "
		"$(command -v tarsier)",
		missing);
}

static bool locked_down(void)
{
	char text[128] = "";
	int fd = open("/sys/kernel/security/lockdown", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 && strstr(text, "[confidentiality]");
}

/* The kernel's first pid namespace has this inode: PROC_PID_INIT_INO in include/linux/proc_ns.h. */
static void warn_pid_namespace(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) || st.st_ino == 0xEFFFFFFC)
		return;
	tsr_warn("this is not the host's pid namespace: processes that were there before are shown "
		 "only in part; in a container, start it with --pid=host");
}

enum tsr_status bpf_check(struct tsr_error *err)
{
	enum tsr_status status = check_caps(err);
	union bpf_attr attr;

	if (status)
		return status;
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return tsr_fail(err, TSR_ERR_UNSUPPORTED,
				"this kernel does not describe its types: /sys/kernel/btf/vmlinux: "
				"%s\nuse a kernel built with CONFIG_DEBUG_INFO_BTF=y (every "
				"distribution's since about 5.10), or mount sysfs on /sys",
				strerror(errno));
	if (locked_down())
		return tsr_fail(
			err, TSR_ERR_UNSUPPORTED,
			"the kernel is locked down for confidentiality: eBPF programs may not "
			"read its memory\nboot with lockdown=integrity, or without secure "
			"boot's lockdown, to use tarsier here");
	/* A look into a map that does not exist: asks for no privilege of its own. */
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)-1;
	if (syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr)) && errno != EBADF) {
		if (errno == ENOSYS)
			return tsr_fail(
				err, TSR_ERR_UNSUPPORTED,
				"this kernel has no eBPF: bpf(2) is not there\nuse a kernel "
				"built with CONFIG_BPF_SYSCALL=y");
		return tsr_fail(
			err, TSR_ERR_PERMISSION,
			"bpf(2) is refused although the capabilities are there: %s\na seccomp "
			"filter (of a container?) or a security module blocks it: allow bpf(2)",
			strerror(errno));
	}
	warn_pid_namespace();
	return TSR_OK;
}

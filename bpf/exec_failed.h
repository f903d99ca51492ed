/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Execs that fail. The caller goes on with its old memory, so what it passed is read after the
 * call has failed, from the registers it came with. The best hook is the system call itself; where
 * only sys_exit can be had, every system call of the machine pays for the look at its number.
 */
#ifndef TARSIER_EXEC_FAILED_H
#define TARSIER_EXEC_FAILED_H

#include "exec.h"

#define FAILED_ARGS	256  /* strings of argv or envp that are read */
#define FAILED_AREA_MAX 8192 /* and their bytes */

#define FAILED_BIT_PATH 1
#define FAILED_BIT_ARGS 2
#define FAILED_BIT_ENVS 4

struct exec_call {
	u64 path, argv, envp;
	s32 dirfd, flags;
	bool compat; /* pointers of 32 bits */
};

/* Appends the next string of the array at s->strv; nonzero: there may be more. */
__noinline int put_next(u32 size, u32 bit, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	u64 p = 0;
	u32 off;
	long n;

	if (!s)
		return 0;
	off = s->off;
	n = bpf_probe_read_user(&p, size == 4 ? 4 : 8, (void *)s->strv.at);
	if (!n && !p)
		return 0;
	if (off > VAR_MAX || off - s->strv.begin > FAILED_AREA_MAX) {
		s->failed.trunc |= bit;
		return 0;
	}
	if (!n)
		n = bpf_probe_read_user_str(&s->var[off], 4096, (void *)p);
	if (n < 0) {
		s->failed.trunc |= bit << 8;
		return 0;
	}
	if (!n) { /* an empty string: before 6.13 or so the helper does not count its NUL */
		s->var[off] = 0;
		n = 1;
	}
	if (n == 4096)
		s->failed.trunc |= bit;
	s->off = off + (n & 0x1fff);
	s->strv.at += size;
	return 1;
}

/* Appends the strings of a NULL-terminated array of user pointers; the bytes written. */
__noinline int put_strv(u64 array, u32 size, u32 bit, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	u32 i;

	if (!s || !array)
		return 0;
	s->strv.at = array;
	s->strv.begin = s->off;
	for (i = 0; i < FAILED_ARGS; i++)
		if (!put_next(size, bit, slot))
			break;
	if (i == FAILED_ARGS)
		s->failed.trunc |= bit;
	return s->off - s->strv.begin;
}

static __always_inline void on_exec_failed(const struct exec_call *c, long ret, u32 slot)
{
	u32 size;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	u32 pointer = c->compat ? 4 : 8;
	struct msg_exec_failed *m;
	long n;

	if (!s)
		return;
	m = &s->failed;
	common_init(&m->common, MSG_OP_EXEC_FAILED, 0);
	fill_task(&m->task, task);
	if (scope_flag(&m->task))
		return;
	m->ret = ret;
	m->dirfd = c->dirfd;
	m->flags = c->flags;
	m->args_size = m->envs_size = 0;
	m->trunc = 0;
	m->pad = 0;
	m->stdin_type = 0;
	n = bpf_probe_read_user_str(s->var, 4096, (void *)c->path);
	m->size_path = n > 0 ? (n - 1) & 0xfff : 0;
	if (n < 0)
		m->trunc |= FAILED_BIT_PATH << 8;
	if (n == 4096)
		m->trunc |= FAILED_BIT_PATH;
	s->off = m->size_path;
	m->size_args = put_strv(c->argv, pointer, FAILED_BIT_ARGS, slot);
	m->size_envs = put_strv(c->envp, pointer, FAILED_BIT_ENVS, slot);
	m->size_stdin = put_fd((u64)task, 0, slot);
	m->stdin_type = s->fd_type;
	m->common.size = size = sizeof(*m) + s->off;
	m->common.ktime = bpf_ktime_get_boot_ns();
	if (size > VAR_MAX) {
		count_lost(MSG_OP_EXEC_FAILED, -7);
		return;
	}
	send(MSG_OP_EXEC_FAILED, m, size, false);
}

/* From the registers of the system call: of its kind only if nr says so. */
#if defined(__TARGET_ARCH_x86)
#define NR_EXECVE      59
#define NR_EXECVEAT    322
#define NR_EXECVE_32   11
#define NR_EXECVEAT_32 358
#define USER32_CS      0x23 /* arch/x86/include/asm/segment.h */

static __always_inline bool read_call(struct exec_call *c, struct pt_regs *regs)
{
	u64 nr = BPF_CORE_READ(regs, orig_ax);
	u64 a[5];

	c->compat = (BPF_CORE_READ(regs, cs) & 0xffff) == USER32_CS;
	if (nr != (c->compat ? NR_EXECVE_32 : NR_EXECVE) &&
	    nr != (c->compat ? NR_EXECVEAT_32 : NR_EXECVEAT))
		return false;
	if (c->compat) {
		a[0] = (u32)BPF_CORE_READ(regs, bx);
		a[1] = (u32)BPF_CORE_READ(regs, cx);
		a[2] = (u32)BPF_CORE_READ(regs, dx);
		a[3] = (u32)BPF_CORE_READ(regs, si);
		a[4] = (u32)BPF_CORE_READ(regs, di);
	} else {
		a[0] = BPF_CORE_READ(regs, di);
		a[1] = BPF_CORE_READ(regs, si);
		a[2] = BPF_CORE_READ(regs, dx);
		a[3] = BPF_CORE_READ(regs, r10);
		a[4] = BPF_CORE_READ(regs, r8);
	}
#elif defined(__TARGET_ARCH_arm64)
#define NR_EXECVE      221
#define NR_EXECVEAT    281
#define NR_EXECVE_32   11
#define NR_EXECVEAT_32 387
#define PSR_MODE32_BIT 0x10 /* arch/arm64/include/uapi/asm/ptrace.h */

static __always_inline bool read_call(struct exec_call *c, struct pt_regs *regs)
{
	s32 nr = BPF_CORE_READ(regs, syscallno);
	u64 a[5];

	c->compat = BPF_CORE_READ(regs, pstate) & PSR_MODE32_BIT;
	if (nr != (c->compat ? NR_EXECVE_32 : NR_EXECVE) &&
	    nr != (c->compat ? NR_EXECVEAT_32 : NR_EXECVEAT))
		return false;
	a[0] = BPF_CORE_READ(regs, orig_x0);
	a[1] = BPF_CORE_READ(regs, regs[1]);
	a[2] = BPF_CORE_READ(regs, regs[2]);
	a[3] = BPF_CORE_READ(regs, regs[3]);
	a[4] = BPF_CORE_READ(regs, regs[4]);
#endif
	if (nr == NR_EXECVE || nr == NR_EXECVE_32) {
		c->dirfd = -100; /* AT_FDCWD */
		c->flags = 0;
		c->path = a[0];
		c->argv = a[1];
		c->envp = a[2];
	} else {
		c->dirfd = a[0];
		c->path = a[1];
		c->argv = a[2];
		c->envp = a[3];
		c->flags = a[4];
	}
	return true;
}

static __always_inline int on_sys_exit(struct pt_regs *regs, long ret, u32 slot)
{
	struct exec_call call = {};

	if (ret >= 0 || ret < -4095 || !read_call(&call, regs))
		return 0;
	on_exec_failed(&call, ret, slot);
	return 0;
}

SEC("?tp_btf/sys_exit")
int exec_failed_btf(u64 *ctx)
{
	return on_sys_exit((void *)ctx[0], ctx[1], SLOTS_EXEC_FAILED + bpf_get_smp_processor_id());
}

SEC("?raw_tp/sys_exit")
int exec_failed_raw(u64 *ctx)
{
	return on_sys_exit((void *)ctx[0], ctx[1], SLOTS_EXEC_FAILED + bpf_get_smp_processor_id());
}

#if defined(__TARGET_ARCH_x86)
#define SYS(name) "__x64_sys_" name
#elif defined(__TARGET_ARCH_arm64)
#define SYS(name) "__arm64_sys_" name
#endif

static __always_inline int make_good_exec_failed(u64 *ctx)
{
	u32 slot = take_slot();

	if (!slot) {
		count_lost(MSG_OP_EXEC_FAILED, -16);
		return 0;
	}
	on_sys_exit((void *)ctx[0], ctx[1], slot);
	give_slot(slot);
	return 0;
}

/* The function's only argument is the registers; its result stands behind it. */
#define EXEC_FAILED_FEXIT(name, call, slots)                                                      \
	SEC("?fexit/" SYS(call))                                                                  \
	int name(u64 *ctx)                                                                        \
	{                                                                                         \
		mark_done();                                                                      \
		return on_sys_exit((void *)ctx[0], ctx[1], (slots) + bpf_get_smp_processor_id()); \
	}                                                                                         \
	SEC("?fexit/" SYS(call))                                                                  \
	int name##_again(u64 *ctx)                                                                \
	{                                                                                         \
		return not_done_yet() ? make_good_exec_failed(ctx) : 0;                           \
	}                                                                                         \
	SEC("?fexit/" SYS(call))                                                                  \
	int name##_last(u64 *ctx)                                                                 \
	{                                                                                         \
		return never_done() ? make_good_exec_failed(ctx) : 0;                             \
	}

EXEC_FAILED_FEXIT(exec_failed_fexit, "execve", SLOTS_EXEC_FAILED)
EXEC_FAILED_FEXIT(exec_failed_fexit_at, "execveat", SLOTS_EXEC_FAILED_AT)

/* A return probe does not see the arguments: the entry keeps where the registers are. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); /* thread id */
	__type(value, u64);
} exec_calls SEC(".maps");

static __always_inline int on_kprobe_entry(u64 regs)
{
	u32 tid = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&exec_calls, &tid, &regs, BPF_ANY);
	return 0;
}

static __always_inline int on_kprobe_return(long ret, u32 slot)
{
	u32 tid = bpf_get_current_pid_tgid();
	u64 *regs = bpf_map_lookup_elem(&exec_calls, &tid), at;

	if (!regs)
		return 0;
	at = *regs;
	bpf_map_delete_elem(&exec_calls, &tid);
	return on_sys_exit((void *)at, ret, slot);
}

SEC("?kprobe/" SYS("execve"))
int exec_failed_kprobe(void *ctx)
{
	return on_kprobe_entry(KPROBE_ARG(ctx));
}

SEC("?kretprobe/" SYS("execve"))
int exec_failed_kprobe_ret(void *ctx)
{
	return on_kprobe_return(KPROBE_RET(ctx), SLOTS_EXEC_FAILED + bpf_get_smp_processor_id());
}

SEC("?kprobe/" SYS("execveat"))
int exec_failed_kprobe_at(void *ctx)
{
	return on_kprobe_entry(KPROBE_ARG(ctx));
}

SEC("?kretprobe/" SYS("execveat"))
int exec_failed_kprobe_at_ret(void *ctx)
{
	return on_kprobe_return(KPROBE_RET(ctx), SLOTS_EXEC_FAILED_AT + bpf_get_smp_processor_id());
}

#endif

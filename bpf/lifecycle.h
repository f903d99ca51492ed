/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fork and exit of thread groups, and renames. Threads are not processes, kernel threads are not
 * shown; what the kernel starts in user space (user-mode helpers) is.
 */
#ifndef TARSIER_LIFECYCLE_H
#define TARSIER_LIFECYCLE_H

#include "output.h"
#include "task.h"

#define SUBREAPER_LEVELS 32 /* ancestors looked at for a subreaper; beyond, it is not known */

/* The child's part of the scope, which is its parent's; what it is now in. */
static __always_inline void inherit_scope(const struct msg_task *actor, u32 pid, u64 start)
{
	struct image_state *i = image_get(actor->pid, actor->start);
	struct image_state c = { .start = start, .image = start };

	if (!i || !i->flags)
		return;
	c.flags = i->flags & ~SCOPE_TREE_ROOT;
	if (i->flags & SCOPE_TREE_ROOT)
		c.flags |= SCOPE_TREE;
	bpf_map_update_elem(&images, &pid, &c, BPF_ANY);
}

static __always_inline int on_fork(struct task_struct *actor, struct task_struct *child)
{
	u32 pid = BPF_CORE_READ(child, tgid), actor_pid;
	struct {
		struct msg_clone_event event;
		struct msg_clone_ext ext;
	} * m;
	struct known_process *known, k;
	struct parent_ids parent;
	u64 start;

	if (BPF_CORE_READ(child, pid) != pid || (BPF_CORE_READ(child, flags) & PF_KTHREAD))
		return 0;
	/* What is kept here is kept whether the message can be sent or not. */
	start = BPF_CORE_READ(child, start_boottime);
	fill_task(&k.task, actor);
	read_parent(&parent, child);
	if (cfg_scope)
		inherit_scope(&k.task, pid, start);
	m = reserve(MSG_OP_CLONE, sizeof(*m));
	if (m) {
		common_init(&m->event.common, MSG_OP_CLONE, sizeof(*m));
		m->ext.task = k.task;
		m->event.parent.pid = m->ext.child_ppid = parent.pid;
		m->event.parent.pad = 0;
		m->event.parent.ktime = m->ext.child_parent_image = parent.image;
		m->ext.child_parent_start = parent.start;
		m->ext.child_parent_ns_pid = parent.ns_pid;
		m->ext.child_pid_ns = pid_ns_inum(child);
		m->ext.pad = 0;
		m->event.pid = m->event.tid = pid;
		m->event.nspid = ns_pid_of(child);
		m->event.flags = MSG_EXEC_CLONE;
		m->event.ktime = start;
		m->event.common.flags |= scope_flag(&k.task);
		submit(m);
	}
	actor_pid = k.task.pid;
	known = bpf_map_lookup_elem(&known_processes, &actor_pid);
	__builtin_memset(&k.exe, 0, sizeof(k.exe));
	if (known && known->task.start == k.task.start)
		k.exe = known->exe;
	k.task.pid = k.task.tid = pid;
	k.task.ns_pid = k.task.ns_tid = ns_pid_of(child);
	k.task.start = k.task.thread_start = k.task.image = start;
	k.task.ppid = parent.pid;
	k.task.parent_ns_pid = parent.ns_pid;
	k.task.parent_start = parent.start;
	k.task.parent_image = parent.image;
	bpf_map_update_elem(&known_processes, &pid, &k, BPF_ANY);
	return 0;
}

/* Two threads that end together both see the group dead: the first one reports it. */
static __always_inline bool exit_first(u32 pid, u64 start, struct signal_struct *signal)
{
	struct exited_key key = { .start = start, .pid = pid };
	u32 one = 1;
	int err;

	if (BPF_CORE_READ(signal, nr_threads) > 1) {
		/* As an int: before 6.4 the call leaves the upper half of the register as it was. */
		err = bpf_map_update_elem(&exited, &key, &one, BPF_NOEXIST);
		return err != -17; /* EEXIST; what else goes wrong must not hide the exit */
	}
	return !bpf_map_lookup_elem(&exited, &key);
}

/* Who will get the children: find_new_reaper() in kernel/exit.c. */
static __always_inline struct task_struct *find_reaper(struct task_struct *leader,
						       struct signal_struct *signal)
{
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	struct task_struct *reaper, *t = leader;
	u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid;

	upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       (level & 31) * bpf_core_type_size(struct upid);
	reaper = BPF_CORE_READ(upid, ns, child_reaper);
	if (!BPF_CORE_READ_BITFIELD_PROBED(signal, has_child_subreaper))
		return reaper;
	for (int i = 0; i < SUBREAPER_LEVELS; i++) {
		struct signal_struct *s;

		t = BPF_CORE_READ(t, real_parent, group_leader);
		if (t == reaper || BPF_CORE_READ(t, tgid) <= 1)
			return reaper;
		s = BPF_CORE_READ(t, signal);
		if (BPF_CORE_READ_BITFIELD_PROBED(s, is_child_subreaper) &&
		    BPF_CORE_READ(s, live.counter) > 0)
			return t;
	}
	return NULL;
}

static __always_inline int on_exit(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct task_struct *leader, *reaper;
	struct {
		struct msg_exit_event event;
		struct msg_exit_ext ext;
	} * m;
	u32 pid;
	u64 start;

	if (BPF_CORE_READ(signal, live.counter) > 0 || (BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return 0;
	leader = BPF_CORE_READ(task, group_leader);
	pid = BPF_CORE_READ(task, tgid);
	start = BPF_CORE_READ(leader, start_boottime);
	if (!exit_first(pid, start, signal))
		return 0;
	m = reserve(MSG_OP_EXIT, sizeof(*m));
	if (m) {
		common_init(&m->event.common, MSG_OP_EXIT, sizeof(*m));
		fill_task(&m->ext.task, task);
		m->event.current.pid = pid;
		m->event.current.pad = 0;
		m->event.current.ktime = m->ext.task.image;
		/* What wait(2) will say: wait_task_zombie() in kernel/exit.c. */
		m->event.info.code = BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT
					     ? BPF_CORE_READ(signal, group_exit_code)
					     : BPF_CORE_READ(leader, exit_code);
		m->event.info.tid = m->ext.task.tid;
		reaper = find_reaper(leader, signal);
		m->ext.pad = 0;
		m->ext.reaper_pid = 0;
		m->ext.reaper_start = 0;
		m->ext.reaper_image = 0;
		if (reaper) {
			reaper = BPF_CORE_READ(reaper, group_leader);
			m->ext.reaper_pid = BPF_CORE_READ(reaper, tgid);
			m->ext.reaper_start = BPF_CORE_READ(reaper, start_boottime);
			m->ext.reaper_image = image_ktime(m->ext.reaper_pid, m->ext.reaper_start);
		}
		m->event.common.flags |= scope_flag(&m->ext.task);
		submit(m);
	}
	bpf_map_delete_elem(&images, &pid);
	return 0;
}

/*
 * An exec renames too, before it is complete; its new mm has no arguments yet. That is not an
 * event, but the old name is kept for the exec's own.
 */
static __always_inline bool renamed_by_exec(struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);

	return mm && !BPF_CORE_READ(mm, arg_end);
}

static __always_inline int on_rename_by_exec(struct task_struct *task)
{
	u32 tid = BPF_CORE_READ(task, pid);
	struct comm_value v;

	if (renamed_by_exec(task)) {
		bpf_probe_read_kernel(v.comm, sizeof(v.comm), &task->comm);
		bpf_map_update_elem(&prev_comms, &tid, &v, BPF_ANY);
	}
	return 0;
}

static __always_inline int on_rename(struct task_struct *task, const char *name)
{
	struct msg_rename *m;
	u8 flag;

	if (renamed_by_exec(task) || (BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return 0;
	m = reserve(MSG_OP_RENAME, sizeof(*m));
	if (!m)
		return 0;
	common_init(&m->common, MSG_OP_RENAME, sizeof(*m));
	fill_task(&m->task, task);
	__builtin_memcpy(m->old_name, m->task.comm, sizeof(m->old_name));
	__builtin_memset(m->new_name, 0, sizeof(m->new_name));
	bpf_probe_read_kernel_str(m->new_name, sizeof(m->new_name), name);
	flag = scope_flag(&m->task);
	if (flag)
		bpf_ringbuf_discard(m, ring_flags(false)); /* it takes room until it is read */
	else
		submit(m);
	return 0;
}

SEC("?tp_btf/sched_process_fork")
int fork_btf(u64 *ctx)
{
	mark_done();
	return on_fork((void *)ctx[0], (void *)ctx[1]);
}

SEC("?tp_btf/sched_process_fork")
int fork_btf_again(u64 *ctx)
{
	return not_done_yet() ? on_fork((void *)ctx[0], (void *)ctx[1]) : 0;
}

SEC("?tp_btf/sched_process_fork")
int fork_btf_last(u64 *ctx)
{
	return never_done() ? on_fork((void *)ctx[0], (void *)ctx[1]) : 0;
}

SEC("?raw_tp/sched_process_fork")
int fork_raw(u64 *ctx)
{
	return on_fork((void *)ctx[0], (void *)ctx[1]);
}

SEC("?tp_btf/sched_process_exit")
int exit_btf(u64 *ctx)
{
	mark_done();
	return on_exit((void *)ctx[0]);
}

SEC("?tp_btf/sched_process_exit")
int exit_btf_again(u64 *ctx)
{
	return not_done_yet() ? on_exit((void *)ctx[0]) : 0;
}

SEC("?tp_btf/sched_process_exit")
int exit_btf_last(u64 *ctx)
{
	return never_done() ? on_exit((void *)ctx[0]) : 0;
}

SEC("?raw_tp/sched_process_exit")
int exit_raw(u64 *ctx)
{
	return on_exit((void *)ctx[0]);
}

SEC("?tp_btf/task_rename")
int rename_btf(u64 *ctx)
{
	mark_done();
	return on_rename((void *)ctx[0], (void *)ctx[1]);
}

SEC("?tp_btf/task_rename")
int rename_btf_again(u64 *ctx)
{
	return not_done_yet() ? on_rename((void *)ctx[0], (void *)ctx[1]) : 0;
}

SEC("?tp_btf/task_rename")
int rename_btf_last(u64 *ctx)
{
	return never_done() ? on_rename((void *)ctx[0], (void *)ctx[1]) : 0;
}

SEC("?raw_tp/task_rename")
int rename_raw(u64 *ctx)
{
	return on_rename((void *)ctx[0], (void *)ctx[1]);
}

/* The helpers of the exec programs: loaded with them, for prev_comm. */
SEC("?tp_btf/task_rename")
int prev_comm_btf(u64 *ctx)
{
	return on_rename_by_exec((void *)ctx[0]);
}

SEC("?raw_tp/task_rename")
int prev_comm_raw(u64 *ctx)
{
	return on_rename_by_exec((void *)ctx[0]);
}

#endif

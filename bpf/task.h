/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading a task: who it is, its credentials, namespaces, cgroup; and whether it is in the scope.
 */
#ifndef TARSIER_TASK_H
#define TARSIER_TASK_H

#include "maps.h"

static __always_inline u32 pid_in_ns(struct pid *pid)
{
	u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid;

	upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       (level & 31) * bpf_core_type_size(struct upid); /* MAX_PID_NS_LEVEL is 32 */
	return BPF_CORE_READ(upid, nr);
}

static __always_inline u32 ns_pid_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	return pid ? pid_in_ns(pid) : 0;
}

static __always_inline u32 pid_ns_inum(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid;

	upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       (level & 31) * bpf_core_type_size(struct upid);
	return BPF_CORE_READ(upid, ns, ns.inum);
}

static __always_inline struct image_state *image_get(u32 pid, u64 start)
{
	struct image_state *i = bpf_map_lookup_elem(&images, &pid);

	return i && i->start == start ? i : NULL;
}

/* When the current image of a process began: an image that we did not see begin, with it. */
static __always_inline u64 image_ktime(u32 pid, u64 start)
{
	struct image_state *i = image_get(pid, start);

	return i ? i->image : start;
}

/* Global functions take numbers only; the verifier knows what a typed pointer is until it was in memory. */
static __always_inline u64 as_number(struct scratch *s, const void *p)
{
	*(volatile u64 *)&s->number = (u64)p;
	return *(volatile u64 *)&s->number;
}

struct parent_ids {
	u32 pid;
	u32 ns_pid;
	u64 start;
	u64 image;
};

static __always_inline void read_parent(struct parent_ids *p, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, real_parent, group_leader);

	p->pid = BPF_CORE_READ(leader, tgid);
	p->ns_pid = ns_pid_of(leader);
	p->start = BPF_CORE_READ(leader, start_boottime);
	p->image = image_ktime(p->pid, p->start);
}

/* m is in the ring or in scratch memory: every byte of it is written. */
static __always_inline void fill_task(struct msg_task *m, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct parent_ids parent;
	struct tty_struct *tty;
	u32 ids[8]; /* uid, gid, suid, sgid, euid, egid, fsuid, fsgid: so in every kernel */

	m->pid = BPF_CORE_READ(task, tgid);
	m->tid = BPF_CORE_READ(task, pid);
	m->ns_tid = ns_pid_of(task);
	m->thread_start = BPF_CORE_READ(task, start_boottime);
	if (leader == task) {
		m->ns_pid = m->ns_tid;
		m->start = m->thread_start;
	} else {
		m->ns_pid = ns_pid_of(leader);
		m->start = BPF_CORE_READ(leader, start_boottime);
	}
	m->image = image_ktime(m->pid, m->start);
	read_parent(&parent, task);
	m->ppid = parent.pid;
	m->parent_ns_pid = parent.ns_pid;
	m->parent_start = parent.start;
	m->parent_image = parent.image;
	bpf_probe_read_kernel(ids, sizeof(ids), &cred->uid);
	m->uid = ids[0];
	m->gid = ids[1];
	m->euid = ids[4];
	m->egid = ids[5];
	m->suid = ids[2];
	m->sgid = ids[3];
	m->fsuid = ids[6];
	m->fsgid = ids[7];
	/* inheritable, permitted, effective: in this order, too */
	bpf_probe_read_kernel(&m->cap_inheritable, 24, &cred->cap_inheritable);
	m->auid = m->sessionid = ~0U;
	if (bpf_core_field_exists(task->loginuid)) {
		m->auid = BPF_CORE_READ(task, loginuid.val);
		m->sessionid = BPF_CORE_READ(task, sessionid);
	}
	bpf_probe_read_kernel(m->comm, sizeof(m->comm), &task->comm);
	__builtin_memset(m->tty, 0, sizeof(m->tty));
	tty = BPF_CORE_READ(task, signal, tty);
	if (tty)
		bpf_probe_read_kernel_str(m->tty, sizeof(m->tty), &tty->name);
}

static __always_inline void fill_creds(struct msg_generic_cred *c, const struct cred *cred)
{
	struct user_namespace *ns = BPF_CORE_READ(cred, user_ns);

	bpf_probe_read_kernel(&c->uid, 8 * sizeof(u32), &cred->uid);
	c->securebits = BPF_CORE_READ(cred, securebits);
	c->pad = 0;
	bpf_probe_read_kernel(&c->cap.permitted, 8, &cred->cap_permitted);
	bpf_probe_read_kernel(&c->cap.effective, 8, &cred->cap_effective);
	bpf_probe_read_kernel(&c->cap.inheritable, 8, &cred->cap_inheritable);
	c->user_ns.level = BPF_CORE_READ(ns, level);
	c->user_ns.uid = BPF_CORE_READ(ns, owner.val);
	c->user_ns.gid = BPF_CORE_READ(ns, group.val);
	c->user_ns.ns_inum = BPF_CORE_READ(ns, ns.inum);
}

static __always_inline void fill_namespaces(struct msg_namespaces *n, struct task_struct *task)
{
	struct nsproxy *p = BPF_CORE_READ(task, nsproxy);

	n->uts_inum = BPF_CORE_READ(p, uts_ns, ns.inum);
	n->ipc_inum = BPF_CORE_READ(p, ipc_ns, ns.inum);
	n->mnt_inum = BPF_CORE_READ(p, mnt_ns, ns.inum);
	n->pid_inum = pid_ns_inum(task);
	n->pid_child_inum = BPF_CORE_READ(p, pid_ns_for_children, ns.inum);
	n->net_inum = BPF_CORE_READ(p, net_ns, ns.inum);
	n->time_inum = BPF_CORE_READ(p, time_ns, ns.inum);
	n->time_child_inum = BPF_CORE_READ(p, time_ns_for_children, ns.inum);
	n->cgroup_inum = BPF_CORE_READ(p, cgroup_ns, ns.inum);
	n->user_inum = BPF_CORE_READ(task, cred, user_ns, ns.inum);
}

static __always_inline void fill_cgroup(struct msg_k8s *k, struct task_struct *task)
{
	struct kernfs_node *kn = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	long n;

	k->cgrpid = BPF_CORE_READ(kn, id);
	k->cgrp_tracker_id = 0;
	/* Only what the name needs is sent, the rest of a reused slot is not ours to show. */
	__builtin_memset(k->docker_id, 0, sizeof(k->docker_id));
	n = bpf_probe_read_kernel_str(k->docker_id, sizeof(k->docker_id), BPF_CORE_READ(kn, name));
	if (n < 0)
		k->docker_id[0] = 0;
}

/* A file's device as stat(2) shows it: new_encode_dev() in include/linux/kdev_t.h. */
static __always_inline u32 encode_dev(u32 dev)
{
	u32 major = dev >> 20, minor = dev & 0xfffff;

	return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

static __always_inline u64 inode_ctime(struct inode *inode)
{
	if (bpf_core_field_exists(inode->i_ctime_sec))
		/* bit 31 is a mark of the file system's: I_CTIME_QUERIED, since 6.13 */
		return BPF_CORE_READ(inode, i_ctime_sec) * 1000000000ULL +
		       (BPF_CORE_READ(inode, i_ctime_nsec) & 0x7fffffff);
	if (bpf_core_field_exists(((struct inode___6_6 *)0)->__i_ctime)) {
		struct inode___6_6 *i = (void *)inode;

		return BPF_CORE_READ(i, __i_ctime.tv_sec) * 1000000000ULL +
		       BPF_CORE_READ(i, __i_ctime.tv_nsec);
	} else {
		struct inode___5_10 *i = (void *)inode;

		return BPF_CORE_READ(i, i_ctime.tv_sec) * 1000000000ULL +
		       BPF_CORE_READ(i, i_ctime.tv_nsec);
	}
}

static __always_inline void fill_file(struct msg_file *f, struct inode *inode)
{
	f->ino = BPF_CORE_READ(inode, i_ino);
	f->ctime = inode_ctime(inode);
	f->dev = encode_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	f->mode = BPF_CORE_READ(inode, i_mode);
	f->pad = 0;
}

/* Whether what this task does is asked for; image flags say what its image is in. */
static __always_inline bool in_scope(const struct msg_task *m, u32 image_flags)
{
	bool hit;

	if (!cfg_scope)
		return true;
	if (cfg_scope & SCOPE_UID) {
		hit = bpf_map_lookup_elem(&scope_uid, &m->uid);
		if (hit == !!(cfg_scope_not & SCOPE_UID))
			return false;
	}
	if (cfg_scope & SCOPE_PID) {
		hit = bpf_map_lookup_elem(&scope_pid, &m->pid);
		if (hit == !!(cfg_scope_not & SCOPE_PID))
			return false;
	}
	if (cfg_scope & SCOPE_COMM) {
		struct comm_value key = {};

		bpf_probe_read_kernel_str(key.comm, sizeof(key.comm), m->comm);
		hit = bpf_map_lookup_elem(&scope_comm, &key);
		if (hit == !!(cfg_scope_not & SCOPE_COMM))
			return false;
	}
	if (cfg_scope & SCOPE_EXE) {
		hit = image_flags & SCOPE_EXE;
		if (hit == !!(cfg_scope_not & SCOPE_EXE))
			return false;
	}
	if (cfg_scope & SCOPE_TREE) {
		hit = image_flags & SCOPE_TREE;
		if (hit == !!(cfg_scope_not & SCOPE_TREE))
			return false;
	}
	return true;
}

static __always_inline u8 scope_flag(const struct msg_task *m)
{
	struct image_state *i;

	if (!cfg_scope)
		return 0;
	i = image_get(m->pid, m->start);
	return in_scope(m, i ? i->flags : 0) ? 0 : MSG_COMMON_FLAG_STATE_ONLY;
}

#endif

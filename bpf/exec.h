/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exec: what was asked for, what runs, with which arguments, environment and rights.
 *
 * The arguments are read from the new image's memory, where the kernel has just written them:
 * complete, and out of reach of whoever asked for the exec.
 */
#ifndef TARSIER_EXEC_H
#define TARSIER_EXEC_H

#include "output.h"
#include "path.h"
#include "task.h"

/* Appends a string of the kernel; its length. A bit in s->ext.trunc says that it was cut. */
__noinline int put_string(u64 str, u32 which, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	u32 bit = 1U << (which & 7), off;
	long n;

	if (!s)
		return 0;
	off = s->off;
	if (off > VAR_MAX)
		return 0;
	n = bpf_probe_read_kernel_str(&s->var[off], 4096, (void *)str); /* PATH_MAX */
	if (n <= 0) {
		s->ext.trunc |= bit << EXEC_STR_TRUNC_SHIFT;
		return 0;
	}
	if (n == 4096)
		s->ext.trunc |= bit;
	n = (n - 1) & 0xfff;
	s->off = off + n;
	return n;
}

/* The next chunk of s->chunks; nonzero: there is more. */
__noinline int send_chunk(u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	u64 n;

	if (!s)
		return 0;
	n = s->chunks.left;
	if (!n)
		return 0;
	if (n > MSG_DATA_MAX)
		n = MSG_DATA_MAX;
	s->chunks.error = bpf_probe_read_user(s->chunk.bytes, n, (void *)s->chunks.at);
	if (s->chunks.error)
		return 0;
	common_init(&s->chunk.data.common, MSG_OP_DATA, sizeof(s->chunk.data) + n);
	s->chunk.data.id.pid = bpf_get_current_pid_tgid();
	s->chunk.data.id.time = s->chunks.time;
	/* Arguments of megabytes fill the ring faster than the reader's next turn comes. */
	s->chunks.error =
		send(MSG_OP_DATA, &s->chunk, sizeof(s->chunk.data) + n, n == MSG_DATA_MAX);
	if (s->chunks.error)
		return 0;
	s->chunks.at += n;
	s->chunks.left -= n;
	return s->chunks.left != 0;
}

#define AREA_ENVS	 1 /* else args */
#define AREA_INLINE_ONLY 2

/*
 * Appends the bytes of args or envs. Long ones go ahead in chunks, and what stands in their place
 * is a description of these.
 */
__noinline int put_area(u64 start, u64 size, u32 how, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	u32 trunc = how & AREA_ENVS ? MSG_EXEC_TRUNC_ENVS : MSG_EXEC_TRUNC_ARGS;
	struct data_event_desc desc = {};
	u32 off, n;

	if (!s || !size)
		return 0;
	off = s->off;
	if (off > VAR_MAX)
		return 0;
	if (size > INLINE_MAX && !(how & AREA_INLINE_ONLY)) {
		s->chunks.at = start;
		s->chunks.left = size;
		s->chunks.time = s->exec.ktime + (how & AREA_ENVS);
		s->chunks.error = 0;
		for (int i = 0; i < DATA_CHUNKS; i++)
			if (!send_chunk(slot))
				break;
		desc.error = s->chunks.error;
		desc.leftover = s->chunks.left;
		desc.size = size;
		desc.id.pid = bpf_get_current_pid_tgid();
		desc.id.time = s->chunks.time;
		s->exec.flags |= how & AREA_ENVS ? MSG_EXEC_DATA_ENVS : MSG_EXEC_DATA_ARGS;
		if (desc.leftover)
			s->exec.flags |= trunc;
		bpf_probe_read_kernel(&s->var[off], sizeof(desc), &desc);
		s->off = off + sizeof(desc);
		return sizeof(desc);
	}
	n = size;
	if (size > INLINE_MAX) {
		n = INLINE_MAX;
		s->exec.flags |= trunc;
	}
	if (bpf_probe_read_user(&s->var[off], n, (void *)start)) {
		s->exec.flags |= how & AREA_ENVS ? MSG_EXEC_ERROR_ENVS : MSG_EXEC_ERROR_ARGS;
		return 0;
	}
	s->off = off + n;
	return n;
}

static __always_inline bool is_memfd(const char *p)
{
	return p[0] == 'm' && p[1] == 'e' && p[2] == 'm' && p[3] == 'f' && p[4] == 'd' &&
	       p[5] == ':';
}

/* The uid of root in a user namespace, as the host sees it. */
static __always_inline u32 ns_root(struct user_namespace *ns)
{
	struct uid_gid_extent e;

	if (!BPF_CORE_READ(ns, level))
		return 0;
	BPF_CORE_READ_INTO(&e, ns, uid_map.extent[0]);
	return e.first ? ~0U : e.lower_first;
}

/*
 * What the exec gained. Privileged ids differ from the real ones only if the file's bits said so;
 * a non-root image has permitted capabilities beyond the ambient set only from the file's.
 */
static __always_inline u32 secure_exec(const struct cred *cred, const struct msg_generic_cred *c,
				       u16 mode)
{
	u32 root, bits = 0;
	u64 ambient = 0;

	if ((mode & S_ISUID) && c->euid != c->uid)
		bits |= MSG_SECURE_SETUID | (c->euid ? 0 : MSG_SECURE_SETUID_ROOT);
	if ((mode & S_ISGID) && c->egid != c->gid)
		bits |= MSG_SECURE_SETGID | (c->egid ? 0 : MSG_SECURE_SETGID_ROOT);
	bpf_probe_read_kernel(&ambient, sizeof(ambient), &cred->cap_ambient);
	if (c->cap.permitted & ~ambient) {
		root = ns_root(BPF_CORE_READ(cred, user_ns));
		if (c->uid != root && c->euid != root)
			bits |= MSG_SECURE_FILE_CAPS;
	}
	return bits;
}

/* What exec and snapshot share: all but the arguments. The path is the first in s->var. */
__noinline int fill_image(u64 task_addr, u64 file_addr, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct task_struct *task = (void *)task_addr;
	struct file *file = (void *)file_addr;
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct dentry *dentry;
	struct msg_exec_ext *x;
	struct msg_exec *e;

	if (!s)
		return 0;
	x = &s->ext;
	e = &s->exec;
	s->off = 0;
	common_init(&s->event.common, MSG_OP_EXECVE, 0);
	fill_task(&x->task, task);
	fill_cgroup(&s->event.kube, task);
	s->event.parent.pid = x->task.ppid;
	s->event.parent.pad = 0;
	s->event.parent.ktime = x->task.parent_image;
	s->event.parent_flags = 0;
	fill_creds(&s->event.creds, BPF_CORE_READ(task, cred));
	fill_namespaces(&s->event.ns, task);

	e->pid = x->task.pid;
	e->tid = x->task.tid;
	e->nspid = x->task.ns_pid;
	e->uid = x->task.euid;
	e->auid = x->task.auid;
	x->sessionid = x->task.sessionid;
	e->flags = 0;
	e->pad = 0;
	e->nlink = BPF_CORE_READ(inode, i_nlink);
	e->ino = BPF_CORE_READ(inode, i_ino);
	e->secureexec = 0;
	e->size_args = e->size_envs = 0;
	fill_file(&x->exe, inode);
	__builtin_memset(&x->interpreter, 0, sizeof(x->interpreter));
	x->sid = BPF_CORE_READ(signal, pids[PIDTYPE_SID], numbers[0].nr);
	x->pgid = BPF_CORE_READ(signal, pids[PIDTYPE_PGID], numbers[0].nr);
	__builtin_memset(x->prev_comm, 0, sizeof(x->prev_comm));
	x->trunc = 0;
	x->walk = WALK_SNAPSHOT; /* who asks for another walk says so */
	x->stdin_type = 0;
	__builtin_memset(x->size_str, 0, sizeof(x->size_str));

	e->size_path = 0;
	if (!file)
		return 0;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	e->size_path = put_path((u64)dentry, (u64)BPF_CORE_READ(file, f_path.mnt), slot);
	if (s->walk.flags & WALK_TRUNC)
		e->flags |= MSG_EXEC_TRUNC_FILENAME;
	if (dentry_unlinked(dentry))
		e->flags |= MSG_EXEC_DELETED;
	if ((s->walk.flags & WALK_PSEUDO) && is_memfd(s->var))
		e->flags |= MSG_EXEC_MEMFD | MSG_EXEC_DELETED;
	return 0;
}

__noinline int fill_cwd(u64 task_addr, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct task_struct *task = (void *)task_addr;
	struct dentry *dentry = BPF_CORE_READ(task, fs, pwd.dentry);
	u32 off, len;

	if (!s)
		return 0;
	s->exec.size_cwd = 0;
	if (!dentry) {
		s->exec.flags |= MSG_EXEC_ERROR_CWD;
		return 0;
	}
	off = s->off;
	len = put_path((u64)dentry, (u64)BPF_CORE_READ(task, fs, pwd.mnt), slot);
	if (s->walk.flags & WALK_TRUNC)
		s->exec.flags |= MSG_EXEC_TRUNC_CWD;
	if (dentry_unlinked(dentry))
		s->exec.flags |= MSG_EXEC_CWD_DELETED;
	if (len == 1 && s->walk.flags == WALK_DONE) {
		s->exec.flags |= MSG_EXEC_ROOT_CWD;
		s->off = off;
		return 0;
	}
	s->exec.size_cwd = len;
	return 0;
}

/* Appends the path of an open file of the task; s->fd_type: what it is, 0 if it is closed. */
__noinline int put_fd(u64 task_addr, u32 fd, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct task_struct *task = (void *)task_addr;
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **fds = BPF_CORE_READ(fdt, fd), *file = NULL;

	if (!s)
		return 0;
	s->fd_type = 0;
	if (fd >= BPF_CORE_READ(fdt, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), fds + fd);
	if (!file)
		return 0;
	s->fd_type = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	return put_path((u64)BPF_CORE_READ(file, f_path.dentry),
			(u64)BPF_CORE_READ(file, f_path.mnt), slot);
}

/* The kernel's name for a script run by its descriptor alone, "/dev/fd/N": N, or -1. */
static __always_inline int fd_of_path(u64 path)
{
	char text[16] = {};
	int fd = 0, i;

	bpf_probe_read_kernel_str(text, sizeof(text), (void *)path);
	if (text[0] != '/' || text[1] != 'd' || text[2] != 'e' || text[3] != 'v' ||
	    text[4] != '/' || text[5] != 'f' || text[6] != 'd' || text[7] != '/' || !text[8])
		return -1;
	for (i = 8; i < 15 && text[i]; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		fd = fd * 10 + (text[i] - '0');
	}
	return fd;
}

/* The extension at its place behind the bytes of msg_exec, once all that it says is known. */
static __always_inline void put_ext(struct scratch *s, u32 at)
{
	u32 ext = (at + 7) & ~7U;
	u64 zero = 0;

	/* The compiler must not check one of them by way of the other: old verifiers lose the bound. */
	asm volatile("" : "+r"(at));
	asm volatile("" : "+r"(ext));
	if (at > VAR_MAX || ext > VAR_MAX)
		return;
	/* the gap; what is more, the extension covers */
	bpf_probe_read_kernel(&s->var[at], sizeof(zero), &zero);
	bpf_probe_read_kernel(&s->var[ext], sizeof(s->ext), &s->ext);
}

static __always_inline u32 message_size(struct scratch *s)
{
	return sizeof(s->event) + sizeof(s->exec) + s->off;
}

static __always_inline u32 exe_scope(struct scratch *s)
{
	u32 len = s->exec.size_path;

	if (!(cfg_scope & SCOPE_EXE) || !len)
		return 0;
	/* One that is longer than any pattern can still begin as a prefix says. */
	if (len >= SCOPE_EXE_LEN)
		len = SCOPE_EXE_LEN - 1;
	__builtin_memset(&s->exe_key, 0, sizeof(s->exe_key));
	s->exe_key.prefixlen = (len + 1) * 8;
	bpf_probe_read_kernel(s->exe_key.path, len, s->var);
	return bpf_map_lookup_elem(&scope_exe, &s->exe_key) ? SCOPE_EXE : 0;
}

/*
 * Appends the path of a script. The kernel has let go of it by now: it is known if a hook has seen
 * it, or if the script was run by a descriptor, which then is still open for the interpreter.
 */
__noinline int put_script(u64 task_addr, u64 filename, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct exec_file *f;
	struct dentry *dentry;
	int fd;
	u32 tid;

	if (!s)
		return 0;
	tid = s->old_tid;
	f = bpf_map_lookup_elem(&exec_files, &tid);
	if (f) {
		dentry = (void *)f->dentry;
		if (BPF_CORE_READ(dentry, d_inode, i_ino) == f->ino)
			return put_path(f->dentry, f->mnt, slot);
	}
	fd = fd_of_path(filename);
	return fd >= 0 ? put_fd(task_addr, fd, slot) : 0;
}

/* The image is entered before anything else of it: what follows from here on belongs to it. */
static __always_inline void enter_image(struct scratch *s)
{
	struct image_state next = {}, *prev;
	struct msg_exec *e = &s->exec;
	u32 pid = e->pid;

	prev = image_get(pid, s->ext.task.start);
	s->event.cleanup_process.pid = pid;
	s->event.cleanup_process.pad = 0;
	s->event.cleanup_process.ktime = prev ? prev->image : s->ext.task.start;
	next.start = s->ext.task.start;
	next.image = e->ktime;
	next.flags = (prev ? prev->flags & (SCOPE_TREE | SCOPE_TREE_ROOT) : 0) | exe_scope(s);
	if (bpf_map_update_elem(&images, &pid, &next, BPF_ANY))
		s->event.common.flags |= MSG_COMMON_FLAG_PROCESS_NOT_FOUND;
	if (cfg_scope && !in_scope(&s->ext.task, next.flags))
		s->event.common.flags |= MSG_COMMON_FLAG_STATE_ONLY;
}

/* The message is complete but for its strings: its path is the first in s->var. */
static __always_inline void keep_known(struct scratch *s)
{
	struct known_file key = {
		.ino = s->ext.exe.ino,
		.ctime = s->ext.exe.ctime,
		.dev = s->ext.exe.dev,
	};
	u32 pid = s->ext.task.pid, len = s->exec.size_path;
	struct known_path *path;

	/* struct msg_exec_ext begins like struct known_process */
	bpf_map_update_elem(&known_processes, &pid, &s->ext, BPF_ANY);
	if (!key.ino || !len || len > KNOWN_PATH_MAX || bpf_map_lookup_elem(&known_paths, &key))
		return;
	path = (void *)s->path; /* not in use any more */
	path->len = len;
	path->flags = s->exec.flags >> 16 & MSG_EXEC_DELETED >> 16;
	path->pad = 0;
	bpf_probe_read_kernel(path->path, KNOWN_PATH_MAX, s->var);
	bpf_map_update_elem(&known_paths, &key, path, BPF_ANY);
}

/* Outside the scope only what the state needs is sent: no environment, no names, no chunks. */
__noinline int put_vars(u64 task_addr, u64 bprm_addr, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct task_struct *task = (void *)task_addr;
	struct linux_binprm *bprm = (void *)bprm_addr;
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	u64 filename = (u64)BPF_CORE_READ(bprm, filename),
	    interp = (u64)BPF_CORE_READ(bprm, interp);
	u64 start = BPF_CORE_READ(mm, arg_start), size = BPF_CORE_READ(mm, arg_end) - start;
	bool all;

	if (!s)
		return 0;
	all = !(s->event.common.flags & MSG_COMMON_FLAG_STATE_ONLY);
	s->ext.args_size = size;
	s->exec.size_args = put_area(start, size, all ? 0 : AREA_INLINE_ONLY, slot);
	fill_cwd(task_addr, slot);
	start = BPF_CORE_READ(mm, env_start);
	size = BPF_CORE_READ(mm, env_end) - start;
	s->ext.envs_size = size;
	if (all)
		s->exec.size_envs = put_area(start, size, AREA_ENVS, slot);
	else if (size)
		s->exec.flags |= MSG_EXEC_TRUNC_ENVS;
	s->exec.size = sizeof(s->exec) + s->off;

	/* Room for the extension; it holds the sizes of the strings behind it. */
	s->off = ((s->off + 7) & ~7U) + sizeof(s->ext);
	if (!all)
		return 0;
	s->ext.size_str[EXEC_STR_CMDPATH] = put_string(filename, EXEC_STR_CMDPATH, slot);
	if (interp != filename)
		s->ext.size_str[EXEC_STR_INTERP] = put_string(interp, EXEC_STR_INTERP, slot);
	s->ext.size_str[EXEC_STR_STDIN] = put_fd(task_addr, 0, slot);
	s->ext.stdin_type = s->fd_type;
	if (s->walk.flags & WALK_TRUNC && s->fd_type)
		s->ext.trunc |= 1 << EXEC_STR_STDIN;
	if (interp != filename)
		s->ext.size_str[EXEC_STR_SCRIPT] = put_script(task_addr, filename, slot);
	return 0;
}

static __always_inline int on_exec(struct task_struct *task, u32 old_tid, struct linux_binprm *bprm,
				   u32 slot)
{
	u32 tid = BPF_CORE_READ(task, pid), size;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct comm_value *comm;
	struct msg_exec *e;
	u64 number;

	if (!s)
		return 0;
	e = &s->exec;
	number = as_number(s, task);
	s->old_tid = old_tid;
	fill_image(number, (u64)BPF_CORE_READ(bprm, file), slot);
	e->ktime = s->ext.task.image = s->event.common.ktime;
	e->secureexec = secure_exec(BPF_CORE_READ(task, cred), &s->event.creds, s->ext.exe.mode);
	if (bpf_core_field_exists(bprm->fdpath) && BPF_CORE_READ(bprm, fdpath))
		e->flags |= MSG_EXEC_EXECVEAT;
	else
		e->flags |= MSG_EXEC_EXECVE;
	if (BPF_CORE_READ(task, real_parent, flags) & PF_KTHREAD)
		e->flags |= MSG_EXEC_KERNEL;
	enter_image(s);
	keep_known(s);
	comm = bpf_map_lookup_elem(&prev_comms, &tid);
	if (comm) {
		__builtin_memcpy(s->ext.prev_comm, comm->comm, sizeof(comm->comm));
		bpf_map_delete_elem(&prev_comms, &tid);
	}
	put_vars(number, as_number(s, bprm), slot);
	put_ext(s, e->size - sizeof(*e));
	size = message_size(s);
	if (size > VAR_MAX) {
		count_lost(MSG_OP_EXECVE, -7);
		return 0;
	}
	s->event.common.size = size;
	/* Its place in the stream is where it is sent; the image began a little earlier. */
	s->event.common.ktime = bpf_ktime_get_boot_ns();
	send(MSG_OP_EXECVE, &s->event, size, false);
	return 0;
}

SEC("?tp_btf/sched_process_exec")
int exec_btf(u64 *ctx)
{
	mark_done();
	return on_exec((void *)ctx[0], ctx[1], (void *)ctx[2],
		       SLOTS_EXEC + bpf_get_smp_processor_id());
}

static __always_inline int make_good_exec(u64 *ctx)
{
	u32 slot = take_slot();

	if (!slot) {
		count_lost(MSG_OP_EXECVE, -16);
		return 0;
	}
	on_exec((void *)ctx[0], ctx[1], (void *)ctx[2], slot);
	give_slot(slot);
	return 0;
}

SEC("?tp_btf/sched_process_exec")
int exec_btf_again(u64 *ctx)
{
	return not_done_yet() ? make_good_exec(ctx) : 0;
}

SEC("?tp_btf/sched_process_exec")
int exec_btf_last(u64 *ctx)
{
	return never_done() ? make_good_exec(ctx) : 0;
}

SEC("?raw_tp/sched_process_exec")
int exec_raw(u64 *ctx)
{
	return on_exec((void *)ctx[0], ctx[1], (void *)ctx[2],
		       SLOTS_EXEC + bpf_get_smp_processor_id());
}

static __always_inline bool is_root(u32 pid)
{
	return bpf_map_lookup_elem(&scope_roots, &pid);
}

/*
 * Called once for the file that was asked for, then for its interpreter, if it has one: the first
 * time both names are still the same string.
 */
SEC("?kprobe/security_bprm_check")
int script_kprobe(void *ctx)
{
	struct linux_binprm *bprm = (void *)KPROBE_ARG(ctx);
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct exec_file f;
	struct file *file;

	if (BPF_CORE_READ(bprm, interp) != BPF_CORE_READ(bprm, filename))
		return 0;
	file = BPF_CORE_READ(bprm, file);
	f.dentry = (u64)BPF_CORE_READ(file, f_path.dentry);
	f.mnt = (u64)BPF_CORE_READ(file, f_path.mnt);
	f.ino = BPF_CORE_READ(file, f_inode, i_ino);
	bpf_map_update_elem(&exec_files, &tid, &f, BPF_ANY);
	return 0;
}

/* Whether a task descends from a process of the scope, by the parents it has now. */
static __always_inline bool below_scope(struct task_struct *task)
{
	struct task_struct *t = task;

	for (int i = 0; i < 64; i++) {
		struct image_state *s;
		u32 pid;

		t = BPF_CORE_READ(t, real_parent);
		pid = BPF_CORE_READ(t, tgid);
		if (is_root(pid))
			return true;
		if (pid <= 1)
			return false;
		s = image_get(pid, BPF_CORE_READ(t, group_leader, start_boottime));
		if (s && (s->flags & SCOPE_TREE))
			return true;
	}
	return false;
}

/* by_exe: look at paths; not in a program that sleeps, which old kernels keep from LPM tries. */
static __always_inline void snapshot_scope(struct scratch *s, struct task_struct *task, bool by_exe)
{
	struct image_state *known = image_get(s->exec.pid, s->ext.task.start), next = {};
	u32 pid = s->exec.pid;

	next.flags = (by_exe ? exe_scope(s) : 0) | (known ? known->flags : 0);
	if (cfg_scope & SCOPE_TREE) {
		if (is_root(pid))
			next.flags |= SCOPE_TREE_ROOT;
		if (!(next.flags & SCOPE_TREE) && below_scope(task))
			next.flags |= SCOPE_TREE;
	}
	if (!next.flags || (known && known->flags == next.flags))
		return;
	next.start = s->ext.task.start;
	next.image = s->ext.task.image;
	bpf_map_update_elem(&images, &pid, &next, BPF_ANY);
}

/* An iterator's whole buffer is 32 KiB: what does not fit into it ends the iteration for all. */
#define SNAPSHOT_PATH_MAX 8192

/* The message of a process that exists, but for its arguments; 0: none is to be sent. */
static __always_inline bool begin_snapshot(struct scratch *s, struct task_struct *task, u32 slot)
{
	u32 pid = BPF_CORE_READ(task, tgid), tflags = BPF_CORE_READ(task, flags);
	u64 now =
		bpf_ktime_get_boot_ns(); /* before anything is read: an event from then on is newer */
	struct msg_exec *e = &s->exec;
	struct file *file;

	/* One that is about to be gone has sent its exit, or will, and either way never was here. */
	if (BPF_CORE_READ(task, pid) != pid || BPF_CORE_READ(task, signal, live.counter) <= 0)
		return false;
	file = tflags & PF_KTHREAD ? NULL : BPF_CORE_READ(task, mm, exe_file);
	fill_image(as_number(s, task), (u64)file, slot);
	s->event.common.ktime = now;
	e->ktime = s->ext.task.image;
	e->flags |= MSG_EXEC_TASK_WALK;
	if (tflags & PF_KTHREAD)
		e->flags |= MSG_EXEC_KTHREAD;
	else if (!file)
		e->flags |= MSG_EXEC_ERROR_FILENAME;
	if (tflags & PF_FORKNOEXEC)
		e->flags |= MSG_EXEC_NO_EXEC;
	__builtin_memset(&s->event.cleanup_process, 0, sizeof(s->event.cleanup_process));
	s->ext.args_size = s->ext.envs_size = 0;
	e->size_cwd = 0;
	if (e->size_path > SNAPSHOT_PATH_MAX) {
		e->size_path = 0;
		s->off = 0;
		e->flags |= MSG_EXEC_TRUNC_FILENAME;
	}
	return true;
}

static __always_inline void end_snapshot(struct scratch *s, struct task_struct *task, u32 slot,
					 struct seq_file *seq, bool by_exe)
{
	struct msg_exec *e = &s->exec;
	u32 size;

	keep_known(s);
	if (!(e->flags & MSG_EXEC_KTHREAD))
		fill_cwd(as_number(s, task), slot);
	if (e->size_cwd > SNAPSHOT_PATH_MAX) {
		s->off -= e->size_cwd;
		e->size_cwd = 0;
		e->flags |= MSG_EXEC_TRUNC_CWD;
	}
	e->size = sizeof(*e) + s->off;
	put_ext(s, s->off);
	s->off = ((s->off + 7) & ~7U) + sizeof(s->ext);
	if (cfg_scope)
		snapshot_scope(s, task, by_exe);
	size = message_size(s);
	if (size > VAR_MAX)
		return;
	s->event.common.size = size;
	/* If it does not fit, the kernel shows us this task again. */
	bpf_seq_write(seq, &s->event, size);
}

/*
 * The processes that exist: a message like that of an exec for each, without what only the exec
 * itself can tell. Since 5.18 an iterator may sleep, and then reads the arguments as well; before
 * that the reader completes them from /proc, which by then can show those of a later image.
 */
SEC("?iter.s/task")
int snapshot_args(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	u32 slot = SLOT_SNAPSHOT, off, n;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct mm_struct *mm;
	u64 start, size;

	if (!task || !s || !begin_snapshot(s, task, slot))
		return 0;
	mm = BPF_CORE_READ(task, mm);
	start = BPF_CORE_READ(mm, arg_start);
	size = mm ? BPF_CORE_READ(mm, arg_end) - start : 0;
	s->ext.args_size = size;
	off = s->off;
	n = size;
	asm volatile("" : "+r"(n));
	asm volatile("" : "+r"(off));
	if (size && size <= INLINE_MAX && n <= INLINE_MAX && off <= VAR_MAX) {
		/* if not, the reader tries /proc */
		if (!bpf_copy_from_user_task(&s->var[off], n, (void *)start, task, 0)) {
			s->exec.size_args = n;
			s->off = off + n;
		}
	}
	end_snapshot(s, task, slot, ctx->meta->seq, false);
	return 0;
}

SEC("?iter/task")
int snapshot(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	u32 slot = SLOT_SNAPSHOT;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);

	if (!task || !s || !begin_snapshot(s, task, slot))
		return 0;
	end_snapshot(s, task, slot, ctx->meta->seq, true);
	return 0;
}

#endif

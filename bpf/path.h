/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Paths, by walking the dentries: bpf_d_path() is not allowed in tracepoint programs.
 *
 * The result is what a readlink of /proc/PID/exe by a process of the host shows: up to the root
 * of the mount tree, whatever root the task has.
 */
#ifndef TARSIER_PATH_H
#define TARSIER_PATH_H

#include "maps.h"

#define WALK_STEPS 32 /* components by one call, */
#define WALK_CALLS 32 /* and calls: names of one byte give at most 2048 in 4 KiB */

#define WALK_TRUNC  1 /* components are missing at the front */
#define WALK_PSEUDO 2 /* not below any root: memfd, pipe, socket */
#define WALK_DONE   4

/* The next components of s->walk, written into s->path from the back; nonzero: there are more. */
__noinline int walk_some(u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);

	if (!s)
		return 0;
	for (int i = 0; i < WALK_STEPS; i++) {
		struct dentry *dentry = (void *)s->walk.dentry, *parent;
		u32 len, pos = s->walk.pos & (2 * PATH_AREA - 1);
		const unsigned char *name;

		if (s->walk.dentry == s->walk.mnt_root) {
			struct mount *mnt = (void *)s->walk.mnt, *up;

			up = BPF_CORE_READ(mnt, mnt_parent);
			if (up == mnt) {
				s->walk.flags = WALK_DONE;
				return 0;
			}
			s->walk.dentry = (u64)BPF_CORE_READ(mnt, mnt_mountpoint);
			s->walk.mnt = (u64)up;
			s->walk.mnt_root = (u64)BPF_CORE_READ(up, mnt.mnt_root);
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		len = BPF_CORE_READ(dentry, d_name.len) & 0xff; /* NAME_MAX */
		name = BPF_CORE_READ(dentry, d_name.name);
		if (dentry == parent) {
			/* Memfds have their name here, file systems that are not mounted "/". */
			s->walk.flags = WALK_DONE | WALK_PSEUDO;
			if (pos >= len && len > 1) {
				pos -= len;
				bpf_probe_read_kernel(&s->path[pos & (PATH_AREA - 1)], len, name);
				s->walk.pos = pos;
			}
			return 0;
		}
		if (pos < len + 1)
			return 0;
		pos -= len + 1;
		s->path[pos & (PATH_AREA - 1)] = '/';
		bpf_probe_read_kernel(&s->path[(pos & (PATH_AREA - 1)) + 1], len, name);
		s->walk.pos = pos;
		s->walk.dentry = (u64)parent;
	}
	return 1;
}

/*
 * Appends the path of (dentry, mnt) at s->var + s->off and returns its length, 0 if there is none
 * or no room; s->walk.flags tells the rest. A function of the verifier's own ("global"): it is
 * checked once, not with every call; that is why it takes numbers only.
 */
__noinline int put_path(u64 dentry, u64 mnt_addr, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &slot);
	struct mount *mnt;
	u32 pos, len, off;

	if (!s)
		return 0;
	s->walk.flags = WALK_TRUNC;
	if (!dentry || !mnt_addr)
		return 0;
	mnt = (void *)mnt_addr - bpf_core_field_offset(struct mount, mnt);
	s->walk.dentry = dentry;
	s->walk.mnt = (u64)mnt;
	s->walk.mnt_root = (u64)BPF_CORE_READ(mnt, mnt.mnt_root);
	s->walk.pos = PATH_AREA;
	for (int i = 0; i < WALK_CALLS; i++)
		if (!walk_some(slot))
			break;
	pos = s->walk.pos;
	if (pos == PATH_AREA && s->walk.flags == WALK_DONE)
		s->path[--pos] = '/';
	off = s->off;
	if (pos >= PATH_AREA || off > VAR_MAX)
		return 0;
	len = PATH_AREA - pos;
	if (len >= PATH_AREA)
		len = PATH_AREA - 1;
	bpf_probe_read_kernel(&s->var[off], len, &s->path[pos]);
	s->off = off + len;
	return len;
}

static __always_inline bool dentry_unlinked(struct dentry *dentry)
{
	/* d_unlinked(): unhashed, and not a root */
	return !BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry;
}

#endif

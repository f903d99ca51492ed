/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sending: into the ring without waking the reader, unless it must be, and every message that
 * does not get there is counted by op and by kind of error.
 */
#ifndef TARSIER_OUTPUT_H
#define TARSIER_OUTPUT_H

#include "maps.h"

/*
 * In the newest kernels a tracepoint's program can be preempted, and a task that then comes to the same
 * tracepoint on that CPU finds the program busy: the kernel skips it. So there are two more behind
 * it, X_again and X_last, which do the same if no mark says that it is done. One of them has something
 * to do, and so is busy itself for long, once in hundreds of events where two CPUs are crowded; that
 * all three are busy with others was seen never. What is lost even so is counted.
 */
static __always_inline void mark_done(void)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	u8 one = 1;

	if (cfg_again)
		bpf_map_update_elem(&seen_first, &tid, &one, BPF_ANY);
}

static __always_inline bool not_done_yet(void)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();

	if (bpf_map_lookup_elem(&seen_first, &tid))
		return false;
	__sync_fetch_and_add(&recovered_total, 1);
	mark_done();
	return true;
}

static __always_inline bool never_done(void)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();

	if (bpf_map_delete_elem(&seen_first, &tid) != -2) /* ENOENT */
		return false;
	__sync_fetch_and_add(&recovered_total, 1);
	return true;
}

/* Room for such a program: 0 if all is taken. */
static __always_inline u32 take_slot(void)
{
	for (u32 i = 0; i < N_SLOTS_AGAIN; i++)
		if (!__sync_val_compare_and_swap(&slot_taken[i], 0, 1))
			return SLOTS_AGAIN + i;
	return 0;
}

static __always_inline void give_slot(u32 slot)
{
	u32 i = slot - SLOTS_AGAIN;

	if (i < N_SLOTS_AGAIN)
		__sync_val_compare_and_swap(&slot_taken[i], 1, 0);
}

static __always_inline void count_lost(u32 op, long error)
{
	u32 zero = 0, kind;
	struct kernel_stats *s = bpf_map_lookup_elem(&stats, &zero);

	if (!s) {
		__sync_fetch_and_add(&lost_total, 1);
		return;
	}
	switch (error) {
	case -2:
		kind = SENT_FAILED_ENOENT;
		break;
	case -7:
		kind = SENT_FAILED_E2BIG;
		break;
	case -16:
		kind = SENT_FAILED_EBUSY;
		break;
	case -22:
		kind = SENT_FAILED_EINVAL;
		break;
	case -28:
		kind = SENT_FAILED_ENOSPC;
		break;
	case -11:
		kind = SENT_FAILED_EAGAIN;
		break;
	default:
		kind = SENT_FAILED_UNKNOWN;
	}
	s->sent_failed[op & 0xff][kind]++;
	__sync_fetch_and_add(&lost_total, 1); /* says when that is worth reading */
}

/* urgent: the reader is to come at once, however little there is for it yet. */
static __always_inline u64 ring_flags(bool urgent)
{
	u64 at = wake_at;

	if (at == ~0ULL || (!urgent && bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < at))
		return BPF_RB_NO_WAKEUP;
	wake_at = ~0ULL;
	return BPF_RB_FORCE_WAKEUP;
}

/* size is a constant: the message is written in place. */
#define reserve(op, size)                                         \
	({                                                        \
		void *_m = bpf_ringbuf_reserve(&ring, (size), 0); \
		if (!_m)                                          \
			count_lost((op), -11);                    \
		_m;                                               \
	})

static __always_inline void submit(void *msg)
{
	bpf_ringbuf_submit(msg, ring_flags(false));
}

static __always_inline long send(u32 op, void *msg, u64 size, bool urgent)
{
	long err = bpf_ringbuf_output(&ring, msg, size, ring_flags(urgent));

	if (err) {
		count_lost(op, err);
		wake_at = 0; /* the wake-up may have gone with it: the next message has it */
	}
	return err;
}

static __always_inline void common_init(struct msg_common *c, u32 op, u32 size)
{
	c->op = op;
	c->flags = 0;
	c->pad[0] = c->pad[1] = 0;
	c->size = size;
	c->ktime = bpf_ktime_get_boot_ns();
}

#endif

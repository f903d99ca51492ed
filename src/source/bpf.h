/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live source: loads and attaches the eBPF programs of a plan, reads the ring, takes the
 * snapshot. The only room that includes libbpf.
 */
#ifndef TSR_SOURCE_BPF_H
#define TSR_SOURCE_BPF_H

#include "policy/scope.h"
#include "source/plan.h"
#include "source/source.h"

struct bpf_options {
	bool wanted[TSR_EVENT_COUNT];
	const struct scope *scope; /* copied */
	uint64_t latency;	   /* ns that a message may wait in the ring */
	uint64_t ring_size;	   /* bytes, a power of two of pages */
	uint64_t max_images;
	bool tty_of_stdin; /* of those found in /proc that have no controlling terminal */
};

/* Loads and attaches nothing yet: that is start()'s. */
enum tsr_status bpf_source_open(struct source **out, const struct bpf_options *o,
				struct tsr_error *err);

/* The plan as it came out, after start(). */
const struct plan *bpf_source_plan(const struct source *s);

/*
 * Tries every hook of every event by itself; fills tried with the plan that a run for all events
 * would have, every alternative marked. Takes some hundred milliseconds.
 */
enum tsr_status bpf_probe(struct plan *tried, bool *snapshot_works, char *snapshot_reason,
			  size_t reason_size, struct tsr_error *err);

/* Whether the kernel can be asked for the path of a script, by a kprobe. */
bool bpf_script_hook(void);

/* Checks what must be there before anything is loaded: capabilities, BTF, bpf(2) itself. */
enum tsr_status bpf_check(struct tsr_error *err);

#endif

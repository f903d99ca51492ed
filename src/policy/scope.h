/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scope: whose events are wanted. Parsed here, decided in the kernel.
 *
 * uid=0,1000  uid!=0  pid=1,2  comm=bash,sh  exe=/usr/bin/ls  exe=/opt/... (a prefix ends in '*')
 * descendants-of=PID. Values of one filter are alternatives, several filters all must hold.
 */
#ifndef TSR_POLICY_SCOPE_H
#define TSR_POLICY_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tarsier/status.h>

#include "state.h"

struct scope {
	uint32_t on, negated; /* enum scope_bits */
	uint32_t uids[SCOPE_MAX], pids[SCOPE_MAX];
	size_t n_uids, n_pids;
	struct comm_value comms[SCOPE_MAX];
	size_t n_comms;
	struct scope_exe_key exes[SCOPE_MAX];
	size_t n_exes;
	uint32_t roots[SCOPE_MAX]; /* of descendants-of */
	size_t n_roots;
};

/* Adds one expression. */
enum tsr_status scope_parse(struct scope *s, const char *expr, struct tsr_error *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel side: one object. Each hook family is a header of its own; none of its programs is
 * loaded unless the plan (src/source/plan.c) asks for it.
 */
#include "kernel.h"

#include "exec.h"
#include "exec_failed.h"
#include "lifecycle.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

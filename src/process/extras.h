/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What few processes have, apart so that the others need not pay for it: what a tracer in the process
 * says of its service, and cloud credentials that it was seen with. Neither is inherited by a fork.
 * The pipeline thread only.
 */
#ifndef TSR_PROCESS_EXTRAS_H
#define TSR_PROCESS_EXTRAS_H

#include "process/cloud.h"
#include "process/table.h"
#include "process/tracer.h"

struct extras {
	struct tracer_metadata *tracer; /* NULL: none */
	struct cloud cloud;
};

/* Those of a process, made if there are none yet. */
struct extras *extras_get(struct process *p);
void extras_set_tracer(struct process *p, const struct tracer_metadata *m);
void extras_free(struct extras *e);

#endif

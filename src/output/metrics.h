/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counters of the process resolver.
 */
#ifndef TSR_OUTPUT_METRICS_H
#define TSR_OUTPUT_METRICS_H

#include <stdbool.h>

#include "base/buf.h"
#include "process/lookup.h"

/*
 * Appends them: one object (json), or a line "name value" for each, where a name is that of the
 * object's members with dots between them. l NULL: nobody looked anything up. The pipeline thread.
 */
void metrics_write(struct buf *out, const struct table *t, const struct lookup *l, bool json);

#endif

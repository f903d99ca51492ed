/* SPDX-License-Identifier: Apache-2.0 */
#include "process/extras.h"

#include <stdlib.h>

struct extras *extras_get(struct process *p)
{
	if (!p->extras)
		p->extras = xcalloc(1, sizeof(*p->extras));
	return p->extras;
}

void extras_set_tracer(struct process *p, const struct tracer_metadata *m)
{
	struct extras *e = extras_get(p);

	if (!e->tracer)
		e->tracer = xmalloc(sizeof(*m));
	*e->tracer = *m;
}

void extras_free(struct extras *e)
{
	if (!e)
		return;
	free(e->tracer);
	cloud_free(&e->cloud);
	free(e);
}

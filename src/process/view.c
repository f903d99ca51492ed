/* SPDX-License-Identifier: Apache-2.0 */
#include "process/view.h"

#include <sched.h>

#define SPINS \
	64 /* the writer changes a process in nanoseconds, unless it loses its CPU meanwhile */

static void view_names(struct process_view *v, const struct image *i)
{
	*v = (struct process_view){
		.image = i,
		.pid = i->pid,
		.entity_id = i->entity_id,
		.flags = OBSERVE(i->flags),
		.start = OBSERVE(i->start),
		.image_time = OBSERVE(i->ktime),
		.name = istr_str(OBSERVE(i->comm)),
		.exe = istr_str(OBSERVE(i->exe)),
	};
}

static void view_info(struct process_view *v, const struct info *info)
{
	const struct istr *ns;

	if (!info)
		return;
	ns = OBSERVE(info->ns);
	v->cwd = istr_str(OBSERVE(info->cwd));
	v->cgroup = istr_str(OBSERVE(info->cgroup));
	v->tty = istr_str(OBSERVE(info->tty));
	v->called = istr_str(OBSERVE(info->called));
	v->argv = args_str(OBSERVE(info->argv));
	v->env = args_str(OBSERVE(info->env));
	v->ns = ns ? (const uint32_t *)(const void *)ns->s : NULL;
	v->file = info->file;
	v->cgroup_id = info->cgroup_id;
	v->sid = info->sid;
	v->pgid = info->pgid;
	v->nlink = info->nlink;
}

void view_image(struct process_view *v, const struct image *i)
{
	for (unsigned int tries = 1;; tries++) {
		const struct process *p = image_process(i);
		uint32_t seq;

		if (!p) { /* what is left of it does not change any more */
			view_names(v, i);
			v->exit_time = image_exit_time(i);
			return;
		}
		seq = OBSERVE(p->seq);
		if (seq & 1) {
			if (tries % SPINS == 0)
				sched_yield();
			continue;
		}
		view_names(v, i);
		view_info(v, OBSERVE(i->info));
		v->ns_pid = OBSERVE(p->ns_pid);
		v->ppid = OBSERVE(p->ppid);
		v->origin = OBSERVE(p->origin);
		v->creds = creds_of(p);
		/* it can have ended before the first look at seq */
		if (image_process(i) && seq == __atomic_load_n(&p->seq, __ATOMIC_RELAXED))
			return;
		if (tries % SPINS == 0)
			sched_yield();
	}
}

const struct image *view_find(const struct table *t, uint32_t entity_id)
{
	struct rcumap_walk w = rcumap_begin(&t->entities, entity_id);
	const struct image *i;

	while ((i = rcumap_next(&w)))
		if (i->entity_id == entity_id)
			return i;
	return NULL;
}

const struct image *view_find_pid(const struct table *t, uint32_t pid)
{
	struct rcumap_walk w = rcumap_begin(&t->pids, pid);
	const struct process *p, *newest = NULL;

	while ((p = rcumap_next(&w)))
		if (p->pid == pid && (!newest || OBSERVE(p->start) > OBSERVE(newest->start)))
			newest = p;
	return newest ? OBSERVE(newest->image) : NULL;
}

size_t view_ancestry(const struct image *i, struct process_view *views, size_t max)
{
	size_t n = 0;

	for (i = OBSERVE(i->parent); i && n < max; i = OBSERVE(i->parent))
		view_image(&views[n++], i);
	return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public view of an event: accessors over the event and the state that it is linked to.
 */
#include <string.h>

#include "container/cgroup.h"
#include "event/event.h"
#include "process/table.h"
#include "process/users.h"

#define FIELDS_MAX 96

const struct tsr_event_def *tsr_event_definition(const struct tsr_event *ev)
{
	return ev->def;
}

uint64_t tsr_event_seq(const struct tsr_event *ev)
{
	return ev->seq;
}

uint64_t tsr_event_boot_time(const struct tsr_event *ev)
{
	return ev->ktime;
}

uint64_t tsr_event_time(const struct tsr_event *ev)
{
	return ev->ktime + (uint64_t)ev->boot_offset;
}

bool tsr_event_value(const struct tsr_event *ev, size_t index, struct tsr_value *value)
{
	static _Thread_local struct event_scratch
		tmp; /* lists that are made; as long as the event */
	struct tsr_value values[FIELDS_MAX];

	if (index >= ev->def->n_fields)
		return false;
	event_values(ev, values, &tmp);
	*value = values[index];
	return true;
}

static str_t istr_str(const struct istr *s)
{
	return s ? (str_t){ s->s, s->len } : (str_t){ 0 };
}

static void fill(struct tsr_process *out, const struct image *i, const struct users *users)
{
	const struct process *p = i->process;

	*out = (struct tsr_process){
		.entity_id = p->entity_id,
		.pid = (int32_t)p->pid,
		.ns_pid = (int32_t)p->ns_pid,
		.ppid = (int32_t)p->ppid,
		.uid = p->uid,
		.gid = p->gid,
		.euid = p->euid,
		.start_time = p->start,
		.name = { i->comm, strnlen(i->comm, EV_COMM_LEN) },
		.exe = istr_str(i->exe),
		.cwd = istr_str(i->cwd),
		.user = users_name(users, p->uid),
		.container_id = cgroup_container_id(istr_str(i->cgroup)),
		.argv_truncated = i->argv_truncated,
		.is_exec = i->is_exec,
		.parent_missing = !lineage_complete(p),
		.exe_deleted = i->exe_deleted,
		.cwd_deleted = i->cwd_deleted,
	};
	if (i->argv)
		out->argv = (str_t){ i->argv->bytes, i->argv->len };
}

bool tsr_event_process(const struct tsr_event *ev, struct tsr_process *process)
{
	if (!ev->image)
		return false;
	fill(process, ev->image, ev->users);
	return true;
}

bool tsr_event_child(const struct tsr_event *ev, struct tsr_process *process)
{
	if (!ev->child)
		return false;
	fill(process, ev->child->image, ev->users);
	return true;
}

bool tsr_event_ancestor(const struct tsr_event *ev, unsigned int level, struct tsr_process *process)
{
	const struct image *i = ev->image;

	while (i && level--)
		i = image_parent(i);
	if (!i)
		return false;
	fill(process, i, ev->users);
	return true;
}

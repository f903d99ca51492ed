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

static void fill(struct tsr_process *out, const struct image *i, const struct tsr_event *ev)
{
	const struct process *p = image_process(i);
	const struct creds *c = p ? creds_of(p) : NULL;

	*out = (struct tsr_process){
		.entity_id = i->entity_id,
		.pid = (int32_t)i->pid,
		.ns_pid = p ? (int32_t)p->ns_pid : 0,
		.ppid = p ? (int32_t)p->ppid : 0,
		.uid = c ? c->uid : UINT32_MAX,
		.gid = c ? c->gid : UINT32_MAX,
		.euid = c ? c->euid : UINT32_MAX,
		.start_time = i->start,
		.name = istr_str(i->comm),
		.exe = istr_str(i->exe),
		.cwd = image_str(i, cwd),
		.user = c ? users_name(ev->users, c->uid) : (str_t){ 0 },
		.container_id = cgroup_container_id(image_str(i, cgroup)),
		.argv = image_args(i, argv),
		.argv_truncated = image_is(i, IMAGE_ARGV_TRUNCATED),
		.is_exec = image_is(i, IMAGE_IS_EXEC),
		.parent_missing = lineage_at(ev->table, i, ev->ktime) != LINEAGE_OK,
		.exe_deleted = image_is(i, IMAGE_EXE_DELETED),
		.cwd_deleted = image_is(i, IMAGE_CWD_DELETED),
	};
}

bool tsr_event_process(const struct tsr_event *ev, struct tsr_process *process)
{
	if (!ev->image)
		return false;
	fill(process, ev->image, ev);
	return true;
}

bool tsr_event_child(const struct tsr_event *ev, struct tsr_process *process)
{
	if (!ev->child)
		return false;
	fill(process, ev->child->image, ev);
	return true;
}

bool tsr_event_ancestor(const struct tsr_event *ev, unsigned int level, struct tsr_process *process)
{
	const struct image *i = ev->image;

	while (i && level--)
		i = i->parent;
	if (!i)
		return false;
	fill(process, i, ev);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: one object per event. What a record holds is described by the catalogue's [record] part,
 * from which the JSON Schema is generated; the tests hold this file against it.
 */
#include "base/clock.h"
#include "container/cgroup.h"
#include "output/format.h"
#include "output/json.h"
#include "process/ident.h"
#include "process/scrub.h"
#include "process/table.h"

#define SAFE_INTEGER (1ULL << 53) /* what every JSON reader keeps exactly */
#define FIELDS_MAX   96
#define KEEP_MAX     2048 /* larger ones are made again: they are rare, and memory is not ours */

static str_t istr_str(const struct istr *s)
{
	return s ? (str_t){ s->s, s->len } : (str_t){ 0 };
}

static void number(struct buf *b, uint64_t v)
{
	if (v > SAFE_INTEGER) {
		buf_char(b, '"');
		buf_u64(b, v);
		buf_char(b, '"');
	} else {
		buf_u64(b, v);
	}
}

static void signed_number(struct buf *b, int64_t v)
{
	if (v >= 0) {
		number(b, (uint64_t)v);
	} else if (v < -(int64_t)SAFE_INTEGER) {
		buf_char(b, '"');
		buf_i64(b, v);
		buf_char(b, '"');
	} else {
		buf_i64(b, v);
	}
}

static void boot_time(struct buf *b, uint64_t boot_ns, int64_t offset)
{
	buf_char(b, '"');
	clock_rfc3339(b, boot_ns + (uint64_t)offset);
	buf_char(b, '"');
}

static void boolean(struct buf *b, bool v)
{
	if (v)
		buf_lit(b, "true");
	else
		buf_lit(b, "false");
}

static void list_member(struct buf *b, const char *name, str_t list, bool scrub)
{
	struct buf masked = { 0 };

	if (!scrub || !scrub_suspect(list)) {
		json_list_member(b, name, list);
		return;
	}
	scrub_list(list, &masked);
	json_list_member(b, name, (str_t){ masked.data, masked.len });
	buf_free(&masked);
}

/* entity_id, exec_id: what names a process, and its image, everywhere. */
static void ids(struct buf *b, const struct image *i, const struct format_options *o)
{
	buf_lit(b, "{\"entity_id\":");
	buf_u64(b, i->process->entity_id);
	buf_lit(b, ",\"exec_id\":\"");
	exec_id_append(b, o->host, i->ktime, i->process->pid);
	buf_lit(b, "\",\"pid\":");
	buf_u64(b, i->process->pid);
}

/* An ancestor is the same in every record until it changes: made once, then copied. */
static void ancestor(struct buf *b, struct image *i, int64_t offset, const struct format_options *o)
{
	size_t begin = b->len;

	if (i->rendered) {
		buf_add(b, i->rendered->bytes, i->rendered->len);
		return;
	}
	ids(b, i, o);
	json_member(b, "name", (str_t){ i->comm, strnlen(i->comm, EV_COMM_LEN) });
	if (i->exe)
		json_member(b, "exe", istr_str(i->exe));
	buf_lit(b, ",\"start_time\":");
	boot_time(b, i->process->start, offset);
	buf_char(b, '}');
	image_keep(&i->rendered, b->data + begin, b->len - begin);
}

static void ancestors(struct buf *b, struct image *i, int64_t offset,
		      const struct format_options *o)
{
	unsigned int n = 0;

	buf_lit(b, ",\"ancestors\":[");
	for (i = image_parent(i); i && n < o->ancestors; i = image_parent(i), n++) {
		if (n)
			buf_char(b, ',');
		ancestor(b, i, offset, o);
	}
	buf_char(b, ']');
}

/* What an image is from its exec on. */
static void self(struct buf *b, struct image *i, const struct format_options *o)
{
	str_t argv = i->argv ? (str_t){ i->argv->bytes, i->argv->len } : (str_t){ 0 };
	size_t begin = b->len;

	if (i->rendered_self) {
		buf_add(b, i->rendered_self->bytes, i->rendered_self->len);
		return;
	}
	if (i->exe)
		json_member(b, "exe", istr_str(i->exe));
	if (i->exe_deleted)
		buf_lit(b, ",\"exe_deleted\":true");
	list_member(b, "argv", argv, o->scrub);
	buf_lit(b, ",\"argv_truncated\":");
	boolean(b, i->argv_truncated);
	if (i->cwd)
		json_member(b, "cwd", istr_str(i->cwd));
	if (i->cwd_deleted)
		buf_lit(b, ",\"cwd_deleted\":true");
	if (b->len - begin <= KEEP_MAX)
		image_keep(&i->rendered_self, b->data + begin, b->len - begin);
}

static void process(struct buf *b, struct image *i, uint32_t tid, const char *comm, int64_t offset,
		    const struct format_options *o)
{
	const struct process *p = i->process;
	str_t user = users_name(o->users, p->uid);

	ids(b, i, o);
	buf_lit(b, ",\"tid\":");
	buf_u64(b, tid);
	buf_lit(b, ",\"ns_pid\":");
	buf_u64(b, p->ns_pid);
	buf_lit(b, ",\"ppid\":");
	buf_u64(b, p->ppid);
	json_member(b, "name", (str_t){ comm, strnlen(comm, EV_COMM_LEN) });
	self(b, i, o);
	buf_lit(b, ",\"uid\":");
	buf_u64(b, p->uid);
	buf_lit(b, ",\"gid\":");
	buf_u64(b, p->gid);
	buf_lit(b, ",\"euid\":");
	buf_u64(b, p->euid);
	if (user.len)
		json_member(b, "user", user);
	buf_lit(b, ",\"start_time\":");
	boot_time(b, p->start, offset);
	buf_lit(b, ",\"is_exec\":");
	boolean(b, i->is_exec);
	buf_lit(b, ",\"parent_missing\":");
	boolean(b, !lineage_complete(p));
	if (i->tty)
		json_member(b, "tty", istr_str(i->tty));
	ancestors(b, i, offset, o);
	buf_char(b, '}');
}

static bool is_env(const struct tsr_event_def *def, size_t field)
{
	return (def->id == TSR_EVENT_SCHED_PROCESS_EXEC && field == TSR_F_SCHED_PROCESS_EXEC_ENV) ||
	       (def->id == TSR_EVENT_PROCESS_EXECUTE_FAILED &&
		field == TSR_F_PROCESS_EXECUTE_FAILED_ENVP);
}

static void env_member(struct buf *b, const char *name, str_t envs, const struct format_options *o)
{
	struct buf names = { 0 };
	size_t at = 0;

	if (o->env_values) {
		list_member(b, name, envs, o->scrub);
		return;
	}
	while (at < envs.len) {
		size_t len = strnlen(envs.bytes + at, envs.len - at);
		const char *eq = len ? memchr(envs.bytes + at, '=', len) : NULL;

		buf_add(&names, envs.bytes + at, eq ? (size_t)(eq - envs.bytes) - at : len);
		buf_char(&names, '\0');
		at += len + 1;
	}
	json_list_member(b, name, (str_t){ names.data, names.len });
	buf_free(&names);
}

/* An exec's argv stands in the record twice: as the image's, and as what was passed to it. */
static bool copy_argv(struct buf *b, const struct tsr_event *ev, size_t field, str_t list)
{
	static const char begin[] = ",\"argv\":[", end[] = ",\"argv_truncated\":";
	const struct args *argv = ev->image ? ev->image->argv : NULL;
	const struct args *self = ev->image ? ev->image->rendered_self : NULL;
	const char *from, *to;

	if (ev->def->id != TSR_EVENT_SCHED_PROCESS_EXEC || field != TSR_F_SCHED_PROCESS_EXEC_ARGV ||
	    !self || !argv || argv->len != list.len)
		return false;
	/* a quote inside a string is escaped, so that neither can be found in one */
	from = memmem(self->bytes, self->len, begin, sizeof(begin) - 1);
	to = from ? memmem(from, self->len - (size_t)(from - self->bytes), end, sizeof(end) - 1)
		  : NULL;
	if (!to)
		return false;
	buf_add(b, from, (size_t)(to - from));
	return true;
}

static void value(struct buf *b, const struct tsr_event *ev, size_t field,
		  const struct tsr_value *v, const struct format_options *o)
{
	const char *name = ev->def->fields[field].name;

	switch (v->type) {
	case TSR_TYPE_STRING:
		json_member(b, name, v->s);
		return;
	case TSR_TYPE_STRINGS:
		if (is_env(ev->def, field))
			env_member(b, name, v->list, o);
		else if (!copy_argv(b, ev, field, v->list))
			list_member(b, name, v->list, o->scrub);
		return;
	default:
		break;
	}
	json_key(b, name);
	switch (v->type) {
	case TSR_TYPE_BOOL:
		boolean(b, v->i);
		break;
	case TSR_TYPE_INT32:
	case TSR_TYPE_INT64:
		signed_number(b, v->i);
		break;
	case TSR_TYPE_TIME:
		boot_time(b, v->u, ev->boot_offset);
		break;
	default:
		number(b, v->u);
	}
}

static void args(struct buf *b, const struct tsr_event *ev, const struct format_options *o)
{
	struct tsr_value values[FIELDS_MAX];
	struct event_scratch tmp;
	size_t open;

	event_values(ev, values, &tmp);
	buf_lit(b, ",\"args\":{");
	open = b->len;
	for (size_t i = 0; i < ev->def->n_fields; i++)
		if (values[i].present)
			value(b, ev, i, &values[i], o);
	/* each member brought its comma; the first one's goes */
	if (b->len > open) {
		memmove(b->data + open, b->data + open + 1, b->len - open - 1);
		b->len--;
	}
	buf_char(b, '}');
}

static void container(struct buf *b, const struct image *i)
{
	str_t leaf = istr_str(i->cgroup), id = cgroup_container_id(leaf);
	const char *runtime;

	if (!id.len)
		return;
	buf_lit(b, ",\"container\":{\"id\":");
	json_string(b, id);
	runtime = cgroup_runtime(leaf);
	if (runtime)
		json_member(b, "runtime", (str_t){ runtime, strlen(runtime) });
	buf_char(b, '}');
}

static void record(struct buf *b, const struct tsr_event *ev, const struct format_options *o)
{
	buf_lit(b, "{\"time\":");
	boot_time(b, ev->ktime, ev->boot_offset);
	buf_lit(b, ",\"seq\":");
	number(b, ev->seq);
	buf_lit(b, ",\"event\":\"");
	buf_str(b, ev->def->name);
	buf_char(b, '"');
	json_member(b, "host", (str_t){ o->host, strlen(o->host) });
	if (ev->image) {
		buf_lit(b, ",\"process\":");
		process(b, ev->image, ev->task.tid, ev->task.comm, ev->boot_offset, o);
	}
	if (ev->child) {
		buf_lit(b, ",\"child\":");
		process(b, ev->child->image, ev->child->pid, ev->child->image->comm,
			ev->boot_offset, o);
	}
	if (ev->image)
		container(b, ev->image);
	args(b, ev, o);
	buf_lit(b, "}\n");
}

static void record_pretty(struct buf *b, const struct tsr_event *ev, const struct format_options *o)
{
	struct buf compact = { 0 };

	record(&compact, ev, o);
	json_pretty(b, compact.data, compact.len - 1);
	buf_char(b, '\n');
	buf_free(&compact);
}

const struct format format_json = { .name = "json", .record = record };
const struct format format_json_pretty = { .name = "json-pretty", .record = record_pretty };

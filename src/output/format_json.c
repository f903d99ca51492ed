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

static void list_member(struct buf *b, const char *name, str_t list, const struct scrubber *s)
{
	struct buf masked = { 0 };

	if (!s || !scrub_suspect(s, list)) {
		json_list_member(b, name, list);
		return;
	}
	scrub_list(s, list, &masked);
	json_list_member(b, name, (str_t){ masked.data, masked.len });
	buf_free(&masked);
}

/* entity_id, exec_id: what names a process, and its image, everywhere. */
static void ids(struct buf *b, const struct image *i, const struct format_options *o)
{
	buf_lit(b, "{\"entity_id\":");
	buf_u64(b, i->entity_id);
	buf_lit(b, ",\"exec_id\":\"");
	exec_id_append(b, o->host, i->ktime, i->pid);
	buf_lit(b, "\",\"pid\":");
	buf_u64(b, i->pid);
}

/* An ancestor is the same in every record until it changes: made once, then copied. */
static void ancestor(struct buf *b, struct image *i, const struct tsr_event *ev,
		     const struct format_options *o)
{
	const struct args *made = i->info ? i->info->rendered : NULL;
	size_t begin = b->len;

	if (made) {
		buf_add(b, made->bytes, made->len);
		return;
	}
	ids(b, i, o);
	json_member(b, "name", istr_str(i->comm));
	if (i->exe)
		json_member(b, "exe", istr_str(i->exe));
	buf_lit(b, ",\"start_time\":");
	boot_time(b, i->start, ev->boot_offset);
	buf_char(b, '}');
	if (i->info)
		image_keep(ev->table, &i->info->rendered, b->data + begin, b->len - begin);
}

static void ancestors(struct buf *b, struct image *i, const struct tsr_event *ev,
		      const struct format_options *o)
{
	unsigned int n = 0;

	buf_lit(b, ",\"ancestors\":[");
	for (i = i->parent; i && n < o->ancestors; i = i->parent, n++) {
		if (n)
			buf_char(b, ',');
		ancestor(b, i, ev, o);
	}
	buf_char(b, ']');
}

/* What an image is from its exec on. */
static void self(struct buf *b, struct image *i, struct table *t, const struct format_options *o)
{
	struct info *info = i->info;
	str_t argv = image_args(i, argv);
	size_t begin = b->len;

	if (info && info->rendered_self) {
		buf_add(b, info->rendered_self->bytes, info->rendered_self->len);
		return;
	}
	if (i->exe)
		json_member(b, "exe", istr_str(i->exe));
	if (image_is(i, IMAGE_EXE_DELETED))
		buf_lit(b, ",\"exe_deleted\":true");
	list_member(b, "argv", argv, o->scrubber);
	buf_lit(b, ",\"argv_truncated\":");
	boolean(b, image_is(i, IMAGE_ARGV_TRUNCATED));
	if (info && info->cwd)
		json_member(b, "cwd", istr_str(info->cwd));
	if (image_is(i, IMAGE_CWD_DELETED))
		buf_lit(b, ",\"cwd_deleted\":true");
	if (info && b->len - begin <= KEEP_MAX)
		image_keep(t, &info->rendered_self, b->data + begin, b->len - begin);
}

static void process(struct buf *b, struct image *i, uint32_t tid, str_t comm,
		    const struct tsr_event *ev, const struct format_options *o)
{
	const struct process *p = image_process(i);
	const struct creds *c = creds_of(p);
	str_t user = c ? users_name(ev->users ? ev->users : o->users, c->uid) : (str_t){ 0 };

	ids(b, i, o);
	buf_lit(b, ",\"tid\":");
	buf_u64(b, tid);
	buf_lit(b, ",\"ns_pid\":");
	buf_u64(b, p->ns_pid);
	buf_lit(b, ",\"ppid\":");
	buf_u64(b, p->ppid);
	json_member(b, "name", comm);
	self(b, i, ev->table, o);
	buf_lit(b, ",\"uid\":");
	buf_u64(b, c ? c->uid : 0);
	buf_lit(b, ",\"gid\":");
	buf_u64(b, c ? c->gid : 0);
	buf_lit(b, ",\"euid\":");
	buf_u64(b, c ? c->euid : 0);
	if (user.len)
		json_member(b, "user", user);
	buf_lit(b, ",\"start_time\":");
	boot_time(b, p->start, ev->boot_offset);
	buf_lit(b, ",\"is_exec\":");
	boolean(b, image_is(i, IMAGE_IS_EXEC));
	buf_lit(b, ",\"parent_missing\":");
	boolean(b, lineage_at(ev->table, i, ev->ktime) != LINEAGE_OK);
	if (i->info && i->info->tty)
		json_member(b, "tty", istr_str(i->info->tty));
	ancestors(b, i, ev, o);
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
	bool values = o->env_values || (o->env_keep && o->env_keep->n);
	struct buf cut = { 0 }, masked = { 0 };

	if (!o->env_values) {
		env_cut(&cut, envs.bytes, envs.len, o->env_keep);
		envs = (str_t){ cut.data, cut.len };
	}
	if (values && o->scrubber && scrub_suspect(o->scrubber, envs)) {
		scrub_env(o->scrubber, envs, &masked);
		envs = (str_t){ masked.data, masked.len };
	}
	json_list_member(b, name, envs);
	buf_free(&cut);
	buf_free(&masked);
}

/* An exec's argv stands in the record twice: as the image's, and as what was passed to it. */
static bool copy_argv(struct buf *b, const struct tsr_event *ev, size_t field, str_t list)
{
	static const char begin[] = ",\"argv\":[", end[] = ",\"argv_truncated\":";
	const struct info *info = ev->image ? ev->image->info : NULL;
	const struct args *argv = info ? info->argv : NULL;
	const struct args *self = info ? info->rendered_self : NULL;
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
			list_member(b, name, v->list, o->scrubber);
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
	str_t leaf = image_str(i, cgroup), id = cgroup_container_id(leaf);
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
		process(b, ev->image, ev->task.tid,
			(str_t){ ev->task.comm, strnlen(ev->task.comm, EV_COMM_LEN) }, ev, o);
	}
	if (ev->child) {
		buf_lit(b, ",\"child\":");
		process(b, ev->child->image, ev->child->pid, istr_str(ev->child->image->comm), ev,
			o);
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

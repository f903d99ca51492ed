/* SPDX-License-Identifier: Apache-2.0 */
#include "output/dump.h"

#include <sys/sysmacros.h>

#include "base/clock.h"
#include "container/cgroup.h"
#include "output/json.h"
#include "output/metrics.h"
#include "process/args.h"
#include "process/extras.h"
#include "process/ident.h"

#define SAFE_INTEGER (1ULL << 53) /* what every JSON reader keeps exactly */

const char *const namespace_names[N_NAMESPACES] = {
	"uts",	  "ipc",  "mnt", "pid", "pid_for_children", "net", "time", "time_for_children",
	"cgroup", "user",
};

const char *image_flag_name(unsigned int bit)
{
	static const char *const names[] = {
		"is_exec",     "is_exec_exec",	"parent_missing", "exec_lost",
		"dead",	       "kthread",	"argv_truncated", "exe_deleted",
		"cwd_deleted", "env_truncated", "head",
	};

	return bit < sizeof(names) / sizeof(names[0]) ? names[bit] : NULL;
}

void dump_string(struct buf *b, const char *name, str_t s)
{
	if (s.len) {
		json_member(b, name, s);
		return;
	}
	json_key(b, name);
	buf_lit(b, "null");
}

void dump_number(struct buf *b, const char *name, uint64_t v)
{
	json_key(b, name);
	if (v > SAFE_INTEGER)
		buf_char(b, '"');
	buf_u64(b, v);
	if (v > SAFE_INTEGER)
		buf_char(b, '"');
}

static void number_or_null(struct buf *b, const char *name, uint64_t v)
{
	if (v)
		dump_number(b, name, v);
	else
		dump_string(b, name, (str_t){ 0 });
}

void dump_bool(struct buf *b, const char *name, bool v)
{
	json_key(b, name);
	buf_str(b, v ? "true" : "false");
}

static void epoch_time(struct buf *b, const char *name, uint64_t epoch_ns)
{
	if (!epoch_ns) {
		dump_string(b, name, (str_t){ 0 });
		return;
	}
	json_key(b, name);
	buf_char(b, '"');
	clock_rfc3339(b, epoch_ns);
	buf_char(b, '"');
}

/* Zero is no time, and stays none. */
void dump_time(struct buf *b, const char *name, const struct table *t, uint64_t boot_ns)
{
	epoch_time(b, name, boot_ns ? boot_ns + (uint64_t)t->boot_offset : 0);
}

void dump_ids(struct buf *b, const struct image *i, const char *host)
{
	dump_number(b, "entity_id", i->entity_id);
	json_key(b, "exec_id");
	buf_char(b, '"');
	exec_id_append(b, host, i->ktime, i->pid);
	buf_char(b, '"');
}

uint64_t image_end(const struct held_image *h)
{
	uint64_t end = image_exit_time(h->image);

	return end ? end : h->next ? h->next->ktime : 0;
}

static uint64_t inode_of(const struct image *i)
{
	return i->info ? i->info->file.ino : 0;
}

/* Everybody's: what `entries` have at least. */
static void plain(struct buf *b, const struct held_image *h)
{
	const struct image *i = h->image;
	const struct process *p = image_process(i);
	const char *source = p ? origin_name(p->origin) : "";

	buf_lit(b, "\"pid\":");
	buf_u64(b, i->pid);
	dump_number(b, "ppid", p ? p->ppid : i->parent ? i->parent->pid : 0);
	dump_string(b, "name", istr_str(i->comm));
	dump_string(b, "path", istr_str(i->exe));
	number_or_null(b, "inode", inode_of(i));
	dump_string(b, "mount_id", (str_t){ 0 });
	dump_string(b, "source", (str_t){ source, strlen(source) });
	number_or_null(b, "exec_inode", p ? inode_of(p->image) : 0);
	dump_bool(b, "is_exec", image_is(i, IMAGE_IS_EXEC));
	dump_bool(b, "parent_missing", image_is(i, IMAGE_PARENT_MISSING));
	dump_string(b, "cgroup", image_str(i, cgroup));
	dump_string(b, "container_id", cgroup_container_id(image_str(i, cgroup)));
	dump_bool(b, "newest", !h->next);
	dump_bool(b, "exited", image_is(i, IMAGE_DEAD));
	dump_bool(b, "stub", !i->info);
}

static void flags(struct buf *b, const struct image *i)
{
	const char *comma = "", *name;

	json_key(b, "flags");
	buf_char(b, '[');
	for (unsigned int bit = 0; (name = image_flag_name(bit)); bit++) {
		if (!image_is(i, 1U << bit))
			continue;
		buf_printf(b, "%s\"%s\"", comma, name);
		comma = ",";
	}
	buf_char(b, ']');
}

static void capability(struct buf *b, const char *name, uint64_t mask)
{
	json_key(b, name);
	buf_printf(b, "\"0x%llx\"", (unsigned long long)mask);
}

/* An id that the kernel can have unset. */
static void login(struct buf *b, const char *name, uint32_t id)
{
	if (id == UINT32_MAX)
		dump_string(b, name, (str_t){ 0 });
	else
		dump_number(b, name, id);
}

/* Of the process as it is now: those of an image before are not known any more. */
static void creds(struct buf *b, const struct held_image *h, const struct dump_options *o)
{
	const struct process *p = h->next ? NULL : image_process(h->image);
	const struct users *users = users_of_image(&o->names, h->image);
	const struct creds *c = p ? creds_of(p) : NULL;

	json_key(b, "creds");
	if (!c) {
		buf_lit(b, "null");
		return;
	}
	buf_lit(b, "{\"uid\":");
	buf_u64(b, c->uid);
	dump_string(b, "user", users_name(users, c->uid));
	dump_number(b, "gid", c->gid);
	dump_string(b, "group", users_group(users, c->gid));
	dump_number(b, "euid", c->euid);
	dump_number(b, "egid", c->egid);
	dump_number(b, "suid", c->suid);
	dump_number(b, "sgid", c->sgid);
	dump_number(b, "fsuid", c->fsuid);
	dump_number(b, "fsgid", c->fsgid);
	login(b, "login_uid", c->auid);
	login(b, "login_session", c->sessionid);
	capability(b, "cap_permitted", c->cap_permitted);
	capability(b, "cap_effective", c->cap_effective);
	capability(b, "cap_inheritable", c->cap_inheritable);
	buf_char(b, '}');
}

static void namespaces(struct buf *b, const struct image *i)
{
	const struct istr *ns = i->info ? i->info->ns : NULL;

	json_key(b, "namespaces");
	if (!ns) {
		buf_lit(b, "null");
		return;
	}
	for (size_t k = 0; k < N_NAMESPACES; k++) {
		uint32_t inode = ((const uint32_t *)(const void *)ns->s)[k];

		buf_printf(b, "%c\"%s\":", k ? ',' : '{', namespace_names[k]);
		if (inode)
			buf_u64(b, inode);
		else
			buf_lit(b, "null");
	}
	buf_char(b, '}');
}

static void argv(struct buf *b, const struct image *i, const struct scrubber *scrub)
{
	str_t list = image_args(i, argv);
	struct buf masked = { 0 };

	if (scrub && scrub_suspect(scrub, list)) {
		scrub_list(scrub, list, &masked);
		list = (str_t){ masked.data, masked.len };
	}
	json_list_member(b, "argv", list);
	dump_bool(b, "argv_truncated", image_is(i, IMAGE_ARGV_TRUNCATED));
	buf_free(&masked);
}

static void env(struct buf *b, const struct image *i, const struct dump_facts *facts)
{
	struct buf names = { 0 };

	if (facts) {
		json_list_member(b, "env", facts->env);
		dump_bool(b, "env_truncated", facts->env_truncated);
		return;
	}
	env_names(image_args(i, env), &names);
	json_list_member(b, "env", (str_t){ names.data, names.len });
	dump_bool(b, "env_truncated", image_is(i, IMAGE_ENV_TRUNCATED));
	buf_free(&names);
}

static void file(struct buf *b, const struct image *i)
{
	const struct ev_file *f = i->info ? &i->info->file : NULL;

	json_key(b, "file");
	if (!f || !f->ino) {
		buf_lit(b, "null");
		return;
	}
	buf_printf(b, "{\"device\":\"%u:%u\",\"mode\":\"0%o\"", major(f->dev), minor(f->dev),
		   f->mode);
	dump_number(b, "inode", f->ino);
	dump_number(b, "links", i->info->nlink);
	epoch_time(b, "changed", f->ctime);
	buf_char(b, '}');
}

static void edge(struct buf *b, const char *name, const struct image *to, const char *host)
{
	json_key(b, name);
	if (!to) {
		buf_lit(b, "null");
		return;
	}
	buf_lit(b, "{\"pid\":");
	buf_u64(b, to->pid);
	dump_ids(b, to, host);
	buf_char(b, '}');
}

static void tracer(struct buf *b, const struct tracer_metadata *m)
{
	const struct {
		const char *name, *value;
	} list[] = {
		{ "runtime_id", m->runtime_id },
		{ "language", m->language },
		{ "version", m->version },
		{ "hostname", m->hostname },
		{ "service_name", m->service_name },
		{ "service_env", m->service_env },
		{ "service_version", m->service_version },
		{ "process_tags", m->process_tags },
		{ "container_id", m->container_id },
	};

	json_key(b, "tracer");
	buf_lit(b, "{\"schema_version\":");
	buf_u64(b, m->schema_version);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		dump_string(b, list[i].name, (str_t){ list[i].value, strlen(list[i].value) });
	buf_char(b, '}');
}

static void cloud(struct buf *b, const struct cloud *c)
{
	json_key(b, "cloud_credentials");
	for (size_t i = 0; i < c->n; i++) {
		const char *id = c->list[i].key_id;

		buf_str(b, i ? ",{\"key_id\":" : "[{\"key_id\":");
		json_string(b, (str_t){ id, strlen(id) });
		epoch_time(b, "expires", c->list[i].expiry);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

/* What few processes have is not said of the others. */
static void extras(struct buf *b, const struct held_image *h)
{
	const struct process *p = h->next ? NULL : image_process(h->image);
	const struct extras *e = p ? p->extras : NULL;

	if (e && e->tracer)
		tracer(b, e->tracer);
	if (e && e->cloud.n)
		cloud(b, &e->cloud);
}

static void raw(struct buf *b, const struct table *t, const struct held_image *h,
		const struct dump_options *o)
{
	const struct image *i = h->image;
	const struct process *p = image_process(i);
	const char *lineage = lineage_name(lineage_check(i));
	const struct info *info = i->info;

	dump_ids(b, i, o->host);
	number_or_null(b, "ns_pid", p ? p->ns_pid : 0);
	dump_time(b, "start_time", t, i->start);
	dump_bool(b, "start_coarse", p && p->start_coarse);
	dump_time(b, "image_time", t, i->ktime);
	dump_time(b, "exit_time", t, image_end(h));
	flags(b, i);
	dump_string(b, "called", image_str(i, called));
	argv(b, i, o->scrub);
	env(b, i, o->facts);
	dump_string(b, "cwd", image_str(i, cwd));
	dump_string(b, "tty", image_str(i, tty));
	number_or_null(b, "sid", info ? info->sid : 0);
	number_or_null(b, "pgid", info ? info->pgid : 0);
	number_or_null(b, "cgroup_id", info ? info->cgroup_id : 0);
	file(b, i);
	creds(b, h, o);
	namespaces(b, i);
	extras(b, h);
	edge(b, "previous", i->previous, o->host);
	edge(b, "parent", i->parent, o->host);
	dump_string(b, "lineage", (str_t){ lineage, strlen(lineage) });
	dump_number(b, "refs", i->refs);
}

void dump_entry(struct buf *b, const struct table *t, const struct held_image *h,
		const struct dump_options *o)
{
	plain(b, h);
	if (o->raw)
		raw(b, t, h, o);
}

void dump_write(struct buf *out, const struct table *t, const struct dump_options *o)
{
	struct held all;

	held_collect(&all, t);
	buf_lit(out, "{\"entries\":[");
	for (size_t i = 0; i < all.n; i++) {
		buf_str(out, i ? ",\n{" : "\n{");
		dump_entry(out, t, &all.list[i], o);
		buf_char(out, '}');
	}
	buf_char(out, ']');
	if (o->raw) {
		json_member(out, "host", (str_t){ o->host, strlen(o->host) });
		json_key(out, "metrics");
		metrics_write(out, t, o->lookup, true);
	}
	buf_lit(out, "}\n");
	held_free(&all);
}

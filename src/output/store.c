/* SPDX-License-Identifier: Apache-2.0 */
#include "output/store.h"

#include <stdio.h>
#include <sys/capability.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "container/cgroup.h"
#include "output/json.h"
#include "process/args.h"
#include "process/extras.h"
#include "process/ident.h"

#define LABEL_COLUMNS 18 /* what a line of text begins with */
#define LINE_COLUMNS  100

/* What can be wrong at one place of a line of ancestors. */
enum wrong {
	WRONG_EXEC_LOST,
	WRONG_PARENT_MISSING,
	WRONG_PARENT,
	WRONG_INCOMPLETE,
	N_WRONGS,
};

static const struct {
	const char *name, *text;
} wrongs[N_WRONGS] = {
	[WRONG_EXEC_LOST] = { "exec_lost", "an exec before it was not seen" },
	[WRONG_PARENT_MISSING] = { "parent_missing", "its parent is not known" },
	[WRONG_PARENT] = { "wrong_parent", "pid 1 cannot stand above pid 1" },
	[WRONG_INCOMPLETE] = { "incomplete", "nothing is known above it" },
};

/* The line above an image, by exec edges within a process and by fork edges between them. */
struct line {
	const struct image *at; /* NULL: it has ended */
	bool exec;		/* it came here by an exec edge */
	bool init;		/* pid 1 was here */
	unsigned int wrong;	/* here: bits */
	size_t left;		/* steps: one that goes in a circle (it never should) ends */
};

static void line_look(struct line *l)
{
	const struct image *i = l->at;

	l->wrong = image_is(i, IMAGE_EXEC_LOST) ? 1U << WRONG_EXEC_LOST : 0;
	if (i->pid == 1 && !l->exec) {
		l->wrong |= l->init ? 1U << WRONG_PARENT : 0;
		l->init = true;
	}
	if (i->previous) /* what is above the process is said at its first image */
		return;
	if (image_is(i, IMAGE_PARENT_MISSING))
		l->wrong |= 1U << WRONG_PARENT_MISSING;
	else if (!i->parent && i->pid > 2)
		l->wrong |= 1U << WRONG_INCOMPLETE;
}

static struct line line_begin(const struct image *i, const struct held *all)
{
	struct line l = { .at = i, .left = all->n };

	line_look(&l);
	return l;
}

static bool line_up(struct line *l)
{
	l->exec = l->at->previous;
	l->at = l->exec ? l->at->previous : l->at->parent;
	if (!l->at || !l->left--)
		return false;
	line_look(l);
	return true;
}

const struct image *store_find_pid(const struct table *t, uint32_t pid)
{
	const struct process *p = table_find(t, pid);
	const struct image *i, *found = NULL;

	if (p)
		return p->image;
	rcumap_for_each(&t->entities, slot,
			i) if (i->pid == pid && (!found || i->start > found->start)) found = i;
	return found;
}

static bool is_child(const struct held_image *h, const struct image *of)
{
	return !h->next && h->image->parent && held_same_process(h->image->parent, of);
}

static void each_capability(uint64_t set, void (*fn)(void *user, const char *name), void *user)
{
	for (cap_value_t cap = 0; cap < 64; cap++) {
		char *name = set >> cap & 1 ? cap_to_name(cap) : NULL;

		if (!name)
			continue;
		fn(user, name);
		cap_free(name);
	}
}

/* As JSON. */

static void json_item(void *user, const char *s)
{
	struct buf *b = user;

	buf_str(b, b->data[b->len - 1] == '[' ? "\"" : ",\"");
	buf_str(b, s);
	buf_char(b, '"');
}

static void json_wrong(struct buf *b, unsigned int wrong)
{
	json_key(b, "wrong");
	buf_char(b, '[');
	for (unsigned int w = 0; w < N_WRONGS; w++)
		if (wrong >> w & 1)
			json_item(b, wrongs[w].name);
	buf_char(b, ']');
}

static void json_capabilities(struct buf *b, const struct creds *c)
{
	const struct {
		const char *name;
		uint64_t set;
	} sets[] = {
		{ "permitted", c->cap_permitted },
		{ "effective", c->cap_effective },
		{ "inheritable", c->cap_inheritable },
	};

	json_key(b, "capabilities");
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		buf_printf(b, "%c\"%s\":[", i ? ',' : '{', sets[i].name);
		each_capability(sets[i].set, json_item, b);
		buf_char(b, ']');
	}
	buf_char(b, '}');
}

static void json_line(struct buf *b, const struct table *t, const struct held *all,
		      const struct image *i, const char *host)
{
	struct line l = line_begin(i, all);
	const char *comma = "";

	json_wrong(b, l.wrong);
	json_key(b, "ancestors");
	buf_char(b, '[');
	for (; line_up(&l); comma = ",") {
		buf_printf(b, "%s{\"edge\":\"%s\",\"pid\":%u", comma, l.exec ? "exec" : "fork",
			   l.at->pid);
		dump_ids(b, l.at, host);
		dump_string(b, "name", istr_str(l.at->comm));
		dump_string(b, "path", istr_str(l.at->exe));
		dump_time(b, "start_time", t, l.at->start);
		dump_time(b, "image_time", t, l.at->ktime);
		dump_bool(b, "exited", image_is(l.at, IMAGE_DEAD));
		dump_bool(b, "stub", !l.at->info);
		json_wrong(b, l.wrong);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

static void json_children(struct buf *b, const struct held *all, const struct image *of,
			  const char *host)
{
	const char *comma = "";

	json_key(b, "children");
	buf_char(b, '[');
	for (size_t k = 0; k < all->n; k++) {
		const struct image *i = all->list[k].image;

		if (!is_child(&all->list[k], of))
			continue;
		buf_printf(b, "%s{\"pid\":%u", comma, i->pid);
		dump_ids(b, i, host);
		dump_string(b, "name", istr_str(i->comm));
		dump_bool(b, "exited", image_is(i, IMAGE_DEAD));
		buf_char(b, '}');
		comma = ",";
	}
	buf_char(b, ']');
}

static void process_json(struct buf *b, const struct table *t, const struct held *all,
			 const struct held_image *h, const struct dump_options *o)
{
	const struct process *p = image_process(h->image);
	const struct creds *c = p ? creds_of(p) : NULL;

	buf_char(b, '{');
	dump_entry(b, t, h, o);
	if (c)
		json_capabilities(b, c);
	if (o->facts)
		dump_string(b, "stdin_tty", o->facts->stdin_tty);
	json_line(b, t, all, h->image, o->host);
	json_children(b, all, h->image, o->host);
	buf_lit(b, "}\n");
}

/* As text. */

struct text {
	struct buf *b;
	const struct table *t;
	const struct dump_options *o;
	size_t column; /* of a list that is being written */
};

static void label(struct text *x, const char *name)
{
	buf_printf(x->b, "  %-*s", LABEL_COLUMNS - 2, name);
	x->column = LABEL_COLUMNS;
}

static void shown(struct text *x, str_t s)
{
	utf8_put(x->b, s.bytes, s.len, SIZE_MAX);
}

static void moment(struct text *x, uint64_t boot_ns)
{
	clock_rfc3339(x->b, boot_ns + (uint64_t)x->t->boot_offset);
}

static void text_line(struct text *x, const char *name, str_t s)
{
	if (!s.len)
		return;
	label(x, name);
	shown(x, s);
	buf_char(x->b, '\n');
}

/* An item of a list; on the next line if it does not fit on this one. */
static void text_item(struct text *x, str_t s)
{
	bool first = x->column == LABEL_COLUMNS;
	struct buf tmp = { 0 };
	size_t columns;

	if (!s.len)
		return;
	columns = utf8_put(&tmp, s.bytes, s.len, SIZE_MAX);
	if (!first && x->column + 1 + columns > LINE_COLUMNS) {
		buf_printf(x->b, "\n%*s", LABEL_COLUMNS, "");
		x->column = LABEL_COLUMNS;
	} else if (!first) {
		buf_char(x->b, ' ');
		x->column++;
	}
	buf_add(x->b, tmp.data, tmp.len);
	x->column += columns;
	buf_free(&tmp);
}

static void text_name(void *user, const char *name)
{
	text_item(user, (str_t){ name, strlen(name) });
}

/* As a shell would take it: where one argument ends is to be seen. */
static void quoted(struct buf *b, str_t s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_@%+=:,./-";
	bool as_is = s.len;

	for (size_t i = 0; i < s.len && as_is; i++)
		as_is = (unsigned char)s.bytes[i] >= 0x80 || strchr(plain, s.bytes[i]);
	if (as_is) {
		buf_add(b, s.bytes, s.len);
		return;
	}
	buf_char(b, '\'');
	for (size_t i = 0; i < s.len; i++) {
		if (s.bytes[i] == '\'')
			buf_lit(b, "'\\''");
		else
			buf_char(b, s.bytes[i]);
	}
	buf_char(b, '\'');
}

static void text_list(struct text *x, const char *name, str_t list, bool quote, bool cut)
{
	struct buf tmp = { 0 };

	if (!list.len && !cut)
		return;
	label(x, name);
	for (size_t at = 0; at < list.len;) {
		str_t s = { list.bytes + at, strnlen(list.bytes + at, list.len - at) };

		tmp.len = 0;
		if (quote)
			quoted(&tmp, s);
		else
			buf_add(&tmp, s.bytes, s.len);
		text_item(x, (str_t){ tmp.data, tmp.len });
		at += s.len + 1;
	}
	if (cut)
		text_name(x, "...");
	buf_char(x->b, '\n');
	buf_free(&tmp);
}

static void text_args(struct text *x, const struct image *i)
{
	str_t argv = image_args(i, argv);
	struct buf masked = { 0 };

	if (x->o->scrub && scrub_suspect(x->o->scrub, argv)) {
		scrub_list(x->o->scrub, argv, &masked);
		argv = (str_t){ masked.data, masked.len };
	}
	text_list(x, "arguments", argv, true, image_is(i, IMAGE_ARGV_TRUNCATED));
	buf_free(&masked);
}

static void text_env(struct text *x, const struct image *i)
{
	const struct dump_facts *facts = x->o->facts;
	struct buf names = { 0 };

	if (facts)
		text_list(x, "environment", facts->env, false, facts->env_truncated);
	else {
		env_names(image_args(i, env), &names);
		text_list(x, "environment", (str_t){ names.data, names.len }, false,
			  image_is(i, IMAGE_ENV_TRUNCATED));
	}
	buf_free(&names);
}

/* The real id, and those of the others that are not the same. */
static void text_id(struct text *x, const char *name, const uint32_t ids[4],
		    str_t (*get)(const struct users *u, uint32_t id), const struct users *users)
{
	static const char *const kinds[] = { "", "effective ", "saved ", "fs " };

	label(x, name);
	for (size_t k = 0; k < 4; k++) {
		str_t s = get(users, ids[k]);

		if (k && ids[k] == ids[0])
			continue;
		buf_printf(x->b, "%s%s%u", k ? ", " : "", kinds[k], ids[k]);
		if (!s.len)
			continue;
		buf_lit(x->b, " (");
		shown(x, s);
		buf_char(x->b, ')');
	}
	buf_char(x->b, '\n');
}

static void text_capabilities(struct text *x, const char *name, uint64_t set, bool same)
{
	label(x, name);
	if (same)
		text_name(x, "the same");
	else if (!set)
		text_name(x, "none");
	else
		each_capability(set, text_name, x);
	buf_char(x->b, '\n');
}

static void text_creds(struct text *x, const struct image *i, const struct creds *c)
{
	const struct users *users = users_of_image(&x->o->names, i);

	text_id(x, "user", (uint32_t[]){ c->uid, c->euid, c->suid, c->fsuid }, users_name, users);
	text_id(x, "group", (uint32_t[]){ c->gid, c->egid, c->sgid, c->fsgid }, users_group, users);
	label(x, "login");
	if (c->auid == UINT32_MAX)
		buf_lit(x->b, "none\n");
	else
		buf_printf(x->b, "user %u, session %u\n", c->auid, c->sessionid);
	text_capabilities(x, "cap permitted", c->cap_permitted, false);
	text_capabilities(x, "cap effective", c->cap_effective,
			  c->cap_permitted && c->cap_effective == c->cap_permitted);
	text_capabilities(x, "cap inheritable", c->cap_inheritable, false);
}

static void text_file(struct text *x, const struct image *i)
{
	const struct ev_file *f = &i->info->file;

	if (!f->ino)
		return;
	label(x, "file");
	buf_printf(x->b, "inode %llu on %u:%u, mode 0%o, %u link%s", (unsigned long long)f->ino,
		   major(f->dev), minor(f->dev), f->mode, i->info->nlink,
		   i->info->nlink == 1 ? "" : "s");
	if (f->ctime) {
		buf_lit(x->b, ", changed ");
		clock_rfc3339(x->b, f->ctime);
	}
	buf_char(x->b, '\n');
}

static void text_container(struct text *x, const struct image *i)
{
	str_t leaf = image_str(i, cgroup), id = cgroup_container_id(leaf);
	const char *runtime = id.len ? cgroup_runtime(leaf) : NULL;

	if (id.len) {
		label(x, "container");
		shown(x, id);
		if (runtime)
			buf_printf(x->b, " (%s)", runtime);
		buf_char(x->b, '\n');
	}
	if (!leaf.len)
		return;
	label(x, "cgroup");
	shown(x, leaf);
	if (i->info->cgroup_id)
		buf_printf(x->b, " (%llu)", (unsigned long long)i->info->cgroup_id);
	buf_char(x->b, '\n');
}

static void text_namespaces(struct text *x, const struct istr *ns)
{
	const uint32_t *inodes = ns ? (const uint32_t *)(const void *)ns->s : NULL;
	bool any = false;
	char item[64];

	for (size_t k = 0; inodes && k < N_NAMESPACES; k++) {
		if (!inodes[k]) /* not for us to see */
			continue;
		if (!any)
			label(x, "namespaces");
		any = true;
		snprintf(item, sizeof(item), "%s:%u", namespace_names[k], inodes[k]);
		text_name(x, item);
	}
	if (any)
		buf_char(x->b, '\n');
}

static void text_extras(struct text *x, const struct extras *e)
{
	const struct tracer_metadata *m = e ? e->tracer : NULL;

	if (m) {
		label(x, "tracer");
		text_name(x, m->language);
		text_name(x, m->version);
		text_name(x, m->runtime_id);
		buf_char(x->b, '\n');
		label(x, "service");
		text_name(x, m->service_name);
		text_name(x, m->service_version);
		text_name(x, m->service_env);
		buf_char(x->b, '\n');
		text_line(x, "service tags", (str_t){ m->process_tags, strlen(m->process_tags) });
	}
	for (size_t i = 0; e && i < e->cloud.n; i++) {
		label(x, "cloud key");
		text_name(x, e->cloud.list[i].key_id);
		if (e->cloud.list[i].expiry) {
			buf_lit(x->b, ", expires ");
			clock_rfc3339(x->b, e->cloud.list[i].expiry);
		}
		buf_char(x->b, '\n');
	}
}

static void text_flags(struct text *x, const struct image *i)
{
	const char *name;

	label(x, "flags");
	for (unsigned int bit = 0; (name = image_flag_name(bit)); bit++)
		if (image_is(i, 1U << bit))
			text_name(x, name);
	buf_char(x->b, '\n');
}

/* What an image has while its process lives. */
static void text_info(struct text *x, const struct image *i)
{
	const struct dump_facts *facts = x->o->facts;
	str_t tty = image_str(i, tty);

	text_line(x, "called as", image_str(i, called));
	text_file(x, i);
	text_args(x, i);
	text_line(x, "directory", image_str(i, cwd));
	text_container(x, i);
	if (tty.len)
		text_line(x, "terminal", tty);
	else if (facts && facts->stdin_tty.len)
		text_line(x, "standard input", facts->stdin_tty);
	if (i->info->sid || i->info->pgid) {
		label(x, "session");
		buf_printf(x->b, "%u, process group %u\n", i->info->sid, i->info->pgid);
	}
	text_namespaces(x, i->info->ns);
	text_env(x, i);
}

static void text_times(struct text *x, const struct held_image *h, const struct process *p)
{
	uint64_t end = image_exit_time(h->image);

	label(x, "started");
	moment(x, h->image->start);
	buf_str(x->b, p && p->start_coarse ? " (to 10 ms)\n" : "\n");
	if (h->image->ktime != h->image->start) {
		label(x, "image since");
		moment(x, h->image->ktime);
		buf_char(x->b, '\n');
	}
	if (!end)
		return;
	label(x, "ended");
	moment(x, end);
	buf_char(x->b, '\n');
}

static void text_identity(struct text *x, const struct held_image *h, const struct process *p)
{
	const struct image *i = h->image;

	shown(x, i->comm ? istr_str(i->comm) : (str_t){ "?", 1 });
	buf_printf(x->b, " %u%s\n", i->pid, p ? "" : ", ended");
	label(x, "entity id");
	buf_printf(x->b, "%u\n", i->entity_id);
	label(x, "exec id");
	exec_id_append(x->b, x->o->host, i->ktime, i->pid);
	buf_char(x->b, '\n');
	if (p && p->ns_pid != i->pid) {
		label(x, "pid inside");
		buf_printf(x->b, "%u\n", p->ns_pid);
	}
	if (p) {
		label(x, "parent");
		buf_printf(x->b, "%u\n", p->ppid);
		label(x, "known from");
		buf_printf(x->b, "%s\n", origin_name(p->origin));
	}
	text_times(x, h, p);
	text_line(x, "executable", istr_str(i->exe));
}

static void text_step(struct text *x, const struct line *l)
{
	const char *before = "  <- ";

	shown(x, l->at->comm ? istr_str(l->at->comm) : (str_t){ "?", 1 });
	buf_printf(x->b, " %u", l->at->pid);
	if (l->at->exe) {
		buf_char(x->b, ' ');
		shown(x, istr_str(l->at->exe));
	}
	if (image_is(l->at, IMAGE_DEAD))
		buf_lit(x->b, " (ended)");
	for (unsigned int w = 0; w < N_WRONGS; w++) {
		if (!(l->wrong >> w & 1))
			continue;
		buf_printf(x->b, "%s%s", before, wrongs[w].text);
		before = "; ";
	}
	buf_char(x->b, '\n');
}

static void text_lineage(struct text *x, const struct held *all, const struct image *i)
{
	struct line l = line_begin(i, all);

	buf_printf(x->b, "\nlineage: %s\n", lineage_name(lineage_check(i)));
	label(x, "");
	text_step(x, &l);
	while (line_up(&l)) {
		label(x, l.exec ? "exec from" : "fork of");
		text_step(x, &l);
	}
}

static void text_children(struct text *x, const struct held *all, const struct image *of)
{
	bool any = false;

	for (size_t k = 0; k < all->n; k++) {
		const struct line child = { .at = all->list[k].image };

		if (!is_child(&all->list[k], of))
			continue;
		if (!any)
			buf_lit(x->b, "\nchildren:\n");
		any = true;
		label(x, "");
		text_step(x, &child);
	}
}

static void process_text(struct buf *b, const struct table *t, const struct held *all,
			 const struct held_image *h, const struct dump_options *o)
{
	struct text x = { .b = b, .t = t, .o = o };
	const struct image *i = h->image;
	const struct process *p = image_process(i);

	text_identity(&x, h, p);
	if (i->info)
		text_info(&x, i);
	if (p && creds_of(p))
		text_creds(&x, i, creds_of(p));
	text_flags(&x, i);
	if (p)
		text_extras(&x, p->extras);
	text_lineage(&x, all, i);
	text_children(&x, all, i);
}

void store_process_write(struct buf *out, const struct table *t, const struct image *i, bool json,
			 const struct dump_options *o)
{
	struct dump_options raw = *o;
	struct held all;

	raw.raw = true;
	held_collect(&all, t);
	if (json)
		process_json(out, t, &all, held_find(&all, i), &raw);
	else
		process_text(out, t, &all, held_find(&all, i), &raw);
	held_free(&all);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "output/tree.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "container/cgroup.h"
#include "output/dot.h"
#include "output/json.h"
#include "process/ident.h"

#define WIDTH_DEFAULT 120

struct node {
	const struct process *p;
	unsigned int depth;
	bool last; /* of its siblings */
};

struct walk {
	struct node *stack;
	size_t n, cap;
	struct buf *out;
	const struct tree_options *o;
	const struct table *t;
	bool *lines; /* by depth: whether more siblings come there */
	size_t lines_cap;
	size_t column; /* of the line that is being written */
};

static int by_pid_down(const void *a, const void *b)
{
	uint32_t x = (*(const struct process *const *)a)->pid;
	uint32_t y = (*(const struct process *const *)b)->pid;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Pushes a set of siblings so that the smallest pid is on top. */
static void push_all(struct walk *w, const struct process **list, size_t n, unsigned int depth)
{
	if (n)
		qsort(list, n, sizeof(*list), by_pid_down);
	if (w->n + n > w->cap) {
		w->cap = (w->n + n) * 2;
		w->stack = xrealloc(w->stack, w->cap * sizeof(*w->stack));
	}
	for (size_t i = 0; i < n; i++)
		w->stack[w->n++] = (struct node){ list[i], depth, i == 0 };
}

static void push_children(struct walk *w, const struct process *p, unsigned int depth)
{
	const struct process **list;
	size_t n = 0;

	for (const struct process *c = p->children; c; c = c->next_sibling)
		n++;
	list = xmalloc(n * sizeof(struct process *));
	n = 0;
	for (const struct process *c = p->children; c; c = c->next_sibling)
		list[n++] = c;
	push_all(w, list, n, depth);
	free(list);
}

static bool is_root(const struct process *p)
{
	return !p->image->parent || !image_process(p->image->parent);
}

static void push_roots(struct walk *w)
{
	const struct process **list = xmalloc(w->t->n_processes * sizeof(struct process *));
	const struct process *p;
	size_t n = 0;

	rcumap_for_each(&w->t->pids, i, p) if (is_root(p)) list[n++] = p;
	push_all(w, list, n, 0);
	free(list);
}

static str_t argv_of(const struct image *i, const struct tree_options *o, struct buf *masked)
{
	str_t argv = image_args(i, argv);

	if (!o->scrub || !scrub_suspect(o->scrub, argv))
		return argv;
	masked->len = 0;
	scrub_list(o->scrub, argv, masked);
	return (str_t){ masked->data, masked->len };
}

static str_t container_of_image(const struct image *i)
{
	return cgroup_container_id(image_str(i, cgroup));
}

/* What a terminal can show, the rest as '?'; in at most max columns. */
static void put_text(struct walk *w, const char *s, size_t len, size_t max)
{
	w->column += utf8_put(w->out, s, len, max);
}

static void put_number(struct walk *w, uint32_t v)
{
	size_t begin = w->out->len;

	buf_u64(w->out, v);
	w->column += w->out->len - begin;
}

static void colour(struct walk *w, const char *code)
{
	if (w->o->colour)
		buf_str(w->out, code);
}

/*
 * Half of the line at most, so that there is room for what it is about and a deep tree is not
 * mostly indentation: then only the innermost levels show.
 */
static void indent(struct walk *w, const struct node *node, size_t width)
{
	unsigned int levels = (unsigned int)(width / 4), from = 1;

	w->column = 0;
	if (node->depth > levels + 1) {
		from = node->depth - levels;
		buf_str(w->out, "… ");
		w->column += 2;
	}
	for (unsigned int d = from; d < node->depth; d++)
		buf_str(w->out, w->lines[d] ? "│ " : "  ");
	if (node->depth) {
		buf_str(w->out, node->last ? "└─" : "├─");
		w->column += 2 * (size_t)(node->depth - from + 1);
	}
}

static void text_arguments(struct walk *w, const struct image *i, size_t width)
{
	struct buf masked = { 0 };
	str_t argv = argv_of(i, w->o, &masked);
	size_t at = argv.len ? strnlen(argv.bytes, argv.len) + 1 : 0;

	if (at < argv.len)
		colour(w, "\x1b[2m");
	while (at < argv.len && w->column + 1 < width) {
		size_t n = strnlen(argv.bytes + at, argv.len - at);

		put_text(w, " ", 1, 1);
		put_text(w, argv.bytes + at, n, width - w->column);
		at += n + 1;
	}
	buf_free(&masked);
}

/* Whose it is, unless that is root. */
static void text_user(struct walk *w, const struct process *p)
{
	const struct creds *c = creds_of(p);
	str_t user;

	if (c && !c->uid)
		return;
	put_text(w, " ", 1, 1);
	colour(w, "\x1b[33m");
	user = c ? users_name(users_of_image(&w->o->names, p->image), c->uid) : (str_t){ "?", 1 };
	if (user.len)
		put_text(w, user.bytes, user.len, 32);
	else
		put_number(w, c->uid);
	colour(w, "\x1b[0m");
}

static void text_node(struct walk *w, const struct node *node)
{
	const struct image *i = node->p->image;
	size_t width = w->o->width ? w->o->width : WIDTH_DEFAULT;
	str_t id = container_of_image(i);

	indent(w, node, width);
	colour(w, "\x1b[1m");
	put_text(w, istr_str(i->comm).bytes, istr_str(i->comm).len, EV_COMM_LEN);
	colour(w, "\x1b[0m");
	put_text(w, " ", 1, 1);
	put_number(w, node->p->pid);
	text_user(w, node->p);
	if (id.len) {
		put_text(w, " ", 1, 1);
		colour(w, "\x1b[36m");
		put_text(w, id.bytes, id.len, 12);
		colour(w, "\x1b[0m");
	}
	text_arguments(w, i, width);
	colour(w, "\x1b[0m");
	buf_char(w->out, '\n');
}

static void json_user(struct walk *w, const struct image *i, uint32_t uid)
{
	str_t user = users_name(users_of_image(&w->o->names, i), uid);

	json_key(w->out, "uid");
	buf_u64(w->out, uid);
	if (user.len)
		json_member(w->out, "user", user);
}

/* Without its closing "]}": the children come between. */
static void json_node(struct walk *w, const struct node *node)
{
	const struct image *i = node->p->image;
	const struct creds *c = creds_of(node->p);
	str_t id = container_of_image(i);
	struct buf masked = { 0 };

	buf_lit(w->out, "{\"pid\":");
	buf_u64(w->out, node->p->pid);
	buf_lit(w->out, ",\"ppid\":");
	buf_u64(w->out, node->p->ppid);
	buf_lit(w->out, ",\"entity_id\":");
	buf_u64(w->out, node->p->entity_id);
	buf_lit(w->out, ",\"exec_id\":\"");
	exec_id_append(w->out, w->o->host, i->ktime, node->p->pid);
	buf_char(w->out, '"');
	json_member(w->out, "name", istr_str(i->comm));
	if (i->exe)
		json_member(w->out, "exe", istr_str(i->exe));
	json_list_member(w->out, "argv", argv_of(i, w->o, &masked));
	if (c)
		json_user(w, i, c->uid);
	buf_lit(w->out, ",\"start_time\":\"");
	clock_rfc3339(w->out, node->p->start + (uint64_t)w->t->boot_offset);
	buf_char(w->out, '"');
	if (id.len)
		json_member(w->out, "container_id", id);
	buf_lit(w->out, ",\"kernel_thread\":");
	buf_str(w->out, image_is(i, IMAGE_KTHREAD) ? "true" : "false");
	buf_lit(w->out, ",\"children\":[");
	buf_free(&masked);
}

static void json_tree(struct walk *w)
{
	unsigned int open = 0;
	bool first = true;

	buf_lit(w->out, "{\"host\":");
	json_string(w->out, (str_t){ w->o->host, strlen(w->o->host) });
	buf_lit(w->out, ",\"processes\":[");
	while (w->n) {
		struct node node = w->stack[--w->n];

		for (; open > node.depth; open--) {
			buf_lit(w->out, "]}");
			first = false;
		}
		if (!first)
			buf_char(w->out, ',');
		json_node(w, &node);
		open = node.depth + 1;
		first = true;
		push_children(w, node.p, node.depth + 1);
	}
	while (open--)
		buf_lit(w->out, "]}");
	buf_lit(w->out, "]}\n");
}

static void text_tree(struct walk *w)
{
	while (w->n) {
		struct node node = w->stack[--w->n];

		if (node.depth >= w->lines_cap) {
			w->lines_cap = node.depth * 2 + 64;
			w->lines = xrealloc(w->lines, w->lines_cap * sizeof(*w->lines));
		}
		w->lines[node.depth] = !node.last;
		text_node(w, &node);
		push_children(w, node.p, node.depth + 1);
	}
}

void tree_write(struct buf *out, const struct table *t, enum tree_format format,
		const struct tree_options *o)
{
	struct walk w = { .out = out, .o = o, .t = t };

	if (format == TREE_DOT) {
		dot_write(out, t, o);
		return;
	}
	push_roots(&w);
	if (format == TREE_JSON)
		json_tree(&w);
	else
		text_tree(&w);
	free(w.stack);
	free(w.lines);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "output/tree.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "container/cgroup.h"
#include "output/json.h"
#include "process/ident.h"
#include "process/scrub.h"

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
	return !p->forked_by || p->forked_by->process->dead;
}

static void push_roots(struct walk *w)
{
	const struct process **list = xmalloc(w->t->n_processes * sizeof(struct process *));
	size_t n = 0;

	for (size_t i = 0; i < w->t->n_buckets; i++)
		for (const struct process *p = w->t->pids[i]; p; p = p->next_pid)
			if (is_root(p))
				list[n++] = p;
	push_all(w, list, n, 0);
	free(list);
}

static str_t argv_of(const struct image *i, const struct tree_options *o, struct buf *masked)
{
	str_t argv = i->argv ? (str_t){ i->argv->bytes, i->argv->len } : (str_t){ 0 };

	if (!o->scrub || !scrub_suspect(argv))
		return argv;
	masked->len = 0;
	scrub_list(argv, masked);
	return (str_t){ masked->data, masked->len };
}

static str_t container_of_image(const struct image *i)
{
	if (!i->cgroup)
		return (str_t){ 0 };
	return cgroup_container_id((str_t){ i->cgroup->s, i->cgroup->len });
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

static void text_node(struct walk *w, const struct node *node)
{
	const struct image *i = node->p->image;
	size_t width = w->o->width ? w->o->width : WIDTH_DEFAULT;
	str_t id = container_of_image(i), user = users_name(w->o->users, node->p->uid);

	indent(w, node, width);
	colour(w, "\x1b[1m");
	put_text(w, i->comm, strnlen(i->comm, EV_COMM_LEN), EV_COMM_LEN);
	colour(w, "\x1b[0m");
	put_text(w, " ", 1, 1);
	put_number(w, node->p->pid);
	if (node->p->uid) {
		put_text(w, " ", 1, 1);
		colour(w, "\x1b[33m");
		if (user.len)
			put_text(w, user.bytes, user.len, 32);
		else
			put_number(w, node->p->uid);
		colour(w, "\x1b[0m");
	}
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

/* Without its closing "]}": the children come between. */
static void json_node(struct walk *w, const struct node *node)
{
	const struct image *i = node->p->image;
	str_t id = container_of_image(i), user = users_name(w->o->users, node->p->uid);
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
	json_member(w->out, "name", (str_t){ i->comm, strnlen(i->comm, EV_COMM_LEN) });
	if (i->exe)
		json_member(w->out, "exe", (str_t){ i->exe->s, i->exe->len });
	json_list_member(w->out, "argv", argv_of(i, w->o, &masked));
	buf_lit(w->out, ",\"uid\":");
	buf_u64(w->out, node->p->uid);
	if (user.len)
		json_member(w->out, "user", user);
	buf_lit(w->out, ",\"start_time\":\"");
	clock_rfc3339(w->out, node->p->start + (uint64_t)w->t->boot_offset);
	buf_char(w->out, '"');
	if (id.len)
		json_member(w->out, "container_id", id);
	buf_lit(w->out, ",\"kernel_thread\":");
	buf_str(w->out, node->p->kthread ? "true" : "false");
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

/* A quoted id of the DOT language: only '"' and '\\' mean something in it. */
static void dot_text(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			buf_char(out, '\\');
		buf_char(out, c >= 0x20 && c < 0x7f ? (char)c : '?');
	}
}

static void dot_tree(struct walk *w)
{
	buf_lit(w->out, "digraph processes {\n  node [shape=box, fontname=\"monospace\"];\n");
	while (w->n) {
		struct node node = w->stack[--w->n];
		const struct image *i = node.p->image;

		buf_lit(w->out, "  p");
		buf_u64(w->out, node.p->pid);
		buf_lit(w->out, " [label=\"");
		dot_text(w->out, i->comm, strnlen(i->comm, EV_COMM_LEN));
		buf_char(w->out, ':');
		buf_u64(w->out, node.p->pid);
		buf_lit(w->out, "\"];\n");
		if (node.depth) {
			buf_lit(w->out, "  p");
			buf_u64(w->out, node.p->forked_by->process->pid);
			buf_lit(w->out, " -> p");
			buf_u64(w->out, node.p->pid);
			buf_lit(w->out, ";\n");
		}
		push_children(w, node.p, node.depth + 1);
	}
	buf_lit(w->out, "}\n");
}

void tree_write(struct buf *out, const struct table *t, enum tree_format format,
		const struct tree_options *o)
{
	struct walk w = { .out = out, .o = o, .t = t };

	push_roots(&w);
	switch (format) {
	case TREE_TEXT:
		text_tree(&w);
		break;
	case TREE_JSON:
		json_tree(&w);
		break;
	case TREE_DOT:
		dot_tree(&w);
		break;
	}
	free(w.stack);
	free(w.lines);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "output/dot.h"

#include "base/utf8.h"
#include "output/held.h"
#include "process/scrub.h"

#define ARGS_COLUMNS 4096 /* of the arguments; more makes nodes that nobody can read */
#define LINE_COLUMNS 80

/* The text of a label that is being written. */
struct label {
	struct buf *out;
	size_t column; /* in this line */
	size_t left;   /* columns that may still come */
};

/*
 * One character. In a quoted string of DOT '"' and '\\' mean something, in a label '&' as well: it
 * begins the name of a character, as in HTML.
 */
static void label_char(struct label *l, const char *s, size_t n)
{
	if (*s == '&') {
		buf_lit(l->out, "&amp;");
		return;
	}
	if (*s == '"' || *s == '\\')
		buf_char(l->out, '\\');
	buf_add(l->out, s, n);
}

/* Left-justified lines of LINE_COLUMNS; what cannot be shown is a '?'. */
static void label_text(struct label *l, str_t s)
{
	for (size_t i = 0; i < s.len && l->left;) {
		size_t n = utf8_shown(s.bytes + i, s.len - i);
		size_t columns = n ? utf8_columns(s.bytes + i, n) : 1;

		if (l->column + columns > LINE_COLUMNS) {
			buf_lit(l->out, "\\l");
			l->column = 0;
		}
		if (n)
			label_char(l, s.bytes + i, n);
		else
			buf_char(l->out, '?');
		l->column += columns;
		columns = columns ? columns : 1; /* what takes none is bounded as well */
		l->left -= columns < l->left ? columns : l->left;
		i += n ? n : 1;
	}
}

static void label_args(struct buf *out, const struct image *i, const struct scrubber *scrub)
{
	struct label l = { .out = out, .left = ARGS_COLUMNS };
	str_t argv = image_args(i, argv);
	struct buf masked = { 0 };

	if (scrub && scrub_suspect(scrub, argv)) {
		scrub_list(scrub, argv, &masked);
		argv = (str_t){ masked.data, masked.len };
	}
	if (argv.len)
		buf_lit(out, "\\n");
	for (size_t at = 0; at < argv.len && l.left;) {
		size_t n = strnlen(argv.bytes + at, argv.len - at);

		if (at)
			label_text(&l, (str_t){ " ", 1 });
		label_text(&l, (str_t){ argv.bytes + at, n });
		at += n + 1;
	}
	if (argv.len && (!l.left || image_is(i, IMAGE_ARGV_TRUNCATED)))
		buf_lit(out, "…");
	if (argv.len)
		buf_lit(out, "\\l");
	buf_free(&masked);
}

/* Two images of one process can have begun at the same time, as far as we know: so the number. */
static void node_id(struct buf *out, const struct held_image *h)
{
	buf_char(out, 'i');
	buf_u64(out, h->image->pid);
	buf_char(out, '_');
	buf_u64(out, h->image->start);
	buf_char(out, '_');
	buf_u64(out, h->image->ktime);
	if (h->twin) {
		buf_char(out, '_');
		buf_u64(out, h->twin);
	}
}

static void node(struct buf *out, const struct held_image *h, const struct tree_options *o)
{
	struct label name = { .out = out, .left = EV_COMM_LEN };
	const struct image *i = h->image;

	buf_lit(out, "  ");
	node_id(out, h);
	buf_lit(out, " [label=\"");
	label_text(&name, i->comm ? istr_str(i->comm) : (str_t){ "?", 1 });
	buf_char(out, ':');
	buf_u64(out, i->pid);
	if (o->args)
		label_args(out, i, o->scrub);
	buf_char(out, '"');
	if (image_is(i, IMAGE_DEAD))
		buf_lit(out, ", style=dashed");
	else if (h->next)
		buf_lit(out, ", style=dotted");
	if (image_is(i, IMAGE_PARENT_MISSING | IMAGE_EXEC_LOST))
		buf_lit(out, ", color=red");
	buf_lit(out, "];\n");
}

static void edge(struct buf *out, const struct held *all, const struct held_image *h)
{
	const struct image *i = h->image, *from = i->previous ? i->previous : i->parent;

	if (!from)
		return;
	buf_lit(out, "  ");
	node_id(out, held_find(all, from));
	buf_lit(out, " -> ");
	node_id(out, h);
	if (i->previous)
		buf_lit(out, " [label=exec, style=bold, color=blue];\n");
	else
		buf_lit(out, " [label=fork];\n");
}

void dot_write(struct buf *out, const struct table *t, const struct tree_options *o)
{
	struct held all;

	held_collect(&all, t);
	buf_lit(out, "digraph processes {\n"
		     "  node [shape=box, fontname=\"monospace\"];\n"
		     "  // dotted: replaced by an exec; dashed: its process has ended\n"
		     "  // red: what is above it is known to be wrong or unknown\n");
	for (size_t i = 0; i < all.n; i++)
		node(out, &all.list[i], o);
	for (size_t i = 0; i < all.n; i++)
		edge(out, &all, &all.list[i]);
	buf_lit(out, "}\n");
	held_free(&all);
}

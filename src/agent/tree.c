/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tarsier tree`.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/fill.h"
#include "output/tree.h"

static unsigned int terminal_width(FILE *out)
{
	struct winsize w;

	return isatty(fileno(out)) && !ioctl(fileno(out), TIOCGWINSZ, &w) ? w.ws_col : 0;
}

enum tsr_status tsr_tree_print(const struct tsr_show *show, FILE *out, struct tsr_error *err)
{
	/* in the order of enum tree_format */
	static const char *const formats[] = { "text", "json", "dot" };
	struct tree_options o = {
		.scrub = show->no_scrub ? NULL : scrub_default(),
		.colour = show->colour,
		.args = show->args,
		.width = terminal_width(out),
	};
	struct buf text = { 0 };
	enum tsr_status status;
	struct fill f;
	size_t kind;

	status = fill_format(show->format, formats, 3, "tree", &kind, err);
	if (status)
		return status;
	status = fill_begin(&f, show, err);
	if (f.ready) {
		o.host = f.info->host;
		o.names = fill_names(&f);
		tree_write(&text, &f.table, (enum tree_format)kind, &o);
		status = fill_write(&text, out, status, err);
	}
	buf_free(&text);
	fill_end(&f);
	return status;
}

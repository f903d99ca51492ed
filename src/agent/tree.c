/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tarsier tree`: a table filled from /proc, or from a recording up to a time, and shown.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <tarsier/agent.h>

#include "base/clock.h"
#include "base/error.h"
#include "output/tree.h"
#include "source/recording.h"
#include "source/snapshot.h"
#include "wire/decode.h"

struct fill {
	struct table table;
	struct assembler chunks;
	uint64_t until; /* boot clock; events after it are not applied */
	bool over;
};

static int on_message(void *user, const void *msg, size_t len)
{
	struct fill *f = user;
	struct tsr_event ev;

	if (wire_decode(msg, len, &f->chunks, &ev) != WIRE_OK) {
		return 0; /* a replay counts these; here the tree is as good as what is left */
	}
	if (ev.ktime > f->until &&
	    !(ev.def->id == TSR_EVENT_SCHED_PROCESS_EXEC && ev.exec.snapshot)) {
		f->over = true;
		return -ECANCELED;
	}
	table_apply(&f->table, &ev);
	table_done(&f->table, &ev);
	assembler_done(&f->chunks);
	return 0;
}

/* "+10s" after the recording's start, or a time of day. */
static enum tsr_status parse_at(const char *at, const struct source_info *info, uint64_t *until,
				struct tsr_error *err)
{
	uint64_t epoch, after;

	if (!at) {
		*until = UINT64_MAX;
		return TSR_OK;
	}
	if (*at == '+' && !parse_duration(at + 1, &after)) {
		*until = info->start + after;
		return TSR_OK;
	}
	if (*at == '+' || clock_parse_rfc3339(at, &epoch))
		return tsr_fail(err, TSR_ERR_USAGE,
				"at: '%s' is not valid; expected a time such as "
				"2026-11-21T01:42:04Z, or +10s after the recording's start",
				at);
	/* before the machine was up there is nothing to show */
	*until = (int64_t)epoch > info->boot_offset ? (uint64_t)((int64_t)epoch - info->boot_offset)
						    : 0;
	return TSR_OK;
}

static enum tsr_status read_recording(struct fill *f, struct source *s, struct tsr_error *err)
{
	struct tsr_error failure;
	int n;

	do {
		n = s->ops->poll(s, 0, on_message, f, &failure);
	} while (n >= 0 && !f->over);
	if (n < 0 && n != -ENODATA && !f->over)
		return tsr_fail(err, n == -EBADMSG ? TSR_ERR_FORMAT : TSR_ERR_IO, "%s",
				failure.message);
	return TSR_OK;
}

static enum tsr_status parse_format(const char *name, enum tree_format *format,
				    struct tsr_error *err)
{
	static const char *const names[] = { "text", "json", "dot" };

	for (int i = 0; i < 3; i++) {
		if (!strcmp(name, names[i])) {
			*format = (enum tree_format)i;
			return TSR_OK;
		}
	}
	return tsr_fail(err, TSR_ERR_USAGE, "unknown tree format '%s'; there are text, json, dot",
			name);
}

static unsigned int terminal_width(FILE *out)
{
	struct winsize w;

	return isatty(fileno(out)) && !ioctl(fileno(out), TIOCGWINSZ, &w) ? w.ws_col : 0;
}

enum tsr_status tsr_tree_print(const char *path, const char *at, const char *format, bool colour,
			       FILE *out, struct tsr_error *err)
{
	struct source_info local = { 0 }, *info = &local;
	enum tsr_status status, read_status = TSR_OK;
	struct source *s = NULL;
	struct users users = { 0 };
	enum tree_format kind = TREE_TEXT;
	struct fill f = { 0 };
	struct buf text = { 0 };
	int n;

	status = parse_format(format, &kind, err);
	if (status)
		return status;
	if (!path && at)
		return tsr_fail(err, TSR_ERR_USAGE,
				"at: only a recording has a past; name its file");
	if (path) {
		status = recording_open(&s, path, err);
		if (status)
			return status;
		info = &s->info;
	} else {
		source_info_local(info);
	}
	table_init(&f.table, info->boot_offset);
	users_init(&users, info->users, info->users_len);
	status = parse_at(at, info, &f.until, err);
	if (!status && s)
		status = read_status = read_recording(&f, s, err);
	if (!status && !s) {
		n = snapshot_procfs(NULL, UINT64_MAX, on_message, &f);
		if (n < 0)
			status = tsr_fail(err, TSR_ERR_IO, "cannot read /proc: %s", strerror(-n));
	}
	table_link(&f.table);
	/* A recording that ends early shows what there is, and the error. */
	if (!status || read_status) {
		tree_write(&text, &f.table, kind,
			   &(struct tree_options){
				   .host = info->host,
				   .users = &users,
				   .colour = colour,
				   .scrub = true,
				   .width = terminal_width(out),
			   });
		if (fwrite(text.data, 1, text.len, out) != text.len || fflush(out))
			status = errno == EPIPE ? TSR_OK
						: tsr_fail(err, TSR_ERR_IO, "cannot write: %s",
							   strerror(errno));
	}
	buf_free(&text);
	table_free(&f.table);
	assembler_free(&f.chunks);
	users_free(&users);
	if (s)
		s->ops->close(s);
	else
		free(local.users);
	return status;
}

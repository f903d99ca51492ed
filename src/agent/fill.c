/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/fill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "source/recording.h"
#include "source/snapshot.h"
#include "wire.h"
#include "wire/decode.h"

/* Those that were there when the recording began were seen in its first moments, whatever --at is. */
static bool is_snapshot(const struct tsr_event *ev)
{
	return ev->def->id == TSR_EVENT_SCHED_PROCESS_EXEC && ev->exec.snapshot &&
	       ev->exec.walk == WALK_SNAPSHOT;
}

/* What was asked for, and what was lost, stands before events that are older. */
static bool is_ahead(const struct tsr_event *ev)
{
	if (!ev->has_task)
		return true;
	return ev->def->id == TSR_EVENT_SCHED_PROCESS_EXEC && ev->exec.snapshot &&
	       ev->exec.walk >= WALK_KERNEL_MAP;
}

static int on_message(void *user, const void *msg, size_t len)
{
	struct fill *f = user;
	struct tsr_event ev;

	switch (wire_decode(msg, len, &f->chunks, &ev)) {
	case WIRE_OK:
		break;
	case WIRE_WALKED:
		if (ev.ktime <= f->until)
			table_walked(&f->table, &ev);
		return 0;
	case WIRE_NAMES: /* those of later are better than none */
		ns_users_set(&f->ns_users, ev.names.mnt_ns, ev.names.users, ev.names.groups);
		return 0;
	default: /* a replay counts these; here the table is as good as what is left */
		return 0;
	}
	if (ev.ktime > f->until && is_ahead(&ev)) {
		assembler_done(&f->chunks);
		return 0;
	}
	if (ev.ktime > f->until && !is_snapshot(&ev)) {
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

static enum tsr_status read_recording(struct fill *f, struct tsr_error *err)
{
	struct source *s = f->recording;
	struct tsr_error failure;
	int n;

	f->ready = true;
	do {
		n = s->ops->poll(s, 0, on_message, f, &failure);
		/* a time of 0: those that have ended are not forgotten because of their age */
		table_tend(&f->table, 0);
	} while (n >= 0 && !f->over);
	if (n < 0 && n != -ENODATA && !f->over)
		return tsr_fail(err, n == -EBADMSG ? TSR_ERR_FORMAT : TSR_ERR_IO, "%s",
				failure.message);
	return TSR_OK;
}

static enum tsr_status read_procfs(struct fill *f, struct tsr_error *err)
{
	int n = snapshot_procfs(NULL, UINT64_MAX, on_message, f);

	if (n < 0)
		return tsr_fail(err, TSR_ERR_IO, "cannot read /proc: %s", strerror(-n));
	f->ready = true;
	return TSR_OK;
}

enum tsr_status fill_begin(struct fill *f, const struct tsr_show *show, struct tsr_error *err)
{
	enum tsr_status status;

	memset(f, 0, sizeof(*f));
	if (!show->file && show->at)
		return tsr_fail(err, TSR_ERR_USAGE,
				"at: only a recording has a past; name its file");
	if (show->file) {
		status = recording_open(&f->recording, show->file, err);
		if (status)
			return status;
		f->info = &f->recording->info;
	} else {
		f->info = &f->local;
		source_info_local(f->info);
	}
	table_init(&f->table, f->info->boot_offset);
	users_init(&f->users, f->info->users, f->info->users_len);
	status = parse_at(show->at, f->info, &f->until, err);
	if (!status)
		status = f->recording ? read_recording(f, err) : read_procfs(f, err);
	table_link(&f->table);
	return status;
}

void fill_end(struct fill *f)
{
	if (f->table.exited)
		table_free(&f->table);
	assembler_free(&f->chunks);
	users_free(&f->users);
	ns_users_free(&f->ns_users);
	if (f->recording)
		f->recording->ops->close(f->recording);
	free(f->local.users);
}

struct user_names fill_names(const struct fill *f)
{
	return (struct user_names){ &f->users, &f->ns_users };
}

enum tsr_status fill_write(const struct buf *text, FILE *out, enum tsr_status status,
			   struct tsr_error *err)
{
	if (fwrite(text->data, 1, text->len, out) == text->len && !fflush(out))
		return status;
	if (errno == EPIPE)
		return TSR_OK;
	return tsr_fail(err, TSR_ERR_IO, "cannot write: %s", strerror(errno));
}

enum tsr_status fill_format(const char *format, const char *const *names, size_t n,
			    const char *what, size_t *which, struct tsr_error *err)
{
	struct buf known = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (!format || !strcmp(format, names[i])) {
			*which = i;
			return TSR_OK;
		}
	}
	for (size_t i = 0; i < n; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", names[i]);
	tsr_fail(err, TSR_ERR_USAGE, "unknown %s format '%s'; there %s %.*s", what, format,
		 n > 1 ? "are" : "is only", (int)known.len, known.data);
	buf_free(&known);
	return TSR_ERR_USAGE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table for people: a line for each program that starts or ends.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "container/cgroup.h"
#include "output/format.h"
#include "process/scrub.h"
#include "process/table.h"

#define DIM    "\x1b[2m"
#define BOLD   "\x1b[1m"
#define RED    "\x1b[31m"
#define GREEN  "\x1b[32m"
#define YELLOW "\x1b[33m"
#define CYAN   "\x1b[36m"
#define OFF    "\x1b[0m"

#define USER_WIDTH	10
#define CONTAINER_WIDTH 12
#define NAME_WIDTH	15
#define WIDTH_DEFAULT	100 /* not a terminal: what a log viewer shows without scrolling */

struct line {
	struct buf *out;
	const struct format_options *o;
	unsigned int column;
};

static void colour(struct line *l, const char *code)
{
	if (l->o->colour)
		buf_str(l->out, code);
}

/* Of max columns those that the window still has; where there is no window, all of them. */
static unsigned int visible(const struct line *l, unsigned int max)
{
	unsigned int width = l->o->width, left = width > l->column ? width - l->column : 0;

	return width && left < max ? left : max;
}

/* Control characters and broken UTF-8 must not reach the terminal: they show as '?'. */
static void text(struct line *l, const char *s, size_t len, unsigned int max)
{
	l->column += utf8_put(l->out, s, len, visible(l, max));
}

/* The same in at most max columns, and with a mark if that, or what is missing, cuts it. */
static void cut_text(struct line *l, const char *s, size_t len, unsigned int max, bool missing)
{
	unsigned int n = 0;

	max = visible(l, max);
	if (!max)
		return;
	for (size_t i = 0; i < len && n <= max;) {
		size_t seq = utf8_shown(s + i, len - i);

		n += seq ? utf8_columns(s + i, seq) : 1;
		i += seq ? seq : 1;
	}
	if (n <= max && !missing) {
		text(l, s, len, max);
		return;
	}
	text(l, s, len, max - 1);
	buf_lit(l->out, "…");
	l->column++;
}

static void pad_to(struct line *l, unsigned int column)
{
	while (l->column < column && visible(l, 1)) {
		buf_char(l->out, ' ');
		l->column++;
	}
}

static void cell(struct line *l, const char *s, size_t len, unsigned int width)
{
	unsigned int end = l->column + width;

	text(l, s, len, width);
	pad_to(l, end + 1);
}

static unsigned int width_of(const struct format_options *o)
{
	return o->width ? o->width : WIDTH_DEFAULT;
}

/* What is left of the line when `behind` columns are to follow; at least one. */
static unsigned int room_in(const struct line *l, size_t behind)
{
	size_t used = l->column + behind, width = width_of(l->o);

	return width > used ? (unsigned int)(width - used) : 1;
}

static void time_cell(struct line *l, const struct tsr_event *ev)
{
	uint64_t epoch = ev->ktime + (uint64_t)ev->boot_offset;
	time_t sec = (time_t)(epoch / NS_PER_SEC);
	char s[48];
	struct tm tm;

	localtime_r(&sec, &tm);
	snprintf(s, sizeof(s), "%02d:%02d:%02d.%03u", tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (unsigned int)(epoch % NS_PER_SEC / NS_PER_MS));
	colour(l, DIM);
	cell(l, s, strlen(s), 12);
	colour(l, OFF);
}

static void begin(struct buf *out, const struct format_options *o)
{
	struct line l = { out, o, 0 };

	colour(&l, BOLD);
	cell(&l, "TIME", 4, 12);
	cell(&l, "PID", 3, 7);
	cell(&l, "USER", 4, USER_WIDTH);
	cell(&l, "PROCESS", 7, NAME_WIDTH + 2);
	text(&l, "ARGUMENTS", 9, 9);
	colour(&l, OFF);
	buf_char(out, '\n');
}

static void user_cell(struct line *l, uint32_t uid, const struct users *users)
{
	str_t name = users_name(users, uid);
	char number[16];

	if (!name.len) {
		snprintf(number, sizeof(number), "%u", uid);
		name = (str_t){ number, strlen(number) };
	}
	cell(l, name.bytes, name.len, USER_WIDTH);
}

static void arguments(struct line *l, const struct image *i)
{
	str_t argv = image_args(i, argv);
	unsigned int width = width_of(l->o);
	struct buf masked = { 0 }, joined = { 0 };
	size_t at;

	if (l->o->scrubber && scrub_suspect(l->o->scrubber, argv)) {
		scrub_list(l->o->scrubber, argv, &masked);
		argv = (str_t){ masked.data, masked.len };
	}
	at = argv.len ? strnlen(argv.bytes, argv.len) + 1 : 0;
	while (at < argv.len && joined.len < 4UL * width) {
		size_t n = strnlen(argv.bytes + at, argv.len - at);

		if (joined.len)
			buf_char(&joined, ' ');
		if (!n)
			buf_lit(&joined, "''");
		buf_add(&joined, argv.bytes + at, n);
		at += n + 1;
	}
	if (joined.len)
		cut_text(l, joined.data, joined.len, room_in(l, 0), at < argv.len);
	buf_free(&masked);
	buf_free(&joined);
}

static void duration(struct line *l, uint64_t ns)
{
	char s[48];

	if (ns < 1000 * NS_PER_MS)
		snprintf(s, sizeof(s), "%.1f ms", (double)ns / 1e6);
	else if (ns < 600 * NS_PER_SEC)
		snprintf(s, sizeof(s), "%.1f s", (double)ns / 1e9);
	else
		snprintf(s, sizeof(s), "%llu min", (unsigned long long)(ns / NS_PER_SEC / 60));
	text(l, s, strlen(s), sizeof(s));
}

static void exit_text(struct line *l, const struct tsr_event *ev)
{
	unsigned int signal = ev->exit.code & 0x7f, status = ev->exit.code >> 8 & 0xff;
	const char *abbrev = signal ? sigabbrev_np((int)signal) : NULL;
	char s[64];

	if (signal && abbrev)
		snprintf(s, sizeof(s), "killed by SIG%s%s", abbrev,
			 ev->exit.code & 0x80 ? " (core dumped)" : "");
	else if (signal)
		snprintf(s, sizeof(s), "killed by signal %u%s", signal,
			 ev->exit.code & 0x80 ? " (core dumped)" : "");
	else
		snprintf(s, sizeof(s), "exit %u", status);
	colour(l, signal ? RED : status ? YELLOW : DIM);
	text(l, s, strlen(s), sizeof(s));
	colour(l, OFF);
	colour(l, DIM);
	text(l, " after ", 7, 7);
	duration(l, ev->run_time);
	colour(l, OFF);
}

static void lost(struct line *l, const struct tsr_event *ev)
{
	static const char *const where[] = {
		"the ring buffer was full: try a larger --ring-size",
		"a program was interrupted by itself",
		"malformed messages",
		"the output did not keep up",
		"the recording could not be written",
	};
	const struct ev_lost *e = &ev->lost;
	char s[192];

	snprintf(s, sizeof(s), "%llu %s lost: %s", (unsigned long long)e->count,
		 e->type ? e->type : "events",
		 e->stage < sizeof(where) / sizeof(where[0]) ? where[e->stage] : "unknown");
	colour(l, RED);
	text(l, s, strlen(s), sizeof(s));
	colour(l, OFF);
	buf_char(l->out, '\n');
}

static void name_cell(struct line *l, const char *mark, const char *mark_colour,
		      const struct tsr_event *ev)
{
	const struct image *i = ev->image;
	str_t id = cgroup_container_id(image_str(i, cgroup));

	colour(l, mark_colour);
	text(l, mark, strlen(mark), 2);
	colour(l, OFF);
	if (id.len) {
		colour(l, CYAN);
		text(l, id.bytes, id.len, CONTAINER_WIDTH);
		colour(l, OFF);
		text(l, " ", 1, 1);
	}
	colour(l, BOLD);
	cell(l, ev->task.comm, strnlen(ev->task.comm, EV_COMM_LEN), NAME_WIDTH);
	colour(l, OFF);
}

static void failed_text(struct line *l, const struct ev_exec_failed *f)
{
	bool error = f->ret < 0 && f->ret > -4096;
	const char *why = error ? strerror((int)-f->ret) : "unknown error";
	size_t behind = 2 + strlen(why);

	text(l, "cannot run ", 11, 11);
	if (f->path.len)
		cut_text(l, f->path.bytes, f->path.len, room_in(l, behind),
			 f->cut & EV_CUT_CMDPATH);
	text(l, ": ", 2, 2);
	text(l, why, strlen(why), 64);
}

static void record(struct buf *out, const struct tsr_event *ev, const struct format_options *o)
{
	struct line l = { out, o, 0 };
	char pid[16];

	/* A fork without an exec shows when it ends; a line for each fork would hide the programs. */
	if (ev->def->id == TSR_EVENT_SCHED_PROCESS_FORK)
		return;
	time_cell(&l, ev);
	if (ev->def->id == TSR_EVENT_LOST_EVENTS) {
		lost(&l, ev);
		return;
	}
	snprintf(pid, sizeof(pid), "%u", ev->task.pid);
	cell(&l, pid, strlen(pid), 7);
	user_cell(&l, ev->task.uid, ev->users ? ev->users : o->users);
	switch (ev->def->id) {
	case TSR_EVENT_SCHED_PROCESS_EXEC:
		name_cell(&l, "+ ", GREEN, ev);
		arguments(&l, ev->image);
		break;
	case TSR_EVENT_SCHED_PROCESS_EXIT:
		name_cell(&l, "- ", ev->exit.code ? RED : DIM, ev);
		exit_text(&l, ev);
		break;
	case TSR_EVENT_PROCESS_EXECUTE_FAILED:
		name_cell(&l, "! ", YELLOW, ev);
		failed_text(&l, &ev->failed);
		break;
	case TSR_EVENT_TASK_RENAME:
		name_cell(&l, "= ", CYAN, ev);
		text(&l, "renamed to ", 11, 11);
		text(&l, ev->rename.new_name, strnlen(ev->rename.new_name, EV_COMM_LEN), 16);
		break;
	default:
		break;
	}
	buf_char(out, '\n');
}

const struct format format_table = { .name = "table", .begin = begin, .record = record };

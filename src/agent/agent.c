/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline: message -> event -> state -> record -> sink, on one thread.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/config.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/path.h"
#include "process/lookup.h"
#include "output/metrics.h"
#include "output/names.h"
#include "process/ns_users.h"
#include "process/table.h"
#include "source/bpf.h"
#include "source/names.h"
#include "source/recording.h"
#include "wire.h"
#include "wire/decode.h"
#include "wire/encode.h"

#define CHUNK	     (64UL << 10)    /* records are handed over in pieces of about this */
#define END_WAIT_MS  5000	     /* for an output that is stuck, at the end */
#define LOOKUP_QUIET (2 * NS_PER_MS) /* for look-ups that were put off, after each batch */
#define RECORD_FLUSH NS_PER_SEC	     /* a crash loses at most this much of a recording */

struct output {
	const struct format *format;
	struct format_options options;
	struct sink *sink;
	const char *path;
	struct buf buf;
	uint64_t records; /* in buf */
	int error;
};

struct tsr_agent {
	struct tsr_config config;
	struct source *source;
	struct recorder *recorder;
	struct table table;
	struct lookup lookup;
	struct users users; /* of the machine */
	struct ns_users ns_users;
	struct names *names; /* reads those of containers; NULL: they come with the recording */
	struct assembler chunks;
	struct output outputs[OUTPUTS_MAX];
	size_t n_outputs;
	struct buf record_tmp, script, names_tmp;

	tsr_event_fn on_event;
	tsr_ready_fn on_ready;
	tsr_progress_fn on_progress;
	void *event_user, *ready_user, *progress_user;

	atomic_bool stop, give_up;
	bool started, ended, reader_gone, failed, recording_failed;
	uint64_t seq, began, start_cpu, deadline, flushed;
	struct tsr_summary summary;
	/* not yet announced in the stream */
	uint64_t new_malformed, new_output, new_recording, lost_since;
	uint64_t malformed[WIRE_ERROR_MAX];
	uint64_t now;	 /* ktime of the last message */
	uint64_t tended; /* s; when the table was */
};

static uint64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) * NS_PER_SEC +
	       ((uint64_t)u.ru_utime.tv_usec + (uint64_t)u.ru_stime.tv_usec) * 1000;
}

static void flush_output(struct tsr_agent *a, struct output *o)
{
	if (!o->sink || !o->buf.len)
		return;
	if (!sink_put(o->sink, &o->buf, o->records, &a->give_up) && !sink_error(o->sink)) {
		a->summary.lost_output += o->records;
		a->new_output += o->records;
	}
	o->records = 0;
}

/* The one above in a mount namespace: it lives on while others come and go. */
static const struct image *first_in(uint32_t ns, const struct image *i)
{
	const struct image *first = i;

	while ((i = i->parent) && image_process(i) && image_mnt_ns(i) == ns)
		first = i;
	return first;
}

/* The users of the process's own root; where they are not known yet, they are asked for. */
static const struct users *users_of(struct tsr_agent *a, const struct image *i)
{
	const struct user_names names = { &a->users, &a->ns_users };
	uint32_t ns = i ? image_mnt_ns(i) : 0;

	if (ns && a->names) { /* which asks no more often than it should */
		const struct process *init = table_find(&a->table, 1);

		if (!init || image_mnt_ns(init->image) != ns)
			names_request(a->names, ns, first_in(ns, i)->pid);
	}
	return ns ? users_of_image(&names, i) : &a->users;
}

/* The number of a namespace is used again: what is known of it is not believed for long. */
static const struct names_config names_config = { .age = 30 * NS_PER_SEC };

static void show(struct tsr_agent *a, struct tsr_event *ev)
{
	ev->seq = ++a->seq;
	ev->users = users_of(a, ev->image);
	a->summary.events[ev->def->id]++;
	if (ev->image)
		a->table.stats.lineage[lineage_at(&a->table, ev->image, ev->ktime)]++;
	a->summary.total++;
	if (a->on_event)
		a->on_event(a->event_user, ev);
	for (size_t i = 0; i < a->n_outputs; i++) {
		struct output *o = &a->outputs[i];
		size_t before = o->buf.len;

		if (o->error)
			continue;
		o->format->record(&o->buf, ev, &o->options);
		o->records += o->buf.len > before;
		if (o->buf.len >= CHUNK)
			flush_output(a, o);
	}
}

/* Of a script the kernel has kept only what was asked for: made absolute by its letters. */
static void add_script(struct tsr_agent *a, struct tsr_event *ev)
{
	const struct ev_exec *e = &ev->exec;

	if (!e->interp.len)
		return;
	ev->script = e->script;
	if (e->script.len || !e->cmdpath.len)
		return;
	if (e->cmdpath.bytes[0] != '/' && !e->cwd.len)
		return;
	a->script.len = 0;
	path_lexical(&a->script, e->cwd.bytes, e->cwd.len, e->cmdpath.bytes, e->cmdpath.len);
	ev->script = (str_t){ a->script.data, a->script.len };
}

static void count_lost(struct tsr_agent *a, const struct tsr_event *ev)
{
	switch (ev->lost.stage) {
	case LOST_KERNEL_RING:
		table_doubt(&a->table, ev->lost.to);
		a->summary.lost_kernel_ring += ev->lost.count;
		break;
	case LOST_KERNEL_RECURSION:
		table_doubt(&a->table, ev->lost.to);
		a->summary.lost_recursion += ev->lost.count;
		break;
	default:
		break; /* ours are counted where they happen */
	}
}

static int keep(void *user, const void *msg, size_t len)
{
	struct tsr_agent *a = user;

	return recorder_add(a->recorder, msg, len);
}

static void record(struct tsr_agent *a, const void *msg, size_t len)
{
	int err;

	if (!a->recorder)
		return;
	if (a->config.env_values)
		err = keep(a, msg, len);
	else
		err = wire_strip_env(msg, len, &a->chunks, &a->config.env_keep, &a->record_tmp,
				     keep, a);
	/* A message that can't be kept is counted; only a file that can't be written ends it. */
	if (err && err != -EBADMSG && err != -EMSGSIZE && !a->recording_failed) {
		a->recording_failed = a->failed = true;
		tsr_warn("recording stopped: cannot write to '%s': %s; what was written before is "
			 "readable",
			 a->config.record, strerror(-err));
	}
}

static int on_message(void *user, const void *msg, size_t len)
{
	struct tsr_agent *a = user;
	struct tsr_event ev;
	/* What a look-up found comes while the event that asked for it waits, with its chunks. */
	bool asked = a->lookup.depth;
	enum wire_error e = wire_decode(msg, len, asked ? NULL : &a->chunks, &ev);

	if (e == WIRE_OK)
		lookup_before(&a->lookup, &ev);
	record(a, msg, len);
	switch (e) {
	case WIRE_OK:
		break;
	case WIRE_WALKED:
		table_walked(&a->table, &ev);
		return 0;
	case WIRE_NAMES:
		ns_users_set(&a->ns_users, ev.names.mnt_ns, ev.names.users, ev.names.groups);
		return 0;
	case WIRE_PART:
	case WIRE_UNKNOWN:
		return 0;
	default:
		a->malformed[e]++;
		a->summary.lost_malformed++;
		a->new_malformed++;
		if (!asked)
			assembler_done(&a->chunks);
		return 0;
	}
	if (a->now < ev.ktime)
		a->now = ev.ktime;
	if (ev.def->id == TSR_EVENT_LOST_EVENTS)
		count_lost(a, &ev);
	if (ev.def->id == TSR_EVENT_SCHED_PROCESS_EXEC && ev.exec.snapshot &&
	    ev.exec.walk == WALK_SNAPSHOT)
		a->summary.snapshot++;
	if (table_apply(&a->table, &ev) && !ev.state_only && a->config.events[ev.def->id]) {
		if (ev.def->id == TSR_EVENT_SCHED_PROCESS_EXEC)
			add_script(a, &ev);
		show(a, &ev);
	}
	table_done(&a->table, &ev);
	/* by the stream's time, so that a replay forgets when this run did */
	if (a->now / NS_PER_SEC != a->tended) {
		a->tended = a->now / NS_PER_SEC;
		table_tend(&a->table, a->now);
	}
	if (!asked)
		assembler_done(&a->chunks);
	return 0;
}

static int ask_kernel_map(void *user, uint32_t pid, uint64_t start)
{
	struct tsr_agent *a = user;

	return a->source->ops->look_up(a->source, false, pid, start, on_message, a);
}

static int ask_procfs(void *user, uint32_t pid, uint64_t start)
{
	struct tsr_agent *a = user;

	return a->source->ops->look_up(a->source, true, pid, start, on_message, a);
}

/* A container's users have been read: like all that is found out, they come as a message. */
static void on_names(void *user, const struct names_answer *answer)
{
	struct tsr_agent *a = user;
	struct ev_names n = { answer->mnt_ns, answer->users, answer->groups };

	if (!answer->err)
		wire_encode_names(&n, clock_boot_ns(), &a->names_tmp, on_message, a);
}

/* What the agent itself loses is an event of the stream as well. */
static void announce(struct tsr_agent *a, uint64_t *count, uint32_t stage)
{
	struct tsr_event ev = {
		.def = tsr_catalogue_get(TSR_EVENT_LOST_EVENTS),
		.ktime = a->now,
		.boot_offset = a->table.boot_offset,
	};

	if (!*count)
		return;
	ev.lost = (struct ev_lost){
		.count = *count,
		.from = a->lost_since,
		.to = a->now,
		.stage = stage,
	};
	*count = 0;
	show(a, &ev);
}

static void check_recorder(struct tsr_agent *a)
{
	struct recorder_stats s;

	if (!a->recorder)
		return;
	recorder_stats(a->recorder, &s);
	a->new_recording += s.lost - a->summary.lost_recording;
	a->summary.lost_recording = s.lost;
	if (!s.error && clock_boot_ns() - a->flushed > RECORD_FLUSH) {
		recorder_flush(a->recorder);
		a->flushed = clock_boot_ns();
	}
}

static void check_output(struct tsr_agent *a, struct output *o)
{
	if (o->error)
		return;
	o->error = sink_error(o->sink);
	if (!o->error || o->error == -ETIMEDOUT) /* given up: the summary tells what is lost */
		return;
	if (o->error == -EPIPE) {
		a->reader_gone = true;
		return;
	}
	a->failed = true;
	tsr_warn("cannot write to %s%s%s: %s; this output ends here", o->path ? "'" : "",
		 o->path ? o->path : "standard output", o->path ? "'" : "", strerror(-o->error));
}

static void check_outputs(struct tsr_agent *a)
{
	for (size_t i = 0; i < a->n_outputs; i++) {
		flush_output(a, &a->outputs[i]);
		check_output(a, &a->outputs[i]);
	}
}

/* After each batch: what was lost, what is due. */
static void between(struct tsr_agent *a)
{
	check_recorder(a);
	check_outputs(a);
	if (a->names)
		names_poll(a->names, on_names, a);
	lookup_tend(&a->lookup, LOOKUP_QUIET);
	table_reclaim(&a->table);
	announce(a, &a->new_malformed, LOST_MALFORMED);
	announce(a, &a->new_output, LOST_OUTPUT_QUEUE);
	announce(a, &a->new_recording, LOST_RECORDING);
	a->lost_since = a->now;
	if (a->on_progress && a->config.replay) {
		uint64_t at, total;

		recording_progress(a->source, &at, &total);
		a->on_progress(a->progress_user, at, total);
	}
}

static int wait_ms(const struct tsr_agent *a)
{
	uint64_t now;

	/* A recording is flushed in time even when nothing happens. */
	int limit = a->recorder ? 1000 : -1;

	if (!a->deadline)
		return limit;
	now = clock_boot_ns();
	if (now >= a->deadline)
		return 0;
	now = (a->deadline - now + NS_PER_MS - 1) / NS_PER_MS;
	return limit >= 0 && now > 1000 ? limit : now > INT32_MAX ? INT32_MAX : (int)now;
}

/* Nobody is left to be told. */
static bool all_failed(const struct tsr_agent *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_outputs; i++)
		n += a->outputs[i].error != 0;
	return n && n == a->n_outputs && !a->on_event && (!a->recorder || a->recording_failed);
}

static bool wants_end(const struct tsr_agent *a)
{
	if (all_failed(a))
		return true;
	return atomic_load(&a->stop) || a->reader_gone ||
	       (a->deadline && clock_boot_ns() >= a->deadline);
}

static enum tsr_status loop(struct tsr_agent *a, struct tsr_error *err)
{
	enum tsr_status status = TSR_OK;
	struct tsr_error failure;
	bool stopped = false;
	int n = 0;

	while (n != -ENODATA) {
		if (!stopped && wants_end(a)) {
			a->source->ops->stop(a->source);
			stopped = true;
		}
		n = a->source->ops->poll(a->source, stopped ? 0 : wait_ms(a), on_message, a,
					 &failure);
		if (n < 0 && n != -ENODATA) {
			status = tsr_fail(err, n == -EBADMSG ? TSR_ERR_FORMAT : TSR_ERR_IO, "%s",
					  failure.message);
			n = -ENODATA;
		}
		between(a);
		if (a->reader_gone && stopped)
			break;
	}
	return status;
}

static enum tsr_status finish(struct tsr_agent *a, enum tsr_status status, struct tsr_error *err)
{
	for (size_t i = 0; i < a->n_outputs; i++) {
		struct output *o = &a->outputs[i];
		uint64_t left;

		flush_output(a, o);
		/* What was written last can fail, too. */
		sink_finish(o->sink, END_WAIT_MS);
		check_output(a, o);
		left = sink_close(o->sink, 0);
		o->sink = NULL;
		if (o->error != -EPIPE && !a->reader_gone)
			a->summary.lost_output += left;
		buf_free(&o->buf);
	}
	if (a->recorder) {
		int e = recorder_close(a->recorder);

		a->recorder = NULL;
		if (e && !a->recording_failed)
			tsr_warn("cannot finish the recording '%s': %s", a->config.record,
				 strerror(-e));
		if (e)
			a->failed = true;
	}
	for (int e = 0; e < WIRE_ERROR_MAX; e++)
		if (a->malformed[e])
			tsr_warn("malformed messages, %s: %llu",
				 wire_error_text((enum wire_error)e),
				 (unsigned long long)a->malformed[e]);
	if (!status && a->failed)
		status = tsr_fail(err, TSR_ERR_IO, "an output failed, see above");
	return status;
}

static void begin_outputs(struct tsr_agent *a)
{
	for (size_t i = 0; i < a->n_outputs; i++) {
		struct output *o = &a->outputs[i];

		if (o->format->begin)
			o->format->begin(&o->buf, &o->options);
	}
}

enum tsr_status tsr_agent_run(struct tsr_agent *a, struct tsr_error *err)
{
	enum tsr_status status;

	if (a->started)
		return tsr_fail(err, TSR_ERR_STATE, "an agent runs once");
	a->started = true;
	status = a->source->ops->start(a->source, on_message, a, err);
	if (!status) {
		a->lookup.ready = a->source->ops->look_up;
		if (a->lookup.ready)
			a->names = names_open(&names_config);
		a->summary.ready_ns = clock_boot_ns() - a->began;
		if (a->on_ready)
			a->on_ready(a->ready_user, &a->summary);
		if (a->config.duration)
			a->deadline = clock_boot_ns() + a->config.duration;
		begin_outputs(a);
		status = loop(a, err);
	}
	if (a->names)
		names_close(a->names);
	a->names = NULL;
	status = finish(a, status, err);
	tsr_agent_summary(a, &a->summary);
	a->ended = true;
	/* The source stays: a signal or a thread may be about to stop us. tsr_agent_free() closes it. */
	return status;
}

void tsr_agent_stop(struct tsr_agent *a)
{
	if (atomic_exchange(&a->stop, true))
		atomic_store(&a->give_up, true);
	if (a->source)
		a->source->ops->wake(a->source);
}

/* Not ru_maxrss: that one remembers what the process was before its exec, too. */
static uint64_t peak_memory(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[128];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %llu", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}

void tsr_agent_summary(const struct tsr_agent *a, struct tsr_summary *s)
{
	*s = a->summary;
	if (a->ended)
		return;
	s->processes = a->table.n_processes;
	s->elapsed_ns = clock_boot_ns() - a->began;
	s->cpu_ns = cpu_ns() - a->start_cpu;
	s->peak_memory = peak_memory();
}

enum tsr_status tsr_agent_metrics_print(const struct tsr_agent *a, const char *format, FILE *out,
					struct tsr_error *err)
{
	struct buf b = { 0 };
	bool failed;

	if (strcmp(format, "text") && strcmp(format, "json"))
		return tsr_fail(err, TSR_ERR_USAGE,
				"unknown format of metrics '%s'; there are text, json", format);
	metrics_write(&b, &a->table, &a->lookup, !strcmp(format, "json"));
	failed = fwrite(b.data, 1, b.len, out) != b.len || fflush(out);
	buf_free(&b);
	return failed ? tsr_fail(err, TSR_ERR_IO, "cannot write: %s", strerror(errno)) : TSR_OK;
}

static enum tsr_status open_source(struct tsr_agent *a, struct tsr_error *err)
{
	const struct tsr_config *c = &a->config;
	struct bpf_options o = {
		.scope = &c->scope,
		.latency = c->latency,
		.ring_size = c->ring_size,
		.max_images = 32768,
		.tty_of_stdin = c->tty_fallback,
	};

	if (c->replay) {
		if (c->scope.on)
			return tsr_fail(
				err, TSR_ERR_USAGE,
				"scope: the kernel applies it, so a replay cannot; record with it");
		return recording_open(&a->source, c->replay, err);
	}
	memcpy(o.wanted, c->events, sizeof(o.wanted));
	return bpf_source_open(&a->source, &o, err);
}

static enum tsr_status open_output(struct tsr_agent *a, size_t i, struct tsr_error *err)
{
	const struct tsr_config *c = &a->config;
	struct output *o = &a->outputs[i];
	bool terminal = !c->outputs[i].path && isatty(STDOUT_FILENO);
	const char *no_color = getenv("NO_COLOR");
	enum tsr_status status;
	struct winsize w;

	o->format = c->outputs[i].format;
	o->path = c->outputs[i].path;
	o->options = (struct format_options){
		.host = a->source->info.host,
		.users = &a->users,
		.ancestors = c->ancestors,
		.scrubber = c->scrub ? c->scrubber : NULL,
		.env_values = c->env_values,
		.env_keep = &c->env_keep,
		.colour = c->colour < 0 ? terminal && !(no_color && *no_color) : c->colour,
	};
	if (terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w))
		o->options.width = w.ws_col;
	status = sink_open(&o->sink, o->path, c->replay ? SINK_BLOCK : c->on_full,
			   SINK_QUEUE_DEFAULT, err);
	if (!status)
		a->n_outputs++;
	return status;
}

enum tsr_status tsr_agent_new(struct tsr_agent **out, const struct tsr_config *config,
			      struct tsr_error *err)
{
	struct tsr_agent *a = xcalloc(1, sizeof(*a));
	struct lookup_ops ops = { 0 };
	enum tsr_status status;

	a->began = clock_boot_ns();
	a->start_cpu = cpu_ns();
	config_copy(&a->config, config);
	status = open_source(a, err);
	if (status)
		goto fail;
	table_init(&a->table, a->source->info.boot_offset);
	a->table.memory_cap = a->config.memory;
	a->table.keep_env = a->config.env_values;
	a->table.env_keys = &a->config.env_keep;
	if (a->source->ops->look_up)
		ops = (struct lookup_ops){ ask_kernel_map, ask_procfs };
	lookup_init(&a->lookup, &a->table, &ops, a);
	users_init(&a->users, a->source->info.users, a->source->info.users_len);
	a->lost_since = a->now = a->source->info.start;
	for (size_t i = 0; i < a->config.n_outputs; i++) {
		status = open_output(a, i, err);
		if (status)
			goto fail;
	}
	if (a->config.record) {
		struct source_info info = a->source->info;

		info.env_values = a->config.env_values;
		status = recorder_open(&a->recorder, a->config.record, &info, err);
		if (status)
			goto fail;
		a->flushed = clock_boot_ns();
	}
	*out = a;
	return TSR_OK;
fail:
	tsr_agent_free(a);
	return status;
}

void tsr_agent_free(struct tsr_agent *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_outputs; i++) {
		if (a->outputs[i].sink)
			sink_close(a->outputs[i].sink, 0);
		buf_free(&a->outputs[i].buf);
	}
	if (a->recorder)
		recorder_close(a->recorder);
	if (a->source)
		a->source->ops->close(a->source);
	if (a->table.exited)
		table_free(&a->table);
	users_free(&a->users);
	assembler_free(&a->chunks);
	buf_free(&a->record_tmp);
	buf_free(&a->script);
	buf_free(&a->names_tmp);
	ns_users_free(&a->ns_users);
	config_clear(&a->config);
	free(a);
}

void tsr_agent_on_event(struct tsr_agent *a, tsr_event_fn fn, void *user)
{
	a->on_event = fn;
	a->event_user = user;
}

void tsr_agent_on_ready(struct tsr_agent *a, tsr_ready_fn fn, void *user)
{
	a->on_ready = fn;
	a->ready_user = user;
}

void tsr_agent_on_progress(struct tsr_agent *a, tsr_progress_fn fn, void *user)
{
	a->on_progress = fn;
	a->progress_user = user;
}

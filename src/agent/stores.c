/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tarsier stores`: what is known of one process, and all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/fill.h"
#include "base/clock.h"
#include "base/error.h"
#include "output/dump.h"
#include "output/store.h"
#include "process/args.h"
#include "process/extras.h"
#include "process/view.h"
#include "source/names.h"
#include "source/procfs.h"

#define ENV_MAX	      (1UL << 20) /* bytes of an environment that are read */
#define NAMES_WAIT    NS_PER_SEC  /* for the users of a container, whose files can be slow */
#define NAMES_STEP_US 2000

/* Of a process of this machine what /proc says beyond what the table holds. */
struct live {
	struct buf env;
	char tty[EV_TTY_LEN];
	struct dump_facts facts;
};

/* "123": an entity id, or else a pid; "pid:123": a pid. */
struct id {
	bool is_pid;
	uint32_t number;
};

static enum tsr_status parse_id(const char *s, struct id *id, struct tsr_error *err)
{
	const char *digits = strncmp(s, "pid:", 4) ? s : s + 4;
	unsigned long long v = strtoull(digits, NULL, 10);

	if (!*digits || digits[strspn(digits, "0123456789")] || strlen(digits) > 10 ||
	    v > UINT32_MAX)
		return tsr_fail(err, TSR_ERR_USAGE,
				"'%s' is no process; expected an entity id, a pid, or pid:N", s);
	*id = (struct id){ digits != s, (uint32_t)v };
	return TSR_OK;
}

static const struct image *find(const struct table *t, const struct id *id)
{
	const struct image *i = id->is_pid ? NULL : view_find(t, id->number);

	return i ? i : store_find_pid(t, id->number);
}

/* Who has the pid may be another one by now, which is then not asked any more. */
static bool is_still(const struct process *p)
{
	struct procfs_process now = { 0 };
	bool same = !procfs_process(&now, p->pid) && now.start / TICK_NS == p->start / TICK_NS;

	procfs_process_free(&now);
	return same;
}

static void take_names(void *user, const struct names_answer *answer)
{
	if (!answer->err)
		ns_users_set(user, answer->mnt_ns, answer->users, answer->groups);
}

/* The users of its own root; without privileges they are not for us to see. */
static void ask_names(struct fill *f, const struct image *i)
{
	uint64_t end = clock_boot_ns() + NAMES_WAIT;
	uint32_t ns = image_mnt_ns(i);
	struct names *names = ns ? names_open(NULL) : NULL;

	if (!names)
		return;
	names_request(names, ns, i->pid);
	while (!names_poll(names, take_names, &f->ns_users) && clock_boot_ns() < end)
		usleep(NAMES_STEP_US);
	names_close(names);
}

static bool ask_procfs(struct live *l, struct fill *f, const struct image *i)
{
	struct process *p = table_find(&f->table, i->pid);
	struct tracer_metadata tracer;
	struct buf envs = { 0 };
	bool traced, cut = false;

	if (!p || p->image != i || image_is(i, IMAGE_KTHREAD))
		return false;
	if (!procfs_environ(p->pid, &envs, ENV_MAX, &cut))
		env_names((str_t){ envs.data, envs.len }, &l->env);
	buf_free(&envs);
	if (procfs_tty_of_stdin(p->pid, l->tty))
		*l->tty = '\0';
	traced = !procfs_tracer_metadata(p->pid, &tracer);
	if (!is_still(p))
		return false;
	if (traced)
		extras_set_tracer(p, &tracer);
	l->facts = (struct dump_facts){ { l->env.data, l->env.len },
					cut,
					{ l->tty, strnlen(l->tty, sizeof(l->tty)) } };
	ask_names(f, i);
	return true;
}

static struct dump_options options_of(const struct tsr_show *show, const struct fill *f)
{
	return (struct dump_options){
		.host = f->info->host,
		.names = fill_names(f),
		.scrub = show->no_scrub ? NULL : scrub_default(),
		.raw = show->raw,
	};
}

/* status: what the recording ended with. */
static enum tsr_status print_process(struct fill *f, const struct id *id, bool json,
				     const struct tsr_show *show, FILE *out, enum tsr_status status,
				     struct tsr_error *err)
{
	const struct image *i = find(&f->table, id);
	struct dump_options o = options_of(show, f);
	struct live live = { 0 };
	struct buf text = { 0 };

	if (!i && status) /* the recording's damage is the better reason */
		return status;
	if (!i)
		return tsr_fail(err, TSR_ERR_STATE, "no process with the %spid %u is known%s",
				id->is_pid ? "" : "entity id or ", id->number,
				f->recording ? " at that time of the recording"
					     : ": it may have ended");
	if (!f->recording && ask_procfs(&live, f, i))
		o.facts = &live.facts;
	store_process_write(&text, &f->table, i, json, &o);
	status = fill_write(&text, out, status, err);
	buf_free(&text);
	buf_free(&live.env);
	return status;
}

enum tsr_status tsr_store_process_print(const char *name, const struct tsr_show *show, FILE *out,
					struct tsr_error *err)
{
	static const char *const formats[] = { "text", "json" };
	enum tsr_status status;
	struct fill f;
	struct id id = { 0 };
	size_t kind;

	status = fill_format(show->format, formats, 2, "process", &kind, err);
	if (!status)
		status = parse_id(name, &id, err);
	if (status)
		return status;
	status = fill_begin(&f, show, err);
	if (f.ready)
		status = print_process(&f, &id, kind == 1, show, out, status, err);
	fill_end(&f);
	return status;
}

enum tsr_status tsr_dump_print(const struct tsr_show *show, FILE *out, struct tsr_error *err)
{
	static const char *const formats[] = { "json" };
	struct buf text = { 0 };
	struct dump_options o;
	enum tsr_status status;
	struct fill f;
	size_t kind;

	status = fill_format(show->format, formats, 1, "dump", &kind, err);
	if (status)
		return status;
	status = fill_begin(&f, show, err);
	if (f.ready) {
		o = options_of(show, &f);
		dump_write(&text, &f.table, &o);
		status = fill_write(&text, out, status, err);
	}
	buf_free(&text);
	fill_end(&f);
	return status;
}

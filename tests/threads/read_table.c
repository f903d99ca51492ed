/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread changes a process table, as the pipeline thread does, and others look at it.
 *
 * What belongs together says so: a process that runs number N is called N, its executable is /bin/N,
 * its only argument N, its user N; the number of what it exec'ed itself tells who had forked it. A
 * look from another thread must never see parts of two, and never memory that was freed, which is
 * for the sanitizers to find: this is run with ThreadSanitizer, AddressSanitizer, and without.
 *
 * usage: read_table [SECONDS]
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/build_messages.h"
#include "../unit/check_table.h"
#include "base/clock.h"
#include "process/view.h"
#include "wire/decode.h"

#define PIDS	   64 /* 1 to this; 1 never ends */
#define READERS	   4
#define IDS	   256 /* entity ids that the readers ask for, most of them of today */
#define ANCESTORS  16
#define EVENT_TIME (10 * NS_PER_MS) /* the time of the table goes faster than ours */

struct proc {
	bool alive;
	uint64_t start, image;
	uint32_t ppid, number, gid;
	char comm[16];
};

struct writer {
	struct table table;
	struct proc procs[PIDS + 1];
	struct buf tmp;
	uint64_t now, events;
	uint32_t serial;
	unsigned int seed;
};

static struct writer writer;
static atomic_uint ids[IDS];
static atomic_uint hot; /* the pid that is changed now: there is most to see */
static atomic_bool stop;

struct reader {
	pthread_t thread;
	unsigned int seed;
	uint64_t live, dead, old, ancestors;
};

static void fail(const char *what, const struct process_view *v)
{
	fprintf(stderr, "read_table: %s\n", what);
	if (v)
		fprintf(stderr,
			"pid %u ppid %u name %.*s exe %.*s argv %.*s uid %d gid %d flags %x exit "
			"%llu\n",
			v->pid, v->ppid, (int)v->name.len, v->name.bytes, (int)v->exe.len,
			v->exe.bytes, (int)v->argv.len, v->argv.bytes,
			v->creds ? (int)v->creds->uid : -1, v->creds ? (int)v->creds->gid : -1,
			v->flags, (unsigned long long)v->exit_time);
	abort();
}

/* The writer. */

static int deliver(void *user, const void *msg, size_t len)
{
	struct writer *w = user;
	struct tsr_event ev = { 0 };

	if (wire_decode(msg, len, NULL, &ev) != WIRE_OK)
		fail("a message is malformed", NULL);
	table_apply(&w->table, &ev);
	if (ev.child)
		atomic_store(&ids[w->events % IDS], ev.child->entity_id);
	/* as a format does */
	if (ev.image && ev.image->info)
		image_keep(&w->table, &ev.image->info->rendered, "text", 5);
	table_done(&w->table, &ev);
	w->events++;
	return 0;
}

static uint64_t tick(struct writer *w)
{
	return w->now += EVENT_TIME;
}

static struct who who_of(const struct writer *w, uint32_t pid)
{
	const struct proc *p = &w->procs[pid];

	return (struct who){ .pid = pid,
			     .start = p->start,
			     .ppid = p->ppid,
			     .parent_start = p->ppid ? w->procs[p->ppid].start : 0,
			     .comm = p->comm,
			     .image = p->image,
			     .uid = p->number,
			     .gid = p->gid };
}

static uint32_t pick(struct writer *w, bool alive)
{
	uint32_t at = (uint32_t)rand_r(&w->seed) % PIDS;

	for (uint32_t i = 0; i < PIDS; i++, at++)
		if (w->procs[at % PIDS + 1].alive == alive) {
			atomic_store_explicit(&hot, at % PIDS + 1, memory_order_relaxed);
			return at % PIDS + 1;
		}
	return 0;
}

static void do_fork(struct writer *w)
{
	uint32_t by = pick(w, true), pid = pick(w, false);
	struct who parent = who_of(w, by), child;

	if (!pid)
		return;
	w->procs[pid] = w->procs[by];
	w->procs[pid].start = w->procs[pid].image = tick(w);
	w->procs[pid].ppid = by;
	child = who_of(w, pid);
	build_fork(tick(w), &parent, &child, deliver, w);
}

static void do_exec(struct writer *w, uint32_t pid, uint32_t flags)
{
	struct proc *p = &w->procs[pid];
	char path[24], args[12];
	struct wire_exec e;
	struct who who;

	/* At times the same again, if it is its own. */
	if (rand_r(&w->seed) % 4 || p->number % (PIDS + 1) != p->ppid)
		p->number = ++w->serial * (PIDS + 1) + p->ppid;
	p->image = tick(w);
	snprintf(p->comm, sizeof(p->comm), "%u", p->number);
	snprintf(path, sizeof(path), "/bin/%u", p->number);
	snprintf(args, sizeof(args), "%u", p->number);
	who = who_of(w, pid);
	e = exec_of(p->image, &who, path, (str_t){ args, strlen(args) + 1 }, flags);
	e.exec.ktime = e.ext.task.image = p->image;
	wire_encode_exec(&e, &w->tmp, deliver, w);
}

static void do_exit(struct writer *w)
{
	uint32_t pid = pick(w, true);
	struct who who = who_of(w, pid);

	if (pid == 1)
		return;
	build_exit(tick(w), &who, 0, 1, w->procs[1].start, deliver, w);
	w->procs[pid].alive = false;
	for (uint32_t i = 1; i <= PIDS; i++)
		if (w->procs[i].ppid == pid)
			w->procs[i].ppid = 1;
}

/* To N, and to N', which is still N. */
static void do_rename(struct writer *w)
{
	uint32_t pid = pick(w, true);
	struct proc *p = &w->procs[pid];
	struct who who = who_of(w, pid);
	char name[16];

	snprintf(name, sizeof(name), "%u%s", p->number, strchr(p->comm, '\'') ? "" : "'");
	build_rename(tick(w), &who, name, deliver, w);
	memcpy(p->comm, name, sizeof(name));
}

static void do_setgid(struct writer *w)
{
	uint32_t pid = pick(w, true);
	struct who who;

	w->procs[pid].gid = (uint32_t)rand_r(&w->seed) % 8;
	who = who_of(w, pid);
	build_rename(tick(w), &who, w->procs[pid].comm, deliver, w);
}

static void write_all(struct writer *w, uint64_t until)
{
	while (clock_boot_ns() < until) {
		switch (rand_r(&w->seed) % 8) {
		case 0:
		case 1:
		case 2:
			do_fork(w);
			break;
		case 3:
		case 4:
			do_exec(w, pick(w, true), MSG_EXEC_EXECVE);
			break;
		case 5:
			do_exit(w);
			break;
		case 6:
			do_rename(w);
			break;
		default:
			do_setgid(w);
		}
		if (w->events % 64 == 0)
			table_tend(&w->table, w->now);
	}
}

/* The readers. */

static uint32_t number_of(str_t s, const struct process_view *v)
{
	uint32_t n = 0;

	if (!s.len)
		fail("a name is empty", v);
	for (size_t i = 0; i < s.len; i++) {
		if (s.bytes[i] == '\'' && i + 1 == s.len)
			break;
		if (s.bytes[i] < '0' || s.bytes[i] > '9')
			fail("a name is none", v);
		n = n * 10 + (uint32_t)(s.bytes[i] - '0');
	}
	return n;
}

static uint32_t check_names(const struct process_view *v)
{
	uint32_t n = number_of(v->name, v);

	if (v->exe.len < 6 || memcmp(v->exe.bytes, "/bin/", 5) ||
	    number_of((str_t){ v->exe.bytes + 5, v->exe.len - 5 }, v) != n)
		fail("the executable is another's", v);
	return n;
}

static void check_view(struct reader *r, const struct process_view *v)
{
	uint32_t n = check_names(v);

	if (!v->entity_id || v->pid < 1 || v->pid > PIDS)
		fail("who is it?", v);
	if (v->argv.len && (v->argv.bytes[v->argv.len - 1] ||
			    number_of((str_t){ v->argv.bytes, v->argv.len - 1 }, v) != n))
		fail("the arguments are another's", v);
	if (v->exit_time) {
		if (v->argv.len || v->creds || v->ppid || v->exit_time < v->start)
			fail("one that has ended has what only the living have", v);
		r->dead++;
		return;
	}
	/* Of an old image the rest is that of its process now. */
	if (!(v->flags & IMAGE_HEAD)) {
		r->old++;
		return;
	}
	if (!v->argv.len)
		fail("no arguments", v);
	if (!v->creds || v->creds->uid != n || v->creds->fsuid != n ||
	    v->creds->gid != v->creds->fsgid)
		fail("the credentials are another's", v);
	if ((v->flags & IMAGE_IS_EXEC) && v->ppid != 1 && v->ppid != n % (PIDS + 1))
		fail("the parent is another's", v);
	if (v->pid != 1 && !v->ppid)
		fail("no parent", v);
	r->live++;
}

static void look(struct reader *r, const struct table *t)
{
	struct process_view v[ANCESTORS], again;
	uint32_t which = (uint32_t)rand_r(&r->seed);
	const struct image *i;
	size_t n;

	read_begin();
	if (which % 4 == 0)
		i = view_find(t, atomic_load(&ids[which / 4 % IDS]));
	else if (which % 4 == 1)
		i = view_find_pid(t, which / 4 % PIDS + 1);
	else
		i = view_find_pid(t, atomic_load_explicit(&hot, memory_order_relaxed));
	if (i) {
		view_image(&v[0], i);
		check_view(r, &v[0]);
		if (rand_r(&r->seed) % 16 == 0)
			sched_yield();
		/* What was found stays what it was, whatever has become of the process. */
		view_image(&again, i);
		check_view(r, &again);
		check_names(&v[0]);
		n = view_ancestry(i, v, ANCESTORS);
		for (size_t k = 0; k < n; k++)
			check_view(r, &v[k]);
		r->ancestors += n;
	}
	read_end();
}

static void *read_all(void *user)
{
	while (!atomic_load(&stop))
		look(user, &writer.table);
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 2;
	struct reader readers[READERS] = { 0 }, sum = { 0 };
	struct writer *w = &writer;
	const char *wrong;

	table_init(&w->table, 0);
	w->now = 1000 * NS_PER_SEC;
	w->seed = 1;
	w->procs[1] = (struct proc){ .alive = true, .start = w->now, .image = w->now };
	do_exec(w, 1, MSG_EXEC_TASK_WALK);
	for (int k = 0; k < READERS; k++) {
		readers[k].seed = 100 + (unsigned int)k;
		if (pthread_create(&readers[k].thread, NULL, read_all, &readers[k]))
			fail("no thread", NULL);
	}
	write_all(w, clock_boot_ns() + seconds * NS_PER_SEC);
	atomic_store(&stop, true);
	for (int k = 0; k < READERS; k++) {
		pthread_join(readers[k].thread, NULL);
		sum.live += readers[k].live;
		sum.dead += readers[k].dead;
		sum.old += readers[k].old;
		sum.ancestors += readers[k].ancestors;
	}
	wrong = check_table(&w->table);
	if (wrong)
		fail(wrong, NULL);
	table_free(&w->table);
	buf_free(&w->tmp);
	printf("%llu events; looks at %llu that lived, %llu that had ended, %llu old images, %llu "
	       "ancestors\n",
	       (unsigned long long)w->events, (unsigned long long)sum.live,
	       (unsigned long long)sum.dead, (unsigned long long)sum.old,
	       (unsigned long long)sum.ancestors);
	if (w->events < 1000 || sum.live < 1000 || !sum.dead || !sum.ancestors)
		fail("there was nothing to see", NULL);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random lives of random processes, and the resolver against what is true (kernel.h).
 *
 * Nothing is lost: after each step all processes, images, edges and credentials are the kernel's.
 * Messages are lost, doubled, late: no edge and no name was never true, or was true only before we
 * were last told of it, unless it is flagged; and after a walk all that lives is right again. In
 * every case the table is sound after each message (check_table.h).
 *
 * Seeds are 1, 2, 3, ... for TARSIER_PROPERTY_SECONDS (a few) in each test, or TARSIER_SEED alone;
 * TARSIER_TRACE=1 prints what is delivered, in the notation of scenario.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "process/edit.h"
#include "sensor.h"

#define SECONDS	    2  /* for each test */
#define RUNS_MIN    20 /* however slow the machine is */
#define STEPS	    250
#define LIVE_MAX    24
#define PIDS	    40 /* a pid comes again soon */
#define EXECS_MAX   12 /* of a process: fewer than are kept */
#define HELD_MAX    32
#define WHY	    256
#define SNAPSHOT_NS (2 * NS_PER_SEC) /* an exec sooner than that may be in the snapshot already */

enum mode {
	FAITHFUL,
	IN_STEPS, /* faithful, and processes end in two steps: see k_exit_begin() */
	SNAPSHOT, /* faithful, from the middle of a life on */
	LOSSY,	  /* lost, doubled and late */
	LOSSY_MAPS,
	LOSSY_PROCFS,
	N_MODES,
};

struct held {
	void *bytes;
	size_t len;
	int due; /* the step after which it is delivered */
};

struct parenthood {
	int child, parent;
	uint64_t since;
};

struct run {
	enum mode mode;
	uint64_t random;
	int step;
	bool lossy;  /* now */
	bool silent; /* nothing is delivered at all */
	bool traced;
	struct kernel kernel;
	struct sensor sensor;
	struct held held[HELD_MAX];
	size_t n_held;
	struct held walk[LIVE_MAX + 8];
	size_t n_walk;
	uint64_t walk_begin, walk_end;
	int ending; /* a process whose children were not given away yet, or K_NONE */
	uint32_t next_pid;
	/* Of each process: the kernel's time as of which we were told of it last. */
	uint64_t *told;
	size_t n_told;
	struct parenthood *parents; /* all that ever were */
	size_t n_parents;
	char why[WHY];
};

static uint32_t draw(struct run *r, uint32_t below)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return (uint32_t)((r->random * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static bool wrong(struct run *r, const char *what, uint32_t pid)
{
	if (!r->why[0])
		snprintf(r->why, sizeof(r->why), "%s: pid %u", what, pid);
	return false;
}

/* The process that a (pid, start) is, alive or not; start may be known to the tick only. */
static int truth_of(const struct run *r, uint32_t pid, uint64_t start)
{
	const struct kernel *k = &r->kernel;

	for (size_t i = k->n_processes; i-- > 0;) {
		const struct k_process *p = &k->processes[i];

		if (p->pid == pid &&
		    (p->start == start ||
		     (start % TICK_NS == 0 && p->start - p->start % TICK_NS == start)))
			return (int)i;
	}
	return K_NONE;
}

/* What was decided when. */

static void note_parents(struct run *r)
{
	const struct kernel *k = &r->kernel;

	r->told = xrealloc(r->told, k->n_processes * sizeof(*r->told));
	while (r->n_told < k->n_processes)
		r->told[r->n_told++] = 0;
	for (size_t i = 0; i < k->n_processes; i++) {
		int parent = k_parent(k, (int)i);
		size_t n = r->n_parents;

		while (n && r->parents[n - 1].child != (int)i)
			n--;
		if (n && r->parents[n - 1].parent == parent)
			continue;
		r->parents = xrealloc(r->parents, (r->n_parents + 1) * sizeof(*r->parents));
		r->parents[r->n_parents++] = (struct parenthood){ (int)i, parent, k->now };
	}
}

static bool had_parent(const struct run *r, int child, int parent, uint64_t since)
{
	bool ends_later = true; /* the last one holds until now */

	for (size_t n = r->n_parents; n-- > 0;) {
		if (r->parents[n].child != child)
			continue;
		if (r->parents[n].parent == parent && ends_later)
			return true;
		ends_later = r->parents[n].since >= since;
	}
	return false;
}

static bool ran(const struct run *r, int process, str_t file, uint64_t since)
{
	const struct kernel *k = &r->kernel;
	uint64_t ended = UINT64_MAX;

	for (int i = k->processes[process].image; i != K_NONE; i = k->images[i].previous) {
		const char *name = k->images[i].program.file;

		if (ended >= since && strlen(name) == file.len &&
		    !memcmp(name, file.bytes, file.len))
			return true;
		ended = k->images[i].began;
	}
	return false;
}

/*
 * /proc says what a process runs now, which can be more than an event under way knew of: what it
 * forked then is taken for a copy of that.
 */
static bool could_be_copy(const struct run *r, int process, str_t file)
{
	const struct kernel *k = &r->kernel;

	if (r->mode < LOSSY_MAPS)
		return false;
	for (int p = k->processes[process].maker; p != K_NONE; p = k->processes[p].maker)
		if (ran(r, p, file, 0))
			return true;
	return false;
}

static void told(struct run *r, uint32_t pid, uint64_t start, uint64_t as_of)
{
	int p = truth_of(r, pid, start);

	note_parents(r);
	if (p != K_NONE && r->told[p] < as_of)
		r->told[p] = as_of;
}

static void trace(const struct tsr_event *ev)
{
	uint32_t pid = ev->task.pid;

	switch (ev->def->id) {
	case TSR_EVENT_SCHED_PROCESS_FORK:
		printf("# F(%u,%u) by %u of %u", ev->fork.ppid, ev->fork.child_pid, pid,
		       ev->task.ppid);
		break;
	case TSR_EVENT_SCHED_PROCESS_EXEC:
		printf("# %s(%u,%.*s) of %u", ev->exec.snapshot ? "told" : "E", pid,
		       (int)ev->exec.path.len, ev->exec.path.bytes, ev->task.ppid);
		break;
	case TSR_EVENT_SCHED_PROCESS_EXIT:
		printf("# X(%u) to %u", pid, ev->exit.reaper_pid);
		break;
	default:
		printf("# R(%u) of %u", pid, ev->task.ppid);
	}
	printf(" at %llu, image of %llu\n", (unsigned long long)ev->ktime / 1000,
	       (unsigned long long)ev->task.image / 1000);
}

static void tap(void *user, const struct tsr_event *ev)
{
	struct run *r = user;
	int p = truth_of(r, ev->task.pid, ev->task.start);
	bool map = ev->def->id == TSR_EVENT_SCHED_PROCESS_EXEC && ev->exec.snapshot &&
		   ev->exec.walk == WALK_KERNEL_MAP;

	if (r->traced)
		trace(ev);
	/* A thread's word on credentials is not asked about here: all else is of its process. */
	told(r, ev->task.pid, ev->task.start,
	     map && p != K_NONE ? r->kernel.processes[p].known_at : ev->ktime);
	if (ev->def->id == TSR_EVENT_SCHED_PROCESS_FORK)
		told(r, ev->fork.child_pid, ev->fork.child_start, ev->fork.child_start);
}

/* Delivery. */

static void hold(struct run *r, const void *msg, size_t len)
{
	if (r->n_held == HELD_MAX)
		return; /* lost */
	r->held[r->n_held++] =
		(struct held){ memcpy(xmalloc(len), msg, len), len, r->step + (int)draw(r, 4) };
}

static int emit(void *user, const void *msg, size_t len)
{
	struct run *r = user;
	uint32_t fate = r->lossy ? draw(r, 100) : 99;

	note_parents(r);
	if (r->silent || fate < 15)
		return 0;
	if (fate < 25) {
		hold(r, msg, len);
		return 0;
	}
	sensor_message(&r->sensor, msg, len);
	if (fate < 28)
		sensor_message(&r->sensor, msg, len);
	else if (fate < 33)
		hold(r, msg, len);
	return 0;
}

static void deliver_held(struct run *r, bool all)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n_held; i++) {
		struct held h = r->held[i];

		if (!all && h.due > r->step) {
			r->held[kept++] = h;
			continue;
		}
		sensor_message(&r->sensor, h.bytes, h.len);
		free(h.bytes);
	}
	r->n_held = kept;
}

static int take_walk(void *user, const void *msg, size_t len)
{
	struct run *r = user;

	r->walk[r->n_walk++] = (struct held){ memcpy(xmalloc(len), msg, len), len, 0 };
	return 0;
}

static void walk_take(struct run *r)
{
	struct kernel *k = &r->kernel;

	r->walk_begin = k_tick(k);
	for (size_t i = 0; i < k->n_processes; i++)
		if (k->processes[i].alive)
			k_tell(k, (int)i, WALK_AFTER_LOSS, false, take_walk, r);
	k_walked(k, r->walk_begin, false, take_walk, r);
	r->walk_end = k->now;
}

static void walk_tell(struct run *r)
{
	for (size_t i = 0; i < r->n_walk; i++) {
		sensor_message(&r->sensor, r->walk[i].bytes, r->walk[i].len);
		free(r->walk[i].bytes);
	}
	r->n_walk = 0;
}

/* What happens. */

static int some_process(struct run *r)
{
	const struct kernel *k = &r->kernel;
	size_t n = 0, live[LIVE_MAX];

	for (size_t i = 0; i < k->n_processes; i++)
		if (k->processes[i].alive)
			live[n++] = i;
	return (int)live[draw(r, (uint32_t)n)];
}

static size_t count_live(const struct run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->kernel.n_processes; i++)
		n += r->kernel.processes[i].alive;
	return n;
}

/* As the kernel gives them: in a circle; and not twice within what /proc can tell apart. */
static uint32_t free_pid(struct run *r)
{
	struct kernel *k = &r->kernel;

	do
		r->next_pid = r->next_pid == PIDS ? 2 : r->next_pid + 1;
	while (k_find(k, r->next_pid) != K_NONE);
	for (size_t i = 0; i < k->n_processes; i++)
		if (k->processes[i].pid == r->next_pid &&
		    k->now - k->processes[i].start < 2 * TICK_NS)
			k->now += 2 * TICK_NS;
	return r->next_pid;
}

static void act_fork(struct run *r)
{
	int by = some_process(r);

	if (count_live(r) < LIVE_MAX)
		k_fork(&r->kernel, by, free_pid(r), !draw(r, 8));
}

static void act_exec(struct run *r)
{
	static const char *const files[] = { "a", "b", "c", "d" };
	struct kernel *k = &r->kernel;
	struct k_program program = { 0 };
	int p = some_process(r), n = 0;

	for (int i = k->processes[p].image; i != K_NONE; i = k->images[i].previous)
		n++;
	if (n >= EXECS_MAX)
		return;
	strcpy(program.file, files[draw(r, 4)]);
	k_list_add(&program.args, program.file);
	if (!draw(r, 2))
		k_list_add(&program.args, "-v");
	/* of those in the snapshot the environment is not known */
	if (!draw(r, 3) && r->mode != SNAPSHOT)
		k_list_add(&program.envs, "A=1");
	if (!draw(r, 3))
		program = k_newest(k, p)->program; /* the same again */
	k_exec(k, p, &program);
}

static void act_exit(struct run *r)
{
	int p = some_process(r);

	if (r->kernel.processes[p].pid == 1)
		return;
	if (r->mode != IN_STEPS || r->ending != K_NONE) {
		k_exit(&r->kernel, p, true);
	} else {
		k_exit_begin(&r->kernel, p, true);
		r->ending = p;
	}
}

static void act_otherwise(struct run *r)
{
	struct k_process *p = &r->kernel.processes[some_process(r)];
	int at = (int)(p - r->kernel.processes);

	switch (draw(r, 5)) {
	case 0:
		p->subreaper = p->pid != 1 && !p->subreaper;
		break;
	case 1:
		p->uid = draw(r, 3);
		break;
	case 2: /* another thread acts from now on */
		p->tid = p->pid + 1000;
		p->thread_uid = draw(r, 3);
		break;
	case 3:
		p->tid = p->pid;
		break;
	default:
		k_rename(&r->kernel, at, draw(r, 2) ? "renamed" : "other");
		return;
	}
	k_rename(&r->kernel, at, NULL);
}

static void act(struct run *r)
{
	static const uint64_t steps[] = { 1000, 1000, 30000, 300000, 3000000, 20000000 };

	r->kernel.step = steps[draw(r, 6)];
	if (r->ending != K_NONE && !draw(r, 3)) {
		k_exit_end(&r->kernel, r->ending);
		r->ending = K_NONE;
	}
	switch (draw(r, 10)) {
	case 0 ... 3:
		act_fork(r);
		break;
	case 4 ... 6:
		act_exec(r);
		break;
	case 7 ... 8:
		act_exit(r);
		break;
	default:
		act_otherwise(r);
	}
	note_parents(r);
}

/* What must hold. */

static bool same_name(const struct istr *s, const char *name)
{
	str_t is = istr_str(s);

	return is.len == strlen(name) && !memcmp(is.bytes, name, is.len);
}

static bool is_image(const struct run *r, const struct image *i, int image)
{
	const struct k_image *m = &r->kernel.images[image];
	const struct k_process *p = &r->kernel.processes[m->process];

	return i->pid == p->pid && i->start == p->start && i->ktime == m->began;
}

/* A line of images by exec edges is the kernel's, as far as it was seen. */
static bool exact_images(struct run *r, const struct process *p, int process)
{
	const struct kernel *k = &r->kernel;
	const struct k_process *truth = &k->processes[process];
	const struct image *i = p->image;
	int at = truth->image;

	for (; i && at != K_NONE; i = i->previous, at = k->images[at].previous) {
		const struct k_image *m = &k->images[at];
		bool first = p->origin == FROM_SNAPSHOT && !i->previous;

		if (!is_image(r, i, at))
			return wrong(r, "another image", p->pid);
		if (!same_name(i->exe, m->program.file))
			return wrong(r, "another executable", p->pid);
		if (!same_name(i->comm, m->comm))
			return wrong(r, "another name", p->pid);
		if (image_is(i, IMAGE_IS_EXEC) != m->is_exec)
			return wrong(r, "is_exec", p->pid);
		if (!first && image_is(i, IMAGE_IS_EXEC_EXEC) !=
				      (m->previous != K_NONE && k->images[m->previous].is_exec))
			return wrong(r, "is_exec_exec", p->pid);
		if (image_is(i, IMAGE_PARENT_MISSING | IMAGE_EXEC_LOST))
			return wrong(r, "flagged, though nothing was lost", p->pid);
		if (first)
			return true;
	}
	return (!i && at == K_NONE) || wrong(r, "images too many or too few", p->pid);
}

/* While a process ends, its children may be seen as its own or as their reaper's. */
static bool exact_parent(struct run *r, const struct process *p, int process)
{
	const struct kernel *k = &r->kernel;
	const struct image *above = p->image->parent;
	int parent = k->processes[process].parent;

	if (parent == K_NONE)
		return (!above && !p->ppid) || wrong(r, "a parent too many", p->pid);
	if (!above)
		return wrong(r, "no parent", p->pid);
	if (r->ending != K_NONE && k->images[parent].process == r->ending)
		return true;
	if (p->ppid != k->processes[k->images[parent].process].pid)
		return wrong(r, "another ppid", p->pid);
	/* which image of it forked is not told, or which was the reaper's when it came to that */
	if (p->origin == FROM_SNAPSHOT || r->mode == IN_STEPS)
		return truth_of(r, above->pid, above->start) == k->images[parent].process ||
		       wrong(r, "another parent", p->pid);
	return is_image(r, above, parent) || wrong(r, "another image is the parent", p->pid);
}

static bool exact(struct run *r)
{
	const struct kernel *k = &r->kernel;

	if (r->sensor.table.n_processes != count_live(r))
		return wrong(r, "processes too many or too few", 0);
	for (size_t i = 0; i < k->n_processes; i++) {
		const struct k_process *truth = &k->processes[i];
		const struct process *p;

		if (!truth->alive)
			continue;
		p = table_find(&r->sensor.table, truth->pid);
		if (!p || p->start != truth->start)
			return wrong(r, "not there", truth->pid);
		if (!exact_images(r, p, (int)i) || !exact_parent(r, p, (int)i))
			return false;
		if (!creds_of(p) || creds_of(p)->uid != k->images[truth->image].uid)
			return wrong(r, "other credentials", truth->pid);
		if (lineage_check(p->image) != LINEAGE_OK)
			return wrong(r, "a broken line", truth->pid);
	}
	return true;
}

static bool reaches_init(const struct image *i)
{
	for (int n = 0; i && n < 10000; n++, i = i->parent)
		if (i->pid == 1)
			return true;
	return false;
}

/* Of what is not flagged nothing is invented, and nothing older than what we were told last. */
static bool sound_process(struct run *r, const struct process *p)
{
	const struct image *i = p->image, *above = i->parent;
	int truth = truth_of(r, p->pid, p->start), parent;

	if (truth == K_NONE)
		return wrong(r, "there never was such a process", p->pid);
	if (lineage_check(i) == LINEAGE_OK && !reaches_init(i))
		return wrong(r, "a line that is not broken does not reach pid 1", p->pid);
	if (!image_is(i, IMAGE_EXEC_LOST) && i->exe &&
	    !ran(r, truth, istr_str(i->exe), r->told[truth]) &&
	    !could_be_copy(r, truth, istr_str(i->exe)))
		return wrong(r, "not what it ran since we were told of it", p->pid);
	/* whose end we have not seen has moved to reapers that it never had */
	if (image_is(i, IMAGE_PARENT_MISSING) || !above || !r->kernel.processes[truth].alive)
		return true;
	parent = truth_of(r, above->pid, above->start);
	if (parent == K_NONE)
		return wrong(r, "there never was such a parent", p->pid);
	/* one that is seen to have ended is whose child it was */
	if (!had_parent(r, truth, parent, image_is(above, IMAGE_DEAD) ? 0 : r->told[truth]))
		return wrong(r, "not its parent since we were told of it", p->pid);
	if (!image_is(above, IMAGE_EXEC_LOST) && above->exe &&
	    !ran(r, parent, istr_str(above->exe), 0) &&
	    !could_be_copy(r, parent, istr_str(above->exe)))
		return wrong(r, "its parent never ran that", p->pid);
	return true;
}

static bool sound(struct run *r)
{
	const struct process *p;
	bool ok = true;

	rcumap_for_each(&r->sensor.table.pids, at, p) ok = ok && sound_process(r, p);
	return ok;
}

/* An old image of an ancestor may be lost for ever; no newest one is, and no other parent. */
static bool excused(const struct run *r, const struct image *i)
{
	for (; i; i = i->parent) {
		const struct process *p = image_process(i);
		int truth = truth_of(r, i->pid, i->start);

		if (image_is(i, IMAGE_EXEC_LOST) &&
		    (!p || p->image != i || i->start > r->walk_begin))
			return true;
		if (image_is(i, IMAGE_PARENT_MISSING) && truth != K_NONE &&
		    r->told[truth] > r->walk_end)
			return true;
	}
	return false;
}

/*
 * The walk saw it as a parent, and it ended before the walk was told: who has its children was said to
 * those that were known then. The others show the one that ended, until /proc is asked.
 */
static bool ended_since(const struct run *r, const struct image *parent)
{
	return r->mode == LOSSY && parent && image_exit_time(parent) > r->walk_begin;
}

/* After a walk: all that lives is right. */
static bool right(struct run *r)
{
	const struct kernel *k = &r->kernel;

	if (r->sensor.table.n_processes != count_live(r))
		return wrong(r, "after a walk: processes too many or too few", 0);
	for (size_t i = 0; i < k->n_processes; i++) {
		const struct k_process *truth = &k->processes[i];
		const struct process *p, *above;
		int parent = k_parent(k, (int)i);
		/* A later event can name a parent, or be of one, that only the walk tells of. */
		bool overtaken = r->told[i] > r->walk_end;
		bool is_new = truth->start > r->walk_begin;

		if (!truth->alive)
			continue;
		p = table_find(&r->sensor.table, truth->pid);
		if (!p || truth_of(r, p->pid, p->start) != (int)i)
			return wrong(r, "after a walk: not there", truth->pid);
		if (is_new && !p->image->exe) /* a copy of what was not known then */
			continue;
		if (!same_name(p->image->exe, k_newest(k, (int)i)->program.file))
			return wrong(r, "after a walk: another executable", p->pid);
		/* an event of another thread does not tell its leader's name */
		if (!overtaken && !same_name(p->image->comm, k_newest(k, (int)i)->comm))
			return wrong(r, "after a walk: another name", p->pid);
		if (ended_since(r, p->image->parent))
			continue;
		above = p->image->parent ? image_process(p->image->parent) : NULL;
		if (overtaken && image_is(p->image, IMAGE_PARENT_MISSING))
			continue;
		if (parent != K_NONE && (!above || truth_of(r, above->pid, above->start) != parent))
			return wrong(r, "after a walk: another parent", p->pid);
		if (image_is(p->image, IMAGE_PARENT_MISSING) ||
		    (image_is(p->image, IMAGE_EXEC_LOST) && !is_new))
			return wrong(r, "after a walk: still flagged", p->pid);
		if (lineage_check(p->image) != LINEAGE_OK && !excused(r, p->image))
			return wrong(r, "after a walk: a broken line", p->pid);
	}
	return true;
}

/* A run. */

static void begin(struct run *r, enum mode mode, uint64_t seed)
{
	int init;

	*r = (struct run){ .mode = mode, .ending = K_NONE, .next_pid = 1 };
	r->traced = getenv("TARSIER_TRACE");
	r->random = seed * 0x9e3779b97f4a7c15ULL | 1;
	for (int i = 0; i < 8; i++)
		draw(r, 2);
	k_init(&r->kernel, 1000, emit, r);
	sensor_init(&r->sensor, &r->kernel);
	r->sensor.tap = tap;
	r->sensor.tap_user = r;
	sensor_sources(&r->sensor, mode == LOSSY_MAPS, mode >= LOSSY_MAPS);
	r->silent = mode == SNAPSHOT;
	init = k_boot(&r->kernel, 1);
	k_tell(&r->kernel, init, WALK_SNAPSHOT, false, emit, r);
	r->kernel.now += SNAPSHOT_NS;
}

static void end(struct run *r)
{
	deliver_held(r, true);
	walk_tell(r);
	sensor_free(&r->sensor);
	k_free(&r->kernel);
	free(r->told);
	free(r->parents);
}

static bool holds(struct run *r)
{
	if (r->sensor.wrong)
		return wrong(r, r->sensor.wrong, 0);
	if (r->sensor.malformed)
		return wrong(r, "a message of the encoder is malformed", 0);
	return r->mode < LOSSY ? r->silent || exact(r) : sound(r);
}

/* Losses end, what is late arrives, and there is a walk, while things go on. */
static bool repair(struct run *r)
{
	r->lossy = false;
	deliver_held(r, true);
	walk_take(r);
	for (uint32_t n = draw(r, 6); n; n--)
		act(r);
	walk_tell(r);
	/* a quiet moment, and nobody was asked for in the last 30 s */
	memset(r->sensor.lookup.asked, 0, sizeof(r->sensor.lookup.asked));
	sensor_between(&r->sensor);
	if (!holds(r) || !right(r))
		return false;
	for (uint32_t n = draw(r, 10); n; n--) {
		act(r);
		if (!holds(r))
			return false;
	}
	return true;
}

static void look_around(struct run *r)
{
	r->silent = false;
	for (size_t i = 0; i < r->kernel.n_processes; i++)
		if (r->kernel.processes[i].alive)
			k_tell(&r->kernel, (int)i, WALK_SNAPSHOT, false, emit, r);
	table_link(&r->sensor.table);
	r->kernel.now += SNAPSHOT_NS;
}

static bool play(struct run *r)
{
	for (r->step = 0; r->step < STEPS; r->step++) {
		if (r->silent && r->step == STEPS / 4)
			look_around(r);
		r->lossy = r->mode >= LOSSY;
		act(r);
		deliver_held(r, false);
		if (!draw(r, 20))
			sensor_between(&r->sensor);
		if (!holds(r) || (r->lossy && !draw(r, 25) && !repair(r)))
			return false;
	}
	return true;
}

static bool one_seed(enum mode mode, uint64_t seed)
{
	struct run *r = xcalloc(1, sizeof(*r));
	char why[WHY];
	int step;
	bool ok;

	begin(r, mode, seed);
	ok = play(r);
	step = r->step;
	memcpy(why, r->why, WHY);
	end(r);
	free(r);
	if (!ok)
		fail_msg("TARSIER_SEED=%llu, step %d: %s", (unsigned long long)seed, step, why);
	return ok;
}

static void test_mode(void **state)
{
	enum mode mode = *(const enum mode *)*state;
	const char *seed = getenv("TARSIER_SEED"), *seconds = getenv("TARSIER_PROPERTY_SECONDS");
	uint64_t limit = (seconds ? strtoull(seconds, NULL, 10) : SECONDS) * NS_PER_SEC;
	uint64_t begun = clock_boot_ns(), n = 0;

	if (seed) {
		one_seed(mode, strtoull(seed, NULL, 10));
		return;
	}
	while (++n <= RUNS_MIN || clock_boot_ns() - begun < limit)
		one_seed(mode, n);
	print_message("# %llu lives of %d steps\n", (unsigned long long)n - 1, STEPS);
}

int main(void)
{
	static const enum mode modes[N_MODES] = { FAITHFUL, IN_STEPS,	SNAPSHOT,
						  LOSSY,    LOSSY_MAPS, LOSSY_PROCFS };
	static const char *const names[N_MODES] = {
		"nothing is lost: all is as it is",
		"nothing is lost, and processes end in two steps",
		"nothing is lost after a snapshot",
		"lost, doubled, late: nothing is wrong and not flagged; a walk repairs",
		"the same, with the kernel's maps and /proc to ask",
		"the same, with /proc to ask",
	};
	struct CMUnitTest tests[N_MODES];

	for (int i = 0; i < N_MODES; i++)
		tests[i] = (struct CMUnitTest){ .name = names[i],
						.test_func = test_mode,
						.initial_state = (void *)&modes[i] };
	return cmocka_run_group_tests_name("properties", tests, NULL, NULL);
}

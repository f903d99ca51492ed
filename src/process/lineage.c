/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who stands above whom: fork edges, reparenting, and what can be wrong with a line of ancestors.
 */
#include "base/clock.h"
#include "process/edit.h"

#define LINEAGE_MAX 4096 /* steps of a walk: more than there can be, a cycle ends here */

void unlink_parent(struct process *p)
{
	if (!p->prev_sibling)
		return;
	*p->prev_sibling = p->next_sibling;
	if (p->next_sibling)
		p->next_sibling->prev_sibling = p->prev_sibling;
	p->prev_sibling = NULL;
	p->next_sibling = NULL;
}

/*
 * No process is its own ancestor: a message that says so is wrong, and following it would make a
 * cycle that is never freed. A parent is older than its children, in ticks at least, as /proc has
 * them; so only within a tick is there something to look for.
 */
bool can_be_parent(const struct process *p, const struct image *parent)
{
	uint64_t tick = p->start / TICK_NS;

	for (int steps = 0; steps < LINEAGE_MAX; steps++) {
		if (image_process(parent) == p || parent->start / TICK_NS > tick)
			return false;
		if (parent->start / TICK_NS < tick || !parent->parent)
			return true;
		parent = parent->parent;
	}
	return false;
}

bool set_parent(struct table *t, struct process *p, struct image *image)
{
	struct process *above = image ? image_process(image) : NULL;

	if (image && !can_be_parent(p, image))
		return false;
	unlink_parent(p);
	change_begin(p);
	for (struct image *i = p->image; i; i = i->previous) {
		struct image *old = i->parent;

		PUBLISH(i->parent, image_ref(image));
		image_put(t, old);
	}
	change_end(p);
	if (!above)
		return true;
	p->next_sibling = above->children;
	p->prev_sibling = &above->children;
	if (above->children)
		above->children->prev_sibling = &p->next_sibling;
	above->children = p;
	return true;
}

void set_parent_missing(struct process *p, bool missing)
{
	for (struct image *i = p->image; i; i = i->previous)
		set_flag(i, IMAGE_PARENT_MISSING, missing);
}

/*
 * A parent that we know by its pid only: what shows above a process is never somebody else. Who it
 * is above that is not known, which lineage_check() then says.
 */
struct image *parent_get(struct table *t, uint32_t pid, uint64_t start)
{
	struct process *p = table_lookup(t, pid, start);
	struct image *ended;

	if (p)
		return p->image;
	/*
	 * Between the exit event of a parent and the moment when the kernel gives its children
	 * away, they still name it: it stays as an ancestor, but it does not live again.
	 */
	ended = table_ended(t, pid, start);
	if (ended)
		return ended;
	p = process_new(t, pid, start, FROM_PLACEHOLDER);
	p->start_coarse = start % TICK_NS == 0;
	t->stats.placeholders++;
	set_flag(p->image, IMAGE_ARGV_TRUNCATED, true);
	p->unknown_parent = true;
	set_parent_missing(p, true);
	change_end(p);
	return p->image;
}

static struct image *known_parent(struct table *t, uint32_t pid, uint64_t start)
{
	struct process *p = table_lookup(t, pid, start);

	return p ? p->image : table_ended(t, pid, start);
}

static void set_ppid(struct process *p, uint32_t ppid, uint64_t start)
{
	change_begin(p);
	PUBLISH(p->ppid, ppid);
	p->parent_start = start;
	change_end(p);
	p->unknown_parent = false;
	set_parent_missing(p, false);
}

static bool is_above(struct table *t, const struct process *p, uint32_t ppid, uint64_t start)
{
	const struct image *above = p->image->parent;
	struct process *alive = above ? image_process(above) : NULL;

	if (!above || above->pid != ppid)
		return false;
	return alive ? same_start(t, alive, start) : above->start / TICK_NS == start / TICK_NS;
}

/*
 * The children of one that ended went to one above it, at once here, a moment later in the kernel;
 * and a word can be late. Whoever names the one that ended says nothing new.
 */
static bool has_given_away(const struct process *p, const struct image *ended)
{
	const struct process *above = image_process(p->image->parent);

	if (!above || !image_is(ended, IMAGE_DEAD))
		return false;
	for (int steps = 0; ended && steps < LINEAGE_MAX; steps++, ended = ended->parent)
		if (image_process(ended) == above)
			return true;
	return false;
}

/*
 * The kernel's word on who the parent is now: the edge follows it. A process that has a parent keeps
 * it when the new one is not known, and is marked; one that has none gets a placeholder.
 */
void follow_parent(struct table *t, struct process *p, uint32_t ppid, uint64_t start,
		   enum reparent_path path)
{
	bool had_one = p->image->parent;
	struct image *parent;

	if (p->pid == 1 || !ppid) {
		if (!had_one)
			set_ppid(p, 0, 0);
		return;
	}
	/* The edge names the image that forked, which need not be the parent's newest. */
	if (is_above(t, p, ppid, start)) {
		if (p->ppid != ppid || p->unknown_parent ||
		    image_is(p->image, IMAGE_PARENT_MISSING))
			set_ppid(p, ppid, start);
		return;
	}
	parent = had_one ? known_parent(t, ppid, start) : NULL;
	if (parent && has_given_away(p, parent))
		return;
	/* not even a placeholder for what can't be */
	if (!had_one && start / TICK_NS <= p->start / TICK_NS)
		parent = parent_get(t, ppid, start);
	if (!parent || !set_parent(t, p, parent)) {
		t->stats.reparent_failed[path]++;
		if (!image_is(
			    p->image,
			    IMAGE_PARENT_MISSING)) /* a long line of images is not to be gone through */
			set_parent_missing(p, true);
		return;
	}
	set_ppid(p, ppid, start); /* only now that the link is there */
	if (had_one)
		t->stats.reparented[path]++;
}

/* Its parent has ended, and it is not known who has it now. */
void ask_for_parent(struct table *t, const struct process *p)
{
	if (t->n_orphans == TABLE_ORPHANS_MAX) {
		t->stats.orphans_dropped++;
		return;
	}
	t->orphans[t->n_orphans].pid = p->pid;
	t->orphans[t->n_orphans++].start = p->start;
}

/* The kernel gives the children of one that ends to its reaper. */
void give_children(struct table *t, struct process *p, const struct ev_exit *x)
{
	struct process *reaper =
		x->reaper_pid ? table_lookup(t, x->reaper_pid, x->reaper_start) : NULL;

	while (p->children) {
		struct process *child = p->children;

		if (!reaper || reaper == p || !set_parent(t, child, reaper->image)) {
			unlink_parent(child);
			t->stats.reparent_failed[REPARENT_EXIT]++;
			ask_for_parent(t, child);
			continue;
		}
		set_ppid(child, reaper->pid, reaper->start);
		t->stats.reparented[REPARENT_EXIT]++;
	}
}

enum lineage lineage_check(const struct image *i)
{
	bool init = false;

	for (int steps = 0; i && steps < LINEAGE_MAX; steps++) {
		const struct image *parent = OBSERVE(i->parent);

		if (image_is(i, IMAGE_PARENT_MISSING | IMAGE_EXEC_LOST))
			return LINEAGE_MISSING_PARENT;
		if (i->pid == 1) {
			if (init)
				return LINEAGE_WRONG_PARENT;
			init = true;
		}
		if (!parent)
			/* the kernel's own threads, and what they start, stand under kthreadd */
			return i->pid == 1 || (i->pid == 2 && image_is(i, IMAGE_KTHREAD))
				       ? LINEAGE_OK
				       : LINEAGE_INCOMPLETE;
		i = parent;
	}
	return LINEAGE_INCOMPLETE;
}

static bool in_doubt(const struct table *t, const struct process *p, uint64_t when)
{
	return p->snapshot_at > when || (t->doubt && p->told_at < t->doubt && p->ppid);
}

enum lineage lineage_at(const struct table *t, const struct image *i, uint64_t when)
{
	enum lineage l = lineage_check(i);

	if (l || (!t->doubt && when >= t->snapshot_end))
		return l;
	for (int steps = 0; i && steps < LINEAGE_MAX; steps++, i = i->parent) {
		const struct process *p = image_process(i);

		if (p && in_doubt(t, p, when))
			return LINEAGE_MISSING_PARENT;
	}
	return LINEAGE_OK;
}

void table_doubt(struct table *t, uint64_t when)
{
	if (t->doubt < when)
		t->doubt = when;
}

const char *lineage_name(enum lineage l)
{
	static const char *const names[N_LINEAGES] = { "ok", "missing_parent", "wrong_parent",
						       "incomplete" };

	return (unsigned int)l < N_LINEAGES ? names[l] : "unknown";
}

const char *origin_name(enum process_origin o)
{
	static const char *const names[N_ORIGINS] = { "event", "snapshot", "kernel_map", "procfs",
						      "placeholder" };

	return (unsigned int)o < N_ORIGINS ? names[o] : "unknown";
}

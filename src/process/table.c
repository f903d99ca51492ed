/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is: processes and images, their making and giving up, the maps that find them, and the
 * memory that they take.
 */
#include "process/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "process/edit.h"
#include "process/extras.h"
#include "process/ident.h"

#define CAP_STEPS	  1024 /* ended processes that are given up in a turn */
#define ENTITY_UNUSED_MAX 3    /* ids that nobody has, until one that has ended is not found */
#define ARGV_CUT	  4096 /* bytes of arguments that are left, of all that there are */

void table_init(struct table *t, int64_t boot_offset)
{
	memset(t, 0, sizeof(*t));
	reclaim_init(&t->reclaim);
	pool_init(&t->processes, sizeof(struct process));
	pool_init(&t->images, sizeof(struct image));
	pool_init(&t->infos, sizeof(struct info));
	rcumap_init(&t->pids, &t->reclaim);
	rcumap_init(&t->entities, &t->reclaim);
	intern_init(&t->strings, &t->reclaim);
	t->exited = xcalloc(TABLE_EXITED_MAX, sizeof(*t->exited));
	t->memory_cap = TABLE_MEMORY_DEFAULT;
	t->boot_offset = boot_offset;
	t->seed = hash_seed();
}

struct process *table_find(const struct table *t, uint32_t pid)
{
	struct rcumap_walk w = rcumap_begin(&t->pids, pid);
	struct process *p, *newest = NULL;

	/*
	 * Around the snapshot there can be two with a pid for a moment: the one that the snapshot
	 * saw, and an older one whose last events are still in the ring.
	 */
	while ((p = rcumap_next(&w)))
		if (p->pid == pid && (!newest || p->start > newest->start))
			newest = p;
	return newest;
}

bool same_start(struct table *t, struct process *p, uint64_t start)
{
	if (p->start == start)
		return true;
	if (p->start - p->start % TICK_NS != start - start % TICK_NS)
		return false;
	if (start % TICK_NS == 0) /* it is the one asked for who knows no better */
		return true;
	if (!p->start_coarse)
		return false;
	change_begin(p);
	for (struct image *i = p->image; i; i = i->previous) {
		if (i->ktime == p->start)
			PUBLISH(i->ktime, start);
		PUBLISH(i->start, start);
		forget_rendered(t, i);
	}
	PUBLISH(p->start, start);
	change_end(p);
	p->start_coarse = false;
	return true;
}

struct process *table_lookup(struct table *t, uint32_t pid, uint64_t start)
{
	struct rcumap_walk w = rcumap_begin(&t->pids, pid);
	struct process *p;

	while ((p = rcumap_next(&w)))
		if (p->pid == pid && same_start(t, p, start))
			return p;
	return NULL;
}

struct process *lookup_live(struct table *t, uint32_t pid, uint64_t start)
{
	struct rcumap_walk w = rcumap_begin(&t->pids, pid);
	struct process *p, *found = NULL;

	while ((p = rcumap_next(&w))) {
		if (p->pid != pid)
			continue;
		if (same_start(t, p, start)) {
			found = p;
		} else if (p->start < start) {
			t->stats.reused_pids++;
			retire(t, p, start);
		}
	}
	return found;
}

static bool same_identity(const struct image *i, uint32_t pid, uint64_t start)
{
	return i->pid == pid && i->start - i->start % TICK_NS == start - start % TICK_NS &&
	       (i->start == start || start % TICK_NS == 0 || i->start % TICK_NS == 0);
}

static struct image *entity_image(const struct table *t, uint32_t id)
{
	struct rcumap_walk w = rcumap_begin(&t->entities, id);

	return rcumap_next(&w);
}

/* The one that a process gets whose last try is another's. */
static uint32_t next_entity(uint32_t id, uint32_t pid, uint64_t start, uint32_t tries)
{
	return entity_hash(pid ^ id, start + tries * ENTITY_FLOOR);
}

struct image *table_ended(const struct table *t, uint32_t pid, uint64_t start)
{
	uint64_t hashed = entity_start(start, t->boot_offset);
	uint32_t id = entity_hash(pid, hashed);

	/* what it collided with may be gone, so an id that nobody has does not end it */
	for (uint32_t tries = 1, unused = 0; unused < ENTITY_UNUSED_MAX; tries++) {
		struct image *i = entity_image(t, id);

		if (i && image_is(i, IMAGE_DEAD) && same_identity(i, pid, start))
			return i;
		unused += !i;
		id = next_entity(id, pid, hashed, tries);
	}
	return NULL;
}

/* Unique among those held: a newcomer that collides is hashed again, in a way that repeats. */
static uint32_t new_entity(struct table *t, uint32_t pid, uint64_t start_boot)
{
	uint64_t start = entity_start(start_boot, t->boot_offset);
	uint32_t id = entity_hash(pid, start);

	for (uint32_t tries = 1; entity_image(t, id); tries++) {
		t->stats.entity_collisions++;
		id = next_entity(id, pid, start, tries);
	}
	return id;
}

struct args *args_new(struct table *t, const void *bytes, size_t len)
{
	struct args *a = xmalloc(sizeof(*a) + len);

	a->refs = 1;
	a->len = (uint32_t)len;
	memcpy(a->bytes, bytes, len);
	t->args_bytes += sizeof(*a) + len;
	return a;
}

void args_put(struct table *t, struct args *a)
{
	if (!a || --a->refs)
		return;
	t->args_bytes -= sizeof(*a) + a->len;
	reclaim_add(&t->reclaim, a, NULL, sizeof(*a) + a->len);
}

void image_keep(struct table *t, struct args **place, const char *bytes, size_t len)
{
	args_put(t, *place);
	*place = args_new(t, bytes, len);
}

void set_istr(struct table *t, struct istr **at, str_t s)
{
	struct istr *old = *at;

	if (old ? old->len == s.len && !memcmp(old->s, s.bytes, s.len) : !s.len)
		return;
	PUBLISH(*at, s.len ? intern_get(&t->strings, s.bytes, s.len) : NULL);
	intern_put(&t->strings, old);
}

void set_flag(struct image *i, uint32_t flag, bool on)
{
	__atomic_store_n(&i->flags, on ? i->flags | flag : i->flags & ~flag, __ATOMIC_RELEASE);
}

void forget_rendered(struct table *t, struct image *i)
{
	if (!i->info)
		return;
	args_put(t, i->info->rendered);
	i->info->rendered = NULL;
}

struct info *info_new(struct table *t)
{
	return pool_get(&t->infos);
}

void info_put(struct table *t, struct info *i)
{
	if (!i)
		return;
	intern_put(&t->strings, i->cwd);
	intern_put(&t->strings, i->cgroup);
	intern_put(&t->strings, i->tty);
	intern_put(&t->strings, i->called);
	intern_put(&t->strings, i->ns);
	args_put(t, i->argv);
	args_put(t, i->env);
	args_put(t, i->rendered);
	args_put(t, i->rendered_self);
	reclaim_add(&t->reclaim, i, &t->infos, 0);
}

void make_stub(struct table *t, struct image *i)
{
	struct info *info = i->info;

	if (!info)
		return;
	PUBLISH(i->info, NULL);
	info_put(t, info);
	t->stats.compacted++;
	t->stats.stubs++;
}

struct image *image_new(struct table *t, struct process *p)
{
	struct image *i = pool_get(&t->images);

	i->life = (uintptr_t)p;
	i->pid = p->pid;
	i->start = p->start;
	i->entity_id = p->entity_id;
	i->refs = 1;
	p->n_images++;
	t->stats.images++;
	return i;
}

struct image *image_ref(struct image *i)
{
	if (i)
		i->refs++;
	return i;
}

/* Its entity id now leads to the image before it, if that is still of use to somebody. */
static void leave_entities(struct table *t, struct image *i)
{
	struct image *before = i->previous;

	if (!image_is(i, IMAGE_HEAD))
		return;
	while (before && before->refs == 1) /* goes as well */
		before = before->previous;
	if (before) {
		set_flag(before, IMAGE_HEAD, true);
		rcumap_replace(&t->entities, i->entity_id, i, before);
	} else {
		rcumap_remove(&t->entities, i->entity_id, i);
		t->stats.processes--;
	}
}

static void image_free(struct table *t, struct image *i)
{
	struct process *p = image_process(i);

	leave_entities(t, i);
	if (p)
		p->n_images--;
	if (!i->info)
		t->stats.stubs--;
	info_put(t, i->info);
	intern_put(&t->strings, i->exe);
	intern_put(&t->strings, i->comm);
	t->stats.images--;
	reclaim_add(&t->reclaim, i, &t->images, 0);
}

/*
 * Frees what nobody refers to any more: an image and those of its process below it, which all had the
 * same parent, then that one. In a loop: how long a line of dead ancestors gets is up to whoever
 * forks.
 */
void image_put(struct table *t, struct image *i)
{
	while (i) {
		struct image *parent = NULL;
		uint32_t n = 0;

		while (i && !--i->refs) {
			struct image *previous = i->previous;

			parent = i->parent;
			n++;
			image_free(t, i);
			i = previous;
		}
		if (!parent)
			return;
		parent->refs -= n - 1;
		i = parent;
	}
}

struct process *process_new(struct table *t, uint32_t pid, uint64_t start, uint8_t origin)
{
	struct process *p = pool_get(&t->processes);

	p->pid = p->ns_pid = pid;
	p->start = start;
	p->origin = origin;
	p->entity_id = new_entity(t, pid, start);
	p->image = image_new(t, p);
	p->image->ktime = start;
	p->image->flags = IMAGE_HEAD;
	p->image->info = info_new(t);
	change_begin(p);
	t->n_processes++;
	t->stats.processes++;
	t->stats.added[origin]++;
	rcumap_add(&t->entities, p->entity_id, p->image);
	rcumap_add(&t->pids, pid, p);
	return p;
}

static void forget_oldest(struct table *t)
{
	struct image *i = t->exited[t->exited_first].image;

	t->exited_first = (t->exited_first + 1) % TABLE_EXITED_MAX;
	t->n_exited--;
	image_put(t, i);
}

/* Its reference goes to the list of those that have ended. */
static void remember(struct table *t, struct image *i)
{
	if (t->n_exited == TABLE_EXITED_MAX) {
		t->stats.evicted++;
		forget_oldest(t);
	}
	t->exited[(t->exited_first + t->n_exited++) % TABLE_EXITED_MAX] =
		(struct exited){ i, t->now };
}

void retire(struct table *t, struct process *p, uint64_t when)
{
	struct image *newest = p->image;

	unlink_parent(p);
	while (p->children) {
		struct process *child = p->children;

		/* its exit, which says who has them now, was not seen */
		unlink_parent(child);
		set_parent_missing(child, true);
		ask_for_parent(t, child);
	}
	rcumap_remove(&t->pids, p->pid, p);
	t->n_processes--;
	change_begin(p);
	for (struct image *i = newest; i; i = i->previous) {
		set_flag(i, IMAGE_DEAD, true);
		PUBLISH(i->life, when << 1 | 1);
		make_stub(t, i);
	}
	change_end(p);
	intern_put(&t->strings, p->creds);
	extras_free(p->extras);
	reclaim_add(&t->reclaim, p, &t->processes, 0);
	remember(t, newest);
}

void table_set_creds(struct table *t, struct process *p, const struct creds *c)
{
	change_begin(p);
	set_istr(t, &p->creds, (str_t){ (const char *)c, sizeof(*c) });
	change_end(p);
}

size_t table_bytes(const struct table *t)
{
	return t->processes.bytes + t->images.bytes + t->infos.bytes + rcumap_bytes(&t->pids) +
	       rcumap_bytes(&t->entities) + t->strings.bytes +
	       t->strings.n_buckets * sizeof(*t->strings.buckets) + t->args_bytes +
	       TABLE_EXITED_MAX * sizeof(*t->exited) + t->reclaim.waiting_bytes;
}

/* What is in use: pools keep for themselves what they once had. */
static size_t bytes_in_use(const struct table *t)
{
	return table_bytes(t) - t->processes.bytes - t->images.bytes - t->infos.bytes +
	       t->processes.in_use * sizeof(struct process) +
	       t->images.in_use * sizeof(struct image) + t->infos.in_use * sizeof(struct info) -
	       t->reclaim.waiting_bytes;
}

static void drop_env_cache(struct table *t)
{
	for (size_t i = 0; i < ENV_CACHE; i++) {
		args_put(t, t->env_cache[i].env);
		t->env_cache[i].env = NULL;
		t->env_cache[i].hash = 0;
	}
}

/* The arguments of live processes are cut to what old images keep, until there is room again. */
static void cut_arguments(struct table *t)
{
	struct process *p;

	rcumap_for_each(&t->pids, i, p)
	{
		if (bytes_in_use(t) <= t->memory_cap)
			return;
		image_cut_argv(t, p->image, ARGV_CUT);
	}
}

/* Over the cap: those that have ended go before their time; live processes never do. */
static void keep_to_cap(struct table *t)
{
	size_t steps = 0;

	if (bytes_in_use(t) <= t->memory_cap)
		return;
	while (t->n_exited && steps++ < CAP_STEPS && bytes_in_use(t) > t->memory_cap) {
		t->stats.evicted++;
		forget_oldest(t);
	}
	if (t->n_exited)
		return;
	drop_env_cache(t);
	cut_arguments(t);
	t->stats.over_cap++;
}

void image_cut_argv(struct table *t, struct image *i, size_t max)
{
	struct info *info = i->info;
	struct args *argv = info ? info->argv : NULL, *cut = NULL;

	if (!argv || argv->len <= max)
		return;
	if (max) {
		cut = args_new(t, argv->bytes, max);
		cut->bytes[max - 1] = '\0';
	}
	set_flag(i, IMAGE_ARGV_TRUNCATED, true);
	PUBLISH(info->argv, cut);
	args_put(t, argv);
	args_put(t, info->rendered_self);
	info->rendered_self = NULL;
}

void table_tend(struct table *t, uint64_t now)
{
	while (t->n_exited &&
	       t->exited[t->exited_first].at + TABLE_EXITED_SECONDS * NS_PER_SEC < now)
		forget_oldest(t);
	keep_to_cap(t);
	table_reclaim(t);
}

void table_reclaim(struct table *t)
{
	reclaim_poll(&t->reclaim, true);
}

void table_free(struct table *t)
{
	struct process *p;

	for (size_t i = 0; i <= t->pids.slots->mask; i++) {
		p = t->pids.slots->slot[i].value;
		if (p && (void *)p != RCUMAP_GONE)
			retire(t, p, t->now);
	}
	while (t->n_exited)
		forget_oldest(t);
	drop_env_cache(t);
	reclaim_end(&t->reclaim);
	rcumap_end(&t->pids);
	rcumap_end(&t->entities);
	intern_free(&t->strings);
	free(t->exited);
	pool_end(&t->processes);
	pool_end(&t->images);
	pool_end(&t->infos);
	memset(t, 0, sizeof(*t));
}

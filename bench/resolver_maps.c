/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What finding a process could cost at the least: our map, liburcu's and a plain one, with the same
 * keys and nothing around them, on one thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/urcu-bp.h>
#include <urcu/rculfhash.h>

#include "process/ident.h"
#include "resolver.h"
#include "resolver_plain.h"

#define LOOK_UPS 16384 /* of a round, at least */

struct item {
	struct cds_lfht_node node;
	uint32_t key;
	struct plain_process *process;
};

enum op {
	ADD,
	REMOVE,
	LOOK_UP,
	N_OPS,
};

struct keys {
	struct item *items; /* n of them are in the map, from first on in a ring */
	size_t n, n_ring, first;
	uint32_t *order; /* in which they are looked up: n_order */
	size_t n_order;
	uint64_t made, random;
};

struct maps {
	struct reclaim reclaim;
	struct rcumap rcumap;
	struct plain plain;
	struct cds_lfht *lfht;
};

enum kind {
	PLAIN,
	PLAIN_MALLOC,
	RCUMAP,
	LFHT,
	N_MAPS,
};

static int same_key(struct cds_lfht_node *node, const void *key)
{
	return caa_container_of(node, struct item, node)->key == *(const uint32_t *)key;
}

static void add(struct maps *m, enum kind kind, struct item *i)
{
	switch (kind) {
	case PLAIN:
		plain_add(&m->plain, i->key, i->process);
		break;
	case PLAIN_MALLOC:
		i->process = xmalloc(sizeof(*i->process));
		i->process->pid = i->key;
		plain_add(&m->plain, i->key, i->process);
		break;
	case RCUMAP:
		rcumap_add(&m->rcumap, i->key, i);
		break;
	default:
		cds_lfht_node_init(&i->node);
		read_begin();
		cds_lfht_add(m->lfht, rcumap_hash(i->key), &i->node);
		read_end();
	}
}

static void drop(struct maps *m, enum kind kind, struct item *i)
{
	switch (kind) {
	case PLAIN:
		plain_remove(&m->plain, i->key);
		break;
	case PLAIN_MALLOC:
		plain_remove(&m->plain, i->key);
		free(i->process);
		i->process = NULL;
		break;
	case RCUMAP:
		rcumap_remove(&m->rcumap, i->key, i);
		break;
	default:
		read_begin();
		if (cds_lfht_del(m->lfht, &i->node) != 0)
			abort();
		read_end();
	}
}

static bool has(struct maps *m, enum kind kind, uint32_t key)
{
	struct cds_lfht_iter at;
	struct rcumap_walk w;
	struct item *i;
	bool found;

	if (kind <= PLAIN_MALLOC) {
		struct plain_process *p = plain_get(&m->plain, key);

		return p && p->pid == key;
	}
	read_begin();
	if (kind == RCUMAP) {
		w = rcumap_begin(&m->rcumap, key);
		while ((i = rcumap_next(&w)) && i->key != key)
			;
		found = i;
	} else {
		cds_lfht_lookup(m->lfht, rcumap_hash(key), same_key, &key, &at);
		found = cds_lfht_iter_get_node(&at);
	}
	read_end();
	return found;
}

static struct item *item_at(const struct keys *k, size_t at)
{
	return &k->items[(k->first + at) % k->n_ring];
}

static void set_key(struct keys *k, struct item *i, bool hashed)
{
	uint32_t pid = (uint32_t)(++k->made % 4194303) + 1;

	i->key = hashed ? entity_hash(pid, k->made * 1000000000U) : pid;
	if (i->process)
		i->process->pid = i->key;
}

static void lap_add(struct series *s, struct lap lap, size_t n)
{
	uint64_t ns = lap_end(lap);

	if (ns)
		series_add(s, (double)ns / (double)n);
}

static bool enough(const struct series s[N_OPS], unsigned int rounds)
{
	return s[ADD].n >= rounds && s[REMOVE].n >= rounds && s[LOOK_UP].n >= rounds;
}

/* As many new ones come as old ones go. */
static void round_of(struct maps *m, enum kind kind, struct keys *k, bool hashed,
		     struct series s[N_OPS])
{
	size_t missing = 0;
	struct lap lap;

	for (size_t i = 0; i < BATCH; i++) {
		struct item *item = item_at(k, k->n + i);

		set_key(k, item, hashed);
	}
	lap = lap_begin();
	for (size_t i = 0; i < BATCH; i++)
		add(m, kind, item_at(k, k->n + i));
	lap_add(&s[ADD], lap, BATCH);
	lap = lap_begin();
	for (size_t i = 0; i < BATCH; i++)
		drop(m, kind, item_at(k, i));
	lap_add(&s[REMOVE], lap, BATCH);
	k->first = (k->first + BATCH) % k->n_ring;
	/* the order of look-ups is read one after the other, as a caller has its keys */
	for (size_t i = 0; i < k->n_order; i++)
		k->order[i] = item_at(k, random_of(&k->random) % k->n)->key;
	lap = lap_begin();
	for (size_t i = 0; i < k->n_order; i++)
		missing += !has(m, kind, k->order[i]);
	lap_add(&s[LOOK_UP], lap, k->n_order);
	if (missing)
		abort();
}

static struct maps *maps_new(void)
{
	struct maps *m = xcalloc(1, sizeof(*m));

	reclaim_init(&m->reclaim);
	rcumap_init(&m->rcumap, &m->reclaim);
	plain_init(&m->plain);
	m->lfht = cds_lfht_new_flavor(1024, 1024, 0, CDS_LFHT_AUTO_RESIZE, &urcu_bp_flavor, NULL);
	if (!m->lfht)
		abort();
	return m;
}

static void maps_free(struct maps *m)
{
	cds_lfht_destroy(m->lfht, NULL);
	rcumap_end(&m->rcumap);
	reclaim_end(&m->reclaim);
	free(m->plain.slots);
	free(m);
}

static void keys_init(struct keys *k, size_t n, enum kind kind)
{
	*k = (struct keys){ .n = n, .n_ring = n + BATCH, .n_order = n < LOOK_UPS ? LOOK_UPS : n };
	k->items = xcalloc(k->n_ring, sizeof(*k->items));
	k->order = xcalloc(k->n_order, sizeof(*k->order));
	for (size_t i = 0; i < k->n_ring && kind == PLAIN; i++)
		k->items[i].process = xcalloc(1, sizeof(struct plain_process));
}

static void bench_map(enum kind kind, size_t n, bool hashed, const struct options *o)
{
	static const char *const names[N_MAPS] = { "plain", "plain_malloc", "rcumap", "cds_lfht" };
	static const char *const labels[N_MAPS] = { "plain table", "the same, malloc and free",
						    "rcumap (ours)", "cds_lfht (liburcu)" };
	static const char *const ops[N_OPS] = { "add", "remove", "look up" };
	struct series *s = xcalloc(N_OPS, sizeof(*s));
	struct maps *m = maps_new();
	struct keys k;
	char key[96];

	keys_init(&k, n, kind);
	for (size_t i = 0; i < n; i++) {
		set_key(&k, item_at(&k, i), hashed);
		add(m, kind, item_at(&k, i));
	}
	for (unsigned int i = 0;
	     i <= o->tries * o->rounds && !(i > o->rounds && enough(s, o->rounds)); i++) {
		if (i == 1) /* the first warms up */
			memset(s, 0, N_OPS * sizeof(*s));
		round_of(m, kind, &k, hashed, s);
		urcu_bp_synchronize_rcu(); /* the items of one round are used again in the next */
	}
	for (size_t i = 0; i < n; i++)
		drop(m, kind, item_at(&k, i));
	snprintf(key, sizeof(key), "maps.%zu.%s.%s", n, hashed ? "ids" : "pids", names[kind]);
	figures(key, labels[kind], ops, "ns", s, N_OPS, 0);
	for (size_t i = 0; i < k.n_ring && kind == PLAIN; i++)
		free(k.items[i].process);
	free(k.items);
	free(k.order);
	maps_free(m);
	free(s);
}

void bench_maps(const struct options *o)
{
	static const size_t sizes[] = { 1000, 100000 };
	struct series *s = xcalloc(1, sizeof(*s));

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (o->live && o->live != sizes[i])
			continue;
		for (int hashed = 0; hashed < 2; hashed++) {
			heading("The maps alone, %zu keys: %s", sizes[i],
				hashed ? "entity ids" : "pids, which count up");
			for (enum kind kind = 0; kind < N_MAPS; kind++)
				bench_map(kind, sizes[i], hashed, o);
		}
	}
	for (unsigned int i = 0; i < o->tries * o->rounds && s->n < o->rounds; i++) {
		struct lap lap = lap_begin();

		for (int k = 0; k < LOOK_UPS; k++) {
			read_begin();
			read_end();
		}
		lap_add(s, lap, LOOK_UPS);
	}
	heading("In a look-up of rcumap and of cds_lfht");
	figure("maps.section", "an empty read section", "ns", s, 0);
	free(s);
}

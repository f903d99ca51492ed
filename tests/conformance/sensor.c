/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor.h"

#include <string.h>

#include "../unit/check_table.h"
#include "base/clock.h"

static int ask_map(void *user, uint32_t pid, uint64_t start)
{
	struct sensor *s = user;

	return k_look_up(s->kernel, WALK_KERNEL_MAP, pid, start, sensor_message, s);
}

static int ask_procfs(void *user, uint32_t pid, uint64_t start)
{
	struct sensor *s = user;

	if (s->n_asked < SENSOR_ASKED)
		s->asked[s->n_asked] = pid;
	s->n_asked++;
	return k_look_up(s->kernel, WALK_PROCFS, pid, start, sensor_message, s);
}

void sensor_init(struct sensor *s, struct kernel *k)
{
	const struct lookup_ops none = { 0 };

	memset(s, 0, sizeof(*s));
	s->kernel = k;
	table_init(&s->table, 1700000000000000000);
	lookup_init(&s->lookup, &s->table, &none, s);
	s->lookup.ready = true;
}

void sensor_free(struct sensor *s)
{
	table_free(&s->table);
	assembler_free(&s->chunks);
}

void sensor_sources(struct sensor *s, bool maps, bool procfs)
{
	s->lookup.ops.kernel_map = maps ? ask_map : NULL;
	s->lookup.ops.procfs = procfs ? ask_procfs : NULL;
}

const char *sensor_check(const struct sensor *s)
{
	return check_table(&s->table);
}

static void show(struct sensor *s, const struct tsr_event *ev)
{
	size_t n;

	s->n_shown++;
	s->last_args[0] = '\0';
	if (ev->image)
		s->table.stats.lineage[s->lineage = lineage_check(ev->image)]++;
	if (ev->def->id != TSR_EVENT_SCHED_PROCESS_EXEC)
		return;
	n = ev->exec.args.len < sizeof(s->last_args) ? ev->exec.args.len : sizeof(s->last_args) - 1;
	memcpy(s->last_args, ev->exec.args.bytes ? ev->exec.args.bytes : "", n);
	s->last_args[n] = '\0';
}

int sensor_message(void *user, const void *msg, size_t len)
{
	struct sensor *s = user;
	bool asked = s->lookup.depth;
	struct tsr_event ev;
	enum wire_error e = wire_decode(msg, len, asked ? NULL : &s->chunks, &ev);

	if (e == WIRE_OK)
		lookup_before(&s->lookup, &ev);
	if (e == WIRE_WALKED) {
		table_walked(&s->table, &ev);
	} else if (e == WIRE_OK) {
		if (s->now < ev.ktime)
			s->now = ev.ktime;
		if (s->tap)
			s->tap(s->tap_user, &ev);
		s->shown = table_apply(&s->table, &ev);
		if (s->shown)
			show(s, &ev);
		table_done(&s->table, &ev);
		if (!asked)
			assembler_done(&s->chunks);
	} else if (e != WIRE_PART) {
		s->malformed++;
	}
	if (!s->unchecked && !s->wrong)
		s->wrong = sensor_check(s);
	return 0;
}

void sensor_between(struct sensor *s)
{
	lookup_tend(&s->lookup, 2 * NS_PER_MS);
	table_tend(&s->table, s->now);
}

void sensor_later(struct sensor *s, unsigned int seconds)
{
	for (size_t i = 0; i < LOOKUP_LIMITER; i++)
		if (s->lookup.asked[i].at)
			s->lookup.asked[i].at -= seconds * NS_PER_SEC;
	s->now += seconds * NS_PER_SEC;
	s->kernel->now += seconds * NS_PER_SEC;
	table_tend(&s->table, s->now);
}

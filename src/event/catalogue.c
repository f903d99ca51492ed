/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of <tarsier/catalogue.h> over the generated tables. Everything here reads constant
 * data only: any thread, no allocation, no failure but NULL or -1.
 *
 * Look-ups by name are linear: they serve options, rules that are being loaded and documentation.
 * What handles events uses ids and field indexes.
 */
#include <string.h>

#include <tarsier/catalogue.h>

#include "catalogue_tables.h"

static const char *const type_names[] = {
	[TSR_TYPE_BOOL] = "bool",	 [TSR_TYPE_INT32] = "int32",   [TSR_TYPE_INT64] = "int64",
	[TSR_TYPE_UINT8] = "uint8",	 [TSR_TYPE_UINT16] = "uint16", [TSR_TYPE_UINT32] = "uint32",
	[TSR_TYPE_UINT64] = "uint64",	 [TSR_TYPE_TIME] = "time",     [TSR_TYPE_STRING] = "string",
	[TSR_TYPE_STRINGS] = "[]string",
};

size_t tsr_catalogue_size(void)
{
	return TSR_EVENT_COUNT;
}

const struct tsr_event_def *tsr_catalogue_get(enum tsr_event_id id)
{
	/* The id may come from a message or an embedding program: any integer. */
	if ((size_t)id >= TSR_EVENT_COUNT)
		return NULL;
	return &tsr_catalogue_events[id];
}

const struct tsr_event_def *tsr_catalogue_find(const char *name)
{
	if (!name)
		return NULL;
	for (size_t i = 0; i < TSR_EVENT_COUNT; i++) {
		if (strcmp(tsr_catalogue_events[i].name, name) == 0)
			return &tsr_catalogue_events[i];
	}
	return NULL;
}

int tsr_event_def_field(const struct tsr_event_def *def, const char *name)
{
	if (!def || !name)
		return -1;
	for (size_t i = 0; i < def->n_fields; i++) {
		if (strcmp(def->fields[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

const char *tsr_type_name(enum tsr_type type)
{
	if ((size_t)type >= sizeof(type_names) / sizeof(type_names[0]))
		return NULL;
	return type_names[type];
}

const char *tsr_catalogue_schema(void)
{
	return tsr_catalogue_schema_text;
}

/* Case, and '-' for '_', do not make a name wrong to a person who looks for the right one. */
static unsigned char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned char)(c - 'A' + 'a');
	return c == '-' ? '_' : (unsigned char)c;
}

/* A mistyped name longer than this is near to none of ours. */
#define TYPED_MAX ((size_t)2 * TSR_CATALOGUE_NAME_MAX)

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * The Damerau-Levenshtein distance (optimal string alignment): insertions, deletions,
 * replacements, and swaps of two neighbours. Three rows are enough, as a swap looks two back.
 */
static size_t distance(const char *typed, size_t typed_len, const char *name)
{
	size_t rows[3][TSR_CATALOGUE_NAME_MAX + 1];
	size_t name_len = strlen(name);

	for (size_t j = 0; j <= name_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= typed_len; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i - 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= name_len; j++) {
			unsigned char t = fold(typed[i - 1]), n = fold(name[j - 1]);
			size_t d = min(min(above[j], row[j - 1]) + 1, above[j - 1] + (t != n));

			if (i > 1 && j > 1 && t == fold(name[j - 2]) && fold(typed[i - 2]) == n)
				d = min(d, rows[(i - 2) % 3][j - 2] + 1);
			row[j] = d;
		}
	}
	return rows[typed_len % 3][name_len];
}

static bool contains(const char *name, const char *part, size_t part_len)
{
	for (; strlen(name) >= part_len; name++) {
		size_t i = 0;

		while (i < part_len && fold(name[i]) == fold(part[i]))
			i++;
		if (i == part_len)
			return true;
	}
	return false;
}

const char *tsr_catalogue_nearest(const char *name)
{
	const char *best = NULL;
	size_t len, best_distance;

	if (!name)
		return NULL;
	len = strlen(name);
	if (len == 0 || len > TYPED_MAX)
		return NULL;

	/* A third of the characters may be wrong; of very short names one. */
	best_distance = (len < 3 ? 1 : len / 3) + 1;
	for (size_t i = 0; i < TSR_EVENT_COUNT; i++) {
		const struct tsr_event_def *def = &tsr_catalogue_events[i];
		const char *const candidates[] = { def->name, def->group };

		for (size_t c = 0; c < 2; c++) {
			size_t d = distance(name, len, candidates[c]);

			if (d < best_distance) {
				best_distance = d;
				best = candidates[c];
			}
		}
	}
	if (best || len < 3)
		return best;

	/* "exec" is far from "sched_process_exec" in letters, and yet what was meant. */
	for (size_t i = 0; i < TSR_EVENT_COUNT; i++) {
		if (contains(tsr_catalogue_events[i].name, name, len))
			return tsr_catalogue_events[i].name;
	}
	return NULL;
}

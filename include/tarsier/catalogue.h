/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event catalogue: every event Tarsier knows, with its fields.
 *
 * The tables are generated at build time from one description (src/event/events.toml) and are
 * constant: any thread may read them at any time, nothing here allocates or fails except by
 * returning NULL.
 */
#ifndef TARSIER_CATALOGUE_H
#define TARSIER_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tarsier/event_ids.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* The type of a field's value; the names are those of the catalogue's documentation. */
enum tsr_type {
	TSR_TYPE_BOOL,
	TSR_TYPE_INT32,
	TSR_TYPE_INT64,
	TSR_TYPE_UINT8,
	TSR_TYPE_UINT16,
	TSR_TYPE_UINT32,
	TSR_TYPE_UINT64,
	TSR_TYPE_TIME,	  /* nanoseconds of the boot clock; RFC 3339 in the output */
	TSR_TYPE_STRING,  /* bytes, not necessarily UTF-8, no NUL inside */
	TSR_TYPE_STRINGS, /* a list of strings */
};

/* A field of an event. */
struct tsr_field_def {
	const char *name; /* the contract for rules and output */
	enum tsr_type type;
	bool optional;	 /* may be absent from a record: the doc says when */
	const char *doc; /* one or two sentences, plain text */
};

/* One way to obtain an event in the kernel, the preferred one first. */
struct tsr_hook_def {
	const char *program; /* the eBPF program's name */
	const char *kind;    /* "tp_btf", "raw_tp", "fexit", "kprobe" ... */
	const char *target;  /* the kernel's name of the hook */
	const char *limits;  /* what the user loses with this one, "" if nothing */
};

/* An event. */
struct tsr_event_def {
	enum tsr_event_id id;
	const char *name;
	const char *group; /* "process", "agent", ... */
	const char *doc;
	bool is_default; /* part of what is collected when nothing is asked for */
	const struct tsr_field_def *fields;
	size_t n_fields;
	const struct tsr_hook_def *
		hooks; /* alternatives, in order of preference; none for events made by the agent */
	size_t n_hooks;
};

/* The number of events; ids run from 0 to this, exclusive. */
size_t tsr_catalogue_size(void);

/* The event with this id, or NULL. */
const struct tsr_event_def *tsr_catalogue_get(enum tsr_event_id id);

/* The event with this exact name, or NULL. */
const struct tsr_event_def *tsr_catalogue_find(const char *name);

/* The event or group whose name is nearest to a mistyped one, or NULL if none is near. */
const char *tsr_catalogue_nearest(const char *name);

/* The index of a field in def->fields, or -1. */
int tsr_event_def_field(const struct tsr_event_def *def, const char *name);

/* The name of a type as the documentation writes it ("uint32", "[]string", ...). */
const char *tsr_type_name(enum tsr_type type);

/* The JSON Schema (draft 2020-12) of a record of the JSON output. */
const char *tsr_catalogue_schema(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif

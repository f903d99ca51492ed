/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats: an event becomes a record in a buffer. A new format is a new file and a line in
 * format.c. The pipeline thread formats.
 */
#ifndef TSR_OUTPUT_FORMAT_H
#define TSR_OUTPUT_FORMAT_H

#include "base/buf.h"
#include "base/env.h"
#include "event/event.h"
#include "process/scrub.h"
#include "process/users.h"

struct format_options {
	const char *host;
	const struct users *users;
	unsigned int ancestors;		 /* at most this many; UINT32_MAX: up to pid 1 */
	const struct scrubber *scrubber; /* NULL: secrets show */
	bool env_values;
	const struct env_keys *env_keep; /* else these have theirs; NULL: none */
	bool colour;
	unsigned int width; /* columns of the terminal, 0: not one */
};

struct format {
	const char *name;
	/* Appends what comes before the first record. May be NULL. */
	void (*begin)(struct buf *out, const struct format_options *o);
	/* Appends the record; nothing if this format does not show such an event. */
	void (*record)(struct buf *out, const struct tsr_event *ev, const struct format_options *o);
};

/* The format with this name, or NULL. */
const struct format *format_find(const char *name);

/* "table, json, ..." for messages. */
const char *format_names(void);

extern const struct format format_json, format_json_pretty, format_table;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table as JSON, image by image: for people who look for what is wrong in it, and for
 * programs that take it over. The man page tarsier-stores(1) describes the members.
 */
#ifndef TSR_OUTPUT_DUMP_H
#define TSR_OUTPUT_DUMP_H

#include "base/buf.h"
#include "output/held.h"
#include "output/names.h"
#include "process/lookup.h"
#include "process/scrub.h"

/* Of one process, what /proc says now and the table does not have. */
struct dump_facts {
	str_t env; /* names */
	bool env_truncated;
	str_t stdin_tty; /* the terminal that is its standard input */
};

struct dump_options {
	const char *host;
	struct user_names names;
	const struct scrubber *scrub;	/* NULL: secrets are shown */
	const struct lookup *lookup;	/* whose metrics are shown; NULL: there is none */
	bool raw;			/* all that is known */
	const struct dump_facts *facts; /* of the only entry that is written; NULL: none */
};

/* Appends {"entries":[...]}, in the order of held.h; the pipeline thread. */
void dump_write(struct buf *out, const struct table *t, const struct dump_options *o);

/* Appends an entry without its braces: its first member has no comma before it. */
void dump_entry(struct buf *b, const struct table *t, const struct held_image *h,
		const struct dump_options *o);

/* ,"name":VALUE */
void dump_string(struct buf *b, const char *name, str_t s); /* null if it is empty */
void dump_number(struct buf *b, const char *name, uint64_t v);
void dump_bool(struct buf *b, const char *name, bool v);
void dump_time(struct buf *b, const char *name, const struct table *t, uint64_t boot_ns);

/* ,"entity_id":N,"exec_id":"..." */
void dump_ids(struct buf *b, const struct image *i, const char *host);

/* When an image was over: its process ended, or an exec replaced it (boot clock). 0: it runs. */
uint64_t image_end(const struct held_image *h);

/* Of enum image_flag, from bit 0 on; NULL behind the last. */
const char *image_flag_name(unsigned int bit);

/* In the order of ev_exec.ns. */
#define N_NAMESPACES 10
extern const char *const namespace_names[N_NAMESPACES];

#endif

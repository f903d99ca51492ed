/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table for who only wants to look: filled from /proc, or from a recording up to a time. What
 * `tree` and `stores` show. One thread.
 */
#ifndef TSR_AGENT_FILL_H
#define TSR_AGENT_FILL_H

#include <tarsier/agent.h>

#include "output/names.h"
#include "process/table.h"
#include "source/source.h"
#include "wire/assemble.h"

struct fill {
	struct table table;
	struct users users;
	struct ns_users ns_users;
	struct source_info *info; /* of the recording, or of this machine */
	bool ready;		  /* there is something to show */

	struct assembler chunks;
	struct source *recording; /* NULL: this machine */
	struct source_info local;
	uint64_t until; /* boot clock; events after it are not applied */
	bool over;
};

/*
 * Fills it from show->file, or from /proc. An error of the recording's own can come with ready set:
 * what was before the damage is to be shown all the same, and the error then returned. Always to be
 * followed by fill_end().
 */
enum tsr_status fill_begin(struct fill *f, const struct tsr_show *show, struct tsr_error *err);
void fill_end(struct fill *f);

/* Whose names count; as long as the fill. */
struct user_names fill_names(const struct fill *f);

/* Writes out what was made. A reader that has gone is no failure. status: what came before. */
enum tsr_status fill_write(const struct buf *text, FILE *out, enum tsr_status status,
			   struct tsr_error *err);

/*
 * Which of n names a format has, in *which; NULL is the first. TSR_ERR_USAGE names what ("tree") and
 * all that there are ("text, json").
 */
enum tsr_status fill_format(const char *format, const char *const *names, size_t n,
			    const char *what, size_t *which, struct tsr_error *err);

#endif

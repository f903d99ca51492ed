/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts and views of arguments and environments: lists of strings, each ended by NUL; the last one of
 * a list that was cut may lack it. Nothing here changes a list; what is returned points into it.
 */
#ifndef TSR_PROCESS_ARGS_H
#define TSR_PROCESS_ARGS_H

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"

#define ARGS_CUT_MARK "..."

/* The first string, without its NUL; empty if there is none. */
str_t args_argv0(str_t argv);

/* The list behind the first string. */
str_t args_rest(str_t argv);

/* Appends the environment's names, as a list. A string without '=' is one as a whole. */
void env_names(str_t envs, struct buf *out);

/* The value of a variable, without its NUL: the first one's, as getenv(3) has it. False: none. */
bool env_get(str_t envs, const char *name, str_t *value);

/*
 * Appends a list that was cut so that it shows: its last string, whole or not, ends in "...". Of an
 * empty list that is the only one.
 */
void args_show_cut(str_t list, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masks the secrets in arguments and environments for the eyes of others.
 *
 * Only ever a view: what the state holds is as it was. A key is a word after a blank or one or two
 * dashes that contains one of the known words, whatever their case; what follows it after a blank,
 * '=' or ':' becomes "********".
 */
#ifndef TSR_PROCESS_SCRUB_H
#define TSR_PROCESS_SCRUB_H

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"

/* Whether a list (each string ends in NUL) has any word that asks for a closer look. */
bool scrub_suspect(str_t list);

/* Appends the list with its secrets masked. */
void scrub_list(str_t list, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masks the secrets in arguments and environments for the eyes of others.
 *
 * Only ever a view: what the state holds is as it was. A key is a word after a blank, a quote or one
 * or two dashes that contains one of the known words, whatever their case; what follows it after a
 * blank, '=' or ':' becomes "********". How far a value goes: a string of its own as a whole, of one
 * that begins with the key ("--password=a b", "TOKEN=a b") all the rest, else to the next blank that
 * a shell would split at. In doubt too much is masked and not too little. The number of strings
 * stays.
 */
#ifndef TSR_PROCESS_SCRUB_H
#define TSR_PROCESS_SCRUB_H

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"

/*
 * Whether a list (each string ends in NUL) has any word that asks for a closer look: false means
 * that scrub_list() would change nothing.
 */
bool scrub_suspect(str_t list);

/* Appends the list with its secrets masked. A last string without its NUL gets one. */
void scrub_list(str_t list, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON, by hand because it is the hot path of every output.
 */
#ifndef TSR_OUTPUT_JSON_H
#define TSR_OUTPUT_JSON_H

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"

/*
 * Appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD, one per byte; false then: the
 * caller adds the exact bytes beside it.
 */
bool json_string(struct buf *b, str_t s);

/* ,"name": */
void json_key(struct buf *b, const char *name);

/* "name":"value" with a comma before it, and "name_b64" behind it if s is not UTF-8. */
void json_member(struct buf *b, const char *name, str_t s);

/* The same of a list of strings that each end in NUL. */
void json_list_member(struct buf *b, const char *name, str_t list);

/* Appends compact JSON again with line breaks and two spaces for each level. */
void json_pretty(struct buf *b, const char *json, size_t len);

#endif

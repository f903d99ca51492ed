/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to events. Nothing in a message is trusted: every length is checked against the
 * message's own, and what does not fit makes it malformed, which is counted by kind. Copies no
 * strings: the event points into the message.
 */
#ifndef TSR_WIRE_DECODE_H
#define TSR_WIRE_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "wire/assemble.h"

enum wire_error {
	WIRE_OK,
	WIRE_PART,    /* a chunk for a message to come: kept, no event */
	WIRE_UNKNOWN, /* an op that we do not know: skipped, not an error */
	WIRE_WALKED,  /* nothing that is shown: the state takes ev->walked */
	WIRE_NAMES,   /* the same: ev->names */
	WIRE_SHORT,   /* less than a header, or than the fixed part of its kind */
	WIRE_SIZE,    /* the header's size is not that of the message */
	WIRE_LENGTHS, /* the variable parts do not add up */
	WIRE_STRING,  /* a list that does not end in NUL, a NUL inside a string */
	WIRE_VALUE,   /* what can't be: two answers to one question, an enum out of range */
	WIRE_ORPHAN,  /* refers to chunks, and there is no assembler */
	WIRE_ERROR_MAX,
};

/*
 * Decodes one message of len bytes, aligned to 8. chunks keeps and gives the long arguments; an
 * exec whose chunks are not all there has none, and is marked as cut. NULL treats a message with
 * such as WIRE_ORPHAN.
 */
enum wire_error wire_decode(const void *msg, size_t len, struct assembler *chunks,
			    struct tsr_event *ev);

/* "truncated header", ... for people. */
const char *wire_error_text(enum wire_error e);

/* The event that an op stands for, or NULL. */
const struct tsr_event_def *wire_op_event(uint8_t op);

#endif

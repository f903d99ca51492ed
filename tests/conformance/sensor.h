/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent does with a message (src/agent/agent.c), without a source and without outputs:
 * decode, look up, apply, show, done. What it looks up it asks of the model kernel, where that is
 * switched on.
 */
#ifndef TSR_TESTS_SENSOR_H
#define TSR_TESTS_SENSOR_H

#include "kernel.h"
#include "process/lookup.h"
#include "process/table.h"
#include "wire/assemble.h"
#include "wire/decode.h"

#define SENSOR_ASKED 64

struct sensor {
	struct table table;
	struct lookup lookup;
	struct assembler chunks;
	struct kernel *kernel;
	uint64_t now;
	bool unchecked;	   /* not after each message: for millions of them */
	const char *wrong; /* what check_table() said first */
	unsigned int malformed;
	/* Of the last event: whether it was shown, its lineage then, and its arguments. */
	bool shown;
	enum lineage lineage;
	uint64_t n_shown;
	char last_args[64];
	/* Sees what was decoded, before it is applied; may be NULL. */
	void (*tap)(void *user, const struct tsr_event *ev);
	void *tap_user;
	/* Whom it asked for in /proc. */
	uint32_t asked[SENSOR_ASKED];
	size_t n_asked;
};

void sensor_init(struct sensor *s, struct kernel *k);
void sensor_free(struct sensor *s);

/* What look-ups may ask. */
void sensor_sources(struct sensor *s, bool maps, bool procfs);

/* A message_fn; user is the sensor. */
int sensor_message(void *user, const void *msg, size_t len);

/* After a batch of messages. */
void sensor_between(struct sensor *s);

/* Seconds go by, also for the limiter of look-ups. */
void sensor_later(struct sensor *s, unsigned int seconds);

/* NULL, or what is wrong with its state. */
const char *sensor_check(const struct sensor *s);

#endif

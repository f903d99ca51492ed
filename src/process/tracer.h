/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tracing library says of the process that it is loaded into: a msgpack map in a memfd named
 * datadog-tracer-info-*. It is what that process wants us to believe, no more.
 */
#ifndef TSR_PROCESS_TRACER_H
#define TSR_PROCESS_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACER_SIZE_MAX	 (64UL << 10) /* of the map */
#define TRACER_DEPTH_MAX 16	      /* of what is nested in values that are skipped */

/* Strings end in NUL, "" if absent. */
struct tracer_metadata {
	uint32_t schema_version; /* 0: absent */
	bool cut;		 /* some string did not fit, or had a NUL inside */
	char runtime_id[64];
	char language[32];
	char version[64];
	char hostname[256];
	char service_name[256];
	char service_env[128];
	char service_version[128];
	char process_tags[1024]; /* "key:value,key:value" */
	char container_id[128];
};

/*
 * Takes the map apart, from len bytes at data. Keys that are not known and values of another type
 * than expected are skipped, of a key that comes twice the last counts, what follows the map is not
 * looked at. 0, -E2BIG if it is larger than TRACER_SIZE_MAX or nested deeper than TRACER_DEPTH_MAX,
 * -EBADMSG if it is no map or ends too early; m is then all zero. Allocates nothing.
 */
int tracer_parse(struct tracer_metadata *m, const void *data, size_t len);

#endif

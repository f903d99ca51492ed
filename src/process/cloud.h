/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cloud credentials that a process was given (AWS: temporary access keys), as they were seen. A list
 * belongs to one process, and is not what a fork or an exec copies: who has the keys is who was seen
 * to get them. The secret itself never gets here.
 *
 * The pipeline thread only.
 */
#ifndef TSR_PROCESS_CLOUD_H
#define TSR_PROCESS_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

#define CLOUD_MAX     16  /* credentials of a process; the oldest goes */
#define CLOUD_KEY_MAX 128 /* of an access key id, as AWS documents it */

struct cloud_credential {
	char key_id[CLOUD_KEY_MAX + 1];
	uint64_t expiry;     /* ns since the epoch, as its issuer says; 0: not known, never */
	uint64_t token_hash; /* cloud_hash() of the session token; 0: none was seen */
};

/* Zeroed: empty. The oldest first. */
struct cloud {
	struct cloud_credential *list;
	size_t n;
};

/* A hash by which tokens can be told apart without keeping them; never 0. */
uint64_t cloud_hash(str_t token);

/*
 * Takes note of a credential, given by its parts. One whose access key id is known is not new: its
 * expiry and token become those now seen. Whether it is new; an id that is empty, has a NUL or is
 * too long for one is refused.
 */
bool cloud_add(struct cloud *c, str_t key_id, uint64_t expiry, uint64_t token_hash);

/*
 * Those that are valid at a time (ns since the epoch), *n of them, until the next call with this
 * list. Those that have expired are taken out, so times must not go back by much.
 */
const struct cloud_credential *cloud_fetch(struct cloud *c, uint64_t now, size_t *n);

void cloud_free(struct cloud *c);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Environments: lists of NAME=value, each string ended by NUL.
 */
#ifndef TSR_BASE_ENV_H
#define TSR_BASE_ENV_H

#include <stddef.h>

#include "base/buf.h"

/* Names of variables. */
struct env_keys {
	char **names;
	size_t n;
};

/*
 * Appends the environment without its values, but for those of keep (NULL: of none):
 * "A=1\0B=2\0" to "A\0B=2\0". A string without '=' stays whole. The last one ends in NUL even if
 * it did not.
 */
void env_cut(struct buf *out, const char *envs, size_t len, const struct env_keys *keep);

#endif

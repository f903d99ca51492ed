/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: negative errno inside, struct tsr_error where a person must be told.
 */
#ifndef TSR_BASE_ERROR_H
#define TSR_BASE_ERROR_H

#include <tarsier/status.h>

/* Fills err, which may be NULL, and returns status. */
enum tsr_status tsr_fail(struct tsr_error *err, enum tsr_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The library's own words to the operator: one line on stderr, "tarsier: " before it. */
void tsr_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

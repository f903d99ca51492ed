/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status codes and error messages of the public API.
 */
#ifndef TARSIER_STATUS_H
#define TARSIER_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum tsr_status {
	TSR_OK = 0,
	TSR_ERR_USAGE = 1,	 /* wrong option, value or configuration: nothing was started */
	TSR_ERR_PERMISSION = 2,	 /* a capability is missing, or the kernel refused */
	TSR_ERR_UNSUPPORTED = 3, /* the kernel or machine lacks what is needed */
	TSR_ERR_IO = 4,		 /* a file or socket failed */
	TSR_ERR_FORMAT = 5,	 /* what was read is not what it should be */
	TSR_ERR_MEMORY = 6,
	TSR_ERR_STATE = 7, /* the call does not fit the object's state */
};

#define TSR_ERROR_MAX 1024

/*
 * Filled by a call that fails, untouched by one that succeeds. The message is one or more lines of
 * plain text: what is wrong, where, and what to do about it.
 */
struct tsr_error {
	enum tsr_status status;
	char message[TSR_ERROR_MAX];
};

/* The name of a status ("usage", "permission"...); never NULL. Any thread. */
const char *tsr_status_name(enum tsr_status status);

/* The library's version, "MAJOR.MINOR.PATCH". Any thread. */
const char *tsr_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif

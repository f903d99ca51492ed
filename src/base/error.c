/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

enum tsr_status tsr_fail(struct tsr_error *err, enum tsr_status status, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return status;
	err->status = status;
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return status;
}

void tsr_warn(const char *fmt, ...)
{
	char line[TSR_ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "tarsier: %s\n", line);
}

const char *tsr_status_name(enum tsr_status status)
{
	switch (status) {
	case TSR_OK:
		return "ok";
	case TSR_ERR_USAGE:
		return "usage";
	case TSR_ERR_PERMISSION:
		return "permission";
	case TSR_ERR_UNSUPPORTED:
		return "unsupported";
	case TSR_ERR_IO:
		return "io";
	case TSR_ERR_FORMAT:
		return "format";
	case TSR_ERR_MEMORY:
		return "memory";
	case TSR_ERR_STATE:
		return "state";
	}
	return "unknown";
}

const char *tsr_version(void)
{
	return TSR_VERSION;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths by their letters alone: nothing is looked up.
 */
#ifndef TSR_BASE_PATH_H
#define TSR_BASE_PATH_H

#include "base/buf.h"

/*
 * Appends path as seen from dir, without "." and ".." and doubled slashes. Symbolic links stay what
 * they are, so that ".." behind one can lead elsewhere than the kernel would go.
 */
void path_lexical(struct buf *out, const char *dir, size_t dir_len, const char *path,
		  size_t path_len);

#endif

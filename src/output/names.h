/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose names of users count for a process: a container has its own.
 */
#ifndef TSR_OUTPUT_NAMES_H
#define TSR_OUTPUT_NAMES_H

#include "process/ns_users.h"
#include "process/model.h"

struct user_names {
	const struct users *machine;
	const struct ns_users *own; /* of containers; may be NULL */
};

/* The mount namespace of an image, as its inode; 0: not known. */
uint32_t image_mnt_ns(const struct image *i);

/* Those of its mount namespace as far as they were told, else the machine's. */
const struct users *users_of_image(const struct user_names *names, const struct image *i);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "output/names.h"

#define NS_MNT 2 /* in the order of ev_exec.ns */

uint32_t image_mnt_ns(const struct image *i)
{
	const struct istr *ns = i->info ? i->info->ns : NULL;

	return ns ? ((const uint32_t *)(const void *)ns->s)[NS_MNT] : 0;
}

const struct users *users_of_image(const struct user_names *names, const struct image *i)
{
	uint32_t ns = image_mnt_ns(i);
	const struct users *own = ns && names->own ? ns_users_find(names->own, ns) : NULL;

	return own ? own : names->machine;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a source says of the machine it runs on.
 */
#include <pwd.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "source/source.h"

#define USERS_MAX (256UL << 10) /* of passwd: a directory with more users has them elsewhere */

/* fgetpwent() and not getpwent(): a static program cannot load name services. */
static void read_users(struct source_info *info)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct buf b = { 0 };
	struct passwd *pw;

	if (!f)
		return;
	while (b.len < USERS_MAX && (pw = fgetpwent(f)))
		buf_printf(&b, "%s:%u\n", pw->pw_name, pw->pw_uid);
	fclose(f);
	info->users = b.data;
	info->users_len = b.len;
}

void source_info_local(struct source_info *info)
{
	struct utsname u;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!uname(&u)) {
		snprintf(info->host, sizeof(info->host), "%s", u.nodename);
		snprintf(info->kernel, sizeof(info->kernel), "%s %s", u.release, u.version);
		snprintf(info->arch, sizeof(info->arch), "%s", u.machine);
	}
	snprintf(info->version, sizeof(info->version), "%s", tsr_version());
	info->boot_offset = clock_boot_offset();
	info->start = clock_boot_ns();
	info->n_cpus = cpus > 0 ? (uint32_t)cpus : 1;
	read_users(info);
}

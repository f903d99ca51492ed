/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

const struct command *const commands[] = {&command_run,	   &command_record, &command_replay,
					  &command_tree,   &command_events, &command_probe,
					  &command_version, NULL};

static const char *command_name(const void *list, size_t i)
{
	return ((const struct command *const *)list)[i]->name;
}

static void help(void)
{
	printf("tarsier %s: sees what every process on this machine does\n\n"
	       "usage: tarsier COMMAND [OPTION]...\n\ncommands:\n",
	       tsr_version());
	for (size_t i = 0; commands[i]; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	printf("\n`tarsier COMMAND --help` says more of each. Exit status: 0 done, 1 failed, "
	       "2 wrong usage.\n");
}

int main(int argc, char **argv)
{
	const char *near;
	size_t n = 0;

	/*
	 * What is large goes back to the system when it is freed. Without this the threshold grows
	 * with the first large block that is freed, and the types of the kernel, which are read
	 * once at the start, would stay with us as free heap.
	 */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	/* A reader that goes away is an error of write(2), not the end of us. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		help();
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help();
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return command_version.run(&command_version, 0, argv + 2);
	for (; commands[n]; n++)
		if (!strcmp(argv[1], commands[n]->name))
			return commands[n]->run(commands[n], argc - 2, argv + 2);
	near = nearest(argv[1], command_name, commands, n);
	if (near)
		return usage_error(NULL, "unknown command '%s'; did you mean '%s'?", argv[1],
				   near);
	return usage_error(NULL, "unknown command '%s'", argv[1]);
}

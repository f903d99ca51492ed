/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

const struct command *const commands[] = { &command_run,   &command_record,  &command_replay,
					   &command_tree,  &command_stores,  &command_events,
					   &command_probe, &command_version, NULL };

static const char *command_name(const void *list, size_t i)
{
	return ((const struct command *const *)list)[i]->name;
}

static void help(FILE *out)
{
	fprintf(out,
		"tarsier %s: sees what every process on this machine does\n\n"
		"usage: tarsier COMMAND [OPTION]...\n\ncommands:\n",
		tsr_version());
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(out, "\n`tarsier COMMAND --help` says more of each. Exit status: 0 done, 1 failed, "
		     "2 wrong usage.\n");
}

static int run_command(const char *name, int argc, char **argv)
{
	const char *near;
	size_t n = 0;

	for (; commands[n]; n++)
		if (!strcmp(name, commands[n]->name))
			return commands[n]->run(commands[n], argc, argv);
	near = nearest(name, command_name, commands, n);
	if (near)
		return usage_error(NULL, "unknown command '%s'; did you mean '%s'?", name, near);
	return usage_error(NULL, "unknown command '%s'", name);
}

static bool reader_gone(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, 0) == 1 && out.revents & (POLLERR | POLLHUP);
}

/* What stdio held back may fail only now; a reader that has gone is no failure. */
static int end_output(int code)
{
	/* of a write before this one the reason is not known any more */
	bool failed = ferror(stdout), failed_now = fflush(stdout);
	int reason = errno;

	if (code || (!failed && !failed_now) || reader_gone())
		return code;
	fprintf(stderr, "tarsier: cannot write to standard output%s%s\n", failed_now ? ": " : "",
		failed_now ? strerror(reason) : "");
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	char *asks_help[] = { "--help" };

	/*
	 * What is large goes back to the system when it is freed. Without this the threshold grows
	 * with the first large block that is freed, and the types of the kernel, which are read
	 * once at the start, would stay with us as free heap.
	 */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	/* A reader that goes away is an error of write(2), not the end of us. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* nor does a limit on files */
	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "help") && argc > 2)
		return end_output(run_command(argv[2], 1, asks_help));
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return end_output(EXIT_DONE);
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return end_output(command_version.run(&command_version, 0, argv + 2));
	return end_output(run_command(argv[1], argc - 2, argv + 2));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stores: looking into what the sensor holds. A store is a line in the list here and a function.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct option_def stores_options[] = {
	{ 'o', "output", "text|json", "process: how it is shown (default: text)" },
	{ 0, "at", "TIME", "of a recording: at this time (2026-11-21T01:42:04Z, +10s)" },
	{ 0, "raw", NULL, "dump: all that is known, and the metrics" },
	{ 0, "no-scrub", NULL, "show secrets in arguments as they are" },
};

struct asked {
	const struct command *command;
	struct tsr_show show;
	char **args; /* behind the store's name */
	int n_args;
};

static int process(struct asked *a)
{
	struct tsr_error err;

	if (!a->n_args)
		return usage_error(a->command,
				   "which process? give its entity id, its pid, or pid:N");
	if (a->n_args > 2)
		return usage_error(a->command, "one process, and one recording at a time");
	if (a->show.raw)
		return usage_error(a->command, "--raw is for the dump; a process is shown whole");
	a->show.file = a->n_args > 1 ? a->args[1] : NULL;
	if (tsr_store_process_print(a->args[0], &a->show, stdout, &err))
		return report(&err);
	return EXIT_DONE;
}

static int dump(struct asked *a)
{
	struct tsr_error err;

	if (a->n_args > 1)
		return usage_error(a->command, "one recording at a time");
	a->show.file = a->n_args ? a->args[0] : NULL;
	if (tsr_dump_print(&a->show, stdout, &err))
		return report(&err);
	return EXIT_DONE;
}

static const struct store {
	const char *name, *args, *what;
	int (*run)(struct asked *a);
} stores[] = {
	{ "process", "ID [FILE]", "one process: what is known of it, of its ancestors and children",
	  process },
	{ "dump", "[FILE]", "all processes that are held, and what they ran before, as JSON",
	  dump },
};

static const char *store_name(const void *list, size_t i)
{
	return ((const struct store *)list)[i].name;
}

static int list_stores(void)
{
	for (size_t i = 0; i < COUNT(stores); i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", stores[i].name, stores[i].args);
		printf("%-18s %s\n", left, stores[i].what);
	}
	return EXIT_DONE;
}

static int run_store(struct asked *a, const char *name)
{
	const char *near;

	for (size_t i = 0; i < COUNT(stores); i++)
		if (!strcmp(name, stores[i].name))
			return stores[i].run(a);
	near = nearest(name, store_name, stores, COUNT(stores));
	if (near)
		return usage_error(a->command, "unknown store '%s'; did you mean '%s'?", name,
				   near);
	return usage_error(a->command, "unknown store '%s'", name);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct option_reader r = { .command = self, .argc = argc, .argv = argv };
	struct asked a = { .command = self };
	const struct option_def *o;
	const char *value;

	while ((o = next_option(&r, &value))) {
		if (!strcmp(o->name, "at"))
			a.show.at = value;
		else if (!strcmp(o->name, "raw"))
			a.show.raw = true;
		else if (!strcmp(o->name, "no-scrub"))
			a.show.no_scrub = true;
		else
			a.show.format = value;
	}
	if (r.failed)
		return EXIT_USAGE;
	if (r.help) {
		print_help(self);
		return EXIT_DONE;
	}
	if (!r.n_plain)
		return list_stores();
	a.args = argv + 1;
	a.n_args = r.n_plain - 1;
	return run_store(&a, argv[0]);
}

const struct command command_stores = {
	.name = "stores",
	.args = "[STORE [ID] [FILE]]",
	.summary = "look into what is held of processes, live or of a recording",
	.details = "`tarsier stores` alone lists the stores.",
	.options = stores_options,
	.n_options = COUNT(stores_options),
	.run = run,
};

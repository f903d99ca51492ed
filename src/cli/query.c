/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree, events, probe, version: the commands that answer and end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct option_def tree_options[] = {
	{ 'f', "format", "text|json|dot", "how it is shown (default: text)" },
	{ 'o', "output", "text|json|dot", "the same" },
	{ 0, "at", "TIME", "of a recording: at this time (2026-11-21T01:42:04Z, +10s)" },
	{ 0, "args", NULL, "of dot: the arguments, too; text and json always have them" },
	{ 0, "color", "WHEN", "auto, always or never" },
};

static const struct option_def events_options[] = {
	{ 'o', "output", "FORMAT", "text, json, md or schema (default: text)" },
};

static const struct option_def probe_options[] = {
	{ 'o', "output", "text|json", "how it is shown (default: text)" },
};

static int end(const struct option_reader *r)
{
	if (r->failed)
		return EXIT_USAGE;
	if (r->help)
		print_help(r->command);
	return EXIT_DONE;
}

static int tree(const struct command *self, int argc, char **argv)
{
	struct option_reader r = { .command = self, .argc = argc, .argv = argv };
	const char *value, *color = "auto", *no_color = getenv("NO_COLOR");
	struct tsr_show show = { 0 };
	const struct option_def *o;
	struct tsr_error err;

	while ((o = next_option(&r, &value))) {
		if (!strcmp(o->name, "at"))
			show.at = value;
		else if (!strcmp(o->name, "args"))
			show.args = true;
		else if (!strcmp(o->name, "color"))
			color = value;
		else
			show.format = value;
	}
	if (r.failed || r.help)
		return end(&r);
	if (r.n_plain > 1)
		return usage_error(self, "one recording at a time");
	if (strcmp(color, "auto") && strcmp(color, "always") && strcmp(color, "never"))
		return usage_error(self, "--color '%s': expected auto, always or never", color);
	show.file = r.n_plain ? argv[0] : NULL;
	show.colour = !strcmp(color, "always") ||
		      (!strcmp(color, "auto") && isatty(STDOUT_FILENO) && !(no_color && *no_color));
	if (tsr_tree_print(&show, stdout, &err))
		return report(&err);
	return EXIT_DONE;
}

static int probe(const struct command *self, int argc, char **argv)
{
	struct option_reader r = { .command = self, .argc = argc, .argv = argv };
	const char *value, *format = "text";
	struct tsr_error err;

	while (next_option(&r, &value))
		format = value;
	if (r.failed || r.help)
		return end(&r);
	if (r.n_plain)
		return usage_error(self, "unexpected argument '%s'", argv[0]);
	if (tsr_probe_print(format, stdout, &err))
		return report(&err);
	return EXIT_DONE;
}

static int version(const struct command *self, int argc, char **argv)
{
	struct option_reader r = { .command = self, .argc = argc, .argv = argv };
	const char *value;

	next_option(&r, &value);
	if (r.failed || r.help)
		return end(&r);
	if (r.n_plain)
		return usage_error(self, "unexpected argument '%s'", argv[0]);
	printf("tarsier %s\n", tsr_version());
	return EXIT_DONE;
}

static int events(const struct command *self, int argc, char **argv)
{
	struct option_reader r = { .command = self, .argc = argc, .argv = argv };
	const char *value, *format = "text", *name, *near;
	const struct tsr_event_def *def = NULL;

	while (next_option(&r, &value))
		format = value;
	if (r.failed || r.help)
		return end(&r);
	if (r.n_plain > 1)
		return usage_error(self, "one event at a time");
	name = r.n_plain ? argv[0] : NULL;
	if (name) {
		def = tsr_catalogue_find(name);
		near = def ? NULL : tsr_catalogue_nearest(name);
		if (!def && near)
			return usage_error(self, "unknown event '%s'; did you mean '%s'?", name,
					   near);
		if (!def)
			return usage_error(self, "unknown event '%s'", name);
	}
	return print_events(self, def, format);
}

const struct command command_tree = {
	.name = "tree",
	.args = "[FILE]",
	.summary = "show the process tree, live or of a recording",
	.options = tree_options,
	.n_options = COUNT(tree_options),
	.run = tree,
};

const struct command command_events = {
	.name = "events",
	.args = "[NAME]",
	.summary = "list the events, or describe one",
	.options = events_options,
	.n_options = COUNT(events_options),
	.run = events,
};

const struct command command_probe = {
	.name = "probe",
	.args = "",
	.summary = "show what this kernel offers, and what it lacks",
	.options = probe_options,
	.n_options = COUNT(probe_options),
	.run = probe,
};

const struct command command_version = {
	.name = "version",
	.args = "",
	.summary = "show the version",
	.run = version,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: options to settings, the library does the rest. Uses the public headers only.
 */
#ifndef TSR_CLI_CLI_H
#define TSR_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include <tarsier/tarsier.h>

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct option_def {
	char short_name; /* 0: none */
	const char *name;
	const char *arg; /* what its value is called, NULL: it takes none */
	const char *help;
};

struct command {
	const char *name;
	const char *args;    /* after the options, for the usage line */
	const char *summary; /* one line */
	const char *details; /* paragraphs for --help, may be NULL */
	const struct option_def *options;
	size_t n_options;
	int (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command command_run, command_record, command_replay, command_tree,
	command_stores, command_events, command_probe, command_version;

/* The commands, NULL behind the last. */
extern const struct command *const commands[];

/*
 * Takes the next option of argv; its value, if it has one, in *value. NULL at the end: argv[0] is
 * then followed by what is not an option, *argc of them with it. What is wrong has been said when
 * *failed is set.
 */
struct option_reader {
	const struct command *command;
	int argc;
	char **argv;
	int at;
	int cluster; /* position within "-abc" */
	int n_plain;
	bool only_plain; /* behind "--" */
	bool failed, help;
};

const struct option_def *next_option(struct option_reader *r, const char **value);

/* Says what is wrong, and where to read on; the exit code. */
int usage_error(const struct command *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints an error of the library; the exit code that belongs to it. */
int report(const struct tsr_error *err);

void print_help(const struct command *c);

/* The catalogue, or one event of it (def not NULL): text, json, md or schema. */
int print_events(const struct command *self, const struct tsr_event_def *def, const char *format);

/* The one of n names that is nearest to a mistyped one, or NULL. */
const char *nearest(const char *name, const char *(*get)(const void *list, size_t i),
		    const void *list, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run, record and replay: the commands that run an agent.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define OPT_EVENTS                                                               \
	{                                                                        \
		'e', "events", "EVENT,...",                                      \
			"which events: names, 'process', 'all' (tarsier events)" \
	}
#define OPT_OUTPUT                                                          \
	{                                                                   \
		'o', "output", "FORMAT[:FILE]",                             \
			"table, json, json-pretty or none; may be repeated" \
	}
#define OPT_ANCESTORS                                                                  \
	{                                                                              \
		0, "ancestors", "N", "show at most N ancestors (default: up to pid 1)" \
	}
#define OPT_SCRUB                                                                           \
	{ 0, "no-scrub", NULL, "show secrets in arguments as they are" },                   \
		{ 0, "scrub-word", "WORD",                                                  \
		  "a key that names a secret: pin, pin*, *pin or *pin*; may be repeated" }, \
	{                                                                                   \
		0, "scrub-regex", "REGEX", "mask what it matches, too; may be repeated"     \
	}
#define OPT_ENV                                                                            \
	{ 0, "env", "names|values", "what is shown of environments (default: names)" },    \
	{                                                                                  \
		0, "env-value", "NAME", "show the value of this variable; may be repeated" \
	}
#define OPT_COLOR                                           \
	{                                                   \
		0, "color", "WHEN", "auto, always or never" \
	}
#define OPT_STATE                                                                                \
	{ 0, "memory", "SIZE", "cap on what is held of processes (default 256M)" },              \
	{                                                                                        \
		0, "metrics", NULL, "at the end, show the counters of the process resolver, too" \
	}
#define OPT_LIVE                                                                                   \
	{ 0, "scope", "EXPR",                                                                      \
	  "whose events: uid=, pid=, comm=, exe=, descendants-of=; repeatable" },                  \
		{ 0, "duration", "T", "stop after this time (500ms, 10s, 2m)" },                   \
		{ 0, "latency", "T", "how long an event may wait in the kernel (default 100ms)" }, \
		{ 0, "ring-size", "SIZE", "of the kernel's ring buffer (default 8M)" },            \
	{                                                                                          \
		0, "on-full", "block|drop", "what a full output queue does (default: block)"       \
	}

static const struct option_def run_options[] = {
	OPT_EVENTS,    OPT_OUTPUT, OPT_LIVE,
	OPT_ANCESTORS, OPT_SCRUB,  OPT_ENV,
	OPT_COLOR,     OPT_STATE,  { 'w', "record", "FILE", "record to FILE as well" },
};

static const struct option_def record_options[] = {
	{ 'w', "record", "FILE", "the recording (required)" },
	OPT_EVENTS,
	OPT_OUTPUT,
	OPT_LIVE,
	OPT_ANCESTORS,
	OPT_SCRUB,
	OPT_ENV,
	OPT_COLOR,
	OPT_STATE,
};

static const struct option_def replay_options[] = {
	OPT_EVENTS, OPT_OUTPUT, OPT_ANCESTORS, OPT_SCRUB, OPT_ENV, OPT_COLOR, OPT_STATE,
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct tsr_agent *volatile running;
static volatile sig_atomic_t end_asked;

static void on_signal(int signal)
{
	(void)signal;
	end_asked = 1;
	if (running)
		tsr_agent_stop(running);
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal }, old;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* nohup(1) has it ignored, and that is to stay */
	if (!sigaction(SIGHUP, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
}

static void on_ready(void *user, const struct tsr_summary *s)
{
	(void)user;
	fprintf(stderr, "tarsier: ready in %.0f ms, %llu processes\n", (double)s->ready_ns / 1e6,
		(unsigned long long)s->snapshot);
}

static bool progress_shown;

static void on_progress(void *user, uint64_t at, uint64_t total)
{
	static uint64_t last;
	struct timespec ts;
	uint64_t now;

	(void)user;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * 10 + (uint64_t)ts.tv_nsec / 100000000;
	if (now == last)
		return;
	last = now;
	progress_shown = true;
	fprintf(stderr, "\rtarsier: replayed %.1f of %.1f MiB (%.0f %%) ", (double)at / (1 << 20),
		(double)total / (1 << 20), total ? 100.0 * (double)at / (double)total : 100.0);
}

static bool show_metrics;

static int apply(struct tsr_config *config, const struct option_def *o, const char *value)
{
	struct tsr_error err;

	if (!strcmp(o->name, "no-scrub"))
		return tsr_config_set(config, "scrub", "no", &err) ? report(&err) : EXIT_DONE;
	if (!strcmp(o->name, "metrics"))
		return show_metrics = true, EXIT_DONE;
	if (tsr_config_set(config, o->name, value, &err))
		return report(&err);
	return EXIT_DONE;
}

static int run_agent(const struct tsr_config *config, bool replay, bool progress)
{
	struct tsr_agent *agent;
	struct tsr_summary summary;
	enum tsr_status status;
	struct tsr_error err;

	catch_signals();
	if (tsr_agent_new(&agent, config, &err))
		/* what a signal interrupted (opening a named pipe, say) did not fail */
		return end_asked ? EXIT_DONE : report(&err);
	if (!replay)
		tsr_agent_on_ready(agent, on_ready, NULL);
	if (progress)
		tsr_agent_on_progress(agent, on_progress, NULL);
	running = agent;
	/* A signal until now found nothing to stop; to stop twice does no harm before the start. */
	if (end_asked)
		tsr_agent_stop(agent);
	status = tsr_agent_run(agent, &err);
	running = NULL;
	if (progress_shown)
		fprintf(stderr, "\r\x1b[K");
	tsr_agent_summary(agent, &summary);
	if (!status || summary.total || summary.snapshot)
		tsr_summary_print(&summary, stderr);
	if (show_metrics)
		tsr_agent_metrics_print(agent, "text", stderr, NULL);
	tsr_agent_free(agent);
	return status ? report(&err) : EXIT_DONE;
}

static int agent_command(const struct command *self, int argc, char **argv)
{
	struct option_reader reader = { .command = self, .argc = argc, .argv = argv };
	bool is_replay = self == &command_replay, is_record = self == &command_record;
	bool has_output = false, has_file = false, terminal = isatty(STDOUT_FILENO);
	struct tsr_config *config = tsr_config_new();
	const struct option_def *o;
	const char *value;
	struct tsr_error err;
	int code = EXIT_DONE;

	while (!code && (o = next_option(&reader, &value))) {
		has_output |= !strcmp(o->name, "output");
		has_file |= !strcmp(o->name, "record");
		code = apply(config, o, value);
	}
	if (reader.help)
		print_help(self);
	if (reader.failed)
		code = EXIT_USAGE;
	if (code || reader.help)
		goto out;
	if (is_replay && reader.n_plain != 1)
		code = usage_error(self, reader.n_plain ? "one recording at a time"
							: "which recording? give its file");
	else if (!is_replay && reader.n_plain)
		code = usage_error(self, "unexpected argument '%s'", argv[0]);
	else if (is_record && !has_file)
		code = usage_error(self, "where to? give a file with -w");
	if (!code && is_replay && tsr_config_set(config, "replay", argv[0], &err))
		code = report(&err);
	if (!code && !has_output && !is_record &&
	    tsr_config_set(config, "output", terminal ? "table" : "json", &err))
		code = report(&err);
	if (!code)
		code = run_agent(config, is_replay,
				 is_replay && isatty(STDERR_FILENO) && (!terminal || has_output));
out:
	tsr_config_free(config);
	return code;
}

const struct command command_run = {
	.name = "run",
	.args = "",
	.summary = "show what processes do, live",
	.details = "On a terminal a table, else JSON lines (one object per event, described by\n"
		   "`tarsier events -o schema`). Ctrl-C ends it with a summary of all losses.",
	.options = run_options,
	.n_options = COUNT(run_options),
	.run = agent_command,
};

const struct command command_record = {
	.name = "record",
	.args = "-w FILE",
	.summary = "record what processes do, to be replayed",
	.details =
		"The file holds the processes that exist at the start and every message since;\n"
		"values of environments only with --env values. A file that is cut off (a crash, a\n"
		"full disk) can be replayed up to the cut.",
	.options = record_options,
	.n_options = COUNT(record_options),
	.run = agent_command,
};

const struct command command_replay = {
	.name = "replay",
	.args = "FILE",
	.summary = "show a recording as if it happened now",
	.details = "Gives the same records each time, byte for byte.",
	.options = replay_options,
	.n_options = COUNT(replay_options),
	.run = agent_command,
};

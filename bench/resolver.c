/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver: what the process resolver costs, in process and without a kernel.
 *
 *	resolver [--only SECTION,...] [--rounds N] [--tries N] [--live N] [--env KIND] [--json FILE]
 *
 * Sections: memory, maps, apply, lookup. README.md tells what each figure means. Status: 0 all
 * figures were taken, 1 one could not be, 2 wrong usage. A figure of something that did not happen as
 * it was meant to is not printed: the program aborts.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "resolver.h"

/* In the order in which they are run: the memory first, while nothing has been in the heap yet. */
static const struct {
	const char *name;
	void (*run)(const struct options *o);
} sections[SECTIONS_MAX] = {
	{ "memory", bench_memory },
	{ "maps", bench_maps },
	{ "apply", bench_apply },
	{ "lookup", bench_look_up },
};

static struct buf json;
static int counter = -1;
static uint64_t series_random = 1;

void series_add(struct series *s, double v)
{
	size_t at = s->seen++;

	if (at >= SERIES_MAX && (at = random_of(&series_random) % s->seen) >= SERIES_MAX)
		return;
	s->v[at] = v;
	s->n += s->n < SERIES_MAX;
}

void series_set(struct series *s, double v)
{
	s->n = s->seen = 1;
	s->v[0] = v;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double series_median(struct series *s)
{
	if (!s->n)
		return 0;
	qsort(s->v, s->n, sizeof(s->v[0]), by_value);
	return s->n & 1 ? s->v[s->n / 2] : (s->v[s->n / 2 - 1] + s->v[s->n / 2]) / 2;
}

void heading(const char *format, ...)
{
	va_list args;

	putchar('\n');
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void remark(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/*
 * The median, and what lies a tenth from either end: "123 (120-130)"; of a number that does not vary
 * itself. True if a target was reached.
 */
static bool show_value(const char *key, const char *unit, struct series *s, double at_most)
{
	double median = series_median(s), low, high;
	bool reached = median <= at_most;
	int digits = median < 100;
	char spread[40] = "";

	if (!s->n) {
		printf(" disturbed throughout ");
		return false;
	}
	low = s->v[s->n / 10];
	high = s->v[s->n - 1 - s->n / 10];
	buf_printf(&json, "%s\n  {\"key\": \"%s\", \"unit\": \"%s\", \"median\": %.3f, ",
		   json.len ? "," : "", key, unit, median);
	buf_printf(&json, "\"low\": %.3f, \"high\": %.3f, \"n\": %zu", low, high, s->n);
	if (at_most > 0)
		buf_printf(&json, ", \"at_most\": %.0f, \"reached\": %s", at_most,
			   reached ? "true" : "false");
	buf_printf(&json, "}");
	if (s->n > 1)
		snprintf(spread, sizeof(spread), " (%.*f-%.*f)", digits, low, digits, high);
	printf("%7.*f%-*s", digits, median, s->n > 1 ? 14 : 0, spread);
	return reached;
}

static const char *verdict(bool reached)
{
	return reached ? "reached" : "NOT reached";
}

void figure(const char *key, const char *label, const char *unit, struct series *s, double at_most)
{
	bool reached;

	printf("    %-47s", label);
	reached = show_value(key, unit, s, at_most);
	printf(" %s", unit);
	if (at_most > 0)
		printf("   at most %.0f: %s", at_most, verdict(reached));
	putchar('\n');
	fflush(stdout);
}

void figures(const char *key, const char *label, const char *const *names, const char *unit,
	     struct series *s, size_t n, double at_most)
{
	bool reached[8] = { false };
	char full[128];

	printf("    %-28s", label);
	for (size_t i = 0; i < n && i < 8; i++) {
		snprintf(full, sizeof(full), "%s.%s", key, names[i]);
		printf("  %s", names[i]);
		reached[i] = show_value(full, unit, &s[i], at_most);
	}
	printf(" %s\n", unit);
	if (at_most > 0) {
		printf("      at most %.0f:", at_most);
		for (size_t i = 0; i < n && i < 8; i++)
			printf("%s %s %s", i ? "," : "", names[i], verdict(reached[i]));
		putchar('\n');
	}
	fflush(stdout);
}

/* Why instructions cannot be counted, or NULL. */
static const char *count_instructions(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (counter >= 0)
		return NULL;
	if (errno == ENOENT || errno == EOPNOTSUPP || errno == ENODEV)
		return "this machine has no counter for them (a virtual machine without a PMU)";
	return strerror(errno);
}

uint64_t instructions(void)
{
	uint64_t n = 0;

	if (counter >= 0 && read(counter, &n, sizeof(n)) != (ssize_t)sizeof(n))
		n = 0;
	return n;
}

static int usage(const char *what)
{
	fprintf(stderr,
		"resolver: %s\nUsage: resolver [--only memory,maps,apply,lookup] [--rounds N] [--tries N] "
		"[--live N] [--env none|same|program|unique] [--json FILE]\n",
		what);
	return 2;
}

static bool choose(struct options *o, char *list)
{
	memset(o->sections, 0, sizeof(o->sections));
	for (char *rest = list, *name; (name = strsep(&rest, ","));) {
		int i = 0;

		while (i < SECTIONS_MAX && strcmp(name, sections[i].name) != 0)
			i++;
		if (i == SECTIONS_MAX)
			return false;
		o->sections[i] = true;
	}
	return true;
}

static bool number(const char *text, size_t min, size_t max, size_t *n)
{
	char *end;

	errno = 0;
	*n = strtoul(text, &end, 10);
	return !errno && end != text && !*end && *n >= min && *n <= max;
}

static const char *parse(int argc, char **argv, struct options *o, const char **json_file)
{
	static const struct option known[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "live", required_argument, NULL, 'l' },
		{ "env", required_argument, NULL, 'e' },
		{ "json", required_argument, NULL, 'j' },
		{ "tries", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	size_t n;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'o' && !choose(o, optarg))
			return "no such section";
		if (c == 'r' && !number(optarg, 1, SERIES_MAX, &n))
			return "not a number of rounds";
		if (c == 'r')
			o->rounds = (unsigned int)n;
		if (c == 't' && !number(optarg, 1, 100, &n))
			return "not a number of tries";
		if (c == 't')
			o->tries = (unsigned int)n;
		/* fewer have no lines of ancestors that are long enough */
		if (c == 'l' && !number(optarg, 1000, 200000, &o->live))
			return "not a number of processes (1,000 to 200,000)";
		if (c == 'e')
			o->env = optarg;
		if (c == 'j')
			*json_file = optarg;
		if (c == '?')
			return "unknown option";
	}
	for (enum env_kind env = 0; o->env && strcmp(o->env, env_name(env)) != 0; env++)
		if (env + 1 == N_ENV_KINDS)
			return "no such kind of environment";
	return optind == argc ? NULL : "too many arguments";
}

static bool write_json(const char *path)
{
	FILE *f = fopen(path, "we");
	bool ok = f && fprintf(f, "[%.*s\n]\n", (int)json.len, json.data ? json.data : "") > 0;

	if (f && fclose(f) != 0)
		ok = false;
	if (!ok)
		fprintf(stderr, "resolver: cannot write %s: %s\n", path, strerror(errno));
	return ok;
}

int main(int argc, char **argv)
{
	struct options o = { .rounds = 25, .tries = 5, .sections = { true, true, true, true } };
	const char *json_file = NULL, *wrong = parse(argc, argv, &o, &json_file);
	bool ok = true;

	if (wrong)
		return usage(wrong);
	wrong = count_instructions();
	if (wrong)
		printf("  instructions are not counted: %s\n", wrong);
	for (int i = 0; i < SECTIONS_MAX; i++)
		if (o.sections[i])
			sections[i].run(&o);
	if (json_file)
		ok = write_json(json_file);
	buf_free(&json);
	return ok ? 0 : 1;
}

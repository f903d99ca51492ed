/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define NAME_MAX_LEN 40

/* Levenshtein distance; names beyond a length that no option has are far from everything. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), row[NAME_MAX_LEN + 1];

	if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *nearest(const char *name, const char *(*get)(const void *list, size_t i),
		    const void *list, size_t n)
{
	size_t limit = strlen(name) / 3 + 1, best = limit + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(name, get(list, i));

		if (d < best) {
			best = d;
			found = get(list, i);
		}
	}
	return found;
}

/*
 * A message quotes what was typed, or a file's name, and may go to a terminal: control characters
 * (those of C1, which UTF-8 has as 0xc2 0x80 to 0x9f, too) are shown and not sent.
 */
static void say(const char *message)
{
	char safe[4 * TSR_ERROR_MAX + 1];
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)message; *p && n + 5 < sizeof(safe);
	     p++) {
		bool c1 = *p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;

		if ((*p < 0x20 && *p != '\n') || *p == 0x7f || c1)
			n += (size_t)snprintf(safe + n, sizeof(safe) - n, "\\x%02x",
					      c1 ? *++p : *p);
		else
			safe[n++] = (char)*p;
	}
	safe[n] = '\0';
	fprintf(stderr, "tarsier: %s\n", safe);
}

int usage_error(const struct command *c, const char *fmt, ...)
{
	char message[TSR_ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	say(message);
	fprintf(stderr, "try `tarsier %s%s--help`\n", c ? c->name : "", c ? " " : "");
	return EXIT_USAGE;
}

int report(const struct tsr_error *err)
{
	say(err->message);
	return err->status == TSR_ERR_USAGE || err->status == TSR_ERR_PERMISSION ? EXIT_USAGE
										 : EXIT_FAILED;
}

void print_help(const struct command *c)
{
	printf("usage: tarsier %s%s%s%s\n\n%s\n", c->name, c->n_options ? " [OPTION]..." : "",
	       *c->args ? " " : "", c->args, c->summary);
	if (c->details)
		printf("\n%s\n", c->details);
	printf("\noptions:\n");
	for (size_t i = 0; i < c->n_options; i++) {
		const struct option_def *o = &c->options[i];
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->short_name ? '-' : ' ',
			 o->short_name ? o->short_name : ' ', o->short_name ? "," : " ", o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		printf("  %-28s %s\n", left, o->help);
	}
	printf("  %-28s %s\n", "-h, --help", "show this help");
}

static const char *option_name(const void *list, size_t i)
{
	return ((const struct option_def *)list)[i].name;
}

#define fail(r, ...)                                                 \
	((r)->failed = true, usage_error((r)->command, __VA_ARGS__), \
	 (const struct option_def *)NULL)

static const struct option_def *take_value(struct option_reader *r, const struct option_def *o,
					   const char *attached, const char **value)
{
	*value = attached;
	if (!o->arg)
		return attached ? fail(r, "--%s takes no value", o->name) : o;
	if (attached)
		return o;
	if (r->at >= r->argc)
		return fail(r, "--%s needs a value: %s", o->name, o->arg);
	*value = r->argv[r->at++];
	return o;
}

static const struct option_def *long_option(struct option_reader *r, const char *name,
					    const char **value)
{
	const struct command *c = r->command;
	const char *eq = strchr(name, '='), *near;
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	char typed[NAME_MAX_LEN + 1];

	if (len == 4 && !strncmp(name, "help", 4)) {
		r->help = true;
		return NULL;
	}
	for (size_t i = 0; i < c->n_options; i++)
		if (strlen(c->options[i].name) == len && !strncmp(c->options[i].name, name, len))
			return take_value(r, &c->options[i], eq ? eq + 1 : NULL, value);
	snprintf(typed, sizeof(typed), "%.*s", (int)len, name);
	near = nearest(typed, option_name, c->options, c->n_options);
	if (near)
		return fail(r, "unknown option '--%s'; did you mean '--%s'?", typed, near);
	return fail(r, "unknown option '--%s'", typed);
}

static const struct option_def *short_option(struct option_reader *r, const char *cluster,
					     const char **value)
{
	const struct command *c = r->command;
	char letter[2] = { cluster[r->cluster], '\0' };
	bool last = !cluster[r->cluster + 1];

	if (*letter == 'h') {
		r->help = true;
		return NULL;
	}
	for (size_t i = 0; i < c->n_options; i++) {
		const struct option_def *o = &c->options[i];
		const char *attached = NULL;

		if (o->short_name != *letter)
			continue;
		if (o->arg && !last)
			attached = cluster + r->cluster + 1;
		if (o->arg || last) {
			r->at++;
			r->cluster = 0;
		} else {
			r->cluster++;
		}
		return take_value(r, o, attached, value);
	}
	return fail(r, "unknown option '-%s'", letter);
}

const struct option_def *next_option(struct option_reader *r, const char **value)
{
	while (r->at < r->argc && !r->failed && !r->help) {
		char *arg = r->argv[r->at];

		if (r->cluster)
			return short_option(r, arg, value);
		if (!r->only_plain && !strcmp(arg, "--")) {
			r->only_plain = true;
			r->at++;
			continue;
		}
		if (!r->only_plain && arg[0] == '-' && arg[1] == '-') {
			r->at++;
			return long_option(r, arg + 2, value);
		}
		if (!r->only_plain && arg[0] == '-' && arg[1]) {
			r->cluster = 1;
			return short_option(r, arg, value);
		}
		r->argv[r->n_plain++] = arg;
		r->at++;
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tarsier events`: the catalogue, for people and for programs.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar(*s == '\n' ? ' ' : *s);
	}
	putchar('"');
}

static void member(const char *name, const char *value)
{
	printf(",\"%s\":", name);
	json_string(value);
}

static void event_json(const struct tsr_event_def *def)
{
	printf("{\"name\":\"%s\"", def->name);
	member("group", def->group);
	printf(",\"default\":%s", def->is_default ? "true" : "false");
	member("doc", def->doc);
	printf(",\"fields\":[");
	for (size_t i = 0; i < def->n_fields; i++) {
		const struct tsr_field_def *f = &def->fields[i];

		printf("%s{\"name\":\"%s\",\"type\":\"%s\",\"optional\":%s", i ? "," : "", f->name,
		       tsr_type_name(f->type), f->optional ? "true" : "false");
		member("doc", f->doc);
		putchar('}');
	}
	printf("],\"hooks\":[");
	for (size_t i = 0; i < def->n_hooks; i++) {
		const struct tsr_hook_def *h = &def->hooks[i];

		printf("%s{\"program\":\"%s\",\"kind\":\"%s\",\"target\":\"%s\"", i ? "," : "",
		       h->program, h->kind, h->target);
		member("limits", h->limits);
		putchar('}');
	}
	printf("]}");
}

static void list_text(void)
{
	printf("%-26s %-9s %-8s %s\n", "EVENT", "GROUP", "DEFAULT", "WHAT");
	for (size_t i = 0; i < tsr_catalogue_size(); i++) {
		const struct tsr_event_def *def = tsr_catalogue_get((enum tsr_event_id)i);

		/* the first sentence */
		printf("%-26s %-9s %-8s %.*s\n", def->name, def->group,
		       def->is_default ? "yes" : "-", (int)strcspn(def->doc, ":."), def->doc);
	}
}

static void event_text(const struct tsr_event_def *def)
{
	printf("%s (%s%s)\n\n%s\n\nfields:\n", def->name, def->group,
	       def->is_default ? ", default" : "", def->doc);
	for (size_t i = 0; i < def->n_fields; i++) {
		const struct tsr_field_def *f = &def->fields[i];

		printf("  %-26s %-9s %s\n", f->name, tsr_type_name(f->type), f->doc);
	}
	if (def->n_hooks)
		printf("\nhooks, the preferred one first (tarsier probe shows which are used here):\n");
	for (size_t i = 0; i < def->n_hooks; i++)
		printf("  %s/%s%s%s\n", def->hooks[i].kind, def->hooks[i].target,
		       *def->hooks[i].limits ? ": " : "", def->hooks[i].limits);
}

static void event_md(const struct tsr_event_def *def)
{
	printf("## %s\n\n%s\n\n| field | type | |\n|---|---|---|\n", def->name, def->doc);
	for (size_t i = 0; i < def->n_fields; i++)
		printf("| `%s` | %s | %s |\n", def->fields[i].name,
		       tsr_type_name(def->fields[i].type), def->fields[i].doc);
	putchar('\n');
}

static void all_json(void)
{
	putchar('[');
	for (size_t i = 0; i < tsr_catalogue_size(); i++) {
		if (i)
			printf(",\n");
		event_json(tsr_catalogue_get((enum tsr_event_id)i));
	}
	printf("]\n");
}

static void all_md(void)
{
	for (size_t i = 0; i < tsr_catalogue_size(); i++)
		event_md(tsr_catalogue_get((enum tsr_event_id)i));
}

int print_events(const struct command *self, const struct tsr_event_def *def, const char *format)
{
	if (!strcmp(format, "schema")) {
		fputs(tsr_catalogue_schema(), stdout);
	} else if (!strcmp(format, "json")) {
		if (def) {
			event_json(def);
			putchar('\n');
		} else {
			all_json();
		}
	} else if (!strcmp(format, "md")) {
		if (def)
			event_md(def);
		else
			all_md();
	} else if (!strcmp(format, "text")) {
		if (def)
			event_text(def);
		else
			list_text();
	} else {
		return usage_error(self, "unknown format '%s'; there are text, json, md, schema",
				   format);
	}
	return EXIT_DONE;
}

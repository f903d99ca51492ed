/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "process/table.h"

#define LATENCY_DEFAULT (100 * NS_PER_MS)
#define LATENCY_MAX	(10 * NS_PER_SEC)
#define RING_DEFAULT	(8UL << 20)
#define RING_MIN	(256UL << 10) /* the largest message has to fit, with room around it */
#define RING_MAX	(1UL << 30)
#define MEMORY_MIN	(8ULL << 20)
#define MEMORY_MAX	(64ULL << 30)
#define ENV_KEEP_MAX	256

struct tsr_config *tsr_config_new(void)
{
	struct tsr_config *c = xcalloc(1, sizeof(*c));

	for (size_t i = 0; i < tsr_catalogue_size(); i++)
		c->events[i] = tsr_catalogue_get((enum tsr_event_id)i)->is_default;
	c->latency = LATENCY_DEFAULT;
	c->ring_size = RING_DEFAULT;
	c->memory = TABLE_MEMORY_DEFAULT;
	c->ancestors = UINT32_MAX;
	c->scrub = true;
	c->scrubber = scrub_new();
	c->colour = -1;
	return c;
}

static void keep_env(struct tsr_config *c, const char *name)
{
	struct env_keys *keep = &c->env_keep;

	keep->names = xrealloc(keep->names, (keep->n + 1) * sizeof(*keep->names));
	keep->names[keep->n++] = xstrdup(name);
}

static enum tsr_status add_rule(struct tsr_config *c, bool regex, const char *text,
				struct tsr_error *err)
{
	enum tsr_status status = regex ? scrub_add_regex(c->scrubber, text, err)
				       : scrub_add_word(c->scrubber, text, err);

	if (status)
		return status;
	c->rules = xrealloc(c->rules, (c->n_rules + 1) * sizeof(*c->rules));
	c->rules[c->n_rules++] = (struct config_rule){ regex, xstrdup(text) };
	return TSR_OK;
}

static void copy_lists(struct tsr_config *to, const struct tsr_config *from)
{
	to->scrubber = scrub_new();
	to->rules = NULL;
	to->n_rules = 0;
	for (size_t i = 0; i < from->n_rules; i++)
		add_rule(to, from->rules[i].regex, from->rules[i].text, NULL);
	to->env_keep = (struct env_keys){ 0 };
	for (size_t i = 0; i < from->env_keep.n; i++)
		keep_env(to, from->env_keep.names[i]);
}

void config_copy(struct tsr_config *to, const struct tsr_config *from)
{
	*to = *from;
	copy_lists(to, from);
	for (size_t i = 0; i < to->n_outputs; i++)
		if (to->outputs[i].path)
			to->outputs[i].path = xstrdup(to->outputs[i].path);
	to->record = to->record ? xstrdup(to->record) : NULL;
	to->replay = to->replay ? xstrdup(to->replay) : NULL;
}

void config_clear(struct tsr_config *c)
{
	for (size_t i = 0; i < c->n_outputs; i++)
		free(c->outputs[i].path);
	for (size_t i = 0; i < c->n_rules; i++)
		free(c->rules[i].text);
	free(c->rules);
	scrub_free(c->scrubber);
	for (size_t i = 0; i < c->env_keep.n; i++)
		free(c->env_keep.names[i]);
	free(c->env_keep.names);
	free(c->record);
	free(c->replay);
	memset(c, 0, sizeof(*c));
}

void tsr_config_free(struct tsr_config *c)
{
	if (!c)
		return;
	config_clear(c);
	free(c);
}

static bool want(struct tsr_config *c, const char *name)
{
	bool found = false;

	for (size_t i = 0; i < tsr_catalogue_size(); i++) {
		const struct tsr_event_def *def = tsr_catalogue_get((enum tsr_event_id)i);

		if (strcmp(name, "all") && strcmp(name, def->name) && strcmp(name, def->group))
			continue;
		c->events[i] = true;
		found = true;
	}
	return found;
}

static enum tsr_status set_events(struct tsr_config *c, const char *value, struct tsr_error *err)
{
	char *copy = xstrdup(value), *save = NULL;
	enum tsr_status status = TSR_OK;
	size_t n = 0;

	for (size_t i = 0; i < tsr_catalogue_size(); i++)
		/* what the agent says of itself is not to be switched off */
		c->events[i] = tsr_catalogue_get((enum tsr_event_id)i)->n_hooks == 0;
	for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		const char *near;

		n++;
		if (want(c, name))
			continue;
		near = tsr_catalogue_nearest(name);
		status = tsr_fail(
			err, TSR_ERR_USAGE, "unknown event '%s'%s%s%s\n`tarsier events` lists them",
			name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		break;
	}
	free(copy);
	if (!n)
		return tsr_fail(err, TSR_ERR_USAGE, "events: the list is empty");
	return status;
}

static enum tsr_status add_output(struct tsr_config *c, const char *value, struct tsr_error *err)
{
	size_t len = strcspn(value, ":");
	char name[32];
	const char *path = value[len] ? value + len + 1 : NULL;
	const struct format *format;

	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	memcpy(name, value, len);
	name[len] = '\0';
	if (!strcmp(name, "none") && !path) {
		while (c->n_outputs)
			free(c->outputs[--c->n_outputs].path);
		return TSR_OK;
	}
	if (!strcmp(name, "none"))
		return tsr_fail(err, TSR_ERR_USAGE, "output '%s': none goes nowhere, not to a file",
				value);
	format = format_find(name);
	if (!format)
		return tsr_fail(err, TSR_ERR_USAGE, "unknown output format '%s'; there are %s",
				name, format_names());
	if (path && !*path)
		return tsr_fail(err, TSR_ERR_USAGE, "output '%s': no file behind the ':'", value);
	if (path && !strcmp(path, "-"))
		path = NULL;
	for (size_t i = 0; i < c->n_outputs; i++) {
		const char *other = c->outputs[i].path;

		if (path && other ? !strcmp(path, other) : !path && !other)
			return tsr_fail(
				err, TSR_ERR_USAGE,
				"output '%s': there is one to %s already; give it a file of its "
				"own: %s:FILE",
				value, path ? path : "standard output", name);
	}
	if (c->n_outputs == OUTPUTS_MAX)
		return tsr_fail(err, TSR_ERR_USAGE, "more than %d outputs", OUTPUTS_MAX);
	c->outputs[c->n_outputs].format = format;
	c->outputs[c->n_outputs].path = path ? xstrdup(path) : NULL;
	c->n_outputs++;
	return TSR_OK;
}

static enum tsr_status bad(struct tsr_error *err, const char *key, const char *value,
			   const char *expected)
{
	return tsr_fail(err, TSR_ERR_USAGE, "%s: '%s' is not valid; expected %s", key, value,
			expected);
}

static enum tsr_status set_duration(uint64_t *ns, const char *key, const char *value,
				    struct tsr_error *err)
{
	if (parse_duration(value, ns))
		return bad(err, key, value, "a time such as 500ms, 10s, 2m or 1h");
	return TSR_OK;
}

static enum tsr_status set_latency(struct tsr_config *c, const char *value, struct tsr_error *err)
{
	enum tsr_status status = set_duration(&c->latency, "latency", value, err);

	if (!status && c->latency > LATENCY_MAX)
		return bad(err, "latency", value, "at most 10s");
	return status;
}

static enum tsr_status set_ring(struct tsr_config *c, const char *value, struct tsr_error *err)
{
	uint64_t n;

	if (parse_size(value, &n) || n < RING_MIN || n > RING_MAX || (n & (n - 1)))
		return bad(err, "ring-size", value, "a power of two from 256K to 1G");
	c->ring_size = n;
	return TSR_OK;
}

static enum tsr_status set_memory(struct tsr_config *c, const char *value, struct tsr_error *err)
{
	uint64_t n;

	if (parse_size(value, &n) || n < MEMORY_MIN || n > MEMORY_MAX)
		return bad(err, "memory", value, "a size from 8M to 64G");
	c->memory = n;
	return TSR_OK;
}

static enum tsr_status set_ancestors(struct tsr_config *c, const char *value, struct tsr_error *err)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || n > UINT32_MAX)
		return bad(err, "ancestors", value, "a number");
	c->ancestors = (uint32_t)n;
	return TSR_OK;
}

/* One of two words. */
static enum tsr_status set_choice(bool *on, const char *key, const char *value, const char *yes,
				  const char *no, struct tsr_error *err)
{
	if (strcmp(value, yes) && strcmp(value, no))
		return tsr_fail(err, TSR_ERR_USAGE, "%s: '%s' is not valid; expected %s or %s", key,
				value, no, yes);
	*on = !strcmp(value, yes);
	return TSR_OK;
}

static enum tsr_status set_path(char **at, const char *key, const char *value,
				struct tsr_error *err)
{
	if (!*value)
		return tsr_fail(err, TSR_ERR_USAGE, "%s: no file name", key);
	free(*at);
	*at = xstrdup(value);
	return TSR_OK;
}

static enum tsr_status set_env_value(struct tsr_config *c, const char *value, struct tsr_error *err)
{
	if (!*value || strchr(value, '='))
		return bad(err, "env-value", value, "the name of a variable");
	if (c->env_keep.n == ENV_KEEP_MAX)
		return tsr_fail(err, TSR_ERR_USAGE, "env-value: more than %d names", ENV_KEEP_MAX);
	keep_env(c, value);
	return TSR_OK;
}

enum tsr_status tsr_config_set(struct tsr_config *c, const char *key, const char *value,
			       struct tsr_error *err)
{
	enum tsr_status status;
	bool on = false;

	if (!strcmp(key, "events"))
		return set_events(c, value, err);
	if (!strcmp(key, "output"))
		return add_output(c, value, err);
	if (!strcmp(key, "scope"))
		return scope_parse(&c->scope, value, err);
	if (!strcmp(key, "duration"))
		return set_duration(&c->duration, key, value, err);
	if (!strcmp(key, "latency"))
		return set_latency(c, value, err);
	if (!strcmp(key, "ring-size"))
		return set_ring(c, value, err);
	if (!strcmp(key, "memory"))
		return set_memory(c, value, err);
	if (!strcmp(key, "ancestors"))
		return set_ancestors(c, value, err);
	if (!strcmp(key, "scrub"))
		return set_choice(&c->scrub, key, value, "yes", "no", err);
	if (!strcmp(key, "scrub-word") || !strcmp(key, "scrub-regex"))
		return add_rule(c, !strcmp(key, "scrub-regex"), value, err);
	if (!strcmp(key, "env-value"))
		return set_env_value(c, value, err);
	if (!strcmp(key, "tty-fallback"))
		return set_choice(&c->tty_fallback, key, value, "yes", "no", err);
	if (!strcmp(key, "env"))
		return set_choice(&c->env_values, key, value, "values", "names", err);
	if (!strcmp(key, "on-full")) {
		status = set_choice(&on, key, value, "drop", "block", err);
		if (!status)
			c->on_full = on ? SINK_DROP : SINK_BLOCK;
		return status;
	}
	if (!strcmp(key, "color")) {
		if (!strcmp(value, "auto")) {
			c->colour = -1;
			return TSR_OK;
		}
		status = set_choice(&on, key, value, "always", "never", NULL);
		if (status)
			return bad(err, key, value, "auto, always or never");
		c->colour = on;
		return TSR_OK;
	}
	if (!strcmp(key, "record"))
		return set_path(&c->record, key, value, err);
	if (!strcmp(key, "replay"))
		return set_path(&c->replay, key, value, err);
	return tsr_fail(err, TSR_ERR_USAGE, "unknown setting '%s'", key);
}

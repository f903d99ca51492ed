/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/scope.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const struct {
	const char *name;
	uint32_t bit;
} filters[] = {
	{ "uid", SCOPE_UID },
	{ "pid", SCOPE_PID },
	{ "comm", SCOPE_COMM },
	{ "exe", SCOPE_EXE },
	{ "descendants-of", SCOPE_TREE },
};

#define FILTERS "uid, pid, comm, exe, descendants-of"

static enum tsr_status add_number(uint32_t *list, size_t *n, const char *value, const char *expr,
				  struct tsr_error *err)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || v > UINT32_MAX)
		return tsr_fail(err, TSR_ERR_USAGE, "--scope '%s': '%s' is not a number", expr,
				value);
	list[(*n)++] = (uint32_t)v;
	return TSR_OK;
}

static enum tsr_status add_comm(struct scope *s, const char *value, const char *expr,
				struct tsr_error *err)
{
	struct comm_value *c = &s->comms[s->n_comms];
	size_t len = strlen(value);

	if (!len || len >= sizeof(c->comm))
		return tsr_fail(err, TSR_ERR_USAGE,
				"--scope '%s': a name (comm) has 1 to 15 characters, '%s' has %zu",
				expr, value, len);
	memcpy(c->comm, value, len);
	s->n_comms++;
	return TSR_OK;
}

static enum tsr_status add_exe(struct scope *s, const char *value, const char *expr,
			       struct tsr_error *err)
{
	struct scope_exe_key *k = &s->exes[s->n_exes];
	size_t len = strlen(value);
	bool prefix = len && value[len - 1] == '*';

	if (*value != '/' && strncmp(value, "memfd:", 6))
		return tsr_fail(err, TSR_ERR_USAGE,
				"--scope '%s': '%s' is not an absolute path (a prefix ends in *)",
				expr, value);
	if (prefix)
		len--;
	if (len >= sizeof(k->path))
		return tsr_fail(err, TSR_ERR_USAGE, "--scope '%s': the path is longer than %zu",
				expr, sizeof(k->path) - 1);
	memcpy(k->path, value, len);
	k->prefixlen = (uint32_t)(len + !prefix) * 8;
	s->n_exes++;
	return TSR_OK;
}

static enum tsr_status add_value(struct scope *s, uint32_t bit, const char *value, const char *expr,
				 struct tsr_error *err)
{
	size_t n = bit == SCOPE_UID    ? s->n_uids
		   : bit == SCOPE_PID  ? s->n_pids
		   : bit == SCOPE_COMM ? s->n_comms
		   : bit == SCOPE_EXE  ? s->n_exes
				       : s->n_roots;

	if (n == SCOPE_MAX)
		return tsr_fail(err, TSR_ERR_USAGE, "--scope '%s': more than %d values", expr,
				SCOPE_MAX);
	switch (bit) {
	case SCOPE_UID:
		return add_number(s->uids, &s->n_uids, value, expr, err);
	case SCOPE_PID:
		return add_number(s->pids, &s->n_pids, value, expr, err);
	case SCOPE_COMM:
		return add_comm(s, value, expr, err);
	case SCOPE_EXE:
		return add_exe(s, value, expr, err);
	default:
		return add_number(s->roots, &s->n_roots, value, expr, err);
	}
}

enum tsr_status scope_parse(struct scope *s, const char *expr, struct tsr_error *err)
{
	size_t name_len = strcspn(expr, "=!");
	bool negated = expr[name_len] == '!';
	const char *values = expr + name_len + negated;
	enum tsr_status status = TSR_OK;
	char *copy, *rest;
	uint32_t bit = 0;

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		if (strlen(filters[i].name) == name_len &&
		    !strncmp(filters[i].name, expr, name_len))
			bit = filters[i].bit;
	if (!bit)
		return tsr_fail(err, TSR_ERR_USAGE,
				"--scope '%s': unknown filter '%.*s'; there are " FILTERS, expr,
				(int)name_len, expr);
	if (*values != '=' || !values[1])
		return tsr_fail(err, TSR_ERR_USAGE,
				"--scope '%s': expected %.*s=VALUE,... or %.*s!=VALUE,...", expr,
				(int)name_len, expr, (int)name_len, expr);
	if ((s->on & bit) && negated != !!(s->negated & bit))
		return tsr_fail(err, TSR_ERR_USAGE,
				"--scope '%s': both %.*s= and %.*s!= are given; use one of them",
				expr, (int)name_len, expr, (int)name_len, expr);
	copy = rest = strdup(values + 1);
	if (!copy)
		return tsr_fail(err, TSR_ERR_MEMORY, "out of memory");
	/* An empty value is refused like any wrong one: of "uid=," nothing would be left to match. */
	while (rest && !status)
		status = add_value(s, bit, strsep(&rest, ","), expr, err);
	free(copy);
	if (status)
		return status;
	s->on |= bit;
	if (negated)
		s->negated |= bit;
	return TSR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes scope expressions, one a line, all added to one scope. What is in force afterwards goes to
 * the kernel as it is: keys of maps whose bytes all count.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/scope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_comms(const struct scope *s)
{
	for (size_t i = 0; i < s->n_comms; i++) {
		const struct comm_value *c = &s->comms[i];
		size_t n = strnlen(c->comm, sizeof(c->comm));

		must(n > 0 && n < sizeof(c->comm) && !memchr(c->comm, ',', n));
		for (; n < sizeof(c->comm); n++)
			must(!c->comm[n]);
	}
}

static void check_exes(const struct scope *s)
{
	for (size_t i = 0; i < s->n_exes; i++) {
		const struct scope_exe_key *k = &s->exes[i];
		size_t n = strnlen(k->path, sizeof(k->path));

		must(*k->path == '/' || !strncmp(k->path, "memfd:", 6));
		must(n < sizeof(k->path));
		/* all of a prefix, or a whole path and its NUL */
		must(k->prefixlen == 8 * n || k->prefixlen == 8 * (n + 1));
		for (; n < sizeof(k->path); n++)
			must(!k->path[n]);
	}
}

static void check(const struct scope *s)
{
	must(!(s->negated & ~s->on));
	must(s->n_uids <= SCOPE_MAX && s->n_pids <= SCOPE_MAX && s->n_comms <= SCOPE_MAX &&
	     s->n_exes <= SCOPE_MAX && s->n_roots <= SCOPE_MAX);
	/* a filter without values would let nothing through, or everything */
	must(!(s->on & SCOPE_UID) || s->n_uids);
	must(!(s->on & SCOPE_PID) || s->n_pids);
	must(!(s->on & SCOPE_COMM) || s->n_comms);
	must(!(s->on & SCOPE_EXE) || s->n_exes);
	must(!(s->on & SCOPE_TREE) || s->n_roots);
	check_comms(s);
	check_exes(s);
}

static void add(struct scope *s, const char *expr)
{
	struct tsr_error err = { TSR_OK, "" };
	uint32_t on = s->on, negated = s->negated;
	enum tsr_status status = scope_parse(s, expr, &err);

	must(status == err.status);
	if (status) {
		must(status == TSR_ERR_USAGE);
		must(*err.message && strnlen(err.message, TSR_ERROR_MAX) < TSR_ERROR_MAX);
		must(s->on == on && s->negated == negated);
	} else {
		must(!*err.message && (s->on & on) == on && s->on);
	}
	check(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text;
	struct scope s;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&s, 0, sizeof(s));
	while (rest) {
		/* in memory of just its length */
		char *expr = strdup(strsep(&rest, "\n"));

		if (!expr)
			abort();
		add(&s, expr);
		free(expr);
	}
	free(text);
	return 0;
}

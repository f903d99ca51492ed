/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as the agent uses it: parsed, checked, complete.
 */
#ifndef TSR_AGENT_CONFIG_H
#define TSR_AGENT_CONFIG_H

#include <tarsier/agent.h>

#include "base/env.h"
#include "output/format.h"
#include "output/sink.h"
#include "policy/scope.h"
#include "process/scrub.h"

#define OUTPUTS_MAX 8

struct tsr_config {
	bool events[TSR_EVENT_COUNT];
	struct {
		const struct format *format;
		char *path; /* NULL: standard output */
	} outputs[OUTPUTS_MAX];
	size_t n_outputs;
	struct scope scope;
	uint64_t duration; /* ns, 0: no end */
	uint64_t latency, ring_size, memory;
	uint32_t ancestors;
	bool scrub, env_values, tty_fallback;
	struct env_keys env_keep; /* without env_values, these have theirs */
	/* What was added to the scrubber, for a copy to have one of its own. */
	struct config_rule {
		bool regex;
		char *text;
	} * rules;
	size_t n_rules;
	struct scrubber *scrubber; /* used only if scrub is set */
	enum sink_policy on_full;
	int colour; /* -1 auto, 0, 1 */
	char *record, *replay;
};

/* The copy shares nothing: each agent has a scrubber for its own thread. */
void config_copy(struct tsr_config *to, const struct tsr_config *from);
void config_clear(struct tsr_config *config);

#endif

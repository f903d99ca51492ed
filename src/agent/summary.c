/* SPDX-License-Identifier: Apache-2.0 */
#include <tarsier/agent.h>

#include "base/clock.h"

void tsr_summary_print(const struct tsr_summary *s, FILE *out)
{
	uint64_t lost = s->lost_kernel_ring + s->lost_recursion + s->lost_malformed +
			s->lost_output + s->lost_recording;
	static const struct {
		enum tsr_event_id id;
		const char *label;
		bool always;
	} labels[] = {
		{ TSR_EVENT_SCHED_PROCESS_FORK, "fork", true },
		{ TSR_EVENT_SCHED_PROCESS_EXEC, "exec", true },
		{ TSR_EVENT_SCHED_PROCESS_EXIT, "exit", true },
		{ TSR_EVENT_PROCESS_EXECUTE_FAILED, "exec failed", false },
		{ TSR_EVENT_TASK_RENAME, "rename", false },
		{ TSR_EVENT_LOST_EVENTS, "lost_events records", false },
	};
	const char *comma = "";

	fprintf(out, "tarsier: summary\n  events    %llu (", (unsigned long long)s->total);
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (!labels[i].always && !s->events[labels[i].id])
			continue;
		fprintf(out, "%s%s %llu", comma, labels[i].label,
			(unsigned long long)s->events[labels[i].id]);
		comma = ", ";
	}
	fprintf(out,
		")\n  lost      %llu (kernel ring %llu, recursion %llu, malformed %llu, "
		"output queue %llu, recording %llu)\n",
		(unsigned long long)lost, (unsigned long long)s->lost_kernel_ring,
		(unsigned long long)s->lost_recursion, (unsigned long long)s->lost_malformed,
		(unsigned long long)s->lost_output, (unsigned long long)s->lost_recording);
	fprintf(out, "  processes %llu at the start, %llu at the end\n",
		(unsigned long long)s->snapshot, (unsigned long long)s->processes);
	fprintf(out, "  time      %.3f s, agent cpu %.3f s\n", (double)s->elapsed_ns / 1e9,
		(double)s->cpu_ns / 1e9);
	fprintf(out, "  memory    peak %.1f MiB\n", (double)s->peak_memory / (1 << 20));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that embeds libtarsier, as a stranger would write it: by the installed headers only.
 *
 *   embed FILE   replays a recording and prints a line for each event, by the accessors;
 *                test_install holds them against the JSON of the same recording
 *   embed        watches its own children live, starts one, and ends when it has seen it
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tarsier/tarsier.h>

struct watch {
	struct tsr_agent *agent;
	pid_t child;
	int seen_exec, seen_exit;
};

static void print_string(struct tsr_string s)
{
	fwrite(s.bytes, 1, s.len, stdout);
}

/* Each of a list ends in a NUL byte. */
static void print_list(struct tsr_string list)
{
	for (size_t i = 0; i < list.len; i++)
		putchar(list.bytes[i] ? list.bytes[i] : ' ');
}

static void print_value(const struct tsr_event *event, const char *name)
{
	int index = tsr_event_def_field(tsr_event_definition(event), name);
	struct tsr_value value;

	if (index < 0 || !tsr_event_value(event, (size_t)index, &value) || !value.present)
		return;
	printf("%s=", name);
	switch (value.type) {
	case TSR_TYPE_BOOL:
	case TSR_TYPE_INT32:
	case TSR_TYPE_INT64:
		printf("%" PRId64, value.i);
		break;
	case TSR_TYPE_STRING:
		print_string(value.s);
		break;
	case TSR_TYPE_STRINGS:
		print_list(value.list);
		break;
	default:
		printf("%" PRIu64, value.u);
	}
}

static void on_event(void *user, const struct tsr_event *event)
{
	const struct tsr_event_def *def = tsr_event_definition(event);
	struct tsr_process p;
	struct tsr_value none;

	(void)user;
	printf("%s\t%" PRIu64 "\t%" PRIu64 "\t", def->name, tsr_event_seq(event),
	       tsr_event_time(event));
	if (tsr_event_process(event, &p)) {
		printf("%" PRIu32 "\t%d\t%d\t%" PRIu32 "\t", p.entity_id, p.pid, p.ppid, p.uid);
		print_string(p.name);
		putchar('\t');
		print_string(p.exe);
		putchar('\t');
		print_string(p.cwd);
		putchar('\t');
		print_string(p.user);
		putchar('\t');
		print_list(p.argv);
	}
	putchar('\t');
	for (unsigned int level = 1; tsr_event_ancestor(event, level, &p); level++)
		printf("%d,", p.pid);
	putchar('\t');
	if (tsr_event_child(event, &p))
		printf("%d", p.pid);
	putchar('\t');
	print_value(event, "pathname");
	print_value(event, "exit_code");
	print_value(event, "count");
	if (tsr_event_value(event, def->n_fields, &none))
		printf("a field that does not exist");
	putchar('\n');
}

static void on_own_event(void *user, const struct tsr_event *event)
{
	struct watch *w = user;
	struct tsr_process p;

	if (!tsr_event_process(event, &p) || p.pid != w->child)
		return;
	w->seen_exec |= tsr_event_definition(event)->id == TSR_EVENT_SCHED_PROCESS_EXEC;
	w->seen_exit |= tsr_event_definition(event)->id == TSR_EVENT_SCHED_PROCESS_EXIT;
	if (!tsr_event_ancestor(event, 1, &p) || p.pid != getpid())
		w->seen_exec = -1;
	if (w->seen_exit)
		tsr_agent_stop(w->agent);
}

static void on_ready(void *user, const struct tsr_summary *summary)
{
	struct watch *w = user;

	if (!summary->snapshot)
		return;
	w->child = fork();
	if (!w->child) {
		execl("/bin/true", "true", "embedded", (char *)NULL);
		_exit(127);
	}
	waitpid(w->child, NULL, 0);
}

static enum tsr_status run(struct tsr_config *config, struct watch *watch, struct tsr_error *err)
{
	struct tsr_summary summary;
	enum tsr_status status = tsr_agent_new(&watch->agent, config, err);

	if (status)
		return status;
	if (watch->child) {
		tsr_agent_on_event(watch->agent, on_event, NULL);
	} else {
		tsr_agent_on_ready(watch->agent, on_ready, watch);
		tsr_agent_on_event(watch->agent, on_own_event, watch);
	}
	status = tsr_agent_run(watch->agent, err);
	if (tsr_agent_run(watch->agent, NULL) != TSR_ERR_STATE)
		puts("an agent has run twice");
	tsr_agent_summary(watch->agent, &summary);
	tsr_summary_print(&summary, stderr);
	tsr_agent_free(watch->agent);
	return status;
}

/* What is wrong must be refused, with a message, and change nothing. */
static int misuse(struct tsr_config *config)
{
	struct tsr_error err = { TSR_OK, "" };

	return tsr_config_set(config, "no-such-key", "1", &err) != TSR_ERR_USAGE ||
	       err.status != TSR_ERR_USAGE || !strstr(err.message, "no-such-key") ||
	       tsr_config_set(config, "events", "no_such_event", NULL) != TSR_ERR_USAGE ||
	       strcmp(tsr_status_name(TSR_ERR_USAGE), "usage") ||
	       tsr_catalogue_find("no_such_event") ||
	       tsr_catalogue_get((enum tsr_event_id)tsr_catalogue_size());
}

int main(int argc, char **argv)
{
	struct tsr_config *config = tsr_config_new();
	struct watch watch = { .child = argc > 1 ? -1 : 0 };
	enum tsr_status status;
	struct tsr_error err;
	char scope[32];

	snprintf(scope, sizeof(scope), "descendants-of=%d", (int)getpid());
	if (misuse(config)) {
		fprintf(stderr, "misuse was not refused\n");
		tsr_config_free(config);
		return 3;
	}
	status = tsr_config_set(config, "events", "process", &err);
	if (!status)
		status = argc > 1 ? tsr_config_set(config, "replay", argv[1], &err)
				  : tsr_config_set(config, "scope", scope, &err);
	if (!status)
		status = tsr_config_set(config, "duration", "30s", &err);
	if (!status)
		status = run(config, &watch, &err);
	tsr_config_free(config);
	if (status) {
		fprintf(stderr, "%s: %s\n", tsr_status_name(status), err.message);
		return 1;
	}
	if (argc == 1)
		printf("live: exec %d, exit %d\n", watch.seen_exec, watch.seen_exit);
	return 0;
}

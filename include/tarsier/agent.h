/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: a source, the state, outputs, put together and run.
 *
 * A configuration is a set of keys, each named like the command line's option:
 *
 *   events      names, groups or "all", separated by commas; default: the catalogue's default ones
 *   output      FORMAT or FORMAT:FILE (table, json, json-pretty, none); may be set several times
 *   scope       whose events: "uid=0", "comm=bash,sh"...; several must all hold
 *   duration    ends the run after this time ("10s", "2m")
 *   latency     how long an event may wait in the kernel's ring; default "100ms", "0" wakes for each
 *   ring-size   of the kernel's ring, a power of two; default "8M"
 *   tty-fallback "yes": a process found in /proc without a terminal has that of its standard input
 *   memory      cap on what is held of processes; default "256M"
 *   ancestors   how many ancestors a record shows; default: up to pid 1
 *   scrub       "no" shows secrets in arguments as they are
 *   scrub-word  one more word that names a secret: "pin", "pin*", "*pin", "*pin*"; may be repeated
 *   scrub-regex what this regular expression (PCRE2) matches is masked, too; may be repeated
 *   env         "names" (default) or "values"
 *   env-value   NAME of a variable that has its value among the names; may be repeated
 *   on-full     what a full output queue does: "block" (default) or "drop"
 *   record      FILE to record to
 *   replay      FILE to read events from instead of the kernel
 *   color       "auto" (default), "always", "never"
 *
 * Unless a comment says otherwise, an object may be used by one thread at a time.
 */
#ifndef TARSIER_AGENT_H
#define TARSIER_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <tarsier/event.h>
#include <tarsier/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct tsr_config;
struct tsr_agent;

struct tsr_config *tsr_config_new(void);
void tsr_config_free(struct tsr_config *config);

/* TSR_ERR_USAGE with a message that names what is wrong, and the nearest thing that is not. */
enum tsr_status tsr_config_set(struct tsr_config *config, const char *key, const char *value,
			       struct tsr_error *err);

/* What happened so far, or in all. */
struct tsr_summary {
	uint64_t events[TSR_EVENT_COUNT]; /* shown or given to the callback, by tsr_event_id */
	uint64_t total;
	uint64_t lost_kernel_ring, lost_recursion, lost_malformed, lost_output, lost_recording;
	uint64_t processes; /* held now */
	uint64_t snapshot;  /* found at start */
	uint64_t elapsed_ns, cpu_ns;
	uint64_t peak_memory; /* bytes resident, of the whole program */
	uint64_t ready_ns;    /* from tsr_agent_new() to ready */
};

typedef void (*tsr_event_fn)(void *user, const struct tsr_event *event);

/* Called once, when every hook is attached and the snapshot is in. */
typedef void (*tsr_ready_fn)(void *user, const struct tsr_summary *summary);

/* Called now and then during a replay: bytes read and in all. */
typedef void (*tsr_progress_fn)(void *user, uint64_t at, uint64_t total);

/* Copies the configuration. Nothing is loaded or opened yet but files. */
enum tsr_status tsr_agent_new(struct tsr_agent **agent, const struct tsr_config *config,
			      struct tsr_error *err);
void tsr_agent_free(struct tsr_agent *agent);

void tsr_agent_on_event(struct tsr_agent *agent, tsr_event_fn fn, void *user);
void tsr_agent_on_ready(struct tsr_agent *agent, tsr_ready_fn fn, void *user);
void tsr_agent_on_progress(struct tsr_agent *agent, tsr_progress_fn fn, void *user);

/*
 * Runs until it is stopped, its duration is over, the recording ends, or the reader of its output
 * has gone. The calling thread becomes the pipeline thread. TSR_ERR_FORMAT and TSR_ERR_IO can come
 * after events were shown.
 */
enum tsr_status tsr_agent_run(struct tsr_agent *agent, struct tsr_error *err);

/* Ends a run; a second call gives up on outputs that are stuck. Any thread, async-signal-safe. */
void tsr_agent_stop(struct tsr_agent *agent);

/* After or, from a callback, during a run. */
void tsr_agent_summary(const struct tsr_agent *agent, struct tsr_summary *summary);

/*
 * Writes the process resolver's counters, as lines "name value" or as JSON (format "text", "json").
 * After or, from a callback, during a run.
 */
enum tsr_status tsr_agent_metrics_print(const struct tsr_agent *agent, const char *format,
					FILE *out, struct tsr_error *err);

/* Writes the summary as the program shows it at its end. */
void tsr_summary_print(const struct tsr_summary *summary, FILE *out);

/* What the next functions show, and how. All zero: this machine's processes, now, secrets masked. */
struct tsr_show {
	const char *file;   /* a recording, whose processes it is then */
	const char *at;	    /* "2026-11-21T01:42:04Z", "+10s" after its start; NULL: at its end */
	const char *format; /* NULL: the first one that the function names */
	bool colour;
	bool args;     /* of a graph: the arguments, too */
	bool raw;      /* of a dump: all that is known */
	bool no_scrub; /* secrets in arguments as they are */
};

/* The processes as a tree: "text" or "json"; "dot" is a graph of all images that are held. */
enum tsr_status tsr_tree_print(const struct tsr_show *show, FILE *out, struct tsr_error *err);

/*
 * One process with all that is known of it: "text" or "json". id is an entity id or, where no process
 * has that, a pid; "pid:123" is always a pid. TSR_ERR_STATE: it is not known.
 */
enum tsr_status tsr_store_process_print(const char *id, const struct tsr_show *show, FILE *out,
					struct tsr_error *err);

/* All images that are held, as "json"; the man page tarsier-stores(1) describes it. */
enum tsr_status tsr_dump_print(const struct tsr_show *show, FILE *out, struct tsr_error *err);

/* What this kernel offers: the hook of each event, what was refused and why. "text" or "json". */
enum tsr_status tsr_probe_print(const char *format, FILE *out, struct tsr_error *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif

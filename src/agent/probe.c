/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tarsier probe`: what this kernel offers, for people and for scripts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <tarsier/agent.h>

#include "base/error.h"
#include "output/json.h"
#include "source/bpf.h"
#include "source/source.h"

static str_t cstr(const char *s)
{
	return (str_t){ s, strlen(s) };
}

static void json(struct buf *b, const struct plan *p, const struct source_info *info, bool snapshot,
		 const char *reason)
{
	buf_lit(b, "{\"host\":");
	json_string(b, cstr(info->host));
	json_member(b, "kernel", cstr(info->kernel));
	json_member(b, "arch", cstr(info->arch));
	json_member(b, "version", cstr(info->version));
	buf_lit(b, ",\"snapshot\":{\"hook\":");
	json_string(b, cstr(snapshot ? "iter/task" : "procfs"));
	if (!snapshot)
		json_member(b, "refused", cstr(reason));
	buf_lit(b, "},\"events\":[");
	for (size_t i = 0; i < p->n_slots; i++) {
		const struct plan_slot *s = &p->slots[i];

		buf_str(b, i ? ",{\"event\":" : "{\"event\":");
		json_string(b, cstr(s->event->name));
		buf_lit(b, ",\"available\":");
		buf_str(b, s->chosen >= 0 ? "true" : "false");
		if (s->chosen >= 0) {
			const struct tsr_hook_def *h = s->hooks[s->chosen].def;

			json_member(b, "program", cstr(h->program));
			json_member(b, "kind", cstr(h->kind));
			json_member(b, "target", cstr(h->target));
			if (*h->limits)
				json_member(b, "limits", cstr(h->limits));
		}
		buf_lit(b, ",\"hooks\":[");
		for (size_t k = 0; k < s->n_hooks; k++) {
			const struct plan_hook *h = &s->hooks[k];

			buf_str(b, k ? ",{\"program\":" : "{\"program\":");
			json_string(b, cstr(h->def->program));
			json_member(b, "kind", cstr(h->def->kind));
			json_member(b, "target", cstr(h->def->target));
			json_member(b, "state",
				    cstr(h->refused	       ? "refused"
					 : (int)k == s->chosen ? "in use"
							       : "available"));
			if (h->refused) {
				buf_lit(b, ",\"errno\":");
				buf_i64(b, h->error);
				json_member(b, "reason", cstr(h->reason));
			}
			buf_char(b, '}');
		}
		buf_lit(b, "]}");
	}
	buf_lit(b, "]}\n");
}

static void text(struct buf *b, const struct plan *p, const struct source_info *info, bool snapshot,
		 const char *reason)
{
	buf_printf(b, "kernel %s, %s\n\n", info->kernel, info->arch);
	for (size_t i = 0; i < p->n_slots; i++) {
		const struct plan_slot *s = &p->slots[i];
		const struct tsr_hook_def *used = s->chosen >= 0 ? s->hooks[s->chosen].def : NULL;

		buf_printf(b, "%s\n", s->event->name);
		if (used)
			buf_printf(b, "  in use     %s/%s\n", used->kind, used->target);
		else
			buf_printf(b, "  in use     nothing: this event can't be had here\n");
		if (used && *used->limits)
			buf_printf(b, "  cost       %s\n", used->limits);
		for (size_t k = 0; k < s->n_hooks; k++) {
			const struct plan_hook *h = &s->hooks[k];

			if (h->refused)
				buf_printf(b, "  refused    %s/%s: %s\n", h->def->kind,
					   h->def->target, h->reason);
			else if ((int)k != s->chosen)
				buf_printf(b, "  also       %s/%s\n", h->def->kind, h->def->target);
		}
	}
	buf_printf(b, "path of a script (script_pathname)\n  %s\n",
		   bpf_script_hook()
			   ? "in use     kprobe/security_bprm_check"
			   : "in use     what was asked for, made absolute\n"
			     "  cost       a symbolic link to a script is not followed\n"
			     "  refused    kprobe/security_bprm_check: this kernel has no kprobes");
	buf_printf(b, "snapshot of the processes that exist\n");
	if (snapshot)
		buf_printf(b, "  in use     iter/task\n");
	else
		buf_printf(b,
			   "  in use     /proc\n  cost       start times are known to 10 ms only\n"
			   "  refused    iter/task: %s\n",
			   reason);
}

enum tsr_status tsr_probe_print(const char *format, FILE *out, struct tsr_error *err)
{
	bool is_json = !strcmp(format, "json"), snapshot;
	struct source_info info = { 0 };
	enum tsr_status status;
	struct buf b = { 0 };
	struct plan plan;
	char reason[256];

	if (!is_json && strcmp(format, "text"))
		return tsr_fail(err, TSR_ERR_USAGE, "unknown format '%s'; there are text, json",
				format);
	status = bpf_probe(&plan, &snapshot, reason, sizeof(reason), err);
	if (status)
		return status;
	source_info_local(&info);
	(is_json ? json : text)(&b, &plan, &info, snapshot, reason);
	if (fwrite(b.data, 1, b.len, out) != b.len || fflush(out))
		status = errno == EPIPE
				 ? TSR_OK
				 : tsr_fail(err, TSR_ERR_IO, "cannot write: %s", strerror(errno));
	buf_free(&b);
	free(info.users);
	return status;
}

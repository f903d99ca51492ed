/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of an event, by the names and in the order of the catalogue.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "event/event.h"

static void set_u(struct tsr_value *v, uint64_t u)
{
	v->present = true;
	v->u = u;
}

static void set_i(struct tsr_value *v, int64_t i)
{
	v->present = true;
	v->i = i;
}

static void set_str(struct tsr_value *v, str_t s)
{
	v->present = true;
	v->s = s;
}

/* An optional string: an empty one is absent. */
static void opt_str(struct tsr_value *v, str_t s)
{
	if (s.len)
		set_str(v, s);
}

static void set_list(struct tsr_value *v, str_t list)
{
	v->present = true;
	v->list = list;
}

static str_t comm_str(const char *comm)
{
	return (str_t){ comm, strnlen(comm, EV_COMM_LEN) };
}

static void add_name(char *list, size_t size, size_t *len, const char *name)
{
	size_t n = strlen(name) + 1;

	if (*len + n > size)
		return;
	memcpy(list + *len, name, n);
	*len += n;
}

static void fork_values(const struct tsr_event *ev, struct tsr_value *v)
{
	const struct ev_fork *f = &ev->fork;
	const struct ev_task *t = &ev->task;

	set_i(&v[TSR_F_SCHED_PROCESS_FORK_PARENT_TID], t->tid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_PARENT_NS_TID], t->ns_tid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_PARENT_PID], t->pid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_PARENT_NS_PID], t->ns_pid);
	set_u(&v[TSR_F_SCHED_PROCESS_FORK_PARENT_START_TIME], t->thread_start);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_CHILD_TID], f->child_pid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_CHILD_NS_TID], f->child_ns_pid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_CHILD_PID], f->child_pid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_CHILD_NS_PID], f->child_ns_pid);
	set_u(&v[TSR_F_SCHED_PROCESS_FORK_START_TIME], f->child_start);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_PARENT_PROCESS_TID], f->ppid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_PARENT_PROCESS_NS_TID], f->parent_ns_pid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_PARENT_PROCESS_PID], f->ppid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_PARENT_PROCESS_NS_PID], f->parent_ns_pid);
	set_u(&v[TSR_F_SCHED_PROCESS_FORK_PARENT_PROCESS_START_TIME], f->parent_start);
	/* Only thread groups are reported, so the child leads its own. */
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_LEADER_TID], f->child_pid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_LEADER_NS_TID], f->child_ns_pid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_LEADER_PID], f->child_pid);
	set_i(&v[TSR_F_SCHED_PROCESS_FORK_LEADER_NS_PID], f->child_ns_pid);
	set_u(&v[TSR_F_SCHED_PROCESS_FORK_LEADER_START_TIME], f->child_start);
}

static const struct {
	uint32_t bit;
	const char *name;
} cut_names[] = {
	{ EV_CUT_CMDPATH, "cmdpath" }, { EV_CUT_PATH, "pathname" },    { EV_CUT_ARGV, "argv" },
	{ EV_CUT_INTERP, "interp" },   { EV_CUT_STDIN, "stdin_path" }, { EV_CUT_ENV, "env" },
	{ EV_CUT_CWD, "pwd" },
};

static void cut_values(struct tsr_value *v, uint32_t cut, const char *path_name,
		       const char *env_name, struct event_scratch *tmp)
{
	size_t len = 0;

	if (!cut)
		return;
	for (size_t i = 0; i < sizeof(cut_names) / sizeof(cut_names[0]); i++)
		if (cut & cut_names[i].bit)
			add_name(tmp->truncated, sizeof(tmp->truncated), &len,
				 cut_names[i].bit == EV_CUT_ENV	      ? env_name
				 : cut_names[i].bit == EV_CUT_CMDPATH ? path_name
								      : cut_names[i].name);
	set_list(v, (str_t){ tmp->truncated, len });
}

static void exec_values(const struct tsr_event *ev, struct tsr_value *v, struct event_scratch *tmp)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} secure[] = { { 1, "setuid" },
		       { 2, "setgid" },
		       { 4, "file_caps" },
		       { 8, "setuid_root" },
		       { 16, "setgid_root" } };
	static const uint8_t ns_fields[] = { TSR_F_SCHED_PROCESS_EXEC_UTS_NS,
					     TSR_F_SCHED_PROCESS_EXEC_IPC_NS,
					     TSR_F_SCHED_PROCESS_EXEC_MNT_NS,
					     TSR_F_SCHED_PROCESS_EXEC_PID_NS,
					     TSR_F_SCHED_PROCESS_EXEC_PID_NS_FOR_CHILDREN,
					     TSR_F_SCHED_PROCESS_EXEC_NET_NS,
					     TSR_F_SCHED_PROCESS_EXEC_TIME_NS,
					     TSR_F_SCHED_PROCESS_EXEC_TIME_NS_FOR_CHILDREN,
					     TSR_F_SCHED_PROCESS_EXEC_CGROUP_NS,
					     TSR_F_SCHED_PROCESS_EXEC_USER_NS };
	const struct ev_exec *e = &ev->exec;
	size_t len = 0;

	set_str(&v[TSR_F_SCHED_PROCESS_EXEC_CMDPATH], e->cmdpath);
	set_str(&v[TSR_F_SCHED_PROCESS_EXEC_PATHNAME], e->path);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_DEV], e->exe.dev);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_INODE], e->exe.ino);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_CTIME], e->exe.ctime);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_INODE_MODE], e->exe.mode);
	if (e->interpreter.len) {
		const struct ev_file *f = &e->interpreter_file;

		set_str(&v[TSR_F_SCHED_PROCESS_EXEC_INTERPRETER_PATHNAME], e->interpreter);
		set_u(&v[TSR_F_SCHED_PROCESS_EXEC_INTERPRETER_DEV], f->dev);
		set_u(&v[TSR_F_SCHED_PROCESS_EXEC_INTERPRETER_INODE], f->ino);
		set_u(&v[TSR_F_SCHED_PROCESS_EXEC_INTERPRETER_CTIME], f->ctime);
	}
	set_list(&v[TSR_F_SCHED_PROCESS_EXEC_ARGV], e->args);
	set_str(&v[TSR_F_SCHED_PROCESS_EXEC_INTERP], e->interp.len ? e->interp : e->cmdpath);
	if (e->stdin_type)
		set_u(&v[TSR_F_SCHED_PROCESS_EXEC_STDIN_TYPE], e->stdin_type);
	opt_str(&v[TSR_F_SCHED_PROCESS_EXEC_STDIN_PATH], e->stdin_path);
	set_i(&v[TSR_F_SCHED_PROCESS_EXEC_INVOKED_FROM_KERNEL], e->kernel);
	set_str(&v[TSR_F_SCHED_PROCESS_EXEC_PREV_COMM], ev->prev_comm);
	set_list(&v[TSR_F_SCHED_PROCESS_EXEC_ENV], e->envs);
	opt_str(&v[TSR_F_SCHED_PROCESS_EXEC_PWD], e->cwd);
	opt_str(&v[TSR_F_SCHED_PROCESS_EXEC_SCRIPT_PATHNAME], ev->script);
	for (size_t i = 0; i < sizeof(secure) / sizeof(secure[0]); i++)
		if (e->secure & secure[i].bit)
			add_name(tmp->secure, sizeof(tmp->secure), &len, secure[i].name);
	if (len)
		set_list(&v[TSR_F_SCHED_PROCESS_EXEC_SECURE_EXEC], (str_t){ tmp->secure, len });
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_NLINK], e->nlink);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_SUID], e->suid);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_SGID], e->sgid);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_FSUID], e->fsuid);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_FSGID], e->fsgid);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_EGID], ev->task.egid);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_SECUREBITS], e->securebits);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_CAP_PERMITTED], e->cap_permitted);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_CAP_EFFECTIVE], e->cap_effective);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_CAP_INHERITABLE], e->cap_inheritable);
	if (e->auid != UINT32_MAX)
		set_u(&v[TSR_F_SCHED_PROCESS_EXEC_LOGINUID], e->auid);
	set_i(&v[TSR_F_SCHED_PROCESS_EXEC_SID], e->sid);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_CGROUP_ID], e->cgroup_id);
	opt_str(&v[TSR_F_SCHED_PROCESS_EXEC_CGROUP_NAME], e->cgroup);
	for (size_t i = 0; i < sizeof(ns_fields); i++)
		if (e->ns[i] || !ev->def->fields[ns_fields[i]].optional)
			set_u(&v[ns_fields[i]], e->ns[i]);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_USER_NS_LEVEL], (uint32_t)e->user_ns_level);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_USER_NS_UID], e->user_ns_uid);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_USER_NS_GID], e->user_ns_gid);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_ARGV_SIZE], e->args_size);
	set_u(&v[TSR_F_SCHED_PROCESS_EXEC_ENV_SIZE], e->envs_size);
	cut_values(&v[TSR_F_SCHED_PROCESS_EXEC_TRUNCATED], e->cut, "cmdpath", "env", tmp);
}

static void exit_values(const struct tsr_event *ev, struct tsr_value *v)
{
	uint32_t code = ev->exit.code, signal = code & 0x7f;

	set_i(&v[TSR_F_SCHED_PROCESS_EXIT_EXIT_CODE], signal ? 0 : (code >> 8) & 0xff);
	set_i(&v[TSR_F_SCHED_PROCESS_EXIT_SIGNAL_CODE], signal);
	set_i(&v[TSR_F_SCHED_PROCESS_EXIT_PROCESS_GROUP_EXIT], true);
	set_i(&v[TSR_F_SCHED_PROCESS_EXIT_CORE_DUMPED], !!(code & 0x80));
	set_u(&v[TSR_F_SCHED_PROCESS_EXIT_RUN_TIME], ev->run_time);
}

static void failed_values(const struct tsr_event *ev, struct tsr_value *v,
			  struct event_scratch *tmp)
{
	const struct ev_exec_failed *f = &ev->failed;
	const char *name = f->ret < 0 && f->ret > -4096 ? strerrorname_np((int)-f->ret) : NULL;

	set_i(&v[TSR_F_PROCESS_EXECUTE_FAILED_DIRFD], f->dirfd);
	set_i(&v[TSR_F_PROCESS_EXECUTE_FAILED_FLAGS], f->flags);
	if (f->path.bytes)
		set_str(&v[TSR_F_PROCESS_EXECUTE_FAILED_PATHNAME], f->path);
	if (f->stdin_type)
		set_u(&v[TSR_F_PROCESS_EXECUTE_FAILED_STDIN_TYPE], f->stdin_type);
	opt_str(&v[TSR_F_PROCESS_EXECUTE_FAILED_STDIN_PATH], f->stdin_path);
	set_i(&v[TSR_F_PROCESS_EXECUTE_FAILED_KERNEL_INVOKED], 0);
	if (f->args.len || !(f->cut & EV_CUT_ARGV))
		set_list(&v[TSR_F_PROCESS_EXECUTE_FAILED_ARGV], f->args);
	if (f->envs.len || !(f->cut & EV_CUT_ENV))
		set_list(&v[TSR_F_PROCESS_EXECUTE_FAILED_ENVP], f->envs);
	set_i(&v[TSR_F_PROCESS_EXECUTE_FAILED_RETURNVALUE], f->ret);
	if (name)
		set_str(&v[TSR_F_PROCESS_EXECUTE_FAILED_ERROR], (str_t){ name, strlen(name) });
	cut_values(&v[TSR_F_PROCESS_EXECUTE_FAILED_TRUNCATED], f->cut, "pathname", "envp", tmp);
}

static void lost_values(const struct tsr_event *ev, struct tsr_value *v)
{
	static const char *const stages[] = { "kernel_ring", "kernel_recursion", "malformed",
					      "output_queue", "recording" };
	static const char *const reasons[] = { "unknown", "ENOENT", "E2BIG", "EBUSY",
					       "EINVAL",  "ENOSPC", "EAGAIN" };
	const struct ev_lost *l = &ev->lost;
	const char *stage =
		l->stage < sizeof(stages) / sizeof(stages[0]) ? stages[l->stage] : "unknown";

	set_u(&v[TSR_F_LOST_EVENTS_COUNT], l->count);
	set_str(&v[TSR_F_LOST_EVENTS_STAGE], (str_t){ stage, strlen(stage) });
	if (l->type)
		set_str(&v[TSR_F_LOST_EVENTS_TYPE], (str_t){ l->type, strlen(l->type) });
	if (l->reason && l->reason < sizeof(reasons) / sizeof(reasons[0]))
		set_str(&v[TSR_F_LOST_EVENTS_REASON],
			(str_t){ reasons[l->reason], strlen(reasons[l->reason]) });
	set_u(&v[TSR_F_LOST_EVENTS_FROM], l->from);
	set_u(&v[TSR_F_LOST_EVENTS_TO], l->to);
}

void event_values(const struct tsr_event *ev, struct tsr_value *v, struct event_scratch *tmp)
{
	for (size_t i = 0; i < ev->def->n_fields; i++) {
		v[i].type = ev->def->fields[i].type;
		v[i].present = false;
	}
	switch (ev->def->id) {
	case TSR_EVENT_SCHED_PROCESS_FORK:
		fork_values(ev, v);
		break;
	case TSR_EVENT_SCHED_PROCESS_EXEC:
		exec_values(ev, v, tmp);
		break;
	case TSR_EVENT_SCHED_PROCESS_EXIT:
		exit_values(ev, v);
		break;
	case TSR_EVENT_PROCESS_EXECUTE_FAILED:
		failed_values(ev, v, tmp);
		break;
	case TSR_EVENT_TASK_RENAME:
		set_str(&v[TSR_F_TASK_RENAME_OLD_NAME], comm_str(ev->rename.old_name));
		set_str(&v[TSR_F_TASK_RENAME_NEW_NAME], comm_str(ev->rename.new_name));
		break;
	case TSR_EVENT_LOST_EVENTS:
		lost_values(ev, v);
		break;
	case TSR_EVENT_COUNT:
		break;
	}
}

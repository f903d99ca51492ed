/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world of processes for the benchmark: who lives, and the messages of what happens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "build_messages.h"
#include "resolver.h"

#define CGROUPS	     20
#define SHELLS	     16
#define FIRST_PID    300000 /* of programs; the population's are below */
#define LAST_PID     4000000
#define STEP	     200000 /* ns between the events of a program */
#define ENV_MAX	     2048
#define ARGV_SIZE    60
#define MESSAGES_MAX 4096 /* bytes: of any message here */

struct env_text {
	char path[64], name[16];
	char env[ENV_MAX];
	size_t env_len;
};

static const char *const env_names[N_ENV_KINDS] = {
	[ENV_NONE] = "none",
	[ENV_SAME] = "same",
	[ENV_PROGRAM] = "program",
	[ENV_UNIQUE] = "unique",
};

const char *env_name(enum env_kind kind)
{
	return env_names[kind];
}

struct batch *batch_new(size_t n_programs)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->n_max = KINDS * n_programs;
	b->cap = n_programs * MESSAGES_MAX;
	b->bytes = xcalloc(1, b->cap);
	b->at = xcalloc(b->n_max + 1, sizeof(*b->at));
	return b;
}

void batch_free(struct batch *b)
{
	free(b->bytes);
	free(b->at);
	free(b);
}

static int batch_add(void *user, const void *msg, size_t len)
{
	struct batch *b = user;

	if (b->n == b->n_max || b->cap - b->len < len)
		abort();
	memcpy(b->bytes + b->len, msg, len);
	b->len += (len + 7) & ~(size_t)7;
	b->at[++b->n] = b->len;
	return 0;
}

static void decode(const void *msg, struct tsr_event *ev)
{
	/* behind a message there can be padding: its length is its own */
	if (wire_decode(msg, ((const struct msg_common *)msg)->size, NULL, ev) != WIRE_OK)
		abort();
}

void batch_decode(const struct batch *b, struct tsr_event *events)
{
	for (size_t i = 0; i < b->n; i++)
		decode(b->bytes + b->at[i], &events[i]);
}

void events_later(struct tsr_event *events, size_t n, uint64_t ns)
{
	for (size_t i = 0; i < n; i++) {
		struct tsr_event *ev = &events[i];

		ev->ktime += ns;
		switch (i % KINDS) {
		case 0:
			ev->fork.child_start += ns;
			break;
		case 1:
			ev->exec.image += ns;
			ev->exec.prev_image += ns;
			ev->task.start += ns;
			break;
		default:
			ev->task.start += ns;
			ev->task.image += ns;
		}
	}
}

void apply(struct table *t, struct tsr_event *ev)
{
	table_apply(t, ev);
	table_done(t, ev);
}

void table_settle(struct table *t, uint64_t now)
{
	do {
		table_tend(t, now);
		usleep(1000);
	} while (t->reclaim.waiting);
}

/* 30 variables, 1.5 KB; the last one, `_`, is set for each program. */
static void make_env(struct env_text *text, const char *underscore)
{
	static const char *const common[] = {
		"SHELL=/bin/bash",
		"HISTCONTROL=ignoreboth",
		"LANG=en_US.UTF-8",
		"USER=builder",
		"LOGNAME=builder",
		"HOME=/home/builder",
		"TERM=xterm-256color",
		"SHLVL=2",
		"PWD=/srv/app",
		"OLDPWD=/srv",
		"LESSOPEN=| /usr/bin/lesspipe %s",
		"XDG_SESSION_ID=c2",
		"XDG_RUNTIME_DIR=/run/user/1000",
		"XDG_SESSION_TYPE=tty",
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus",
		"EDITOR=vim",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/tools/bin",
		"JAVA_HOME=/usr/lib/jvm/java-17-openjdk-amd64",
		"GOPATH=/home/builder/go",
		"CARGO_HOME=/home/builder/.cargo",
		"PYTHONUNBUFFERED=1",
		"NODE_ENV=production",
		"KUBERNETES_SERVICE_HOST=10.96.0.1",
		"KUBERNETES_SERVICE_PORT=443",
		"SSH_CONNECTION=192.0.2.17 51514 192.0.2.1 22",
		"SSH_TTY=/dev/pts/3",
		"MAIL=/var/mail/builder",
		"HOSTNAME=worker-17.example.org",
	};
	char colors[620];
	int n = 0;

	memset(colors, 'x', sizeof(colors) - 1); /* ls's are half of the environment of most */
	colors[sizeof(colors) - 1] = '\0';
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		n += snprintf(text->env + n, sizeof(text->env) - (size_t)n, "%s", common[i]) + 1;
	n += snprintf(text->env + n, sizeof(text->env) - (size_t)n, "LS_COLORS=%s", colors) + 1;
	n += snprintf(text->env + n, sizeof(text->env) - (size_t)n, "_=%s", underscore) + 1;
	text->env_len = (size_t)n;
}

static void make_texts(struct world *w)
{
	w->texts = xcalloc(PROGRAMS, sizeof(*w->texts));
	for (size_t i = 0; i < PROGRAMS; i++) {
		struct env_text *text = &w->texts[i];

		snprintf(text->path, sizeof(text->path), "/usr/lib/service-%03zu/bin/worker-%03zu",
			 i, i);
		snprintf(text->name, sizeof(text->name), "worker-%03zu", i);
		make_env(text, w->env == ENV_SAME ? "/usr/bin/env" : text->path);
	}
}

struct world *world_empty(size_t n, enum env_kind env)
{
	struct world *w = xcalloc(1, sizeof(*w));

	table_init(&w->t, 1700000000000000000);
	w->t.memory_cap = 4UL << 30;
	w->now = 1000 * NS_PER_SEC + 1234567;
	w->random = 1;
	w->next_pid = FIRST_PID;
	w->env = env;
	w->live = xcalloc(n, sizeof(*w->live));
	memset(w->live, 1, n * sizeof(*w->live)); /* what it takes it takes now */
	w->n_live = n;
	w->n_shells = n < SHELLS ? n : SHELLS;
	make_texts(w);
	buf_room(&w->tmp, MESSAGES_MAX);
	return w;
}

void world_free(struct world *w)
{
	table_free(&w->t);
	buf_free(&w->tmp);
	free(w->texts);
	free(w->live);
	free(w);
}

static struct msg_task task_for(const struct world *w, const struct live *l)
{
	const struct who who = { l->pid, l->start, l->ppid, l->parent_start,
				 w->texts[l->program].name };
	struct msg_task t = task_of(&who);

	t.image = l->image;
	t.uid = t.euid = t.suid = t.fsuid = 1000 + l->cgroup % 3;
	t.gid = t.egid = t.sgid = t.fsgid = 1000;
	t.auid = 1000;
	t.sessionid = 3;
	memcpy(t.tty, "pts3", sizeof("pts3"));
	return t;
}

static void emit_fork(struct world *w, const struct live *by, const struct live *child,
		      wire_emit_fn emit, void *user)
{
	struct msg_clone_event m = {
		.common.ktime = w->now,
		.parent = { .pid = by->pid, .ktime = by->image },
		.pid = child->pid,
		.tid = child->pid,
		.nspid = child->pid,
		.ktime = child->start,
	};
	struct msg_clone_ext x = {
		.task = task_for(w, by),
		.child_ppid = by->pid,
		.child_parent_ns_pid = by->pid,
		.child_parent_start = by->start,
		.child_parent_image = by->image,
	};

	wire_encode_fork(&m, &x, emit, user);
}

static size_t argv_for(struct world *w, const struct live *l, char *to)
{
	int n = snprintf(to, ARGV_SIZE, "%s%c--listen%c127.0.0.1:%05u%c--id=%08x",
			 w->texts[l->program].name, 0, 0, random_of(&w->random) % 65536, 0,
			 random_of(&w->random));

	memset(to + n, 'x', ARGV_SIZE - (size_t)n);
	to[ARGV_SIZE - 1] = '\0';
	return ARGV_SIZE;
}

/* Everything that an exec message has of a process, also one of the snapshot. */
static void emit_exec(struct world *w, const struct live *l, uint64_t prev_image, uint32_t flags,
		      wire_emit_fn emit, void *user)
{
	const struct who who = { l->pid, l->start, l->ppid, l->parent_start, NULL };
	struct env_text *text = &w->texts[l->program];
	char argv[ARGV_SIZE], cwd[32];
	struct wire_exec e =
		exec_of(w->now, &who, text->path, (str_t){ argv, argv_for(w, l, argv) }, flags);

	snprintf(cwd, sizeof(cwd), "/srv/app-%02u", l->cgroup);
	snprintf(e.event.kube.docker_id, sizeof(e.event.kube.docker_id),
		 "cri-containerd-%064u.scope", l->cgroup);
	if (w->env == ENV_UNIQUE) {
		/* one of the first, so that all of it has to be looked at to tell them apart */
		char number[16];

		snprintf(number, sizeof(number), "%08x", random_of(&w->random));
		memcpy(text->env + sizeof("SHELL=") - 1, number, 8);
	}
	e.exec.flags &= ~(uint32_t)MSG_EXEC_ROOT_CWD;
	e.exec.ktime = l->image;
	e.exec.uid = 1000 + l->cgroup % 3;
	e.exec.auid = 1000;
	e.ext.task = task_for(w, l);
	e.ext.exe = (struct msg_file){
		.ino = 1000 + l->program, .ctime = 1, .dev = 2049, .mode = 0755
	};
	e.ext.interpreter = (struct msg_file){ .ino = 7, .ctime = 1, .dev = 2049, .mode = 0755 };
	e.ext.sid = l->ppid;
	e.ext.pgid = l->pid;
	e.ext.stdin_type = 0020000;
	e.event.kube.cgrpid = 5000 + l->cgroup;
	e.event.cleanup_process.ktime = prev_image;
	for (size_t i = 0; i < 10; i++)
		(&e.event.ns.uts_inum)[i] = 4026531834U + (uint32_t)i + (i == 2) * l->cgroup;
	e.cwd = str_of(cwd);
	if (w->env != ENV_NONE)
		e.envs = (str_t){ text->env, text->env_len };
	e.strings[EXEC_STR_CMDPATH] = e.path;
	e.strings[EXEC_STR_STDIN] = str_of("/dev/pts/3");
	e.strings[EXEC_STR_INTERPRETER] = str_of("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
	wire_encode_exec(&e, &w->tmp, emit, user);
}

static void emit_exit(struct world *w, const struct live *l, bool reaper, wire_emit_fn emit,
		      void *user)
{
	struct msg_exit_event m = {
		.common.ktime = w->now,
		.current = { .pid = l->pid, .ktime = l->image },
		.info = { .tid = l->pid },
	};
	struct msg_exit_ext x = {
		.task = task_for(w, l),
		.reaper_pid = reaper ? w->live[0].pid : 0,
		.reaper_start = reaper ? w->live[0].start : 0,
	};

	wire_encode_exit(&m, &x, emit, user);
}

static int deliver(void *user, const void *msg, size_t len)
{
	struct world *w = user;
	struct tsr_event ev;

	(void)len;
	decode(msg, &ev);
	apply(&w->t, &ev);
	if (++w->since_tended % TEND_EVERY == 0)
		table_tend(&w->t, w->now);
	return 0;
}

void world_populate(struct world *w, bool from_snapshot)
{
	for (size_t i = 0; i < w->n_live; i++) {
		const struct live *parent = i ? &w->live[(i - 1) / CHILDREN] : NULL;
		struct live *l = &w->live[i];

		w->now += STEP;
		*l = (struct live){
			.pid = (uint32_t)i + 1,
			.start = w->now,
			.image = w->now,
			.ppid = parent ? parent->pid : 0,
			.parent_start = parent ? parent->start : 0,
			.program = random_of(&w->random) % PROGRAMS,
			.cgroup = random_of(&w->random) % CGROUPS,
		};
		if (from_snapshot || !parent) {
			emit_exec(w, l, 0, MSG_EXEC_TASK_WALK, deliver, w);
			continue;
		}
		emit_fork(w, parent, l, deliver, w);
		l->image = w->now += STEP;
		emit_exec(w, l, l->start, MSG_EXEC_EXECVE, deliver, w);
	}
	if (w->t.n_processes != w->n_live)
		abort();
}

void world_line(struct world *w, size_t first, size_t last)
{
	if (first == 1) {
		w->live[0] = (struct live){ .pid = 1, .start = w->now, .image = w->now };
		emit_exec(w, &w->live[0], 0, MSG_EXEC_TASK_WALK, deliver, w);
	}
	for (size_t i = first; i < last; i++) {
		struct live *above = &w->live[i - 1], *l = &w->live[i];

		w->now += STEP;
		*l = (struct live){
			.pid = (uint32_t)i + 1,
			.start = w->now,
			.image = w->now,
			.ppid = above->pid,
			.parent_start = above->start,
		};
		emit_fork(w, above, l, deliver, w);
		if (i > 1) {
			w->now += STEP;
			emit_exit(w, above, false, deliver, w);
		}
	}
}

static struct live next_program(struct world *w, const struct live *shell)
{
	struct live l = {
		.pid = w->next_pid++,
		.ppid = shell->pid,
		.parent_start = shell->start,
		.start = w->now,
		.image = w->now,
		.program = random_of(&w->random) % PROGRAMS,
		.cgroup = shell->cgroup,
	};

	if (w->next_pid == LAST_PID)
		w->next_pid = FIRST_PID;
	return l;
}

static void emit_program(struct world *w, wire_emit_fn emit, void *user)
{
	const struct live *shell = &w->live[w->n_live - 1 - random_of(&w->random) % w->n_shells];
	struct live l;

	w->now += STEP;
	l = next_program(w, shell);
	emit_fork(w, shell, &l, emit, user);
	l.image = w->now += STEP;
	emit_exec(w, &l, l.start, MSG_EXEC_EXECVE, emit, user);
	w->now += STEP;
	emit_exit(w, &l, true, emit, user);
}

void world_programs(struct world *w, struct batch *b, size_t n)
{
	b->n = b->len = 0;
	for (size_t i = 0; i < n; i++)
		emit_program(w, batch_add, b);
}

struct world *world_new(size_t n, enum env_kind env)
{
	struct world *w = world_empty(n, env);

	world_populate(w, false);
	for (size_t i = 0; i < TABLE_EXITED_MAX + BATCH; i++)
		emit_program(w, deliver, w);
	if (w->t.n_processes != n || w->t.n_exited != TABLE_EXITED_MAX)
		abort();
	return w;
}

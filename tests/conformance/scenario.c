/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define WORD	 40
#define ARGS	 6
#define NAMES	 40
#define MESSAGES 64

enum fate { ARRIVES, LOST, TWICE, LATE, AGAIN };

struct messages {
	struct {
		void *bytes;
		size_t len;
	} at[MESSAGES];
	size_t n;
};

struct scene {
	struct kernel kernel;
	struct sensor sensor;
	struct {
		char name[WORD];
		const struct image *image;
	} names[NAMES];
	size_t n_names;
	enum fate fate;
	struct messages late, walk;
	uint64_t walk_begin;
	unsigned int result;
	const struct image *found; /* by Resolve */
	char *why;
	size_t why_size;
};

/* WORD(ARG,...)=VALUE */
struct call {
	char word[WORD], args[ARGS][WORD], value[WORD];
	int n;
	bool has_value;
};

static bool wrong(struct scene *s, const char *what, const char *more)
{
	if (!s->why[0])
		snprintf(s->why, s->why_size, "%s%s", what, more);
	return false;
}

static void keep(struct messages *m, const void *msg, size_t len)
{
	if (m->n == MESSAGES)
		abort();
	m->at[m->n].bytes = memcpy(xmalloc(len), msg, len);
	m->at[m->n++].len = len;
}

static void deliver_all(struct scene *s, struct messages *m)
{
	for (size_t i = 0; i < m->n; i++) {
		sensor_message(&s->sensor, m->at[i].bytes, m->at[i].len);
		free(m->at[i].bytes);
	}
	m->n = 0;
}

static void drop_all(struct messages *m)
{
	while (m->n)
		free(m->at[--m->n].bytes);
}

/* Where the kernel's messages go: a wire_emit_fn. */
static int emit(void *user, const void *msg, size_t len)
{
	struct scene *s = user;

	if (s->fate == LATE || s->fate == AGAIN)
		keep(&s->late, msg, len);
	if (s->fate == LOST || s->fate == LATE)
		return 0;
	sensor_message(&s->sensor, msg, len);
	if (s->fate == TWICE)
		sensor_message(&s->sensor, msg, len);
	return 0;
}

static int take_walk(void *user, const void *msg, size_t len)
{
	keep(&((struct scene *)user)->walk, msg, len);
	return 0;
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

/* The live process that an argument names, in the kernel. */
static bool process_arg(struct scene *s, const struct call *c, int arg, int *process)
{
	*process = k_find(&s->kernel, number(c->args[arg]));
	return *process != K_NONE || wrong(s, "no such process in the kernel: ", c->args[arg]);
}

static const struct image *image_called(const struct scene *s, const char *name)
{
	struct process *p;

	for (size_t i = s->n_names; i-- > 0;)
		if (!strcmp(s->names[i].name, name))
			return s->names[i].image;
	p = isdigit((unsigned char)name[0]) ? table_find(&s->sensor.table, number(name)) : NULL;
	return p ? p->image : NULL;
}

/* nil gives NULL; e. is the image before e. False: it names nothing. */
static bool image_named(struct scene *s, const char *name, const struct image **image)
{
	size_t dots = 0, n = strlen(name);
	char first[WORD];

	*image = NULL;
	if (!strcmp(name, "nil"))
		return true;
	while (n - dots > 1 && name[n - dots - 1] == '.')
		dots++;
	snprintf(first, sizeof(first), "%.*s", (int)(n - dots), name);
	for (*image = image_called(s, first); *image && dots; dots--)
		*image = (*image)->previous;
	return *image || wrong(s, "the table has no ", name);
}

static bool name_image(struct scene *s, const struct call *c, uint32_t pid)
{
	struct process *p = table_find(&s->sensor.table, pid);

	if (!c->has_value)
		return true;
	if (!p || s->n_names == NAMES)
		return wrong(s, "there is nothing to be named ", c->value);
	memcpy(s->names[s->n_names].name, c->value, WORD);
	s->names[s->n_names++].image = p->image;
	return true;
}

/* What happens. */

static bool do_fork(struct scene *s, const struct call *c)
{
	uint32_t pid = number(c->args[1]);
	int by;

	if (!number(c->args[0])) {
		k_tell(&s->kernel, k_boot(&s->kernel, pid), WALK_SNAPSHOT, false, emit, s);
		return name_image(s, c, pid);
	}
	if (!process_arg(s, c, 0, &by))
		return false;
	k_fork(&s->kernel, by, pid, c->word[1] == 'p');
	return name_image(s, c, pid);
}

static bool do_exec(struct scene *s, const struct call *c)
{
	struct k_program program = { 0 };
	int p;

	if (!process_arg(s, c, 0, &p))
		return false;
	snprintf(program.file, sizeof(program.file), "%.*s", K_NAME - 1, c->args[1]);
	k_list_add(&program.args, program.file);
	for (int i = 2; i < c->n; i++)
		k_list_add(strchr(c->args[i], '=') ? &program.envs : &program.args, c->args[i]);
	k_exec(&s->kernel, p, &program);
	return name_image(s, c, number(c->args[0]));
}

static bool do_exit(struct scene *s, const struct call *c)
{
	int p;

	if (!process_arg(s, c, 0, &p))
		return false;
	k_exit(&s->kernel, p, c->word[1] != 'q');
	return true;
}

static bool do_rename(struct scene *s, const struct call *c)
{
	int p;

	if (!process_arg(s, c, 0, &p))
		return false;
	k_rename(&s->kernel, p, c->n > 1 ? c->args[1] : NULL);
	return name_image(s, c, number(c->args[0]));
}

static bool do_late(struct scene *s, const struct call *c)
{
	(void)c;
	deliver_all(s, &s->late);
	return true;
}

static bool do_walk(struct scene *s, const struct call *c)
{
	struct kernel *k = &s->kernel;
	bool broken = !strcmp(c->args[0], "broken");

	if (strcmp(c->args[0], "tell") != 0) {
		s->walk_begin = k_tick(k);
		for (size_t i = 0; i < k->n_processes; i++)
			if (k->processes[i].alive && (!broken || !s->walk.n))
				k_tell(k, (int)i, WALK_AFTER_LOSS, false, take_walk, s);
		k_walked(k, s->walk_begin, broken, take_walk, s);
	}
	if (strcmp(c->args[0], "take") != 0)
		deliver_all(s, &s->walk);
	return true;
}

static bool do_snapshot(struct scene *s, const struct call *c)
{
	int p;

	if (!process_arg(s, c, 0, &p))
		return false;
	k_tell(&s->kernel, p, WALK_SNAPSHOT, c->n > 1, emit, s);
	return name_image(s, c, number(c->args[0]));
}

/* What changes in the kernel and is not told. */

static bool do_adopt(struct scene *s, const struct call *c)
{
	int child, parent = K_NONE;

	if (!process_arg(s, c, 0, &child) || (number(c->args[1]) && !process_arg(s, c, 1, &parent)))
		return false;
	s->kernel.processes[child].parent =
		parent == K_NONE ? K_NONE : s->kernel.processes[parent].image;
	return true;
}

static bool do_set(struct scene *s, const struct call *c)
{
	struct k_process *p;
	int at;

	if (!process_arg(s, c, 0, &at))
		return false;
	p = &s->kernel.processes[at];
	if (!strcmp(c->word, "Subreaper"))
		p->subreaper = true;
	else if (!strcmp(c->word, "Kthread"))
		p->kthread = true;
	else if (!strcmp(c->word, "Setuid"))
		p->uid = number(c->args[1]);
	else if (!strcmp(c->word, "Login"))
		p->auid = number(c->args[1]);
	else if (!strcmp(c->word, "Ns"))
		p->ns = number(c->args[1]);
	else if (!strcmp(c->word, "Tty"))
		snprintf(p->tty, K_NAME, "%.*s", K_NAME - 1, c->args[1]);
	else if (!strcmp(c->word, "Cgroup"))
		snprintf(p->cgroup, K_NAME, "%.*s", K_NAME - 1, c->args[1]);
	return true;
}

static bool do_act_as(struct scene *s, const struct call *c)
{
	struct k_process *p;
	int at;

	if (!process_arg(s, c, 0, &at))
		return false;
	p = &s->kernel.processes[at];
	p->tid = c->n > 1 ? number(c->args[1]) : p->pid;
	p->thread_uid = number(c->args[2]);
	return true;
}

/* The resolver. */

static bool do_sources(struct scene *s, const struct call *c)
{
	struct lookup *l = &s->sensor.lookup;
	bool on = !strcmp(c->args[0], "on");
	bool maps = l->ops.kernel_map, procfs = l->ops.procfs;

	if (!strcmp(c->word, "Ready"))
		l->ready = on;
	else if (!strcmp(c->word, "Maps"))
		sensor_sources(&s->sensor, on, procfs);
	else
		sensor_sources(&s->sensor, maps, on);
	return true;
}

static bool do_resolve(struct scene *s, const struct call *c)
{
	uint64_t inode = c->n > 1 ? k_inode(c->args[1]) : 0;

	s->found = lookup_resolve(&s->sensor.lookup, number(c->args[0]), inode, c->n < 3);
	return !c->has_value || (s->found && name_image(s, c, number(c->args[0]))) ||
	       wrong(s, "not found: ", c->args[0]);
}

static bool do_reparent(struct scene *s, const struct call *c)
{
	const struct image *i;

	if (!image_named(s, c->args[0], &i))
		return false;
	s->result = lookup_reparent(&s->sensor.lookup, (struct image *)i);
	return true;
}

static bool do_time(struct scene *s, const struct call *c)
{
	struct lookup *l = &s->sensor.lookup;

	if (!strcmp(c->word, "Later")) {
		sensor_later(&s->sensor, number(c->args[0]));
	} else if (!strcmp(c->word, "Between")) {
		sensor_between(&s->sensor);
	} else {
		l->spent_since = clock_boot_ns();
		l->spent = NS_PER_SEC;
	}
	return true;
}

static bool do_cap(struct scene *s, const struct call *c)
{
	s->sensor.table.memory_cap = number(c->args[0]);
	return true;
}

/* What must hold: a text that is compared. */

static const char *truth(bool b)
{
	return b ? "T" : "F";
}

static const char *copy_str(char *to, str_t s)
{
	snprintf(to, WORD, "%.*s", (int)s.len, s.len ? s.bytes : "");
	return to;
}

static const char *text_number(char *to, uint64_t n)
{
	snprintf(to, WORD, "%llu", (unsigned long long)n);
	return to;
}

/* The arguments behind the file's name, with commas. */
static const char *text_args(char *to, const struct image *i)
{
	str_t argv = image_args(i, argv);
	size_t first = strnlen(argv.bytes ? argv.bytes : "", argv.len) + 1;

	if (first >= argv.len)
		return "";
	argv.bytes += first;
	argv.len -= first + 1;
	copy_str(to, argv);
	for (size_t n = 0; n < argv.len && n < WORD - 1; n++)
		if (!argv.bytes[n])
			to[n] = ',';
	return to;
}

static const char *text_lineage(enum lineage l)
{
	static const char *const names[N_LINEAGES] = { "ok", "missing", "wrong", "incomplete" };

	return names[l];
}

/* Of the namespaces: that of mounts. */
static const char *text_ns(char *to, const struct image *i)
{
	str_t ns = image_str(i, ns);

	return text_number(to, ns.len ? ((const uint32_t *)(const void *)ns.bytes)[2] : 0);
}

static const char *text_of_process(char *to, const char *what, const struct process *p)
{
	const struct creds *c = p ? creds_of(p) : NULL;

	if (!p)
		return NULL;
	if (!strcmp(what, "uid"))
		return c ? text_number(to, c->uid) : "unknown";
	if (!strcmp(what, "auid"))
		return c ? text_number(to, c->auid) : "unknown";
	if (!strcmp(what, "ppid"))
		return text_number(to, p->ppid);
	if (!strcmp(what, "origin"))
		return origin_name(p->origin);
	return NULL;
}

static const char *text_of_image(struct scene *s, char *to, const char *what, const struct image *i)
{
	if (!strcmp(what, "is_exec"))
		return truth(image_is(i, IMAGE_IS_EXEC));
	if (!strcmp(what, "is_exec_exec"))
		return truth(image_is(i, IMAGE_IS_EXEC_EXEC));
	if (!strcmp(what, "missing"))
		return truth(image_is(i, IMAGE_PARENT_MISSING | IMAGE_EXEC_LOST));
	if (!strcmp(what, "kthread"))
		return truth(image_is(i, IMAGE_KTHREAD));
	if (!strcmp(what, "cut"))
		return truth(image_is(i, IMAGE_ARGV_TRUNCATED));
	if (!strcmp(what, "ended"))
		return truth(image_is(i, IMAGE_DEAD));
	if (!strcmp(what, "stub"))
		return truth(!i->info);
	if (!strcmp(what, "lineage"))
		return text_lineage(lineage_check(i));
	if (!strcmp(what, "exe"))
		return copy_str(to, istr_str(i->exe));
	if (!strcmp(what, "comm"))
		return copy_str(to, istr_str(i->comm));
	if (!strcmp(what, "args"))
		return text_args(to, i);
	if (!strcmp(what, "tty"))
		return copy_str(to, image_str(i, tty));
	if (!strcmp(what, "cgroup"))
		return copy_str(to, image_str(i, cgroup));
	if (!strcmp(what, "ns"))
		return text_ns(to, i);
	if (!strcmp(what, "sid"))
		return text_number(to, i->info ? i->info->sid : 0);
	if (!strcmp(what, "began"))
		return i->ktime == s->kernel.now ? "new" : "old";
	if (!strcmp(what, "ended_at"))
		return image_exit_time(i) == s->kernel.now ? "new" : "old";
	return text_of_process(to, what, image_process(i));
}

static const char *text_asked(struct scene *s, char *to)
{
	size_t len = 0;

	to[0] = '\0';
	for (size_t i = 0; i < s->sensor.n_asked && i < SENSOR_ASKED && len < WORD - 8; i++)
		len += (size_t)snprintf(to + len, WORD - len, "%s%u", i ? "," : "",
					s->sensor.asked[i]);
	s->sensor.n_asked = 0;
	return to;
}

static const char *text_stat(struct scene *s, char *to, const char *name)
{
	const struct table_stats *t = &s->sensor.table.stats;
	const struct lookup_stats *l = &s->sensor.lookup.stats;
	const struct {
		const char *name;
		uint64_t n;
	} stats[] = {
		{ "bad_forks", t->bad_forks },
		{ "equal_execs", t->equal_execs },
		{ "lost_execs", t->lost_execs },
		{ "lost_exits", t->lost_exits },
		{ "placeholders", t->placeholders },
		{ "reused_pids", t->reused_pids },
		{ "spliced", t->spliced },
		{ "evicted", t->evicted },
		{ "reparented.exit", t->reparented[REPARENT_EXIT] },
		{ "reparented.event", t->reparented[REPARENT_EVENT] },
		{ "reparented.lookup", t->reparented[REPARENT_LOOKUP] },
		{ "failed.exit", t->reparent_failed[REPARENT_EXIT] },
		{ "failed.event", t->reparent_failed[REPARENT_EVENT] },
		{ "failed.lookup", t->reparent_failed[REPARENT_LOOKUP] },
		{ "lineage.missing", t->lineage[LINEAGE_MISSING_PARENT] },
		{ "lineage.incomplete", t->lineage[LINEAGE_INCOMPLETE] },
		{ "lineage.wrong", t->lineage[LINEAGE_WRONG_PARENT] },
		{ "hits.cache", l->hits[HIT_CACHE] },
		{ "hits.maps", l->hits[HIT_KERNEL_MAP] },
		{ "hits.procfs", l->hits[HIT_PROCFS] },
		{ "misses", l->misses },
		{ "inode_mismatch", l->inode_mismatch },
		{ "limited", l->limited },
		{ "deferred", l->deferred },
		{ "malformed", s->sensor.malformed },
	};

	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++)
		if (!strcmp(stats[i].name, name))
			return text_number(to, stats[i].n);
	return NULL;
}

static const char *text_of_world(struct scene *s, char *to, const struct call *c)
{
	if (!strcmp(c->word, "size"))
		return text_number(to, s->sensor.table.n_processes);
	if (!strcmp(c->word, "held"))
		return text_number(to, s->sensor.table.stats.processes);
	if (!strcmp(c->word, "images"))
		return text_number(to, s->sensor.table.stats.images);
	if (!strcmp(c->word, "result"))
		return text_number(to, s->result);
	if (!strcmp(c->word, "shown"))
		return truth(s->sensor.shown);
	if (!strcmp(c->word, "asked"))
		return text_asked(s, to);
	if (!strcmp(c->word, "n_asked"))
		return text_number(to, s->sensor.n_asked);
	if (!strcmp(c->word, "stat"))
		return text_stat(s, to, c->args[0]);
	return NULL;
}

/* The image that a statement asks for: false, it asks for none. */
static bool image_asked(const struct scene *s, const char *what, const struct image *of,
			const struct image **is)
{
	if (!strcmp(what, "anc"))
		*is = of->previous ? of->previous : of->parent;
	else if (!strcmp(what, "parent"))
		*is = of->parent;
	else if (!strcmp(what, "previous"))
		*is = of->previous;
	else if (!strcmp(what, "map"))
		*is = of;
	else if (!strcmp(what, "found"))
		*is = s->found;
	else
		return false;
	return true;
}

static const char *image_text(const struct scene *s, char *to, const struct image *i)
{
	if (!i)
		return "nil";
	for (size_t n = s->n_names; n-- > 0;)
		if (s->names[n].image == i)
			return s->names[n].name;
	snprintf(to, WORD, "an image of %u", i->pid);
	return to;
}

static bool is_gone(struct scene *s, const struct call *c)
{
	return !strcmp(c->word, "map") && !strcmp(c->value, "nil") &&
	       !table_find(&s->sensor.table, number(c->args[0]));
}

static bool check(struct scene *s, const struct call *c)
{
	const struct image *of = NULL, *is, *should;
	char text[WORD];
	const char *got = text_of_world(s, text, c);

	if (is_gone(s, c))
		return true;
	if (!got && strcmp(c->word, "found") != 0 && !image_named(s, c->args[0], &of))
		return false;
	if (!got && (of || !strcmp(c->word, "found")) && image_asked(s, c->word, of, &is)) {
		if (!image_named(s, c->value, &should))
			return false;
		return is == should || wrong(s, "it is ", image_text(s, text, is));
	}
	if (!got && of)
		got = text_of_image(s, text, c->word, of);
	if (!got)
		return wrong(s, "what is ", c->word);
	return !strcmp(got, c->value) || wrong(s, "it is ", got);
}

static const struct {
	const char *word;
	bool (*run)(struct scene *s, const struct call *c);
} statements[] = {
	{ "F", do_fork },	  { "Fp", do_fork },	     { "E", do_exec },
	{ "X", do_exit },	  { "D", do_exit },	     { "Xq", do_exit },
	{ "R", do_rename },	  { "Late", do_late },	     { "Walk", do_walk },
	{ "S", do_snapshot },	  { "Adopt", do_adopt },     { "Subreaper", do_set },
	{ "Kthread", do_set },	  { "Setuid", do_set },	     { "Login", do_set },
	{ "Ns", do_set },	  { "Tty", do_set },	     { "Cgroup", do_set },
	{ "As", do_act_as },	  { "Ready", do_sources },   { "Maps", do_sources },
	{ "Procfs", do_sources }, { "Resolve", do_resolve }, { "Reparent", do_reparent },
	{ "Later", do_time },	  { "Between", do_time },    { "Busy", do_time },
	{ "Cap", do_cap },
};

static bool run_call(struct scene *s, const struct call *c)
{
	if (!isupper((unsigned char)c->word[0]))
		return check(s, c);
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (!strcmp(statements[i].word, c->word))
			return statements[i].run(s, c);
	return wrong(s, "what is ", c->word);
}

static const char *take_word(const char *at, const char *until, char *to)
{
	size_t n = strcspn(at, until);

	snprintf(to, WORD, "%.*s", (int)n, at);
	return at + n;
}

/* One statement of n bytes, without blanks. */
static bool parse(struct scene *s, const char *text, struct call *c)
{
	static const struct {
		const char *prefix;
		enum fate fate;
	} fates[] = {
		{ "lost:", LOST }, { "twice:", TWICE }, { "late:", LATE }, { "again:", AGAIN }
	};

	*c = (struct call){ 0 };
	s->fate = ARRIVES;
	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
		if (strncmp(text, fates[i].prefix, strlen(fates[i].prefix)) != 0)
			continue;
		s->fate = fates[i].fate;
		text += strlen(fates[i].prefix);
	}
	text = take_word(text, "(=", c->word);
	while (*text == '(' || *text == ',') {
		if (c->n == ARGS)
			return wrong(s, "too many arguments", "");
		text = take_word(text + 1, ",)", c->args[c->n++]);
	}
	text += *text == ')';
	if (*text == '=') {
		c->has_value = true;
		text = take_word(text + 1, "", c->value);
	}
	return !*text || wrong(s, "not a statement", "");
}

static bool run_text(struct scene *s, const char *text)
{
	char statement[4 * WORD], after[128];
	struct call c;

	for (;;) {
		size_t n;

		text += strspn(text, " \t\n");
		n = strcspn(text, " \t\n");
		if (!n)
			return true;
		snprintf(statement, sizeof(statement), "%.*s", (int)n, text);
		if (!parse(s, statement, &c) || !run_call(s, &c) ||
		    (s->sensor.wrong && !wrong(s, "the state is broken: ", s->sensor.wrong))) {
			snprintf(after, sizeof(after), "%s", s->why);
			snprintf(s->why, s->why_size, "at %s: %s", statement, after);
			return false;
		}
		text += n;
	}
}

bool scenario_run(const char *text, uint64_t step, char *why, size_t size)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	bool ok;

	s->why = why;
	s->why_size = size;
	why[0] = '\0';
	k_init(&s->kernel, step, emit, s);
	sensor_init(&s->sensor, &s->kernel);
	ok = run_text(s, text);
	drop_all(&s->late);
	drop_all(&s->walk);
	sensor_free(&s->sensor);
	k_free(&s->kernel);
	free(s);
	return ok;
}

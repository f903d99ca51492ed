/* SPDX-License-Identifier: Apache-2.0 */
#include "source/bpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "source/ring.h"
#include "source/snapshot.h"
#include "source/walk.h"
#include "tarsier.skel.h"
#include "wire.h"

#define WAKE_NOT	 UINT64_MAX /* the programs do not wake us: the timer drains */
#define WAKE_PART	 8	    /* of the ring: what is left is time for us to be scheduled */
#define PROGRAMS_MAX	 32
#define RECURSION_CHECK	 NS_PER_SEC
#define PRIORITY	 (-10)
#define LONGEST_SLEEP_MS 1000
#define HOLD		 (10 * NS_PER_MS)
#define LAST_WAIT	 NS_PER_SEC /* for a message that is still being written at the end */

/* What libbpf said last about a program: it names who refused, and why. */
static _Thread_local struct {
	char program[64];
	char text[192];
} complaint;

struct live {
	struct source s;
	struct bpf_options options;
	struct scope scope;
	struct plan plan;
	struct tarsier_bpf *skel;
	struct bpf_link *links[PROGRAMS_MAX];
	const struct bpf_program *programs[PROGRAMS_MAX];
	size_t n_links;
	struct ring ring;
	int epoll_fd, wake_fd;
	struct walk walk;
	unsigned int quiet; /* polls in a row that found nothing */
	bool stopped, again;
	uint64_t stopped_at;
	char without[64]; /* an optional program that this kernel refused */
	/* losses: what was counted when we looked last */
	uint64_t lost_seen, lost_since, missed_seen, missed_checked, missed_at_stop;
	struct kernel_stats seen;
};

__attribute__((format(printf, 2, 0))) static int on_libbpf(enum libbpf_print_level level,
							   const char *fmt, va_list ap)
{
	char line[256];
	const char *name, *end;

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	name = strstr(line, "prog '");
	if (!name)
		return 0;
	name += 6;
	end = strchr(name, '\'');
	/* "-- BEGIN PROG LOAD LOG --" and what follows is the verifier's: too long for a reason */
	if (!end || strstr(line, "PROG LOAD LOG"))
		return 0;
	snprintf(complaint.program, sizeof(complaint.program), "%.*s", (int)(end - name), name);
	if (!complaint.text[0]) {
		end += end[1] == ':' ? 3 : 1;
		snprintf(complaint.text, sizeof(complaint.text), "%.*s", (int)strcspn(end, "\n"),
			 end);
	}
	return 0;
}

static void forget_complaint(void)
{
	complaint.program[0] = '\0';
	complaint.text[0] = '\0';
}

bool bpf_script_hook(void)
{
	return !access("/sys/bus/event_source/devices/kprobe/type", F_OK);
}

/* An optional program is not worth a second attempt at everything: no kprobes, no try. */
static bool worth_trying(const char *name)
{
	return !strstr(name, "kprobe") || !plan_optional(name) || bpf_script_hook();
}

static void want_program(void *user, const char *name)
{
	struct live *l = user;
	static const char *const behind[] = { "again", "last" };
	struct bpf_program *p = bpf_object__find_program_by_name(l->skel->obj, name);
	char again[64];

	if (!p || !worth_trying(name) || !strcmp(name, l->without))
		return;
	bpf_program__set_autoload(p, true);
	if (!l->again)
		return;
	for (int i = 0; i < 2; i++) {
		snprintf(again, sizeof(again), "%s_%s", name, behind[i]);
		p = bpf_object__find_program_by_name(l->skel->obj, again);
		if (p)
			bpf_program__set_autoload(p, true);
	}
}

static void configure(struct live *l, struct tarsier_bpf *skel)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 1)
		cpus = 1;
	skel->rodata->cfg_nr_cpus = (uint32_t)cpus;
	skel->rodata->cfg_again = l->again;
	skel->rodata->cfg_scope = l->scope.on;
	skel->rodata->cfg_scope_not = l->scope.negated;
	bpf_map__set_max_entries(skel->maps.ring, (uint32_t)l->options.ring_size);
	bpf_map__set_max_entries(skel->maps.images, (uint32_t)l->options.max_images);
	if (!l->again)
		bpf_map__set_max_entries(skel->maps.seen_first, 1);
	bpf_map__set_max_entries(skel->maps.scratches,
				 3 * (uint32_t)cpus + 1 + (l->again ? N_SLOTS_AGAIN : 0));
}

static struct tarsier_bpf *open_skeleton(struct live *l)
{
	struct tarsier_bpf *skel = tarsier_bpf__open();

	if (skel)
		configure(l, skel);
	return skel;
}

static void fill_scope(const struct scope *s, struct tarsier_bpf *skel)
{
	uint8_t one = 1;

	for (size_t i = 0; i < s->n_uids; i++)
		bpf_map_update_elem(bpf_map__fd(skel->maps.scope_uid), &s->uids[i], &one, 0);
	for (size_t i = 0; i < s->n_pids; i++)
		bpf_map_update_elem(bpf_map__fd(skel->maps.scope_pid), &s->pids[i], &one, 0);
	for (size_t i = 0; i < s->n_comms; i++)
		bpf_map_update_elem(bpf_map__fd(skel->maps.scope_comm), &s->comms[i], &one, 0);
	for (size_t i = 0; i < s->n_exes; i++)
		bpf_map_update_elem(bpf_map__fd(skel->maps.scope_exe), &s->exes[i], &one, 0);
	for (size_t i = 0; i < s->n_roots; i++)
		bpf_map_update_elem(bpf_map__fd(skel->maps.scope_roots), &s->roots[i], &one, 0);
}

static void detach(struct live *l)
{
	/* Second programs go first, then beginnings, then ends: the reverse of how they came. */
	while (l->n_links)
		bpf_link__destroy(l->links[--l->n_links]);
}

static bool has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/*
 * Ends before beginnings: a process whose fork is seen must not end before its exit would be. An
 * end whose beginning was not seen does no harm.
 */
static int attach_turn(const struct bpf_program *p)
{
	const char *name = bpf_program__name(p);

	/* Of a function's exit, the program that was attached last runs first. */
	if (strstr(name, "_fexit"))
		return strstr(name, "_last") ? 0 : strstr(name, "_again") ? 1 : 2;
	/* behind all first ones: they look at what these have done */
	if (strstr(name, "_again"))
		return 3;
	if (strstr(name, "_last"))
		return 4;
	return has_prefix(name, "exit_") ? 0 : has_prefix(name, "fork_") ? 2 : 1;
}

static int attach_one_turn(struct live *l, int turn, char *culprit, size_t size)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, l->skel->obj) {
		struct bpf_link *link;

		/* the iterators run when they are read */
		if (!bpf_program__autoload(p) || has_prefix(bpf_program__name(p), "snapshot") ||
		    attach_turn(p) != turn)
			continue;
		if (l->n_links == PROGRAMS_MAX)
			return -E2BIG;
		link = bpf_program__attach(p);
		if (!link) {
			int err = -errno;

			if (plan_optional(bpf_program__name(p)))
				continue;
			snprintf(culprit, size, "%s", bpf_program__name(p));
			return err;
		}
		l->programs[l->n_links] = p;
		l->links[l->n_links++] = link;
	}
	return 0;
}

static int attach(struct live *l, char *culprit, size_t size)
{
	int err = 0;

	for (int turn = 0; turn <= 4 && !err; turn++)
		err = attach_one_turn(l, turn, culprit, size);
	return err;
}

/* Loads and attaches; what refuses is replaced by its next alternative until it holds. */
static enum tsr_status load(struct live *l, struct tsr_error *err)
{
	enum {
		SNAPSHOT_ARGS,
		SNAPSHOT,
		SNAPSHOT_NONE
	} snapshot = l->scope.on & SCOPE_EXE ? SNAPSHOT : SNAPSHOT_ARGS;
	const struct plan_slot *failed;
	char culprit[64];
	int e;

	for (;;) {
		l->skel = open_skeleton(l);
		if (!l->skel)
			return tsr_fail(err, TSR_ERR_UNSUPPORTED, "cannot open the eBPF object: %s",
					strerror(errno));
		plan_programs(&l->plan, want_program, l);
		bpf_program__set_autoload(l->skel->progs.snapshot_args, snapshot == SNAPSHOT_ARGS);
		bpf_program__set_autoload(l->skel->progs.snapshot, snapshot == SNAPSHOT);
		forget_complaint();
		e = tarsier_bpf__load(l->skel);
		if (!e) {
			fill_scope(&l->scope, l->skel);
			forget_complaint();
			e = attach(l, culprit, sizeof(culprit));
			if (!e)
				return TSR_OK;
		} else {
			snprintf(culprit, sizeof(culprit), "%s", complaint.program);
		}
		detach(l);
		tarsier_bpf__destroy(l->skel);
		l->skel = NULL;
		if (has_prefix(culprit, "snapshot")) {
			snapshot++;
			continue;
		}
		if (plan_optional(culprit) && strcmp(culprit, l->without)) {
			snprintf(l->without, sizeof(l->without), "%s", culprit);
			continue;
		}
		if (!plan_refuse(&l->plan, culprit, -e, complaint.text))
			return tsr_fail(err, e == -EPERM ? TSR_ERR_PERMISSION : TSR_ERR_UNSUPPORTED,
					"cannot load the eBPF programs: %s%s%s\n"
					"try `tarsier probe` to see what this kernel takes",
					strerror(-e), complaint.text[0] ? ": " : "",
					complaint.text);
		failed = plan_failed(&l->plan);
		if (failed) {
			const struct plan_hook *last = &failed->hooks[failed->n_hooks - 1];

			return tsr_fail(err, e == -EPERM ? TSR_ERR_PERMISSION : TSR_ERR_UNSUPPORTED,
					"no hook works for %s; the last one tried, %s: %s\n"
					"try `tarsier probe` to see all of them",
					failed->event->name, last->def->program, last->reason);
		}
	}
}

static int read_snapshot(struct live *l, struct buf *seen, message_fn fn, void *user)
{
	struct bpf_program *p = l->skel->progs.snapshot_args;
	struct bpf_link *link;
	int fd, n;

	if (bpf_program__fd(p) < 0)
		p = l->skel->progs.snapshot;
	if (bpf_program__fd(p) < 0)
		return -EOPNOTSUPP;
	link = bpf_program__attach_iter(p, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	n = fd < 0 ? -errno : snapshot_read(fd, seen, fn, user);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return n;
}

static enum tsr_status start(struct source *s, message_fn fn, void *user, struct tsr_error *err)
{
	struct live *l = (struct live *)s;
	/* Edges only: data that is there does not wake us, a program's wake-up does. */
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	struct buf seen = { 0 };
	enum tsr_status status;
	uint64_t attached;
	int n, ring_fd;

	/* A storm that takes every CPU must not keep us from draining the ring. Best effort. */
	setpriority(PRIO_PROCESS, 0, PRIORITY);
	status = load(l, err);
	if (status)
		return status;
	attached = clock_boot_ns();
	/* Only now, when libbpf has freed what it needs to load: the two peaks do not add up. */
	malloc_trim(0);
	ring_fd = bpf_map__fd(l->skel->maps.ring);
	n = ring_map(&l->ring, ring_fd, l->options.ring_size);
	if (n)
		return tsr_fail(err, TSR_ERR_MEMORY, "cannot map the ring buffer: %s",
				strerror(-n));
	ev.data.fd = ring_fd;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, ring_fd, &ev))
		return tsr_fail(err, TSR_ERR_IO, "cannot wait for the ring buffer: %s",
				strerror(errno));
	l->lost_since = l->missed_checked = clock_boot_ns();
	/* A pass that only marks: forks of those not marked yet would go unmarked between two. */
	if (l->scope.on & SCOPE_TREE)
		read_snapshot(l, NULL, NULL, NULL);
	n = read_snapshot(l, &seen, fn, user);
	if (n < 0)
		n = snapshot_procfs(NULL, UINT64_MAX, fn, user);
	else
		n = snapshot_procfs(&seen, attached, fn, user);
	buf_free(&seen);
	if (n < 0)
		return tsr_fail(err, TSR_ERR_IO, "cannot list the processes: %s", strerror(-n));
	return TSR_OK;
}

static void report_lost(uint64_t count, uint32_t stage, uint8_t op, uint8_t reason, uint64_t from,
			uint64_t to, message_fn fn, void *user)
{
	struct msg_lost m = {
		.common = { .op = MSG_OP_LOST, .size = sizeof(m), .ktime = to },
		.count = count,
		.from = from,
		.to = to,
		.stage = stage,
		.op = op,
		.reason = reason,
	};

	fn(user, &m, sizeof(m));
}

/* Messages that the programs could not send, by op and kind of error. */
static void check_ring_losses(struct live *l, message_fn fn, void *user)
{
	uint64_t total = __atomic_load_n(&l->skel->bss->lost_total, __ATOMIC_RELAXED);
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(l->skel->maps.stats);
	uint64_t now = clock_boot_ns();
	struct kernel_stats *per_cpu;
	uint32_t zero = 0;

	l->walk.due |= total != l->lost_seen;
	if (total == l->lost_seen && !l->stopped) {
		l->lost_since = now;
		return;
	}
	per_cpu = xcalloc((size_t)cpus, sizeof(*per_cpu));
	if (!bpf_map_lookup_elem(fd, &zero, per_cpu)) {
		for (int op = 0; op < 256; op++) {
			for (int r = 0; r < SENT_FAILED_MAX; r++) {
				uint64_t n = 0, old = l->seen.sent_failed[op][r];

				for (int c = 0; c < cpus; c++)
					n += per_cpu[c].sent_failed[op][r];
				if (n > old)
					report_lost(n - old, LOST_KERNEL_RING, (uint8_t)op,
						    (uint8_t)r, l->lost_since, now, fn, user);
				l->seen.sent_failed[op][r] = n;
			}
		}
		l->lost_seen = total;
		l->lost_since = now;
	}
	free(per_cpu);
}

/*
 * Runs that the kernel skipped because a program was under way on that CPU already, and that no
 * programs behind made good. What one of these or an optional one misses is no event.
 */
static uint64_t count_missed(struct live *l)
{
	uint64_t missed = 0, good;

	for (size_t i = 0; i < l->n_links; i++) {
		const char *name = bpf_program__name(l->programs[i]);
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (strstr(name, "_again") || strstr(name, "_last") || plan_optional(name))
			continue;
		if (!bpf_obj_get_info_by_fd(bpf_program__fd(l->programs[i]), &info, &len))
			missed += info.recursion_misses;
	}
	good = __atomic_load_n(&l->skel->bss->recovered_total, __ATOMIC_RELAXED);
	return missed > good ? missed - good : 0;
}

static void check_recursion(struct live *l, message_fn fn, void *user)
{
	uint64_t now = clock_boot_ns();
	uint64_t missed = l->stopped ? l->missed_at_stop : count_missed(l);

	l->walk.due |= missed > l->missed_seen;
	if (missed > l->missed_seen) {
		report_lost(missed - l->missed_seen, LOST_KERNEL_RECURSION, 0, 0, l->missed_checked,
			    now, fn, user);
		l->missed_seen = missed;
	}
	l->missed_checked = now;
}

/* How long a message waits for older ones: a program can be preempted before it has sent. */
static uint64_t hold_time(const struct live *l)
{
	return l->options.latency < HOLD ? l->options.latency : HOLD;
}

/*
 * What was lost is made good by walking through all processes. What the walk saw is older than
 * events that are in the ring by then, so these are delivered first.
 */
static int follow_walk(struct live *l, uint64_t until, message_fn fn, void *user)
{
	if (l->stopped)
		return 0;
	if (l->walk.waiting && l->ring.read_all && until > l->walk.end)
		return walk_deliver(&l->walk, fn, user);
	if (walk_wanted(&l->walk, clock_boot_ns())) {
		struct buf seen = { 0 };
		int n;

		l->walk.begin = clock_boot_ns();
		n = read_snapshot(l, &seen, walk_take, &l->walk);
		/* whom the iterator leaves out; all, where the kernel refuses it */
		n = snapshot_procfs(n < 0 ? NULL : &seen, n < 0 ? UINT64_MAX : l->walk.begin,
				    walk_take, &l->walk);
		buf_free(&seen);
		walk_end(&l->walk, n, clock_boot_ns());
	}
	return 0;
}

static int drain(struct live *l, message_fn fn, void *user)
{
	uint64_t until = l->stopped ? UINT64_MAX : clock_boot_ns() - hold_time(l);
	int n, err;

	/* first: what was lost makes what is behind it doubtful */
	check_ring_losses(l, fn, user);
	n = ring_drain(&l->ring, until, fn, user);
	if (n < 0)
		return n;
	check_ring_losses(l, fn, user);
	if (n && clock_boot_ns() - l->missed_checked > RECURSION_CHECK)
		check_recursion(l, fn, user);
	err = follow_walk(l, until, fn, user);
	return err ? err : n;
}

static int to_ms(uint64_t ns)
{
	return (int)((ns + NS_PER_MS - 1) / NS_PER_MS);
}

/*
 * While messages come, the timer drains the ring and the programs wake us only when it fills. When
 * it has been empty, the next message wakes us, so that a quiet machine is left alone and a single
 * event does not wait.
 */
static int poll_live(struct source *s, int timeout_ms, message_fn fn, void *user,
		     struct tsr_error *err)
{
	struct live *l = (struct live *)s;
	int latency = to_ms(l->options.latency), wait = timeout_ms;
	struct epoll_event events[2];
	int n = drain(l, fn, user);

	if (n < 0) {
		tsr_fail(err, TSR_ERR_IO, "cannot read the ring buffer: %s", strerror(-n));
		return n;
	}
	if (n) {
		l->quiet = 0;
		if (l->stopped)
			return n;
		wait = latency;
	} else if (l->stopped) {
		/* A program that was preempted may still be writing what is next. */
		if (!ring_empty(&l->ring) && clock_boot_ns() - l->stopped_at < LAST_WAIT) {
			usleep(1000);
			return 0;
		}
		check_recursion(l, fn, user);
		return -ENODATA;
	} else if (l->ring.n_kept) {
		l->quiet = 0;
		wait = to_ms(hold_time(l));
	} else if (l->walk.due || l->walk.waiting) {
		l->quiet = 0;
		wait = to_ms(WALK_PAUSE / 4);
	} else if (++l->quiet < 3) {
		wait = latency; /* a program may have looked at wake_at before we set it */
	}
	/* Nothing that goes wrong with wake-ups may put us to sleep for good. */
	if (wait < 0 || wait > LONGEST_SLEEP_MS)
		wait = LONGEST_SLEEP_MS;
	if (timeout_ms >= 0 && wait > timeout_ms)
		wait = timeout_ms;
	__atomic_store_n(&l->skel->data->wake_at,
			 !l->quiet && latency ? l->options.ring_size / WAKE_PART : 0,
			 __ATOMIC_SEQ_CST);
	if (wait && !(l->quiet && !ring_empty(&l->ring))) {
		int k = epoll_wait(l->epoll_fd, events, 2, wait);

		for (int i = 0; i < k; i++) {
			uint64_t count;

			if (events[i].data.fd == l->wake_fd &&
			    read(l->wake_fd, &count, sizeof(count)) < 0)
				continue; /* nothing to take: somebody else's poll has */
		}
	}
	return n;
}

static void wake(struct source *s)
{
	struct live *l = (struct live *)s;
	uint64_t one = 1;
	ssize_t n = write(l->wake_fd, &one, sizeof(one));

	(void)n; /* full: it is awake already */
}

static void stop(struct source *s)
{
	struct live *l = (struct live *)s;

	l->missed_at_stop = count_missed(l);
	detach(l);
	l->stopped = true;
	l->stopped_at = clock_boot_ns();
}

static void close_live(struct source *s)
{
	struct live *l = (struct live *)s;

	detach(l);
	ring_unmap(&l->ring);
	walk_free(&l->walk);
	tarsier_bpf__destroy(l->skel);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	free(l->s.info.users);
	free(l);
}

static int look_up(struct source *s, bool procfs, uint32_t pid, uint64_t start, message_fn fn,
		   void *user)
{
	struct live *l = (struct live *)s;
	struct known_process k;
	struct known_path path;
	struct known_file file;
	bool has_path;

	if (procfs)
		return snapshot_one(pid, start, l->options.tty_of_stdin, fn, user);
	if (bpf_map_lookup_elem(bpf_map__fd(l->skel->maps.known_processes), &pid, &k))
		return -ENOENT;
	if (start && k.task.start / TICK_NS != start / TICK_NS)
		return -ESRCH;
	file = (struct known_file){
		.ino = k.exe.ino,
		.ctime = k.exe.ctime,
		.dev = k.exe.dev,
	};
	has_path = file.ino &&
		   !bpf_map_lookup_elem(bpf_map__fd(l->skel->maps.known_paths), &file, &path);
	return known_deliver(&k, has_path ? &path : NULL, fn, user);
}

static const struct source_ops live_ops = {
	.name = "bpf",
	.start = start,
	.poll = poll_live,
	.look_up = look_up,
	.wake = wake,
	.stop = stop,
	.close = close_live,
};

const struct plan *bpf_source_plan(const struct source *s)
{
	return &((const struct live *)s)->plan;
}

static bool kernel_at_least(unsigned int major, unsigned int minor)
{
	unsigned int a = 0, b = 0;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &a, &b) != 2)
		return false;
	return a > major || (a == major && b >= minor);
}

static struct live *live_new(const struct bpf_options *o)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->s.ops = &live_ops;
	l->options = *o;
	if (o->scope)
		l->scope = *o->scope;
	l->options.scope = NULL;
	l->epoll_fd = l->wake_fd = -1;
	l->again = kernel_at_least(6, 19);
	plan_init(&l->plan, o->wanted);
	libbpf_set_print(on_libbpf);
	return l;
}

enum tsr_status bpf_source_open(struct source **out, const struct bpf_options *o,
				struct tsr_error *err)
{
	struct epoll_event ev = { .events = EPOLLIN };
	enum tsr_status status = bpf_check(err);
	struct live *l;

	if (status)
		return status;
	l = live_new(o);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ev.data.fd = l->wake_fd;
	if (l->epoll_fd < 0 || l->wake_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev)) {
		status = tsr_fail(err, TSR_ERR_IO, "cannot make an epoll instance: %s",
				  strerror(errno));
		close_live(&l->s);
		return status;
	}
	source_info_local(&l->s.info);
	*out = &l->s;
	return TSR_OK;
}

/* One program by itself; 0, or the errno of the refusal with libbpf's word in complaint. */
static int try_programs(struct live *l, const struct plan *only)
{
	char culprit[64];
	int e;

	forget_complaint();
	l->skel = open_skeleton(l);
	if (!l->skel)
		return errno;
	plan_programs(only, want_program, l);
	e = tarsier_bpf__load(l->skel);
	if (!e)
		e = attach(l, culprit, sizeof(culprit));
	detach(l);
	tarsier_bpf__destroy(l->skel);
	l->skel = NULL;
	return -e;
}

enum tsr_status bpf_probe(struct plan *tried, bool *snapshot_works, char *snapshot_reason,
			  size_t reason_size, struct tsr_error *err)
{
	struct bpf_options o = { .ring_size = 1 << 16, .max_images = 64 };
	enum tsr_status status = bpf_check(err);
	struct live *l;
	int e;

	if (status)
		return status;
	memset(o.wanted, true, sizeof(o.wanted));
	l = live_new(&o);
	plan_init(tried, o.wanted);
	for (size_t i = 0; i < tried->n_slots; i++) {
		struct plan_slot *slot = &tried->slots[i];
		int chosen = -1;

		for (size_t h = 0; h < slot->n_hooks; h++) {
			struct plan one = { .n_slots = 1, .slots = { *slot } };

			one.slots[0].chosen = (int)h;
			e = try_programs(l, &one);
			if (!e && chosen < 0)
				chosen = (int)h;
			if (e) {
				plan_refuse(&one, slot->hooks[h].def->program, e, complaint.text);
				slot->hooks[h] = one.slots[0].hooks[h];
			}
		}
		slot->chosen = chosen;
	}
	/* The snapshot is no hook of an event: it is loaded, and read, as a run would. */
	*snapshot_works = false;
	forget_complaint();
	l->skel = open_skeleton(l);
	e = l->skel ? 0 : -errno;
	if (l->skel) {
		bpf_program__set_autoload(l->skel->progs.snapshot, true);
		e = tarsier_bpf__load(l->skel);
		if (!e)
			e = read_snapshot(l, NULL, NULL, NULL);
	}
	*snapshot_works = e > 0;
	snprintf(snapshot_reason, reason_size, "%s%s%s", e > 0 ? "" : strerror(-e),
		 complaint.text[0] ? ": " : "", complaint.text);
	close_live(&l->s);
	return TSR_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "source/names.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/users.h"
#include "source/procfs.h"

/* Namespaces that are remembered: more than a machine has; of those beyond some are asked again. */
#define SETS	512
#define WAYS	4
#define ORPHANS 4 /* reads that do not end and are waited for at once */
#define NEVER	UINT64_MAX

struct slot {
	uint32_t mnt_ns, pid;
	int err;
	struct buf users, groups;
};

/*
 * The thread's, and the owner's as long as it has to do with it: who leaves last frees it. A slot is
 * the owner's, then from `asked` on the thread's, from `answered` on the owner's again. The counters
 * go round.
 */
struct worker {
	pthread_t thread;
	sem_t wake;
	atomic_uint asked, answered;
	_Atomic uint64_t since; /* what is being read, by the clock; NEVER: nothing */
	atomic_bool stop, ended;
	atomic_int owners;
	names_read_fn read;
	uint64_t (*clock)(void);
	struct slot slots[NAMES_QUEUE];
};

struct known {
	uint32_t mnt_ns; /* 0: free */
	uint64_t again;	 /* when it may be asked again; NEVER: when it is answered */
};

struct names {
	struct names_config config;
	struct worker *worker;
	unsigned int taken; /* answers of it */
	struct worker *orphans[ORPHANS];
	struct names_stats stats;
	struct known known[SETS][WAYS];
};

static void leave(struct worker *w)
{
	if (atomic_fetch_sub(&w->owners, 1) != 1)
		return;
	for (size_t i = 0; i < NAMES_QUEUE; i++) {
		buf_free(&w->slots[i].users);
		buf_free(&w->slots[i].groups);
	}
	sem_destroy(&w->wake);
	free(w);
}

static void answer_all(struct worker *w)
{
	unsigned int at = atomic_load_explicit(&w->answered, memory_order_relaxed);

	while (at != atomic_load_explicit(&w->asked, memory_order_acquire) &&
	       !atomic_load(&w->stop)) {
		struct slot *s = &w->slots[at % NAMES_QUEUE];

		atomic_store(&w->since, w->clock());
		s->err = w->read(s->mnt_ns, s->pid, &s->users, &s->groups);
		atomic_store(&w->since, NEVER);
		atomic_store_explicit(&w->answered, ++at, memory_order_release);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&w->stop)) {
		if (!sem_wait(&w->wake))
			answer_all(w);
	}
	atomic_store(&w->ended, true);
	leave(w);
	return NULL;
}

static struct worker *worker_start(const struct names_config *config)
{
	struct worker *w = xcalloc(1, sizeof(*w));
	sigset_t all, old;
	int err;

	w->read = config->read;
	w->clock = config->clock;
	atomic_init(&w->since, NEVER);
	atomic_init(&w->owners, 2);
	sem_init(&w->wake, 0, 0);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err)
		return w;
	sem_destroy(&w->wake);
	free(w);
	return NULL;
}

static void worker_stop(struct worker *w)
{
	atomic_store(&w->stop, true);
	sem_post(&w->wake);
}

/* One that has ended is joined; one that has not is left alone. */
static void worker_release(struct worker *w)
{
	if (atomic_load(&w->ended))
		pthread_join(w->thread, NULL);
	else
		pthread_detach(w->thread);
	leave(w);
}

struct names *names_open(const struct names_config *config)
{
	struct names *n = xcalloc(1, sizeof(*n));

	if (config)
		n->config = *config;
	if (!n->config.read)
		n->config.read = names_read;
	if (!n->config.clock)
		n->config.clock = clock_boot_ns;
	if (!n->config.age)
		n->config.age = 300 * NS_PER_SEC;
	if (!n->config.retry)
		n->config.retry = NS_PER_SEC;
	if (!n->config.stuck)
		n->config.stuck = 10 * NS_PER_SEC;
	if (!n->config.close)
		n->config.close = 500 * NS_PER_MS;
	n->worker = worker_start(&n->config);
	if (n->worker)
		return n;
	free(n);
	return NULL;
}

/* Numbers of namespaces are given out in order: they spread by themselves. */
static struct known *find_known(struct names *n, uint32_t mnt_ns)
{
	struct known *set = n->known[mnt_ns % SETS];

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].mnt_ns == mnt_ns)
			return &set[i];
	return NULL;
}

/* A place for it: a free one, else that of the one that may be asked again first. */
static struct known *make_known(struct names *n, uint32_t mnt_ns)
{
	struct known *set = n->known[mnt_ns % SETS], *best = set;

	for (size_t i = 0; i < WAYS && best->mnt_ns; i++)
		if (!set[i].mnt_ns || set[i].again < best->again)
			best = &set[i];
	if (best->mnt_ns && best->again == NEVER)
		return NULL; /* all of them are on their way */
	*best = (struct known){ .mnt_ns = mnt_ns };
	return best;
}

static void push(struct worker *w, uint32_t mnt_ns, uint32_t pid)
{
	unsigned int at = atomic_load_explicit(&w->asked, memory_order_relaxed);
	struct slot *s = &w->slots[at % NAMES_QUEUE];

	s->mnt_ns = mnt_ns;
	s->pid = pid;
	s->users.len = s->groups.len = 0;
	atomic_store_explicit(&w->asked, at + 1, memory_order_release);
	sem_post(&w->wake);
}

bool names_request(struct names *n, uint32_t mnt_ns, uint32_t pid)
{
	struct worker *w = n->worker;
	struct known *k = find_known(n, mnt_ns);

	if (!mnt_ns || (k && (k->again == NEVER || n->config.clock() < k->again)))
		return false;
	if (atomic_load_explicit(&w->asked, memory_order_relaxed) - n->taken == NAMES_QUEUE)
		k = NULL;
	else if (!k)
		k = make_known(n, mnt_ns);
	if (!k) {
		n->stats.dropped++;
		return false;
	}
	k->again = NEVER;
	n->stats.queued++;
	push(w, mnt_ns, pid);
	return true;
}

static void deliver(struct names *n, const struct names_answer *a, names_fn fn, void *user)
{
	struct known *k = find_known(n, a->mnt_ns);

	if (k)
		k->again = n->config.clock() + (a->err == -ESRCH ? n->config.retry : n->config.age);
	n->stats.failed += a->err != 0;
	fn(user, a);
}

/* Joins those whose read has ended after all; the place of one, or NULL. */
static struct worker **orphan_place(struct names *n)
{
	struct worker **place = NULL;

	for (size_t i = 0; i < ORPHANS; i++) {
		if (n->orphans[i] && atomic_load(&n->orphans[i]->ended)) {
			worker_release(n->orphans[i]);
			n->orphans[i] = NULL;
		}
		if (!n->orphans[i])
			place = &n->orphans[i];
	}
	return place;
}

/*
 * A container whose files can't be read must not keep the names of all others: the thread stays with
 * what it reads, another goes on with what it was still to do.
 */
static void replace_stuck(struct names *n, names_fn fn, void *user)
{
	uint64_t since = atomic_load(&n->worker->since);
	struct worker *old = n->worker, *fresh, **place;
	struct names_answer a = { .err = -ETIMEDOUT };
	unsigned int asked;

	if (since == NEVER || n->config.clock() < since + n->config.stuck)
		return;
	place = orphan_place(n);
	fresh = place ? worker_start(&n->config) : NULL;
	if (!fresh)
		return;
	*place = old;
	worker_stop(old);
	/* What it answers from now on does not count. It only reads what is read of its slots here. */
	a.mnt_ns = old->slots[n->taken % NAMES_QUEUE].mnt_ns;
	asked = atomic_load_explicit(&old->asked, memory_order_relaxed);
	for (unsigned int i = n->taken + 1; i != asked; i++)
		push(fresh, old->slots[i % NAMES_QUEUE].mnt_ns, old->slots[i % NAMES_QUEUE].pid);
	n->worker = fresh;
	n->taken = 0;
	n->stats.stuck++;
	deliver(n, &a, fn, user);
}

unsigned int names_poll(struct names *n, names_fn fn, void *user)
{
	struct worker *w = n->worker;
	unsigned int end = atomic_load_explicit(&w->answered, memory_order_acquire), count = 0;

	for (; n->taken != end; n->taken++, count++) {
		struct slot *s = &w->slots[n->taken % NAMES_QUEUE];
		struct names_answer a = { .mnt_ns = s->mnt_ns, .err = s->err };

		if (!s->err) {
			a.users = (str_t){ s->users.data, s->users.len };
			a.groups = (str_t){ s->groups.data, s->groups.len };
		}
		deliver(n, &a, fn, user);
		buf_free(&s->users);
		buf_free(&s->groups);
	}
	replace_stuck(n, fn, user);
	return count + (n->worker != w);
}

struct names_stats names_stats(const struct names *n)
{
	return n->stats;
}

void names_close(struct names *n)
{
	const struct timespec step = { .tv_nsec = (long)NS_PER_MS };
	struct worker *all[ORPHANS + 1] = { n->worker };
	uint64_t begin = clock_boot_ns();

	memcpy(all + 1, n->orphans, sizeof(n->orphans));
	worker_stop(n->worker);
	for (size_t i = 0; i < ORPHANS + 1; i++) {
		if (!all[i])
			continue;
		while (!atomic_load(&all[i]->ended) && clock_boot_ns() - begin < n->config.close)
			nanosleep(&step, NULL);
		worker_release(all[i]);
	}
	free(n);
}

static int read_file(int root, const char *path, struct buf *out,
		     void (*reduce)(struct buf *, const char *, size_t, size_t))
{
	int fd = procfs_open_in_root(root, path), err;
	struct buf text = { 0 };

	if (fd < 0)
		return fd;
	err = procfs_read_regular(fd, &text, USERS_FILE_MAX);
	if (!err)
		reduce(out, text.data, text.len, NAMES_TEXT_MAX);
	buf_free(&text);
	close(fd);
	return err;
}

/* A process that called chroot(2) has not what the others of its namespace have. */
static bool has_changed_root(int root)
{
	struct statx st;

	return statx(root, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) ||
	       (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT &&
		!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT));
}

int names_read(uint32_t mnt_ns, uint32_t pid, struct buf *users, struct buf *groups)
{
	int root, no_users, no_groups;

	if (procfs_namespace(pid, "mnt") != mnt_ns)
		return -ESRCH;
	root = procfs_open_root(pid);
	if (root < 0)
		return root == -ENOENT ? -ESRCH : root;
	/* Looked at again: meanwhile the pid can have become another process's. */
	if (procfs_namespace(pid, "mnt") != mnt_ns || has_changed_root(root)) {
		close(root);
		return -ESRCH;
	}
	no_users = read_file(root, "etc/passwd", users, users_reduce_passwd);
	no_groups = read_file(root, "etc/group", groups, users_reduce_group);
	close(root);
	if (no_users == -ENOENT)
		no_users = 0; /* then there are none: as it is in many small images */
	if (no_groups == -ENOENT)
		no_groups = 0;
	return no_users && no_groups ? no_users : 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The ground-truth workload: processes that do what they are told, wherever they are in the tree.
 *
 * Who gives the orders need not be their parent, so a tree of any shape can be made, and changed
 * in any order, one step after the other or many at once. An order is a word in shared memory, on
 * which the puppet sleeps.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ORDER_BITS 4
#define PROGRAMS   3
/* So long it sleeps before it looks whether children have ended. */
#define SLEEP_NS 20000000
/* So often for an order to be followed; one that was can wake early, so it is no exact time. */
#define SETTLE_SLEEPS 1500

static void sleep_on(_Atomic uint32_t *word, uint32_t value)
{
	struct timespec ts = { .tv_nsec = SLEEP_NS };

	syscall(SYS_futex, word, FUTEX_WAIT, value, &ts, NULL, 0);
}

static void tell(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE, 64, NULL, NULL, 0);
}

static void reap_all(void)
{
	while (tw_reap())
		;
}

static void make_child(int place)
{
	if (tw_fork("fork") == 0)
		tw_puppet_follow(place);
}

static void *thread_makes(void *arg)
{
	const struct tw_puppet *p = arg;

	tw_truth_thread();
	make_child(atomic_load(&p->place));
	return NULL;
}

static void make_by_thread(struct tw_puppet *p)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, thread_makes, p);

	if (err)
		tw_broken("pthread_create: %s", strerror(err));
	pthread_join(t, NULL);
}

static void make_by_child(int place)
{
	pid_t pid = tw_fork("fork");

	if (pid == 0) {
		if (tw_fork_told("fork") == 0)
			tw_puppet_follow(place);
		tw_truth_leaving();
		_exit(0);
	}
	tw_wait(pid);
}

static void program_path(uint32_t number, char *path, size_t size)
{
	snprintf(path, size, "%s/puppet-%u", tw->dir, number % PROGRAMS);
}

/* Each is a file of its own. Before there are puppets: a file that is written is not executed. */
static void make_programs(void)
{
	char path[sizeof(tw->dir) + 32];

	for (uint32_t i = 0; i < PROGRAMS; i++) {
		program_path(i, path, sizeof(path));
		if (access(path, X_OK) && tw_copy_helper(path, 0755))
			tw_broken("%s: %s", path, strerror(errno));
	}
}

/* Now this program, now that one. */
static void become_image(int place, uint32_t number)
{
	char ops[32], path[sizeof(tw->dir) + 32];
	char *argv[] = { path + strlen(tw->dir) + 1, tw_token(), NULL };

	snprintf(ops, sizeof(ops), "puppet=%d", place);
	program_path(number, path, sizeof(path));
	tw_exec(path, argv, tw_env(ops));
	tw_broken("exec of %s failed", path);
}

void tw_become_subreaper(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		tw_broken("PR_SET_CHILD_SUBREAPER: %s", strerror(errno));
	tw_truth_subreaper((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

static void flash(void)
{
	pid_t pid = tw_fork("fork");

	if (pid == 0)
		_exit(2);
	tw_wait(pid);
}

static _Noreturn void leave(struct tw_puppet *p, uint32_t order)
{
	reap_all();
	tw_truth_leaving();
	if ((order & ((1 << ORDER_BITS) - 1)) == TW_END_TOLD)
		tw_truth_exit(tw_host_pid(), 0, 0, false, "self");
	tell(&p->done, order);
	_exit(0);
}

static void follow(struct tw_puppet *p, int place, uint32_t order)
{
	switch (order & ((1 << ORDER_BITS) - 1)) {
	case TW_FORK:
		make_child(atomic_load(&p->place));
		break;
	case TW_THREAD_FORK:
		make_by_thread(p);
		break;
	case TW_DOUBLE_FORK:
		make_by_child(atomic_load(&p->place));
		break;
	case TW_EXEC:
		become_image(place, order >> ORDER_BITS);
		break;
	case TW_RUN:
		tw_run_helper(NULL, "exit=0");
		break;
	case TW_FLASH:
		flash();
		break;
	case TW_SUBREAPER:
		tw_become_subreaper();
		break;
	case TW_END:
	case TW_END_TOLD:
		leave(p, order);
	default:
		tw_broken("order %u", order);
	}
}

void tw_puppet_follow(int place)
{
	struct tw_puppet *p = &tw->puppets[place];
	uint32_t order = atomic_load(&p->order);

	atomic_store(&p->pid, tw_host_pid());
	/* That it is here is what the last one asked for. */
	tell(&p->done, order);
	for (;;) {
		uint32_t next = atomic_load(&p->order);

		reap_all();
		if (next == order) {
			sleep_on(&p->order, order);
			/* Nobody is left to give orders. */
			if (kill(atomic_load(&tw->master), 0))
				_exit(96);
			continue;
		}
		order = next;
		follow(p, place, order);
		tell(&p->done, order);
	}
}

void tw_puppet_order(int place, enum tw_order what, int arg)
{
	struct tw_puppet *p = &tw->puppets[place];
	uint32_t number = (atomic_load(&p->order) >> ORDER_BITS) + 1;

	atomic_store(&p->place, arg);
	tell(&p->order, number << ORDER_BITS | what);
}

bool tw_puppet_idle(int place)
{
	return atomic_load(&tw->puppets[place].order) == atomic_load(&tw->puppets[place].done);
}

void tw_puppet_settle(int place)
{
	struct tw_puppet *p = &tw->puppets[place];
	uint32_t done;

	for (int i = 0; (done = atomic_load(&p->done)) != atomic_load(&p->order); i++) {
		if (i == SETTLE_SLEEPS)
			tw_broken("puppet %d does not follow its order", place);
		sleep_on(&p->done, done);
		reap_all();
	}
}

void tw_puppet_do(int place, enum tw_order what)
{
	tw_puppet_order(place, what, 0);
	tw_puppet_settle(place);
}

/* A place whose last one has ended, or -1. */
static int free_place(void)
{
	for (int i = 0; i < TW_PUPPETS; i++)
		if (tw_puppet_idle(i) && !atomic_load(&tw->puppets[i].pid))
			return i;
	return -1;
}

int tw_puppet_launch(int place, enum tw_order how)
{
	int child = free_place();

	if (child < 0)
		return -1;
	if (place == TW_SELF) {
		make_programs();
		atomic_store(&tw->master, getpid());
	}
	tw_puppet_order(child, TW_BORN, 0);
	if (place == TW_SELF) {
		struct tw_puppet self = { .place = child };

		if (how == TW_FORK)
			make_child(child);
		else if (how == TW_THREAD_FORK)
			make_by_thread(&self);
		else
			make_by_child(child);
	} else {
		tw_puppet_order(place, how, child);
	}
	return child;
}

int tw_puppet_make(int place, enum tw_order how)
{
	int child = tw_puppet_launch(place, how);

	if (child < 0)
		tw_broken("no place for one more puppet");
	if (place != TW_SELF)
		tw_puppet_settle(place);
	tw_puppet_settle(child);
	return child;
}

void tw_puppet_end(int place, enum tw_order how)
{
	pid_t pid = atomic_load(&tw->puppets[place].pid);

	tw_puppet_do(place, how);
	atomic_store(&tw->puppets[place].pid, 0);
	tw_wait_gone(pid);
	if (how == TW_END_TOLD)
		tw_truth_gone(pid);
}

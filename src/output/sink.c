/* SPDX-License-Identifier: Apache-2.0 */
#include "output/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define SLICE_MS 200  /* of waiting for a reader, between looks at whether to give up */
#define STUCK_MS 1000 /* without a byte written */

#define SPARE_MAX (256UL << 10)

struct chunk {
	struct chunk *next;
	struct buf bytes;
	uint64_t records;
};

struct sink {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	struct chunk *head, **tail;
	struct buf spare;     /* written and empty: the next chunk's room, without new pages */
	size_t queued, limit; /* bytes; the chunk that is being written counts */
	enum sink_policy policy;
	bool closing, abandon, orphan, done;
	int fd, error;
	bool own_fd;
	size_t write_max; /* at once */
	atomic_size_t written;
};

/* Waits for the fd in slices, so that a stuck reader cannot keep the thread for ever. */
static int write_all(struct sink *s, const char *p, size_t n)
{
	while (n) {
		struct pollfd pfd = { .fd = s->fd, .events = POLLOUT };
		ssize_t w;
		bool abandon;

		if (poll(&pfd, 1, SLICE_MS) == 0) {
			pthread_mutex_lock(&s->lock);
			abandon = s->abandon;
			pthread_mutex_unlock(&s->lock);
			if (abandon)
				return -ETIMEDOUT;
			continue;
		}
		w = write(s->fd, p, n < s->write_max ? n : s->write_max);
		if (w < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
		atomic_fetch_add(&s->written, (size_t)w);
	}
	return 0;
}

/* Returns how many records were left. */
static uint64_t sink_free(struct sink *s)
{
	uint64_t left = 0;

	while (s->head) {
		struct chunk *c = s->head;

		s->head = c->next;
		left += c->records;
		buf_free(&c->bytes);
		free(c);
	}
	buf_free(&s->spare);
	if (s->own_fd)
		close(s->fd);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->more);
	pthread_cond_destroy(&s->room);
	free(s);
	return left;
}

static void *writer(void *arg)
{
	struct sink *s = arg;
	bool orphan;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct chunk *c;
		int err;

		while (!s->head && !s->closing)
			pthread_cond_wait(&s->more, &s->lock);
		c = s->head;
		if (!c || s->error)
			break;
		pthread_mutex_unlock(&s->lock);
		err = write_all(s, c->bytes.data, c->bytes.len);
		pthread_mutex_lock(&s->lock);
		if (err)
			s->error = err;
		if (err || s->orphan)
			break; /* the chunk stays: its records were not written as a whole */
		s->head = c->next;
		if (!s->head)
			s->tail = &s->head;
		s->queued -= c->bytes.len;
		if (c->bytes.cap <= SPARE_MAX && !s->spare.data)
			s->spare = (struct buf){ .data = c->bytes.data, .cap = c->bytes.cap };
		else
			buf_free(&c->bytes);
		free(c);
		pthread_cond_signal(&s->room);
	}
	s->done = true;
	orphan = s->orphan;
	pthread_cond_broadcast(&s->room);
	pthread_mutex_unlock(&s->lock);
	if (orphan)
		sink_free(s);
	return NULL;
}

enum tsr_status sink_open(struct sink **out, const char *path, enum sink_policy policy,
			  size_t queue_bytes, struct tsr_error *err)
{
	struct sink *s = xcalloc(1, sizeof(*s));
	sigset_t all, old;
	struct stat st;
	int e;

	s->fd = STDOUT_FILENO;
	if (path) {
		s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
		s->own_fd = true;
		if (s->fd < 0) {
			e = errno;
			free(s);
			return tsr_fail(err, TSR_ERR_IO, "cannot write to '%s': %s", path,
					strerror(e));
		}
	}
	/* What is writable takes this much without blocking; a file never blocks. */
	s->write_max = !fstat(s->fd, &st) && S_ISREG(st.st_mode) ? SIZE_MAX : PIPE_BUF;
	s->policy = policy;
	s->limit = queue_bytes;
	s->tail = &s->head;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	pthread_cond_init(&s->room, NULL);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&s->thread, NULL, writer, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e) {
		if (s->own_fd)
			close(s->fd);
		free(s);
		return tsr_fail(err, TSR_ERR_MEMORY, "cannot start a thread: %s", strerror(e));
	}
	*out = s;
	return TSR_OK;
}

static void deadline_in(struct timespec *ts, unsigned int ms)
{
	clock_gettime(CLOCK_REALTIME, ts);
	ts->tv_sec += ms / 1000;
	ts->tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts->tv_nsec >= 1000000000) {
		ts->tv_sec++;
		ts->tv_nsec -= 1000000000;
	}
}

bool sink_put(struct sink *s, struct buf *b, uint64_t records, const atomic_bool *give_up)
{
	bool taken = false;
	struct chunk *c;

	if (!b->len)
		return true;
	pthread_mutex_lock(&s->lock);
	/* One chunk that is larger than the limit is taken when the queue is empty. */
	while (!s->error && s->queued && s->queued + b->len > s->limit) {
		struct timespec ts;

		if (s->policy == SINK_DROP || (give_up && atomic_load(give_up)))
			break;
		deadline_in(&ts, 100);
		pthread_cond_timedwait(&s->room, &s->lock, &ts);
	}
	if (!s->error && (!s->queued || s->queued + b->len <= s->limit)) {
		c = xmalloc(sizeof(*c));
		*c = (struct chunk){ .bytes = *b, .records = records };
		*s->tail = c;
		s->tail = &c->next;
		s->queued += b->len;
		*b = s->spare;
		s->spare = (struct buf){ 0 };
		taken = true;
		pthread_cond_signal(&s->more);
	}
	pthread_mutex_unlock(&s->lock);
	b->len = 0;
	return taken;
}

int sink_error(const struct sink *s)
{
	struct sink *m = (struct sink *)s;
	int error;

	pthread_mutex_lock(&m->lock);
	error = s->error;
	pthread_mutex_unlock(&m->lock);
	return error;
}

static void wait_done(struct sink *s, unsigned int timeout_ms)
{
	struct timespec ts;

	deadline_in(&ts, timeout_ms);
	while (!s->done && pthread_cond_timedwait(&s->room, &s->lock, &ts) != ETIMEDOUT)
		;
}

void sink_finish(struct sink *s, unsigned int timeout_ms)
{
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_signal(&s->more);
	wait_done(s, timeout_ms);
	s->abandon = true;
	/* Who still reads gets all of it, however slowly. */
	for (size_t before = SIZE_MAX; !s->done && before != atomic_load(&s->written);) {
		before = atomic_load(&s->written);
		wait_done(s, STUCK_MS);
	}
	pthread_mutex_unlock(&s->lock);
}

uint64_t sink_close(struct sink *s, unsigned int timeout_ms)
{
	uint64_t lost = 0;

	sink_finish(s, timeout_ms);
	pthread_mutex_lock(&s->lock);
	/* Writing to a terminal, say, can block although poll() promised that it would not. */
	if (!s->done) {
		for (const struct chunk *c = s->head; c; c = c->next)
			lost += c->records;
		s->orphan = true;
		pthread_detach(s->thread);
		pthread_mutex_unlock(&s->lock);
		return lost;
	}
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	return sink_free(s);
}

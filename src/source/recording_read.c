/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads recordings. Trusts nothing: every size is checked against a limit and against the file
 * before memory is asked for, and a block becomes exactly as large as its header says, or is
 * damaged. Messages are delivered where they were decompressed.
 *
 * A whole block is delivered only if its checksum is right. Of one that is cut off, which cannot be
 * checked, the whole messages are.
 */
#include "source/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "base/buf.h"
#include "base/error.h"
#include "source/recording_format.h"

struct room {
	char *p;
	size_t cap;
};

struct recording {
	struct source source; /* first: the ops get it */
	int fd;
	char *path;
	uint64_t at, size; /* read up to here; of the file */
	uint64_t in_all;   /* messages, as the footer says; 0: there is none */
	uint64_t delivered;
	ZSTD_DCtx *zstd;
	struct room stored, raw;
	size_t raw_at, raw_len; /* of the block in raw: delivered up to here; in all */
	struct rec_block block; /* its header */
	uint64_t block_at;	/* where that is in the file */
	uint64_t block_no;	/* from 1 */
	struct rec_index index; /* of the blocks so far */
	atomic_bool woken;
	bool stopped;
	int end; /* what poll returns when the block is through, or 0 */
	uint64_t wrong_at;
	char wrong[512];
};

static struct recording *of(const struct source *s)
{
	return (struct recording *)s;
}

static void *room_for(struct room *room, size_t n)
{
	if (n > room->cap) {
		free(room->p);
		room->p = xmalloc(n);
		room->cap = n;
	}
	return room->p;
}

/* As many of the n bytes at offset as there are; -errno. */
static ssize_t read_at(int fd, void *to, size_t n, uint64_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, (char *)to + done, n - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* Notes what is wrong at a byte of the file, for when all before it is delivered. */
static int __attribute__((format(printf, 4, 5)))
ends(struct recording *r, int end, uint64_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->wrong, sizeof(r->wrong), fmt, ap);
	va_end(ap);
	r->wrong_at = at;
	r->end = end;
	return end;
}

static void cannot_read(struct recording *r, ssize_t error)
{
	ends(r, (int)error, r->at, "cannot be read: %s", strerror((int)-error));
}

/* What there is of a block's frame: as far as it goes. */
static size_t decompress_part(struct recording *r, size_t len)
{
	ZSTD_inBuffer in = { .src = r->stored.p, .size = len };
	ZSTD_outBuffer out = { .dst = r->raw.p, .size = r->block.size_raw };
	size_t in_was, out_was;

	ZSTD_DCtx_reset(r->zstd, ZSTD_reset_session_only);
	do {
		in_was = in.pos;
		out_was = out.pos;
		if (ZSTD_isError(ZSTD_decompressStream(r->zstd, &out, &in)))
			break;
	} while (in.pos != in_was || out.pos != out_was);
	return out.pos;
}

static int check_block(struct recording *r, struct rec_block *b)
{
	if (!rec_block_verify(b))
		return ends(r, -EBADMSG, r->at,
			    "damaged: the checksum of the block's header is "
			    "wrong");
	if (!b->n_messages || !b->size_raw || b->size_raw > REC_RAW_MAX || b->size_raw % 8 ||
	    b->n_messages > b->size_raw / (sizeof(struct rec_prefix) + 8) ||
	    b->size_stored > ZSTD_compressBound(b->size_raw))
		return ends(r, -EBADMSG, r->at,
			    "damaged: a block cannot have %" PRIu32 " messages in %" PRIu32
			    " bytes, compressed %" PRIu32,
			    b->n_messages, b->size_raw, b->size_stored);
	if (b->messages_before != r->delivered)
		return ends(r, -EBADMSG, r->at,
			    "damaged: blocks are missing or misplaced, the next one begins after "
			    "message %" PRIu64,
			    b->messages_before);
	return 0;
}

/* The frame of the block whose header was read. */
static void read_frame(struct recording *r)
{
	const struct rec_block *b = &r->block;
	uint64_t begin = r->at, left = r->size > begin ? r->size - begin : 0;
	/* Not what the header asks for: room only for what the file has. */
	size_t n = left < b->size_stored ? (size_t)left : b->size_stored, len;
	ssize_t got = read_at(r->fd, room_for(&r->stored, n), n, begin);
	unsigned long long size;

	if (got < 0) {
		cannot_read(r, got);
		return;
	}
	len = (size_t)got;
	r->at += len;
	size = len ? ZSTD_getFrameContentSize(r->stored.p, len) : ZSTD_CONTENTSIZE_ERROR;
	if (size != b->size_raw && (size != ZSTD_CONTENTSIZE_ERROR || len == b->size_stored)) {
		ends(r, -EBADMSG, begin,
		     "damaged: the block's data is of another size than its "
		     "header says");
		return;
	}
	if (len < b->size_stored) {
		ends(r, -EBADMSG, r->at,
		     "cut off: %zu of the %" PRIu32 " bytes of the block are there", len,
		     b->size_stored);
		/* With less than the frame's header, there is nothing to make room for. */
		if (size != ZSTD_CONTENTSIZE_ERROR) {
			room_for(&r->raw, b->size_raw);
			r->raw_len = decompress_part(r, len);
		}
		return;
	}
	room_for(&r->raw, b->size_raw);
	n = ZSTD_decompressDCtx(r->zstd, r->raw.p, b->size_raw, r->stored.p, len);
	if (n != b->size_raw) {
		ends(r, -EBADMSG, begin, "damaged: the block cannot be decompressed (%s)",
		     ZSTD_isError(n) ? ZSTD_getErrorName(n) : "it is too short");
		return;
	}
	r->raw_len = n;
	rec_index_add(&r->index, b, r->block_at);
}

/* The index and the footer are what this reader makes of the blocks, or something is wrong. */
static void read_end(struct recording *r)
{
	struct rec_footer f = {
		.index_offset = r->at,
		.n_messages = r->delivered,
	};
	struct buf want = { 0 };
	struct rec_footer found;
	size_t len, n;
	ssize_t got;

	rec_index_append(&r->index, f, &want);
	len = want.len;
	got = read_at(r->fd, room_for(&r->stored, len), len, r->at);
	if (got < 0) {
		cannot_read(r, got);
		goto out;
	}
	n = (size_t)got;
	if (n < len) {
		/* Which of the two it is, the part before the losses in the footer shows. */
		size_t known = len - sizeof(f) + offsetof(struct rec_footer, n_lost);

		if (memcmp(r->stored.p, want.data, n < known ? n : known))
			ends(r, -EBADMSG, r->at, "damaged: the index is not that of the blocks");
		else
			ends(r, -EBADMSG, r->at + n, "cut off: the file ends inside the index");
		goto out;
	}
	memcpy(&found, r->stored.p + len - sizeof(found), sizeof(found));
	f.n_lost = found.n_lost;
	f.error = found.error;
	want.len = 0;
	rec_index_append(&r->index, f, &want);
	if (memcmp(r->stored.p, want.data, len))
		ends(r, -EBADMSG, r->at, "damaged: the index is not that of the blocks");
	else if (r->size > r->at + len)
		ends(r, -EBADMSG, r->at + len, "damaged: %" PRIu64 " bytes follow the footer",
		     r->size - r->at - len);
	else if (f.error)
		ends(r, -EBADMSG, r->at,
		     "cut off: the recorder could not write on (%s); it lost %" PRIu64 " messages",
		     strerror(f.error), f.n_lost);
	else
		r->end = -ENODATA;
	r->at += len;
out:
	buf_free(&want);
}

/* Reads what follows the last block: another one, or the end. */
static void next_block(struct recording *r)
{
	struct rec_block b;
	size_t n = sizeof(b);
	ssize_t got;

	r->raw_at = r->raw_len = 0;
	r->block_at = r->at;
	r->block_no++;
	got = read_at(r->fd, &b, n, r->at);
	if (got < 0) {
		cannot_read(r, got);
		return;
	}
	n = (size_t)got;
	if (!n) {
		ends(r, -EBADMSG, r->at,
		     "cut off: there is no index, so the recording was not closed (or is still "
		     "being made)");
	} else if (n >= sizeof(b.magic) && b.magic == REC_INDEX_MAGIC) {
		read_end(r);
	} else if (n >= sizeof(b.magic) && b.magic != REC_BLOCK_MAGIC) {
		ends(r, -EBADMSG, r->at, "damaged: neither a block nor the index is here");
	} else if (n < sizeof(b)) {
		ends(r, -EBADMSG, r->at + n, "cut off: the file ends inside the header of a block");
	} else if (!check_block(r, &b)) {
		r->block = b;
		r->at += sizeof(b);
		read_frame(r);
	}
}

/*
 * The size of the next message of the block with its prefix. 0: the rest is no whole message; if
 * the block is cut off, that is as it must be.
 */
static size_t next_message(struct recording *r, struct rec_prefix *prefix)
{
	size_t left = r->raw_len - r->raw_at, size;

	if (left < sizeof(*prefix))
		return 0;
	memcpy(prefix, r->raw.p + r->raw_at, sizeof(*prefix));
	if (!prefix->len || prefix->len > REC_MESSAGE_MAX || prefix->reserved ||
	    r->delivered == r->block.messages_before + r->block.n_messages) {
		ends(r, -EBADMSG, r->block_at,
		     "damaged: no message can be at byte %zu of the block", r->raw_at);
		return 0;
	}
	size = sizeof(*prefix) + REC_ALIGN((size_t)prefix->len);
	return size <= left ? size : 0;
}

/* Delivers what the block still has; the number of messages. */
static int deliver(struct recording *r, message_fn fn, void *user)
{
	int n = 0, stop = 0;

	while (r->raw_at < r->raw_len && !stop) {
		struct rec_prefix prefix;
		const char *msg;
		size_t size;

		if (atomic_load_explicit(&r->woken, memory_order_relaxed))
			break;
		size = next_message(r, &prefix);
		if (!size) {
			r->raw_at = r->raw_len;
			break;
		}
		msg = r->raw.p + r->raw_at + sizeof(prefix);
		r->raw_at += size;
		r->delivered++;
		n++;
		stop = fn(user, msg, prefix.len);
	}
	if (r->raw_at == r->raw_len && !r->end &&
	    r->delivered != r->block.messages_before + r->block.n_messages)
		ends(r, -EBADMSG, r->block_at,
		     "damaged: the block has fewer whole messages than its header says");
	return n;
}

static int tell(const struct recording *r, struct tsr_error *err)
{
	char whole[64] = "";

	if (r->end == -ENODATA)
		return r->end;
	if (r->in_all > r->delivered)
		snprintf(whole, sizeof(whole), " of %" PRIu64, r->in_all);
	tsr_fail(err, r->end == -EBADMSG ? TSR_ERR_FORMAT : TSR_ERR_IO,
		 "%s: byte %" PRIu64 ", block %" PRIu64 ", message %" PRIu64
		 ": %s. Everything before it was shown: %" PRIu64 "%s messages",
		 r->path, r->wrong_at, r->block_no, r->delivered + 1, r->wrong, r->delivered,
		 whole);
	return r->end;
}

static enum tsr_status recording_start(struct source *s, message_fn fn, void *user,
				       struct tsr_error *err)
{
	(void)s;
	(void)fn;
	(void)user;
	(void)err;
	return TSR_OK;
}

static int recording_poll(struct source *s, int timeout_ms, message_fn fn, void *user,
			  struct tsr_error *err)
{
	struct recording *r = of(s);
	int n;

	(void)timeout_ms; /* a file is always ready */
	if (r->raw_at == r->raw_len && !r->end && !r->stopped)
		next_block(r);
	n = deliver(r, fn, user);
	if (atomic_exchange(&r->woken, false) || n)
		return n;
	if (r->end)
		return tell(r, err);
	return -ENODATA; /* stopped */
}

static void recording_wake(struct source *s)
{
	atomic_store(&of(s)->woken, true);
}

/* The rest of the block that is read can still be polled. */
static void recording_stop(struct source *s)
{
	of(s)->stopped = true;
}

static void recording_close(struct source *s)
{
	struct recording *r = of(s);

	if (r->fd >= 0)
		close(r->fd);
	ZSTD_freeDCtx(r->zstd);
	rec_index_free(&r->index);
	free(r->stored.p);
	free(r->raw.p);
	free(r->source.info.users);
	free(r->path);
	free(r);
}

static const struct source_ops recording_ops = {
	.name = "recording",
	.start = recording_start,
	.poll = recording_poll,
	.wake = recording_wake,
	.stop = recording_stop,
	.close = recording_close,
};

void recording_progress(const struct source *s, uint64_t *at, uint64_t *total)
{
	*at = of(s)->at;
	*total = of(s)->size;
}

static bool take_string(char *to, size_t cap, const char **from, size_t n)
{
	if (n >= cap || memchr(*from, '\0', n))
		return false;
	memcpy(to, *from, n);
	to[n] = '\0';
	*from += n;
	return true;
}

/* The strings behind the header, whose checksum is right. */
static bool take_info(struct source_info *info, const struct rec_header *h)
{
	const char *p = (const char *)(h + 1);
	size_t size = sizeof(*h) + (size_t)h->size_host + h->size_kernel + h->size_arch +
		      h->size_version + h->size_users;

	if (REC_ALIGN(size) != h->size || h->flags & ~REC_FLAG_ENV_VALUES)
		return false;
	info->boot_offset = h->boot_offset;
	info->start = h->start;
	info->n_cpus = h->n_cpus;
	info->env_values = h->flags & REC_FLAG_ENV_VALUES;
	if (!take_string(info->host, sizeof(info->host), &p, h->size_host) ||
	    !take_string(info->kernel, sizeof(info->kernel), &p, h->size_kernel) ||
	    !take_string(info->arch, sizeof(info->arch), &p, h->size_arch) ||
	    !take_string(info->version, sizeof(info->version), &p, h->size_version))
		return false;
	info->users = xmalloc((size_t)h->size_users + 1);
	info->users_len = h->size_users;
	return take_string(info->users, (size_t)h->size_users + 1, &p, h->size_users);
}

static enum tsr_status read_header(struct recording *r, struct tsr_error *err)
{
	struct rec_header fixed, *h;
	ssize_t got = read_at(r->fd, &fixed, sizeof(fixed), 0);
	enum tsr_status status = TSR_OK;
	size_t rest;

	if (got < 0)
		return tsr_fail(err, TSR_ERR_IO, "cannot read %s: %s", r->path,
				strerror((int)-got));
	if (!got)
		return tsr_fail(err, TSR_ERR_FORMAT, "%s is empty: it is not a recording", r->path);
	if ((size_t)got < sizeof(fixed.magic) ||
	    memcmp(fixed.magic, REC_MAGIC, sizeof(fixed.magic)))
		return tsr_fail(err, TSR_ERR_FORMAT,
				"%s is not a recording: it does not begin as one, at byte 0",
				r->path);
	if ((size_t)got >= offsetof(struct rec_header, size) && fixed.version > REC_VERSION)
		return tsr_fail(err, TSR_ERR_FORMAT,
				"%s is a recording of format version %" PRIu32
				", this tarsier (%s) reads up to version %d: use a newer one",
				r->path, fixed.version, tsr_version(), REC_VERSION);
	if ((size_t)got < sizeof(fixed))
		return tsr_fail(
			err, TSR_ERR_FORMAT,
			"%s is cut off at byte %zd, inside its header: it holds no messages",
			r->path, got);
	if (fixed.version != REC_VERSION || fixed.size < sizeof(fixed) || fixed.size % 8 ||
	    fixed.size > sizeof(fixed) + 4 * (size_t)UINT16_MAX + REC_USERS_MAX)
		return tsr_fail(err, TSR_ERR_FORMAT,
				"%s is damaged: its header is wrong, at byte 8", r->path);
	if (fixed.size > r->size)
		return tsr_fail(err, TSR_ERR_FORMAT,
				"%s is cut off at byte %" PRIu64 ", inside its header of %" PRIu32
				" bytes: it holds no messages",
				r->path, r->size, fixed.size);
	h = xmalloc(fixed.size);
	memcpy(h, &fixed, sizeof(fixed));
	rest = fixed.size - sizeof(fixed);
	got = read_at(r->fd, h + 1, rest, sizeof(fixed));
	if (got != (ssize_t)rest || !rec_header_verify(h) || !take_info(&r->source.info, h))
		status = tsr_fail(err, TSR_ERR_FORMAT,
				  "%s is damaged: the checksum or the strings of its header, bytes "
				  "0 to %" PRIu32 ", are wrong",
				  r->path, fixed.size);
	r->at = fixed.size;
	free(h);
	return status;
}

/* How many messages there are, for the errors; a footer that is not there or wrong is no harm. */
static void read_footer(struct recording *r)
{
	struct rec_footer f;
	size_t len;

	if (r->size < sizeof(f) ||
	    read_at(r->fd, &f, sizeof(f), r->size - sizeof(f)) != (ssize_t)sizeof(f) ||
	    f.index_offset > r->size ||
	    r->size - f.index_offset > sizeof(struct rec_index_header) + sizeof(f) +
					       REC_INDEX_MAX * sizeof(struct rec_entry))
		return;
	len = (size_t)(r->size - f.index_offset);
	if (read_at(r->fd, room_for(&r->stored, len), len, f.index_offset) == (ssize_t)len &&
	    rec_footer_verify(r->stored.p, len))
		r->in_all = f.n_messages;
}

/* Opened so that a FIFO without a writer does not hold us up. */
static enum tsr_status open_file(struct recording *r, struct tsr_error *err)
{
	struct stat st;

	r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (r->fd < 0 || fstat(r->fd, &st))
		return tsr_fail(err, TSR_ERR_IO, "cannot open %s: %s", r->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return tsr_fail(err, TSR_ERR_FORMAT, "%s is %s: a recording is a file", r->path,
				S_ISDIR(st.st_mode)    ? "a directory"
				: S_ISFIFO(st.st_mode) ? "a pipe"
						       : "a device or a socket");
	r->size = (uint64_t)st.st_size;
	return TSR_OK;
}

enum tsr_status recording_open(struct source **out, const char *path, struct tsr_error *err)
{
	struct recording *r = xcalloc(1, sizeof(*r));
	enum tsr_status status;

	r->source.ops = &recording_ops;
	r->path = xstrdup(path);
	r->zstd = ZSTD_createDCtx();
	rec_index_init(&r->index);
	atomic_init(&r->woken, false);
	status = open_file(r, err);
	if (!status)
		status = read_header(r, err);
	if (!status && (!r->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(
					    r->zstd, ZSTD_d_windowLogMax, REC_WINDOW_LOG_MAX))))
		status = tsr_fail(err, TSR_ERR_MEMORY, "cannot read %s: out of memory", path);
	if (status) {
		recording_close(&r->source);
		return status;
	}
	read_footer(r);
	*out = &r->source;
	return TSR_OK;
}

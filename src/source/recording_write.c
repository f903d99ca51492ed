/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes recordings. Messages gather in a buffer; a full one goes through zstd and to the file in
 * one write, so that at any moment the file is whole up to its last block.
 *
 * Once a write fails, the file is cut back to its last whole block and nothing more is written but,
 * at the end and if there is room, the index. The caller ignores SIGPIPE and SIGXFSZ: pipes without
 * a reader and limits on file sizes are then errors like others. One thread.
 */
#include "source/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "base/buf.h"
#include "base/error.h"
#include "source/recording_format.h"
#include "wire.h"

/* Higher levels gain little on messages that are so much alike, and cost time and memory. */
#define LEVEL 1

struct recorder {
	int fd;
	bool torn; /* the file could not be cut back: it ends inside a block */
	ZSTD_CCtx *zstd;
	char *raw;    /* REC_BLOCK_RAW bytes: the block that is being filled */
	size_t len;   /* of it */
	char *stored; /* room for its header and its frame */
	size_t stored_cap;
	struct rec_block block; /* its header */
	uint64_t block_bytes;	/* of its messages */
	struct rec_index index;
	struct recorder_stats stats; /* bytes_written: up to there the file is whole */
};

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Writes it all, or leaves the file as it was, where a file can be cut. */
static int append(struct recorder *r, const char *p, size_t len)
{
	int err = r->torn ? -EIO : write_all(r->fd, p, len);
	off_t end = (off_t)r->stats.bytes_written;

	if (!err)
		r->stats.bytes_written += len;
	else if (ftruncate(r->fd, end) || lseek(r->fd, end, SEEK_SET) < 0)
		r->torn = true;
	return err;
}

static void begin_block(struct recorder *r)
{
	r->len = 0;
	r->block_bytes = 0;
	r->block = (struct rec_block){
		.magic = REC_BLOCK_MAGIC,
		.messages_before = r->stats.messages,
		.time_first = UINT64_MAX,
	};
}

/* Takes the block's messages back: they are lost. */
static int fail(struct recorder *r, int err)
{
	r->stats.error = err;
	r->stats.messages -= r->block.n_messages;
	r->stats.lost += r->block.n_messages;
	r->stats.bytes_raw -= r->block_bytes;
	begin_block(r);
	return err;
}

/*
 * In pieces, each of which can be decompressed without what follows it. There is room: what these
 * add is less than what ZSTD_compressBound() allows for.
 */
static int compress(struct recorder *r, const char *raw, size_t len, ZSTD_outBuffer *out)
{
	ZSTD_inBuffer in = { .src = raw };
	size_t left = ZSTD_CCtx_setPledgedSrcSize(r->zstd, len);

	while (!left && in.pos < len) {
		bool last = len - in.pos <= REC_PIECE;

		in.size = last ? len : in.pos + REC_PIECE;
		left = ZSTD_compressStream2(r->zstd, out, &in, last ? ZSTD_e_end : ZSTD_e_flush);
	}
	return left ? -ENOMEM : 0;
}

/* raw of len bytes is the block; stored is room for its header and the frame. */
static int write_block(struct recorder *r, const char *raw, size_t len, char *stored, size_t cap)
{
	struct rec_block *b = &r->block;
	uint64_t offset = r->stats.bytes_written;
	ZSTD_outBuffer out = { .dst = stored + sizeof(*b), .size = cap - sizeof(*b) };
	int err = compress(r, raw, len, &out);

	if (err)
		return fail(r, err);
	b->size_raw = (uint32_t)len;
	b->size_stored = (uint32_t)out.pos;
	if (b->time_first > b->time_last)
		b->time_first = b->time_last;
	rec_block_seal(b);
	memcpy(stored, b, sizeof(*b));
	err = append(r, stored, sizeof(*b) + out.pos);
	if (err)
		return fail(r, err);
	rec_index_add(&r->index, b, offset);
	begin_block(r);
	return 0;
}

int recorder_flush(struct recorder *r)
{
	if (r->stats.error || !r->len)
		return r->stats.error;
	return write_block(r, r->raw, r->len, r->stored, r->stored_cap);
}

static void put_message(struct recorder *r, char *to, const void *msg, size_t len)
{
	struct rec_prefix prefix = { .len = (uint32_t)len };
	struct msg_common common;

	memcpy(to, &prefix, sizeof(prefix));
	memcpy(to + sizeof(prefix), msg, len);
	memset(to + sizeof(prefix) + len, 0, REC_ALIGN(len) - len);
	if (len >= sizeof(common)) {
		memcpy(&common, msg, sizeof(common));
		if (common.ktime < r->block.time_first)
			r->block.time_first = common.ktime;
		if (common.ktime > r->block.time_last)
			r->block.time_last = common.ktime;
	}
	r->block.n_messages++;
	r->block_bytes += len;
	r->stats.messages++;
	r->stats.bytes_raw += len;
}

/* A message that is larger than a block. */
static int add_alone(struct recorder *r, const void *msg, size_t len)
{
	size_t size = sizeof(struct rec_prefix) + REC_ALIGN(len);
	size_t cap = sizeof(struct rec_block) + ZSTD_compressBound(size);
	char *raw = xmalloc(size), *stored = xmalloc(cap);
	int err;

	put_message(r, raw, msg, len);
	err = write_block(r, raw, size, stored, cap);
	free(raw);
	free(stored);
	return err;
}

int recorder_add(struct recorder *r, const void *msg, size_t len)
{
	size_t size = sizeof(struct rec_prefix) + REC_ALIGN(len);
	int err = r->stats.error;

	if (!err && (!len || len > REC_MESSAGE_MAX))
		err = -EMSGSIZE;
	if (!err && r->len + size > REC_BLOCK_RAW)
		err = recorder_flush(r);
	if (err) {
		r->stats.lost++;
		return err;
	}
	if (size > REC_BLOCK_RAW)
		return add_alone(r, msg, len);
	put_message(r, r->raw + r->len, msg, len);
	r->len += size;
	return 0;
}

void recorder_stats(const struct recorder *r, struct recorder_stats *out)
{
	*out = r->stats;
}

static int write_index(struct recorder *r)
{
	struct rec_footer f = {
		.index_offset = r->stats.bytes_written,
		.n_messages = r->stats.messages,
		.n_lost = r->stats.lost,
		.error = -r->stats.error,
	};
	struct buf b = { 0 };
	int err;

	rec_index_append(&r->index, f, &b);
	err = append(r, b.data, b.len);
	buf_free(&b);
	return err;
}

static void recorder_free(struct recorder *r)
{
	ZSTD_freeCCtx(r->zstd);
	rec_index_free(&r->index);
	free(r->raw);
	free(r->stored);
	free(r);
}

int recorder_close(struct recorder *r)
{
	int first = recorder_flush(r), err;

	/* After a full disk too: cutting the last block off may have made the room for it. */
	err = write_index(r);
	if (!first)
		first = err;
	/* What is no file (a pipe, /dev/null) cannot be synced. */
	if (fdatasync(r->fd) && errno != EINVAL && errno != EROFS && !first)
		first = -errno;
	if (close(r->fd) && !first)
		first = -errno;
	recorder_free(r);
	return first;
}

static int write_header(struct recorder *r, const struct source_info *info)
{
	const struct {
		const char *text;
		size_t max;
	} strings[] = {
		{ info->host, sizeof(info->host) - 1 },
		{ info->kernel, sizeof(info->kernel) - 1 },
		{ info->arch, sizeof(info->arch) - 1 },
		{ info->version, sizeof(info->version) - 1 },
	};
	struct rec_header h = {
		.version = REC_VERSION,
		.boot_offset = info->boot_offset,
		.start = info->start,
		.n_cpus = info->n_cpus,
		.flags = info->env_values ? REC_FLAG_ENV_VALUES : 0,
		.size_users = (uint32_t)info->users_len,
	};
	uint16_t *sizes[] = { &h.size_host, &h.size_kernel, &h.size_arch, &h.size_version };
	struct buf b = { 0 };
	size_t pad;
	int err;

	memcpy(h.magic, REC_MAGIC, sizeof(h.magic));
	buf_add(&b, &h, sizeof(h));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		*sizes[i] = (uint16_t)strnlen(strings[i].text, strings[i].max);
		buf_add(&b, strings[i].text, *sizes[i]);
	}
	buf_add(&b, info->users, info->users_len);
	pad = REC_ALIGN(b.len) - b.len;
	memset(buf_room(&b, pad), 0, pad);
	b.len += pad;
	h.size = (uint32_t)b.len;
	memcpy(b.data, &h, sizeof(h));
	rec_header_seal((struct rec_header *)b.data);
	err = append(r, b.data, b.len);
	buf_free(&b);
	return err;
}

static enum tsr_status cannot(struct tsr_error *err, const char *what, const char *path)
{
	return tsr_fail(err, TSR_ERR_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

/* The lock keeps two recorders from one file. */
static enum tsr_status create(int *fd, const char *path, struct tsr_error *err)
{
	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
	if (*fd < 0)
		return cannot(err, "create", path);
	flock(*fd, LOCK_EX | LOCK_NB); /* some file systems have no locks */
	return TSR_OK;
}

/* Whether the file may be replaced. */
static enum tsr_status check_old(int fd, const char *path, struct tsr_error *err)
{
	char magic[REC_MAGIC_SIZE];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) || (n = pread(fd, magic, sizeof(magic), 0)) < 0)
		return cannot(err, "read", path);
	if (!S_ISREG(st.st_mode) ||
	    (n && (n != sizeof(magic) || memcmp(magic, REC_MAGIC, sizeof(magic)))))
		return tsr_fail(err, TSR_ERR_USAGE,
				"%s exists and is not a recording: it is left as it is. Name "
				"another file, or remove it first",
				path);
	if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return tsr_fail(err, TSR_ERR_USAGE, "%s is being recorded to by another process",
				path);
	return TSR_OK;
}

/*
 * A new file in the place of the old one, not the old one emptied: its owner, its mode and those
 * who have it open are not ours, and what is recorded holds what people typed.
 */
static enum tsr_status replace(int *out, const char *path, struct tsr_error *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	enum tsr_status status;

	if (fd < 0 && errno == ELOOP)
		return tsr_fail(err, TSR_ERR_USAGE,
				"%s is a symbolic link: name the file that is to be written", path);
	if (fd < 0)
		return cannot(err, "read", path);
	status = check_old(fd, path, err);
	if (!status && unlink(path))
		status = cannot(err, "replace", path);
	close(fd); /* not before: the lock is to hold until the old file has no name */
	return status ? status : create(out, path, err);
}

/* A FIFO waits here for its reader, as everywhere. */
static enum tsr_status open_stream(int *out, const char *path, struct tsr_error *err)
{
	struct stat st;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return cannot(err, "write to", path);
	if (isatty(fd) || fstat(fd, &st) || !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
		close(fd);
		return tsr_fail(err, TSR_ERR_USAGE,
				"%s is a terminal: a recording goes to a file or a pipe", path);
	}
	*out = fd;
	return TSR_OK;
}

static enum tsr_status open_target(int *fd, const char *path, bool *created, struct tsr_error *err)
{
	struct stat st;

	*created = true;
	if (lstat(path, &st))
		return errno == ENOENT ? create(fd, path, err) : cannot(err, "create", path);
	if (S_ISREG(st.st_mode))
		return replace(fd, path, err);
	*created = false;
	if (stat(path, &st))
		return cannot(err, "follow the link", path);
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return replace(fd, path, err);
	case S_IFDIR:
		return tsr_fail(err, TSR_ERR_USAGE,
				"%s is a directory: name a file for the recording", path);
	case S_IFIFO:
	case S_IFCHR:
		return open_stream(fd, path, err);
	default:
		return tsr_fail(err, TSR_ERR_USAGE,
				"%s is neither a file nor a pipe: it cannot hold a recording",
				path);
	}
}

enum tsr_status recorder_open(struct recorder **out, const char *path,
			      const struct source_info *info, struct tsr_error *err)
{
	struct recorder *r;
	enum tsr_status status;
	bool created;
	int fd = -1, error;

	if (info->users_len > REC_USERS_MAX)
		return tsr_fail(
			err, TSR_ERR_UNSUPPORTED,
			"cannot record: the list of users has %zu bytes, a recording holds %u",
			info->users_len, REC_USERS_MAX);
	status = open_target(&fd, path, &created, err);
	if (status)
		return status;
	r = xcalloc(1, sizeof(*r));
	r->fd = fd;
	r->raw = xmalloc(REC_BLOCK_RAW);
	r->stored_cap = sizeof(struct rec_block) + ZSTD_compressBound(REC_BLOCK_RAW);
	r->stored = xmalloc(r->stored_cap);
	rec_index_init(&r->index);
	r->zstd = ZSTD_createCCtx();
	error = r->zstd ? 0 : -ENOMEM;
	if (!error) {
		ZSTD_CCtx_setParameter(r->zstd, ZSTD_c_compressionLevel, LEVEL);
		ZSTD_CCtx_setParameter(r->zstd, ZSTD_c_windowLog, REC_WINDOW_LOG);
		ZSTD_CCtx_setParameter(r->zstd, ZSTD_c_checksumFlag, 1);
		error = write_header(r, info);
	}
	if (error) {
		if (created)
			unlink(path);
		close(fd);
		recorder_free(r);
		return tsr_fail(err, TSR_ERR_IO, "cannot write to %s: %s", path, strerror(-error));
	}
	begin_block(r);
	*out = r;
	return TSR_OK;
}

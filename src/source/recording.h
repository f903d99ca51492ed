/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings: the messages of a source in a file, to be replayed.
 *
 * The file: a header (magic, version, the source's information), then blocks. A block is a zstd
 * frame of its own with a small header before it (sizes, number of messages, first and last time,
 * checksum), so that a file that was cut off (a crash, a full disk) is readable up to the cut: up
 * to the last whole message of the last, partial block. At the end an index of the blocks and a
 * footer that points to it; a file without them is read in sequence all the same. All integers
 * are little-endian. docs/recording.md describes every byte.
 */
#ifndef TSR_SOURCE_RECORDING_H
#define TSR_SOURCE_RECORDING_H

#include "source/source.h"

struct recorder;

/*
 * Creates the file (mode 0600: arguments are in it) and writes the header. An existing file is
 * replaced only if it is a recording or empty.
 */
enum tsr_status recorder_open(struct recorder **out, const char *path,
			      const struct source_info *info, struct tsr_error *err);

/*
 * Adds a message. Blocks are written when they are full and when flush is called. 0, or a negative
 * errno when the file could not be written; from then on the recorder keeps no more, counts what
 * is lost, and what was written before stays readable (the partial last block is cut off).
 */
int recorder_add(struct recorder *r, const void *msg, size_t len);
int recorder_flush(struct recorder *r);

struct recorder_stats {
	uint64_t messages, bytes_raw, bytes_written;
	uint64_t lost; /* messages since it failed */
	int error;     /* negative errno since it failed, else 0 */
};

void recorder_stats(const struct recorder *r, struct recorder_stats *out);

/* Writes the index and the footer, syncs, closes. The errno of the first failure, or 0. */
int recorder_close(struct recorder *r);

/*
 * Opens a recording as a source; its start() delivers nothing (the snapshot is in the stream), its
 * poll() delivers one block a call, and -ENODATA at its end. A file that is not a recording, or of
 * a newer version, fails here; one that is cut or damaged is delivered up to that place, and
 * poll() then returns -EBADMSG with an error that says where (byte, block, message) and why.
 */
enum tsr_status recording_open(struct source **out, const char *path, struct tsr_error *err);

/* How far it is: bytes read and in all, for a progress line. */
void recording_progress(const struct source *s, uint64_t *at, uint64_t *total);

#endif

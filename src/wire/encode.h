/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to messages: what user space makes itself (processes found in /proc, what was lost,
 * tests), and what it changes in the kernel's messages. Every byte of a message is set.
 *
 * Each message goes to emit, in order; it is aligned to 8 and gone when emit returns. All functions
 * return 0 or the first nonzero that emit returned, which ends the sequence.
 */
#ifndef TSR_WIRE_ENCODE_H
#define TSR_WIRE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/env.h"
#include "event/event.h"
#include "wire.h"
#include "wire/assemble.h"

#define WIRE_INLINE_MAX 8192 /* longer args or envs go ahead in chunks */

/* The same as the sources' message_fn. */
typedef int (*wire_emit_fn)(void *user, const void *msg, size_t len);

/*
 * An exec message in parts. All that says how long something is, the op and the padding are set
 * when it is encoded. Strings that are too long are cut and marked. If exec.flags says that args or
 * envs are a data_event_desc, these bytes are one, and stay.
 */
struct wire_exec {
	struct msg_execve_event event;
	struct msg_exec exec;
	struct msg_exec_ext ext;
	str_t path, args, cwd, envs;
	str_t strings[EXEC_STR_MAX];
	str_t more; /* what stands behind all that: from a newer version */
};

/* tmp is room to work in, to be used again from call to call; no part may point into it. */
int wire_encode_exec(const struct wire_exec *parts, struct buf *tmp, wire_emit_fn emit, void *user);

/* The reverse; the strings point into msg. False: it is not a well-formed exec message. */
bool wire_split_exec(const void *msg, size_t len, struct wire_exec *parts);

/*
 * An exec message with other args or envs (bytes NULL: as they are) and some flags more. Sizes of
 * areas that were not known (0) become those of the new bytes. -EBADMSG: not an exec message.
 */
int wire_exec_rewrite(const void *msg, size_t len, str_t args, str_t envs, uint32_t set_flags,
		      struct buf *tmp, wire_emit_fn emit, void *user);

/*
 * A stream without the values of environments, but for those of some variables (with_values, NULL:
 * of none): takes each message of it, in order, and emits what is to be kept. Chunks wait for their exec, which brings them along (the environment's as names),
 * found in chunks: the assembler through which the same messages were decoded, before
 * assembler_done(). -EBADMSG: malformed, so that it can't be told where the values are; it must not
 * be kept.
 */
int wire_strip_env(const void *msg, size_t len, struct assembler *chunks,
		   const struct env_keys *with_values, struct buf *tmp, wire_emit_fn emit,
		   void *user);

/* The fixed ones: op, size and padding are set here. */
int wire_encode_fork(const struct msg_clone_event *event, const struct msg_clone_ext *ext,
		     wire_emit_fn emit, void *user);
int wire_encode_exit(const struct msg_exit_event *event, const struct msg_exit_ext *ext,
		     wire_emit_fn emit, void *user);
int wire_encode_rename(const struct msg_rename *rename, wire_emit_fn emit, void *user);
int wire_encode_lost(const struct msg_lost *lost, wire_emit_fn emit, void *user);
/* Texts of at most WIRE_NAMES_MAX bytes together; -EMSGSIZE. */
#define WIRE_NAMES_MAX (1UL << 19)
int wire_encode_names(const struct ev_names *names, uint64_t ktime, struct buf *tmp,
		      wire_emit_fn emit, void *user);
int wire_encode_walked(const struct msg_walked *walked, wire_emit_fn emit, void *user);

struct wire_exec_failed {
	struct msg_exec_failed fixed;
	str_t path, args, envs, stdin_path;
	str_t more;
};

int wire_encode_exec_failed(const struct wire_exec_failed *parts, struct buf *tmp,
			    wire_emit_fn emit, void *user);
bool wire_split_exec_failed(const void *msg, size_t len, struct wire_exec_failed *parts);

#endif

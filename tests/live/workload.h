/* SPDX-License-Identifier: Apache-2.0
 *
 * The ground-truth workload: what its parts share.
 *
 * The workload causes forks, execs and exits and writes each of them down, with what is true of
 * it, as one JSON line in a truth file. Nobody observes anybody here: a line is written by the
 * process that knows (a child tells of its own birth, an image of its own exec, the parent that
 * reaps tells of the exit), with one write(2) to a file opened O_APPEND, so lines of many
 * processes never mix. An exit is written before the pid is given back to the kernel, so lines of
 * one pid are always in order, even when the pid is used again at once.
 */
#ifndef TARSIER_TESTS_WORKLOAD_H
#define TARSIER_TESTS_WORKLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Descriptors that every process of the workload inherits, at numbers no scenario uses. */
#define TW_FD_TRUTH 200
#define TW_FD_STATE 201
#define TW_FD_PROC  202

#define TW_MAGIC     UINT64_C(0x7461727369657277)
#define TW_PATH_MAX  16384
#define TW_NS_LEVELS 4
#define TW_NS_PIDS   4096
#define TW_PUPPETS   64

/* A process that waits for orders, also as another image (an exec keeps its place). An order is a
 * word that is never the same twice: a number, and in the low bits what to do. */
struct tw_puppet {
	_Atomic uint32_t order;
	/* The last order that it has followed. */
	_Atomic uint32_t done;
	/* Of an order that makes another: its place. */
	_Atomic int32_t place;
	_Atomic int32_t pid;
};

/* Shared by all processes of the workload (a mapped memfd): what an image must know that can't
 * travel in its arguments or environment, because those are what is being tested. */
struct tw_state {
	uint64_t magic;
	char scenario[48];
	char dir[2048];
	char helper[2100];
	/* What an image does that was given no TW_OPS in its environment. */
	char ops[128];
	/* The cwd, when it is too long for the kernel to tell. */
	char cwd[TW_PATH_MAX];
	/* What the host sees before the paths of a process in a chroot. */
	char root[4096];
	/* Where cgroup2 is mounted ("" if nowhere), and the cgroup namespace that paths are of. */
	char cgroup_mount[64];
	char cgroup_ns[64];
	/* The host's ids of a process whose user namespace hides them. */
	bool ids_known;
	uint32_t uid;
	uint32_t gid;
	/* How deep that user namespace is, and whose (the host's uid). */
	int user_ns_level;
	uint32_t user_ns_owner;
	/* The process that started it all, as the host knows it. */
	pid_t main_pid;
	_Atomic uint32_t image;
	_Atomic uint32_t token;
	_Atomic bool stop;
	/* Lines of forks and execs say only who, when, and which program: for storms. */
	_Atomic bool terse;
	struct tw_puppet puppets[TW_PUPPETS];
	/* Who gives them orders. */
	_Atomic int32_t master;
	_Atomic int32_t host_pid[TW_NS_LEVELS][TW_NS_PIDS];
};

extern struct tw_state *tw;
/* Number of the image that this process runs; a fork line names the image that forked. */
extern uint32_t tw_image;
extern int tw_scale;

/* --- workload_line.c: one line of JSON, in memory of its own, written by one write(2) --- */

struct tw_line {
	char *buf;
	size_t len;
	size_t cap;
	bool comma;
};

void tw_line_begin(struct tw_line *l, const char *kind);
void tw_line_int(struct tw_line *l, const char *key, int64_t value);
void tw_line_bool(struct tw_line *l, const char *key, bool value);
void tw_line_text(struct tw_line *l, const char *key, const char *text);
void tw_line_bytes(struct tw_line *l, const char *key, const void *bytes, size_t len);
void tw_line_texts(struct tw_line *l, const char *key, char *const *texts, char stop_at);
void tw_line_open(struct tw_line *l, const char *key, char bracket);
void tw_line_close(struct tw_line *l, char bracket);
void tw_line_item(struct tw_line *l, int64_t value);
void tw_line_end(struct tw_line *l);

/* --- workload_truth.c: what is true of the process that asks --- */

/* From /proc/PID/stat as the host sees it, whatever pid namespace the asker is in. */
struct tw_stat {
	char state;
	pid_t pid;
	pid_t ppid;
	pid_t sid;
	int tty;
	uint64_t start_ticks;
	char comm[64];
};

/* Who is about to create a process; taken before, used by the child after. */
struct tw_creator {
	pid_t pid;
	pid_t tid;
	uint32_t image;
	const char *how;
};

int tw_read_stat(const char *who, struct tw_stat *st);
pid_t tw_host_pid(void);
struct tw_creator tw_creator(const char *how);
/* Said by the child itself: I was created. */
void tw_truth_fork(const struct tw_creator *creator);
/* Said by the new image. */
void tw_truth_exec(int argc, char **argv, char **envp);
/* Said by who is about to call exec; `script` is the script that the kernel will be given. */
void tw_truth_try(const char *cmdpath, const char *script, char *const *argv);
void tw_truth_exec_failed(const char *cmdpath, char *const *argv, int error);
/* Said by the parent of a zombie, or by an orphan about to end (code only). */
void tw_truth_exit(pid_t host_pid, int code, int sig, bool core, const char *by);
void tw_truth_rename(const char *old_name, const char *new_name);
void tw_truth_thread(void);
/* Said by a process that is about to end: until now I was there. */
void tw_truth_leaving(void);
/* Said by a process: from `since` (boot clock, ns) or a little later on, those below me whose
 * parents end are mine. */
void tw_truth_subreaper(uint64_t since);
/* Said when a process that nobody of ours waits for was seen to be gone. */
void tw_truth_gone(pid_t host_pid);
/* Said once: who adopts the orphans of the main process. */
void tw_truth_reaper(pid_t host_pid);
/* Said once: from now on nothing happens but what is asked of each of those that are left. */
void tw_truth_calm(void);
void tw_truth_phase(const char *phase);
/* Said by a parent of a foreign program, which does not know of us, while it runs. */
void tw_truth_exec_of(pid_t host_pid, const char *interpreter);

/* --- workload_run.c: fork, exec, wait and exit, with the truth written down --- */

pid_t tw_fork(const char *how);
/* The same, and returns only when the child has written down its birth: for parents that end
 * before their child does anything else, which would make it another's child. */
pid_t tw_fork_told(const char *how);
/* PR_SET_NAME of the calling thread. */
void tw_rename(const char *name);
/* clone3(2) without a stack, which is like fork; set_tid may be 0. */
pid_t tw_clone3(const char *how, uint64_t flags, int exit_signal, pid_t set_tid);
/* execve; returns only when it failed (then the failure is written down). */
void tw_exec(const char *path, char *const *argv, char *const *envp);
void tw_execat(int dirfd, const char *path, char *const *argv, char *const *envp, int flags,
	       const char *cmdpath, const char *script);
/* Wait for a child by its pid as the caller sees it; returns the raw status. */
int tw_wait(pid_t pid);
/* Takes one child that has ended, if there is any. */
bool tw_reap(void);
/* Waits for all children that there are or that come to us meanwhile. */
void tw_reap_rest(void);
/* For who will not be waited for by the workload. */
_Noreturn void tw_exit_told(int code);
/* Wait for a process, not necessarily a child, to be gone (host pid). */
void tw_wait_gone(pid_t pid);
/* Fork, exec the helper (or `path`) with the operations, wait. */
pid_t tw_spawn(const char *path, const char *ops);
void tw_run_helper(const char *path, const char *ops);
/* argv = {name, token, ...}: a fresh token in a static buffer. */
char *tw_token(void);
char **tw_env(const char *ops);
int tw_copy_helper(const char *to, mode_t mode);
/* Where a thing can't be done here: the whole scenario (and end), or a part of it. */
_Noreturn void tw_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tw_skip_part(const char *part, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The workload itself failed: its truth is worth nothing. */
_Noreturn void tw_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Other users must be able to reach the helper: skips the scenario if they can't. */
void tw_need_others(void);
/* A gate: pass blocks until open, also in other processes. */
struct tw_gate {
	int fd[2];
};
void tw_gate_init(struct tw_gate *g);
void tw_gate_open(struct tw_gate *g);
void tw_gate_pass(struct tw_gate *g);

/* --- workload_image.c: what a new image does --- */

int tw_image_main(int argc, char **argv, char **envp);
int tw_umh_main(int argc, char **argv, char **envp);
int tw_run_ops(const char *ops);

/* --- workload_puppet.c: processes that do what they are told, wherever they are in the tree --- */

enum tw_order {
	TW_BORN = 1,
	TW_FORK,	/* another puppet, its place in `place` */
	TW_THREAD_FORK, /* the same, by a thread that ends then */
	TW_DOUBLE_FORK, /* the same, by a child that ends at once */
	TW_EXEC,	/* another image; it stays a puppet */
	TW_RUN,		/* a child that is a program */
	TW_FLASH,	/* a child that is none */
	TW_SUBREAPER,
	TW_END,	     /* whatever children there are */
	TW_END_TOLD, /* the same, of one whose parent is none of ours: it tells of its own exit */
};

/* The place of the one who gives the orders: what it is told it does itself. */
#define TW_SELF (-1)

/* Gives an order; tw_puppet_settle() waits until it was followed. */
void tw_puppet_order(int place, enum tw_order what, int arg);
bool tw_puppet_idle(int place);
void tw_puppet_settle(int place);
void tw_puppet_do(int place, enum tw_order what);
/* A new puppet below `place`, made by TW_FORK, TW_THREAD_FORK or TW_DOUBLE_FORK. */
int tw_puppet_make(int place, enum tw_order how);
/* The same, not waited for; -1: there are too many. */
int tw_puppet_launch(int place, enum tw_order how);
/* Ends one, and waits until its children have another parent. */
void tw_puppet_end(int place, enum tw_order how);
/* What an image does that is a puppet: follows orders, until it is told to end. */
void tw_puppet_follow(int place);
void tw_become_subreaper(void);

/* --- workload_lineage.c --- */

/* A tree that changes all the time, at random, for so many seconds or (0) until told to stop. */
void tw_tree_storm(int seconds);
/* The same, with much more to tell than a sensor with a small ring can take; it is also stopped for
 * moments, if it is told who it is. Then calm: each of those that are left makes a child, again and
 * again. */
void tw_loss_storm(int seconds, pid_t sensor);

/* --- the scenarios --- */

struct tw_scenario {
	const char *name;
	void (*run)(void);
	const char *what;
	/* Changes settings of the whole machine; only when asked for. */
	bool host_changes;
};

extern const struct tw_scenario tw_scenarios_fork[];
extern const struct tw_scenario tw_scenarios_lineage[];
extern const struct tw_scenario tw_scenarios_thread[];
extern const struct tw_scenario tw_scenarios_args[];
extern const struct tw_scenario tw_scenarios_file[];
extern const struct tw_scenario tw_scenarios_ns[];
extern const struct tw_scenario tw_scenarios_end[];

void tw_storm_worker(int number);

#endif

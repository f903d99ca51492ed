/* SPDX-License-Identifier: Apache-2.0
 *
 * Ground-truth scenarios: namespaces, ids, pid reuse, cgroups, terminals.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
	if (!ok)
		tw_broken("%s: %s", what, strerror(errno));
}

/* What pid 1 of a new namespace does; `levels` more namespaces below it. */
static int namespace_init(int levels)
{
	pid_t pid;

	if (getpid() != 1)
		tw_broken("pid %d in a new pid namespace", getpid());
	tw_run_helper(NULL, "exit=61");
	tw_run_helper(NULL, "fork=2,exec,chain=1");

	/* An orphan: adopted by us, not by the host's init. */
	pid = tw_fork("fork");
	if (pid == 0) {
		struct tw_gate gate;

		tw_gate_init(&gate);
		if (tw_fork_told("fork") == 0) {
			char *argv[] = { "namespaced orphan", tw_token(), NULL };

			/* Our parent's end closes the last other writing end. */
			close(gate.fd[1]);
			tw_gate_pass(&gate);
			while (getppid() != 1)
				tw_run_ops("nap=1");
			tw_exec(tw->helper, argv, tw_env("exit=62"));
			_exit(127);
		}
		_exit(63);
	}
	tw_wait(pid);
	/* Pids go on from here: the orphan has the next one. */
	tw_wait(pid + 1);

	if (levels > 0) {
		pid = tw_clone3("clone3_newpid", CLONE_NEWPID, SIGCHLD, 0);
		must(pid >= 0, "CLONE_NEWPID");
		if (pid == 0)
			_exit(namespace_init(levels - 1));
		tw_wait(pid);
	}
	return 64;
}

static void pid_ns(void)
{
	pid_t pid;

	pid = tw_clone3("clone3_newpid", CLONE_NEWPID, SIGCHLD, 0);
	if (pid < 0)
		tw_skip("CLONE_NEWPID: %s", strerror(errno));
	if (pid == 0)
		_exit(namespace_init(1));
	tw_wait(pid);

	/* By unshare only the children are in it. */
	pid = tw_fork("fork");
	if (pid == 0) {
		must(!unshare(CLONE_NEWPID), "unshare");
		tw_run_helper(NULL, "fork=1,exit=65");
		_exit(0);
	}
	tw_wait(pid);
}

/* When pid 1 of a namespace ends, all others in it are killed. */
static void pid_ns_killed(void)
{
	pid_t pid, victim = 0;
	struct tw_line l;
	int up[2];

	must(!pipe(up), "pipe");
	pid = tw_clone3("clone3_newpid", CLONE_NEWPID, SIGCHLD, 0);
	if (pid < 0)
		tw_skip("CLONE_NEWPID: %s", strerror(errno));
	if (pid == 0) {
		struct tw_gate born;

		tw_gate_init(&born);
		if (tw_fork("fork") == 0) {
			victim = tw_host_pid();
			must(write(up[1], &victim, sizeof(victim)) == sizeof(victim), "write");
			tw_gate_open(&born);
			for (;;)
				pause();
		}
		tw_gate_pass(&born);
		_exit(66);
	}
	must(read(up[0], &victim, sizeof(victim)) == sizeof(victim), "read");
	/* Its init ends only after it has killed and reaped the others: the kernel does that, so
	 * it is for us to say how the victim ended. */
	tw_wait(pid);
	tw_line_begin(&l, "exit");
	tw_line_int(&l, "pid", victim);
	tw_line_int(&l, "ppid", pid);
	tw_line_int(&l, "code", 0);
	tw_line_int(&l, "signal", SIGKILL);
	tw_line_bool(&l, "core", false);
	tw_line_text(&l, "by", "namespace");
	tw_line_end(&l);
}

static void write_map(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%d/%s", pid, name);
	fd = openat(TW_FD_PROC, path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

static void ids_are(uint32_t uid, uint32_t gid, int level, uint32_t owner)
{
	tw->uid = uid;
	tw->gid = gid;
	tw->user_ns_level = level;
	tw->user_ns_owner = owner;
	tw->ids_known = level > 0;
}

static void user_ns(void)
{
	char map[64];
	pid_t pid;
	struct tw_gate entered, mapped;
	uid_t me = geteuid();
	gid_t my_group = getegid();

	/* Nothing is mapped: inside, all ids are the overflow id; the host's are what they were. */
	pid = tw_fork("fork");
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER)) {
			tw_skip_part("all", "CLONE_NEWUSER: %s", strerror(errno));
			_exit(1);
		}
		ids_are(me, my_group, 1, me);
		tw_run_helper(NULL, "fork=1,exit=71");
		ids_are(0, 0, 0, 0);
		_exit(0);
	}
	if (WEXITSTATUS(tw_wait(pid)))
		_exit(0);

	/* Another user, who is root inside. */
	if (me)
		tw_skip("all but the first part needs root");
	tw_need_others();
	pid = tw_fork("fork");
	if (pid == 0) {
		must(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534),
		     "setresuid");
		/* A change of ids makes a process undumpable, and its /proc files root's. */
		must(!prctl(PR_SET_DUMPABLE, 1), "PR_SET_DUMPABLE");
		must(!unshare(CLONE_NEWUSER), "unshare");
		snprintf(map, sizeof(map), "0 65534 1\n");
		write_map(tw_host_pid(), "setgroups", "deny");
		write_map(tw_host_pid(), "uid_map", map);
		write_map(tw_host_pid(), "gid_map", map);
		if (geteuid())
			tw_broken("uid %d in a user namespace that maps 0", geteuid());
		ids_are(65534, 65534, 1, 65534);
		tw_run_helper(NULL, "fork=1,exit=72");
		ids_are(0, 0, 0, 0);
		_exit(0);
	}
	tw_wait(pid);

	/* A range, as containers have it, in a pid namespace as well. */
	tw_gate_init(&entered);
	tw_gate_init(&mapped);
	pid = tw_fork("fork");
	if (pid == 0) {
		must(!unshare(CLONE_NEWUSER), "unshare");
		tw_gate_open(&entered);
		tw_gate_pass(&mapped);
		must(!setresgid(5, 5, 5) && !setresuid(7, 7, 7), "setresuid");
		ids_are(100007, 100005, 1, 0);
		tw_run_helper(NULL, "fork=1,exit=73");
		ids_are(0, 0, 0, 0);
		_exit(0);
	}
	tw_gate_pass(&entered);
	write_map(pid, "uid_map", "0 100000 1000\n");
	write_map(pid, "gid_map", "0 100000 1000\n");
	tw_gate_open(&mapped);
	tw_wait(pid);
}

static void other_ns(void)
{
	static const struct {
		const char *name;
		int flag;
	} kinds[] = {
		{ "uts", CLONE_NEWUTS }, { "ipc", CLONE_NEWIPC },	{ "mnt", CLONE_NEWNS },
		{ "net", CLONE_NEWNET }, { "cgroup", CLONE_NEWCGROUP }, { "time", CLONE_NEWTIME },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		pid_t pid = tw_fork("fork");

		if (pid == 0) {
			if (unshare(kinds[i].flag))
				tw_skip_part(kinds[i].name, "unshare: %s", strerror(errno));
			else
				tw_run_helper(NULL, "fork=1,exec,exit=74");
			_exit(0);
		}
		tw_wait(pid);
	}
}

/* The same pid again, at once: another process. */
static void pid_reuse(void)
{
	pid_t pid = 0;
	int reused = 0;

	for (int i = 0; i < 10 * tw_scale; i++) {
		pid_t next;

		if (!pid) {
			pid = tw_fork("fork");
			if (pid == 0)
				_exit(81);
			tw_wait(pid);
		}
		next = tw_clone3("clone3_set_tid", 0, SIGCHLD, pid);
		if (next < 0 && errno == EEXIST) {
			/* Somebody else was given it meanwhile. */
			pid = 0;
			continue;
		}
		if (next < 0)
			tw_skip("clone3 with set_tid: %s", strerror(errno));
		if (next == 0) {
			if (i % 3 == 0) {
				char *argv[] = { "pid again", tw_token(), NULL };

				tw_exec(tw->helper, argv, tw_env("fork=1,exit=82"));
			}
			_exit(83);
		}
		tw_wait(next);
		reused++;
	}
	if (!reused)
		tw_skip("every freed pid was taken by others at once");
}

static void cgroups(void)
{
	char dir[256], file[300];
	pid_t pid;
	int fd;

	if (!tw->cgroup_mount[0])
		tw_skip("no cgroup2 is mounted");
	snprintf(dir, sizeof(dir), "%s/tarsier-truth-%d", tw->cgroup_mount, getpid());
	if (mkdir(dir, 0755))
		tw_skip("no cgroup can be made: %s", strerror(errno));
	pid = tw_fork("fork");
	if (pid == 0) {
		snprintf(file, sizeof(file), "%s/cgroup.procs", dir);
		fd = open(file, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1) {
			tw_skip_part("moved", "%s: %s", file, strerror(errno));
			_exit(0);
		}
		close(fd);
		tw_run_helper(NULL, "fork=1,exec,exit=84");
		_exit(0);
	}
	tw_wait(pid);

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		struct tw_creator c = tw_creator("clone3_into_cgroup");
		struct clone_args args = {
			.flags = CLONE_INTO_CGROUP,
			.exit_signal = SIGCHLD,
			.cgroup = (uint64_t)fd,
		};

		pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (pid == 0) {
			tw_truth_fork(&c);
			tw_run_helper(NULL, "fork=1,exit=85");
			_exit(0);
		}
		if (pid < 0)
			tw_skip_part("born into it", "CLONE_INTO_CGROUP: %s", strerror(errno));
		else
			tw_wait(pid);
		close(fd);
	}
	for (int i = 0; i < 100 && rmdir(dir) && errno == EBUSY; i++)
		tw_run_ops("nap=10");
}

static void id_changes(void)
{
	static const struct {
		uid_t r, e, s;
		gid_t rg, eg, sg;
	} ids[] = {
		{ 65534, 65534, 65534, 65534, 65534, 65534 },
		{ 0, 65534, 0, 0, 0, 0 },
		{ 65534, 0, 0, 65534, 0, 0 },
		{ 1001, 1002, 1003, 2001, 2002, 2003 },
		{ 4000000000u, 4000000000u, 4000000000u, 4000000001u, 4000000001u, 4000000001u },
		{ 0, 0, 0, 3000, 3000, 3000 },
	};

	if (geteuid())
		tw_skip("needs root");
	tw_need_others();
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		pid_t pid = tw_fork("fork");

		if (pid == 0) {
			must(!setresgid(ids[i].rg, ids[i].eg, ids[i].sg) &&
				     !setresuid(ids[i].r, ids[i].e, ids[i].s),
			     "setresuid");
			tw_run_helper(NULL, "fork=1,exec,exit=86");
			_exit(0);
		}
		tw_wait(pid);
	}
}

static void terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	char name[128];
	pid_t pid;

	if (master < 0)
		tw_skip("no pseudo terminal: %s", strerror(errno));
	if (grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof(name)))
		tw_skip("no pseudo terminal: %s", strerror(errno));
	pid = tw_fork("fork");
	if (pid == 0) {
		int slave;

		must(setsid() > 0, "setsid");
		slave = open(name, O_RDWR);
		must(slave >= 0, name);
		must(!ioctl(slave, TIOCSCTTY, 0), "TIOCSCTTY");
		must(dup2(slave, 0) == 0, "dup2");
		tw_run_helper(NULL, "fork=1,exec,exit=87");
		/* A session of its own loses the terminal. */
		pid = tw_fork("fork");
		if (pid == 0) {
			must(setsid() > 0, "setsid");
			tw_run_helper(NULL, "exit=88");
			_exit(0);
		}
		tw_wait(pid);
		signal(SIGHUP, SIG_IGN);
		_exit(0);
	}
	tw_wait(pid);
	close(master);
}

const struct tw_scenario tw_scenarios_ns[] = {
	{ "pid_ns", pid_ns, "nested pid namespaces, by clone and by unshare", false },
	{ "pid_ns_killed", pid_ns_killed, "processes killed in a pid namespace", false },
	{ "user_ns", user_ns, "user namespaces: the host's ids are meant", false },
	{ "other_ns", other_ns, "all other namespaces", false },
	{ "pid_reuse", pid_reuse, "a pid is used again at once", false },
	{ "cgroups", cgroups, "moved to and born into a cgroup", false },
	{ "id_changes", id_changes, "real, effective and saved ids", false },
	{ "terminal", terminal, "a controlling terminal and sessions", false },
	{ NULL, NULL, NULL, false },
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * The ground-truth workload: causes processes, and writes down the truth about each.
 *
 *   workload --truth FILE [--scale N] [--dir DIR] [--allow-host-changes] [SCENARIO...]
 *   workload --truth FILE --forever-storm N       N workers until SIGTERM
 *   workload --truth FILE --tree-storm SECONDS    0: until SIGTERM
 *   workload --truth FILE --loss-storm SECONDS [--sensor PID]
 *   workload --list
 *
 * Every scenario runs in a process of its own, in a directory of its own, one after the other.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CGROUP2_MAGIC	0x63677270
#define TIMEOUT_SECONDS 60

static const struct tw_scenario *const groups[] = {
	tw_scenarios_fork, tw_scenarios_lineage, tw_scenarios_thread, tw_scenarios_args,
	tw_scenarios_file, tw_scenarios_ns,	 tw_scenarios_end,
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool map_state(void)
{
	struct stat st;

	if (fstat(TW_FD_STATE, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size != (off_t)sizeof(struct tw_state))
		return false;
	tw = mmap(NULL, sizeof(*tw), PROT_READ | PROT_WRITE, MAP_SHARED, TW_FD_STATE, 0);
	if (tw == MAP_FAILED || tw->magic != TW_MAGIC) {
		tw = NULL;
		return false;
	}
	return true;
}

static void move_fd(int from, int to)
{
	if (from < 0)
		fail("open");
	if (dup2(from, to) != to)
		fail("dup2");
	close(from);
}

/* A helper of the kernel inherits nothing: it takes the descriptors of the main process. */
static void borrow_fds(const char *main_pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/fd/%d", main_pid, TW_FD_TRUTH);
	move_fd(open(path, O_WRONLY | O_APPEND), TW_FD_TRUTH);
	snprintf(path, sizeof(path), "/proc/%s/fd/%d", main_pid, TW_FD_STATE);
	move_fd(open(path, O_RDWR), TW_FD_STATE);
	move_fd(open("/proc", O_RDONLY | O_DIRECTORY), TW_FD_PROC);
}

static void find_cgroups(void)
{
	static const char *const mounts[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
	struct statfs fs;

	for (size_t i = 0; i < 2; i++) {
		if (statfs(mounts[i], &fs) || fs.f_type != CGROUP2_MAGIC)
			continue;
		strcpy(tw->cgroup_mount, mounts[i]);
		if (readlinkat(TW_FD_PROC, "self/ns/cgroup", tw->cgroup_ns,
			       sizeof(tw->cgroup_ns) - 1) < 0)
			tw->cgroup_ns[0] = '\0';
		return;
	}
}

static void set_up(const char *truth, const char *parent_dir)
{
	char self[sizeof(tw->helper)];
	ssize_t n;

	move_fd(open(truth, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644), TW_FD_TRUTH);
	move_fd(open("/proc", O_RDONLY | O_DIRECTORY), TW_FD_PROC);
	move_fd((int)syscall(SYS_memfd_create, "truth-state", 0), TW_FD_STATE);
	if (ftruncate(TW_FD_STATE, sizeof(*tw)))
		fail("ftruncate");
	tw = mmap(NULL, sizeof(*tw), PROT_READ | PROT_WRITE, MAP_SHARED, TW_FD_STATE, 0);
	if (tw == MAP_FAILED)
		fail("mmap");
	tw->magic = TW_MAGIC;
	strcpy(tw->scenario, "main");
	strcpy(tw->ops, "exit=0");
	tw->main_pid = tw_host_pid();
	find_cgroups();
	if ((size_t)snprintf(tw->dir, sizeof(tw->dir), "%s/truth-XXXXXX", parent_dir) >=
		    sizeof(tw->dir) - 64 ||
	    !mkdtemp(tw->dir) || chmod(tw->dir, 0755))
		fail(tw->dir);
	/* Executed under a path without surprises, whatever path we ourselves have. */
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		fail("/proc/self/exe");
	self[n] = '\0';
	memcpy(tw->helper, self, (size_t)n + 1);
	strcpy(self, tw->dir);
	strcat(self, "/helper");
	if (tw_copy_helper(self, 0755))
		fail(self);
	strcpy(tw->helper, self);
}

static void remove_tree(int dir, const char *name)
{
	struct dirent *e;
	DIR *d;
	int fd;

	if (!unlinkat(dir, name, 0))
		return;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			remove_tree(fd, e->d_name);
	closedir(d);
	unlinkat(dir, name, AT_REMOVEDIR);
}

static void say_broken(const char *reason)
{
	struct tw_line l;

	tw_line_begin(&l, "broken");
	tw_line_text(&l, "reason", reason);
	tw_line_end(&l);
}

/* True when the child has ended, false when it has to be ended. */
static bool wait_for_end(pid_t pid)
{
	struct timespec nap = { .tv_nsec = 1000000 };
	siginfo_t si;

	for (int ms = 0; ms < TIMEOUT_SECONDS * 1000 * tw_scale; ms++) {
		si.si_pid = 0;
		if (!waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT | WNOHANG) && si.si_pid)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

static void run(const struct tw_scenario *s, bool host_changes)
{
	pid_t pid;
	int status;

	snprintf(tw->scenario, sizeof(tw->scenario), "%s", s->name);
	tw_truth_phase("start");
	if (s->host_changes && !host_changes) {
		struct tw_line l;

		tw_line_begin(&l, "skip");
		tw_line_text(&l, "reason",
			     "changes a setting of the whole machine: "
			     "only with --allow-host-changes");
		tw_line_end(&l);
		tw_truth_phase("end");
		return;
	}
	pid = tw_fork("fork");
	if (pid == 0) {
		/* A group, so that all of it can be ended should it hang. */
		setpgid(0, 0);
		if (chdir(tw->dir) || mkdir(s->name, 0755) || chdir(s->name))
			tw_broken("%s/%s: %s", tw->dir, s->name, strerror(errno));
		s->run();
		_exit(0);
	}
	if (!wait_for_end(pid)) {
		say_broken("the scenario hangs");
		kill(-pid, SIGKILL);
	}
	status = tw_wait(pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		say_broken("the scenario's own process failed");
	/* Whatever it left behind there is of no use to the next. */
	tw->cwd[0] = '\0';
	tw->root[0] = '\0';
	tw->ids_known = false;
	tw->user_ns_level = 0;
	tw_truth_phase("end");
}

static void on_term(int sig)
{
	(void)sig;
	atomic_store(&tw->stop, true);
}

static void end_on_term(void)
{
	struct sigaction sa = { .sa_handler = on_term };

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
}

static void storm(int workers)
{
	pid_t *pid = calloc((size_t)workers, sizeof(*pid));
	sigset_t term, old;

	if (!pid)
		fail("calloc");
	snprintf(tw->scenario, sizeof(tw->scenario), "forever_storm");
	end_on_term();
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigaddset(&term, SIGINT);
	tw_truth_phase("start");
	for (int i = 0; i < workers; i++) {
		pid[i] = tw_fork("fork");
		if (pid[i] == 0) {
			tw_storm_worker(i);
			_exit(0);
		}
	}
	sigprocmask(SIG_BLOCK, &term, &old);
	while (!atomic_load(&tw->stop))
		sigsuspend(&old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	for (int i = 0; i < workers; i++)
		tw_wait(pid[i]);
	tw_truth_phase("end");
	free(pid);
}

static void storm_of_trees(const char *name, int seconds, pid_t sensor)
{
	snprintf(tw->scenario, sizeof(tw->scenario), "%s", name);
	end_on_term();
	tw_truth_phase("start");
	if (!strcmp(name, "loss_storm"))
		tw_loss_storm(seconds, sensor);
	else
		tw_tree_storm(seconds);
	tw_truth_phase("end");
}

static void list(void)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct tw_scenario *s = groups[g]; s->name; s++)
			printf("%-24s %s\n", s->name, s->what);
}

static bool is_scenario(const char *name)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct tw_scenario *s = groups[g]; s->name; s++)
			if (!strcmp(s->name, name))
				return true;
	return false;
}

static bool wanted(const char *name, char *const *names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static _Noreturn void usage(void)
{
	fputs("usage: workload --truth FILE [--scale N] [--dir DIR] [--allow-host-changes]\n"
	      "                [--forever-storm N | --tree-storm SECONDS |\n"
	      "                 --loss-storm SECONDS [--sensor PID] | SCENARIO...]\n"
	      "       workload --list\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv, char **envp)
{
	static const struct option options[] = {
		{ "truth", required_argument, NULL, 't' },
		{ "scale", required_argument, NULL, 's' },
		{ "dir", required_argument, NULL, 'd' },
		{ "allow-host-changes", no_argument, NULL, 'a' },
		{ "forever-storm", required_argument, NULL, 'f' },
		{ "tree-storm", required_argument, NULL, 'T' },
		{ "loss-storm", required_argument, NULL, 'L' },
		{ "sensor", required_argument, NULL, 'S' },
		{ "list", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	const char *truth = NULL;
	const char *dir = getenv("TMPDIR");
	const char *trees = NULL;
	bool host_changes = false;
	pid_t sensor = 0;
	int workers = 0, seconds = 0;
	int opt;

	if (map_state())
		return tw_image_main(argc, argv, envp);
	if (argc == 3 && !strcmp(argv[1], "__umh")) {
		borrow_fds(argv[2]);
		return map_state() ? tw_umh_main(argc, argv, envp) : 1;
	}
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 't':
			truth = optarg;
			break;
		case 's':
			tw_scale = atoi(optarg);
			break;
		case 'd':
			dir = optarg;
			break;
		case 'a':
			host_changes = true;
			break;
		case 'f':
			workers = atoi(optarg);
			break;
		case 'T':
		case 'L':
			trees = opt == 'T' ? "tree_storm" : "loss_storm";
			seconds = atoi(optarg);
			break;
		case 'S':
			sensor = atoi(optarg);
			break;
		case 'l':
			list();
			return 0;
		default:
			usage();
		}
	}
	if (!truth || tw_scale < 1)
		usage();
	for (int i = optind; i < argc; i++) {
		if (!is_scenario(argv[i])) {
			fprintf(stderr, "workload: no scenario %s\n", argv[i]);
			return 2;
		}
	}
	set_up(truth, dir ? dir : "/tmp");
	tw_truth_phase("start");
	tw_truth_exec(argc, argv, envp);
	if (workers) {
		storm(workers);
	} else if (trees) {
		storm_of_trees(trees, seconds, sensor);
	} else {
		for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
			for (const struct tw_scenario *s = groups[g]; s->name; s++)
				if (wanted(s->name, argv + optind))
					run(s, host_changes);
	}
	remove_tree(AT_FDCWD, tw->dir);
	strcpy(tw->scenario, "main");
	tw_truth_phase("end");
	tw_truth_exit(tw->main_pid, 0, 0, false, "self");
	_exit(0);
}

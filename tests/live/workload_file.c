/* SPDX-License-Identifier: Apache-2.0
 *
 * Ground-truth scenarios: what is executed and where from: scripts, links, descriptors, deleted
 * and unnamed files, odd directories, set-id programs.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
	if (!ok)
		tw_broken("%s: %s", what, strerror(errno));
}

static void must_copy(const char *to, mode_t mode)
{
	must(!tw_copy_helper(to, mode), to);
}

/* A path below the scenario's own directory, made absolute. */
static char *below(const char *name)
{
	char cwd[PATH_MAX];
	char *path;

	must(!!getcwd(cwd, sizeof(cwd)), "getcwd");
	must(asprintf(&path, "%s/%s", cwd, name) > 0, "asprintf");
	return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	size_t len = strlen(text);

	must(fd >= 0, path);
	must(write(fd, text, len) == (ssize_t)len, path);
	must(!fchmod(fd, mode), path);
	close(fd);
}

static int run_path(const char *path, const char *script, char *argv0)
{
	pid_t pid = tw_fork("fork");

	if (pid == 0) {
		char *argv[] = { argv0, tw_token(), "second", NULL };

		tw_truth_try(path, script, argv);
		execve(path, argv, tw_env("exit=51"));
		tw_truth_exec_failed(path, argv, errno);
		_exit(127);
	}
	return tw_wait(pid);
}

static void expect(int status, const char *what)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 51)
		tw_broken("%s: status %#x", what, status);
}

static void scripts(void)
{
	static const char *const lines[][2] = { { "#!", "\n" },
						{ "#!", " one-arg\n" },
						{ "#! ", " two args = one  \n" },
						{ "#!\t", "\t-x\n" } };
	char text[4096];
	char *path;
	int fd;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char name[32];

		snprintf(name, sizeof(name), "script-%zu.sh", i);
		path = below(name);
		snprintf(text, sizeof(text), "%s%s%s", lines[i][0], tw->helper, lines[i][1]);
		write_file(path, text, 0755);
		expect(run_path(path, path, "my script"), name);
	}
	/* Relative, and through a link: asked for is one thing, the file another. */
	expect(run_path("./script-0.sh", below("script-0.sh"), "relative"), "relative script");
	must(!symlink("script-0.sh", "link-to-script"), "symlink");
	expect(run_path("link-to-script", below("script-0.sh"), "link"), "linked script");

	/* An interpreter that is a script itself. */
	snprintf(text, sizeof(text), "#!%s outer\n", below("script-1.sh"));
	write_file("nested.sh", text, 0755);
	path = below("nested.sh");
	expect(run_path(path, path, "nested"), "nested script");

	/* By descriptor: the kernel makes up a path under /dev/fd. */
	fd = open("script-1.sh", O_RDONLY);
	must(fd >= 0, "script-1.sh");
	if (access("/dev/fd/0", F_OK)) {
		tw_skip_part("script by descriptor", "no /dev/fd");
	} else {
		pid_t pid = tw_fork("fork");

		if (pid == 0) {
			char *argv[] = { "by descriptor", tw_token(), NULL };

			snprintf(text, sizeof(text), "/dev/fd/%d", fd);
			tw_execat(fd, "", argv, tw_env("exit=51"), AT_EMPTY_PATH, text,
				  below("script-1.sh"));
			_exit(127);
		}
		expect(tw_wait(pid), "script by descriptor");
	}
	close(fd);
}

static void symlinks(void)
{
	must(!mkdir("real", 0755), "mkdir");
	must_copy("real/program", 0755);
	must(!symlink("real/program", "link"), "symlink");
	must(!symlink(below("link"), "absolute-link-to-link"), "symlink");
	must(!symlink("real", "linked-dir"), "symlink");
	must(!link("real/program", "real/hard"), "link");
	expect(run_path("link", NULL, "link"), "symlink");
	expect(run_path(below("absolute-link-to-link"), NULL, "linklink"), "symlink to symlink");
	expect(run_path("linked-dir/program", NULL, "dir"), "linked directory");
	expect(run_path("./real/../linked-dir/./hard", NULL, "hard"), "hard link");
	expect(run_path("real//program", NULL, "slashes"), "double slash");
}

static void odd_names(void)
{
	static char *const names[] = {
		"with space",
		"new\nline",
		"quote\"back\\slash",
		"a-name-of-more-than-fifteen-bytes",
		"exactly15bytes.",
		"sixteen-bytes-ab",
		"\xff\xfe not utf-8",
		"caf\xc3\xa9",
		"ends with (deleted)",
		" ",
		"(paren) 1 2",
		"\x1b[31m",
		"emoji\xf0\x9f\x90\x92\xf0\x9f\x90\x92",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		must_copy(names[i], 0755);
		expect(run_path(below(names[i]), NULL, names[i]), names[i]);
		unlink(names[i]);
	}
	/* The longest name there is, five directories deep. */
	{
		char longest[NAME_MAX + 1];
		char path[6 * (NAME_MAX + 1)] = "";

		memset(longest, 'n', NAME_MAX);
		longest[NAME_MAX] = '\0';
		for (int i = 0; i < 4; i++) {
			strcat(path, longest);
			must(!mkdir(path, 0755), "mkdir");
			strcat(path, "/");
		}
		strcat(path, longest);
		must_copy(path, 0755);
		expect(run_path(below(path), NULL, "longest"), "longest name");
		unlink(path);
	}
}

static void run_at(int dirfd, const char *path, int flags, const char *cmdpath)
{
	pid_t pid = tw_fork("fork");

	if (pid == 0) {
		char *argv[] = { "execveat", tw_token(), NULL };

		tw_execat(dirfd, path, argv, tw_env("exit=51"), flags, cmdpath, NULL);
		_exit(127);
	}
	expect(tw_wait(pid), cmdpath);
}

static void by_descriptor(void)
{
	char cmdpath[64];
	int fd, dir;

	must(!mkdir("dir", 0755), "mkdir");
	must_copy("dir/program", 0755);
	fd = open("dir/program", O_RDONLY | O_CLOEXEC);
	dir = open("dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0 && dir >= 0, "open");
	snprintf(cmdpath, sizeof(cmdpath), "/dev/fd/%d", fd);
	run_at(fd, "", AT_EMPTY_PATH, cmdpath);
	snprintf(cmdpath, sizeof(cmdpath), "/dev/fd/%d/program", dir);
	run_at(dir, "program", 0, cmdpath);
	run_at(AT_FDCWD, "dir/program", 0, "dir/program");
	run_at(dir, below("dir/program"), 0, below("dir/program"));
	/* A path through procfs resolves to the file itself. */
	snprintf(cmdpath, sizeof(cmdpath), "/proc/self/fd/%d", fd);
	if (!access(cmdpath, F_OK))
		run_at(AT_FDCWD, cmdpath, 0, cmdpath);
	close(fd);
	close(dir);
}

static void memfd(void)
{
	static const char *const names[] = { "payload", "", "name with space", "(deleted)" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];
		int fd = (int)syscall(SYS_memfd_create, names[i], 0);

		if (fd < 0)
			tw_skip("memfd_create: %s", strerror(errno));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		must_copy(path, 0755);
		snprintf(path, sizeof(path), "/dev/fd/%d", fd);
		run_at(fd, "", AT_EMPTY_PATH, path);
		close(fd);
	}
}

static void deleted_exe(void)
{
	char cmdpath[64];
	struct tw_gate started, go;
	pid_t pid;
	int fd;

	/* Gone before it is executed. */
	must_copy("gone", 0755);
	fd = open("gone", O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && !unlink("gone"), "gone");
	snprintf(cmdpath, sizeof(cmdpath), "/dev/fd/%d", fd);
	run_at(fd, "", AT_EMPTY_PATH, cmdpath);
	close(fd);

	/* One of its two names is gone, the one that was opened. */
	must_copy("first-name", 0755);
	must(!link("first-name", "second-name"), "link");
	fd = open("first-name", O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && !unlink("first-name"), "first-name");
	snprintf(cmdpath, sizeof(cmdpath), "/dev/fd/%d", fd);
	run_at(fd, "", AT_EMPTY_PATH, cmdpath);
	close(fd);

	/* Its directory is gone as well. */
	must(!mkdir("gone-dir", 0755), "mkdir");
	must_copy("gone-dir/program", 0755);
	fd = open("gone-dir/program", O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && !unlink("gone-dir/program") && !rmdir("gone-dir"), "gone-dir");
	snprintf(cmdpath, sizeof(cmdpath), "/dev/fd/%d", fd);
	run_at(fd, "", AT_EMPTY_PATH, cmdpath);
	close(fd);

	/* Replaced while it runs: at its exec it was not deleted. */
	must_copy("replaced", 0755);
	tw_gate_init(&started);
	tw_gate_init(&go);
	pid = tw_fork("fork");
	if (pid == 0) {
		char *path = below("replaced");
		char *argv[] = { path, tw_token(), NULL };
		char ops[64];

		snprintf(ops, sizeof(ops), "open=%d,gate=%d,exit=51", started.fd[1], go.fd[0]);
		tw_exec(path, argv, tw_env(ops));
		_exit(127);
	}
	tw_gate_pass(&started);
	must_copy("replacement", 0755);
	must(!rename("replacement", "replaced"), "rename");
	tw_gate_open(&go);
	expect(tw_wait(pid), "replaced");
	expect(run_path(below("replaced"), NULL, "second of that name"), "replacement");
}

static void enter(const char *dir)
{
	must(!mkdir(dir, 0755), dir);
	must(!chdir(dir), dir);
}

static void run_here(void)
{
	expect(run_path(tw->helper, NULL, "here"), "helper");
}

static void cwds(void)
{
	static const char *const names[] = { "plain", "with space", "new\nline", "\xff\xfe",
					     "really (deleted)" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enter(names[i]);
		run_here();
		must(!chdir(".."), "..");
	}
	must(!chdir("/"), "/");
	run_here();
	must(!chdir("/proc"), "/proc");
	run_here();
	must(!chdir("/dev"), "/dev");
	run_here();
}

/* Deeper than PATH_MAX: no path leads there, and getcwd won't tell. */
static void deep_cwd(void)
{
	char name[241];

	must(!!getcwd(tw->cwd, PATH_MAX), "getcwd");
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 24; i++) {
		name[0] = (char)('a' + i);
		enter(name);
		strcat(tw->cwd, "/");
		strcat(tw->cwd, name);
		/* Below, at and above the sizes that matter: 256, 4096. */
		if (i == 0 || i >= 14)
			run_here();
	}
	/* Many short components: walks are counted in components as well. */
	for (int i = 0; i < 300; i++) {
		enter("s");
		strcat(tw->cwd, "/s");
		if (i % 60 == 59)
			run_here();
	}
	must(!chdir("/"), "/");
	tw->cwd[0] = '\0';
}

static void deleted_cwd(void)
{
	char *here = below("");

	enter("doomed");
	must(!rmdir("../doomed"), "rmdir");
	run_here();
	must(!chdir(here), "chdir");
	enter("outer");
	enter("inner");
	must(!rmdir(below("")), "rmdir");
	must(!chdir(here), "chdir");
	must(!rmdir("outer"), "rmdir");
	free(here);
}

static void become(uid_t uid, gid_t gid)
{
	must(!setresgid(gid, gid, gid) && !setresuid(uid, uid, uid), "setresuid");
}

static bool set_id_works(void)
{
	struct statvfs fs;

	return !statvfs(".", &fs) && !(fs.f_flag & (ST_NOSUID | ST_NOEXEC));
}

static int run_as(uid_t uid, gid_t gid, const char *path)
{
	pid_t pid = tw_fork("fork");

	if (pid == 0) {
		become(uid, gid);
		_exit(WEXITSTATUS(run_path(path, NULL, "as another")));
	}
	return tw_wait(pid);
}

static void set_id(void)
{
	static const struct {
		const char *name;
		uid_t uid;
		gid_t gid;
		mode_t mode;
	} files[] = {
		{ "setuid-root", 0, 0, 04755 },	   { "setuid-other", 4321, 0, 04755 },
		{ "setgid-root", 4321, 0, 02755 }, { "setgid-other", 0, 4321, 02755 },
		{ "both-root", 0, 0, 06755 },	   { "both-other", 4321, 4322, 06755 },
		{ "setgid-no-exec", 0, 0, 02745 }, { "setuid-own", 65534, 65534, 06755 },
	};

	if (geteuid())
		tw_skip("needs root");
	tw_need_others();
	if (!set_id_works())
		tw_skip("the temporary directory is mounted nosuid or noexec");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = below(files[i].name);

		must_copy(path, 0755);
		must(!chown(path, files[i].uid, files[i].gid), "chown");
		must(!chmod(path, files[i].mode), "chmod");
		expect(run_as(65534, 65534, path), files[i].name);
		/* By root, for whom some of it changes nothing. */
		expect(run_path(path, NULL, "as root"), files[i].name);
	}
}

static void file_caps(void)
{
	struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1u << CAP_NET_RAW | 1u << CAP_NET_BIND_SERVICE,
	};
	char *path = below("with-caps");

	if (geteuid())
		tw_skip("needs root");
	tw_need_others();
	if (!set_id_works())
		tw_skip("the temporary directory is mounted nosuid or noexec");
	must_copy(path, 0755);
	if (setxattr(path, "security.capability", &caps, sizeof(caps), 0))
		tw_skip("security.capability can't be set here: %s", strerror(errno));
	expect(run_as(65534, 65534, path), "with capabilities");
	expect(run_path(path, NULL, "as root"), "with capabilities, as root");
}

/* What is reached through mount points has the path that the mount points give it. */
static void mounts(void)
{
	pid_t pid;

	if (geteuid())
		tw_skip("needs root");
	must(!mkdir("tmpfs", 0755) && !mkdir("bound", 0755) && !mkdir("source", 0755), "mkdir");
	pid = tw_fork("fork");
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
			tw_skip_part("all", "no mount namespace: %s", strerror(errno));
			_exit(0);
		}
		must(!mount("none", "tmpfs", "tmpfs", 0, "mode=755"), "mount tmpfs");
		must(!mkdir("tmpfs/inner", 0755) && !mkdir("tmpfs/inner/deep", 0755), "mkdir");
		must_copy("source/program", 0755);
		must(!mount("source", "bound", NULL, MS_BIND, NULL), "bind mount");
		must(!mount("none", "tmpfs/inner/deep", "tmpfs", 0, "mode=755"), "mount tmpfs");
		must_copy("tmpfs/inner/deep/program", 0755);
		must_copy("tmpfs/top", 0755);
		expect(run_path(below("tmpfs/top"), NULL, "tmpfs"), "tmpfs");
		expect(run_path(below("tmpfs/inner/deep/program"), NULL, "deep"), "deep tmpfs");
		expect(run_path(below("bound/program"), NULL, "bound"), "bound");
		must(!chdir("tmpfs/inner/deep"), "chdir");
		run_here();
		_exit(0);
	}
	tw_wait(pid);
}

static void chrooted(void)
{
	pid_t pid;

	if (geteuid())
		tw_skip("needs root");
	must(!mkdir("jail", 0755) && !mkdir("jail/bin", 0755), "mkdir");
	must_copy("jail/bin/program", 0755);
	snprintf(tw->root, sizeof(tw->root), "%s", below("jail"));
	pid = tw_fork("fork");
	if (pid == 0) {
		must(!chroot("jail") && !chdir("/bin"), "chroot");
		expect(run_path("/bin/program", NULL, "jailed"), "in a chroot");
		must(!chdir("/"), "chdir");
		expect(run_path("bin/program", NULL, "jailed"), "in a chroot");
		_exit(0);
	}
	/* The truth about this child's end is told from outside: its paths are not in it. */
	tw_wait(pid);
	tw->root[0] = '\0';
}

const struct tw_scenario tw_scenarios_file[] = {
	{ "scripts", scripts, "#! lines, nested, linked, by descriptor", false },
	{ "symlinks", symlinks, "symbolic and hard links", false },
	{ "odd_names", odd_names, "odd and long file names", false },
	{ "by_descriptor", by_descriptor, "fexecve, execveat", false },
	{ "memfd", memfd, "executables that have no file", false },
	{ "deleted_exe", deleted_exe, "executables that are gone", false },
	{ "cwds", cwds, "odd working directories", false },
	{ "deep_cwd", deep_cwd, "a working directory beyond 4 KiB", false },
	{ "deleted_cwd", deleted_cwd, "a working directory that is gone", false },
	{ "set_id", set_id, "set-user-id and set-group-id programs", false },
	{ "file_caps", file_caps, "programs with file capabilities", false },
	{ "mounts", mounts, "paths through mount points", false },
	{ "chroot", chrooted, "paths of a process in a chroot", false },
	{ NULL, NULL, NULL, false },
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings: what is written comes back, byte for byte; nothing else is overwritten; a disk that
 * is full leaves a readable file.
 *
 * With a folder as its argument, this program writes the seeds of tests/fuzz/fuzz_recording there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "recording_files.h"
#include "wire/encode.h"

static void test_round_trip(void **state)
{
	const char *path = in_folder("round-trip");
	struct recorder_stats stats;
	struct recorder *r = begin(path);
	struct image a, b;
	struct outcome o;
	struct stat st;
	uint64_t bytes = 0;

	(void)state;
	add(r, MIXED, 0, 6000, 0);
	recorder_stats(r, &stats);
	for (uint64_t i = 0; i < 6000; i++)
		bytes += length_of(MIXED, i);
	assert_int_equal(stats.messages, 6000);
	assert_int_equal(stats.bytes_raw, bytes);
	assert_int_equal(stats.lost, 0);
	assert_int_equal(stats.error, 0);
	assert_int_equal(recorder_close(r), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true((uint64_t)st.st_size >= stats.bytes_written);
	assert_true((uint64_t)st.st_size < bytes * 3 / 4); /* it is compressed */

	o = read_file(path, MIXED);
	must(o.opened, &o.err);
	assert_int_equal(o.end, -ENODATA);
	assert_int_equal(o.n, 6000);

	/* The same messages make the same bytes. */
	a = image_of(path);
	b = recorded(MIXED, 6000, 0);
	assert_int_equal(a.size, b.size);
	assert_memory_equal(a.bytes, b.bytes, a.size);
	image_free(&a);
	image_free(&b);
}

static void test_huge_messages(void **state)
{
	struct outcome o;

	(void)state;
	record(in_folder("huge"), HUGE_, 16, 0);
	o = read_file(in_folder("huge"), HUGE_);
	must(o.opened, &o.err);
	assert_int_equal(o.end, -ENODATA);
	assert_int_equal(o.n, 16);
}

static void test_no_messages(void **state)
{
	struct outcome o;

	(void)state;
	record(in_folder("none"), SMALL, 0, 0);
	o = read_file(in_folder("none"), SMALL);
	must(o.opened, &o.err);
	assert_int_equal(o.end, -ENODATA);
	assert_int_equal(o.n, 0);
}

static void test_refused_messages(void **state)
{
	struct recorder *r = begin(in_folder("refused"));
	char *msg = test_calloc(1, REC_MESSAGE_MAX + 1);
	struct recorder_stats stats;
	struct outcome o;

	(void)state;
	add(r, SMALL, 0, 10, 0);
	assert_int_equal(recorder_add(r, msg, 0), -EMSGSIZE);
	assert_int_equal(recorder_add(r, msg, REC_MESSAGE_MAX + 1), -EMSGSIZE);
	add(r, SMALL, 10, 10, 0);
	recorder_stats(r, &stats);
	assert_int_equal(stats.lost, 2);
	assert_int_equal(stats.messages, 20);
	assert_int_equal(stats.error, 0); /* it goes on */
	assert_int_equal(recorder_close(r), 0);
	test_free(msg);
	o = read_file(in_folder("refused"), SMALL);
	assert_int_equal(o.end, -ENODATA);
	assert_int_equal(o.n, 20);
}

static void test_info(void **state)
{
	struct source_info info = some_info();
	struct tsr_error err;
	struct recorder *r;
	struct source *s;

	(void)state;
	memset(info.kernel, 'k', sizeof(info.kernel)); /* not even terminated */
	info.host[0] = '\0';
	must(recorder_open(&r, in_folder("info"), &info, &err), &err);
	assert_int_equal(recorder_close(r), 0);
	must(recording_open(&s, in_folder("info"), &err), &err);
	info.kernel[sizeof(info.kernel) - 1] = '\0';
	assert_string_equal(s->info.host, "");
	assert_string_equal(s->info.kernel, info.kernel);
	assert_string_equal(s->info.arch, "x86_64");
	assert_string_equal(s->info.version, "0.1.0");
	assert_int_equal(s->info.boot_offset, info.boot_offset);
	assert_int_equal(s->info.start, info.start);
	assert_int_equal(s->info.n_cpus, 2);
	assert_true(s->info.env_values);
	assert_int_equal(s->info.users_len, info.users_len);
	assert_memory_equal(s->info.users, info.users, info.users_len);
	s->ops->close(s);

	info.users = NULL;
	info.users_len = 0;
	info.env_values = false;
	must(recorder_open(&r, in_folder("info"), &info, &err), &err);
	assert_int_equal(recorder_close(r), 0);
	must(recording_open(&s, in_folder("info"), &err), &err);
	assert_int_equal(s->info.users_len, 0);
	assert_false(s->info.env_values);
	s->ops->close(s);

	info.users_len = REC_USERS_MAX + 1;
	assert_int_not_equal(recorder_open(&r, in_folder("info"), &info, &err), TSR_OK);
	says(&err, "users");
}

/* Each poll is a block; a callback that says stop, a wake and a stop lose and repeat nothing. */
static void test_polling(void **state)
{
	struct image m = recorded(SMALL, 100, 10);
	struct reading g = { .kind = SMALL };
	uint64_t at, total;
	struct tsr_error err;
	struct source *s;

	(void)state;
	must(recording_open(&s, m.path, &err), &err);
	recording_progress(s, &at, &total);
	assert_int_equal(total, m.size);
	assert_true(at > 0 && at < total);

	assert_int_equal(s->ops->poll(s, 0, check_message, &g, &err), 10);
	g.stop_at = 13;
	assert_int_equal(s->ops->poll(s, 0, check_message, &g, &err), 3);
	g.stop_at = 0;
	assert_int_equal(s->ops->poll(s, 0, check_message, &g, &err), 7);
	s->ops->wake(s);
	assert_int_equal(s->ops->poll(s, -1, check_message, &g, &err), 0);
	g.stop_at = 21;
	assert_int_equal(s->ops->poll(s, -1, check_message, &g, &err), 1);
	g.stop_at = 0;
	s->ops->stop(s);
	assert_int_equal(s->ops->poll(s, -1, check_message, &g, &err), 9);
	assert_int_equal(s->ops->poll(s, -1, check_message, &g, &err), -ENODATA);
	assert_int_equal(s->ops->poll(s, -1, check_message, &g, &err), -ENODATA);
	assert_int_equal(g.n, 30);
	assert_int_equal(g.wrong, 0);
	s->ops->close(s);

	must(recording_open(&s, m.path, &err), &err);
	g.n = 0;
	assert_int_equal(read_all(s, &g, &err), -ENODATA);
	assert_int_equal(s->ops->poll(s, -1, check_message, &g, &err), -ENODATA);
	recording_progress(s, &at, &total);
	assert_int_equal(at, total);
	s->ops->close(s);
	image_free(&m);
}

static enum tsr_status try_open(const char *path, struct tsr_error *err)
{
	struct source_info info = some_info();
	struct recorder *r;
	enum tsr_status status = recorder_open(&r, path, &info, err);

	if (!status)
		assert_int_equal(recorder_close(r), 0);
	return status;
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_overwriting(void **state)
{
	const char *path = in_folder("target");
	const char *link = in_folder("link");
	char text[64] = "";
	struct tsr_error err;
	struct recorder *r;
	struct stat st;
	FILE *f;

	(void)state;
	/* Not a recording: refused and not touched. */
	put_file(path, "precious");
	assert_int_equal(try_open(path, &err), TSR_ERR_USAGE);
	says(&err, "is not a recording");
	says(&err, path);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_string_equal(text, "precious");

	/* Not through a link, wherever it leads. */
	assert_int_equal(symlink("target", link), 0);
	assert_int_equal(try_open(link, &err), TSR_ERR_USAGE);
	says(&err, "symbolic link");
	put_file(path, "");
	assert_int_equal(try_open(link, &err), TSR_ERR_USAGE);
	assert_int_equal(unlink(path), 0);
	assert_int_not_equal(try_open(link, &err), TSR_OK);
	assert_int_equal(access(path, F_OK), -1);

	/* Empty: replaced, and whoever had it open does not get what is recorded. */
	put_file(path, "");
	assert_int_equal(chmod(path, 0666), 0);
	f = fopen(path, "re");
	assert_non_null(f);
	record(path, SMALL, 5, 0);
	assert_int_equal(fgetc(f), EOF);
	fclose(f);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	/* A recording: replaced, also if it is cut or of a newer version. */
	record(path, SMALL, 7, 0);
	assert_int_equal(read_file(path, SMALL).n, 7);
	assert_int_equal(truncate(path, 10), 0);
	record(path, SMALL, 8, 0);
	assert_int_equal(read_file(path, SMALL).n, 8);

	/* But not while it is made. */
	r = begin(path);
	assert_int_equal(try_open(path, &err), TSR_ERR_USAGE);
	says(&err, "by another process");
	assert_int_equal(recorder_close(r), 0);
	assert_int_equal(try_open(path, &err), TSR_OK);

	assert_int_equal(try_open(folder, &err), TSR_ERR_USAGE);
	says(&err, "is a directory");
	assert_int_equal(try_open(in_folder("no/such/folder"), &err), TSR_ERR_IO);
	says(&err, "No such file or directory");
}

/* A terminal would show garbage, a socket cannot be opened, a disk is not to be overwritten. */
static void test_odd_targets(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *path = in_folder("socket");
	struct tsr_error err;

	(void)state;
	assert_true(terminal >= 0 && !grantpt(terminal) && !unlockpt(terminal));
	assert_int_equal(try_open(ptsname(terminal), &err), TSR_ERR_USAGE);
	says(&err, "is a terminal");
	close(terminal);

	assert_true(fd >= 0);
	assert_true(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(try_open(path, &err), TSR_ERR_USAGE);
	says(&err, "neither a file nor a pipe");
	close(fd);
}

static void test_close_on_exec(void **state)
{
	struct recorder *r = begin(in_folder("cloexec"));
	struct tsr_error err;
	struct source *s;
	char target[PATH_MAX], name[64];
	int seen = 0;

	(void)state;
	must(recording_open(&s, in_folder("cloexec"), &err), &err);
	for (int fd = 3; fd < 64; fd++) {
		ssize_t n;

		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		n = readlink(name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (!strstr(target, "/cloexec"))
			continue;
		seen++;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_int_equal(seen, 2);
	s->ops->close(s);
	assert_int_equal(recorder_close(r), 0);
}

/* Records until the disk is full, goes on, closes; then all that was kept is there. */
static void fill(const char *path, int error)
{
	struct recorder_stats stats;
	struct recorder *r = begin(path);
	uint64_t tried = 0, after = 50;
	struct outcome o;
	char lost[64];
	int err = 0;

	while (!err && tried < 100000) {
		size_t len = make(MIXED, tried++, message);

		err = recorder_add(r, message, len);
	}
	assert_int_equal(err, error);
	while (after--) {
		assert_int_equal(recorder_add(r, message, 100), error);
		tried++;
	}
	assert_int_equal(recorder_flush(r), error);
	recorder_stats(r, &stats);
	assert_int_equal(stats.error, error);
	assert_int_equal(stats.messages + stats.lost, tried);
	assert_true(stats.lost > 50);
	assert_true(stats.messages > 0);
	assert_int_equal(recorder_close(r), error);

	o = read_file(path, MIXED);
	must(o.opened, &o.err);
	assert_int_equal(o.n, stats.messages);
	assert_int_equal(o.end, -EBADMSG);
	/* Cut back to a whole block, behind which the index has room. */
	says(&o.err, strerror(-error));
	snprintf(lost, sizeof(lost), "lost %" PRIu64 " messages", stats.lost);
	says(&o.err, lost);
}

static void test_full_disk(void **state)
{
	const char *path = in_folder("full"), *file;
	char rest[4096] = { 0 };
	struct tsr_error err;
	int fd;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	/* Of this process alone, and gone with it. */
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", path, "tmpfs", 0, "size=700k")) {
		printf("# no small file system can be mounted: %s\n", strerror(errno));
		skip();
	}
	file = in_folder("full/recording");
	fill(file, -ENOSPC);

	/* No room for a header either: nothing is left behind. */
	fd = open(in_folder("full/rest"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, rest, sizeof(rest)) > 0)
		continue;
	close(fd);
	file = in_folder("full/second");
	assert_int_equal(try_open(file, &err), TSR_ERR_IO);
	says(&err, "No space left on device");
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(umount2(in_folder("full"), MNT_DETACH), 0);
}

static void test_file_size_limit(void **state)
{
	struct rlimit was, limit;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	limit = was;
	limit.rlim_cur = 700000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	fill(in_folder("limited"), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	signal(SIGXFSZ, handler);
}

struct drain {
	char path[PATH_MAX + 64];
	char *bytes;
	size_t size, cap;
};

static void *drain(void *user)
{
	struct drain *d = user;
	int fd = open(d->path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while (fd >= 0 && d->size < d->cap &&
	       (n = read(fd, d->bytes + d->size, d->cap - d->size)) > 0)
		d->size += (size_t)n;
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* What is no file gets the same bytes, and its errors do no harm. */
static void test_streams(void **state)
{
	void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
	struct image m = recorded(SMALL, 20000, 0), copy;
	struct drain d = { .cap = m.size + 1 };
	struct source_info info = some_info();
	struct recorder_stats stats;
	struct tsr_error err;
	struct recorder *r;
	pthread_t thread;
	int pipefd[2], error = 0;

	(void)state;
	record("/dev/null", SMALL, 1000, 100);
	assert_int_equal(recorder_open(&r, "/dev/full", &info, &err), TSR_ERR_IO);
	says(&err, "No space left on device");
	assert_int_equal(access("/dev/full", F_OK), 0);

	snprintf(d.path, sizeof(d.path), "%s/stream", folder);
	assert_int_equal(mkfifo(d.path, 0600), 0);
	d.bytes = test_malloc(d.cap);
	assert_int_equal(pthread_create(&thread, NULL, drain, &d), 0);
	record(d.path, SMALL, 20000, 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(d.size, m.size);
	assert_memory_equal(d.bytes, m.bytes, m.size);
	test_free(d.bytes);

	/* A reader that goes away. */
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	snprintf(d.path, sizeof(d.path), "/proc/self/fd/%d", pipefd[1]);
	r = begin(d.path);
	close(pipefd[0]);
	close(pipefd[1]);
	for (uint64_t i = 0; i < 20000 && !error; i++)
		error = recorder_add(r, message, make(SMALL, i, message));
	assert_int_equal(error, -EPIPE);
	recorder_stats(r, &stats);
	assert_int_equal(stats.messages, 0);
	assert_int_equal(recorder_close(r), -EPIPE);

	copy = image_new(m.bytes, m.size);
	assert_int_equal(read_file(copy.path, SMALL).n, 20000);
	image_free(&copy);
	image_free(&m);
	signal(SIGPIPE, handler);
}

/*
 * Seeds for the fuzz target: small recordings of messages that a decoder knows.
 */
static int record_message(void *user, const void *msg, size_t len)
{
	return recorder_add(user, msg, len);
}

static int some_messages(struct recorder *r, size_t args_size)
{
	struct msg_task task = { .pid = 7, .tid = 7, .start = 70, .image = 70, .comm = "sh" };
	struct msg_clone_event fork = { .common.ktime = 80, .pid = 8, .ktime = 80 };
	struct msg_clone_ext fork_ext = { .task = task, .child_ppid = 7 };
	struct wire_exec exec = {
		.event.common.ktime = 90,
		.exec = { .pid = 8, .ktime = 90 },
		.ext = { .task = { .pid = 8, .tid = 8, .start = 80, .image = 90, .comm = "ls" } },
		.path = { "/usr/bin/ls", 11 },
		.cwd = { "/root", 5 },
		.envs = { "HOME=/root", 11 },
		.strings[EXEC_STR_CMDPATH] = { "ls", 2 },
	};
	struct msg_exit_event exit = { .common.ktime = 99, .info = { .code = 256, .tid = 8 } };
	struct msg_exit_ext exit_ext = { .task = exec.ext.task };
	struct msg_rename name = { .task = task, .old_name = "sh", .new_name = "new" };
	struct wire_exec_failed failed = {
		.fixed = { .task = task, .ret = -ENOENT },
		.path = { "/no/such", 8 },
		.args = { "no\0such", 8 },
	};
	struct msg_lost lost = { .common.ktime = 100, .count = 3, .to = 100 };
	char *args = test_malloc(args_size);
	struct buf tmp = { 0 };
	int err;

	memset(args, 'a', args_size);
	args[args_size - 1] = '\0';
	exec.args = (str_t){ args, args_size };
	err = wire_encode_fork(&fork, &fork_ext, record_message, r) ||
	      wire_encode_exec(&exec, &tmp, record_message, r) ||
	      wire_encode_exit(&exit, &exit_ext, record_message, r) ||
	      wire_encode_exec_failed(&failed, &tmp, record_message, r) ||
	      wire_encode_rename(&name, record_message, r) ||
	      wire_encode_lost(&lost, record_message, r);
	buf_free(&tmp);
	test_free(args);
	return err;
}

static void write_seeds(void **state)
{
	static const struct {
		const char *name;
		size_t args_size;
		unsigned int blocks;
		off_t cut;
	} seeds[] = {
		{ "empty", 8, 0, 0 },	 { "one-block", 8, 1, 0 }, { "many-blocks", 8, 12, 0 },
		{ "long", 40000, 1, 0 }, { "cut-off", 8, 2, 500 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		const char *path = in_folder(seeds[i].name);
		struct recorder *r = begin(path);

		for (unsigned int n = 0; n < seeds[i].blocks; n++) {
			assert_int_equal(some_messages(r, seeds[i].args_size), 0);
			assert_int_equal(recorder_flush(r), 0);
		}
		assert_int_equal(recorder_close(r), 0);
		if (seeds[i].cut)
			assert_int_equal(truncate(path, seeds[i].cut), 0);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest seeds[] = { cmocka_unit_test(write_seeds) };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_huge_messages),
		cmocka_unit_test(test_no_messages),
		cmocka_unit_test(test_refused_messages),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_polling),
		cmocka_unit_test(test_overwriting),
		cmocka_unit_test(test_odd_targets),
		cmocka_unit_test(test_close_on_exec),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_file_size_limit),
		cmocka_unit_test(test_streams),
	};

	if (argc > 1) {
		snprintf(folder, sizeof(folder), "%s", argv[1]);
		return cmocka_run_group_tests_name("recording seeds", seeds, NULL, NULL);
	}
	return cmocka_run_group_tests_name("recording", tests, folder_new, folder_free);
}

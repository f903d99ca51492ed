/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tracing libraries say of their process: the map, whole, damaged and hostile, and finding it
 * among the open files of a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "process/tracer.h"
#include "source/procfs.h"

/* The bytes in memory of just their length: a read beyond is seen. */
static int parse(struct tracer_metadata *m, const char *bytes, size_t len)
{
	char *copy = memcpy(xmalloc(len), bytes, len);
	int err;

	memset(m, 0xff, sizeof(*m));
	err = tracer_parse(m, copy, len);
	free(copy);
	return err;
}

#define PARSE(m, literal) parse(m, literal, sizeof(literal) - 1)

static void assert_empty(const struct tracer_metadata *m)
{
	for (size_t i = 0; i < sizeof(*m); i++)
		assert_int_equal(((const char *)m)[i], 0);
}

/* A string with the shortest of the heads that msgpack has for it. */
static void put_str(struct buf *b, const char *s, size_t len)
{
	if (len < 32) {
		buf_char(b, (char)(0xa0 | len));
	} else {
		buf_char(b, (char)0xda);
		buf_char(b, (char)(len >> 8));
		buf_char(b, (char)len);
	}
	buf_add(b, s, len);
}

static void put_pair(struct buf *b, const char *key, const char *value)
{
	put_str(b, key, strlen(key));
	put_str(b, value, strlen(value));
}

static void put_all(struct buf *b)
{
	buf_char(b, (char)0x8c); /* a map of 12 */
	buf_str(b, "\xaeschema_version\x02");
	put_pair(b, "runtime_id", "d7827075-010c-4e21-a663-daa3cd34e6f2");
	put_pair(b, "tracer_language", "go");
	put_pair(b, "tracer_version", "v1.2.3-rc.1");
	put_pair(b, "hostname", "host-1");
	put_pair(b, "service_name", "shop");
	put_pair(b, "service_env", "prod");
	put_pair(b, "service_version", "abc123");
	put_pair(b, "process_tags", "entrypoint.name:shop,entrypoint.type:executable");
	put_pair(b, "container_id", "0123456789abcdef");
	/* of newer versions */
	buf_str(b, "\xbathreadlocal_attribute_keys\x93\xab"
		   "http.method\xab"
		   "http.target\xa9http.user");
	buf_str(b, "\xaelogs_collected\xc3");
}

static void test_all(void **state)
{
	struct tracer_metadata m;
	struct buf b = { 0 };

	(void)state;
	put_all(&b);
	assert_int_equal(parse(&m, b.data, b.len), 0);
	assert_int_equal(m.schema_version, 2);
	assert_string_equal(m.runtime_id, "d7827075-010c-4e21-a663-daa3cd34e6f2");
	assert_string_equal(m.language, "go");
	assert_string_equal(m.version, "v1.2.3-rc.1");
	assert_string_equal(m.hostname, "host-1");
	assert_string_equal(m.service_name, "shop");
	assert_string_equal(m.service_env, "prod");
	assert_string_equal(m.service_version, "abc123");
	assert_string_equal(m.process_tags, "entrypoint.name:shop,entrypoint.type:executable");
	assert_string_equal(m.container_id, "0123456789abcdef");
	assert_false(m.cut);
	/* wherever it breaks off, it is none */
	for (size_t n = 0; n < b.len; n++) {
		assert_int_equal(parse(&m, b.data, n), -EBADMSG);
		assert_empty(&m);
	}
	/* a file can be longer than what is in it */
	for (int i = 0; i < 100; i++)
		buf_char(&b, '\0');
	assert_int_equal(parse(&m, b.data, b.len), 0);
	assert_string_equal(m.service_name, "shop");
	buf_free(&b);
}

static void test_forms(void **state)
{
	struct tracer_metadata m;

	(void)state;
	/* a map and strings with longer heads than they need; uint 8 to 64 */
	assert_int_equal(PARSE(&m, "\xde\x00\x02"
				   "\xd9\x08"
				   "hostname\xdb\x00\x00\x00\x01h"
				   "\xda\x00\x0eschema_version\xcc\x07"),
			 0);
	assert_string_equal(m.hostname, "h");
	assert_int_equal(m.schema_version, 7);
	assert_int_equal(PARSE(&m, "\xdf\x00\x00\x00\x01\xaeschema_version\xcf\0\0\0\0\0\x01\0\0"),
			 0);
	assert_int_equal(m.schema_version, 65536);
	assert_int_equal(PARSE(&m, "\x81\xaeschema_version\xd3\0\0\0\0\0\0\0\x05"), 0);
	assert_int_equal(m.schema_version, 5);
	/* an empty one, an empty string, and the last of several */
	assert_int_equal(PARSE(&m, "\x80"), 0);
	assert_empty(&m);
	assert_int_equal(PARSE(&m, "\x81\xa8hostname\xa0"), 0);
	assert_empty(&m);
	assert_int_equal(PARSE(&m, "\x82\xa8hostname\xa3one\xa8hostname\xa3two"), 0);
	assert_string_equal(m.hostname, "two");
}

/* Values of other types than expected, and keys that are no strings. */
static void test_types(void **state)
{
	struct tracer_metadata m;

	(void)state;
	assert_int_equal(PARSE(&m, "\x87"
				   "\xa8hostname\xc0"
				   "\xacservice_name\x92\xa1"
				   "a\x81\xa8hostname\xa1x"
				   "\xabservice_env\xc4\x02\0\1"
				   "\xaeschema_version\xa1"
				   "2"
				   "\x05\xa8hostname"
				   "\x93\1\2\3\xa8hostname"
				   "\xd6\1\2\3\4\5\xc2"),
			 0);
	assert_empty(&m);
	assert_int_equal(PARSE(&m, "\x82\xaeschema_version\xcf\0\0\0\1\0\0\0\1\xa8hostname\xa1h"),
			 0);
	assert_int_equal(m.schema_version, 0); /* beyond 32 bits: not one that we know */
	assert_string_equal(m.hostname, "h");
	assert_int_equal(PARSE(&m, "\x82\xaeschema_version\xff\xa8hostname\xa1h"), 0);
	assert_int_equal(m.schema_version, 0);
	assert_string_equal(m.hostname, "h");
}

static void test_damaged(void **state)
{
	struct tracer_metadata m;

	(void)state;
	assert_int_equal(PARSE(&m, ""), -EBADMSG);
	assert_int_equal(PARSE(&m, "invalid data"), -EBADMSG);
	assert_int_equal(PARSE(&m, "\x91\xa8hostname"), -EBADMSG);
	assert_int_equal(PARSE(&m, "\xa8hostname"), -EBADMSG);
	assert_int_equal(PARSE(&m, "\xc1"), -EBADMSG);
	assert_int_equal(PARSE(&m, "\x81\xa8hostname\xc1"), -EBADMSG);
	assert_int_equal(PARSE(&m, "\x81\xc1\xa8hostname"), -EBADMSG);
	/* more claimed than there is: by far, too */
	assert_int_equal(PARSE(&m, "\x82\xa8hostname\xa1h"), -EBADMSG);
	assert_int_equal(PARSE(&m, "\xdf\xff\xff\xff\xff\xa8hostname\xa1h"), -EBADMSG);
	assert_int_equal(PARSE(&m, "\x81\xa8hostname\xdb\xff\xff\xff\xffh"), -EBADMSG);
	assert_int_equal(PARSE(&m, "\x81\xa1x\xdd\xff\xff\xff\xff\1\2\3"), -EBADMSG);
	assert_int_equal(PARSE(&m, "\x81\xa1x\xdf\xff\xff\xff\xff\1\2\3"), -EBADMSG);
	assert_int_equal(PARSE(&m, "\x81\xa1x\xc9\xff\xff\xff\xff\1\2\3"), -EBADMSG);
	assert_empty(&m);
}

static void test_depth(void **state)
{
	struct tracer_metadata m;
	struct buf b = { 0 };

	(void)state;
	for (unsigned int depth = TRACER_DEPTH_MAX; depth <= TRACER_DEPTH_MAX + 1; depth++) {
		b.len = 0;
		buf_str(&b, "\x82\xa1x");
		for (unsigned int i = 0; i < depth; i++)
			buf_add(&b, i % 2 ? "\x91" : "\x82\1\2\3", i % 2 ? 1 : 4);
		buf_str(&b, "\7\xa8hostname\xa1h");
		assert_int_equal(parse(&m, b.data, b.len), depth <= TRACER_DEPTH_MAX ? 0 : -E2BIG);
		assert_string_equal(m.hostname, depth <= TRACER_DEPTH_MAX ? "h" : "");
	}
	/* nothing in it does not make it deep */
	b.len = 0;
	buf_str(&b, "\x82\xa1x\xdc\x10\x01");
	for (int i = 0; i < 4097; i++)
		buf_add(&b, i % 2 ? "\x90" : "\x80", 1);
	buf_str(&b, "\xa8hostname\xa1h");
	assert_int_equal(parse(&m, b.data, b.len), 0);
	assert_string_equal(m.hostname, "h");
	buf_free(&b);
}

/* Strings that do not fit are cut, between characters, and it is told. */
static void test_cut(void **state)
{
	char s[sizeof(((struct tracer_metadata *)0)->language) + 4];
	const size_t room = sizeof(((struct tracer_metadata *)0)->language) - 1;
	struct tracer_metadata m;
	struct buf b = { 0 };

	(void)state;
	memset(s, 'x', sizeof(s));
	for (size_t len = room - 1; len <= room + 1; len++) {
		b.len = 0;
		buf_char(&b, (char)0x81);
		put_str(&b, "tracer_language", 15);
		put_str(&b, s, len);
		assert_int_equal(parse(&m, b.data, b.len), 0);
		assert_int_equal(strlen(m.language), len > room ? room : len);
		assert_int_equal(m.cut, len > room);
	}
	/* a character of three bytes across the end */
	memcpy(s + room - 2, "\xe2\x82\xac", 3);
	b.len = 0;
	buf_char(&b, (char)0x81);
	put_str(&b, "tracer_language", 15);
	put_str(&b, s, room + 1);
	assert_int_equal(parse(&m, b.data, b.len), 0);
	assert_int_equal(strlen(m.language), room - 2);
	assert_true(m.cut);
	/* a NUL is the end */
	assert_int_equal(PARSE(&m, "\x81\xa8hostname\xa3"
				   "a\0b"),
			 0);
	assert_string_equal(m.hostname, "a");
	assert_true(m.cut);
	buf_free(&b);
}

static void test_size(void **state)
{
	struct tracer_metadata m;
	struct buf b = { 0 };

	(void)state;
	put_all(&b);
	while (b.len < TRACER_SIZE_MAX)
		buf_char(&b, '\0');
	assert_int_equal(parse(&m, b.data, b.len), 0);
	buf_char(&b, '\0');
	assert_int_equal(parse(&m, b.data, b.len), -E2BIG);
	assert_empty(&m);
	buf_free(&b);
}

/* Files of memory of this process. */

static int make_file(const char *name, const char *bytes, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	return fd;
}

static int find(struct tracer_metadata *m)
{
	memset(m, 0xff, sizeof(*m));
	return procfs_tracer_metadata((uint32_t)getpid(), m);
}

static void test_memfd(void **state)
{
	int fd, other, damaged;
	struct tracer_metadata m;
	struct buf b = { 0 };

	(void)state;
	put_all(&b);
	assert_int_equal(find(&m), -ENOENT);
	assert_empty(&m);
	other = make_file("datadog-tracer-inf-x", b.data, b.len);
	assert_int_equal(find(&m), -ENOENT);
	/* a damaged one does not hide the one behind it */
	damaged = make_file("datadog-tracer-info-0", "invalid data", 12);
	assert_int_equal(find(&m), -EBADMSG);
	assert_empty(&m);
	fd = make_file("datadog-tracer-info-12345678", b.data, b.len);
	/* as the libraries do */
	assert_int_equal(
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
		0);
	assert_int_equal(find(&m), 0);
	assert_string_equal(m.service_name, "shop");
	assert_string_equal(m.container_id, "0123456789abcdef");
	close(damaged);
	assert_int_equal(find(&m), 0);
	close(fd);
	close(other);
	assert_int_equal(find(&m), -ENOENT);
	assert_empty(&m);
	buf_free(&b);
}

static void test_memfd_size(void **state)
{
	struct tracer_metadata m;
	struct buf b = { 0 };
	int fd;

	(void)state;
	put_all(&b);
	fd = make_file("datadog-tracer-info-large", b.data, b.len);
	assert_int_equal(ftruncate(fd, TRACER_SIZE_MAX), 0);
	assert_int_equal(find(&m), 0);
	assert_int_equal(ftruncate(fd, TRACER_SIZE_MAX + 1), 0);
	assert_int_equal(find(&m), -E2BIG);
	assert_int_equal(ftruncate(fd, 1LL << 40), 0);
	assert_int_equal(find(&m), -E2BIG);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(find(&m), -EBADMSG);
	close(fd);
	buf_free(&b);
}

/* A hundred that are damaged: they are not all read. */
static void test_many(void **state)
{
	struct tracer_metadata m;
	struct buf b = { 0 };
	int fds[100];

	(void)state;
	put_all(&b);
	for (int i = 0; i < 99; i++)
		fds[i] = make_file("datadog-tracer-info-bad", "x", 1);
	fds[99] = make_file("datadog-tracer-info-good", b.data, b.len);
	assert_int_equal(find(&m), -EBADMSG);
	for (int i = 0; i < 100; i++)
		close(fds[i]);
	buf_free(&b);
}

/* In a root of its own, where a file of the name is seen like a memory file: what is found there. */
static int find_in(const char *folder)
{
	struct tracer_metadata m;
	char proc[128];

	snprintf(proc, sizeof(proc), "%s/proc", folder);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("/proc", proc, NULL, MS_BIND | MS_REC, NULL) || chroot(folder) ||
	    open("/memfd:datadog-tracer-info-x", O_RDONLY) < 0)
		return 1;
	return procfs_tracer_metadata((uint32_t)getpid(), &m) == -ENOENT ? 42 : 2;
}

/* A file of that name may be on a file system that never answers: only memory is read. */
static void test_named_alike(void **state)
{
	char folder[] = "/tmp/tarsier-tracer-XXXXXX", file[128], proc[128];
	struct buf b = { 0 };
	int fd, status;
	pid_t pid;

	(void)state;
	if (geteuid()) {
		printf("# chroot(2) needs root\n");
		skip();
	}
	put_all(&b);
	assert_non_null(mkdtemp(folder));
	snprintf(proc, sizeof(proc), "%s/proc", folder);
	assert_int_equal(mkdir(proc, 0700), 0);
	snprintf(file, sizeof(file), "%s/memfd:datadog-tracer-info-x", folder);
	fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, b.data, b.len), b.len);
	close(fd);
	pid = fork();
	if (!pid)
		_exit(find_in(folder));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(file);
	rmdir(proc);
	rmdir(folder);
	buf_free(&b);
	assert_int_equal(status, 42 << 8);
}

static void test_gone(void **state)
{
	struct tracer_metadata m;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_true(procfs_tracer_metadata((uint32_t)pid, &m) < 0);
	assert_empty(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),	    cmocka_unit_test(test_forms),
		cmocka_unit_test(test_types),	    cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_depth),	    cmocka_unit_test(test_cut),
		cmocka_unit_test(test_size),	    cmocka_unit_test(test_memfd),
		cmocka_unit_test(test_memfd_size),  cmocka_unit_test(test_many),
		cmocka_unit_test(test_named_alike), cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests_name("tracer", tests, NULL, NULL);
}

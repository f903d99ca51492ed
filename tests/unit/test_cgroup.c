/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a cgroup's name to its container: the names of the specification, and what only looks like
 * one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "container/cgroup.h"

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static str_t leaf_of(const char *s)
{
	return (str_t){ s, strlen(s) };
}

static void assert_id(const char *leaf, const char *want)
{
	str_t id = cgroup_container_id(leaf_of(leaf));

	assert_int_equal(id.len, strlen(want));
	assert_memory_equal(id.bytes, want, id.len);
	/* points into the name: nothing to free, nothing copied */
	if (id.len)
		assert_true(id.bytes >= leaf && id.bytes + id.len <= leaf + strlen(leaf));
}

static void test_names_of_runtimes(void **state)
{
	static const struct {
		const char *leaf, *runtime;
	} names[] = {
		{ "docker-" ID ".scope", "docker" },
		{ ID, NULL }, /* /docker/ID, /kubepods/.../podUID/ID, /actions_job/ID */
		{ "crio-" ID ".scope", "crio" },
		{ "crio-" ID, "crio" },
		{ "cri-containerd-" ID ".scope", "containerd" },
		{ "kubepods-besteffort-pod0a1b.slice:cri-containerd:" ID, "containerd" },
		{ "libpod-" ID ".scope", "podman" },
		{ "libpod-" ID, "podman" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *runtime = cgroup_runtime(leaf_of(names[i].leaf));

		assert_id(names[i].leaf, ID);
		if (names[i].runtime) {
			assert_non_null(runtime);
			assert_string_equal(runtime, names[i].runtime);
		} else {
			assert_null(runtime);
		}
	}
}

static void test_not_containers(void **state)
{
	static const char *const names[] = {
		"",
		"/",
		"init.scope",
		"docker",
		"user-1000.slice",
		"docker-.scope",
		"session-c1.scope",
		"run-u1234.service",
		/* podman's and cri-o's monitors */
		"libpod-conmon-" ID ".scope",
		"crio-conmon-" ID ".scope",
		"conmon-" ID,
		ID "-conmon",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_id(names[i], "");
}

static void test_exactly_64_digits(void **state)
{
	(void)state;
	assert_id("docker-0123456789abcdef.scope", "");
	assert_id(ID "0", "");
	assert_id("0" ID, "");
	assert_id(ID OTHER, "");
	assert_id("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "");
	assert_id("g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "");
	assert_id("a" ID "-" OTHER, OTHER); /* 65 digits first: those are none */
	assert_id(ID "-" OTHER, ID);
	/* where an id would begin can't be told */
	assert_id("face" ID ".scope", "");
}

static void test_cut_names(void **state)
{
	static const char whole[] = "docker-" ID ".scope";

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		str_t id = cgroup_container_id((str_t){ whole, n });

		assert_int_equal(id.len, n < 7 + 64 ? 0 : 64);
	}
	assert_int_equal(cgroup_container_id((str_t){ NULL, 0 }).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_runtimes),
		cmocka_unit_test(test_not_containers),
		cmocka_unit_test(test_exactly_64_digits),
		cmocka_unit_test(test_cut_names),
	};

	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}

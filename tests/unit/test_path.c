/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths by their letters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/path.h"

static void test_lexical(void **state)
{
	static const struct {
		const char *dir, *path, *want;
	} cases[] = {
		{ "/home/bob", "run.sh", "/home/bob/run.sh" },
		{ "/home/bob", "./run.sh", "/home/bob/run.sh" },
		{ "/home/bob", "../run.sh", "/home/run.sh" },
		{ "/home/bob", "../../run.sh", "/run.sh" },
		{ "/home/bob", "../../../../run.sh", "/run.sh" },
		{ "/home/bob", "a/../b/./c//d", "/home/bob/b/c/d" },
		{ "/home/bob", "/usr/bin/x", "/usr/bin/x" },
		{ "/home/bob", "//usr///bin//x", "/usr/bin/x" },
		{ "/home/bob", "/usr/../../x", "/x" },
		{ "/home/bob", ".", "/home/bob" },
		{ "/home/bob", "..", "/home" },
		{ "/home/bob", "a/", "/home/bob/a" },
		{ "/", "x", "/x" },
		{ "/", "..", "/" },
		{ "/", "/", "/" },
		{ "", "x", "/x" },
		/* what only begins like "." and ".." */
		{ "/d", "...", "/d/..." },
		{ "/d", "..a/.b", "/d/..a/.b" },
		{ "/d", "a../..", "/d" },
		/* the directory can have them, too: "/proc/1/cwd/.." */
		{ "/a/./b/../c/", "x", "/a/c/x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = { 0 };

		/* what is there already is not a part of the path, however many ".." */
		buf_lit(&out, "/before");
		path_lexical(&out, cases[i].dir, strlen(cases[i].dir), cases[i].path,
			     strlen(cases[i].path));
		buf_char(&out, '\0');
		assert_string_equal(out.data + 7, cases[i].want);
		assert_memory_equal(out.data, "/before", 7);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lexical),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}

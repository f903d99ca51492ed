/* SPDX-License-Identifier: Apache-2.0
 *
 * Ground-truth scenarios: arguments and environments as odd and as large as the kernel takes.
 */
#define _GNU_SOURCE 1
#include "workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The kernel's MAX_ARG_STRLEN, with the terminating zero. */
#define STRING_MAX (32 * 4096)

static void run_with(char *const *argv, char *const *envp)
{
	pid_t pid = tw_fork("fork");
	int status;

	if (pid == 0) {
		tw_exec(tw->helper, argv, envp);
		_exit(127);
	}
	status = tw_wait(pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		tw_broken("an image with odd arguments failed: status %#x", status);
}

static void odd_args(void)
{
	static char every_byte[256];
	static char *lists[][8] = {
		{ "", NULL },
		{ "", "", "", NULL },
		{ "only argv0", NULL },
		{ "a", "", "b", "", "", "c", "", NULL },
		{ "new\nline", "two\n\nlines\n", "\n", "tab\tquote\"back\\slash'", NULL },
		{ "control", "\x01\x02\x1b[31mred\x1b[0m\x7f", "\r\n\b\f\v", NULL },
		{ "invalid", "\xff", "\xc3", "caf\xe9", "ok \xc3\xa9 not \xc3( ok", NULL },
		{ "invalid", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80", "\xe2\x82", NULL },
		{ "unicode", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x92",
		  "\xef\xbb\xbf"
		  "bom",
		  "\xe2\x80\xa8\xe2\x80\xa9", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf", NULL },
		{ "every byte", every_byte, NULL },
		{ "-", "--", "--x=y", "=", "$HOME", "`id`", "* ?", NULL },
		{ " leading", "trailing ", " ", "  ", NULL },
		{ "json", "{\"a\":[null]}", "\\u0000", "</script>", NULL },
		{ "a very long argv[0] that has nothing to do with the program's own name", NULL },
	};

	for (size_t i = 0; i < 255; i++)
		every_byte[i] = (char)(i + 1);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		run_with(lists[i], tw_env("exit=0"));
}

/* No arguments at all: since 5.18 the kernel makes one empty argument of that. */
static void no_args(void)
{
	char *none[] = { NULL };
	char *argv[] = { tw->helper, tw_token(), NULL };

	run_with(none, none);
	run_with(argv, none);
	run_with(none, tw_env("exit=0"));
}

/* No part of it looks like another: a chunk lost, doubled or swapped can't go unseen. */
static void fill(char *text, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 17;
		seed ^= seed << 5;
		text[i] = (char)('!' + seed % 94);
	}
	text[len] = '\0';
}

static char *filled(size_t len, uint32_t seed)
{
	char *text = malloc(len + 1);

	if (!text)
		tw_broken("out of memory");
	fill(text, len, seed);
	return text;
}

/* Round the sizes where buffers and chunks tend to end, up to the limit of one string. */
static void huge_arg(void)
{
	static const size_t sizes[] = {
		127,   128,   255,   256,   1023,  1024,   4094,	   4095,
		4096,  4097,  8191,  8192,  16384, 32735,  32736,	   32737,
		32767, 32768, 65535, 65536, 65537, 100000, STRING_MAX - 2, STRING_MAX - 1,
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *big = filled(sizes[i], (uint32_t)i + 1);
		char *argv[] = { "huge", tw_token(), big, "end", NULL };

		run_with(argv, tw_env("exit=0"));
		free(big);
	}
}

static void huge_args(void)
{
	char *argv[20] = { "huge-total" };
	struct rlimit stack;
	size_t n;

	if (getrlimit(RLIMIT_STACK, &stack) || stack.rlim_cur / 4 < 2 * 1024 * 1024)
		tw_skip("the stack limit allows no 2 MiB of arguments");
	for (n = 1; n < 16; n++)
		argv[n] = filled(STRING_MAX - 1 - n, (uint32_t)n + 100);
	argv[n] = NULL;
	for (int i = 0; i < tw_scale; i++)
		run_with(argv, tw_env("exit=0"));
	/* Between the extremes, too: what grows in steps can fail at each. */
	for (size_t keep = 2; keep < 16; keep += 4) {
		char *saved = argv[keep];

		argv[keep] = NULL;
		run_with(argv, tw_env("exit=0"));
		argv[keep] = saved;
	}
	for (n = 1; n < 16; n++)
		free(argv[n]);
}

static void many_args(void)
{
	static const size_t counts[] = { 20, 100, 255, 256, 1000, 10000, 100000 };
	const size_t most = 100000;
	char **argv = calloc(most + 2, sizeof(*argv));
	char *texts = malloc(most * 24);

	if (!argv || !texts)
		tw_broken("out of memory");
	argv[0] = "many";
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (size_t n = 0; n < counts[i]; n++) {
			argv[n + 1] = texts + n * 24;
			/* Every seventh is empty. */
			if (n % 7 == 6)
				argv[n + 1][0] = '\0';
			else
				snprintf(argv[n + 1], 24, "%zu", n);
		}
		argv[counts[i] + 1] = NULL;
		run_with(argv, tw_env("exit=0"));
	}
	free(argv);
	free(texts);
}

static void big_env(void)
{
	static const size_t counts[] = { 0, 50, 500, 5000 };
	const size_t most = 5000;
	char *argv[] = { "environment", NULL, NULL };
	char **envp = calloc(most + 8, sizeof(*envp));

	if (!envp)
		tw_broken("out of memory");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		size_t n = 0;

		argv[1] = tw_token();
		envp[n++] = tw_env("exit=0")[0];
		envp[n++] = "EMPTY=";
		envp[n++] = "no equals sign";
		envp[n++] = "";
		envp[n++] = "=starts with it";
		envp[n++] = "INVALID\xff=\xff";
		while (n < counts[i]) {
			char *text = malloc(200);

			if (!text)
				tw_broken("out of memory");
			snprintf(text, 200, "VARIABLE_%zu=", n);
			fill(text + strlen(text), n % 150, (uint32_t)n + 1);
			envp[n++] = text;
		}
		envp[n] = NULL;
		run_with(argv, envp);
	}
	/* One value that fills its string, and a lot of it. */
	for (size_t n = 0; n < 10; n++) {
		envp[n + 1] = filled(STRING_MAX - 1, (uint32_t)n + 7);
		memcpy(envp[n + 1], "BIG=", 4);
		envp[n + 1][2] = (char)('0' + n);
	}
	envp[0] = tw_env("exit=0")[0];
	envp[11] = NULL;
	argv[1] = tw_token();
	run_with(argv, envp);
}

/* Large arguments from many processes at once: their chunks must not mix. */
static void huge_args_parallel(void)
{
	pid_t job[4];

	for (size_t j = 0; j < 4; j++) {
		job[j] = tw_fork("fork");
		if (job[j])
			continue;
		for (int i = 0; i < 4 * tw_scale; i++) {
			char *a = filled(20000 + 30000 * j, (uint32_t)(j * 100 + (size_t)i + 1));
			char *b = filled(70000, (uint32_t)(j * 1000 + (size_t)i + 7));
			char *argv[] = { "parallel", tw_token(), a, b, NULL };

			run_with(argv, tw_env("exit=0"));
			free(a);
			free(b);
		}
		_exit(0);
	}
	for (size_t j = 0; j < 4; j++)
		tw_wait(job[j]);
}

const struct tw_scenario tw_scenarios_args[] = {
	{ "odd_args", odd_args, "empty, control characters, quotes, invalid UTF-8", false },
	{ "no_args", no_args, "argc 0, no environment", false },
	{ "huge_arg", huge_arg, "one string up to 128 KiB", false },
	{ "huge_args", huge_args, "1.9 MB in total", false },
	{ "many_args", many_args, "up to 100,000 arguments", false },
	{ "big_env", big_env, "up to 5,000 variables, odd ones, 1.3 MB", false },
	{ "huge_args_parallel", huge_args_parallel, "large arguments from four jobs", false },
	{ NULL, NULL, NULL, false },
};

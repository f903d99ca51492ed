/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the scrubber, twice with each input.
 *
 * As a list of strings, the last of which may lack its NUL: the view has as many strings, is
 * bounded, the same as the list where that is not suspect, and the same when it is scrubbed again
 * (by words; a regular expression can match what it made).
 *
 * As the choices of which a command is made, with secrets in it: not a byte of a secret shows, and
 * what is none comes out as it was.
 */
#include "../unit/secret_commands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WITH_DEFAULTS, WITH_WORDS, WITH_REGEXES, N_SCRUBBERS };

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Made once, and there until the end. */
static const struct scrubber *scrubber(int which)
{
	static struct scrubber *made[N_SCRUBBERS];

	if (which == WITH_DEFAULTS)
		return scrub_default();
	if (!made[which]) {
		made[which] = scrub_new();
		user_rules(made[which]);
		if (which == WITH_REGEXES)
			user_regex(made[which]);
	}
	return made[which];
}

static size_t count(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += !s[i];
	return n;
}

static bool same(const struct buf *b, const void *data, size_t len)
{
	return b->len == len && (!len || !memcmp(b->data, data, len));
}

static void any_bytes(const struct scrubber *s, bool words_only, str_t list)
{
	bool open = list.len && list.bytes[list.len - 1];
	struct buf once = { 0 }, twice = { 0 }, env = { 0 };

	scrub_list(s, list, &once);
	must(count(once.data, once.len) == count(list.bytes, list.len) + open);
	must(!once.len || !once.data[once.len - 1]);
	must(once.len <= 8 * list.len + open);
	if (!scrub_suspect(s, list)) {
		must(once.len == list.len + open);
		must(!list.len || !memcmp(once.data, list.bytes, list.len));
	}
	if (words_only) {
		scrub_list(s, (str_t){ once.data, once.len }, &twice);
		must(same(&twice, once.data, once.len));
	}
	scrub_env(s, list, &env);
	must(count(env.data, env.len) == count(list.bytes, list.len) + open);
	buf_free(&once);
	buf_free(&twice);
	buf_free(&env);
}

static void made_command(const struct scrubber *s, bool user, const uint8_t *data, size_t size)
{
	struct maker m = { .bytes = data, .bytes_end = data + size, .user = user };
	struct buf out = { 0 };

	make_command(&m);
	scrub_list(s, (str_t){ m.in.data, m.in.len }, &out);
	must(!memchr(out.data, '#', out.len));
	must(same(&out, m.want.data, m.want.len));
	buf_free(&out);
	maker_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct scrubber *s;
	int which;

	if (!size)
		return 0;
	which = data[0] % N_SCRUBBERS;
	s = scrubber(which);
	any_bytes(s, which != WITH_REGEXES, (str_t){ (const char *)data, size });
	/* what of the commands only regular expressions mask has to show otherwise */
	if (which != WITH_WORDS)
		made_command(s, which == WITH_REGEXES, data + 1, size - 1);
	return 0;
}

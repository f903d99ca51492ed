/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the scrubber with lists of strings, the last of which may lack its NUL. The view has as many
 * strings, is bounded, the same as the list where that is not suspect, and the same when it is
 * scrubbed again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "process/scrub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static size_t count(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += !s[i];
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str_t list = { (const char *)data, size };
	bool open = size && data[size - 1];
	struct buf once = { 0 }, twice = { 0 };

	scrub_list(list, &once);
	must(count(once.data, once.len) == count(list.bytes, list.len) + open);
	must(!once.len || !once.data[once.len - 1]);
	must(once.len <= 8 * size + open);
	if (!scrub_suspect(list))
		must(once.len == size + open && (!size || !memcmp(once.data, data, size)));

	scrub_list((str_t){ once.data, once.len }, &twice);
	must(twice.len == once.len && (!once.len || !memcmp(twice.data, once.data, once.len)));
	buf_free(&once);
	buf_free(&twice);
	return 0;
}

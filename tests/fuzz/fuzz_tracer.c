/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the map of a tracing library: strings are strings, an error leaves nothing, and what was
 * found is found again when it is written anew. The bytes lie before a page that is not there: the
 * library that reads them has no sanitizer in it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "process/tracer.h"

#define PAGE 65536 /* of any size that there is */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void *before_nothing(const uint8_t *data, size_t size)
{
	const size_t room = (TRACER_SIZE_MAX / PAGE + 2) * PAGE;
	static char *map;

	if (!map) {
		map = mmap(NULL, room + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
		must(map != MAP_FAILED && !mprotect(map + room, PAGE, PROT_NONE));
	}
	return memcpy(map + room - size, data, size);
}

static bool same(const struct tracer_metadata *a, const struct tracer_metadata *b)
{
	const size_t strings = offsetof(struct tracer_metadata, runtime_id);

	return a->schema_version == b->schema_version && a->cut == b->cut &&
	       !memcmp((const char *)a + strings, (const char *)b + strings, sizeof(*a) - strings);
}

static void put(struct buf *b, const char *key, const char *value, size_t room)
{
	size_t len = strnlen(value, room);

	must(len < room);
	for (size_t i = len; i < room; i++)
		must(!value[i]);
	buf_char(b, (char)0xd9);
	buf_char(b, (char)strlen(key));
	buf_str(b, key);
	buf_char(b, (char)0xda);
	buf_char(b, (char)(len >> 8));
	buf_char(b, (char)len);
	buf_add(b, value, len);
}

static void check_again(const struct tracer_metadata *m)
{
	struct tracer_metadata again;
	struct buf b = { 0 };

	buf_char(&b, (char)0x8a);
	put(&b, "runtime_id", m->runtime_id, sizeof(m->runtime_id));
	put(&b, "tracer_language", m->language, sizeof(m->language));
	put(&b, "tracer_version", m->version, sizeof(m->version));
	put(&b, "hostname", m->hostname, sizeof(m->hostname));
	put(&b, "service_name", m->service_name, sizeof(m->service_name));
	put(&b, "service_env", m->service_env, sizeof(m->service_env));
	put(&b, "service_version", m->service_version, sizeof(m->service_version));
	put(&b, "process_tags", m->process_tags, sizeof(m->process_tags));
	put(&b, "container_id", m->container_id, sizeof(m->container_id));
	buf_str(&b, "\xaeschema_version\xce");
	for (int i = 24; i >= 0; i -= 8)
		buf_char(&b, (char)(m->schema_version >> i));
	must(!tracer_parse(&again, b.data, b.len));
	must(!again.cut);
	again.cut = m->cut;
	must(same(&again, m));
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tracer_metadata none;
	struct tracer_metadata m, other;
	int err;

	if (size > TRACER_SIZE_MAX + 1)
		return 0;
	data = before_nothing(data, size);
	memset(&m, 0, sizeof(m));
	memset(&other, 0xff, sizeof(other));
	err = tracer_parse(&m, data, size);
	must(err == tracer_parse(&other, data, size) && same(&m, &other));
	must(!err || err == -EBADMSG || err == -E2BIG);
	if (err)
		must(same(&m, &none));
	else
		check_again(&m);
	return 0;
}

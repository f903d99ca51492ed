/* SPDX-License-Identifier: Apache-2.0 */
#include "container/cgroup.h"

#include <string.h>

#define ID_LEN 64

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool contains(str_t s, const char *word)
{
	return memmem(s.bytes, s.len, word, strlen(word));
}

str_t cgroup_container_id(str_t leaf)
{
	size_t run = 0;

	if (leaf.len < ID_LEN || contains(leaf, "conmon"))
		return (str_t){ 0 }; /* podman's monitor is beside its container, not in it */
	for (size_t i = 0; i < leaf.len; i++) {
		run = is_hex(leaf.bytes[i]) ? run + 1 : 0;
		if (run == ID_LEN && (i + 1 == leaf.len || !is_hex(leaf.bytes[i + 1])))
			return (str_t){ leaf.bytes + i + 1 - ID_LEN, ID_LEN };
	}
	return (str_t){ 0 };
}

const char *cgroup_runtime(str_t leaf)
{
	static const struct {
		const char *word, *runtime;
	} words[] = { { "docker", "docker" },
		      { "crio", "crio" },
		      { "cri-containerd", "containerd" },
		      { "libpod", "podman" } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (contains(leaf, words[i].word))
			return words[i].runtime;
	return NULL;
}

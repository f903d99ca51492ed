/* SPDX-License-Identifier: Apache-2.0 */
#include "process/cloud.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* FNV-1a with 64 bits. */
uint64_t cloud_hash(str_t token)
{
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < token.len; i++)
		h = (h ^ (uint8_t)token.bytes[i]) * 1099511628211ULL;
	return h ? h : 1;
}

static struct cloud_credential *find(struct cloud *c, str_t key_id)
{
	for (size_t i = 0; i < c->n; i++)
		if (strlen(c->list[i].key_id) == key_id.len &&
		    !memcmp(c->list[i].key_id, key_id.bytes, key_id.len))
			return &c->list[i];
	return NULL;
}

bool cloud_add(struct cloud *c, str_t key_id, uint64_t expiry, uint64_t token_hash)
{
	struct cloud_credential *k;

	if (!key_id.len || key_id.len > CLOUD_KEY_MAX || memchr(key_id.bytes, '\0', key_id.len))
		return false;
	k = find(c, key_id);
	if (k) {
		k->expiry = expiry;
		k->token_hash = token_hash;
		return false;
	}
	if (c->n == CLOUD_MAX)
		memmove(c->list, c->list + 1, --c->n * sizeof(*k));
	else /* few processes have any, and most of these one */
		c->list = xrealloc(c->list, (c->n + 1) * sizeof(*k));
	k = &c->list[c->n++];
	memset(k, 0, sizeof(*k));
	memcpy(k->key_id, key_id.bytes, key_id.len);
	k->expiry = expiry;
	k->token_hash = token_hash;
	return true;
}

const struct cloud_credential *cloud_fetch(struct cloud *c, uint64_t now, size_t *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n; i++)
		if (!c->list[i].expiry || c->list[i].expiry > now)
			c->list[kept++] = c->list[i];
	c->n = *n = kept;
	if (!kept)
		cloud_free(c);
	return c->list;
}

void cloud_free(struct cloud *c)
{
	free(c->list);
	memset(c, 0, sizeof(*c));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "output/format.h"

static const struct format *const formats[] = { &format_table, &format_json, &format_json_pretty };

const struct format *format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

const char *format_names(void)
{
	return "table, json, json-pretty, none";
}

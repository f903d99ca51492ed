/* SPDX-License-Identifier: Apache-2.0 */
#include "source/procfs_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* include/linux/sched.h */
#define PF_FORKNOEXEC 0x00000040
#define PF_KTHREAD    0x00200000

/* The next line of the text without its end, which is taken off; false: there is none. */
static bool next_line(const char **text, size_t *len, str_t *line)
{
	const char *nl;

	if (!*len)
		return false;
	nl = memchr(*text, '\n', *len);
	*line = (str_t){ *text, nl ? (size_t)(nl - *text) : *len };
	*text += line->len + !!nl;
	*len -= line->len + !!nl;
	return true;
}

/* What stands before the separator, which is taken off with it. False: there is none. */
static bool next_field(str_t *rest, char separator, str_t *field)
{
	const char *end = rest->len ? memchr(rest->bytes, separator, rest->len) : NULL;

	if (!end)
		return false;
	*field = (str_t){ rest->bytes, (size_t)(end - rest->bytes) };
	rest->len -= field->len + 1;
	rest->bytes = end + 1;
	return true;
}

static bool is_number(str_t s, uint32_t *number)
{
	uint64_t v = 0;

	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.bytes[i] < '0' || s.bytes[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.bytes[i] - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*number = (uint32_t)v;
	return true;
}

/* "pid (comm) S ppid pgrp session ...": comm can hold anything, ')' too. */
int procfs_parse_stat(struct procfs_process *p, const char *text, size_t len)
{
	const char *open = memchr(text, '(', len), *close = memrchr(text, ')', len);
	unsigned long long start;
	unsigned int flags;
	char rest[512], state;
	size_t n;
	int tty;

	if (!open || !close || close < open)
		return -EBADMSG;
	n = (size_t)(close - open - 1);
	if (n >= sizeof(p->comm))
		n = sizeof(p->comm) - 1; /* kernel workers show more */
	memset(p->comm, 0, sizeof(p->comm));
	memcpy(p->comm, open + 1, strnlen(open + 1, n)); /* zeros behind its end, always */
	n = (size_t)(text + len - close - 1);
	if (n >= sizeof(rest))
		n = sizeof(rest) - 1;
	memcpy(rest, close + 1, n);
	rest[n] = '\0';
	/* fields 3 to 22 of proc(5) */
	if (sscanf(rest,
		   " %c %u %u %u %d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &state, &p->ppid, &p->pgid, &p->sid, &tty, &flags, &start) != 7)
		return -EBADMSG;
	if (start > UINT64_MAX / TICK_NS)
		return -EBADMSG;
	p->tty_nr = (uint32_t)tty;
	procfs_tty_name(p->tty_nr, p->tty);
	p->kthread = flags & PF_KTHREAD;
	p->no_exec = flags & PF_FORKNOEXEC;
	p->zombie = state == 'Z' || state == 'X';
	p->start = start * TICK_NS;
	return 0;
}

/* "NSpid:\t42\t7": the last number is the innermost namespace's. */
static void parse_ns_pid(struct procfs_process *p, const char *line)
{
	const char *last = strrchr(line, '\t');

	if (last)
		sscanf(last, "%u", &p->ns_pid);
}

static uint64_t parse_caps(const char *hex)
{
	unsigned long long caps = 0;

	sscanf(hex, "%llx", &caps);
	return caps;
}

/* The lines that are needed, wherever they are. */
int procfs_parse_status(struct procfs_process *p, const char *text, size_t len)
{
	enum { UIDS = 1, GIDS = 2 };
	str_t found_line;
	int found = 0;

	p->tgid = 0;
	p->cap_inheritable = p->cap_permitted = p->cap_effective = 0;
	while (next_line(&text, &len, &found_line)) {
		char line[512]; /* NSpid: 32 namespaces deep at most */

		if (found_line.len >= sizeof(line))
			continue;
		memcpy(line, found_line.bytes, found_line.len);
		line[found_line.len] = '\0';
		if (!strncmp(line, "Uid:", 4)) {
			if (sscanf(line + 4, "%u %u %u %u", &p->uid, &p->euid, &p->suid,
				   &p->fsuid) == 4)
				found |= UIDS;
		} else if (!strncmp(line, "Gid:", 4)) {
			if (sscanf(line + 4, "%u %u %u %u", &p->gid, &p->egid, &p->sgid,
				   &p->fsgid) == 4)
				found |= GIDS;
		} else if (!strncmp(line, "Tgid:", 5)) {
			sscanf(line + 5, "%u", &p->tgid);
		} else if (!strncmp(line, "NSpid:", 6)) {
			parse_ns_pid(p, line);
		} else if (!strncmp(line, "CapInh:", 7)) {
			p->cap_inheritable = parse_caps(line + 7);
		} else if (!strncmp(line, "CapPrm:", 7)) {
			p->cap_permitted = parse_caps(line + 7);
		} else if (!strncmp(line, "CapEff:", 7)) {
			p->cap_effective = parse_caps(line + 7);
		}
	}
	return found == (UIDS | GIDS) ? 0 : -EBADMSG;
}

/* "0::/a/b": the leaf of the default hierarchy. */
int procfs_parse_cgroup(struct procfs_process *p, const char *text, size_t len)
{
	str_t line;

	p->cgroup[0] = '\0';
	while (next_line(&text, &len, &line)) {
		const char *leaf;

		if (line.len <= 3 || memcmp(line.bytes, "0::", 3) != 0)
			continue;
		leaf = memrchr(line.bytes, '/', line.len);
		if (!leaf)
			return -EBADMSG;
		snprintf(p->cgroup, sizeof(p->cgroup), "%.*s",
			 (int)(line.bytes + line.len - leaf - 1), leaf + 1);
		return 0;
	}
	return -ENOENT;
}

/* "4:cpu,cpuacct:/a/b", "1:name=systemd:/c", "0::/d" */
void procfs_parse_cgroups(struct procfs_cgroups *c, const char *text, size_t len)
{
	str_t line, id, controllers;
	uint32_t number;

	c->n = 0;
	while (c->n < PROCFS_CGROUPS_MAX && next_line(&text, &len, &line)) {
		if (!next_field(&line, ':', &id) || !is_number(id, &number) ||
		    !next_field(&line, ':', &controllers) || !line.len || *line.bytes != '/')
			continue;
		if (!controllers.len && number)
			continue; /* neither a controller, nor a name, nor the default one */
		c->list[c->n++] = (struct procfs_cgroup){ controllers, line };
	}
}

static bool is_in_list(str_t list, const char *name, size_t len)
{
	str_t item;

	if (!len)
		return !list.len;
	while (next_field(&list, ',', &item))
		if (item.len == len && !memcmp(item.bytes, name, len))
			return true;
	return list.len == len && !memcmp(list.bytes, name, len);
}

str_t procfs_cgroup_path(const struct procfs_cgroups *c, const char *controller)
{
	for (size_t i = 0; i < c->n; i++)
		if (is_in_list(c->list[i].controllers, controller, strlen(controller)))
			return c->list[i].path;
	return (str_t){ 0 };
}

/* "\040" is a blank: what would end a field or a line stands there as three octal digits. */
static void add_unescaped(struct buf *out, str_t s)
{
	for (size_t i = 0; i < s.len; i++) {
		const char *c = s.bytes + i;

		if (*c == '\\' && s.len - i > 3 && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' &&
		    c[2] <= '7' && c[3] >= '0' && c[3] <= '7') {
			buf_char(out, (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0')));
			i += 3;
		} else {
			buf_char(out, *c);
		}
	}
}

static uint32_t encode_dev(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

/* "36 35 98:0 /root /point rw,noatime shared:1 master:2 - ext4 /dev/sda1 rw": optional ones first */
static bool parse_mount(str_t line, struct procfs_mount *m, struct buf *names)
{
	str_t id, parent, major, minor, root, point, field;
	size_t root_len, point_len;
	uint32_t maj, min;

	if (!next_field(&line, ' ', &id) || !is_number(id, &m->id) ||
	    !next_field(&line, ' ', &parent) || !is_number(parent, &m->parent) ||
	    !next_field(&line, ':', &major) || !is_number(major, &maj) || maj > 0xfff ||
	    !next_field(&line, ' ', &minor) || !is_number(minor, &min) || min > 0xfffff ||
	    !next_field(&line, ' ', &root) || !next_field(&line, ' ', &point) ||
	    !next_field(&line, ' ', &field))
		return false;
	do {
		if (!next_field(&line, ' ', &field))
			return false;
	} while (field.len != 1 || *field.bytes != '-');
	if (!next_field(&line, ' ', &field) || !field.len)
		return false;
	m->dev = encode_dev(maj, min);
	names->len = 0;
	add_unescaped(names, root);
	root_len = names->len;
	add_unescaped(names, point);
	point_len = names->len - root_len;
	add_unescaped(names, field);
	m->root = (str_t){ names->data, root_len };
	m->point = (str_t){ names->data + root_len, point_len };
	m->fs_type = (str_t){ m->point.bytes + point_len, names->len - root_len - point_len };
	return true;
}

bool procfs_next_mount(const char **text, size_t *len, struct procfs_mount *m, struct buf *names)
{
	str_t line;

	while (next_line(text, len, &line))
		if (parse_mount(line, m, names))
			return true;
	return false;
}

bool procfs_next_string(const char **text, size_t *len, str_t *s)
{
	const char *end;

	if (!*len)
		return false;
	end = memchr(*text, '\0', *len);
	*s = (str_t){ *text, end ? (size_t)(end - *text) : *len };
	*text += s->len + !!end;
	*len -= s->len + !!end;
	return true;
}

void procfs_parse_environ(struct buf *out, const char *text, size_t len)
{
	str_t s;

	while (procfs_next_string(&text, &len, &s)) {
		if (!s.len)
			continue;
		buf_add(out, s.bytes, s.len);
		buf_char(out, '\0');
	}
}

int procfs_parse_number(const char *text, size_t len, uint32_t *number)
{
	if (len && text[len - 1] == '\n')
		len--;
	return is_number((str_t){ text, len }, number) ? 0 : -EBADMSG;
}

int procfs_parse_ns(const char *text, size_t len, uint32_t *inode)
{
	const char *open = len ? memchr(text, '[', len) : NULL;
	str_t number;

	if (!open || open < text + 2 || open[-1] != ':' || text[len - 1] != ']')
		return -EBADMSG;
	number = (str_t){ open + 1, (size_t)(text + len - 1 - (open + 1)) };
	return is_number(number, inode) ? 0 : -EBADMSG;
}

void procfs_tty_name(uint32_t tty_nr, char *tty)
{
	/* By the kernel's Documentation/admin-guide/devices.txt; the first minor is number 0. */
	static const struct {
		uint32_t major, first, last;
		const char *name;
	} drivers[] = {
		{ 4, 0, 63, "tty" },	   { 4, 64, 255, "ttyS" },    { 166, 0, 255, "ttyACM" },
		{ 188, 0, 511, "ttyUSB" }, { 204, 64, 79, "ttyAMA" }, { 229, 0, 255, "hvc" },
	};
	static const char *const aux[] = { "tty", "console", "ptmx" }; /* major 5 */
	uint32_t major = tty_nr >> 8 & 0xfff;
	uint32_t minor = (tty_nr & 0xff) | (tty_nr >> 12 & 0xfff00);

	memset(tty, 0, EV_TTY_LEN);
	/* 256 each in the days of small minors; all are 136's now */
	if (major >= 136 && major <= 143) {
		snprintf(tty, EV_TTY_LEN, "pts%u", (major - 136) * 256 + minor);
		return;
	}
	if (major == 5 && minor < sizeof(aux) / sizeof(aux[0])) {
		snprintf(tty, EV_TTY_LEN, "%s", aux[minor]);
		return;
	}
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (major == drivers[i].major && minor >= drivers[i].first &&
		    minor <= drivers[i].last)
			snprintf(tty, EV_TTY_LEN, "%s%u", drivers[i].name,
				 minor - drivers[i].first);
}

static bool starts_with(str_t s, const char *with)
{
	size_t n = strlen(with);

	return s.len > n && !memcmp(s.bytes, with, n);
}

void procfs_tty_link(const char *link, size_t len, char *tty)
{
	static const char deleted[] = " (deleted)"; /* of a terminal that has been closed */
	str_t s = { link, len };
	uint32_t number;

	memset(tty, 0, EV_TTY_LEN);
	if (s.len > sizeof(deleted) - 1 &&
	    !memcmp(s.bytes + s.len - (sizeof(deleted) - 1), deleted, sizeof(deleted) - 1))
		s.len -= sizeof(deleted) - 1;
	if (!starts_with(s, "/dev/"))
		return;
	if (starts_with(s, "/dev/pts/") && is_number((str_t){ s.bytes + 9, s.len - 9 }, &number)) {
		snprintf(tty, EV_TTY_LEN, "pts%u", number);
		return;
	}
	s = (str_t){ s.bytes + 5, s.len - 5 };
	if (s.len == 4 && !memcmp(s.bytes, "null", 4))
		return;
	memcpy(tty, s.bytes, strnlen(s.bytes, s.len < EV_TTY_LEN ? s.len : EV_TTY_LEN - 1));
}

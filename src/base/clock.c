/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_boot_offset(void)
{
	uint64_t best = UINT64_MAX;
	int64_t offset = 0;

	/* The closest bracket of several: being scheduled away in between would shift all times. */
	for (int i = 0; i < 8; i++) {
		uint64_t before = clock_boot_ns(), wall = read_clock(CLOCK_REALTIME);
		uint64_t gap = clock_boot_ns() - before;

		if (gap < best) {
			best = gap;
			offset = (int64_t)(wall - before - gap / 2);
		}
	}
	return offset;
}

void clock_rfc3339(struct buf *b, uint64_t epoch_ns)
{
	static _Thread_local time_t last = -1;
	static _Thread_local char text[24]; /* "2026-11-21T01:42:04." */
	time_t sec = (time_t)(epoch_ns / NS_PER_SEC);
	uint32_t ns = (uint32_t)(epoch_ns % NS_PER_SEC);
	char *p;

	if (sec != last) {
		struct tm tm;

		gmtime_r(&sec, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.", &tm);
		last = sec;
	}
	p = buf_room(b, 30);
	memcpy(p, text, 20);
	for (int i = 28; i >= 20; i--) {
		p[i] = (char)('0' + ns % 10);
		ns /= 10;
	}
	p[29] = 'Z';
	b->len += 30;
}

int clock_parse_rfc3339(const char *s, uint64_t *epoch_ns)
{
	int year, month, day, hour, min, sec, n = 0;
	uint64_t ns = 0, scale = NS_PER_SEC / 10;
	struct tm tm = {0};
	int64_t offset = 0;
	time_t t;

	if (sscanf(s, "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d%n", &year, &month, &day, &hour, &min, &sec,
		   &n) != 6 || !n)
		return -EINVAL;
	s += n;
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s); s++) {
			ns += (uint64_t)(*s - '0') * scale;
			scale /= 10;
		}
	}
	if (*s == '+' || *s == '-') {
		int oh, om;

		n = 0;
		if (sscanf(s + 1, "%2d:%2d%n", &oh, &om, &n) != 2 || n != 5)
			return -EINVAL;
		offset = (*s == '-' ? -1 : 1) * (oh * 3600 + om * 60);
		s += 1 + n;
	} else if (*s == 'Z') {
		s++;
	}
	if (*s || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || min > 59 ||
	    sec > 60 || year < 1970)
		return -EINVAL;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	tm.tm_hour = hour;
	tm.tm_min = min;
	tm.tm_sec = sec;
	t = timegm(&tm);
	*epoch_ns = (uint64_t)((int64_t)t - offset) * NS_PER_SEC + ns;
	return 0;
}

static int parse_number(const char *s, const char **end, uint64_t *value)
{
	char *e;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	*value = strtoull(s, &e, 10);
	*end = e;
	return errno ? -ERANGE : 0;
}

int parse_duration(const char *s, uint64_t *ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"ns", 1},	     {"us", 1000},	  {"ms", NS_PER_MS},
		     {"s", NS_PER_SEC}, {"", NS_PER_SEC}, {"m", 60 * NS_PER_SEC},
		     {"h", 3600 * NS_PER_SEC}};
	const char *unit;
	uint64_t n;
	int err = parse_number(s, &unit, &n);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i].unit))
			continue;
		return __builtin_mul_overflow(n, units[i].ns, ns) ? -ERANGE : 0;
	}
	return -EINVAL;
}

int parse_size(const char *s, uint64_t *bytes)
{
	const char *unit;
	uint64_t n, factor = 1;
	int err = parse_number(s, &unit, &n);

	if (err)
		return err;
	switch (tolower((unsigned char)*unit)) {
	case 'k':
		factor = 1 << 10;
		break;
	case 'm':
		factor = 1 << 20;
		break;
	case 'g':
		factor = 1 << 30;
		break;
	case '\0':
		break;
	default:
		return -EINVAL;
	}
	if (*unit && unit[1])
		return -EINVAL;
	return __builtin_mul_overflow(n, factor, bytes) ? -ERANGE : 0;
}

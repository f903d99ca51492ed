/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
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

static void digits(char *p, unsigned int v, int n)
{
	while (n--) {
		p[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

/* By arithmetic and not strftime(): an event has a dozen times in it, each of another second. */
void clock_rfc3339(struct buf *b, uint64_t epoch_ns)
{
	uint64_t sec = epoch_ns / NS_PER_SEC, days = sec / 86400, rest = sec % 86400;
	/* days since 0000-03-01, in eras of 400 years */
	uint64_t z = days + 719468, era = z / 146097;
	unsigned int doe = (unsigned int)(z - era * 146097);
	unsigned int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned int mp = (5 * doy + 2) / 153;
	unsigned int month = mp < 10 ? mp + 3 : mp - 9;
	unsigned int year = (unsigned int)(yoe + era * 400 + (month <= 2));
	char *p = buf_room(b, 30);

	digits(p, year, 4);
	p[4] = '-';
	digits(p + 5, month, 2);
	p[7] = '-';
	digits(p + 8, doy - (153 * mp + 2) / 5 + 1, 2);
	p[10] = 'T';
	digits(p + 11, (unsigned int)(rest / 3600), 2);
	p[13] = ':';
	digits(p + 14, (unsigned int)(rest / 60 % 60), 2);
	p[16] = ':';
	digits(p + 17, (unsigned int)(rest % 60), 2);
	p[19] = '.';
	digits(p + 20, (unsigned int)(epoch_ns % NS_PER_SEC), 9);
	p[29] = 'Z';
	b->len += 30;
}

/* Exactly n digits. */
static bool take_digits(const char **s, int n, int *value)
{
	*value = 0;
	for (; n; n--, (*s)++) {
		if (!isdigit((unsigned char)**s))
			return false;
		*value = *value * 10 + (**s - '0');
	}
	return true;
}

static bool take_char(const char **s, const char *one_of)
{
	if (!**s || !strchr(one_of, **s))
		return false;
	(*s)++;
	return true;
}

/* Seconds to subtract; false: neither Z, an offset, nor the end. */
static bool take_zone(const char *s, int *offset)
{
	bool east = *s == '+';
	int hours, minutes;

	*offset = 0;
	if (take_char(&s, "Zz") || !*s)
		return !*s;
	if (!take_char(&s, "+-") || !take_digits(&s, 2, &hours) || !take_char(&s, ":") ||
	    !take_digits(&s, 2, &minutes) || *s || hours > 23 || minutes > 59)
		return false;
	*offset = (east ? 60 : -60) * (hours * 60 + minutes);
	return true;
}

int clock_parse_rfc3339(const char *s, uint64_t *epoch_ns)
{
	int year, month, day, hour, min, sec, offset;
	uint64_t ns = 0, scale = NS_PER_SEC / 10;
	struct tm tm = { 0 };
	int64_t t;

	if (!take_digits(&s, 4, &year) || !take_char(&s, "-") || !take_digits(&s, 2, &month) ||
	    !take_char(&s, "-") || !take_digits(&s, 2, &day) || !take_char(&s, "Tt ") ||
	    !take_digits(&s, 2, &hour) || !take_char(&s, ":") || !take_digits(&s, 2, &min) ||
	    !take_char(&s, ":") || !take_digits(&s, 2, &sec))
		return -EINVAL;
	if (take_char(&s, ".")) {
		if (!isdigit((unsigned char)*s))
			return -EINVAL;
		for (; isdigit((unsigned char)*s); s++) {
			ns += (uint64_t)(*s - '0') * scale;
			scale /= 10;
		}
	}
	if (!take_zone(s, &offset) || month < 1 || month > 12 || hour > 23 || min > 59 || sec > 60)
		return -EINVAL;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	tm.tm_hour = hour;
	tm.tm_min = min;
	t = (int64_t)timegm(&tm) + sec - offset;
	if (tm.tm_mday != day || tm.tm_mon != month - 1) /* the month has no such day */
		return -EINVAL;
	if (t < 0 || (uint64_t)t >= UINT64_MAX / NS_PER_SEC)
		return -ERANGE;
	*epoch_ns = (uint64_t)t * NS_PER_SEC + ns;
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
	} units[] = { { "ns", 1 },
		      { "us", 1000 },
		      { "ms", NS_PER_MS },
		      { "s", NS_PER_SEC },
		      { "", NS_PER_SEC },
		      { "m", 60 * NS_PER_SEC },
		      { "h", 3600 * NS_PER_SEC } };
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

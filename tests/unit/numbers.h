/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that look random and are the same in every run.
 */
#ifndef TSR_TESTS_NUMBERS_H
#define TSR_TESTS_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

static uint64_t numbers_state;

static inline void numbers_begin(void)
{
	numbers_state = 1;
}

/* Less than n. */
static inline size_t number_below(size_t n)
{
	numbers_state = numbers_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (size_t)(numbers_state >> 32) % n;
}

#endif

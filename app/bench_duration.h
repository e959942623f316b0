// SPDX-License-Identifier: BSD-3-Clause
// How long bursts take, in steps of an eighth of what they take: fine enough for a bar of microseconds.
#pragma once

#include <stdint.h>

enum {
	DURATION_STEP_BITS = 3,
	DURATION_STEPS = (64 - DURATION_STEP_BITS + 1) << DURATION_STEP_BITS,
};

struct durations {
	uint64_t counts[DURATION_STEPS];
};

// Steps are exact below 8 cycles; the last bits of what is longer do not count.
static inline void durations_add(struct durations *durations, uint64_t cycles)
{
	const unsigned bits = 64 - __builtin_clzll(cycles | 1);
	const unsigned shift = bits > DURATION_STEP_BITS ? bits - DURATION_STEP_BITS - 1 : 0;

	durations->counts[(shift << DURATION_STEP_BITS) + (cycles >> shift)]++;
}

// Cycles that at least so many percent of the durations do not reach; 0: there are none.
uint64_t durations_percentile(const struct durations *durations, double percent);

// SPDX-License-Identifier: BSD-3-Clause
#include "bench_duration.h"

// The first duration that is of a later step.
static uint64_t end_of(unsigned step)
{
	const unsigned steps = 1 << DURATION_STEP_BITS;
	const unsigned shift = step < 2 * steps ? 0 : (step >> DURATION_STEP_BITS) - 1;

	return (uint64_t)(step - (shift << DURATION_STEP_BITS) + 1) << shift;
}

uint64_t durations_percentile(const struct durations *durations, double percent)
{
	uint64_t all = 0, below = 0;

	for (unsigned i = 0; i < DURATION_STEPS; i++)
		all += durations->counts[i];
	for (unsigned i = 0; i < DURATION_STEPS; i++) {
		below += durations->counts[i];
		if (all > 0 && below >= percent / 100 * all)
			return end_of(i);
	}
	return 0;
}

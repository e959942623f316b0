// SPDX-License-Identifier: BSD-3-Clause
#include "bench_duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

// What it says is above a duration, and by no more than an eighth.
static void a_duration_is_told_to_an_eighth(void **)
{
	for (unsigned bit = 0; bit < 63; bit++) {
		for (unsigned i = 0; i < 64; i++) {
			const uint64_t cycles =
					(UINT64_C(1) << bit) + i * ((UINT64_C(1) << bit) / 64);
			struct durations durations = { 0 };
			uint64_t end;

			durations_add(&durations, cycles);
			end = durations_percentile(&durations, 50);
			assert_true(end > cycles);
			assert_true(end - cycles <= 1 + cycles / 8);
		}
	}
}

static void the_ends_have_steps(void **)
{
	struct durations durations = { 0 };

	durations_add(&durations, 0);
	assert_int_equal(durations.counts[0], 1);
	durations_add(&durations, UINT64_MAX);
	assert_int_equal(durations.counts[DURATION_STEPS - 1], 1);
}

static void percentiles_are_of_all(void **)
{
	struct durations durations = { 0 };

	assert_int_equal(durations_percentile(&durations, 50), 0);
	for (unsigned i = 0; i < 999; i++)
		durations_add(&durations, 100);
	durations_add(&durations, 1 << 20);
	assert_int_equal(durations_percentile(&durations, 50), 104);
	assert_int_equal(durations_percentile(&durations, 99), 104);
	assert_true(durations_percentile(&durations, 99.95) > 1 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_duration_is_told_to_an_eighth),
		cmocka_unit_test(the_ends_have_steps),
		cmocka_unit_test(percentiles_are_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

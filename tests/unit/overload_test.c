// SPDX-License-Identifier: BSD-3-Clause
#include "overload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
	CALM = 100000, // of the clock below
	STEP = 3, // from one burst to the next
};

static struct overload overload;
static uint64_t now;

static int set_up(void **)
{
	now = UINT64_C(1) << 40;
	overload_init(&overload, CALM);
	return 0;
}

// Bursts of one direction. How often the level changed.
static unsigned receive(unsigned direction, unsigned packets, unsigned bursts)
{
	unsigned changes = 0;

	for (unsigned i = 0; i < bursts; i++, now += STEP)
		changes += overload_note(&overload, direction, packets, now);
	return changes;
}

static void full_bursts_in_a_row_raise_it_level_by_level(void **)
{
	for (enum overload_level level = OVERLOAD_NONE; level < OVERLOAD_FLOWS; level++) {
		assert_int_equal(receive(0, BURST_PACKETS, OVERLOAD_BURSTS - 1), 0);
		assert_int_equal(overload.level, level);
		assert_int_equal(receive(0, BURST_PACKETS, 1), 1);
		assert_int_equal(overload.level, level + 1);
	}
	assert_int_equal(receive(0, BURST_PACKETS, 100 * OVERLOAD_BURSTS), 0);
	assert_int_equal(overload.level, OVERLOAD_FLOWS);
}

static void a_queue_that_is_drained_now_and_then_is_none(void **)
{
	for (unsigned i = 0; i < 1000; i++) {
		receive(0, BURST_PACKETS, OVERLOAD_BURSTS - 1);
		receive(0, i % BURST_PACKETS, 1);
	}
	assert_int_equal(overload.level, OVERLOAD_NONE);
}

static void directions_are_told_apart(void **)
{
	// Two that are half full are not one that is full.
	receive(0, BURST_PACKETS, OVERLOAD_BURSTS / 2 + 1);
	receive(1, BURST_PACKETS, OVERLOAD_BURSTS / 2 + 1);
	assert_int_equal(overload.level, OVERLOAD_NONE);
	// An idle one does not hide one that is full.
	for (unsigned i = 0; i < OVERLOAD_BURSTS; i++) {
		receive(DIRECTIONS_MAX - 1, BURST_PACKETS, 1);
		receive(0, 0, 1);
	}
	assert_int_equal(overload.level, OVERLOAD_STREAMS);
}

static void calm_takes_back_a_level_at_a_time(void **)
{
	receive(0, BURST_PACKETS, 3 * OVERLOAD_BURSTS);
	for (int level = OVERLOAD_FLOWS; level > OVERLOAD_NONE; level--) {
		uint64_t start = now;

		assert_int_equal(overload.level, level);
		while (overload.level == level)
			receive(0, level % 2 == 0 ? 0 : BURST_PACKETS - 1, 1);
		assert_in_range(now - start, CALM - STEP, CALM + 2 * STEP);
	}
	receive(0, 0, 10 * CALM / STEP);
	assert_int_equal(overload.level, OVERLOAD_NONE);
}

// Rows of full bursts at the level reached keep it, as long as they come more often than calm does.
static void it_holds_a_level_while_that_is_needed(void **)
{
	receive(0, BURST_PACKETS, 3 * OVERLOAD_BURSTS);
	for (unsigned i = 0; i < 100; i++) {
		receive(0, 1, CALM / STEP / 2);
		assert_int_equal(receive(0, BURST_PACKETS, OVERLOAD_BURSTS), 0);
		assert_int_equal(overload.level, OVERLOAD_FLOWS);
	}
}

// However it stands on the edge: two changes in each time of calm.
static void it_does_not_swing(void **)
{
	unsigned changes = 0;
	uint64_t start = now;

	while (now - start < 20 * CALM) {
		changes += receive(0, BURST_PACKETS,
				overload.level < OVERLOAD_STREAMS ? OVERLOAD_BURSTS : 0);
		changes += receive(0, 1, 1);
	}
	assert_in_range(changes, 20, 42);
}

static void each_level_has_a_label(void **)
{
	for (enum overload_level level = OVERLOAD_STREAMS; level < OVERLOAD_LEVELS; level++)
		assert_non_null(overload_label(level));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(full_bursts_in_a_row_raise_it_level_by_level, set_up),
		cmocka_unit_test_setup(a_queue_that_is_drained_now_and_then_is_none, set_up),
		cmocka_unit_test_setup(directions_are_told_apart, set_up),
		cmocka_unit_test_setup(calm_takes_back_a_level_at_a_time, set_up),
		cmocka_unit_test_setup(it_holds_a_level_while_that_is_needed, set_up),
		cmocka_unit_test_setup(it_does_not_swing, set_up),
		cmocka_unit_test(each_level_has_a_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t SECOND = 1000000000;
static const uint64_t START = 1700000000;

static struct history history;
static struct counters counters;

static int setup(void **)
{
	history = (struct history){ 0 };
	counters = (struct counters){ 0 };
	return 0;
}

static const struct history_point *newest(void)
{
	return history_at(&history, history.count - 1);
}

static void test_first_call_only_remembers(void **)
{
	counters.packets[0][REASON_INSPECTED] = 1000;
	history_add(&history, START * SECOND, &counters);
	assert_int_equal(history.count, 0);
}

static void test_rates_by_side(void **)
{
	history_add(&history, START * SECOND, &counters);
	counters.packets[0][REASON_INSPECTED] = 100; // first pair, from inside
	counters.packets[3][REASON_INSPECTED] = 50; // second pair, from outside
	counters.packets[3][REASON_POLICY] = 30;
	counters.packets[2][REASON_NOT_IP] = 20;
	counters.received_bytes[0] = 6400;
	counters.received_bytes[3] = 640;
	counters.cycles = 4000;
	counters.busy_cycles = 1000;
	counters.flows = 7;
	history_add(&history, (START + 2) * SECOND, &counters);
	assert_int_equal(history.count, 1);
	assert_int_equal(newest()->time_s, START + 2);
	assert_int_equal(newest()->packets[0], 60);
	assert_int_equal(newest()->packets[1], 40);
	assert_int_equal(newest()->bytes[0], 3200);
	assert_int_equal(newest()->bytes[1], 320);
	assert_int_equal(newest()->dropped, 15);
	assert_int_equal(newest()->uninspected, 10);
	assert_int_equal(newest()->busy_permille, 250);
	assert_int_equal(newest()->flows, 7);
}

static void test_early_call_is_ignored(void **)
{
	history_add(&history, START * SECOND, &counters);
	counters.packets[0][REASON_INSPECTED] = 10;
	history_add(&history, START * SECOND + SECOND / 4, &counters);
	assert_int_equal(history.count, 0);
	history_add(&history, (START + 1) * SECOND, &counters);
	assert_int_equal(newest()->packets[0], 10);
}

// Counters and clocks that go back give no absurd rates.
static void test_going_back(void **)
{
	counters.packets[0][REASON_INSPECTED] = 100;
	counters.busy_cycles = counters.cycles = 500;
	history_add(&history, START * SECOND, &counters);
	counters.packets[0][REASON_INSPECTED] = 90;
	counters.busy_cycles = counters.cycles = 400;
	history_add(&history, (START + 1) * SECOND, &counters);
	assert_int_equal(newest()->packets[0], 0);
	assert_int_equal(newest()->busy_permille, 0);
	history_add(&history, (START - 100) * SECOND, &counters);
	assert_int_equal(history.count, 1);
	counters.packets[0][REASON_INSPECTED] = 95;
	history_add(&history, (START - 99) * SECOND, &counters);
	assert_int_equal(newest()->packets[0], 5);
}

static void test_keeps_ten_minutes(void **)
{
	for (uint64_t i = 0; i <= HISTORY_POINTS + 10; i++) {
		counters.packets[1][REASON_INSPECTED] += i;
		history_add(&history, (START + i) * SECOND, &counters);
	}
	assert_int_equal(history.count, HISTORY_POINTS);
	for (unsigned i = 0; i < HISTORY_POINTS; i++) {
		assert_int_equal(history_at(&history, i)->time_s, START + 11 + i);
		assert_int_equal(history_at(&history, i)->packets[1], 11 + i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_first_call_only_remembers, setup),
		cmocka_unit_test_setup(test_rates_by_side, setup),
		cmocka_unit_test_setup(test_early_call_is_ignored, setup),
		cmocka_unit_test_setup(test_going_back, setup),
		cmocka_unit_test_setup(test_keeps_ten_minutes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "health.h"
#include "watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	LOOK_MS = 100,
	WORKERS = 2,
};

static struct shared shared;
static struct channel channels[WORKERS];
static struct counters_public counters[WORKERS];
static struct watch *watch;
static uint64_t now_ms;

static int set_up(void **)
{
	memset(counters, 0, sizeof(counters));
	for (unsigned i = 0; i < WORKERS; i++)
		channels[i].counters = &counters[i];
	shared.worker_count = WORKERS;
	shared.channels = channels;
	now_ms = 5000;
	watch = watch_create(&shared);
	return watch == NULL ? -1 : 0;
}

static int tear_down(void **)
{
	watch_free(watch);
	return 0;
}

static void beat(unsigned worker)
{
	const struct counters nothing = { 0 };

	counters_publish(&counters[worker], &nothing);
}

// Time passes and the watch looks, `looks` times; worker 0 lives, and worker 1 where `both` do.
static void live(unsigned looks, bool both)
{
	while (looks-- > 0) {
		beat(0);
		if (both)
			beat(1);
		now_ms += LOOK_MS;
		watch_look(watch, now_ms);
	}
}

static void nobody_is_alive_before_the_first_poll(void **)
{
	assert_false(watch_all_poll(watch));
	live(20, false);
	assert_false(watch_all_poll(watch));
	assert_int_equal(watch_stalls(watch, 1), 0);
	live(1, true);
	assert_true(watch_all_poll(watch));
}

static void sees_a_stall_within_a_second(void **)
{
	live(3, true);
	live(HEALTH_STALLED_MS / LOOK_MS, false);
	assert_true(watch_all_poll(watch));
	live(1, false);
	assert_false(watch_all_poll(watch));
	assert_true(watch_silent_ms(watch, 1) < 1000);
	assert_int_equal(watch_stalls(watch, 1), 1);
	assert_int_equal(watch_stalls(watch, 0), 0);
	live(30, false);
	assert_int_equal(watch_stalls(watch, 1), 1);
	assert_int_equal(watch_silent_ms(watch, 1), HEALTH_STALLED_MS + 31 * LOOK_MS);
}

static void forgives_who_polls_again(void **)
{
	live(3, true);
	live(20, false);
	live(1, true);
	assert_true(watch_all_poll(watch));
	assert_int_equal(watch_silent_ms(watch, 1), 0);
	live(20, false);
	assert_int_equal(watch_stalls(watch, 1), 2);
}

// A writer that stops in the middle is silent, too.
static void sees_who_hangs_while_publishing(void **)
{
	live(3, true);
	atomic_fetch_add(&counters[1].sequence, 1);
	live(1 + HEALTH_STALLED_MS / LOOK_MS + 1, false);
	assert_false(watch_all_poll(watch));
}

// The whole machine was stopped, say: the first look may be before the workers' first poll.
static void blames_nobody_for_its_own_absence(void **)
{
	live(3, true);
	now_ms += 60000;
	watch_look(watch, now_ms);
	assert_true(watch_all_poll(watch));
	assert_int_equal(watch_silent_ms(watch, 0), WATCH_LOOK_MS);
	live(1, true);
	assert_int_equal(watch_silent_ms(watch, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
				nobody_is_alive_before_the_first_poll, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sees_a_stall_within_a_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(forgives_who_polls_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sees_who_hangs_while_publishing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
				blames_nobody_for_its_own_absence, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

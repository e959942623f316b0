// SPDX-License-Identifier: BSD-3-Clause
#include "health.h"
#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct snapshot));
	if (*state == NULL)
		return -1;
	sample_fill(*state, 1);
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

// Exactly one condition, said in one line.
static void finds_only(
		const struct snapshot *snapshot, enum health_condition condition, const char *line)
{
	struct health health;

	health_check(snapshot, &health);
	for (unsigned i = 0; i < HEALTH_COUNT; i++)
		assert_int_equal(health.conditions[i], i == condition);
	assert_int_equal(health.line_count, 1);
	assert_string_equal(health.lines[0], line);
	assert_int_equal(health.is_ready, condition == HEALTH_RELOAD_FAILED);
}

static void is_ready_when_all_is_up(void **state)
{
	struct health health;

	health_check(*state, &health);
	assert_true(health.is_ready);
	assert_int_equal(health.line_count, 0);
}

static void misses_ports(void **state)
{
	struct snapshot *snapshot = *state;

	snapshot->ports[1].up = 0;
	finds_only(snapshot, HEALTH_PORT_DOWN, "port p1: no link");
	snapshot->ports[1].held = 1;
	finds_only(snapshot, HEALTH_PORT_DOWN,
			"port p1: held down, the other port of its pair has no link");
	snapshot->ports[1].started = 0;
	finds_only(snapshot, HEALTH_PORT_STOPPED, "port p1: not started");
	snapshot->port_count = 0;
	finds_only(snapshot, HEALTH_STARTING, "no port is polled yet");
}

static void misses_workers(void **state)
{
	struct snapshot *snapshot = *state;
	uint64_t *silent_ms = &snapshot->workers[2].silent_ms;
	uint64_t *last_ns = &snapshot->workers[2].counters.last_poll_ns;
	const uint64_t polled_ns = *last_ns;

	*silent_ms = HEALTH_STALLED_MS + 1;
	finds_only(snapshot, HEALTH_WORKER_STALLED, "lcore 3: has not polled for 701 ms");
	*last_ns = 0;
	finds_only(snapshot, HEALTH_WORKER_STALLED, "lcore 3: has not polled yet");
	*last_ns = polled_ns;
	*silent_ms = HEALTH_STALLED_MS;
	is_ready_when_all_is_up(state);
	snapshot->worker_count = 0;
	finds_only(snapshot, HEALTH_STARTING, "no port is polled yet");
}

static void lives_with_an_older_configuration(void **state)
{
	struct snapshot *snapshot = *state;

	snapshot->config.last_load_ok = 0;
	finds_only(snapshot, HEALTH_RELOAD_FAILED,
			"the last reload failed: an older configuration is in force");
}

static void holds_all_that_can_be_wrong(void **state)
{
	struct snapshot *snapshot = *state;
	struct health health;

	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->port_count = SNAPSHOT_PORTS_MAX;
	snapshot->worker_count = SNAPSHOT_WORKERS_MAX;
	for (unsigned i = 0; i < SNAPSHOT_PORTS_MAX; i++)
		memset(snapshot->ports[i].name, 'x', SNAPSHOT_NAME_BYTES - 1);
	health_check(snapshot, &health);
	assert_int_equal(health.line_count, SNAPSHOT_PORTS_MAX + SNAPSHOT_WORKERS_MAX + 1);
	assert_non_null(strstr(health.lines[0], "x: not started"));
}

static void has_a_label_for_each(void **)
{
	for (unsigned i = 0; i < HEALTH_COUNT; i++)
		assert_non_null(health_label(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_ready_when_all_is_up, setup, teardown),
		cmocka_unit_test_setup_teardown(misses_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(misses_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(lives_with_an_older_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(holds_all_that_can_be_wrong, setup, teardown),
		cmocka_unit_test(has_a_label_for_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// The lane of `wiretag bench`: that the shipped path does with its traffic what a scenario says.
#include "bench_lane.h"
#include "bench_policy.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	FLOWS = 4096,
	PACKETS = 8192, // a multiple of what a group of requests is cut into
	HOSTS = 10,
};

static int create_policy(void **state)
{
	static struct bench_policy policy;
	char rules[PATH_MAX];
	const struct bench_policy_config config = {
		.rules = rules, .hosts = HOSTS, .action = "forward", .workers = 1
	};

	snprintf(rules, sizeof(rules), "%s/config/rules", getenv("WIRETAG_SOURCE"));
	*state = &policy;
	return bench_policy_init(&policy, &config) ? 0 : -1;
}

static int free_policy(void **state)
{
	bench_policy_fini(*state);
	return 0;
}

static struct lane *create(const struct bench_policy *policy, bool is_swapped)
{
	const struct options *options = policy->options;
	const struct lane_config config = {
		.traffic = { .kind = SOURCE_REQUESTS,
				.flows = FLOWS,
				.requests_percent = 100,
				.is_cut = true,
				.is_swapped = is_swapped },
		.policy = policy->policy,
		.capacity = 2 * FLOWS,
		.timeouts = options->timeouts,
		.budget = { options->inspect_packets, options->inspect_bytes, 1 },
		.streams = { .streams = options->streams_capacity,
				.small_buffers = options->streams_small_buffers,
				.large_buffers = options->streams_large_buffers,
				.budget = options->inspect_stream_bytes },
		.fragments = options->fragments_capacity,
		.renews_requests = true,
	};
	struct lane *lane = lane_create(&config);

	assert_non_null(lane);
	return lane;
}

// Every second request is for a host that the rules name.
static void check_found(struct lane *lane)
{
	const struct counters *counters = lane_counters(lane);
	struct counters before;
	uint64_t apps = 0;

	lane_prepare(lane, STAGE_FULL, PACKETS);
	before = *counters;
	assert_int_equal(lane_run(lane, STAGE_FULL, PACKETS), PACKETS);
	for (unsigned i = 0; i < APP_MAX; i++)
		apps += counters->app_flows[i] - before.app_flows[i];
	assert_int_equal(apps, PACKETS / SOURCE_PIECES / 2);
	assert_int_equal(counters->rule_matches - before.rule_matches, apps);
	assert_int_equal(counters->packets[0][REASON_INSPECTED] -
					before.packets[0][REASON_INSPECTED],
			PACKETS);
	assert_int_equal(counters->segments_wrong, 0);
	assert_int_equal(counters->segments_refused, 0);
	assert_int_equal(counters->segments_beyond, 0);
	assert_int_equal(counters->stream_buffers_lost, 0);
}

static void finds_requests(const struct bench_policy *policy, bool is_swapped)
{
	struct lane *lane = create(policy, is_swapped);

	check_found(lane);
	// A request that is half sent is no harm to the next ones.
	lane_run(lane, STAGE_IO, BURST_PACKETS);
	check_found(lane);
	lane_free(lane);
}

static void finds_requests_in_segments(void **state)
{
	finds_requests(*state, false);
}

static void finds_requests_in_swapped_segments(void **state)
{
	finds_requests(*state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_requests_in_segments),
		cmocka_unit_test(finds_requests_in_swapped_segments),
	};

	return cmocka_run_group_tests(tests, create_policy, free_policy);
}

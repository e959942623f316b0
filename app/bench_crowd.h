// SPDX-License-Identifier: BSD-3-Clause
// A lane that is not alone: others like it on other CPUs, or the rest of a large appliance that
// reads what it tells.
#pragma once

#include "bench_lane.h"
#include "bench_policy.h"

enum {
	CROWD_MAX = 64, // lanes at once
	WATCHED_WORKERS = 16, // whose counters and rings a watcher goes through
};

// Runs all lanes at once, the first on the caller's CPU, the others each on one of those that
// `cpus` names. Returns TSC cycles for a packet of all of them together, and how often one of their
// threads was made to wait; below 0 with errno.
double crowd_run(struct lane *const *lanes, const int *cpus, unsigned count, uint32_t packets,
		uint64_t *switches);

// Whatever another thread has to do with a worker: each millisecond it reads the counters of this
// lane and of 15 made-up workers, that it publishes itself, and empties the rings of all of them.
// With `reload` it also compiles that anew, a few times a second, and gives the lane the policy; that
// must outlive the watch. NULL with errno. Stop with watch_stop().
struct watch *watch_start(struct lane *lane, int cpu, const struct bench_policy_config *reload);
// The lane needs a policy again.
void watch_stop(struct watch *watch);

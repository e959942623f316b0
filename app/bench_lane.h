// SPDX-License-Identifier: BSD-3-Clause
// One worker of `wiretag bench`: the shipped stages over a source and a sink, up to one of them.
//
// Time is the lane's own: a burst takes as long as it would at 20 million packets a second. So the
// work is the same on every run and machine, and can be counted in instructions.
#pragma once

#include "bench_duration.h"
#include "bench_source.h"
#include "path.h"
#include "stream.h"

#include <rte_mbuf_core.h>

enum bench_stage {
	STAGE_IO, // source and sink, no work
	STAGE_DECODE, // + the packets' records, their keys
	STAGE_LOOKUP, // + their flows
	STAGE_FULL, // all that a worker does between receive and transmit, and between two bursts
	STAGE_HASH, // as STAGE_LOOKUP, but in DPDK's hash table
	STAGE_COUNT,
};
extern const char *const bench_stage_names[STAGE_COUNT];

struct lane_config {
	struct traffic traffic;
	const char *capture;
	const struct policy *policy; // outlives the lane
	unsigned worker; // of the policy, that the lane is
	uint32_t capacity; // of the flow table
	struct flow_timeouts timeouts;
	struct path_budget budget;
	struct streams_config streams; // node and counters do not matter
	uint32_t fragments; // datagrams that may be incomplete at the same time
	bool has_hash; // for STAGE_HASH
	uint32_t detectors_off; // 1 << DETECTOR_x
	bool has_published; // a manager has found hosts, none of these
	bool renews_requests; // ends and begins their flows, so that each request is inspected
};

struct lane;

// With all its flows open. NULL with errno, after a message where it is about a file. Free with
// lane_free().
struct lane *lane_create(const struct lane_config *config);
void lane_free(struct lane *lane);

// Before lane_run(): what is not to be measured of the next `packets`.
void lane_prepare(struct lane *lane, enum bench_stage stage, uint32_t packets);
// Takes so many packets, rounded up to whole bursts; returns their number.
uint64_t lane_run(struct lane *lane, enum bench_stage stage, uint32_t packets);

// What the shipped path counted so far, openings included.
const struct counters *lane_counters(const struct lane *lane);
// TSC cycles that each burst of STAGE_FULL took so far, from receive to transmit.
const struct durations *lane_durations(const struct lane *lane);
uint32_t lane_flows(const struct lane *lane);
size_t lane_table_bytes(const struct lane *lane);
// What others see of the lane, for a thread that empties its ring from now on; with NULL the lane
// does so again.
struct rte_ring *lane_watch(struct lane *lane, struct counters_public **published);
// From the next burst on; NULL: that of its configuration. Any thread.
void lane_set_policy(struct lane *lane, const struct policy *policy);
// Share of the flows opened first that still have the verdict which they got then.
double lane_verdicts_kept(struct lane *lane);

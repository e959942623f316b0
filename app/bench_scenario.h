// SPDX-License-Identifier: BSD-3-Clause
// What `wiretag bench` can measure, and how well it should come out.
#pragma once

#include "bench_source.h"

enum bench_bar {
	BAR_NONE, // only shown
	BAR_SHARE_OF_IO, // rate of the full path against that of io: at least
	BAR_SHARE_OF_BASE, // rate against that of the base traffic: at least
	BAR_LOSS, // of rate against the base traffic: at most
	BAR_CYCLES, // more than the base traffic: at most
	BAR_HASH, // times as fast as DPDK's hash table: at least
	BAR_LATENCY, // microseconds of 99.9 % of the bursts: at most
	BAR_COUNT,
};

struct scenario {
	const char *name;
	const char *what;
	struct traffic traffic;
	uint32_t capacity; // of the flow table
	unsigned hosts; // rules
	const char *action; // on datagrams; NULL: tag them
	enum bench_bar bar;
	double bar_value;

	// The base: the same but for these. `flows` 0: there is none.
	struct traffic base;
	uint32_t base_capacity; // 0: the same
	const char *base_action;
	bool reloads; // while it is watched
	bool is_watched; // by what else a large appliance has; not the base
	bool renews_requests; // not of the base
	bool is_skype; // what its detectors cost: the base is the same without them
};

enum {
	SCENARIO_COUNT = 33
};
extern const struct scenario scenarios[SCENARIO_COUNT];

// NULL when there is none of that name.
const struct scenario *scenario_find(const char *name);

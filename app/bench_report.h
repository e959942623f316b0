// SPDX-License-Identifier: BSD-3-Clause
// What `wiretag bench` measured, for people and for scripts.
#pragma once

#include "bench_lane.h"
#include "bench_scenario.h"

#include <stdio.h>

enum {
	ROUNDS_MAX = 100
};

// TSC cycles a packet, one value a round; sorted once complete.
struct series {
	double values[ROUNDS_MAX];
	unsigned count;
};

struct bench_machine {
	int cpu;
	uint64_t tsc_hz;
	bool has_huge_pages;
	unsigned rounds;
	uint32_t packets; // of a round and stage
	bool is_quick;
};

struct bench_result {
	const struct scenario *scenario;
	struct series stages[STAGE_COUNT]; // those that were measured
	struct series base; // the full path on the base traffic
	struct series together; // cycles for a packet of all workers, when they run at once
	unsigned workers;
	struct series clock; // core cycles for each of the TSC
	unsigned dropped; // measurements that another thread disturbed, and that were repeated
	unsigned disturbed; // the same, kept after too many
	uint32_t flows, capacity;
	double bytes_per_flow; // of the table, for each that it can hold
	struct durations bursts; // of the full path, TSC cycles
	struct durations idle; // of as many spans as long as a burst in which nothing is done
	double verdicts_kept; // share; below 0: not asked
	uint64_t packets, lost; // that had no flow though they are IP
};

// Sorts; to be called when a series is complete.
void series_finish(struct series *series);
// Nearest rank, 0 .. 100; of an empty series 0.
double series_percentile(const struct series *series, double percent);

void report_begin(FILE *stream, const struct bench_machine *machine);
void report_result(FILE *stream, const struct bench_machine *machine,
		const struct bench_result *result);
// All as one JSON object.
int report_json(FILE *stream, const struct bench_machine *machine,
		const struct bench_result *results, unsigned count);

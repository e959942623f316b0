// SPDX-License-Identifier: BSD-3-Clause
#include "snapshot.h"

const char *hook_name(enum hook hook)
{
	static const char *const names[HOOK_COUNT] = {
		[HOOK_READY] = "ready",
		[HOOK_DEGRADED] = "degraded",
		[HOOK_STOPPING] = "stopping",
	};

	return names[hook];
}

const char *hook_outcome_name(enum hook_outcome outcome)
{
	static const char *const names[HOOK_OUTCOMES] = {
		[HOOK_DONE] = "done",
		[HOOK_FAILED] = "failed",
		[HOOK_TIMED_OUT] = "timed-out",
	};

	return names[outcome];
}

void snapshot_total(const struct snapshot *snapshot, struct counters *total)
{
	*total = (struct counters){ 0 };
	for (unsigned i = 0; i < snapshot->worker_count; i++)
		counters_add(total, &snapshot->workers[i].counters);
}

int snapshot_direction(const struct snapshot *snapshot, unsigned port)
{
	for (unsigned i = 0; i < snapshot->pair_count; i++) {
		if (snapshot->pairs[i].inside == port)
			return 2 * i;
		if (snapshot->pairs[i].outside == port)
			return 2 * i + 1;
	}
	return -1;
}

uint64_t snapshot_packets(const struct counters *counters, unsigned direction, unsigned groups)
{
	uint64_t packets = 0;

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		if (groups >> reason_group(reason) & 1)
			packets += counters->packets[direction][reason];
	return packets;
}

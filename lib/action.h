// SPDX-License-Identifier: BSD-3-Clause
// What a policy does to a packet: forward, tag, police, drop.
//
// Thread: workers. Edits the frame in place; checksums are updated incrementally (RFC 1624), so a
// wrong one stays wrong.
#pragma once

#include "packet.h"

#include <stdbool.h>

struct counters;
struct meter;

enum action_kind {
	ACTION_FORWARD,
	ACTION_TAG,
	ACTION_DROP,
	ACTION_POLICE, // drop what is over its rate
};

struct action {
	uint8_t kind; // enum action_kind
	bool sets_dscp;
	bool pushes_vlan;
	uint8_t dscp; // 0 .. 63
	uint16_t vlan_tci; // PCP << 13 | VLAN id, host order
	struct meter *meter; // ACTION_POLICE
};

// Does to each packet what `actions[packet->app]` says: sets REASON_POLICY or REASON_POLICE for those
// to drop, tags others and moves `data` to the left by the tag's 4 bytes. Counts verdicts.
void action_burst(const struct action *actions, struct burst *burst, struct counters *counters);

// Counts what action_burst() would do, and touches no packet.
void action_count_burst(
		const struct action *actions, const struct burst *burst, struct counters *counters);

// Of `closed`, 1 << enum reason: packets that have one of these reasons get its REASON_CLOSED_* where
// `is_inline`, and belong to no flow from here on; where not, they are only counted. Before
// action_burst() or action_count_burst().
void action_fail_burst(
		uint32_t closed, bool is_inline, struct burst *burst, struct counters *counters);
// Sets REASON_MONITOR for all packets.
void action_withhold_burst(struct burst *burst);

// Code point by name ("cs1", "af41", "ef", "le", "default", or 0 .. 63); -1 when it is none.
int action_dscp(const char *name);

// SPDX-License-Identifier: BSD-3-Clause
// The packet's path between receive and transmit, a burst at a time: the same on a wire, for a
// capture and in the benchmark.
#pragma once

#include "counters.h"
#include "detect/detect.h"
#include "flow.h"
#include "policy.h"

struct fragments;
struct media;
struct published;
struct rte_ring;
struct streams;

// How long a flow is inspected before it is left alone; for TCP its streams know.
struct path_budget {
	uint16_t packets; // with payload, each direction
	uint16_t bytes; // of payload, each direction
	uint32_t decryptions; // of QUIC's first packets, in each millisecond (2^20 ns)
};

// Everything that one worker touches between receive and transmit.
struct path {
	const struct policy *policy; // loaded by the owner at the start of a round
	struct policy_worker *scratch; // &policy->workers[own index]
	struct flow_table *flows;
	struct streams *streams;
	struct fragments *fragments; // NULL: each of them is looked at alone
	struct rte_ring *evidence; // of struct evidence; this worker is its only producer
	const struct published *published; // what the manager decided; NULL: nothing ever
	struct media *media; // what Skype flows carry; NULL: nobody judges calls
	struct path_budget budget;
	uint64_t decryption_time; // the millisecond whose decryptions `findings` counts down
	uint64_t own[2]; // packet_address() of the ports of the burst's wire; 0 in the first: none
	uint8_t overload; // enum overload_level: what to shed; the owner sets it, as flow_admit()
	bool has_numbers; // packets are numbered, as in a capture
	uint32_t tunnels_off; // decode_tunnel() bits; those are payload like any other
	struct counters counters; // published by the owner
	struct findings findings;
};

// The packet's number in its capture; 0 on a wire.
static inline uint64_t path_number(const struct path *path, const struct packet *packet)
{
	return path->has_numbers ? packet->number : 0;
}

// decode -> fragments -> flow lookup -> detect -> verdict -> policy -> act. Afterwards every packet
// has its reason; those of group DROPPED are not to be transmitted.
void path_burst(struct path *path, struct burst *burst);

// Enters every packet of the burst in the books, once it is known whether it was transmitted: the
// owner sets REASON_TX_FULL where it was not. `direction` is 2 * pair, + 1 from outside to inside.
void path_count(struct path *path, const struct burst *burst, unsigned direction);

// What becomes of a flow that ends: its record, with what was published of it until now. For the
// owner's flow_config.ended; on the packet's path.
void path_describe_ended(struct path *path, const struct flow *flow, enum flow_end_reason reason,
		struct flow_record *record);

// SPDX-License-Identifier: BSD-3-Clause
#include "path.h"

#include "decode/decode.h"
#include "fragment.h"
#include "host/published.h"
#include "inherit.h"
#include "inspect.h"

// What a port's own firmware or kernel sends is not for the other side: only frames whose source is
// the address of a port of this wire.
static void refuse_own(const struct path *path, struct burst *burst)
{
	for (unsigned i = 0; i < burst->count; i++) {
		struct packet *packet = &burst->packets[i];
		uint64_t source;

		if (packet->length < PACKET_SOURCE_OFFSET + PACKET_ADDRESS_BYTES)
			continue;
		source = packet_source(packet->data);
		if (source != path->own[0] && source != path->own[1])
			continue;
		burst->has_edits = true;
		packet->reason = REASON_OWN_MAC;
		packet->protocol = PROTOCOL_NONE;
		packet->flags &= ~(unsigned)PACKET_FRAGMENT;
	}
}

__attribute__((noinline)) static void count_l2(uint64_t kinds[L2_COUNT],
		const struct packet *packets, unsigned count, enum link link)
{
	for (unsigned i = 0; i < count; i++)
		kinds[decode_l2_kind(&packets[i], link)]++;
}

// Reason and application, in one load.
static inline uint16_t fate_of(const struct packet *packet)
{
	uint16_t fate;

	memcpy(&fate, &packet->reason, sizeof(fate));
	return fate;
}
static_assert(offsetof(struct packet, app) == offsetof(struct packet, reason) + 1, "one load");

static void act(struct path *path, struct burst *burst)
{
	const struct policy *policy = path->policy;
	struct counters *counters = &path->counters;

	if (policy->closed != 0)
		action_fail_burst(policy->closed, policy->mode == MODE_INLINE, burst, counters);
	if (policy->mode == MODE_INLINE)
		action_burst(policy->actions, burst, counters);
	else
		action_count_burst(policy->actions, burst, counters);
	if (policy->mode == MODE_MONITOR)
		action_withhold_burst(burst);
}

// What happens to packets, in order. Each stage takes the whole burst, so that it can prefetch; a
// packet passes unless a stage decides otherwise.
void path_burst(struct path *path, struct burst *burst)
{
	burst->has_edits = false;
	decode_burst(burst, path->tunnels_off);
	if (path->own[0] != 0)
		refuse_own(path, burst);
	if (path->fragments != NULL && burst->has_fragments)
		fragment_burst(path->fragments, burst, path->tunnels_off);
	flow_lookup_burst(path->flows, burst);
	inspect_burst(path, burst);
	act(path, burst);
}

void path_count(struct path *path, const struct burst *burst, unsigned direction)
{
	const struct packet *packet = burst->packets, *const end = packet + burst->count;
	struct counters *counters = &path->counters;
	uint64_t total_bytes = 0;

	// Packets next to each other mostly share their counters: written once for all of them.
	while (packet < end) {
		const struct packet *const first = packet;
		const uint16_t fate = fate_of(first);
		uint64_t bytes = 0, count;

		do {
			bytes += packet->wire_length;
			packet++;
		} while (packet < end && fate_of(packet) == fate);
		count = packet - first;
		counters->packets[direction][first->reason] += count;
		counters->app_packets[first->app] += count;
		counters->app_bytes[first->app] += bytes;
		total_bytes += bytes;
		if (first->reason == REASON_NOT_IP)
			count_l2(counters->l2[direction], first, count, burst->link);
	}
	counters->received_bytes[direction] += total_bytes;
}

void path_describe_ended(struct path *path, const struct flow *flow, enum flow_end_reason reason,
		struct flow_record *record)
{
	struct inheritance inheritance = { .verdict = flow_judgement(path->flows, flow) };
	const struct verdict *verdict = &inheritance.verdict;

	flow_describe(path->flows, flow, reason, record);
	if (path->published == NULL || published_generation(path->published) == 0)
		return;
	inherit(path, flow, true, &inheritance);
	if (record->app != verdict->app)
		path->counters.app_flows[verdict->app]++;
	if (record->confidence != verdict->confidence)
		path->counters.confidence_flows[verdict->confidence]++;
	record->app = verdict->app;
	record->confidence = verdict->confidence;
	record->role = verdict->role;
	record->signals = verdict->signals;
}

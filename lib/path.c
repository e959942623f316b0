// SPDX-License-Identifier: BSD-3-Clause
#include "path.h"

#include "decode/decode.h"
#include "inspect.h"

// What happens to packets, in order. Each stage takes the whole burst, so that it can prefetch; a
// packet passes unless a stage decides otherwise.
void path_burst(struct path *path, struct burst *burst)
{
	decode_burst(burst, path->tunnels_off);
	flow_lookup_burst(path->flows, burst);
	inspect_burst(path, burst);
	action_burst(path->policy->actions, burst, &path->counters);
}

void path_count(struct path *path, const struct burst *burst, unsigned direction)
{
	struct counters *counters = &path->counters;

	for (unsigned i = 0; i < burst->count; i++) {
		const struct packet *packet = &burst->packets[i];

		counters->packets[direction][packet->reason]++;
		counters->received_bytes[direction] += packet->wire_length;
		counters->app_packets[packet->app]++;
		counters->app_bytes[packet->app] += packet->wire_length;
		if (packet->reason == REASON_NOT_IP)
			counters->l2[direction][decode_l2_kind(packet, burst->link)]++;
	}
}

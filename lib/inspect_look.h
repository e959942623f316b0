// SPDX-License-Identifier: BSD-3-Clause
// The inside of inspection. For inspect*.c only.
#pragma once

#include "path.h"
#include "stream.h"

// One payload on its way through detectors, rules and verdict.
struct inspection {
	struct path *path;
	const struct burst *burst; // NULL where the packet is a copy
	struct packet *packet; // one of the burst, or that copy
	struct flow *flow;
	struct flow_details *details;
	struct stream_reading *reading; // of the direction; NULL for a datagram
	unsigned side; // which end sent it
	unsigned initiator; // which end opened the flow
};

// Whether the transport checksum is known to be right. A card judges what the first headers that it
// finds say, and no fragment.
static inline bool inspect_is_summed(const struct burst *burst, const struct packet *packet)
{
	return (burst->summed >> (packet - burst->packets) & 1) != 0 && packet->inner_ip == 0 &&
			(packet->flags & (PACKET_FRAGMENT | PACKET_REASSEMBLED)) == 0;
}

// Shows the sample to detectors and rules, and tells what is news. The findings stay in the path.
void inspect_look(const struct inspection *in, const struct sample *sample);

// A SYN without ACK and RST; false: it is not the first that is known of its connection, or brings more.
bool inspect_first_syn(struct path *path, const struct burst *burst, const struct packet *packet);
// A TCP packet of a flow that is inspected, with or without payload.
void inspect_segment(const struct inspection *in);

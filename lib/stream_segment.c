// SPDX-License-Identifier: BSD-3-Clause
// The header of a TCP segment, its options and its checksum.
#include "checksum.h"
#include "decode/cursor.h"
#include "stream.h"

#include <netinet/tcp.h>

enum {
	HEADER_BYTES = 20, // without options
};

// RFC 9293 3.2, RFC 7323 2.2 and 3.2. An option that runs over the end ends the list.
static void read_options(struct stream_segment *segment, const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != TCPOPT_EOL) {
		if (*at == TCPOPT_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return;
		if (at[0] == TCPOPT_WINDOW && at[1] == TCPOLEN_WINDOW)
			segment->scale = at[2] < STREAM_NO_SCALE ? at[2] : STREAM_NO_SCALE - 1;
		if (at[0] == TCPOPT_TIMESTAMP && at[1] == TCPOLEN_TIMESTAMP) {
			segment->timestamp = read_be32(at + 2);
			segment->has_timestamp = true;
		}
		at += at[1];
	}
}

void stream_segment_read(struct stream_segment *segment, const struct packet *packet,
		const struct flow_key *key, bool is_summed)
{
	const uint8_t *header = packet_transport(packet);
	const uint32_t header_length = (header[12] >> 4) * 4;
	const uint32_t length = packet->payload != NULL ? packet->payload_length : 0;

	*segment = (struct stream_segment){
		.payload = packet->payload,
		.time_ns = packet->time_ns,
		.number = packet->number,
		.length = length,
		.sequence = read_be32(header + 4) + ((packet->tcp_flags & TH_SYN) != 0),
		.acknowledgment = read_be32(header + 8),
		.window = read_be16(header + 14),
		.flags = packet->tcp_flags,
		.scale = STREAM_NO_SCALE,
		.is_cut = (packet->flags & PACKET_TRUNCATED) != 0,
		.is_doubtful = (packet->flags & PACKET_DOUBTFUL) != 0,
	};
	read_options(segment, header + HEADER_BYTES, header + header_length);
	segment->is_wrong = !checksum_segment_is_right(packet, key, is_summed);
}

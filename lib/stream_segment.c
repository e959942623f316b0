// SPDX-License-Identifier: BSD-3-Clause
// The header of a TCP segment, its options and its checksum.
#include "stream.h"

#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

enum {
	HEADER_BYTES = 20, // without options
};

static uint16_t read_be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read_be32(const uint8_t *at)
{
	return (uint32_t)read_be16(at) << 16 | read_be16(at + 2);
}

// RFC 1071: the sum of words of 16 bits, here of 32 in any byte order, folded later.
static uint64_t add_words(uint64_t sum, const uint8_t *data, size_t length)
{
	const size_t count = length / sizeof(uint32_t);
	const size_t rest = length % sizeof(uint32_t);
	uint32_t word;

	// A loop that compilers turn into vectors.
	for (size_t i = 0; i < count; i++) {
		memcpy(&word, data + i * sizeof(word), sizeof(word));
		sum += word;
	}
	if (rest > 0) {
		word = 0;
		memcpy(&word, data + length - rest, rest);
		sum += word;
	}
	return sum;
}

// RFC 9293 3.1 and RFC 8200 8.1: over addresses, length, protocol and the whole segment. Which
// address is whose does not matter to a sum; nor do the zeros in front of an IPv4 address, and the
// ffff of its mapping is zero, too.
static bool is_checksum_right(
		const struct flow_key *key, const uint8_t *header, size_t length, uint8_t protocol)
{
	const uint32_t pseudo[2] = { htobe32(length), htobe32(protocol) };
	uint64_t sum = add_words(0, header, length);

	sum = add_words(sum, (const uint8_t *)key->ends, sizeof(key->ends));
	sum = add_words(sum, (const uint8_t *)pseudo, sizeof(pseudo));
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

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
		const struct flow_key *key)
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
	};
	read_options(segment, header + HEADER_BYTES, header + header_length);
	segment->is_wrong = !segment->is_cut &&
			!is_checksum_right(key, header, header_length + length, packet->protocol);
}

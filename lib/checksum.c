// SPDX-License-Identifier: BSD-3-Clause
#include "checksum.h"

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

enum {
	UDP_HEADER_BYTES = 8, // RFC 768
	UDP_CHECKSUM_OFFSET = 6,
};

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

static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

// RFC 9293 3.1 and RFC 8200 8.1. Which address is whose does not matter to a sum; nor do the zeros
// in front of an IPv4 address, and the ffff of its mapping is zero, too.
static uint64_t pseudo_sum(const struct flow_key *key, size_t length, uint8_t protocol)
{
	const uint32_t pseudo[2] = { htobe32(length), htobe32(protocol) };
	uint64_t sum = add_words(0, (const uint8_t *)key->ends, sizeof(key->ends));

	return add_words(sum, (const uint8_t *)pseudo, sizeof(pseudo));
}

bool checksum_is_right(
		const struct flow_key *key, const uint8_t *header, size_t length, uint8_t protocol)
{
	return fold(add_words(pseudo_sum(key, length, protocol), header, length)) == 0xffff;
}

uint16_t checksum_ip4(const uint8_t *header)
{
	return ~fold(add_words(0, header, (header[0] & 0xf) * 4));
}

static bool is_ip4_right(const uint8_t *header)
{
	// Nearly every header is of five words.
	if (header[0] == 0x45) {
		uint32_t words[5];
		uint64_t sum = 0;

		memcpy(words, header, sizeof(words));
		for (unsigned i = 0; i < 5; i++)
			sum += words[i];
		return fold(sum) == 0xffff;
	}
	return header[0] >> 4 != 4 || checksum_ip4(header) == 0;
}

bool checksum_ip4_is_right(const struct packet *packet)
{
	if ((packet->flags & PACKET_REASSEMBLED) != 0)
		return true;
	return is_ip4_right(packet->data + packet->network) &&
			(packet->inner_ip == 0 || is_ip4_right(packet->data + packet->inner_ip));
}

bool checksum_udp_is_right(const struct packet *packet, const struct flow_key *key)
{
	const uint8_t *header = packet_transport(packet);
	const size_t length = UDP_HEADER_BYTES + packet->payload_length;
	uint16_t stored;
	uint64_t sum;

	if ((packet->flags & PACKET_TRUNCATED) != 0)
		return true;
	memcpy(&stored, header + UDP_CHECKSUM_OFFSET, sizeof(stored));
	// RFC 768 lets IPv4 do without, RFC 8200 8.1 does not let IPv6; what RFC 6935 5 excepts is
	// the outside of tunnels.
	if (stored == 0)
		return flow_key_is_ip4(key);
	sum = pseudo_sum(key, length, IPPROTO_UDP);
	return fold(sum) == stored || fold(add_words(sum, header, length)) == 0xffff;
}

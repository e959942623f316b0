// SPDX-License-Identifier: BSD-3-Clause
#include "checksum.h"

#include "likely.h"

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

enum {
	TCP_LENGTH_OFFSET = 12, // RFC 9293 3.1: in words, in the upper half
	UDP_HEADER_BYTES = 8, // RFC 768
	UDP_CHECKSUM_OFFSET = 6,
};

// RFC 1071: the sum of words of 16 bits is that of longer ones, in any byte order, folded later; what
// is carried out comes in again at the other end.
static inline uint64_t add(uint64_t sum, uint64_t word)
{
	bool is_carried = __builtin_add_overflow(sum, word, &sum);

	return sum + is_carried;
}

static inline uint64_t add_at(uint64_t sum, const uint8_t *data, size_t length)
{
	uint64_t word = 0;

	memcpy(&word, data, length);
	return add(sum, word);
}

static inline uint64_t add_words(uint64_t sum, const uint8_t *data, size_t length)
{
	uint64_t second = 0;

	// In two sums, for each addition waits for the one before.
	for (; length >= 32; data += 32, length -= 32) {
		sum = add_at(sum, data, 8);
		second = add_at(second, data + 8, 8);
		sum = add_at(sum, data + 16, 8);
		second = add_at(second, data + 24, 8);
	}
	sum = add(sum, second);
	for (; length >= 8; data += 8, length -= 8)
		sum = add_at(sum, data, 8);
	if ((length & 4) != 0) {
		sum = add_at(sum, data, 4);
		data += 4;
	}
	if ((length & 2) != 0) {
		sum = add_at(sum, data, 2);
		data += 2;
	}
	return (length & 1) != 0 ? add_at(sum, data, 1) : sum;
}

static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

// Whether a sum that is not 0 would be folded to ffff.
static inline bool is_right(uint64_t sum)
{
	return sum % 0xffff == 0;
}

// RFC 9293 3.1 and RFC 8200 8.1. Which address is whose does not matter to a sum; nor do the zeros
// in front of an IPv4 address, and the ffff of its mapping is zero, too.
static uint64_t pseudo_sum(const struct flow_key *key, size_t length, uint8_t protocol)
{
	return add_words((uint64_t)htobe32(length) + htobe32(protocol), (const uint8_t *)key->ends,
			sizeof(key->ends));
}

uint16_t checksum_words(const uint8_t *data, size_t length)
{
	return fold(add_words(0, data, length));
}

uint16_t checksum_ip4(const uint8_t *header)
{
	return ~checksum_words(header, (header[0] & 0xf) * 4);
}

static __attribute__((noinline)) bool is_other_ip4_right(const uint8_t *header)
{
	return header[0] >> 4 != 4 || checksum_ip4(header) == 0;
}

static inline bool is_ip4_right(const uint8_t *header)
{
	// Nearly every header is of five words.
	if (likely(header[0] == 0x45))
		return is_right(add_at(
				add_at(add_at(0, header, 8), header + 8, 8), header + 16, 4));
	return is_other_ip4_right(header);
}

bool checksum_ip4_is_right(const struct packet *packet)
{
	if ((packet->flags & PACKET_REASSEMBLED) != 0)
		return true;
	return is_ip4_right(packet->data + packet->network) &&
			(packet->inner_ip == 0 || is_ip4_right(packet->data + packet->inner_ip));
}

bool checksum_segment_is_right(
		const struct packet *packet, const struct flow_key *key, bool is_summed)
{
	const uint8_t *header;
	size_t length;

	if (!checksum_ip4_is_right(packet))
		return false;
	if (is_summed || (packet->flags & PACKET_TRUNCATED) != 0)
		return true;
	header = packet_transport(packet);
	length = (header[TCP_LENGTH_OFFSET] >> 4) * 4;
	if (packet->payload != NULL)
		length += packet->payload_length;
	return is_right(add_words(pseudo_sum(key, length, packet->protocol), header, length));
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
	return fold(sum) == stored || is_right(add_words(sum, header, length));
}

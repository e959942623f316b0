// SPDX-License-Identifier: BSD-3-Clause
#include "community_id.h"

#include "packet.h"

#include <assert.h>
#include <netinet/in.h>
#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <string.h>

struct end {
	const uint8_t *address; // `length` bytes
	uint8_t port[2]; // network order
};

static int compare(const struct end *a, const struct end *b, size_t length)
{
	int order = memcmp(a->address, b->address, length);

	return order != 0 ? order : memcmp(a->port, b->port, sizeof(a->port));
}

static bool is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
			is_icmp(protocol);
}

void community_id(char text[COMMUNITY_ID_BYTES], const uint8_t source[16],
		const uint8_t destination[16], uint16_t source_port, uint16_t destination_port,
		uint8_t protocol, bool is_ip4)
{
	static const uint8_t seed[2] = { 0, 0 };
	const size_t length = is_ip4 ? 4 : 16;
	// Messages that nothing answers have a direction, and a code beside their type.
	const bool is_one_way = is_icmp(protocol) && destination_port >= PACKET_ICMP_CODE;
	struct end first = { source + 16 - length, { source_port >> 8, source_port & 0xff } };
	struct end second = { destination + 16 - length,
		{ is_one_way ? 0 : destination_port >> 8, destination_port & 0xff } };
	const uint8_t protocol_padded[2] = { protocol, 0 };
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha1;

	if (!is_one_way && compare(&first, &second, length) > 0) {
		struct end other = first;

		first = second;
		second = other;
	}
	sha1_init(&sha1);
	sha1_update(&sha1, sizeof(seed), seed);
	sha1_update(&sha1, length, first.address);
	sha1_update(&sha1, length, second.address);
	sha1_update(&sha1, sizeof(protocol_padded), protocol_padded);
	if (has_ports(protocol)) {
		sha1_update(&sha1, sizeof(first.port), first.port);
		sha1_update(&sha1, sizeof(second.port), second.port);
	}
	sha1_digest(&sha1, sizeof(digest), digest);
	memcpy(text, "1:", 2);
	static_assert(BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE) == COMMUNITY_ID_BYTES - 3,
			"it fits");
	base64_encode_raw(text + 2, sizeof(digest), digest);
	text[COMMUNITY_ID_BYTES - 1] = '\0';
}

// SPDX-License-Identifier: BSD-3-Clause
// ICMP (RFC 792) and ICMPv6 (RFC 4443): the message's type stands where others have a port, so that a
// question and its answer are one flow, and each kind of message one of its own.
#include "decode/decoder.h"

#include <netinet/in.h>

enum {
	HEADER_BYTES = 8
};

// Questions and answers, as Community ID 1 pairs them: RFC 792, 950 and 1256; RFC 4443, 2710, 4861,
// 4620 and 6275.
static const uint8_t pairs4[][2] = { { 8, 0 }, { 13, 14 }, { 15, 16 }, { 17, 18 }, { 10, 9 } };
static const uint8_t pairs6[][2] = { { 128, 129 }, { 130, 131 }, { 133, 134 }, { 135, 136 },
	{ 139, 140 }, { 144, 145 } };

// What stands for the other end of a message: its counterpart's type, or its own code where nothing
// answers to it.
static uint16_t other_end(uint8_t protocol, uint8_t type, uint8_t code)
{
	const bool is_ip4 = protocol == IPPROTO_ICMP;
	const uint8_t(*pairs)[2] = is_ip4 ? pairs4 : pairs6;
	const unsigned count = is_ip4 ? sizeof(pairs4) / 2 : sizeof(pairs6) / 2;

	for (unsigned i = 0; i < count; i++) {
		if (pairs[i][0] == type)
			return pairs[i][1];
		if (pairs[i][1] == type)
			return pairs[i][0];
	}
	return PACKET_ICMP_CODE | code;
}

static struct next icmp_decode(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, HEADER_BYTES);
	uint16_t other;

	if (header == NULL)
		return next_end(REASON_NO_TRANSPORT);
	other = other_end(decoding->packet->protocol, header[0], header[1]);
	decoding_ports(decoding, header);
	decoding->key->ports_be[0] = htons(header[0]);
	decoding->key->ports_be[1] = htons(other);
	return next_end(REASON_NO_TRANSPORT);
}

const struct decoder decoder_icmp = {
	.parent = LAYER_IP_PROTOCOL,
	.keys = { IPPROTO_ICMP, IPPROTO_ICMPV6 },
	.key_count = 2,
	.decode = icmp_decode,
};

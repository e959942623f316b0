// SPDX-License-Identifier: BSD-3-Clause
// What must hold for every decoded packet, whatever its bytes: for the unit test and the fuzzer.
#pragma once

#include "decode/decode.h"

#include <string.h>

static inline const char *decode_check_offsets(const struct packet *packet)
{
	size_t ip_bytes = packet->version == 4 ? 20 : 40;
	const uint8_t *end = packet->data + packet->length;

	if (packet->version == 0 && (packet->network != 0 || packet->protocol != PROTOCOL_NONE))
		return "a protocol or a place without an IP header";
	if (packet->version != 0 && packet->network + ip_bytes > packet->length)
		return "IP header outside the frame";
	if (packet->version != 0 && packet->data[packet->network] >> 4 != packet->version)
		return "no IP header where it is said to be";
	if (packet->transport != 0 &&
			(packet->transport < packet->network + ip_bytes ||
					packet->transport + 8u > packet->length))
		return "transport header outside the frame";
	if ((packet->payload == NULL) != (packet->payload_length == 0) ||
			(packet->payload == NULL) != (packet->reason != REASON_INSPECTED))
		return "payload, its length and the reason differ";
	if ((packet->flags & PACKET_FRAGMENT) != 0 &&
			(packet->fragment < packet->inner_ip + 20 ||
					packet->fragment > packet->length))
		return "a fragment outside the frame";
	if (packet->payload != NULL &&
			(packet->payload < packet->data + packet->transport + 8 ||
					packet->payload_length > end - packet->payload))
		return "payload outside the frame";
	return NULL;
}

static inline const char *decode_check_key(const struct packet *packet, const struct flow_key *key)
{
	int order = memcmp(&key->ends[0], &key->ends[1], sizeof(key->ends[0]));

	if (order == 0)
		order = memcmp(&key->ports_be[0], &key->ports_be[1], 2);
	if (order > 0)
		return "ends out of order";
	if (order == 0 && (packet->flags & PACKET_FROM_SECOND) != 0)
		return "a direction between equal ends";
	if (flow_key_protocol(key) != packet->protocol)
		return "another protocol in the key";
	if (packet->protocol != 6 && packet->tcp_flags != 0)
		return "TCP flags without TCP";
	if (packet->transport == 0 && (key->ports_be[0] | key->ports_be[1]) != 0)
		return "ports without a transport header";
	return NULL;
}

// NULL, or what is wrong with a packet whose flags were 0.
static inline const char *decode_check(const struct packet *packet, const struct flow_key *key)
{
	const char *fault = decode_check_offsets(packet);

	if (fault != NULL)
		return fault;
	if (packet->flow != NULL || packet->app != 0)
		return "a flow or an application";
	if ((packet->flags & ~(PACKET_FROM_SECOND | PACKET_TRUNCATED | PACKET_FRAGMENT)) != 0)
		return "flags of other stages";
	switch (packet->reason) {
	case REASON_NOT_IP:
	case REASON_MALFORMED:
	case REASON_DEPTH:
		return packet->protocol != PROTOCOL_NONE || packet->flags != 0 ||
						packet->tcp_flags != 0 || packet->transport != 0 ?
				"traces of a packet that was given up" :
				NULL;
	case REASON_INSPECTED:
	case REASON_NO_PAYLOAD:
		if (packet->transport == 0)
			return "no transport header";
		break;
	case REASON_FRAGMENT:
	case REASON_NO_TRANSPORT:
		break;
	default:
		return "a reason that is not for decode to give";
	}
	return packet->protocol == PROTOCOL_NONE ? "a flow without a protocol" :
						   decode_check_key(packet, key);
}

// Decodes a burst of one frame. The record is full of other things before, but for `flags`.
static inline void decode_one(struct burst *burst, enum link link, uint8_t *data, uint32_t length,
		uint32_t wire_length)
{
	memset(&burst->packets[0], 0xa5, sizeof(burst->packets[0]));
	memset(&burst->keys[0], 0xa5, sizeof(burst->keys[0]));
	burst->count = 1;
	burst->link = link;
	burst->packets[0].data = data;
	burst->packets[0].length = length;
	burst->packets[0].wire_length = wire_length;
	burst->packets[0].flags = 0;
	decode_burst(burst, 0);
}

// The same, and whether the full parser alone comes to the same: NULL, or what is wrong.
static inline const char *decode_both(struct burst *burst, enum link link, uint8_t *data,
		uint32_t length, uint32_t wire_length)
{
	const struct packet *packet = &burst->packets[0];
	struct packet full;
	struct flow_key key;

	decode_one(burst, link, data, length, wire_length);
	memset(&full, 0xa5, sizeof(full));
	memset(&key, 0x5a, sizeof(key));
	full.data = data;
	full.length = length;
	full.wire_length = wire_length;
	full.flags = 0;
	decode_full(&full, &key, link, 0);
	if (memcmp(&full, packet, sizeof(full)) != 0)
		return "fast path and full parser give different records";
	if (packet->protocol != PROTOCOL_NONE && memcmp(&key, &burst->keys[0], sizeof(key)) != 0)
		return "fast path and full parser give different keys";
	return decode_check(packet, &burst->keys[0]);
}

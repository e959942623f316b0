// SPDX-License-Identifier: BSD-3-Clause
// The full parser: header by header through the decoders, and what they have in common.
#include "decode/decode.h"
#include "decode/decoder.h"
#include "decode/link.h"

enum {
	// Decoders that one packet passes. Two tags, a tunnel and every extension header that
	// RFC 8200 4.1 recommends fit. None takes more than the 2048 bytes of an extension header,
	// so offsets stay far below 65536.
	HEADERS_MAX = 16
};

const struct decoder *const decoders[DECODER_COUNT] = {
#define DECODER(name) &decoder_##name,
#include "decode/decoders.def"
#undef DECODER
};

static const uint8_t ip4_mapped[12] = { [10] = 0xff, [11] = 0xff }; // RFC 4291 2.5.5.2

void decoding_limit(struct decoding *decoding, uint32_t length)
{
	decoding->is_cut = length > cursor_left(&decoding->cursor);
	if (!decoding->is_cut)
		decoding->cursor.end = decoding->cursor.at + length;
}

void decoding_ip(struct decoding *decoding, unsigned version, const uint8_t *header)
{
	struct packet *packet = decoding->packet;
	struct flow_key *key = decoding->key;

	if (packet->version == 0) {
		packet->version = version;
		packet->network = header - packet->data;
	}
	memset(key->ports_be, 0, sizeof(key->ports_be));
	key->tunnel &= ~(uint32_t)FLOW_KEY_IP4;
	if (version == 4)
		key->tunnel |= FLOW_KEY_IP4;
	for (int end = 0; end < 2; end++) {
		if (version == 4) {
			memcpy(key->ends[end].address, ip4_mapped, 12);
			memcpy(key->ends[end].address + 12, header + 12 + 4 * end, 4);
		} else {
			memcpy(key->ends[end].address, header + 8 + 16 * end, 16);
		}
	}
}

void decoding_ports(struct decoding *decoding, const uint8_t *header)
{
	decoding->packet->transport = header - decoding->packet->data;
	memcpy(decoding->key->ports_be, header, sizeof(decoding->key->ports_be));
}

enum reason decoding_payload(struct decoding *decoding)
{
	struct packet *packet = decoding->packet;
	size_t length = cursor_left(&decoding->cursor);

	if (decoding->is_cut || decoding->is_fragment || length > UINT16_MAX)
		packet->flags |= PACKET_TRUNCATED;
	if (length == 0)
		return REASON_NO_PAYLOAD;
	packet->payload = decoding->cursor.at;
	packet->payload_length = length < UINT16_MAX ? length : UINT16_MAX;
	return REASON_INSPECTED;
}

static const struct decoder *find(struct next next)
{
	for (unsigned i = 0; i < DECODER_COUNT; i++) {
		if (decoders[i]->parent != next.layer)
			continue;
		for (unsigned k = 0; k < decoders[i]->key_count; k++)
			if (decoders[i]->keys[k] == next.key)
				return decoders[i];
	}
	return NULL;
}

static void forget(struct packet *packet)
{
	packet->payload = NULL;
	packet->payload_length = 0;
	packet->transport = 0;
	packet->protocol = PROTOCOL_NONE;
	packet->tcp_flags = 0;
	packet->flags &= PACKET_NO_HEADROOM;
}

// Source and destination become the ordered ends.
static void order_ends(struct packet *packet, struct flow_key *key)
{
	int order = memcmp(&key->ends[0], &key->ends[1], sizeof(key->ends[0]));
	struct flow_end end = key->ends[0];
	uint16_t port = key->ports_be[0];

	if (order == 0)
		order = memcmp(&key->ports_be[0], &key->ports_be[1], sizeof(port));
	if (order <= 0)
		return;
	key->ends[0] = key->ends[1];
	key->ends[1] = end;
	key->ports_be[0] = key->ports_be[1];
	key->ports_be[1] = port;
	packet->flags |= PACKET_FROM_SECOND;
}

static void finish(struct decoding *decoding, enum reason reason)
{
	struct packet *packet = decoding->packet;

	// IANA's "reserved" is no protocol that a flow could have.
	if (packet->protocol == PROTOCOL_NONE && reason != REASON_NOT_IP && reason != REASON_DEPTH)
		reason = REASON_MALFORMED;
	packet->reason = reason;
	if (reason == REASON_NOT_IP || reason == REASON_MALFORMED || reason == REASON_DEPTH) {
		forget(packet);
		return;
	}
	decoding->key->protocol_vlans = (uint32_t)packet->protocol << 24 |
			(uint32_t)decoding->vlans[0] << 12 | decoding->vlans[1];
	order_ends(packet, decoding->key);
}

void decode_full(struct packet *packet, struct flow_key *key, enum link link)
{
	struct decoding decoding = {
		.packet = packet,
		.key = key,
		.cursor = cursor_over(packet->data, packet->length),
		.is_cut = packet->wire_length > packet->length,
	};
	int ethertype = link_take(&decoding.cursor, link);
	struct next next = { LAYER_ETHERTYPE, REASON_NOT_IP, ethertype };
	const struct decoder *decoder;

	forget(packet);
	packet->network = 0;
	packet->version = 0;
	packet->app = 0;
	packet->flow = NULL;
	key->tunnel = 0;
	if (ethertype < 0)
		next = next_end(REASON_MALFORMED);
	for (int i = 0; (decoder = find(next)) != NULL; i++)
		next = i < HEADERS_MAX ? decoder->decode(&decoding) : next_end(REASON_DEPTH);
	finish(&decoding, next.reason);
}

// SPDX-License-Identifier: BSD-3-Clause
// The full parser: header by header through the decoders, and what they have in common.
#include "decode/decode.h"
#include "decode/decoder.h"
#include "decode/link.h"

enum {
	// Decoders that one packet passes. Tags, three tunnels and every extension header that
	// RFC 8200 4.1 recommends fit. None takes more than the 4096 bytes of GTP-U's, and that one
	// only with two small ones before it, nor any other more than the 2048 of an extension
	// header: offsets stay below 65536.
	HEADERS_MAX = 24,
	TUNNELS_MAX = 8,
};

const struct decoder *const decoders[DECODER_COUNT] = {
#define DECODER(name) &decoder_##name,
#include "decode/decoders.def"
#undef DECODER
};

static const uint8_t ip4_mapped[12] = { [10] = 0xff, [11] = 0xff }; // RFC 4291 2.5.5.2

void decoding_limit(struct decoding *decoding, uint32_t length)
{
	bool is_longer = length > cursor_left(&decoding->cursor);

	decoding->overruns |= is_longer && !decoding->is_cut && !decoding->is_fragment;
	decoding->is_cut = is_longer;
	if (!is_longer)
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
	decoding->ip = header;
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

static void forget(struct packet *packet)
{
	packet->payload = NULL;
	packet->payload_length = 0;
	packet->transport = 0;
	packet->protocol = PROTOCOL_NONE;
	packet->tcp_flags = 0;
	packet->flags &= PACKET_NO_HEADROOM | PACKET_FRAGMENT;
}

// The factors are no secret: who makes two tunnels collide only joins flows that have the same
// addresses and ports inside.
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product =
			(unsigned __int128)(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xd1b54a32d192ed03);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// The same whichever end is first.
static uint64_t mix_ends(const struct flow_key *key)
{
	uint64_t words[4];

	static_assert(sizeof(words) == sizeof(key->ends), "two addresses");
	memcpy(words, key->ends, sizeof(words));
	return mix(words[0], words[1]) + mix(words[2], words[3]);
}

void decoding_tunnel(struct decoding *decoding, unsigned kind, uint64_t id)
{
	struct flow_key *key = decoding->key;
	uint64_t vlans = (uint64_t)decoding->vlans[0] << 16 | decoding->vlans[1];
	uint64_t around = mix((uint64_t)kind << 32 | key->tunnel, vlans);
	uint64_t hash = mix(mix(around, id), decoding->packet->version != 0 ? mix_ends(key) : 0);
	uint32_t tunnel = hash >> 33;

	key->tunnel = tunnel + (tunnel == 0); // 0: outside tunnels
	forget(decoding->packet);
}

void decoding_fragment(struct decoding *decoding)
{
	struct packet *packet = decoding->packet;

	if ((packet->flags & PACKET_FRAGMENT) != 0)
		return;
	packet->flags |= PACKET_FRAGMENT;
	packet->inner_ip = decoding->ip - packet->data;
	packet->fragment = decoding->cursor.at - packet->data;
}

void decoding_ports(struct decoding *decoding, const uint8_t *header)
{
	decoding->packet->transport = header - decoding->packet->data;
	memcpy(decoding->key->ports_be, header, sizeof(decoding->key->ports_be));
}

struct next next_short_transport(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, 8);

	if (header != NULL && decoding->is_fragment)
		decoding_ports(decoding, header);
	return next_short(decoding);
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

static const struct decoder *find_key(unsigned layer, unsigned key, uint32_t off)
{
	for (unsigned i = 0; i < DECODER_COUNT; i++) {
		if (decoders[i]->parent != layer || (off >> i & 1) != 0)
			continue;
		for (unsigned k = 0; k < decoders[i]->key_count; k++)
			if (decoders[i]->keys[k] == key)
				return decoders[i];
	}
	return NULL;
}
static_assert(DECODER_COUNT <= 32, "a bit each");

static const struct decoder *find(struct next next, uint32_t off)
{
	const struct decoder *decoder = find_key(next.layer, next.key, off);

	if (decoder == NULL && next.layer == LAYER_UDP_PORT)
		decoder = find_key(next.layer, next.other, off);
	return decoder;
}

bool decoding_knows_ethertype(uint16_t ethertype)
{
	return find_key(LAYER_ETHERTYPE, ethertype, 0) != NULL;
}

uint32_t decode_tunnel(const char *name)
{
	for (unsigned i = 0; i < DECODER_COUNT; i++)
		if (decoders[i]->tunnel != NULL && strcmp(decoders[i]->tunnel, name) == 0)
			return 1u << i;
	return 0;
}

const char *decode_tunnel_name(unsigned index)
{
	for (unsigned i = 0; i < DECODER_COUNT; i++)
		if (decoders[i]->tunnel != NULL && index-- == 0)
			return decoders[i]->tunnel;
	return NULL;
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

static bool is_flow(enum reason reason)
{
	return reason != REASON_NOT_IP && reason != REASON_MALFORMED && reason != REASON_DEPTH;
}

static void finish(struct decoding *decoding, enum reason reason)
{
	struct packet *packet = decoding->packet;

	packet->reason = reason;
	if (!is_flow(reason)) {
		forget(packet);
		packet->flags &= ~PACKET_FRAGMENT;
		packet->inner_ip = packet->fragment = 0;
		return;
	}
	if ((packet->flags & PACKET_FRAGMENT) == 0 &&
			decoding->ip != packet->data + packet->network)
		packet->inner_ip = decoding->ip - packet->data;
	decoding->key->protocol_vlans = (uint32_t)packet->protocol << 24 |
			(uint32_t)decoding->vlans[0] << 12 | decoding->vlans[1];
	order_ends(packet, decoding->key);
}

// A packet as it was in front of its innermost tunnel, where it has a flow outside of that.
struct outside {
	struct packet packet;
	struct flow_key key;
	struct decoding decoding;
	enum reason reason;
};

static struct next decode_headers(
		struct decoding *decoding, struct outside *outside, struct next next, uint32_t off)
{
	const struct decoder *decoder;

	for (int i = 0; (decoder = find(next, off)) != NULL; i++) {
		if (decoder->tunnel != NULL && decoding->packet->protocol != PROTOCOL_NONE) {
			if (decoding->tunnels > 0 && decoding->overruns)
				break;
			*outside = (struct outside){ *decoding->packet, *decoding->key, *decoding,
				next.reason };
			decoding->overruns = false;
		}
		decoding->tunnels += decoder->tunnel != NULL;
		if (i == HEADERS_MAX || decoding->tunnels > TUNNELS_MAX)
			return next_end(REASON_DEPTH);
		next = decoder->decode(decoding);
	}
	// IANA's "reserved" is no protocol that a flow could have.
	if (decoding->packet->protocol == PROTOCOL_NONE && is_flow(next.reason))
		next.reason = REASON_MALFORMED;
	return next;
}

static void decode_all(struct decoding *decoding, struct next next, uint32_t tunnels_off)
{
	struct outside outside = { .packet.protocol = PROTOCOL_NONE };

	next = decode_headers(decoding, &outside, next, tunnels_off);
	if (outside.packet.protocol != PROTOCOL_NONE && next.reason != REASON_DEPTH &&
			(!is_flow(next.reason) || decoding->overruns)) {
		*decoding->packet = outside.packet;
		*decoding->key = outside.key;
		*decoding = outside.decoding;
		next.reason = outside.reason;
	}
	finish(decoding, next.reason);
}

static void clear(struct packet *packet)
{
	forget(packet);
	packet->flags &= PACKET_NO_HEADROOM;
	packet->inner_ip = 0;
	packet->fragment = 0;
	packet->network = 0;
	packet->version = 0;
	packet->app = 0;
	packet->flow = NULL;
}

void decode_full(struct packet *packet, struct flow_key *key, enum link link, uint32_t tunnels_off)
{
	struct decoding decoding = {
		.packet = packet,
		.key = key,
		.cursor = cursor_over(packet->data, packet->length),
		.ethernet = link == LINK_ETHERNET ? packet->data : NULL,
		.is_cut = packet->wire_length > packet->length,
	};
	int ethertype = link_take(&decoding.cursor, link);
	struct next next = { LAYER_ETHERTYPE, REASON_NOT_IP, ethertype, 0 };

	clear(packet);
	key->tunnel = 0;
	decode_all(&decoding, ethertype < 0 ? next_end(REASON_MALFORMED) : next, tunnels_off);
}

void decode_ip(struct packet *packet, struct flow_key *key, uint32_t tunnels_off)
{
	struct decoding decoding = {
		.packet = packet,
		.key = key,
		.cursor = cursor_over(packet->data, packet->length),
		.vlans = { key->protocol_vlans >> 12 & 0xfff, key->protocol_vlans & 0xfff },
		.is_cut = packet->wire_length > packet->length,
	};

	decoding.vlan_count = decoding.vlans[0] != 0;
	clear(packet);
	decode_all(&decoding, next_ip(packet->data[0] >> 4), tunnels_off);
}

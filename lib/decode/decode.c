// SPDX-License-Identifier: BSD-3-Clause
// The fast path for what nearly all packets are: Ethernet, at most one tag, IPv4 without options
// and fragments or IPv6 without extensions, complete TCP or UDP. It says no to everything else and
// never differs from the full parser, whose comments tell the reasons of the checks.
#include "decode/decode.h"

#include "decode/decoder.h"
#include "decode/link.h"
#include "likely.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <tmmintrin.h>

enum {
	ETHERNET_BYTES = 14,
	TAG_BYTES = 4,
	IP4_BYTES = 20,
	IP6_BYTES = 40,
	TCP_BYTES = 20,
	UDP_BYTES = 8,
	TRANSPORT_BYTES = TCP_BYTES, // that are looked at
	FRAME_BYTES = ETHERNET_BYTES + TAG_BYTES + IP4_BYTES + TRANSPORT_BYTES,
	PROTOCOL_SHIFT = 24,
	KEY_REST = 28, // of a key: where the second IPv4 address is
};

// Of the four bytes from the fragment's offset on, read as a little-endian number: more fragments,
// offset, protocol.
static const uint32_t IP4_FRAGMENT_PROTOCOL = 0xff00ff3f;

// The ports that decoders wait for, in network order and each twice, so that one comparison finds
// four of them in either half of a pair of ports. Those that are left alone are among them: the
// full parser knows.
struct tunnel_ports {
	__m128i first, second;
};

static struct tunnel_ports tunnels;

__attribute__((constructor)) static void list_tunnel_ports(void)
{
	enum {
		PORTS = sizeof(tunnels) / sizeof(uint16_t)
	};
	uint16_t ports[PORTS] = { 0 };
	unsigned count = 0;

	for (unsigned i = 0; i < DECODER_COUNT; i++) {
		if (decoders[i]->parent != LAYER_UDP_PORT)
			continue;
		for (unsigned k = 0; k < decoders[i]->key_count && count < PORTS; k++, count += 2)
			ports[count] = ports[count + 1] = htobe16(decoders[i]->keys[k]);
	}
	memcpy(&tunnels, ports, sizeof(tunnels));
}

// Either port of the UDP header is waited for.
static inline bool is_tunnel(const uint8_t *udp)
{
	uint32_t ports;
	__m128i pairs;

	memcpy(&ports, udp, sizeof(ports));
	pairs = _mm_set1_epi32((int)ports);
	pairs = _mm_or_si128(_mm_cmpeq_epi16(pairs, tunnels.first),
			_mm_cmpeq_epi16(pairs, tunnels.second));
	return _mm_movemask_epi8(pairs) != 0;
}

// Where the transport header is, and what it says.
struct plain {
	const uint8_t *transport;
	int64_t length; // of transport header and payload; below 0: there is none
	int64_t header_length; // of the former
	uint32_t protocol; // << PROTOCOL_SHIFT, where the key wants it
	uint8_t tcp_flags;
};

// Of both, TRANSPORT_BYTES can be read at least, and it goes on to the last byte of the IP packet.

static inline bool is_plain_udp(struct plain *plain)
{
	plain->protocol = (uint32_t)IPPROTO_UDP << PROTOCOL_SHIFT;
	plain->header_length = UDP_BYTES;
	plain->tcp_flags = 0;
	return read_be16(plain->transport + 4) == plain->length && plain->length >= UDP_BYTES &&
			!is_tunnel(plain->transport);
}

static inline bool is_plain_tcp(struct plain *plain)
{
	plain->protocol = (uint32_t)IPPROTO_TCP << PROTOCOL_SHIFT;
	plain->header_length = (plain->transport[12] & 0xf0) >> 2;
	plain->tcp_flags = plain->transport[13];
	return plain->header_length >= TCP_BYTES && plain->header_length <= plain->length;
}

static inline void store_le64(void *to, uint64_t number)
{
	number = htole64(number);
	memcpy(to, &number, sizeof(number));
}

// The same, and eight zeros behind it.
static inline void store_le128(void *to, uint64_t number)
{
	_mm_storeu_si128(to, _mm_cvtsi64_si128((int64_t)number));
}

// The compiler would store field by field, with twice the instructions.
static inline void fill_packet(struct packet *packet, const struct plain *plain, uint64_t network,
		uint64_t version, uint64_t from_second)
{
	const uint64_t transport = network + (version == 4 ? IP4_BYTES : IP6_BYTES);
	const uint64_t length = plain->length - plain->header_length;
	const uint64_t reason = length == 0 ? REASON_NO_PAYLOAD : REASON_INSPECTED;
	const uint64_t flags = (packet->flags & PACKET_NO_HEADROOM) | from_second;
	const uint8_t *payload = plain->transport + plain->header_length;

	packet->payload = length == 0 ? NULL : payload;
	store_le64(&packet->payload_length,
			length | network << 16 | transport << 32 | version << 48 |
					(uint64_t)plain->protocol << 32);
	store_le128(&packet->tcp_flags, plain->tcp_flags | flags << 8 | reason << 16);
}
static_assert(offsetof(struct packet, network) == offsetof(struct packet, payload_length) + 2 &&
				offsetof(struct packet, transport) ==
						offsetof(struct packet, payload_length) + 4 &&
				offsetof(struct packet, version) ==
						offsetof(struct packet, payload_length) + 6 &&
				offsetof(struct packet, protocol) ==
						offsetof(struct packet, payload_length) + 7,
		"one store");
static_assert(offsetof(struct packet, flags) == offsetof(struct packet, tcp_flags) + 1 &&
				offsetof(struct packet, reason) ==
						offsetof(struct packet, tcp_flags) + 2 &&
				offsetof(struct packet, flow) ==
						offsetof(struct packet, tcp_flags) + 8,
		"one store, which clears what is behind them, and no flow");
static_assert(PACKET_FROM_SECOND == 1, "a comparison's result is the flag");

// Which bytes of an IPv4 header and the ports behind it, from the lifetime on, make the key, by who
// is the second end: the compiler has no way to know that neither direction is the likely one.
struct key_shuffle {
	uint8_t first[16]; // ends[0]
	uint8_t rest[16]; // the last four bytes of ends[1], and all behind it
};
static_assert(offsetof(struct flow_key, ports_be) == KEY_REST + 4 &&
				offsetof(struct flow_key, protocol_vlans) == KEY_REST + 8 &&
				sizeof(struct flow_key) == KEY_REST + 16,
		"as the shuffles place them");

enum {
	Z = 0x80, // a byte that is zero
};

static const struct key_shuffle key_shuffles[2] = {
	{ { Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, 4, 5, 6, 7 },
			{ 8, 9, 10, 11, 12, 13, 14, 15, Z, Z, Z, 1, Z, Z, Z, Z } },
	{ { Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, Z, 8, 9, 10, 11 },
			{ 4, 5, 6, 7, 14, 15, 12, 13, Z, Z, Z, 1, Z, Z, Z, Z } },
};

// The key of an IPv4 header without options and the ports behind it. True when the sender is
// ends[1].
static inline bool key_ip4(struct flow_key *key, const uint8_t *ip)
{
	// ::ffff:a.b.c.d, RFC 4291 2.5.5.2.
	const __m128i mapped = _mm_set_epi32(0, (int)0xffff0000, 0, 0);
	const __m128i is_ip4 = _mm_set_epi32((int)FLOW_KEY_IP4, 0, 0, 0);
	const __m128i both = _mm_loadu_si128((const __m128i *)(ip + 8));
	const uint64_t addresses = read_be64(ip + 12), swapped = addresses << 32 | addresses >> 32;
	const struct key_shuffle *shuffle;
	uint64_t difference;
	unsigned from_second = __builtin_sub_overflow(swapped, addresses, &difference);
	__m128i first, rest;

	if (unlikely(difference == 0))
		from_second = read_be16(ip + IP4_BYTES) > read_be16(ip + IP4_BYTES + 2);
	shuffle = &key_shuffles[from_second];
	first = _mm_shuffle_epi8(both, _mm_loadu_si128((const __m128i *)shuffle->first));
	rest = _mm_shuffle_epi8(both, _mm_loadu_si128((const __m128i *)shuffle->rest));
	_mm_storeu_si128((__m128i *)&key->ends[0], _mm_or_si128(first, mapped));
	// Up to the last four bytes, which come next.
	_mm_storeu_si128((__m128i *)&key->ends[1], mapped);
	_mm_storeu_si128((__m128i *)((char *)key + KEY_REST), _mm_or_si128(rest, is_ip4));
	return from_second;
}

// True when the sender is ends[1].
static inline bool key_ip6(struct flow_key *key, const uint8_t *ip, const uint8_t *transport)
{
	const uint8_t *source = ip + 8, *destination = ip + 24;
	uint64_t first = read_be64(source), second = read_be64(destination);
	bool from_second;

	if (first == second) {
		first = read_be64(source + 8);
		second = read_be64(destination + 8);
	}
	if (unlikely(first == second)) {
		first = read_be16(transport);
		second = read_be16(transport + 2);
	}
	from_second = first > second;
	memcpy(&key->ends[0], from_second ? destination : source, 16);
	memcpy(&key->ends[1], from_second ? source : destination, 16);
	memcpy(&key->ports_be[0], transport + 2 * from_second, 2);
	memcpy(&key->ports_be[1], transport + 2 * !from_second, 2);
	return from_second;
}

// The decode_ functions get FRAME_BYTES at least, and return false, with nothing written, when another
// one has to look.

static inline bool decode_ip4(
		struct packet *packet, struct flow_key *key, unsigned network, unsigned vlan)
{
	const uint8_t *ip = packet->data + network;
	const int64_t total = read_be16(ip + 2);
	struct plain plain = {
		.transport = ip + IP4_BYTES,
		.length = total - IP4_BYTES,
	};
	uint32_t protocol; // none of the two in a fragment

	memcpy(&protocol, ip + 6, sizeof(protocol));
	protocol = le32toh(protocol) & IP4_FRAGMENT_PROTOCOL;
	if (unlikely(packet->length < network + total || ip[0] != 0x45))
		return false;
	if (protocol == (uint32_t)IPPROTO_UDP << PROTOCOL_SHIFT) {
		if (!is_plain_udp(&plain))
			return false;
	} else if (protocol != (uint32_t)IPPROTO_TCP << PROTOCOL_SHIFT || !is_plain_tcp(&plain)) {
		return false;
	}
	fill_packet(packet, &plain, network, 4, key_ip4(key, ip));
	if (vlan != 0)
		key->protocol_vlans = plain.protocol | vlan << 12;
	return true;
}

static inline bool decode_ip6(
		struct packet *packet, struct flow_key *key, unsigned network, unsigned vlan)
{
	const uint8_t *ip = packet->data + network;
	struct plain plain = {
		.transport = ip + IP6_BYTES,
		.length = read_be16(ip + 4),
	};

	if (packet->length < network + IP6_BYTES + TRANSPORT_BYTES || ip[0] >> 4 != 6 ||
			packet->length < network + IP6_BYTES + plain.length)
		return false;
	if (ip[6] == IPPROTO_UDP ? !is_plain_udp(&plain) :
				   ip[6] != IPPROTO_TCP || !is_plain_tcp(&plain))
		return false;
	fill_packet(packet, &plain, network, 6, key_ip6(key, ip, plain.transport));
	key->protocol_vlans = plain.protocol | vlan << 12;
	key->tunnel = 0;
	return true;
}

// An IP packet behind at most one tag.
static __attribute__((noinline)) bool decode_tagged(struct packet *packet, struct flow_key *key)
{
	const uint8_t *frame = packet->data;
	unsigned type, vlan = 0, network = ETHERNET_BYTES;

	type = read_be16(frame + 12);
	if (link_is_vlan(type)) {
		vlan = read_be16(frame + 14) & 0xfff;
		type = read_be16(frame + 16);
		network += TAG_BYTES;
	}
	if (type == ETHERTYPE_IP)
		return decode_ip4(packet, key, network, vlan);
	return type == ETHERTYPE_IPV6 && decode_ip6(packet, key, network, vlan);
}

// IPv4 behind an Ethernet header.
static inline bool decode_untagged(struct packet *packet, struct flow_key *key)
{
	return read_be16(packet->data + 12) == ETHERTYPE_IP &&
			decode_ip4(packet, key, ETHERNET_BYTES, 0);
}

void decode_burst(struct burst *burst, uint32_t tunnels_off)
{
	// Local, because the compiler has to expect that a byte that is written changes them in
	// the burst.
	const unsigned count = burst->count;
	const enum link link = burst->link;
	const uint32_t least = link == LINK_ETHERNET ? FRAME_BYTES : UINT32_MAX;
	struct packet *packet = burst->packets;
	struct flow_key *key = burst->keys;
	bool has_fragments = false; // which the fast path leaves to the full parser

	for (const struct packet *end = packet + count; packet < end; packet++, key++) {
		if (likely(packet->length >= least) &&
				(decode_untagged(packet, key) || decode_tagged(packet, key)))
			continue;
		decode_full(packet, key, link, tunnels_off);
		has_fragments |= (packet->flags & PACKET_FRAGMENT) != 0;
	}
	burst->has_fragments = has_fragments;
}

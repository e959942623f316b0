// SPDX-License-Identifier: BSD-3-Clause
// Frames and what they are to be decoded to.
#pragma once

#include "decode/decode.h"

#define BE16(number) ((number) >> 8) & 0xff, (number)&0xff

// Headers as bytes. Addresses: 192.0.2.1 to 198.51.100.7, 2001:db8::1 to 2001:db8::2.
#define ETHER(type) 0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, BE16(type)
#define TAG(tci, type) BE16(tci), BE16(type)
#define FOUR_TAGS TAG(1, 0x8100), TAG(1, 0x8100), TAG(1, 0x8100), TAG(1, 0x8100)
#define SLL(type) 0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, BE16(type)
#define SLL2(type) BE16(type), 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0
#define IP4_FROM_TO(words, total, fragment, protocol, ...)                                         \
	0x40 | (words), 0, BE16(total), 0, 1, BE16(fragment), 64, protocol, 0, 0, __VA_ARGS__
#define IP4_OF(words, total, fragment, protocol)                                                   \
	IP4_FROM_TO(words, total, fragment, protocol, 192, 0, 2, 1, 198, 51, 100, 7)
#define IP4(total, protocol) IP4_OF(5, total, 0x4000, protocol)
#define HOST6(last) 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last
#define IP6_FROM_TO(payload, next, from, to)                                                       \
	0x60, 0, 0, 0, BE16(payload), next, 64, HOST6(from), HOST6(to)
#define IP6(payload, next) IP6_FROM_TO(payload, next, 1, 2)
#define PORTS(from, to) BE16(from), BE16(to)
#define UDP(length) PORTS(1000, 53), BE16(length), 0, 0
#define TCP(words, flags)                                                                          \
	PORTS(1000, 80), 0, 0, 0, 1, 0, 0, 0, 2, (words) << 4, flags, 0, 9, 0, 0, 0, 0
#define FOUR 'd', 'a', 't', 'a'
#define EIGHT FOUR, FOUR
#define EXTENSION(next, units) next, units, 1, 4, 0, 0, 0, 0
#define FOUR_EXTENSIONS EXTENSION(60, 0), EXTENSION(60, 0), EXTENSION(60, 0), EXTENSION(60, 0)
#define FRAGMENT(next, offset_more) next, 0, BE16(offset_more), 0, 0, 0, 1
#define JUMBO(next, length) next, 0, 0xc2, 4, BE16((length) >> 16), BE16((length)&0xffff)

// What is expected of a sample. Ports are those of the sender and the receiver.
struct expected {
	uint8_t reason;
	uint8_t version;
	uint16_t network;
	uint8_t protocol;
	uint16_t transport;
	uint16_t payload; // offset
	uint16_t payload_length;
	uint16_t ports[2];
	uint16_t vlans[2];
	uint8_t tcp_flags;
	uint8_t flags;
};

struct sample {
	const char *name;
	enum link link;
	uint32_t length;
	uint32_t cut; // bytes on the wire that were not captured
	const uint8_t *data;
	struct expected expected;
};

#define BYTES(...)                                                                                 \
	.length = sizeof((const uint8_t[]){ __VA_ARGS__ }), .data = (const uint8_t[])              \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define NOTHING(why)                                                                               \
	{                                                                                          \
		.reason = REASON_##why, .protocol = PROTOCOL_NONE                                  \
	}
#define MALFORMED_BEHIND(ip, at)                                                                   \
	{                                                                                          \
		.reason = REASON_MALFORMED, .version = ip, .network = at,                          \
		.protocol = PROTOCOL_NONE                                                          \
	}

static const struct sample samples[] = {
	{ "empty", LINK_ETHERNET, 0, 0, (const uint8_t[]){ 0 }, NOTHING(MALFORMED) },
	{ "ARP", LINK_ETHERNET, BYTES(ETHER(0x0806), 0, 1, 8, 0, 6, 4, 0, 1),
			.expected = NOTHING(NOT_IP) },
	{ "LLC", LINK_ETHERNET, BYTES(ETHER(38), 0x42, 0x42, 3, 0, 0),
			.expected = NOTHING(NOT_IP) },
	{ "tagged LLC", LINK_ETHERNET, BYTES(ETHER(0x8100), TAG(5, 38), 0x42, 0x42, 3),
			.expected = NOTHING(NOT_IP) },
	{ "half a tag", LINK_ETHERNET, BYTES(ETHER(0x8100), 0, 5), .expected = NOTHING(MALFORMED) },
	{ "UDP", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(36, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 17, 34, 42, 8, { 1000, 53 } } },
	{ "UDP with padding", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(32, 17), UDP(12), FOUR, 0, 0, 0, 0, 0, 0),
			.expected = { REASON_INSPECTED, 4, 14, 17, 34, 42, 4, { 1000, 53 } } },
	{ "UDP that ends before IP does", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(36, 17), UDP(12), EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 17, 34, 42, 4, { 1000, 53 } } },
	{ "UDP without payload, padded", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(28, 17), UDP(8), 0, 0, 0, 0),
			.expected = { REASON_NO_PAYLOAD, 4, 14, 17, 34, 0, 0, { 1000, 53 } } },
	{ "UDP length below 8", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(36, 17), UDP(7), EIGHT),
			.expected = MALFORMED_BEHIND(4, 14) },
	{ "UDP length 0", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(36, 17), UDP(0), EIGHT),
			.expected = MALFORMED_BEHIND(4, 14) },
	{ "UDP length above IP's", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(36, 17), UDP(17), EIGHT),
			.expected = MALFORMED_BEHIND(4, 14) },
	{ "UDP from the higher address", LINK_ETHERNET,
			BYTES(ETHER(0x0800),
					IP4_FROM_TO(5, 36, 0, 17, 198, 51, 100, 7, 192, 0, 2, 1),
					UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 17, 34, 42, 8, { 1000, 53 },
					.flags = PACKET_FROM_SECOND } },
	{ "UDP from the lower port of one address", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_FROM_TO(5, 36, 0, 17, 10, 0, 0, 1, 10, 0, 0, 1),
					PORTS(255, 256), 0, 16, 0, 0, EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 17, 34, 42, 8, { 255, 256 } } },
	{ "UDP from the higher port of one address", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_FROM_TO(5, 36, 0, 17, 10, 0, 0, 1, 10, 0, 0, 1),
					PORTS(256, 255), 0, 16, 0, 0, EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 17, 34, 42, 8, { 256, 255 },
					.flags = PACKET_FROM_SECOND } },
	{ "UDP between equal ends", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_FROM_TO(5, 36, 0, 17, 10, 0, 0, 1, 10, 0, 0, 1),
					PORTS(9, 9), 0, 16, 0, 0, EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 17, 34, 42, 8, { 9, 9 } } },
	{ "TCP", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(44, 6), TCP(5, 0x18), FOUR),
			.expected = { REASON_INSPECTED, 4, 14, 6, 34, 54, 4, { 1000, 80 },
					.tcp_flags = 0x18 } },
	{ "TCP SYN with options, padded", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(44, 6), TCP(6, 2), 2, 4, 5, 0xb4, 0, 0),
			.expected = { REASON_NO_PAYLOAD, 4, 14, 6, 34, 0, 0, { 1000, 80 },
					.tcp_flags = 2 } },
	{ "TCP data offset 4", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(44, 6), TCP(4, 2), FOUR),
			.expected = MALFORMED_BEHIND(4, 14) },
	{ "TCP options behind IP's end", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(40, 6), TCP(6, 2), FOUR),
			.expected = MALFORMED_BEHIND(4, 14) },
	{ "TCP cut by the capture", LINK_ETHERNET, .cut = 1000,
			BYTES(ETHER(0x0800), IP4(1044, 6), TCP(5, 0x10), FOUR),
			.expected = { REASON_INSPECTED, 4, 14, 6, 34, 54, 4, { 1000, 80 },
					.tcp_flags = 0x10, .flags = PACKET_TRUNCATED } },
	{ "TCP cut right behind its header", LINK_ETHERNET, .cut = 100,
			BYTES(ETHER(0x0800), IP4(140, 6), TCP(5, 0x10)),
			.expected = { REASON_NO_PAYLOAD, 4, 14, 6, 34, 0, 0, { 1000, 80 },
					.tcp_flags = 0x10, .flags = PACKET_TRUNCATED } },
	{ "only padding was cut", LINK_ETHERNET, .cut = 6,
			BYTES(ETHER(0x0800), IP4(40, 6), TCP(5, 0x10)),
			.expected = { REASON_NO_PAYLOAD, 4, 14, 6, 34, 0, 0, { 1000, 80 },
					.tcp_flags = 0x10 } },
	{ "IP longer than the wire", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(100, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 17, 34, 42, 8, { 1000, 53 } } },
	{ "UDP longer than the wire", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(100, 17), UDP(80), EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 17, 34, 42, 8, { 1000, 53 },
					.flags = PACKET_TRUNCATED } },
	{ "IP total length 0", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(0, 6), TCP(5, 0x18), EIGHT, EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 6, 34, 54, 16, { 1000, 80 },
					.tcp_flags = 0x18 } },
	{ "IP total length 0, cut", LINK_ETHERNET, .cut = 70000,
			BYTES(ETHER(0x0800), IP4(0, 6), TCP(5, 0x18), EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 6, 34, 54, 8, { 1000, 80 },
					.tcp_flags = 0x18, .flags = PACKET_TRUNCATED } },
	{ "IP total length below its header", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(19, 17), UDP(16), EIGHT),
			.expected = NOTHING(MALFORMED) },
	{ "IP header of 4 words", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_OF(4, 36, 0, 17), UDP(16), EIGHT),
			.expected = NOTHING(MALFORMED) },
	{ "IP of another version", LINK_ETHERNET, BYTES(ETHER(0x0800), IP6(16, 17), UDP(16), EIGHT),
			.expected = NOTHING(MALFORMED) },
	{ "IP options", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_OF(6, 40, 0, 17), 1, 1, 1, 0, UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 17, 38, 46, 8, { 1000, 53 } } },
	{ "IP options behind the total length", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_OF(6, 20, 0, 17), 1, 1, 1, 0, UDP(16), EIGHT),
			.expected = NOTHING(MALFORMED) },
	{ "first fragment", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_OF(5, 36, 0x2000, 17), UDP(1000), EIGHT),
			.expected = { REASON_INSPECTED, 4, 14, 17, 34, 42, 8, { 1000, 53 },
					.flags = PACKET_TRUNCATED } },
	{ "first fragment of TCP", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_OF(5, 44, 0x2000, 6), TCP(5, 0x10), FOUR),
			.expected = { REASON_INSPECTED, 4, 14, 6, 34, 54, 4, { 1000, 80 },
					.tcp_flags = 0x10, .flags = PACKET_TRUNCATED } },
	{ "first fragment, UDP length below 8", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_OF(5, 36, 0x2000, 17), UDP(7), EIGHT),
			.expected = MALFORMED_BEHIND(4, 14) },
	{ "first fragment inside the TCP header", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_OF(5, 36, 0x2000, 6), PORTS(1, 2), 0, 0, 0, 1,
					EIGHT),
			.expected = { REASON_FRAGMENT, 4, 14, 6 } },
	{ "later fragment", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_OF(5, 36, 0x2001, 17), UDP(16), EIGHT),
			.expected = { REASON_FRAGMENT, 4, 14, 17 } },
	{ "last fragment", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4_OF(5, 36, 0x1000, 6), UDP(16), EIGHT),
			.expected = { REASON_FRAGMENT, 4, 14, 6 } },
	{ "ICMP error that quotes", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(56, 1), 3, 3, 0, 0, 0, 0, 0, 0, IP4(36, 17),
					UDP(16)),
			.expected = { REASON_NO_TRANSPORT, 4, 14, 1 } },
	{ "IGMP", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(28, 2), 0x16, 0, 0, 0, 224, 0, 0, 9),
			.expected = { REASON_NO_TRANSPORT, 4, 14, 2 } },
	{ "SCTP", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(32, 132), PORTS(7, 8), 0, 0, 0, 0, 0, 0, 0, 0),
			.expected = { REASON_NO_TRANSPORT, 4, 14, 132, 34, 0, 0, { 7, 8 } } },
	{ "DCCP, short", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(28, 33), PORTS(7, 8), FOUR),
			.expected = MALFORMED_BEHIND(4, 14) },
	{ "UDP-Lite", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(28, 136), PORTS(7, 8), 0, 8, 0, 0),
			.expected = { REASON_NO_TRANSPORT, 4, 14, 136, 34, 0, 0, { 7, 8 } } },
	{ "protocol 0 in IPv4", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(36, 0), EXTENSION(17, 0), UDP(8)),
			.expected = { REASON_NO_TRANSPORT, 4, 14, 0 } },
	{ "protocol 44 in IPv4", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(36, 44), FRAGMENT(17, 8), UDP(8)),
			.expected = { REASON_NO_TRANSPORT, 4, 14, 44 } },
	{ "protocol 255", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(24, 255), FOUR),
			.expected = MALFORMED_BEHIND(4, 14) },
	{ "authentication in IPv4", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(44, 51), 17, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, FOUR,
					UDP(8)),
			.expected = { REASON_NO_PAYLOAD, 4, 14, 17, 50, 0, 0, { 1000, 53 } } },
	{ "authentication without its fixed part", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(36, 51), 17, 0, 0, 0, 0, 0, 0, 1, UDP(8)),
			.expected = MALFORMED_BEHIND(4, 14) },
	{ "one tag", LINK_ETHERNET,
			BYTES(ETHER(0x8100), TAG(0xa064, 0x0800), IP4(36, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 18, 17, 38, 46, 8, { 1000, 53 },
					.vlans = { 100 } } },
	{ "one tag of 802.1ad, IPv6", LINK_ETHERNET,
			BYTES(ETHER(0x88a8), TAG(4095, 0x86dd), IP6(16, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 6, 18, 17, 58, 66, 8, { 1000, 53 },
					.vlans = { 4095 } } },
	{ "priority tag", LINK_ETHERNET,
			BYTES(ETHER(0x8100), TAG(0xe000, 0x0800), IP4(36, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 18, 17, 38, 46, 8, { 1000, 53 } } },
	{ "two tags", LINK_ETHERNET,
			BYTES(ETHER(0x88a8), TAG(100, 0x8100), TAG(200, 0x0800), IP4(36, 17),
					UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 22, 17, 42, 50, 8, { 1000, 53 },
					.vlans = { 100, 200 } } },
	{ "three tags", LINK_ETHERNET,
			BYTES(ETHER(0x9100), TAG(100, 0x9100), TAG(200, 0x8100), TAG(300, 0x0800),
					IP4(36, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 26, 17, 46, 54, 8, { 1000, 53 },
					.vlans = { 100, 300 } } },
	{ "14 tags", LINK_ETHERNET,
			BYTES(ETHER(0x8100), FOUR_TAGS, FOUR_TAGS, FOUR_TAGS, TAG(1, 0x8100),
					TAG(2, 0x0800), IP4(36, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 70, 17, 90, 98, 8, { 1000, 53 },
					.vlans = { 1, 2 } } },
	{ "17 tags", LINK_ETHERNET,
			BYTES(ETHER(0x8100), FOUR_TAGS, FOUR_TAGS, FOUR_TAGS, FOUR_TAGS,
					TAG(1, 0x0806)),
			.expected = NOTHING(DEPTH) },
	{ "cooked", LINK_SLL, BYTES(SLL(0x0800), IP4(36, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 16, 17, 36, 44, 8, { 1000, 53 } } },
	{ "cooked, tagged", LINK_SLL,
			BYTES(SLL(0x8100), TAG(7, 0x86dd), IP6(16, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 6, 20, 17, 60, 68, 8, { 1000, 53 },
					.vlans = { 7 } } },
	{ "cooked LLC", LINK_SLL, BYTES(SLL(4), 0x42, 0x42, 3), .expected = NOTHING(NOT_IP) },
	{ "cooked v2", LINK_SLL2, BYTES(SLL2(0x0800), IP4(36, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 20, 17, 40, 48, 8, { 1000, 53 } } },
	{ "raw IPv4", LINK_RAW, BYTES(IP4(36, 17), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 4, 0, 17, 20, 28, 8, { 1000, 53 } } },
	{ "raw IPv6", LINK_RAW, BYTES(IP6(20, 6), TCP(5, 0x11)),
			.expected = { REASON_NO_PAYLOAD, 6, 0, 6, 40, 0, 0, { 1000, 80 },
					.tcp_flags = 0x11 } },
	{ "raw, neither", LINK_RAW, BYTES(0x50, 0, 0, 0), .expected = NOTHING(NOT_IP) },
	{ "IPv6 UDP with padding", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(12, 17), UDP(12), FOUR, 0, 0, 0),
			.expected = { REASON_INSPECTED, 6, 14, 17, 54, 62, 4, { 1000, 53 } } },
	{ "IPv6 TCP from the higher address", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6_FROM_TO(24, 6, 2, 1), TCP(5, 0x18), FOUR),
			.expected = { REASON_INSPECTED, 6, 14, 6, 54, 74, 4, { 1000, 80 },
					.tcp_flags = 0x18, .flags = PACKET_FROM_SECOND } },
	{ "IPv6 UDP from the higher port of one address", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6_FROM_TO(16, 17, 1, 1), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 6, 14, 17, 54, 62, 8, { 1000, 53 },
					.flags = PACKET_FROM_SECOND } },
	{ "IPv6 of another version", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP4(36, 17), UDP(16), EIGHT, EIGHT),
			.expected = NOTHING(MALFORMED) },
	{ "IPv6 longer than the wire", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(100, 17), UDP(100), EIGHT),
			.expected = { REASON_INSPECTED, 6, 14, 17, 54, 62, 8, { 1000, 53 },
					.flags = PACKET_TRUNCATED } },
	{ "IPv6 payload length 0", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(0, 6), TCP(5, 0x10), EIGHT),
			.expected = { REASON_INSPECTED, 6, 14, 6, 54, 74, 8, { 1000, 80 },
					.tcp_flags = 0x10 } },
	{ "IPv6 extension headers", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(72, 0), EXTENSION(60, 0), EXTENSION(43, 0),
					EXTENSION(44, 0), FRAGMENT(51, 0), 60, 1, 0, 0, 0, 0, 0, 1,
					0, 0, 0, 1, EXTENSION(6, 0), TCP(5, 0x10)),
			.expected = { REASON_NO_PAYLOAD, 6, 14, 6, 106, 0, 0, { 1000, 80 },
					.tcp_flags = 0x10 } },
	{ "IPv6 mobility, HIP and shim6", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(48, 135), EXTENSION(139, 1), EIGHT,
					EXTENSION(140, 0), EXTENSION(17, 0), UDP(16), EIGHT),
			.expected = { REASON_INSPECTED, 6, 14, 17, 86, 94, 8, { 1000, 53 } } },
	{ "IPv6 extension behind the end", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(16, 60), EXTENSION(17, 1), UDP(16), EIGHT),
			.expected = MALFORMED_BEHIND(6, 14) },
	{ "IPv6 extensions without end", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(128, 60), FOUR_EXTENSIONS, FOUR_EXTENSIONS,
					FOUR_EXTENSIONS, FOUR_EXTENSIONS),
			.expected = { REASON_DEPTH, 6, 14, PROTOCOL_NONE } },
	{ "IPv6 first fragment", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(24, 44), FRAGMENT(17, 1), UDP(2000), EIGHT),
			.expected = { REASON_INSPECTED, 6, 14, 17, 62, 70, 8, { 1000, 53 },
					.flags = PACKET_TRUNCATED } },
	{ "IPv6 later fragment", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(24, 44), FRAGMENT(17, 8), UDP(16), EIGHT),
			.expected = { REASON_FRAGMENT, 6, 14, 17 } },
	{ "ESP", LINK_ETHERNET, BYTES(ETHER(0x86dd), IP6(16, 50), EIGHT, EIGHT),
			.expected = { REASON_NO_TRANSPORT, 6, 14, 50 } },
	{ "no next header", LINK_ETHERNET, BYTES(ETHER(0x86dd), IP6(0, 59), EIGHT),
			.expected = { REASON_NO_TRANSPORT, 6, 14, 59 } },
	{ "ICMPv6", LINK_ETHERNET, BYTES(ETHER(0x86dd), IP6(8, 58), 128, 0, 0, 0, 0, 1, 0, 1),
			.expected = { REASON_NO_TRANSPORT, 6, 14, 58 } },
	{ "jumbogram", LINK_ETHERNET, .cut = 70000,
			BYTES(ETHER(0x86dd), IP6(0, 0), JUMBO(17, 70000), UDP(0), EIGHT),
			.expected = { REASON_INSPECTED, 6, 14, 17, 62, 70, 8, { 1000, 53 },
					.flags = PACKET_TRUNCATED } },
	{ "jumbogram of TCP", LINK_ETHERNET, .cut = 70000,
			BYTES(ETHER(0x86dd), IP6(0, 0), JUMBO(6, 70028), TCP(5, 0x10)),
			.expected = { REASON_NO_PAYLOAD, 6, 14, 6, 62, 0, 0, { 1000, 80 },
					.tcp_flags = 0x10, .flags = PACKET_TRUNCATED } },
	{ "UDP length 0 in IPv6", LINK_ETHERNET, BYTES(ETHER(0x86dd), IP6(16, 17), UDP(0), EIGHT),
			.expected = MALFORMED_BEHIND(6, 14) },
};

static const struct l2_frame {
	enum link link;
	enum l2_kind kind;
	uint32_t length;
	const uint8_t *data;
} l2_frames[] = {
	{ LINK_ETHERNET, L2_ARP, BYTES(ETHER(0x0806), 0, 1) },
	{ LINK_ETHERNET, L2_ARP, BYTES(ETHER(0x88a8), TAG(1, 0x8100), TAG(2, 0x0806)) },
	{ LINK_ETHERNET, L2_ARP, BYTES(ETHER(0x9100), TAG(1, 0x0806)) },
	{ LINK_SLL, L2_ARP, BYTES(SLL(0x0806)) },
	{ LINK_SLL2, L2_ARP, BYTES(SLL2(0x0806)) },
	{ LINK_ETHERNET, L2_LLDP, BYTES(ETHER(0x88cc)) },
	{ LINK_ETHERNET, L2_LACP, BYTES(ETHER(0x8809), 1) },
	{ LINK_ETHERNET, L2_OTHER, BYTES(ETHER(0x8809), 3) }, // OAM
	{ LINK_ETHERNET, L2_OTHER, BYTES(ETHER(0x8809)) },
	{ LINK_ETHERNET, L2_EAPOL, BYTES(ETHER(0x888e)) },
	{ LINK_ETHERNET, L2_PAUSE, BYTES(ETHER(0x8808)) },
	{ LINK_ETHERNET, L2_MPLS, BYTES(ETHER(0x8847)) },
	{ LINK_ETHERNET, L2_MPLS, BYTES(ETHER(0x8848)) },
	{ LINK_ETHERNET, L2_STP,
			BYTES(0x01, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 38, 0x42, 0x42, 3) },
	{ LINK_ETHERNET, L2_OTHER, // cut short
			BYTES(0x01, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 38, 0x42) },
	{ LINK_ETHERNET, L2_OTHER, // GVRP
			BYTES(0x01, 0x80, 0xc2, 0, 0, 0x21, 2, 0, 0, 0, 0, 2, 0, 38, 0x42, 0x42,
					3) },
	{ LINK_ETHERNET, L2_OTHER, BYTES(ETHER(38), 0x42, 0x42, 3) },
	{ LINK_SLL, L2_OTHER, BYTES(SLL(4), 0x42, 0x42, 3) },
	{ LINK_ETHERNET, L2_OTHER, BYTES(ETHER(0x8100), 0) },
	{ LINK_ETHERNET, L2_OTHER, BYTES(ETHER(0x88f7)) }, // PTP
	{ LINK_ETHERNET, L2_OTHER, BYTES(2, 0, 0) },
	{ LINK_RAW, L2_OTHER, BYTES(0x50) },
};

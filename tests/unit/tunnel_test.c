// SPDX-License-Identifier: BSD-3-Clause
// Packets in tunnels: found inside, told apart by the tunnel, left alone where there is none.
#include "../decode_check.h"
#include "../frame_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// Datagrams from 10.0.0.1 to 10.0.0.2 and from 2001:db8::1 to 2001:db8::2, ports 1000 and 53, and
// their answers.
#define IN4 IP4_FROM_TO(5, 36, 0, 17, 10, 0, 0, 1, 10, 0, 0, 2), UDP(16), EIGHT
#define IN4_BACK                                                                                   \
	IP4_FROM_TO(5, 36, 0, 17, 10, 0, 0, 2, 10, 0, 0, 1), PORTS(53, 1000), 0, 16, 0, 0, EIGHT
#define IN6 IP6(16, 17), UDP(16), EIGHT
#define IN6_BACK IP6_FROM_TO(16, 17, 2, 1), PORTS(53, 1000), 0, 16, 0, 0, EIGHT
#define BACK4(total, protocol) IP4_FROM_TO(5, total, 0, protocol, 198, 51, 100, 7, 192, 0, 2, 1)
#define OTHER4(total, protocol) IP4_FROM_TO(5, total, 0, protocol, 192, 0, 2, 1, 198, 51, 100, 8)
#define BACK_ETHER(type) 0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, BE16(type)
#define DATAGRAM(from, to, length) PORTS(from, to), BE16(length), 0, 0
#define LABEL(number, is_bottom) BE16((number) >> 4), ((number)&15) << 4 | (is_bottom), 64
#define PPPOE(session, length, protocol) 0x11, 0, BE16(session), BE16(length), BE16(protocol)
#define GRE(flags, type) BE16(flags), BE16(type)
#define WORD(number) 0, 0, BE16(number)
#define VNI(number) 0, BE16(number), 0
#define VXLAN(number) 8, 0, 0, 0, VNI(number)
#define GENEVE(words, type, number) words, 0, BE16(type), VNI(number)
#define GTP(flags, length, number) flags, 255, BE16(length), WORD(number)
#define TEREDO_HOST(last) 0x20, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last
#define TEREDO6(from, to)                                                                          \
	0x60, 0, 0, 0, 0, 16, 17, 64, from, to, PORTS(1000, 53), 0, 16, 0, 0, EIGHT
#define TEREDO6_BACK(from, to)                                                                     \
	0x60, 0, 0, 0, 0, 16, 17, 64, from, to, PORTS(53, 1000), 0, 16, 0, 0, EIGHT

struct frame {
	const char *name;
	enum link link;
	uint32_t length;
	const uint8_t *data;
	uint16_t vlans[2];
};

// Each ends with one of the datagrams from 1000 to 53, the last eight bytes being its payload.
static const struct frame inside[] = {
	{ "MPLS", LINK_ETHERNET, BYTES(ETHER(0x8847), LABEL(16, 1), IN4) },
	{ "MPLS, three labels", LINK_ETHERNET,
			BYTES(ETHER(0x8847), LABEL(16, 0), LABEL(17, 0), LABEL(2, 1), IN6) },
	{ "MPLS, label of the next router", LINK_ETHERNET,
			BYTES(ETHER(0x8848), LABEL(16, 1), IN4) },
	{ "MPLS behind a tag", LINK_ETHERNET,
			BYTES(ETHER(0x8100), TAG(5, 0x8847), LABEL(16, 1), IN4), { 5 } },
	{ "pseudowire", LINK_ETHERNET, BYTES(ETHER(0x8847), LABEL(16, 1), ETHER(0x0800), IN4) },
	{ "pseudowire with a control word", LINK_ETHERNET,
			BYTES(ETHER(0x8847), LABEL(16, 0), LABEL(9, 1), WORD(7), ETHER(0x86dd),
					IN6) },
	{ "pseudowire to an address that begins with 0", LINK_ETHERNET,
			BYTES(ETHER(0x8847), LABEL(16, 1), 0, 0x1b, 0x21, 1, 2, 3, 0, 0x1b, 0x21, 1,
					2, 4, 0x08, 0, IN4) },
	{ "pseudowire to an address that begins with 4", LINK_ETHERNET,
			BYTES(ETHER(0x8847), LABEL(16, 1), 0x46, 0x1b, 0x21, 1, 2, 3, 0, 0x1b, 0x21,
					1, 2, 4, 0x08, 0, IN4) },
	{ "pseudowire to an address that begins with 6", LINK_ETHERNET,
			BYTES(ETHER(0x8847), LABEL(16, 1), 0x66, 0x1b, 0x21, 1, 2, 3, 0, 0x1b, 0x21,
					1, 2, 4, 0x08, 0, IN4) },
	{ "pseudowire with tags", LINK_ETHERNET,
			BYTES(ETHER(0x8100), TAG(5, 0x8847), LABEL(16, 1), WORD(0), ETHER(0x88a8),
					TAG(6, 0x8100), TAG(7, 0x0800), IN4),
			{ 5, 7 } },
	{ "PPPoE", LINK_ETHERNET, BYTES(ETHER(0x8864), PPPOE(1, 38, 0x21), IN4) },
	{ "PPPoE, IPv6", LINK_ETHERNET, BYTES(ETHER(0x8864), PPPOE(1, 58, 0x57), IN6) },
	{ "PPPoE, short protocol", LINK_ETHERNET,
			BYTES(ETHER(0x8864), 0x11, 0, BE16(1), BE16(37), 0x21, IN4) },
	{ "PPPoE, short protocol, IPv6", LINK_ETHERNET,
			BYTES(ETHER(0x8864), 0x11, 0, BE16(1), BE16(57), 0x57, IN6) },
	{ "PPPoE, cooked", LINK_SLL, BYTES(SLL(0x8864), PPPOE(1, 38, 0x21), IN4) },
	{ "PPPoE, MPLS", LINK_ETHERNET,
			BYTES(ETHER(0x8864), PPPOE(1, 42, 0x281), LABEL(16, 1), IN4) },
	{ "4in4", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(56, 4), IN4) },
	{ "6in4", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(76, 41), IN6) },
	{ "4in6", LINK_ETHERNET, BYTES(ETHER(0x86dd), IP6(36, 4), IN4) },
	{ "6in6", LINK_RAW, BYTES(IP6(56, 41), IN6) },
	{ "4in6 behind destination options", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(44, 60), EXTENSION(4, 0), IN4) },
	{ "GRE", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(60, 47), GRE(0, 0x0800), IN4) },
	{ "GRE with checksum, key and sequence", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(92, 47), GRE(0xb000, 0x86dd), WORD(0), WORD(1),
					WORD(2), IN6) },
	{ "GRE in IPv6, Ethernet", LINK_ETHERNET,
			BYTES(ETHER(0x86dd), IP6(54, 47), GRE(0, 0x6558), ETHER(0x0800), IN4) },
	{ "NVGRE", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(78, 47), GRE(0x2000, 0x6558), WORD(0x100),
					ETHER(0x0800), IN4) },
	{ "GRE, MPLS", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(64, 47), GRE(0, 0x8847), LABEL(16, 1), IN4) },
	{ "VXLAN", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(86, 17), DATAGRAM(50000, 4789, 66), VXLAN(1),
					ETHER(0x0800), IN4) },
	{ "VXLAN with tags inside and outside", LINK_ETHERNET,
			BYTES(ETHER(0x8100), TAG(5, 0x86dd), IP6(70, 17), DATAGRAM(50000, 8472, 70),
					VXLAN(1), ETHER(0x8100), TAG(6, 0x0800), IN4),
			{ 5, 6 } },
	{ "Geneve", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(86, 17), DATAGRAM(50000, 6081, 66),
					GENEVE(0, 0x6558, 1), ETHER(0x0800), IN4) },
	{ "Geneve with options, IPv6", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(100, 17), DATAGRAM(50000, 6081, 80),
					GENEVE(2, 0x86dd, 1), EIGHT, IN6) },
	{ "GTP-U", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(72, 17), DATAGRAM(2152, 2152, 52),
					GTP(0x30, 36, 9), IN4) },
	{ "GTP-U with a sequence number", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(76, 17), DATAGRAM(2152, 2152, 56),
					GTP(0x32, 40, 9), 0, 1, 0, 0x85, IN4) },
	{ "GTP-U with extension headers", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(108, 17), DATAGRAM(2152, 2152, 88),
					GTP(0x34, 72, 9), 0, 0, 0, 0x85, 1, 0, 0, 0xc0, 2, 0, 0, 0,
					0, 0, 0, 0, IN6) },
	{ "Teredo", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(84, 17), DATAGRAM(50000, 3544, 64),
					TEREDO6(TEREDO_HOST(1), HOST6(2))) },
	{ "Teredo from a server", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(92, 17), DATAGRAM(3544, 50000, 72), 0, 0, 1, 2, 3,
					4, 5, 6, TEREDO6(HOST6(2), TEREDO_HOST(1))) },
	{ "Teredo with authentication and origin", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(108, 17), DATAGRAM(3544, 50000, 88), 0, 1, 2, 1, 9,
					9, 9, EIGHT, 0, 0, 0, 1, 2, 3, 4, 5, 6,
					TEREDO6(HOST6(2), TEREDO_HOST(1))) },
	{ "VXLAN, 4in4, GRE", LINK_ETHERNET,
			BYTES(ETHER(0x0800), IP4(130, 17), DATAGRAM(50000, 4789, 110), VXLAN(1),
					ETHER(0x0800), IP4(80, 4), IP4(60, 47), GRE(0, 0x0800),
					IN4) },
};

enum relation {
	SAME,
	APART
};

// Two frames of one conversation, or of two that only the tunnel tells apart.
static const struct pair {
	const char *name;
	enum relation relation;
	struct frame first, second;
} pairs[] = {
#define PAIR(name, relation, first, second)                                                        \
	{                                                                                          \
		name, relation, { name, LINK_ETHERNET, first },                                    \
		{                                                                                  \
			name, LINK_ETHERNET, second                                                \
		}                                                                                  \
	}
	PAIR("MPLS, labels on one way only", SAME, BYTES(ETHER(0x8847), LABEL(16, 1), IN4),
			BYTES(ETHER(0x0800), IN4_BACK)),
	PAIR("pseudowire, other labels", SAME,
			BYTES(ETHER(0x8847), LABEL(16, 1), ETHER(0x0800), IN4),
			BYTES(ETHER(0x8847), LABEL(17, 1), WORD(3), BACK_ETHER(0x0800), IN4_BACK)),
	PAIR("pseudowire and none", APART, BYTES(ETHER(0x8847), LABEL(16, 1), ETHER(0x0800), IN4),
			BYTES(ETHER(0x0800), IN4)),
	PAIR("PPPoE", SAME, BYTES(ETHER(0x8864), PPPOE(1, 38, 0x21), IN4),
			BYTES(BACK_ETHER(0x8864), PPPOE(1, 38, 0x21), IN4_BACK)),
	PAIR("PPPoE sessions", APART, BYTES(ETHER(0x8864), PPPOE(1, 38, 0x21), IN4),
			BYTES(ETHER(0x8864), PPPOE(2, 38, 0x21), IN4)),
	PAIR("PPPoE hosts", APART, BYTES(ETHER(0x8864), PPPOE(1, 38, 0x21), IN4),
			BYTES(2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 2, 0x88, 0x64, PPPOE(1, 38, 0x21),
					IN4)),
	PAIR("4in4", SAME, BYTES(ETHER(0x0800), IP4(56, 4), IN4),
			BYTES(ETHER(0x0800), BACK4(56, 4), IN4_BACK)),
	PAIR("4in4, equal order inside", SAME, BYTES(ETHER(0x0800), IP4(56, 4), IN4_BACK),
			BYTES(ETHER(0x0800), BACK4(56, 4), IN4)),
	PAIR("4in4 and none", APART, BYTES(ETHER(0x0800), IP4(56, 4), IN4),
			BYTES(ETHER(0x0800), IN4)),
	PAIR("4in4, other ends", APART, BYTES(ETHER(0x0800), IP4(56, 4), IN4),
			BYTES(ETHER(0x0800), OTHER4(56, 4), IN4)),
	PAIR("4in4 in a tag", APART, BYTES(ETHER(0x0800), IP4(56, 4), IN4),
			BYTES(ETHER(0x8100), TAG(1, 0x0800), IP4(56, 4), IN4)),
	PAIR("6in6", SAME, BYTES(ETHER(0x86dd), IP6(56, 41), IN6),
			BYTES(ETHER(0x86dd), IP6_FROM_TO(56, 41, 2, 1), IN6_BACK)),
	PAIR("4in4 and GRE", APART, BYTES(ETHER(0x0800), IP4(56, 4), IN4),
			BYTES(ETHER(0x0800), IP4(60, 47), GRE(0, 0x0800), IN4)),
	PAIR("once and twice", APART, BYTES(ETHER(0x0800), IP4(56, 4), IN4),
			BYTES(ETHER(0x0800), IP4(76, 4), IP4(56, 4), IN4)),
	PAIR("GRE, the key both ways", SAME,
			BYTES(ETHER(0x0800), IP4(64, 47), GRE(0x2000, 0x0800), WORD(1), IN4),
			BYTES(ETHER(0x0800), BACK4(64, 47), GRE(0x2000, 0x0800), WORD(1),
					IN4_BACK)),
	PAIR("GRE, the key behind a checksum", SAME,
			BYTES(ETHER(0x0800), IP4(68, 47), GRE(0xa000, 0x0800), WORD(7), WORD(1),
					IN4),
			BYTES(ETHER(0x0800), BACK4(68, 47), GRE(0xa000, 0x0800), WORD(8), WORD(1),
					IN4_BACK)),
	PAIR("GRE keys", APART,
			BYTES(ETHER(0x0800), IP4(64, 47), GRE(0x2000, 0x0800), WORD(1), IN4),
			BYTES(ETHER(0x0800), IP4(64, 47), GRE(0x2000, 0x0800), WORD(2), IN4)),
	PAIR("NVGRE, other flow numbers", SAME,
			BYTES(ETHER(0x0800), IP4(78, 47), GRE(0x2000, 0x6558), WORD(0x101),
					ETHER(0x0800), IN4),
			BYTES(ETHER(0x0800), BACK4(78, 47), GRE(0x2000, 0x6558), WORD(0x102),
					ETHER(0x0800), IN4_BACK)),
	PAIR("NVGRE networks", APART,
			BYTES(ETHER(0x0800), IP4(78, 47), GRE(0x2000, 0x6558), WORD(0x101),
					ETHER(0x0800), IN4),
			BYTES(ETHER(0x0800), IP4(78, 47), GRE(0x2000, 0x6558), WORD(0x201),
					ETHER(0x0800), IN4)),
	PAIR("VXLAN", SAME,
			BYTES(ETHER(0x0800), IP4(86, 17), DATAGRAM(50000, 4789, 66), VXLAN(1),
					ETHER(0x0800), IN4),
			BYTES(ETHER(0x0800), BACK4(86, 17), DATAGRAM(50001, 4789, 66), VXLAN(1),
					ETHER(0x0800), IN4_BACK)),
	PAIR("VXLAN networks", APART,
			BYTES(ETHER(0x0800), IP4(86, 17), DATAGRAM(50000, 4789, 66), VXLAN(1),
					ETHER(0x0800), IN4),
			BYTES(ETHER(0x0800), IP4(86, 17), DATAGRAM(50000, 4789, 66), VXLAN(2),
					ETHER(0x0800), IN4)),
	PAIR("VXLAN, tags of its frame", APART,
			BYTES(ETHER(0x0800), IP4(90, 17), DATAGRAM(50000, 4789, 70), VXLAN(1),
					ETHER(0x8100), TAG(6, 0x0800), IN4),
			BYTES(ETHER(0x0800), IP4(90, 17), DATAGRAM(50000, 4789, 70), VXLAN(1),
					ETHER(0x8100), TAG(7, 0x0800), IN4)),
	PAIR("VXLAN, middle tags", APART,
			BYTES(ETHER(0x88a8), TAG(4, 0x8100), TAG(5, 0x0800), IP4(90, 17),
					DATAGRAM(50000, 4789, 70), VXLAN(1), ETHER(0x8100),
					TAG(6, 0x0800), IN4),
			BYTES(ETHER(0x88a8), TAG(4, 0x8100), TAG(9, 0x0800), IP4(90, 17),
					DATAGRAM(50000, 4789, 70), VXLAN(1), ETHER(0x8100),
					TAG(6, 0x0800), IN4)),
	PAIR("Geneve networks", APART,
			BYTES(ETHER(0x0800), IP4(72, 17), DATAGRAM(50000, 6081, 52),
					GENEVE(0, 0x0800, 1), IN4),
			BYTES(ETHER(0x0800), IP4(72, 17), DATAGRAM(50000, 6081, 52),
					GENEVE(0, 0x0800, 2), IN4)),
	PAIR("GTP-U, other endpoint numbers", SAME,
			BYTES(ETHER(0x0800), IP4(72, 17), DATAGRAM(2152, 2152, 52),
					GTP(0x30, 36, 9), IN4),
			BYTES(ETHER(0x0800), BACK4(72, 17), DATAGRAM(2152, 2152, 52),
					GTP(0x30, 36, 8), IN4_BACK)),
	PAIR("Teredo", SAME,
			BYTES(ETHER(0x0800), IP4(84, 17), DATAGRAM(50000, 3544, 64),
					TEREDO6(TEREDO_HOST(1), HOST6(2))),
			BYTES(ETHER(0x0800), BACK4(84, 17), DATAGRAM(3544, 50000, 64),
					TEREDO6_BACK(HOST6(2), TEREDO_HOST(1)))),
};

// What looks like a tunnel at first: protocol and payload length of the flow that it is instead;
// PROTOCOL_NONE: no flow at all.
static const struct other {
	struct frame frame;
	uint8_t protocol;
	uint16_t payload_length;
} others[] = {
	{ { "MPLS without a bottom", LINK_ETHERNET, BYTES(ETHER(0x8847), LABEL(16, 0), 0, 0) },
			PROTOCOL_NONE },
	{ { "pseudowire of something", LINK_ETHERNET,
			  BYTES(ETHER(0x8847), LABEL(16, 1), 0, 0, 0, 1, EIGHT, EIGHT, EIGHT) },
			PROTOCOL_NONE },
	{ { "associated channel", LINK_ETHERNET,
			  BYTES(ETHER(0x8847), LABEL(13, 1), 0x10, 0, 0, 7, EIGHT, EIGHT) },
			PROTOCOL_NONE },
	{ { "PPPoE, LCP", LINK_ETHERNET, BYTES(ETHER(0x8864), PPPOE(1, 10, 0xc021), EIGHT) },
			PROTOCOL_NONE },
	{ { "PPPoE with a code", LINK_ETHERNET,
			  BYTES(ETHER(0x8864), 0x11, 9, 0, 1, 0, 38, 0, 0x21, IN4) },
			PROTOCOL_NONE },
	{ { "4in4 that ends early", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(40, 4), IP4(40, 17), UDP(20), EIGHT, FOUR) },
			4 },
	{ { "4in4 of something", LINK_ETHERNET, BYTES(ETHER(0x0800), IP4(36, 4), EIGHT, EIGHT) },
			4 },
	{ { "4in4 of a protocol that is none", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(40, 4), IP4(20, 255)) },
			4 },
	{ { "PPTP", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(64, 47), GRE(0x2001, 0x880b), EIGHT, IN4) },
			47 },
	{ { "GRE with a source route", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(64, 47), GRE(0x4000, 0x0800), WORD(0), IN4) },
			47 },
	{ { "GRE of something", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(60, 47), GRE(0, 0x1234), IN4) },
			47 },
	{ { "GRE, MPLS of something", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(36, 47), GRE(0, 0x8847), LABEL(16, 1), EIGHT) },
			47 },
	{ { "VXLAN of ARP", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(58, 17), DATAGRAM(50000, 4789, 38), VXLAN(1),
					  ETHER(0x0806), EIGHT) },
			17, 30 },
	{ { "VXLAN without a network", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(86, 17), DATAGRAM(50000, 4789, 66), 0, 0, 0, 0,
					  VNI(1), ETHER(0x0800), IN4) },
			17, 58 },
	{ { "VXLAN whose packet is longer", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(82, 17), DATAGRAM(50000, 4789, 62), VXLAN(1),
					  ETHER(0x0800), IP4(36, 17), UDP(12), FOUR) },
			17, 54 },
	{ { "Geneve's own", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(72, 17), DATAGRAM(50000, 6081, 52), 0, 0x80, 8,
					  0, VNI(1), IN4) },
			17, 44 },
	{ { "Geneve, options behind the end", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(72, 17), DATAGRAM(50000, 6081, 52),
					  GENEVE(20, 0x0800, 1), IN4) },
			17, 44 },
	{ { "GTP-U echo", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(40, 17), DATAGRAM(2152, 2152, 20), 0x32, 1, 0, 4,
					  WORD(0), 0, 1, 0, 0) },
			17, 12 },
	{ { "GTP-U, an extension without length", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(80, 17), DATAGRAM(2152, 2152, 60),
					  GTP(0x34, 44, 9), 0, 0, 0, 0x85, 0, 0, 0, 0, IN4) },
			17, 52 },
	{ { "DNS from GTP-U's port", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(40, 17), DATAGRAM(2152, 53, 20), 0x30, 0xff, 1,
					  0, 0, 1, 0, 0, 0, 0, 0, 0) },
			17, 12 },
	{ { "Teredo between others' addresses", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(84, 17), DATAGRAM(50000, 3544, 64), IN6) },
			17, 56 },
	{ { "Teredo cut", LINK_ETHERNET,
			  BYTES(ETHER(0x0800), IP4(83, 17), DATAGRAM(50000, 3544, 63), 0x60, 0, 0,
					  0, 0, 16, 17, 64, TEREDO_HOST(1), HOST6(2), UDP(16), FOUR,
					  1, 2, 3) },
			17, 55 },
};

static void decode_frame(struct burst *burst, const struct frame *frame, size_t length)
{
	uint8_t *copy = malloc(length);
	const char *fault;

	assert_non_null(copy);
	memcpy(copy, frame->data, length);
	fault = decode_both(burst, frame->link, copy, length, length);
	if (fault != NULL)
		fail_msg("%s, %zu bytes: %s", frame->name, length, fault);
	// Only the place matters from here on.
	if (burst->packets[0].payload != NULL)
		burst->packets[0].payload = frame->data + (burst->packets[0].payload - copy);
	free(copy);
}

static struct flow_key key_inside(const struct frame *frame)
{
	const uint8_t *ip6 = frame->data + frame->length - 56;
	bool is_ip4 = frame->data[frame->length - 36] == 0x45;
	struct flow_key key = { .ports_be = { htobe16(1000), htobe16(53) },
		.protocol_vlans = 17u << 24 | frame->vlans[0] << 12 | frame->vlans[1],
		.tunnel = is_ip4 ? FLOW_KEY_IP4 : 0 };

	for (int i = 0; i < 2; i++) {
		memcpy(key.ends[i].address, ip6 + 8 + 16 * i, 16);
		if (is_ip4) {
			memset(key.ends[i].address, 0, 10);
			memset(key.ends[i].address + 10, 0xff, 2);
			memcpy(key.ends[i].address + 12, ip6 + 32 + 4 * i, 4);
		}
	}
	return key;
}

static bool has_order(const struct flow_key *key)
{
	return memcmp(&key->ends[0], &key->ends[1], sizeof(key->ends[0])) < 0;
}

static void the_packet_inside_is_the_flows(void **)
{
	static struct burst burst;

	for (size_t i = 0; i < COUNT(inside); i++) {
		const struct frame *frame = &inside[i];
		const struct packet *packet = &burst.packets[0];
		struct flow_key key = key_inside(frame);
		bool is_plain = strncmp(frame->name, "MPLS", 4) == 0;

		decode_frame(&burst, frame, frame->length);
		if (packet->reason != REASON_INSPECTED || packet->payload_length != 8 ||
				packet->payload != frame->data + frame->length - 8)
			fail_msg("%s: reason %d, %u bytes of payload", frame->name, packet->reason,
					packet->payload_length);
		assert_int_equal(packet->transport, frame->length - 16);
		if ((burst.keys[0].tunnel & ~FLOW_KEY_IP4) == 0 && !is_plain)
			fail_msg("%s: no tunnel", frame->name);
		if (is_plain)
			assert_int_equal(burst.keys[0].tunnel, key.tunnel);
		assert_int_equal(burst.keys[0].tunnel & FLOW_KEY_IP4, key.tunnel);
		key.tunnel = burst.keys[0].tunnel;
		if (!has_order(&key)) {
			struct flow_end end = key.ends[0];

			key.ends[0] = key.ends[1];
			key.ends[1] = end;
			key.ports_be[0] = htobe16(53);
			key.ports_be[1] = htobe16(1000);
		}
		if (memcmp(&key, &burst.keys[0], sizeof(key)) != 0)
			fail_msg("%s: another key", frame->name);
	}
}

// The record's place for the DSCP is the first IP header of the frame.
static void the_outermost_ip_header_is_the_networks(void **)
{
	static const uint8_t frame[] = { ETHER(0x8100), TAG(5, 0x0800), IP4(76, 41), IN6 };
	static struct burst burst;

	decode_frame(&burst, &(struct frame){ "6in4", LINK_ETHERNET, sizeof(frame), frame },
			sizeof(frame));
	assert_int_equal(burst.packets[0].network, 18);
	assert_int_equal(burst.packets[0].version, 4);
}

static void every_prefix_is_decoded(void **)
{
	static struct burst burst;

	for (size_t i = 0; i < COUNT(inside); i++)
		for (size_t length = 0; length < inside[i].length; length++) {
			decode_frame(&burst, &inside[i], length);
			if (burst.packets[0].payload != NULL &&
					burst.packets[0].payload_length >= length)
				fail_msg("%s, %zu bytes", inside[i].name, length);
		}
	for (size_t i = 0; i < COUNT(others); i++)
		for (size_t length = 0; length < others[i].frame.length; length++)
			decode_frame(&burst, &others[i].frame, length);
}

static void both_directions_are_one_and_tunnels_are_apart(void **)
{
	static struct burst first, second;

	for (size_t i = 0; i < COUNT(pairs); i++) {
		decode_frame(&first, &pairs[i].first, pairs[i].first.length);
		decode_frame(&second, &pairs[i].second, pairs[i].second.length);
		assert_int_equal(first.packets[0].payload_length, 8);
		assert_int_equal(second.packets[0].payload_length, 8);
		if ((memcmp(&first.keys[0], &second.keys[0], sizeof(first.keys[0])) == 0) !=
				(pairs[i].relation == SAME))
			fail_msg("%s: keys", pairs[i].name);
	}
}

static void what_is_no_tunnel_is_left_alone(void **)
{
	static struct burst burst;

	for (size_t i = 0; i < COUNT(others); i++) {
		const struct other *other = &others[i];

		decode_frame(&burst, &other->frame, other->frame.length);
		if (burst.packets[0].protocol != other->protocol ||
				burst.packets[0].payload_length != other->payload_length)
			fail_msg("%s: protocol %u, %u bytes", other->frame.name,
					burst.packets[0].protocol, burst.packets[0].payload_length);
		if (other->protocol != PROTOCOL_NONE)
			assert_int_equal(burst.keys[0].tunnel, FLOW_KEY_IP4);
	}
}

static void a_tunnel_can_be_left_alone(void **)
{
	uint8_t vxlan[] = { ETHER(0x0800), IP4(86, 17), DATAGRAM(50000, 4789, 66), VXLAN(1),
		ETHER(0x0800), IN4 };
	struct burst burst = { .count = 1, .link = LINK_ETHERNET };
	struct packet *packet = &burst.packets[0];
	unsigned count = 0;
	uint32_t all = 0;

	packet->data = vxlan;
	packet->length = packet->wire_length = sizeof(vxlan);
	decode_burst(&burst, decode_tunnel("vxlan"));
	assert_int_equal(packet->payload_length, 58);
	assert_int_equal(burst.keys[0].tunnel, FLOW_KEY_IP4);
	for (; decode_tunnel_name(count) != NULL; count++)
		all |= decode_tunnel(decode_tunnel_name(count));
	assert_int_equal(count, 8);
	assert_int_equal(__builtin_popcount(all), count);
	decode_burst(&burst, all & ~decode_tunnel("vxlan"));
	assert_int_equal(packet->payload_length, 8);
	assert_int_equal(decode_tunnel("ip4"), 0);
	assert_int_equal(decode_tunnel("vxla"), 0);
}

// `count` times IPv4 around a datagram.
static size_t nest(uint8_t *frame, unsigned count)
{
	const uint8_t ether[] = { ETHER(0x0800) };
	const uint8_t innermost[] = { IN4 };
	uint8_t *at = frame;

	memcpy(at, ether, sizeof(ether));
	at += sizeof(ether);
	for (unsigned i = count; i > 0; i--) {
		const uint8_t header[] = { IP4(20 * i + 36, 4) };

		memcpy(at, header, sizeof(header));
		at += sizeof(header);
	}
	memcpy(at, innermost, sizeof(innermost));
	return at + sizeof(innermost) - frame;
}

static void there_is_a_limit(void **)
{
	static struct burst burst;
	uint8_t frame[512];
	struct frame nested = { "nested", LINK_ETHERNET, .data = frame };

	nested.length = nest(frame, 8);
	decode_frame(&burst, &nested, nested.length);
	assert_int_equal(burst.packets[0].reason, REASON_INSPECTED);
	nested.length = nest(frame, 9);
	decode_frame(&burst, &nested, nested.length);
	assert_int_equal(burst.packets[0].reason, REASON_DEPTH);
	assert_int_equal(burst.packets[0].protocol, PROTOCOL_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packet_inside_is_the_flows),
		cmocka_unit_test(the_outermost_ip_header_is_the_networks),
		cmocka_unit_test(every_prefix_is_decoded),
		cmocka_unit_test(both_directions_are_one_and_tunnels_are_apart),
		cmocka_unit_test(what_is_no_tunnel_is_left_alone),
		cmocka_unit_test(a_tunnel_can_be_left_alone),
		cmocka_unit_test(there_is_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

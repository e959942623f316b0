// SPDX-License-Identifier: BSD-3-Clause
// Frames written down header by header, for tests.
#pragma once

#include <stdint.h>

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

// Length and bytes of a structure that has both.
#define BYTES(...)                                                                                 \
	.length = sizeof((const uint8_t[]){ __VA_ARGS__ }), .data = (const uint8_t[])              \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

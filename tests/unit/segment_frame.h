// SPDX-License-Identifier: BSD-3-Clause
// Frames of TCP segments with right checksums, as a sender makes them.
#pragma once

#include "checksum.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

enum {
	SEGMENT_HEADERS = 54, // Ethernet, IPv4, TCP
	SEGMENT_CHECKSUM = 50, // its place in the frame
};

struct segment_sent {
	uint32_t source, destination; // addresses
	uint16_t source_port, destination_port;
	uint32_t sequence, acknowledgment;
	uint8_t flags;
	uint16_t window;
	const char *payload;
	unsigned length; // of it
};

static inline void put_number(uint8_t *at, unsigned bytes, uint32_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

// RFC 9293 3.1, of an IPv4 frame; `length` is from the TCP header on.
static inline uint16_t segment_checksum(const uint8_t *frame, unsigned length)
{
	uint32_t sum = IPPROTO_TCP + length;

	for (unsigned i = 26; i < 34 + length; i++)
		sum += (uint32_t)frame[i] << (i % 2 == 0 ? 8 : 0);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

// Writes the frame, and returns its length.
static inline unsigned segment_frame(uint8_t *frame, const struct segment_sent *sent)
{
	memset(frame, 0, SEGMENT_HEADERS);
	put_number(frame + 12, 2, 0x0800);
	put_number(frame + 14, 4, 0x45000000 | (40 + sent->length));
	put_number(frame + 22, 2, 64 << 8 | IPPROTO_TCP);
	put_number(frame + 26, 4, sent->source);
	put_number(frame + 30, 4, sent->destination);
	put_number(frame + 24, 2, ntohs(checksum_ip4(frame + 14)));
	put_number(frame + 34, 2, sent->source_port);
	put_number(frame + 36, 2, sent->destination_port);
	put_number(frame + 38, 4, sent->sequence);
	put_number(frame + 42, 4, sent->acknowledgment);
	put_number(frame + 46, 2, 0x5000u | sent->flags);
	put_number(frame + 48, 2, sent->window);
	memcpy(frame + SEGMENT_HEADERS, sent->payload, sent->length);
	put_number(frame + SEGMENT_CHECKSUM, 2, segment_checksum(frame, 20 + sent->length));
	return SEGMENT_HEADERS + sent->length;
}

// SPDX-License-Identifier: BSD-3-Clause
// Community ID 1 with seed 0: one text for one flow in every tool, whichever end comes first
// (github.com/corelight/community-id-spec).
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	COMMUNITY_ID_BYTES = 2 + 28 + 1 // "1:", base64 of a SHA-1, terminator
};

// Addresses and ports, in host order, as in struct flow_record; ports count for TCP, UDP, SCTP and
// ICMP alone. Any thread; about a microsecond.
void community_id(char text[COMMUNITY_ID_BYTES], const uint8_t source[16],
		const uint8_t destination[16], uint16_t source_port, uint16_t destination_port,
		uint8_t protocol, bool is_ip4);

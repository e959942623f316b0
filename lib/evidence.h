// SPDX-License-Identifier: BSD-3-Clause
// One observed fact, as a worker tells it to the manager.
#pragma once

#include "packet.h"

enum {
	EVIDENCE_TEXT_BYTES = 48,
	EVIDENCE_VERSION_BYTES = 16
};

struct evidence {
	uint64_t time_ns; // of the packet
	uint64_t number; // of the packet in its capture; 0 on a wire
	uint64_t flow_id;
	uint8_t host[16]; // of whom it tells; IPv4 as ::ffff:a.b.c.d
	uint8_t peer[16]; // the other end
	uint16_t host_port;
	uint16_t peer_port;
	uint32_t rule; // id of the rule that matched; 0: a detector of our own
	uint8_t protocol; // IANA number
	uint8_t signal; // enum signal
	uint8_t app;
	uint8_t confidence; // enum confidence
	uint8_t role; // enum role
	uint8_t text_length;
	uint8_t version_length;
	uint8_t is_ip4;
	char version[EVIDENCE_VERSION_BYTES]; // of the application, when this fact shows it
	char text[EVIDENCE_TEXT_BYTES - 8]; // what was seen, printable ASCII, cut to fit
};
static_assert(sizeof(struct evidence) == 128, "two cache lines, a multiple of 16 for rte_ring");

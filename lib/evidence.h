// SPDX-License-Identifier: BSD-3-Clause
// One observed fact, as a worker tells it to the manager.
#pragma once

#include "packet.h"

enum {
	EVIDENCE_TEXT_BYTES = 48,
	EVIDENCE_VERSION_BYTES = 16,
	OBSERVATION_BYTES = 20, // of a datagram
};

// What a detector saw and cannot judge alone.
struct observation {
	uint16_t length; // SIGNAL_SKYPE_PROBE, _DATAGRAM: of the datagram's payload
	uint16_t port; // SIGNAL_SKYPE_PORT_MAP: to be mapped to the sender
	uint8_t bytes[OBSERVATION_BYTES]; // the first ones of the datagram
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
	uint8_t is_ip4 : 1;
	uint8_t is_from_initiator : 1; // `host` opened the flow
	uint8_t is_observation : 1; // for who compares it with others: nothing to be learned yet
	uint8_t step : 4; // enum step of the host's life that it shows, + 1; 0: as the role says
	char version[EVIDENCE_VERSION_BYTES]; // of the application, when this fact shows it
	union {
		char text[EVIDENCE_TEXT_BYTES - 8]; // what was seen, printable ASCII, cut to fit
		struct observation observation; // is_observation
	};
};
static_assert(sizeof(struct evidence) == 128, "two cache lines, a multiple of 16 for rte_ring");

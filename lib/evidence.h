// SPDX-License-Identifier: BSD-3-Clause
// One observed fact, as a worker tells it to the manager.
#pragma once

#include "packet.h"

#include <stdbool.h>

enum {
	EVIDENCE_TEXT_BYTES = 48,
	EVIDENCE_VERSION_BYTES = 16,
	CLIENT_USER_BYTES = 34, // Skype's are 32 or 33 digits, and a zero
	OBSERVATION_BYTES = 20, // of a datagram
	GATEWAY_PORT = 12340, // UDP, of gateways to the telephone network (Bonfiglio et al. 2007)
};

// What a detector saw and cannot judge alone.
struct observation {
	uint16_t length; // SIGNAL_SKYPE_PROBE, _DATAGRAM: of the datagram's payload
	uint16_t port; // SIGNAL_SKYPE_PORT_MAP: to be mapped to the sender
	uint8_t bytes[OBSERVATION_BYTES]; // the first ones of the datagram
};

// What a client tells of itself when it asks for its newest version.
struct client_facts {
	uint8_t platform; // its number + 1; 0: not told
	bool is_first_start; // it tells that it was just installed
	char user[CLIENT_USER_BYTES]; // hash of the user's name, printable; "": not told
};

// What a Skype flow carried one way.
struct media_counts {
	// Datagrams of type 0x0d that are longer than 4 bytes (shorter ones keep a flow alive), those
	// to or from a gateway to the telephone network whose first 4 bytes stay the same, TCP
	// segments that are longer than 19 (4 and 19 are signalling: Adami et al. 2009)
	uint32_t media;
	uint32_t video; // of them, those of 400 to 490 or 800 to 980 bytes (tstat)
	uint32_t others; // other datagrams
	uint32_t bytes; // payload of `media`
};

// What a flow carried in one second, as SIGNAL_SKYPE_MEDIA; `number` of the evidence is of the packet
// that made the worker tell it, `time_ns` is `last_ns`.
struct media_second {
	uint32_t first_back, last_back; // how many packets before that the first and the last were
	uint64_t first_ns, last_ns; // times of these
	struct media_counts counts[2]; // sent by `host`, by `peer`
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
	union {
		struct {
			char version[EVIDENCE_VERSION_BYTES]; // of the application, when this shows it
			char text[EVIDENCE_TEXT_BYTES -
					8]; // what was seen, printable ASCII, cut to fit
		};
		struct observation observation; // is_observation
		struct client_facts client; // is_observation, SIGNAL_SKYPE_VERSION_CHECK
		struct media_second media; // is_observation, SIGNAL_SKYPE_MEDIA
	};
};
static_assert(sizeof(struct evidence) == 128, "two cache lines, a multiple of 16 for rte_ring");

// SPDX-License-Identifier: BSD-3-Clause
// Flows and hosts as JSON lines with Suricata's EVE field names.
//
// Thread: not a worker's. One record is one line; ferror(stream) tells whether it was written.
#pragma once

#include "flow.h"
#include "host/host.h"

#include <stdio.h>

// Its timestamp is the flow's start.
void event_flow(FILE *stream, const struct flow_record *record);
// One line for each application of the host; the timestamp is the host's newest evidence.
void event_host(FILE *stream, const struct host *host);

// Totals of a run.
struct event_stats {
	uint64_t time_ns; // of the newest packet
	uint64_t packets, bytes; // read or received
	uint64_t not_flow; // packets that belong to no flow
	uint64_t flows, hosts;
	uint64_t evidence_lost;
	uint64_t reasons[REASON_COUNT];
};
void event_stats(FILE *stream, const struct event_stats *stats);

enum {
	EVENT_TIME_BYTES = 40,
	EVENT_ADDRESS_BYTES = 48
};
// "2006-08-25T19:31:06.654692+0000"
void event_time(char text[EVENT_TIME_BYTES], uint64_t time_ns);
// Dotted for IPv4, RFC 5952 for IPv6.
void event_address(char text[EVENT_ADDRESS_BYTES], const uint8_t address[16], bool is_ip4);
const char *flow_end_name(enum flow_end_reason reason); // "timeout", "closed", "reused", ...

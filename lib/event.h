// SPDX-License-Identifier: BSD-3-Clause
// What happens, as JSON lines with Suricata's EVE field names: config/events.schema.json.
//
// Thread: not a worker's. One record is one line; ferror(stream) tells whether it was written.
#pragma once

#include "flow.h"
#include "host/call.h"
#include "host/host.h"

#include <stdio.h>

// A flow that ended, or with `is_detection` one that just got its verdict. The timestamp is the flow's
// start; of a detection that of the flow's newest packet.
void event_flow(FILE *stream, const struct flow_record *record);
// One line for each application of the host; the timestamp is the host's newest evidence.
void event_host(FILE *stream, const struct host *host);
// The host got a verdict about this application, or is surer of it.
void event_host_detection(FILE *stream, const struct host *host, const struct host_app *app);

#define EVENT_UNKNOWN UINT64_MAX

// The timestamp is the start of its media. Judged from rates and sizes, so "heuristic" is true.
void event_call(FILE *stream, const struct call *call);

// Totals of a run.
struct event_stats {
	uint64_t time_ns; // of the newest packet
	uint64_t packets, bytes; // read or received
	uint64_t not_flow; // packets that belong to no flow; EVENT_UNKNOWN while flows go on
	uint64_t flows, hosts;
	uint64_t evidence_lost;
	uint64_t records_lost; // of flows and hosts, on the way to a file or reader
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

// SPDX-License-Identifier: BSD-3-Clause
// The flows that one worker follows.
//
// Thread: one worker owns a table; nothing here is locked or shared.
// Memory: flow_table_create() takes all of it; the packet path allocates nothing.
// Time:   nanoseconds since the epoch; offline the capture's. Going back by less than 18 minutes ends
//         no flow; a leap by more than 4 hours ends all.
// Cost:   an established packet touches one bucket line and one flow line, both prefetched.
#pragma once

#include "flow_end.h"
#include "packet.h"
#include "verdict.h"

#include <stdbool.h>

struct counters;

enum flow_state {
	FLOW_INSPECTING = 1 << 0, // detectors may still look at its payload
	FLOW_FROM_SECOND = 1 << 1, // ends[1] is the initiator: SYN's sender, or the first packet's
	FLOW_ANSWERED = 1 << 2, // packets were seen in both directions
	FLOW_SYN = 1 << 3, // TCP: the handshake's first segment was seen
	FLOW_FIN_FIRST = 1 << 4, // TCP: ends[0] has closed
	FLOW_FIN_SECOND = 1 << 5, // TCP: ends[1] has closed
	FLOW_RST = 1 << 6, // TCP: reset by either side
	FLOW_STREAM = 1 << 7, // TCP, while FLOW_INSPECTING: `stream` of the details is in use
	// UDP, or TCP after FLOW_INSPECTING: asks again what it is whenever the manager publishes
	// something; what it carries is counted as soon as it is Skype's
	FLOW_CANDIDATE = FLOW_STREAM,
};

// What every packet of an established flow needs, in one cache line.
struct flow {
	struct flow_key key;
	uint32_t last_seen; // in ticks of 2^14 ns, modulo 2^32 (19.5 hours)
	uint32_t bytes[2]; // frame bytes sent by ends[i]; carried over to the details before they wrap
	uint16_t packets[2]; // likewise
	uint16_t generation; // of what was published when the flow last asked
	uint8_t state; // enum flow_state
	uint8_t app; // application number; 0: unknown
};
static_assert(sizeof(struct flow) == 64, "one cache line a flow");

// What is needed at the start, at the end and when a verdict changes.
struct flow_details {
	uint16_t start_us[3]; // 48 bits, microseconds since the epoch: see flow_start_ns()
	uint16_t confidence : 2; // enum confidence
	uint16_t role : 3; // enum role
	uint16_t app_proto : 5; // detector that recognised the flow, index + 1; 0: none
	uint16_t stream_states : 4; // TCP: 2 bits a side, enum stream_state
	// TCP, 1 bit a side. Without FLOW_STREAM: it sent a right checksum; with it: what it sent
	// waits to be acknowledged.
	uint16_t stream_checked : 2;
	uint32_t signals; // 1 << enum signal, of the evidence that the verdict rests on
	union {
		struct {
			uint16_t packets[2]; // above the flow's own counters
			uint16_t bytes[2];
		} carried; // unless FLOW_INSPECTING
		struct {
			uint16_t packets[2]; // with payload, shown to detectors so far, by direction
			uint16_t bytes[2];
		} inspected; // while FLOW_INSPECTING, unless TCP
		uint32_t stream; // while FLOW_STREAM: its number
		uint32_t stream_next[2]; // TCP, while FLOW_INSPECTING: where its sides go on
	};
};
static_assert(sizeof(struct flow_details) == 20,
		"with the flow and its share of a bucket: 96 bytes");

struct flow_table;

struct flow_timeouts {
	uint32_t half_open_ms; // TCP: packets in one direction only
	uint32_t established_ms; // TCP: answered
	uint32_t closed_ms; // TCP: after both FINs or a RST
	uint32_t datagram_ms; // UDP and the rest: packets in one direction only
	uint32_t dialogue_ms; // UDP and the rest: both directions
};

struct flow_config {
	uint32_t capacity; // flows, 8 .. 2^27
	int node; // NUMA node, -1: wherever
	struct flow_timeouts timeouts; // each 1 ms to 4 hours
	struct counters *counters; // the owner's; flows created, ended by reason, refused
	// Called for every flow when it ends, before its entry is reused; on the packet's path, so
	// bound by its rules. May be NULL.
	void (*ended)(void *context, struct flow_table *table, const struct flow *flow,
			enum flow_end_reason reason);
	// Likewise for every flow that gets another application, or is surer of it.
	void (*judged)(void *context, struct flow_table *table, const struct flow *flow);
	void *context;
};

// NULL with errno EINVAL or ENOMEM. The caller frees it with flow_table_free(); that ends no flow.
struct flow_table *flow_table_create(const struct flow_config *config);
void flow_table_free(struct flow_table *table);

// Finds or creates the flow of every packet that has a key (the others are not
// packet_is_readable(), as decode leaves them), updates its counters, times and TCP state, sets
// `packet->flow`, `packet->app` and PACKET_NEW_FLOW. Packets of flows that are past inspection and
// ask for nothing get REASON_PAST, the others are listed in `burst->open`. A packet for which there
// is no entry keeps NULL and gets REASON_NO_FLOW. A full table gives up a half-open flow of one
// packet without a verdict, after some hundred more of them began; else the set its oldest
// half-open flow, else one of the next sets does, else its own least recently used flow goes; that
// is counted. TCP: a SYN on a closed flow ends it and starts the next. A flow that was idle for
// longer than its timeout is over, whether it was aged or not. `packet->flow` holds until the next
// call that changes the table: a flow that ends while this burst points to it ends then.
void flow_lookup_burst(struct flow_table *table, struct burst *burst);

// Ages the next `buckets` buckets; the whole table in a round of flow_table_buckets(). To be called
// all the time; a round that takes more than 18 minutes is finished at once.
void flow_age(struct flow_table *table, uint64_t now_ns, uint32_t buckets);
uint32_t flow_table_buckets(const struct flow_table *table);
// The flows of one bucket, 0 .. flow_table_buckets() - 1; returns how many. Between bursts.
enum {
	FLOW_BUCKET_MOST = 8
};
unsigned flow_in_bucket(const struct flow_table *table, uint32_t bucket,
		const struct flow *flows[FLOW_BUCKET_MOST]);

// Whether flows may begin, as at first. Where not, packets that belong to none pass with
// REASON_OVERLOAD_FLOW.
void flow_admit(struct flow_table *table, bool admits);

// Ends every flow. Offline at the end of a capture, on a wire when the worker stops.
void flow_end_all(struct flow_table *table);

// In use now; may be read by any thread.
uint32_t flow_count(const struct flow_table *table);

// A flow as people and files get to see it.
struct flow_record {
	uint64_t id;
	uint64_t start_ns, end_ns; // since the epoch; the end is good to 16 microseconds
	uint8_t source[16], destination[16]; // initiator and responder; IPv4 as ::ffff:a.b.c.d
	uint16_t source_port, destination_port;
	uint64_t packets_to_server, packets_to_client;
	uint64_t bytes_to_server, bytes_to_client; // whole frames
	uint32_t signals; // 1 << enum signal
	uint16_t vlans[2]; // outermost first, 0: none
	uint8_t protocol;
	uint8_t is_ip4;
	uint8_t app;
	uint8_t app_proto;
	uint8_t confidence;
	uint8_t role;
	uint8_t reason; // enum flow_end_reason
	bool is_detection; // it just got its verdict and goes on: `reason` says nothing
};

void flow_describe(struct flow_table *table, const struct flow *flow, enum flow_end_reason reason,
		struct flow_record *record);

struct flow_details *flow_details(struct flow_table *table, const struct flow *flow);
// Of the full times, the nearest to the table's clock.
uint64_t flow_start_ns(const struct flow_table *table, const struct flow_details *details);
uint64_t flow_last_ns(const struct flow_table *table, const struct flow *flow);
// Totals sent by ends[side], hot counters and carried ones together. They stop at 2^32 packets and
// 2^47 bytes.
uint64_t flow_packets(const struct flow_details *details, const struct flow *flow, int side);
uint64_t flow_bytes(const struct flow_details *details, const struct flow *flow, int side);
// A number for people and logs, 53 bits, from key and start: the same on every run and worker.
uint64_t flow_id(const struct flow_details *details, const struct flow *flow);
struct verdict flow_judgement(struct flow_table *table, const struct flow *flow);
// Gives the flow a verdict and enters it in the books if it is another one, or surer.
void flow_judge(struct flow_table *table, struct flow *flow, const struct verdict *verdict);
// The verdict stands or the budget is spent: no detector sees this flow again.
void flow_stop_inspecting(struct flow_details *details, struct flow *flow);

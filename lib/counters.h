// SPDX-License-Identifier: BSD-3-Clause
// What one worker counts, and the copy of it that others read.
//
// The worker counts in plain memory that nobody else touches, and publishes the whole between two
// bursts, so that every snapshot is one moment: in it the books balance.
#pragma once

#include "application.h"
#include "flow_end.h"
#include "packet.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
	PAIRS_MAX = 8,
	DIRECTIONS_MAX = 2 * PAIRS_MAX, // 2 * pair: inside to outside; + 1: outside to inside
	BURST_BUCKETS = 8, // [i]: bursts of at most 0, 1, 2, 4, 8, 16, 32, 64 packets
	DURATION_BUCKETS = 16, // [i]: at most 2^(8 + i) TSC cycles; the last has no limit
};

// What is not looked at while more comes than can be looked at; each includes those before.
enum overload_level {
	OVERLOAD_NONE,
	OVERLOAD_STREAMS, // TCP connections that are not read yet
	OVERLOAD_PATTERNS, // of rules
	OVERLOAD_FLOWS, // that would begin
	OVERLOAD_LEVELS
};

enum verdict_label {
	VERDICT_FORWARD,
	VERDICT_TAG,
	VERDICT_DROP,
	VERDICT_WOULD_TAG, // but for mode tap
	VERDICT_WOULD_DROP,
	VERDICT_COUNT
};

// Only uint64_t members: it is copied by words.
struct counters {
	uint64_t packets[DIRECTIONS_MAX][REASON_COUNT]; // every received packet, exactly once
	uint64_t received_bytes[DIRECTIONS_MAX];
	uint64_t verdicts[VERDICT_COUNT]; // packets
	uint64_t l2[DIRECTIONS_MAX][L2_COUNT]; // packets that are not IP

	uint64_t flows_created;
	uint64_t flows_ended[FLOW_END_COUNT];
	uint64_t ended_packets; // of flows that ended, where flow records are wanted
	uint64_t flows_refused; // no entry to give
	uint64_t flows; // now

	uint64_t app_flows[APP_MAX]; // flows whose verdict became this application
	uint64_t app_packets[APP_MAX]; // forwarded or dropped
	uint64_t app_bytes[APP_MAX];
	uint64_t confidence_flows[4]; // by enum confidence, when the verdict was given

	uint64_t streams; // TCP connections whose bytes are read, now
	uint64_t streams_lost; // another needed its place: what waited in it is not read
	uint64_t stream_buffers_lost; // likewise, for directions
	uint64_t segments_beyond; // came too early to be kept
	uint64_t segments_wrong; // of a wrong checksum
	uint64_t segments_refused; // outside of the receiver's window, or older than its timestamp

	uint64_t fragments_reassembled; // datagrams
	uint64_t fragments_evicted; // incomplete datagrams given up for others
	uint64_t fragments_expired; // incomplete for too long
	uint64_t fragments_spoilt; // they contradict each other
	uint64_t fragments_wrong; // fragments with a wrong header checksum
	uint64_t fragments_refused; // fragments without a place

	uint64_t scans;
	uint64_t scanned_bytes;
	uint64_t rule_matches;
	uint64_t findings_full; // values or facts that had no room
	uint64_t undecrypted; // packets: more of them came than may be decrypted
	uint64_t evidence_sent;
	uint64_t evidence_lost; // the ring was full
	uint64_t tag_failed; // no room in front of the frame for a VLAN tag

	uint64_t overload_level; // now; not a sum
	uint64_t overload_raised[OVERLOAD_LEVELS]; // times that each level was reached from below

	uint64_t polls;
	uint64_t polls_empty;
	uint64_t busy_cycles;
	uint64_t cycles; // since the worker started
	uint64_t last_poll_ns; // since the epoch
	uint64_t burst_packets[BURST_BUCKETS]; // bursts by size
	uint64_t burst_cycles[DURATION_BUCKETS]; // bursts by duration; the sum stands behind them
	uint64_t burst_cycles_sum;
	uint64_t scan_cycles[DURATION_BUCKETS]; // scans by duration, likewise
	uint64_t scan_cycles_sum;
};

enum {
	COUNTERS_WORDS = sizeof(struct counters) / sizeof(uint64_t)
};

// Written by one worker, read by anyone.
struct counters_public {
	alignas(64) atomic_uint sequence; // odd while the worker writes
	alignas(64) _Atomic uint64_t words[COUNTERS_WORDS];
};

// Worker: shows what it counted so far. A few microseconds; once a millisecond is often enough.
void counters_publish(struct counters_public *published, const struct counters *counters);

// Anyone: one consistent moment. False (and `counters` untouched) when the worker was writing at
// every one of many tries.
bool counters_read(const struct counters_public *published, struct counters *counters);

// sum += counters, word by word (`last_poll_ns` becomes the smaller one).
void counters_add(struct counters *sum, const struct counters *counters);

// Packet path: enters one duration into `burst_cycles` or `scan_cycles`.
static inline void counters_duration(uint64_t buckets[DURATION_BUCKETS], uint64_t cycles)
{
	unsigned bucket = cycles <= 256 ? 0 : 64 - 8 - __builtin_clzll(cycles - 1);

	buckets[bucket < DURATION_BUCKETS ? bucket : DURATION_BUCKETS - 1]++;
}

static inline enum reason_group reason_group(enum reason reason)
{
	static const uint8_t groups[REASON_COUNT] = {
#define REASON(name, group, label, help) [REASON_##name] = REASON_GROUP_##group,
#include "reasons.def"
#undef REASON
	};

	return groups[reason];
}
const char *reason_label(enum reason reason);
const char *reason_help(enum reason reason);

// SPDX-License-Identifier: BSD-3-Clause
// Copies of the packets that somebody asked for, from workers to the manager.
//
// Thread: each worker writes its own ring and waits for nobody: without room a packet is lost to
//         the capture, which is counted, and forwarded all the same. The manager reads.
// Memory: all at creation, 4 MiB a worker; there is none while nobody captures.
#pragma once

#include "flow.h"

enum {
	SNIFF_BYTES = 2048, // of a frame that are kept
};

// All that is set must hold.
struct sniff_filter {
	bool has_host, has_flow, has_app;
	bool is_ip4;
	uint8_t host[16]; // either end
	uint8_t app;
	uint64_t flow; // flow_id()
};

// The frame as it left, or would have left, and what was decided about it.
struct sniff_record {
	uint32_t bytes; // of the whole record; 0: the ring goes on at its start
	uint32_t length, wire_length; // of `data`, of the frame
	uint8_t direction, reason, app, confidence;
	bool is_tagged;
	uint64_t time_ns;
	uint64_t flow; // 0: none
	uint8_t data[];
};

struct sniff;

// NULL with errno ENOMEM. Free with sniff_free(), once no worker uses it.
struct sniff *sniff_create(const struct sniff_filter *filter, unsigned worker_count);
void sniff_free(struct sniff *sniff);

// Worker `index`: copies what is asked for of a burst that went through its path; `flows` are
// those that the packets point to.
void sniff_burst(struct sniff *sniff, unsigned index, struct flow_table *flows,
		const struct burst *burst, unsigned direction);

// Manager: the oldest record of all that wait, valid until sniff_pop(), which removes it; NULL:
// none. `worker` is whose it is.
const struct sniff_record *sniff_peek(struct sniff *sniff, unsigned *worker);
void sniff_pop(struct sniff *sniff, unsigned worker);
// Packets that were asked for and found no room.
uint64_t sniff_lost(const struct sniff *sniff);

// SPDX-License-Identifier: BSD-3-Clause
// A question about live flows that the manager leaves with a worker, and the worker's answer.
//
// Thread: while `asked` equals `answered` all of it is the manager's, otherwise the worker's, who
//         looks at a few buckets of its flow table each round until there is a page of flows or the
//         table ends. Nobody waits for the other.
#pragma once

#include "flow.h"

#include <stdalign.h>
#include <stdatomic.h>

enum {
	INQUIRY_FLOWS = 1024, // on a page
};

struct inquiry {
	alignas(64) atomic_uint asked; // manager writes
	alignas(64) atomic_uint answered; // worker writes

	bool is_awaited; // the manager's at any time: somebody waits for the answer

	// The question. All that is set must hold.
	bool has_host, is_ip4, has_app;
	uint8_t host[16]; // either end
	uint8_t app;
	uint32_t bucket; // where to begin; in the answer: where to go on

	// The answer.
	bool is_end; // of the table
	unsigned count;
	struct flow_record flows[INQUIRY_FLOWS]; // their `reason` means nothing
};

static inline bool inquiry_is_open(const struct inquiry *inquiry)
{
	return atomic_load_explicit(&inquiry->asked, memory_order_acquire) !=
			atomic_load_explicit(&inquiry->answered, memory_order_acquire);
}

// Manager: the question is complete.
void inquiry_ask(struct inquiry *inquiry);
// Worker, while it is open, between two bursts: goes on with the answer. A few microseconds.
void inquiry_work(struct inquiry *inquiry, struct flow_table *flows);

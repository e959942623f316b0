// SPDX-License-Identifier: BSD-3-Clause
// Workers and manager without threads and devices: they take turns, and time is the capture's.
//
// Packets go in batches of BURST_PACKETS in the order in which they come; each batch is spread
// over the workers by address as receive side scaling would, and all evidence of a batch is learned
// in the order of its packets. So the verdicts depend neither on speed nor on the number of workers.
#pragma once

#include "capture.h"
#include "event.h"
#include "host/call.h"
#include "host/host.h"
#include "path.h"
#include "stream.h"

enum {
	ENGINE_WORKERS_MAX = 64
};

struct engine_config {
	const struct policy *policy; // for `worker_count` workers; outlives the engine
	unsigned worker_count;
	uint32_t flows_capacity; // of each worker
	struct flow_timeouts timeouts;
	struct path_budget budget;
	uint32_t tunnels_off; // as for decode_burst()
	uint32_t fragments; // of each worker: datagrams that may be incomplete at the same time
	struct streams_config streams; // of each worker; node and counters do not matter
	uint32_t hosts_capacity;
	uint32_t hosts_expiry_s;
	bool is_backbone; // see host_config

	// What comes out; each may be NULL.
	void (*flow_ended)(void *context, const struct flow_record *record);
	void (*host_ended)(void *context, const struct host *host);
	void (*call_ended)(void *context, const struct call *call);
	// Every frame that the policy lets through, as it leaves it, in the order of the capture.
	void (*frame_left)(void *context, const struct frame *frame);
	void *context;
};

struct engine;

// NULL with errno EINVAL or ENOMEM. Free with engine_free().
struct engine *engine_create(const struct engine_config *config);
void engine_free(struct engine *engine);

// Takes in a copy of the next frame; now and then that runs a batch.
void engine_add(struct engine *engine, enum link link, const struct frame *frame);
// Runs what is still waiting.
void engine_flush(struct engine *engine);
// Flushes, then ends every flow and every host.
void engine_end(struct engine *engine);

void engine_stats(const struct engine *engine, struct event_stats *stats);

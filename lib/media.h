// SPDX-License-Identifier: BSD-3-Clause
// What Skype flows carry in each second, counted by the worker that sees them and told to the
// manager, who judges calls from it (host/call.h).
//
// A flow is counted while its verdict is Skype between peers and better than weak: a few additions a
// packet. The first packet of a later second tells the one before, so there is at most one record a
// second for each such flow that is busy.
//
// Thread: one worker. Memory: all at creation, SLOTS flows at the same time; a flow for which there
// is no slot takes one from another, which tells early what it counted. Records never take more
// than half of the ring: the proofs of others need it.
#pragma once

#include "counters.h"
#include "flow.h"

struct media;
struct rte_ring;

struct media_config {
	int node; // NUMA node, -1: wherever
	struct rte_ring *evidence; // of struct evidence; this worker is its only producer
	struct counters *counters; // the owner's; evidence sent and lost
};

enum {
	MEDIA_SLOTS = 2048
};

// NULL with errno ENOMEM. The caller frees it with media_free().
struct media *media_create(const struct media_config *config);
void media_free(struct media *media);

// Counts a packet of a flow whose application is Skype. `number` is the packet's, 0 on a wire.
void media_count(struct media *media, struct flow_table *flows, const struct packet *packet,
		uint64_t number);

// Tells what is of a second before `now_ns`, of the next `slots` slots.
void media_age(struct media *media, uint64_t now_ns, uint64_t number, unsigned slots);

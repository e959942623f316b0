// SPDX-License-Identifier: BSD-3-Clause
// IP fragments: to their flow as soon as its first fragment came, and put together for inspection.
//
// Packets never wait: every fragment goes on at once. The one that completes a datagram brings the
// transport header and payload of all, as the receiver gets them. Before the first fragment was
// seen, others belong to no flow.
//
// Memory: fragments_create() takes all of it. When there is no room, the oldest datagram of the
// same set gives way; that is counted, and a first fragment without a place shows what it holds.
// Thread: one worker owns it. NICs hash fragments by addresses only, so all of a datagram are one
// worker's, but not always the worker that has the unfragmented packets of the flow.
#pragma once

#include "packet.h"

#include <stddef.h>

struct counters;

struct fragments_config {
	uint32_t datagrams; // that may be incomplete at the same time, 1 .. 2^20
	int node; // NUMA node, -1: wherever
	struct counters *counters; // the owner's
};

struct fragments;

// NULL with errno EINVAL or ENOMEM. The caller frees it with fragments_free().
struct fragments *fragments_create(const struct fragments_config *config);
void fragments_free(struct fragments *fragments);
size_t fragments_bytes(const struct fragments *fragments);

// Between decode and flow lookup: gives fragments the key of their flow, or none, and payload only
// with the last of them to arrive, then with PACKET_REASSEMBLED (and PACKET_DOUBTFUL) and what decode says of the whole;
// of longer datagrams the first 16 KiB. The payload is there until the next burst. `tunnels_off`
// is that of decode_burst().
void fragment_burst(struct fragments *fragments, struct burst *burst, uint32_t tunnels_off);

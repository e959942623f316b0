// SPDX-License-Identifier: BSD-3-Clause
// A polling thread: receives, classifies and transmits; shares nothing that it writes but its
// channel.
#pragma once

#include "path.h"
#include "shared.h"
#include "stream.h"

struct worker_config {
	unsigned index; // its channel, its scratch and its queue of every port
	int node; // NUMA node of its memory, -1: wherever
	uint32_t flows; // capacity
	struct flow_timeouts timeouts;
	struct path_budget budget;
	uint32_t tunnels_off; // as for decode_burst()
	uint32_t fragments; // datagrams that may be incomplete at the same time
	struct streams_config streams; // node and counters do not matter
};

// NULL with errno EINVAL or ENOMEM. Free with worker_free() after worker_main() has returned.
struct worker *worker_create(struct shared *shared, const struct worker_config *config);
void worker_free(struct worker *worker);

// The thread: forwards until `shared->stop`, then drains what is under way, ends its flows and
// returns 0. For rte_eal_remote_launch().
int worker_main(void *worker);

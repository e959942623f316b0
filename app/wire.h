// SPDX-License-Identifier: BSD-3-Clause
// The ports of each pair while they forward: link state goes from one to the other (link.h says
// how), and a port whose driver asks for a reset gets one, with all that was set on it.
//
// Thread: the manager; threads of DPDK's that report events only set a flag.
#pragma once

#include "options.h"
#include "port.h"
#include "shared.h"
#include "snapshot.h"

struct wire;

// Borrowed for as long as the wire is open.
struct wire_config {
	const struct options *options;
	struct shared *shared;
	struct port *ports; // [options->port_count], started
	const struct port_pools *pools;
	const struct port_config *port_config;
};

// NULL with errno ENOMEM. Free with wire_close().
struct wire *wire_open(const struct wire_config *config, uint64_t now_ms);
// Ports that are held down are let up: some drivers would leave them so for the next who starts.
void wire_close(struct wire *wire);

// Looks at all ports and does what is due. Every 100 ms or so; `now_ms` must not run backwards.
void wire_run(struct wire *wire, uint64_t now_ms);

// What is known of the links, into the ports of `snapshot`.
void wire_gather(const struct wire *wire, struct snapshot *snapshot);

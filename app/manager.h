// SPDX-License-Identifier: BSD-3-Clause
// The main thread: takes evidence and flow records from the workers, keeps the hosts, answers
// those who ask, and mostly sleeps.
#pragma once

#include "eal.h"
#include "options.h"
#include "port.h"
#include "shared.h"
#include "wire.h"

struct manager_config {
	const struct options *options;
	const struct host_plan *plan;
	struct shared *shared;
	struct scan_cache *patterns; // of what is in force; NULL: none
	const struct port *ports; // [options->port_count]
	const struct port_pools *pools;
	struct wire *wire; // of these ports
};

struct manager;

// Holds back the signals that end the program or ask for a reload until manager_run(). Before any thread starts.
void manager_hold_signals(void);

// NULL after a message. Free with manager_free().
struct manager *manager_create(const struct manager_config *config);
// Not while a worker runs. False when a reload still compiles: the thread that does goes on to use
// options and patterns.
bool manager_free(struct manager *manager);
// The part of it that others notice: sockets and event files. Even while a worker runs.
void manager_close(struct manager *manager);

// Serves until SIGTERM or SIGINT, with a reload at SIGHUP, then has the workers stop and takes all that they still have.
// False when a worker does not stop: what it may still use, the manager among it, is not to be freed.
bool manager_run(struct manager *manager);

// SPDX-License-Identifier: BSD-3-Clause
// The same numbers for `dpdk-telemetry.py`: commands /wiretag/... of DPDK's telemetry socket.
//
// DPDK answers from threads of its own, one a client, so it never gathers: the manager does, ten
// times a second, and its threads read what was gathered last under a mutex that no worker knows.
// A reply holds 16 KiB at most: lists of things take the first index as parameter.
#pragma once

#include "snapshot.h"

// After rte_eal_init(), once in the life of a process: DPDK forgets no command. `source` is copied
// and asked by telemetry_refresh(). 0 or -errno.
int telemetry_open(const struct snapshot_source *source);
// Manager: gathers anew, unless a client is just being answered. Every 100 ms or so.
void telemetry_refresh(void);
// From now on the commands have no answer.
void telemetry_close(void);

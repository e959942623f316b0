// SPDX-License-Identifier: BSD-3-Clause
// CPUs for the manager and the workers.
#pragma once

#include "eal.h"

// Fills plan->placement from the options, the devices' NUMA nodes and the CPUs that this process
// may use. Warns once where a worker is not on the node of the ports.
int cpus_place(const struct options *options, struct host_plan *plan);

// How many workers to have, before it is known where they run.
unsigned cpus_worker_count(const struct options *options);

// The NUMA node of a CPU; -1: unknown.
int cpus_node(int cpu);

// SPDX-License-Identifier: BSD-3-Clause
#include "eal_cpus.h"

#include "eal_device.h"
#include "fail.h"
#include "log.h"

#include <rte_common.h>

#include <numa.h>
#include <sched.h>
#include <stdlib.h>

LOG_TYPE("cpus");

enum {
	WORKERS_AUTO_MAX = 8 // more is for the user to decide
};

// How good a CPU is for a worker; less is better.
enum rank {
	RANK_FREE,
	RANK_SIBLING, // shares a core with another CPU of lower number
	RANK_FIRST, // CPU 0 has the kernel's work
	RANK_MANAGER,
	RANK_FAR = 8, // on another node than the ports: added to the others
	RANK_NONE = 16,
};

static bool spreads_flows(const struct options *options)
{
	for (unsigned i = 0; i < options->port_count; i++) {
		if (!device_spreads_flows(&options->ports[i]))
			return false;
	}
	return true;
}

static bool has_virtual_port(const struct options *options)
{
	for (unsigned i = 0; i < options->port_count; i++) {
		if (options->ports[i].kind == PORT_VDEV)
			return true;
	}
	return false;
}

// The first CPU of the core that `cpu` belongs to.
static int core_of(int cpu)
{
	char path[128];
	FILE *file;
	int first = cpu;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
			cpu);
	file = fopen(path, "re");
	if (file == NULL)
		return cpu;
	if (fscanf(file, "%d", &first) != 1)
		first = cpu;
	fclose(file);
	return first;
}

int cpus_node(int cpu)
{
	return numa_available() < 0 ? -1 : numa_node_of_cpu(cpu);
}

static enum rank rank_of(int cpu, const struct placement *placement)
{
	enum rank rank = RANK_FREE;

	if (cpu == placement->manager)
		rank = RANK_MANAGER;
	else if (cpu == 0)
		rank = RANK_FIRST;
	else if (core_of(cpu) != cpu)
		rank = RANK_SIBLING;
	if (placement->node >= 0 && cpus_node(cpu) != placement->node)
		rank += RANK_FAR;
	return rank;
}

// The ranks of the CPUs that this process may use; RANK_NONE for the others.
static void rank_all(const cpu_set_t *usable, const struct placement *placement,
		uint8_t ranks[CPU_SETSIZE])
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		ranks[cpu] = CPU_ISSET(cpu, usable) ? rank_of(cpu, placement) : RANK_NONE;
}

static unsigned count_ranks(const uint8_t ranks[CPU_SETSIZE], unsigned below)
{
	unsigned count = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		count += ranks[cpu] < below;
	return count;
}

static int best_cpu(const uint8_t ranks[CPU_SETSIZE])
{
	int best = 0;

	for (int cpu = 1; cpu < CPU_SETSIZE; cpu++) {
		if (ranks[cpu] < ranks[best])
			best = cpu;
	}
	return best;
}

static int lowest_cpu(const cpu_set_t *usable)
{
	int cpu = 0;

	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, usable))
		cpu++;
	return cpu;
}

static void warn_far(const struct placement *placement)
{
	for (unsigned i = 0; placement->node >= 0 && i < placement->worker_count; i++) {
		int node = cpus_node(placement->workers[i]);

		if (node == placement->node)
			continue;
		LOG(WARNING, "worker %u on CPU %d is on NUMA node %d, the ports are on node %d: packets cross between them",
				i, placement->workers[i], node, placement->node);
		return;
	}
}

static void find_node(struct host_plan *plan)
{
	int node = -1;

	for (unsigned i = 0; i < plan->device_count; i++) {
		int other = plan->devices[i].node;

		if (node >= 0 && other >= 0 && other != node) {
			LOG(WARNING, "ports are on NUMA nodes %d and %d: packets cross between them",
					node, other);
			break;
		}
		if (node < 0)
			node = other;
	}
	plan->placement.node = node;
}

unsigned cpus_worker_count(const struct options *options)
{
	cpu_set_t usable;
	unsigned cores = 0;

	if (options->workers != OPTIONS_AUTO)
		return options->workers;
	if (options->cpu_count > 0)
		return options->cpu_count;
	if (has_virtual_port(options) || sched_getaffinity(0, sizeof(usable), &usable) < 0)
		return 1;
	for (int cpu = 1; cpu < CPU_SETSIZE; cpu++)
		cores += CPU_ISSET(cpu, &usable) && core_of(cpu) == cpu;
	return RTE_MAX(1u, RTE_MIN(cores, (unsigned)WORKERS_AUTO_MAX));
}

static int check_usable(const cpu_set_t *usable, int cpu)
{
	if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, usable))
		return 0;
	LOG(ERR, "this process may not use CPU %d; see: taskset -cp $$; lscpu -e", cpu);
	return fail(ENODEV);
}

static int place_listed(
		const struct options *options, const cpu_set_t *usable, struct placement *placement)
{
	for (unsigned i = 0; i < options->cpu_count; i++) {
		if (check_usable(usable, options->cpus[i]) < 0)
			return -errno;
		placement->workers[i] = options->cpus[i];
	}
	return 0;
}

static void place_best(
		const struct options *options, const cpu_set_t *usable, struct placement *placement)
{
	uint8_t ranks[CPU_SETSIZE];
	unsigned good;

	rank_all(usable, placement, ranks);
	good = count_ranks(ranks, RANK_SIBLING);
	if (options->workers == OPTIONS_AUTO && good > 0)
		placement->worker_count = RTE_MIN(placement->worker_count, good);
	if (placement->worker_count > count_ranks(ranks, RANK_NONE))
		LOG(WARNING, "%u workers share %u CPUs: each polls, so they slow each other down",
				placement->worker_count, count_ranks(ranks, RANK_NONE));
	for (unsigned i = 0; i < placement->worker_count; i++) {
		int cpu = best_cpu(ranks);

		if (ranks[cpu] == RANK_NONE) {
			rank_all(usable, placement, ranks);
			cpu = best_cpu(ranks);
		}
		placement->workers[i] = cpu;
		ranks[cpu] = RANK_NONE;
	}
}

int cpus_place(const struct options *options, struct host_plan *plan)
{
	struct placement *placement = &plan->placement;
	cpu_set_t usable;

	if (sched_getaffinity(0, sizeof(usable), &usable) < 0)
		return fail(errno);
	find_node(plan);
	placement->worker_count = cpus_worker_count(options);
	placement->manager = options->manager_cpu == OPTIONS_AUTO ? lowest_cpu(&usable) :
								    (int)options->manager_cpu;
	if (check_usable(&usable, placement->manager) < 0)
		return -errno;
	if (options->cpu_count == 0)
		place_best(options, &usable, placement);
	else if (place_listed(options, &usable, placement) < 0)
		return -errno;
	warn_far(placement);
	if (placement->worker_count > 1 && !spreads_flows(options))
		LOG(WARNING, "not every port sends both directions of a flow to the same worker: some flows are only half seen");
	return 0;
}

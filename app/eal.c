// SPDX-License-Identifier: BSD-3-Clause
#include "eal.h"

#include "eal_cpus.h"
#include "eal_device.h"
#include "fail.h"
#include "log.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

LOG_TYPE("eal");

enum {
	ARGUMENTS_MAX = 160,
	DESCRIPTORS = 1024, // of a queue, at most
	CACHE_MBUFS = 512, // that a worker's pool cache may hold back
	FRAME_OVERHEAD = 14 + 3 * 4 + 4, // Ethernet, two VLAN tags and ours, FCS
	SLOT_OVERHEAD = 66, // what an AF_PACKET slot has before the frame
	OBJECT_OVERHEAD = 256, // mbuf and pool headers
	SMALL_PAGE = 4096,
	SPARE_BYTES = 32 << 20, // for all that DPDK allocates besides
	MEGABYTE = 1 << 20,
};

// Bytes in free huge pages of one node.
static uint64_t free_hugepages(int node)
{
	char folder_name[64], path[384];
	unsigned long pages, size_kb;
	uint64_t bytes = 0;
	DIR *folder;

	snprintf(folder_name, sizeof(folder_name), "/sys/devices/system/node/node%d/hugepages",
			RTE_MAX(node, 0));
	folder = opendir(folder_name);
	if (folder == NULL)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		FILE *file;

		if (sscanf(entry->d_name, "hugepages-%lukB", &size_kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", folder_name, entry->d_name);
		file = fopen(path, "re");
		if (file == NULL)
			continue;
		if (fscanf(file, "%lu", &pages) == 1)
			bytes += (uint64_t)pages * size_kb * 1024;
		fclose(file);
	}
	closedir(folder);
	return bytes;
}

// NUMA nodes that ports are on; each gets a pool.
static unsigned count_nodes(const struct host_plan *plan)
{
	unsigned count = 0;

	for (unsigned i = 0; i < plan->device_count; i++) {
		unsigned other = 0;

		while (other < i && plan->devices[other].node != plan->devices[i].node)
			other++;
		count += other == i;
	}
	return count;
}

uint32_t eal_buffer_bytes(uint32_t mtu)
{
	uint32_t bytes = mtu + FRAME_OVERHEAD + SLOT_OVERHEAD;

	return bytes <= EAL_BUFFER_BYTES ? EAL_BUFFER_BYTES : RTE_ALIGN(bytes, SMALL_PAGE);
}

// Enough for every descriptor to hold one while each worker handles a burst.
static void plan_mbufs(const struct options *options, struct host_plan *plan)
{
	uint32_t queues = plan->device_count * plan->placement.worker_count;

	plan->mbuf_bytes = RTE_PKTMBUF_HEADROOM + eal_buffer_bytes(options->mtu);
	plan->mbufs = options->mbufs;
	if (plan->mbufs == OPTIONS_AUTO)
		plan->mbufs = queues * 2 * DESCRIPTORS +
				plan->placement.worker_count * (CACHE_MBUFS + 2 * BURST_PACKETS);
}

static uint64_t memory_needed(const struct host_plan *plan, bool has_hugepages)
{
	uint64_t object = plan->mbuf_bytes + OBJECT_OVERHEAD;

	// No object crosses a page when pages may lie anywhere.
	if (!has_hugepages)
		object = RTE_ALIGN(object, SMALL_PAGE);
	return plan->mbufs * object + SPARE_BYTES;
}

void eal_memory(const struct host_plan *plan, int node, struct node_memory *memory)
{
	memory->need_mb = memory_needed(plan, true) / MEGABYTE + 1;
	memory->free_mb = free_hugepages(node) / MEGABYTE;
	snprintf(memory->command, sizeof(memory->command),
			"echo %lu > /sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages",
			(memory->need_mb + 1) / 2, RTE_MAX(node, 0));
}

static int plan_memory(const struct options *options, struct host_plan *plan)
{
	int node = RTE_MAX(plan->placement.node, 0);
	struct node_memory memory;

	if (options->memory == MEMORY_NONE)
		return 0;
	eal_memory(plan, node, &memory);
	plan->has_hugepages = memory.free_mb >= memory.need_mb;
	if (plan->has_hugepages)
		return 0;
	if (options->memory == MEMORY_AUTO) {
		LOG(WARNING, "%lu MB of huge pages needed on NUMA node %d, %lu MB free: going on without, which costs about half of the speed; to have them: %s",
				memory.need_mb, node, memory.free_mb, memory.command);
		return 0;
	}
	LOG(ERR, "%lu MB of huge pages needed on NUMA node %d, %lu MB free; to have them: %s",
			memory.need_mb, node, memory.free_mb, memory.command);
	return fail(ENOMEM);
}

int eal_place(const struct options *options, struct host_plan *plan)
{
	unsigned workers = cpus_worker_count(options);

	*plan = (struct host_plan){ .device_count = options->port_count };
	for (unsigned i = 0; i < options->port_count; i++)
		device_resolve(options, i, workers, &plan->devices[i]);
	if (cpus_place(options, plan) < 0)
		return -errno;
	plan_mbufs(options, plan);
	return 0;
}

int eal_plan(const struct options *options, struct host_plan *plan)
{
	char message[DEVICE_MESSAGE_BYTES];

	if (eal_place(options, plan) < 0)
		return -errno;
	for (unsigned i = 0; i < plan->device_count; i++) {
		if (device_is_missing(&plan->devices[i], message)) {
			LOG(ERR, "%s", message);
			return fail(ENODEV);
		}
	}
	return plan_memory(options, plan);
}

struct arguments {
	int count;
	bool failed; // no memory, or too many
	char *items[ARGUMENTS_MAX + 1];
};

__attribute__((format(printf, 2, 3))) static void add(
		struct arguments *arguments, const char *format, ...)
{
	va_list values;
	char *item = NULL;

	va_start(values, format);
	if (vasprintf(&item, format, values) < 0)
		item = NULL;
	va_end(values);
	if (item == NULL || arguments->count == ARGUMENTS_MAX) {
		arguments->failed = true;
		free(item);
		return;
	}
	arguments->items[arguments->count++] = item;
}

static void add_lcores(struct arguments *arguments, const struct placement *placement)
{
	char text[16 * (OPTIONS_WORKERS_MAX + 1)];
	int length = snprintf(text, sizeof(text), "0@%d", placement->manager);

	for (unsigned i = 0; i < placement->worker_count; i++)
		length += snprintf(text + length, sizeof(text) - length, ",%u@%d", i + 1,
				placement->workers[i]);
	add(arguments, "--lcores");
	add(arguments, "%s", text);
	add(arguments, "--main-lcore");
	add(arguments, "0");
}

static void add_candidate(void *context, const char *address)
{
	add(context, "-a");
	add(context, "%s", address);
}

// Without any -a the EAL would take whatever it finds, the host's own NIC too.
static void add_pci(struct arguments *arguments, const struct host_plan *plan)
{
	int before = arguments->count;
	bool searches = false;

	for (unsigned i = 0; i < plan->device_count; i++)
		searches |= !plan->devices[i].is_resolved;
	if (searches)
		device_each_candidate(add_candidate, arguments);
	for (unsigned i = 0; i < plan->device_count; i++) {
		const struct device *device = &plan->devices[i];

		// The last of two with the same address is what counts.
		if (device->is_physical && device->is_resolved) {
			add(arguments, "-a");
			add(arguments, "%s", device->text);
		}
	}
	if (arguments->count == before)
		add(arguments, "--no-pci");
}

static void add_vdevs(struct arguments *arguments, const struct host_plan *plan)
{
	for (unsigned i = 0; i < plan->device_count; i++) {
		if (plan->devices[i].is_physical)
			continue;
		add(arguments, "--vdev");
		add(arguments, "%s", plan->devices[i].text);
	}
}

static void add_memory(struct arguments *arguments, const struct host_plan *plan)
{
	if (plan->has_hugepages) {
		add(arguments, "--in-memory");
		return;
	}
	add(arguments, "--no-huge");
	add(arguments, "-m");
	add(arguments, "%lu", count_nodes(plan) * memory_needed(plan, false) / MEGABYTE + 1);
}

static void add_params(struct arguments *arguments, const struct yaml_node *map)
{
	for (unsigned i = 0; i < yaml_count(map); i++) {
		const char *name = yaml_text(yaml_key(map, i));

		add(arguments, "%s%s", name[1] == '\0' ? "-" : "--", name);
		if (yaml_text(yaml_value(map, i))[0] != '\0')
			add(arguments, "%s", yaml_text(yaml_value(map, i)));
	}
}

static void build_arguments(struct arguments *arguments, const struct options *options,
		const struct host_plan *plan)
{
	add(arguments, "wiretag");
	add_lcores(arguments, &plan->placement);
	add_pci(arguments, plan);
	add_vdevs(arguments, plan);
	add_memory(arguments, plan);
	add(arguments, "--file-prefix");
	add(arguments, "%s", options->file_prefix);
	if (!options->telemetry)
		add(arguments, "--no-telemetry");
	add(arguments, "--log-level=*:%u", options->log_level + 1);
	add(arguments, "--log-level=wiretag.*:info");
	add_params(arguments, options->eal_params);
}

static void log_arguments(const struct arguments *arguments)
{
	char text[4096];
	int length = 0;

	for (int i = 1; i < arguments->count && length < (int)sizeof(text); i++)
		length += snprintf(
				text + length, sizeof(text) - length, " %s", arguments->items[i]);
	LOG(INFO, "EAL arguments:%s", text);
}

static void arguments_fini(struct arguments *arguments)
{
	for (int i = 0; i < arguments->count; i++)
		free(arguments->items[i]);
}

// 0, or -errno after a message; to be given back with arguments_fini() either way.
static int arguments_init(struct arguments *arguments, const struct options *options,
		const struct host_plan *plan)
{
	*arguments = (struct arguments){ 0 };
	build_arguments(arguments, options, plan);
	if (!arguments->failed)
		return 0;
	LOG(ERR, "too many or too large EAL arguments");
	return fail(E2BIG);
}

int eal_print(const struct options *options, const struct host_plan *plan, FILE *stream)
{
	struct host_plan with_memory = *plan;
	struct arguments arguments;
	struct node_memory memory;
	int ret;

	eal_memory(plan, plan->placement.node, &memory);
	with_memory.has_hugepages = options->memory == MEMORY_HUGEPAGES ||
			(options->memory == MEMORY_AUTO && memory.free_mb >= memory.need_mb);
	ret = arguments_init(&arguments, options, &with_memory);
	for (int i = 1; i < arguments.count && ret == 0; i++) {
		const char *item = arguments.items[i];
		const bool is_plain = strpbrk(item, " \t\n'\"\\$&|;<>()*?[]#~`") == NULL;

		fprintf(stream, is_plain ? "%s%s" : "%s'%s'", i == 1 ? "" : " ", item);
	}
	fputs(ret == 0 ? "\n" : "", stream);
	arguments_fini(&arguments);
	return ret;
}

static int explain_init(const struct options *options, const struct host_plan *plan)
{
	int error = rte_errno == 0 ? EINVAL : rte_errno;
	char message[DEVICE_MESSAGE_BYTES];

	for (unsigned i = 0; i < plan->device_count; i++) {
		if (device_lacks_driver(&plan->devices[i], message)) {
			LOG(ERR, "%s", message);
			return fail(error);
		}
	}
	if (error == EACCES || error == EPERM)
		LOG(ERR, "DPDK does not start: %s; is this user allowed to? As root: sudo wiretag run",
				strerror(error));
	else
		LOG(ERR, "DPDK does not start: %s; is another one running with dpdk.file_prefix '%s'? 'dpdk.log_level: debug' shows more",
				strerror(error), options->file_prefix);
	return fail(error);
}

int eal_start(const struct options *options, const struct host_plan *plan)
{
	struct arguments arguments;
	char *items[ARGUMENTS_MAX + 1];
	int error = arguments_init(&arguments, options, plan);

	if (error == 0) {
		log_arguments(&arguments);
		// The EAL reorders what it is given.
		memcpy(items, arguments.items, sizeof(items));
		if (rte_eal_init(arguments.count, items) < 0)
			error = explain_init(options, plan);
	}
	arguments_fini(&arguments);
	return error;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}

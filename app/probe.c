// SPDX-License-Identifier: BSD-3-Clause
#include "probe.h"

#include "eal.h"
#include "eal_cpus.h"
#include "eal_device.h"

#include <rte_common.h>

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct probe {
	FILE *stream;
	const struct options *options;
	struct host_plan plan;
	int missing;
};

enum finding {
	FINDING_OK,
	FINDING_HINT, // works, but slower
	FINDING_MISSING,
};

__attribute__((format(printf, 4, 5))) static void tell(struct probe *probe, enum finding finding,
		const char *what, const char *format, ...)
{
	static const char *const words[] = { "ok", "hint", "MISSING" };
	va_list arguments;

	probe->missing += finding == FINDING_MISSING;
	fprintf(probe->stream, "%-8s %-11s ", words[finding], what);
	va_start(arguments, format);
	vfprintf(probe->stream, format, arguments);
	va_end(arguments);
	fputc('\n', probe->stream);
}

static bool is_vfio(const struct device *device)
{
	char driver[64];

	device_kernel_driver(device, driver, sizeof(driver));
	return device->is_physical && strcmp(driver, "vfio-pci") == 0;
}

static unsigned count_vfio(const struct probe *probe)
{
	unsigned count = 0;

	for (unsigned i = 0; i < probe->plan.device_count; i++)
		count += is_vfio(&probe->plan.devices[i]);
	return count;
}

static void probe_devices(struct probe *probe)
{
	for (unsigned i = 0; i < probe->plan.device_count; i++) {
		const struct device *device = &probe->plan.devices[i];
		char message[DEVICE_MESSAGE_BYTES], driver[64];

		if (device_is_missing(device, message) || device_lacks_driver(device, message)) {
			tell(probe, FINDING_MISSING, "port", "%s", message);
			continue;
		}
		device_kernel_driver(device, driver, sizeof(driver));
		tell(probe, FINDING_OK, "port", "port '%s': %s%s%s", device->port->name,
				device->name, device->is_physical ? ", driver " : "",
				device->is_physical ? driver : "");
	}
}

static void probe_pairs(struct probe *probe)
{
	for (unsigned i = 0; i < probe->options->pair_count; i++) {
		const struct pair_options *pair = &probe->options->pairs[i];
		int inside = probe->plan.devices[pair->inside].node;
		int outside = probe->plan.devices[pair->outside].node;

		if (inside == outside || inside < 0 || outside < 0)
			tell(probe, FINDING_OK, "pair", "pair '%s': not on two NUMA nodes",
					pair->name);
		else
			tell(probe, FINDING_HINT, "pair",
					"pair '%s': ports on NUMA nodes %d and %d; put both cards into slots of one node: lspci -vv | grep -E 'Ethernet|NUMA'",
					pair->name, inside, outside);
	}
}

static void probe_node(struct probe *probe, int node)
{
	struct node_memory memory;

	eal_memory(&probe->plan, node, &memory);
	if (memory.free_mb >= memory.need_mb)
		tell(probe, FINDING_OK, "huge pages", "%lu MB needed on NUMA node %d, %lu MB free",
				memory.need_mb, node, memory.free_mb);
	else
		tell(probe,
				probe->options->memory == MEMORY_HUGEPAGES ? FINDING_MISSING :
									     FINDING_HINT,
				"huge pages", "%lu MB needed on NUMA node %d, %lu MB free: %s",
				memory.need_mb, node, memory.free_mb, memory.command);
}

// Each node that has a port, once.
static void probe_memory(struct probe *probe)
{
	const struct host_plan *plan = &probe->plan;

	if (probe->options->memory == MEMORY_NONE) {
		tell(probe, FINDING_OK, "huge pages", "not wanted (dpdk.memory: none)");
		return;
	}
	for (unsigned i = 0; i < plan->device_count; i++) {
		unsigned other = 0;

		while (other < i &&
				RTE_MAX(plan->devices[other].node, 0) !=
						RTE_MAX(plan->devices[i].node, 0))
			other++;
		if (other == i)
			probe_node(probe, RTE_MAX(plan->devices[i].node, 0));
	}
}

// Whether `cpu` is in a list such as "2-5,8".
static bool is_in_list(const char *list, int cpu)
{
	char *end;

	while (*list >= '0' && *list <= '9') {
		long first = strtol(list, &end, 10), last = first;

		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		if (cpu >= first && cpu <= last)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

static void read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	line[0] = '\0';
	if (file == NULL)
		return;
	if (fgets(line, size, file) == NULL)
		line[0] = '\0';
	fclose(file);
}

static void probe_cpus(struct probe *probe)
{
	const struct placement *placement = &probe->plan.placement;
	char isolated[1024], missing[512] = "";
	size_t length = 0;

	read_line("/sys/devices/system/cpu/isolated", isolated, sizeof(isolated));
	tell(probe, FINDING_OK, "CPUs", "%u workers and the manager have CPUs that are online",
			placement->worker_count);
	for (unsigned i = 0; i < placement->worker_count; i++) {
		if (!is_in_list(isolated, placement->workers[i]) && length + 8 < sizeof(missing))
			length += snprintf(missing + length, sizeof(missing) - length, "%s%d",
					length == 0 ? "" : ",", placement->workers[i]);
	}
	if (length == 0)
		tell(probe, FINDING_OK, "isolation", "the workers' CPUs are theirs alone");
	else
		tell(probe, FINDING_HINT, "isolation",
				"other programs may run on the workers' CPUs; on the kernel's command line: isolcpus=%s nohz_full=%s rcu_nocbs=%s",
				missing, missing, missing);
}

static void probe_placement(struct probe *probe)
{
	const struct placement *placement = &probe->plan.placement;
	char far[512] = "";
	size_t length = 0;

	for (unsigned i = 0; i < placement->worker_count; i++) {
		int node = cpus_node(placement->workers[i]);

		if (placement->node >= 0 && node >= 0 && node != placement->node &&
				length + 8 < sizeof(far))
			length += snprintf(far + length, sizeof(far) - length, "%s%d",
					length == 0 ? "" : ",", placement->workers[i]);
	}
	if (length == 0)
		tell(probe, FINDING_OK, "placement", "the workers run where the ports are");
	else
		tell(probe, FINDING_HINT, "placement",
				"workers' CPUs %s are not on NUMA node %d of the ports; name others in lcores.workers: lscpu -e=CPU,NODE",
				far, placement->node);
}

static bool has_iommu(void)
{
	DIR *folder = opendir("/sys/kernel/iommu_groups");
	unsigned entries = 0;

	if (folder == NULL)
		return false;
	while (entries < 3 && readdir(folder) != NULL)
		entries++;
	closedir(folder);
	return entries > 2; // "." and ".." are always there
}

static void probe_iommu(struct probe *probe)
{
	char unsafe[8];

	if (count_vfio(probe) == 0) {
		tell(probe, FINDING_OK, "IOMMU", "no port needs one");
		return;
	}
	read_line("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", unsafe, sizeof(unsafe));
	if (has_iommu())
		tell(probe, FINDING_OK, "IOMMU", "on");
	else if (unsafe[0] == 'Y')
		tell(probe, FINDING_HINT, "IOMMU",
				"off, and VFIO does without: a card may write anywhere");
	else
		tell(probe, FINDING_MISSING, "IOMMU",
				"switch it on in the firmware and on the kernel's command line: intel_iommu=on iommu=pt");
}

static void probe_memlock(struct probe *probe)
{
	struct rlimit limit;

	if (count_vfio(probe) == 0 || geteuid() == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0 ||
			limit.rlim_cur == RLIM_INFINITY)
		tell(probe, FINDING_OK, "memlock", "as much as is needed");
	else
		tell(probe, FINDING_MISSING, "memlock",
				"only %lu kB may be locked; ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit",
				limit.rlim_cur / 1024);
}

int probe_host(FILE *stream, const struct options *options)
{
	struct probe probe = { .stream = stream, .options = options };
	int ret = eal_place(options, &probe.plan);

	if (ret < 0)
		return ret;
	probe_devices(&probe);
	probe_pairs(&probe);
	probe_memory(&probe);
	probe_cpus(&probe);
	probe_placement(&probe);
	probe_iommu(&probe);
	probe_memlock(&probe);
	return probe.missing;
}

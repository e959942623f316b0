// SPDX-License-Identifier: BSD-3-Clause
#include "process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	SECOND_NS = 1000000000
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

// Since the epoch; 0 when it cannot be told.
static uint64_t start_ns(void)
{
	FILE *file = fopen("/proc/self/stat", "re");
	unsigned long long ticks = 0;
	char line[1024] = "";
	const char *at;

	if (file == NULL)
		return 0;
	at = fgets(line, sizeof(line), file);
	fclose(file);
	// proc(5): the name, in brackets, may hold anything; starttime is the 20th field after it.
	at = at != NULL ? strrchr(line, ')') : NULL;
	for (unsigned field = 0; at != NULL && field < 20; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL || sscanf(at, "%llu", &ticks) != 1)
		return 0;
	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) +
			ticks * SECOND_NS / sysconf(_SC_CLK_TCK);
}

static void gather_memory(struct snapshot *snapshot)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t page_bytes = sysconf(_SC_PAGESIZE);
	uint64_t pages, resident;

	if (file == NULL)
		return;
	if (fscanf(file, "%" SCNu64 " %" SCNu64, &pages, &resident) == 2) {
		snapshot->process.virtual_bytes = pages * page_bytes;
		snapshot->process.resident_bytes = resident * page_bytes;
	}
	fclose(file);
}

static void gather_fds(struct snapshot *snapshot)
{
	DIR *folder = opendir("/proc/self/fd");
	struct rlimit limit;
	uint64_t count = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		snapshot->process.max_fds = limit.rlim_cur;
	if (folder == NULL)
		return;
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(folder);
	snapshot->process.open_fds = count - 1; // without the folder itself
}

static uint64_t read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t number = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%" SCNu64, &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

// Huge pages of every size of one NUMA node. False when there is no such node.
static bool gather_node(unsigned number, struct snapshot_node *node)
{
	char path[128];
	DIR *folder;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/hugepages", number);
	folder = opendir(path);
	if (folder == NULL)
		return false;
	*node = (struct snapshot_node){ .node = number };
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		unsigned kb;

		if (sscanf(entry->d_name, "hugepages-%ukB", &kb) != 1)
			continue;
		snprintf(path, sizeof(path),
				"/sys/devices/system/node/node%u/hugepages/hugepages-%ukB/nr_hugepages",
				number, kb);
		node->hugepage_bytes += read_number(path) * kb * 1024;
		snprintf(path, sizeof(path),
				"/sys/devices/system/node/node%u/hugepages/hugepages-%ukB/free_hugepages",
				number, kb);
		node->hugepage_free_bytes += read_number(path) * kb * 1024;
	}
	closedir(folder);
	return true;
}

void process_gather(struct snapshot *snapshot)
{
	struct timespec cpu;

	// Computed from two clocks: once, so that it does not move.
	if (snapshot->process.start_ns == 0)
		snapshot->process.start_ns = start_ns();
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
		snapshot->process.cpu_ns = (uint64_t)cpu.tv_sec * SECOND_NS + cpu.tv_nsec;
	gather_memory(snapshot);
	gather_fds(snapshot);
	snapshot->node_count = 0;
	for (unsigned i = 0; i < SNAPSHOT_NODES_MAX; i++)
		if (gather_node(i, &snapshot->nodes[snapshot->node_count]))
			snapshot->node_count++;
}

// SPDX-License-Identifier: BSD-3-Clause
// What the host has for us, and DPDK started on it: devices, CPUs, memory.
//
// Thread: the main one. Messages name what is missing and the command that provides it.
#pragma once

#include "options.h"

enum {
	DEVICE_TEXT_BYTES = 512
};

// A port's device as the EAL gets it.
struct device {
	const struct port_options *port;
	bool is_physical; // a PCI function
	bool is_resolved; // false: a MAC address that no kernel driver shows
	int node; // NUMA; -1: unknown
	char name[64]; // PCI address or name of the virtual device
	char text[DEVICE_TEXT_BYTES]; // with its arguments
};

// Who runs where.
struct placement {
	int manager; // CPU
	int node; // of the first port that has one; -1: unknown
	unsigned worker_count;
	int workers[OPTIONS_WORKERS_MAX]; // CPUs
};

struct host_plan {
	unsigned device_count;
	struct device devices[OPTIONS_PORTS_MAX];
	struct placement placement;
	uint32_t mbufs; // each pool
	uint32_t mbuf_bytes; // data room of one
	bool has_hugepages;
};

// What a node must have, and has, of huge pages.
struct node_memory {
	uint64_t need_mb, free_mb;
	char command[128]; // that provides them
};

// Decides who runs where with how many buffers; whether the host has all that is another matter. 0,
// or -errno after a message.
int eal_place(const struct options *options, struct host_plan *plan);
void eal_memory(const struct host_plan *plan, int node, struct node_memory *memory);

// Looks at the host and decides. 0, or -errno after a message.
int eal_plan(const struct options *options, struct host_plan *plan);
// Starts DPDK as planned; lcore 0 is the manager, lcore 1 + i is worker i. 0, or -errno after a
// message.
int eal_start(const struct options *options, const struct host_plan *plan);
void eal_stop(void);
// What DPDK would be started with, as one line for a shell. 0, or -errno after a message.
int eal_print(const struct options *options, const struct host_plan *plan, FILE *stream);

enum {
	EAL_BUFFER_BYTES = 2048, // of a buffer unless `mtu` is larger than usual
};

// Bytes of a buffer, besides its headroom, for frames with IP packets of `mtu` bytes: larger ones
// are whole pages, as rings that are shared with the kernel need them.
uint32_t eal_buffer_bytes(uint32_t mtu);

// DPDK's number of the device's port; -errno after a message about what may be missing.
int eal_find_port(const struct device *device);

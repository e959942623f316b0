// SPDX-License-Identifier: BSD-3-Clause
// All numbers of one moment: plain data that the manager gathers and every page is written from.
//
// Large, over half a megabyte: allocate it. What is shown as a value is a uint64_t, so that tables
// can name it by its offset.
#pragma once

#include "counters.h"

enum {
	SNAPSHOT_PORTS_MAX = 2 * PAIRS_MAX,
	SNAPSHOT_WORKERS_MAX = 64,
	SNAPSHOT_QUEUES_MAX = SNAPSHOT_PORTS_MAX * SNAPSHOT_WORKERS_MAX,
	SNAPSHOT_POOLS_MAX = 32,
	SNAPSHOT_NODES_MAX = 8,
	SNAPSHOT_RULES_MAX = 256, // those that get a label of their own
	SNAPSHOT_NAME_BYTES = 64,
	SNAPSHOT_SINKS_MAX = 2,
	SNAPSHOT_XSTATS_MAX = 4096, // of all ports
	SNAPSHOT_DIGEST_BYTES = 64 + 1,
};

struct snapshot_pair {
	char name[SNAPSHOT_NAME_BYTES]; // as configured, unique
	unsigned inside, outside; // indices of its ports
};

struct snapshot_port {
	char name[SNAPSHOT_NAME_BYTES]; // as configured, unique
	char device[SNAPSHOT_NAME_BYTES]; // PCI address or virtual device
	char driver[SNAPSHOT_NAME_BYTES];
	char mac[18]; // "02:00:00:00:00:01"
	int node; // NUMA; -1: unknown
	uint64_t started, up, promiscuous; // 0 or 1
	uint64_t held; // 0 or 1: down because the other port of its pair has no link
	uint64_t link_changes;
	uint64_t speed_bytes; // a second; 0: unknown
	uint64_t mtu_bytes;
	uint64_t rx_packets, rx_bytes, rx_missed, rx_nombuf, rx_errors;
	uint64_t tx_packets, tx_bytes, tx_errors;
};

#define SNAPSHOT_UNKNOWN UINT64_MAX

// One of the numbers that only this kind of device has.
struct snapshot_xstat {
	char name[SNAPSHOT_NAME_BYTES]; // unique with the port
	unsigned port; // index
	uint64_t value;
};

// Who polls which queue.
struct snapshot_queue {
	uint16_t port, queue, worker; // index of the port, the port's queue, index of the worker
	uint64_t descriptors_used; // SNAPSHOT_UNKNOWN: the driver does not tell
};

struct snapshot_worker {
	unsigned lcore; // unique
	int node; // NUMA
	uint64_t flow_capacity;
	uint64_t flow_table_bytes;
	uint64_t silent_ms; // since its last sign of life
	uint64_t stalls; // times that it was silent for longer than HEALTH_STALLED_MS
	uint64_t evidence_waiting, evidence_capacity; // records in its ring
	struct counters counters; // of one moment
};

struct snapshot_pool {
	char name[SNAPSHOT_NAME_BYTES]; // unique
	int node;
	uint64_t objects, available;
};

struct snapshot_node {
	unsigned node; // unique
	uint64_t hugepage_bytes, hugepage_free_bytes;
};

struct snapshot_rule {
	uint32_t id; // unique
	uint64_t matches;
};

// Commands of the site, and how they end.
enum hook {
	HOOK_READY,
	HOOK_DEGRADED,
	HOOK_STOPPING,
	HOOK_COUNT
};

enum hook_outcome {
	HOOK_DONE,
	HOOK_FAILED,
	HOOK_TIMED_OUT,
	HOOK_OUTCOMES
};

// Why an event record did not get to its sink.
enum sink_drop {
	SINK_DROP_RING_FULL, // the exporter was behind
	SINK_DROP_STALLED, // who reads does not take more
	SINK_DROP_NO_READER, // nobody listens at the socket, or the pipe is closed
	SINK_DROP_WRITE_FAILED, // no space left, or the file cannot be opened
	SINK_DROP_COUNT
};

// Where event records go.
struct snapshot_sink {
	const char *name; // static, unique: "file", "unix", "stdout"
	uint64_t is_connected; // 0 or 1
	uint64_t records; // that were taken
	uint64_t dropped[SINK_DROP_COUNT];
	uint64_t waiting_bytes;
	uint64_t waiting_records;
};

struct snapshot {
	uint64_t time_ns; // since the epoch, as all times here
	uint64_t tsc_hz;
	uint64_t scrape_ns; // how long the scrape before this one took

	const char *version, *revision, *dpdk, *regex_engine; // static; NULL is shown as ""

	struct {
		uint64_t start_ns, cpu_ns;
		uint64_t resident_bytes, virtual_bytes;
		uint64_t open_fds, max_fds;
	} process;

	struct {
		uint64_t last_load_ok; // 0 or 1
		uint64_t last_load_ok_ns; // when a configuration was last taken over
		uint64_t is_tap, is_monitor; // 0 or 1
		uint64_t rules;
		uint64_t rejected; // mistakes in what was last refused
		char digest[SNAPSHOT_DIGEST_BYTES]; // SHA-256 of all that is configured
	} config;

	struct {
		uint64_t count, capacity;
		uint64_t learned, expired, evicted;
	} hosts;

	uint64_t hook_runs[HOOK_COUNT][HOOK_OUTCOMES];
	uint64_t is_bypassed; // 0 or 1: as the site was told last, with success

	uint64_t regex_database_bytes;
	uint64_t regex_scratch_bytes; // of all workers

	unsigned pair_count, port_count, queue_count, worker_count;
	unsigned pool_count, node_count, rule_count, app_count, sink_count;
	unsigned xstat_count; // 0: not asked for
	uint64_t other_rule_matches; // of the rules that found no room in `rules`

	struct snapshot_pair pairs[PAIRS_MAX];
	struct snapshot_port ports[SNAPSHOT_PORTS_MAX];
	struct snapshot_queue queues[SNAPSHOT_QUEUES_MAX];
	struct snapshot_xstat xstats[SNAPSHOT_XSTATS_MAX];
	struct snapshot_sink sinks[SNAPSHOT_SINKS_MAX];
	struct snapshot_pool pools[SNAPSHOT_POOLS_MAX];
	struct snapshot_node nodes[SNAPSHOT_NODES_MAX];
	struct snapshot_rule rules[SNAPSHOT_RULES_MAX];
	struct snapshot_worker workers[SNAPSHOT_WORKERS_MAX];
};

// Where snapshots come from. gather() gets the same struct each time, zeroed at first: what it
// cannot read just now keeps its value.
struct snapshot_source {
	void (*gather)(void *context, struct snapshot *snapshot);
	void *context;
};

const char *hook_name(enum hook hook); // "ready"
const char *hook_outcome_name(enum hook_outcome outcome); // "timed-out"

// The counters of all workers together.
void snapshot_total(const struct snapshot *snapshot, struct counters *total);
// The direction of what the port receives, -1 when it is in no pair.
int snapshot_direction(const struct snapshot *snapshot, unsigned port);
// Packets of a direction in the reason groups of `groups` (1 << enum reason_group).
uint64_t snapshot_packets(const struct counters *counters, unsigned direction, unsigned groups);

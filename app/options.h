// SPDX-License-Identifier: BSD-3-Clause
// What the configuration file says, checked.
//
// Thread: the manager. Texts and nodes are borrowed from the file and live as long as the options.
#pragma once

#include "counters.h"
#include "flow.h"
#include "policy.h"
#include "snapshot.h"
#include "yaml.h"

enum {
	OPTIONS_PORTS_MAX = 2 * PAIRS_MAX,
	OPTIONS_WORKERS_MAX = 64,
	OPTIONS_KEYS_MAX = 96,
	OPTIONS_INCLUDES_MAX = 64,
};

#define OPTIONS_AUTO UINT32_MAX // a number that the program is to find
#define OPTIONS_SOCKET_AUTO "auto"

enum port_kind {
	PORT_PCI, // "0000:3b:00.0[,arguments]"
	PORT_VDEV, // "net_af_packet0,iface=veth0"
	PORT_MAC, // "mac:aa:bb:cc:dd:ee:ff"
};

struct port_options {
	const char *name;
	const char *device;
	const struct yaml_node *place; // of the device
	enum port_kind kind;
	bool is_paired;
};

struct pair_options {
	const char *name;
	unsigned inside, outside; // indices of ports
};

enum memory_words {
	MEMORY_AUTO,
	MEMORY_HUGEPAGES,
	MEMORY_NONE
};

enum spread_words {
	SPREAD_PORTS,
	SPREAD_ADDRESSES
};

enum overload_words {
	OVERLOAD_OFF,
	OVERLOAD_AUTO,
	OVERLOAD_SHED
};

struct options {
	struct yaml_file *file;
	struct yaml_file *defaults;
	unsigned included_count;
	struct yaml_file *included[OPTIONS_INCLUDES_MAX];
	const char *path; // of the file, as it was given
	bool is_file; // not from memory

	unsigned port_count, pair_count;
	struct port_options ports[OPTIONS_PORTS_MAX];
	struct pair_options pairs[PAIRS_MAX];

	uint32_t workers; // or OPTIONS_AUTO
	uint32_t spread; // enum spread_words
	uint32_t manager_cpu; // or OPTIONS_AUTO
	unsigned cpu_count; // 0: find them
	uint16_t cpus[OPTIONS_WORKERS_MAX]; // of the workers
	uint32_t mode; // enum mode
	struct {
		uint32_t malformed, no_flow, depth; // 0: open, 1: closed
	} fail;
	uint32_t overload; // enum overload_words
	uint32_t mtu; // largest IP packet, bytes
	uint32_t link_propagation; // 0 or 1

	uint32_t flows_capacity; // a worker
	struct flow_timeouts timeouts;
	uint32_t hosts_capacity;
	uint32_t hosts_expiry_ms;
	uint32_t hosts_backbone; // 0 or 1
	uint32_t inspect_packets, inspect_bytes; // with payload, each direction
	uint32_t inspect_stream_bytes; // of TCP, each direction
	uint32_t inspect_quic_packets; // that one worker decrypts each second
	uint32_t tunnels_off; // for decode_burst()
	uint32_t fragments_capacity; // a worker
	uint32_t streams_capacity; // a worker
	uint32_t streams_small_buffers, streams_large_buffers; // a worker

	const char *metrics_listen; // NULL: off
	uint32_t metrics_xstats; // 0 or 1
	const struct yaml_node *metrics_web; // names the file of struct web_config, or off
	const char *control_socket; // NULL: off, OPTIONS_SOCKET_AUTO: in the runtime directory
	const char *events_file; // NULL: off, "-": standard output
	const char *events_unix; // path of a reader's socket; NULL: off
	uint32_t events_stats_ms; // between stats records
	uint32_t telemetry; // 0 or 1
	const char *hooks[HOOK_COUNT]; // commands for a shell; NULL: none
	uint32_t hooks_timeout_ms;

	uint32_t memory; // enum memory_words
	uint32_t mbufs; // each pool, or OPTIONS_AUTO
	const char *file_prefix;
	uint32_t log_level; // RTE_LOG_EMERG - 1 .. RTE_LOG_DEBUG - 1
	const struct yaml_node *eal_params; // a checked map of scalars

	const struct yaml_node *includes; // as written
	const struct yaml_node *rule_files; // for options_policy(), as the next two
	const struct yaml_node *rules;
	const struct yaml_node *policy;

	const struct yaml_node *ports_map, *pairs_list; // as written
	const struct yaml_node *
			values[OPTIONS_KEYS_MAX]; // of every key, the default's where none is given
};

// NULL after a complaint when the file is no YAML or memory runs out; otherwise the options, good
// for use unless there was any complaint. Free with options_free().
struct options *options_load(const char *path, struct complaints *complaints);
// The same from memory, where nothing is included; an empty text gives the defaults.
struct options *options_parse(
		const char *text, size_t length, const char *name, struct complaints *complaints);
void options_free(struct options *options);

// Complains when there is no pair to forward between.
void options_need_pairs(const struct options *options, struct complaints *complaints);

// Complains about every value of `wanted` that differs from the one in force and cannot be changed
// while packets are forwarded.
void options_need_restart(const struct options *in_force, const struct options *wanted,
		struct complaints *complaints);

// Rules and policy of the file and of the rule files that it names, compiled for `worker_count`
// workers; what `cache`, which may be NULL, holds is not compiled again. NULL after complaints; free with policy_free().
struct policy *options_policy(const struct options *options, unsigned worker_count,
		struct scan_cache *cache, struct complaints *complaints);

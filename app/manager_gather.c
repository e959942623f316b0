// SPDX-License-Identifier: BSD-3-Clause
#include "manager_gather.h"

#include "clock.h"
#include "export.h"
#include "hook.h"
#include "host/host.h"
#include "process.h"
#include "reload.h"
#include "scan.h"
#include "watch.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include <numa.h>
#include <string.h>

enum {
	FLOW_BYTES = 96 // of a flow table, for each flow
};

static void copy_name(char name[SNAPSHOT_NAME_BYTES], const char *text)
{
	snprintf(name, SNAPSHOT_NAME_BYTES, "%s", text);
}

static void gather_link(const struct port *port, struct snapshot_port *out)
{
	struct rte_eth_link link;

	if (rte_eth_link_get_nowait(port->id, &link) != 0)
		return;
	out->up = link.link_status == RTE_ETH_LINK_UP;
	out->speed_bytes = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ?
			0 :
			link.link_speed * UINT64_C(125000);
}

static void gather_port_stats(const struct port *port, struct snapshot_port *out)
{
	struct rte_eth_stats stats;

	// Before its start, vhost would follow queues that are not there.
	if (!port->is_started || rte_eth_stats_get(port->id, &stats) != 0)
		return;
	out->rx_packets = stats.ipackets;
	out->rx_bytes = stats.ibytes;
	out->rx_missed = stats.imissed;
	out->rx_nombuf = stats.rx_nombuf;
	out->rx_errors = stats.ierrors;
	out->tx_packets = stats.opackets;
	out->tx_bytes = stats.obytes;
	out->tx_errors = stats.oerrors;
}

static void gather_port(const struct port *port, struct snapshot_port *out)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr address;
	uint16_t mtu;

	copy_name(out->name, port->name);
	copy_name(out->device, port->device);
	out->node = port->node;
	out->started = port->is_started;
	out->promiscuous = rte_eth_promiscuous_get(port->id) == 1;
	if (rte_eth_dev_info_get(port->id, &info) == 0)
		copy_name(out->driver, info.driver_name);
	if (rte_eth_macaddr_get(port->id, &address) == 0)
		snprintf(out->mac, sizeof(out->mac), RTE_ETHER_ADDR_PRT_FMT,
				RTE_ETHER_ADDR_BYTES(&address));
	if (rte_eth_dev_get_mtu(port->id, &mtu) == 0)
		out->mtu_bytes = mtu;
	gather_link(port, out);
	gather_port_stats(port, out);
}

static void gather_ports(const struct manager_config *config, struct snapshot *out)
{
	const struct options *options = config->options;

	out->port_count = options->port_count;
	for (unsigned i = 0; i < out->port_count; i++)
		gather_port(&config->ports[i], &out->ports[i]);
	out->pair_count = options->pair_count;
	for (unsigned i = 0; i < out->pair_count; i++) {
		copy_name(out->pairs[i].name, options->pairs[i].name);
		out->pairs[i].inside = options->pairs[i].inside;
		out->pairs[i].outside = options->pairs[i].outside;
	}
	out->pool_count = config->pools->count;
	for (unsigned i = 0; i < out->pool_count; i++) {
		copy_name(out->pools[i].name, config->pools->pools[i]->name);
		out->pools[i].node = config->pools->nodes[i];
		out->pools[i].objects = config->pools->pools[i]->size;
		out->pools[i].available = rte_mempool_avail_count(config->pools->pools[i]);
	}
}

// Packets that wait; the driver looks at the descriptors, as it does for a worker.
static uint64_t descriptors_used(const struct port *port, uint16_t queue)
{
	int used = port->is_started ? rte_eth_rx_queue_count(port->id, queue) : -ENODEV;

	return used < 0 ? SNAPSHOT_UNKNOWN : (uint64_t)used;
}

static void gather_xstats(const struct port *port, unsigned index, struct snapshot *out)
{
	static struct rte_eth_xstat_name names[SNAPSHOT_XSTATS_MAX];
	static struct rte_eth_xstat values[SNAPSHOT_XSTATS_MAX];
	int count;

	if (!port->is_started)
		return;
	count = rte_eth_xstats_get_names(port->id, names, SNAPSHOT_XSTATS_MAX);
	if (count <= 0 || count > SNAPSHOT_XSTATS_MAX)
		return;
	count = rte_eth_xstats_get(port->id, values, count);
	for (int i = 0; i < count && out->xstat_count < SNAPSHOT_XSTATS_MAX; i++) {
		struct snapshot_xstat *xstat = &out->xstats[out->xstat_count++];

		copy_name(xstat->name, names[values[i].id].name);
		xstat->port = index;
		xstat->value = values[i].value;
	}
}

static void gather_all_xstats(const struct manager_config *config, struct snapshot *out)
{
	out->xstat_count = 0;
	for (unsigned i = 0; config->options->metrics_xstats && i < out->port_count; i++)
		gather_xstats(&config->ports[i], i, out);
}

static void gather_queues(const struct manager_config *config, struct snapshot *out)
{
	out->queue_count = 0;
	for (unsigned port = 0; port < out->port_count; port++) {
		for (unsigned worker = 0; worker < config->shared->worker_count; worker++)
			out->queues[out->queue_count++] = (struct snapshot_queue){ port, worker,
				worker, descriptors_used(&config->ports[port], worker) };
	}
}

static void gather_workers(const struct gather *gather, struct snapshot *out)
{
	const struct manager_config *config = gather->config;
	const struct shared *shared = config->shared;

	out->worker_count = shared->worker_count;
	for (unsigned i = 0; i < out->worker_count; i++) {
		const struct channel *channel = &shared->channels[i];
		struct snapshot_worker *worker = &out->workers[i];
		int cpu = config->plan->placement.workers[i];

		worker->lcore = i + 1;
		worker->node = numa_available() < 0 ? -1 : numa_node_of_cpu(cpu);
		worker->flow_capacity = config->options->flows_capacity;
		worker->flow_table_bytes = worker->flow_capacity * FLOW_BYTES;
		worker->evidence_waiting = rte_ring_count(channel->evidence);
		worker->evidence_capacity = rte_ring_get_capacity(channel->evidence);
		worker->silent_ms = watch_silent_ms(gather->watch, i);
		worker->stalls = watch_stalls(gather->watch, i);
		counters_read(channel->counters, &worker->counters);
	}
}

static void gather_rules(const struct policy *policy, struct snapshot *out)
{
	unsigned count = rules_count(policy->rules);

	out->config.rules = count;
	memcpy(out->config.digest, policy->digest, sizeof(out->config.digest));
	out->config.is_tap = policy->mode == MODE_TAP;
	out->config.is_monitor = policy->mode == MODE_MONITOR;
	out->rule_count = RTE_MIN(count, (unsigned)SNAPSHOT_RULES_MAX);
	out->app_count = application_count();
	out->other_rule_matches = 0;
	for (unsigned rule = 0; rule < count; rule++) {
		uint64_t matches = 0;

		for (unsigned worker = 0; worker < out->worker_count; worker++)
			matches += atomic_load_explicit(&policy->workers[worker].rule_matches[rule],
					memory_order_relaxed);
		if (rule < out->rule_count)
			out->rules[rule] =
					(struct snapshot_rule){ rules_at(policy->rules, rule)->id,
						matches };
		else
			out->other_rule_matches += matches;
	}
	out->regex_database_bytes = rules_database_bytes(policy->rules);
	out->regex_scratch_bytes = 0;
	for (unsigned worker = 0; worker < out->worker_count; worker++)
		out->regex_scratch_bytes += scan_scratch_bytes(policy->workers[worker].scratch);
}

static void gather_hosts(const struct gather *gather, struct snapshot *out)
{
	const struct host_stats *stats = host_stats(gather->hosts);

	out->hosts.count = host_count(gather->hosts);
	out->hosts.capacity = gather->config->options->hosts_capacity;
	out->hosts.learned = stats->learned;
	out->hosts.expired = stats->expired;
	out->hosts.evicted = stats->evicted;
}

void manager_gather(void *context, struct snapshot *out)
{
	const struct gather *gather = context;
	const struct manager_config *config = gather->config;

	out->version = WIRETAG_VERSION;
	out->dpdk = rte_version();
	out->regex_engine = scan_engine();
	out->tsc_hz = rte_get_tsc_hz();
	out->process.start_ns = gather->start_ns;
	out->config.last_load_ok = reload_state(gather->reload)->is_good;
	out->config.rejected = reload_state(gather->reload)->complaints.count;
	out->config.last_load_ok_ns = reload_state(gather->reload)->good_ns;
	process_gather(out);
	gather_ports(config, out);
	wire_gather(config->wire, out);
	hooks_gather(gather->hooks, out);
	gather_workers(gather, out);
	gather_queues(config, out);
	gather_all_xstats(config, out);
	gather_rules(atomic_load_explicit(&config->shared->policy, memory_order_relaxed), out);
	gather_hosts(gather, out);
	if (gather->exporter != NULL)
		export_gather(gather->exporter, out);
	out->time_ns = clock_wall_ns();
}

// SPDX-License-Identifier: BSD-3-Clause
#include "metric.h"

#include "application.h"
#include "health.h"
#include "overload.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum metric_kind {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
};

struct page;

struct metric {
	const char *name;
	enum metric_kind kind;
	void (*write)(struct page *page, size_t place); // all samples
	size_t place; // which number `write` takes
	const char *help;
};

// A page while it is written.
struct page {
	struct text *text;
	const struct snapshot *snapshot;
	const struct metric *metric;
	bool is_open; // OpenMetrics
	unsigned label_count; // of the sample that is being written
	struct counters total; // of all workers
	struct health health;
};

enum groups {
	GROUPS_INSPECTED = 1 << REASON_GROUP_INSPECTED,
	GROUPS_PAST = 1 << REASON_GROUP_PAST,
	GROUPS_UNINSPECTED = 1 << REASON_GROUP_UNINSPECTED,
	GROUPS_DROPPED = 1 << REASON_GROUP_DROPPED,
	GROUPS_FORWARDED = GROUPS_INSPECTED | GROUPS_PAST | GROUPS_UNINSPECTED,
	GROUPS_RECEIVED = GROUPS_FORWARDED | GROUPS_DROPPED,
};

// A sample is sample(), its labels, then value() or seconds().
static void sample(struct page *page, const char *suffix)
{
	text_add(page->text, page->metric->name);
	text_add(page->text, suffix);
}

static void label(struct page *page, const char *name, const char *value)
{
	text_add(page->text, page->label_count++ == 0 ? "{" : ",");
	text_add(page->text, name);
	text_add(page->text, "=\"");
	text_escape(page->text, value != NULL ? value : "");
	text_add(page->text, "\"");
}

static void label_number(struct page *page, const char *name, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRId64, value);
	label(page, name, digits);
}

static const char *labels_end(struct page *page)
{
	const char *end = page->label_count != 0 ? "} " : " ";

	page->label_count = 0;
	return end;
}

static void value(struct page *page, uint64_t number)
{
	text_printf(page->text, "%s%" PRIu64 "\n", labels_end(page), number);
}

static void seconds(struct page *page, uint64_t ns)
{
	text_printf(page->text, "%s%" PRIu64 ".%09" PRIu64 "\n", labels_end(page), ns / 1000000000,
			ns % 1000000000);
}

static uint64_t number_at(const void *base, size_t place)
{
	return *(const uint64_t *)((const char *)base + place);
}

static void write_value(struct page *page, size_t place)
{
	sample(page, "");
	value(page, number_at(page->snapshot, place));
}

static void write_seconds(struct page *page, size_t place)
{
	sample(page, "");
	seconds(page, number_at(page->snapshot, place));
}

static void write_build(struct page *page, size_t)
{
	sample(page, "");
	label(page, "version", page->snapshot->version);
	label(page, "revision", page->snapshot->revision);
	label(page, "dpdk", page->snapshot->dpdk);
	label(page, "regex_engine", page->snapshot->regex_engine);
	value(page, 1);
}

static void write_config(struct page *page, size_t)
{
	sample(page, "");
	label(page, "sha256", page->snapshot->config.digest);
	value(page, 1);
}

static void write_ready(struct page *page, size_t)
{
	sample(page, "");
	value(page, page->health.is_ready);
}

static void write_degraded(struct page *page, size_t)
{
	for (unsigned i = 0; i < HEALTH_COUNT; i++) {
		sample(page, "");
		label(page, "reason", health_label(i));
		value(page, page->health.conditions[i]);
	}
}

static void write_hooks(struct page *page, size_t)
{
	for (unsigned hook = 0; hook < HOOK_COUNT; hook++) {
		for (unsigned outcome = 0; outcome < HOOK_OUTCOMES; outcome++) {
			sample(page, "");
			label(page, "hook", hook_name(hook));
			label(page, "outcome", hook_outcome_name(outcome));
			value(page, page->snapshot->hook_runs[hook][outcome]);
		}
	}
}

static void write_bypass(struct page *page, size_t)
{
	for (unsigned i = 0; i < page->snapshot->pair_count; i++) {
		sample(page, "");
		label(page, "pair", page->snapshot->pairs[i].name);
		value(page, page->snapshot->is_bypassed);
	}
}

static void sample_direction(struct page *page, unsigned direction)
{
	sample(page, "");
	label(page, "pair", page->snapshot->pairs[direction / 2].name);
	label(page, "direction", direction % 2 == 0 ? "inside_to_outside" : "outside_to_inside");
}

static void write_books(struct page *page, size_t groups)
{
	for (unsigned i = 0; i < 2 * page->snapshot->pair_count; i++) {
		sample_direction(page, i);
		value(page, snapshot_packets(&page->total, i, groups));
	}
}

static void write_reasons(struct page *page, size_t groups)
{
	for (unsigned i = 0; i < 2 * page->snapshot->pair_count; i++) {
		for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
			if ((groups >> reason_group(reason) & 1) == 0)
				continue;
			sample_direction(page, i);
			label(page, "reason", reason_label(reason));
			value(page, page->total.packets[i][reason]);
		}
	}
}

static void write_by_direction(struct page *page, size_t place)
{
	for (unsigned i = 0; i < 2 * page->snapshot->pair_count; i++) {
		sample_direction(page, i);
		value(page, number_at(&page->total, place + i * sizeof(uint64_t)));
	}
}

static void write_verdict(struct page *page, size_t)
{
	static const char *const verdicts[VERDICT_COUNT] = {
		[VERDICT_FORWARD] = "forward",
		[VERDICT_TAG] = "tag",
		[VERDICT_DROP] = "drop",
		[VERDICT_WOULD_TAG] = "would-tag",
		[VERDICT_WOULD_DROP] = "would-drop",
	};

	for (unsigned i = 0; i < VERDICT_COUNT; i++) {
		sample(page, "");
		label(page, "verdict", verdicts[i]);
		value(page, page->total.verdicts[i]);
	}
}

static void sample_port(struct page *page, unsigned port)
{
	sample(page, "");
	label(page, "port", page->snapshot->ports[port].name);
}

static void write_l2(struct page *page, size_t)
{
	static const char *const kinds[L2_COUNT] = {
		[L2_ARP] = "arp",
		[L2_LLDP] = "lldp",
		[L2_STP] = "stp",
		[L2_LACP] = "lacp",
		[L2_EAPOL] = "eapol",
		[L2_PAUSE] = "pause",
		[L2_MPLS] = "mpls",
		[L2_OTHER] = "other",
	};

	for (unsigned i = 0; i < page->snapshot->port_count; i++) {
		int direction = snapshot_direction(page->snapshot, i);

		for (unsigned kind = 0; direction >= 0 && kind < L2_COUNT; kind++) {
			sample_port(page, i);
			label(page, "kind", kinds[kind]);
			value(page, page->total.l2[direction][kind]);
		}
	}
}

static void write_ports(struct page *page, size_t place)
{
	for (unsigned i = 0; i < page->snapshot->port_count; i++) {
		sample_port(page, i);
		value(page, number_at(&page->snapshot->ports[i], place));
	}
}

static void write_port_info(struct page *page, size_t)
{
	for (unsigned i = 0; i < page->snapshot->port_count; i++) {
		const struct snapshot_port *port = &page->snapshot->ports[i];
		int direction = snapshot_direction(page->snapshot, i);

		sample_port(page, i);
		label(page, "device", port->device);
		label(page, "driver", port->driver);
		label(page, "mac", port->mac);
		label_number(page, "numa", port->node);
		label(page, "pair", direction < 0 ? "" : page->snapshot->pairs[direction / 2].name);
		label(page, "side", direction < 0 ? "" : direction % 2 == 0 ? "inside" : "outside");
		value(page, 1);
	}
}

static void write_xstats(struct page *page, size_t)
{
	for (unsigned i = 0; i < page->snapshot->xstat_count; i++) {
		const struct snapshot_xstat *xstat = &page->snapshot->xstats[i];

		sample_port(page, xstat->port);
		label(page, "xstat", xstat->name);
		value(page, xstat->value);
	}
}

static void write_port_tx_full(struct page *page, size_t)
{
	for (unsigned i = 0; i < page->snapshot->port_count; i++) {
		int direction = snapshot_direction(page->snapshot, i);

		if (direction < 0)
			continue;
		sample_port(page, i);
		// What leaves here came in on the other side.
		value(page, page->total.packets[direction ^ 1][REASON_TX_FULL]);
	}
}

static void sample_queue(struct page *page, const struct snapshot_queue *queue)
{
	sample_port(page, queue->port);
	label_number(page, "queue", queue->queue);
	label_number(page, "lcore", page->snapshot->workers[queue->worker].lcore);
}

static void write_descriptors(struct page *page, size_t)
{
	for (unsigned i = 0; i < page->snapshot->queue_count; i++) {
		const struct snapshot_queue *queue = &page->snapshot->queues[i];

		if (queue->descriptors_used == SNAPSHOT_UNKNOWN)
			continue;
		sample_queue(page, queue);
		value(page, queue->descriptors_used);
	}
}

static void write_queue(struct page *page, size_t)
{
	for (unsigned i = 0; i < page->snapshot->queue_count; i++) {
		const struct snapshot_queue *queue = &page->snapshot->queues[i];
		const struct snapshot_worker *worker = &page->snapshot->workers[queue->worker];
		int direction = snapshot_direction(page->snapshot, queue->port);

		if (direction < 0)
			continue;
		sample_queue(page, queue);
		value(page, snapshot_packets(&worker->counters, direction, GROUPS_RECEIVED));
	}
}

static void sample_lcore(
		struct page *page, const char *suffix, const struct snapshot_worker *worker)
{
	sample(page, suffix);
	label_number(page, "lcore", worker->lcore);
}

static void write_lcores(struct page *page, size_t place)
{
	for (unsigned i = 0; i < page->snapshot->worker_count; i++) {
		sample_lcore(page, "", &page->snapshot->workers[i]);
		value(page, number_at(&page->snapshot->workers[i], place));
	}
}

static void write_lcore_seconds(struct page *page, size_t place)
{
	for (unsigned i = 0; i < page->snapshot->worker_count; i++) {
		sample_lcore(page, "", &page->snapshot->workers[i]);
		seconds(page, number_at(&page->snapshot->workers[i], place));
	}
}

static void write_lcore_info(struct page *page, size_t)
{
	for (unsigned i = 0; i < page->snapshot->worker_count; i++) {
		sample_lcore(page, "", &page->snapshot->workers[i]);
		label_number(page, "numa", page->snapshot->workers[i].node);
		value(page, 1);
	}
}

static void write_overload(struct page *page, size_t)
{
	for (unsigned i = 0; i < page->snapshot->worker_count; i++) {
		const struct snapshot_worker *worker = &page->snapshot->workers[i];

		for (unsigned level = OVERLOAD_STREAMS; level < OVERLOAD_LEVELS; level++) {
			sample_lcore(page, "", worker);
			label(page, "shed", overload_label(level));
			value(page, worker->counters.overload_raised[level]);
		}
	}
}

static void write_burst_packets(struct page *page, size_t)
{
	for (unsigned i = 0; i < page->snapshot->worker_count; i++) {
		const struct snapshot_worker *worker = &page->snapshot->workers[i];
		uint64_t count = 0;
		uint64_t sum = 0;
		char bound[16];

		for (unsigned bucket = 0; bucket < BURST_BUCKETS; bucket++) {
			count += worker->counters.burst_packets[bucket];
			sample_lcore(page, "_bucket", worker);
			// OpenMetrics 1.0, 5.1.1: a bound is a float.
			snprintf(bound, sizeof(bound), "%d%s", bucket == 0 ? 0 : 1 << (bucket - 1),
					page->is_open ? ".0" : "");
			label(page, "le", bound);
			value(page, count);
		}
		sample_lcore(page, "_bucket", worker);
		label(page, "le", "+Inf");
		value(page, count);
		for (unsigned direction = 0; direction < DIRECTIONS_MAX; direction++)
			sum += snapshot_packets(&worker->counters, direction, GROUPS_RECEIVED);
		sample_lcore(page, "_sum", worker);
		value(page, sum);
		sample_lcore(page, "_count", worker);
		value(page, count);
	}
}

static void write_durations(struct page *page, const struct snapshot_worker *worker,
		const uint64_t buckets[DURATION_BUCKETS], uint64_t sum_cycles)
{
	double hz = page->snapshot->tsc_hz;
	uint64_t count = 0;

	if (page->snapshot->tsc_hz == 0)
		return;
	for (unsigned i = 0; i < DURATION_BUCKETS; i++) {
		char bound[32] = "+Inf";

		// The last one also holds whatever took longer.
		if (i + 1 < DURATION_BUCKETS)
			snprintf(bound, sizeof(bound), "%.9g", (256u << i) / hz);
		count += buckets[i];
		sample_lcore(page, "_bucket", worker);
		label(page, "le", bound);
		value(page, count);
	}
	sample_lcore(page, "_sum", worker);
	text_printf(page->text, "%s%.15g\n", labels_end(page), sum_cycles / hz);
	sample_lcore(page, "_count", worker);
	value(page, count);
}

// `place` is that of the buckets, with their sum behind them.
static void write_duration(struct page *page, size_t place)
{
	for (unsigned i = 0; i < page->snapshot->worker_count; i++) {
		const struct snapshot_worker *worker = &page->snapshot->workers[i];
		const uint64_t *buckets = (const uint64_t *)((const char *)worker + place);

		write_durations(page, worker, buckets, buckets[DURATION_BUCKETS]);
	}
}

static void write_flow_end(struct page *page, size_t)
{
	static const char *const reasons[FLOW_END_COUNT] = {
		[FLOW_END_IDLE] = "idle",
		[FLOW_END_CLOSED] = "closed",
		[FLOW_END_REUSED] = "reused",
		[FLOW_END_EVICTED] = "evicted",
		[FLOW_END_STOPPED] = "stopped",
	};

	for (unsigned i = 0; i < page->snapshot->worker_count; i++) {
		for (unsigned reason = 0; reason < FLOW_END_COUNT; reason++) {
			sample_lcore(page, "", &page->snapshot->workers[i]);
			label(page, "reason", reasons[reason]);
			value(page, page->snapshot->workers[i].counters.flows_ended[reason]);
		}
	}
}

static void write_apps(struct page *page, size_t place)
{
	for (unsigned i = 0; i < page->snapshot->app_count; i++) {
		sample(page, "");
		label(page, "app", application_name(i));
		value(page, number_at(&page->total, place + i * sizeof(uint64_t)));
	}
}

static void write_confidence(struct page *page, size_t)
{
	for (unsigned i = CONFIDENCE_WEAK; i <= CONFIDENCE_CERTAIN; i++) {
		sample(page, "");
		label(page, "confidence", confidence_name(i));
		value(page, page->total.confidence_flows[i]);
	}
}

static void write_rule(struct page *page, size_t)
{
	for (unsigned i = 0; i < page->snapshot->rule_count; i++) {
		sample(page, "");
		label_number(page, "rule", page->snapshot->rules[i].id);
		value(page, page->snapshot->rules[i].matches);
	}
	sample(page, "");
	label(page, "rule", "other");
	value(page, page->snapshot->other_rule_matches);
}

static void write_pools(struct page *page, size_t place)
{
	for (unsigned i = 0; i < page->snapshot->pool_count; i++) {
		sample(page, "");
		label(page, "pool", page->snapshot->pools[i].name);
		label_number(page, "numa", page->snapshot->pools[i].node);
		value(page, number_at(&page->snapshot->pools[i], place));
	}
}

static void write_nodes(struct page *page, size_t place)
{
	for (unsigned i = 0; i < page->snapshot->node_count; i++) {
		sample(page, "");
		label_number(page, "numa", page->snapshot->nodes[i].node);
		value(page, number_at(&page->snapshot->nodes[i], place));
	}
}

static void write_sinks(struct page *page, size_t place)
{
	for (unsigned i = 0; i < page->snapshot->sink_count; i++) {
		sample(page, "");
		label(page, "sink", page->snapshot->sinks[i].name);
		value(page, number_at(&page->snapshot->sinks[i], place));
	}
}

static void write_export_dropped(struct page *page, size_t)
{
	static const char *const reasons[SINK_DROP_COUNT] = {
		[SINK_DROP_RING_FULL] = "ring-full",
		[SINK_DROP_STALLED] = "stalled",
		[SINK_DROP_NO_READER] = "no-reader",
		[SINK_DROP_WRITE_FAILED] = "write-failed",
	};

	for (unsigned i = 0; i < page->snapshot->sink_count; i++) {
		for (unsigned reason = 0; reason < SINK_DROP_COUNT; reason++) {
			sample(page, "");
			label(page, "sink", page->snapshot->sinks[i].name);
			label(page, "reason", reasons[reason]);
			value(page, page->snapshot->sinks[i].dropped[reason]);
		}
	}
}

// The words of metrics.def.
#define VALUE(field) write_value, offsetof(struct snapshot, field)
#define SECONDS(field) write_seconds, offsetof(struct snapshot, field)
#define BOOKS(groups) write_books, GROUPS_##groups
#define REASONS(groups) write_reasons, GROUPS_##groups
#define BY_DIRECTION(field) write_by_direction, offsetof(struct counters, field)
#define PORT(field) write_ports, offsetof(struct snapshot_port, field)
#define LCORE(field) write_lcores, offsetof(struct snapshot_worker, field)
#define LCORE_SECONDS(field) write_lcore_seconds, offsetof(struct snapshot_worker, field)
#define DURATION(field) write_duration, offsetof(struct snapshot_worker, counters.field)
#define APP(field) write_apps, offsetof(struct counters, field)
#define POOL(field) write_pools, offsetof(struct snapshot_pool, field)
#define SINK(field) write_sinks, offsetof(struct snapshot_sink, field)
#define NODE(field) write_nodes, offsetof(struct snapshot_node, field)
#define BY(what) write_##what, 0

static const struct metric metrics[] = {
#define METRIC(name, kind, samples, help) { #name, METRIC_##kind, samples, help },
#include "metrics.def"
#undef METRIC
};

// OpenMetrics 1.0, 5.1.2: a counter is called by its name without _total.
static int name_length(const struct page *page)
{
	size_t length = strlen(page->metric->name);

	if (page->is_open && page->metric->kind == METRIC_COUNTER)
		length -= strlen("_total");
	return length;
}

static int write_page(struct text *text, const struct snapshot *snapshot, bool is_open)
{
	static const char *const kinds[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};
	struct page page = { .text = text, .snapshot = snapshot, .is_open = is_open };

	snapshot_total(snapshot, &page.total);
	health_check(snapshot, &page.health);
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		page.metric = &metrics[i];
		text_printf(text, "# HELP %.*s ", name_length(&page), page.metric->name);
		text_add(text, page.metric->help);
		text_printf(text, "\n# TYPE %.*s %s\n", name_length(&page), page.metric->name,
				kinds[page.metric->kind]);
		page.metric->write(&page, page.metric->place);
	}
	if (is_open)
		text_add(text, "# EOF\n");
	return text_error(text);
}

int metrics_write(struct text *text, const struct snapshot *snapshot)
{
	return write_page(text, snapshot, false);
}

int metrics_write_open(struct text *text, const struct snapshot *snapshot)
{
	return write_page(text, snapshot, true);
}

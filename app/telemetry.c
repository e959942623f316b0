// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry.h"

#include "application.h"
#include "dpdk.h"
#include "fail.h"
#include "health.h"
#include "log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

LOG_TYPE("telemetry");

// How many entries of a list surely fit into one reply.
enum {
	PAGE_LARGE = 8,
	PAGE_SMALL = 64,
	PAGE_NUMBERS = 128,
	KEY_BYTES = 32,
};

// DPDK 22.11 gives commands no pointer of their own.
static struct {
	pthread_mutex_t lock; // over the rest
	struct snapshot *snapshot; // NULL: closed
	struct snapshot_source source;
} telemetry = { .lock = PTHREAD_MUTEX_INITIALIZER };

// A number and its name in a reply.
struct field {
	const char *name;
	size_t place;
};

static void add_fields(struct rte_tel_data *dict, const void *base, const struct field *fields,
		unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		rte_tel_data_add_dict_uint(dict, fields[i].name,
				*(const uint64_t *)((const char *)base + fields[i].place));
}

static void add_text(struct rte_tel_data *dict, const char *name, const char *text)
{
	rte_tel_data_add_dict_string(dict, name, text != NULL ? text : "");
}

// A dictionary in `parent` under the key `number`; NULL when memory is short. Keys may hold
// letters, digits, _ and / only, so a thing's own name is a value.
static struct rte_tel_data *add_dict(struct rte_tel_data *parent, uint64_t number)
{
	struct rte_tel_data *dict = rte_tel_data_alloc();
	char key[KEY_BYTES];

	if (dict == NULL)
		return NULL;
	rte_tel_data_start_dict(dict);
	snprintf(key, sizeof(key), "%" PRIu64, number);
	if (rte_tel_data_add_dict_container(parent, key, dict, 0) == 0)
		return dict;
	rte_tel_data_free(dict);
	return NULL;
}

// The first index that the client asks for, 0 when it names none.
static unsigned first_of(const char *params)
{
	unsigned long first = params != NULL ? strtoul(params, NULL, 10) : 0;

	return first < UINT16_MAX ? first : UINT16_MAX;
}

static unsigned end_of(unsigned first, unsigned page, unsigned count)
{
	return first + page < count ? first + page : count;
}

#define FIELDS(list) list, sizeof(list) / sizeof(list[0])

static void reply_info(const struct snapshot *snapshot, const char *, struct rte_tel_data *d)
{
	static const struct field fields[] = {
		{ "start_time_ns", offsetof(struct snapshot, process.start_ns) },
		{ "time_ns", offsetof(struct snapshot, time_ns) },
		{ "tsc_hz", offsetof(struct snapshot, tsc_hz) },
		{ "rules", offsetof(struct snapshot, config.rules) },
		{ "last_load_ok", offsetof(struct snapshot, config.last_load_ok) },
		{ "last_load_ok_time_ns", offsetof(struct snapshot, config.last_load_ok_ns) },
		{ "regex_database_bytes", offsetof(struct snapshot, regex_database_bytes) },
		{ "regex_scratch_bytes", offsetof(struct snapshot, regex_scratch_bytes) },
	};

	add_text(d, "version", snapshot->version);
	add_text(d, "revision", snapshot->revision);
	add_text(d, "dpdk", snapshot->dpdk);
	add_text(d, "regex_engine", snapshot->regex_engine);
	add_fields(d, snapshot, FIELDS(fields));
	rte_tel_data_add_dict_uint(d, "pairs", snapshot->pair_count);
	rte_tel_data_add_dict_uint(d, "ports", snapshot->port_count);
	rte_tel_data_add_dict_uint(d, "workers", snapshot->worker_count);
	rte_tel_data_add_dict_uint(d, "apps", snapshot->app_count);
}

static void reply_ports(const struct snapshot *snapshot, const char *params, struct rte_tel_data *d)
{
	static const struct field fields[] = {
		{ "started", offsetof(struct snapshot_port, started) },
		{ "up", offsetof(struct snapshot_port, up) },
		{ "held", offsetof(struct snapshot_port, held) },
		{ "link_changes", offsetof(struct snapshot_port, link_changes) },
		{ "promiscuous", offsetof(struct snapshot_port, promiscuous) },
		{ "speed_bytes", offsetof(struct snapshot_port, speed_bytes) },
		{ "mtu_bytes", offsetof(struct snapshot_port, mtu_bytes) },
		{ "rx_packets", offsetof(struct snapshot_port, rx_packets) },
		{ "rx_bytes", offsetof(struct snapshot_port, rx_bytes) },
		{ "rx_missed", offsetof(struct snapshot_port, rx_missed) },
		{ "rx_nombuf", offsetof(struct snapshot_port, rx_nombuf) },
		{ "rx_errors", offsetof(struct snapshot_port, rx_errors) },
		{ "tx_packets", offsetof(struct snapshot_port, tx_packets) },
		{ "tx_bytes", offsetof(struct snapshot_port, tx_bytes) },
		{ "tx_errors", offsetof(struct snapshot_port, tx_errors) },
	};
	unsigned first = first_of(params);

	for (unsigned i = first; i < end_of(first, PAGE_LARGE, snapshot->port_count); i++) {
		const struct snapshot_port *port = &snapshot->ports[i];
		struct rte_tel_data *dict = add_dict(d, i);

		if (dict == NULL)
			return;
		add_text(dict, "name", port->name);
		add_text(dict, "device", port->device);
		add_text(dict, "driver", port->driver);
		add_text(dict, "mac", port->mac);
		rte_tel_data_add_dict_int(dict, "numa", port->node);
		add_fields(dict, port, FIELDS(fields));
	}
}

// The books of one direction.
static void add_direction(
		struct rte_tel_data *dict, const struct counters *total, unsigned direction)
{
	static const struct {
		const char *name;
		unsigned groups;
	} sums[] = {
		{ "received", ~0u },
		{ "forwarded", ~(1u << REASON_GROUP_DROPPED) },
		{ "inspected", 1u << REASON_GROUP_INSPECTED },
		{ "past_inspection", 1u << REASON_GROUP_PAST },
		{ "uninspected", 1u << REASON_GROUP_UNINSPECTED },
		{ "dropped", 1u << REASON_GROUP_DROPPED },
	};

	for (unsigned i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		rte_tel_data_add_dict_uint(dict, sums[i].name,
				snapshot_packets(total, direction, sums[i].groups));
	rte_tel_data_add_dict_uint(dict, "received_bytes", total->received_bytes[direction]);
	for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
		enum reason_group group = reason_group(reason);
		char key[KEY_BYTES];

		if (group != REASON_GROUP_UNINSPECTED && group != REASON_GROUP_DROPPED)
			continue;
		snprintf(key, sizeof(key), "%s_%s",
				group == REASON_GROUP_DROPPED ? "dropped" : "uninspected",
				reason_label(reason));
		for (char *at = strchr(key, '-'); at != NULL; at = strchr(at, '-'))
			*at = '_';
		rte_tel_data_add_dict_uint(dict, key, total->packets[direction][reason]);
	}
}

static void reply_pairs(const struct snapshot *snapshot, const char *params, struct rte_tel_data *d)
{
	unsigned first = first_of(params);
	struct counters total;

	snapshot_total(snapshot, &total);
	for (unsigned i = first; i < end_of(first, PAGE_LARGE, 2 * snapshot->pair_count); i++) {
		struct rte_tel_data *dict = add_dict(d, i);

		if (dict == NULL)
			return;
		add_text(dict, "pair", snapshot->pairs[i / 2].name);
		add_text(dict, "direction", i % 2 == 0 ? "inside_to_outside" : "outside_to_inside");
		add_direction(dict, &total, i);
	}
}

static void reply_workers(
		const struct snapshot *snapshot, const char *params, struct rte_tel_data *d)
{
	static const struct field fields[] = {
		{ "cycles", offsetof(struct snapshot_worker, counters.cycles) },
		{ "busy_cycles", offsetof(struct snapshot_worker, counters.busy_cycles) },
		{ "polls", offsetof(struct snapshot_worker, counters.polls) },
		{ "empty_polls", offsetof(struct snapshot_worker, counters.polls_empty) },
		{ "last_poll_ns", offsetof(struct snapshot_worker, counters.last_poll_ns) },
		{ "flows", offsetof(struct snapshot_worker, counters.flows) },
		{ "flow_capacity", offsetof(struct snapshot_worker, flow_capacity) },
		{ "flow_table_bytes", offsetof(struct snapshot_worker, flow_table_bytes) },
		{ "regex_scans", offsetof(struct snapshot_worker, counters.scans) },
		{ "regex_scanned_bytes", offsetof(struct snapshot_worker, counters.scanned_bytes) },
		{ "findings_dropped", offsetof(struct snapshot_worker, counters.findings_full) },
		{ "evidence", offsetof(struct snapshot_worker, counters.evidence_sent) },
		{ "evidence_dropped", offsetof(struct snapshot_worker, counters.evidence_lost) },
		{ "evidence_waiting", offsetof(struct snapshot_worker, evidence_waiting) },
		{ "evidence_capacity", offsetof(struct snapshot_worker, evidence_capacity) },
		{ "tag_failures", offsetof(struct snapshot_worker, counters.tag_failed) },
	};
	unsigned first = first_of(params);

	for (unsigned i = first; i < end_of(first, PAGE_LARGE, snapshot->worker_count); i++) {
		const struct snapshot_worker *worker = &snapshot->workers[i];
		struct rte_tel_data *dict = add_dict(d, i);

		if (dict == NULL)
			return;
		rte_tel_data_add_dict_uint(dict, "lcore", worker->lcore);
		rte_tel_data_add_dict_int(dict, "numa", worker->node);
		add_fields(dict, worker, FIELDS(fields));
	}
}

static void reply_flows(const struct snapshot *snapshot, const char *, struct rte_tel_data *d)
{
	static const struct field fields[] = {
		{ "flows", offsetof(struct counters, flows) },
		{ "created", offsetof(struct counters, flows_created) },
		{ "idle", offsetof(struct counters, flows_ended[FLOW_END_IDLE]) },
		{ "closed", offsetof(struct counters, flows_ended[FLOW_END_CLOSED]) },
		{ "reused", offsetof(struct counters, flows_ended[FLOW_END_REUSED]) },
		{ "evicted", offsetof(struct counters, flows_ended[FLOW_END_EVICTED]) },
		{ "stopped", offsetof(struct counters, flows_ended[FLOW_END_STOPPED]) },
		{ "insert_failures", offsetof(struct counters, flows_refused) },
	};
	uint64_t capacity = 0;
	struct counters total;

	for (unsigned i = 0; i < snapshot->worker_count; i++)
		capacity += snapshot->workers[i].flow_capacity;
	snapshot_total(snapshot, &total);
	add_fields(d, &total, FIELDS(fields));
	rte_tel_data_add_dict_uint(d, "capacity", capacity);
}

static void reply_apps(const struct snapshot *snapshot, const char *params, struct rte_tel_data *d)
{
	unsigned first = first_of(params);
	struct counters total;

	snapshot_total(snapshot, &total);
	for (unsigned i = first; i < end_of(first, PAGE_SMALL, snapshot->app_count); i++) {
		struct rte_tel_data *dict = add_dict(d, i);

		if (dict == NULL)
			return;
		add_text(dict, "name", application_name(i));
		rte_tel_data_add_dict_uint(dict, "flows", total.app_flows[i]);
		rte_tel_data_add_dict_uint(dict, "packets", total.app_packets[i]);
		rte_tel_data_add_dict_uint(dict, "bytes", total.app_bytes[i]);
	}
}

static void reply_verdicts(const struct snapshot *snapshot, const char *, struct rte_tel_data *d)
{
	static const struct field fields[] = {
		{ "forward", offsetof(struct counters, verdicts[VERDICT_FORWARD]) },
		{ "tag", offsetof(struct counters, verdicts[VERDICT_TAG]) },
		{ "drop", offsetof(struct counters, verdicts[VERDICT_DROP]) },
		{ "would_tag", offsetof(struct counters, verdicts[VERDICT_WOULD_TAG]) },
		{ "would_drop", offsetof(struct counters, verdicts[VERDICT_WOULD_DROP]) },
	};
	struct counters total;

	snapshot_total(snapshot, &total);
	add_fields(d, &total, FIELDS(fields));
}

// Rule id: matches.
static void reply_rules(const struct snapshot *snapshot, const char *params, struct rte_tel_data *d)
{
	unsigned first = first_of(params);

	for (unsigned i = first; i < end_of(first, PAGE_NUMBERS, snapshot->rule_count); i++) {
		char key[KEY_BYTES];

		snprintf(key, sizeof(key), "%" PRIu32, snapshot->rules[i].id);
		rte_tel_data_add_dict_uint(d, key, snapshot->rules[i].matches);
	}
	rte_tel_data_add_dict_uint(d, "other", snapshot->other_rule_matches);
}

static void reply_hosts(const struct snapshot *snapshot, const char *, struct rte_tel_data *d)
{
	static const struct field fields[] = {
		{ "hosts", offsetof(struct snapshot, hosts.count) },
		{ "capacity", offsetof(struct snapshot, hosts.capacity) },
		{ "learned", offsetof(struct snapshot, hosts.learned) },
		{ "expired", offsetof(struct snapshot, hosts.expired) },
		{ "evicted", offsetof(struct snapshot, hosts.evicted) },
	};

	add_fields(d, snapshot, FIELDS(fields));
}

static void reply_health(const struct snapshot *snapshot, const char *, struct rte_tel_data *d)
{
	struct rte_tel_data *reasons = rte_tel_data_alloc();
	struct timespec now;
	struct health health;
	uint64_t now_ns;

	clock_gettime(CLOCK_REALTIME, &now);
	now_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	health_check(snapshot, &health);
	rte_tel_data_add_dict_uint(d, "ready", health.is_ready);
	// Large when the manager hangs: then the rest is old.
	rte_tel_data_add_dict_uint(d, "age_ms",
			now_ns > snapshot->time_ns ? (now_ns - snapshot->time_ns) / 1000000 : 0);
	if (reasons == NULL)
		return;
	rte_tel_data_start_array(reasons, RTE_TEL_STRING_VAL);
	for (unsigned i = 0; i < health.line_count; i++)
		rte_tel_data_add_array_string(reasons, health.lines[i]);
	if (rte_tel_data_add_dict_container(d, "reasons", reasons, 0) < 0)
		rte_tel_data_free(reasons);
}

static const struct command {
	const char *name;
	void (*reply)(const struct snapshot *snapshot, const char *params, struct rte_tel_data *d);
	const char *help;
} commands[] = {
	{ "/wiretag/info", reply_info, "What runs, and how many there are of what. No parameters" },
	{ "/wiretag/ports", reply_ports, "8 ports. Parameters: index of the first" },
	{ "/wiretag/pairs", reply_pairs,
			"The books of 8 directions of pairs. Parameters: index of the first" },
	{ "/wiretag/workers", reply_workers, "8 workers. Parameters: index of the first" },
	{ "/wiretag/flows", reply_flows, "The flow tables of all workers. No parameters" },
	{ "/wiretag/apps", reply_apps, "64 applications. Parameters: index of the first" },
	{ "/wiretag/verdicts", reply_verdicts, "Packets by verdict. No parameters" },
	{ "/wiretag/rules", reply_rules,
			"Matches of 128 rules by id. Parameters: index of the first" },
	{ "/wiretag/hosts", reply_hosts, "The host table. No parameters" },
	{ "/wiretag/health", reply_health, "Ready or not, and why not. No parameters" },
};

enum {
	COMMANDS = sizeof(commands) / sizeof(commands[0])
};

static int answer(const char *name, const char *params, struct rte_tel_data *d)
{
	int ret = -ENODATA;

	pthread_mutex_lock(&telemetry.lock);
	for (unsigned i = 0; telemetry.snapshot != NULL && i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		rte_tel_data_start_dict(d);
		commands[i].reply(telemetry.snapshot, params, d);
		ret = 0;
	}
	pthread_mutex_unlock(&telemetry.lock);
	return ret;
}

int telemetry_open(const struct snapshot_source *source)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int ret;

	if (snapshot == NULL)
		return fail(ENOMEM);
	source->gather(source->context, snapshot);
	pthread_mutex_lock(&telemetry.lock);
	telemetry.source = *source;
	telemetry.snapshot = snapshot;
	pthread_mutex_unlock(&telemetry.lock);
	for (unsigned i = 0; i < COMMANDS; i++) {
		ret = rte_telemetry_register_cmd(commands[i].name, answer, commands[i].help);
		if (ret < 0) {
			LOG(ERR, "telemetry: no command %s: %s", commands[i].name, strerror(-ret));
			telemetry_close();
			return fail(-ret);
		}
	}
	return 0;
}

void telemetry_refresh(void)
{
	// A client must not make the manager wait; the next time is soon.
	if (pthread_mutex_trylock(&telemetry.lock) != 0)
		return;
	if (telemetry.snapshot != NULL)
		telemetry.source.gather(telemetry.source.context, telemetry.snapshot);
	pthread_mutex_unlock(&telemetry.lock);
}

void telemetry_close(void)
{
	pthread_mutex_lock(&telemetry.lock);
	free(telemetry.snapshot);
	telemetry.snapshot = NULL;
	pthread_mutex_unlock(&telemetry.lock);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "control_question.h"
#include "event.h"
#include "export.h"
#include "health.h"
#include "host/host.h"
#include "overload.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAGE_MAX = 500, // hosts or rules in one answer
};

json_t *refuse(const struct question *q, const char *why)
{
	q->answer->is_good = false;
	return json_string(why);
}

// A number and its name in an answer.
struct field {
	const char *name;
	size_t place;
};

static void set_numbers(
		json_t *object, const void *base, const struct field *fields, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t number = *(const uint64_t *)((const char *)base + fields[i].place);

		json_object_set_new(object, fields[i].name, json_integer((json_int_t)number));
	}
}

#define FIELDS(list) list, sizeof(list) / sizeof(list[0])

static json_t *time_string(uint64_t time_ns)
{
	char text[EVENT_TIME_BYTES];

	event_time(text, time_ns);
	return json_string(text);
}

static json_t *lines_array(char *const *lines, unsigned count)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(array, json_string(lines[i]));
	return array;
}

// An array of `count` things, each made by `make`.
static json_t *list(const struct question *q, unsigned count,
		json_t *(*make)(const struct question *q, unsigned index))
{
	json_t *array = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(array, make(q, i));
	return array;
}

static const char *mode_of(const struct snapshot *snapshot)
{
	if (snapshot->config.is_monitor)
		return "monitor";
	return snapshot->config.is_tap ? "tap" : "inline";
}

enum {
	GROUPS_ALL = 1 << REASON_GROUP_INSPECTED | 1 << REASON_GROUP_PAST |
			1 << REASON_GROUP_UNINSPECTED | 1 << REASON_GROUP_DROPPED,
	GROUPS_DROPPED = 1 << REASON_GROUP_DROPPED,
};

json_t *answer_status(const struct question *q)
{
	const struct snapshot *snapshot = q->snapshot;
	const struct reload_state *reload = reload_state(q->source->reload);
	uint64_t received = 0, bytes = 0, dropped = 0;
	json_t *reasons = json_array();
	struct counters total;
	struct health health;

	snapshot_total(snapshot, &total);
	health_check(snapshot, &health);
	for (unsigned i = 0; i < health.line_count; i++)
		json_array_append_new(reasons, json_string(health.lines[i]));
	for (unsigned i = 0; i < DIRECTIONS_MAX; i++) {
		received += snapshot_packets(&total, i, GROUPS_ALL);
		dropped += snapshot_packets(&total, i, GROUPS_DROPPED);
		bytes += total.received_bytes[i];
	}
	return json_pack(
			"{s:s, s:s, s:s, s:s, s:o, s:b, s:o, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, "
			"s:{s:b, s:I, s:o, s:o}}",
			"version", snapshot->version, "dpdk", snapshot->dpdk, "config",
			q->source->options->path, "mode", mode_of(snapshot), "started",
			time_string(snapshot->process.start_ns), "ready", health.is_ready,
			"reasons", reasons, "workers", (int)snapshot->worker_count, "pairs",
			(int)snapshot->pair_count, "rules", (json_int_t)snapshot->config.rules,
			"flows", (json_int_t)total.flows, "hosts",
			(json_int_t)snapshot->hosts.count, "received_packets", (json_int_t)received,
			"received_bytes", (json_int_t)bytes, "dropped_packets", (json_int_t)dropped,
			"reload", "ok", reload->is_good, "count", (json_int_t)reload->ended,
			"in_force_since", time_string(reload->good_ns), "complaints",
			lines_array(reload->complaints.lines, reload->complaints.count));
}

static json_t *make_port(const struct question *q, unsigned index)
{
	static const struct field fields[] = {
		{ "up", offsetof(struct snapshot_port, up) },
		{ "held", offsetof(struct snapshot_port, held) },
		{ "link_changes", offsetof(struct snapshot_port, link_changes) },
		{ "speed_bytes", offsetof(struct snapshot_port, speed_bytes) },
		{ "mtu", offsetof(struct snapshot_port, mtu_bytes) },
		{ "rx_packets", offsetof(struct snapshot_port, rx_packets) },
		{ "rx_bytes", offsetof(struct snapshot_port, rx_bytes) },
		{ "rx_missed", offsetof(struct snapshot_port, rx_missed) },
		{ "rx_nombuf", offsetof(struct snapshot_port, rx_nombuf) },
		{ "rx_errors", offsetof(struct snapshot_port, rx_errors) },
		{ "tx_packets", offsetof(struct snapshot_port, tx_packets) },
		{ "tx_bytes", offsetof(struct snapshot_port, tx_bytes) },
		{ "tx_errors", offsetof(struct snapshot_port, tx_errors) },
	};
	const struct snapshot_port *port = &q->snapshot->ports[index];
	int direction = snapshot_direction(q->snapshot, index);
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:i}", "name", port->name, "device",
			port->device, "driver", port->driver, "mac", port->mac, "numa", port->node);

	if (direction >= 0) {
		json_object_set_new(object, "pair",
				json_string(q->snapshot->pairs[direction / 2].name));
		json_object_set_new(object, "side",
				json_string(direction % 2 == 0 ? "inside" : "outside"));
	}
	set_numbers(object, port, FIELDS(fields));
	return object;
}

static json_t *answer_ports(const struct question *q)
{
	return list(q, q->snapshot->port_count, make_port);
}

// One for each direction.
static json_t *make_direction(const struct question *q, unsigned direction)
{
	static const struct {
		const char *name;
		unsigned groups;
	} books[] = {
		{ "received", GROUPS_ALL },
		{ "forwarded", GROUPS_ALL & ~GROUPS_DROPPED },
		{ "dropped", GROUPS_DROPPED },
		{ "inspected", 1 << REASON_GROUP_INSPECTED },
		{ "past", 1 << REASON_GROUP_PAST },
		{ "uninspected", 1 << REASON_GROUP_UNINSPECTED },
	};
	const struct snapshot *snapshot = q->snapshot;
	const struct snapshot_pair *pair = &snapshot->pairs[direction / 2];
	unsigned from = direction % 2 == 0 ? pair->inside : pair->outside;
	unsigned to = direction % 2 == 0 ? pair->outside : pair->inside;
	struct counters total;
	json_t *object;

	snapshot_total(snapshot, &total);
	object = json_pack("{s:s, s:s, s:s, s:I}", "pair", pair->name, "from",
			snapshot->ports[from].name, "to", snapshot->ports[to].name, "bytes",
			(json_int_t)total.received_bytes[direction]);
	for (size_t i = 0; i < sizeof(books) / sizeof(books[0]); i++) {
		uint64_t packets = snapshot_packets(&total, direction, books[i].groups);

		json_object_set_new(object, books[i].name, json_integer((json_int_t)packets));
	}
	return object;
}

json_t *answer_pairs(const struct question *q)
{
	return list(q, 2 * q->snapshot->pair_count, make_direction);
}

static const char *state_of(const struct snapshot_worker *worker)
{
	static const char *const states[OVERLOAD_LEVELS] = {
		[OVERLOAD_NONE] = "polls",
		[OVERLOAD_STREAMS] = "SHEDS STREAMS",
		[OVERLOAD_PATTERNS] = "SHEDS PATTERNS",
		[OVERLOAD_FLOWS] = "SHEDS FLOWS",
	};

	if (worker->silent_ms > HEALTH_STALLED_MS)
		return "HANGS";
	return states[worker->counters.overload_level];
}

static json_t *make_worker(const struct question *q, unsigned index)
{
	static const struct field fields[] = {
		{ "cycles", offsetof(struct snapshot_worker, counters.cycles) },
		{ "busy_cycles", offsetof(struct snapshot_worker, counters.busy_cycles) },
		{ "polls", offsetof(struct snapshot_worker, counters.polls) },
		{ "polls_empty", offsetof(struct snapshot_worker, counters.polls_empty) },
		{ "flows", offsetof(struct snapshot_worker, counters.flows) },
		{ "flow_capacity", offsetof(struct snapshot_worker, flow_capacity) },
		{ "evidence_lost", offsetof(struct snapshot_worker, counters.evidence_lost) },
		{ "stalls", offsetof(struct snapshot_worker, stalls) },
	};
	const struct snapshot_worker *worker = &q->snapshot->workers[index];
	uint64_t polled_ns = worker->counters.last_poll_ns, packets = 0;
	json_t *object;

	for (unsigned i = 0; i < DIRECTIONS_MAX; i++)
		packets += snapshot_packets(&worker->counters, i, GROUPS_ALL);
	object = json_pack("{s:i, s:i, s:s, s:I, s:I}", "lcore", (int)worker->lcore, "numa",
			worker->node, "state", state_of(worker), "packets", (json_int_t)packets,
			"polled_ms_ago",
			(json_int_t)(q->snapshot->time_ns > polled_ns ?
							(q->snapshot->time_ns - polled_ns) /
									1000000 :
							0));
	set_numbers(object, worker, FIELDS(fields));
	return object;
}

json_t *answer_workers(const struct question *q)
{
	return list(q, q->snapshot->worker_count, make_worker);
}

static json_t *make_table(const struct question *q, unsigned index)
{
	static const struct field fields[] = {
		{ "flows", offsetof(struct snapshot_worker, counters.flows) },
		{ "capacity", offsetof(struct snapshot_worker, flow_capacity) },
		{ "created", offsetof(struct snapshot_worker, counters.flows_created) },
		{ "refused", offsetof(struct snapshot_worker, counters.flows_refused) },
	};
	const struct snapshot_worker *worker = &q->snapshot->workers[index];
	json_t *object = json_pack("{s:i}", "lcore", (int)worker->lcore);

	set_numbers(object, worker, FIELDS(fields));
	for (int i = 0; i < FLOW_END_COUNT; i++)
		json_object_set_new(object, flow_end_name(i),
				json_integer((json_int_t)worker->counters.flows_ended[i]));
	return object;
}

static json_t *answer_tables(const struct question *q)
{
	return list(q, q->snapshot->worker_count, make_table);
}

static const char *action_word(const struct policy *policy, unsigned app)
{
	static const char *const words[] = {
		[ACTION_FORWARD] = "forward",
		[ACTION_TAG] = "tag",
		[ACTION_DROP] = "drop",
		[ACTION_POLICE] = "police",
	};

	return words[policy->actions[app].kind];
}

static const struct policy *policy_in_force(const struct question *q)
{
	// The manager, which frees policies, is who asks.
	return atomic_load_explicit(&q->source->shared->policy, memory_order_acquire);
}

json_t *answer_apps(const struct question *q)
{
	const struct policy *policy = policy_in_force(q);
	json_t *array = json_array();
	struct counters total;

	snapshot_total(q->snapshot, &total);
	for (unsigned i = 0; i < q->snapshot->app_count; i++) {
		if (total.app_packets[i] == 0 && total.app_flows[i] == 0)
			continue;
		json_array_append_new(array,
				json_pack("{s:s, s:I, s:I, s:I, s:s}", "app", application_name(i),
						"flows", (json_int_t)total.app_flows[i], "packets",
						(json_int_t)total.app_packets[i], "bytes",
						(json_int_t)total.app_bytes[i], "action",
						action_word(policy, i)));
	}
	return array;
}

// The argument `first` of a list that goes on: the index of the first one wanted.
static unsigned first_of(const struct question *q)
{
	json_int_t first = json_integer_value(json_object_get(q->arguments, "first"));

	return first < 0 || first > UINT32_MAX ? UINT32_MAX : (unsigned)first;
}

// `next` is the `first` that goes on with the list; null after its end.
static json_t *page(unsigned total, unsigned first, const char *name, json_t *items)
{
	bool is_end = first >= total || total - first <= PAGE_MAX;

	return json_pack("{s:I, s:o, s:o}", "total", (json_int_t)total, "next",
			is_end ? json_null() : json_integer((json_int_t)first + PAGE_MAX), name,
			items);
}

void add_host(json_t *items, const struct host *host)
{
	char address[EVENT_ADDRESS_BYTES];

	event_address(address, host->address, host->is_ip4);
	for (unsigned i = 0; i < host->app_count; i++) {
		const struct host_app *app = &host->apps[i];
		const char *step = app->step_count == 0 ?
				NULL :
				step_name(app->steps[app->step_count - 1].step);

		json_array_append_new(items,
				json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:s?, s:I, s:o}", "ip",
						address, "app", application_name(app->app),
						"confidence", confidence_name(app->confidence),
						"version", app->version, "port", (int)app->port,
						"super_node", app->is_super_node, "step", step,
						"evidence", (json_int_t)app->evidence_total, "last",
						time_string(host->last_ns)));
	}
}

static json_t *answer_hosts(const struct question *q)
{
	const struct host_table *hosts = q->source->hosts;
	unsigned first = first_of(q), index = 0;
	json_t *items = json_array();

	for (const struct host *host = host_next(hosts, NULL); host != NULL;
			host = host_next(hosts, host), index++) {
		if (index >= first && index - first < PAGE_MAX)
			add_host(items, host);
	}
	return page(index, first, "hosts", items);
}

// Says of each piece of evidence what it is in words.
static void explain(json_t *event)
{
	json_t *list = json_object_get(json_object_get(event, "wiretag"), "evidence"), *line;
	size_t index;

	json_array_foreach(list, index, line)
	{
		const char *name = json_string_value(json_object_get(line, "signal"));

		for (int signal = 0; name != NULL && signal < SIGNAL_COUNT; signal++) {
			if (strcmp(signal_name(signal), name) == 0)
				json_object_set_new(
						line, "words", json_string(signal_words(signal)));
		}
	}
}

// The events of the host, as they would be written now.
static json_t *host_events(const struct host *host)
{
	json_t *events = json_array();
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (stream == NULL)
		return events;
	event_host(stream, host);
	fclose(stream);
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		json_t *event = json_loadb(line, end - line, 0, NULL);

		explain(event);
		json_array_append_new(events, event);
	}
	free(text);
	return events;
}

bool answer_address(const char *text, uint8_t address[16], bool *is_ip4)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (text == NULL)
		return false;
	memcpy(address, mapped, sizeof(mapped));
	*is_ip4 = inet_pton(AF_INET, text, address + 12) == 1;
	return *is_ip4 || inet_pton(AF_INET6, text, address) == 1;
}

bool answer_app(const char *name, uint8_t *app)
{
	for (int i = 0; name != NULL && i < application_count(); i++) {
		if (strcmp(application_name(i), name) == 0) {
			*app = i;
			return true;
		}
	}
	return false;
}

static json_t *answer_host(const struct question *q)
{
	const char *text = json_string_value(json_object_get(q->arguments, "ip"));
	const struct host *host;
	uint8_t address[16];
	bool is_ip4;

	if (text == NULL)
		return refuse(q, "'host' needs the argument 'ip'");
	if (!answer_address(text, address, &is_ip4))
		return refuse(q, "'ip' is no address");
	host = host_find(q->source->hosts, address, is_ip4);
	if (host == NULL)
		return refuse(q, "nothing is known of this host");
	return host_events(host);
}

static json_t *make_rule(const struct policy *policy, unsigned index)
{
	const struct rule *rule = rules_at(policy->rules, index);
	uint64_t matches = 0;

	for (unsigned i = 0; i < policy->worker_count; i++)
		matches += atomic_load_explicit(
				&policy->workers[i].rule_matches[index], memory_order_relaxed);
	return json_pack("{s:I, s:s, s:s, s:I, s:s, s:s, s:s}", "id", (json_int_t)rule->id, "app",
			application_name(rule->app), "confidence",
			confidence_name(rule->confidence), "matches", (json_int_t)matches, "action",
			action_word(policy, rule->app), "place", rule->place, "note", rule->note);
}

static json_t *answer_rules(const struct question *q)
{
	const struct policy *policy = policy_in_force(q);
	unsigned count = rules_count(policy->rules), first = first_of(q);
	json_t *items = json_array();

	for (unsigned i = first; i < count && i - first < PAGE_MAX; i++)
		json_array_append_new(items, make_rule(policy, i));
	return page(count, first, "rules", items);
}

json_t *answer_drops(const struct question *q)
{
	json_t *array = json_array();
	struct counters total;

	snapshot_total(q->snapshot, &total);
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		enum reason_group group = reason_group(i);
		uint64_t packets = 0;

		if (group != REASON_GROUP_DROPPED && group != REASON_GROUP_UNINSPECTED)
			continue;
		for (unsigned direction = 0; direction < DIRECTIONS_MAX; direction++)
			packets += total.packets[direction][i];
		json_array_append_new(array,
				json_pack("{s:s, s:b, s:I, s:s}", "reason", reason_label(i),
						"dropped", group == REASON_GROUP_DROPPED, "packets",
						(json_int_t)packets, "help", reason_help(i)));
	}
	return array;
}

static json_t *answer_start_reload(const struct question *q)
{
	uint64_t number = reload_ask(q->source->reload);

	// As SIGHUP does.
	if (q->source->exporter != NULL)
		export_reopen(q->source->exporter);
	if (json_is_true(json_object_get(q->arguments, "wait")))
		q->answer->reload = number;
	return json_pack("{s:I}", "reload", (json_int_t)number);
}

static json_t *answer_reopen(const struct question *q)
{
	if (q->source->exporter == NULL)
		return refuse(q, "there is no file to open anew: events.file is off");
	export_reopen(q->source->exporter);
	return json_object();
}

// The control socket starts it: here it is only let through.
static json_t *answer_capture(const struct question *q)
{
	q->answer->is_capture = true;
	return json_pack("{s:s}", "format", "pcapng");
}

void answer_reload(const struct control_source *source, struct answer *answer)
{
	const struct reload_state *state = reload_state(source->reload);
	const struct complaints *complaints = &state->complaints;
	const struct policy *policy =
			atomic_load_explicit(&source->shared->policy, memory_order_acquire);

	*answer = (struct answer){ .is_good = state->is_good };
	if (state->is_good)
		answer->message = json_pack("{s:I, s:i}", "reload", (json_int_t)state->ended,
				"rules", (int)rules_count(policy->rules));
	else
		answer->message = lines_array(complaints->lines, complaints->count);
}

static const struct {
	const char *name;
	answer_writer *answer;
} commands[] = {
	{ "status", answer_status },
	{ "ports", answer_ports },
	{ "pairs", answer_pairs },
	{ "workers", answer_workers },
	{ "apps", answer_apps },
	{ "hosts", answer_hosts },
	{ "host", answer_host },
	{ "flows", answer_flows },
	{ "tables", answer_tables },
	{ "rules", answer_rules },
	{ "drops", answer_drops },
	{ "reload", answer_start_reload },
	{ "reopen", answer_reopen },
	{ "summary", answer_summary },
	{ "capture", answer_capture },
};

void answer_request(const struct control_source *source, struct snapshot *snapshot,
		const json_t *request, struct answer *answer)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const struct question q = { source, snapshot, json_object_get(request, "arguments"),
		answer };

	*answer = (struct answer){ .is_good = true };
	// What Suricata's clients say first.
	if (name == NULL && json_object_get(request, "version") != NULL)
		return;
	for (size_t i = 0; name != NULL && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		source->snapshot.gather(source->snapshot.context, snapshot);
		answer->message = commands[i].answer(&q);
		return;
	}
	answer->is_good = false;
	answer->message = name == NULL ?
			json_string("a request names its command") :
			json_string("no such command: status, ports, pairs, workers, apps, hosts, "
				    "host, flows, tables, rules, drops, reload, reopen, summary, "
				    "capture");
}

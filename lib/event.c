// SPDX-License-Identifier: BSD-3-Clause
#include "event.h"

#include "application.h"
#include "community_id.h"
#include "counters.h"
#include "detect/detect.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void write_line(FILE *stream, json_t *record)
{
	char *line = json_dumps(record, JSON_COMPACT);

	json_decref(record);
	if (line == NULL)
		return;
	fputs(line, stream);
	fputc('\n', stream);
	free(line);
}

void event_time(char text[EVENT_TIME_BYTES], uint64_t time_ns)
{
	time_t seconds = time_ns / 1000000000;
	struct tm tm;
	size_t length;

	gmtime_r(&seconds, &tm);
	length = strftime(text, EVENT_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + length, EVENT_TIME_BYTES - length, ".%06u+0000",
			(unsigned)(time_ns % 1000000000 / 1000));
}

void event_address(char text[EVENT_ADDRESS_BYTES], const uint8_t address[16], bool is_ip4)
{
	inet_ntop(is_ip4 ? AF_INET : AF_INET6, is_ip4 ? address + 12 : address, text,
			EVENT_ADDRESS_BYTES);
}

const char *flow_end_name(enum flow_end_reason reason)
{
	static const char *const names[FLOW_END_COUNT] = {
		[FLOW_END_IDLE] = "timeout",
		[FLOW_END_CLOSED] = "closed",
		[FLOW_END_REUSED] = "reused",
		[FLOW_END_EVICTED] = "evicted",
		[FLOW_END_STOPPED] = "shutdown", // as Suricata says
	};

	return names[reason];
}

static void set_time(json_t *object, const char *key, uint64_t time_ns)
{
	char text[EVENT_TIME_BYTES];

	event_time(text, time_ns);
	json_object_set_new(object, key, json_string(text));
}

static void set_address(json_t *object, const char *key, const uint8_t address[16], bool is_ip4)
{
	char text[EVENT_ADDRESS_BYTES];

	event_address(text, address, is_ip4);
	json_object_set_new(object, key, json_string(text));
}

static void set_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

static void set_string(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, json_string(text));
}

static json_t *record_create(uint64_t time_ns, const char *type)
{
	json_t *record = json_object();

	set_time(record, "timestamp", time_ns);
	set_string(record, "event_type", type);
	return record;
}

// As EVE writes it: names for these, three digits for the rest.
static void set_protocol(json_t *object, uint8_t protocol)
{
	char digits[4];
	const char *name = digits;

	switch (protocol) {
	case IPPROTO_TCP:
		name = "TCP";
		break;
	case IPPROTO_UDP:
		name = "UDP";
		break;
	case IPPROTO_ICMP:
		name = "ICMP";
		break;
	case IPPROTO_ICMPV6:
		name = "IPv6-ICMP";
		break;
	case IPPROTO_SCTP:
		name = "SCTP";
		break;
	default:
		snprintf(digits, sizeof(digits), "%03u", protocol);
	}
	set_string(object, "proto", name);
}

static bool is_icmp(const struct flow_record *record)
{
	return record->protocol == IPPROTO_ICMP || record->protocol == IPPROTO_ICMPV6;
}

// Type of the first message and, as Suricata has them, that of the answer or the code.
static void set_icmp(json_t *object, const struct flow_record *record)
{
	set_number(object, "icmp_type", record->source_port);
	if (record->destination_port >= PACKET_ICMP_CODE)
		set_number(object, "icmp_code", record->destination_port - PACKET_ICMP_CODE);
	else
		set_number(object, "response_icmp_type", record->destination_port);
}

static void set_port(json_t *object, const char *key, uint16_t port, uint8_t protocol)
{
	if (port != 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ||
			protocol == IPPROTO_SCTP)
		set_number(object, key, port);
}

static void set_vlans(json_t *object, const uint16_t vlans[2])
{
	json_t *list;

	if (vlans[0] == 0)
		return;
	list = json_array();
	for (int i = 0; i < 2 && vlans[i] != 0; i++)
		json_array_append_new(list, json_integer(vlans[i]));
	json_object_set_new(object, "vlan", list);
}

static json_t *flow_numbers(const struct flow_record *record)
{
	json_t *flow = json_object();

	set_number(flow, "pkts_toserver", record->packets_to_server);
	set_number(flow, "pkts_toclient", record->packets_to_client);
	set_number(flow, "bytes_toserver", record->bytes_to_server);
	set_number(flow, "bytes_toclient", record->bytes_to_client);
	set_time(flow, "start", record->start_ns);
	if (record->is_detection)
		return flow;
	set_time(flow, "end", record->end_ns);
	set_string(flow, "reason", flow_end_name(record->reason));
	return flow;
}

static json_t *flow_verdict(const struct flow_record *record)
{
	json_t *verdict = json_object();
	json_t *evidence = json_array();

	set_string(verdict, "app", application_name(record->app));
	set_string(verdict, "confidence", confidence_name(record->confidence));
	if (record->role != FLOW_ROLE_NONE)
		set_string(verdict, "role", role_name(record->role));
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		if (record->signals & 1u << signal)
			json_array_append_new(evidence, json_string(signal_name(signal)));
	json_object_set_new(verdict, "evidence", evidence);
	return verdict;
}

static void set_community_id(json_t *object, const struct flow_record *record)
{
	char text[COMMUNITY_ID_BYTES];

	community_id(text, record->source, record->destination, record->source_port,
			record->destination_port, record->protocol, record->is_ip4);
	set_string(object, "community_id", text);
}

// "skype: a Skype client asked for its newest version", of all evidence; severity as in Suricata:
// 1 is the highest.
static void set_alert(json_t *event, uint8_t app, enum confidence confidence, uint32_t signals)
{
	json_t *alert = json_object();
	char text[1024];
	size_t length;

	length = snprintf(text, sizeof(text), "%s", application_name(app));
	for (int signal = 0; signal < SIGNAL_COUNT && length < sizeof(text); signal++) {
		if ((signals & 1u << signal) == 0)
			continue;
		length += snprintf(text + length, sizeof(text) - length, "%s%s",
				strchr(text, ':') == NULL ? ": " : "; ", signal_words(signal));
	}
	set_string(alert, "signature", text);
	set_string(alert, "category", application_name(app));
	set_number(alert, "severity", 1 + CONFIDENCE_CERTAIN - confidence);
	json_object_set_new(event, "alert", alert);
}

void event_flow(FILE *stream, const struct flow_record *record)
{
	const char *app_proto = detect_app_proto_name(record->app_proto);
	json_t *event = record->is_detection ? record_create(record->end_ns, "detection") :
					       record_create(record->start_ns, "flow");

	set_number(event, "flow_id", record->id);
	set_address(event, "src_ip", record->source, record->is_ip4);
	if (!is_icmp(record))
		set_port(event, "src_port", record->source_port, record->protocol);
	set_address(event, "dest_ip", record->destination, record->is_ip4);
	if (!is_icmp(record))
		set_port(event, "dest_port", record->destination_port, record->protocol);
	set_protocol(event, record->protocol);
	if (is_icmp(record))
		set_icmp(event, record);
	set_vlans(event, record->vlans);
	set_community_id(event, record);
	if (app_proto != NULL)
		set_string(event, "app_proto", app_proto);
	if (record->is_detection)
		set_alert(event, record->app, record->confidence, record->signals);
	json_object_set_new(event, "flow", flow_numbers(record));
	json_object_set_new(event, "wiretag", flow_verdict(record));
	write_line(stream, event);
}

static json_t *app_steps(const struct host_app *app)
{
	json_t *steps = json_array();

	for (int i = 0; i < app->step_count; i++) {
		json_t *step = json_object();

		set_string(step, "step", step_name(app->steps[i].step));
		set_time(step, "timestamp", app->steps[i].time_ns);
		if (app->steps[i].number != 0)
			set_number(step, "packet", app->steps[i].number);
		set_string(step, "signal", signal_name(app->steps[i].signal));
		json_array_append_new(steps, step);
	}
	return steps;
}

// What came from a packet is made printable here once more: JSON must be UTF-8, whatever others
// put into a text.
static void set_text(json_t *object, const char *key, const char *text, size_t length)
{
	char printable[EVIDENCE_TEXT_BYTES];

	length = findings_printable(printable, sizeof(printable), (const uint8_t *)text, length);
	json_object_set_new(object, key, json_stringn(printable, length));
}

static json_t *app_evidence(const struct host_app *app)
{
	json_t *list = json_array();

	for (int i = 0; i < app->ledger_count; i++) {
		const struct host_ledger *ledger = &app->ledger[i];
		const struct evidence *first = &ledger->first;
		json_t *line = json_object();

		set_string(line, "signal", signal_name(first->signal));
		set_time(line, "timestamp", first->time_ns);
		if (first->number != 0)
			set_number(line, "packet", first->number);
		set_number(line, "count", ledger->count);
		set_text(line, "example", first->text,
				first->text_length < sizeof(first->text) ? first->text_length :
									   sizeof(first->text));
		json_array_append_new(list, line);
	}
	return list;
}

static void set_public_address(json_t *object, uint32_t address)
{
	uint8_t bytes[16] = { [10] = 0xff,
		[11] = 0xff,
		[12] = address >> 24,
		[13] = address >> 16,
		[14] = address >> 8,
		[15] = address };

	set_address(object, "public_ip", bytes, true);
}

static json_t *host_verdict(const struct host *host, const struct host_app *app)
{
	json_t *verdict = json_object();
	char platform[HOST_PLATFORM_BYTES];

	set_address(verdict, "ip", host->address, host->is_ip4);
	set_string(verdict, "app", application_name(app->app));
	set_string(verdict, "confidence", confidence_name(app->confidence));
	if (app->version[0] != '\0')
		set_text(verdict, "version", app->version, strlen(app->version));
	host_platform(app, platform);
	if (platform[0] != '\0')
		set_string(verdict, "platform", platform);
	if (app->client.user[0] != '\0')
		set_string(verdict, "uhash", app->client.user);
	if (app->first_start_ns != 0)
		set_time(verdict, "first_start", app->first_start_ns);
	if (app->port != 0)
		set_number(verdict, "port", app->port);
	if (app->public_ip4 != 0)
		set_public_address(verdict, app->public_ip4);
	json_object_set_new(verdict, "super_node", json_boolean(app->is_super_node));
	if (app->clients > 0)
		set_number(verdict, "clients", app->clients);
	json_object_set_new(verdict, "steps", app_steps(app));
	json_object_set_new(verdict, "evidence", app_evidence(app));
	return verdict;
}

void event_host(FILE *stream, const struct host *host)
{
	for (int i = 0; i < host->app_count; i++) {
		json_t *event = record_create(host->last_ns, "host");

		json_object_set_new(event, "wiretag", host_verdict(host, &host->apps[i]));
		write_line(stream, event);
	}
}

void event_host_detection(FILE *stream, const struct host *host, const struct host_app *app)
{
	json_t *event = record_create(host->last_ns, "detection");
	uint32_t signals = 0;

	for (int i = 0; i < app->ledger_count; i++)
		signals |= 1u << app->ledger[i].first.signal;
	set_address(event, "src_ip", host->address, host->is_ip4);
	set_alert(event, app->app, app->confidence, signals);
	json_object_set_new(event, "wiretag", host_verdict(host, app));
	write_line(stream, event);
}

static json_t *call_media(const struct call *call)
{
	json_t *media = json_array();

	for (unsigned kind = CALL_VOICE; kind <= CALL_FILE; kind <<= 1)
		if ((call->media & kind) != 0)
			json_array_append_new(media, json_string(call_media_name(kind)));
	return media;
}

static json_t *call_transports(const struct call *call)
{
	json_t *transports = json_array();

	if ((call->transports & CALL_UDP) != 0)
		json_array_append_new(transports, json_string("UDP"));
	if ((call->transports & CALL_TCP) != 0)
		json_array_append_new(transports, json_string("TCP"));
	return transports;
}

// Who is seen at the other end: the peer; the relays; who is relayed for.
static void set_peers(json_t *verdict, const struct call *call)
{
	json_t *relays = json_array();

	set_address(verdict, "peer", call->peers[0], true);
	if (call->path == CALL_RELAYING && call->peer_count > 1)
		set_address(verdict, "other_peer", call->peers[1], true);
	for (unsigned i = 0; call->path == CALL_RELAYED && i < call->peer_count; i++) {
		char text[EVENT_ADDRESS_BYTES];

		event_address(text, call->peers[i], true);
		json_array_append_new(relays, json_string(text));
	}
	if (call->path == CALL_RELAYED)
		json_object_set_new(verdict, "relays", json_incref(relays));
	json_decref(relays);
}

static void set_moment(json_t *verdict, const char *time_key, const char *packet_key,
		const struct call_moment *moment)
{
	set_time(verdict, time_key, moment->time_ns);
	if (moment->number != 0)
		set_number(verdict, packet_key, moment->number);
}

void event_call(FILE *stream, const struct call *call)
{
	json_t *event = record_create(call->start.time_ns, "call");
	json_t *verdict = json_object();

	set_number(event, "flow_id", call->flow_id);
	set_address(verdict, "ip", call->host, true);
	set_peers(verdict, call);
	set_string(verdict, "app", application_name(APP_SKYPE));
	set_string(verdict, "path", call_path_name(call->path));
	json_object_set_new(verdict, "media", call_media(call));
	json_object_set_new(verdict, "transport", call_transports(call));
	set_moment(verdict, "established", "established_packet", &call->placed);
	set_moment(verdict, "start", "start_packet", &call->start);
	set_moment(verdict, "end", "end_packet", &call->end);
	set_number(verdict, "hold_s", call->hold_s);
	set_number(verdict, "bytes_sent", call->bytes[CALL_SENT]);
	set_number(verdict, "bytes_received", call->bytes[CALL_RECEIVED]);
	json_object_set_new(verdict, "heuristic", json_true());
	json_object_set_new(event, "wiretag", verdict);
	write_line(stream, event);
}

void event_stats(FILE *stream, const struct event_stats *stats)
{
	json_t *event = record_create(stats->time_ns, "stats");
	json_t *totals = json_object();
	json_t *reasons = json_object();

	set_number(totals, "packets", stats->packets);
	set_number(totals, "bytes", stats->bytes);
	if (stats->not_flow != EVENT_UNKNOWN)
		set_number(totals, "not_flow", stats->not_flow);
	set_number(totals, "flows", stats->flows);
	set_number(totals, "hosts", stats->hosts);
	set_number(totals, "evidence_lost", stats->evidence_lost);
	if (stats->records_lost > 0)
		set_number(totals, "records_lost", stats->records_lost);
	for (int reason = 0; reason < REASON_COUNT; reason++)
		set_number(reasons, reason_label(reason), stats->reasons[reason]);
	json_object_set_new(totals, "reasons", reasons);
	json_object_set_new(event, "stats", totals);
	write_line(stream, event);
}

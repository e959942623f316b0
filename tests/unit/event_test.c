// SPDX-License-Identifier: BSD-3-Clause
#include "application.h"
#include "counters.h"
#include "detect/detect.h"
#include "event.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint64_t START_NS = 1156534266654692999; // 2006-08-25 19:31:06

static char *text;
static size_t size;

static FILE *begin(void)
{
	free(text);
	return open_memstream(&text, &size);
}

static void assert_written(FILE *stream, const char *expected)
{
	assert_int_equal(ferror(stream), 0);
	fclose(stream);
	assert_string_equal(text, expected);
}

static void ip4(uint8_t address[16], const char *dotted)
{
	memset(address, 0, 10);
	address[10] = address[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, dotted, address + 12), 1);
}

static struct flow_record record_of(uint8_t protocol)
{
	struct flow_record record = {
		.id = 1,
		.start_ns = START_NS,
		.end_ns = START_NS + 1000000000,
		.source_port = 35990,
		.destination_port = 33033,
		.packets_to_server = 3,
		.packets_to_client = 2,
		.bytes_to_server = 180,
		.bytes_to_client = 266,
		.protocol = protocol,
		.is_ip4 = true,
		.reason = FLOW_END_IDLE,
	};

	ip4(record.source, "192.168.1.2");
	ip4(record.destination, "198.51.100.7");
	return record;
}

static void a_flow_that_is_known(void **)
{
	struct flow_record record = record_of(IPPROTO_TCP);
	FILE *stream = begin();

	record.vlans[0] = 10;
	record.vlans[1] = 20;
	record.app_proto = DETECTOR_http + 1;
	record.app = APP_SKYPE;
	record.confidence = CONFIDENCE_CERTAIN;
	record.role = FLOW_ROLE_VERSION_CHECK;
	record.signals = 1 << SIGNAL_HTTP_HOST | 1 << SIGNAL_SKYPE_VERSION_CHECK;
	record.reason = FLOW_END_CLOSED;
	event_flow(stream, &record);
	assert_written(stream,
			"{\"timestamp\":\"2006-08-25T19:31:06.654692+0000\",\"event_type\":\"flow\","
			"\"flow_id\":1,\"src_ip\":\"192.168.1.2\",\"src_port\":35990,"
			"\"dest_ip\":\"198.51.100.7\",\"dest_port\":33033,\"proto\":\"TCP\","
			"\"vlan\":[10,20],"
			"\"community_id\":\"1:iH0BCGOMpgEqEqmFe7WWfkdzwFk=\",\"app_proto\":\"http\",\"flow\":{\"pkts_toserver\":3,"
			"\"pkts_toclient\":2,\"bytes_toserver\":180,\"bytes_toclient\":266,"
			"\"start\":\"2006-08-25T19:31:06.654692+0000\","
			"\"end\":\"2006-08-25T19:31:07.654692+0000\",\"reason\":\"closed\"},"
			"\"wiretag\":{\"app\":\"skype\",\"confidence\":\"certain\","
			"\"role\":\"version-check\","
			"\"evidence\":[\"http-host\",\"skype-version-check\"]}}\n");
}

static void a_flow_that_is_not(void **)
{
	struct flow_record record = record_of(IPPROTO_ICMPV6);
	FILE *stream = begin();

	record.is_ip4 = false;
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:0:0:1:0:0:1", record.source), 1);
	assert_int_equal(inet_pton(AF_INET6, "ff02::1", record.destination), 1);
	record.source_port = 135;
	record.destination_port = 136;
	event_flow(stream, &record);
	assert_written(stream,
			"{\"timestamp\":\"2006-08-25T19:31:06.654692+0000\",\"event_type\":\"flow\","
			"\"flow_id\":1,\"src_ip\":\"2001:db8::1:0:0:1\",\"dest_ip\":\"ff02::1\","
			"\"proto\":\"IPv6-ICMP\",\"icmp_type\":135,\"response_icmp_type\":136,\"community_id\":\"1:Xfi8GILvxzO4t7nDJWZvOJ31Qc4=\",\"flow\":{\"pkts_toserver\":3,\"pkts_toclient\":2,"
			"\"bytes_toserver\":180,\"bytes_toclient\":266,"
			"\"start\":\"2006-08-25T19:31:06.654692+0000\","
			"\"end\":\"2006-08-25T19:31:07.654692+0000\",\"reason\":\"timeout\"},"
			"\"wiretag\":{\"app\":\"unknown\",\"confidence\":\"none\","
			"\"evidence\":[]}}\n");
}

static void protocols_are_named_as_eve_does(void **)
{
	static const struct {
		uint8_t protocol;
		uint16_t port;
		const char *expected;
	} rows[] = {
		{ IPPROTO_UDP, 0, "\"dest_port\":0,\"proto\":\"UDP\",\"community_id\"" },
		{ IPPROTO_SCTP, 0, "\"dest_port\":0,\"proto\":\"SCTP\",\"community_id\"" },
		{ IPPROTO_ICMP, PACKET_ICMP_CODE | 3,
				".7\",\"proto\":\"ICMP\",\"icmp_type\":3,\"icmp_code\":3,\"community_id\"" },
		{ IPPROTO_GRE, 0, ".7\",\"proto\":\"047\",\"community_id\"" },
		{ 33, 5, "\"dest_port\":5,\"proto\":\"033\",\"community_id\"" },
		{ 255, 0, ".7\",\"proto\":\"255\",\"community_id\"" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct flow_record record = record_of(rows[i].protocol);
		FILE *stream = begin();

		record.source_port = 3;
		record.destination_port = rows[i].port;
		event_flow(stream, &record);
		fclose(stream);
		assert_non_null(strstr(text, rows[i].expected));
	}
}

// So far: without an end and why.
static void a_flow_that_just_got_its_verdict(void **)
{
	struct flow_record record = record_of(IPPROTO_UDP);
	FILE *stream = begin();

	record.is_detection = true;
	record.app = APP_SKYPE;
	record.confidence = CONFIDENCE_STRONG;
	record.signals = 1 << SIGNAL_HTTP_HOST | 1 << SIGNAL_SKYPE_PORT;
	event_flow(stream, &record);
	assert_written(stream,
			"{\"timestamp\":\"2006-08-25T19:31:07.654692+0000\","
			"\"event_type\":\"detection\",\"flow_id\":1,"
			"\"src_ip\":\"192.168.1.2\",\"src_port\":35990,"
			"\"dest_ip\":\"198.51.100.7\",\"dest_port\":33033,\"proto\":\"UDP\","
			"\"community_id\":\"1:rFmm94gx/CxvEY+UQOVVWy7R+T"
			"E=\",\"alert\":{"
			"\"signature\":\"skype: an HTTP request to a host that a rule names; "
			"to or from a host's proven Skype port\",\"category\":\"skype\","
			"\"severity\":2},\"flow\":{\"pkts_toserver\":3,\"pkts_toclient\":2,"
			"\"bytes_toserver\":180,\"bytes_toclient\":266,"
			"\"start\":\"2006-08-25T19:31:06.654692+0000\"},"
			"\"wiretag\":{\"app\":\"skype\",\"confidence\":\"strong\","
			"\"evidence\":[\"http-host\",\"skype-port\"]}}\n");
}

// However many signals there are, the text is whole JSON.
static void all_signals_make_one_signature(void **)
{
	struct flow_record record = record_of(IPPROTO_UDP);
	FILE *stream = begin();
	json_t *json;

	record.is_detection = true;
	record.app = APP_SKYPE;
	record.signals = UINT32_MAX;
	event_flow(stream, &record);
	fclose(stream);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	assert_true(json_is_string(json_object_get(json_object_get(json, "alert"), "signature")));
	json_decref(json);
}

static struct host_ledger ledger_of(enum signal signal, const char *example)
{
	struct host_ledger ledger = {
		.count = 2,
		.first = { .time_ns = START_NS, .signal = signal, .text_length = strlen(example) },
	};

	memcpy(ledger.first.text, example, strlen(example));
	return ledger;
}

static void a_host_has_a_line_for_each_application(void **)
{
	struct host_ledger ledger[] = {
		ledger_of(SIGNAL_HTTP_HOST, "ui.skype.com"),
		ledger_of(SIGNAL_SKYPE_VERSION_CHECK, "GET \"\\"),
	};
	struct host_step step = { .time_ns = START_NS + 5000, .step = STEP_STARTUP };
	struct host_app apps[] = {
		{ .app = APP_SKYPE,
				.confidence = CONFIDENCE_CERTAIN,
				.version = "1.2.0.18",
				.port = 35990,
				.ledger_count = 2,
				.ledger = ledger,
				.step_count = 1,
				.steps = &step },
		{ .app = APP_SKYPE, .confidence = CONFIDENCE_WEAK },
	};
	struct host host = { .is_ip4 = true, .app_count = 2, .apps = apps, .last_ns = START_NS };
	FILE *stream = begin();

	ip4(host.address, "192.168.1.2");
	event_host(stream, &host);
	assert_written(stream,
			"{\"timestamp\":\"2006-08-25T19:31:06.654692+0000\",\"event_type\":\"host\","
			"\"wiretag\":{\"ip\":\"192.168.1.2\",\"app\":\"skype\","
			"\"confidence\":\"certain\",\"version\":\"1.2.0.18\",\"port\":35990,"
			"\"super_node\":false,\"steps\":[{\"step\":\"startup\","
			"\"timestamp\":\"2006-08-25T19:31:06.654697+0000\",\"signal\":\"address\"}],"
			"\"evidence\":[{\"signal\":\"http-host\","
			"\"timestamp\":\"2006-08-25T19:31:06.654692+0000\",\"count\":2,"
			"\"example\":\"ui.skype.com\"},{\"signal\":\"skype-version-check\","
			"\"timestamp\":\"2006-08-25T19:31:06.654692+0000\",\"count\":2,"
			"\"example\":\"GET \\\"\\\\\"}]}}\n"
			"{\"timestamp\":\"2006-08-25T19:31:06.654692+0000\",\"event_type\":\"host\","
			"\"wiretag\":{\"ip\":\"192.168.1.2\",\"app\":\"skype\","
			"\"confidence\":\"weak\",\"super_node\":false,\"steps\":[],"
			"\"evidence\":[]}}\n");
}

static void a_call_tells_who_how_and_when(void **)
{
	struct call call = {
		.flow_id = 7,
		.placed = { START_NS - 1000000000, 10 },
		.start = { START_NS, 20 },
		.end = { START_NS + 5000, 30 },
		.hold_s = 3,
		.bytes = { 100, 200 },
		.path = CALL_RELAYED,
		.media = CALL_VOICE | CALL_FILE,
		.transports = CALL_UDP | CALL_TCP,
		.peer_count = 2,
	};
	FILE *stream = begin();

	ip4(call.host, "192.168.1.2");
	ip4(call.peers[0], "192.0.2.1");
	ip4(call.peers[1], "192.0.2.2");
	event_call(stream, &call);
	call.path = CALL_RELAYING;
	call.start.number = call.end.number = call.placed.number = 0; // on a wire
	event_call(stream, &call);
	assert_written(stream,
			"{\"timestamp\":\"2006-08-25T19:31:06.654692+0000\",\"event_type\":\"call\","
			"\"flow_id\":7,\"wiretag\":{\"ip\":\"192.168.1.2\",\"peer\":\"192.0.2.1\","
			"\"relays\":[\"192.0.2.1\",\"192.0.2.2\"],\"app\":\"skype\","
			"\"path\":\"relayed\",\"media\":[\"voice\",\"file\"],"
			"\"transport\":[\"UDP\",\"TCP\"],"
			"\"established\":\"2006-08-25T19:31:05.654692+0000\","
			"\"established_packet\":10,"
			"\"start\":\"2006-08-25T19:31:06.654692+0000\",\"start_packet\":20,"
			"\"end\":\"2006-08-25T19:31:06.654697+0000\",\"end_packet\":30,"
			"\"hold_s\":3,\"bytes_sent\":100,\"bytes_received\":200,"
			"\"heuristic\":true}}\n"
			"{\"timestamp\":\"2006-08-25T19:31:06.654692+0000\",\"event_type\":\"call\","
			"\"flow_id\":7,\"wiretag\":{\"ip\":\"192.168.1.2\",\"peer\":\"192.0.2.1\","
			"\"other_peer\":\"192.0.2.2\",\"app\":\"skype\","
			"\"path\":\"relaying\",\"media\":[\"voice\",\"file\"],"
			"\"transport\":[\"UDP\",\"TCP\"],"
			"\"established\":\"2006-08-25T19:31:05.654692+0000\","
			"\"start\":\"2006-08-25T19:31:06.654692+0000\","
			"\"end\":\"2006-08-25T19:31:06.654697+0000\","
			"\"hold_s\":3,\"bytes_sent\":100,\"bytes_received\":200,"
			"\"heuristic\":true}}\n");
}

// Texts that no detector of ours would give: every byte, and a length past the array.
static void a_host_that_just_got_its_verdict(void **)
{
	struct host_ledger ledger = ledger_of(SIGNAL_HTTP_HOST, "ui.skype.com");
	struct host_app app = {
		.app = APP_SKYPE,
		.confidence = CONFIDENCE_CERTAIN,
		.ledger_count = 1,
		.ledger = &ledger,
	};
	struct host host = { .is_ip4 = true, .app_count = 1, .last_ns = START_NS, .apps = &app };
	FILE *stream = begin();

	ip4(host.address, "192.168.1.2");
	event_host_detection(stream, &host, &app);
	fclose(stream);
	assert_non_null(strstr(text,
			"\"event_type\":\"detection\",\"src_ip\":\"192.168.1.2\",\"alert\":{"
			"\"signature\":\"skype: an HTTP request to a host that a rule names\","
			"\"category\":\"skype\",\"severity\":1},\"wiretag\":{\"ip\":"));
}

static void no_bytes_break_the_json(void **)
{
	struct host_ledger ledger = ledger_of(SIGNAL_PAYLOAD, "");
	struct host_app app = { .app = APP_SKYPE, .ledger_count = 1, .ledger = &ledger };
	struct host host = { .is_ip4 = true, .app_count = 1, .apps = &app };

	for (int byte = 0; byte < 256; byte++) {
		FILE *stream = begin();
		json_t *json;
		const char *example;

		memset(ledger.first.text, byte, sizeof(ledger.first.text));
		memset(app.version, byte, sizeof(app.version) - 1);
		ledger.first.text_length = 255;
		event_host(stream, &host);
		fclose(stream);
		assert_ptr_equal(strchr(text, '\n'), text + size - 1);
		json = json_loads(text, 0, NULL);
		assert_non_null(json);
		json_unpack(json, "{s:{s:[{s:s}]}}", "wiretag", "evidence", "example", &example);
		assert_int_equal(strlen(example), sizeof(ledger.first.text));
		assert_int_equal(example[0], byte < 0x20 || byte > 0x7e ? '.' : byte);
		json_decref(json);
	}
}

static void stats_name_every_reason(void **)
{
	struct event_stats stats = {
		.time_ns = START_NS,
		.packets = 7,
		.bytes = 600,
		.not_flow = 1,
		.flows = 2,
		.hosts = 3,
		.evidence_lost = 4,
		.reasons = { [REASON_INSPECTED] = 5, [REASON_TX_FULL] = 6 },
	};
	FILE *stream = begin();
	char expected[2048];
	size_t length;

	event_stats(stream, &stats);
	length = snprintf(expected, sizeof(expected),
			"{\"timestamp\":\"2006-08-25T19:31:06.654692+0000\","
			"\"event_type\":\"stats\",\"stats\":{\"packets\":7,\"bytes\":600,"
			"\"not_flow\":1,\"flows\":2,\"hosts\":3,\"evidence_lost\":4,\"reasons\":{");
	for (int reason = 0; reason < REASON_COUNT; reason++)
		length += snprintf(expected + length, sizeof(expected) - length, "%s\"%s\":%d",
				reason == 0 ? "" : ",", reason_label(reason),
				(int)stats.reasons[reason]);
	snprintf(expected + length, sizeof(expected) - length, "}}}\n");
	assert_written(stream, expected);
}

// While flows go on nobody knows how many packets belong to none.
static void stats_leave_out_what_is_unknown(void **)
{
	struct event_stats stats = { .not_flow = EVENT_UNKNOWN, .records_lost = 3 };
	FILE *stream = begin();

	event_stats(stream, &stats);
	fclose(stream);
	assert_null(strstr(text, "not_flow"));
	assert_non_null(strstr(text, "\"records_lost\":3,"));
}

static void times_are_utc_with_microseconds(void **)
{
	char time[EVENT_TIME_BYTES];

	event_time(time, 0);
	assert_string_equal(time, "1970-01-01T00:00:00.000000+0000");
	event_time(time, 951782400000000999);
	assert_string_equal(time, "2000-02-29T00:00:00.000000+0000");
	event_time(time, UINT64_MAX);
	assert_string_equal(time, "2554-07-21T23:34:33.709551+0000");
}

static void ends_have_names(void **)
{
	static const char *const names[FLOW_END_COUNT] = { "timeout", "closed", "reused", "evicted",
		"shutdown" };

	for (int reason = 0; reason < FLOW_END_COUNT; reason++)
		assert_string_equal(flow_end_name(reason), names[reason]);
}

static int release(void **)
{
	free(text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_that_is_known),
		cmocka_unit_test(a_flow_that_is_not),
		cmocka_unit_test(a_flow_that_just_got_its_verdict),
		cmocka_unit_test(all_signals_make_one_signature),
		cmocka_unit_test(a_host_that_just_got_its_verdict),
		cmocka_unit_test(stats_leave_out_what_is_unknown),
		cmocka_unit_test(protocols_are_named_as_eve_does),
		cmocka_unit_test(a_host_has_a_line_for_each_application),
		cmocka_unit_test(a_call_tells_who_how_and_when),
		cmocka_unit_test(no_bytes_break_the_json),
		cmocka_unit_test(stats_name_every_reason),
		cmocka_unit_test(times_are_utc_with_microseconds),
		cmocka_unit_test(ends_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}

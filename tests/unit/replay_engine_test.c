// SPDX-License-Identifier: BSD-3-Clause
#include "../../app/replay_engine.h"
#include "checksum.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	HEADERS = 14 + 20 + 20,
	FRAMES_MAX = 512
};

static const uint64_t second_ns = 1000000000;
static const char check[] = "GET http://ui.skype.com/ui/2/1.2.0.18/en/getlatestversion?ver=1.2.0.18"
			    " HTTP/1.1\r\nconnection: Keep-Alive\r\nhost: ui.skype.com\r\n\r\n";

// What came out of a run.
struct outcome {
	unsigned flows, hosts, frames;
	uint64_t flow_packets, flow_bytes;
	uint8_t host_ends[8]; // last byte of each host's address
	uint64_t host_numbers[8]; // of its first evidence
	struct frame left[FRAMES_MAX]; // without data
	uint8_t first_bytes[FRAMES_MAX][18];
};

static void flow_ended(void *context, const struct flow_record *record)
{
	struct outcome *outcome = context;

	outcome->flows++;
	outcome->flow_packets += record->packets_to_server + record->packets_to_client;
	outcome->flow_bytes += record->bytes_to_server + record->bytes_to_client;
}

static void host_ended(void *context, const struct host *host)
{
	struct outcome *outcome = context;

	assert_true(outcome->hosts < 8);
	outcome->host_ends[outcome->hosts] = host->address[15];
	outcome->host_numbers[outcome->hosts++] = host->apps[0].ledger[0].first.number;
}

static void frame_left(void *context, const struct frame *frame)
{
	struct outcome *outcome = context;

	assert_true(outcome->frames < FRAMES_MAX);
	memcpy(outcome->first_bytes[outcome->frames], frame->data, 18);
	outcome->left[outcome->frames++] = *frame;
}

static struct policy *make_policy(unsigned worker_count)
{
	struct rules *rules = rules_create();
	struct policy *policy;

	assert_non_null(rules);
	assert_int_equal(rules_compile(rules), 0);
	policy = policy_create(rules, worker_count);
	assert_non_null(policy);
	return policy;
}

static struct engine *make_engine(struct policy *policy, struct outcome *outcome)
{
	const struct engine_config config = {
		.policy = policy,
		.worker_count = policy->worker_count,
		.flows_capacity = 1024,
		.timeouts = { 30000, 600000, 10000, 30000, 120000 },
		.budget = { 8, 8192 },
		.fragments = 256, // so that no five of a test meet in a set of four
		.streams = { .streams = 64,
				.small_buffers = 64,
				.large_buffers = 4,
				.budget = 16384 },
		.hosts_capacity = 64,
		.hosts_expiry_s = 600,
		.flow_ended = flow_ended,
		.host_ended = host_ended,
		.frame_left = frame_left,
		.context = outcome,
	};
	struct engine *engine = engine_create(&config);

	memset(outcome, 0, sizeof(*outcome));
	assert_non_null(engine);
	return engine;
}

// A TCP segment from 10.0.0.`host` to 10.0.1.1 port 80.
static size_t make_segment(uint8_t frame[512], uint8_t host, const char *payload)
{
	static const uint8_t headers[HEADERS] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, // Ethernet
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, IPPROTO_TCP, 0, 0, 10, 0, 0, 0, 10, 0, 1, 1, //
		0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0x72, 0x10, 0, 0, 0, 0, //
	};
	size_t length = strlen(payload);

	memcpy(frame, headers, HEADERS);
	memcpy(frame + HEADERS, payload, length);
	frame[16] = (length + 40) >> 8;
	frame[17] = (length + 40) & 0xff;
	frame[14 + 15] = host;
	return HEADERS + length;
}

static void put(struct engine *engine, uint64_t time_ns, uint8_t host, const char *payload)
{
	uint8_t data[512];
	size_t length = make_segment(data, host, payload);
	const struct frame frame = { data, length, length, time_ns };

	engine_add(engine, LINK_ETHERNET, &frame);
}

static void put_arp(struct engine *engine, uint64_t time_ns)
{
	static const uint8_t data[60] = { [12] = 0x08, [13] = 0x06 };
	const struct frame frame = { data, sizeof(data), sizeof(data), time_ns };

	engine_add(engine, LINK_ETHERNET, &frame);
}

static void books_balance_for_any_number_of_workers(void **)
{
	for (unsigned workers = 1; workers <= 5; workers++) {
		struct policy *policy = make_policy(workers);
		struct outcome outcome;
		struct engine *engine = make_engine(policy, &outcome);
		struct event_stats stats;
		uint64_t sum = 0;

		for (unsigned i = 0; i < 333; i++)
			if (i % 10 == 0)
				put_arp(engine, i * 1000);
			else
				put(engine, i * 1000, i % 7, "x");
		engine_end(engine);
		engine_stats(engine, &stats);
		assert_int_equal(stats.packets, 333);
		assert_int_equal(stats.not_flow, 34);
		assert_int_equal(outcome.flows, 7);
		assert_int_equal(stats.flows, 7);
		assert_int_equal(outcome.flow_packets + stats.not_flow, stats.packets);
		assert_int_equal(outcome.flow_bytes + 34 * 60, stats.bytes);
		for (unsigned reason = 0; reason < REASON_COUNT; reason++)
			sum += stats.reasons[reason];
		assert_int_equal(sum, stats.packets);
		assert_int_equal(outcome.frames, 333);
		engine_free(engine);
		policy_free(policy);
	}
}

// Hosts are learned in the order of the packets that showed them, whichever worker saw those.
static void evidence_is_learned_in_order(void **)
{
	static const uint8_t hosts[] = { 9, 2, 5, 1, 8, 3 };

	for (unsigned workers = 1; workers <= 4; workers++) {
		struct policy *policy = make_policy(workers);
		struct outcome outcome;
		struct engine *engine = make_engine(policy, &outcome);

		put_arp(engine, second_ns);
		for (unsigned i = 0; i < sizeof(hosts); i++)
			put(engine, second_ns, hosts[i], check);
		engine_end(engine);
		assert_int_equal(outcome.hosts, sizeof(hosts));
		assert_memory_equal(outcome.host_ends, hosts, sizeof(hosts));
		for (unsigned i = 0; i < sizeof(hosts); i++)
			assert_int_equal(outcome.host_numbers[i], i + 2);
		engine_free(engine);
		policy_free(policy);
	}
}

// A piece of an IPv4 packet: `length` bytes from `at`, a multiple of 8, behind the IP header.
static void put_fragment(
		struct engine *engine, const uint8_t *whole, size_t at, size_t length, bool is_last)
{
	uint8_t data[512];
	const struct frame frame = { data, 34 + length, 34 + length, second_ns };
	uint16_t checksum;

	memcpy(data, whole, 34);
	memcpy(data + 34, whole + 34 + at, length);
	data[16] = (20 + length) >> 8;
	data[17] = (20 + length) & 0xff;
	data[20] = is_last ? 0 : 0x20;
	data[21] = at / 8;
	checksum = checksum_ip4(data + 14);
	memcpy(data + 24, &checksum, sizeof(checksum));
	engine_add(engine, LINK_ETHERNET, &frame);
}

// A request whose first half comes in a whole packet and its second in two fragments.
static void put_half_in_fragments(struct engine *engine, uint8_t host)
{
	const size_t half = 40, cut = 48;
	uint8_t data[512];
	char text[256];
	size_t length;

	snprintf(text, sizeof(text), "%.*s", (int)half, check);
	put(engine, second_ns, host, text);
	length = make_segment(data, host, check + half) - 34;
	data[41] += half;
	put_fragment(engine, data, 0, cut, false);
	put_fragment(engine, data, cut, length - cut, true);
}

static void fragments_meet_their_flow_on_any_worker(void **)
{
	enum {
		HOSTS = 7
	};

	for (unsigned workers = 1; workers <= 4; workers++) {
		struct policy *policy = make_policy(workers);
		struct outcome outcome;
		struct engine *engine = make_engine(policy, &outcome);

		for (uint8_t host = 1; host <= HOSTS; host++)
			put_half_in_fragments(engine, host);
		engine_end(engine);
		assert_int_equal(outcome.flows, HOSTS);
		assert_int_equal(outcome.flow_packets, 3 * HOSTS);
		assert_int_equal(outcome.hosts, HOSTS);
		engine_free(engine);
		policy_free(policy);
	}
}

static void an_older_capture_starts_new_flows(void **)
{
	struct policy *policy = make_policy(2);
	struct outcome outcome;
	struct engine *engine = make_engine(policy, &outcome);

	put(engine, 100000 * second_ns, 1, "x");
	put(engine, 99990 * second_ns, 1, "x"); // out of order, no more
	put(engine, 1000 * second_ns, 1, "x");
	put(engine, 1001 * second_ns, 1, "x");
	engine_end(engine);
	assert_int_equal(outcome.flows, 2);
	assert_int_equal(outcome.flow_packets, 4);
	engine_free(engine);
	policy_free(policy);
}

static void idle_flows_and_hosts_end_as_time_passes(void **)
{
	struct policy *policy = make_policy(1);
	struct outcome outcome;
	struct engine *engine = make_engine(policy, &outcome);

	put(engine, second_ns, 1, check);
	for (unsigned i = 0; i < 3 * BURST_PACKETS; i++)
		put_arp(engine, 3600 * second_ns);
	assert_int_equal(outcome.flows, 1);
	assert_int_equal(outcome.hosts, 1);
	engine_end(engine);
	assert_int_equal(outcome.flows, 1);
	assert_int_equal(outcome.hosts, 1);
	engine_free(engine);
	policy_free(policy);
}

static void frames_leave_as_the_policy_says(void **)
{
	const size_t length = HEADERS + strlen(check);
	struct policy *policy = make_policy(1);
	struct outcome outcome;
	struct engine *engine;

	policy->actions[APP_SKYPE] = (struct action){
		.kind = ACTION_TAG, .pushes_vlan = true, .vlan_tci = 1 << 13 | 100
	};
	engine = make_engine(policy, &outcome);
	put_arp(engine, second_ns);
	put(engine, second_ns, 1, check);
	engine_end(engine);
	assert_int_equal(outcome.frames, 2);
	assert_int_equal(outcome.left[0].length, 60);
	assert_int_equal(outcome.left[1].length, length + 4);
	assert_int_equal(outcome.left[1].wire_length, length + 4);
	assert_memory_equal(outcome.first_bytes[1] + 12, "\x81\x00\x20\x64\x08\x00", 6);
	engine_free(engine);

	policy->actions[APP_SKYPE] = (struct action){ .kind = ACTION_DROP };
	engine = make_engine(policy, &outcome);
	put(engine, second_ns, 1, check);
	put_arp(engine, second_ns);
	engine_end(engine);
	assert_int_equal(outcome.frames, 1);
	assert_int_equal(outcome.left[0].length, 60);
	engine_free(engine);
	policy_free(policy);
}

static void takes_batches_of_the_longest_frames(void **)
{
	uint8_t *data = calloc(1, CAPTURE_FRAME_MAX);
	const struct frame frame = { data, CAPTURE_FRAME_MAX, CAPTURE_FRAME_MAX + 1, second_ns };
	struct policy *policy = make_policy(1);
	struct outcome outcome;
	struct engine *engine = make_engine(policy, &outcome);

	assert_non_null(data);
	data[12] = 0x08;
	for (unsigned i = 0; i < 3 * BURST_PACKETS; i++)
		engine_add(engine, LINK_ETHERNET, &frame);
	engine_end(engine);
	assert_int_equal(outcome.frames, 3 * BURST_PACKETS);
	assert_int_equal(outcome.left[0].length, CAPTURE_FRAME_MAX);
	assert_int_equal(outcome.left[0].wire_length, CAPTURE_FRAME_MAX + 1);
	engine_free(engine);
	policy_free(policy);
	free(data);
}

static void link_types_do_not_mix(void **)
{
	struct policy *policy = make_policy(1);
	struct outcome outcome;
	struct engine *engine = make_engine(policy, &outcome);
	uint8_t data[512];
	size_t length = make_segment(data, 1, "x");
	const struct frame whole = { data, length, length, second_ns };
	const struct frame raw = { data + 14, length - 14, length - 14, second_ns };
	struct event_stats stats;

	engine_add(engine, LINK_ETHERNET, &whole);
	engine_add(engine, LINK_RAW, &raw);
	engine_add(engine, LINK_ETHERNET, &whole);
	engine_end(engine);
	engine_stats(engine, &stats);
	assert_int_equal(stats.not_flow, 0);
	assert_int_equal(outcome.flows, 1);
	assert_int_equal(outcome.flow_packets, 3);
	engine_free(engine);
	policy_free(policy);
}

static void refuses_what_cannot_be(void **)
{
	const struct engine_config none = { .worker_count = 0 };
	const struct engine_config many = { .worker_count = ENGINE_WORKERS_MAX + 1 };

	assert_null(engine_create(&none));
	assert_int_equal(errno, EINVAL);
	assert_null(engine_create(&many));
	assert_int_equal(errno, EINVAL);
	engine_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(books_balance_for_any_number_of_workers),
		cmocka_unit_test(evidence_is_learned_in_order),
		cmocka_unit_test(fragments_meet_their_flow_on_any_worker),
		cmocka_unit_test(an_older_capture_starts_new_flows),
		cmocka_unit_test(idle_flows_and_hosts_end_as_time_passes),
		cmocka_unit_test(frames_leave_as_the_policy_says),
		cmocka_unit_test(takes_batches_of_the_longest_frames),
		cmocka_unit_test(link_types_do_not_mix),
		cmocka_unit_test(refuses_what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

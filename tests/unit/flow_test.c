// SPDX-License-Identifier: BSD-3-Clause
#include "counters.h"
#include "flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
	ENDS_MAX = 64
};

static const uint64_t START_NS = UINT64_C(1156534266654692000);
static const uint64_t MS = 1000000;
static const uint64_t HOUR = UINT64_C(3600000000000);

static const struct flow_timeouts TIMEOUTS = { .half_open_ms = 5000,
	.established_ms = 3600000,
	.closed_ms = 2000,
	.datagram_ms = 30000,
	.dialogue_ms = 180000 };

// A table, what it counted, the ends it told of and the burst at hand.
static struct {
	struct flow_table *table;
	struct counters counters;
	struct flow_record ends[ENDS_MAX];
	unsigned end_count;
	uint64_t now_ns;
	struct burst burst;
} it;

static void note_end(void *context, struct flow_table *table, const struct flow *flow,
		enum flow_end_reason reason)
{
	assert_ptr_equal(context, &it);
	if (it.end_count < ENDS_MAX)
		flow_describe(table, flow, reason, &it.ends[it.end_count]);
	it.end_count++;
}

static struct flow_config config_for(uint32_t capacity)
{
	return (struct flow_config){ .capacity = capacity,
		.node = -1,
		.timeouts = TIMEOUTS,
		.counters = &it.counters,
		.ended = note_end,
		.context = &it };
}

static void open_table(uint32_t capacity)
{
	struct flow_config config = config_for(capacity);

	memset(&it, 0, sizeof(it));
	it.table = flow_table_create(&config);
	assert_non_null(it.table);
	it.now_ns = START_NS;
}

static int close_table(void **)
{
	flow_table_free(it.table);
	it.table = NULL;
	return 0;
}

// Between 10.x.y.z and 192.168.0.1, or their mapped or IPv6 likes; `number` is x.y.z.
static struct flow_key key_of(uint8_t protocol, uint32_t number)
{
	struct flow_key key = { .ports_be = { htons(1234), htons(80) },
		.protocol_vlans = (uint32_t)protocol << 24,
		.tunnel = FLOW_KEY_IP4 };
	uint32_t inside_be = htonl(10u << 24 | number);
	uint32_t outside_be = htonl(192u << 24 | 168 << 16 | 1);

	memset(key.ends[0].address + 10, 0xff, 2);
	memset(key.ends[1].address + 10, 0xff, 2);
	memcpy(key.ends[0].address + 12, &inside_be, 4);
	memcpy(key.ends[1].address + 12, &outside_be, 4);
	return key;
}

static struct packet *add(const struct flow_key *key, int side, uint8_t tcp_flags)
{
	unsigned i = it.burst.count++;

	assert_true(i < BURST_PACKETS);
	it.burst.keys[i] = *key;
	it.burst.packets[i] = (struct packet){ .time_ns = it.now_ns,
		.wire_length = 100,
		.protocol = flow_key_protocol(key),
		.tcp_flags = tcp_flags,
		.flags = side != 0 ? PACKET_FROM_SECOND : 0 };
	it.burst.now_ns = it.now_ns;
	return &it.burst.packets[i];
}

static void look_up(void)
{
	flow_lookup_burst(it.table, &it.burst);
	it.burst.count = 0;
}

static struct packet *pass(const struct flow_key *key, int side, uint8_t tcp_flags)
{
	struct packet *packet = add(key, side, tcp_flags);

	look_up();
	return packet;
}

static bool begins(const struct packet *packet)
{
	return (packet->flags & PACKET_NEW_FLOW) != 0;
}

static void age_all(void)
{
	flow_age(it.table, it.now_ns, flow_table_buckets(it.table));
}

static void describe(const struct flow *flow, struct flow_record *record)
{
	flow_describe(it.table, flow, FLOW_END_STOPPED, record);
}

static void refuses_bad_configurations(void **)
{
	struct flow_config config = config_for(7);

	assert_null(flow_table_create(&config));
	assert_int_equal(errno, EINVAL);
	config.capacity = (1u << 27) + 1;
	assert_null(flow_table_create(&config));
	config.capacity = 8;
	config.timeouts.closed_ms = 0;
	assert_null(flow_table_create(&config));
	config.timeouts.closed_ms = 4 * 3600 * 1000 + 1;
	assert_null(flow_table_create(&config));
	assert_int_equal(errno, EINVAL);
	flow_table_free(NULL);
}

static void both_directions_are_one_flow(void **)
{
	struct flow_key key = key_of(IPPROTO_UDP, 1);
	struct flow_record record;
	struct packet *packet;
	struct flow *flow;

	open_table(8);
	packet = pass(&key, 1, 0);
	flow = packet->flow;
	assert_non_null(flow);
	assert_true(begins(packet));
	assert_int_equal(flow->state, FLOW_INSPECTING | FLOW_FROM_SECOND);
	it.now_ns += 50 * MS;
	packet = pass(&key, 0, 0);
	assert_ptr_equal(packet->flow, flow);
	assert_false(begins(packet));
	assert_int_equal(flow->state, FLOW_INSPECTING | FLOW_FROM_SECOND | FLOW_ANSWERED);
	assert_ptr_equal(pass(&key, 1, 0)->flow, flow);
	assert_int_equal(flow_count(it.table), 1);
	assert_int_equal(it.counters.flows_created, 1);

	describe(flow, &record);
	assert_memory_equal(record.source, key.ends[1].address, 16);
	assert_memory_equal(record.destination, key.ends[0].address, 16);
	assert_int_equal(record.source_port, 80);
	assert_int_equal(record.destination_port, 1234);
	assert_int_equal(record.packets_to_server, 2);
	assert_int_equal(record.packets_to_client, 1);
	assert_int_equal(record.bytes_to_server, 200);
	assert_int_equal(record.bytes_to_client, 100);
	assert_int_equal(record.start_ns, START_NS);
	assert_int_equal(record.end_ns, (START_NS + 50 * MS) >> 14 << 14);
	assert_int_equal(record.protocol, IPPROTO_UDP);
	assert_true(record.is_ip4);
}

static void keys_that_differ_are_flows_apart(void **)
{
	struct flow_key keys[6];

	open_table(64);
	for (int i = 0; i < 6; i++)
		keys[i] = key_of(IPPROTO_UDP, 1);
	keys[1].tunnel = 0; // IPv6 with a mapped address
	memset(keys[2].ends[0].address, 0x20, 16);
	keys[2].tunnel = 0;
	keys[3].protocol_vlans |= 10 << 12;
	keys[4].protocol_vlans |= 10 << 12 | 20;
	keys[5].protocol_vlans = IPPROTO_TCP << 24;
	for (int i = 0; i < 6; i++)
		add(&keys[i], 0, 0);
	look_up();
	assert_int_equal(flow_count(it.table), 6);
	for (int i = 0; i < 6; i++) {
		struct flow_record record;

		assert_memory_equal(&it.burst.packets[i].flow->key, &keys[i], sizeof(keys[i]));
		describe(it.burst.packets[i].flow, &record);
		assert_int_equal(record.is_ip4, i != 1 && i != 2);
		assert_int_equal(record.vlans[0], i == 3 || i == 4 ? 10 : 0);
		assert_int_equal(record.vlans[1], i == 4 ? 20 : 0);
	}
}

static void packets_without_a_key_have_no_flow(void **)
{
	struct flow_key key = key_of(PROTOCOL_NONE, 1);
	struct packet *packet;

	open_table(8);
	packet = add(&key, 0, 0);
	packet->reason = REASON_NOT_IP;
	packet->flow = (struct flow *)&it;
	look_up();
	assert_null(packet->flow);
	assert_int_equal(packet->reason, REASON_NOT_IP);
	look_up(); // an empty burst
	assert_int_equal(flow_count(it.table), 0);
}

static void one_burst_makes_one_flow_of_one_key(void **)
{
	struct flow_key key = key_of(IPPROTO_UDP, 1), other = key_of(IPPROTO_UDP, 2);

	open_table(8);
	for (int i = 0; i < 30; i++) {
		add(&key, i % 2, 0);
		add(&other, 0, 0);
	}
	look_up();
	assert_int_equal(flow_count(it.table), 2);
	for (int i = 0; i < 60; i++) {
		assert_ptr_equal(it.burst.packets[i].flow, it.burst.packets[i % 2].flow);
		assert_int_equal(begins(&it.burst.packets[i]), i < 2);
	}
	assert_int_equal(flow_packets(flow_details(it.table, it.burst.packets[0].flow),
					 it.burst.packets[0].flow, 1),
			15);
}

static void tcp_lives(void **)
{
	struct flow_key key = key_of(IPPROTO_TCP, 1);
	struct flow *flow;

	open_table(8);
	flow = pass(&key, 1, TH_SYN)->flow;
	assert_int_equal(flow->state, FLOW_INSPECTING | FLOW_FROM_SECOND | FLOW_SYN);
	pass(&key, 0, TH_SYN | TH_ACK);
	assert_int_equal(
			flow->state, FLOW_INSPECTING | FLOW_FROM_SECOND | FLOW_SYN | FLOW_ANSWERED);
	pass(&key, 1, TH_FIN | TH_ACK);
	pass(&key, 1, TH_SYN); // not closed yet: a stray one
	assert_int_equal(flow_count(it.table), 1);
	pass(&key, 0, TH_FIN | TH_ACK);
	pass(&key, 1, TH_ACK);
	assert_int_equal(flow->state,
			FLOW_INSPECTING | FLOW_FROM_SECOND | FLOW_SYN | FLOW_ANSWERED |
					FLOW_FIN_FIRST | FLOW_FIN_SECOND);
	it.now_ns += 2000 * MS;
	pass(&key, 1, TH_ACK); // exactly at its timeout, and once more
	assert_int_equal(it.end_count, 0);
	it.now_ns += 2001 * MS;
	pass(&key, 1, TH_ACK);
	assert_int_equal(it.end_count, 1);
	assert_int_equal(it.ends[0].reason, FLOW_END_CLOSED);
	assert_int_equal(it.ends[0].packets_to_server, 5);
	assert_int_equal(it.ends[0].packets_to_client, 2);
}

static void tcp_initiators(void **)
{
	// First packet's sender and flags, second packet's, initiator.
	static const int cases[][5] = {
		{ 0, TH_SYN, 1, TH_SYN | TH_ACK, 0 },
		{ 1, TH_SYN | TH_ACK, 0, TH_ACK, 0 },
		{ 0, TH_SYN | TH_ACK, 1, TH_ACK, 1 },
		{ 1, TH_ACK, 0, TH_ACK, 1 },
		{ 1, TH_SYN | TH_ACK, 0, TH_SYN, 0 },
		{ 1, TH_ACK, 0, TH_SYN, 0 },
		{ 0, TH_SYN, 1, TH_SYN, 0 },
		{ 0, TH_RST, 0, TH_RST, 0 },
	};

	open_table(64);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct flow_key key = key_of(IPPROTO_TCP, i);
		struct flow *flow = pass(&key, cases[i][0], cases[i][1])->flow;

		assert_ptr_equal(pass(&key, cases[i][2], cases[i][3])->flow, flow);
		assert_int_equal((flow->state & FLOW_FROM_SECOND) != 0, cases[i][4]);
	}
}

static void a_syn_begins_anew_after_the_end(void **)
{
	struct flow_key key = key_of(IPPROTO_TCP, 1);
	struct packet *packet;

	open_table(8);
	pass(&key, 0, TH_SYN);
	assert_false(begins(pass(&key, 0, TH_SYN)));
	pass(&key, 1, TH_RST | TH_ACK);
	assert_false(begins(pass(&key, 1, TH_SYN | TH_ACK)));
	packet = pass(&key, 1, TH_SYN);
	assert_true(begins(packet));
	assert_int_equal(it.end_count, 1);
	assert_int_equal(it.ends[0].reason, FLOW_END_REUSED);
	assert_int_equal(it.ends[0].packets_to_server, 2);
	assert_int_equal(packet->flow->state, FLOW_INSPECTING | FLOW_FROM_SECOND | FLOW_SYN);
	assert_int_equal(packet->flow->packets[1], 1);
	assert_int_equal(it.counters.flows_ended[FLOW_END_REUSED], 1);
	assert_int_equal(flow_count(it.table), 1);
}

static void an_end_waits_for_its_burst(void **)
{
	struct flow_key key = key_of(IPPROTO_TCP, 1);
	struct packet *old, *fresh;

	open_table(8);
	add(&key, 0, TH_SYN);
	old = add(&key, 1, TH_RST | TH_ACK);
	fresh = add(&key, 0, TH_SYN);
	look_up();
	assert_ptr_not_equal(old->flow, fresh->flow);
	assert_int_equal(it.end_count, 0);
	// A later stage gives the old flow its verdict.
	old->flow->app = 7;
	flow_details(it.table, old->flow)->signals = 0x10;
	it.now_ns += 1000 * MS;
	pass(&key, 0, TH_ACK);
	assert_int_equal(it.end_count, 1);
	assert_int_equal(it.ends[0].reason, FLOW_END_REUSED);
	assert_int_equal(it.ends[0].app, 7);
	assert_int_equal(it.ends[0].signals, 0x10);
	assert_int_equal(it.ends[0].packets_to_server, 1);
	assert_int_equal(it.ends[0].end_ns, START_NS); // 16 us before, but never before its start
	assert_int_equal(flow_count(it.table), 1);
}

static void counters_carry(void **)
{
	struct flow_key key = key_of(IPPROTO_UDP, 1);
	uint64_t packets[2] = { 0 }, bytes[2] = { 0 };
	struct flow_details *details;
	struct flow *flow = NULL;

	open_table(8);
	for (int i = 0; i < 140000; i++) {
		int side = i % 7 == 0;
		struct packet *packet = add(&key, side, 0);

		packet->wire_length = i % 1000 == 0 ? UINT32_MAX : i % 3 == 0 ? 1514 : 0;
		packets[side]++;
		bytes[side] += packet->wire_length;
		look_up();
		flow = packet->flow;
		details = flow_details(it.table, flow);
		if (i == 0) {
			// The first one alone was too much for the counter.
			assert_int_equal(flow->state & FLOW_INSPECTING, 0);
			assert_int_equal(flow_bytes(details, flow, 1), UINT32_MAX);
		}
		assert_int_equal(flow_packets(details, flow, 0), packets[0]);
		assert_int_equal(flow_packets(details, flow, 1), packets[1]);
		assert_int_equal(flow_bytes(details, flow, 0), bytes[0]);
		assert_int_equal(flow_bytes(details, flow, 1), bytes[1]);
	}
	assert_true(packets[0] > UINT16_MAX && bytes[0] > UINT64_C(4) << 30);
	flow_end_all(it.table);
	assert_int_equal(it.ends[0].packets_to_client, packets[0]);
	assert_int_equal(it.ends[0].bytes_to_server, bytes[1]);
}

static void carrying_ends_inspection(void **)
{
	struct flow_key key = key_of(IPPROTO_UDP, 1);
	struct flow_details *details;
	struct flow *flow;

	open_table(8);
	flow = pass(&key, 0, 0)->flow;
	details = flow_details(it.table, flow);
	details->inspected.packets[0] = details->inspected.bytes[0] = 3000;
	assert_int_equal(flow_packets(details, flow, 0), 1);
	flow->packets[0] = UINT16_MAX;
	pass(&key, 0, 0);
	assert_int_equal(flow->state, 0);
	assert_int_equal(flow_packets(details, flow, 0), UINT16_MAX + 1);
	assert_int_equal(flow_bytes(details, flow, 0), 200);
	flow_stop_inspecting(details, flow); // again: nothing
	assert_int_equal(flow_packets(details, flow, 0), UINT16_MAX + 1);
}

static void full_totals_stay(void **)
{
	struct flow_key key = key_of(IPPROTO_UDP, 1);
	uint64_t packets, bytes;
	struct flow_details *details;
	struct flow *flow;

	open_table(8);
	flow = pass(&key, 0, 0)->flow;
	details = flow_details(it.table, flow);
	flow_stop_inspecting(details, flow);
	details->carried.packets[0] = details->carried.bytes[0] = UINT16_MAX;
	flow->packets[0] = UINT16_MAX;
	flow->bytes[0] = (1u << 31) - 1;
	packets = flow_packets(details, flow, 0);
	bytes = flow_bytes(details, flow, 0);
	for (int i = 0; i < 3; i++) {
		assert_ptr_equal(pass(&key, 0, 0)->flow, flow);
		assert_int_equal(flow_packets(details, flow, 0), packets);
		assert_int_equal(flow_bytes(details, flow, 0), bytes);
	}
}

// Makes a flow of each kind, whose timeout is that of its class.
static uint64_t make_class(struct flow_key *key, int class)
{
	*key = key_of(class < 3 ? IPPROTO_TCP : IPPROTO_UDP, class);
	pass(key, 0, class < 3 ? TH_SYN : 0);
	if (class == 1 || class == 4)
		pass(key, 1, class < 3 ? TH_ACK : 0);
	if (class == 2)
		pass(key, 1, TH_RST);
	return MS *
			(const uint32_t[]){ TIMEOUTS.half_open_ms, TIMEOUTS.established_ms,
				TIMEOUTS.closed_ms, TIMEOUTS.datagram_ms,
				TIMEOUTS.dialogue_ms }[class];
}

static void ageing_ends_each_class_in_time(void **)
{
	for (int class = 0; class < 5; class ++)
		for (uint64_t phase = 0; phase < 4; phase++) {
			struct flow_key key;
			uint64_t timeout_ns;

			open_table(8);
			it.now_ns += phase * (UINT64_C(1) << 27);
			timeout_ns = make_class(&key, class);
			it.now_ns += timeout_ns;
			age_all();
			assert_int_equal(flow_count(it.table), 1);
			it.now_ns += UINT64_C(2) << 29; // what coarse time may add
			age_all();
			assert_int_equal(flow_count(it.table), 0);
			assert_int_equal(it.ends[0].reason,
					class == 2 ? FLOW_END_CLOSED : FLOW_END_IDLE);
			assert_true(begins(pass(&key, 0, TH_ACK)));
			close_table(NULL);
		}
}

static void a_packet_finds_no_flow_that_is_over(void **)
{
	for (int class = 0; class < 5; class ++) {
		struct flow_key key;
		uint64_t timeout_ns;

		open_table(8);
		timeout_ns = make_class(&key, class);
		it.now_ns += timeout_ns;
		assert_false(begins(pass(&key, 0, TH_ACK)));
		it.now_ns += timeout_ns + (2 << 14);
		assert_true(begins(pass(&key, 0, TH_ACK)));
		assert_int_equal(it.end_count, 1);
		assert_int_equal(it.ends[0].reason, class == 2 ? FLOW_END_CLOSED : FLOW_END_IDLE);
		close_table(NULL);
	}
}

static void time_may_go_back_a_little(void **)
{
	struct flow_key key = key_of(IPPROTO_UDP, 1);

	open_table(8);
	pass(&key, 0, 0);
	it.now_ns -= 60000 * MS;
	age_all();
	assert_false(begins(pass(&key, 0, 0)));
	it.now_ns -= 60000 * MS;
	age_all();
	assert_int_equal(flow_count(it.table), 1);
	it.now_ns += 31000 * MS;
	age_all();
	assert_int_equal(flow_count(it.table), 1);
	it.now_ns += 61000 * MS;
	age_all();
	assert_int_equal(flow_count(it.table), 0);
}

// Whatever the leap, also where short times come round: all flows have ended, and end in their time.
static void a_leap_ends_all(void **)
{
	static const uint64_t leaps[] = { 4 * HOUR + 1, 5 * HOUR, UINT64_C(1) << 45,
		UINT64_C(1) << 46, UINT64_C(3) << 45, (UINT64_C(1) << 46) + 1000, 365 * 24 * HOUR };

	for (size_t i = 0; i < 2 * sizeof(leaps) / sizeof(leaps[0]); i++) {
		struct flow_key key = key_of(IPPROTO_TCP, 1), other = key_of(IPPROTO_TCP, 2);
		uint64_t last_ns = START_NS + 10 * MS;

		open_table(8);
		pass(&key, 0, TH_SYN);
		it.now_ns = last_ns;
		pass(&key, 1, TH_ACK);
		it.now_ns += leaps[i / 2];
		if (i % 2 == 0)
			flow_age(it.table, it.now_ns, 1);
		else
			pass(&other, 0, TH_SYN);
		assert_int_equal(it.end_count, 1);
		assert_int_equal(it.ends[0].reason, FLOW_END_IDLE);
		assert_int_equal(it.ends[0].start_ns, START_NS);
		assert_int_equal(it.ends[0].end_ns, last_ns >> 14 << 14);
		assert_true(begins(pass(&key, 0, TH_ACK)));
		close_table(NULL);
	}
}

static void leap_within_a_burst(bool is_known)
{
	struct flow_key key = key_of(IPPROTO_UDP, 1), other = key_of(IPPROTO_UDP, 2);

	open_table(8);
	pass(&other, 0, 0);
	if (is_known)
		pass(&key, 0, 0);
	add(&key, 0, 0);
	it.now_ns += UINT64_C(1) << 46;
	add(&key, 1, 0);
	look_up();
	assert_ptr_not_equal(it.burst.packets[0].flow, it.burst.packets[1].flow);
	assert_true(begins(&it.burst.packets[1]));
	assert_int_equal(it.end_count, 1);
	flow_age(it.table, it.now_ns, 1);
	assert_int_equal(it.end_count, 2);
	assert_int_equal(it.ends[1].start_ns, START_NS);
	assert_int_equal(it.ends[1].end_ns, START_NS);
	assert_int_equal(flow_count(it.table), 1);
}

static void a_leap_within_a_burst(void **)
{
	leap_within_a_burst(false);
	close_table(NULL);
	leap_within_a_burst(true);
}

static void slow_ageing_catches_up(void **)
{
	struct flow_key key = key_of(IPPROTO_TCP, 1);

	open_table(4096);
	pass(&key, 0, TH_SYN);
	pass(&key, 1, TH_ACK);
	// One bucket a call would be at it for months.
	for (int i = 0; i < 20; i++) {
		it.now_ns += HOUR / 3;
		flow_age(it.table, it.now_ns, 1);
		assert_int_equal(flow_count(it.table), i < 3);
	}
}

static void ageing_goes_round(void **)
{
	uint32_t buckets;

	open_table(1000);
	buckets = flow_table_buckets(it.table);
	assert_int_equal(buckets, 188);
	for (uint32_t i = 0; i < 500; i++) {
		struct flow_key key = key_of(IPPROTO_UDP, i);

		pass(&key, 0, 0);
	}
	it.now_ns += 40000 * MS;
	for (uint32_t i = 0; i < buckets; i += 4) {
		assert_int_not_equal(flow_count(it.table), 0);
		flow_age(it.table, it.now_ns, 4);
	}
	assert_int_equal(flow_count(it.table), 0);
	assert_int_equal(it.counters.flows_ended[FLOW_END_IDLE], 500);
}

// Fills the two buckets of the smallest table; each is 0.6 s younger than the one before.
static void fill(const uint8_t *protocols, const int *answered)
{
	open_table(8);
	for (int i = 0; i < 8; i++) {
		struct flow_key key = key_of(protocols[i], i);

		pass(&key, 0, 0);
		if (answered[i])
			pass(&key, 1, 0);
		it.now_ns += 600 * MS;
	}
}

static void check_victims(const int *order, int count)
{
	for (int i = 0; i < count; i++) {
		struct flow_key key = key_of(IPPROTO_UDP, 100 + i);
		struct flow_key victim;

		assert_true(begins(pass(&key, 0, 0)));
		assert_int_equal(it.end_count, i + 1);
		assert_int_equal(it.ends[i].reason, FLOW_END_EVICTED);
		victim = key_of(it.ends[i].protocol, order[i]);
		assert_memory_equal(it.ends[i].source, victim.ends[0].address, 16);
		assert_int_equal(flow_count(it.table), 8);
		it.now_ns += 1;
	}
}

static void the_oldest_half_open_goes_first(void **)
{
	const uint8_t protocols[] = { 17, 6, 6, 17, 6, 17, 6, 17 };
	const int answered[] = { 0, 1, 0, 1, 0, 0, 1, 1 };
	// Half-open 2 and 4, then by age: 0, 1, 3, 5, 6, 7. The new ones are the youngest.
	const int order[] = { 2, 4, 0, 1, 3, 5, 6, 7 };

	fill(protocols, answered);
	check_victims(order, 8);
	assert_int_equal(it.counters.flows_ended[FLOW_END_EVICTED], 8);
	assert_int_equal(it.counters.flows_refused, 0);
}

static void a_use_makes_young(void **)
{
	const uint8_t protocols[] = { 17, 17, 17, 17, 17, 17, 17, 17 };
	const int answered[] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	const int order[] = { 1, 2, 4, 5, 6, 7 };
	struct flow_key key;

	fill(protocols, answered);
	key = key_of(IPPROTO_UDP, 0);
	pass(&key, 0, 0);
	key = key_of(IPPROTO_UDP, 3);
	pass(&key, 1, 0);
	check_victims(order, 6);
}

static void an_idle_victim_is_no_eviction(void **)
{
	const uint8_t protocols[] = { 17, 17, 17, 17, 17, 17, 17, 17 };
	const int answered[8] = { 0 };
	struct flow_key key = key_of(IPPROTO_UDP, 100);

	fill(protocols, answered);
	it.now_ns += 26500 * MS;
	pass(&key, 0, 0);
	assert_int_equal(it.end_count, 1);
	assert_int_equal(it.ends[0].reason, FLOW_END_IDLE);
}

static void a_burst_keeps_its_flows(void **)
{
	const int answered[8] = { 0 };
	const uint8_t protocols[] = { 6, 6, 6, 6, 6, 6, 6, 6 };
	struct flow_key key;
	int refused = 0;

	fill(protocols, answered);
	// All but flow 5 are used, then come 56 new ones: one of them gets its place.
	for (int i = 0; i < 8; i++)
		if (i != 5) {
			key = key_of(IPPROTO_TCP, i);
			add(&key, 0, TH_ACK);
		}
	for (int i = 0; i < 56; i++) {
		key = key_of(IPPROTO_TCP, 1000 + i);
		add(&key, 0, TH_SYN);
	}
	it.burst.count = 63;
	flow_lookup_burst(it.table, &it.burst);
	for (int i = 0; i < 63; i++) {
		struct packet *packet = &it.burst.packets[i];

		assert_int_equal(packet->flow == NULL, packet->reason == REASON_NO_FLOW);
		refused += packet->flow == NULL;
		if (packet->flow != NULL)
			assert_memory_equal(&packet->flow->key, &it.burst.keys[i],
					sizeof(struct flow_key));
	}
	assert_int_equal(refused, 55);
	assert_int_equal(it.counters.flows_refused, 55);
	assert_int_equal(it.end_count, 1);
	assert_int_equal(flow_count(it.table), 8);
	it.burst.count = 0;
	// The next burst may take them.
	key = key_of(IPPROTO_TCP, 2000);
	assert_true(begins(pass(&key, 0, TH_SYN)));
}

// 63 of 64 flows are used by the burst; the other one goes, in whichever of the 12 buckets it is,
// unless (hardly ever) the 64th packet's own two have no slot left.
static void a_victim_may_come_from_elsewhere(void **)
{
	int begun = 0;

	for (int run = 0; run < 20; run++) {
		struct flow_key key;

		open_table(64);
		for (int i = 0; i < 64; i++) {
			key = key_of(IPPROTO_UDP, i);
			pass(&key, 0, 0);
		}
		if (it.end_count == 0) { // no two full buckets met
			for (int i = 1; i < 64; i++) {
				key = key_of(IPPROTO_UDP, i);
				add(&key, 0, 0);
			}
			key = key_of(IPPROTO_UDP, 100);
			begun += begins(pass(&key, 0, 0));
			assert_int_equal(it.end_count, 1 - it.counters.flows_refused);
			assert_int_equal(it.ends[0].source[15], 0);
		}
		close_table(NULL);
	}
	assert_in_range(begun, 10, 20);
}

// Behind a bucket's tags stand its times: what looked one slot too far took a time for the tag of
// one packet in 32768, and went astray.
static void a_new_flow_looks_no_slot_too_far(void **)
{
	enum {
		FLOWS = 1 << 18
	};

	open_table(FLOWS);
	it.now_ns |= 1u << 29; // an odd time, as all tags are
	for (int i = 0; i < FLOWS; i++) {
		struct flow_key key = key_of(IPPROTO_UDP, i);
		const struct packet *packet = pass(&key, 0, 0);

		assert_true(begins(packet));
		assert_memory_equal(&packet->flow->key, &key, sizeof(key));
	}
	close_table(NULL);
}

// Five times as many SYNs as a full table has flows.
static void a_flood_of_syns_replaces_its_own(void **)
{
	enum {
		FLOWS = 4096
	};
	unsigned lost = 0;

	open_table(FLOWS);
	for (int i = 0; i < FLOWS; i++) {
		struct flow_key key = key_of(IPPROTO_UDP, i);

		pass(&key, 0, 0);
		pass(&key, 1, 0);
	}
	for (int i = 0; i < 5 * FLOWS; i++) {
		struct flow_key key = key_of(IPPROTO_TCP, FLOWS + i);

		pass(&key, 0, TH_SYN);
	}
	for (int i = 0; i < FLOWS; i++) {
		struct flow_key key = key_of(IPPROTO_UDP, i);

		lost += begins(pass(&key, 0, 0));
	}
	assert_in_range(lost, 1, FLOWS / 8);
	close_table(NULL);
}

// Flows that came among the SYNs of a flood and were judged, or sent more, mostly stay, as do the
// established ones: without the table's memory for recent ones, all of the former went and twice as
// many of the latter.
static void a_flood_replaces_lone_syns_only(void **)
{
	enum {
		FLOWS = 32768,
		WARM = 6000,
		OTHERS = 64,
		FLOOD = 24000,
		OTHERS_START = FLOWS + WARM
	};
	const struct verdict verdict = { APP_SKYPE, CONFIDENCE_STRONG, FLOW_ROLE_NONE, 1 };
	unsigned lost = 0, established_lost = 0;

	open_table(FLOWS);
	for (int i = 0; i < OTHERS_START + OTHERS + FLOOD; i++) {
		struct flow_key key = key_of(IPPROTO_TCP, i);
		struct packet *packet = pass(&key, 0, TH_SYN);
		bool is_other = i >= OTHERS_START && i < OTHERS_START + OTHERS;

		if (i < FLOWS)
			pass(&key, 1, TH_SYN | TH_ACK);
		else if (is_other && i % 2 == 0)
			pass(&key, 0, TH_ACK);
		else if (is_other)
			flow_judge(it.table, packet->flow, &verdict);
		it.now_ns += MS / 100;
	}
	assert_int_equal(flow_count(it.table), FLOWS);
	for (int i = 0; i < OTHERS; i++) {
		struct flow_key key = key_of(IPPROTO_TCP, OTHERS_START + i);

		lost += begins(pass(&key, 0, TH_ACK));
	}
	for (int i = 0; i < FLOWS; i++) {
		struct flow_key key = key_of(IPPROTO_TCP, i);

		established_lost += begins(pass(&key, 0, TH_ACK));
	}
	print_message("%u of %d others, %u of %d established were lost\n", lost, OTHERS,
			established_lost, FLOWS);
	assert_in_range(lost, 0, OTHERS / 3);
	assert_in_range(established_lost, 0, FLOWS / 30);
	close_table(NULL);
}

static void end_all_ends_in_order(void **)
{
	open_table(100);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 50; i++) {
			struct flow_key key = key_of(IPPROTO_TCP, i);

			it.now_ns += MS;
			pass(&key, 0, i % 2 == 0 ? TH_SYN : TH_RST);
		}
		it.end_count = 0;
		flow_end_all(it.table);
		assert_int_equal(it.end_count, 50);
		for (int i = 0; i < 50; i++) {
			assert_int_equal(it.ends[i].reason, FLOW_END_STOPPED);
			assert_int_equal(it.ends[i].source[15], i);
		}
		assert_int_equal(flow_count(it.table), 0);
	}
	assert_int_equal(it.counters.flows_ended[FLOW_END_STOPPED], 100);
}

static void numbers_are_the_same_everywhere(void **)
{
	struct flow_key keys[2] = { key_of(IPPROTO_TCP, 1), key_of(IPPROTO_TCP, 2) };
	struct flow_record records[2][3];

	for (int run = 0; run < 2; run++) {
		open_table(100 + 50 * run);
		describe(pass(&keys[0], run, TH_SYN)->flow, &records[run][0]);
		describe(pass(&keys[1], run, TH_SYN)->flow, &records[run][1]);
		it.now_ns += 5001 * MS;
		describe(pass(&keys[0], run, TH_SYN)->flow, &records[run][2]);
		close_table(NULL);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(records[0][i].id, records[1][i].id);
		assert_true(records[0][i].id >> 53 == 0);
		assert_true(records[0][i].id != records[0][(i + 1) % 3].id);
	}
	// Held fast: people keep these numbers.
	assert_int_equal(records[0][0].id, 0xca4578ceef6f5);
}

static struct flow_key hot_key(uint32_t i)
{
	return key_of(i % 2 == 0 ? IPPROTO_TCP : IPPROTO_UDP, 1u << 23 | i);
}

static void touch_hot(uint32_t count, bool is_first)
{
	for (uint32_t i = 0; i < count; i++) {
		struct flow_key key = hot_key(i);

		add(&key, 0, 0);
		if (is_first)
			add(&key, 1, 0);
		if (it.burst.count < BURST_PACKETS && i + 1 < count)
			continue;
		look_up();
	}
}

// Two million new flows of a kind, with a use of every hot flow a second.
static void flood(uint8_t protocol, uint32_t first, uint32_t hot)
{
	for (uint32_t i = 0; i < 2000000; i++) {
		struct flow_key key = key_of(protocol, first + i);

		add(&key, 0, protocol == IPPROTO_TCP ? TH_SYN : 0);
		if (it.burst.count == BURST_PACKETS)
			look_up();
		if (i % 250000 == 0) {
			it.now_ns += 1000 * MS;
			touch_hot(hot, false);
		}
	}
	look_up();
}

static void a_flood_stays_bounded_and_spares_hot_flows(void **)
{
	const uint32_t capacity = 1000000, hot = 20000;
	uint64_t created;

	open_table(capacity);
	touch_hot(hot, true);
	assert_int_equal(flow_count(it.table), hot);
	flood(IPPROTO_TCP, 0, hot);
	flood(IPPROTO_UDP, 2000000, hot);
	assert_in_range(flow_count(it.table), capacity - capacity / 100, capacity);
	assert_int_equal(it.counters.flows, flow_count(it.table));
	assert_true(it.counters.flows_refused < 400);
	created = it.counters.flows_created;
	touch_hot(hot, false);
	// Each that was lost would begin anew now.
	assert_in_range(it.counters.flows_created - created, 0, hot / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_configurations),
		cmocka_unit_test_teardown(both_directions_are_one_flow, close_table),
		cmocka_unit_test_teardown(keys_that_differ_are_flows_apart, close_table),
		cmocka_unit_test_teardown(packets_without_a_key_have_no_flow, close_table),
		cmocka_unit_test_teardown(one_burst_makes_one_flow_of_one_key, close_table),
		cmocka_unit_test_teardown(tcp_lives, close_table),
		cmocka_unit_test_teardown(tcp_initiators, close_table),
		cmocka_unit_test_teardown(a_syn_begins_anew_after_the_end, close_table),
		cmocka_unit_test_teardown(an_end_waits_for_its_burst, close_table),
		cmocka_unit_test_teardown(counters_carry, close_table),
		cmocka_unit_test_teardown(carrying_ends_inspection, close_table),
		cmocka_unit_test_teardown(full_totals_stay, close_table),
		cmocka_unit_test(ageing_ends_each_class_in_time),
		cmocka_unit_test(a_packet_finds_no_flow_that_is_over),
		cmocka_unit_test_teardown(time_may_go_back_a_little, close_table),
		cmocka_unit_test(a_leap_ends_all),
		cmocka_unit_test_teardown(a_leap_within_a_burst, close_table),
		cmocka_unit_test_teardown(slow_ageing_catches_up, close_table),
		cmocka_unit_test_teardown(ageing_goes_round, close_table),
		cmocka_unit_test_teardown(the_oldest_half_open_goes_first, close_table),
		cmocka_unit_test_teardown(a_use_makes_young, close_table),
		cmocka_unit_test_teardown(an_idle_victim_is_no_eviction, close_table),
		cmocka_unit_test_teardown(a_burst_keeps_its_flows, close_table),
		cmocka_unit_test(a_victim_may_come_from_elsewhere),
		cmocka_unit_test(a_new_flow_looks_no_slot_too_far),
		cmocka_unit_test(a_flood_of_syns_replaces_its_own),
		cmocka_unit_test(a_flood_replaces_lone_syns_only),
		cmocka_unit_test_teardown(end_all_ends_in_order, close_table),
		cmocka_unit_test(numbers_are_the_same_everywhere),
		cmocka_unit_test_teardown(a_flood_stays_bounded_and_spares_hot_flows, close_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

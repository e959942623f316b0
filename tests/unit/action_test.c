// SPDX-License-Identifier: BSD-3-Clause
#include "action.h"
#include "counters.h"
#include "meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	ETHERNET = 14,
	HEADROOM = 8,
	FRAME = 60
};

struct fixture {
	struct burst burst;
	struct counters counters;
	struct action actions[APP_MAX];
	uint8_t room[HEADROOM + FRAME];
	struct flow *flow; // any pointer: actions do not look inside
};

// RFC 1071 over the header, as a receiver would check it: 0 when it is right.
static uint16_t checksum_of(const uint8_t *header, unsigned length)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < length; i += 2)
		sum += (uint32_t)(header[i] << 8 | header[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static struct packet *one_packet(struct fixture *f, uint8_t version, uint8_t tos)
{
	struct packet *packet = &f->burst.packets[0];
	uint8_t *frame = f->room + HEADROOM;
	uint16_t sum;

	memset(f->room, 0, sizeof(f->room));
	for (int i = 0; i < 12; i++)
		frame[i] = (uint8_t)(i + 1);
	frame[12] = version == 4 ? 0x08 : 0x86;
	frame[13] = version == 4 ? 0x00 : 0xdd;
	frame[ETHERNET] = (uint8_t)(version << 4 | (version == 4 ? 5 : tos >> 4));
	frame[ETHERNET + 1] = version == 4 ? tos : (uint8_t)(tos << 4 | 0x0a);
	frame[ETHERNET + 2] = 0xbc;
	frame[ETHERNET + 8] = 64;
	if (version == 4) {
		sum = checksum_of(frame + ETHERNET, 20);
		frame[ETHERNET + 10] = sum >> 8;
		frame[ETHERNET + 11] = sum & 0xff;
	}
	*packet = (struct packet){ .data = frame,
		.length = FRAME,
		.wire_length = FRAME,
		.network = ETHERNET,
		.transport = ETHERNET + 20,
		.version = version,
		.app = 7,
		.flow = (struct flow *)f };
	f->burst.count = 1;
	f->burst.link = LINK_ETHERNET;
	return packet;
}

static void act(struct fixture *f, struct action action)
{
	memset(f->actions, 0, sizeof(f->actions));
	memset(&f->counters, 0, sizeof(f->counters));
	f->actions[7] = action;
	action_burst(f->actions, &f->burst, &f->counters);
}

static int create(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state == NULL;
}

static int destroy(void **state)
{
	free(*state);
	return 0;
}

static void every_dscp_over_every_tos_keeps_ecn_and_checksum(void **state)
{
	struct fixture *f = *state;

	for (unsigned tos = 0; tos < 256; tos++) {
		for (unsigned dscp = 0; dscp < 64; dscp++) {
			struct packet *packet = one_packet(f, 4, (uint8_t)tos);

			act(f, (struct action){ ACTION_TAG, .sets_dscp = true, .dscp = dscp });
			assert_int_equal(packet->data[ETHERNET + 1], dscp << 2 | (tos & 3));
			assert_int_equal(checksum_of(packet->data + ETHERNET, 20), 0);
			assert_int_equal(f->counters.verdicts[VERDICT_TAG], 1);
			assert_int_equal(f->counters.tag_failed, 0);
		}
	}
}

static void every_dscp_over_every_traffic_class_keeps_ecn_and_flow_label(void **state)
{
	struct fixture *f = *state;

	for (unsigned tos = 0; tos < 256; tos++) {
		for (unsigned dscp = 0; dscp < 64; dscp++) {
			struct packet *packet = one_packet(f, 6, (uint8_t)tos);
			const uint8_t *header = packet->data + ETHERNET;

			act(f, (struct action){ ACTION_TAG, .sets_dscp = true, .dscp = dscp });
			assert_int_equal(header[0] >> 4, 6);
			assert_int_equal((header[0] << 4 | header[1] >> 4) & 0xff,
					dscp << 2 | (tos & 3));
			assert_int_equal(header[1] & 0x0f, 0x0a);
			assert_int_equal(header[2], 0xbc);
		}
	}
}

static void a_wrong_checksum_stays_as_wrong_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct packet *packet = one_packet(f, 4, 0);

	packet->data[ETHERNET + 10] ^= 0x55;
	uint16_t before = checksum_of(packet->data + ETHERNET, 20);
	act(f, (struct action){ ACTION_TAG, .sets_dscp = true, .dscp = 8 });
	assert_int_not_equal(before, 0);
	assert_int_equal(checksum_of(packet->data + ETHERNET, 20), before);
}

static void a_vlan_tag_goes_behind_the_addresses(void **state)
{
	struct fixture *f = *state;
	struct packet *packet = one_packet(f, 4, 0);
	uint8_t frame[FRAME];

	memcpy(frame, packet->data, FRAME);
	act(f, (struct action){ ACTION_TAG, .pushes_vlan = true, .vlan_tci = 1 << 13 | 100 });
	assert_ptr_equal(packet->data, f->room + HEADROOM - 4);
	assert_int_equal(packet->length, FRAME + 4);
	assert_int_equal(packet->wire_length, FRAME); // as received
	assert_int_equal(packet->network, ETHERNET + 4);
	assert_int_equal(packet->transport, ETHERNET + 24);
	assert_memory_equal(packet->data, frame, 12);
	assert_memory_equal(packet->data + 12, "\x81\x00\x20\x64", 4);
	assert_memory_equal(packet->data + 16, frame + 12, FRAME - 12);
}

static void a_tag_that_finds_no_place_is_counted_and_the_frame_passes(void **state)
{
	struct fixture *f = *state;
	struct action vlan = { ACTION_TAG, .pushes_vlan = true, .vlan_tci = 5 };
	uint8_t before[sizeof(f->room)];
	struct packet *packet = one_packet(f, 4, 0);

	packet->flags = PACKET_NO_HEADROOM;
	memcpy(before, f->room, sizeof(before));
	act(f, vlan);
	assert_int_equal(f->counters.tag_failed, 1);
	assert_memory_equal(before, f->room, sizeof(before));

	one_packet(f, 4, 0);
	f->burst.link = LINK_RAW;
	act(f, vlan);
	assert_int_equal(f->counters.tag_failed, 1);
	assert_memory_equal(before, f->room, sizeof(before));
}

static void drop_gives_the_reason_and_leaves_the_frame(void **state)
{
	struct fixture *f = *state;
	struct packet *packet = one_packet(f, 4, 0);

	act(f, (struct action){ ACTION_DROP });
	assert_int_equal(packet->reason, REASON_POLICY);
	assert_int_equal(f->counters.verdicts[VERDICT_DROP], 1);
}

static void a_packet_without_a_flow_is_never_touched(void **state)
{
	struct fixture *f = *state;
	struct packet *packet = one_packet(f, 4, 0);
	uint8_t before[sizeof(f->room)];

	memcpy(before, f->room, sizeof(before));
	packet->flow = NULL;
	packet->reason = REASON_NO_FLOW;
	act(f, (struct action){ ACTION_DROP });
	assert_int_equal(packet->reason, REASON_NO_FLOW);
	assert_int_equal(f->counters.verdicts[VERDICT_FORWARD], 1);
	act(f, (struct action){ ACTION_TAG, .pushes_vlan = true, .vlan_tci = 5 });
	assert_memory_equal(before, f->room, sizeof(before));
}

static void code_points_have_their_names(void **)
{
	assert_int_equal(action_dscp("cs1"), 8);
	assert_int_equal(action_dscp("CS7"), 56);
	assert_int_equal(action_dscp("af41"), 34);
	assert_int_equal(action_dscp("ef"), 46);
	assert_int_equal(action_dscp("le"), 1);
	assert_int_equal(action_dscp("default"), 0);
	assert_int_equal(action_dscp("0"), 0);
	assert_int_equal(action_dscp("63"), 63);
	assert_int_equal(action_dscp("64"), -1);
	assert_int_equal(action_dscp("-1"), -1);
	assert_int_equal(action_dscp("99999999999999999999"), -1);
	assert_int_equal(action_dscp("8x"), -1);
	assert_int_equal(action_dscp(""), -1);
	assert_int_equal(action_dscp("cs8"), -1);
}

static void counting_touches_nothing(void **state)
{
	struct fixture *f = *state;
	static const struct action actions[] = { { ACTION_FORWARD }, { ACTION_DROP },
		{ ACTION_TAG, .sets_dscp = true, .dscp = 8, .pushes_vlan = true, .vlan_tci = 1 } };
	static const enum verdict_label verdicts[] = { VERDICT_FORWARD, VERDICT_WOULD_DROP,
		VERDICT_WOULD_TAG };

	for (unsigned i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		struct packet *packet = one_packet(f, 4, 0), before = *packet;
		uint8_t room[sizeof(f->room)];

		memcpy(room, f->room, sizeof(room));
		memset(&f->counters, 0, sizeof(f->counters));
		f->actions[7] = actions[i];
		action_count_burst(f->actions, &f->burst, &f->counters);
		assert_int_equal(f->counters.verdicts[verdicts[i]], 1);
		assert_memory_equal(room, f->room, sizeof(room));
		assert_memory_equal(&before, packet, sizeof(before));
		packet->flow = NULL; // of no flow: no policy
		action_count_burst(f->actions, &f->burst, &f->counters);
		assert_int_equal(f->counters.verdicts[VERDICT_FORWARD], i == 0 ? 2 : 1);
	}
}

static void police_drops_what_is_over_the_rate(void **state)
{
	struct fixture *f = *state;
	struct packet *packet = one_packet(f, 4, 0);
	struct meter meter;
	unsigned passed = 0;

	// Two jumbo frames' worth of bytes, and no time passes.
	meter_init(&meter, 8000);
	packet->wire_length = 1024;
	for (int i = 0; i < 40; i++) {
		packet->reason = REASON_PAST;
		act(f, (struct action){ ACTION_POLICE, .meter = &meter });
		assert_int_equal(f->counters.verdicts[VERDICT_FORWARD],
				packet->reason == REASON_PAST);
		assert_int_equal(f->counters.verdicts[VERDICT_DROP],
				packet->reason == REASON_POLICE);
		passed += packet->reason == REASON_PAST;
	}
	assert_int_equal(passed, 19);
	packet->reason = REASON_PAST;
	f->counters = (struct counters){ 0 };
	action_count_burst(f->actions, &f->burst, &f->counters);
	assert_int_equal(packet->reason, REASON_PAST);
	assert_int_equal(f->counters.verdicts[VERDICT_WOULD_DROP], 1);
}

static void a_closed_case_drops_its_packets_alone(void **state)
{
	static const uint8_t cases[][2] = { { REASON_MALFORMED, REASON_CLOSED_MALFORMED },
		{ REASON_NO_FLOW, REASON_CLOSED_NO_FLOW }, { REASON_DEPTH, REASON_CLOSED_DEPTH } };
	struct fixture *f = *state;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
			struct packet *packet = one_packet(f, 4, 0);
			bool is_met = reason == cases[i][0];

			memset(&f->counters, 0, sizeof(f->counters));
			memset(f->actions, 0, sizeof(f->actions));
			f->actions[7] = (struct action){ ACTION_DROP };
			packet->reason = reason;
			action_fail_burst(1u << cases[i][0], false, &f->burst, &f->counters);
			assert_int_equal(packet->reason, reason);
			assert_int_equal(f->counters.verdicts[VERDICT_WOULD_DROP], is_met);
			f->counters.verdicts[VERDICT_WOULD_DROP] = 0;
			f->counters.verdicts[VERDICT_FORWARD] = 0;
			packet = one_packet(f, 4, 0);
			packet->reason = reason;
			action_fail_burst(1u << cases[i][0], true, &f->burst, &f->counters);
			assert_int_equal(packet->reason, is_met ? cases[i][1] : reason);
			// Whatever the policy says, it is one packet in the books.
			action_burst(f->actions, &f->burst, &f->counters);
			assert_int_equal(packet->reason, is_met ? cases[i][1] : REASON_POLICY);
			assert_int_equal(f->counters.verdicts[VERDICT_FORWARD], 0);
			assert_int_equal(f->counters.verdicts[VERDICT_DROP], 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_dscp_over_every_tos_keeps_ecn_and_checksum),
		cmocka_unit_test(every_dscp_over_every_traffic_class_keeps_ecn_and_flow_label),
		cmocka_unit_test(a_wrong_checksum_stays_as_wrong_as_it_was),
		cmocka_unit_test(a_vlan_tag_goes_behind_the_addresses),
		cmocka_unit_test(a_tag_that_finds_no_place_is_counted_and_the_frame_passes),
		cmocka_unit_test(drop_gives_the_reason_and_leaves_the_frame),
		cmocka_unit_test(a_packet_without_a_flow_is_never_touched),
		cmocka_unit_test(counting_touches_nothing),
		cmocka_unit_test(police_drops_what_is_over_the_rate),
		cmocka_unit_test(a_closed_case_drops_its_packets_alone),
		cmocka_unit_test(code_points_have_their_names),
	};

	return cmocka_run_group_tests(tests, create, destroy);
}

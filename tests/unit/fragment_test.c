// SPDX-License-Identifier: BSD-3-Clause
// Fragments: to their flow, put together in any order, given up when they contradict each other.
#include "checksum.h"
#include "counters.h"
#include "decode/decode.h"
#include "fragment.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	FRAME_BYTES = 4096,
	DATA_BYTES = 40000,
	SECOND_NS = 1000000000,
};

struct fixture {
	struct fragments *fragments;
	struct counters counters;
	struct burst burst;
	uint64_t now_ns;
	uint8_t frames[BURST_PACKETS][FRAME_BYTES];
	uint8_t data[DATA_BYTES]; // of the IP packet that is cut
};

// A fragment of `data`, from 10.0.0.1 or 2001:db8::1 to ...2.
struct cut {
	unsigned offset, length;
	bool is_more;
	uint16_t id;
	uint8_t version; // 0: 4
	uint8_t protocol; // 0: UDP
	uint8_t wrapped; // IPv4 around it, from 192.0.2.1 to 192.0.2.2
	uint16_t vlan; // 0: no tag
};

static int create(void **state)
{
	struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) & ~(size_t)63);
	struct fragments_config config = { .datagrams = 16, .node = -1 };

	memset(f, 0, sizeof(*f));
	config.counters = &f->counters;
	f->fragments = fragments_create(&config);
	f->now_ns = SECOND_NS;
	for (int i = 0; i < DATA_BYTES; i++)
		f->data[i] = i * 31 >> 3;
	assert_non_null(f->fragments);
	*state = f;
	return 0;
}

static int destroy(void **state)
{
	struct fixture *f = *state;

	fragments_free(f->fragments);
	free(f);
	return 0;
}

static void put16(uint8_t *at, unsigned number)
{
	at[0] = number >> 8;
	at[1] = number & 0xff;
}

// A datagram of `payload` bytes, from port 1000 to 53.
static void set_udp(struct fixture *f, unsigned payload)
{
	put16(f->data, 1000);
	put16(f->data + 2, 53);
	put16(f->data + 4, payload + 8);
}

static uint8_t *put_ip4(uint8_t *at, unsigned length, unsigned flags, uint8_t protocol, uint16_t id)
{
	memset(at, 0, 20);
	at[0] = 0x45;
	put16(at + 2, 20 + length);
	put16(at + 4, id);
	put16(at + 6, flags);
	at[9] = protocol;
	at[12] = at[16] = 10;
	at[15] = 1;
	at[19] = 2;
	return at + 20;
}

static void finish_ip4(uint8_t *header)
{
	uint16_t checksum;

	put16(header + 10, 0);
	checksum = checksum_ip4(header);
	memcpy(header + 10, &checksum, sizeof(checksum));
}

static uint8_t *put_ip6(uint8_t *at, const struct cut *cut, uint8_t protocol)
{
	memset(at, 0, 48);
	at[0] = 0x60;
	put16(at + 4, cut->length + 8);
	at[6] = 44;
	at[8] = at[24] = 0x20;
	at[23] = 1;
	at[39] = 2;
	at[40] = protocol;
	put16(at + 42, cut->offset | cut->is_more);
	put16(at + 46, cut->id);
	return at + 48;
}

static void add(struct fixture *f, const struct cut *cut)
{
	struct packet *packet = &f->burst.packets[f->burst.count];
	uint8_t *frame = f->frames[f->burst.count++], *at = frame + 14;
	uint8_t protocol = cut->protocol != 0 ? cut->protocol : IPPROTO_UDP;
	bool is_ip6 = cut->version == 6;

	memset(frame, 2, 14);
	put16(frame + 12, is_ip6 && !cut->wrapped ? 0x86dd : 0x0800);
	if (cut->vlan != 0) {
		memmove(frame + 16, frame + 12, 2);
		put16(frame + 12, 0x8100);
		put16(frame + 14, cut->vlan);
		at += 4;
	}
	if (cut->wrapped) {
		at = put_ip4(at, cut->length + (is_ip6 ? 48 : 20), 0, is_ip6 ? 41 : 4, 7);
		at[-8] = at[-4] = 192;
		finish_ip4(at - 20);
	}
	at = is_ip6 ? put_ip6(at, cut, protocol) :
		      put_ip4(at, cut->length, cut->offset / 8 | (cut->is_more ? 0x2000 : 0),
				      protocol, cut->id);
	if (!is_ip6)
		finish_ip4(at - 20);
	memcpy(at, f->data + cut->offset, cut->length);
	*packet = (struct packet){ .data = frame,
		.time_ns = f->now_ns,
		.length = at + cut->length - frame,
		.wire_length = at + cut->length - frame };
}

static void run(struct fixture *f)
{
	decode_burst(&f->burst, 0);
	fragment_burst(f->fragments, &f->burst, 0);
}

// The record of one fragment in a burst of its own.
static struct packet *run_one(struct fixture *f, const struct cut *cut)
{
	f->burst.count = 0;
	add(f, cut);
	run(f);
	return &f->burst.packets[0];
}

static void assert_whole(const struct fixture *f, const struct packet *packet, unsigned payload)
{
	assert_int_equal(packet->reason, REASON_INSPECTED);
	assert_int_equal(packet->protocol, IPPROTO_UDP);
	assert_true((packet->flags & PACKET_REASSEMBLED) != 0);
	assert_int_equal(packet->payload_length, payload);
	assert_memory_equal(packet->payload, f->data + 8, payload);
	assert_memory_equal(packet_transport(packet), f->data, 8);
}

static void assert_part(const struct packet *packet)
{
	assert_int_equal(packet->reason, REASON_FRAGMENT);
	assert_null(packet->payload);
	assert_int_equal(packet->transport, 0);
}

static void assert_ports(const struct flow_key *key)
{
	assert_int_equal(key->ports_be[0], htons(1000));
	assert_int_equal(key->ports_be[1], htons(53));
	assert_int_equal(flow_key_protocol(key), IPPROTO_UDP);
}

static void a_datagram_is_put_together(void **state)
{
	static const struct cut cuts[] = {
		{ 0, 1000, true },
		{ 0, 1000, true, .version = 6 },
		{ 0, 1000, true, .wrapped = 1 },
		{ 0, 1000, true, .version = 6, .wrapped = 1 },
		{ 0, 1000, true, .vlan = 9 },
		{ 0, 8, true },
		{ 0, 8, true, .version = 6 },
	};
	struct fixture *f = *state;

	set_udp(f, 1493);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct cut cut = cuts[i];

		assert_part(run_one(f, &cut));
		assert_ports(&f->burst.keys[0]);
		for (cut.offset = cut.length; cut.offset + cut.length < 1501;
				cut.offset += cut.length) {
			assert_part(run_one(f, &cut));
			assert_ports(&f->burst.keys[0]);
		}
		cut.length = 1501 - cut.offset;
		cut.is_more = false;
		assert_whole(f, run_one(f, &cut), 1493);
		assert_ports(&f->burst.keys[0]);
	}
	assert_int_equal(f->counters.fragments_reassembled, sizeof(cuts) / sizeof(cuts[0]));
	assert_int_equal(f->counters.fragments_evicted + f->counters.fragments_spoilt, 0);
}

// All orders of four fragments, in one burst and in four: one of them, the last to come, has the
// payload. Those that come before the first have no flow, those behind it have its flow.
static void any_order_will_do(void **state)
{
	static const struct cut cuts[4] = { { 0, 16, true }, { 16, 24, true }, { 40, 8, true },
		{ 48, 5, false } };
	struct fixture *f = *state;

	set_udp(f, 45);
	for (unsigned order = 0; order < 256; order++) {
		unsigned at[4] = { order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 };
		bool has_first = false;

		if ((1 << at[0] | 1 << at[1] | 1 << at[2] | 1 << at[3]) != 15)
			continue;
		f->burst.count = 0;
		for (int i = 0; i < 4; i++)
			add(f, &cuts[at[i]]);
		run(f);
		for (int i = 0; i < 4; i++) {
			const struct packet *packet = &f->burst.packets[i];

			has_first |= at[i] == 0;
			if (i < 3)
				assert_part(packet);
			assert_int_equal(packet->protocol, has_first ? IPPROTO_UDP : PROTOCOL_NONE);
			if (has_first)
				assert_ports(&f->burst.keys[i]);
		}
		assert_whole(f, &f->burst.packets[3], 45);
		for (int i = 0; i < 4; i++)
			run_one(f, &cuts[at[i]]);
		assert_whole(f, &f->burst.packets[0], 45);
	}
	assert_int_equal(f->counters.fragments_reassembled, 48);
}

static void the_other_direction_has_the_same_flow(void **state)
{
	struct fixture *f = *state;
	struct flow_key key;

	set_udp(f, 20);
	run_one(f, &(struct cut){ 0, 16, true });
	key = f->burst.keys[0];
	put16(f->data, 53);
	put16(f->data + 2, 1000);
	for (int i = 0; i < 2; i++) {
		f->burst.count = 0;
		add(f, i == 0 ? &(struct cut){ 0, 16, true } : &(struct cut){ 16, 12, false });
		f->frames[0][14 + 15] = 2; // addresses change places
		f->frames[0][14 + 19] = 1;
		run(f);
		assert_memory_equal(&key, &f->burst.keys[0], sizeof(key));
		assert_true((f->burst.packets[0].flags & PACKET_FROM_SECOND) != 0);
	}
	assert_whole(f, &f->burst.packets[0], 20);
}

// A TCP header of 20 bytes in three fragments; its segment without payload, too.
static void a_tcp_header_may_be_cut(void **state)
{
	struct fixture *f = *state;

	set_udp(f, 0);
	f->data[12] = 0x50;
	f->data[13] = 0x18;
	assert_part(run_one(f, &(struct cut){ 0, 8, true, .protocol = IPPROTO_TCP }));
	assert_int_equal(f->burst.keys[0].ports_be[0], htons(1000));
	assert_part(run_one(f, &(struct cut){ 8, 8, true, .protocol = IPPROTO_TCP }));
	run_one(f, &(struct cut){ 16, 44, false, .protocol = IPPROTO_TCP });
	assert_int_equal(f->burst.packets[0].tcp_flags, 0x18);
	assert_int_equal(f->burst.packets[0].payload_length, 40);
	assert_memory_equal(packet_transport(&f->burst.packets[0]), f->data, 60);
	f->data[13] = 0x02;
	run_one(f, &(struct cut){ 0, 16, true, .protocol = IPPROTO_TCP, .id = 1 });
	run_one(f, &(struct cut){ 16, 4, false, .protocol = IPPROTO_TCP, .id = 1 });
	assert_int_equal(f->burst.packets[0].reason, REASON_NO_PAYLOAD);
	assert_int_equal(f->burst.packets[0].tcp_flags, 0x02);
	assert_int_equal(f->burst.packets[0].payload_length, 0);
	assert_memory_equal(packet_transport(&f->burst.packets[0]), f->data, 20);
}

static void the_first_bytes_win(void **state)
{
	struct fixture *f = *state;
	uint8_t good[64];

	set_udp(f, 56);
	memcpy(good, f->data, sizeof(good));
	run_one(f, &(struct cut){ 0, 24, true });
	memset(f->data, 'X', 64);
	run_one(f, &(struct cut){ 0, 24, true }); // duplicate
	run_one(f, &(struct cut){ 8, 16, true }); // within
	memcpy(f->data + 24, good + 24, 40);
	run_one(f, &(struct cut){ 16, 16, true }); // the first half is there
	run_one(f, &(struct cut){ 24, 40, false }); // the first block is there
	memcpy(f->data, good, sizeof(good));
	assert_true((f->burst.packets[0].flags & PACKET_DOUBTFUL) != 0);
	assert_whole(f, &f->burst.packets[0], 56);
	assert_int_equal(f->counters.fragments_spoilt, 1);
}

static void only_copies_are_above_doubt(void **state)
{
	static const struct cut others[] = {
		{ 0, 24, true }, // a copy
		{ 8, 16, true }, // the same bytes, cut otherwise
		{ 16, 16, true }, // more of them
		{ 0, 32, true },
	};
	struct fixture *f = *state;

	set_udp(f, 56);
	for (uint16_t i = 0; i < 8; i++) {
		const uint8_t version = i < 4 ? 4 : 6;
		struct cut other = others[i % 4];

		other.id = i;
		other.version = version;
		run_one(f, &(struct cut){ 0, 24, true, .id = i, .version = version });
		run_one(f, &other);
		run_one(f, &(struct cut){ 24, 40, false, .id = i, .version = version });
		assert_int_equal((f->burst.packets[0].flags & PACKET_DOUBTFUL) != 0, i % 4 != 0);
		assert_int_equal(f->counters.fragments_reassembled, i + 1);
	}
	assert_int_equal(f->counters.fragments_spoilt, 6);
}

// As their receiver does.
static void wrong_header_checksums_are_left_out(void **state)
{
	struct fixture *f = *state;

	set_udp(f, 56);
	run_one(f, &(struct cut){ 0, 24, true });
	f->burst.count = 0;
	add(f, &(struct cut){ 24, 40, false });
	f->frames[0][14 + 10]++;
	run(f);
	assert_part(&f->burst.packets[0]);
	assert_int_equal(f->counters.fragments_wrong, 1);
	run_one(f, &(struct cut){ 24, 40, false });
	assert_int_equal(f->counters.fragments_reassembled, 1);
}

static void contradictions_are_given_up(void **state)
{
	static const struct cut others[] = {
		{ 24, 8, false }, // another end
		{ 48, 16, true }, // behind the end
		{ 65528, 32, false }, // behind every end
		{ 24, 0, true }, // nothing
	};
	struct fixture *f = *state;

	set_udp(f, 32);
	for (uint16_t i = 0; i < 4; i++) {
		struct cut other = others[i];

		run_one(f, &(struct cut){ 0, 16, true, .id = i });
		run_one(f, &(struct cut){ 32, 8, false, .id = i });
		other.id = i;
		memset(f->frames, 0, sizeof(f->frames));
		if (other.offset < DATA_BYTES)
			run_one(f, &other);
		else {
			f->burst.count = 0;
			other.offset = 0;
			add(f, &other);
			put16(f->frames[0] + 14 + 6, 65528 / 8);
			finish_ip4(f->frames[0] + 14);
			run(f);
		}
		assert_int_equal(f->counters.fragments_spoilt, i + 1);
		run_one(f, &(struct cut){ 16, 16, true, .id = i });
		assert_part(&f->burst.packets[0]);
	}
	assert_int_equal(f->counters.fragments_reassembled, 0);
}

static void only_the_beginning_of_a_long_one_is_shown(void **state)
{
	struct fixture *f = *state;
	const struct packet *packet = &f->burst.packets[0];

	set_udp(f, 39992);
	for (unsigned at = 0; at < 40000; at += 1000)
		run_one(f, &(struct cut){ at, 1000, at < 39000 });
	assert_whole(f, packet, 16384 - 8);
	assert_true((packet->flags & PACKET_TRUNCATED) != 0);
}

static void datagrams_are_apart(void **state)
{
	static const struct cut firsts[] = { { 0, 16, true }, { 0, 16, true, .id = 1 },
		{ 0, 16, true, .protocol = IPPROTO_UDPLITE }, { 0, 16, true, .vlan = 5 },
		{ 0, 16, true, .wrapped = 1 }, { 0, 16, true, .version = 6 } };
	struct fixture *f = *state;

	set_udp(f, 16);
	for (int i = 0; i < 6; i++)
		for (int k = 0; k < 6; k++) {
			struct cut last = firsts[k];

			fragments_free(f->fragments);
			f->fragments = fragments_create(&(struct fragments_config){
					.datagrams = 16, .node = -1, .counters = &f->counters });
			run_one(f, &firsts[i]);
			last.offset = 16;
			last.length = 8;
			last.is_more = false;
			f->counters.fragments_reassembled = 0;
			run_one(f, &last);
			assert_int_equal(f->counters.fragments_reassembled, i == k);
		}
}

static void what_stays_incomplete_is_forgotten(void **state)
{
	struct fixture *f = *state;

	set_udp(f, 16);
	run_one(f, &(struct cut){ 0, 16, true });
	f->now_ns += UINT64_C(31) * SECOND_NS;
	run_one(f, &(struct cut){ 16, 8, false });
	assert_part(&f->burst.packets[0]);
	assert_int_equal(f->burst.packets[0].protocol, PROTOCOL_NONE);
	assert_int_equal(f->counters.fragments_expired, 1);
	run_one(f, &(struct cut){ 0, 16, true });
	assert_whole(f, &f->burst.packets[0], 16);
}

// A million datagrams that never end: each one in time is still put together.
static void a_flood_takes_no_more_memory(void **state)
{
	struct fixture *f = *state;
	size_t bytes = fragments_bytes(f->fragments);
	struct cut flood = { 0, 16, true };

	set_udp(f, 16);
	for (unsigned i = 0; i < 1000000; i += 32) {
		f->burst.count = 0;
		for (unsigned k = 0; k < 32; k++) {
			add(f, &flood);
			put16(f->frames[k] + 14 + 14, (i + k) >> 4); // source address
			finish_ip4(f->frames[k] + 14);
			flood.id++;
		}
		run(f);
		if (i % 3200 != 0)
			continue;
		run_one(f, &(struct cut){ 0, 16, true, .vlan = 3 });
		run_one(f, &(struct cut){ 16, 8, false, .vlan = 3 });
		assert_whole(f, &f->burst.packets[0], 16);
	}
	assert_int_equal(bytes, fragments_bytes(f->fragments));
	assert_true(bytes < 17 * 18 * 1024);
	assert_true(f->counters.fragments_evicted + 16 >= 1000000);
	assert_int_equal(f->counters.fragments_refused, 0);
}

// More payloads in one burst than there is room for: none is overwritten, the rest is counted.
static void payloads_stay_for_the_burst(void **state)
{
	struct fixture *f = *state;
	unsigned whole = 0;

	set_udp(f, 16);
	f->burst.count = 0;
	for (uint16_t id = 0; id < BURST_PACKETS / 2; id++) {
		f->data[9] = id;
		add(f, &(struct cut){ 0, 16, true, .id = id });
		add(f, &(struct cut){ 16, 8, false, .id = id });
	}
	run(f);
	for (uint16_t id = 0; id < BURST_PACKETS / 2; id++) {
		const struct packet *packet = &f->burst.packets[2 * id + 1];

		if ((packet->flags & PACKET_REASSEMBLED) == 0)
			continue;
		f->data[9] = id;
		assert_whole(f, packet, 16);
		whole++;
	}
	assert_int_equal(whole, 16 < f->counters.fragments_reassembled ? 16 : whole);
	assert_int_equal(whole, f->counters.fragments_reassembled);
	assert_true(f->counters.fragments_refused > 0);
	run_one(f, &(struct cut){ 0, 16, true, .id = 99 });
	assert_part(&f->burst.packets[0]);
}

// Fragments of a packet that was itself in fragments: IPv6 in IPv4.
static void fragments_may_be_nested(void **state)
{
	struct fixture *f = *state;
	uint8_t inner[2][200];

	set_udp(f, 92);
	for (int i = 0; i < 2; i++) {
		const struct cut cut = { 48 * i, i == 0 ? 48 : 52, i == 0, .version = 6 };
		uint8_t *at = put_ip6(inner[i], &cut, IPPROTO_UDP);

		memcpy(at, f->data + cut.offset, cut.length);
	}
	for (int i = 0; i < 2; i++) {
		unsigned length = i == 0 ? 96 : 100;
		uint8_t saved[200];

		memcpy(saved, f->data, length);
		memcpy(f->data, inner[i], length);
		for (unsigned at = 0; at < length; at += 32)
			run_one(f,
					&(struct cut){ at, length - at > 32 ? 32 : length - at,
							at + 32 < length, .protocol = 41,
							.id = i });
		memcpy(f->data, saved, length);
	}
	assert_whole(f, &f->burst.packets[0], 92);
	assert_ports(&f->burst.keys[0]);
	assert_int_equal(f->counters.fragments_reassembled, 3);
}

static void a_size_is_needed(void **state)
{
	struct fixture *f = *state;
	struct fragments_config config = { .datagrams = 0, .node = -1, .counters = &f->counters };

	assert_null(fragments_create(&config));
	assert_int_equal(errno, EINVAL);
	fragments_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_datagram_is_put_together),
		TEST(any_order_will_do),
		TEST(the_other_direction_has_the_same_flow),
		TEST(a_tcp_header_may_be_cut),
		TEST(the_first_bytes_win),
		TEST(only_copies_are_above_doubt),
		TEST(wrong_header_checksums_are_left_out),
		TEST(contradictions_are_given_up),
		TEST(only_the_beginning_of_a_long_one_is_shown),
		TEST(datagrams_are_apart),
		TEST(what_stays_incomplete_is_forgotten),
		TEST(a_flood_takes_no_more_memory),
		TEST(payloads_stay_for_the_burst),
		TEST(fragments_may_be_nested),
		TEST(a_size_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

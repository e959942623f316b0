// SPDX-License-Identifier: BSD-3-Clause
#include "pcapng.h"
#include "sniff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
	WORKERS = 2,
	FRAME_BYTES = 3000,
};

static struct burst burst;
static uint8_t frame[FRAME_BYTES];

// A burst of one packet of no flow, whose length and bytes follow from `number`.
static void make_packet(uint32_t number)
{
	burst.count = 1;
	burst.packets[0] = (struct packet){
		.data = frame,
		.time_ns = number,
		.length = 60 + number % 2500,
		.wire_length = 60 + number % 2500,
		.protocol = 17,
		.app = number % 3,
	};
	memset(frame, (int)number, sizeof(frame));
}

static void check_record(const struct sniff_record *record, uint32_t number)
{
	uint32_t length = 60 + number % 2500;

	assert_non_null(record);
	assert_int_equal(record->time_ns, number);
	assert_int_equal(record->wire_length, length);
	assert_int_equal(record->length, length < SNIFF_BYTES ? length : SNIFF_BYTES);
	assert_int_equal(record->data[0], (uint8_t)number);
	assert_int_equal(record->data[record->length - 1], (uint8_t)number);
}

static struct sniff *create(const struct sniff_filter *filter)
{
	struct sniff *sniff = sniff_create(filter, WORKERS);

	assert_non_null(sniff);
	return sniff;
}

// Many times around the ring: every record comes out whole, in order, or is counted as lost.
static void test_ring_goes_round(void **)
{
	struct sniff *sniff = create(&(struct sniff_filter){ 0 });
	uint32_t put = 0, taken = 0;
	unsigned worker;

	for (int round = 0; round < 300; round++) {
		for (int i = 0; i < 37 + round % 50; i++) {
			make_packet(put++);
			sniff_burst(sniff, 0, NULL, &burst, 0);
		}
		for (int i = 0; i < 60 && taken < put; i++) {
			check_record(sniff_peek(sniff, &worker), taken++);
			sniff_pop(sniff, worker);
		}
	}
	assert_int_equal(sniff_lost(sniff), 0);
	while (taken < put) {
		check_record(sniff_peek(sniff, &worker), taken++);
		sniff_pop(sniff, worker);
	}
	assert_null(sniff_peek(sniff, &worker));
	sniff_free(sniff);
}

static void test_full_ring_counts(void **)
{
	struct sniff *sniff = create(&(struct sniff_filter){ 0 });
	const struct sniff_record *record;
	uint64_t kept = 0;
	unsigned worker;

	for (uint32_t i = 0; i < 10000; i++) {
		make_packet(i);
		sniff_burst(sniff, 1, NULL, &burst, 3);
	}
	for (; (record = sniff_peek(sniff, &worker)) != NULL; kept++) {
		assert_int_equal(worker, 1);
		assert_int_equal(record->direction, 3);
		sniff_pop(sniff, worker);
	}
	assert_true(kept > 2000 && sniff_lost(sniff) > 1000);
	assert_int_equal(kept + sniff_lost(sniff), 10000);
	sniff_free(sniff);
}

static void test_workers_in_order_of_time(void **)
{
	static const uint32_t times[WORKERS][3] = { { 10, 30, 31 }, { 20, 25, 40 } };
	static const uint32_t sorted[] = { 10, 20, 25, 30, 31, 40 };
	struct sniff *sniff = create(&(struct sniff_filter){ 0 });
	unsigned worker;

	for (unsigned i = 0; i < 6; i++) {
		make_packet(times[i % WORKERS][i / WORKERS]);
		sniff_burst(sniff, i % WORKERS, NULL, &burst, 0);
	}
	for (unsigned i = 0; i < 6; i++) {
		check_record(sniff_peek(sniff, &worker), sorted[i]);
		sniff_pop(sniff, worker);
	}
	sniff_free(sniff);
}

static bool is_taken(const struct sniff_filter *filter)
{
	struct sniff *sniff = create(filter);
	unsigned worker;
	bool is_there;

	sniff_burst(sniff, 0, NULL, &burst, 0);
	is_there = sniff_peek(sniff, &worker) != NULL;
	sniff_free(sniff);
	return is_there;
}

static void test_filters(void **)
{
	struct sniff_filter host = { .has_host = true, .is_ip4 = true, .host = { [15] = 7 } };
	struct sniff_filter app = { .has_app = true, .app = 1 };
	struct sniff_filter flow = { .has_flow = true, .flow = 1 };

	make_packet(1);
	burst.keys[0] = (struct flow_key){ .ends = { { { [15] = 5 } }, { { [15] = 7 } } },
		.tunnel = FLOW_KEY_IP4 };
	assert_true(is_taken(&host));
	host.host[15] = 5;
	assert_true(is_taken(&host));
	host.host[15] = 6;
	assert_false(is_taken(&host));
	host.host[15] = 7;
	host.is_ip4 = false; // the same bytes, of IPv6
	assert_false(is_taken(&host));
	host.is_ip4 = true;
	burst.packets[0].protocol = PROTOCOL_NONE; // the key is an older packet's
	assert_false(is_taken(&host));
	assert_true(is_taken(&app));
	app.app = 2;
	assert_false(is_taken(&app));
	assert_false(is_taken(&flow)); // it is of none
}

// Of every block, nothing is written unless all of it fits.
static void test_blocks_fit_or_are_left_out(void **)
{
	static uint8_t out[256];
	const struct pcapng_packet packet = { 1, 2, 5, 9, (const uint8_t *)"12345", "why" };
	// Head 8, fields 20, data 8, comment 4 + 4, end 4, length 4.
	const size_t whole = 52;
	uint32_t length;

	for (size_t room = 0; room < sizeof(out); room++) {
		memset(out, 0xee, sizeof(out));
		assert_int_equal(pcapng_packet(out, room, &packet), room < whole ? 0 : whole);
		for (size_t i = room; i < sizeof(out); i++)
			assert_int_equal(out[i], 0xee);
	}
	memcpy(&length, out + 4, sizeof(length));
	assert_int_equal(length, whole);
	memcpy(&length, out + whole - 4, sizeof(length));
	assert_int_equal(length, whole);
	assert_memory_equal(out + 28, "12345\0\0\0", 8);
	assert_memory_equal(out + 36, "\1\0\3\0why\0", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_goes_round),
		cmocka_unit_test(test_full_ring_counts),
		cmocka_unit_test(test_workers_in_order_of_time),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_blocks_fit_or_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

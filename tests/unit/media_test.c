// SPDX-License-Identifier: BSD-3-Clause
// What a worker counts of Skype flows, and when it tells.
#include "evidence.h"
#include "media.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	FLOWS = 4096,
	RING = 4096,
};

static const uint64_t SECOND_NS = 1000000000;
static const uint64_t START_NS = 1156534266 * UINT64_C(1000000000);

struct fixture {
	struct counters counters;
	struct flow_table *flows;
	struct media *media;
	struct rte_ring *ring;
	uint8_t payload[2048];
	struct burst burst;
};

static int create(void **state)
{
	struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) & ~(size_t)63);
	struct media_config media = { .node = -1 };
	struct flow_config flows = {
		.capacity = FLOWS,
		.node = -1,
		.timeouts = { 30000, 600000, 10000, 30000, 120000 },
	};

	memset(f, 0, sizeof(*f));
	flows.counters = media.counters = &f->counters;
	f->ring = aligned_alloc(64, rte_ring_get_memsize_elem(sizeof(struct evidence), RING));
	rte_ring_init(f->ring, "evidence", RING, RING_F_SP_ENQ | RING_F_SC_DEQ);
	media.evidence = f->ring;
	f->flows = flow_table_create(&flows);
	f->media = media_create(&media);
	assert_non_null(f->flows);
	assert_non_null(f->media);
	*state = f;
	return 0;
}

static int destroy(void **state)
{
	struct fixture *f = *state;

	media_free(f->media);
	flow_table_free(f->flows);
	free(f->ring);
	free(f);
	return 0;
}

// A packet of flow `client` from 10.0.0.0/16 to 10.1.0.1 or back, at that millisecond.
struct sent {
	uint16_t client;
	uint8_t protocol;
	uint16_t port;
	bool is_back;
	uint16_t bytes;
	uint32_t ms;
};

static struct packet *lookup(struct fixture *f, const struct sent *sent)
{
	struct packet *packet = &f->burst.packets[0];
	struct flow_key *key = &f->burst.keys[0];

	*packet = (struct packet){
		.time_ns = START_NS + sent->ms * UINT64_C(1000000),
		.payload = f->payload,
		.payload_length = sent->bytes,
		.protocol = sent->protocol,
		.flags = sent->is_back ? PACKET_FROM_SECOND : 0,
	};
	*key = (struct flow_key){
		.ports_be = { htons(35990), htons(sent->port) },
		.protocol_vlans = (uint32_t)sent->protocol << 24,
		.tunnel = FLOW_KEY_IP4,
	};
	for (unsigned end = 0; end < 2; end++)
		memcpy(key->ends[end].address, "\0\0\0\0\0\0\0\0\0\0\377\377\12\0\0\0", 16);
	key->ends[0].address[14] = sent->client >> 8;
	key->ends[0].address[15] = sent->client & 0xff;
	key->ends[1].address[13] = 1;
	f->burst.count = 1;
	f->burst.now_ns = packet->time_ns;
	flow_lookup_burst(f->flows, &f->burst);
	assert_non_null(packet->flow);
	return packet;
}

static void count(struct fixture *f, struct sent sent, uint64_t number)
{
	const struct verdict skype = { APP_SKYPE, CONFIDENCE_STRONG, FLOW_ROLE_P2P, 0 };
	struct packet *packet = lookup(f, &sent);

	flow_judge(f->flows, packet->flow, &skype);
	media_count(f->media, f->flows, packet, number);
}

static bool take(struct fixture *f, struct evidence *evidence)
{
	return rte_ring_sc_dequeue_elem(f->ring, evidence, sizeof(*evidence)) == 0;
}

static void counts_what_is_media(void **state)
{
	static const struct {
		struct sent sent;
		uint8_t type; // third byte
		uint32_t media, video, others;
	} rows[] = {
		{ { 1, IPPROTO_UDP, 4000, false, 150 }, 0x0d, 1, 0, 0 },
		{ { 1, IPPROTO_UDP, 4000, false, 150 }, 0x7d, 1, 0, 0 }, // random bits
		{ { 1, IPPROTO_UDP, 4000, false, 4 }, 0x0d, 0, 0, 1 }, // keeps alive
		{ { 1, IPPROTO_UDP, 4000, false, 150 }, 0x02, 0, 0, 1 },
		{ { 1, IPPROTO_UDP, 4000, false, 399 }, 0x0d, 1, 0, 0 },
		{ { 1, IPPROTO_UDP, 4000, false, 400 }, 0x0d, 1, 1, 0 },
		{ { 1, IPPROTO_UDP, 4000, false, 490 }, 0x0d, 1, 1, 0 },
		{ { 1, IPPROTO_UDP, 4000, false, 980 }, 0x0d, 1, 1, 0 },
		{ { 1, IPPROTO_TCP, 4000, false, 19 }, 0x0d, 0, 0, 0 }, // signalling
		{ { 1, IPPROTO_TCP, 4000, false, 20 }, 0x02, 1, 0, 0 },
		{ { 1, IPPROTO_UDP, GATEWAY_PORT, false, 50 }, 0x02, 0, 0, 1 }, // the first one
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct media_counts *counts;
		struct evidence evidence;

		f->payload[2] = rows[i].type;
		count(f, rows[i].sent, 1);
		media_age(f->media, UINT64_MAX, 1, MEDIA_SLOTS);
		assert_true(take(f, &evidence));
		counts = &evidence.media.counts[0];
		print_message("row %zu\n", i);
		assert_int_equal(counts->media, rows[i].media);
		assert_int_equal(counts->video, rows[i].video);
		assert_int_equal(counts->others, rows[i].others);
		assert_int_equal(counts->bytes, rows[i].media * rows[i].sent.bytes);
	}
}

static void a_later_second_tells_the_one_before(void **state)
{
	struct fixture *f = *state;
	struct evidence evidence;

	f->payload[2] = 0x0d;
	count(f, (struct sent){ 1, IPPROTO_UDP, 4000, false, 100, 100 }, 10);
	count(f, (struct sent){ 1, IPPROTO_UDP, 4000, true, 200, 500 }, 12);
	count(f, (struct sent){ 1, IPPROTO_UDP, 4000, true, 200, 999 }, 13);
	assert_false(take(f, &evidence));
	count(f, (struct sent){ 1, IPPROTO_UDP, 4000, false, 100, 1000 }, 20);
	assert_true(take(f, &evidence));
	assert_true(evidence.is_observation);
	assert_int_equal(evidence.signal, SIGNAL_SKYPE_MEDIA);
	assert_int_equal(evidence.host[15], 1);
	assert_int_equal(evidence.number, 20);
	assert_int_equal(evidence.number - evidence.media.first_back, 10);
	assert_int_equal(evidence.number - evidence.media.last_back, 13);
	assert_int_equal(evidence.media.first_ns, START_NS + SECOND_NS / 10);
	assert_int_equal(evidence.media.last_ns, START_NS + 999 * SECOND_NS / 1000);
	assert_int_equal(evidence.media.counts[0].bytes, 100);
	assert_int_equal(evidence.media.counts[1].bytes, 400);
	media_age(f->media, START_NS + 2 * SECOND_NS - 1, 21, MEDIA_SLOTS);
	assert_false(take(f, &evidence));
	media_age(f->media, START_NS + 2 * SECOND_NS, 21, MEDIA_SLOTS);
	assert_true(take(f, &evidence));
	assert_int_equal(evidence.media.counts[0].bytes, 100);
	assert_int_equal(evidence.media.counts[1].bytes, 0);
	media_age(f->media, UINT64_MAX, 21, MEDIA_SLOTS);
	assert_false(take(f, &evidence));
}

static void of_a_gateway_what_keeps_its_first_bytes_is_media(void **state)
{
	struct fixture *f = *state;
	struct evidence evidence;

	for (unsigned i = 0; i < 10; i++) {
		f->payload[0] = 1 + (i < 3 ? i : 3);
		f->payload[5] = i;
		count(f, (struct sent){ 1, IPPROTO_UDP, GATEWAY_PORT, false, 50, i }, i);
	}
	media_age(f->media, UINT64_MAX, 10, MEDIA_SLOTS);
	assert_true(take(f, &evidence));
	assert_int_equal(evidence.media.counts[0].media, 6);
	assert_int_equal(evidence.media.counts[0].others, 4);
}

static void nothing_is_counted_of_weak_and_other_flows(void **state)
{
	static const struct verdict verdicts[] = {
		{ APP_SKYPE, CONFIDENCE_WEAK, FLOW_ROLE_P2P, 0 },
		{ APP_SKYPE, CONFIDENCE_CERTAIN, FLOW_ROLE_VERSION_CHECK, 0 },
		{ APP_SKYPE, CONFIDENCE_STRONG, FLOW_ROLE_SERVICE, 0 },
		{ APP_SKYPE, CONFIDENCE_STRONG, FLOW_ROLE_NONE, 0 },
	};
	struct fixture *f = *state;
	struct evidence evidence;

	for (unsigned i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		struct sent sent = { i, IPPROTO_TCP, 4000, false, 1000, i };
		struct packet *packet = lookup(f, &sent);

		flow_judge(f->flows, packet->flow, &verdicts[i]);
		media_count(f->media, f->flows, packet, 1);
	}
	media_age(f->media, UINT64_MAX, 10, MEDIA_SLOTS);
	assert_false(take(f, &evidence));
}

// More flows at the same time than there are slots: nothing is lost while the ring has room.
static void many_flows_share_the_slots(void **state)
{
	struct fixture *f = *state;
	struct evidence evidence;
	uint32_t packets = 0;

	f->payload[2] = 0x0d;
	for (unsigned i = 0; i < 3000; i++) {
		count(f, (struct sent){ i, IPPROTO_UDP, 4000, false, 100, 10 }, 1);
		while (take(f, &evidence))
			packets += evidence.media.counts[0].media;
	}
	media_age(f->media, UINT64_MAX, 10, MEDIA_SLOTS);
	while (take(f, &evidence))
		packets += evidence.media.counts[0].media;
	assert_int_equal(packets, 3000);
	assert_int_equal(f->counters.evidence_lost, 0);
}

static void half_of_the_ring_is_left_to_proofs(void **state)
{
	struct fixture *f = *state;

	f->payload[2] = 0x0d;
	for (unsigned second = 0; second < 3; second++)
		for (unsigned i = 0; i < 3000; i++)
			count(f, (struct sent){ i, IPPROTO_UDP, 4000, false, 100, 1000 * second },
					1);
	assert_true(rte_ring_count(f->ring) <= RING / 2);
	assert_true(f->counters.evidence_lost > 0);
	assert_int_equal(f->counters.evidence_sent, rte_ring_count(f->ring));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_what_is_media, create, destroy),
		cmocka_unit_test_setup_teardown(
				a_later_second_tells_the_one_before, create, destroy),
		cmocka_unit_test_setup_teardown(
				of_a_gateway_what_keeps_its_first_bytes_is_media, create, destroy),
		cmocka_unit_test_setup_teardown(
				nothing_is_counted_of_weak_and_other_flows, create, destroy),
		cmocka_unit_test_setup_teardown(many_flows_share_the_slots, create, destroy),
		cmocka_unit_test_setup_teardown(
				half_of_the_ring_is_left_to_proofs, create, destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "host/skype_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t SECOND_NS = 1000000000;
static const uint64_t START_NS = 1431970633 * UINT64_C(1000000000);

struct world {
	struct host_table *hosts;
	struct published *published;
	struct skype *skype;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct skype_config skype = { .capacity = 64 };

	skype.hosts = world->hosts =
			host_table_create(&(struct host_config){ .capacity = 64, .expiry_s = 600 });
	skype.published = world->published = published_create(256);
	world->skype = skype_create(&skype);
	assert_non_null(world->skype);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	skype_free(world->skype);
	published_free(world->published);
	host_table_free(world->hosts);
	free(world);
	return 0;
}

// Of the host 192.0.2.1, about 192.0.2.2.
static struct evidence evidence_of(double seconds, uint16_t port, uint64_t flow_id)
{
	struct evidence evidence = {
		.time_ns = START_NS + (uint64_t)(seconds * SECOND_NS),
		.flow_id = flow_id,
		.host = { [10] = 0xff, 0xff, 192, 0, 2, 1 },
		.peer = { [10] = 0xff, 0xff, 192, 0, 2, 2 },
		.host_port = 50000 + flow_id,
		.peer_port = port,
		.protocol = 6,
		.signal = SIGNAL_SKYPE_CONNECTION,
		.app = APP_SKYPE,
		.is_ip4 = 1,
		.is_from_initiator = 1,
		.is_observation = 1,
	};

	return evidence;
}

static void connect_at(struct world *world, double seconds, uint16_t port, uint64_t flow_id)
{
	struct evidence evidence = evidence_of(seconds, port, flow_id);

	skype_learn(world->skype, &evidence);
}

static void prove_at(struct world *world, double seconds, uint16_t port, bool is_by_responder)
{
	struct evidence evidence = evidence_of(seconds, port, 99), turned = evidence;

	evidence.signal = SIGNAL_SKYPE_KEY_EXCHANGE;
	evidence.confidence = CONFIDENCE_CERTAIN;
	evidence.is_observation = 0;
	turned = evidence;
	if (is_by_responder) {
		memcpy(turned.host, evidence.peer, sizeof(turned.host));
		memcpy(turned.peer, evidence.host, sizeof(turned.peer));
		turned.host_port = evidence.peer_port;
		turned.peer_port = evidence.host_port;
		turned.is_from_initiator = 0;
	}
	skype_learn(world->skype, &turned);
}

static uint32_t published_signals(const struct world *world, struct published_key key)
{
	struct verdict verdict = { 0 };

	if (published_get(world->published, &key, &verdict) != PUBLISHED_FOUND)
		return 0;
	assert_int_equal(verdict.app, APP_SKYPE);
	assert_int_equal(verdict.confidence, CONFIDENCE_WEAK);
	return verdict.signals;
}

static bool is_flow_published(const struct world *world, uint64_t flow_id)
{
	return published_signals(world, published_flow(flow_id)) == 1u << SIGNAL_SKYPE_CONNECTION;
}

static bool is_node_published(const struct world *world, uint16_t port)
{
	struct evidence evidence = evidence_of(0, port, 0);

	return published_signals(world, published_node(evidence.host, evidence.peer, port)) ==
			1u << SIGNAL_SKYPE_SAME_NODE;
}

static const struct host_ledger *ledger_of(const struct world *world, enum signal signal)
{
	struct evidence evidence = evidence_of(0, 0, 0);
	const struct host *host = host_find(world->hosts, evidence.host, true);

	for (int i = 0; host != NULL && i < host->apps[0].ledger_count; i++)
		if (host->apps[0].ledger[i].first.signal == signal)
			return &host->apps[0].ledger[i];
	return NULL;
}

static void times_and_ports_are_exact(void **)
{
	const uint64_t ms = SECOND_NS / 1000, start = START_NS;

	assert_false(skype_is_answered_node(0, start));
	assert_false(skype_is_answered_node(start, start - 1));
	assert_true(skype_is_answered_node(start, start + 5000 * ms));
	assert_false(skype_is_answered_node(start, start + 5000 * ms + 1));
	// skype_no_unknown.pcap 1821, 1850: 1.613 s.
	assert_true(skype_is_fallback(62381, start, 443, start + 1613 * ms));
	assert_true(skype_is_fallback(62381, start, 80, start + 1500 * ms));
	assert_false(skype_is_fallback(62381, start, 443, start + 1500 * ms - 1));
	assert_false(skype_is_fallback(62381, start, 443, start + 1700 * ms + 1));
	assert_false(skype_is_fallback(62381, start, 444, start + 1613 * ms));
	assert_false(skype_is_fallback(80, start, 443, start + 1613 * ms));
	assert_true(skype_is_server_port(33033) && skype_is_server_port(12350) &&
			skype_is_server_port(13392));
	assert_false(skype_is_server_port(33034));
}

static void a_fallback_labels_all_its_attempts(void **state)
{
	struct world *world = *state;

	connect_at(world, 0, 62381, 1);
	connect_at(world, 1.600, 62381, 2);
	assert_false(is_flow_published(world, 1));
	connect_at(world, 3.213, 443, 3);
	connect_at(world, 3.213, 443, 3); // told again
	for (uint64_t flow = 1; flow <= 3; flow++)
		assert_true(is_flow_published(world, flow));
	assert_int_equal(ledger_of(world, SIGNAL_SKYPE_CONNECTION)->count, 1);
	assert_int_equal(ledger_of(world, SIGNAL_SKYPE_CONNECTION)->first.confidence,
			CONFIDENCE_WEAK);
}

static void two_workers_may_tell_in_any_order(void **state)
{
	struct world *world = *state;

	connect_at(world, 1.6, 443, 2);
	connect_at(world, 0, 40001, 1);
	assert_true(is_flow_published(world, 1) && is_flow_published(world, 2));
}

static void other_pauses_label_nothing(void **state)
{
	struct world *world = *state;

	connect_at(world, 0, 40001, 1);
	connect_at(world, 1.4, 443, 2);
	connect_at(world, 1.8, 443, 3);
	for (uint64_t flow = 1; flow <= 3; flow++)
		assert_false(is_flow_published(world, flow));
	assert_null(ledger_of(world, SIGNAL_SKYPE_CONNECTION));
}

static void a_server_s_port_is_told_and_labels_nothing(void **state)
{
	struct world *world = *state;

	connect_at(world, 0, 12350, 1);
	assert_int_equal(ledger_of(world, SIGNAL_SKYPE_CONNECTION)->first.confidence,
			CONFIDENCE_WEAK);
	assert_false(is_flow_published(world, 1));
}

static void a_proven_port_is_a_node_for_ten_minutes(void **state)
{
	struct world *world = *state;

	prove_at(world, 0, 20274, false);
	assert_true(is_node_published(world, 20274));
	prove_at(world, 1, 443, true);
	assert_true(is_node_published(world, 443));
	assert_false(is_node_published(world, 20275));
	skype_expire(world->skype, START_NS + 600 * SECOND_NS);
	assert_true(is_node_published(world, 20274));
	prove_at(world, 600, 443, true);
	skype_expire(world->skype, START_NS + 602 * SECOND_NS);
	assert_false(is_node_published(world, 20274));
	assert_true(is_node_published(world, 443));
}

static void the_oldest_node_of_a_peer_gives_way(void **state)
{
	struct world *world = *state;

	prove_at(world, 0, 1001, false);
	prove_at(world, 1, 1002, false);
	prove_at(world, 2, 1003, false);
	assert_false(is_node_published(world, 1001));
	assert_true(is_node_published(world, 1002) && is_node_published(world, 1003));
}

static void a_connection_to_who_has_just_answered_is_strong(void **state)
{
	struct world *world = *state;

	prove_at(world, 0, 20274, false);
	connect_at(world, 4.9, 20274, 1);
	assert_int_equal(ledger_of(world, SIGNAL_SKYPE_SAME_NODE)->first.confidence,
			CONFIDENCE_STRONG);
	connect_at(world, 5.1, 20274, 2);
	connect_at(world, 1, 20275, 3);
	assert_int_equal(ledger_of(world, SIGNAL_SKYPE_SAME_NODE)->count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_and_ports_are_exact),
		cmocka_unit_test_setup_teardown(
				a_fallback_labels_all_its_attempts, setup, teardown),
		cmocka_unit_test_setup_teardown(two_workers_may_tell_in_any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(other_pauses_label_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
				a_server_s_port_is_told_and_labels_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
				a_proven_port_is_a_node_for_ten_minutes, setup, teardown),
		cmocka_unit_test_setup_teardown(
				the_oldest_node_of_a_peer_gives_way, setup, teardown),
		cmocka_unit_test_setup_teardown(
				a_connection_to_who_has_just_answered_is_strong, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

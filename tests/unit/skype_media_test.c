// SPDX-License-Identifier: BSD-3-Clause
// Whose call it is, who relays, who is a super node: host/skype_media.c and host/skype_node.c.
#include "host/skype.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	PORT = 35990,
	HOST = 1,
	PEER = 200,
	SECONDS = 40,
};

static const uint64_t SECOND_NS = 1000000000;
static const uint64_t START_NS = 1156534266 * UINT64_C(1000000000);

struct world {
	struct host_table *hosts;
	struct published *published;
	struct skype *skype;
	unsigned calls;
	struct call call; // the newest
};

static void call_ended(void *context, const struct call *call)
{
	struct world *world = context;

	world->calls++;
	world->call = *call;
}

static struct world *world_create(void)
{
	struct world *world = calloc(1, sizeof(*world));
	struct host_config hosts = { .capacity = 1024, .expiry_s = 600 };
	struct skype_config skype = { .capacity = 1024, .call_ended = call_ended };

	assert_non_null(world);
	skype.context = world;
	skype.hosts = world->hosts = host_table_create(&hosts);
	skype.published = world->published = published_create(1024);
	world->skype = skype_create(&skype);
	assert_non_null(world->skype);
	return world;
}

static void world_free(struct world *world)
{
	skype_free(world->skype);
	published_free(world->published);
	host_table_free(world->hosts);
	free(world);
}

static void address_of(uint8_t host, uint8_t address[16])
{
	memset(address, 0, 16);
	address[10] = address[11] = 0xff;
	address[12] = 10;
	address[15] = host;
}

static struct evidence evidence_of(uint8_t host, uint8_t peer, uint64_t second)
{
	struct evidence evidence = {
		.time_ns = START_NS + second * SECOND_NS,
		.number = 1000 + 100 * second,
		.flow_id = host + peer,
		.host_port = PORT,
		.peer_port = PORT,
		.protocol = IPPROTO_UDP,
		.app = APP_SKYPE,
		.confidence = CONFIDENCE_CERTAIN,
		.role = FLOW_ROLE_P2P,
		.is_ip4 = 1,
	};

	address_of(host, evidence.host);
	address_of(peer, evidence.peer);
	return evidence;
}

// Proofs of `host` with so many peers.
static void prove(struct world *world, uint8_t host, unsigned peers)
{
	for (unsigned i = 0; i < peers; i++) {
		struct evidence evidence = evidence_of(host, 100 + i, 0);

		evidence.signal = SIGNAL_SKYPE_PROBE;
		skype_learn(world->skype, &evidence);
	}
}

static void prove_stream(struct world *world, uint8_t client, uint8_t node, bool is_joining)
{
	struct evidence evidence = evidence_of(client, node, 0);

	evidence.protocol = IPPROTO_TCP;
	evidence.signal = SIGNAL_SKYPE_KEY_STREAM;
	evidence.is_from_initiator = 1;
	evidence.step = is_joining ? STEP_BOOTSTRAP + 1 : 0;
	skype_learn(world->skype, &evidence);
	evidence = evidence_of(node, client, 0);
	evidence.protocol = IPPROTO_TCP;
	evidence.signal = SIGNAL_SKYPE_KEY_STREAM;
	skype_learn(world->skype, &evidence);
}

// Voice both ways for SECONDS, the first packets 3 s after signalling.
static void talk(struct world *world, uint8_t host, uint8_t peer, uint16_t peer_port)
{
	for (uint64_t second = 1; second < 5 + SECONDS; second++) {
		struct evidence evidence = evidence_of(host, peer, second);
		const struct media_counts voice = { .media = 33, .bytes = 33 * 150 };
		const struct media_counts signalling = { .others = 1 };

		if (second > 1 && second < 5)
			continue;
		evidence.is_observation = 1;
		evidence.confidence = CONFIDENCE_NONE;
		evidence.signal = SIGNAL_SKYPE_MEDIA;
		evidence.peer_port = peer_port;
		evidence.media = (struct media_second){
			.first_back = 90,
			.last_back = 1,
			.first_ns = evidence.time_ns,
			.last_ns = evidence.time_ns + SECOND_NS / 2,
			.counts = { second == 1 ? signalling : voice,
					second == 1 ? signalling : voice },
		};
		skype_learn(world->skype, &evidence);
	}
}

static const struct host_app *app_of(const struct world *world, uint8_t host)
{
	uint8_t address[16];
	const struct host *found;

	address_of(host, address);
	found = host_find(world->hosts, address, true);
	return found == NULL ? NULL : &found->apps[0];
}

static const struct host_step *step_of(const struct world *world, uint8_t host, enum step step)
{
	const struct host_app *app = app_of(world, host);

	for (int i = 0; app != NULL && i < app->step_count; i++)
		if (app->steps[i].step == step)
			return &app->steps[i];
	return NULL;
}

static void expect_step(const struct world *world, enum step step, uint64_t second, uint64_t number)
{
	const struct host_step *found = step_of(world, HOST, step);

	assert_non_null(found);
	assert_int_equal(found->time_ns / SECOND_NS, START_NS / SECOND_NS + second);
	assert_int_equal(found->number, number);
}

static void a_call_has_its_steps_and_its_packets(void **)
{
	struct world *world = world_create();
	struct published_key key = published_flow(HOST + PEER);
	struct verdict verdict;

	prove(world, HOST, 5);
	talk(world, HOST, PEER, PORT);
	skype_expire(world->skype, START_NS + (SECONDS + 5) * SECOND_NS);
	assert_int_equal(world->calls, 0); // it may go on
	skype_expire(world->skype, START_NS + (SECONDS + 15) * SECOND_NS);
	assert_int_equal(world->calls, 1);
	assert_int_equal(world->call.host[15], HOST);
	assert_int_equal(world->call.peers[0][15], PEER);
	assert_int_equal(world->call.path, CALL_DIRECT);
	assert_int_equal(world->call.media, CALL_VOICE);
	assert_int_equal(world->call.bytes[CALL_SENT], 33 * 150 * SECONDS);
	assert_int_equal(world->call.start.number, 1000 + 500 - 90);
	assert_int_equal(world->call.end.number, 1000 + 100 * (SECONDS + 4) - 1);
	expect_step(world, STEP_CALL, 1, 1000 + 100 - 90);
	expect_step(world, STEP_MEDIA, 5, 1000 + 500 - 90);
	expect_step(world, STEP_TEARDOWN, SECONDS + 4, 1000 + 100 * (SECONDS + 4) - 1);
	assert_int_equal(published_get(world->published, &key, &verdict), PUBLISHED_FOUND);
	assert_int_equal(verdict.role, FLOW_ROLE_CALL);
	skype_finish(world->skype);
	assert_int_equal(world->calls, 1);
	world_free(world);
}

static void a_call_that_lasts_is_ended_with_everything(void **)
{
	struct world *world = world_create();

	prove(world, HOST, 5);
	talk(world, HOST, PEER, PORT);
	skype_finish(world->skype);
	assert_int_equal(world->calls, 1);
	world_free(world);
}

// Whoever sends him media: a host without evidence of its own makes no calls.
static void nobody_is_framed_by_media(void **)
{
	struct world *world = world_create();

	talk(world, HOST, PEER, PORT);
	skype_finish(world->skype);
	assert_int_equal(world->calls, 0);
	assert_null(app_of(world, HOST));
	assert_null(app_of(world, PEER));
	world_free(world);
}

static void a_call_is_told_of_the_side_that_is_seen_with_more_peers(void **)
{
	static const struct {
		unsigned host_peers, peer_peers, calls;
	} rows[] = {
		{ 5, 1, 1 }, { 2, 1, 1 }, { 1, 1, 2 }, // nobody knows which is inside
		{ 5, 5, 2 }, // both are
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *world = world_create();

		prove(world, HOST, rows[i].host_peers);
		prove(world, PEER, rows[i].peer_peers);
		talk(world, HOST, PEER, PORT);
		skype_finish(world->skype);
		assert_int_equal(world->calls, rows[i].calls);
		world_free(world);
	}
}

static void a_node_relays_and_a_gateway_leads_to_telephones(void **)
{
	struct world *world = world_create();

	prove(world, HOST, 5);
	prove_stream(world, HOST, PEER, true);
	assert_true(app_of(world, PEER)->is_super_node);
	talk(world, HOST, PEER, PORT);
	skype_finish(world->skype);
	assert_int_equal(world->calls, 1); // none of the node's own
	assert_int_equal(world->call.host[15], HOST);
	assert_int_equal(world->call.path, CALL_RELAYED);
	world_free(world);

	world = world_create();
	prove(world, HOST, 5);
	talk(world, HOST, PEER, GATEWAY_PORT);
	skype_finish(world->skype);
	assert_int_equal(world->call.path, CALL_PHONE);
	world_free(world);
}

static void ask(struct world *world, uint8_t client, uint8_t node)
{
	// SkypeIRC.cap 176
	static const uint8_t probe[OBSERVATION_BYTES] = { 0x15, 0xe8, 0x02, 0xd7, 0x32, 0x52, 0x30,
		0x7c, 0xe1, 0xba, 0x8f };
	struct evidence evidence = evidence_of(client, node, 0);

	evidence.flow_id = 1000 * client + node;
	evidence.is_from_initiator = 1;
	evidence.is_observation = 1;
	evidence.signal = SIGNAL_SKYPE_PROBE;
	evidence.observation.length = 18;
	memcpy(evidence.observation.bytes, probe, sizeof(probe));
	skype_learn(world->skype, &evidence);
}

static void five_that_asked_and_connected_make_a_super_node(void **)
{
	struct world *world = world_create();

	for (uint8_t client = 1; client <= 5; client++) {
		ask(world, client, PEER);
		prove_stream(world, 20, PEER, false); // did not ask
		prove_stream(world, client, PEER, false);
		prove_stream(world, client, PEER, false); // nobody twice
		assert_int_equal(app_of(world, PEER)->is_super_node, client == 5);
	}
	assert_int_equal(app_of(world, PEER)->clients, 5);
	assert_false(app_of(world, 1)->is_super_node);
	world_free(world);
}

static void a_hundred_that_ask_make_a_super_node(void **)
{
	struct world *world = world_create();

	prove(world, PEER, 1);
	for (uint8_t client = 1; client <= 99; client++)
		ask(world, client, PEER);
	ask(world, 99, PEER);
	assert_false(app_of(world, PEER)->is_super_node);
	ask(world, 100, PEER);
	assert_true(app_of(world, PEER)->is_super_node);
	assert_int_equal(app_of(world, PEER)->clients, 0);
	world_free(world);
}

// Of hosts and flows by the ten thousand, with media each second.
static void a_flood_of_calls_takes_no_more_memory(void **)
{
	struct world *world = world_create();
	struct skype_stats stats;

	for (unsigned i = 0; i < 100000; i++) {
		struct evidence evidence = evidence_of(i % 250, i / 250 % 250, i / 10000);

		evidence.signal = SIGNAL_SKYPE_PROBE;
		skype_learn(world->skype, &evidence);
		evidence.flow_id = i;
		evidence.is_observation = 1;
		evidence.signal = SIGNAL_SKYPE_MEDIA;
		evidence.media = (struct media_second){
			.first_ns = evidence.time_ns,
			.last_ns = evidence.time_ns,
			.counts = { { .media = 33, .bytes = 5000 },
					{ .media = 33, .bytes = 5000 } },
		};
		skype_learn(world->skype, &evidence);
	}
	skype_finish(world->skype);
	skype_stats(world->skype, &stats);
	assert_true(stats.forgotten > 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_has_its_steps_and_its_packets),
		cmocka_unit_test(a_call_that_lasts_is_ended_with_everything),
		cmocka_unit_test(nobody_is_framed_by_media),
		cmocka_unit_test(a_call_is_told_of_the_side_that_is_seen_with_more_peers),
		cmocka_unit_test(a_node_relays_and_a_gateway_leads_to_telephones),
		cmocka_unit_test(five_that_asked_and_connected_make_a_super_node),
		cmocka_unit_test(a_hundred_that_ask_make_a_super_node),
		cmocka_unit_test(a_flood_of_calls_takes_no_more_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

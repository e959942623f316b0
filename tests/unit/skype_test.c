// SPDX-License-Identifier: BSD-3-Clause
#include "host/skype.h"
#include "sanitizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

enum {
	SECOND = 1000000000,
	PORT = 35990
};

static const uint64_t START_NS = 1156534266 * (uint64_t)SECOND;

struct world {
	struct host_table *hosts;
	struct published *published;
	struct skype *skype;
};

static void forget(void *context, const struct host *host)
{
	const struct world *world = context;

	if (world->skype != NULL)
		skype_forget_host(world->skype, host);
}

static void world_init(struct world *world, uint32_t capacity)
{
	struct host_config hosts = { .capacity = capacity, .expiry_s = 600, .ended = forget };
	struct skype_config skype = { .capacity = capacity };

	world->skype = NULL;
	hosts.context = world;
	skype.hosts = world->hosts = host_table_create(&hosts);
	skype.published = world->published = published_create(4 * capacity);
	world->skype = skype_create(&skype);
	assert_non_null(world->skype);
}

static void world_fini(struct world *world)
{
	skype_free(world->skype);
	published_free(world->published);
	host_table_free(world->hosts);
}

// Bit by bit, unlike the one that is tested.
static uint32_t crc_of(const uint8_t *text, size_t length)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < length; i++) {
		crc ^= text[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return crc;
}

struct datagram {
	uint8_t from, to; // last bytes of addresses
	uint16_t from_port, to_port;
	double seconds;
	uint16_t length;
	uint8_t bytes[OBSERVATION_BYTES];
};

static void address_of(uint32_t host, uint8_t address[16])
{
	memset(address, 0, 16);
	address[10] = address[11] = 0xff;
	address[12] = 10;
	address[13] = host >> 16;
	address[14] = host >> 8;
	address[15] = host;
}

static struct evidence observation_of(const struct datagram *datagram)
{
	struct evidence evidence = {
		.time_ns = START_NS + (uint64_t)(datagram->seconds * SECOND),
		.number = 1,
		.host_port = datagram->from_port,
		.peer_port = datagram->to_port,
		.protocol = 17,
		.signal = SIGNAL_SKYPE_DATAGRAM,
		.app = APP_SKYPE,
		.is_ip4 = 1,
		.is_observation = 1,
		.observation = { .length = datagram->length },
	};

	// The same for both directions.
	evidence.flow_id = (uint64_t)(datagram->from + datagram->to) << 32 |
			((uint32_t)datagram->from_port * datagram->to_port);
	address_of(datagram->from, evidence.host);
	address_of(datagram->to, evidence.peer);
	memcpy(evidence.observation.bytes, datagram->bytes, OBSERVATION_BYTES);
	return evidence;
}

static uint64_t flow_of(const struct datagram *datagram)
{
	return observation_of(datagram).flow_id;
}

static void observe(struct world *world, const struct datagram *datagram)
{
	struct evidence evidence = observation_of(datagram);

	skype_learn(world->skype, &evidence);
}

static void put_be16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = value >> 8;
	bytes[1] = value & 0xff;
}

static void put_be32(uint8_t *bytes, uint32_t value)
{
	put_be16(bytes, value >> 16);
	put_be16(bytes + 2, value & 0xffff);
}

// A message with that number and checksum; each call gives it another initialisation vector.
static struct datagram message(uint8_t from, uint8_t to, double seconds, uint16_t id, uint32_t crc,
		uint16_t length)
{
	static uint32_t iv = 0x12345678;
	struct datagram datagram = { from, to, PORT, 40000, seconds, length, { 0 } };

	if (from > to) {
		datagram.from_port = 40000;
		datagram.to_port = PORT;
	}
	iv = iv * 2654435761u + 12345;
	put_be16(datagram.bytes, id);
	datagram.bytes[2] = 0x02;
	put_be32(datagram.bytes + 3, iv ^ iv >> 15);
	put_be32(datagram.bytes + 7, crc);
	return datagram;
}

static struct datagram probe(uint8_t from, uint8_t to, double seconds, uint16_t id)
{
	uint8_t text[] = { 0x04, 0xda, 0x01, (id - 1) >> 8, (id - 1) & 0xff, 0x42, 0x15 };

	return message(from, to, seconds, id, crc_of(text, sizeof(text)), 18);
}

static struct datagram accept_of(
		uint8_t from, uint8_t to, double seconds, uint16_t id, uint16_t request)
{
	uint8_t text[] = { 0x04, 0xe3, 0x01, (request - 1) >> 8, (request - 1) & 0xff, 0x42, 0x15 };

	return message(from, to, seconds, id, crc_of(text, sizeof(text)), 18);
}

// An ACK (type 0x05) or NAK (0x07), of which the three bits in between are random.
static struct datagram ack(uint8_t from, uint8_t to, double seconds, uint16_t id, uint8_t type,
		uint32_t address)
{
	struct datagram datagram = message(from, to, seconds, id, 0x24499eb8, 11);

	datagram.bytes[2] = type;
	put_be32(datagram.bytes + 3, address);
	return datagram;
}

// A message whose text is of no matter.
static struct datagram other(uint8_t from, uint8_t to, double seconds, uint16_t id)
{
	static uint32_t crc = 0x2545f491;

	crc ^= crc << 13;
	crc ^= crc >> 17;
	crc ^= crc << 5;
	return message(from, to, seconds, id, crc, 30 + id % 7);
}

static const struct host_app *app_of(const struct world *world, uint32_t host)
{
	uint8_t address[16];
	const struct host *found;

	address_of(host, address);
	found = host_find(world->hosts, address, true);
	return found == NULL ? NULL : &found->apps[0];
}

static int confidence_of_host(const struct world *world, uint8_t host)
{
	const struct host_app *app = app_of(world, host);

	return app == NULL ? CONFIDENCE_NONE : app->confidence;
}

// How sure the signal is for that host: the ledger's first example.
static int confidence_of_signal(const struct world *world, uint8_t host, enum signal signal)
{
	const struct host_app *app = app_of(world, host);

	for (int i = 0; app != NULL && i < app->ledger_count; i++)
		if (app->ledger[i].first.signal == signal)
			return app->ledger[i].first.confidence;
	return CONFIDENCE_NONE;
}

static bool port_is_published(const struct world *world, uint8_t host, uint16_t port)
{
	struct published_key key;
	struct verdict verdict;
	uint8_t address[16];

	address_of(host, address);
	key = published_port(address, port);
	return published_get(world->published, &key, &verdict) == PUBLISHED_FOUND &&
			verdict.app == APP_SKYPE && verdict.confidence == CONFIDENCE_STRONG;
}

static int confidence_of_flow(const struct world *world, const struct datagram *datagram)
{
	struct published_key key = published_flow(flow_of(datagram));
	struct verdict verdict = { 0 };

	return published_get(world->published, &key, &verdict) == PUBLISHED_FOUND ?
			verdict.confidence :
			CONFIDENCE_NONE;
}

static void a_probe_tells_of_its_sender_alone(void **)
{
	struct datagram sent = probe(1, 2, 0, 0x15e8);
	struct world world;

	assert_int_equal((uint32_t)sent.bytes[7] << 24 | sent.bytes[8] << 16 | sent.bytes[9] << 8 |
					sent.bytes[10],
			0x7ce1ba8f); // SkypeIRC.cap 176
	world_init(&world, 64);
	observe(&world, &sent);
	assert_int_equal(confidence_of_host(&world, 1), CONFIDENCE_CERTAIN);
	assert_int_equal(confidence_of_host(&world, 2), CONFIDENCE_NONE);
	assert_int_equal(app_of(&world, 1)->steps[0].step, STEP_BOOTSTRAP);
	sent = probe(3, 2, 0, 0x15e8);
	sent.bytes[1]++;
	observe(&world, &sent);
	assert_int_equal(confidence_of_host(&world, 3), CONFIDENCE_NONE);
	world_fini(&world);
}

static void an_answer_tells_of_both_and_an_accept_of_a_super_node(void **)
{
	struct datagram sent = probe(1, 2, 0, 100);
	struct datagram late = accept_of(2, 1, 10.1, 7000, 100);
	struct datagram wrong = accept_of(2, 1, 1, 7000, 101);
	struct datagram right = accept_of(2, 1, 10, 7000, 100);
	struct world world;

	world_init(&world, 64);
	observe(&world, &right); // nobody asked yet
	observe(&world, &sent);
	observe(&world, &wrong);
	observe(&world, &late);
	assert_int_equal(confidence_of_host(&world, 2), CONFIDENCE_NONE);
	observe(&world, &right);
	assert_int_equal(confidence_of_signal(&world, 2, SIGNAL_SKYPE_REPLY), CONFIDENCE_CERTAIN);
	assert_int_equal(confidence_of_signal(&world, 1, SIGNAL_SKYPE_REPLY), CONFIDENCE_CERTAIN);
	assert_true(app_of(&world, 2)->is_super_node);
	assert_false(app_of(&world, 1)->is_super_node);
	assert_int_equal(confidence_of_flow(&world, &sent), CONFIDENCE_CERTAIN);
	world_fini(&world);
}

// Whatever a peer answers, it takes evidence of one's own to be certain.
static void no_peer_alone_makes_a_host_certain(void **)
{
	struct datagram asked = other(1, 2, 0, 100);
	struct datagram answer = accept_of(2, 1, 1, 7000, 100);
	struct datagram acked = ack(2, 1, 1, 100, 0x05, 0x0a000001);
	struct world world;

	world_init(&world, 64);
	observe(&world, &asked);
	observe(&world, &answer);
	assert_int_equal(confidence_of_host(&world, 2), CONFIDENCE_CERTAIN);
	assert_int_equal(confidence_of_signal(&world, 1, SIGNAL_SKYPE_REPLY), CONFIDENCE_STRONG);
	observe(&world, &acked);
	assert_int_not_equal(confidence_of_host(&world, 1), CONFIDENCE_CERTAIN);
	assert_false(port_is_published(&world, 1, PORT));
	world_fini(&world);
}

static void an_acknowledgement_names_whom_it_sees(void **)
{
	static const struct {
		uint16_t id;
		uint32_t address;
		int sender;
	} rows[] = {
		{ 100, 0x0a000001, CONFIDENCE_CERTAIN }, // its receiver's own
		{ 100, 0x5680f573, CONFIDENCE_STRONG }, // some other
		{ 101, 0x0a000001, CONFIDENCE_NONE }, // of what nobody sent
	};
	struct datagram sent, answer;
	struct world world;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_init(&world, 64);
		sent = other(1, 2, 0, 100);
		answer = ack(2, 1, 1, rows[i].id, 0x55, rows[i].address);
		observe(&world, &sent);
		observe(&world, &answer);
		assert_int_equal(confidence_of_signal(&world, 2, SIGNAL_SKYPE_ACK), rows[i].sender);
		assert_true(confidence_of_signal(&world, 1, SIGNAL_SKYPE_ACK) <= CONFIDENCE_STRONG);
		world_fini(&world);
	}
}

static void two_peers_agree_on_the_public_address(void **)
{
	struct world world;

	world_init(&world, 64);
	for (uint8_t peer = 2; peer <= 3; peer++) {
		struct datagram sent = other(1, peer, 0, 100 * peer);
		struct datagram answer = ack(peer, 1, 1, 100 * peer, 0x07, 0x5680f573);

		observe(&world, &sent);
		observe(&world, &answer);
	}
	assert_int_equal(confidence_of_host(&world, 1), CONFIDENCE_CERTAIN);
	assert_int_equal(app_of(&world, 1)->public_ip4, 0x5680f573);
	assert_int_equal(confidence_of_signal(&world, 2, SIGNAL_SKYPE_ACK), CONFIDENCE_STRONG);
	assert_int_equal(confidence_of_signal(&world, 3, SIGNAL_SKYPE_ACK), CONFIDENCE_CERTAIN);
	world_fini(&world);
}

// SkypeIRC.cap 174, 215, 216 in form.
static void a_resend_repeats_message_and_nak(void **)
{
	for (int wrong = 0; wrong < 6; wrong++) {
		struct datagram sent = message(1, 2, 0, 100, 0xc0ffee01, 40);
		struct datagram nak = ack(2, 1, 1, 100, 0x07, 0x5680f573);
		struct datagram again = message(1, 2, 1.1, 100, 0, 45);
		struct world world;

		again.bytes[2] = 0x03 | 0x20;
		again.bytes[3] = 0x01;
		put_be32(again.bytes + 4, 0x24499eb8 + (wrong == 1));
		put_be32(again.bytes + 8, 0x0a000002 + (wrong == 2));
		put_be32(again.bytes + 12, 0xc0ffee01 + (wrong == 3));
		again.length += wrong == 4;
		again.bytes[1] += wrong == 5;
		world_init(&world, 64);
		observe(&world, &sent);
		observe(&world, &nak);
		observe(&world, &again);
		assert_int_equal(confidence_of_signal(&world, 1, SIGNAL_SKYPE_RESEND),
				wrong == 0 ? CONFIDENCE_CERTAIN : CONFIDENCE_NONE);
		assert_int_equal(port_is_published(&world, 1, PORT), wrong == 0);
		world_fini(&world);
	}
}

static struct datagram fragment(double seconds, uint16_t request, uint8_t index)
{
	struct datagram datagram = message(2, 1, seconds, 900 + index, 0, 1355);

	datagram.bytes[2] = 0x4f;
	put_be16(datagram.bytes + 3, request);
	datagram.bytes[5] = index;
	datagram.bytes[6] = 0x02;
	return datagram;
}

static void fragments_repeat_the_number_of_the_request(void **)
{
	struct datagram sent = other(1, 2, 0, 100), first = fragment(1, 100, 0),
			wrong = fragment(1, 102, 0), second = fragment(1, 100, 0x81);
	struct world world;

	world_init(&world, 64);
	observe(&world, &sent);
	observe(&world, &wrong);
	assert_int_equal(confidence_of_host(&world, 2), CONFIDENCE_NONE);
	observe(&world, &first);
	assert_int_equal(confidence_of_signal(&world, 2, SIGNAL_SKYPE_FRAGMENT), CONFIDENCE_STRONG);
	observe(&world, &first); // once more: rises by nothing
	assert_int_not_equal(confidence_of_host(&world, 2), CONFIDENCE_CERTAIN);
	observe(&world, &second);
	assert_int_equal(confidence_of_host(&world, 2), CONFIDENCE_CERTAIN);
	world_fini(&world);
}

// SkypeIRC.cap 372 and 373.
static void siblings_and_broadcasts_tell_of_their_sender(void **)
{
	struct datagram first = message(1, 2, 0, 0x1627, 0x74208dba, 30);
	struct datagram sibling = message(1, 3, 1, 0x1629, 0x54a27b11, 30);
	struct datagram longer = message(1, 3, 1, 0x1629, 0x54a27b11, 31);
	struct datagram copy = message(1, 3, 1, 0x1629, 0x74208dba, 30);
	struct datagram same_peer = message(1, 2, 1, 0x1629, 0x74208dba, 30);
	struct datagram same_iv = copy;
	const struct {
		struct datagram *second;
		enum signal signal;
		bool is_shown;
	} rows[] = {
		{ &sibling, SIGNAL_SKYPE_SIBLING, true },
		{ &longer, SIGNAL_SKYPE_SIBLING, false },
		{ &copy, SIGNAL_SKYPE_BROADCAST, true },
		{ &same_peer, SIGNAL_SKYPE_BROADCAST, false },
		{ &same_iv, SIGNAL_SKYPE_BROADCAST, false },
	};
	struct world world;

	memcpy(same_iv.bytes + 3, first.bytes + 3, 4);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_init(&world, 64);
		observe(&world, &first);
		observe(&world, rows[i].second);
		assert_int_equal(confidence_of_signal(&world, 1, rows[i].signal),
				rows[i].is_shown ? CONFIDENCE_CERTAIN : CONFIDENCE_NONE);
		assert_int_equal(confidence_of_host(&world, 3), CONFIDENCE_NONE);
		// Both flows are told of.
		assert_int_equal(confidence_of_flow(&world, &first) == CONFIDENCE_CERTAIN,
				rows[i].is_shown);
		assert_int_equal(confidence_of_flow(&world, rows[i].second) == CONFIDENCE_CERTAIN,
				rows[i].is_shown);
		world_fini(&world);
	}
}

static void retransmissions_have_skype_s_pauses(void **)
{
	static const struct {
		double pauses[3];
		int confidence;
	} rows[] = {
		{ { 2.05 }, CONFIDENCE_STRONG },
		{ { 4.02 }, CONFIDENCE_STRONG },
		{ { 2.05, 4.02 }, CONFIDENCE_CERTAIN },
		{ { 2.05, 2.05 }, CONFIDENCE_STRONG }, // anybody's timer
		{ { 4.02, 2.05 }, CONFIDENCE_STRONG },
		{ { 1.85 }, CONFIDENCE_NONE },
		{ { 3 }, CONFIDENCE_NONE },
		{ { 4.25 }, CONFIDENCE_NONE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct datagram sent = message(1, 2, 0, 100, 0xc0ffee01, 40);
		double seconds = 0;
		struct world world;
		int host = CONFIDENCE_NONE;

		world_init(&world, 64);
		observe(&world, &sent);
		for (int j = 0; j < 3 && rows[i].pauses[j] != 0; j++) {
			seconds += rows[i].pauses[j];
			sent = message(1, 2, seconds, 100, 0xc0ffee01, 40);
			observe(&world, &sent);
		}
		if (rows[i].confidence != CONFIDENCE_NONE)
			host = rows[i].confidence == CONFIDENCE_CERTAIN ? CONFIDENCE_CERTAIN :
									  CONFIDENCE_WEAK;
		assert_int_equal(confidence_of_host(&world, 1), host);
		world_fini(&world);
	}
}

static void numbers_count_up_over_eight_peers(void **)
{
	static const struct {
		int peers, step, at, jump;
		double seconds; // from one to the next
		bool is_shown;
	} rows[] = {
		{ 8, 2, -1, 0, 0.2, true },
		{ 8, 16, -1, 0, 8, true },
		{ 7, 2, -1, 0, 0.2, false },
		{ 8, 17, -1, 0, 0.2, false },
		{ 8, 2, 4, 1000, 0.2, false },
		{ 8, 2, -1, 0, 9, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t id = 0xfffa; // goes past zero
		struct world world;

		world_init(&world, 64);
		for (int j = 0; j < rows[i].peers; j++) {
			struct datagram sent = other(1, 2 + j, j * rows[i].seconds, id);

			observe(&world, &sent);
			id += rows[i].step + (j == rows[i].at ? rows[i].jump : 0);
		}
		assert_int_equal(confidence_of_signal(&world, 1, SIGNAL_SKYPE_COUNTER),
				rows[i].is_shown ? CONFIDENCE_STRONG : CONFIDENCE_NONE);
		assert_false(port_is_published(&world, 1, PORT));
		world_fini(&world);
	}
}

static void a_port_is_proven_with_three_peers(void **)
{
	struct world world;

	world_init(&world, 64);
	for (int i = 0; i < 10; i++) {
		struct datagram sent = probe(1, 2 + i % 2, i, 100 + 2 * i);

		observe(&world, &sent);
	}
	assert_false(port_is_published(&world, 1, PORT));
	for (int port = 0; port < 2; port++) {
		struct datagram sent = probe(1, 4, 20, 200);

		observe(&world, &sent);
		assert_true(port_is_published(&world, 1, PORT));
	}
	assert_int_equal(app_of(&world, 1)->port, PORT);
	skype_expire(world.skype, START_NS + 620ull * SECOND);
	assert_true(port_is_published(&world, 1, PORT));
	skype_expire(world.skype, START_NS + 621ull * SECOND);
	assert_false(port_is_published(&world, 1, PORT));
	world_fini(&world);
}

static void a_foreign_port_is_nobody_s(void **)
{
	struct world world;

	world_init(&world, 64);
	for (int i = 0; i < 10; i++) {
		struct datagram sent = probe(1, 2 + i, i, 100 + 2 * i);

		sent.from_port = 53;
		observe(&world, &sent);
	}
	assert_int_equal(confidence_of_host(&world, 1), CONFIDENCE_CERTAIN);
	assert_false(port_is_published(&world, 1, 53));
	world_fini(&world);
}

static void a_mapping_and_one_proof_make_the_port_known(void **)
{
	for (int is_later = 0; is_later < 2; is_later++) {
		struct datagram sent = probe(1, 2, 5, 100);
		struct evidence mapping = observation_of(&sent);
		struct world world;

		mapping.signal = SIGNAL_SKYPE_PORT_MAP;
		mapping.host_port = 60000;
		mapping.observation = (struct observation){ .port = PORT };
		world_init(&world, 64);
		if (is_later)
			observe(&world, &sent);
		skype_learn(world.skype, &mapping);
		if (!is_later) {
			assert_null(app_of(&world, 1));
			observe(&world, &sent);
		}
		assert_true(port_is_published(&world, 1, PORT));
		assert_int_equal(confidence_of_signal(&world, 1, SIGNAL_SKYPE_PORT_MAP),
				CONFIDENCE_STRONG);
		world_fini(&world);
	}
}

static void a_stream_to_the_port_makes_it_known(void **)
{
	for (int from_initiator = 0; from_initiator < 2; from_initiator++) {
		struct datagram sent = probe(1, 2, 0, 100);
		struct evidence stream = observation_of(&sent);
		struct world world;

		stream.is_observation = 0;
		stream.protocol = 6;
		stream.signal = SIGNAL_SKYPE_KEY_STREAM;
		stream.confidence = CONFIDENCE_CERTAIN;
		stream.is_from_initiator = from_initiator;
		memset(stream.text, 0, sizeof(stream.text));
		world_init(&world, 64);
		observe(&world, &sent);
		skype_learn(world.skype, &stream);
		assert_int_equal(port_is_published(&world, 1, PORT), !from_initiator);
		world_fini(&world);
	}
}

// Most that this program ever had in memory, kB.
static long memory_used(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

// Spoofed sources, each with one perfect probe, while one real client goes on.
static void a_flood_of_spoofed_probes_pushes_out_nobody_real(void **)
{
	enum {
		HOSTS = 1 << 20,
		CAPACITY = 4096
	};
	struct skype_stats stats;
	struct world world;
	long memory = 0;

	world_init(&world, CAPACITY);
	for (int i = 0; i < 40; i++) {
		struct datagram sent = probe(1, 2 + i % 8, i, 100 + 2 * i);

		observe(&world, &sent);
	}
	for (uint32_t i = 0; i < HOSTS; i++) {
		struct datagram sent = probe(1, 2, 40 + i * 1e-5, i);
		struct evidence evidence;

		if (i == HOSTS / 8) // by then everything is full
			memory = memory_used();
		sent.from_port = 1024 + i % 60000;
		evidence = observation_of(&sent);
		evidence.flow_id = i + 1;
		address_of(0x10000 + i, evidence.host);
		skype_learn(world.skype, &evidence);
	}
	skype_stats(world.skype, &stats);
	print_message("%ld kB after %d spoofed sources, %ld kB after %d\n", memory, HOSTS / 8,
			memory_used(), HOSTS);
	if (!HAS_ADDRESS_SANITIZER)
		assert_true(memory_used() < memory + 1024);
	assert_true(stats.forgotten > HOSTS - 4 * CAPACITY);
	assert_int_equal(host_count(world.hosts), CAPACITY);
	assert_int_equal(confidence_of_host(&world, 1), CONFIDENCE_CERTAIN);
	assert_int_equal(app_of(&world, 1)->port, PORT);
	assert_true(port_is_published(&world, 1, PORT));
	assert_int_equal(stats.ports, 1);
	assert_int_equal(confidence_of_host(&world, 2), CONFIDENCE_NONE); // whom all of them probed
	world_fini(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probe_tells_of_its_sender_alone),
		cmocka_unit_test(an_answer_tells_of_both_and_an_accept_of_a_super_node),
		cmocka_unit_test(no_peer_alone_makes_a_host_certain),
		cmocka_unit_test(an_acknowledgement_names_whom_it_sees),
		cmocka_unit_test(two_peers_agree_on_the_public_address),
		cmocka_unit_test(a_resend_repeats_message_and_nak),
		cmocka_unit_test(fragments_repeat_the_number_of_the_request),
		cmocka_unit_test(siblings_and_broadcasts_tell_of_their_sender),
		cmocka_unit_test(retransmissions_have_skype_s_pauses),
		cmocka_unit_test(numbers_count_up_over_eight_peers),
		cmocka_unit_test(a_port_is_proven_with_three_peers),
		cmocka_unit_test(a_foreign_port_is_nobody_s),
		cmocka_unit_test(a_mapping_and_one_proof_make_the_port_known),
		cmocka_unit_test(a_stream_to_the_port_makes_it_known),
		cmocka_unit_test(a_flood_of_spoofed_probes_pushes_out_nobody_real),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

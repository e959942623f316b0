// SPDX-License-Identifier: BSD-3-Clause
// The whole path, from frames to verdicts, books and evidence.
#include "checksum.h"
#include "path_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

static const unsigned client[4] = { 1, 1025, 2, 80 };
static const unsigned server[4] = { 2, 80, 1, 1025 };
static const char request[] = "GET /ui/0/1.0/en/getlatestversion?ver=1.0 HTTP/1.1\r\n"
			      "Host: ui.skype.com\r\n\r\n";

static void a_version_check_is_tagged_from_its_verdict_on(void **state)
{
	struct fixture *f = *state;
	struct packet *syn = add(f, TCP, client, "");
	struct packet *get = add(f, TCP, client, request);
	struct packet *reply = add(f, TCP, server, "HTTP/1.1 200 OK\r\n\r\n");
	struct evidence evidence[4];
	unsigned count;

	run(f);
	assert_int_equal(syn->data[15], 0);
	assert_int_equal(syn->reason, REASON_NO_PAYLOAD);
	assert_int_equal(get->reason, REASON_INSPECTED);
	assert_int_equal(get->data[15], 8 << 2);
	assert_int_equal(reply->reason, REASON_PAST);
	assert_int_equal(reply->data[15], 8 << 2);
	count = rte_ring_sc_dequeue_burst_elem(
			f->path.evidence, evidence, sizeof(evidence[0]), 4, NULL);
	assert_int_equal(count, OF_A_CHECK);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(evidence[i].app, APP_SKYPE);
		assert_int_equal(evidence[i].confidence, CONFIDENCE_CERTAIN);
		assert_int_equal(evidence[i].role, FLOW_ROLE_VERSION_CHECK);
		assert_int_equal(evidence[i].host[15], 1);
		assert_int_equal(evidence[i].peer_port, 80);
		assert_int_equal(evidence[i].number, 2);
	}
	assert_int_equal(evidence[0].signal, SIGNAL_SKYPE_VERSION_CHECK);
	assert_memory_equal(evidence[0].version, "1.0", 3);
	assert_false(evidence[0].is_observation);
	assert_int_equal(evidence[1].signal, SIGNAL_SKYPE_VERSION_CHECK);
	assert_true(evidence[1].is_observation);
	assert_int_equal(evidence[1].client.platform, 1);
	assert_int_equal(evidence[2].signal, SIGNAL_HTTP_HOST);
	assert_int_equal(evidence[2].rule, 1001);
	assert_memory_equal(evidence[2].text, "ui.skype.com", 12);
	assert_int_equal(f->path.counters.app_flows[APP_SKYPE], 1);
	assert_int_equal(f->path.counters.app_packets[APP_SKYPE], 2);
}

static void what_only_mentions_the_host_is_not_skype(void **state)
{
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\nHost: www.skype.com\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: ui.skype.com.evil.example\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nReferer: http://ui.skype.com/\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\nGET / HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n",
		"HTTP/1.1 200 OK\r\nHost: ui.skype.com\r\n\r\n",
	};
	struct fixture *f = *state;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const unsigned ends[4] = { 1, 1100 + i, 2, 80 };
		struct packet *packet = add(f, TCP, ends, texts[i]);

		run(f);
		assert_int_equal(packet->reason, REASON_INSPECTED);
		assert_int_equal(packet->app, APP_UNKNOWN);
		assert_int_equal(packet->data[15], 0);
	}
	assert_int_equal(f->path.counters.evidence_sent, 0);
}

static void a_policy_drops_from_the_verdict_on_and_others_live(void **state)
{
	const unsigned other[4] = { 3, 4000, 2, 99 }, ends[4] = { 1, 4000, 2, 99 };
	struct fixture *f = *state;
	struct packet *first = add(f, UDP, ends, "x");
	struct packet *match = add(f, UDP, ends, "hello");
	struct packet *later = add(f, UDP, ends, "x");
	struct packet *living = add(f, UDP, other, "x");

	run(f);
	assert_int_equal(first->reason, REASON_INSPECTED);
	assert_int_equal(match->reason, REASON_POLICY);
	assert_int_equal(later->reason, REASON_POLICY);
	assert_int_equal(living->reason, REASON_INSPECTED);
	assert_int_equal(f->path.counters.packets[0][REASON_POLICY], 2);
}

static void an_undecided_flow_is_left_alone_when_its_budget_is_spent(void **state)
{
	const unsigned ends[4] = { 1, 4000, 2, 99 }, back[4] = { 2, 99, 1, 4000 };
	struct fixture *f = *state;

	for (int i = 0; i < 10; i++) {
		struct packet *packet = add(f, UDP, ends, "x");
		struct packet *answer = add(f, UDP, back, "y");

		run(f);
		assert_int_equal(packet->reason, i < 4 ? REASON_INSPECTED : REASON_PAST);
		assert_int_equal(answer->reason, i < 4 ? REASON_INSPECTED : REASON_PAST);
	}
	assert_int_equal(f->path.counters.packets[0][REASON_INSPECTED], 8);
	assert_int_equal(f->path.counters.packets[0][REASON_PAST], 12);
}

// IP in IP, RFC 2003.
static void wrap(struct packet *packet)
{
	uint8_t *ip = packet->data + 14;
	const unsigned length = packet->length - 14;

	memmove(ip + 20, ip, length);
	put16(ip + 2, 20 + length);
	ip[9] = 4;
	packet->length += 20;
	packet->wire_length += 20;
}

static void a_card_is_believed_about_the_outermost_checksum(void **state)
{
	struct fixture *f = *state;
	struct packet *packets[4];

	for (unsigned i = 0; i < 4; i++) {
		const unsigned ends[4] = { 1, 4000 + i, 2, 99 };

		packets[i] = add(f, UDP, ends, "hello");
		put16(packets[i]->data + 40, 0x1234);
	}
	wrap(packets[2]);
	wrap(packets[3]);
	f->burst.summed = 1 << 1 | 1 << 3;
	run(f);
	assert_int_equal(packets[0]->reason, REASON_REFUSED);
	assert_string_equal(application_name(packets[1]->app), "greeter");
	assert_int_equal(packets[2]->reason, REASON_REFUSED);
	assert_int_equal(packets[3]->reason, REASON_REFUSED);
}

static void a_rule_by_port_asks_for_the_responders(void **state)
{
	const unsigned ends[4] = { 1, 4000, 2, 123 }, other[4] = { 3, 123, 2, 4000 };
	struct fixture *f = *state;
	struct packet *asks = add(f, UDP, ends, "x");
	struct packet *sends = add(f, UDP, other, "x");

	run(f);
	assert_string_equal(application_name(asks->app), "timed");
	assert_int_equal(sends->app, APP_UNKNOWN);
}

static void lost_evidence_is_counted_and_packets_pass(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < RING_SLOTS; i++) {
		const unsigned ends[4] = { 1, 2000 + i, 2, 80 };

		add(f, TCP, ends, request);
	}
	run(f);
	assert_int_equal(f->path.counters.evidence_sent, RING_SLOTS - 1);
	assert_int_equal(f->path.counters.evidence_lost, (OF_A_CHECK - 1) * RING_SLOTS + 1);
	assert_int_equal(f->path.counters.app_packets[APP_SKYPE], RING_SLOTS);
}

// What packets that come at a level of overload are counted as; all are forwarded.
static void overload_sheds_what_its_level_says(void **state)
{
	static const struct {
		uint8_t request, hello, by_port, known;
	} levels[OVERLOAD_LEVELS] = {
		[OVERLOAD_NONE] = { REASON_INSPECTED, REASON_POLICY, REASON_INSPECTED,
				REASON_PAST },
		[OVERLOAD_STREAMS] = { REASON_OVERLOAD_STREAM, REASON_POLICY, REASON_INSPECTED,
				REASON_PAST },
		[OVERLOAD_PATTERNS] = { REASON_OVERLOAD_STREAM, REASON_OVERLOAD_PATTERN,
				REASON_OVERLOAD_PATTERN, REASON_PAST },
		[OVERLOAD_FLOWS] = { REASON_OVERLOAD_FLOW, REASON_OVERLOAD_FLOW,
				REASON_OVERLOAD_FLOW, REASON_PAST },
	};
	struct fixture *f = *state;

	add(f, TCP, client, request);
	run(f);
	for (enum overload_level level = OVERLOAD_NONE; level < OVERLOAD_LEVELS; level++) {
		const unsigned web[4] = { 1, 2000 + level, 2, 80 };
		const unsigned greeter[4] = { 1, 2000 + level, 2, 99 };
		const unsigned timed[4] = { 1, 2000 + level, 2, 123 };
		struct packet *get = add(f, TCP, web, request);
		struct packet *hello = add(f, UDP, greeter, "hello");
		struct packet *by_port = add(f, UDP, timed, "x");
		struct packet *known = add(f, TCP, client, "x");

		f->path.overload = level;
		flow_admit(f->path.flows, level < OVERLOAD_FLOWS);
		run(f);
		assert_int_equal(get->reason, levels[level].request);
		assert_int_equal(hello->reason, levels[level].hello);
		assert_int_equal(by_port->reason, levels[level].by_port);
		assert_int_equal(by_port->app != APP_UNKNOWN, level < OVERLOAD_FLOWS);
		assert_int_equal(known->reason, levels[level].known);
		assert_int_equal(known->app, APP_SKYPE);
	}
}

// Random bytes and cut frames, all kinds mixed: every packet is entered in the books once.
static void the_books_balance_whatever_comes(void **state)
{
	struct fixture *f = *state;
	uint64_t sum = 0, bytes = 0;

	srand(7);
	for (unsigned round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < 1 + round % BURST_PACKETS; i++) {
			const unsigned ends[4] = { (unsigned)rand() % 9,
				1000 + (unsigned)rand() % 9, 20, (unsigned)rand() % 3 };
			struct packet *packet = add(f, rand() % 2 == 0 ? TCP : UDP, ends,
					rand() % 3 == 0 ? request : "hello");

			if (rand() % 4 == 0)
				packet->length = packet->wire_length =
						(unsigned)rand() % (packet->length + 1);
			if (rand() % 4 == 0 && packet->length > 0)
				packet->data[(unsigned)rand() % packet->length] ^=
						(uint8_t)(1 << rand() % 8);
			bytes += packet->wire_length;
		}
		sum += f->burst.count;
		run(f);
	}
	assert_int_equal(f->path.counters.received_bytes[0], bytes);
	for (enum reason reason = 0; reason < REASON_COUNT; reason++)
		sum -= f->path.counters.packets[0][reason];
	assert_int_equal(sum, 0);
	assert_true(f->path.counters.packets[0][REASON_MALFORMED] > 0);
	assert_true(f->path.counters.packets[0][REASON_POLICY] > 0);
}

// What `ends[0]` sends to port 80, at a place of its direction.
static struct packet *add_at(struct fixture *f, const unsigned ends[4], unsigned place,
		const char *text, unsigned length)
{
	char payload[1600];
	struct packet *packet;
	uint8_t *tcp;

	memcpy(payload, text, length);
	payload[length] = '\0';
	packet = add(f, TCP, ends, payload);
	tcp = packet->data + 34;
	put16(tcp + 4, (1 + place) >> 16);
	put16(tcp + 6, 1 + place);
	return packet;
}

static unsigned evidence_count(struct fixture *f, struct evidence *evidence, unsigned most)
{
	return rte_ring_sc_dequeue_burst_elem(
			f->path.evidence, evidence, sizeof(evidence[0]), most, NULL);
}

static void a_request_is_found_however_it_is_cut(void **state)
{
	struct fixture *f = *state;
	const unsigned length = sizeof(request) - 1;
	struct evidence evidence[4];

	for (unsigned i = 2; i < 2 * length; i++) {
		const unsigned ends[4] = { 1, 2000 + i, 2, 80 }, cut = i / 2;

		add(f, TCP, ends, "");
		if (i % 2 == 0)
			add_at(f, ends, 0, request, cut);
		else
			add_at(f, ends, cut, request + cut, length - cut);
		run(f);
		assert_int_equal(evidence_count(f, evidence, 4), 0);
		if (i % 2 != 0)
			add_at(f, ends, 0, request, cut);
		else
			add_at(f, ends, cut, request + cut, length - cut);
		run(f);
		assert_int_equal(f->burst.packets[0].app, APP_SKYPE);
		assert_int_equal(evidence_count(f, evidence, 4), OF_A_CHECK);
	}
	assert_int_equal(f->path.counters.stream_buffers_lost, 0);
}

// Of what no detector knows.
static void a_payload_rule_waits_for_its_bytes_and_for_no_more(void **state)
{
	static const char hello[] =
			"\x02hello, is anybody out there who hears what we shout so loudly?";
	static const char other[] =
			"\x02hello, is anybody out there who hears what we whisper so loudly?";
	const unsigned length = sizeof(hello) - 1;
	struct fixture *f = *state;
	uint64_t scans;

	for (unsigned cut = 1; cut < length; cut++) {
		const unsigned ends[4] = { 1, 2000 + cut, 2, 7 };

		add(f, TCP, ends, "");
		add_at(f, ends, 0, hello, cut);
		run(f);
		assert_int_not_equal(f->burst.packets[1].reason, REASON_POLICY);
		add_at(f, ends, cut, hello + cut, length - cut);
		run(f);
		assert_int_equal(f->burst.packets[0].reason, REASON_POLICY);
	}
	add(f, TCP, client, "");
	add_at(f, client, 0, other, sizeof(other) - 1);
	run(f);
	scans = f->path.counters.scans;
	add_at(f, client, sizeof(other) - 1, hello, length);
	run(f);
	assert_int_equal(f->path.counters.scans, scans);
}

static void acknowledge(struct packet *packet, unsigned number)
{
	uint16_t sum = checksum_ip4(packet->data + 14);

	memcpy(packet->data + 24, &sum, sizeof(sum));
	put16(packet->data + 44, number);
	put16(packet->data + 48, 0xffff);
}

// A segment with a wrong checksum is believed once its receiver acknowledges it, though nobody reads on
// what that sends.
static void a_doubt_is_settled_by_who_is_not_read_any_more(void **state)
{
	static const char unknown[] =
			"\x02 is nothing that any detector knows, nor any rule, however "
			"long it goes on and on and on.";
	const unsigned length = sizeof(unknown) - 1;
	struct fixture *f = *state;
	struct evidence evidence[4];
	struct packet *answer, *get;

	f->burst.summed = ~UINT64_C(0);
	acknowledge(add(f, TCP, client, ""), 0);
	answer = add(f, TCP, server, "");
	answer->data[47] = 0x12; // SYN, ACK
	acknowledge(answer, 1);
	acknowledge(add_at(f, server, 0, unknown, length), 1);
	run(f);
	f->burst.summed = 0;
	get = add(f, TCP, client, request);
	acknowledge(get, 1 + length);
	run(f);
	assert_int_equal(get->reason, REASON_REFUSED);
	assert_int_equal(evidence_count(f, evidence, 4), 0);
	f->burst.summed = ~UINT64_C(0);
	acknowledge(add_at(f, server, length, unknown, length), sizeof(request));
	run(f);
	assert_int_equal(f->burst.packets[0].reason, REASON_PAST);
	assert_int_equal(evidence_count(f, evidence, 4), OF_A_CHECK);
	assert_int_equal(evidence[0].number, 4);
}

// As many segments as bytes, last one first: one look when all are there.
static void work_is_linear_in_what_comes(void **state)
{
	static char head[12000];
	struct fixture *f = *state;
	struct evidence evidence[4];
	unsigned length;

	length = (unsigned)snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nCookie: ");
	memset(head + length, 'c', 10000);
	length += 10000;
	length += (unsigned)snprintf(
			head + length, sizeof(head) - length, "\r\nHost: ui.skype.com\r\n\r\n");
	add(f, TCP, client, "");
	run(f);
	for (unsigned i = 0; i < length; i++) {
		add_at(f, client, i, head + i, 1);
		run(f);
	}
	assert_int_equal(evidence_count(f, evidence, 4), 1);
	assert_memory_equal(evidence[0].text, "ui.skype.com", 12);
	// 256 short looks, then one for each time that it doubled, then the last.
	assert_in_range(f->path.counters.scans, 1, 256 + 7);
	assert_in_range(f->path.counters.scanned_bytes, 0, 256 * 256 + 16 * 2048 + 3 * length);
}

struct conversation {
	const char *text;
	unsigned found; // requests to ui.skype.com that certainly are some
};

static void requests_are_read_one_after_the_other(void **state)
{
#define SKYPE "GET / HTTP/1.1\r\nHost: ui.skype.com\r\n\r\n"
	static const struct conversation conversations[] = {
		{ "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n" SKYPE, 1 },
		{ "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n" SKYPE, 1 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" SKYPE, 1 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n" SKYPE, 0 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab(" SKYPE, 0 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "3\r\nabc\r\n0\r\nX: y\r\n\r\n" SKYPE,
				1 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "28\r\n" SKYPE "\r\n0\r\n\r\n",
				0 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "0\r\nHost: ui.skype.com\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
				0 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n" SKYPE, 0 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" SKYPE, 0 },
		{ "GET / HTTP/1.0\r\nHost: a\r\n\r\n" SKYPE, 0 },
		{ "CONNECT a:80 HTTP/1.1\r\n\r\n" SKYPE, 0 },
		{ "junk\r\n" SKYPE, 0 },
		{ "GET / HTTP/1.1\r\nHost: ui.skype.com\r\nHost: a\r\n\r\n", 0 },
	};
#undef SKYPE
	struct fixture *f = *state;
	struct evidence evidence[4];

	// Whole, and byte by byte.
	for (unsigned i = 0; i < 2 * sizeof(conversations) / sizeof(conversations[0]); i++) {
		const struct conversation *conversation = &conversations[i / 2];
		const unsigned ends[4] = { 1, 3000 + i, 2, 80 };
		const unsigned length = (unsigned)strlen(conversation->text);
		const unsigned step = i % 2 == 0 ? length : 1;

		print_message("%s\n", conversation->text);
		add(f, TCP, ends, "");
		run(f);
		for (unsigned at = 0; at < length; at += step) {
			add_at(f, ends, at, conversation->text + at, step);
			run(f);
		}
		assert_int_equal(evidence_count(f, evidence, 4), conversation->found);
	}
}

static void a_long_body_is_skipped_without_being_seen(void **state)
{
	static const char post[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
	struct fixture *f = *state;
	struct evidence evidence[4];

	add(f, TCP, client, "");
	add_at(f, client, 0, post, sizeof(post) - 1);
	// Decoys in the body, at its end and behind the request.
	for (unsigned at = sizeof(post) - 1; at + sizeof(request) < 100000; at += 10000)
		add_at(f, client, at, request, sizeof(request) - 1);
	run(f);
	assert_int_equal(evidence_count(f, evidence, 4), 0);
	add_at(f, client, sizeof(post) - 1 + 100000, request, sizeof(request) - 1);
	run(f);
	assert_int_equal(evidence_count(f, evidence, 4), OF_A_CHECK);
}

// Many flows that begin and stay open, and gaps that never close: others are still read right.
static void floods_do_not_blind(void **state)
{
	struct fixture *f = *state;
	struct evidence evidence[4];
	unsigned found = 0;

	for (unsigned i = 0; i < 20000; i++) {
		const unsigned open[4] = { 3 + i / 60000, 1 + i, 2, 80 };
		const unsigned good[4] = { 1, 1024 + i % 8, 2, 1000 + i };

		add(f, TCP, open, "");
		add_at(f, open, 100, "gap", 3);
		add_at(f, open, 3000, "gap", 3);
		run(f);
		if (i % 100 != 0)
			continue;
		add(f, TCP, good, "");
		add_at(f, good, 20, request + 20, sizeof(request) - 21);
		add_at(f, good, 0, request, 20);
		run(f);
		found += evidence_count(f, evidence, 4);
	}
	assert_int_equal(found, OF_A_CHECK * 200);
	assert_int_equal(f->path.counters.streams, 16);
	assert_true(f->path.counters.streams_lost > 0 || f->path.counters.stream_buffers_lost > 0);
}

static void a_flow_that_lost_its_stream_goes_on_with_the_next_message(void **state)
{
	static const char first[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct fixture *f = *state;
	struct evidence evidence[4];

	add(f, TCP, client, "");
	add_at(f, client, 0, first, sizeof(first) - 1);
	run(f);
	for (unsigned i = 0; i < 20; i++) {
		const unsigned other[4] = { 4, 1 + i, 2, 80 };

		add(f, TCP, other, "");
		add_at(f, other, 0, first, sizeof(first) - 1);
		run(f);
	}
	assert_true(f->path.counters.streams_lost > 0);
	add_at(f, client, 0, "XXXXX", 5); // old
	add_at(f, client, sizeof(first) - 1, request, sizeof(request) - 1);
	run(f);
	assert_int_equal(evidence_count(f, evidence, 4), OF_A_CHECK);
}

// A connection whose beginning was shed is not taken for one that begins later; one that is read
// already is read on, and so is one whose handshake alone fell into the overload.
static void overload_leaves_no_half_read_connection(void **state)
{
	const unsigned shed[4] = { 1, 2000, 2, 80 }, old[4] = { 1, 2001, 2, 80 };
	const unsigned shaken[4] = { 1, 2002, 2, 80 };
	struct fixture *f = *state;
	struct packet *packet;

	add_at(f, old, 0, "GET /ui/0/1.0/en/", 17);
	run(f);
	f->path.overload = OVERLOAD_STREAMS;
	add(f, TCP, shaken, "");
	packet = add_at(f, shed, 0, "GET /", 5);
	run(f);
	assert_int_equal(packet->reason, REASON_OVERLOAD_STREAM);
	packet = add_at(f, old, 17, request + 17, sizeof(request) - 1 - 17);
	run(f);
	assert_int_equal(packet->app, APP_SKYPE);
	f->path.overload = OVERLOAD_NONE;
	packet = add_at(f, shed, 5, request, sizeof(request) - 1);
	run(f);
	assert_int_equal(packet->reason, REASON_PAST);
	assert_int_equal(packet->app, APP_UNKNOWN);
	packet = add_at(f, shaken, 0, request, sizeof(request) - 1);
	run(f);
	assert_int_equal(packet->app, APP_SKYPE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

static void frames_of_our_own_ports_stay_here(void **state)
{
	static const uint8_t ours[] = { 2, 0, 0, 0, 0, 1 }, theirs[] = { 2, 0, 0, 0, 0, 2 };
	struct fixture *f = *state;
	struct packet *own, *other, *of_other_port;

	f->path.own[0] = packet_address(ours);
	f->path.own[1] = packet_address(theirs) + 1;
	own = add(f, UDP, client, "hello");
	other = add(f, UDP, server, "x");
	of_other_port = add(f, UDP, client, "hello");
	memcpy(own->data + 6, ours, 6);
	memcpy(other->data, ours, 6); // to us is not from us
	memcpy(other->data + 6, theirs, 6);
	memcpy(of_other_port->data + 6, &f->path.own[1], 6);
	run(f);
	assert_int_equal(own->reason, REASON_OWN_MAC);
	assert_null(own->flow);
	assert_int_equal(other->reason, REASON_INSPECTED);
	assert_int_equal(of_other_port->reason, REASON_OWN_MAC);
	assert_int_equal(f->path.counters.flows_created, 1);
	assert_int_equal(f->path.counters.packets[0][REASON_OWN_MAC], 2);
}

static void monitor_counts_and_withholds_all(void **state)
{
	struct fixture *f = *state;
	struct packet *get;

	f->policy->mode = MODE_MONITOR;
	get = add(f, TCP, client, request);
	run(f);
	assert_int_equal(get->reason, REASON_MONITOR);
	assert_int_equal(get->app, APP_SKYPE);
	assert_int_equal(get->data[15], 0);
	assert_int_equal(f->path.counters.verdicts[VERDICT_WOULD_TAG], 1);
	assert_int_equal(f->path.counters.packets[0][REASON_MONITOR], 1);
}

static void a_closed_wire_drops_what_it_cannot_read(void **state)
{
	struct fixture *f = *state;

	for (int closed = 0; closed < 2; closed++) {
		struct packet *cut = add(f, UDP, client, "x"), *good = add(f, UDP, client, "x");

		f->policy->closed = closed ? 1u << REASON_MALFORMED : 0;
		cut->data[14] = 0x44; // a header of 16 bytes
		run(f);
		assert_int_equal(cut->reason, closed ? REASON_CLOSED_MALFORMED : REASON_MALFORMED);
		assert_int_equal(good->reason, REASON_INSPECTED);
		assert_int_equal(f->path.counters.verdicts[VERDICT_DROP], closed);
		assert_int_equal(f->path.counters.verdicts[VERDICT_FORWARD], closed ? 3 : 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_version_check_is_tagged_from_its_verdict_on),
		TEST(what_only_mentions_the_host_is_not_skype),
		TEST(a_policy_drops_from_the_verdict_on_and_others_live),
		TEST(an_undecided_flow_is_left_alone_when_its_budget_is_spent),
		TEST(a_card_is_believed_about_the_outermost_checksum),
		TEST(a_rule_by_port_asks_for_the_responders),
		TEST(lost_evidence_is_counted_and_packets_pass),
		TEST(overload_sheds_what_its_level_says),
		TEST(overload_leaves_no_half_read_connection),
		TEST(the_books_balance_whatever_comes),
		TEST(a_request_is_found_however_it_is_cut),
		TEST(a_payload_rule_waits_for_its_bytes_and_for_no_more),
		TEST(a_doubt_is_settled_by_who_is_not_read_any_more),
		TEST(work_is_linear_in_what_comes),
		TEST(requests_are_read_one_after_the_other),
		TEST(a_long_body_is_skipped_without_being_seen),
		TEST(floods_do_not_blind),
		TEST(a_flow_that_lost_its_stream_goes_on_with_the_next_message),
		TEST(frames_of_our_own_ports_stay_here),
		TEST(monitor_counts_and_withholds_all),
		TEST(a_closed_wire_drops_what_it_cannot_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

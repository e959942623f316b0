// SPDX-License-Identifier: BSD-3-Clause
// Calls from what flows carry each second: what makes one, what ends it, what belongs to it.
#include "host/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
	START = 1000,
	PEER = 1,
	OTHER = 2,
	NODE = 3,
};

// A stretch of one flow: so many packets a second of such a size, each way.
struct stretch {
	uint32_t from, to; // seconds, the last one included
	uint8_t flow, peer;
	uint8_t peer_kind;
	bool is_tcp;
	uint32_t sent, sent_size, received, received_size;
	uint32_t video, others; // of and beside those sent
};

struct row {
	const char *name;
	struct stretch stretches[4];
	bool is_call;
	uint32_t start, end, hold; // seconds, the former from START on
	uint8_t path, media;
};

static void add(struct call_watch *watch, const struct stretch *stretch, uint32_t time)
{
	struct call_second second = {
		.second = START + time,
		.flow_id = stretch->flow,
		.peer = { [15] = stretch->peer },
		.peer_kind = stretch->peer_kind,
		.is_tcp = stretch->is_tcp,
		.counts = { { stretch->sent, stretch->video, stretch->others,
					    stretch->sent * stretch->sent_size },
				{ .media = stretch->received,
						.bytes = stretch->received *
								stretch->received_size } },
	};
	bool is_first;

	if (stretch->flow != 0 && time >= stretch->from && time <= stretch->to)
		call_watch_add(watch, &second, &is_first);
}

// Second by second, all flows of it; gives how many calls it took and the first of them.
static unsigned run(struct call_watch *watch, const struct stretch stretches[4], struct call *first)
{
	unsigned calls = 0;
	struct call call;

	for (uint32_t time = 0; time < 300; time++) {
		for (unsigned i = 0; i < 4; i++)
			add(watch, &stretches[i], time);
		while (call_watch_take(watch, START + time, &call)) {
			assert_true(START + time >= call.end_s + 10);
			if (calls++ == 0)
				*first = call;
		}
	}
	return calls;
}

// A row for a line.
// clang-format off
#define UDP_TO(peer, from, to, ...) { from, to, peer, peer, CALL_PEER_CLIENT, false, __VA_ARGS__ }
#define NODE_TO(kind, from, to, ...) { from, to, NODE, NODE, kind, false, __VA_ARGS__ }
#define TCP_TO(peer, from, to, ...) { from, to, 9, peer, CALL_PEER_CLIENT, true, __VA_ARGS__ }

static const struct row rows[] = {
	{ "voice both ways", { UDP_TO(PEER, 5, 40, 33, 150, 33, 150) }, true, 5, 40, 0, CALL_DIRECT, CALL_VOICE },
	{ "94 datagrams", { UDP_TO(PEER, 5, 6, 47, 150, 47, 150) }, false },
	{ "96 datagrams", { UDP_TO(PEER, 5, 6, 48, 150, 48, 150) }, true, 5, 6, 0, CALL_DIRECT, CALL_VOICE },
	{ "too seldom", { UDP_TO(PEER, 5, 200, 9, 150, 9, 150) }, false },
	{ "too often", { UDP_TO(PEER, 5, 200, 61, 150, 61, 150) }, false },
	{ "too small", { UDP_TO(PEER, 5, 40, 33, 29, 33, 29) }, false },
	{ "too large", { UDP_TO(PEER, 5, 40, 33, 401, 33, 401) }, false },
	{ "large, but video", { UDP_TO(PEER, 5, 40, 50, 500, 50, 500, 15) }, true, 5, 40, 0, CALL_DIRECT, CALL_VOICE | CALL_VIDEO },
	{ "a tenth is not video", { UDP_TO(PEER, 5, 40, 50, 150, 50, 150, 10) }, true, 5, 40, 0, CALL_DIRECT, CALL_VOICE },
	{ "too much else", { UDP_TO(PEER, 5, 40, 33, 150, 33, 150, 0, 8) }, false },
	{ "a little else", { UDP_TO(PEER, 5, 40, 33, 150, 33, 150, 0, 6) }, true, 5, 40, 0, CALL_DIRECT, CALL_VOICE },
	{ "by a known node", { NODE_TO(CALL_PEER_NODE, 5, 40, 33, 150, 33, 150) }, true, 5, 40, 0, CALL_RELAYED, CALL_VOICE },
	{ "to a telephone", { NODE_TO(CALL_PEER_GATEWAY, 5, 40, 50, 45, 50, 45) }, true, 5, 40, 0, CALL_PHONE, CALL_VOICE },
	{ "a node each way", { UDP_TO(PEER, 5, 40, 33, 150, 0, 0), UDP_TO(OTHER, 6, 40, 0, 0, 33, 150) }, true, 5, 40, 0, CALL_RELAYED, CALL_VOICE },
	{ "relayed by us", { UDP_TO(PEER, 5, 40, 33, 150, 33, 140), UDP_TO(OTHER, 6, 41, 33, 140, 33, 150) }, true, 5, 41, 0, CALL_RELAYING, CALL_VOICE },
	{ "relayed by us, a pause", { UDP_TO(PEER, 5, 24, 33, 150, 33, 140), UDP_TO(PEER, 29, 50, 33, 150, 33, 140), UDP_TO(OTHER, 5, 24, 33, 140, 33, 150), UDP_TO(OTHER, 29, 50, 33, 140, 33, 150) }, true, 5, 50, 0, CALL_RELAYING, CALL_VOICE },
	{ "on hold", { UDP_TO(PEER, 5, 20, 33, 150, 33, 150), UDP_TO(PEER, 21, 40, 3, 30, 3, 30), UDP_TO(PEER, 41, 60, 33, 150, 33, 150) }, true, 5, 60, 20, CALL_DIRECT, CALL_VOICE },
	{ "other datagrams after it", { UDP_TO(PEER, 5, 40, 33, 150, 33, 150), UDP_TO(PEER, 41, 45, 0, 0, 0, 0, 0, 3) }, true, 5, 40, 0, CALL_DIRECT, CALL_VOICE },
	{ "goes on over TCP", { UDP_TO(PEER, 5, 30, 33, 150, 33, 150), TCP_TO(PEER, 34, 60, 100, 1200, 40, 130) }, true, 5, 60, 0, CALL_DIRECT, CALL_VOICE | CALL_FILE },
	{ "goes on after silence", { UDP_TO(PEER, 5, 30, 33, 150, 33, 150), UDP_TO(PEER, 39, 60, 33, 150, 33, 150) }, true, 5, 60, 0, CALL_DIRECT, CALL_VOICE },
	{ "TCP both ways", { TCP_TO(PEER, 5, 40, 33, 150, 33, 150) }, true, 5, 40, 0, CALL_DIRECT, CALL_VOICE },
	{ "TCP, under 40 kB", { TCP_TO(PEER, 5, 12, 33, 150, 33, 150) }, false },
	{ "TCP one way, small", { TCP_TO(PEER, 5, 40, 33, 150, 33, 40) }, false },
	{ "a file over TCP", { TCP_TO(PEER, 5, 10, 90, 1400, 10, 40) }, true, 5, 10, 0, CALL_DIRECT, CALL_FILE },
	{ "a file received", { TCP_TO(PEER, 5, 10, 10, 40, 90, 1400) }, true, 5, 10, 0, CALL_DIRECT, CALL_FILE },
	{ "a file by a relay", { NODE_TO(CALL_PEER_NODE, 5, 90, 3, 1000, 1, 40) }, true, 5, 90, 0, CALL_RELAYED, CALL_FILE },
	{ "a small file", { TCP_TO(PEER, 5, 5, 70, 1400, 10, 40) }, false },
	{ "large both ways", { TCP_TO(PEER, 5, 40, 90, 1400, 90, 1400) }, false },
};
// clang-format on

static void judges(void **)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct call_watch watch = { 0 };
		struct call call = { 0 };

		print_message("%s\n", row->name);
		assert_int_equal(run(&watch, row->stretches, &call), row->is_call);
		assert_int_equal(watch.refused, 0);
		if (!row->is_call)
			continue;
		assert_int_equal(call.start_s, START + row->start);
		assert_int_equal(call.end_s, START + row->end);
		assert_int_equal(call.hold_s, row->hold);
		assert_int_equal(call.path, row->path);
		assert_int_equal(call.media, row->media);
	}
}

static void tells_peers_transports_and_bytes(void **)
{
	const struct stretch parts[4] = { UDP_TO(PEER, 5, 30, 33, 150, 33, 100),
		TCP_TO(PEER, 34, 60, 100, 1200, 40, 130) };
	const struct stretch split[4] = { UDP_TO(PEER, 5, 40, 33, 150, 0, 0),
		UDP_TO(OTHER, 5, 40, 0, 0, 33, 150) };
	struct call_watch watch = { 0 };
	struct call call;

	assert_int_equal(run(&watch, parts, &call), 1);
	assert_int_equal(call.peer_count, 1);
	assert_int_equal(call.peers[0][15], PEER);
	assert_int_equal(call.flow_id, PEER);
	assert_int_equal(call.transports, CALL_UDP | CALL_TCP);
	assert_int_equal(call.bytes[CALL_SENT], 26 * 33 * 150 + 27 * 100 * 1200);
	assert_int_equal(call.bytes[CALL_RECEIVED], 26 * 33 * 100 + 27 * 40 * 130);

	watch = (struct call_watch){ 0 };
	assert_int_equal(run(&watch, split, &call), 1);
	assert_int_equal(call.peer_count, 2);
	assert_int_equal(call.peers[0][15] + call.peers[1][15], PEER + OTHER);
	assert_int_equal(call.transports, CALL_UDP);
}

static void two_calls_are_two(void **)
{
	const struct stretch apart[4] = { UDP_TO(PEER, 5, 30, 33, 150, 33, 150),
		UDP_TO(PEER, 41, 60, 33, 150, 33, 150) };
	const struct stretch beside[4] = { UDP_TO(PEER, 5, 30, 33, 150, 33, 150),
		UDP_TO(OTHER, 8, 60, 33, 150, 33, 150) };
	const struct stretch less_there[4] = { UDP_TO(PEER, 5, 60, 33, 150, 33, 150),
		UDP_TO(OTHER, 5, 60, 33, 150, 33, 100) };
	const struct stretch less_back[4] = { UDP_TO(PEER, 5, 60, 33, 150, 33, 150),
		UDP_TO(OTHER, 5, 60, 33, 100, 33, 150) };
	const struct stretch longer[4] = { UDP_TO(PEER, 5, 60, 33, 150, 33, 150),
		UDP_TO(OTHER, 5, 64, 33, 150, 33, 150) };
	// Two that are relayed at the same time.
	const struct stretch relayed[4] = { { 5, 40, 1, 1, 0, false, 33, 150, 33, 140 },
		{ 20, 60, 3, 3, 0, false, 33, 120, 33, 90 },
		{ 5, 40, 2, 2, 0, false, 33, 140, 33, 150 },
		{ 20, 60, 4, 4, 0, false, 33, 90, 33, 120 } };
	struct call_watch watch = { 0 };
	struct call call;

	assert_int_equal(run(&watch, apart, &call), 2);
	assert_int_equal(call.end_s, START + 30);
	assert_int_equal(run(&watch, beside, &call), 2);
	assert_int_equal(run(&watch, less_there, &call), 2);
	assert_int_equal(run(&watch, less_back, &call), 2);
	assert_int_equal(run(&watch, longer, &call), 2);
	assert_int_equal(run(&watch, relayed, &call), 2);
	assert_int_equal(call.path, CALL_RELAYING);
	assert_int_equal(call.peers[0][15] + call.peers[1][15], 1 + 2);
}

// Flows that are no calls leave room for those that are; calls that last are not forgotten.
static void room_is_bounded(void **)
{
	struct call_watch watch = { 0 };
	struct stretch stretch = UDP_TO(PEER, 0, 100, 33, 150, 33, 150);
	struct call call;

	for (uint32_t time = 0; time < 20; time++) {
		for (uint32_t flow = 1; flow <= CALL_BURSTS; flow++) {
			stretch.flow = stretch.peer = flow;
			add(&watch, &stretch, time);
		}
	}
	assert_int_equal(watch.refused, 0);
	stretch.flow = CALL_BURSTS + 1;
	add(&watch, &stretch, 20);
	assert_int_equal(watch.refused, 1);
	for (unsigned i = 0; i < CALL_BURSTS; i++)
		assert_true(call_watch_take(&watch, START + 40, &call));
	assert_false(call_watch_take(&watch, START + 40, &call));

	// A datagram each is no call.
	stretch.sent = stretch.received = 1;
	for (uint32_t time = 0; time < 100; time++) {
		stretch.flow = 100 + time;
		add(&watch, &stretch, time);
	}
	assert_int_equal(watch.refused, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges),
		cmocka_unit_test(tells_peers_transports_and_bytes),
		cmocka_unit_test(two_calls_are_two),
		cmocka_unit_test(room_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// Floods of connections that nobody answers, and of segments behind holes that never close: memory
// stays as it was sized, others' verdicts stay right, and the books say what was given up.
#include "evidence.h"
#include "path.h"
#include "sanitizer.h"
#include "segment_frame.h"
#include "stream.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	RING_SLOTS = 16,
	FLOWS = 4096,
	STREAMS = 1024,
	SMALL = 256,
	LARGE = 16,
	FLOOD_FLOWS = 1000000,
	EVERY = 500, // so many of the flood for each packet of the others
	SERVER = 0xc6120001,
	FLOODER = 0x14000000,
	OLD = 0x0a000001, // a client that was there before the flood
	YOUNG = 0x0a010000, // the first of those that come during it
	LEEWAY_PAGES = 64, // of what the C library may do
};

static const char rules_text[] =
		"- {id: 1, app: wanted, confidence: certain, match: {http.host: 'wanted\\.example'}}\n";
static const char request[] = "GET / HTTP/1.1\r\nHost: wanted.example\r\n\r\n";

struct world {
	struct path path;
	struct burst burst;
	uint8_t frame[SEGMENT_HEADERS + sizeof(request)];
	uint64_t time_ns;
	uint64_t forwarded;
};

static struct policy *make_policy(void)
{
	struct complaints complaints = { 0 };
	struct yaml_file *file = yaml_parse(rules_text, strlen(rules_text), "rules", &complaints);
	struct rules *rules = rules_create();

	rules_add(rules, yaml_root(file), &complaints);
	assert_int_equal(complaints.count, 0);
	assert_int_equal(rules_compile(rules), 0);
	complaints_fini(&complaints);
	yaml_close(file);
	return policy_create(rules, 1);
}

static int create(void **state)
{
	struct world *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
	const struct flow_config flows = { .capacity = FLOWS,
		.node = -1,
		.timeouts = { 30000, 3600000, 5000, 60000, 200000 },
		.counters = &w->path.counters };
	const struct streams_config streams = { STREAMS, SMALL, LARGE, STREAM_WINDOW_BYTES, -1,
		&w->path.counters };
	struct policy *policy = make_policy();

	memset(w, 0, sizeof(*w));
	w->time_ns = 1000000000000;
	w->path.policy = policy;
	w->path.scratch = &policy->workers[0];
	w->path.flows = flow_table_create(&flows);
	w->path.streams = streams_create(&streams);
	w->path.evidence = aligned_alloc(
			64, rte_ring_get_memsize_elem(sizeof(struct evidence), RING_SLOTS));
	assert_int_equal(rte_ring_init(w->path.evidence, "evidence", RING_SLOTS,
					 RING_F_SP_ENQ | RING_F_SC_DEQ),
			0);
	*state = w;
	return 0;
}

static int destroy(void **state)
{
	struct world *w = *state;
	struct policy *policy = (struct policy *)(uintptr_t)w->path.policy;

	streams_free(w->path.streams);
	flow_table_free(w->path.flows);
	free(w->path.evidence);
	policy_free(policy);
	free(w);
	return 0;
}

// The application of the segment's flow afterwards.
static uint8_t send_segment(struct world *w, struct segment_sent sent)
{
	unsigned length;

	sent.window = 65535;
	length = segment_frame(w->frame, &sent);
	w->time_ns += 1000;
	w->burst.count = 1;
	w->burst.now_ns = w->time_ns;
	w->burst.packets[0] = (struct packet){
		.data = w->frame, .time_ns = w->time_ns, .length = length, .wire_length = length
	};
	path_burst(&w->path, &w->burst);
	path_count(&w->path, &w->burst, 0);
	w->forwarded++;
	return w->burst.packets[0].app;
}

static struct segment_sent from_client(uint32_t client, uint16_t port)
{
	return (struct segment_sent){ client, SERVER, port, 80, .sequence = 1, .payload = "" };
}

static void ask_to_connect(struct world *w, uint32_t client)
{
	struct segment_sent syn = from_client(client, 40000);

	syn.flags = TH_SYN;
	send_segment(w, syn);
}

static void accept_connection(struct world *w, uint32_t client)
{
	const struct segment_sent answer = { SERVER, client, 80, 40000, 5000, 2, TH_SYN | TH_ACK,
		.payload = "" };

	send_segment(w, answer);
}

static void shake_hands(struct world *w, uint32_t client)
{
	ask_to_connect(w, client);
	accept_connection(w, client);
}

static uint8_t say(struct world *w, uint32_t client, unsigned at, const char *text, unsigned length)
{
	struct segment_sent sent = from_client(client, 40000);

	sent.sequence = 2 + at;
	sent.acknowledgment = 5001;
	sent.flags = TH_ACK | TH_PUSH;
	sent.payload = text;
	sent.length = length;
	return send_segment(w, sent);
}

static void half_open(struct world *w, uint32_t number)
{
	struct segment_sent syn = from_client(FLOODER + number, 1024);

	syn.flags = TH_SYN;
	assert_int_equal(send_segment(w, syn), 0);
}

static void with_a_hole(struct world *w, uint32_t number)
{
	struct segment_sent sent = from_client(FLOODER + number, 1024);

	sent.flags = TH_SYN;
	send_segment(w, sent);
	sent.flags = TH_ACK | TH_PUSH;
	sent.sequence = 2 + 100;
	sent.acknowledgment = 1;
	sent.payload = request;
	sent.length = sizeof(request) - 1;
	assert_int_equal(send_segment(w, sent), 0);
}

static unsigned long resident_pages(void)
{
	unsigned long all = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &all, &resident), 2);
	fclose(file);
	return resident;
}

// Every so often somebody else's request comes in two halves, the second first, while an old
// connection goes on. Memory is compared from when the flood has filled every table.
static void flood(struct world *w, void (*attack)(struct world *, uint32_t))
{
	const unsigned length = sizeof(request) - 1, half = length / 2;
	unsigned long before = 0, after;
	uint8_t wanted;

	shake_hands(w, OLD);
	wanted = say(w, OLD, 0, request, length);
	assert_int_not_equal(wanted, 0);
	for (uint32_t i = 0; i < FLOOD_FLOWS; i++) {
		attack(w, i);
		if (i == FLOOD_FLOWS / 4)
			before = resident_pages();
		if (i % EVERY != 0)
			continue;
		shake_hands(w, YOUNG + i);
		assert_int_equal(say(w, YOUNG + i, half, request + half, length - half), 0);
		assert_int_equal(say(w, YOUNG + i, 0, request, half), wanted);
		assert_int_equal(say(w, OLD, length + i, ".", 1), wanted);
	}
	after = resident_pages();
	print_message("%lu pages at a quarter, %lu at the end; %zu bytes of streams, %lu given up, with %lu buffers\n",
			before, after, streams_bytes(w->path.streams),
			(unsigned long)w->path.counters.streams_lost,
			(unsigned long)w->path.counters.stream_buffers_lost);
	if (!HAS_ADDRESS_SANITIZER)
		assert_in_range(after, 0, before + LEEWAY_PAGES);
}

// Nothing is lost in forwarding: each packet is in the books, none as dropped.
static void assert_forwarded(const struct world *w)
{
	static const uint8_t group_of[REASON_COUNT] = {
#define REASON(name, group, label, help) [REASON_##name] = REASON_GROUP_##group,
#include "reasons.def"
#undef REASON
	};
	uint64_t forwarded = 0;

	for (unsigned i = 0; i < REASON_COUNT; i++)
		if (group_of[i] != REASON_GROUP_DROPPED)
			forwarded += w->path.counters.packets[0][i];
	assert_int_equal(forwarded, w->forwarded);
}

static void half_open_connections_take_nobodys_place(void **state)
{
	struct world *w = *state;

	flood(w, half_open);
	assert_forwarded(w);
	assert_int_equal(w->path.counters.streams_lost, 0);
	assert_int_equal(w->path.counters.stream_buffers_lost, 0);
}

// The flood pushes out the lone SYN, and the answer and the request after it are those of a flow that
// was not seen to begin.
static void a_slow_handshake_is_picked_up(void **state)
{
	const unsigned length = sizeof(request) - 1, half = length / 2;
	struct world *w = *state;
	uint32_t number = 0;

	for (uint32_t i = 0; i < FLOWS; i++)
		half_open(w, number++);
	ask_to_connect(w, YOUNG);
	for (uint32_t i = 0; i < FLOWS; i++)
		half_open(w, number++);
	accept_connection(w, YOUNG);
	for (uint32_t i = 0; i < FLOWS; i++)
		half_open(w, number++);
	assert_int_equal(say(w, YOUNG, 0, request, half), 0);
	assert_int_not_equal(say(w, YOUNG, half, request + half, length - half), 0);
	assert_forwarded(w);
}

static void holes_that_never_close_give_way(void **state)
{
	struct world *w = *state;

	flood(w, with_a_hole);
	assert_forwarded(w);
	assert_true(w->path.counters.stream_buffers_lost > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
				half_open_connections_take_nobodys_place, create, destroy),
		cmocka_unit_test_setup_teardown(a_slow_handshake_is_picked_up, create, destroy),
		cmocka_unit_test_setup_teardown(holes_that_never_close_give_way, create, destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

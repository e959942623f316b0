// SPDX-License-Identifier: BSD-3-Clause
// Random HTTP conversations tell the same in one segment and cut, shuffled, repeated and overlapped.
//
// CUTTING_ROUNDS and CUTTING_SEED in the environment: how many, and where to begin; a failure names
// its seed.
#include "evidence.h"
#include "path.h"
#include "segment_frame.h"
#include "stream.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	RING_SLOTS = 64,
	TEXT_MAX = 1400,
	SEGMENTS_MAX = 3 * TEXT_MAX,
	ROUNDS = 2000,
};

static const char rules_text[] =
		"- {id: 1, app: hosts, confidence: weak, match: {http.host: 'h[0-9]\\.example'}}\n"
		"- {id: 2, app: hosts, confidence: weak, match: {http.uri: '/u[0-9]'}}\n"
		"- {id: 3, app: bodies, confidence: strong, match: {http.host: 'body\\.example'}}\n";

struct segment {
	unsigned at, length;
};

struct world {
	struct path path;
	struct burst burst;
	uint8_t frame[SEGMENT_HEADERS + TEXT_MAX];
	uint64_t time_ns;
	uint64_t state; // of the generator
	char wrong[TEXT_MAX]; // what is sent with a wrong checksum
	char text[TEXT_MAX + 1];
	unsigned length;
	const char *answer; // to what it begins with; NULL: nobody sees the server
	struct segment segments[SEGMENTS_MAX];
	unsigned count;
	struct evidence found[2][RING_SLOTS];
	unsigned found_count[2];
};

// xorshift64*
static unsigned draw(struct world *w, unsigned below)
{
	w->state ^= w->state >> 12;
	w->state ^= w->state << 25;
	w->state ^= w->state >> 27;
	return (unsigned)((w->state * 0x2545f4914f6cdd1d >> 33) % below);
}

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

static void open_world(struct world *w)
{
	const struct flow_config flows = { .capacity = 64,
		.node = -1,
		.timeouts = { 30000, 3600000, 5000, 60000, 200000 },
		.counters = &w->path.counters };
	const struct streams_config streams = { 8, 32, 8, STREAM_WINDOW_BYTES, -1,
		&w->path.counters };
	struct policy *policy = make_policy();

	w->path.policy = policy;
	w->path.scratch = &policy->workers[0];
	w->path.flows = flow_table_create(&flows);
	w->path.streams = streams_create(&streams);
	w->path.evidence = aligned_alloc(
			64, rte_ring_get_memsize_elem(sizeof(struct evidence), RING_SLOTS));
	assert_int_equal(rte_ring_init(w->path.evidence, "evidence", RING_SLOTS,
					 RING_F_SP_ENQ | RING_F_SC_DEQ),
			0);
}

static void close_world(struct world *w)
{
	struct policy *policy = (struct policy *)(uintptr_t)w->path.policy;

	streams_free(w->path.streams);
	flow_table_free(w->path.flows);
	free(w->path.evidence);
	policy_free(policy);
}

static void send_frame(struct world *w, const struct segment_sent *sent)
{
	const unsigned bytes = segment_frame(w->frame, sent);

	w->frame[SEGMENT_CHECKSUM + 1] += sent->payload == w->wrong;
	w->time_ns += 1000;
	w->burst.count = 1;
	w->burst.now_ns = w->time_ns;
	w->burst.packets[0] = (struct packet){
		.data = w->frame, .time_ns = w->time_ns, .length = bytes, .wire_length = bytes
	};
	path_burst(&w->path, &w->burst);
}

static void send_segment(struct world *w, uint16_t port, uint32_t sequence, uint8_t flags,
		const char *payload, unsigned length)
{
	const struct segment_sent sent = { 0x0a000001, 0x0a000002, port, 80, sequence,
		.flags = flags, .window = 65535, .payload = payload, .length = length };

	send_frame(w, &sent);
}

// The server's bytes have numbers from 0 on, for the client always acknowledges that.
static void answer(struct world *w, uint16_t port, uint32_t start, uint32_t sequence, uint8_t flags,
		const char *payload, unsigned length)
{
	const struct segment_sent sent = { 0x0a000002, 0x0a000001, 80, port, sequence, start, flags,
		65535, payload, length };

	send_frame(w, &sent);
}

static __attribute__((format(printf, 2, 3))) void write_text(
		struct world *w, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	w->length += (unsigned)vsnprintf(
			w->text + w->length, sizeof(w->text) - w->length, format, arguments);
	va_end(arguments);
	assert_in_range(w->length, 1, TEXT_MAX);
}

static void write_body(struct world *w)
{
	static const char body[] = "GET /u9 HTTP/1.1\r\nHost: body.example\r\n\r\n";
	const unsigned length = sizeof(body) - 1, half = draw(w, length - 1) + 1;

	switch (draw(w, 3)) {
	case 0:
		write_text(w, "\r\n");
		break;
	case 1:
		write_text(w, "Content-Length: %u\r\n\r\n%s", length, body);
		break;
	default:
		write_text(w, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%.*s\r\n", half, half, body);
		write_text(w, "%x;a=b\r\n%s\r\n0\r\n", length - half, body + half);
		write_text(w, draw(w, 2) == 0 ? "\r\n" : "Host: body.example\r\n\r\n");
	}
}

static void write_conversation(struct world *w)
{
	const unsigned count = 1 + draw(w, 4);

	w->length = 0;
	if (w->answer != NULL)
		write_text(w, "%s HTTP/1.1\r\nHost: h1.example\r\n%s\r\n",
				draw(w, 2) == 0 ? "CONNECT a:1" : "GET /u1",
				draw(w, 2) == 0 ? "" : "Upgrade: x\r\n");
	for (unsigned i = 0; i < count; i++) {
		write_text(w, "%s%s /u%u HTTP/1.1\r\n", draw(w, 4) == 0 ? "\r\n" : "",
				draw(w, 2) == 0 ? "GET" : "POST", draw(w, 10));
		for (unsigned lines = draw(w, 3); lines > 0; lines--)
			write_text(w, "X-%u: %u\r\n", lines, draw(w, 1000));
		if (draw(w, 3) > 0)
			write_text(w, "hOsT:%s h%u.example\r\n", draw(w, 2) == 0 ? "" : "\r\n\t",
					draw(w, 10));
		if (draw(w, 12) == 0)
			write_text(w, "Connection: close\r\n");
		write_body(w);
	}
}

static void add_segment(struct world *w, unsigned at, unsigned length)
{
	if (length > 0 && w->count < SEGMENTS_MAX)
		w->segments[w->count++] = (struct segment){ at, length };
}

// Pieces that cover all, some reaching into their neighbours, in an order that is more or less
// theirs.
static void cut(struct world *w)
{
	const unsigned longest = 1 + draw(w, draw(w, 2) == 0 ? 10 : 400);
	const unsigned distance = draw(w, 8);

	w->count = 0;
	for (unsigned at = 0, length; at < w->length; at += length) {
		unsigned over = draw(w, 4) == 0 ? draw(w, 20) : 0;

		length = 1 + draw(w, longest);
		if (length > w->length - at)
			length = w->length - at;
		if (over > w->length - at - length)
			over = w->length - at - length;
		add_segment(w, at, length + over);
	}
	for (unsigned i = w->count; i-- > 1 && distance > 0;) {
		const unsigned other = i - draw(w, distance < i ? distance : i);
		const struct segment segment = w->segments[i];

		w->segments[i] = w->segments[other];
		w->segments[other] = segment;
	}
}

// Some come again, some of these with other bytes: too late. Before some come other bytes with a
// wrong checksum.
static void play_cut(struct world *w, unsigned port)
{
	char garbage[TEXT_MAX];

	memset(garbage, '#', sizeof(garbage));
	for (unsigned i = 0; i < w->count; i++) {
		const struct segment *s = &w->segments[i];

		if (draw(w, 5) == 0)
			send_segment(w, port, 1 + s->at - w->length / 2, 0x18, w->wrong, s->length);
		send_segment(w, port, 1 + s->at - w->length / 2, 0x18, w->text + s->at, s->length);
		if (draw(w, 5) == 0) {
			s = &w->segments[draw(w, i + 1)];
			send_segment(w, port, 1 + s->at - w->length / 2, 0x18,
					draw(w, 2) == 0 ? garbage : w->text + s->at, s->length);
		}
	}
}

static void play_answer(struct world *w, unsigned port)
{
	const unsigned length = (unsigned)strlen(w->answer), longest = 1 + draw(w, 20);

	for (unsigned at = 0, first, second; at < length; at += first + second) {
		first = 1 + draw(w, longest);
		first = first < length - at ? first : length - at;
		second = draw(w, longest);
		second = second < length - at - first ? second : length - at - first;
		if (draw(w, 4) == 0)
			answer(w, port, 1 - w->length / 2, at + first, 0x18, w->wrong, second);
		answer(w, port, 1 - w->length / 2, at + first, 0x18, w->answer + at + first,
				second);
		answer(w, port, 1 - w->length / 2, at, 0x18, w->answer + at, first);
	}
}

static void collect(struct world *w, unsigned which)
{
	w->found_count[which] = rte_ring_sc_dequeue_burst_elem(w->path.evidence, w->found[which],
			sizeof(w->found[which][0]), RING_SLOTS, NULL);
}

static bool is_same(const struct world *w)
{
	if (w->found_count[0] != w->found_count[1])
		return false;
	for (unsigned i = 0; i < w->found_count[0]; i++) {
		const struct evidence *one = &w->found[0][i], *other = &w->found[1][i];

		if (one->rule != other->rule || one->app != other->app ||
				one->text_length != other->text_length ||
				memcmp(one->text, other->text, one->text_length) != 0)
			return false;
	}
	return true;
}

static void play(struct world *w, uint64_t seed)
{
	static const char *const answers[] = { NULL, NULL, "HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 103 .\r\nX: HTTP/1.1 101\r\n\r\nHTTP/1.1 407 .\r\n\r\n",
		"HTTP/1.1 100 .\r\n\r\nHTTP/1.1 101 .\r\n\r\n", "none\r\n" };
	const unsigned port = 1024 + (unsigned)(seed * 2) % 60000;

	w->state = seed * 2 + 1;
	for (unsigned i = 0; i < 8; i++)
		draw(w, 2);
	w->answer = answers[draw(w, 6)];
	write_conversation(w);
	send_segment(w, port, 0, 0x02, "", 0);
	if (w->answer != NULL)
		answer(w, port, 1, UINT32_MAX, 0x12, "", 0);
	send_segment(w, port, 1, 0x18, w->text, w->length);
	if (w->answer != NULL)
		answer(w, port, 1, 0, 0x18, w->answer, (unsigned)strlen(w->answer));
	collect(w, 0);
	cut(w);
	send_segment(w, port + 1, 0 - w->length / 2, 0x02, "", 0);
	if (w->answer != NULL)
		answer(w, port + 1, 1 - w->length / 2, UINT32_MAX, 0x12, "", 0);
	play_cut(w, port + 1);
	if (w->answer != NULL)
		play_answer(w, port + 1);
	collect(w, 1);
	if (!is_same(w))
		fail_msg("seed %lu: %u and %u pieces of evidence of\n%s", (unsigned long)seed,
				w->found_count[0], w->found_count[1], w->text);
}

static unsigned long setting(const char *name, unsigned long fallback)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 10) : fallback;
}

static void cutting_changes_nothing(void **)
{
	struct world *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);
	const unsigned long first = setting("CUTTING_SEED", 1);
	const unsigned long rounds = setting("CUTTING_ROUNDS", ROUNDS);
	unsigned long found = 0;

	memset(w, 0, sizeof(*w));
	w->time_ns = 1000000000000;
	open_world(w);
	for (unsigned long i = 0; i < rounds; i++) {
		play(w, first + i);
		found += w->found_count[0];
	}
	print_message("%lu conversations from seed %lu, %lu pieces of evidence\n", rounds, first,
			found);
	assert_true(found >= rounds);
	// Less where nothing is found behind a refusal.
	assert_true(rounds < ROUNDS || found >= 3 * rounds);
	assert_int_equal(w->path.counters.stream_buffers_lost, 0);
	close_world(w);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cutting_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

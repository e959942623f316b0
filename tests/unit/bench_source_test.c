// SPDX-License-Identifier: BSD-3-Clause
// The traffic of `wiretag bench`: flows drawn by the right law, frames that are what they say.
#include "bench_source.h"
#include "checksum.h"
#include "counters.h"
#include "decode/decode.h"
#include "stream.h"

#include <rte_mbuf.h>

#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	FLOWS = 1000,
	DRAWS = 1 << 20,
};

static void draw(uint32_t counts[FLOWS], double zipf)
{
	uint32_t *numbers = calloc(DRAWS, sizeof(*numbers));

	memset(counts, 0, FLOWS * sizeof(*counts));
	source_draw(numbers, DRAWS, FLOWS, zipf);
	for (unsigned i = 0; i < DRAWS; i++) {
		assert_true(numbers[i] < FLOWS);
		counts[numbers[i]]++;
	}
	free(numbers);
}

static void draws_uniform_numbers(void **)
{
	uint32_t counts[FLOWS];
	double chi = 0, expected = (double)DRAWS / FLOWS;

	draw(counts, 0);
	for (unsigned i = 0; i < FLOWS; i++)
		chi += (counts[i] - expected) * (counts[i] - expected) / expected;
	// 999 degrees of freedom: beyond five standard deviations.
	assert_true(fabs(chi - (FLOWS - 1)) < 5 * sqrt(2.0 * (FLOWS - 1)));
}

static int descending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y) - (x > y);
}

static void draws_by_zipfs_law(void **)
{
	const double theta = 0.99;
	uint32_t counts[FLOWS];
	double zeta = 0, top = 0;
	uint32_t drawn = 0;

	draw(counts, theta);
	qsort(counts, FLOWS, sizeof(counts[0]), descending);
	for (unsigned i = 1; i <= FLOWS; i++)
		zeta += pow(i, -theta);
	assert_true(fabs(counts[0] * zeta / DRAWS - 1) < 0.02);
	assert_true(fabs(counts[1] * zeta / DRAWS / pow(2, -theta) - 1) < 0.02);
	for (unsigned i = 0; i < FLOWS / 10; i++) {
		top += pow(i + 1, -theta) / zeta;
		drawn += counts[i];
	}
	assert_true(fabs(drawn / top / DRAWS - 1) < 0.03);
}

static void decode(struct burst *burst, struct rte_mbuf **mbufs, unsigned count)
{
	*burst = (struct burst){ .count = count, .link = LINK_ETHERNET };
	for (unsigned i = 0; i < count; i++)
		burst->packets[i] = (struct packet){
			.data = rte_pktmbuf_mtod(mbufs[i], uint8_t *),
			.length = rte_pktmbuf_data_len(mbufs[i]),
			.wire_length = rte_pktmbuf_pkt_len(mbufs[i]),
		};
	decode_burst(burst, 0);
}

static struct source *create(const struct traffic *traffic)
{
	struct source *source = source_create(traffic, NULL);

	assert_non_null(source);
	return source;
}

static void fills_datagrams_of_both_directions(void **)
{
	const struct traffic traffic = { .kind = SOURCE_DATAGRAMS, .flows = FLOWS };
	struct source *source = create(&traffic);
	struct rte_mbuf *mbufs[BURST_PACKETS];
	struct burst *burst = malloc(sizeof(*burst));
	unsigned from_second = 0;

	// More bursts than there are buffers: each one comes back.
	for (unsigned i = 0; i < 100; i++) {
		source_fill(source, mbufs);
		decode(burst, mbufs, BURST_PACKETS);
		for (unsigned k = 0; k < burst->count; k++) {
			assert_int_equal(burst->packets[k].reason, REASON_INSPECTED);
			assert_int_equal(burst->packets[k].protocol, IPPROTO_UDP);
			assert_int_equal(burst->packets[k].payload_length, 18);
			from_second += burst->packets[k].flags & PACKET_FROM_SECOND;
		}
		source_sink(source, mbufs, BURST_PACKETS);
	}
	assert_in_range(from_second, 100 * BURST_PACKETS * 2 / 5, 100 * BURST_PACKETS * 3 / 5);
	free(burst);
	source_free(source);
}

static void opens_every_flow_in_both_directions(void **)
{
	const struct traffic traffic = { .kind = SOURCE_REQUESTS, .flows = FLOWS };
	struct source *source = create(&traffic);
	struct rte_mbuf *mbufs[BURST_PACKETS];
	struct burst *burst = malloc(sizeof(*burst));
	unsigned packets = 0, seconds = 0, count;

	while ((count = source_open(source, mbufs)) > 0) {
		decode(burst, mbufs, count);
		for (unsigned k = 0; k < count; k += 2) {
			assert_memory_equal(&burst->keys[k], &burst->keys[k + 1],
					sizeof(burst->keys[k]));
			assert_int_equal(burst->packets[k].tcp_flags, 0x02);
			assert_int_equal(burst->packets[k + 1].tcp_flags, 0x12);
		}
		for (unsigned k = 0; k < count; k++)
			seconds += burst->packets[k].flags & PACKET_FROM_SECOND;
		packets += count;
		source_sink(source, mbufs, count);
	}
	assert_int_equal(packets, 2 * FLOWS);
	assert_int_equal(seconds, FLOWS);
	free(burst);
	source_free(source);
}

static void mixes_requests_in(void **)
{
	const struct traffic traffic = {
		.kind = SOURCE_REQUESTS, .flows = FLOWS, .requests_percent = 10
	};
	struct source *source = create(&traffic);
	struct rte_mbuf *mbufs[BURST_PACKETS];
	struct burst *burst = malloc(sizeof(*burst));
	struct stream_segment segment;
	unsigned requests = 0;

	for (unsigned i = 0; i < 50; i++) {
		source_fill(source, mbufs);
		decode(burst, mbufs, BURST_PACKETS);
		for (unsigned k = 0; k < burst->count; k++) {
			const struct packet *packet = &burst->packets[k];

			if (packet->payload == NULL)
				continue;
			requests++;
			stream_segment_read(&segment, packet, &burst->keys[k], false);
			assert_false(segment.is_wrong);
			assert_int_equal(packet->payload_length, SOURCE_HTTP_BYTES);
			assert_memory_equal(packet->payload, "GET /path/", 10);
		}
		source_sink(source, mbufs, BURST_PACKETS);
	}
	assert_int_equal(requests, 50 * BURST_PACKETS / 10);
	free(burst);
	source_free(source);
}

// What a receiver makes of the requests of one burst.
// Without options and VLANs, from 10.`from` to 10.`to`, with right checksums.
static unsigned put_frame(
		uint8_t *frame, uint8_t protocol, const uint8_t from[3], const uint8_t to[3])
{
	const unsigned bytes = protocol == IPPROTO_UDP ? 28 : 40;
	uint8_t *ip = frame + 14, *transport = ip + 20;
	uint16_t sum;

	memcpy(frame, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0", 14);
	memset(ip, 0, bytes);
	ip[0] = 0x45;
	ip[3] = bytes;
	ip[9] = protocol;
	ip[12] = ip[16] = 10;
	memcpy(ip + 13, from, 3);
	memcpy(ip + 17, to, 3);
	sum = checksum_ip4(ip);
	memcpy(ip + 10, &sum, 2);
	memcpy(transport, from[1] == 0xfe ? "\0\x07\0\x09" : "\0\x09\0\x07", 4);
	if (protocol == IPPROTO_UDP)
		transport[5] = 8;
	else
		transport[12] = 0x50;
	// The pseudo header: addresses, protocol, length (RFC 768, RFC 9293 3.1).
	sum = checksum_words((const uint8_t[]){ 0, protocol, 0, bytes - 20 }, 4);
	sum = ~checksum_words((const uint8_t *)(const uint16_t[]){ sum,
					      checksum_words(ip + 12, bytes - 12) },
			4);
	memcpy(transport + (protocol == IPPROTO_UDP ? 6 : 16), &sum, 2);
	return 14 + bytes;
}

// A file of so many frames, both directions of each flow.
static void write_capture(FILE *file, unsigned count)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };
	uint8_t frame[64] = { 0 };

	fwrite(head, sizeof(head), 1, file);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t one[3] = { i / 2, 0xfe, 0xff }, other[3] = { 0xff, 0xff, i / 2 };
		const unsigned length = put_frame(frame, i % 4 < 2 ? IPPROTO_UDP : IPPROTO_TCP,
				i % 2 == 0 ? one : other, i % 2 == 0 ? other : one);
		const uint32_t record[] = { 1, i, 60, 60 };

		assert_in_range(length, 0, 60);
		fwrite(record, sizeof(record), 1, file);
		fwrite(frame, 60, 1, file);
	}
	fflush(file);
}

static void check_frame(const struct packet *packet, const struct flow_key *key)
{
	assert_true(packet->protocol == IPPROTO_UDP ?
					checksum_ip4_is_right(packet) &&
							checksum_udp_is_right(packet, key) :
					checksum_segment_is_right(packet, key, false));
	assert_int_equal(packet->data[15], 0);
}

// What a tag leaves in a frame is gone when that comes again.
static void a_capture_has_new_flows_with_each_pass(void **)
{
	enum {
		PASSES = 70
	};
	const struct traffic traffic = { .kind = SOURCE_CAPTURE, .renews = true };
	struct rte_mbuf *mbufs[BURST_PACKETS];
	struct burst *burst = malloc(sizeof(*burst));
	static struct flow_key keys[PASSES][BURST_PACKETS];
	char name[] = "/tmp/wiretag-capture-XXXXXX";
	FILE *file = fdopen(mkstemp(name), "w");
	struct source *source;

	write_capture(file, BURST_PACKETS);
	source = source_create(&traffic, name);
	fclose(file);
	unlink(name);
	assert_non_null(source);
	for (unsigned pass = 0; pass < PASSES; pass++) {
		source_fill(source, mbufs);
		decode(burst, mbufs, BURST_PACKETS);
		memcpy(keys[pass], burst->keys, sizeof(burst->keys));
		for (unsigned i = 0; i < BURST_PACKETS; i++) {
			check_frame(&burst->packets[i], &burst->keys[i]);
			burst->packets[i].data[15] = 0x20;
			burst->packets[i].data[24]++;
			assert_memory_equal(
					&keys[pass][i], &keys[pass][i & ~1u], sizeof(keys[0][0]));
			for (unsigned before = 0; before < pass; before++)
				assert_memory_not_equal(&keys[pass][i], &keys[before][i],
						sizeof(keys[0][0]));
		}
		source_sink(source, mbufs, BURST_PACKETS);
	}
	source_free(source);
	free(burst);
}

struct receiver {
	struct source *source;
	struct burst *burst;
	struct streams *streams;
	uint32_t numbers[BURST_PACKETS]; // of the streams
	unsigned waiting; // segments that brought nothing in order
	struct counters counters;
};

static void receive_handshakes(struct receiver *receiver)
{
	struct rte_mbuf *mbufs[BURST_PACKETS];
	struct stream_segment segment;
	unsigned opened = 0, count;

	while ((count = source_renew(receiver->source, mbufs, BURST_PACKETS)) > 0) {
		decode(receiver->burst, mbufs, count);
		for (unsigned k = 0; k < count && opened < BURST_PACKETS; k++) {
			if (receiver->burst->packets[k].tcp_flags != TH_SYN)
				continue;
			assert_true(streams_take(receiver->streams, &receiver->numbers[opened]));
			stream_segment_read(&segment, &receiver->burst->packets[k],
					&receiver->burst->keys[k], false);
			stream_accept(receiver->streams,
					streams_at(receiver->streams, receiver->numbers[opened++]),
					0, &segment);
		}
		source_sink(receiver->source, mbufs, count);
	}
	assert_int_equal(opened, BURST_PACKETS);
}

// How many bytes of request `k` there are in order, after its next segment.
static unsigned receive_piece(struct receiver *receiver, unsigned k)
{
	struct stream *stream = streams_at(receiver->streams, receiver->numbers[k]);
	struct stream_segment segment;
	struct stream_view view;

	stream_segment_read(
			&segment, &receiver->burst->packets[k], &receiver->burst->keys[k], false);
	assert_false(segment.is_wrong);
	assert_int_equal(segment.length, SOURCE_HTTP_BYTES / SOURCE_PIECES);
	assert_true(stream_accept(receiver->streams, stream, 0, &segment));
	if (!stream_offer(receiver->streams, stream, 0, &segment, &view)) {
		receiver->waiting++;
		return stream->sides[0].next - stream->sides[0].base;
	}
	assert_memory_equal(view.data, "GET /path/", 10);
	if (view.length == SOURCE_HTTP_BYTES)
		assert_memory_equal(view.data + SOURCE_HTTP_BYTES - 4, "\r\n\r\n", 4);
	assert_false(stream_advance(receiver->streams, stream, 0, &view, 0));
	return view.length;
}

// Returns how many segments had to wait.
static unsigned receive_pieces(bool is_swapped)
{
	const struct traffic traffic = { .kind = SOURCE_REQUESTS,
		.flows = FLOWS,
		.requests_percent = 100,
		.is_cut = true,
		.is_swapped = is_swapped };
	struct receiver receiver = { .source = create(&traffic),
		.burst = malloc(sizeof(struct burst)) };
	const struct streams_config config = { BURST_PACKETS, BURST_PACKETS, 0, STREAM_WINDOW_BYTES,
		-1, &receiver.counters };
	struct flow_key keys[BURST_PACKETS];
	struct rte_mbuf *mbufs[BURST_PACKETS];

	receiver.streams = streams_create(&config);
	receive_handshakes(&receiver);
	for (unsigned piece = 1; piece <= SOURCE_PIECES; piece++) {
		unsigned whole = is_swapped ? piece / 2 * 2 : piece;

		source_fill(receiver.source, mbufs);
		decode(receiver.burst, mbufs, BURST_PACKETS);
		if (piece == 1)
			memcpy(keys, receiver.burst->keys, sizeof(keys));
		assert_memory_equal(keys, receiver.burst->keys, sizeof(keys));
		for (unsigned k = 0; k < BURST_PACKETS; k++)
			assert_int_equal(receive_piece(&receiver, k),
					whole * SOURCE_HTTP_BYTES / SOURCE_PIECES);
		source_sink(receiver.source, mbufs, BURST_PACKETS);
	}
	source_fill(receiver.source, mbufs);
	decode(receiver.burst, mbufs, BURST_PACKETS);
	assert_memory_not_equal(keys, receiver.burst->keys, sizeof(keys[0]));
	assert_int_equal(receiver.counters.segments_beyond, 0);
	assert_int_equal(receiver.counters.segments_refused, 0);
	streams_free(receiver.streams);
	free(receiver.burst);
	source_free(receiver.source);
	return receiver.waiting;
}

static void cuts_requests_into_segments(void **)
{
	assert_int_equal(receive_pieces(false), 0);
}

static void lets_every_second_segment_wait(void **)
{
	assert_int_equal(receive_pieces(true), BURST_PACKETS * SOURCE_PIECES / 2);
}

static void opens_one_flow_in_so_many_packets(void **)
{
	const struct traffic traffic = { .kind = SOURCE_SYNS, .flows = FLOWS, .opens = 4 };
	struct source *source = create(&traffic);
	struct rte_mbuf *mbufs[BURST_PACKETS];
	struct burst *burst = malloc(sizeof(*burst));
	unsigned syns = 0;

	source_fill(source, mbufs);
	decode(burst, mbufs, BURST_PACKETS);
	for (unsigned k = 0; k < burst->count; k++)
		syns += burst->packets[k].tcp_flags == 0x02;
	assert_int_equal(syns, BURST_PACKETS / 4);
	source_sink(source, mbufs, BURST_PACKETS);
	free(burst);
	source_free(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_uniform_numbers),
		cmocka_unit_test(draws_by_zipfs_law),
		cmocka_unit_test(fills_datagrams_of_both_directions),
		cmocka_unit_test(a_capture_has_new_flows_with_each_pass),
		cmocka_unit_test(opens_every_flow_in_both_directions),
		cmocka_unit_test(mixes_requests_in),
		cmocka_unit_test(cuts_requests_into_segments),
		cmocka_unit_test(lets_every_second_segment_wait),
		cmocka_unit_test(opens_one_flow_in_so_many_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// The traffic of `wiretag bench`: flows drawn by the right law, frames that are what they say.
#include "bench_source.h"
#include "decode/decode.h"
#include "stream.h"

#include <rte_mbuf.h>

#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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
			stream_segment_read(&segment, packet, &burst->keys[k]);
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
		cmocka_unit_test(opens_every_flow_in_both_directions),
		cmocka_unit_test(mixes_requests_in),
		cmocka_unit_test(opens_one_flow_in_so_many_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

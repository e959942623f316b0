// SPDX-License-Identifier: BSD-3-Clause
#include "checksum.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	UDP_BYTES = 8,
	PAYLOAD_BYTES = 5, // odd
};

// From port 1000 to 53.
static const uint8_t datagram[] = { 0x03, 0xe8, 0, 53, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o' };

static const struct flow_key key4 = {
	.ends = {
		{ { [10] = 0xff, 0xff, 10, 0, 0, 1 } },
		{ { [10] = 0xff, 0xff, 10, 0, 0, 2 } },
	},
	.tunnel = FLOW_KEY_IP4,
};

// The same sum, as RFC 1071 adds it up.
static unsigned sum_of(const struct flow_key *key, const uint8_t *data, unsigned length)
{
	unsigned sum = IPPROTO_UDP + UDP_BYTES + PAYLOAD_BYTES;

	for (unsigned i = 0; i < 2 * sizeof(key->ends[0]); i++)
		sum += (unsigned)key->ends[i / 16].address[i % 16] << (i % 2 == 0 ? 8 : 0);
	for (unsigned i = 0; i < length; i++)
		sum += (unsigned)data[i] << (i % 2 == 0 ? 8 : 0);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static bool takes(const struct flow_key *key, unsigned checksum, unsigned flags)
{
	uint8_t *frame = malloc(1 + sizeof(datagram)); // so that it lies at an odd place
	struct packet packet = { .data = frame,
		.transport = 1,
		.payload = frame + 1 + UDP_BYTES,
		.payload_length = PAYLOAD_BYTES,
		.flags = (uint8_t)flags };
	bool is_right;

	memcpy(frame + 1, datagram, sizeof(datagram));
	frame[1 + 6] = (uint8_t)(checksum >> 8);
	frame[1 + 7] = (uint8_t)checksum;
	is_right = checksum_udp_is_right(&packet, key);
	free(frame);
	return is_right;
}

static void a_datagram_is_taken_with_the_one_right_sum(void **)
{
	const unsigned right = 0xffff ^ sum_of(&key4, datagram, sizeof(datagram));
	const unsigned bare = sum_of(&key4, datagram, 0);
	unsigned taken = 0;

	for (unsigned sum = 0; sum <= 0xffff; sum++)
		taken += takes(&key4, sum, 0);
	assert_true(takes(&key4, right, 0));
	assert_true(takes(&key4, bare, 0)); // for the sender's card to complete
	assert_true(takes(&key4, 0, 0)); // RFC 768
	assert_int_equal(taken, 3);
}

static void ip6_demands_a_checksum(void **)
{
	const struct flow_key key6 = { .ends = { { { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
						       { { 0x20, 1, 0xd, 0xb8, [15] = 2 } } } };

	assert_true(takes(&key6, 0xffff ^ sum_of(&key6, datagram, sizeof(datagram)), 0));
	assert_true(takes(&key6, sum_of(&key6, datagram, 0), 0));
	assert_false(takes(&key6, 0, 0));
	assert_false(takes(&key6, 0xdead, 0));
}

static void what_was_cut_short_is_not_judged(void **)
{
	assert_false(takes(&key4, 0xdead, 0));
	assert_true(takes(&key4, 0xdead, PACKET_TRUNCATED));
}

// Long runs of ones carry out of any word that they are added up in.
static void fill(uint8_t *bytes, size_t length, unsigned kind)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = kind == 0 ? 0 : kind == 1 ? 0xff : rand() >> 7;
}

static void segments_of_all_lengths_are_added_up(void **)
{
	enum {
		HEADER = 20,
		WORDS = 12,
		PLACE = 16,
		MOST = 700
	};
	// What is said of fragments spares the test an IPv4 header.
	struct packet packet = {
		.transport = HEADER, .protocol = IPPROTO_TCP, .flags = PACKET_REASSEMBLED
	};

	srand(1);
	for (size_t length = HEADER; length < MOST; length++) {
		uint8_t *segment = malloc(length);
		unsigned sum;

		fill(segment, length, length % 3);
		segment[WORDS] = HEADER / 4 << 4;
		packet.payload = segment + HEADER;
		packet.payload_length = length - HEADER;
		memset(segment + PLACE, 0, 2);
		sum = sum_of(&key4, segment, length) + (unsigned)length + 0xffff -
				(UDP_BYTES + PAYLOAD_BYTES) - IPPROTO_UDP + IPPROTO_TCP;
		sum = 0xffff ^ ((sum & 0xffff) + (sum >> 16));
		segment[PLACE] = (uint8_t)(sum >> 8);
		segment[PLACE + 1] = (uint8_t)sum;
		assert_true(checksum_segment_is_right(&packet, &key4, false));
		for (size_t i = 0; i < length; i++) {
			if (i == WORDS)
				continue;
			segment[i] ^= 1 << i % 8;
			assert_false(checksum_segment_is_right(&packet, &key4, false));
			assert_true(checksum_segment_is_right(&packet, &key4, true));
			segment[i] ^= 1 << i % 8;
		}
		free(segment);
	}
}

static void a_header_with_options_is_added_up(void **)
{
	enum {
		PLACE = 10,
		MOST = 60
	};
	uint8_t header[MOST];
	struct packet packet = { .data = header };

	for (unsigned words = 5; words <= MOST / 4; words++) {
		uint16_t sum;

		fill(header, MOST, 1 + words % 2);
		header[0] = 0x40 | words;
		memset(header + PLACE, 0, 2);
		sum = checksum_ip4(header);
		memcpy(header + PLACE, &sum, sizeof(sum));
		assert_true(checksum_ip4_is_right(&packet));
		header[4 * words - 1] ^= 1;
		assert_false(checksum_ip4_is_right(&packet));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_is_taken_with_the_one_right_sum),
		cmocka_unit_test(ip6_demands_a_checksum),
		cmocka_unit_test(what_was_cut_short_is_not_judged),
		cmocka_unit_test(segments_of_all_lengths_are_added_up),
		cmocka_unit_test(a_header_with_options_is_added_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "../decode_check.h"
#include "decode_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint8_t *padded_copy_of(const struct sample *sample, size_t length, size_t padding)
{
	uint8_t *copy = malloc(length + padding);

	assert_non_null(copy);
	memcpy(copy, sample->data, length);
	memset(copy + length, 0, padding);
	return copy;
}

static uint8_t *copy_of(const struct sample *sample, size_t length)
{
	return padded_copy_of(sample, length, 0);
}

static void check(const struct sample *sample, const char *fault)
{
	if (fault != NULL)
		fail_msg("%s: %s", sample->name, fault);
}

static void assert_key(const struct sample *sample, const struct flow_key *key)
{
	const struct expected *expected = &sample->expected;
	const uint8_t *ip = sample->data + expected->network;
	struct flow_key wanted = {
		.protocol_vlans = (uint32_t)expected->protocol << 24 | expected->vlans[0] << 12 |
				expected->vlans[1],
		.tunnel = expected->version == 4 ? FLOW_KEY_IP4 : 0,
	};
	unsigned sender = (expected->flags & PACKET_FROM_SECOND) != 0;

	for (unsigned i = 0; i < 2; i++) {
		uint8_t *address = wanted.ends[sender ^ i].address;

		if (expected->version == 6) {
			memcpy(address, ip + 8 + 16 * i, 16);
		} else {
			memset(address + 10, 0xff, 2);
			memcpy(address + 12, ip + 12 + 4 * i, 4);
		}
		wanted.ports_be[sender ^ i] = htobe16(expected->ports[i]);
	}
	if (memcmp(key, &wanted, sizeof(wanted)) != 0)
		fail_msg("%s: another key", sample->name);
}

static void assert_record(const struct sample *sample, const struct burst *burst)
{
	const struct expected *expected = &sample->expected;
	const struct packet *packet = &burst->packets[0];

	if (packet->reason != expected->reason)
		fail_msg("%s: reason %d", sample->name, packet->reason);
	if (packet->flags != expected->flags)
		fail_msg("%s: flags %#x", sample->name, packet->flags);
	assert_int_equal(packet->version, expected->version);
	assert_int_equal(packet->network, expected->network);
	assert_int_equal(packet->protocol, expected->protocol);
	assert_int_equal(packet->transport, expected->transport);
	assert_int_equal(packet->tcp_flags, expected->tcp_flags);
	assert_int_equal(packet->payload_length, expected->payload_length);
	assert_ptr_equal(packet->payload,
			expected->payload == 0 ? NULL : packet->data + expected->payload);
	if (expected->protocol != PROTOCOL_NONE)
		assert_key(sample, &burst->keys[0]);
}

static void decodes_as_expected(void **)
{
	static struct burst burst;

	for (size_t i = 0; i < COUNT(samples); i++) {
		const struct sample *sample = &samples[i];
		uint8_t *copy = copy_of(sample, sample->length);

		check(sample,
				decode_both(&burst, sample->link, copy, sample->length,
						sample->length + sample->cut));
		assert_record(sample, &burst);
		free(copy);
	}
}

// A prefix up to the payload has the sample's flow and what there is of the payload; a shorter one
// of a sample with a transport header has none.
static void assert_prefix(const struct sample *sample, const struct burst *burst, size_t length)
{
	const struct expected *expected = &sample->expected;
	const struct packet *packet = &burst->packets[0];
	size_t left = length - expected->payload;

	if (expected->reason != REASON_INSPECTED)
		return;
	if (length < expected->payload) {
		assert_true(packet->reason == REASON_MALFORMED ||
				packet->reason == REASON_FRAGMENT);
		if (packet->reason == REASON_MALFORMED)
			assert_int_equal(packet->transport, 0);
		return;
	}
	assert_key(sample, &burst->keys[0]);
	assert_int_equal(packet->transport, expected->transport);
	if (left >= expected->payload_length) {
		assert_int_equal(packet->payload_length, expected->payload_length);
	} else {
		assert_int_equal(packet->payload_length, left);
		assert_int_equal(packet->flags, expected->flags | PACKET_TRUNCATED);
	}
}

static void every_prefix_is_decoded(void **)
{
	static struct burst burst;

	for (size_t i = 0; i < COUNT(samples); i++) {
		const struct sample *sample = &samples[i];

		for (size_t length = 0; length <= sample->length; length++) {
			uint8_t *copy = copy_of(sample, length);

			// The wire ends here, too: only the lengths in the headers know of more.
			check(sample, decode_both(&burst, sample->link, copy, length, length));
			check(sample,
					decode_both(&burst, sample->link, copy, length,
							sample->length + sample->cut));
			assert_prefix(sample, &burst, length);
			free(copy);
		}
	}
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return *state >> 33;
}

static void any_change_is_decoded_the_same_by_both(void **)
{
	static struct burst burst;
	uint64_t state = 1;

	for (unsigned i = 0; i < 300000; i++) {
		const struct sample *sample = &samples[next_random(&state) % COUNT(samples)];
		// The fast path wants frames of a length that they have on a wire.
		size_t padding = next_random(&state) % 2 * 46;
		size_t length = sample->length;
		uint8_t *copy;

		if (length == 0)
			continue;
		if (next_random(&state) % 4 == 0)
			length = 1 + next_random(&state) % length;
		copy = padded_copy_of(sample, length, padding);
		length += padding;
		for (unsigned change = next_random(&state) % 4 + 1; change > 0; change--)
			copy[next_random(&state) % length] = next_random(&state);
		check(sample,
				decode_both(&burst, sample->link, copy, length,
						length + next_random(&state) % 3 * 20));
		free(copy);
	}
}

// All samples of a link in one burst come out as each alone, and a packet keeps its neighbours'
// bytes and its receiver's flag.
static void a_burst_is_its_packets(void **)
{
	static struct burst burst, single;
	unsigned count = 0;

	memset(&burst, 0xa5, sizeof(burst));
	burst.link = LINK_ETHERNET;
	for (size_t i = 0; i < COUNT(samples) && count < BURST_PACKETS; i++) {
		if (samples[i].link != LINK_ETHERNET)
			continue;
		burst.packets[count].data = copy_of(&samples[i], samples[i].length);
		burst.packets[count].length = samples[i].length;
		burst.packets[count].wire_length = samples[i].length;
		burst.packets[count].flags = PACKET_NO_HEADROOM | PACKET_NEW_FLOW | PACKET_TAGGED;
		count++;
	}
	burst.count = count;
	decode_burst(&burst, 0);
	for (unsigned i = 0; i < count; i++) {
		struct packet *packet = &burst.packets[i];

		decode_one(&single, LINK_ETHERNET, packet->data, packet->length, packet->length);
		single.packets[0].flags |= PACKET_NO_HEADROOM;
		assert_memory_equal(packet, &single.packets[0], sizeof(*packet));
		if (packet->protocol != PROTOCOL_NONE)
			assert_memory_equal(
					&burst.keys[i], &single.keys[0], sizeof(single.keys[0]));
		free(packet->data);
	}
}

static void both_directions_have_one_key(void **)
{
	uint8_t there[] = { ETHER(0x0800), IP4(36, 17), UDP(16), EIGHT };
	uint8_t back[] = { ETHER(0x0800), IP4_FROM_TO(5, 36, 0, 17, 198, 51, 100, 7, 192, 0, 2, 1),
		PORTS(53, 1000), 0, 16, 0, 0, EIGHT };
	static struct burst first, second;

	decode_one(&first, LINK_ETHERNET, there, sizeof(there), sizeof(there));
	decode_one(&second, LINK_ETHERNET, back, sizeof(back), sizeof(back));
	assert_memory_equal(&first.keys[0], &second.keys[0], sizeof(first.keys[0]));
	assert_int_equal(first.packets[0].flags, 0);
	assert_int_equal(second.packets[0].flags, PACKET_FROM_SECOND);
}

// More than 16 bits can count.
static void a_payload_is_at_most_65535_bytes(void **)
{
	static const uint8_t headers[] = { ETHER(0x0800), IP4(0, 6), TCP(5, 0x18) };
	static uint8_t frame[100000];
	static struct burst burst;
	const struct packet *packet = &burst.packets[0];

	memcpy(frame, headers, sizeof(headers));
	assert_null(decode_both(&burst, LINK_ETHERNET, frame, sizeof(frame), sizeof(frame)));
	assert_int_equal(packet->reason, REASON_INSPECTED);
	assert_int_equal(packet->payload_length, 65535);
	assert_int_equal(packet->flags, PACKET_TRUNCATED);
}

static void names_frames_that_are_not_ip(void **)
{
	for (size_t i = 0; i < COUNT(l2_frames); i++) {
		const struct l2_frame *frame = &l2_frames[i];
		uint8_t *copy = malloc(frame->length);
		struct packet packet = { .data = copy, .length = frame->length };

		assert_non_null(copy);
		memcpy(copy, frame->data, frame->length);
		assert_int_equal(decode_l2_kind(&packet, frame->link), frame->kind);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_as_expected),
		cmocka_unit_test(every_prefix_is_decoded),
		cmocka_unit_test(any_change_is_decoded_the_same_by_both),
		cmocka_unit_test(a_burst_is_its_packets),
		cmocka_unit_test(both_directions_have_one_key),
		cmocka_unit_test(a_payload_is_at_most_65535_bytes),
		cmocka_unit_test(names_frames_that_are_not_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

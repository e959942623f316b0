// SPDX-License-Identifier: BSD-3-Clause
#include "skype_datagram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A payload message with the given number, CRC and whole length; the text is of no matter.
static struct skype_datagram message(uint16_t id, uint32_t crc, size_t length)
{
	uint8_t bytes[SKYPE_HEADER_BYTES] = { id >> 8, id & 0xff, 0x02, 1, 2, 3, 4, crc >> 24,
		crc >> 16 & 0xff, crc >> 8 & 0xff, crc & 0xff };
	struct skype_datagram datagram;

	assert_true(skype_datagram_read(bytes, length, &datagram));
	assert_int_equal(datagram.crc, crc);
	return datagram;
}

// The published vectors: SkypeIRC.cap 176 and 307, and slide 41 of Biondi and Desclaux, 2006.
static void published_requests_are_known(void **)
{
	static const struct {
		uint16_t id;
		uint32_t crc;
	} vectors[] = { { 0x15e8, 0x7ce1ba8f }, { 0x7f4e, 0xfc95755e }, { 0x1611, 0x96270088 } };

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct skype_datagram datagram = message(vectors[i].id, vectors[i].crc, 18);

		assert_int_not_equal(skype_request_of(&datagram), SKYPE_NO_REQUEST);
		datagram.id++;
		assert_int_equal(skype_request_of(&datagram), SKYPE_NO_REQUEST);
		datagram.id--;
		datagram.length++;
		assert_int_equal(skype_request_of(&datagram), SKYPE_NO_REQUEST);
		for (int bit = 0; bit < 32; bit++) {
			datagram = message(vectors[i].id, vectors[i].crc ^ 1u << bit, 18);
			assert_int_equal(skype_request_of(&datagram), SKYPE_NO_REQUEST);
		}
	}
}

// SkypeIRC.cap 372 and 373: 30 bytes each, numbers 0x1627 and 0x1629.
static void published_siblings_are_known(void **)
{
	struct skype_datagram first = message(0x1627, 0x74208dba, 30);
	struct skype_datagram second = message(0x1629, 0x54a27b11, 30);
	struct skype_trace one, two;

	skype_trace(&first, &one);
	skype_trace(&second, &two);
	assert_true(skype_is_sibling(&one, &two));
	assert_true(skype_is_sibling(&two, &one));
	assert_false(skype_is_sibling(&one, &one));
	assert_false(skype_is_copy(&one, &two));
	for (int bit = 0; bit < 32; bit++) {
		second = message(0x1629, 0x54a27b11 ^ 1u << bit, 30);
		skype_trace(&second, &two);
		assert_false(skype_is_sibling(&one, &two));
	}
	second = message(0x1629, 0x54a27b11, 31);
	skype_trace(&second, &two);
	assert_false(skype_is_sibling(&one, &two));
}

static void the_same_text_is_a_copy_only_under_another_number(void **)
{
	struct skype_datagram first = message(10, 0x12345678, 346);
	struct skype_datagram second = message(12, 0x12345678, 346);
	struct skype_trace one, two;

	skype_trace(&first, &one);
	skype_trace(&second, &two);
	assert_true(skype_is_copy(&one, &two));
	assert_false(skype_is_copy(&one, &one));
}

// Bitwise, as the standard writes it down.
static uint32_t plain_crc(const uint8_t *bytes, size_t length)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return crc;
}

static void replies_are_bound_to_their_request(void **)
{
	static const struct {
		size_t length;
		size_t number_at;
		bool accepted;
		uint8_t text[15];
	} replies[] = {
		{ 7, 3, true, { 0x04, 0xe3, 0x01, 0, 0, 0x42, 0x15 } },
		{ 7, 2, false, { 0x05, 0x7b, 0, 0, 0x42, 0x3c, 0x25 } },
		{ 15, 3, false,
				{ 0x0c, 0xa3, 0x02, 0, 0, 0x42, 0xfc, 0xdf, 0x1c, 0x73, 0xf5, 0x80,
						0x56, 0x96, 0x8c } },
	};

	for (unsigned request = 0; request < 0x10000; request += 37) {
		for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
			uint16_t number = (uint16_t)(request - 1);
			struct skype_datagram datagram;
			bool accepted = !replies[i].accepted;
			uint8_t text[15];

			memcpy(text, replies[i].text, sizeof(text));
			text[replies[i].number_at] = number >> 8;
			text[replies[i].number_at + 1] = number & 0xff;
			datagram = message(0x4711, plain_crc(text, replies[i].length),
					11 + replies[i].length);
			assert_true(skype_is_reply(&datagram, (uint16_t)request, &accepted));
			assert_int_equal(accepted, replies[i].accepted);
			assert_false(skype_is_reply(&datagram, (uint16_t)(request + 1), NULL));
			assert_int_equal(skype_request_of(&datagram), SKYPE_NO_REQUEST);
		}
	}
}

// Random texts of every length that differ in their number alone, at offset 2 and at offset 3.
static void siblings_of_every_length_are_known(void **)
{
	uint8_t text[600];

	srand(1);
	for (size_t length = 7; length < sizeof(text); length += 1 + length / 16) {
		for (size_t at = 2; at <= 3; at++) {
			uint16_t ids[2] = { (uint16_t)rand(), (uint16_t)rand() };
			struct skype_trace traces[2];

			for (size_t i = 0; i < length; i++)
				text[i] = (uint8_t)rand();
			for (int i = 0; i < 2; i++) {
				struct skype_datagram datagram;

				text[at] = (uint16_t)(ids[i] - 1) >> 8;
				text[at + 1] = (uint8_t)(ids[i] - 1);
				datagram = message(ids[i], plain_crc(text, length), 11 + length);
				skype_trace(&datagram, &traces[i]);
			}
			assert_true(skype_is_sibling(&traces[0], &traces[1]));
			traces[1].id ^= 0x0100;
			assert_false(skype_is_sibling(&traces[0], &traces[1]));
		}
	}
}

static void a_resend_agrees_with_message_and_refusal(void **)
{
	static const uint8_t nak_bytes[11] = { 0x15, 0xe8, 0x77, 0x56, 0x80, 0xf5, 0x73, 0x24, 0x49,
		0x9e, 0xb8 };
	uint8_t bytes[23] = { 0x15, 0xe8, 0x63, 0x01, 0x24, 0x49, 0x9e, 0xb8, 0xa5, 0x7c, 0xfd,
		0xf1, 0x7c, 0xe1, 0xba, 0x8f };
	struct skype_datagram probe = message(0x15e8, 0x7ce1ba8f, 18), nak, resend;
	struct skype_trace trace;

	skype_trace(&probe, &trace);
	assert_true(skype_datagram_read(nak_bytes, sizeof(nak_bytes), &nak));
	assert_int_equal(nak.type, SKYPE_NAK);
	assert_int_equal(nak.address, 0x5680f573);
	assert_true(skype_datagram_read(bytes, sizeof(bytes), &resend));
	assert_true(skype_is_resend(&resend, &nak, &trace, 0xa57cfdf1));
	assert_false(skype_is_resend(&resend, &nak, &trace, 0xa57cfdf2));
	assert_false(skype_is_resend(&nak, &nak, &trace, 0xa57cfdf1));
	for (size_t i = 0; i < 16; i++) {
		if (i == 2)
			continue; // the random bits of the type
		bytes[i] ^= 0x10;
		assert_false(skype_datagram_read(bytes, sizeof(bytes), &resend) &&
				skype_is_resend(&resend, &nak, &trace, 0xa57cfdf1));
		bytes[i] ^= 0x10;
	}
	assert_true(skype_datagram_read(bytes, sizeof(bytes), &resend));
}

static void other_protocols_do_not_have_the_form(void **)
{
	static const uint8_t snmp[40] = { 0x30, 0x26, 0x02, 0x01 };
	static const uint8_t dns[30] = { 0x12, 0x34, 0x01, 0x00, 0x00, 0x01 };
	struct skype_datagram datagram;

	assert_true(skype_datagram_read(snmp, sizeof(snmp), &datagram)); // has the form
	assert_int_equal(skype_request_of(&datagram), SKYPE_NO_REQUEST); // proves nothing
	assert_false(skype_datagram_read(dns, sizeof(dns), &datagram));
	assert_false(skype_datagram_read((const uint8_t *)"\1\2\2", 2, &datagram));
}

// Exactly as many bytes as are said to be there, so that a sanitizer sees any read behind them.
static void every_prefix_is_read_within_its_bounds(void **)
{
	for (unsigned type = 0; type < 256; type++) {
		for (size_t length = 0; length <= 40; length++) {
			uint8_t *bytes = malloc(length + 1);
			uint8_t *exact = malloc(length == 0 ? 1 : length);
			struct skype_datagram datagram;
			struct skype_trace trace;

			memset(bytes, 1, length + 1);
			memcpy(exact, bytes, length);
			if (length > 2)
				exact[2] = (uint8_t)type;
			if (skype_datagram_read(exact, length, &datagram)) {
				assert_int_equal(skype_request_of(&datagram), SKYPE_NO_REQUEST);
				if (datagram.type == SKYPE_PAYLOAD)
					skype_trace(&datagram, &trace);
			}
			free(bytes);
			free(exact);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_requests_are_known),
		cmocka_unit_test(published_siblings_are_known),
		cmocka_unit_test(the_same_text_is_a_copy_only_under_another_number),
		cmocka_unit_test(replies_are_bound_to_their_request),
		cmocka_unit_test(siblings_of_every_length_are_known),
		cmocka_unit_test(a_resend_agrees_with_message_and_refusal),
		cmocka_unit_test(other_protocols_do_not_have_the_form),
		cmocka_unit_test(every_prefix_is_read_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

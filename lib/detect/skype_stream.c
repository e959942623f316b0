// SPDX-License-Identifier: BSD-3-Clause
#include "skype_stream.h"

#include <string.h>

enum {
	HELLO_CONSTANT_BYTES = 56,
	HELLO_BYTES = 72,
	ANSWER_BYTES = 79,
	RECORD_BYTES = 5, // a TLS record's header
	HEADER_BYTES = 10, // after them, obfuscated
	KNOWN_FROM = 2, // of the header: 00 00 00 01 00 00 00
	KNOWN_BYTES = 7,
	KEY_EXCHANGE_RELATIONS = 4,
};

static const uint8_t hello[HELLO_CONSTANT_BYTES] = { 0x80, 0x46, 0x01, 0x03, 0x01, 0x00, 0x2d, 0x00,
	0x00, 0x00, 0x10, 0x00, 0x00, 0x05, 0x00, 0x00, 0x04, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x09,
	0x00, 0x00, 0x64, 0x00, 0x00, 0x62, 0x00, 0x00, 0x08, 0x00, 0x00, 0x03, 0x00, 0x00, 0x06,
	0x01, 0x00, 0x80, 0x07, 0x00, 0xc0, 0x03, 0x00, 0x80, 0x06, 0x00, 0x40, 0x02, 0x00, 0x80,
	0x04, 0x00, 0x80 };

static const uint8_t answer[ANSWER_BYTES] = { 0x16, 0x03, 0x01, 0x00, 0x4a, 0x02, 0x00, 0x00, 0x46,
	0x03, 0x01, 0x40, 0x1b, 0xe4, 0x86, 0x02, 0xad, 0xe0, 0x29, 0xe1, 0x77, 0x74, 0xe5, 0x44,
	0xb9, 0xc9, 0x9c, 0xb4, 0x31, 0x31, 0x5e, 0x02, 0xdd, 0x77, 0x9d, 0x15, 0x4a, 0x96, 0x09,
	0xba, 0x5d, 0xa8, 0x70, 0x20, 0x1c, 0xa0, 0xe4, 0xf6, 0x4c, 0x63, 0x51, 0xae, 0x2f, 0x8e,
	0x4e, 0xe1, 0xe6, 0x76, 0x6a, 0x0a, 0x88, 0xd5, 0xd8, 0xc5, 0x5c, 0xae, 0x98, 0xc5, 0xe4,
	0x81, 0xf2, 0x2a, 0x69, 0xbf, 0x90, 0x58, 0x00, 0x05, 0x00 };

static const uint8_t greeting[RECORD_BYTES] = { 0x16, 0x03, 0x01, 0x00, 0x00 };

static bool starts_with(const uint8_t *data, size_t length, const uint8_t *start, size_t size)
{
	return length >= size && memcmp(data, start, size) == 0;
}

// How many bytes in a row follow from the one before by Skype's padding generator.
static size_t padding_relations(const uint8_t *data, size_t length)
{
	size_t count = 0;

	while (count + 1 < length && skype_pads(data[count], data[count + 1]))
		count++;
	return count;
}

bool skype_is_fake_hello(const uint8_t *data, size_t length)
{
	return length >= HELLO_BYTES && starts_with(data, length, hello, sizeof(hello)) &&
			padding_relations(data + sizeof(hello), HELLO_BYTES - sizeof(hello)) ==
			HELLO_BYTES - sizeof(hello) - 1;
}

bool skype_is_fake_answer(const uint8_t *data, size_t length)
{
	return starts_with(data, length, answer, sizeof(answer));
}

bool skype_is_login_greeting(const uint8_t *data, size_t length)
{
	return starts_with(data, length, greeting, sizeof(greeting));
}

bool skype_is_login_answer(const uint8_t *data, size_t length)
{
	static const uint8_t empty_data[RECORD_BYTES] = { 0x17, 0x03, 0x01, 0x00, 0x00 };

	return starts_with(data, length, empty_data, sizeof(empty_data));
}

bool skype_is_login_request(const uint8_t *data, size_t length)
{
	static const uint8_t of_2006[] = { 0x16, 0x03, 0x01, 0x00, 0xcd, 0x41, 0x03, 0x00, 0x09,
		0x80, 0x40, 0x04, 0x08, 0xc0, 0x01 };
	static const uint8_t of_2015[] = { 0x42, 0xcd, 0xef, 0xe7, 0x40, 0xd7, 0x2f, 0x1d };

	// In 2015 the client says its greeting again before it goes on.
	for (int again = 0; again < 2 && skype_is_login_greeting(data, length); again++) {
		data += sizeof(greeting);
		length -= sizeof(greeting);
	}
	return starts_with(data, length, of_2006, sizeof(of_2006)) ||
			(length > RECORD_BYTES && memcmp(data, greeting, 3) == 0 &&
					starts_with(data + RECORD_BYTES, length - RECORD_BYTES,
							of_2015, sizeof(of_2015)));
}

// Header zz zz 00 00 00 01 00 00 00 XX, then the key stream starts again: 2n+1, 03, padding.
static bool reuses_key_stream_at(const uint8_t *data, size_t length)
{
	static const uint8_t known[KNOWN_BYTES] = { 0, 0, 0, 1, 0, 0, 0 };
	const uint8_t *header = data + SKYPE_SEED_BYTES + KNOWN_FROM;
	const uint8_t *again = header + HEADER_BYTES;
	uint8_t padding[KNOWN_BYTES];

	if (length < SKYPE_SEED_BYTES + HEADER_BYTES + KNOWN_FROM + KNOWN_BYTES)
		return false;
	for (int i = 0; i < KNOWN_BYTES; i++)
		padding[i] = header[i] ^ known[i] ^ again[i];
	return padding_relations(padding, sizeof(padding)) == sizeof(padding) - 1;
}

bool skype_reuses_key_stream(const uint8_t *data, size_t length)
{
	if (skype_is_fake_hello(data, length))
		return reuses_key_stream_at(data + HELLO_BYTES, length - HELLO_BYTES);
	if (skype_is_fake_answer(data, length))
		return reuses_key_stream_at(data + ANSWER_BYTES, length - ANSWER_BYTES);
	return reuses_key_stream_at(data, length);
}

// Header 00 01 00 00 00 01 00 00 00 01, then 2*length, number, length, command f2 01, number - 1,
// 41 or 42.
bool skype_reuses_key_stream_unpadded(const uint8_t *data, size_t length)
{
	static const uint8_t known[HEADER_BYTES] = { 0, 1, 0, 0, 0, 1, 0, 0, 0, 1 };
	const uint8_t *header = data + SKYPE_SEED_BYTES;
	const uint8_t *again = header + HEADER_BYTES;
	uint8_t text[HEADER_BYTES - 1];
	uint16_t outer, inner;

	if (length < SKYPE_SEED_BYTES + HEADER_BYTES + sizeof(text))
		return false;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = header[i] ^ known[i] ^ again[i];
	outer = (uint16_t)(text[1] << 8 | text[2]);
	inner = (uint16_t)(text[6] << 8 | text[7]);
	return text[0] % 2 == 0 && text[4] == 0xf2 && text[5] == 0x01 &&
			inner == (uint16_t)(outer - 1) && (text[8] == 0x41 || text[8] == 0x42);
}

bool skype_pads_key_exchange(const uint8_t *data, size_t length)
{
	return length > SKYPE_EXCHANGE_BYTES &&
			padding_relations(data + SKYPE_EXCHANGE_BYTES,
					length - SKYPE_EXCHANGE_BYTES) >= KEY_EXCHANGE_RELATIONS;
}

bool skype_pads_key_exchange_briefly(const uint8_t *data, size_t length)
{
	return (length == SKYPE_EXCHANGE_BYTES + 3 || length == SKYPE_EXCHANGE_BYTES + 4) &&
			padding_relations(data + SKYPE_EXCHANGE_BYTES,
					length - SKYPE_EXCHANGE_BYTES) ==
			length - SKYPE_EXCHANGE_BYTES - 1;
}

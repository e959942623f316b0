// SPDX-License-Identifier: BSD-3-Clause
#include "skype_datagram.h"

#include <string.h>

enum {
	TYPE_MASK = 0x8f,
	PAYLOAD_HEADER_BYTES = 11, // id 2, type 1, IV 4, CRC 4
	RESEND_HEADER_BYTES = 16, // id 2, type 1, 1, nonce 4, destination 4, CRC 4
	RESEND_EXTRA_BYTES = RESEND_HEADER_BYTES - PAYLOAD_HEADER_BYTES,
	FRAGMENT_HEADER_BYTES = 15, // id 2, type 1, request 2, index 1, 2, IV 4, CRC 4
	ACK_BYTES = 11,
	TEXT_MIN_BYTES = 7, // length, command of two bytes, request id, object list of two
	FRAGMENT_MAX_BYTES = 1355,
	MESSAGE_MAX_BYTES = 1500,
};

static uint16_t load_be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t load_be32(const uint8_t *bytes)
{
	return (uint32_t)load_be16(bytes) << 16 | load_be16(bytes + 2);
}

static bool read_ack(const uint8_t *data, size_t length, struct skype_datagram *datagram)
{
	datagram->address = load_be32(data + 3);
	datagram->nonce = load_be32(data + 7);
	return length == ACK_BYTES;
}

static bool read_fragment(const uint8_t *data, size_t length, struct skype_datagram *datagram)
{
	if (length < FRAGMENT_HEADER_BYTES + 1 || length > FRAGMENT_MAX_BYTES || data[6] != 2)
		return false;
	datagram->request_id = load_be16(data + 3);
	datagram->fragment = data[5];
	datagram->iv = load_be32(data + 7);
	datagram->crc = load_be32(data + 11);
	return true;
}

static bool read_resend(const uint8_t *data, size_t length, struct skype_datagram *datagram)
{
	if (length < RESEND_HEADER_BYTES + TEXT_MIN_BYTES || data[3] != 1)
		return false;
	datagram->nonce = load_be32(data + 4);
	datagram->address = load_be32(data + 8);
	datagram->crc = load_be32(data + 12);
	return true;
}

bool skype_datagram_read(const uint8_t *data, size_t length, struct skype_datagram *datagram)
{
	if (length < 3 || length > MESSAGE_MAX_BYTES)
		return false;
	*datagram = (struct skype_datagram){
		.id = load_be16(data),
		.type = data[2] & TYPE_MASK,
		.length = (uint16_t)length,
	};
	if (datagram->type == SKYPE_MEDIA)
		return true;
	if (length < ACK_BYTES)
		return false;
	switch (datagram->type) {
	case SKYPE_PAYLOAD:
		datagram->iv = load_be32(data + 3);
		datagram->crc = load_be32(data + 7);
		return data[2] == SKYPE_PAYLOAD && length >= PAYLOAD_HEADER_BYTES + TEXT_MIN_BYTES;
	case SKYPE_RESEND:
		return read_resend(data, length, datagram);
	case SKYPE_ACK:
	case SKYPE_NAK:
		return read_ack(data, length, datagram);
	case SKYPE_FRAGMENT:
		return read_fragment(data, length, datagram);
	default:
		return false;
	}
}

// CRC-32 with the reflected polynomial 0xEDB88320, by nibbles. Skype starts at all ones and does
// not invert at the end.
static uint32_t crc_bytes(uint32_t crc, const uint8_t *bytes, size_t length)
{
	static const uint32_t table[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
		0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

// Takes `count` zero bytes off the end again: the step is a bijection, undone bit by bit; the top
// bit tells whether the polynomial went in.
static uint32_t crc_undo_zeros(uint32_t crc, unsigned count)
{
	for (unsigned bit = 0; bit < 8 * count; bit++)
		crc = (crc & 0x80000000u) != 0 ? (crc ^ 0xedb88320u) << 1 | 1 : crc << 1;
	return crc;
}

// A message's text as it is but for its number: that stands at `number_at`.
struct template
{
	uint8_t length;
	uint8_t number_at;
	uint8_t text[15];
};

static bool is_template(const struct skype_datagram *datagram, const struct template *template,
		uint16_t number)
{
	uint8_t text[sizeof(template->text)];

	if (datagram->length != PAYLOAD_HEADER_BYTES + template->length)
		return false;
	memcpy(text, template->text, sizeof(text));
	text[template->number_at] = number >> 8;
	text[template->number_at + 1] = number & 0xff;
	return crc_bytes(0xffffffff, text, template->length) == datagram->crc;
}

enum skype_request skype_request_of(const struct skype_datagram *datagram)
{
	static const struct template requests[] = {
		[SKYPE_PROBE] = { 7, 3, { 0x04, 0xda, 0x01, 0, 0, 0x42, 0x15 } },
		[SKYPE_PING] = { 7, 3, { 0x04, 0x9a, 0x02, 0, 0, 0x42, 0x15 } },
		[SKYPE_NODES_WANTED] = { 11, 3,
				{ 0x08, 0xe2, 0x02, 0, 0, 0x42, 0xb3, 0x79, 0x93, 0x96, 0xa0 } },
	};

	if (datagram->type != SKYPE_PAYLOAD)
		return SKYPE_NO_REQUEST;
	for (size_t i = SKYPE_PROBE; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (is_template(datagram, &requests[i], datagram->id - 1))
			return i;
	return SKYPE_NO_REQUEST;
}

bool skype_is_reply(const struct skype_datagram *datagram, uint16_t request_id, bool *accepted)
{
	static const struct template replies[] = {
		{ 7, 3, { 0x04, 0xe3, 0x01, 0, 0, 0x42, 0x15 } }, // probe accepted, command 0x1c
		{ 7, 2, { 0x05, 0x7b, 0, 0, 0x42, 0x3c, 0x25 } }, // command 0x0f
		{ 15, 3,
				{ 0x0c, 0xa3, 0x02, 0, 0, 0x42, 0xfc, 0xdf, 0x1c, 0x73, 0xf5, 0x80,
						0x56, 0x96, 0x8c } }, // pong, command 0x24
	};

	if (datagram->type != SKYPE_PAYLOAD)
		return false;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		if (is_template(datagram, &replies[i], request_id - 1)) {
			if (accepted != NULL)
				*accepted = i == 0;
			return true;
		}
	}
	return false;
}

void skype_trace(const struct skype_datagram *datagram, struct skype_trace *trace)
{
	unsigned text = datagram->length - PAYLOAD_HEADER_BYTES;

	trace->id = datagram->id;
	trace->length = datagram->length;
	trace->crc = datagram->crc;
	trace->unrolled[0] = crc_undo_zeros(datagram->crc, text - 4);
	trace->unrolled[1] = crc_undo_zeros(datagram->crc, text - 5);
}

bool skype_is_sibling(const struct skype_trace *one, const struct skype_trace *two)
{
	uint16_t difference = (uint16_t)((one->id - 1) ^ (two->id - 1));
	const uint8_t bytes[2] = { difference >> 8, difference & 0xff };
	uint32_t expected = crc_bytes(0, bytes, sizeof(bytes));

	return difference != 0 && one->length == two->length &&
			((one->unrolled[0] ^ two->unrolled[0]) == expected ||
					(one->unrolled[1] ^ two->unrolled[1]) == expected);
}

bool skype_is_copy(const struct skype_trace *one, const struct skype_trace *two)
{
	return one->id != two->id && one->length == two->length && one->crc == two->crc;
}

bool skype_is_resend(const struct skype_datagram *resend, const struct skype_datagram *nak,
		const struct skype_trace *message, uint32_t destination)
{
	return resend->type == SKYPE_RESEND && nak->type == SKYPE_NAK &&
			resend->id == message->id && nak->id == message->id &&
			resend->crc == message->crc && resend->nonce == nak->nonce &&
			resend->length == message->length + RESEND_EXTRA_BYTES &&
			resend->address == destination;
}

bool skype_is_foreign_port(uint16_t port)
{
	static const uint16_t ports[] = { 53, 123, 161, 500, 1900, 3478, 4500, 5353 };

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (port == ports[i])
			return true;
	return false;
}

// SPDX-License-Identifier: BSD-3-Clause
// User packets in GTP-U, 3GPP TS 29.281.
#include "decode/decoder.h"

enum {
	HEADER_BYTES = 8,
	OPTIONAL_BYTES = 4, // sequence, N-PDU number and next extension: all there if one is wanted
	VERSION_1 = 0x30, // with the bit that tells GTP from GTP'
	VERSION_BITS = 0xf0,
	HAS_OPTIONAL = 0x07,
	HAS_EXTENSION = 0x04,
	T_PDU = 255,
	EXTENSIONS_MAX = 4,
};

// 5.2.1: length in words, content, type of the next. False when they do not end.
static bool skip_extensions(struct cursor *cursor, uint8_t type)
{
	for (int i = 0; type != 0; i++) {
		const uint8_t *length = cursor_take(cursor, 1);
		const uint8_t *rest;

		if (i == EXTENSIONS_MAX || length == NULL || *length == 0)
			return false;
		rest = cursor_take(cursor, *length * 4 - 1);
		if (rest == NULL)
			return false;
		type = rest[*length * 4 - 2];
	}
	return true;
}

// The endpoint's number is another one in each direction, so only the addresses tell tunnels apart:
// two subscribers with one private address behind the same two nodes are one.
static struct next gtp_u_decode(struct decoding *decoding)
{
	struct cursor *cursor = &decoding->cursor;
	const uint8_t *header = cursor_take(cursor, HEADER_BYTES);
	const uint8_t *optional;

	if (header == NULL || (header[0] & VERSION_BITS) != VERSION_1 || header[1] != T_PDU)
		return next_end(REASON_NOT_IP);
	decoding_limit(decoding, read_be16(header + 2));
	if ((header[0] & HAS_OPTIONAL) != 0) {
		optional = cursor_take(cursor, OPTIONAL_BYTES);
		if (optional == NULL ||
				((header[0] & HAS_EXTENSION) != 0 &&
						!skip_extensions(cursor, optional[3])))
			return next_end(REASON_NOT_IP);
	}
	if (cursor_left(cursor) == 0)
		return next_end(REASON_NOT_IP);
	decoding_tunnel(decoding, DECODER_gtp_u, 0);
	return next_ip(cursor->at[0] >> 4);
}

const struct decoder decoder_gtp_u = {
	.parent = LAYER_UDP_PORT,
	.keys = { 2152 },
	.key_count = 1,
	.tunnel = "gtp-u",
	.decode = gtp_u_decode,
};

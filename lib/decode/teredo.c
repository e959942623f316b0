// SPDX-License-Identifier: BSD-3-Clause
// Teredo, RFC 4380: IPv6 in UDP, to or from a server or relay.
#include "decode/decoder.h"

enum {
	INDICATOR_AUTHENTICATION = 1,
	INDICATOR_ORIGIN = 0,
	ORIGIN_BYTES = 8,
	NONCE_BYTES = 9, // with the confirmation behind it
	IP6_BYTES = 40,
};

// 5.1.1: the lengths of client identifier and authentication value, both, nonce, confirmation.
static bool skip_authentication(struct cursor *cursor)
{
	const uint8_t *header;

	if (cursor_left(cursor) < 4 || read_be16(cursor->at) != INDICATOR_AUTHENTICATION)
		return true;
	header = cursor_take(cursor, 4);
	return cursor_take(cursor, header[2] + header[3] + NONCE_BYTES) != NULL;
}

// Obfuscated port and address.
static void skip_origin(struct cursor *cursor)
{
	if (cursor_left(cursor) >= ORIGIN_BYTES && read_be16(cursor->at) == INDICATOR_ORIGIN)
		cursor_take(cursor, ORIGIN_BYTES);
}

// 2.6 and 4: one end has a Teredo address, or asks a server for one from a link-local address.
static bool is_teredo(const uint8_t *address)
{
	return read_be32(address) == 0x20010000 || (read_be16(address) & 0xffc0) == 0xfe80;
}

static struct next teredo_decode(struct decoding *decoding)
{
	struct cursor *cursor = &decoding->cursor;

	if (!skip_authentication(cursor))
		return next_end(REASON_NOT_IP);
	skip_origin(cursor);
	if (cursor_left(cursor) < IP6_BYTES ||
			(!is_teredo(cursor->at + 8) && !is_teredo(cursor->at + 24)))
		return next_end(REASON_NOT_IP);
	decoding_tunnel(decoding, DECODER_teredo, 0);
	return next_ip(6);
}

const struct decoder decoder_teredo = {
	.parent = LAYER_UDP_PORT,
	.keys = { 3544 },
	.key_count = 1,
	.tunnel = "teredo",
	.decode = teredo_decode,
};

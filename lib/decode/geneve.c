// SPDX-License-Identifier: BSD-3-Clause
// Geneve, RFC 8926.
#include "decode/decoder.h"

enum {
	HEADER_BYTES = 8,
	VERSION = 0xc0,
	OPTIONS_WORDS = 0x3f,
	IS_CONTROL = 0x80, // no data packet
};

static struct next geneve_decode(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, HEADER_BYTES);

	if (header == NULL || (header[0] & VERSION) != 0 || (header[1] & IS_CONTROL) != 0)
		return next_end(REASON_NOT_IP);
	if (cursor_take(&decoding->cursor, (header[0] & OPTIONS_WORDS) * 4) == NULL)
		return next_end(REASON_NOT_IP);
	decoding_tunnel(decoding, DECODER_geneve, read_be32(header + 4) >> 8);
	return (struct next){ LAYER_ETHERTYPE, REASON_NOT_IP, read_be16(header + 2), 0 };
}

const struct decoder decoder_geneve = {
	.parent = LAYER_UDP_PORT,
	.keys = { 6081 },
	.key_count = 1,
	.tunnel = "geneve",
	.decode = geneve_decode,
};

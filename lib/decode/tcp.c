// SPDX-License-Identifier: BSD-3-Clause
// TCP, RFC 9293.
#include "decode/decoder.h"

#include <netinet/in.h>

enum {
	HEADER_BYTES = 20 // without options
};

static struct next tcp_decode(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, HEADER_BYTES);
	unsigned length;

	if (header == NULL)
		return next_short_transport(decoding);
	length = (header[12] >> 4) * 4;
	if (length < HEADER_BYTES) // RFC 9293 3.1: the data offset counts the header
		return next_end(REASON_MALFORMED);
	if (cursor_take(&decoding->cursor, length - HEADER_BYTES) == NULL) {
		decoding->cursor.at = header;
		return next_short_transport(decoding);
	}
	decoding->packet->tcp_flags = header[13];
	decoding_ports(decoding, header);
	return next_end(decoding_payload(decoding));
}

const struct decoder decoder_tcp = {
	.parent = LAYER_IP_PROTOCOL,
	.keys = { IPPROTO_TCP },
	.key_count = 1,
	.decode = tcp_decode,
};

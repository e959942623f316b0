// SPDX-License-Identifier: BSD-3-Clause
// UDP, RFC 768.
#include "decode/decoder.h"

#include <netinet/in.h>

enum {
	HEADER_BYTES = 8
};

static struct next udp_decode(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, HEADER_BYTES);
	bool is_whole = !decoding->is_cut && !decoding->is_fragment;
	unsigned length;

	if (header == NULL)
		return next_short(decoding);
	length = read_be16(header + 4);
	if (length != 0 || !decoding->is_jumbo) { // RFC 2675 4: 0 goes to the end of a jumbogram
		// RFC 768: the length counts the header, and cannot exceed what IP carries.
		if (length < HEADER_BYTES ||
				(is_whole &&
						length - HEADER_BYTES >
								cursor_left(&decoding->cursor)))
			return next_end(REASON_MALFORMED);
		decoding_limit(decoding, length - HEADER_BYTES);
	}
	decoding_ports(decoding, header);
	return (struct next){ LAYER_UDP_PORT, decoding_payload(decoding), read_be16(header + 2),
		read_be16(header) };
}

const struct decoder decoder_udp = {
	.parent = LAYER_IP_PROTOCOL,
	.keys = { IPPROTO_UDP },
	.key_count = 1,
	.decode = udp_decode,
};

// SPDX-License-Identifier: BSD-3-Clause
// Headers between IP and the transport that only have to be skipped: the extension headers of
// IPv6 that tell their length, in any order (RFC 8200 4.1), and authentication in both versions.
#include "decode/decoder.h"

#include <netinet/in.h>

enum {
	PROTOCOL_HIP = 139, // RFC 7401 5.1
	PROTOCOL_SHIM6 = 140, // RFC 5533 5.1
	SMALLEST_BYTES = 8,
};

static struct next ip_extension_decode(struct decoding *decoding)
{
	struct cursor ahead = decoding->cursor;
	const uint8_t *header = cursor_take(&ahead, SMALLEST_BYTES);
	bool is_ah = decoding->packet->protocol == IPPROTO_AH;
	unsigned length;

	// To IPv4 all others are protocols like any other.
	if (!is_ah && flow_key_is_ip4(decoding->key))
		return next_end(REASON_NO_TRANSPORT);
	if (header == NULL)
		return next_short(decoding);
	// RFC 8200 4.3: in units of 8 bytes, without the first.
	// RFC 4302 2.2: in units of 4 bytes, without the first two; 12 bytes are always there.
	if (is_ah && header[1] == 0)
		return next_end(REASON_MALFORMED);
	length = is_ah ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
	if (cursor_take(&decoding->cursor, length) == NULL)
		return next_short(decoding);
	return next_ip_protocol(decoding, header[0]);
}

const struct decoder decoder_ip_extension = {
	.parent = LAYER_IP_PROTOCOL,
	.keys = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH, IPPROTO_MH,
			PROTOCOL_HIP, PROTOCOL_SHIM6 },
	.key_count = 7,
	.decode = ip_extension_decode,
};

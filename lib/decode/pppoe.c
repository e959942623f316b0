// SPDX-License-Identifier: BSD-3-Clause
// PPPoE sessions, RFC 2516.
#include "decode/decoder.h"

enum {
	HEADER_BYTES = 6,
	VERSION_TYPE = 0x11, // RFC 2516 4, with CODE 0 behind it
};

// IANA's PPP protocol numbers.
static struct next ppp_next(uint16_t protocol)
{
	switch (protocol) {
	case 0x0021:
		return next_ip(4);
	case 0x0057:
		return next_ip(6);
	case 0x0281:
	case 0x0283:
		return (struct next){ LAYER_ETHERTYPE, REASON_NOT_IP, ETHERTYPE_MPLS, 0 };
	default:
		return next_end(REASON_NOT_IP);
	}
}

// A session's number is one of the concentrator's and the client's addresses together (RFC 2516 4).
static uint64_t session_id(const struct decoding *decoding, uint16_t session)
{
	const uint8_t *ethernet = decoding->ethernet;

	if (ethernet == NULL)
		return session;
	return session + (((read_be64(ethernet) >> 16) + (read_be64(ethernet + 6) >> 16)) << 16);
}

static struct next pppoe_decode(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, HEADER_BYTES);
	const uint8_t *protocol;
	unsigned number;

	if (header == NULL)
		return next_short(decoding);
	if (header[0] != VERSION_TYPE || header[1] != 0)
		return next_end(REASON_NOT_IP);
	decoding_limit(decoding, read_be16(header + 4));
	protocol = cursor_take(&decoding->cursor, 1);
	if (protocol == NULL)
		return next_short(decoding);
	number = *protocol;
	// RFC 1661 6.5: compressed, a number is its second byte, which is odd; the first never is.
	if (number % 2 == 0) {
		protocol = cursor_take(&decoding->cursor, 1);
		if (protocol == NULL)
			return next_short(decoding);
		number = number << 8 | *protocol;
	}
	decoding_tunnel(decoding, DECODER_pppoe, session_id(decoding, read_be16(header + 2)));
	return ppp_next(number);
}

const struct decoder decoder_pppoe = {
	.parent = LAYER_ETHERTYPE,
	.keys = { 0x8864 },
	.key_count = 1,
	.tunnel = "pppoe",
	.decode = pppoe_decode,
};

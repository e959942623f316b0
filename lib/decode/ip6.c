// SPDX-License-Identifier: BSD-3-Clause
// IPv6, RFC 8200, with jumbograms, RFC 2675.
#include "decode/decoder.h"

enum {
	HEADER_BYTES = 40
};

static struct next ip6_decode(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, HEADER_BYTES);
	unsigned length;

	if (header == NULL)
		return next_short(decoding);
	if (header[0] >> 4 != 6) // RFC 8200 3
		return next_end(REASON_MALFORMED);
	decoding_ip(decoding, 6, header);
	length = read_be16(header + 4);
	// 0 is no length, but a jumbogram (RFC 2675 3), or what a capture shows of a packet above
	// 65535 bytes that the sender's NIC is about to cut into segments, which has no jumbo
	// option: both go to the end of the frame.
	if (length != 0)
		decoding_limit(decoding, length);
	decoding->is_jumbo = length == 0;
	return next_ip_protocol(decoding, header[6]);
}

const struct decoder decoder_ip6 = {
	.parent = LAYER_ETHERTYPE,
	.keys = { 0x86dd },
	.key_count = 1,
	.decode = ip6_decode,
};

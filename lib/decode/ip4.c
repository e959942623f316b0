// SPDX-License-Identifier: BSD-3-Clause
// IPv4, RFC 791.
#include "decode/decoder.h"

enum {
	HEADER_BYTES = 20, // without options
	MORE_FRAGMENTS = 0x2000,
	FRAGMENT_OFFSET = 0x1fff,
};

static struct next ip4_decode(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, HEADER_BYTES);
	unsigned length, total, fragment;

	if (header == NULL)
		return next_short(decoding);
	length = (header[0] & 0xf) * 4;
	total = read_be16(header + 2);
	fragment = read_be16(header + 6);
	// RFC 791 3.1: the header has 5 words or more, options are part of it, and the total
	// length counts it.
	if (header[0] >> 4 != 4 || length < HEADER_BYTES || (total != 0 && total < length))
		return next_end(REASON_MALFORMED);
	if (cursor_take(&decoding->cursor, length - HEADER_BYTES) == NULL)
		return next_short(decoding);
	decoding_ip(decoding, 4, header);
	// 0 is no length, but what a capture shows of a packet above 65535 bytes that the sender's
	// NIC is about to cut into segments: it goes to the end of the frame.
	if (total != 0)
		decoding_limit(decoding, total - length);
	decoding->is_jumbo = false;
	// RFC 791 3.2: only the fragment with offset 0 has the transport header.
	if ((fragment & (FRAGMENT_OFFSET | MORE_FRAGMENTS)) != 0)
		decoding_fragment(decoding);
	if ((fragment & FRAGMENT_OFFSET) != 0) {
		decoding->packet->protocol = header[9];
		return next_end(REASON_FRAGMENT);
	}
	decoding->is_fragment |= (fragment & MORE_FRAGMENTS) != 0;
	return next_ip_protocol(decoding, header[9]);
}

const struct decoder decoder_ip4 = {
	.parent = LAYER_ETHERTYPE,
	.keys = { 0x0800 },
	.key_count = 1,
	.decode = ip4_decode,
};

// SPDX-License-Identifier: BSD-3-Clause
// The fragment header of IPv6, RFC 8200 4.5.
#include "decode/decoder.h"

#include <netinet/in.h>

enum {
	HEADER_BYTES = 8,
	FRAGMENT_OFFSET = 0xfff8,
	MORE_FRAGMENTS = 1,
};

static struct next ip6_fragment_decode(struct decoding *decoding)
{
	const uint8_t *header;
	unsigned fragment;

	if (flow_key_is_ip4(decoding->key))
		return next_end(REASON_NO_TRANSPORT);
	header = cursor_take(&decoding->cursor, HEADER_BYTES);
	if (header == NULL)
		return next_short(decoding);
	fragment = read_be16(header + 2);
	// Neither offset nor more fragments: whole, RFC 6946.
	if ((fragment & (FRAGMENT_OFFSET | MORE_FRAGMENTS)) != 0)
		decoding_fragment(decoding);
	if ((fragment & FRAGMENT_OFFSET) != 0) {
		decoding->packet->protocol = header[0];
		return next_end(REASON_FRAGMENT);
	}
	decoding->is_fragment |= (fragment & MORE_FRAGMENTS) != 0;
	return next_ip_protocol(decoding, header[0]);
}

const struct decoder decoder_ip6_fragment = {
	.parent = LAYER_IP_PROTOCOL,
	.keys = { IPPROTO_FRAGMENT },
	.key_count = 1,
	.decode = ip6_fragment_decode,
};

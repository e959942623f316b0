// SPDX-License-Identifier: BSD-3-Clause
// Ethernet frames in tunnels: transparent bridging, RFC 1701.
#include "decode/decoder.h"

static struct next bridged_decode(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, 14);

	if (header == NULL)
		return next_short(decoding);
	decoding->ethernet = header;
	return (struct next){ LAYER_ETHERTYPE, REASON_NOT_IP, read_be16(header + 12), 0 };
}

const struct decoder decoder_bridged = {
	.parent = LAYER_ETHERTYPE,
	.keys = { ETHERTYPE_BRIDGED },
	.key_count = 1,
	.decode = bridged_decode,
};

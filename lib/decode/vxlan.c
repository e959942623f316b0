// SPDX-License-Identifier: BSD-3-Clause
// VXLAN, RFC 7348, also on the port that Linux took before there was one.
#include "decode/decoder.h"

enum {
	HEADER_BYTES = 8,
	HAS_NETWORK = 0x08,
	IS_EXTENDED = 0x04, // something else than Ethernet may follow (draft-ietf-nvo3-vxlan-gpe 3.1)
};

static struct next vxlan_decode(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, HEADER_BYTES);

	if (header == NULL || (header[0] & (HAS_NETWORK | IS_EXTENDED)) != HAS_NETWORK)
		return next_end(REASON_NOT_IP);
	decoding_tunnel(decoding, DECODER_vxlan, read_be32(header + 4) >> 8);
	return (struct next){ LAYER_ETHERTYPE, REASON_NOT_IP, ETHERTYPE_BRIDGED, 0 };
}

const struct decoder decoder_vxlan = {
	.parent = LAYER_UDP_PORT,
	.keys = { 4789, 8472 },
	.key_count = 2,
	.tunnel = "vxlan",
	.decode = vxlan_decode,
};

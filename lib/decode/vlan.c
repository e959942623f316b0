// SPDX-License-Identifier: BSD-3-Clause
// IEEE 802.1Q and 802.1ad tags, in stacks.
#include "decode/decoder.h"

static struct next vlan_decode(struct decoding *decoding)
{
	const uint8_t *tag = cursor_take(&decoding->cursor, 4);

	if (tag == NULL)
		return next_short(decoding);
	// Of a stack, the outermost and the innermost tag tell flows apart.
	decoding->vlans[decoding->vlan_count != 0] = read_be16(tag) & 0xfff;
	decoding->vlan_count++;
	return (struct next){ LAYER_ETHERTYPE, REASON_NOT_IP, read_be16(tag + 2), 0 };
}

const struct decoder decoder_vlan = {
	.parent = LAYER_ETHERTYPE,
	.keys = { 0x8100, 0x88a8, 0x9100 },
	.key_count = 3,
	.decode = vlan_decode,
};

// SPDX-License-Identifier: BSD-3-Clause
// Generic routing encapsulation, RFC 2784 and RFC 2890, and NVGRE, RFC 7637.
#include "decode/decoder.h"

#include <netinet/in.h>

enum {
	HAS_CHECKSUM = 0x8000,
	HAS_KEY = 0x2000,
	HAS_SEQUENCE = 0x1000,
};

static struct next gre_decode(struct decoding *decoding)
{
	const uint8_t *header = cursor_take(&decoding->cursor, 4);
	unsigned flags, type, length;
	const uint8_t *options;
	uint32_t key = 0;

	if (header == NULL)
		return next_short(decoding);
	flags = read_be16(header);
	type = read_be16(header + 2);
	// Version 1 is PPTP's, with a PPP that is usually encrypted (RFC 2637 4.1). Other bits are
	// the source routes of RFC 1701, not to be followed (RFC 2784 2.3).
	if ((flags & ~(HAS_CHECKSUM | HAS_KEY | HAS_SEQUENCE)) != 0)
		return next_end(REASON_NO_TRANSPORT);
	length = 4 *
			(((flags & HAS_CHECKSUM) != 0) + ((flags & HAS_KEY) != 0) +
					((flags & HAS_SEQUENCE) != 0));
	options = cursor_take(&decoding->cursor, length);
	if (options == NULL)
		return next_short(decoding);
	// Who uses keys has one for both directions, and one for each of his networks, which may have
	// the same addresses (RFC 2890 2.1 says nothing of directions). Where somebody has another
	// one each way, the directions are two flows. That of NVGRE ends in a number of the flow
	// (RFC 7637 3.2), which is left out.
	if ((flags & HAS_KEY) != 0) {
		key = read_be32(options + ((flags & HAS_CHECKSUM) != 0 ? 4 : 0));
		if (flags == HAS_KEY && type == ETHERTYPE_BRIDGED)
			key >>= 8;
	}
	decoding_tunnel(decoding, DECODER_gre, key);
	return (struct next){ LAYER_ETHERTYPE, REASON_NOT_IP, type, 0 };
}

const struct decoder decoder_gre = {
	.parent = LAYER_IP_PROTOCOL,
	.keys = { IPPROTO_GRE },
	.key_count = 1,
	.tunnel = "gre",
	.decode = gre_decode,
};

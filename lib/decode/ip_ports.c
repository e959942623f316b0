// SPDX-License-Identifier: BSD-3-Clause
// Transports that have ports where UDP has them, and no payload that we inspect.
#include "decode/decoder.h"

#include <netinet/in.h>

static struct next ip_ports_decode(struct decoding *decoding)
{
	// The smallest header: RFC 9260 3.1, RFC 4340 5.1 and RFC 3828 3.1.
	unsigned length = decoding->packet->protocol == IPPROTO_UDPLITE ? 8 : 12;
	const uint8_t *header = cursor_take(&decoding->cursor, length);

	if (header == NULL)
		return next_short_transport(decoding);
	decoding_ports(decoding, header);
	return next_end(REASON_NO_TRANSPORT);
}

const struct decoder decoder_ip_ports = {
	.parent = LAYER_IP_PROTOCOL,
	.keys = { IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE },
	.key_count = 3,
	.decode = ip_ports_decode,
};

// SPDX-License-Identifier: BSD-3-Clause
// IP in IP, of any two versions: RFC 2003, RFC 4213 and RFC 2473.
#include "decode/decoder.h"

#include <netinet/in.h>

static struct next ip_in_ip_decode(struct decoding *decoding)
{
	bool is_ip4 = decoding->packet->protocol == IPPROTO_IPIP;

	decoding_tunnel(decoding, DECODER_ip_in_ip, 0);
	return next_ip(is_ip4 ? 4 : 6);
}

const struct decoder decoder_ip_in_ip = {
	.parent = LAYER_IP_PROTOCOL,
	.keys = { IPPROTO_IPIP, IPPROTO_IPV6 },
	.key_count = 2,
	.tunnel = "ip-in-ip",
	.decode = ip_in_ip_decode,
};

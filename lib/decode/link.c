// SPDX-License-Identifier: BSD-3-Clause
#include "decode/link.h"

#include <net/ethernet.h>

static int take_ethertype(struct cursor *cursor, size_t length, size_t at)
{
	const uint8_t *header = cursor_take(cursor, length);

	return header == NULL ? -1 : read_be16(header + at);
}

// The version is all that tells what a frame without a link header is.
static int peek_version(const struct cursor *cursor)
{
	if (cursor_left(cursor) == 0)
		return -1;
	switch (cursor->at[0] >> 4) {
	case 4:
		return ETHERTYPE_IP;
	case 6:
		return ETHERTYPE_IPV6;
	default:
		return 0;
	}
}

int link_take(struct cursor *cursor, enum link link)
{
	switch (link) {
	case LINK_ETHERNET: // IEEE 802.3 3.1.1
		return take_ethertype(cursor, 14, 12);
	case LINK_SLL: // tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
		return take_ethertype(cursor, 16, 14);
	case LINK_SLL2: // tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
		return take_ethertype(cursor, 20, 0);
	default:
		return peek_version(cursor);
	}
}

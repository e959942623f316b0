// SPDX-License-Identifier: BSD-3-Clause
// Link headers: from the first byte of a frame to its ethertype.
#pragma once

#include "decode/cursor.h"
#include "packet.h"

#include <stdbool.h>

// Takes the link header. Its ethertype, or a number below 0x600 where the frame has none (an IEEE
// 802.3 length, or 0); -1 when the header is cut short.
int link_take(struct cursor *cursor, enum link link);

static inline bool link_is_vlan(unsigned ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

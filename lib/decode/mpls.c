// SPDX-License-Identifier: BSD-3-Clause
// MPLS label stacks, RFC 3032, with IP or an Ethernet pseudowire (RFC 4448) below.
//
// Labels stay out of the key: each direction has its own, and one of them may have none where the
// last hop but one has popped it (RFC 3031 3.16).
#include "decode/decoder.h"

enum {
	LABELS_MAX = 16,
	BOTTOM = 1, // in the third byte of a label
	ETHERNET_BYTES = 14,
	CONTROL_WORD_BYTES = 4,
};

// An Ethernet header at the cursor's `offset` that leads to something known.
static bool is_ethernet(const struct cursor *cursor, size_t offset)
{
	return cursor_left(cursor) >= offset + ETHERNET_BYTES &&
			decoding_knows_ethertype(read_be16(cursor->at + offset + 12));
}

static bool fits_ip4(const struct cursor *cursor)
{
	unsigned header = (cursor->at[0] & 0xf) * 4;
	unsigned total = cursor_left(cursor) < 20 ? 0 : read_be16(cursor->at + 2);

	return header >= 20 && total >= header && total <= cursor_left(cursor);
}

static bool fits_ip6(const struct cursor *cursor)
{
	return cursor_left(cursor) >= 40 && read_be16(cursor->at + 4) + 40u <= cursor_left(cursor);
}

static struct next pseudowire(struct decoding *decoding, size_t control_word)
{
	cursor_take(&decoding->cursor, control_word);
	decoding_tunnel(decoding, DECODER_mpls, 0);
	return (struct next){ LAYER_ETHERTYPE, REASON_NOT_IP, ETHERTYPE_BRIDGED, 0 };
}

// Nothing says what is below the labels but its first four bits: 4 and 6 are IP, 0 a control word
// (RFC 4385 3). An Ethernet pseudowire may do without one, and then a destination address can look
// like either (RFC 4928 3). So what begins like IP is Ethernet only if its length cannot be that of
// an IP packet and there is a known ethertype where Ethernet has it; with 0 in front, the place of
// the ethertype decides; everything else is Ethernet if it has a known ethertype.
static struct next below_labels(struct decoding *decoding)
{
	const struct cursor *cursor = &decoding->cursor;

	if (cursor_left(cursor) == 0)
		return next_short(decoding);
	switch (cursor->at[0] >> 4) {
	case 4:
		if (fits_ip4(cursor) || !is_ethernet(cursor, 0))
			return next_ip(4);
		break;
	case 6:
		if (fits_ip6(cursor) || !is_ethernet(cursor, 0))
			return next_ip(6);
		break;
	case 0:
		if (is_ethernet(cursor, CONTROL_WORD_BYTES))
			return pseudowire(decoding, CONTROL_WORD_BYTES);
		break;
	default:
		break;
	}
	return is_ethernet(cursor, 0) ? pseudowire(decoding, 0) : next_end(REASON_NOT_IP);
}

static struct next mpls_decode(struct decoding *decoding)
{
	for (int i = 0; i < LABELS_MAX; i++) {
		const uint8_t *label = cursor_take(&decoding->cursor, 4);

		if (label == NULL)
			return next_short(decoding);
		if ((label[2] & BOTTOM) != 0)
			return below_labels(decoding);
	}
	return next_end(REASON_DEPTH);
}

const struct decoder decoder_mpls = {
	.parent = LAYER_ETHERTYPE,
	.keys = { ETHERTYPE_MPLS, ETHERTYPE_MPLS_UPSTREAM },
	.key_count = 2,
	.tunnel = "mpls",
	.decode = mpls_decode,
};

// SPDX-License-Identifier: BSD-3-Clause
#include "decode/decode.h"
#include "decode/link.h"

enum {
	TAGS_MAX = 4, // that are looked behind
	LENGTH_MAX = 1500, // IEEE 802.3 3.2.6: up to here the type field is a length
	LACP_SUBTYPE = 1, // IEEE 802.1AX 6.4.2
	SPANNING_TREE_SAP = 0x42, // IEEE 802.1D 9.3
};

static const uint8_t bridge_group[] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x00 };

// GARP has the same service access point, so the group address counts, too (IEEE 802.1D 7.12.3).
static enum l2_kind llc_kind(const uint8_t *destination, struct cursor cursor)
{
	const uint8_t *llc = cursor_take(&cursor, 3);

	if (llc == NULL || memcmp(destination, bridge_group, sizeof(bridge_group)) != 0)
		return L2_OTHER;
	return llc[0] == SPANNING_TREE_SAP && llc[1] == SPANNING_TREE_SAP ? L2_STP : L2_OTHER;
}

static enum l2_kind slow_kind(struct cursor cursor)
{
	const uint8_t *subtype = cursor_take(&cursor, 1);

	return subtype != NULL && *subtype == LACP_SUBTYPE ? L2_LACP : L2_OTHER;
}

enum l2_kind decode_l2_kind(const struct packet *packet, enum link link)
{
	struct cursor cursor = cursor_over(packet->data, packet->length);
	int type = link_take(&cursor, link);
	const uint8_t *tag;

	for (int i = 0; i < TAGS_MAX && type > 0 && link_is_vlan(type); i++) {
		tag = cursor_take(&cursor, 4);
		type = tag == NULL ? -1 : read_be16(tag + 2);
	}
	switch (type) {
	case 0x0806:
		return L2_ARP;
	case 0x88cc:
		return L2_LLDP;
	case 0x8809:
		return slow_kind(cursor);
	case 0x888e:
		return L2_EAPOL;
	case 0x8808:
		return L2_PAUSE;
	case 0x8847:
	case 0x8848:
		return L2_MPLS;
	default:
		return link == LINK_ETHERNET && type >= 0 && type <= LENGTH_MAX ?
				llc_kind(packet->data, cursor) :
				L2_OTHER;
	}
}

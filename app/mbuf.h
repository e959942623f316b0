// SPDX-License-Identifier: BSD-3-Clause
// A frame of DPDK's as the packet's path sees it.
//
// Thread: who received the frame.
#pragma once

#include "packet.h"

#include <rte_mbuf.h>
#include <rte_prefetch.h>

enum {
	MBUF_TAG_BYTES = 4, // of a VLAN
};

// Whether a tag fits in front of the frame, in memory that is nobody else's.
static inline bool mbuf_has_headroom(const struct rte_mbuf *mbuf)
{
	// Both flags are in the upper half, which one instruction tests.
	const uint32_t attached = (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL) >> 32;

	return rte_pktmbuf_headroom(mbuf) >= MBUF_TAG_BYTES && rte_mbuf_refcnt_read(mbuf) == 1 &&
			((uint32_t)(mbuf->ol_flags >> 32) & attached) == 0;
}
static_assert((uint32_t)(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL) == 0, "the upper half");

// Fills what receive knows of a packet, and asks for its first bytes.
static inline void mbuf_receive(struct rte_mbuf *mbuf, uint64_t now_ns, struct packet *packet)
{
	packet->data = rte_pktmbuf_mtod(mbuf, uint8_t *);
	rte_prefetch0(packet->data);
	packet->time_ns = now_ns;
	packet->owner = mbuf;
	packet->length = rte_pktmbuf_data_len(mbuf);
	packet->wire_length = rte_pktmbuf_pkt_len(mbuf);
	packet->flags = 0;
	if (__builtin_expect(!mbuf_has_headroom(mbuf), 0))
		packet->flags = PACKET_NO_HEADROOM;
}

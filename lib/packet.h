// SPDX-License-Identifier: BSD-3-Clause
// A packet and a burst of them, as the stages of the packet's path see them.
//
// Thread: one worker owns a burst and everything in it from receive to transmit.
#pragma once

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct flow;

enum {
	BURST_PACKETS = 64, // most packets that one burst holds
};

// What became of a packet: one counter and one metric label each.
enum reason {
#define REASON(name, group, label, help) REASON_##name,
#include "reasons.def"
#undef REASON
	REASON_COUNT,
};

enum reason_group {
	REASON_GROUP_INSPECTED,
	REASON_GROUP_PAST,
	REASON_GROUP_UNINSPECTED,
	REASON_GROUP_DROPPED,
};

// Where the first byte of a frame starts to be read.
enum link {
	LINK_ETHERNET,
	LINK_SLL, // Linux cooked v1, DLT 113
	LINK_SLL2, // Linux cooked v2, DLT 276
	LINK_RAW, // IPv4 or IPv6 without a link header, DLT 101, 12, 14, 228, 229
	LINK_COUNT,
};

// Frames without an IP packet, by what they are for.
enum l2_kind {
	L2_ARP,
	L2_LLDP,
	L2_STP,
	L2_LACP,
	L2_EAPOL,
	L2_PAUSE,
	L2_MPLS,
	L2_OTHER,
	L2_COUNT,
};

enum packet_flag {
	PACKET_FROM_SECOND = 1 << 0, // clear: sent by ends[0]; set: sent by ends[1]
	PACKET_TRUNCATED = 1 << 1, // payload goes on past the bytes that may be read
	PACKET_NEW_FLOW = 1 << 2, // this packet opened its flow
	PACKET_TAGGED = 1 << 3, // the policy changed the frame
	PACKET_NO_HEADROOM = 1 << 4, // fewer than 4 writable bytes in front of `data`
	PACKET_FRAGMENT = 1 << 5, // of an IP packet: the outermost header that says so counts
	PACKET_REASSEMBLED = 1 << 6, // transport header and payload are those of all fragments
	PACKET_DOUBTFUL = 1 << 7, // ... and they overlap: receivers disagree, most drop all of it
};

enum packet_protocol {
	PROTOCOL_NONE = 255, // IANA's "reserved": no IP packet found
};

// Filled by receive (first group), decode (second) and the later stages (third).
struct packet {
	uint8_t *data; // first byte of the frame; moves when a tag is pushed
	uint64_t time_ns; // since the epoch: arrival on a wire, the capture's time offline
	union {
		void *owner; // on a wire: the mbuf; lib/ never looks inside
		uint64_t number; // offline: counts from 1 in the capture
	};
	uint32_t length; // bytes from `data` that may be read and written
	uint32_t wire_length; // as received; more than `length` when the rest is elsewhere

	const uint8_t *payload; // first byte after the transport header; NULL when there is none;
			// of PACKET_REASSEMBLED in other memory, until the end of the burst
	uint16_t payload_length; // bytes of it that may be read
	uint16_t network; // offset of the outermost IP header; 0 with `version` 0: none
	// Offset of the innermost transport header; 0: none. Of PACKET_REASSEMBLED it lies so many
	// bytes in front of `payload`: packet_transport().
	uint16_t transport;
	uint8_t version; // of the outermost IP header: 4, 6, or 0 for none
	uint8_t protocol; // innermost, IANA number; PROTOCOL_NONE when the frame is not IP
	uint8_t tcp_flags; // 0 unless protocol is TCP
	uint8_t flags; // enum packet_flag

	uint8_t reason; // enum reason
	uint8_t app; // application of the flow after this packet; 0: unknown
	// Offset of the IP header, of PACKET_FRAGMENT that of the fragment, else of the innermost; 0:
	// it is the outermost.
	uint16_t inner_ip;
	uint16_t fragment; // PACKET_FRAGMENT: offset of the fragment's data, right behind its header
	struct flow *flow; // NULL when the packet belongs to no flow
};
static_assert(sizeof(struct packet) == 64, "a packet's record is one cache line");

// The same for both directions. IPv4 addresses are ::ffff:a.b.c.d with FLOW_KEY_IP4 set, so a real
// IPv6 packet with such an address is another flow. Ends are ordered: address, then port, as bytes.
struct flow_end {
	uint8_t address[16];
};

enum {
	FLOW_KEY_IP4 = 1u << 31,
	PACKET_ICMP_CODE = 1 << 8, // in a port: what follows is the code of a message
};

struct flow_key {
	struct flow_end ends[2];
	// Of ICMP a message's type and that of its answer, or its PACKET_ICMP_CODE and code; 0 where the
	// protocol has none.
	uint16_t ports_be[2];
	uint32_t protocol_vlans; // protocol << 24 | outer VLAN id << 12 | inner VLAN id (0: none)
	uint32_t tunnel; // FLOW_KEY_IP4 | 31 bits that keep tunnels apart, 0 outside tunnels
};
static_assert(sizeof(struct flow_key) == 44, "keys are hashed and compared as bytes");

static_assert(BURST_PACKETS <= 64, "a bit of `summed` each");

// First what a cache line should hold each, where the owner aligns it.
struct burst {
	struct packet packets[BURST_PACKETS];
	struct flow_key keys[BURST_PACKETS]; // of packets whose protocol is not PROTOCOL_NONE
	unsigned count;
	enum link link;
	uint64_t now_ns; // of the newest packet
	uint64_t summed; // bit [i]: a card found the transport checksum of packets[i] right
	bool has_fragments; // some packet is PACKET_FRAGMENT
	bool has_edits; // some packet is not to be transmitted, or its `data` moved
	uint8_t open_count;
	uint8_t open[BURST_PACKETS]; // packets whose flow may still get another verdict, in order
};

// The transport header of a packet that has one.
static inline const uint8_t *packet_transport(const struct packet *packet)
{
	return (packet->flags & PACKET_REASSEMBLED) != 0 ? packet->payload - packet->transport :
							   packet->data + packet->transport;
}

// Nothing but the state of its flow keeps a detector from looking at it.
static inline bool packet_is_readable(const struct packet *packet)
{
	const uint32_t readable = 1u << REASON_INSPECTED | 1u << REASON_NO_PAYLOAD;

	return (readable >> packet->reason & 1) != 0;
}

enum {
	PACKET_SOURCE_OFFSET = 6, // IEEE 802.3: of a frame's source address
	PACKET_ADDRESS_BYTES = 6,
};

// An Ethernet address as a number; 0 is nobody's.
static inline uint64_t packet_address(const uint8_t *bytes)
{
	uint32_t first;
	uint16_t rest;

	// Six bytes put into a number by way of the stack would be waited for.
	memcpy(&first, bytes, sizeof(first));
	memcpy(&rest, bytes + sizeof(first), sizeof(rest));
	return first | (uint64_t)rest << 32;
}

// The same of the sender of a frame, in one load: what comes before it is shifted out.
static inline uint64_t packet_source(const uint8_t *frame)
{
	uint64_t word;

	memcpy(&word, frame + PACKET_SOURCE_OFFSET - 2, sizeof(word));
	return le64toh(word) >> 16;
}

static inline uint8_t flow_key_protocol(const struct flow_key *key)
{
	return key->protocol_vlans >> 24;
}

static inline int flow_key_is_ip4(const struct flow_key *key)
{
	return (key->tunnel & FLOW_KEY_IP4) != 0;
}

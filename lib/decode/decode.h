// SPDX-License-Identifier: BSD-3-Clause
// Bytes to payload: what a frame is, whose flow it belongs to, where its payload starts.
//
// Pure: reads the frame, writes the packet's record and key, keeps no state. Nothing is read past
// `length`; what cannot be decoded gets a reason and is forwarded like everything else.
#pragma once

#include "packet.h"

// Fills the second group of every packet's record and its key; sets `reason` to REASON_INSPECTED
// where a later stage may look at the payload, else to why it may not:
//   NOT_IP, MALFORMED, DEPTH     protocol is PROTOCOL_NONE, no key: the packet belongs to no flow
//   FRAGMENT                     key with ports in a first fragment only; no payload yet
//   NO_TRANSPORT                 key, with ports for SCTP, DCCP, UDP-Lite and ICMP only; no payload for us
//   NO_PAYLOAD                   key with ports, nothing behind the transport header
// `network` and `version` stay set when only what is behind the IP header is at fault. `flow`
// becomes NULL and `app` 0. Of `flags`, PACKET_NO_HEADROOM belongs to receive and is kept,
// PACKET_FROM_SECOND, PACKET_TRUNCATED and PACKET_FRAGMENT are decided here, the others are cleared.
//
// Tunnels are followed: flow, ports, payload and `transport` are those of the innermost packet, and
// the key's `tunnel` says which tunnels are around it. Those in `tunnels_off`, a set of bits from
// decode_tunnel(), and those that do not hold a sane packet are flows of their own, and their
// content is payload.
void decode_burst(struct burst *burst, uint32_t tunnels_off);

// The same for one packet and its key, without the fast path: what decode_burst() does with all
// that is out of the ordinary.
void decode_full(struct packet *packet, struct flow_key *key, enum link link, uint32_t tunnels_off);

// Decodes the IP packet at `packet->data`, put together from fragments. The key brings `tunnel` and
// `protocol_vlans` of what is around it, as decoded for a later one of its fragments.
void decode_ip(struct packet *packet, struct flow_key *key, uint32_t tunnels_off);

// The bit of the tunnel that the configuration calls `name`; 0: there is none.
uint32_t decode_tunnel(const char *name);

enum {
	DECODE_TUNNELS_MAX = 32
};

// Their names, from 0 on; NULL: no more.
const char *decode_tunnel_name(unsigned index);

// What a packet of REASON_NOT_IP is; behind tags, too.
enum l2_kind decode_l2_kind(const struct packet *packet, enum link link);

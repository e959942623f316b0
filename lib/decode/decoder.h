// SPDX-License-Identifier: BSD-3-Clause
// The family of decoders: each takes one header off the packet and says what follows it.
//
// A decoder names its parent and its keys there; adding one is one new file and one line in
// decoders.def. Decoders are pure but for the packet's record, its key and `struct decoding`; they
// read headers through cursor_take() only and never call each other: decode_full() loops.
#pragma once

#include "decode/cursor.h"
#include "packet.h"

#include <stdbool.h>

// Ethertypes that follow other headers than Ethernet's, too.
enum {
	ETHERTYPE_BRIDGED = 0x6558, // an Ethernet frame
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_UPSTREAM = 0x8848, // RFC 5332 2
};

// What a decoder's keys are numbers of.
enum layer {
	LAYER_NONE, // nothing follows
	LAYER_ETHERTYPE,
	LAYER_IP_PROTOCOL, // also the next header of IPv6
	LAYER_UDP_PORT, // of either end
};

// What follows a header, and the reason that stands if no decoder knows it.
struct next {
	uint8_t layer; // enum layer
	uint8_t reason; // enum reason
	uint16_t key;
	uint16_t other; // LAYER_UDP_PORT: asked for when nobody knows `key`
};

// One packet on its way through the decoders.
struct decoding {
	struct packet *packet;
	struct flow_key *key; // source first, destination second, until decode_full() orders them
	struct cursor cursor; // ends with the innermost packet, or with the bytes that may be read
	const uint8_t *ip; // innermost IP header
	const uint8_t *ethernet; // innermost Ethernet header; NULL: there is none
	uint16_t vlans[2]; // ids of the outermost and the innermost tag; 0: none
	uint8_t vlan_count;
	bool is_cut; // the innermost packet goes on behind the cursor's end
	bool is_fragment; // it is the first of an IP packet's fragments
	bool is_jumbo; // it is IPv6 and may have more than 65535 bytes (RFC 2675)
	bool overruns; // it says that it is longer than the tunnel's packet around it
	uint8_t tunnels; // around it
};

enum {
	DECODER_KEYS_MAX = 8
};

struct decoder {
	enum layer parent;
	uint8_t key_count;
	uint16_t keys[DECODER_KEYS_MAX];
	// Of a tunnel, which may be left alone: its name in the configuration. What is in it counts
	// only if it is sane down to a flow; otherwise the packet belongs to the tunnel's own.
	const char *tunnel;
	// The cursor stands behind the parent's header.
	struct next (*decode)(struct decoding *decoding);
};

enum {
#define DECODER(name) DECODER_##name,
#include "decode/decoders.def"
#undef DECODER
	DECODER_COUNT,
};

#define DECODER(name) extern const struct decoder decoder_##name;
#include "decode/decoders.def"
#undef DECODER
extern const struct decoder *const decoders[DECODER_COUNT];

static inline struct next next_end(enum reason reason)
{
	return (struct next){ .layer = LAYER_NONE, .reason = reason };
}

// A header that should be there is not. Only fragments may end inside one (RFC 791 3.2).
static inline struct next next_short(const struct decoding *decoding)
{
	return next_end(decoding->is_fragment ? REASON_FRAGMENT : REASON_MALFORMED);
}

static inline struct next next_ip_protocol(struct decoding *decoding, uint8_t protocol)
{
	decoding->packet->protocol = protocol;
	return (struct next){ LAYER_IP_PROTOCOL, REASON_NO_TRANSPORT, protocol };
}

// An IP packet by its version; nothing for any other number.
static inline struct next next_ip(unsigned version)
{
	static const uint16_t ethertypes[] = { [4] = 0x0800, [6] = 0x86dd };

	if (version != 4 && version != 6)
		return next_end(REASON_NOT_IP);
	return (struct next){ LAYER_ETHERTYPE, REASON_NOT_IP, ethertypes[version], 0 };
}

// A header says that `length` bytes follow it. What is behind them is padding; where fewer were
// captured, the rest is cut.
void decoding_limit(struct decoding *decoding, uint32_t length);

// The IP header of `version` at `header` is complete and sane: its place and its addresses.
void decoding_ip(struct decoding *decoding, unsigned version, const uint8_t *header);

// What follows is in a tunnel: `kind` (its DECODER_ number), its id, and the addresses of the IP
// header around it, if there is one, enter the key. Only what is the same in both directions may
// be part of `id`: else the halves of a flow would be two.
void decoding_tunnel(struct decoding *decoding, unsigned kind, uint64_t id);

// Whether a header follows that ethertype.
bool decoding_knows_ethertype(uint16_t ethertype);

// The innermost IP packet is a fragment and the cursor stands at its data.
void decoding_fragment(struct decoding *decoding);

// A transport header at `header` begins with the two ports.
void decoding_ports(struct decoding *decoding, const uint8_t *header);

// A transport header is cut short, but the ports in its first 8 bytes may be there: all of them are
// in a first fragment (RFC 791 3.2).
struct next next_short_transport(struct decoding *decoding);

// All that the cursor has left is payload: its reason, INSPECTED or NO_PAYLOAD.
enum reason decoding_payload(struct decoding *decoding);

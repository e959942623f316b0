// SPDX-License-Identifier: BSD-3-Clause
// Calls and file transfers of one Skype host, judged from what each of its flows carried in each
// second. Heuristic: there is no public capture of a call to check it with; the limits are those
// that were published (Bonfiglio et al. 2007, Adami et al. 2009, Suh et al. 2006, tstat).
//
// Feeding it: a worker counts, for flows that are labelled Skype only, what it sees of them in the
// current second, a struct call_second; the first packet of a later second pushes it to the
// manager as one record and begins the next. So it costs a few additions a packet on Skype flows,
// nothing on others, and at most one record a second for each active Skype flow. The manager keeps
// one struct call_watch for each host that sends media.
//
// Thread: whoever owns the watch. Memory: none beyond the watch, which starts as zeros.
// Time: seconds of any clock; records of one flow must come in order, others within 5 s of it.
#pragma once

#include "evidence.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	CALL_SENT, // by the host
	CALL_RECEIVED,
	CALL_DIRECTIONS,
	CALL_BURSTS = 16, // of one host at the same time
	CALL_CONTACTS = 16,
};

enum call_peer {
	CALL_PEER_CLIENT, // nothing else is known of it
	CALL_PEER_NODE, // known as a super node, relay or server
	CALL_PEER_GATEWAY, // to the telephone network: port 12340, first four bytes constant
};

// A packet: when, and which in its capture; 0 on a wire.
struct call_moment {
	uint64_t time_ns, number;
};

struct call_second {
	uint64_t second;
	struct call_moment first, last; // packets of it
	uint64_t flow_id;
	uint8_t peer[16];
	uint8_t peer_kind; // enum call_peer
	bool is_tcp;
	struct media_counts counts[CALL_DIRECTIONS];
};

enum call_path {
	CALL_DIRECT,
	CALL_RELAYED, // by the node or the two nodes in `peers`
	CALL_RELAYING, // the host carries it between the two peers
	CALL_PHONE, // over a gateway to the telephone network
};

enum call_media {
	CALL_VOICE = 1,
	CALL_VIDEO = 2,
	CALL_FILE = 4, // alone: a transfer without a call
};

enum call_transport {
	CALL_UDP = 1,
	CALL_TCP = 2
};

struct call {
	uint8_t host[16]; // whose; not from a call_watch
	struct call_moment placed; // signalling with the peer before it, or `start`
	struct call_moment start, end; // first packet of the first second with media, last one
	uint64_t start_s, end_s; // first and last second with media
	uint64_t hold_s; // seconds of it on hold
	uint64_t bytes[CALL_DIRECTIONS];
	uint64_t flow_id; // of the first flow
	uint8_t path; // enum call_path
	uint8_t media; // enum call_media, or-ed
	uint8_t transports; // enum call_transport, or-ed
	uint8_t peer_count;
	uint8_t peers[2][16];
};

// Media on one flow without a pause.
struct call_burst {
	uint64_t start, last; // seconds
	struct call_moment placed, began, ended;
	uint64_t flow_id;
	uint8_t peer[16];
	uint8_t peer_kind;
	bool is_used, is_tcp;
	uint8_t media; // enum call_media; 0: not enough seen to say
	uint32_t slow; // seconds in a row with few packets
	uint32_t hold;
	uint64_t held; // second that `slow` was last counted for
	uint64_t packets[CALL_DIRECTIONS], bytes[CALL_DIRECTIONS];
	uint64_t video, others;
};

// When the host last began to talk to a peer, and when before that.
struct call_contact {
	uint8_t peer[16];
	struct call_moment began, before; // 0: never
	uint64_t last; // second
};

struct call_watch {
	struct call_burst bursts[CALL_BURSTS];
	struct call_contact contacts[CALL_CONTACTS]; // the oldest gives way
	uint64_t refused; // records for which there was no room
};

// The burst that this second belongs to if it is a call's or transfer's; NULL while nothing is known
// or nothing goes on. Until the next call.
const struct call_burst *call_watch_add(
		struct call_watch *watch, const struct call_second *second, bool *is_first);
// Takes one call that has ended by `now`, ten seconds ago or more; false when there is none.
bool call_watch_take(struct call_watch *watch, uint64_t now, struct call *call);
const char *call_media_name(enum call_media media); // of one: "voice", "video", "file"
const char *call_path_name(enum call_path path); // "direct", "relayed", "relaying", "phone"

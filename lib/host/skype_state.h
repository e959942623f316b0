// SPDX-License-Identifier: BSD-3-Clause
// What skype*.c remember. For these files only.
#pragma once

#include "host/call.h"
#include "host/recent.h"
#include "host/skype.h"
#include "skype_datagram.h"

enum {
	MESSAGES = 24, // of an endpoint
	SAID = 8, // of one side of a dialogue: as many as workers inspect of a flow
	VIEWS = 4, // addresses that peers claim to see an endpoint under
	COUNTED = 8, // peers over which numbers count up
	PEERS = 3, // with which a port must have been proven
	NODES = 2, // proven TCP ports of a peer
	CONNECTIONS = 4, // of a host to a peer
	SUPER_CLIENTS = 128, // of a super node in ten minutes
	NEAR_PEERS = 3, // who has as many is taken to be on the inside
};

// One message of an endpoint, to whomever.
struct message {
	struct skype_trace trace;
	uint32_t iv;
	uint32_t peer; // whom it went to, hashed
	uint64_t flow_id;
	uint64_t time_ns;
	uint64_t number;
};

// A UDP port of a host.
struct endpoint {
	uint8_t address[16];
	uint16_t port;
	bool is_confirmed; // it is a Skype port, and published as such
	bool is_mapped; // the host had its router map the port
	bool is_mapped_told;
	bool has_counter; // U9
	bool has_resend; // U6
	bool has_stream; // a Skype TCP connection came in on the same port
	uint8_t peer_count;
	uint32_t peers[PEERS]; // with which it was proven with certainty
	uint64_t certain_ns; // of the newest certain evidence; 0: none
	uint64_t mapped_ns, mapped_number;
	struct view {
		uint32_t address; // 0: free
		uint32_t peer; // who said so first
		bool is_agreed; // by a second one
	} views[VIEWS];
	uint32_t message_count; // so far; the newest MESSAGES are there
	struct message messages[MESSAGES];
};

struct said {
	uint64_t time_ns; // 0: nothing yet
	uint64_t number;
	uint32_t crc;
	uint32_t iv;
	uint16_t id;
	uint16_t length;
	uint8_t type; // enum skype_type
	bool is_second; // sent again once after two seconds
};

// A UDP flow.
struct dialogue {
	uint64_t flow_id;
	struct verdict verdict; // as far as it comes from here
	struct dialogue_side {
		uint8_t address[16];
		uint16_t port;
		uint16_t fragment_request; // of its newest fragment
		uint8_t fragment; // that one's index
		bool has_fragment;
		bool has_nak;
		struct skype_datagram nak; // the newest that it sent
		uint32_t said_count; // so far; the newest SAID are there
		struct said said[SAID];
	} sides[2];
};

// A host that runs Skype and an address that it connects to.
struct pair {
	uint8_t host[16], peer[16];
	struct node {
		uint64_t time_ns; // when it last spoke Skype with the host; 0: free
		uint16_t port;
	} nodes[NODES];
	uint32_t connection_count; // so far; the newest CONNECTIONS are there
	struct connection {
		uint64_t time_ns; // of its start
		uint64_t flow_id;
		uint16_t port; // of the peer
	} connections[CONNECTIONS];
};

// A host that others want to join.
struct super {
	uint8_t address[16];
	uint64_t since_ns; // when counting began
	bool is_node; // it let somebody
	uint16_t asked, joined; // clients
	struct super_client {
		uint32_t hash;
		bool has_joined;
	} clients[SUPER_CLIENTS]; // [asked]
};

// A host that sends or receives media.
struct watch {
	uint8_t address[16];
	uint64_t newest_s; // second
	struct call_watch watch;
};

struct skype {
	struct skype_config config;
	struct recent *endpoints;
	struct recent *dialogues;
	struct recent *pairs;
	struct recent *supers;
	struct recent *watches;
	uint64_t calls; // that have ended
	uint64_t secret[KEYED_HASH_SECRETS]; // of peers
	uint64_t observations;
	uint64_t ports;
};

// A datagram under examination.
struct exam {
	struct skype *skype;
	const struct evidence *seen; // `host` sent it
	struct skype_datagram datagram;
	struct dialogue *dialogue;
	struct endpoint *sender;
	struct endpoint *receiver; // NULL unless it sent something before
	uint32_t sender_hash, receiver_hash;
	unsigned side; // of the dialogue
};

enum of_whom {
	OF_SENDER,
	OF_RECEIVER
};

// What was shown: `text` in words.
struct proof {
	uint8_t signal; // enum signal
	uint8_t confidence; // enum confidence
	uint8_t step; // enum step + 1, 0: none
	char text[EVIDENCE_TEXT_BYTES - 8];
};

// Tells the host table, the flow's readers and the endpoint.
void skype_prove(const struct exam *exam, enum of_whom whom, const struct proof *proof);
// The flow of an earlier message turns out to be Skype's, too.
void skype_prove_flow(struct skype *skype, uint64_t flow_id, const struct proof *proof);

// What is known of the host's Skype, by any evidence; NULL: nothing.
const struct host_app *skype_app(const struct skype *skype, const uint8_t address[16]);
// The flow carries a call or a transfer.
void skype_publish_call(struct skype *skype, uint64_t flow_id, uint8_t role);

struct endpoint *skype_endpoint_find(
		const struct skype *skype, const uint8_t address[16], uint16_t port);
// Sees to it that a port that has been proven is known to be one, and that workers know.
void skype_endpoint_certify(struct skype *skype, struct endpoint *endpoint, uint32_t peer,
		const struct evidence *seen);
void skype_endpoint_consider(
		struct skype *skype, struct endpoint *endpoint, const struct evidence *seen);
void skype_endpoint_expire(struct skype *skype, struct endpoint *endpoint, uint64_t now_ns);
// U3, U4, U9: compares with what the sender sent to others, and remembers it.
void skype_endpoint_examine(const struct exam *exam);
// Whether the endpoint is agreed to be seen under `address`, now that `peer` says so.
bool skype_endpoint_viewed(struct endpoint *endpoint, uint32_t address, uint32_t peer);

// U1, U2, U5 to U8: compares with what was said in the flow, and remembers it.
void skype_dialogue_examine(const struct exam *exam);

// The peer's port speaks Skype: what else the host opens to it does so, too, for ten minutes.
void skype_connection_note_node(struct skype *skype, const uint8_t host[16], const uint8_t peer[16],
		uint16_t port, uint64_t time_ns);
// A1 to A3: a worker saw a host that runs Skype open a connection.
void skype_connection_examine(struct skype *skype, const struct evidence *seen);
void skype_connection_expire(struct skype *skype, struct pair *pair, uint64_t now_ns);

// A1. Connections go to the node that has just answered a datagram (0.4 ms after it in SkypeIRC.cap
// 267/268, 0.3 ms in 1886/1887; asked for within 5 s).
bool skype_is_answered_node(uint64_t answer_ns, uint64_t time_ns);
// A2. A node that could not be reached is tried again on port 443, or 80, 1.6 s later: 44 of 44 in
// captures of 2015; the order is that of Baset and Schulzrinne 2004.
bool skype_is_fallback(uint16_t first_port, uint64_t first_ns, uint16_t port, uint64_t time_ns);
bool skype_is_fallback_pause(uint64_t first_ns, uint64_t time_ns);
// A3. Of the login (33033) and event servers (12350, 13392): Baset and Schulzrinne 2004, Ehlert 2006,
// libprotoident. Said in the ledger, and no more: a port number alone decides nothing.
bool skype_is_server_port(uint16_t port);

// The sender of a probe asks the receiver; the sender of an acceptance lets the receiver join.
void skype_node_asked(struct skype *skype, const struct evidence *seen);
void skype_node_accepted(struct skype *skype, const struct evidence *seen);
// A side of a connection was proven.
void skype_node_stream(struct skype *skype, const struct evidence *seen);

// SIGNAL_SKYPE_MEDIA
void skype_media_learn(struct skype *skype, const struct evidence *seen);
void skype_media_expire(struct skype *skype, uint64_t now_ns);

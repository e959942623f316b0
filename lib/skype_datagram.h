// SPDX-License-Identifier: BSD-3-Clause
// The peer-to-peer datagrams of Skype (2003 to 2017): what is in clear, and what it proves without
// any key. Pure functions; big-endian fields as numbers.
//
// The text of a message is encrypted, but the CRC of its plaintext stands in clear beside it, and
// the plaintext of many messages is known but for the message's own number. Numbers are quoted by
// the frame of the public capture SkypeIRC.cap (25 August 2006) in which they were seen.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Third byte and 0x8f: the three bits in between are random in all but SKYPE_PAYLOAD.
enum skype_type {
	SKYPE_PAYLOAD = 0x02,
	SKYPE_RESEND = 0x03, // after a NAK: the same message under another key
	SKYPE_ACK = 0x05,
	SKYPE_NAK = 0x07, // could not decode; here is the address that I see you under
	SKYPE_MEDIA = 0x0d,
	SKYPE_FRAGMENT = 0x0f, // of a long answer
};

// The third byte is one of a Skype datagram's: that of 6 in 16 random ones is.
static inline bool skype_is_type(uint8_t byte)
{
	const uint32_t types = 1u << SKYPE_PAYLOAD | 1u << SKYPE_RESEND | 1u << SKYPE_ACK |
			1u << SKYPE_NAK | 1u << SKYPE_MEDIA | 1u << SKYPE_FRAGMENT;

	return byte < 0x80 && (types >> (byte & 0xf) & 1) != 0;
}

struct skype_datagram {
	uint16_t id; // one counter a client, whatever the destination
	uint16_t length; // of the datagram's payload, bytes
	uint8_t type; // enum skype_type
	uint8_t fragment; // FRAGMENT: index; 0x80 is set in the last one
	uint16_t request_id; // FRAGMENT: of the request that it answers
	uint32_t iv; // PAYLOAD, FRAGMENT, RESEND: 0 for the latter
	uint32_t crc; // PAYLOAD, FRAGMENT, RESEND: of the plaintext
	uint32_t address; // ACK, NAK: as whom the sender sees the receiver; RESEND: destination
	uint32_t nonce; // ACK, NAK, RESEND
};

enum {
	SKYPE_HEADER_BYTES = 20, // as much of a datagram as is ever read
};

// U10. True when the bytes have the form of such a datagram: a filter, no proof. `length` is the
// payload's whole length, of which min(length, SKYPE_HEADER_BYTES) bytes are read.
bool skype_datagram_read(const uint8_t *data, size_t length, struct skype_datagram *datagram);

enum skype_request {
	SKYPE_NO_REQUEST,
	SKYPE_PROBE, // command 0x1b: may I join?
	SKYPE_PING, // 0x23
	SKYPE_NODES_WANTED, // 0x2c
};

// U1. Which of the requests whose text is known but for its number the message is. 32 bits a
// comparison, three comparisons. Seen in 176, 307.
enum skype_request skype_request_of(const struct skype_datagram *datagram);

// U2. The message is the answer (accepted, pong, 0x0f) to the request `request_id` that the other
// side sent. 32 bits, three comparisons. `accepted` (may be NULL) tells that a super node agreed.
bool skype_is_reply(const struct skype_datagram *datagram, uint16_t request_id, bool *accepted);

// What is needed of a message to compare later ones with it.
struct skype_trace {
	uint16_t id;
	uint16_t length;
	uint32_t crc;
	uint32_t unrolled[2]; // the CRC as it was after the number at offset 2, at offset 3
};

void skype_trace(const struct skype_datagram *datagram, struct skype_trace *trace);

// U3. Two messages of one length that differ in nothing but their number: a CRC is linear, so the
// difference of the CRCs follows from that of the numbers. 32 bits, two comparisons. Seen in 372, 373.
bool skype_is_sibling(const struct skype_trace *one, const struct skype_trace *two);

// U4. The same text under two numbers: a message that is sent to many peers. 32 bits.
bool skype_is_copy(const struct skype_trace *one, const struct skype_trace *two);

// U6. The resend of `message` after `nak`: number, CRC, nonce and length agree, and the address is
// where it goes to, `destination` (IPv4, host order). 112 bits. Seen in 174, 215, 216.
bool skype_is_resend(const struct skype_datagram *resend, const struct skype_datagram *nak,
		const struct skype_trace *message, uint32_t destination);

// DNS, NTP, SNMP, IKE, SSDP, STUN, IPsec over NAT, mDNS: much traffic, in which the bytes of other
// headers look like Skype's. Only U1 speaks there, and such a port is nobody's Skype port.
bool skype_is_foreign_port(uint16_t port);

// SPDX-License-Identifier: BSD-3-Clause
// What a receiver checks before it takes a packet (RFC 1122 3.2.1.2, 4.1.3.4, 4.2.2.7).
#pragma once

#include "packet.h"

#include <stdbool.h>
#include <stddef.h>

// Of a TCP segment and of the IPv4 headers that it came in: see checksum_ip4_is_right(). Of one that was
// cut short, or is known to be right (`is_summed`), only those headers are added up.
bool checksum_segment_is_right(
		const struct packet *packet, const struct flow_key *key, bool is_summed);
// Whether the receiver of a UDP datagram takes it: its checksum is right or may be missing. One that
// was cut short is not judged, nor one with the bare sum of its pseudo header, which senders leave
// for their card to complete: a capture shows it so.
bool checksum_udp_is_right(const struct packet *packet, const struct flow_key *key);
// Of the IPv4 headers of a decoded packet, the outermost and the innermost; true where there is none,
// and for PACKET_REASSEMBLED, whose fragments were checked one by one.
bool checksum_ip4_is_right(const struct packet *packet);
// That of an IPv4 header, in network order; its own place in the header has to be 0.
uint16_t checksum_ip4(const uint8_t *header);
// The sum of words of 16 bits in memory's order, with what is carried out added (RFC 1071).
uint16_t checksum_words(const uint8_t *data, size_t length);

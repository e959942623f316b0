// SPDX-License-Identifier: BSD-3-Clause
// Message by message. For inspect*.c only.
#pragma once

#include "inspect_look.h"

// Where a direction is.
enum phase {
	PHASE_HEAD, // a message may begin; stream.h wants 0 for that
	PHASE_FIRST_CHUNK, // a chunk's line
	PHASE_CHUNK, // the end of a chunk and the next one's line
	PHASE_TRAILER,
	PHASE_ANSWER, // the status line that the other direction waits for
	PHASE_INTERIM, // the head of an interim answer in front of it
	PHASE_PLACES = 7,
	// Besides, of the one who asked:
	PHASE_TUNNEL = 1 << 3, // what is behind the message waits for the answer to CONNECT
	PHASE_UPGRADE = 1 << 4, // likewise to Upgrade
	PHASE_WAITS = PHASE_TUNNEL | PHASE_UPGRADE,
	PHASE_REFUSED = 1 << 5, // it came: requests
};

// Of a connection between Skype's nodes both directions are read: what proves the one does not tell
// whether the other's sender joins a super node.
static inline bool inspect_is_decided(const struct flow_details *details)
{
	const uint32_t both = 1u << SIGNAL_SKYPE_FAKE_ANSWER | 1u << SIGNAL_SKYPE_KEY_STREAM;

	return details->confidence == CONFIDENCE_CERTAIN && (details->signals & both) == 0;
}

// Reads a segment of the direction that stream_accept() has accepted.
void inspect_payload(const struct inspection *in, struct stream *stream,
		const struct stream_segment *segment);

// SPDX-License-Identifier: BSD-3-Clause
// TCP bytes in order, each once, as the receiver will read them.
//
// Packets never wait: what comes early is copied, and read when the gap has closed. A segment that
// is next in order and is read at once is never copied.
//
// Memory: streams_create() takes all of it. When none is left, the one that was used least recently
// gives way; that is counted. One direction holds at most one buffer, whatever it sends.
// Thread: one worker owns it.
#pragma once

#include "packet.h"

#include <stdbool.h>
#include <stddef.h>

struct counters;

enum {
	STREAM_WINDOW_BYTES = 16384, // most that is kept ahead of what was read
	STREAM_SMALL_BYTES = 2048,
	STREAM_LARGE_BYTES = 2 * STREAM_WINDOW_BYTES, // twice, so that moving down is rare
	STREAM_NO_SCALE = 15, // RFC 7323 2.3 allows 14
	STREAM_TOLD_MAX = 4,
};

enum stream_state {
	STREAM_UNKNOWN, // nothing of this direction is known
	STREAM_START, // `base` is its first byte, as far as we can know
	STREAM_LATER, // what came before `base` was read
	STREAM_DONE, // nobody wants more of it
};

// What the reader of a direction remembers of the message at hand; all zero when it begins.
struct stream_reading {
	uint16_t looked; // bytes at the last look
	uint16_t wanted; // bytes at which another look is worth it
	uint16_t scanned : 15; // bytes searched for the end of the head
	uint16_t wants_head_end : 1;
	uint16_t told_rules[STREAM_TOLD_MAX];
	uint32_t told_signals;
};

struct stream_side {
	// Where the message at hand begins; ahead of `next` while a body is skipped. Of one that is done:
	// what was acknowledged.
	uint32_t base;
	uint32_t next; // all before it came, as the receiver's RCV.NXT
	uint32_t sent; // no number from here on was used, whether its receiver took it or not
	uint32_t acked; // by the receiver
	uint32_t edge; // of the receiver's window: first number that it does not take
	uint32_t timestamp; // TS.Recent of RFC 7323
	uint32_t buffer; // its number; STREAM_NO_BUFFER
	uint32_t doubt; // number of the buffer of a segment that was refused; STREAM_NO_BUFFER
	struct stream_reading reading;
	uint16_t used; // of the budget
	uint8_t state; // enum stream_state
	uint8_t phase; // the reader's own: 0 where a message may begin
	uint16_t skipped; // the reader's own: from `base` on
	uint8_t scale; // of the windows that this side announces; STREAM_NO_SCALE: not known
	bool is_checked : 1; // sent a right checksum
	bool has_edge : 1;
	bool has_timestamp : 1;
	bool is_asking : 1; // sent a SYN with numbers of another connection
	bool is_excused : 1; // its receiver took what should be refused: not all of the traffic is here
	bool has_heard : 1; // acknowledged more of the other side; the reader clears it
	bool is_hasty : 1; // the reader's own
};

static const uint32_t STREAM_NO_BUFFER = UINT32_MAX;

// Both directions of a connection; [i]: sent by ends[i].
struct stream {
	struct stream_side sides[2];
	void *owner; // the caller's
};
static_assert(sizeof(struct stream) <= 128, "two cache lines");

struct stream_segment {
	const uint8_t *payload;
	uint64_t time_ns; // of the packet
	uint64_t number; // likewise
	uint32_t length;
	uint32_t sequence; // of the payload's first byte: behind the SYN
	uint32_t acknowledgment;
	uint32_t timestamp;
	uint32_t unseen; // most bytes that the other side may have sent and that were not shown here
	uint16_t window;
	uint8_t flags; // TH_SYN and others
	uint8_t scale; // STREAM_NO_SCALE: says none
	bool has_timestamp;
	bool is_wrong; // its checksum or that of its IPv4 header is not right
	bool is_cut; // the payload goes on past what may be read, so its checksum was not checked
	bool is_doubtful; // its receiver may take or drop it
	bool is_refused; // by stream_accept(): the receiver takes nothing of it
};

// Reads a TCP packet that decode found well formed. `unseen` is the caller's to set. `is_summed`: its
// TCP checksum is known to be right.
void stream_segment_read(struct stream_segment *segment, const struct packet *packet,
		const struct flow_key *key, bool is_summed);

struct streams_config {
	uint32_t streams; // connections whose bytes are read at the same time
	uint32_t small_buffers; // of STREAM_SMALL_BYTES
	uint32_t large_buffers; // of STREAM_LARGE_BYTES
	uint16_t budget; // bytes, each direction, bodies not counted; at most STREAM_WINDOW_BYTES
	int node; // NUMA node, -1: wherever
	struct counters *counters; // the owner's
};

struct streams;

// NULL with errno EINVAL or ENOMEM. The caller frees it with streams_free().
struct streams *streams_create(const struct streams_config *config);
void streams_free(struct streams *streams);
size_t streams_bytes(const struct streams *streams);

// The number of a stream that knows nothing, made the newest; false when all are in use: then
// streams_oldest() is the one to give first.
bool streams_take(struct streams *streams, uint32_t *number);
void streams_give(struct streams *streams, uint32_t number);
uint32_t streams_oldest(const struct streams *streams);
struct stream *streams_at(const struct streams *streams, uint32_t number);
void streams_touch(struct streams *streams, uint32_t number);

// A stream without memory of its own, for what needs none: stream_accept() of a segment without
// payload.
void stream_init(struct stream *stream);

// Enters a segment of `side`: handshake, acknowledgement, window, timestamp, reset. True when the
// receiver takes its payload, if it has any.
bool stream_accept(struct streams *streams, struct stream *stream, unsigned side,
		struct stream_segment *segment);

// A segment that was refused and that its receiver acknowledged, though no other came in its place:
// the data of a SYN, which count from then on (RFC 7413 4.2.2), or what was right when it was sent,
// and the capture was edited or lacks packets. To be called after the receiver's segment was
// accepted; true when there is one, to be offered and then forgotten.
bool stream_settle(struct streams *streams, struct stream *stream, unsigned side,
		struct stream_segment *segment);
void stream_forget(struct streams *streams, struct stream *stream, unsigned side);

// The bytes from `base` on that are there in order.
struct stream_view {
	const uint8_t *data; // in the segment or in the buffer; until the next call
	uint32_t length;
	bool is_in_place; // in the segment
	bool is_clipped; // more of the segment fits once `base` has moved
};

// Shows an accepted payload: false when it brought nothing in order. What is shown has to be given
// back to stream_advance(), unless the direction is finished. A segment of no bytes at `base` shows once
// more what was given back.
bool stream_offer(struct streams *streams, struct stream *stream, unsigned side,
		const struct stream_segment *segment, struct stream_view *view);
// `count` bytes from `base` on are read or, where it is more than the view holds, to be skipped;
// the rest is kept. True when there are bytes in order that were not shown: now the view holds them,
// to be given back likewise.
bool stream_advance(struct streams *streams, struct stream *stream, unsigned side,
		struct stream_view *view, uint32_t count);
// Whether an accepted segment was the last of its direction, and all before it came.
bool stream_ends(const struct stream_side *side, const struct stream_segment *segment);
// Nobody wants more of this direction.
void stream_finish(struct streams *streams, struct stream *stream, unsigned side);
// What the receiver of a direction has not acknowledged yet is wanted: so many bytes behind `base`,
// where the direction was not finished. False when it cannot be had.
bool stream_resume(struct stream *stream, unsigned side, uint32_t *offset);
// How many bytes from `base` on may be shown at most.
uint32_t stream_room(const struct streams *streams, const struct stream_side *side);

// SPDX-License-Identifier: BSD-3-Clause
// What a receiver takes of a TCP connection (RFC 9293 3.10.7), as far as somebody who only watches
// can know it.
#include "stream.h"

#include "counters.h"
#include "stream_pool.h"

#include <netinet/tcp.h>

enum {
	DOUBT_AHEAD_BYTES = 1 << 16, // that a segment in doubt may be in front of its time
	FAR = 1 << 24, // sequence numbers that are further apart are of different connections
	SCALE_MAX = 14, // RFC 7323 2.3
};

static bool is_far(uint32_t from, uint32_t to)
{
	return distance(from, to) > FAR || distance(from, to) < -FAR;
}

// The direction begins (again) at `sequence`.
static void begin(struct streams *streams, struct stream_side *side, uint32_t sequence)
{
	give(streams, &side->buffer);
	give(streams, &side->doubt);
	side->base = side->next = side->sent = side->acked = sequence;
	side->state = STREAM_START;
	side->phase = 0;
	side->reading = (struct stream_reading){ 0 };
	side->has_edge = false;
	side->has_timestamp = false;
	side->is_asking = false;
	side->has_heard = false;
	side->is_hasty = false;
}

static bool is_untouched(const struct stream_side *side)
{
	return side->state == STREAM_UNKNOWN ||
			(side->state == STREAM_START && side->next == side->base &&
					side->buffer == STREAM_NO_BUFFER);
}

// The other side has not answered to the numbers that this one began with.
static bool is_open(const struct stream_side *me)
{
	return is_untouched(me) && (me->state == STREAM_UNKNOWN || !me->has_edge);
}

// A SYN moves what it opens only until the other side has answered: later ones get a challenge
// (RFC 9293 3.10.7.4, RFC 5961 4) and change nothing, unless their answer opens a connection.
static void accept_syn(struct streams *streams, struct stream_side *me,
		const struct stream_segment *segment)
{
	if (!is_open(me)) {
		me->is_asking |= is_far(me->next, segment->sequence);
		return;
	}
	begin(streams, me, segment->sequence);
	me->scale = segment->scale != STREAM_NO_SCALE ? segment->scale : 0;
}

// The answer tells what the receiver has: of a SYN's data all, a part or nothing (RFC 7413 4.2.2),
// and then the rest comes again.
static bool take_syn_data(
		struct streams *streams, struct stream_side *peer, uint32_t acknowledgment)
{
	struct stream_buffer *buffer;
	int32_t taken;

	if (peer->doubt == STREAM_NO_BUFFER)
		return false;
	buffer = &streams->buffers[peer->doubt];
	taken = distance(buffer->sequence, acknowledgment);
	if (taken <= 0 || taken > (int32_t)buffer->high)
		return false;
	buffer->high = taken;
	return true;
}

// The answer took another way: the sender goes on behind what it acknowledged (RFC 7413 4.2.2), and
// sends again from the start what it did not.
static void follow_sender(struct streams *streams, struct stream_side *me,
		const struct stream_segment *segment)
{
	if (me->doubt == STREAM_NO_BUFFER || me->has_edge ||
			!streams->buffers[me->doubt].is_with_syn)
		return;
	streams->buffers[me->doubt].is_taken = take_syn_data(streams, me, segment->sequence);
}

// In mid-stream a SYN gets a challenge, and what comes with it is not taken. An answer with other
// numbers opens a new connection if somebody asked for one: else who sends it could make us forget
// the numbers that count.
static bool accept_syn_ack(struct streams *streams, struct stream_side *me,
		struct stream_side *peer, const struct stream_segment *segment)
{
	const uint32_t acknowledgment = segment->acknowledgment;
	const bool is_new = me->state != STREAM_UNKNOWN && is_far(me->next, segment->sequence) &&
			(peer->state == STREAM_UNKNOWN ||
					(peer->is_asking && is_far(peer->next, acknowledgment)));

	if (!is_new && !is_open(me))
		return false;
	begin(streams, me, segment->sequence);
	me->scale = segment->scale != STREAM_NO_SCALE ? segment->scale : 0;
	if (is_new || (is_untouched(peer) && !take_syn_data(streams, peer, acknowledgment)))
		begin(streams, peer, acknowledgment);
	// RFC 7323 2.2: scaled on both sides or not at all.
	if (segment->scale == STREAM_NO_SCALE)
		peer->scale = 0;
	return true;
}

static void hear(struct stream_side *me, uint32_t *acked, uint32_t acknowledgment)
{
	if (distance(*acked, acknowledgment) <= 0)
		return;
	*acked = acknowledgment;
	me->has_heard = true;
}

// What the sender of this segment has of the other direction and still takes. A window never
// shrinks (RFC 9293 3.8.6).
static void accept_acknowledgment(struct streams *streams, struct stream_side *me,
		struct stream_side *peer, const struct stream_segment *segment)
{
	const bool is_syn = (segment->flags & TH_SYN) != 0;
	const unsigned scale = me->scale <= SCALE_MAX ? me->scale : SCALE_MAX;
	uint32_t acknowledgment = segment->acknowledgment;
	uint32_t edge = acknowledgment + ((uint32_t)segment->window << (is_syn ? 0 : scale));

	if (peer->state == STREAM_UNKNOWN)
		return;
	if (peer->state == STREAM_DONE) {
		hear(me, &peer->base, acknowledgment);
		return;
	}
	if (is_far(peer->next, acknowledgment)) {
		// The SYN that we believed was not the one that the receiver believes.
		if (!is_open(peer))
			return;
		begin(streams, peer, acknowledgment);
	}
	if (!peer->has_edge)
		peer->acked = acknowledgment;
	hear(me, &peer->acked, acknowledgment);
	if (!peer->has_edge || distance(peer->edge, edge) > 0)
		peer->edge = edge;
	peer->has_edge = true;
	// Bytes that are skipped need not be seen to have come.
	if (distance(peer->next, peer->base) > 0)
		come(peer, distance(peer->base, acknowledgment) < 0 ? acknowledgment : peer->base);
}

// RFC 7323 5.3 R1: older than what was taken before. Its exception for connections that were idle
// for 24 days cannot come up: no flow lives that long.
static bool is_outdated(const struct stream_side *me, const struct stream_segment *segment)
{
	return segment->has_timestamp && me->has_timestamp && (segment->flags & TH_SYN) == 0 &&
			distance(me->timestamp, segment->timestamp) < 0;
}

// RFC 7323 5.3 R3.
static void accept_timestamp(struct stream_side *me, const struct stream_segment *segment)
{
	if (!segment->has_timestamp || me->state == STREAM_UNKNOWN ||
			distance(me->next, segment->sequence) > 0)
		return;
	me->timestamp = segment->timestamp;
	me->has_timestamp = true;
}

// RFC 9293 3.10.7.4 wants the first number inside the window. Linux takes such a segment whole, the
// RFC would cut its end off: senders that keep to the window never show the difference. The window
// that we know counts when the receiver has all that we know of, so that it is up to date, or when
// a gap is in front; else acknowledgements may be missing here that the sender has.
static bool is_in_window(const struct stream_side *me, const struct stream_segment *segment)
{
	if (!me->has_edge || distance(segment->sequence, me->edge) > 0)
		return true;
	return distance(segment->sequence, me->next) >= 0 && me->acked != me->next;
}

// Nobody listens: the answer to a SYN acknowledges it and has no number of its own (RFC 9293
// 3.10.7.1, 3.10.7.3).
static bool is_refusal(const struct stream_side *me, const struct stream_side *peer,
		const struct stream_segment *segment)
{
	return me->state == STREAM_UNKNOWN && peer->state == STREAM_START && is_untouched(peer) &&
			(segment->flags & TH_ACK) != 0 &&
			distance(peer->next, segment->acknowledgment) >= 0;
}

// Else only the very next number resets (RFC 5961 3.2, RFC 9293 3.10.7.4): whatever else is in the
// window gets a challenge.
static void accept_reset(struct streams *streams, struct stream *stream, unsigned side,
		const struct stream_segment *segment)
{
	const struct stream_side *me = &stream->sides[side];

	if (!is_refusal(me, &stream->sides[!side], segment) &&
			(me->state == STREAM_UNKNOWN || me->state == STREAM_DONE ||
					segment->sequence != me->next))
		return;
	stream_finish(streams, stream, 0);
	stream_finish(streams, stream, 1);
}

// Keeps a segment in case its receiver takes it after all: the next one, or one that comes early where
// the packets of the two directions overtook each other.
static void doubt(struct streams *streams, struct stream *stream, unsigned side,
		const struct stream_segment *segment)
{
	struct stream_side *me = &stream->sides[side];
	struct stream_buffer *buffer;
	uint32_t number;

	if (segment->length == 0 || segment->length > STREAM_SMALL_BYTES ||
			me->doubt != STREAM_NO_BUFFER ||
			distance(me->next, segment->sequence) < 0 ||
			distance(me->next, segment->sequence) > DOUBT_AHEAD_BYTES ||
			(me->state != STREAM_START && me->state != STREAM_LATER))
		return;
	number = stream_take_buffer(streams, stream, side, false);
	if (number == STREAM_NO_BUFFER)
		return;
	buffer = &streams->buffers[number];
	buffer_put(buffer, 0, segment->payload, segment->length);
	buffer->sequence = segment->sequence;
	buffer->time_ns = segment->time_ns;
	buffer->number = segment->number;
	buffer->is_with_syn = (segment->flags & TH_SYN) != 0;
	buffer->is_taken = false;
	me->doubt = number;
}

bool stream_settle(struct streams *streams, struct stream *stream, unsigned side,
		struct stream_segment *segment)
{
	struct stream_side *me = &stream->sides[side];
	const struct stream_buffer *buffer;

	if (me->doubt == STREAM_NO_BUFFER)
		return false;
	buffer = &streams->buffers[me->doubt];
	if (!buffer->is_taken &&
			(!me->has_edge || distance(buffer->sequence + buffer->high, me->acked) < 0))
		return false;
	me->is_excused |= !buffer->is_with_syn;
	*segment = (struct stream_segment){
		.payload = buffer->bytes,
		.time_ns = buffer->time_ns,
		.number = buffer->number,
		.length = buffer->high,
		.sequence = buffer->sequence,
	};
	return true;
}

// A receiver drops what has a wrong checksum (RFC 9293 3.1), so it is no byte of the stream. But a
// sender none of whose checksums was right yet had them written by its card after the capture, or
// the capture was edited: it is read.
static bool is_right(const struct streams *streams, struct stream_side *me,
		const struct stream_segment *segment)
{
	if (!segment->is_wrong)
		me->is_checked |= !segment->is_cut;
	else if (me->is_checked)
		streams->config.counters->segments_wrong++;
	return !segment->is_wrong || !me->is_checked;
}

// RFC 9293 3.10.7.4, fifth: a segment behind the handshake has ACK set, and acknowledges nothing that
// was not sent, nor what is older than any window (RFC 5961 5.2; stacks from before 2010 take that).
// An acknowledgement can only be judged where all that the other side sent was seen.
static bool is_acknowledgment_right(const struct stream_side *me, const struct stream_side *peer,
		const struct stream_segment *segment)
{
	const uint32_t acknowledgment = segment->acknowledgment;
	const unsigned scale = me->scale <= SCALE_MAX ? me->scale : SCALE_MAX;

	if ((segment->flags & TH_ACK) == 0)
		return false;
	if (me->is_excused || peer->state == STREAM_UNKNOWN || is_open(peer))
		return true;
	return distance(peer->sent, acknowledgment) <= (int64_t)segment->unseen &&
			(!peer->has_edge ||
					distance(acknowledgment, peer->acked) <= INT64_C(65535)
									<< scale);
}

static void note_sent(struct stream_side *me, const struct stream_segment *segment)
{
	const uint32_t end = segment->sequence + segment->length + ((segment->flags & TH_FIN) != 0);

	if (distance(me->sent, end) > 0)
		me->sent = end;
}

// Nothing in the segment counts; false.
static bool refuse(struct streams *streams, struct stream_segment *segment)
{
	segment->is_refused = true;
	streams->config.counters->segments_refused += segment->length > 0;
	return false;
}

static bool refuse_with_doubt(struct streams *streams, struct stream *stream, unsigned side,
		struct stream_segment *segment)
{
	doubt(streams, stream, side, segment);
	return refuse(streams, segment);
}

// What is not a handshake: the second half of stream_accept().
static bool accept_later(struct streams *streams, struct stream *stream, unsigned side,
		struct stream_segment *segment)
{
	struct stream_side *me = &stream->sides[side], *peer = &stream->sides[!side];

	if (!is_acknowledgment_right(me, peer, segment))
		return refuse_with_doubt(streams, stream, side, segment);
	accept_acknowledgment(streams, me, peer, segment);
	if (peer->state == STREAM_UNKNOWN)
		follow_sender(streams, me, segment);
	// In mid-stream the first payload that we see begins it.
	if (me->state == STREAM_UNKNOWN && segment->length > 0) {
		begin(streams, me, segment->sequence);
		note_sent(me, segment);
	}
	if (segment->length > 0 && !is_in_window(me, segment))
		return refuse(streams, segment);
	accept_timestamp(me, segment);
	return segment->length > 0 && me->state != STREAM_DONE;
}

bool stream_accept(struct streams *streams, struct stream *stream, unsigned side,
		struct stream_segment *segment)
{
	struct stream_side *me = &stream->sides[side], *peer = &stream->sides[!side];

	note_sent(me, segment);
	segment->is_refused = !is_right(streams, me, segment);
	segment->is_refused |= segment->is_doubtful;
	if (segment->is_refused) {
		doubt(streams, stream, side, segment);
		return false;
	}
	if ((segment->flags & TH_RST) != 0) {
		accept_reset(streams, stream, side, segment);
		return false;
	}
	if (is_outdated(me, segment))
		return refuse(streams, segment);
	if ((segment->flags & TH_SYN) == 0)
		return accept_later(streams, stream, side, segment);
	if ((segment->flags & TH_ACK) == 0) {
		// Its data wait for the answer.
		accept_syn(streams, me, segment);
		note_sent(me, segment);
		doubt(streams, stream, side, segment);
		return false;
	}
	if (!accept_syn_ack(streams, me, peer, segment))
		return refuse_with_doubt(streams, stream, side, segment);
	accept_acknowledgment(streams, me, peer, segment);
	accept_timestamp(me, segment);
	return segment->length > 0 && me->state != STREAM_DONE;
}

bool stream_ends(const struct stream_side *side, const struct stream_segment *segment)
{
	return (segment->flags & TH_FIN) != 0 && !segment->is_refused &&
			segment->sequence + segment->length == side->next;
}

bool stream_resume(struct stream *stream, unsigned side, uint32_t *offset)
{
	struct stream_side *me = &stream->sides[side];
	const unsigned scale = stream->sides[!side].scale;

	*offset = me->state == STREAM_START ? (uint32_t)distance(me->base, me->acked) : 0;
	if (me->state == STREAM_START)
		return *offset <= STREAM_WINDOW_BYTES;
	if (me->state != STREAM_DONE)
		return false;
	// A window more may have passed unseen.
	me->sent = me->base + ((uint32_t)UINT16_MAX << (scale <= SCALE_MAX ? scale : SCALE_MAX));
	me->next = me->acked = me->base;
	me->state = STREAM_LATER;
	me->has_edge = false;
	me->reading = (struct stream_reading){ 0 };
	return true;
}

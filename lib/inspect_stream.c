// SPDX-License-Identifier: BSD-3-Clause
// TCP: the bytes of each direction in order, and HTTP requests one after the other.
//
// A flow gets a stream when both sides took part in the handshake or when payload comes. Before
// that, and after another flow needed it, the details keep the numbers where its sides go on.
#include "checksum.h"
#include "decode/cursor.h"
#include "inspect_message.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>

enum {
	SEQUENCE_OFFSET = 4, // RFC 9293 3.1
};

static_assert(DETECTOR_COUNT < 32, "flow_details.app_proto has 5 bits");

static unsigned kept_state(const struct flow_details *details, unsigned side)
{
	return details->stream_states >> 2 * side & 3;
}

// What the details remember. How much was used of the budget they do not: never more than was sent.
static void load(struct stream *stream, const struct flow *flow, const struct flow_details *details)
{
	// Of one side at least something was read before.
	const bool is_resumed = (details->stream_states & (STREAM_LATER << 2 | STREAM_LATER)) != 0;

	for (unsigned i = 0; i < 2; i++) {
		struct stream_side *side = &stream->sides[i];

		side->state = kept_state(details, i);
		side->base = side->next = side->sent = details->stream_next[i];
		side->is_checked = details->stream_checked >> i & 1;
		side->is_hasty = is_resumed;
		if (side->state == STREAM_LATER)
			side->used = flow->bytes[i] < UINT16_MAX ? flow->bytes[i] : UINT16_MAX;
	}
}

static bool is_between_messages(const struct stream_side *side)
{
	return side->buffer == STREAM_NO_BUFFER && side->phase == PHASE_HEAD;
}

// A direction that is in the middle of something cannot be taken up again.
static void save(const struct stream *stream, struct flow_details *details)
{
	details->stream_states = 0;
	details->stream_checked = 0;
	for (unsigned i = 0; i < 2; i++) {
		const struct stream_side *side = &stream->sides[i];
		unsigned state = is_between_messages(side) ? side->state : STREAM_DONE;

		details->stream_states |= state << 2 * i;
		details->stream_checked |= side->is_checked << i;
		details->stream_next[i] = side->base;
	}
}

// Whether the flow that took the stream still has it: flows end without a word.
static bool is_owned(const struct flow *flow, const struct flow_details *details, uint32_t number)
{
	return (flow->packets[0] != 0 || flow->packets[1] != 0) &&
			(flow->state & FLOW_INSPECTING) != 0 && (flow->state & FLOW_STREAM) != 0 &&
			details->stream == number;
}

static void take_away(struct path *path, uint32_t number)
{
	struct stream *stream = streams_at(path->streams, number);
	struct flow *flow = stream->owner;
	struct flow_details *details = flow_details(path->flows, flow);

	if (is_owned(flow, details, number)) {
		save(stream, details);
		flow->state &= ~(unsigned)FLOW_STREAM;
		path->counters.streams_lost++;
	}
	streams_give(path->streams, number);
}

static struct stream *take(const struct inspection *in)
{
	struct streams *streams = in->path->streams;
	struct stream *stream;
	uint32_t number;

	if ((in->flow->state & FLOW_STREAM) != 0) {
		// What carries nothing keeps no stream from who needs one.
		if (in->packet->payload != NULL)
			streams_touch(streams, in->details->stream);
		return streams_at(streams, in->details->stream);
	}
	if (!streams_take(streams, &number)) {
		take_away(in->path, streams_oldest(streams));
		streams_take(streams, &number);
	}
	stream = streams_at(streams, number);
	load(stream, in->flow, in->details);
	stream->owner = in->flow;
	in->details->stream = number;
	in->flow->state |= FLOW_STREAM;
	return stream;
}

static void stop(const struct inspection *in)
{
	if ((in->flow->state & FLOW_STREAM) != 0)
		streams_give(in->path->streams, in->details->stream);
	flow_stop_inspecting(in->details, in->flow);
	if (in->flow->app == APP_SKYPE && in->details->confidence > CONFIDENCE_WEAK)
		in->flow->state |= FLOW_CANDIDATE;
}

// What waits is read after its end.
static void end_side(const struct inspection *in, struct stream *stream, unsigned side, bool is_end)
{
	const struct stream_side *me = &stream->sides[side];

	if (me->state == STREAM_DONE || (is_end && (me->phase & PHASE_WAITS) == 0))
		stream_finish(in->path->streams, stream, side);
}

// The receiver's acknowledgement, or where the sender went on, has settled a doubt: what was sent is
// news of then.
static void read_settled(const struct inspection *in, struct stream *stream, unsigned side)
{
	struct stream_segment segment;
	struct inspection then;
	struct packet packet;

	if (!stream_settle(in->path->streams, stream, side, &segment))
		return;
	packet = *in->packet;
	then = *in;
	then.side = side;
	then.packet = &packet;
	then.reading = &stream->sides[then.side].reading;
	packet.time_ns = segment.time_ns;
	packet.number = segment.number;
	inspect_payload(&then, stream, &segment);
	stream_forget(in->path->streams, stream, then.side);
	end_side(in, stream, then.side, false);
}

// Once the other direction, of which this one waits for something, told it or ended without.
static __attribute__((noinline)) void read_answered(
		const struct inspection *in, struct stream *stream, unsigned side)
{
	struct stream_side *me = &stream->sides[side];
	const struct stream_segment nothing_more = { .sequence = me->base };
	struct inspection then = *in;

	if ((me->phase & PHASE_WAITS) != 0 && stream->sides[!side].state == STREAM_DONE)
		stream_finish(in->path->streams, stream, side);
	if ((me->phase & PHASE_REFUSED) == 0)
		return;
	me->phase &= ~PHASE_REFUSED;
	if (me->buffer == STREAM_NO_BUFFER)
		return;
	me->is_hasty = true;
	then.side = side;
	then.reading = &me->reading;
	inspect_payload(&then, stream, &nothing_more);
	end_side(&then, stream, side, false);
}

// What a segment without payload changes before both sides took part fits into the details.
static void note(const struct inspection *in, struct stream_segment *segment)
{
	struct stream stream;

	stream_init(&stream);
	load(&stream, in->flow, in->details);
	stream_accept(in->path->streams, &stream, in->side, segment);
	save(&stream, in->details);
}

// What note() comes to. A flood is of nothing else.
bool inspect_first_syn(struct path *path, const struct burst *burst, const struct packet *packet)
{
	const unsigned bent = PACKET_TRUNCATED | PACKET_REASSEMBLED;
	const struct flow *flow = packet->flow;
	struct flow_details *details;
	unsigned side;

	if (packet->payload != NULL || (packet->flags & bent) != 0 ||
			(flow->state & FLOW_STREAM) != 0)
		return false;
	details = flow_details(path->flows, flow);
	if (details->stream_states != 0 ||
			!checksum_segment_is_right(
					packet, &flow->key, inspect_is_summed(burst, packet)))
		return false;
	side = packet->flags & PACKET_FROM_SECOND;
	details->stream_states = STREAM_START << 2 * side;
	details->stream_checked |= 1 << side;
	details->stream_next[side] =
			read_be32(packet->data + packet->transport + SEQUENCE_OFFSET) + 1;
	return true;
}
static_assert(STREAM_UNKNOWN == 0, "two unknown directions are 0");

// How much a side may have sent unseen: when nobody reads it any more no more than its frames.
static uint32_t unseen_of(const struct inspection *in, unsigned side)
{
	return kept_state(in->details, side) == STREAM_DONE ? in->flow->bytes[side] : 0;
}

static bool needs_stream(const struct inspection *in, const struct stream_segment *segment)
{
	if ((in->flow->state & FLOW_STREAM) != 0)
		return true;
	if (segment->length > 0)
		return true;
	return (segment->flags & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK) &&
			kept_state(in->details, !in->side) != STREAM_UNKNOWN;
}

static_assert(STREAM_DONE == 3, "it takes the place of any other state");

// Payload of a connection that no stream reads is left alone, and what follows in its direction.
static void shed(const struct inspection *in)
{
	in->packet->reason = REASON_OVERLOAD_STREAM;
	in->details->stream_states |= STREAM_DONE << 2 * in->side;
	if (kept_state(in->details, !in->side) == STREAM_DONE)
		stop(in);
}

static unsigned doubts_of(const struct stream *stream)
{
	return (stream->sides[0].doubt != STREAM_NO_BUFFER) |
			(stream->sides[1].doubt != STREAM_NO_BUFFER) << 1;
}

// Whether what the other side sent needs an acknowledgement to be believed.
static bool is_waited_for(const struct inspection *in)
{
	return (in->flow->state & FLOW_STREAM) != 0 &&
			(in->details->stream_checked >> !in->side & 1) != 0;
}

void inspect_segment(const struct inspection *in)
{
	const bool is_shed = in->path->overload >= OVERLOAD_STREAMS &&
			(in->flow->state & FLOW_STREAM) == 0;
	struct stream_segment segment;
	struct inspection inside;
	struct stream_side *side;
	struct stream *stream;
	bool is_taken;

	// So that the bulk of what nobody reads costs one look at the details. The acknowledgement in it
	// is missed by nobody who does not wait for it: see is_in_window().
	if (in->packet->payload != NULL && kept_state(in->details, in->side) == STREAM_DONE) {
		in->packet->reason = REASON_PAST;
		if (!is_waited_for(in))
			return;
	}
	if (is_shed && in->packet->payload != NULL) {
		shed(in);
		return;
	}
	stream_segment_read(&segment, in->packet, &in->flow->key,
			inspect_is_summed(in->burst, in->packet));
	segment.unseen = unseen_of(in, !in->side);
	if (is_shed || !needs_stream(in, &segment)) {
		if ((segment.flags & (TH_SYN | TH_RST)) != 0)
			note(in, &segment);
		return;
	}
	stream = take(in);
	side = &stream->sides[in->side];
	inside = *in;
	inside.reading = &side->reading;
	is_taken = stream_accept(in->path->streams, stream, in->side, &segment);
	if (side->doubt != STREAM_NO_BUFFER)
		read_settled(in, stream, in->side);
	if (is_taken)
		inspect_payload(&inside, stream, &segment);
	if (segment.is_refused && segment.length > 0)
		in->packet->reason = REASON_REFUSED;
	end_side(in, stream, in->side, stream_ends(side, &segment));
	if (stream->sides[!in->side].doubt != STREAM_NO_BUFFER)
		read_settled(in, stream, !in->side);
	if (((stream->sides[0].phase | stream->sides[1].phase) & ~PHASE_PLACES) != 0) {
		read_answered(in, stream, 0);
		read_answered(in, stream, 1);
	}
	in->details->stream_states = stream->sides[0].state | stream->sides[1].state << 2;
	in->details->stream_checked = doubts_of(stream);
	if (inspect_is_decided(in->details) ||
			(stream->sides[0].state == STREAM_DONE &&
					stream->sides[1].state == STREAM_DONE))
		stop(in);
}

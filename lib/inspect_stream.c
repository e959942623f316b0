// SPDX-License-Identifier: BSD-3-Clause
// TCP: the bytes of each direction in order, and HTTP requests one after the other.
//
// A flow gets a stream when both sides took part in the handshake or when payload comes. Before
// that, and after another flow needed it, the details keep the numbers where its sides go on.
#include "detect/http_framing.h"
#include "inspect_look.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>

enum phase {
	PHASE_HEAD, // a message may begin; stream.h wants 0 for that
	PHASE_FIRST_CHUNK, // a chunk's line
	PHASE_CHUNK, // the end of a chunk and the next one's line
	PHASE_TRAILER,
};

enum {
	ALWAYS_BYTES = 256, // as short as that, every byte is worth a look: 2^15 byte looks at most
};

static_assert(DETECTOR_COUNT < 32, "flow_details.app_proto has 5 bits");

static unsigned kept_state(const struct flow_details *details, unsigned side)
{
	return details->stream_states >> 2 * side & 3;
}

// What the details remember. How much was used of the budget they do not: never more than was sent.
static void load(struct stream *stream, const struct flow *flow, const struct flow_details *details)
{
	for (unsigned i = 0; i < 2; i++) {
		struct stream_side *side = &stream->sides[i];

		side->state = kept_state(details, i);
		side->base = side->next = side->sent = details->stream_next[i];
		side->is_checked = details->stream_checked >> i & 1;
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

// The direction's bytes at hand, and how many of them the budget allows to look at.
struct text {
	const uint8_t *data;
	uint32_t length;
	uint32_t room;
	bool is_last; // nothing can follow
};

// Mostly the first look is the only one. A message that grows is looked at when a detector has said
// so, when its head ends, and else when it has doubled, so that the work stays linear in its length
// however it is cut.
static bool is_due(struct stream_reading *reading, const struct text *text)
{
	uint32_t scanned = reading->scanned;

	reading->scanned = text->length < text->room ? text->length : text->room;
	if (text->is_last || text->length <= ALWAYS_BYTES || text->length >= text->room ||
			text->length >= 2u * reading->looked || text->length >= reading->wanted)
		return true;
	return reading->wants_head_end &&
			http_has_head_end(text->data, text->length, scanned < 3 ? 0 : scanned - 3);
}

static void use(struct stream_side *side, uint32_t bytes)
{
	side->used = bytes < (uint32_t)UINT16_MAX - side->used ? side->used + bytes : UINT16_MAX;
}

// Whether a rule may say more when more of the direction's beginning is there.
static bool want_payload(const struct inspection *in, const struct sample *sample)
{
	return sample->is_first && sample->length < PAYLOAD_MAX &&
			rules_want(in->path->policy->rules, BUFFER_PAYLOAD);
}

// The functions below return how many bytes are read or to be skipped, 0 to wait for more, or
// finish the direction.
static uint32_t finish(struct stream_side *side)
{
	side->state = STREAM_DONE;
	return 0;
}

static uint32_t read_head(
		const struct inspection *in, struct stream_side *side, const struct text *text)
{
	const struct findings *findings = &in->path->findings;
	struct stream_reading *reading = &side->reading;
	const struct sample sample = {
		.data = text->data,
		.length = text->length < text->room ? text->length : text->room,
		.source_port = ntohs(in->flow->key.ports_be[in->side]),
		.destination_port = ntohs(in->flow->key.ports_be[!in->side]),
		.protocol = in->packet->protocol,
		.is_first = side->state == STREAM_START,
		.is_last = text->is_last || text->length >= text->room,
		.is_from_initiator = in->side == in->initiator,
		.app_proto = in->details->app_proto,
		.signals = in->details->signals,
	};

	if (!is_due(reading, text))
		return 0;
	inspect_look(in, &sample);
	reading->looked = sample.length;
	reading->wanted = findings->wanted;
	reading->wants_head_end = findings->wants_head_end;
	if (findings->framing == FRAMING_LENGTH || findings->framing == FRAMING_CHUNKED) {
		use(side, findings->head_length);
		if (findings->framing == FRAMING_LENGTH)
			return findings->head_length + findings->body_length;
		side->phase = PHASE_FIRST_CHUNK;
		return findings->head_length;
	}
	if (findings->framing == FRAMING_NONE && !sample.is_last &&
			(findings->wants_more || want_payload(in, &sample)))
		return 0;
	return finish(side);
}

static uint32_t read_chunk(struct stream_side *side, const struct text *text)
{
	uint32_t size;
	size_t start;

	switch (http_chunk_line(text->data, text->length, side->phase == PHASE_FIRST_CHUNK, &start,
			&size)) {
	case MATCH_MORE:
		return 0;
	case MATCH_NO:
		return finish(side);
	default:
		use(side, start);
		side->phase = size > 0 ? PHASE_CHUNK : PHASE_TRAILER;
		return start + size;
	}
}

static uint32_t read_trailer(struct stream_side *side, const struct text *text)
{
	size_t start;
	bool is_end;

	switch (http_trailer_line(text->data, text->length, &start, &is_end)) {
	case MATCH_MORE:
		return 0;
	case MATCH_NO:
		return finish(side);
	default:
		use(side, start);
		if (is_end)
			side->phase = PHASE_HEAD;
		return start;
	}
}

// Empty lines between requests (RFC 9112 2.2), so that a flood of them is not looked at again and
// again.
static uint32_t skip_empty_lines(struct stream_side *side, const struct text *text)
{
	uint32_t count = 0;

	while (count < text->length && (text->data[count] == '\r' || text->data[count] == '\n'))
		count++;
	use(side, count);
	return count;
}

static uint32_t read_message(
		const struct inspection *in, struct stream_side *side, const struct text *text)
{
	uint32_t count = 0;

	if (text->room == 0)
		return finish(side);
	if (side->phase == PHASE_FIRST_CHUNK || side->phase == PHASE_CHUNK)
		return read_chunk(side, text);
	if (side->phase == PHASE_TRAILER)
		return read_trailer(side, text);
	if (side->state == STREAM_LATER)
		count = skip_empty_lines(side, text);
	return count > 0 ? count : read_head(in, side, text);
}

// Of a connection between Skype's nodes both directions are read: what proves the one does not tell
// whether the other's sender joins a super node.
static bool is_decided(const struct flow_details *details)
{
	const uint32_t both = 1u << SIGNAL_SKYPE_FAKE_ANSWER | 1u << SIGNAL_SKYPE_KEY_STREAM;

	return details->confidence == CONFIDENCE_CERTAIN && (details->signals & both) == 0;
}

static bool wants_more(const struct inspection *in, const struct stream_side *side)
{
	return !is_decided(in->details) && side->state != STREAM_DONE;
}

// Message by message, until one is not complete. `count` may run over the end: the rest of a body.
static uint32_t read_text(const struct inspection *in, struct stream_side *side,
		const struct stream_view *view, bool is_cut)
{
	uint32_t count = 0;

	while (count < view->length && wants_more(in, side)) {
		const struct text text = {
			.data = view->data + count,
			.length = view->length - count,
			.room = stream_room(in->path->streams, side),
			.is_last = is_cut,
		};
		uint32_t step = read_message(in, side, &text);

		if (step == 0)
			break;
		count += step;
		side->reading = (struct stream_reading){ 0 };
		if (wants_more(in, side))
			side->state = STREAM_LATER;
	}
	return count;
}

static void read_segment(const struct inspection *in, struct stream *stream,
		const struct stream_segment *segment)
{
	struct streams *streams = in->path->streams;
	struct stream_side *side = &stream->sides[in->side];
	struct stream_view view;
	bool is_more;

	do {
		uint32_t base = side->base;

		if (!stream_offer(streams, stream, in->side, segment, &view))
			return;
		do {
			uint32_t count = read_text(in, side, &view, segment->is_cut);

			if (!wants_more(in, side))
				return;
			is_more = stream_advance(streams, stream, in->side, &view, count);
		} while (is_more);
		// What did not fit into the window is shown when that has moved.
		is_more = view.is_clipped && side->base != base;
	} while (is_more);
}

static void end_side(const struct inspection *in, struct stream *stream, unsigned side, bool is_end)
{
	if (stream->sides[side].state == STREAM_DONE || is_end)
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
	read_segment(&then, stream, &segment);
	stream_forget(in->path->streams, stream, then.side);
	end_side(in, stream, then.side, false);
}

// The bare SYN of a connection of which nothing is known: what note() below comes to.
static bool note_first(const struct inspection *in, const struct stream_segment *segment)
{
	struct flow_details *details = in->details;

	if ((segment->flags & (TH_SYN | TH_ACK | TH_RST)) != TH_SYN ||
			details->stream_states != 0 || segment->is_wrong)
		return false;
	details->stream_states = STREAM_START << 2 * in->side;
	details->stream_checked |= !segment->is_cut << in->side;
	details->stream_next[in->side] = segment->sequence;
	return true;
}
static_assert(STREAM_UNKNOWN == 0, "two unknown directions are 0");

// What a segment without payload changes before both sides took part fits into the details.
static void note(const struct inspection *in, struct stream_segment *segment)
{
	struct stream stream;

	if (note_first(in, segment))
		return;
	stream_init(&stream);
	load(&stream, in->flow, in->details);
	stream_accept(in->path->streams, &stream, in->side, segment);
	save(&stream, in->details);
}

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
	// is not missed: see is_in_window().
	if (in->packet->payload != NULL && kept_state(in->details, in->side) == STREAM_DONE) {
		in->packet->reason = REASON_PAST;
		return;
	}
	if (is_shed && in->packet->payload != NULL) {
		shed(in);
		return;
	}
	stream_segment_read(&segment, in->packet, &in->flow->key, inspect_is_summed(in));
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
	read_settled(in, stream, in->side);
	if (is_taken)
		read_segment(&inside, stream, &segment);
	if (segment.is_refused && segment.length > 0)
		in->packet->reason = REASON_REFUSED;
	end_side(in, stream, in->side, stream_ends(side, &segment));
	read_settled(in, stream, !in->side);
	in->details->stream_states = stream->sides[0].state | stream->sides[1].state << 2;
	if (is_decided(in->details) ||
			(stream->sides[0].state == STREAM_DONE &&
					stream->sides[1].state == STREAM_DONE))
		stop(in);
}

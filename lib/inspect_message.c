// SPDX-License-Identifier: BSD-3-Clause
// HTTP requests one after the other, and what else a direction begins with.
//
// What a client sends behind CONNECT or Upgrade is kept until the status of the answer tells whether
// it is a request (RFC 9110 7.8, 9.3.6). Who asks before the last answer came, so that nobody who does
// not read all answers knows which of them is which, is left alone from the next CONNECT or Upgrade on.
#include "inspect_message.h"

#include "detect/http_framing.h"

#include <arpa/inet.h>

enum {
	ALWAYS_BYTES = 256, // as short as that, every byte is worth a look: 2^15 byte looks at most
};

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
			sample->length < rules_reach(in->path->policy->rules, BUFFER_PAYLOAD);
}

// The functions below return how many bytes are read or to be skipped, 0 to wait for more, or
// finish the direction.
static uint32_t finish(struct stream_side *side)
{
	side->state = STREAM_DONE;
	return 0;
}

static void enter(struct stream_side *side, enum phase place)
{
	side->phase = (side->phase & ~PHASE_PLACES) | place;
}

static struct stream *stream_of(const struct inspection *in)
{
	return streams_at(in->path->streams, in->details->stream);
}

// What is behind the request waits for its answer; false when that cannot be told from others.
static __attribute__((noinline)) bool wait_for_answer(
		const struct inspection *in, struct stream_side *side)
{
	const unsigned framing = in->path->findings.framing;
	struct stream *stream = stream_of(in);
	struct stream_side *peer = &stream->sides[!in->side];
	uint32_t skipped;

	if (side->is_hasty || peer->phase != PHASE_HEAD ||
			!stream_resume(stream, !in->side, &skipped))
		return false;
	side->phase = (framing & FRAMING_TUNNEL) != 0 ? PHASE_TUNNEL : PHASE_UPGRADE;
	peer->phase = PHASE_ANSWER;
	peer->skipped = skipped;
	return true;
}

static void note_request(struct stream_side *side)
{
	if (side->state == STREAM_LATER)
		side->is_hasty |= !side->has_heard;
	side->has_heard = false;
}

// Inline, for there is nothing else in most messages.
static inline __attribute__((always_inline)) uint32_t read_head(
		const struct inspection *in, struct stream_side *side, const struct text *text)
{
	const struct findings *findings = &in->path->findings;
	struct stream_reading *reading = &side->reading;
	unsigned framing;
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
	framing = findings->framing & FRAMING_PLACES;
	if (framing == FRAMING_LENGTH || framing == FRAMING_CHUNKED) {
		note_request(side);
		if (findings->framing != framing && !wait_for_answer(in, side))
			return finish(side);
		use(side, findings->head_length);
		if (framing == FRAMING_LENGTH)
			return findings->head_length + findings->body_length;
		enter(side, PHASE_FIRST_CHUNK);
		return findings->head_length;
	}
	if (framing == FRAMING_NONE && !sample.is_last &&
			(findings->wants_more || want_payload(in, &sample)))
		return 0;
	return finish(side);
}

static uint32_t read_chunk(struct stream_side *side, const struct text *text)
{
	uint32_t size;
	size_t start;

	switch (http_chunk_line(text->data, text->length,
			(side->phase & PHASE_PLACES) == PHASE_FIRST_CHUNK, &start, &size)) {
	case MATCH_MORE:
		return 0;
	case MATCH_NO:
		return finish(side);
	default:
		use(side, start);
		enter(side, size > 0 ? PHASE_CHUNK : PHASE_TRAILER);
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
			enter(side, PHASE_HEAD);
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

// What a status of 0, no answer in HTTP, and others make of the side that waits for it.
static void answer(const struct inspection *in, unsigned side, unsigned status)
{
	struct stream *stream = stream_of(in);
	struct stream_side *me = &stream->sides[side];
	const bool is_tunnel = (me->phase & PHASE_TUNNEL) != 0 && status / 100 == 2;

	if ((me->phase & PHASE_WAITS) == 0)
		return;
	if (status == 0 || status == 101 || is_tunnel)
		stream_finish(in->path->streams, stream, side);
	else
		me->phase = (me->phase & PHASE_PLACES) | PHASE_REFUSED;
}

// Of a direction's beginning detectors want to see more than the status.
static uint32_t read_answer(
		const struct inspection *in, struct stream_side *side, const struct text *text)
{
	const uint32_t skipped = side->skipped < text->length ? side->skipped : text->length;
	bool is_inside = side->phase == PHASE_INTERIM;
	unsigned status = 0;
	enum match match;
	uint32_t step;
	size_t start;

	match = http_answer(
			text->data + skipped, text->length - skipped, &is_inside, &start, &status);
	side->skipped += start;
	enter(side, is_inside ? PHASE_INTERIM : PHASE_ANSWER);
	if (match != MATCH_MORE) {
		enter(side, PHASE_HEAD);
		answer(in, !in->side, match == MATCH_YES ? status : 0);
	}
	if (side->state == STREAM_START) {
		step = read_head(in, side, text);
		if (match != MATCH_MORE || side->state != STREAM_DONE)
			return step;
		side->state = STREAM_LATER;
	}
	if (match != MATCH_MORE)
		return finish(side);
	step = side->skipped;
	side->skipped = 0;
	use(side, step);
	return step;
}

// Behind what waits for an answer nothing is read, and no more is kept than is ever shown.
static uint32_t hold(const struct inspection *in, struct stream_side *side, const struct text *text)
{
	if (text->length < text->room)
		return 0;
	in->path->counters.segments_beyond++;
	return finish(side);
}

// In the middle of a message, or behind one.
static __attribute__((noinline)) uint32_t read_later(
		const struct inspection *in, struct stream_side *side, const struct text *text)
{
	switch (side->phase & PHASE_PLACES) {
	case PHASE_HEAD:
		return hold(in, side, text);
	case PHASE_TRAILER:
		return read_trailer(side, text);
	case PHASE_ANSWER:
	case PHASE_INTERIM:
		return read_answer(in, side, text);
	default:
		return read_chunk(side, text);
	}
}

static uint32_t read_message(
		const struct inspection *in, struct stream_side *side, const struct text *text)
{
	uint32_t count = 0;

	if (text->room == 0)
		return finish(side);
	if (side->phase != PHASE_HEAD)
		return read_later(in, side, text);
	if (side->state == STREAM_LATER)
		count = skip_empty_lines(side, text);
	return count > 0 ? count : read_head(in, side, text);
}

static bool wants_more(const struct inspection *in, const struct stream_side *side)
{
	return !inspect_is_decided(in->details) && side->state != STREAM_DONE;
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

void inspect_payload(const struct inspection *in, struct stream *stream,
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

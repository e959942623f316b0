// SPDX-License-Identifier: BSD-3-Clause
// What is kept of a direction until it is read, and shows it in order.
#include "counters.h"
#include "stream_pool.h"

static struct stream_buffer *buffer_of(
		const struct streams *streams, const struct stream_side *side)
{
	return side->buffer != STREAM_NO_BUFFER ? &streams->buffers[side->buffer] : NULL;
}

void stream_give_buffer(struct streams *streams, uint32_t number)
{
	buffer_clear(&streams->buffers[number]);
	if (number < streams->small.count)
		pool_give(&streams->small, number);
	else
		pool_give(&streams->large, number - streams->small.count);
}

void stream_forget(struct streams *streams, struct stream *stream, unsigned side)
{
	give(streams, &stream->sides[side].doubt);
}

void stream_finish(struct streams *streams, struct stream *stream, unsigned side)
{
	give(streams, &stream->sides[side].buffer);
	stream_forget(streams, stream, side);
	stream->sides[side].state = STREAM_DONE;
}

// Nobody reads on who lost what waited for the rest.
uint32_t stream_take_buffer(
		struct streams *streams, struct stream *stream, unsigned side, bool is_large)
{
	struct pool *pool = is_large ? &streams->large : &streams->small;
	const uint32_t first = is_large ? streams->small.count : 0;
	struct stream_buffer *buffer;
	uint32_t number = pool_take(pool);

	if (number == POOL_NONE && pool->count > 0) {
		buffer = &streams->buffers[first + pool->oldest];
		stream_finish(streams, &streams->items[buffer->stream], buffer->side);
		streams->config.counters->stream_buffers_lost++;
		number = pool_take(pool);
	}
	if (number == POOL_NONE)
		return STREAM_NO_BUFFER;
	buffer = &streams->buffers[first + number];
	buffer->stream = stream - streams->items;
	buffer->side = side;
	return first + number;
}

// Room for `end` bytes from `base` on; NULL when there is none to be had.
static struct stream_buffer *make_room(
		struct streams *streams, struct stream *stream, unsigned side, uint32_t end)
{
	struct stream_side *me = &stream->sides[side];
	struct stream_buffer *old = buffer_of(streams, me);
	uint32_t number;

	if (old != NULL && old->start + end > old->capacity && old->start >= old->capacity / 2)
		buffer_compact(old);
	if (old != NULL && old->start + end <= old->capacity) {
		if (me->buffer < streams->small.count)
			pool_touch(&streams->small, me->buffer);
		else
			pool_touch(&streams->large, me->buffer - streams->small.count);
		return old;
	}
	number = stream_take_buffer(streams, stream, side, old != NULL || end > STREAM_SMALL_BYTES);
	if (number == STREAM_NO_BUFFER)
		return NULL;
	if (old != NULL) {
		buffer_move(&streams->buffers[number], old);
		give(streams, &me->buffer);
	}
	me->buffer = number;
	if (me->state == STREAM_DONE) { // it was the one to give way
		give(streams, &me->buffer);
		return NULL;
	}
	return &streams->buffers[number];
}

uint32_t stream_room(const struct streams *streams, const struct stream_side *side)
{
	return streams->config.budget > side->used ? streams->config.budget - side->used : 0;
}

// Copies what is in front of its time, or behind something that waits. Where bytes come twice, the
// first stay: so do most receivers (Windows, BSD, Linux for what it acknowledged); Linux prefers a
// later segment that covers an earlier one whole while both wait behind a gap.
static bool keep(struct streams *streams, struct stream *stream, unsigned side, uint32_t offset,
		struct stream_view *view)
{
	struct stream_side *me = &stream->sides[side];
	const uint32_t room = stream_room(streams, me);
	struct stream_buffer *buffer;

	if (offset >= room) {
		streams->config.counters->segments_beyond++;
		return false;
	}
	view->is_clipped = view->length > room - offset;
	if (view->is_clipped)
		view->length = room - offset;
	buffer = make_room(streams, stream, side, offset + view->length);
	if (buffer == NULL) {
		streams->config.counters->stream_buffers_lost++;
		stream_finish(streams, stream, side);
		return false;
	}
	buffer_put(buffer, buffer->start + offset, view->data, view->length);
	view->data = buffer->bytes + buffer->start;
	view->length = buffer_run(buffer, buffer->start);
	return true;
}

// Whether the segment brings what the one in doubt was to bring.
static bool has_other_than_doubt(const struct streams *streams, const struct stream_side *me,
		const struct stream_segment *segment)
{
	const struct stream_buffer *doubt;

	if (me->doubt == STREAM_NO_BUFFER)
		return false;
	doubt = &streams->buffers[me->doubt];
	return segment->payload != doubt->bytes &&
			distance(doubt->sequence, segment->sequence + segment->length) > 0;
}

bool stream_offer(struct streams *streams, struct stream *stream, unsigned side,
		const struct stream_segment *segment, struct stream_view *view)
{
	struct stream_side *me = &stream->sides[side];
	const uint32_t end = segment->sequence + segment->length;
	int32_t offset = distance(me->base, segment->sequence);
	uint32_t known = 0;

	*view = (struct stream_view){ .data = segment->payload, .length = segment->length };
	if (me->state == STREAM_DONE)
		return false;
	if (has_other_than_doubt(streams, me, segment))
		stream_forget(streams, stream, side);
	if (distance(me->next, segment->sequence) <= 0 &&
			(distance(me->base, end) <= 0 || me->buffer == STREAM_NO_BUFFER))
		come(me, end);
	if (offset < 0) {
		// Came before, or the one byte that asks whether the peer is alive (RFC 9293
		// 3.8.4).
		if (distance(me->base, end) <= 0)
			return false;
		view->data += -offset;
		view->length -= -offset;
		offset = 0;
	}
	if (offset == 0 && me->buffer == STREAM_NO_BUFFER) {
		view->is_in_place = true;
		return true;
	}
	if (me->buffer != STREAM_NO_BUFFER)
		known = buffer_run(buffer_of(streams, me), buffer_of(streams, me)->start);
	if (!keep(streams, stream, side, offset, view))
		return false;
	come(me, me->base + view->length);
	return view->length > known || segment->length == 0;
}

// What the reader could not use yet.
static void keep_rest(struct streams *streams, struct stream *stream, unsigned side,
		const struct stream_view *view, uint32_t count)
{
	struct stream_view rest = { .data = view->data + count, .length = view->length - count };

	keep(streams, stream, side, 0, &rest);
}

static bool advance_buffer(struct streams *streams, struct stream_side *me, uint32_t count,
		struct stream_view *view)
{
	struct stream_buffer *buffer = buffer_of(streams, me);
	const uint32_t shown = view->length;

	if (count >= buffer->high - buffer->start) {
		give(streams, &me->buffer);
		return false;
	}
	buffer->start += count;
	view->data = buffer->bytes + buffer->start;
	view->length = buffer_run(buffer, buffer->start);
	if (view->length > 0)
		come(me, me->base + view->length);
	return view->length > 0 && count > shown;
}

bool stream_advance(struct streams *streams, struct stream *stream, unsigned side,
		struct stream_view *view, uint32_t count)
{
	struct stream_side *me = &stream->sides[side];

	if (me->state == STREAM_DONE)
		return false;
	me->base += count;
	if (count > 0)
		me->state = STREAM_LATER;
	if (!view->is_in_place)
		return advance_buffer(streams, me, count, view);
	if (count < view->length)
		keep_rest(streams, stream, side, view, count);
	return false;
}

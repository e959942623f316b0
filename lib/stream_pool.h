// SPDX-License-Identifier: BSD-3-Clause
// The inside of streams: numbers in use by age, and buffers with gaps. For stream*.c only.
#pragma once

#include "stream.h"

static const uint32_t POOL_NONE = UINT32_MAX;

struct pool_link {
	uint32_t newer; // of a free number: the next free one
	uint32_t older;
};

// Numbers below `count`; those in use in the order in which they were touched.
struct pool {
	struct pool_link *links;
	uint32_t count;
	uint32_t unused; // this and all higher numbers were never taken
	uint32_t free;
	uint32_t newest;
	uint32_t oldest;
};

void pool_init(struct pool *pool, struct pool_link *links, uint32_t count);
uint32_t pool_take(struct pool *pool); // POOL_NONE when all are in use
void pool_give(struct pool *pool, uint32_t number);
void pool_touch(struct pool *pool, uint32_t number);

// Bytes at their places; those that came are marked, and never change.
struct stream_buffer {
	uint8_t *bytes;
	uint64_t *present; // a bit a byte
	uint32_t capacity; // bytes
	uint32_t start; // where the side's `base` is
	uint32_t high; // no byte from here on came
	uint32_t stream; // whose it is
	uint32_t side;
	uint32_t sequence; // of a refused segment, as the rest
	uint64_t time_ns;
	uint64_t number;
	bool is_with_syn; // only its answer says whether it counts
	bool is_taken; // where its sender went on says so
};

void buffer_clear(struct stream_buffer *buffer);
void buffer_put(struct stream_buffer *buffer, uint32_t at, const uint8_t *data, uint32_t length);
// How many bytes from `at` on came without a gap.
uint32_t buffer_run(const struct stream_buffer *buffer, uint32_t at);
// Moves what is left down, by a multiple of 64 bytes.
void buffer_compact(struct stream_buffer *buffer);
// Moves what is left of `from` into an empty larger one.
void buffer_move(struct stream_buffer *to, const struct stream_buffer *from);

struct streams {
	struct pool streams;
	struct pool small;
	struct pool large;
	struct stream *items;
	struct stream_buffer *buffers; // first the small ones, then the large ones
	struct streams_config config;
	size_t bytes; // of the whole allocation
};

// RFC 9293 3.4: numbers are compared modulo 2^32.
static inline int32_t distance(uint32_t from, uint32_t to)
{
	return (int32_t)(to - from);
}

static inline void come(struct stream_side *me, uint32_t next)
{
	if (distance(me->next, next) > 0)
		me->next = next;
}

// A buffer for a side; STREAM_NO_BUFFER when there is none to be had.
uint32_t stream_take_buffer(
		struct streams *streams, struct stream *stream, unsigned side, bool is_large);
void stream_give_buffer(struct streams *streams, uint32_t number);

static inline void give(struct streams *streams, uint32_t *held)
{
	const uint32_t number = *held;

	*held = STREAM_NO_BUFFER;
	if (number != STREAM_NO_BUFFER)
		stream_give_buffer(streams, number);
}

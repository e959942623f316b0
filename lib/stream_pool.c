// SPDX-License-Identifier: BSD-3-Clause
#include "stream_pool.h"

#include <string.h>

void pool_init(struct pool *pool, struct pool_link *links, uint32_t count)
{
	*pool = (struct pool){
		.links = links,
		.count = count,
		.free = POOL_NONE,
		.newest = POOL_NONE,
		.oldest = POOL_NONE,
	};
}

static void link_newest(struct pool *pool, uint32_t number)
{
	pool->links[number] = (struct pool_link){ .newer = POOL_NONE, .older = pool->newest };
	if (pool->newest != POOL_NONE)
		pool->links[pool->newest].newer = number;
	else
		pool->oldest = number;
	pool->newest = number;
}

static void unlink_used(struct pool *pool, uint32_t number)
{
	struct pool_link link = pool->links[number];

	if (link.newer != POOL_NONE)
		pool->links[link.newer].older = link.older;
	else
		pool->newest = link.older;
	if (link.older != POOL_NONE)
		pool->links[link.older].newer = link.newer;
	else
		pool->oldest = link.newer;
}

uint32_t pool_take(struct pool *pool)
{
	uint32_t number = pool->free;

	if (number != POOL_NONE)
		pool->free = pool->links[number].newer;
	else if (pool->unused < pool->count)
		number = pool->unused++;
	else
		return POOL_NONE;
	link_newest(pool, number);
	return number;
}

void pool_give(struct pool *pool, uint32_t number)
{
	unlink_used(pool, number);
	pool->links[number].newer = pool->free;
	pool->free = number;
}

void pool_touch(struct pool *pool, uint32_t number)
{
	if (pool->newest == number)
		return;
	unlink_used(pool, number);
	link_newest(pool, number);
}

void buffer_clear(struct stream_buffer *buffer)
{
	memset(buffer->present, 0, (buffer->high + 63) / 64 * sizeof(*buffer->present));
	buffer->start = 0;
	buffer->high = 0;
}

void buffer_put(struct stream_buffer *buffer, uint32_t at, const uint8_t *data, uint32_t length)
{
	if (at + length > buffer->high)
		buffer->high = at + length;
	for (uint32_t count; length > 0; at += count, data += count, length -= count) {
		uint64_t *word = &buffer->present[at / 64];
		uint64_t mask, fresh;

		count = 64 - at % 64;
		if (count > length)
			count = length;
		mask = ~UINT64_C(0) >> (64 - count) << at % 64;
		fresh = mask & ~*word;
		*word |= mask;
		if (fresh == mask) {
			memcpy(buffer->bytes + at, data, count);
			continue;
		}
		for (; fresh != 0; fresh &= fresh - 1) {
			uint32_t place = at / 64 * 64 + __builtin_ctzll(fresh);

			buffer->bytes[place] = data[place - at];
		}
	}
}

uint32_t buffer_run(const struct stream_buffer *buffer, uint32_t at)
{
	const uint32_t from = at;

	while (at < buffer->high) {
		uint64_t missing = ~buffer->present[at / 64] >> at % 64;

		if (missing != 0)
			return at + __builtin_ctzll(missing) - from;
		at = (at / 64 + 1) * 64;
	}
	return at - from;
}

void buffer_compact(struct stream_buffer *buffer)
{
	const uint32_t shift = buffer->start / 64 * 64;
	const uint32_t left = buffer->high - shift;
	const size_t words = (left + 63) / 64;
	const size_t before = (buffer->high + 63) / 64;

	memmove(buffer->bytes, buffer->bytes + shift, left);
	memmove(buffer->present, buffer->present + shift / 64, words * sizeof(*buffer->present));
	memset(buffer->present + words, 0, (before - words) * sizeof(*buffer->present));
	buffer->start -= shift;
	buffer->high = left;
}

void buffer_move(struct stream_buffer *to, const struct stream_buffer *from)
{
	const uint32_t shift = from->start / 64 * 64;
	const uint32_t left = from->high - shift;

	memcpy(to->bytes, from->bytes + shift, left);
	memcpy(to->present, from->present + shift / 64, (left + 63) / 64 * sizeof(*to->present));
	to->start = from->start - shift;
	to->high = left;
}

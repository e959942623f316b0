// SPDX-License-Identifier: BSD-3-Clause
// The memory of a worker's streams, and who has which.
#include "counters.h"
#include "fail.h"
#include "memory.h"
#include "stream_pool.h"

enum {
	LINE_BYTES = 64,
	NUMBERS_MAX = 1 << 24,
};

// Where the parts lie behind each other.
struct layout {
	size_t links, items, buffers, present, bytes, end;
};

static size_t after(size_t offset, size_t bytes)
{
	return (offset + bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

static struct layout layout_of(const struct streams_config *config)
{
	const size_t small = config->small_buffers, large = config->large_buffers;
	const size_t bytes = small * STREAM_SMALL_BYTES + large * STREAM_LARGE_BYTES;
	struct layout layout;

	layout.links = after(0, sizeof(struct streams));
	layout.items = after(
			layout.links, (config->streams + small + large) * sizeof(struct pool_link));
	layout.buffers = after(layout.items, config->streams * sizeof(struct stream));
	layout.present = after(layout.buffers, (small + large) * sizeof(struct stream_buffer));
	layout.bytes = after(layout.present, bytes / 8);
	layout.end = after(layout.bytes, bytes);
	return layout;
}

static bool is_valid(const struct streams_config *config)
{
	return config->streams > 0 && config->streams <= NUMBERS_MAX &&
			config->small_buffers <= NUMBERS_MAX &&
			config->large_buffers <= NUMBERS_MAX &&
			config->budget <= STREAM_WINDOW_BYTES && config->counters != NULL;
}

static void init_buffers(struct streams *streams, uint64_t *present, uint8_t *bytes)
{
	const uint32_t small = streams->config.small_buffers;

	for (uint32_t i = 0; i < small + streams->config.large_buffers; i++) {
		uint32_t capacity = i < small ? STREAM_SMALL_BYTES : STREAM_LARGE_BYTES;

		streams->buffers[i] = (struct stream_buffer){
			.bytes = bytes, .present = present, .capacity = capacity
		};
		bytes += capacity;
		present += capacity / 64;
	}
}

struct streams *streams_create(const struct streams_config *config)
{
	struct pool_link *links;
	struct streams *streams;
	struct layout layout;
	char *memory;

	if (!is_valid(config))
		return fail_null(EINVAL);
	layout = layout_of(config);
	memory = memory_alloc(layout.end, config->node);
	if (memory == NULL)
		return NULL;
	streams = (struct streams *)memory;
	streams->config = *config;
	streams->bytes = layout.end;
	streams->items = (struct stream *)(memory + layout.items);
	streams->buffers = (struct stream_buffer *)(memory + layout.buffers);
	links = (struct pool_link *)(memory + layout.links);
	pool_init(&streams->streams, links, config->streams);
	pool_init(&streams->small, links + config->streams, config->small_buffers);
	pool_init(&streams->large, links + config->streams + config->small_buffers,
			config->large_buffers);
	init_buffers(streams, (uint64_t *)(memory + layout.present),
			(uint8_t *)(memory + layout.bytes));
	return streams;
}

void streams_free(struct streams *streams)
{
	if (streams != NULL)
		memory_free(streams, streams->bytes);
}

size_t streams_bytes(const struct streams *streams)
{
	return streams->bytes;
}

struct stream *streams_at(const struct streams *streams, uint32_t number)
{
	return &streams->items[number];
}

// A new stream is read again before what was written has reached its memory, and that was not touched
// for long while many are in use: so it is fetched a stream ahead.
static void foresee_next(const struct streams *streams)
{
	const struct pool *pool = &streams->streams;
	const uint32_t next = pool->free != POOL_NONE ? pool->free : pool->unused;

	if (next == pool->count)
		return;
	__builtin_prefetch(&streams->items[next], 1);
	__builtin_prefetch(&streams->items[next].owner, 1); // in the second line
	__builtin_prefetch(&pool->links[next], 1);
}

bool streams_take(struct streams *streams, uint32_t *number)
{
	uint32_t taken = pool_take(&streams->streams);

	if (taken == POOL_NONE)
		return false;
	stream_init(&streams->items[taken]);
	streams->config.counters->streams++;
	foresee_next(streams);
	*number = taken;
	return true;
}

void streams_give(struct streams *streams, uint32_t number)
{
	struct stream *stream = &streams->items[number];

	stream_finish(streams, stream, 0);
	stream_finish(streams, stream, 1);
	pool_give(&streams->streams, number);
	streams->config.counters->streams--;
}

uint32_t streams_oldest(const struct streams *streams)
{
	return streams->streams.oldest;
}

void streams_touch(struct streams *streams, uint32_t number)
{
	pool_touch(&streams->streams, number);
}

void stream_init(struct stream *stream)
{
	*stream = (struct stream){ 0 };
	for (int i = 0; i < 2; i++) {
		stream->sides[i].buffer = STREAM_NO_BUFFER;
		stream->sides[i].doubt = STREAM_NO_BUFFER;
		stream->sides[i].scale = STREAM_NO_SCALE;
	}
}

// SPDX-License-Identifier: BSD-3-Clause
// Segments of any place, length and order, against a reassembler that is too simple to be wrong:
// an array with a mark for each byte that came.
//
// A record of the input is place (2 bytes, from the number that is expected), length, what the
// reader then takes (2 bytes; more than there is: skips).
#include "counters.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	RECORD_BYTES = 5,
	RECORDS_MAX = 128,
	BEHIND = 1000, // places are from so far behind
	TAKEN_MAX = 1023,
	PLAIN_BYTES = 2 * RECORDS_MAX * TAKEN_MAX + 65536, // more than a reader can get through
	START = -20000, // so that numbers wrap soon
};

static uint8_t plain[PLAIN_BYTES];
static bool came[PLAIN_BYTES];
static uint32_t base;

static void check(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t plain_run(void)
{
	uint32_t run = 0;

	while (base + run < PLAIN_BYTES && came[base + run])
		run++;
	return run;
}

static void plain_put(uint32_t place, const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		uint32_t at = place + i;

		if (at < base || at >= base + STREAM_WINDOW_BYTES || at >= PLAIN_BYTES || came[at])
			continue;
		came[at] = true;
		plain[at] = bytes[i];
	}
}

static void read_view(struct streams *streams, struct stream *stream, struct stream_view *view,
		uint32_t count)
{
	bool is_more;

	do {
		check(view->length == plain_run());
		check(memcmp(view->data, plain + base, view->length) == 0);
		is_more = stream_advance(streams, stream, 0, view, count);
		base += count;
		count /= 2;
	} while (is_more);
}

static void play(struct streams *streams, struct stream *stream, const uint8_t *record,
		uint8_t content)
{
	uint32_t place = base + (record[0] | (uint32_t)(record[1] & 0x7f) << 8);
	uint8_t *payload = malloc(record[2] + 1);
	struct stream_segment segment = {
		.payload = payload, .length = record[2], .flags = 16, .scale = STREAM_NO_SCALE
	};
	struct stream_view view;

	place -= place > BEHIND ? BEHIND : place;
	segment.sequence = START + place;
	for (unsigned i = 0; i < record[2]; i++)
		payload[i] = (uint8_t)(content + i);
	if (record[2] > 0) {
		uint32_t before = plain_run();

		check(stream_accept(streams, stream, 0, &segment));
		plain_put(place, payload, record[2]);
		if (stream_offer(streams, stream, 0, &segment, &view))
			read_view(streams, stream, &view,
					(record[3] | (uint32_t)record[4] << 8) & TAKEN_MAX);
		else
			check(plain_run() == before);
	}
	free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct counters counters;
	static const struct streams_config config = { 1, 1, 1, STREAM_WINDOW_BYTES, -1, &counters };
	static struct streams *streams;
	struct stream_segment syn = { .sequence = START, .flags = 2, .scale = STREAM_NO_SCALE };
	struct stream *stream;
	uint32_t number;

	if (streams == NULL)
		streams = streams_create(&config);
	if (streams == NULL || !streams_take(streams, &number))
		abort();
	memset(came, 0, sizeof(came));
	base = 0;
	stream = streams_at(streams, number);
	stream_accept(streams, stream, 0, &syn);
	for (size_t i = 0; i < RECORDS_MAX && size >= RECORD_BYTES; i++) {
		play(streams, stream, data, (uint8_t)(i * 37));
		data += RECORD_BYTES;
		size -= RECORD_BYTES;
	}
	streams_give(streams, number);
	check(counters.stream_buffers_lost == 0);
	return 0;
}

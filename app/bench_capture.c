// SPDX-License-Identifier: BSD-3-Clause
#include "bench_capture.h"

#include "capture.h"
#include "fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FRAME_MAX = 1518, // longer ones are no frames of a wire, but of offloads
};

static void *grown(void *memory, size_t *room, size_t size, size_t at_least)
{
	size_t larger = *room < 4096 ? 4096 : *room;
	void *moved;

	if (at_least <= *room)
		return memory;
	while (larger < at_least)
		larger *= 2;
	moved = realloc(memory, larger * size);
	if (moved != NULL)
		*room = larger;
	return moved;
}

static int add(struct bench_capture *capture, const struct frame *frame)
{
	uint8_t *bytes = grown(capture->bytes, &capture->bytes_room, 1,
			capture->bytes_used + frame->length);
	struct bench_frame *frames;

	if (bytes == NULL)
		return fail(ENOMEM);
	capture->bytes = bytes;
	frames = grown(capture->frames, &capture->room, sizeof(*frames), capture->count + 1);
	if (frames == NULL)
		return fail(ENOMEM);
	capture->frames = frames;
	memcpy(bytes + capture->bytes_used, frame->data, frame->length);
	frames[capture->count++] = (struct bench_frame){ capture->bytes_used, frame->length };
	capture->bytes_used += frame->length;
	return 0;
}

static int read_all(struct bench_capture *loaded, struct capture *capture,
		char message[CAPTURE_MESSAGE_BYTES])
{
	enum capture_result result;
	struct frame frame;

	while ((result = capture_next(capture, &frame, message)) == CAPTURE_FRAME) {
		if (capture_link(capture) != LINK_ETHERNET || frame.length != frame.wire_length ||
				frame.length > FRAME_MAX || frame.length == 0 ||
				loaded->bytes_used > UINT32_MAX - FRAME_MAX) {
			loaded->left_out++;
		} else if (add(loaded, &frame) < 0) {
			snprintf(message, CAPTURE_MESSAGE_BYTES, "no memory for the capture");
			return fail(ENOMEM);
		}
	}
	if (result == CAPTURE_BROKEN)
		return fail(EINVAL);
	if (loaded->count == 0) {
		snprintf(message, CAPTURE_MESSAGE_BYTES, "no whole Ethernet frame in this capture");
		return fail(EINVAL);
	}
	return 0;
}

struct bench_capture *bench_capture_load(const char *path)
{
	char message[CAPTURE_MESSAGE_BYTES] = "no memory";
	struct bench_capture *loaded = calloc(1, sizeof(*loaded));
	struct capture *capture = capture_open(path, message);
	int ret = -1;

	if (capture != NULL && loaded != NULL)
		ret = read_all(loaded, capture, message);
	capture_close(capture);
	if (ret == 0)
		return loaded;
	fprintf(stderr, "wiretag: %s\n", message);
	bench_capture_free(loaded);
	return fail_null(EINVAL);
}

void bench_capture_free(struct bench_capture *capture)
{
	if (capture == NULL)
		return;
	free(capture->bytes);
	free(capture->frames);
	free(capture);
}

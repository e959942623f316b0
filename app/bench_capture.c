// SPDX-License-Identifier: BSD-3-Clause
#include "bench_capture.h"

#include "capture.h"
#include "fail.h"
#include "memory.h"

#include <net/ethernet.h>
#include <smmintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FRAME_MAX = 1518, // longer ones are no frames of a wire, but of offloads
	LINE_BYTES = 64, // where a frame starts
	FRONT_BYTES = 4, // in front of it
	IP4_BYTES = 20,
	IP4_CHECKSUM_OFFSET = 10,
	ADDRESSES_OFFSET = 12,
	AHEAD = 32, // frames: a NIC puts them into a cache, too
	STEP = 0x9e3b, // between two passes; has no divisor in common with 0xffff
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
	frames[capture->count++] = (struct bench_frame){ .offset = capture->bytes_used,
		.length = frame->length };
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

static uint16_t ethertype_at(const uint8_t *frame, unsigned offset)
{
	return frame[offset] << 8 | frame[offset + 1];
}

static void note_ip(struct bench_frame *frame, const uint8_t *bytes)
{
	unsigned type_at = 2 * ETH_ALEN;
	uint16_t type;

	if (frame->length < ETH_HLEN + 4 + IP4_BYTES)
		return;
	type_at += ethertype_at(bytes, type_at) == ETHERTYPE_VLAN ? 4 : 0;
	type = ethertype_at(bytes, type_at);
	if (type != ETHERTYPE_IP && type != ETHERTYPE_IPV6)
		return;
	frame->ip = type_at + 2;
	memcpy(&frame->start, bytes + frame->ip, sizeof(frame->start));
	memcpy(&frame->checksum, bytes + frame->ip + IP4_CHECKSUM_OFFSET, sizeof(frame->checksum));
}

// Each at the start of a cache line, with room in front.
static int lay_out(struct bench_capture *capture)
{
	size_t bytes_used = LINE_BYTES;
	uint8_t *bytes;

	for (size_t i = 0; i < capture->count; i++)
		bytes_used += capture->frames[i].length + FRONT_BYTES + LINE_BYTES;
	bytes = memory_alloc(bytes_used, -1);
	if (bytes == NULL)
		return fail(ENOMEM);
	capture->bytes_room = bytes_used;
	bytes_used = LINE_BYTES;
	for (size_t i = 0; i < capture->count; i++) {
		struct bench_frame *frame = &capture->frames[i];

		memcpy(bytes + bytes_used, capture->bytes + frame->offset, frame->length);
		frame->offset = bytes_used;
		note_ip(frame, bytes + bytes_used);
		bytes_used += frame->length + FRONT_BYTES + LINE_BYTES - 1;
		bytes_used -= bytes_used % LINE_BYTES;
	}
	free(capture->bytes);
	capture->bytes = bytes;
	capture->bytes_used = bytes_used;
	capture->is_laid_out = true;
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
		ret = lay_out(loaded);
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
	if (capture->is_laid_out)
		memory_free(capture->bytes, capture->bytes_room);
	else
		free(capture->bytes);
	free(capture->frames);
	free(capture);
}

// What one half of an address gains, the other one loses, so that no sum over them changes: words of
// 16 bits, whichever is the order of their bytes, with what is carried out added (RFC 1071).
static inline void renew_addresses(uint8_t *addresses)
{
	const __m128i step = _mm_set1_epi32((int)((0xffffu - STEP) << 16 | STEP));
	const __m128i sum = _mm_add_epi16(_mm_loadl_epi64((const __m128i *)addresses), step);
	const __m128i is_whole = _mm_cmpeq_epi16(_mm_max_epu16(sum, step), sum);
	const __m128i carried = _mm_add_epi16(is_whole, _mm_set1_epi16(1));

	_mm_storel_epi64((__m128i *)addresses, _mm_add_epi16(sum, carried));
}

const struct bench_frame *bench_capture_next(struct bench_capture *capture, bool renews)
{
	const struct bench_frame *frame = &capture->frames[capture->at];
	const size_t ahead = capture->at + AHEAD < capture->count ? capture->at + AHEAD : 0;
	uint8_t *ip = capture->bytes + frame->offset + frame->ip;

	__builtin_prefetch(capture->bytes + capture->frames[ahead].offset, 1);
	if (frame->ip != 0) {
		memcpy(ip, &frame->start, sizeof(frame->start));
		if (ip[0] >> 4 == 4) {
			memcpy(ip + IP4_CHECKSUM_OFFSET, &frame->checksum, sizeof(frame->checksum));
			if (renews && capture->pass != 0)
				renew_addresses(ip + ADDRESSES_OFFSET);
		}
	}
	if (++capture->at == capture->count) {
		capture->at = 0;
		capture->pass++;
	}
	return frame;
}

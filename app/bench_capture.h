// SPDX-License-Identifier: BSD-3-Clause
// A capture in memory, as traffic of `wiretag bench`: frame after frame, again and again, each where a
// NIC would have put it, so that nobody copies it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_frame {
	size_t offset; // in `bytes`
	uint16_t length;
	uint16_t ip; // offset of its IP header; 0: it has none
	uint32_t start; // of the IP header, as it was: the path may change the DSCP in it
	uint16_t checksum; // IPv4: likewise
};

struct bench_capture {
	uint8_t *bytes;
	size_t bytes_used, bytes_room;
	bool is_laid_out; // bytes are memory_alloc()'s
	struct bench_frame *frames;
	size_t count, room; // of frames
	size_t left_out; // cut, longer than a buffer, or not Ethernet
	size_t at; // next frame
	uint32_t pass; // through all of them
};

// NULL after a message on standard error. Free with bench_capture_free().
struct bench_capture *bench_capture_load(const char *path);
void bench_capture_free(struct bench_capture *capture);

// The next frame as it was, at `capture->bytes + offset`; its bytes, and four in front of them, may be
// written until it comes again. With `renews` its IPv4 addresses are new with each pass, both by the
// same rule, which leaves all checksums right.
const struct bench_frame *bench_capture_next(struct bench_capture *capture, bool renews);

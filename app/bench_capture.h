// SPDX-License-Identifier: BSD-3-Clause
// A capture in memory, as traffic of `wiretag bench`.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bench_frame {
	uint32_t offset;
	uint32_t length;
};

struct bench_capture {
	uint8_t *bytes;
	size_t bytes_used, bytes_room;
	struct bench_frame *frames;
	size_t count, room; // of frames
	size_t left_out; // cut, longer than a buffer, or not Ethernet
};

// NULL after a message on standard error. Free with bench_capture_free().
struct bench_capture *bench_capture_load(const char *path);
void bench_capture_free(struct bench_capture *capture);

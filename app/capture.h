// SPDX-License-Identifier: BSD-3-Clause
// Capture files: reads pcap and pcapng, writes pcap.
//
// Thread: one capture, one thread. Memory: one frame at a time, whatever the size of the file.
#pragma once

#include "packet.h"

enum {
	CAPTURE_FRAME_MAX = 262144, // longest frame; libpcap refuses longer ones
	CAPTURE_MESSAGE_BYTES = 1024, // one line, without a newline
};

struct frame {
	const uint8_t *data; // valid until the next one is read
	uint32_t length; // bytes captured, at most CAPTURE_FRAME_MAX
	uint32_t wire_length; // bytes that there were
	uint64_t time_ns; // since the epoch
};

enum capture_result {
	CAPTURE_FRAME,
	CAPTURE_END,
	CAPTURE_BROKEN, // the message says where and how; there is nothing more to read
};

struct capture;

// Opens a file, or standard input for "-". NULL with one line in `message` when it cannot be read
// or is nothing that we read. Close with capture_close().
struct capture *capture_open(const char *path, char message[CAPTURE_MESSAGE_BYTES]);
void capture_close(struct capture *capture); // NULL is fine

enum capture_result capture_next(
		struct capture *capture, struct frame *frame, char message[CAPTURE_MESSAGE_BYTES]);

enum link capture_link(const struct capture *capture);
// For a progress bar: bytes read so far, and of how many; 0 when nobody knows.
uint64_t capture_position(const struct capture *capture);
uint64_t capture_size(const struct capture *capture);

struct capture_writer;

// Creates `path` with the link type of `like`, and with its precision: microseconds only if that
// loses nothing. Never overwrites `like` itself. NULL with a message; end with capture_finish().
struct capture_writer *capture_create(
		const char *path, const struct capture *like, char message[CAPTURE_MESSAGE_BYTES]);
// Whether frames of `from` may go to this file: 0, or -EINVAL with a message when the link type
// differs, times would be rounded, or it is the same file.
int capture_accepts(const struct capture_writer *writer, const struct capture *from,
		char message[CAPTURE_MESSAGE_BYTES]);
// Errors show at capture_finish() at the latest; 0 or -errno.
int capture_write(struct capture_writer *writer, const struct frame *frame);
// Writes what is left and closes. 0 or -errno.
int capture_finish(struct capture_writer *writer);

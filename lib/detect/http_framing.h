// SPDX-License-Identifier: BSD-3-Clause
// Where an HTTP/1.x request ends and the next one begins (RFC 9112 6 and 9).
//
// Requests are framed by themselves, so responses need not be read but for the status of one that says
// whether the connection turns into something else. Where readers disagree on the end, nothing behind
// the head is read: most servers answer 400 and close then.
#pragma once

#include "detect/detect.h"

// What the fields of a request say about what follows it. All zero before the first field.
struct http_framing {
	uint64_t length;
	bool has_length : 1;
	bool has_coding : 1; // a Transfer-Encoding field
	bool is_chunked : 1;
	bool is_faulty : 1;
	bool is_last : 1; // Connection: close
	bool is_kept : 1; // Connection: keep-alive
	bool is_upgrade : 1;
};

// One field; the name in any case, the value trimmed and not NULL.
void http_framing_field(struct http_framing *framing, const uint8_t *name, size_t name_length,
		const uint8_t *value, size_t value_length);
// After the last field: how the request goes on.
enum framing http_framing_end(
		const struct http_framing *framing, bool is_version_1_0, bool is_connect);

enum {
	HTTP_LINE_MAX = 1024, // longest line between chunks and in trailers
	HTTP_CHUNK_MAX = 1 << 28,
};

// The line in front of a chunk (RFC 9112 7.1), with the end of the chunk before it if there was
// one: sets where in `data` the chunk begins and its size, 0 for the last.
enum match http_chunk_line(
		const uint8_t *data, size_t length, bool is_first, size_t *start, uint32_t *size);
// One line of the trailer section; `*start` is behind it. Of no bytes but its end: the message
// ends.
enum match http_trailer_line(const uint8_t *data, size_t length, size_t *start, bool *is_end);
// The status of the final answer, or 101, behind interim ones (RFC 9110 15.2), line by line: `*start` is
// behind the lines that need not be shown again, `*is_inside` whether they end in an interim head.
enum match http_answer(const uint8_t *data, size_t length, bool *is_inside, size_t *start,
		unsigned *status);
// True when an empty line ends in data[from..length), and something else is in front of it.
bool http_has_head_end(const uint8_t *data, size_t length, size_t from);

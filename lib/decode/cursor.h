// SPDX-License-Identifier: BSD-3-Clause
// Reading headers: cursor_take() is the one bounds check that all decoders rest on.
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Bytes from `at` up to, but without, `end` may be read. `at` is never past `end`.
struct cursor {
	const uint8_t *at;
	const uint8_t *end;
};

static inline struct cursor cursor_over(const uint8_t *data, size_t length)
{
	return (struct cursor){ .at = data, .end = data + length };
}

static inline size_t cursor_left(const struct cursor *cursor)
{
	return cursor->end - cursor->at;
}

// The next `length` bytes, and moves past them; NULL, and does not move, when there are fewer.
static inline const uint8_t *cursor_take(struct cursor *cursor, size_t length)
{
	const uint8_t *taken = cursor->at;

	if (cursor_left(cursor) < length)
		return NULL;
	cursor->at += length;
	return taken;
}

// Numbers in network order, at any alignment.
static inline uint16_t read_be16(const uint8_t *bytes)
{
	uint16_t number;

	memcpy(&number, bytes, sizeof(number));
	return be16toh(number);
}

static inline uint32_t read_be32(const uint8_t *bytes)
{
	uint32_t number;

	memcpy(&number, bytes, sizeof(number));
	return be32toh(number);
}

static inline uint64_t read_be64(const uint8_t *bytes)
{
	uint64_t number;

	memcpy(&number, bytes, sizeof(number));
	return be64toh(number);
}

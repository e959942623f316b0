// SPDX-License-Identifier: BSD-3-Clause
// Bytes and words of HTTP/1.x heads. For detect/http*.c only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *data;
	size_t length;
};

// What a byte may be part of.
enum http_class {
	HTTP_DIGIT = 1 << 0,
	HTTP_LETTER = 1 << 1,
	HTTP_TOKEN = 1 << 2, // RFC 9110 5.6.2
	HTTP_HOST = 1 << 3, // a reg-name, RFC 3986 3.2.2
	HTTP_SCHEME = 1 << 4, // RFC 3986 3.1
	HTTP_CAPITAL = 1 << 5, // what it lacks to be a small letter
	HTTP_TARGET = 1 << 6, // whatever is visible: clients send bytes above 0x7f as they are
};

extern const uint8_t http_classes[256];

// RFC 9110 5.5 forbids NUL, and CR outside of line ends, for what readers make of them differs.
bool http_is_value(struct slice value);
bool http_is_value_plain(struct slice value); // for other machines, and for tests
// How many bytes at the start are of `class`, of HTTP_TOKEN or HTTP_HOST: made for few of them, of
// which most are letters, digits, hyphens and points.
size_t http_span(struct slice text, enum http_class class);
// Likewise of HTTP_TARGET, for many.
size_t http_target_span(struct slice text);
// The first LF, CR or NUL; `end` when there is none.
const uint8_t *http_find_end(const uint8_t *at, const uint8_t *end);
// Likewise, for other machines, and for tests.
size_t http_span_plain(struct slice text, size_t from, enum http_class class);
const uint8_t *http_find_end_plain(const uint8_t *at, const uint8_t *end);
// Small letters for capital ones. `to` has room for `length` bytes.
void http_copy_lower(uint8_t *to, const uint8_t *from, size_t length);

static inline bool http_is(uint8_t byte, enum http_class class)
{
	return (http_classes[byte] & class) != 0;
}

static inline bool http_is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static inline uint8_t http_lower(uint8_t byte)
{
	return byte | (http_classes[byte] & HTTP_CAPITAL);
}

// Eight bytes at a time: adding tells by the upper bit which of the lower seven are in a range.
static inline uint64_t http_lower_eight(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t ascii = bytes & 0x7f * ones;
	uint64_t from_a = ascii + (0x80 - 'A') * ones;
	uint64_t past_z = ascii + (0x7f - 'Z') * ones;

	return bytes | ((from_a ^ past_z) & ~bytes & 0x80 * ones) >> 2;
}

static inline bool http_is_lower_of(const uint8_t *data, const char *lower_case, size_t length)
{
	uint64_t bytes = 0, wanted = 0;

	memcpy(&bytes, data, length);
	memcpy(&wanted, lower_case, length);
	return http_lower_eight(bytes) == wanted;
}

// In any case. The text is a literal of at least 4 bytes: its last part may overlap the one before.
static inline __attribute__((always_inline)) bool http_is_text(
		struct slice slice, const char *lower_case)
{
	const size_t length = strlen(lower_case);
	const size_t part = length >= 8 ? 8 : 4;

	if (slice.length != length)
		return false;
	for (size_t i = 0; i + part < length; i += part)
		if (!http_is_lower_of(slice.data + i, lower_case + i, part))
			return false;
	return http_is_lower_of(slice.data + length - part, lower_case + length - part, part);
}

static inline struct slice http_trim(struct slice text)
{
	while (text.length > 0 && http_is_blank(text.data[0])) {
		text.data++;
		text.length--;
	}
	while (text.length > 0 && http_is_blank(text.data[text.length - 1]))
		text.length--;
	return text;
}

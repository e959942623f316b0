// SPDX-License-Identifier: BSD-3-Clause
#include "detect/http_text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

const uint8_t http_classes[256] = {
	['0' ... '9'] = HTTP_DIGIT | HTTP_TOKEN | HTTP_HOST | HTTP_SCHEME | HTTP_TARGET,
	['A' ... 'Z'] = HTTP_LETTER | HTTP_TOKEN | HTTP_HOST | HTTP_SCHEME | HTTP_TARGET |
			HTTP_CAPITAL,
	['a' ... 'z'] = HTTP_LETTER | HTTP_TOKEN | HTTP_HOST | HTTP_SCHEME | HTTP_TARGET,
	['!'] = HTTP_TOKEN | HTTP_HOST | HTTP_TARGET,
	['"'] = HTTP_TARGET,
	['#'] = HTTP_TOKEN | HTTP_TARGET,
	['$' ... '\''] = HTTP_TOKEN | HTTP_HOST | HTTP_TARGET,
	['(' ... ')'] = HTTP_HOST | HTTP_TARGET,
	['*'] = HTTP_TOKEN | HTTP_HOST | HTTP_TARGET,
	['+'] = HTTP_TOKEN | HTTP_HOST | HTTP_SCHEME | HTTP_TARGET,
	[','] = HTTP_HOST | HTTP_TARGET,
	['-' ... '.'] = HTTP_TOKEN | HTTP_HOST | HTTP_SCHEME | HTTP_TARGET,
	['/'] = HTTP_TARGET,
	[':'] = HTTP_TARGET,
	[';'] = HTTP_HOST | HTTP_TARGET,
	['<'] = HTTP_TARGET,
	['='] = HTTP_HOST | HTTP_TARGET,
	['>' ... '@'] = HTTP_TARGET,
	['[' ... ']'] = HTTP_TARGET,
	['^'] = HTTP_TOKEN | HTTP_TARGET,
	['_'] = HTTP_TOKEN | HTTP_HOST | HTTP_TARGET,
	['`'] = HTTP_TOKEN | HTTP_TARGET,
	['{'] = HTTP_TARGET,
	['|'] = HTTP_TOKEN | HTTP_TARGET,
	['}'] = HTTP_TARGET,
	['~'] = HTTP_TOKEN | HTTP_HOST | HTTP_TARGET,
	[0x80 ... 0xff] = HTTP_TARGET,
};

static uint64_t load64(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static uint64_t eight(uint8_t byte)
{
	return byte * UINT64_C(0x0101010101010101);
}

bool http_is_value_plain(struct slice value)
{
	for (size_t i = 0; i < value.length; i++)
		if (value.data[i] == '\0' || value.data[i] == '\r')
			return false;
	return true;
}

size_t http_span_plain(struct slice text, size_t from, enum http_class class)
{
	while (from < text.length && http_is(text.data[from], class))
		from++;
	return from;
}

const uint8_t *http_find_end_plain(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != '\n' && *at != '\r' && *at != '\0')
		at++;
	return at;
}

#ifdef __SSE2__
static __m128i load(const uint8_t *bytes)
{
	return _mm_loadu_si128((const __m128i *)bytes);
}

static __m128i is_any_of(__m128i sixteen, char first, char second)
{
	return _mm_or_si128(_mm_cmpeq_epi8(sixteen, _mm_set1_epi8(first)),
			_mm_cmpeq_epi8(sixteen, _mm_set1_epi8(second)));
}

// Signed, so no byte above 0x7f is.
static __m128i is_between(__m128i sixteen, char first, char last)
{
	return _mm_and_si128(_mm_cmpgt_epi8(sixteen, _mm_set1_epi8((char)(first - 1))),
			_mm_cmpgt_epi8(_mm_set1_epi8((char)(last + 1)), sixteen));
}

static bool is_refused(const uint8_t *bytes)
{
	return _mm_movemask_epi8(is_any_of(load(bytes), '\0', '\r')) != 0;
}

bool http_is_value(struct slice value)
{
	size_t i = 0;

	if (value.length < 16)
		return http_is_value_plain(value);
	for (; i + 16 < value.length; i += 16)
		if (is_refused(value.data + i))
			return false;
	return !is_refused(value.data + value.length - 16);
}

size_t http_span(struct slice text, enum http_class class)
{
	size_t i = 0;

	for (; text.length - i >= 16; i += 16) {
		const __m128i bytes = load(text.data + i);
		const __m128i letters =
				is_between(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
		const __m128i others = _mm_or_si128(
				is_between(bytes, '0', '9'), is_between(bytes, '-', '.'));
		const unsigned mask = _mm_movemask_epi8(_mm_or_si128(letters, others));

		if (mask != 0xffff)
			return http_span_plain(text, i + __builtin_ctz(~mask), class);
	}
	return http_span_plain(text, i, class);
}

size_t http_target_span(struct slice text)
{
	size_t i = 0;

	for (; text.length - i >= 16; i += 16) {
		const __m128i bytes = load(text.data + i);
		const __m128i blank =
				_mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(' ')), bytes);
		const unsigned mask = _mm_movemask_epi8(
				_mm_or_si128(blank, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f))));

		if (mask != 0)
			return i + __builtin_ctz(mask);
	}
	return http_span_plain(text, i, HTTP_TARGET);
}

const uint8_t *http_find_end(const uint8_t *at, const uint8_t *end)
{
	for (; end - at >= 16; at += 16) {
		const __m128i bytes = load(at);
		const unsigned mask = _mm_movemask_epi8(_mm_or_si128(is_any_of(bytes, '\n', '\r'),
				_mm_cmpeq_epi8(bytes, _mm_setzero_si128())));

		if (mask != 0)
			return at + __builtin_ctz(mask);
	}
	return http_find_end_plain(at, end);
}
#else
bool http_is_value(struct slice value)
{
	return http_is_value_plain(value);
}

size_t http_span(struct slice text, enum http_class class)
{
	return http_span_plain(text, 0, class);
}

size_t http_target_span(struct slice text)
{
	return http_span_plain(text, 0, HTTP_TARGET);
}

const uint8_t *http_find_end(const uint8_t *at, const uint8_t *end)
{
	return http_find_end_plain(at, end);
}
#endif

// Eight bytes at a time: adding tells by the upper bit which of the lower seven are in a range.
static uint64_t lower(uint64_t bytes)
{
	uint64_t ascii = bytes & eight(0x7f);
	uint64_t from_a = ascii + eight(0x80 - 'A');
	uint64_t past_z = ascii + eight(0x7f - 'Z');

	return bytes | ((from_a ^ past_z) & ~bytes & eight(0x80)) >> 2;
}

void http_copy_lower(uint8_t *to, const uint8_t *from, size_t length)
{
	size_t i = 0;

	for (; length - i >= 8; i += 8) {
		uint64_t bytes = lower(load64(from + i));

		memcpy(to + i, &bytes, sizeof(bytes));
	}
	for (; i < length; i++)
		to[i] = http_lower(from[i]);
}

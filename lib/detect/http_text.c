// SPDX-License-Identifier: BSD-3-Clause
#include "detect/http_text.h"

#ifdef __SSSE3__
#include <tmmintrin.h>
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

#ifdef __SSSE3__
static __m128i load(const uint8_t *bytes)
{
	return _mm_loadu_si128((const __m128i *)bytes);
}

static bool is_refused(const uint8_t *bytes)
{
	const __m128i sixteen = load(bytes);

	return _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(sixteen, _mm_setzero_si128()),
			       _mm_cmpeq_epi8(sixteen, _mm_set1_epi8('\r')))) != 0;
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

// Of a class: [i] has a bit for each byte below 0x80 that ends in i, by its upper half.
static const uint8_t rows[][16] = {
	// RFC 9110 5.6.2: letters, digits, !#$%&'*+-.^_`|~
	{ 0xe8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xf8, 0xf8, 0xf4, 0x54, 0xd0, 0x54, 0xf4,
			0x70 },
	// RFC 3986 3.2.2: letters, digits, -._~ !$&'()*+,;= %
	{ 0xa8, 0xfc, 0xf8, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xf4, 0x5c, 0x54, 0x5c, 0xd4,
			0x70 },
};

// A bit for each of sixteen bytes that is not of the class. What shuffles by a byte above 0x7f gives 0.
static unsigned others_in(const uint8_t *bytes, __m128i row)
{
	const __m128i uppers = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
	const __m128i sixteen = load(bytes);
	const __m128i upper = _mm_and_si128(_mm_srli_epi16(sixteen, 4), _mm_set1_epi8(0xf));
	const __m128i found = _mm_and_si128(
			_mm_shuffle_epi8(row, sixteen), _mm_shuffle_epi8(uppers, upper));

	return _mm_movemask_epi8(_mm_cmpeq_epi8(found, _mm_setzero_si128()));
}

size_t http_span(struct slice text, enum http_class class)
{
	const __m128i row = load(rows[class == HTTP_HOST]);
	unsigned others;
	size_t i = 0;

	if (text.length < 16)
		return http_span_plain(text, 0, class);
	for (; i + 16 < text.length; i += 16) {
		others = others_in(text.data + i, row);
		if (others != 0)
			return i + __builtin_ctz(others);
	}
	others = others_in(text.data + text.length - 16, row);
	return others != 0 ? text.length - 16 + __builtin_ctz(others) : text.length;
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

// 0xff for each of sixteen bytes that is LF, CR or NUL: each is looked up by its lower half, where
// NUL stands for none, but for NUL itself.
static __m128i ends_in(const uint8_t *bytes)
{
	const __m128i ends = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\n', 0, 0, '\r', 0, 0);
	const __m128i sixteen = load(bytes);

	return _mm_cmpeq_epi8(_mm_shuffle_epi8(ends, sixteen), sixteen);
}

const uint8_t *http_find_end(const uint8_t *at, const uint8_t *end)
{
	unsigned mask;

	if (end - at < 16)
		return http_find_end_plain(at, end);
	for (; end - at >= 32; at += 32) {
		const __m128i first = ends_in(at), second = ends_in(at + 16);

		if (_mm_movemask_epi8(_mm_or_si128(first, second)) == 0)
			continue;
		mask = (unsigned)_mm_movemask_epi8(second) << 16 |
				(unsigned)_mm_movemask_epi8(first);
		return at + __builtin_ctz(mask);
	}
	mask = end - at >= 16 ? _mm_movemask_epi8(ends_in(at)) : 0;
	if (mask != 0)
		return at + __builtin_ctz(mask);
	mask = _mm_movemask_epi8(ends_in(end - 16));
	return mask != 0 ? end - 16 + __builtin_ctz(mask) : end;
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

static void lower_eight(uint8_t *to, const uint8_t *from)
{
	uint64_t bytes;

	memcpy(&bytes, from, sizeof(bytes));
	bytes = http_lower_eight(bytes);
	memcpy(to, &bytes, sizeof(bytes));
}

void http_copy_lower(uint8_t *to, const uint8_t *from, size_t length)
{
	size_t i = 0;

	for (; i + 8 < length; i += 8)
		lower_eight(to + i, from + i);
	if (length >= 8) {
		lower_eight(to + length - 8, from + length - 8);
		return;
	}
	for (; i < length; i++)
		to[i] = http_lower(from[i]);
}

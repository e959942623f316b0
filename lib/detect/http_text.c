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

#ifdef __SSE2__
static bool is_refused(const uint8_t *bytes)
{
	__m128i sixteen = _mm_loadu_si128((const __m128i *)bytes);
	__m128i nul = _mm_cmpeq_epi8(sixteen, _mm_setzero_si128());
	__m128i cr = _mm_cmpeq_epi8(sixteen, _mm_set1_epi8('\r'));

	return _mm_movemask_epi8(_mm_or_si128(nul, cr)) != 0;
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
#else
bool http_is_value(struct slice value)
{
	return http_is_value_plain(value);
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

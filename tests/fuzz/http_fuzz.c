// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as the first message of a flow: every value lies in the sample or in the store, and
// nothing exceeds its bound.
#include "detect/detect.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static bool lies_in(const struct value *value, const uint8_t *start, size_t size)
{
	uintptr_t at = (uintptr_t)value->data;

	return at >= (uintptr_t)start && at + value->length <= (uintptr_t)start + size;
}

static void check_text(const char *text, size_t length, size_t size)
{
	check(length <= size);
	for (size_t i = 0; i < length; i++)
		check(text[i] >= 0x20 && text[i] < 0x7f);
}

static void check_findings(const struct findings *findings, const struct sample *sample)
{
	unsigned counts[BUFFER_COUNT] = { 0 };

	check(findings->value_count <= VALUES_MAX);
	check(findings->fact_count <= FACTS_MAX);
	check(findings->stored <= STORE_BYTES);
	for (unsigned i = 0; i < findings->value_count; i++) {
		const struct value *value = &findings->values[i];

		check(value->buffer < BUFFER_COUNT);
		check(lies_in(value, sample->data, sample->length) ||
				lies_in(value, findings->store, findings->stored));
		counts[value->buffer]++;
		if (value->buffer == BUFFER_HTTP_HOST)
			for (unsigned j = 0; j < value->length; j++)
				check(value->data[j] > ' ' && value->data[j] < 0x7f &&
						!(value->data[j] >= 'A' && value->data[j] <= 'Z'));
	}
	check(counts[BUFFER_PAYLOAD] == 1);
	check(counts[BUFFER_HTTP_METHOD] <= 1 && counts[BUFFER_HTTP_URI] <= 1);
	check(counts[BUFFER_HTTP_HOST] <= 1 && counts[BUFFER_HTTP_USER_AGENT] <= 1);
	check(counts[BUFFER_HTTP_HEADER] <= 64);
	for (unsigned i = 0; i < findings->fact_count; i++) {
		const struct fact *fact = &findings->facts[i];

		check_text(fact->text, fact->text_length, sizeof(fact->text));
		check_text(fact->version, fact->version_length, sizeof(fact->version));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct findings findings;
	struct sample sample = {
		.data = data,
		.length = size,
		.protocol = IPPROTO_TCP,
		.is_first = true,
		.is_last = true,
	};

	if (size > UINT16_MAX)
		return 0;
	memset(&findings, 0xa5, sizeof(findings));
	findings.off = 0;
	findings.skips_headers = size % 2 != 0;
	detect(&sample, &findings);
	check_findings(&findings, &sample);
	return 0;
}

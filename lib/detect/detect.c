// SPDX-License-Identifier: BSD-3-Clause
#include "detect/detect.h"

#include <netinet/in.h>
#include <string.h>

const struct detector *const detectors[DETECTOR_COUNT] = {
#define DETECTOR(name) &detector_##name,
#include "detect/detectors.def"
#undef DETECTOR
};

static size_t payload_shown(const struct sample *sample)
{
	if (sample->protocol == IPPROTO_TCP && !sample->is_first)
		return 0;
	return sample->length < PAYLOAD_MAX ? sample->length : PAYLOAD_MAX;
}

void detect(const struct sample *sample, struct findings *findings)
{
	findings_clear(findings);
	findings_add(findings, BUFFER_PAYLOAD, sample->data, payload_shown(sample));
	for (unsigned i = 0; i < DETECTOR_COUNT; i++) {
		const struct detector *detector = detectors[i];
		enum match match;

		if ((detector->protocol != 0 && detector->protocol != sample->protocol) ||
				(findings->off >> i & 1) != 0)
			continue;
		match = detector->match(sample, findings);
		if (match == MATCH_MORE)
			findings->wants_more = true;
		// The first that recognises the protocol names it.
		if (match == MATCH_YES && detector->app_proto != NULL && findings->app_proto == 0)
			findings->app_proto = i + 1;
	}
	if (findings->framing != FRAMING_NONE && findings->values[0].length > findings->head_length)
		findings->values[0].length = findings->head_length;
}

const char *detect_app_proto_name(uint8_t app_proto)
{
	if (app_proto == 0 || app_proto > DETECTOR_COUNT)
		return NULL;
	return detectors[app_proto - 1]->app_proto;
}

bool findings_add(struct findings *findings, enum buffer buffer, const uint8_t *data, size_t length)
{
	if (findings->value_count == VALUES_MAX || length > UINT16_MAX) {
		findings->left_out++;
		return false;
	}
	findings->values[findings->value_count++] = (struct value){
		.data = data,
		.length = length,
		.buffer = buffer,
	};
	return true;
}

struct fact *findings_add_fact(struct findings *findings)
{
	struct fact *fact;

	if (findings->fact_count == FACTS_MAX) {
		findings->left_out++;
		return NULL;
	}
	fact = &findings->facts[findings->fact_count++];
	memset(fact, 0, sizeof(*fact));
	return fact;
}

const struct value *findings_get(const struct findings *findings, enum buffer buffer)
{
	for (unsigned i = 0; i < findings->value_count; i++)
		if (findings->values[i].buffer == buffer)
			return &findings->values[i];
	return NULL;
}

uint8_t findings_printable(char *text, size_t size, const uint8_t *data, size_t length)
{
	size_t count = length < size ? length : size;

	if (count > UINT8_MAX)
		count = UINT8_MAX;
	for (size_t i = 0; i < count; i++)
		text[i] = data[i] >= 0x20 && data[i] < 0x7f ? data[i] : '.';
	return count;
}

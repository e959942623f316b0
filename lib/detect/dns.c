// SPDX-License-Identifier: BSD-3-Clause
// DNS queries over UDP and TCP (RFC 1035): the name that is asked for, in lower case, without a dot at
// the end, for rules.
#include "detect/detect.h"

#include <netinet/in.h>

enum {
	PORT = 53,
	LENGTH_BYTES = 2, // in front of a message over TCP, RFC 7766 section 8
	HEADER_BYTES = 12,
	LABEL_MAX = 63,
	NAME_MAX = 253,
	QUESTION_BYTES = 4, // type and class, behind the name
};

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

// RFC 1035 section 4.1.2. Queries have no compressed names. Returns the bytes of the name as text,
// 0 when it is none; `at` moves behind it.
static size_t read_name(const struct sample *sample, size_t *at, uint8_t name[NAME_MAX])
{
	size_t length = 0;

	while (*at < sample->length && sample->data[*at] != 0) {
		size_t label = sample->data[(*at)++];

		if (label > LABEL_MAX || *at + label >= sample->length ||
				length + label + 1 > NAME_MAX)
			return 0;
		if (length > 0)
			name[length++] = '.';
		// A dot within a label would make it look like another name.
		for (; label > 0; label--) {
			name[length] = lower(sample->data[(*at)++]);
			if (name[length++] == '.')
				return 0;
		}
	}
	(*at)++;
	return length;
}

// One question, nothing answered, no other bit than "recursion desired", "checking disabled" and
// "authentic data": RFC 1035 section 4.1.1, RFC 4035 section 3.1.6.
static bool is_query(const uint8_t *data)
{
	return (data[2] & 0xfe) == 0 && (data[3] & 0xcf) == 0 && data[4] == 0 && data[5] == 1 &&
			(data[6] | data[7] | data[8] | data[9]) == 0;
}

static enum match match_message(const struct sample *message, struct findings *findings)
{
	uint8_t *name = findings->store + findings->stored;
	size_t at = HEADER_BYTES, length;

	if (message->length < HEADER_BYTES || !is_query(message->data))
		return MATCH_NO;
	if (sizeof(findings->store) - findings->stored < NAME_MAX) {
		findings->left_out++;
		return MATCH_NO;
	}
	length = read_name(message, &at, name);
	if (length == 0 || at + QUESTION_BYTES > message->length)
		return MATCH_NO;
	findings->stored += length;
	findings_add(findings, BUFFER_DNS_QUERY, name, length);
	return MATCH_YES;
}

// The first message of a connection, when all of it is there.
static enum match match_framed(const struct sample *sample, struct findings *findings)
{
	struct sample message = *sample;
	size_t length;

	if (sample->length < LENGTH_BYTES + HEADER_BYTES) {
		findings_want(findings, LENGTH_BYTES + HEADER_BYTES);
		return MATCH_MORE;
	}
	message.data += LENGTH_BYTES;
	message.length -= LENGTH_BYTES;
	if (!is_query(message.data))
		return MATCH_NO;
	length = (size_t)(sample->data[0] << 8 | sample->data[1]);
	if (message.length < length) {
		findings_want(findings, LENGTH_BYTES + length);
		return MATCH_MORE;
	}
	message.length = length;
	return match_message(&message, findings);
}

static enum match dns_match(const struct sample *sample, struct findings *findings)
{
	if (sample->destination_port != PORT)
		return MATCH_NO;
	if (sample->protocol == IPPROTO_UDP)
		return match_message(sample, findings);
	return sample->is_first ? match_framed(sample, findings) : MATCH_NO;
}

const struct detector detector_dns = {
	.name = "dns",
	.app_proto = "dns",
	.match = dns_match,
};

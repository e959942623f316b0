// SPDX-License-Identifier: BSD-3-Clause
// Skype's datagrams, one at a time: U1 proves by itself; everything else of their form goes to the
// manager, which compares it with what the same hosts sent to others.
#include "detect/detect.h"
#include "skype_datagram.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

static_assert((int)SKYPE_HEADER_BYTES == OBSERVATION_BYTES, "all that is read is passed on");

static void observe(struct findings *findings, const struct sample *sample, bool is_request)
{
	struct fact *fact = findings_add_fact(findings);

	if (fact == NULL)
		return;
	fact->signal = is_request ? SIGNAL_SKYPE_PROBE : SIGNAL_SKYPE_DATAGRAM;
	fact->app = APP_SKYPE;
	fact->confidence = is_request ? CONFIDENCE_CERTAIN : CONFIDENCE_NONE;
	fact->role = FLOW_ROLE_P2P;
	fact->is_observation = true;
	fact->observation.length = sample->full_length;
	memcpy(fact->observation.bytes, sample->data,
			sample->length < OBSERVATION_BYTES ? sample->length : OBSERVATION_BYTES);
}

static __attribute__((noinline)) enum match look(
		const struct sample *sample, struct findings *findings)
{
	uint16_t length = sample->full_length;
	struct skype_datagram datagram;
	bool is_request;

	if (sample->length < (length < SKYPE_HEADER_BYTES ? length : SKYPE_HEADER_BYTES) ||
			!skype_datagram_read(sample->data, length, &datagram))
		return MATCH_NO;
	is_request = skype_request_of(&datagram) != SKYPE_NO_REQUEST;
	if (!is_request &&
			(skype_is_foreign_port(sample->source_port) ||
					skype_is_foreign_port(sample->destination_port)))
		return MATCH_NO;
	observe(findings, sample, is_request);
	return MATCH_MORE; // what follows may prove more, also of the other end
}

// Skype knew no IPv6. Nearly all that is not Skype's is told by its third byte.
static enum match skype_udp_match(const struct sample *sample, struct findings *findings)
{
	if (!sample->is_ip4 || sample->length < 3 || !skype_is_type(sample->data[2]))
		return MATCH_NO;
	return look(sample, findings);
}

const struct detector detector_skype_udp = {
	.name = "skype_udp",
	.protocol = IPPROTO_UDP,
	.match = skype_udp_match,
};

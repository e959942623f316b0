// SPDX-License-Identifier: BSD-3-Clause
// Requests to a router to map a UDP port: NAT-PMP (RFC 6886), its successor PCP (RFC 6887), and
// AddPortMapping of UPnP's WANIPConnection service. They name a program's own port in clear. Which
// program it is, others must show.
#include "detect/detect.h"

#include <netinet/in.h>
#include <string.h>

enum {
	PORT = 5351,
	NAT_PMP_BYTES = 12, // RFC 6886 section 3.3
	PCP_BYTES = 60, // RFC 6887 sections 7.1 and 11.1, without options
	PCP_PROTOCOL = 36,
	PCP_PORT = 40,
	OPCODE_MAP = 1, // of UDP in NAT-PMP, of anything in PCP
	NUMBER_DIGITS = 5,
};

static uint16_t load_be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void observe(struct findings *findings, uint16_t port)
{
	struct fact *fact = port == 0 ? NULL : findings_add_fact(findings);

	if (fact == NULL)
		return;
	fact->signal = SIGNAL_SKYPE_PORT_MAP;
	fact->app = APP_SKYPE;
	fact->role = FLOW_ROLE_P2P;
	fact->is_observation = true;
	fact->observation.port = port;
}

// A lifetime of 0 takes a mapping back.
static bool has_lifetime(const uint8_t *bytes)
{
	return (bytes[0] | bytes[1] | bytes[2] | bytes[3]) != 0;
}

static __attribute__((noinline)) enum match match_datagram(
		const struct sample *sample, struct findings *findings)
{
	const uint8_t *data = sample->data;

	if (sample->length < 2 || data[1] != OPCODE_MAP)
		return MATCH_NO;
	if (data[0] == 0 && sample->length == NAT_PMP_BYTES) {
		if (has_lifetime(data + 8))
			observe(findings, load_be16(data + 4));
		return MATCH_YES;
	}
	if (data[0] == 2 && sample->length >= PCP_BYTES) {
		if (has_lifetime(data + 4) && data[PCP_PROTOCOL] == IPPROTO_UDP)
			observe(findings, load_be16(data + PCP_PORT));
		return MATCH_YES;
	}
	return MATCH_NO;
}

// Behind the next `tag` from `from` on; NULL when there is none.
static const uint8_t *find_value(const struct sample *sample, const uint8_t *from, const char *tag)
{
	const uint8_t *end = sample->data + sample->length;
	const uint8_t *at = memmem(from, end - from, tag, strlen(tag));

	at = at == NULL ? NULL : memchr(at, '>', end - at);
	return at == NULL || at + 1 == end ? NULL : at + 1;
}

static uint16_t read_number(const uint8_t *at, const uint8_t *end)
{
	uint32_t number = 0;

	for (int i = 0; i < NUMBER_DIGITS && at < end && *at >= '0' && *at <= '9'; i++, at++)
		number = 10 * number + *at - '0';
	return number <= UINT16_MAX && at < end && *at == '<' ? number : 0;
}

static __attribute__((noinline)) void match_soap(
		const struct sample *sample, struct findings *findings)
{
	const uint8_t *end = sample->data + sample->length;
	const uint8_t *port, *protocol, *action;

	if (sample->length < 4 || memcmp(sample->data, "POST", 4) != 0)
		return;
	action = memmem(sample->data, sample->length, "AddPortMapping", 14);
	if (action == NULL)
		return;
	port = find_value(sample, action, "<NewInternalPort");
	protocol = find_value(sample, action, "<NewProtocol");
	if (port != NULL && protocol != NULL && end - protocol >= 3 &&
			memcmp(protocol, "UDP", 3) == 0)
		observe(findings, read_number(port, end));
}

static enum match natmap_match(const struct sample *sample, struct findings *findings)
{
	if (sample->protocol == IPPROTO_UDP)
		return sample->destination_port == PORT ? match_datagram(sample, findings) :
							  MATCH_NO;
	if (sample->length > 0 && sample->data[0] == 'P')
		match_soap(sample, findings);
	return MATCH_NO; // http names it
}

const struct detector detector_natmap = {
	.name = "natmap",
	.app_proto = "nat-pmp",
	.match = natmap_match,
};

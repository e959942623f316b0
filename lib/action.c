// SPDX-License-Identifier: BSD-3-Clause
#include "action.h"

#include "counters.h"
#include "meter.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	ETHERNET_ADDRESSES_BYTES = 12,
	VLAN_TAG_BYTES = 4,
	IP4_CHECKSUM_OFFSET = 10,
	ECN_BITS = 2, // RFC 3168: below the DSCP in the same byte
};

static void store_be16(uint8_t *bytes, uint16_t value)
{
	value = htobe16(value);
	memcpy(bytes, &value, sizeof(value));
}

static uint16_t load_be16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return be16toh(value);
}

// RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m').
static uint16_t checksum_update(uint16_t checksum, uint16_t before, uint16_t after)
{
	uint32_t sum = (checksum ^ 0xffffu) + (before ^ 0xffffu) + after;

	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

// RFC 2474 section 3: the DSCP is the upper six bits of the byte that was TOS; ECN stays. The other
// byte of the checksum's word does not change and takes itself off.
static void set_dscp_ip4(uint8_t *header, uint8_t dscp)
{
	uint8_t tos = dscp << ECN_BITS | (header[1] & 3);
	uint8_t *checksum = header + IP4_CHECKSUM_OFFSET;

	store_be16(checksum, checksum_update(load_be16(checksum), header[1], tos));
	header[1] = tos;
}

// RFC 8200 section 3: version 4 bits, traffic class 8 bits, flow label; no checksum.
static void set_dscp_ip6(uint8_t *header, uint8_t dscp)
{
	uint8_t ecn = header[1] >> 4 & 3;
	uint8_t class = dscp << ECN_BITS | ecn;

	header[0] = (header[0] & 0xf0) | class >> 4;
	header[1] = (uint8_t)(class << 4) | (header[1] & 0x0f);
}

// A right DSCP is left alone, so that the header's line stays clean.
static bool set_dscp(struct packet *packet, uint8_t dscp)
{
	uint8_t *header = packet->data + packet->network;

	if (packet->version == 4) {
		if (header[1] >> ECN_BITS != dscp)
			set_dscp_ip4(header, dscp);
		return true;
	}
	if (packet->version == 6) {
		if (((header[0] << 4 | header[1] >> 4) >> ECN_BITS & 0x3f) != dscp)
			set_dscp_ip6(header, dscp);
		return true;
	}
	return false;
}

// The new tag is the outermost one: IEEE 802.1Q, TPID 0x8100.
static bool push_vlan(struct packet *packet, enum link link, uint16_t tci)
{
	uint8_t *data;

	if (link != LINK_ETHERNET || packet->length < ETHERNET_ADDRESSES_BYTES + 2 ||
			(packet->flags & PACKET_NO_HEADROOM) != 0)
		return false;
	data = packet->data - VLAN_TAG_BYTES;
	memmove(data, packet->data, ETHERNET_ADDRESSES_BYTES);
	store_be16(data + ETHERNET_ADDRESSES_BYTES, 0x8100);
	store_be16(data + ETHERNET_ADDRESSES_BYTES + 2, tci);
	packet->data = data;
	packet->length += VLAN_TAG_BYTES;
	packet->network += packet->version != 0 ? VLAN_TAG_BYTES : 0;
	if (packet->transport != 0 && (packet->flags & PACKET_REASSEMBLED) == 0)
		packet->transport += VLAN_TAG_BYTES;
	return true;
}

static bool tag(const struct action *action, struct packet *packet, enum link link)
{
	bool tagged = true;

	if (action->sets_dscp)
		tagged &= set_dscp(packet, action->dscp);
	if (action->pushes_vlan)
		tagged &= push_vlan(packet, link, action->vlan_tci);
	packet->flags |= PACKET_TAGGED;
	return tagged;
}

static bool is_to_drop(const struct action *action, const struct packet *packet)
{
	return action->kind == ACTION_DROP ||
			!meter_pass(action->meter, packet->time_ns, packet->wire_length);
}

// Only packets of a flow are subject to a policy: what could not be decoded or remembered passes.
void action_burst(const struct action *actions, struct burst *burst, struct counters *counters)
{
	const unsigned count = burst->count;
	const enum link link = burst->link;
	unsigned tagged = 0, dropped = 0, failed = 0;

	for (unsigned i = 0; i < count; i++) {
		struct packet *packet = &burst->packets[i];
		const struct action *action = &actions[packet->app];

		if (action->kind == ACTION_FORWARD || packet->flow == NULL)
			continue;
		if (action->kind == ACTION_TAG) {
			tagged++;
			failed += !tag(action, packet, link);
		} else if (is_to_drop(action, packet)) {
			dropped++;
			packet->reason =
					action->kind == ACTION_DROP ? REASON_POLICY : REASON_POLICE;
		}
	}
	counters->verdicts[VERDICT_FORWARD] += count - tagged - dropped;
	counters->verdicts[VERDICT_TAG] += tagged;
	counters->verdicts[VERDICT_DROP] += dropped;
	counters->tag_failed += failed;
}

void action_count_burst(
		const struct action *actions, const struct burst *burst, struct counters *counters)
{
	for (unsigned i = 0; i < burst->count; i++) {
		const struct packet *packet = &burst->packets[i];
		const struct action *action = &actions[packet->app];
		enum verdict_label verdict = VERDICT_FORWARD;

		if (action->kind == ACTION_TAG && packet->flow != NULL)
			verdict = VERDICT_WOULD_TAG;
		else if (action->kind != ACTION_FORWARD && packet->flow != NULL &&
				is_to_drop(action, packet))
			verdict = VERDICT_WOULD_DROP;
		counters->verdicts[verdict]++;
	}
}

void action_fail_burst(
		uint32_t closed, bool is_inline, struct burst *burst, struct counters *counters)
{
	static const uint8_t closed_reasons[REASON_COUNT] = {
		[REASON_MALFORMED] = REASON_CLOSED_MALFORMED,
		[REASON_NO_FLOW] = REASON_CLOSED_NO_FLOW,
		[REASON_DEPTH] = REASON_CLOSED_DEPTH,
	};
	unsigned failed = 0;

	for (unsigned i = 0; i < burst->count; i++) {
		struct packet *packet = &burst->packets[i];

		if ((closed >> packet->reason & 1) == 0)
			continue;
		if (is_inline)
			packet->reason = closed_reasons[packet->reason];
		packet->flow = NULL;
		failed++;
	}
	// What acts on the burst next counts them as forwarded.
	counters->verdicts[VERDICT_FORWARD] -= failed;
	counters->verdicts[is_inline ? VERDICT_DROP : VERDICT_WOULD_DROP] += failed;
}

void action_withhold_burst(struct burst *burst)
{
	for (unsigned i = 0; i < burst->count; i++)
		burst->packets[i].reason = REASON_MONITOR;
}

static const struct {
	const char *name;
	int dscp;
} code_points[] = {
	{ "default", 0 }, { "be", 0 }, { "le", 1 }, // RFC 2474, RFC 8622
	{ "cs0", 0 }, { "cs1", 8 }, { "cs2", 16 }, { "cs3", 24 }, // RFC 2474 section 4.2.2
	{ "cs4", 32 }, { "cs5", 40 }, { "cs6", 48 }, { "cs7", 56 }, { "af11", 10 }, { "af12", 12 },
	{ "af13", 14 }, // RFC 2597 section 6
	{ "af21", 18 }, { "af22", 20 }, { "af23", 22 }, { "af31", 26 }, { "af32", 28 },
	{ "af33", 30 }, { "af41", 34 }, { "af42", 36 }, { "af43", 38 }, { "va", 44 },
	{ "ef", 46 }, // RFC 5865, RFC 3246
};

int action_dscp(const char *name)
{
	char *end;
	long number;

	for (size_t i = 0; i < sizeof(code_points) / sizeof(code_points[0]); i++)
		if (strcasecmp(name, code_points[i].name) == 0)
			return code_points[i].dscp;
	if (name[0] < '0' || name[0] > '9')
		return -1;
	number = strtol(name, &end, 10);
	return *end == '\0' && number <= 63 ? (int)number : -1;
}

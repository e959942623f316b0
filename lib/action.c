// SPDX-License-Identifier: BSD-3-Clause
#include "action.h"

#include "counters.h"
#include "likely.h"
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

// RFC 2474 section 3: the DSCP is the upper six bits of the byte that was TOS; ECN stays. RFC 1624
// eqn. 3: HC' = ~(~HC + ~m + m'), in either byte order (RFC 1071 section 2 B).
static inline void set_dscp_ip4(uint8_t *header, uint8_t dscp)
{
	const uint16_t mask = htobe16(0x3f << ECN_BITS);
	uint16_t before, after, checksum;
	uint32_t sum;

	memcpy(&before, header, sizeof(before));
	after = (before & (uint16_t)~mask) | htobe16(dscp << ECN_BITS);
	// A right DSCP is left alone, so that the header's line stays clean.
	if (after == before)
		return;
	memcpy(&checksum, header + IP4_CHECKSUM_OFFSET, sizeof(checksum));
	sum = 2 * 0xffffu - checksum - before + after; // ~x is 0xffff - x
	// Its halves added in the upper one, with the carry of the same sum in the lower one.
	sum += sum << 16 | sum >> 16;
	checksum = ~(sum >> 16);
	memcpy(header, &after, sizeof(after));
	memcpy(header + IP4_CHECKSUM_OFFSET, &checksum, sizeof(checksum));
}

// RFC 8200 section 3: version 4 bits, traffic class 8 bits, flow label; no checksum.
static void set_dscp_ip6(uint8_t *header, uint8_t dscp)
{
	uint8_t ecn = header[1] >> 4 & 3;
	uint8_t class = dscp << ECN_BITS | ecn;

	header[0] = (header[0] & 0xf0) | class >> 4;
	header[1] = (uint8_t)(class << 4) | (header[1] & 0x0f);
}

static inline bool set_dscp(struct packet *packet, uint8_t dscp)
{
	uint8_t *header = packet->data + packet->network;

	if (likely(packet->version == 4)) {
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
static inline bool push_vlan(struct packet *packet, enum link link, uint16_t tci)
{
	const uint32_t vlan = htobe32(UINT32_C(0x8100) << 16 | tci);
	uint8_t addresses[ETHERNET_ADDRESSES_BYTES];
	uint8_t *data = packet->data;

	if (unlikely(link != LINK_ETHERNET || packet->length < ETHERNET_ADDRESSES_BYTES + 2 ||
			    (packet->flags & PACKET_NO_HEADROOM) != 0))
		return false;
	memcpy(addresses, data, sizeof(addresses));
	data -= VLAN_TAG_BYTES;
	memcpy(data, addresses, sizeof(addresses));
	memcpy(data + ETHERNET_ADDRESSES_BYTES, &vlan, sizeof(vlan));
	packet->data = data;
	packet->length += VLAN_TAG_BYTES;
	packet->network += packet->version != 0 ? VLAN_TAG_BYTES : 0;
	if (packet->transport != 0 && (packet->flags & PACKET_REASSEMBLED) == 0)
		packet->transport += VLAN_TAG_BYTES;
	return true;
}
static_assert(VLAN_TAG_BYTES == sizeof(uint32_t), "a tag is one store");

static inline bool tag(const struct action *action, struct packet *packet, struct burst *burst)
{
	bool tagged = true;

	if (likely(action->sets_dscp))
		tagged &= set_dscp(packet, action->dscp);
	if (unlikely(action->pushes_vlan)) {
		burst->has_edits = true;
		tagged &= push_vlan(packet, burst->link, action->vlan_tci);
	}
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
	unsigned tagged = 0, dropped = 0, failed = 0;

	for (struct packet *packet = burst->packets, *end = packet + count; packet < end;
			packet++) {
		const struct action *action = &actions[packet->app];

		if (action->kind == ACTION_FORWARD || packet->flow == NULL)
			continue;
		if (likely(action->kind == ACTION_TAG)) {
			tagged++;
			if (unlikely(!tag(action, packet, burst)))
				failed++;
		} else if (is_to_drop(action, packet)) {
			dropped++;
			packet->reason =
					action->kind == ACTION_DROP ? REASON_POLICY : REASON_POLICE;
		}
	}
	burst->has_edits |= dropped != 0;
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
		burst->has_edits |= is_inline;
		packet->flow = NULL;
		failed++;
	}
	// What acts on the burst next counts them as forwarded.
	counters->verdicts[VERDICT_FORWARD] -= failed;
	counters->verdicts[is_inline ? VERDICT_DROP : VERDICT_WOULD_DROP] += failed;
}

void action_withhold_burst(struct burst *burst)
{
	burst->has_edits = true;
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

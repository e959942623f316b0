// SPDX-License-Identifier: BSD-3-Clause
#include "media.h"

#include "evidence.h"
#include "fail.h"
#include "memory.h"
#include "skype_datagram.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <netinet/in.h>
#include <string.h>

enum {
	WAYS = 4, // slots that a flow may have
	SIGNALLING_BYTES = 19, // and shorter, over TCP (Adami et al. 2009)
	KEEP_ALIVE_BYTES = 4, // and shorter, of type 0x0d (tstat)
	IDENTITY_BYTES = 4, // of a connection with a gateway (Bonfiglio et al. 2007)
};

static const uint64_t SECOND_NS = 1000000000;

struct slot {
	const struct flow *flow; // NULL: free
	uint64_t start_ns; // of the flow: others may have had its place before
	uint64_t until_ns; // when the second is over
	uint64_t first, last; // numbers of packets
	uint32_t identities[2]; // first bytes of the newest datagram of each direction
	bool is_gateway;
	bool is_told; // nothing has been counted since
	struct evidence evidence; // [0] of its counts: sent by ends[0]
};

struct media {
	struct media_config config;
	unsigned aged; // slot that is aged next
	struct slot slots[MEDIA_SLOTS];
};

struct media *media_create(const struct media_config *config)
{
	struct media *media = memory_alloc(sizeof(*media), config->node);

	if (media == NULL)
		return fail_null(ENOMEM);
	media->config = *config;
	return media;
}

void media_free(struct media *media)
{
	memory_free(media, sizeof(*media));
}

static void tell(struct media *media, struct slot *slot, uint64_t number)
{
	struct rte_ring *ring = media->config.evidence;
	struct evidence *evidence = &slot->evidence;
	bool has_room = rte_ring_free_count(ring) > rte_ring_get_capacity(ring) / 2;

	evidence->time_ns = evidence->media.last_ns;
	evidence->number = number;
	evidence->media.first_back = number - slot->first;
	evidence->media.last_back = number - slot->last;
	if (has_room && rte_ring_sp_enqueue_elem(ring, evidence, sizeof(*evidence)) == 0)
		media->config.counters->evidence_sent++;
	else
		media->config.counters->evidence_lost++;
	evidence->media = (struct media_second){ 0 };
	slot->is_told = true;
}

static void slot_init(struct slot *slot, struct flow_table *flows, const struct flow *flow,
		uint64_t start_ns)
{
	const struct flow_key *key = &flow->key;
	const struct flow_details *details = flow_details(flows, flow);

	*slot = (struct slot){
		.flow = flow,
		.start_ns = start_ns,
		.is_gateway = flow_key_protocol(key) == IPPROTO_UDP &&
				(key->ports_be[0] == htons(GATEWAY_PORT) ||
						key->ports_be[1] == htons(GATEWAY_PORT)),
		.is_told = true,
		.evidence = {
			.flow_id = flow_id(details, flow),
			.host_port = ntohs(key->ports_be[0]),
			.peer_port = ntohs(key->ports_be[1]),
			.protocol = flow_key_protocol(key),
			.signal = SIGNAL_SKYPE_MEDIA,
			.app = APP_SKYPE,
			.role = FLOW_ROLE_CALL,
			.is_ip4 = 1,
			.is_from_initiator = (flow->state & FLOW_FROM_SECOND) == 0,
			.is_observation = 1,
		},
	};
	memcpy(slot->evidence.host, key->ends[0].address, sizeof(slot->evidence.host));
	memcpy(slot->evidence.peer, key->ends[1].address, sizeof(slot->evidence.peer));
}

// Where there is no room, whatever was counted the longest ago gives way.
static struct slot *slot_of(struct media *media, struct flow_table *flows,
		const struct packet *packet, uint64_t number)
{
	const struct flow *flow = packet->flow;
	uint64_t start_ns = flow_start_ns(flows, flow_details(flows, flow));
	uint32_t hash = (uint32_t)((uintptr_t)flow / sizeof(*flow)) * 0x9e3779b1;
	struct slot *slots = &media->slots[(hash >> 16) % (MEDIA_SLOTS / WAYS) * WAYS];
	struct slot *oldest = slots;

	for (unsigned i = 0; i < WAYS; i++) {
		if (slots[i].flow == flow && slots[i].start_ns == start_ns)
			return &slots[i];
		if (slots[i].until_ns < oldest->until_ns)
			oldest = &slots[i];
	}
	if (!oldest->is_told && oldest->flow != NULL)
		tell(media, oldest, number);
	slot_init(oldest, flows, flow, start_ns);
	return oldest;
}

// Payload on the wire: a capture may have kept less of it.
static uint32_t payload_bytes(const struct packet *packet)
{
	if ((packet->flags & (PACKET_TRUNCATED | PACKET_REASSEMBLED)) != PACKET_TRUNCATED)
		return packet->payload_length;
	return packet->wire_length - (packet->payload - packet->data);
}

static bool is_media_datagram(
		struct slot *slot, const struct packet *packet, unsigned side, uint32_t bytes)
{
	struct skype_datagram datagram;
	uint32_t identity = 0;
	bool is_same;

	if (skype_datagram_read(packet->payload, packet->payload_length, &datagram) &&
			datagram.type == SKYPE_MEDIA && bytes > KEEP_ALIVE_BYTES)
		return true;
	if (!slot->is_gateway || packet->payload_length < IDENTITY_BYTES)
		return false;
	memcpy(&identity, packet->payload, IDENTITY_BYTES);
	is_same = slot->identities[side] == identity;
	slot->identities[side] = identity;
	return is_same;
}

static void add(struct slot *slot, const struct packet *packet)
{
	const unsigned side = (packet->flags & PACKET_FROM_SECOND) != 0;
	struct media_counts *counts = &slot->evidence.media.counts[side];
	const uint32_t bytes = payload_bytes(packet);
	bool is_media = packet->protocol == IPPROTO_TCP ?
			bytes > SIGNALLING_BYTES :
			is_media_datagram(slot, packet, side, bytes);

	counts->others += !is_media && packet->protocol != IPPROTO_TCP;
	if (!is_media)
		return;
	counts->media++;
	counts->bytes += bytes;
	counts->video += (bytes >= 400 && bytes <= 490) || (bytes >= 800 && bytes <= 980);
}

void media_count(struct media *media, struct flow_table *flows, const struct packet *packet,
		uint64_t number)
{
	const struct flow_details *details = flow_details(flows, packet->flow);
	struct slot *slot;

	if (packet->payload == NULL || packet->payload_length == 0 ||
			!(is_media_role(details->role) ||
					(details->role == FLOW_ROLE_P2P &&
							details->confidence > CONFIDENCE_WEAK)))
		return;
	slot = slot_of(media, flows, packet, number);
	if (!slot->is_told && packet->time_ns >= slot->until_ns)
		tell(media, slot, number);
	if (slot->is_told) {
		slot->until_ns = (packet->time_ns / SECOND_NS + 1) * SECOND_NS;
		slot->first = number;
		slot->evidence.media.first_ns = packet->time_ns;
		slot->is_told = false;
	}
	slot->last = number;
	slot->evidence.media.last_ns = packet->time_ns;
	add(slot, packet);
}

void media_age(struct media *media, uint64_t now_ns, uint64_t number, unsigned slots)
{
	for (unsigned i = 0; i < slots; i++) {
		struct slot *slot = &media->slots[media->aged];

		media->aged = (media->aged + 1) % MEDIA_SLOTS;
		if (!slot->is_told && slot->flow != NULL && now_ns >= slot->until_ns)
			tell(media, slot, number);
	}
}

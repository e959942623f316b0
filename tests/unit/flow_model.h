// SPDX-License-Identifier: BSD-3-Clause
// What a flow table must do, said the slow way, and a run of operations that compares both.
//
// For the random test and the fuzz target: bytes choose the operations; a difference aborts.
#pragma once

#include "counters.h"
#include "flow.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_CHECK(condition)                                                                     \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

enum {
	MODEL_KEYS = 160
};

struct model_flow {
	bool is_live;
	uint64_t start_ns, last_ns;
	uint64_t packets[2], bytes[2];
	int initiator;
	bool has_syn, is_reset;
	bool has_fin[2];
	const struct flow *flow;
};

// An end that the model knows of and the table has yet to report.
struct model_end {
	int key;
	enum flow_end_reason reason;
	struct model_flow flow;
};

struct model {
	struct flow_table *table;
	struct counters counters;
	struct flow_timeouts timeouts;
	uint64_t now_ns, newest_ns;
	uint64_t horizon_ns; // newest time that the table may have seen
	uint64_t refused;
	struct model_flow flows[MODEL_KEYS];
	struct model_end ends[BURST_PACKETS];
	int end_count;
	bool has_stopped;
	struct burst burst;
	int keys[BURST_PACKETS];
};

// Chooses by bytes; zeroes after the last.
struct model_choices {
	const uint8_t *data;
	size_t length;
};

static inline unsigned model_choose(struct model_choices *choices, unsigned count)
{
	unsigned byte = 0;

	if (choices->length > 0) {
		byte = *choices->data++;
		choices->length--;
	}
	return byte % count;
}

static inline void model_key(struct flow_key *key, int i)
{
	memset(key, 0, sizeof(*key));
	key->ends[0].address[15] = 1;
	key->ends[1].address[15] = 2 + i / 64;
	key->ports_be[0] = htons(i);
	key->ports_be[1] = htons(80);
	key->protocol_vlans = (i % 2 == 0 ? IPPROTO_TCP : IPPROTO_UDP) << 24 | (i % 3) << 12;
	key->tunnel = i % 5 != 0 ? FLOW_KEY_IP4 : 0;
}

static inline bool model_is_closed(const struct model_flow *flow)
{
	return flow->is_reset || (flow->has_fin[0] && flow->has_fin[1]);
}

static inline uint64_t model_timeout_ns(const struct model *model, int key)
{
	const struct model_flow *flow = &model->flows[key];
	bool is_answered = flow->packets[0] != 0 && flow->packets[1] != 0;
	uint32_t ms;

	if (key % 2 != 0)
		ms = is_answered ? model->timeouts.dialogue_ms : model->timeouts.datagram_ms;
	else if (model_is_closed(flow))
		ms = model->timeouts.closed_ms;
	else
		ms = is_answered ? model->timeouts.established_ms : model->timeouts.half_open_ms;
	return ms * UINT64_C(1000000);
}

// In ticks, as the contract of struct flow has it.
static inline bool model_is_overdue(const struct model *model, int key, uint64_t now_ns)
{
	int64_t ticks = (int64_t)(now_ns >> 14) - (int64_t)(model->flows[key].last_ns >> 14);

	return ticks > (int64_t)((model_timeout_ns(model, key) + (1 << 14) - 1) >> 14);
}

static inline enum flow_end_reason model_silence(const struct model *model, int key)
{
	return key % 2 == 0 && model_is_closed(&model->flows[key]) ? FLOW_END_CLOSED :
								     FLOW_END_IDLE;
}

static inline void model_compare(const struct model_flow *flow, const struct flow_record *record)
{
	int client = flow->initiator;

	MODEL_CHECK(record->start_ns == flow->start_ns / 1000 * 1000);
	MODEL_CHECK(record->packets_to_server == flow->packets[client]);
	MODEL_CHECK(record->packets_to_client == flow->packets[!client]);
	MODEL_CHECK(record->bytes_to_server == flow->bytes[client]);
	MODEL_CHECK(record->bytes_to_client == flow->bytes[!client]);
	MODEL_CHECK(record->end_ns >= record->start_ns);
	if (flow->last_ns / 16384 * 16384 >= record->start_ns)
		MODEL_CHECK(record->end_ns == flow->last_ns / 16384 * 16384);
}

static inline bool model_take_end(struct model *model, int key, enum flow_end_reason reason,
		const struct flow_record *record)
{
	for (int i = 0; i < model->end_count; i++) {
		struct model_end *end = &model->ends[i];

		if (end->key != key || end->flow.start_ns / 1000 * 1000 != record->start_ns ||
				end->reason != reason)
			continue;
		model_compare(&end->flow, record);
		// In order: flows of one key may begin and end more than once at the same time.
		model->end_count--;
		memmove(end, end + 1, (&model->ends[model->end_count] - end) * sizeof(*end));
		return true;
	}
	return false;
}

// Called by the table. An end that the model does not wait for comes in the middle of a burst, before
// the model looked at its packets: those of this flow that follow must begin another one.
static inline void model_ended(void *context, struct flow_table *table, const struct flow *flow,
		enum flow_end_reason reason)
{
	struct model *model = context;
	int key = ntohs(flow->key.ports_be[0]);
	struct flow_record record;

	flow_describe(table, flow, reason, &record);
	MODEL_CHECK(record.reason == reason);
	if (model_take_end(model, key, reason, &record))
		return;
	MODEL_CHECK(model->flows[key].is_live);
	model_compare(&model->flows[key], &record);
	if (model->has_stopped)
		MODEL_CHECK(reason == FLOW_END_STOPPED);
	else if (reason == FLOW_END_REUSED)
		MODEL_CHECK(key % 2 == 0 && model_is_closed(&model->flows[key]));
	else if (reason != FLOW_END_EVICTED)
		MODEL_CHECK(model_is_overdue(model, key, model->horizon_ns) &&
				reason == model_silence(model, key));
	model->flows[key].is_live = false;
}

// The flow is over, yet the table had to hold its end back until after the burst.
static inline void model_end_later(struct model *model, int key, enum flow_end_reason reason)
{
	MODEL_CHECK(model->end_count < BURST_PACKETS);
	model->ends[model->end_count++] = (struct model_end){ key, reason, model->flows[key] };
	model->flows[key].is_live = false;
}

static inline void model_clock(struct model *model, uint64_t now_ns)
{
	if ((int64_t)(now_ns - model->newest_ns) > INT64_C(4) * 3600 * 1000000000)
		for (int key = 0; key < MODEL_KEYS; key++)
			if (model->flows[key].is_live)
				model_end_later(model, key, model_silence(model, key));
	if (now_ns > model->newest_ns)
		model->newest_ns = now_ns;
}

static inline bool model_is_bare_syn(const struct packet *packet)
{
	return (packet->tcp_flags & TH_SYN) != 0 &&
			(packet->tcp_flags & (TH_ACK | TH_FIN | TH_RST)) == 0;
}

static inline void model_begin(struct model *model, unsigned i)
{
	const struct packet *packet = &model->burst.packets[i];
	struct model_flow *flow = &model->flows[model->keys[i]];

	for (unsigned j = 0; j < i; j++)
		MODEL_CHECK(model->burst.packets[j].flow != packet->flow);
	*flow = (struct model_flow){ .is_live = true,
		.start_ns = packet->time_ns,
		.initiator = packet->flags & PACKET_FROM_SECOND,
		.flow = packet->flow };
}

static inline void model_enter(struct model_flow *flow, const struct packet *packet)
{
	int side = packet->flags & PACKET_FROM_SECOND;

	flow->last_ns = packet->time_ns;
	flow->packets[side]++;
	flow->bytes[side] += packet->wire_length;
	if ((packet->tcp_flags & TH_SYN) != 0 && !flow->has_syn) {
		flow->initiator = (packet->tcp_flags & TH_ACK) != 0 ? !side : side;
		flow->has_syn = (packet->tcp_flags & TH_ACK) == 0;
	}
	flow->has_fin[side] |= (packet->tcp_flags & TH_FIN) != 0;
	flow->is_reset |= (packet->tcp_flags & TH_RST) != 0;
}

static inline void model_packet(struct model *model, unsigned i)
{
	const struct packet *packet = &model->burst.packets[i];
	int key = model->keys[i];
	struct model_flow *flow = &model->flows[key];

	MODEL_CHECK(packet->protocol != PROTOCOL_NONE || packet->flow == NULL);
	if (packet->protocol == PROTOCOL_NONE)
		return;
	model_clock(model, packet->time_ns);
	if (flow->is_live && model_is_overdue(model, key, packet->time_ns))
		model_end_later(model, key, model_silence(model, key));
	if (flow->is_live && model_is_closed(flow) && model_is_bare_syn(packet))
		model_end_later(model, key, FLOW_END_REUSED);
	if (packet->flow == NULL) {
		MODEL_CHECK(packet->reason == REASON_NO_FLOW && !flow->is_live);
		model->refused++;
		return;
	}
	MODEL_CHECK(((packet->flags & PACKET_NEW_FLOW) != 0) == !flow->is_live);
	if (!flow->is_live)
		model_begin(model, i);
	MODEL_CHECK(packet->flow == flow->flow);
	model_enter(flow, packet);
}

static inline void model_choose_packet(
		struct model *model, struct model_choices *choices, unsigned i)
{
	static const uint32_t lengths[] = { 60, 60, 60, 1514, 0, 1u << 31, UINT32_MAX };
	static const uint8_t flags[] = { 0, TH_ACK, TH_SYN, TH_SYN | TH_ACK, TH_FIN | TH_ACK,
		TH_RST, TH_SYN | TH_RST, TH_SYN | TH_FIN };
	// Mostly a little, at times backwards or beyond a timeout.
	static const int64_t steps_us[] = { 0, 0, 0, 1, 10, 100, 1000, 50000, 400000, -300, -700000,
		1100000, 2500000, 11000000 };
	struct packet *packet = &model->burst.packets[i];
	int key = model_choose(choices, MODEL_KEYS);

	model->now_ns += steps_us[model_choose(choices, sizeof(steps_us) / sizeof(steps_us[0]))] *
			1000;
	model->keys[i] = key;
	model_key(&model->burst.keys[i], key);
	*packet = (struct packet){ .time_ns = model->now_ns,
		.wire_length = lengths[model_choose(choices, sizeof(lengths) / sizeof(lengths[0]))],
		.protocol = flow_key_protocol(&model->burst.keys[i]),
		.flags = model_choose(choices, 2) };
	if (packet->protocol == IPPROTO_TCP) {
		packet->tcp_flags = flags[model_choose(choices, sizeof(flags))];
	} else if (model_choose(choices, 50) == 49) {
		packet->protocol = PROTOCOL_NONE;
		packet->reason = REASON_NOT_IP;
	}
}

static inline uint32_t model_live(const struct model *model)
{
	uint32_t live = 0;

	for (int key = 0; key < MODEL_KEYS; key++)
		live += model->flows[key].is_live;
	return live;
}

static inline void model_check_books(const struct model *model)
{
	uint64_t ended = 0;

	for (int i = 0; i < FLOW_END_COUNT; i++)
		ended += model->counters.flows_ended[i];
	MODEL_CHECK(flow_count(model->table) == model_live(model) + model->end_count);
	MODEL_CHECK(model->counters.flows == flow_count(model->table));
	MODEL_CHECK(model->counters.flows_created - ended == flow_count(model->table));
	MODEL_CHECK(model->counters.flows_refused == model->refused);
}

// Returns how many packets it had.
static inline unsigned model_burst(struct model *model, struct model_choices *choices)
{
	struct burst *burst = &model->burst;

	burst->count = 1 + (model_choose(choices, 2) != 0 ? model_choose(choices, 64) : 0);
	model->horizon_ns = model->newest_ns;
	for (unsigned i = 0; i < burst->count; i++) {
		model_choose_packet(model, choices, i);
		if (model->now_ns > model->horizon_ns)
			model->horizon_ns = model->now_ns;
	}
	burst->now_ns = model->now_ns;
	flow_lookup_burst(model->table, burst);
	for (unsigned i = 0; i < burst->count; i++)
		model_packet(model, i);
	for (unsigned i = 0; i < burst->count; i++)
		if (burst->packets[i].flow != NULL)
			MODEL_CHECK(memcmp(&burst->packets[i].flow->key, &burst->keys[i],
						    sizeof(burst->keys[i])) == 0);
	model_check_books(model);
	return burst->count;
}

// What later stages do to a flow must not disturb its books.
static inline void model_inspect(struct model *model, struct model_choices *choices)
{
	struct flow *flow = model->burst.packets[model_choose(choices, model->burst.count)].flow;
	struct flow_details *details;

	if (flow == NULL)
		return;
	details = flow_details(model->table, flow);
	if ((flow->state & FLOW_INSPECTING) != 0)
		details->inspected.packets[0] = details->inspected.bytes[1] = 0x5555;
	if (model_choose(choices, 2) != 0)
		flow_stop_inspecting(details, flow);
}

static inline void model_age(struct model *model, struct model_choices *choices)
{
	// With leaps over the longest timeout and over all that short times can tell.
	static const uint16_t steps_s[] = { 0, 0, 0, 0, 0, 1, 3, 30, 900, 14000, 14500, 40000 };
	const uint32_t all = flow_table_buckets(model->table);
	bool is_full = model_choose(choices, 4) == 0;

	model->now_ns += steps_s[model_choose(choices, sizeof(steps_s) / sizeof(steps_s[0]))] *
			UINT64_C(1000000000);
	if (model->now_ns > model->horizon_ns)
		model->horizon_ns = model->now_ns;
	flow_age(model->table, model->now_ns, is_full ? all : 1);
	MODEL_CHECK(model->end_count == 0);
	if (model->now_ns > model->newest_ns)
		model->newest_ns = model->now_ns;
	for (int key = 0; is_full && key < MODEL_KEYS; key++)
		MODEL_CHECK(!model->flows[key].is_live ||
				!model_is_overdue(model, key, model->now_ns - (UINT64_C(1) << 30)));
	model_check_books(model);
}

// What runs came to, to see that they were about something.
struct model_total {
	uint64_t packets, refused, ended[FLOW_END_COUNT];
};

// Runs what the bytes say.
static inline void model_run(const uint8_t *data, size_t length, struct model_total *total)
{
	static struct model model;
	struct model_choices choices = { data, length };
	struct flow_config config = { .node = -1,
		.timeouts = { 2000, 3600000, 1000, 3000, 10000 },
		.counters = &model.counters,
		.ended = model_ended,
		.context = &model };

	memset(&model, 0, sizeof(model));
	config.capacity = 8 + model_choose(&choices, 250);
	model.timeouts = config.timeouts;
	model.now_ns = model.newest_ns = UINT64_C(1700000000000000000);
	model.table = flow_table_create(&config);
	MODEL_CHECK(model.table != NULL);
	while (choices.length > 0) {
		total->packets += model_burst(&model, &choices);
		if (model_choose(&choices, 4) == 0)
			model_inspect(&model, &choices);
		model_age(&model, &choices);
	}
	model.has_stopped = true;
	flow_end_all(model.table);
	MODEL_CHECK(model_live(&model) == 0);
	model_check_books(&model);
	flow_table_free(model.table);
	total->refused += model.refused;
	for (int i = 0; i < FLOW_END_COUNT; i++)
		total->ended[i] += model.counters.flows_ended[i];
}

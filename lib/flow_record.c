// SPDX-License-Identifier: BSD-3-Clause
// What a flow tells of itself: totals, times, number, record.
#include "flow_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct flow_details *flow_details(struct flow_table *table, const struct flow *flow)
{
	return &table->details[flow - table->flows];
}

static_assert((int)FLOW_BUCKET_MOST == (int)FLOW_BUCKET_SLOTS, "a bucket's flows have room");

unsigned flow_in_bucket(const struct flow_table *table, uint32_t bucket,
		const struct flow *flows[FLOW_BUCKET_MOST])
{
	struct flow_slot slot = { .bucket = &table->index.buckets[bucket] };
	unsigned count = 0;

	for (; slot.at < FLOW_BUCKET_SLOTS; slot.at++) {
		if (slot.bucket->tags[slot.at] != 0)
			flows[count++] = &table->flows[flow_number_in(slot)];
	}
	return count;
}

static uint64_t start_us(const struct flow_details *details)
{
	return details->start_us[0] | (uint64_t)details->start_us[1] << 16 |
			(uint64_t)details->start_us[2] << 32;
}

uint64_t flow_start_ns(const struct flow_table *table, const struct flow_details *details)
{
	uint64_t now_us = table->now_ns / 1000;
	int64_t ago = (int64_t)((now_us - start_us(details)) << 16) >> 16;

	return (now_us - ago) * 1000;
}

uint64_t flow_last_ns(const struct flow_table *table, const struct flow *flow)
{
	uint64_t now = table->now_ns >> FLOW_TICK_SHIFT;
	int32_t ago = (uint32_t)now - flow->last_seen;

	return (now - ago) << FLOW_TICK_SHIFT;
}

uint64_t flow_packets(const struct flow_details *details, const struct flow *flow, int side)
{
	if ((flow->state & FLOW_INSPECTING) != 0)
		return flow->packets[side];
	return (uint64_t)details->carried.packets[side] * FLOW_PACKETS_CARRY + flow->packets[side];
}

uint64_t flow_bytes(const struct flow_details *details, const struct flow *flow, int side)
{
	if ((flow->state & FLOW_INSPECTING) != 0)
		return flow->bytes[side];
	return ((uint64_t)details->carried.bytes[side] << FLOW_BYTES_CARRY_SHIFT) +
			flow->bytes[side];
}

uint64_t flow_id(const struct flow_details *details, const struct flow *flow)
{
	// Digits of pi: no secret, as the number is to be the same everywhere.
	static const uint64_t digits[FLOW_SECRET_WORDS] = { 0x243f6a8885a308d3, 0x13198a2e03707345,
		0xa4093822299f31d1, 0x082efa98ec4e6c89, 0x452821e638d01377, 0xbe5466cf34e90c6d,
		0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917 };
	uint64_t hash = flow_hash_whole(digits, &flow->key);

	return flow_hash_fold(hash ^ digits[0], start_us(details) ^ digits[1]) >> 11;
}

struct verdict flow_judgement(struct flow_table *table, const struct flow *flow)
{
	const struct flow_details *details = flow_details(table, flow);

	return (struct verdict){
		.app = flow->app,
		.confidence = details->confidence,
		.role = details->role,
		.signals = details->signals,
	};
}

void flow_judge(struct flow_table *table, struct flow *flow, const struct verdict *verdict)
{
	struct flow_details *details = flow_details(table, flow);
	struct counters *counters = table->config.counters;
	bool is_news;

	if (flow->app != verdict->app)
		counters->app_flows[verdict->app]++;
	if (details->confidence != verdict->confidence)
		counters->confidence_flows[verdict->confidence]++;
	is_news = verdict->app != APP_UNKNOWN &&
			(flow->app != verdict->app || details->confidence < verdict->confidence);
	flow->app = verdict->app;
	details->confidence = verdict->confidence;
	details->role = verdict->role;
	details->signals = verdict->signals;
	if (is_news && table->config.judged != NULL)
		table->config.judged(table->config.context, table, flow);
}

void flow_stop_inspecting(struct flow_details *details, struct flow *flow)
{
	if ((flow->state & FLOW_INSPECTING) == 0)
		return;
	flow->state &= ~(unsigned)FLOW_INSPECTING;
	if (flow_key_protocol(&flow->key) == IPPROTO_TCP)
		flow->state &= ~(unsigned)FLOW_STREAM;
	memset(&details->carried, 0, sizeof(details->carried));
}

void flow_describe(struct flow_table *table, const struct flow *flow, enum flow_end_reason reason,
		struct flow_record *record)
{
	const struct flow_details *details = flow_details(table, flow);
	const int client = (flow->state & FLOW_FROM_SECOND) != 0;
	const int server = client ^ 1;
	const uint64_t start_ns = flow_start_ns(table, details);
	const uint64_t last_ns = flow_last_ns(table, flow);

	*record = (struct flow_record){
		.id = flow_id(details, flow),
		.start_ns = start_ns,
		.end_ns = last_ns > start_ns ? last_ns : start_ns,
		.source_port = ntohs(flow->key.ports_be[client]),
		.destination_port = ntohs(flow->key.ports_be[server]),
		.packets_to_server = flow_packets(details, flow, client),
		.packets_to_client = flow_packets(details, flow, server),
		.bytes_to_server = flow_bytes(details, flow, client),
		.bytes_to_client = flow_bytes(details, flow, server),
		.signals = details->signals,
		.vlans = { flow->key.protocol_vlans >> 12 & 0xfff,
				flow->key.protocol_vlans & 0xfff },
		.protocol = flow_key_protocol(&flow->key),
		.is_ip4 = flow_key_is_ip4(&flow->key),
		.app = flow->app,
		.app_proto = details->app_proto,
		.confidence = details->confidence,
		.role = details->role,
		.reason = reason,
	};
	memcpy(record->source, flow->key.ends[client].address, sizeof(record->source));
	memcpy(record->destination, flow->key.ends[server].address, sizeof(record->destination));
}

// SPDX-License-Identifier: BSD-3-Clause
// The inside of a flow table. For flow*.c only.
#pragma once

#include "counters.h"
#include "flow.h"
#include "flow_index.h"
#include "likely.h"

#include <stdatomic.h>

enum {
	FLOW_TICK_SHIFT = 14, // ns to ticks of flow.last_seen
	FLOW_COARSE_SHIFT = 29, // ns to coarse time of a bucket
	FLOW_TIMEOUT_MAX_MS = 4 * 3600 * 1000,
	FLOW_PACKETS_CARRY = UINT16_MAX, // not 2^16: a side that ever sent keeps at least 1
	FLOW_BYTES_CARRY_SHIFT = 31,
	FLOW_TOUCHED_WORDS = 64,
	FLOW_RECENT = 1024, // a power of two
	FLOW_BEGUN_WORDS = 8,
};

// No flow outlives this much silence.
static const int64_t FLOW_SILENCE_NS = FLOW_TIMEOUT_MAX_MS * INT64_C(1000000);

static const uint32_t FLOW_NO_NUMBER = UINT32_MAX;

// A flow whose end has to wait, as packets of the burst still point to it.
struct flow_retired {
	uint64_t now_ns;
	uint32_t number;
	uint8_t reason; // enum flow_end_reason
};

// A flow's number is its place in `flows` and `details`.
struct flow_table {
	struct flow_index index;
	struct flow *flows;
	struct flow_details *details;
	struct flow nobody; // no packet has its key
	int32_t timeout_ticks[FLOW_CLASS_COUNT];
	int32_t timeout_ticks_min;
	uint16_t timeout_coarse[FLOW_CLASS_COUNT];
	uint64_t now_ns; // of the packet or the ageing at hand
	uint32_t now_ticks; // of the packet at hand
	uint16_t now_coarse; // likewise
	uint64_t newest_ns; // latest ever

	struct burst *burst; // at hand; NULL between bursts
	unsigned followed; // of its packets: those before have their flow
	unsigned touched_count; // of its packets: those before are in `touched`
	uint64_t touched[FLOW_TOUCHED_WORDS]; // bit by number, modulo
	uint64_t begun[FLOW_BEGUN_WORDS]; // bit by hash, modulo: of the flows that the burst began
	struct flow_retired retired[BURST_PACKETS];
	unsigned retired_count;

	bool is_closed; // no flow begins
	atomic_uint count; // written by the owner
	uint32_t free; // first of the free list, linked by flow_details.signals
	uint32_t unused; // this and all higher numbers were not given out since the table was empty
	uint32_t age_hand; // bucket that ages next
	uint32_t evict_hand; // bucket where the next search for any victim starts
	uint32_t search_rest; // new flows that are not to search
	uint64_t round_ns; // when `age_hand` was last at bucket 0
	struct flow_config config;
	size_t bytes; // of the whole allocation
	uint32_t recent_begun, recent_offered; // places in `recent`, modulo its length
	uint32_t recent_kept; // so many of the youngest are not offered
	uint32_t recent[FLOW_RECENT]; // slots of half-open flows that began in the full table
};

// flow.c: numbers, ends, the clock.
uint32_t flow_take_number(struct flow_table *table); // FLOW_NO_NUMBER when all are in use
void flow_forget_burst(struct flow_table *table);
bool flow_is_pointed_to(const struct flow_table *table, uint32_t number);
// Empties the slot and ends its flow: at once, or after the burst if that still points to it.
void flow_evacuate(struct flow_table *table, struct flow_slot slot, enum flow_end_reason reason);
// Tells that a flow has ended. Its number goes to the next one.
void flow_tell_end(struct flow_table *table, uint32_t number, enum flow_end_reason reason);
void flow_end_silent(struct flow_table *table, uint64_t now_ns);

// flow_evict.c: an empty slot for a key with this hash, and a number that is taken; or no slot.
// `victim` is a guess at the flow to give up, from flow_foresee_victim() in the same burst, or no slot.
struct flow_slot flow_make_room(
		struct flow_table *table, uint64_t hash, struct flow_slot victim, uint32_t *number);
// In a full table, the flow that a new one would replace, already on its way to the cache. Before any
// packet of the burst has its flow.
struct flow_slot flow_foresee_victim(struct flow_table *table, uint64_t hash);
// A half-open flow began here in a full table: the next ones may replace it.
void flow_remember(struct flow_table *table, struct flow_slot slot);

static inline bool flow_is_full(const struct flow_table *table)
{
	return table->free == FLOW_NO_NUMBER && table->unused == table->config.capacity;
}

static inline void flow_mark_touched(struct flow_table *table)
{
	for (; table->touched_count < table->followed; table->touched_count++) {
		const struct flow *flow = table->burst->packets[table->touched_count].flow;
		size_t number;

		if (flow == NULL)
			continue;
		number = flow - table->flows;
		table->touched[number / 64 % FLOW_TOUCHED_WORDS] |= UINT64_C(1) << number % 64;
	}
}

// Whether a packet of the burst points to this flow. Mostly one look at a bit; costs the packets
// that are established nothing.
static inline bool flow_is_touched(struct flow_table *table, uint32_t number)
{
	flow_mark_touched(table);
	return (table->touched[number / 64 % FLOW_TOUCHED_WORDS] >> number % 64 & 1) != 0 &&
			flow_is_pointed_to(table, number);
}

// Whether the burst may have begun a flow with this hash: where not, what was not found ahead is not
// there.
static inline bool flow_may_have_begun(const struct flow_table *table, uint64_t hash)
{
	return (table->begun[hash / 64 % FLOW_BEGUN_WORDS] >> hash % 64 & 1) != 0;
}

static inline uint16_t flow_coarse(uint64_t ns)
{
	return ns >> FLOW_COARSE_SHIFT;
}

static inline enum flow_end_reason flow_silence_reason(enum flow_class class)
{
	return class == FLOW_CLASS_CLOSED ? FLOW_END_CLOSED : FLOW_END_IDLE;
}

// The clock may go back a little. After a leap over every timeout all flows have ended, and the
// short times kept with them mean nothing any more: true then.
static inline bool flow_set_clock(struct flow_table *table, uint64_t now_ns)
{
	const int64_t step = now_ns - table->newest_ns;
	const bool is_leap = step > FLOW_SILENCE_NS;

	if (unlikely(is_leap))
		flow_end_silent(table, now_ns);
	if (step > 0)
		table->newest_ns = now_ns;
	table->now_ns = now_ns;
	table->now_ticks = now_ns >> FLOW_TICK_SHIFT;
	table->now_coarse = flow_coarse(now_ns);
	return is_leap;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "flow.h"

#include "fail.h"
#include "flow_table.h"
#include "memory.h"

#include <string.h>

enum {
	CAPACITY_MIN = 8,
	CAPACITY_MAX = 1 << FLOW_ENTRY_BITS,
	ROUND_SHIFT = 40, // ns, 18 minutes: ageing that takes longer for a round catches up at once
	RECENT_KEPT = FLOW_RECENT / 2,
	RECENT_SHARE = 64, // of the capacity, where that is less: most of them must still be there
};

static_assert(sizeof(struct flow) + sizeof(struct flow_details) +
						sizeof(struct flow_bucket) * 3 / 16 <=
				96,
		"bytes a flow may cost");

// After a look that found it young, the next look at a flow comes within two rounds and one step of
// the clock, which ends all flows if it is longer than any timeout.
static_assert(2 * FLOW_TIMEOUT_MAX_MS * INT64_C(1000000) + (INT64_C(2) << ROUND_SHIFT) <
				(INT64_C(0xfff0) - FLOW_COARSE_BACK) << FLOW_COARSE_SHIFT,
		"coarse time does not wrap between two looks");

static uint64_t round_up_shift(uint64_t value, unsigned shift)
{
	return (value + (UINT64_C(1) << shift) - 1) >> shift;
}

static bool is_valid(const struct flow_config *config)
{
	const struct flow_timeouts *t = &config->timeouts;
	const uint32_t timeouts[] = { t->half_open_ms, t->established_ms, t->closed_ms,
		t->datagram_ms, t->dialogue_ms };

	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
		if (timeouts[i] < 1 || timeouts[i] > FLOW_TIMEOUT_MAX_MS)
			return false;
	return config->capacity >= CAPACITY_MIN && config->capacity <= CAPACITY_MAX;
}

static void set_timeouts(struct flow_table *table, const struct flow_timeouts *timeouts)
{
	const uint32_t by_class[FLOW_CLASS_COUNT] = {
		[FLOW_CLASS_HALF_OPEN] = timeouts->half_open_ms,
		[FLOW_CLASS_DATAGRAM] = timeouts->datagram_ms,
		[FLOW_CLASS_CLOSED] = timeouts->closed_ms,
		[FLOW_CLASS_ESTABLISHED] = timeouts->established_ms,
		[FLOW_CLASS_DIALOGUE] = timeouts->dialogue_ms,
	};

	table->timeout_ticks_min = INT32_MAX;
	for (int i = 0; i < FLOW_CLASS_COUNT; i++) {
		uint64_t ns = by_class[i] * UINT64_C(1000000);

		table->timeout_ticks[i] = round_up_shift(ns, FLOW_TICK_SHIFT);
		if (table->timeout_ticks[i] < table->timeout_ticks_min)
			table->timeout_ticks_min = table->timeout_ticks[i];
		// One more, since the time of the last packet was rounded down.
		table->timeout_coarse[i] = round_up_shift(ns, FLOW_COARSE_SHIFT) + 1;
	}
}

struct flow_table *flow_table_create(const struct flow_config *config)
{
	const size_t head = (sizeof(struct flow_table) + 63) / 64 * 64;
	struct flow_bucket *buckets;
	struct flow_table *table;
	uint32_t count;
	size_t bytes;
	int error;

	if (!is_valid(config))
		return fail_null(EINVAL);
	// Two thirds of the slots are in use when all flows are.
	count = ((uint64_t)config->capacity * 3 + 15) / 16;
	bytes = head + count * sizeof(*buckets) +
			config->capacity * (sizeof(struct flow) + sizeof(struct flow_details));
	table = memory_alloc(bytes, config->node);
	if (table == NULL)
		return NULL;
	buckets = (struct flow_bucket *)((char *)table + head);
	error = flow_index_init(&table->index, buckets, count);
	if (error < 0) {
		memory_free(table, bytes);
		return fail_null(-error);
	}
	table->flows = (struct flow *)(buckets + count);
	table->details = (struct flow_details *)(table->flows + config->capacity);
	table->nobody.key.protocol_vlans = (uint32_t)PROTOCOL_NONE << 24;
	table->free = FLOW_NO_NUMBER;
	table->recent_kept = config->capacity / RECENT_SHARE < RECENT_KEPT ?
			config->capacity / RECENT_SHARE :
			RECENT_KEPT;
	table->config = *config;
	table->bytes = bytes;
	set_timeouts(table, &config->timeouts);
	return table;
}

void flow_table_free(struct flow_table *table)
{
	if (table != NULL)
		memory_free(table, table->bytes);
}

uint32_t flow_table_buckets(const struct flow_table *table)
{
	return table->index.count;
}

uint32_t flow_count(const struct flow_table *table)
{
	return atomic_load_explicit(&table->count, memory_order_relaxed);
}

static void set_count(struct flow_table *table, uint32_t count)
{
	atomic_store_explicit(&table->count, count, memory_order_relaxed);
	table->config.counters->flows = count;
}

// The free list is walked one ahead, so that the next flow to be used is near.
uint32_t flow_take_number(struct flow_table *table)
{
	uint32_t number = table->free;

	if (number != FLOW_NO_NUMBER) {
		table->free = table->details[number].signals;
		if (table->free != FLOW_NO_NUMBER) {
			__builtin_prefetch(&table->flows[table->free], 1);
			__builtin_prefetch(&table->details[table->free], 1);
		}
	} else if (table->unused != table->config.capacity) {
		number = table->unused++;
	} else {
		return FLOW_NO_NUMBER;
	}
	set_count(table, flow_count(table) + 1);
	return number;
}

static void give_number(struct flow_table *table, uint32_t number)
{
	table->details[number].signals = table->free;
	table->free = number;
	set_count(table, flow_count(table) - 1);
	// Start afresh, so that flows lie in the order in which they began.
	if (flow_count(table) == 0) {
		table->free = FLOW_NO_NUMBER;
		table->unused = 0;
	}
}

void flow_tell_end(struct flow_table *table, uint32_t number, enum flow_end_reason reason)
{
	if (table->config.ended != NULL)
		table->config.ended(table->config.context, table, &table->flows[number], reason);
	table->config.counters->flows_ended[reason]++;
}

static void end(struct flow_table *table, uint32_t number, enum flow_end_reason reason)
{
	struct flow *flow = &table->flows[number];

	flow_tell_end(table, number, reason);
	flow->packets[0] = flow->packets[1] = 0; // only so a record says that it is free
	give_number(table, number);
}

bool flow_is_pointed_to(const struct flow_table *table, uint32_t number)
{
	for (unsigned i = 0; i < table->followed; i++)
		if (table->burst->packets[i].flow == &table->flows[number])
			return true;
	return false;
}

void flow_evacuate(struct flow_table *table, struct flow_slot slot, enum flow_end_reason reason)
{
	uint32_t number = flow_number_in(slot);

	slot.bucket->tags[slot.at] = 0;
	if (!flow_is_touched(table, number)) {
		end(table, number, reason);
		return;
	}
	table->retired[table->retired_count++] =
			(struct flow_retired){ table->now_ns, number, reason };
}

// Nobody looks at the packets of the last burst any more: ends what waited for that.
void flow_forget_burst(struct flow_table *table)
{
	uint64_t now_ns = table->now_ns;

	for (unsigned i = 0; i < table->retired_count; i++) {
		const struct flow_retired *retired = &table->retired[i];

		table->now_ns = retired->now_ns;
		end(table, retired->number, retired->reason);
	}
	if (table->touched_count != 0)
		memset(table->touched, 0, sizeof(table->touched));
	memset(table->begun, 0, sizeof(table->begun));
	table->now_ns = now_ns;
	table->retired_count = 0;
	table->touched_count = 0;
	table->followed = 0;
	table->burst = NULL;
}

// In the order of their records, which is that of their beginning unless records were used again.
static void evacuate_all(struct flow_table *table, bool has_stopped)
{
	// The last end of all sets `unused` to 0.
	for (uint32_t i = 0; i < table->unused; i++) {
		const struct flow *flow = &table->flows[i];
		struct flow_slot slot;

		if (flow->packets[0] == 0 && flow->packets[1] == 0)
			continue;
		slot = flow_index_locate(
				&table->index, flow_hash(table->index.secret, &flow->key), i);
		if (slot.at == FLOW_BUCKET_SLOTS)
			continue; // retired already
		flow_evacuate(table, slot,
				has_stopped ? FLOW_END_STOPPED :
					      flow_silence_reason(flow_class_in(slot)));
	}
}

void flow_admit(struct flow_table *table, bool admits)
{
	table->is_closed = !admits;
}

void flow_end_all(struct flow_table *table)
{
	flow_forget_burst(table);
	evacuate_all(table, true);
}

// One pass over the table, at most once for every four hours that pass.
void flow_end_silent(struct flow_table *table, uint64_t now_ns)
{
	evacuate_all(table, false);
	table->age_hand = 0;
	table->round_ns = now_ns;
}

static void age_bucket(struct flow_table *table, struct flow_bucket *bucket, uint16_t now)
{
	unsigned mask = flow_bucket_overdue(bucket, now, table->timeout_coarse);

	for (; mask != 0; mask &= mask - 1) {
		struct flow_slot slot = { bucket, __builtin_ctz(mask) };

		flow_evacuate(table, slot, flow_silence_reason(flow_class_in(slot)));
	}
}

void flow_age(struct flow_table *table, uint64_t now_ns, uint32_t buckets)
{
	const uint32_t count = table->index.count;

	flow_forget_burst(table);
	flow_set_clock(table, now_ns);
	if (now_ns < table->round_ns)
		table->round_ns = now_ns;
	if (buckets > count || (now_ns - table->round_ns) >> ROUND_SHIFT != 0)
		buckets = count;
	for (; buckets != 0; buckets--) {
		age_bucket(table, &table->index.buckets[table->age_hand], flow_coarse(now_ns));
		if (++table->age_hand == count) {
			table->age_hand = 0;
			table->round_ns = now_ns;
		}
	}
}

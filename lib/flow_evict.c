// SPDX-License-Identifier: BSD-3-Clause
// Which flow a full table gives up for a new one.
#include "flow_table.h"

enum {
	FOREIGN_BUCKETS = 16, // searched for a victim when a key's own buckets have none
};

// The best victim among the slots of two buckets (which may be the same one), or none.
static struct flow_slot victim_of(
		struct flow_table *table, struct flow_bucket *first, struct flow_bucket *second)
{
	struct flow_scores scores;

	flow_scores_of(&scores, first, second, flow_coarse(table->now_ns));
	// Once, but for flows that this burst needs.
	for (int tries = 0; tries < 2 * FLOW_BUCKET_SLOTS; tries++) {
		unsigned best = flow_scores_best(&scores);
		struct flow_slot slot = { best < FLOW_BUCKET_SLOTS ? first : second,
			best % FLOW_BUCKET_SLOTS };

		if (scores.slots[best] == 0)
			break;
		if (!flow_is_touched(table, flow_number_in(slot)))
			return slot;
		scores.slots[best] = 0;
	}
	return (struct flow_slot){ first, FLOW_BUCKET_SLOTS };
}

static struct flow_slot own_victim(struct flow_table *table, uint64_t hash)
{
	const struct flow_index *index = &table->index;

	return victim_of(table, &index->buckets[flow_hash_first(hash, index->count)],
			&index->buckets[flow_hash_second(hash, index->count)]);
}

static void evict(struct flow_table *table, struct flow_slot slot)
{
	enum flow_class class = flow_class_in(slot);
	bool is_overdue = flow_slot_age(slot, flow_coarse(table->now_ns)) >=
			table->timeout_coarse[class];

	flow_evacuate_now(table, slot, is_overdue ? flow_silence_reason(class) : FLOW_END_EVICTED);
}

static bool evict_foreign(struct flow_table *table)
{
	for (int i = 0; i < FOREIGN_BUCKETS; i++) {
		struct flow_bucket *bucket = &table->index.buckets[table->evict_hand];
		struct flow_slot victim = victim_of(table, bucket, bucket);

		if (++table->evict_hand == table->index.count)
			table->evict_hand = 0;
		if (victim.at != FLOW_BUCKET_SLOTS) {
			evict(table, victim);
			return true;
		}
	}
	return false;
}

static bool has_number(const struct flow_table *table)
{
	return table->free != FLOW_NO_NUMBER || table->unused != table->config.capacity;
}

struct flow_slot flow_foresee_victim(struct flow_table *table, uint64_t hash)
{
	struct flow_slot victim = { NULL, FLOW_BUCKET_SLOTS };

	if (has_number(table))
		return victim;
	victim = own_victim(table, hash);
	if (victim.at != FLOW_BUCKET_SLOTS) {
		__builtin_prefetch(&table->flows[flow_number_in(victim)], 1);
		__builtin_prefetch(&table->details[flow_number_in(victim)], 1);
	}
	return victim;
}

struct flow_slot flow_make_room(struct flow_table *table, uint64_t hash, struct flow_slot victim)
{
	struct flow_slot slot;

	if (has_number(table)) {
		slot = flow_index_room(&table->index, hash);
		if (slot.at != FLOW_BUCKET_SLOTS)
			return slot;
	}
	// Packets since then may have taken the foreseen victim's place, or made it theirs.
	if (victim.at == FLOW_BUCKET_SLOTS || victim.bucket->tags[victim.at] == 0 ||
			flow_is_touched(table, flow_number_in(victim)))
		victim = own_victim(table, hash);
	if (victim.at != FLOW_BUCKET_SLOTS) {
		evict(table, victim);
		return victim;
	}
	slot = flow_index_room(&table->index, hash);
	if (slot.at != FLOW_BUCKET_SLOTS && !has_number(table) && !evict_foreign(table))
		slot.at = FLOW_BUCKET_SLOTS;
	return slot;
}

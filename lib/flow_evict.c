// SPDX-License-Identifier: BSD-3-Clause
// Which flow a full table gives up for a new one.
#include "flow_table.h"

enum {
	FOREIGN_BUCKETS = 16, // searched for a victim when a key's own buckets have none
	SEARCH_REST = 64, // new flows that do not search after one that did in vain
	RECENT_TRIES = 4,
	BUCKET_AHEAD = 64, // of the recent, fetched before it is their turn
	FLOW_AHEAD = 32,
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

// Its number is the next flow's.
static uint32_t evict(struct flow_table *table, struct flow_slot slot)
{
	const uint32_t number = flow_number_in(slot);
	enum flow_class class = flow_class_in(slot);
	bool is_overdue = flow_slot_age(slot, flow_coarse(table->now_ns)) >=
			table->timeout_coarse[class];

	slot.bucket->tags[slot.at] = 0;
	flow_tell_end(table, number, is_overdue ? flow_silence_reason(class) : FLOW_END_EVICTED);
	return number;
}

static bool is_half_open(struct flow_slot slot)
{
	return slot.at != FLOW_BUCKET_SLOTS && flow_class_in(slot) == FLOW_CLASS_HALF_OPEN;
}

// Of the next buckets: any flow, or one that is half-open.
static struct flow_slot foreign_victim(struct flow_table *table, bool wants_half_open)
{
	for (int i = 0; i < FOREIGN_BUCKETS; i++) {
		struct flow_bucket *bucket = &table->index.buckets[table->evict_hand];
		struct flow_slot victim = victim_of(table, bucket, bucket);

		if (++table->evict_hand == table->index.count)
			table->evict_hand = 0;
		if (wants_half_open ? is_half_open(victim) : victim.at != FLOW_BUCKET_SLOTS)
			return victim;
	}
	return (struct flow_slot){ NULL, FLOW_BUCKET_SLOTS };
}

// So that a flood of new connections replaces its own, and not those that were there before.
static struct flow_slot half_open_elsewhere(struct flow_table *table)
{
	struct flow_slot victim = { NULL, FLOW_BUCKET_SLOTS };

	if (table->search_rest > 0) {
		table->search_rest--;
		return victim;
	}
	victim = foreign_victim(table, true);
	if (victim.at == FLOW_BUCKET_SLOTS)
		table->search_rest = SEARCH_REST;
	return victim;
}

void flow_remember(struct flow_table *table, struct flow_slot slot)
{
	uint32_t bucket = slot.bucket - table->index.buckets;

	table->recent[table->recent_begun++ % FLOW_RECENT] = bucket * FLOW_BUCKET_SLOTS + slot.at;
	if (table->recent_begun - table->recent_offered > FLOW_RECENT)
		table->recent_offered++;
}

static inline bool has_recent(const struct flow_table *table)
{
	return table->recent_begun - table->recent_offered > table->recent_kept;
}

static struct flow_slot recent_at(const struct flow_table *table, uint32_t place)
{
	uint32_t slot = table->recent[place % FLOW_RECENT];

	return (struct flow_slot){ &table->index.buckets[slot / FLOW_BUCKET_SLOTS],
		slot % FLOW_BUCKET_SLOTS };
}

static void fetch_flow(const struct flow_table *table, struct flow_slot slot)
{
	__builtin_prefetch(&table->flows[flow_number_in(slot)], 1);
	__builtin_prefetch(&table->details[flow_number_in(slot)], 1);
}

// Of such a flow nothing is lost that its next packet does not bring back.
static bool is_lone_syn(const struct flow_table *table, struct flow_slot slot)
{
	const struct flow *flow = &table->flows[flow_number_in(slot)];

	return slot.bucket->tags[slot.at] != 0 && is_half_open(slot) &&
			flow->packets[0] + flow->packets[1] == 1 && flow->app == 0;
}

// A flood replaces its own flows of some hundred SYNs ago, and others' go on. Those are still near
// in the caches, and what they need is fetched before it is their turn.
static inline struct flow_slot recent_victim(struct flow_table *table)
{
	for (int i = 0; i < RECENT_TRIES && has_recent(table); i++) {
		uint32_t place = table->recent_offered++;
		struct flow_slot slot = recent_at(table, place);

		__builtin_prefetch(recent_at(table, place + BUCKET_AHEAD).bucket, 1);
		fetch_flow(table, recent_at(table, place + FLOW_AHEAD));
		if (is_lone_syn(table, slot))
			return slot;
	}
	return (struct flow_slot){ NULL, FLOW_BUCKET_SLOTS };
}

static __attribute__((noinline)) struct flow_slot any_victim(
		struct flow_table *table, uint64_t hash)
{
	struct flow_slot victim = own_victim(table, hash), other;

	if (!is_half_open(victim)) {
		other = half_open_elsewhere(table);
		victim = other.at != FLOW_BUCKET_SLOTS ? other : victim;
	}
	if (victim.at != FLOW_BUCKET_SLOTS)
		fetch_flow(table, victim);
	return victim;
}

struct flow_slot flow_foresee_victim(struct flow_table *table, uint64_t hash)
{
	struct flow_slot victim = { NULL, FLOW_BUCKET_SLOTS };

	if (!flow_is_full(table))
		return victim;
	victim = recent_victim(table);
	return victim.at != FLOW_BUCKET_SLOTS ? victim : any_victim(table, hash);
}

// The two buckets of a key.
struct home {
	struct flow_bucket *first, *second;
};

static inline bool is_own(const struct home *home, const struct flow_bucket *bucket)
{
	return bucket == home->first || bucket == home->second;
}

// Packets since then may have taken the foreseen victim's place, or made it theirs.
static inline bool is_still_victim(
		struct flow_table *table, const struct home *home, struct flow_slot victim)
{
	return victim.at != FLOW_BUCKET_SLOTS && victim.bucket->tags[victim.at] != 0 &&
			(is_half_open(victim) || is_own(home, victim.bucket)) &&
			!flow_is_touched(table, flow_number_in(victim));
}

struct flow_slot flow_make_room(
		struct flow_table *table, uint64_t hash, struct flow_slot victim, uint32_t *number)
{
	struct flow_index *index = &table->index;
	const struct home home = {
		.first = &index->buckets[flow_hash_first(hash, index->count)],
		.second = &index->buckets[flow_hash_second(hash, index->count)],
	};
	struct flow_slot slot = { NULL, FLOW_BUCKET_SLOTS };

	if (!flow_is_full(table)) {
		slot = flow_bucket_room(home.first, home.second);
		if (slot.at != FLOW_BUCKET_SLOTS) {
			*number = flow_take_number(table);
			return slot;
		}
	}
	if (!is_still_victim(table, &home, victim))
		victim = victim_of(table, home.first, home.second);
	if (victim.at == FLOW_BUCKET_SLOTS || !is_own(&home, victim.bucket)) {
		// A victim from elsewhere leaves its number, but no slot.
		slot = flow_bucket_room(home.first, home.second);
		if (slot.at == FLOW_BUCKET_SLOTS)
			victim = victim_of(table, home.first, home.second);
		else if (victim.at == FLOW_BUCKET_SLOTS)
			victim = foreign_victim(table, false);
	}
	if (victim.at == FLOW_BUCKET_SLOTS)
		return victim;
	*number = evict(table, victim);
	return is_own(&home, victim.bucket) ? victim : slot;
}

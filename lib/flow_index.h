// SPDX-License-Identifier: BSD-3-Clause
// Where a flow is: buckets of one cache line, two candidates for each key. For flow*.c only.
//
// Time: coarse, in units of 2^29 ns modulo 2^16 (0.54 s, 9.8 hours).
#pragma once

#include "flow_hash.h"

#include <stdalign.h>
#include <stdbool.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	FLOW_BUCKET_SLOTS = 8,
	FLOW_ENTRY_BITS = 27,
	FLOW_COARSE_BACK = 1 << 11, // so far ahead of now (18 minutes) a time is the future's
};

// Which timeout holds for a flow.
enum flow_class {
	FLOW_CLASS_HALF_OPEN,
	FLOW_CLASS_DATAGRAM,
	FLOW_CLASS_CLOSED,
	FLOW_CLASS_ESTABLISHED, // this and the next: answered
	FLOW_CLASS_DIALOGUE,
	FLOW_CLASS_COUNT,
};

struct flow_bucket {
	alignas(64) uint16_t tags[FLOW_BUCKET_SLOTS]; // of the key's hash; 0: the slot is empty
	uint16_t times[FLOW_BUCKET_SLOTS]; // coarse, of the last packet
	uint32_t entries[FLOW_BUCKET_SLOTS]; // class << FLOW_ENTRY_BITS | index of the flow
};
static_assert(sizeof(struct flow_bucket) == 64, "one cache line a bucket");

struct flow_slot {
	struct flow_bucket *bucket;
	unsigned at; // FLOW_BUCKET_SLOTS: none
};

struct flow_index {
	struct flow_bucket *buckets;
	uint32_t count; // of buckets, at least 2
	uint64_t secret[FLOW_SECRET_WORDS];
};

// Draws a secret. 0 or -errno of getrandom(2).
int flow_index_init(struct flow_index *index, struct flow_bucket *buckets, uint32_t count);
// The slot that holds flow `number`, whose key has this hash; or none.
struct flow_slot flow_index_locate(const struct flow_index *index, uint64_t hash, uint32_t number);
static inline enum flow_class flow_class_in(struct flow_slot slot)
{
	return slot.bucket->entries[slot.at] >> FLOW_ENTRY_BITS;
}

static inline uint32_t flow_number_in(struct flow_slot slot)
{
	return slot.bucket->entries[slot.at] & ((1u << FLOW_ENTRY_BITS) - 1);
}

// In coarse units; 0 when its time lies ahead.
static inline unsigned flow_slot_age(struct flow_slot slot, uint16_t now)
{
	uint16_t age = now - slot.bucket->times[slot.at] + FLOW_COARSE_BACK;

	return age > FLOW_COARSE_BACK ? age - FLOW_COARSE_BACK : 0;
}

// The functions that end in _plain are for other machines, and for tests.

// Bit i: the flow in slot i was idle for at least `limits[class]` coarse units.
unsigned flow_bucket_overdue(const struct flow_bucket *bucket, uint16_t now,
		const uint16_t limits[FLOW_CLASS_COUNT]);
unsigned flow_bucket_overdue_plain(const struct flow_bucket *bucket, uint16_t now,
		const uint16_t limits[FLOW_CLASS_COUNT]);

// How gladly the flows of two buckets are given up for a new one: half-open before all others, then
// by age, and among those of one age the unanswered. 0: there is none.
struct flow_scores {
	alignas(16) uint16_t slots[2 * FLOW_BUCKET_SLOTS];
};
void flow_scores_of(struct flow_scores *scores, const struct flow_bucket *first,
		const struct flow_bucket *second, uint16_t now);
void flow_scores_of_plain(struct flow_scores *scores, const struct flow_bucket *first,
		const struct flow_bucket *second, uint16_t now);
// The first slot of the highest score.
unsigned flow_scores_best(const struct flow_scores *scores);
unsigned flow_scores_best_plain(const struct flow_scores *scores);

// Bit i: slot i has this tag; tag 0 finds the empty slots.
static inline unsigned flow_bucket_match_plain(const struct flow_bucket *bucket, uint16_t tag)
{
	unsigned mask = 0;

	for (int i = 0; i < FLOW_BUCKET_SLOTS; i++)
		mask |= (unsigned)(bucket->tags[i] == tag) << i;
	return mask;
}

static inline bool flow_key_equal_plain(const struct flow_key *a, const struct flow_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

enum {
	FLOW_KEY_IP4_FIRST = 12, // where the first IPv4 address is
	FLOW_KEY_IP4_REST = 28, // the second, and all that is behind it
};
static_assert(FLOW_KEY_IP4_REST + 16 == sizeof(struct flow_key), "one vector");

#ifdef __SSE2__
static inline unsigned flow_bucket_match(const struct flow_bucket *bucket, uint16_t tag)
{
	__m128i tags = _mm_load_si128((const __m128i *)bucket->tags);
	__m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));

	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
}

static inline bool flow_bytes_equal(const struct flow_key *a, const struct flow_key *b, size_t at)
{
	__m128i x = _mm_loadu_si128((const __m128i *)((const char *)a + at));
	__m128i y = _mm_loadu_si128((const __m128i *)((const char *)b + at));

	return _mm_movemask_epi8(_mm_cmpeq_epi8(x, y)) == 0xffff;
}

// Of IPv4 only what can differ.
static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	uint32_t x, y;

	if (!flow_bytes_equal(a, b, FLOW_KEY_IP4_REST))
		return false;
	memcpy(&x, (const char *)a + FLOW_KEY_IP4_FIRST, sizeof(x));
	memcpy(&y, (const char *)b + FLOW_KEY_IP4_FIRST, sizeof(y));
	return x == y &&
			(likely(flow_key_is_ip4(a)) ||
					(flow_bytes_equal(a, b, 0) && flow_bytes_equal(a, b, 16)));
}
#else
#define flow_bucket_match flow_bucket_match_plain
#define flow_key_equal flow_key_equal_plain
#endif

enum {
	// The first bucket takes flows until so many slots are left. With fewer, two full buckets
	// meet more often (1.3 % of new flows in a full table with 0, 0.2 % with 1); with more,
	// more lookups need a second bucket.
	FLOW_SLOTS_HELD_BACK = 1,
};

// An empty slot for a key with these buckets; or none.
static inline struct flow_slot flow_bucket_room(
		struct flow_bucket *first, struct flow_bucket *second)
{
	unsigned empty = flow_bucket_match(first, 0);
	unsigned other;

	if (__builtin_popcount(empty) > FLOW_SLOTS_HELD_BACK)
		return (struct flow_slot){ first, __builtin_ctz(empty) };
	other = flow_bucket_match(second, 0);
	if (__builtin_popcount(other) > __builtin_popcount(empty))
		return (struct flow_slot){ second, __builtin_ctz(other) };
	return (struct flow_slot){ first, empty != 0 ? __builtin_ctz(empty) : FLOW_BUCKET_SLOTS };
}

// SPDX-License-Identifier: BSD-3-Clause
#include "flow_index.h"

#include "fail.h"

#include <sys/random.h>

enum {
	// The first bucket takes flows until so many slots are left. With fewer, two full buckets
	// meet more often (1.3 % of new flows in a full table with 0, 0.2 % with 1); with more,
	// more lookups need a second bucket.
	SLOTS_HELD_BACK = 1,
	SCORE_HALF_OPEN = 1 << 15,
	SCORE_AGE_MAX = (1 << 14) - 2, // 2.4 hours
};

int flow_index_init(struct flow_index *index, struct flow_bucket *buckets, uint32_t count)
{
	index->buckets = buckets;
	index->count = count;
	if (getrandom(index->secret, sizeof(index->secret), 0) != sizeof(index->secret))
		return fail(errno);
	// Odd, so never the zero that would hide the word it is multiplied with.
	for (int i = 0; i < FLOW_SECRET_WORDS; i++)
		index->secret[i] |= 1;
	return 0;
}

static unsigned slot_of(const struct flow_bucket *bucket, uint16_t tag, uint32_t number)
{
	unsigned mask = flow_bucket_match(bucket, tag);

	for (; mask != 0; mask &= mask - 1) {
		unsigned at = __builtin_ctz(mask);

		if ((bucket->entries[at] & ((1u << FLOW_ENTRY_BITS) - 1)) == number)
			return at;
	}
	return FLOW_BUCKET_SLOTS;
}

struct flow_slot flow_index_locate(const struct flow_index *index, uint64_t hash, uint32_t number)
{
	struct flow_bucket *first = &index->buckets[flow_hash_first(hash, index->count)];
	struct flow_bucket *second = &index->buckets[flow_hash_second(hash, index->count)];
	unsigned at = slot_of(first, flow_hash_tag(hash), number);

	if (at != FLOW_BUCKET_SLOTS)
		return (struct flow_slot){ first, at };
	return (struct flow_slot){ second, slot_of(second, flow_hash_tag(hash), number) };
}

struct flow_slot flow_index_room(const struct flow_index *index, uint64_t hash)
{
	struct flow_bucket *first = &index->buckets[flow_hash_first(hash, index->count)];
	struct flow_bucket *second = &index->buckets[flow_hash_second(hash, index->count)];
	unsigned empty = flow_bucket_match(first, 0);
	unsigned other;

	if (__builtin_popcount(empty) > SLOTS_HELD_BACK)
		return (struct flow_slot){ first, __builtin_ctz(empty) };
	other = flow_bucket_match(second, 0);
	if (__builtin_popcount(other) > __builtin_popcount(empty))
		return (struct flow_slot){ second, __builtin_ctz(other) };
	return (struct flow_slot){ first, empty != 0 ? __builtin_ctz(empty) : FLOW_BUCKET_SLOTS };
}

unsigned flow_bucket_overdue_plain(const struct flow_bucket *bucket, uint16_t now,
		const uint16_t limits[FLOW_CLASS_COUNT])
{
	unsigned mask = 0;

	for (int i = 0; i < FLOW_BUCKET_SLOTS; i++) {
		uint16_t age = now - bucket->times[i] + FLOW_COARSE_BACK;
		unsigned limit = limits[bucket->entries[i] >> FLOW_ENTRY_BITS] + FLOW_COARSE_BACK;

		if (bucket->tags[i] != 0 && age >= limit)
			mask |= 1u << i;
	}
	return mask;
}

#ifdef __SSE2__
unsigned flow_bucket_overdue(const struct flow_bucket *bucket, uint16_t now,
		const uint16_t limits[FLOW_CLASS_COUNT])
{
	const __m128i *lines = (const __m128i *)bucket;
	__m128i ages = _mm_sub_epi16(
			_mm_set1_epi16((short)(now + FLOW_COARSE_BACK)), _mm_load_si128(&lines[1]));
	__m128i classes =
			_mm_packs_epi32(_mm_srli_epi32(_mm_load_si128(&lines[2]), FLOW_ENTRY_BITS),
					_mm_srli_epi32(_mm_load_si128(&lines[3]), FLOW_ENTRY_BITS));
	__m128i zero = _mm_setzero_si128();
	__m128i fine = _mm_cmpeq_epi16(_mm_load_si128(&lines[0]), zero);

	for (int i = 0; i < FLOW_CLASS_COUNT; i++) {
		short top = (short)(limits[i] + FLOW_COARSE_BACK - 1);
		__m128i is_class = _mm_cmpeq_epi16(classes, _mm_set1_epi16((short)i));
		__m128i over = _mm_subs_epu16(ages, _mm_set1_epi16(top));

		fine = _mm_or_si128(fine, _mm_and_si128(is_class, _mm_cmpeq_epi16(over, zero)));
	}
	return ~(unsigned)_mm_movemask_epi8(_mm_packs_epi16(fine, zero)) & 0xff;
}
#else
unsigned flow_bucket_overdue(const struct flow_bucket *bucket, uint16_t now,
		const uint16_t limits[FLOW_CLASS_COUNT])
{
	return flow_bucket_overdue_plain(bucket, now, limits);
}
#endif

void flow_bucket_scores(
		const struct flow_bucket *bucket, uint16_t now, uint16_t scores[FLOW_BUCKET_SLOTS])
{
	for (int i = 0; i < FLOW_BUCKET_SLOTS; i++) {
		unsigned class = bucket->entries[i] >> FLOW_ENTRY_BITS;
		uint16_t back = now - bucket->times[i] + FLOW_COARSE_BACK;
		unsigned age = back > FLOW_COARSE_BACK ? back - FLOW_COARSE_BACK : 0;
		unsigned score = ((age < SCORE_AGE_MAX ? age : SCORE_AGE_MAX) + 1) << 1;

		score |= class < FLOW_CLASS_ESTABLISHED;
		score |= class == FLOW_CLASS_HALF_OPEN ? SCORE_HALF_OPEN : 0;
		scores[i] = bucket->tags[i] != 0 ? score : 0;
	}
}

// SPDX-License-Identifier: BSD-3-Clause
#include "flow_index.h"

#include "fail.h"

#include <sys/random.h>

enum {
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

		if (flow_number_in((struct flow_slot){ (struct flow_bucket *)bucket, at }) ==
				number)
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

unsigned flow_bucket_overdue_plain(const struct flow_bucket *bucket, uint16_t now,
		const uint16_t limits[FLOW_CLASS_COUNT])
{
	unsigned mask = 0;

	for (unsigned i = 0; i < FLOW_BUCKET_SLOTS; i++) {
		struct flow_slot slot = { (struct flow_bucket *)bucket, i };

		if (bucket->tags[i] != 0 && flow_slot_age(slot, now) >= limits[flow_class_in(slot)])
			mask |= 1u << i;
	}
	return mask;
}

void flow_scores_of_plain(struct flow_scores *scores, const struct flow_bucket *first,
		const struct flow_bucket *second, uint16_t now)
{
	for (unsigned i = 0; i < 2 * FLOW_BUCKET_SLOTS; i++) {
		const struct flow_bucket *bucket = i < FLOW_BUCKET_SLOTS ? first : second;
		struct flow_slot slot = { (struct flow_bucket *)bucket, i % FLOW_BUCKET_SLOTS };
		enum flow_class class = flow_class_in(slot);
		unsigned age = flow_slot_age(slot, now);
		unsigned score = ((age < SCORE_AGE_MAX ? age : SCORE_AGE_MAX) + 1) << 1;

		score |= class < FLOW_CLASS_ESTABLISHED;
		score |= class == FLOW_CLASS_HALF_OPEN ? SCORE_HALF_OPEN : 0;
		scores->slots[i] = bucket->tags[slot.at] != 0 ? score : 0;
	}
}

unsigned flow_scores_best_plain(const struct flow_scores *scores)
{
	unsigned best = 0;

	for (unsigned i = 1; i < 2 * FLOW_BUCKET_SLOTS; i++)
		best = scores->slots[i] > scores->slots[best] ? i : best;
	return best;
}

#ifdef __SSE2__
static __m128i ages_of(const struct flow_bucket *bucket, uint16_t now)
{
	__m128i ages = _mm_sub_epi16(_mm_set1_epi16((short)(now + FLOW_COARSE_BACK)),
			_mm_load_si128((const __m128i *)bucket->times));

	return _mm_subs_epu16(ages, _mm_set1_epi16(FLOW_COARSE_BACK));
}

static __m128i classes_of(const struct flow_bucket *bucket)
{
	const __m128i *entries = (const __m128i *)bucket->entries;

	return _mm_packs_epi32(_mm_srli_epi32(_mm_load_si128(&entries[0]), FLOW_ENTRY_BITS),
			_mm_srli_epi32(_mm_load_si128(&entries[1]), FLOW_ENTRY_BITS));
}

static __m128i empty_of(const struct flow_bucket *bucket)
{
	return _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)bucket->tags), _mm_setzero_si128());
}

unsigned flow_bucket_overdue(const struct flow_bucket *bucket, uint16_t now,
		const uint16_t limits[FLOW_CLASS_COUNT])
{
	const __m128i ages = ages_of(bucket, now), classes = classes_of(bucket);
	const __m128i zero = _mm_setzero_si128();
	__m128i fine = empty_of(bucket);

	for (int i = 0; i < FLOW_CLASS_COUNT; i++) {
		__m128i is_class = _mm_cmpeq_epi16(classes, _mm_set1_epi16((short)i));
		__m128i over = _mm_subs_epu16(ages, _mm_set1_epi16((short)(limits[i] - 1)));

		fine = _mm_or_si128(fine, _mm_and_si128(is_class, _mm_cmpeq_epi16(over, zero)));
	}
	return ~(unsigned)_mm_movemask_epi8(_mm_packs_epi16(fine, zero)) & 0xff;
}

static __m128i scores_of(const struct flow_bucket *bucket, uint16_t now)
{
	__m128i ages = ages_of(bucket, now), classes = classes_of(bucket);
	__m128i beyond = _mm_subs_epu16(ages, _mm_set1_epi16(SCORE_AGE_MAX));
	__m128i one = _mm_set1_epi16(1);
	__m128i is_unanswered = _mm_cmpgt_epi16(_mm_set1_epi16(FLOW_CLASS_ESTABLISHED), classes);
	__m128i is_half_open = _mm_cmpeq_epi16(classes, _mm_set1_epi16(FLOW_CLASS_HALF_OPEN));
	__m128i score = _mm_slli_epi16(_mm_add_epi16(_mm_sub_epi16(ages, beyond), one), 1);

	score = _mm_or_si128(score, _mm_and_si128(is_unanswered, one));
	score = _mm_or_si128(
			score, _mm_and_si128(is_half_open, _mm_set1_epi16((short)SCORE_HALF_OPEN)));
	return _mm_andnot_si128(empty_of(bucket), score);
}

void flow_scores_of(struct flow_scores *scores, const struct flow_bucket *first,
		const struct flow_bucket *second, uint16_t now)
{
	_mm_store_si128((__m128i *)&scores->slots[0], scores_of(first, now));
	_mm_store_si128((__m128i *)&scores->slots[FLOW_BUCKET_SLOTS], scores_of(second, now));
}

static __m128i larger(__m128i a, __m128i b)
{
	return _mm_add_epi16(a, _mm_subs_epu16(b, a));
}

unsigned flow_scores_best(const struct flow_scores *scores)
{
	const __m128i low = _mm_load_si128((const __m128i *)&scores->slots[0]);
	const __m128i high = _mm_load_si128((const __m128i *)&scores->slots[FLOW_BUCKET_SLOTS]);
	__m128i best = larger(low, high);

	best = larger(best, _mm_srli_si128(best, 8));
	best = larger(best, _mm_srli_si128(best, 4));
	best = larger(best, _mm_srli_si128(best, 2));
	best = _mm_set1_epi16((short)_mm_cvtsi128_si32(best));
	return __builtin_ctz(_mm_movemask_epi8(
			_mm_packs_epi16(_mm_cmpeq_epi16(low, best), _mm_cmpeq_epi16(high, best))));
}
#else
unsigned flow_bucket_overdue(const struct flow_bucket *bucket, uint16_t now,
		const uint16_t limits[FLOW_CLASS_COUNT])
{
	return flow_bucket_overdue_plain(bucket, now, limits);
}

void flow_scores_of(struct flow_scores *scores, const struct flow_bucket *first,
		const struct flow_bucket *second, uint16_t now)
{
	flow_scores_of_plain(scores, first, second, now);
}

unsigned flow_scores_best(const struct flow_scores *scores)
{
	return flow_scores_best_plain(scores);
}
#endif

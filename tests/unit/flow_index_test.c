// SPDX-License-Identifier: BSD-3-Clause
#include "flow_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	KEYS = 1 << 14, // as many as chosen sets have
	BUCKETS = 1 << 10,
	SECRETS = 8
};

static uint64_t state = 88172645463325252;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(2685821657736338717);
}

static void fill_random(void *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		((uint8_t *)bytes)[i] = next_random() >> 32;
}

static void draw_secret(uint64_t secret[FLOW_SECRET_WORDS])
{
	for (int i = 0; i < FLOW_SECRET_WORDS; i++)
		secret[i] = next_random() | 1;
}

static uint32_t crc32c(const void *data, size_t length)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < length; i++) {
		crc ^= ((const uint8_t *)data)[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

// Flips the bits of x^32 + the CRC-32C polynomial, the first of them at bit `at`: a multiple of the
// polynomial, so no CRC of any seed sees it. Bits run from the lowest of byte 0 upwards.
static void flip_polynomial(struct flow_key *key, unsigned at)
{
	const uint64_t bits = UINT64_C(0x82f63b78) << 1 | 1; // reflected: x^32 comes first

	for (unsigned i = 0; i <= 32; i++)
		if ((bits >> i & 1) != 0)
			((uint8_t *)key)[(at + i) / 8] ^= 1u << (at + i) % 8;
}

static void plain_key(struct flow_key *key)
{
	*key = (struct flow_key){ 0 };
	memset(key->ends[0].address + 10, 0xff, 2);
	memset(key->ends[1].address + 10, 0xff, 2);
	key->ends[0].address[12] = 10;
	key->ends[1].address[12] = 192;
	key->ports_be[1] = 0x5000;
	key->protocol_vlans = 6u << 24;
	key->tunnel = FLOW_KEY_IP4;
}

// One whose every byte may be anything.
static void wide_key(struct flow_key *key)
{
	plain_key(key);
	key->tunnel &= ~(uint32_t)FLOW_KEY_IP4;
}

static void crc_key(struct flow_key *key, uint32_t i)
{
	wide_key(key);
	for (unsigned bit = 0; i != 0; bit++, i >>= 1)
		if ((i & 1) != 0)
			flip_polynomial(key, bit * 16);
}

static void sequential_port_key(struct flow_key *key, uint32_t i)
{
	plain_key(key);
	key->ports_be[0] = i;
}

static void sequential_address_key(struct flow_key *key, uint32_t i)
{
	plain_key(key);
	key->ends[0].address[15] = i;
	key->ends[0].address[14] = i >> 8;
}

static void grid_key(struct flow_key *key, uint32_t i)
{
	plain_key(key);
	key->ends[0].address[15] = i;
	key->ends[1].address[15] = i >> 7;
	key->ports_be[0] = (i & 0x7f) * 256;
}

static void flip_bit(struct flow_key *key, unsigned bit)
{
	((uint8_t *)key)[bit / 8] ^= 1u << bit % 8;
}

static void two_bits_key(struct flow_key *key, uint32_t i)
{
	const unsigned bits = sizeof(*key) * 8 - 1; // the last one says that it is IPv4

	wide_key(key);
	flip_bit(key, i % bits);
	flip_bit(key, (i % bits + 1 + i / bits) % bits);
}

// Words 0 and 2 stay, 1 and 3 change places and differ by a constant: products that look alike.
static void swapped_key(struct flow_key *key, uint32_t i)
{
	uint64_t words[4] = { 0, i, 0, KEYS - i };

	wide_key(key);
	memcpy(key, words, sizeof(words));
}

// The same of what an IPv4 key multiplies: an address and a port.
static void swapped_ip4_key(struct flow_key *key, uint32_t i)
{
	plain_key(key);
	key->ends[0].address[12] = i;
	key->ends[0].address[13] = i >> 8;
	key->ports_be[0] = KEYS - i;
}

// Two bits of the addresses, ports, protocol, VLANs and tunnel; then all pairs once more with a third.
static void two_bits_ip4_key(struct flow_key *key, uint32_t i)
{
	const unsigned bits = (4 + 4 + 12) * 8 - 1, pairs = bits * (bits / 2);
	const unsigned flipped[] = { i % bits, (i % bits + 1 + i % pairs / bits) % bits };

	plain_key(key);
	key->ports_be[0] ^= i / pairs;
	for (int k = 0; k < 2; k++)
		flip_bit(key, flipped[k] + (flipped[k] < 4 * 8 ? 12 * 8 : 24 * 8));
}

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

// Pearson's statistic for uniform counts of `cells` cells: about `cells`, give or take its root.
static double spread(const uint32_t *counts, unsigned cells)
{
	double mean = (double)KEYS / cells;
	double sum = 0;

	for (unsigned i = 0; i < cells; i++)
		sum += (counts[i] - mean) * (counts[i] - mean) / mean;
	return sum;
}

static void check_spread(const uint32_t counts[BUCKETS])
{
	uint32_t most = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		most = counts[i] > most ? counts[i] : most;
	// Six standard deviations (45) of chance either side; Poisson of 16 beyond 48: 1e-10.
	assert_in_range((unsigned)spread(counts, BUCKETS), BUCKETS - 6 * 45, BUCKETS + 6 * 45);
	assert_in_range(most, 20, 48);
}

static void check_keys(void (*make)(struct flow_key *key, uint32_t i))
{
	static uint32_t first[BUCKETS], second[BUCKETS], tags[BUCKETS];
	static uint64_t hashes[KEYS];
	uint64_t secret[FLOW_SECRET_WORDS];
	struct flow_key key;

	memset(first, 0, sizeof(first));
	memset(second, 0, sizeof(second));
	memset(tags, 0, sizeof(tags));
	draw_secret(secret);
	for (uint32_t i = 0; i < KEYS; i++) {
		make(&key, i);
		hashes[i] = flow_hash(secret, &key);
		first[flow_hash_first(hashes[i], BUCKETS)]++;
		second[flow_hash_second(hashes[i], BUCKETS)]++;
		tags[flow_hash_tag(hashes[i]) / 2 % BUCKETS]++;
	}
	check_spread(first);
	check_spread(second);
	check_spread(tags);
	qsort(hashes, KEYS, sizeof(hashes[0]), compare_hashes);
	for (uint32_t i = 1; i < KEYS; i++)
		assert_true(hashes[i] != hashes[i - 1]);
}

static void (*const makers[])(struct flow_key *, uint32_t) = { crc_key, sequential_port_key,
	sequential_address_key, grid_key, two_bits_key, swapped_key, swapped_ip4_key,
	two_bits_ip4_key };

static void chosen_keys_spread_like_random_ones(void **)
{
	for (int secret = 0; secret < SECRETS; secret++)
		for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
			check_keys(makers[i]);
}

// What the test above is worth: the same keys fall on one bucket of a table that uses a CRC.
static void a_crc_would_pile_them_up(void **)
{
	struct flow_key key;
	uint32_t crc;

	crc_key(&key, 0);
	crc = crc32c(&key, sizeof(key));
	for (uint32_t i = 1; i < KEYS; i++) {
		crc_key(&key, i);
		assert_int_equal(crc32c(&key, sizeof(key)), crc);
	}
}

static void check_bit(const uint64_t secret[FLOW_SECRET_WORDS], struct flow_key *key, size_t bit)
{
	uint64_t hash = flow_hash(secret, key);

	flip_bit(key, bit);
	assert_in_range(__builtin_popcountll(hash ^ flow_hash(secret, key)), 8, 56);
	flip_bit(key, bit);
}

static void check_secret(uint64_t secret[FLOW_SECRET_WORDS], const struct flow_key *key, int word)
{
	uint64_t hash = flow_hash(secret, key);

	for (size_t bit = 0; bit < 64; bit++) {
		secret[word] ^= UINT64_C(1) << bit;
		assert_true(flow_hash(secret, key) != hash);
		secret[word] ^= UINT64_C(1) << bit;
	}
}

static void every_bit_of_key_and_secret_counts(void **)
{
	uint64_t secret[FLOW_SECRET_WORDS];
	struct flow_key key;

	draw_secret(secret);
	fill_random(&key, sizeof(key));
	key.tunnel &= ~(uint32_t)FLOW_KEY_IP4;
	for (size_t bit = 0; bit < sizeof(key) * 8; bit++)
		check_bit(secret, &key, bit);
	for (int word = 0; word < FLOW_SECRET_WORDS; word++)
		check_secret(secret, &key, word);
}

// The rest of an IPv4 key is the same in all of them.
static void every_bit_that_differs_in_ip4_counts(void **)
{
	static const size_t address_bytes[] = { 12, 13, 14, 15, 28, 29, 30, 31 };
	static const int secret_words[] = { 0, 1, 6, 7 };
	uint64_t secret[FLOW_SECRET_WORDS];
	struct flow_key key;

	draw_secret(secret);
	fill_random(&key, sizeof(key));
	key.tunnel |= FLOW_KEY_IP4;
	for (size_t i = 0; i < 8 * sizeof(address_bytes) / sizeof(address_bytes[0]); i++)
		check_bit(secret, &key, address_bytes[i / 8] * 8 + i % 8);
	for (size_t bit = offsetof(struct flow_key, ports_be) * 8; bit < sizeof(key) * 8; bit++)
		check_bit(secret, &key, bit);
	for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++)
		check_secret(secret, &key, secret_words[i]);
}

static void two_indexes_have_two_secrets(void **)
{
	struct flow_index a, b;

	assert_int_equal(flow_index_init(&a, NULL, 2), 0);
	assert_int_equal(flow_index_init(&b, NULL, 2), 0);
	for (int i = 0; i < FLOW_SECRET_WORDS; i++) {
		assert_true(a.secret[i] != b.secret[i]);
		assert_true(a.secret[i] % 2 == 1);
	}
}

static void the_second_bucket_is_another_one(void **)
{
	static const uint32_t counts[] = { 2, 3, 7, 196608, 3u << 23 };

	for (int i = 0; i < 100000; i++) {
		uint64_t hash = next_random();
		uint32_t count = counts[i % 5];

		assert_true(flow_hash_first(hash, count) < count);
		assert_true(flow_hash_second(hash, count) < count);
		assert_true(flow_hash_first(hash, count) != flow_hash_second(hash, count));
		assert_true(flow_hash_tag(hash) != 0);
	}
	assert_true(flow_hash_tag(UINT64_C(0x1234567812345678)) != 0);
	assert_true(flow_hash_second(UINT64_MAX, 2) == 0);
	assert_true(flow_hash_second(0, 2) == 1);
}

// However many buckets, what chose the bucket leaves the tag open.
static void tags_depend_on_both_halves(void **)
{
	for (int half = 0; half < 2; half++) {
		uint64_t hash = next_random();
		unsigned same = 0;

		for (int i = 0; i < 1000; i++)
			same += flow_hash_tag(hash) ==
					flow_hash_tag(hash ^ (next_random() >> 32 << 32 * half));
		assert_in_range(same, 0, 5);
	}
}

static void random_bucket(struct flow_bucket *bucket, uint16_t now, bool is_near)
{
	fill_random(bucket, sizeof(*bucket));
	for (int slot = 0; slot < FLOW_BUCKET_SLOTS; slot++) {
		uint32_t class = next_random() % FLOW_CLASS_COUNT;

		bucket->tags[slot] %= 3;
		bucket->entries[slot] = class << FLOW_ENTRY_BITS | bucket->entries[slot] >> 5;
		if (is_near)
			bucket->times[slot] = now - 4 + next_random() % 9;
	}
}

static void check_twins(const struct flow_bucket buckets[2], uint16_t now, unsigned timeout_max)
{
	struct flow_scores scores, plain_scores;
	uint16_t limits[FLOW_CLASS_COUNT];

	for (int class = 0; class < FLOW_CLASS_COUNT; class ++)
		limits[class] = next_random() % timeout_max + 1;
	assert_int_equal(flow_bucket_overdue(buckets, now, limits),
			flow_bucket_overdue_plain(buckets, now, limits));
	for (uint16_t tag = 0; tag < 4; tag++)
		assert_int_equal(flow_bucket_match(buckets, tag),
				flow_bucket_match_plain(buckets, tag));
	flow_scores_of(&scores, &buckets[0], &buckets[1], now);
	flow_scores_of_plain(&plain_scores, &buckets[0], &buckets[1], now);
	assert_memory_equal(&scores, &plain_scores, sizeof(scores));
	assert_int_equal(flow_scores_best(&scores), flow_scores_best_plain(&scores));
}

static void vector_code_does_what_plain_code_does(void **)
{
	for (int i = 0; i < 200000; i++) {
		struct flow_bucket buckets[2];
		uint16_t now = next_random();
		bool is_near = i % 4 != 0;

		random_bucket(&buckets[0], now, is_near);
		random_bucket(&buckets[1], now, is_near);
		check_twins(buckets, now, is_near ? 5 : 26824);
	}
}

static void differs_in_each_bit(const struct flow_key *a, size_t from, size_t to)
{
	struct flow_key b = *a;

	assert_true(flow_key_equal(a, &b) && flow_key_equal_plain(a, &b));
	for (size_t bit = from * 8; bit < to * 8; bit++) {
		((uint8_t *)&b)[bit / 8] ^= 1u << bit % 8;
		assert_false(flow_key_equal(a, &b) || flow_key_equal_plain(a, &b));
		assert_false(flow_key_equal(&b, a) || flow_key_equal_plain(&b, a));
		((uint8_t *)&b)[bit / 8] ^= 1u << bit % 8;
	}
}

static void keys_equal_in_all_bytes(void **)
{
	struct flow_key key;

	fill_random(&key, sizeof(key));
	key.tunnel &= ~(uint32_t)FLOW_KEY_IP4;
	differs_in_each_bit(&key, 0, sizeof(key));
	// Of IPv4, what is in front of the addresses is always the same.
	memset(key.ends[0].address, 0, 12);
	memset(key.ends[1].address, 0, 12);
	key.tunnel |= FLOW_KEY_IP4;
	differs_in_each_bit(&key, 12, 16);
	differs_in_each_bit(&key, 28, sizeof(key));
}

static uint16_t score(enum flow_class class, uint16_t now, uint16_t time)
{
	const struct flow_bucket other = { 0 },
				 bucket = { .tags = { 1 },
					 .times = { time },
					 .entries = { (uint32_t) class << FLOW_ENTRY_BITS } };
	struct flow_scores scores;

	flow_scores_of(&scores, &other, &bucket, now);
	for (unsigned i = 0; i < 2 * FLOW_BUCKET_SLOTS; i++)
		assert_true(i == FLOW_BUCKET_SLOTS || scores.slots[i] == 0);
	assert_int_equal(flow_scores_best(&scores), FLOW_BUCKET_SLOTS);
	return scores.slots[FLOW_BUCKET_SLOTS];
}

static void victims_are_in_order(void **)
{
	for (uint32_t now = 0; now <= UINT16_MAX; now += 0x1111) {
		uint16_t best = UINT16_MAX;

		for (uint16_t age = 20000; age > 0; age /= 2) {
			uint16_t next = score(FLOW_CLASS_HALF_OPEN, now, now - age);

			assert_true(next < best || age == 10000 || age == 20000);
			best = next;
		}
		assert_true(best > score(FLOW_CLASS_DATAGRAM, now, now - 20000));
		for (uint16_t age = 16000; age > 0; age /= 2) {
			uint16_t dialogue = score(FLOW_CLASS_DIALOGUE, now, now - age);

			assert_int_equal(score(FLOW_CLASS_ESTABLISHED, now, now - age), dialogue);
			assert_true(score(FLOW_CLASS_DATAGRAM, now, now - age) > dialogue);
			assert_true(score(FLOW_CLASS_CLOSED, now, now - age) > dialogue);
			assert_true(score(FLOW_CLASS_DATAGRAM, now, now - age + 1) < dialogue);
		}
		// The clock went back: as young as can be, and a victim nevertheless.
		assert_int_equal(score(FLOW_CLASS_DIALOGUE, now, now + 100),
				score(FLOW_CLASS_DIALOGUE, now, now));
		assert_true(score(FLOW_CLASS_DIALOGUE, now, now) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen_keys_spread_like_random_ones),
		cmocka_unit_test(a_crc_would_pile_them_up),
		cmocka_unit_test(every_bit_of_key_and_secret_counts),
		cmocka_unit_test(every_bit_that_differs_in_ip4_counts),
		cmocka_unit_test(two_indexes_have_two_secrets),
		cmocka_unit_test(the_second_bucket_is_another_one),
		cmocka_unit_test(tags_depend_on_both_halves),
		cmocka_unit_test(vector_code_does_what_plain_code_does),
		cmocka_unit_test(keys_equal_in_all_bytes),
		cmocka_unit_test(victims_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

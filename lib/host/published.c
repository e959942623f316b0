// SPDX-License-Identifier: BSD-3-Clause
#include "host/published.h"

#include "fail.h"
#include "memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	WAYS = 3,
	READ_TRIES = 4,
	FILTER_WORDS = 2048, // of 64 bits: 16 kB
};

static const uint64_t FILTER_NS = 660 * UINT64_C(1000000000);

// One cache line. The key's hash stands for the key: that two collide is too rare to matter.
struct bucket {
	_Atomic uint32_t sequence; // odd while the manager writes
	uint32_t spare;
	struct {
		_Atomic uint64_t tag;
		_Atomic uint64_t value; // 0: free
	} entries[WAYS]; // the youngest first
	uint64_t more_spare;
};
static_assert(sizeof(struct bucket) == 64, "one cache line");

// Addresses, a bit for all that hash to it. There are two, so that each bit lives between one and two
// periods after it was last set.
struct filter {
	_Atomic uint64_t words[FILTER_WORDS];
};

struct published {
	_Atomic uint32_t generation;
	uint64_t address_secret; // odd
	uint64_t filter_ns; // when the older filter was last emptied
	unsigned newer; // of the two, the one emptied last
	struct filter filters[2];
	uint32_t count; // buckets
	uint64_t secret[KEYED_HASH_SECRETS];
	struct bucket *buckets;
};

struct published *published_create(uint32_t capacity)
{
	struct published *table;

	if (capacity == 0)
		return fail_null(EINVAL);
	table = calloc(1, sizeof(*table));
	if (table == NULL)
		return fail_null(ENOMEM);
	// A bucket an entry: with three places each, few ever overflow.
	table->count = capacity;
	if (getrandom(table->secret, sizeof(table->secret), 0) != sizeof(table->secret))
		goto err_table;
	table->address_secret = table->secret[0] | 1;
	table->buckets = memory_alloc(table->count * sizeof(*table->buckets), -1);
	if (table->buckets == NULL)
		goto err_table;
	return table;

err_table:
	free(table);
	return fail_null(ENOMEM);
}

void published_free(struct published *table)
{
	if (table == NULL)
		return;
	memory_free(table->buckets, table->count * sizeof(*table->buckets));
	free(table);
}

// What is spoken of: above the port in a key, above everything but the signals in a value.
enum kind {
	KIND_NODE = 1,
	KIND_HOST,
	KIND_FLOW,
	KIND_PORT
};

static struct published_key key_of(const uint8_t address[16], enum kind kind, uint16_t port)
{
	struct published_key key = { .words[2] = (uint64_t)kind << 16 | port };

	memcpy(key.words, address, 16);
	return key;
}

struct published_key published_host(const uint8_t address[16])
{
	return key_of(address, KIND_HOST, 0);
}

struct published_key published_port(const uint8_t address[16], uint16_t port)
{
	return key_of(address, KIND_PORT, port);
}

struct published_key published_flow(uint64_t flow_id)
{
	return (struct published_key){ { flow_id, 0, KIND_FLOW << 16 } };
}

struct published_key published_node(const uint8_t host[16], const uint8_t node[16], uint16_t port)
{
	struct published_key key = { .words[2] = (uint64_t)KIND_NODE << 16 | port };

	memcpy(&key.words[0], host + 12, 4);
	memcpy(&key.words[1], node + 12, 4);
	return key;
}

static uint64_t pack(const struct published_key *key, const struct verdict *verdict)
{
	uint64_t kind = key->words[2] >> 16;

	return (uint64_t)verdict->signals << 32 | kind << 24 | verdict->role << 16 |
			verdict->confidence << 8 | verdict->app;
}

static enum kind kind_of(uint64_t value)
{
	return value >> 24 & 0xff;
}

static struct verdict unpack(uint64_t value)
{
	return (struct verdict){
		.app = value & 0xff,
		.confidence = value >> 8 & 0xff,
		.role = value >> 16 & 0xff,
		.signals = value >> 32,
	};
}

static struct bucket *bucket_of(const struct published *table, uint64_t tag)
{
	return &table->buckets[(tag >> 32) * table->count >> 32];
}

// The place of `tag`, or WAYS. The manager reads its own writes: no order is needed.
static int place_of(const struct bucket *bucket, uint64_t tag)
{
	int i = 0;

	while (i < WAYS &&
			(atomic_load_explicit(&bucket->entries[i].tag, memory_order_relaxed) !=
							tag ||
					atomic_load_explicit(&bucket->entries[i].value,
							memory_order_relaxed) == 0))
		i++;
	return i;
}

// Moves the entries before `place` one back, and the new one to the front.
static void bring_to_front(struct bucket *bucket, int place, uint64_t tag, uint64_t value)
{
	uint32_t sequence = atomic_load_explicit(&bucket->sequence, memory_order_relaxed);

	atomic_store_explicit(&bucket->sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (int i = place; i > 0; i--) {
		atomic_store_explicit(&bucket->entries[i].tag,
				atomic_load_explicit(
						&bucket->entries[i - 1].tag, memory_order_relaxed),
				memory_order_relaxed);
		atomic_store_explicit(&bucket->entries[i].value,
				atomic_load_explicit(&bucket->entries[i - 1].value,
						memory_order_relaxed),
				memory_order_relaxed);
	}
	atomic_store_explicit(&bucket->entries[0].tag, tag, memory_order_relaxed);
	atomic_store_explicit(&bucket->entries[0].value, value, memory_order_relaxed);
	atomic_store_explicit(&bucket->sequence, sequence + 2, memory_order_release);
}

// A free place, or else the oldest of those that are worth least; WAYS when all are worth more.
static int give_way(const struct bucket *bucket, enum kind kind)
{
	int place = WAYS;

	for (int i = 0; i < WAYS; i++) {
		uint64_t value = atomic_load_explicit(
				&bucket->entries[i].value, memory_order_relaxed);

		if (value == 0)
			return i;
		if (kind_of(value) <= kind) {
			kind = kind_of(value);
			place = i;
		}
	}
	return place;
}

// Flows keep the lower half, of which 0 means that they never asked.
static void advance(struct published *table)
{
	uint32_t generation = atomic_load_explicit(&table->generation, memory_order_relaxed) + 1;

	atomic_store_explicit(&table->generation, generation + ((uint16_t)generation == 0),
			memory_order_release);
}

static uint32_t filter_bit(const struct published *table, uint32_t ip4)
{
	return (uint32_t)(ip4 * table->address_secret >> 32) % (64 * FILTER_WORDS);
}

static void filter_set(struct published *table, uint32_t ip4)
{
	uint32_t bit = filter_bit(table, ip4);

	for (int i = 0; i < 2; i++) {
		_Atomic uint64_t *word = &table->filters[i].words[bit / 64];

		atomic_store_explicit(word,
				atomic_load_explicit(word, memory_order_relaxed) |
						UINT64_C(1) << bit % 64,
				memory_order_relaxed);
	}
}

bool published_may_know(const struct published *table, const uint8_t address[16])
{
	uint32_t ip4, bit;

	memcpy(&ip4, address + 12, sizeof(ip4));
	bit = filter_bit(table, ip4);
	return ((atomic_load_explicit(&table->filters[0].words[bit / 64], memory_order_relaxed) |
				atomic_load_explicit(&table->filters[1].words[bit / 64],
						memory_order_relaxed)) >>
					       bit % 64 &
			       1) != 0;
}

void published_expire(struct published *table, uint64_t now_ns)
{
	if (now_ns < table->filter_ns + FILTER_NS)
		return;
	table->filter_ns = now_ns;
	table->newer = !table->newer;
	for (int i = 0; i < FILTER_WORDS; i++)
		atomic_store_explicit(
				&table->filters[table->newer].words[i], 0, memory_order_relaxed);
}

// Before the entry itself: who sees that finds the address, too.
static void filter_key(struct published *table, const struct published_key *key)
{
	uint32_t ip4 = 0;

	if (key->words[2] >> 16 == KIND_HOST || key->words[2] >> 16 == KIND_PORT)
		memcpy(&ip4, (const uint8_t *)key->words + 12, sizeof(ip4));
	else if (key->words[2] >> 16 == KIND_NODE)
		memcpy(&ip4, &key->words[0], sizeof(ip4));
	else
		return;
	filter_set(table, ip4);
}

void published_set(struct published *table, const struct published_key *key,
		const struct verdict *verdict)
{
	uint64_t tag = keyed_hash(table->secret, key->words), value = pack(key, verdict);
	struct bucket *bucket = bucket_of(table, tag);
	int place = place_of(bucket, tag);
	bool is_news = place == WAYS ||
			atomic_load_explicit(&bucket->entries[place].value, memory_order_relaxed) !=
					value;

	filter_key(table, key);
	if (place == WAYS)
		place = give_way(bucket, kind_of(value));
	if (place == WAYS)
		return;
	if (is_news || place > 0)
		bring_to_front(bucket, place, tag, value);
	if (is_news)
		advance(table);
}

void published_remove(struct published *table, const struct published_key *key)
{
	uint64_t tag = keyed_hash(table->secret, key->words);
	struct bucket *bucket = bucket_of(table, tag);
	int place = place_of(bucket, tag);

	if (place == WAYS)
		return;
	// One word, whole at any time: nobody needs to be told of it.
	atomic_store_explicit(&bucket->entries[place].value, 0, memory_order_relaxed);
	advance(table);
}

uint32_t published_generation(const struct published *table)
{
	return atomic_load_explicit(&table->generation, memory_order_acquire);
}

static uint64_t value_of(const struct bucket *bucket, uint64_t tag)
{
	uint64_t value = 0;

	for (int i = 0; i < WAYS; i++)
		if (atomic_load_explicit(&bucket->entries[i].tag, memory_order_relaxed) == tag)
			value |= atomic_load_explicit(
					&bucket->entries[i].value, memory_order_relaxed);
	return value;
}

enum published_answer published_get(const struct published *table, const struct published_key *key,
		struct verdict *verdict)
{
	uint64_t tag = keyed_hash(table->secret, key->words);
	const struct bucket *bucket = bucket_of(table, tag);

	for (int i = 0; i < READ_TRIES; i++) {
		uint32_t sequence = atomic_load_explicit(&bucket->sequence, memory_order_acquire);
		uint64_t value = value_of(bucket, tag);

		atomic_thread_fence(memory_order_acquire);
		if ((sequence & 1) != 0 ||
				atomic_load_explicit(&bucket->sequence, memory_order_relaxed) !=
						sequence)
			continue;
		if (value == 0)
			return PUBLISHED_NONE;
		*verdict = unpack(value);
		return PUBLISHED_FOUND;
	}
	return PUBLISHED_BUSY;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "host/recent.h"

#include "fail.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	WAYS = 8
}; // places where a key may be

struct place {
	uint64_t tag; // the key's hash; two keys of one hash are too rare to matter
	uint64_t renewed_ns;
	uint8_t rank;
	bool is_used;
};

struct recent {
	struct recent_config config;
	uint64_t secret[KEYED_HASH_SECRETS];
	uint32_t sets;
	uint32_t count;
	uint64_t forgotten, refused;
	struct place *places; // [sets * WAYS]
	char *entries; // [sets * WAYS]
};

struct recent *recent_create(const struct recent_config *config)
{
	struct recent *table;
	size_t places;

	if (config->capacity == 0 || config->entry_bytes == 0)
		return fail_null(EINVAL);
	table = calloc(1, sizeof(*table));
	if (table == NULL)
		return fail_null(ENOMEM);
	table->config = *config;
	table->sets = ((uint64_t)config->capacity + WAYS - 1) / WAYS;
	places = (size_t)table->sets * WAYS;
	if (getrandom(table->secret, sizeof(table->secret), 0) != sizeof(table->secret))
		goto err_table;
	table->places = memory_alloc(places * sizeof(*table->places), -1);
	if (table->places == NULL)
		goto err_table;
	table->entries = memory_alloc(places * config->entry_bytes, -1);
	if (table->entries == NULL)
		goto err_places;
	return table;

err_places:
	memory_free(table->places, places * sizeof(*table->places));
err_table:
	free(table);
	return fail_null(ENOMEM);
}

void recent_free(struct recent *table)
{
	size_t places;

	if (table == NULL)
		return;
	places = (size_t)table->sets * WAYS;
	memory_free(table->entries, places * table->config.entry_bytes);
	memory_free(table->places, places * sizeof(*table->places));
	free(table);
}

static void *entry_at(const struct recent *table, const struct place *place)
{
	return table->entries + (size_t)(place - table->places) * table->config.entry_bytes;
}

static struct place *place_of(const struct recent *table, const void *entry)
{
	return &table->places[((const char *)entry - table->entries) / table->config.entry_bytes];
}

static struct place *set_of(const struct recent *table, uint64_t tag)
{
	return &table->places[((tag >> 32) * table->sets >> 32) * WAYS];
}

static struct place *find(struct place *set, uint64_t tag)
{
	for (int i = 0; i < WAYS; i++)
		if (set[i].is_used && set[i].tag == tag)
			return &set[i];
	return NULL;
}

void *recent_find(const struct recent *table, const uint64_t key[KEYED_HASH_WORDS])
{
	uint64_t tag = keyed_hash(table->secret, key);
	const struct place *place = find(set_of(table, tag), tag);

	return place == NULL ? NULL : entry_at(table, place);
}

static bool gives_way_before(const struct place *a, const struct place *b)
{
	if (a->is_used != b->is_used)
		return !a->is_used;
	return a->rank != b->rank ? a->rank < b->rank : a->renewed_ns < b->renewed_ns;
}

// NULL when everything there is to be kept.
static struct place *make_room(struct recent *table, struct place *set, uint64_t now_ns)
{
	struct place *victim = &set[0];

	for (int i = 1; i < WAYS; i++)
		if (gives_way_before(&set[i], victim))
			victim = &set[i];
	if (!victim->is_used) {
		table->count++;
		return victim;
	}
	if (victim->rank >= RECENT_KEPT && now_ns < victim->renewed_ns + table->config.keep_ns) {
		table->refused++;
		return NULL;
	}
	table->forgotten++;
	return victim;
}

void *recent_get(struct recent *table, const uint64_t key[KEYED_HASH_WORDS], uint64_t now_ns,
		bool *is_fresh)
{
	uint64_t tag = keyed_hash(table->secret, key);
	struct place *set = set_of(table, tag);
	struct place *place = find(set, tag);

	*is_fresh = place == NULL;
	if (place == NULL) {
		place = make_room(table, set, now_ns);
		if (place == NULL)
			return NULL;
		*place = (struct place){ .tag = tag, .is_used = true };
		memset(entry_at(table, place), 0, table->config.entry_bytes);
	}
	if (place->renewed_ns < now_ns)
		place->renewed_ns = now_ns;
	return entry_at(table, place);
}

void recent_raise(struct recent *table, const void *entry, uint8_t rank)
{
	struct place *place = place_of(table, entry);

	if (place->rank < rank)
		place->rank = rank;
}

void *recent_next(const struct recent *table, const void *entry)
{
	const struct place *end = table->places + (size_t)table->sets * WAYS;
	const struct place *place = entry == NULL ? table->places : place_of(table, entry) + 1;

	while (place != end && !place->is_used)
		place++;
	return place == end ? NULL : entry_at(table, place);
}

uint32_t recent_count(const struct recent *table)
{
	return table->count;
}

uint64_t recent_forgotten(const struct recent *table)
{
	return table->forgotten;
}

uint64_t recent_refused(const struct recent *table)
{
	return table->refused;
}

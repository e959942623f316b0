// SPDX-License-Identifier: BSD-3-Clause
#include "scan_cache.h"

#include "fail.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS = 4096
};

struct entry {
	struct entry *next;
	struct scan_database *database; // NULL: of one pattern, which is known to compile
	uint64_t load; // that last asked for it
	uint64_t hash;
	size_t length;
	char key[];
};

struct scan_cache {
	uint64_t load;
	uint64_t compiled;
	struct entry *buckets[BUCKETS];
};

// What tells one set of patterns from all others: each with its kind, and the NUL at its end.
static void add_key(struct text *key, const struct scan_pattern *pattern)
{
	text_printf(key, "%c%c%s%c", pattern->whole ? 'w' : 's', pattern->caseless ? 'i' : 'c',
			pattern->expression, '\0');
}

// FNV-1a. Who writes the rules need not be feared: they are his own.
static uint64_t hash_of(const struct text *key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < key->length; i++)
		hash = (hash ^ (uint8_t)key->data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

struct scan_cache *scan_cache_create(void)
{
	struct scan_cache *cache = calloc(1, sizeof(*cache));

	return cache != NULL ? cache : fail_null(ENOMEM);
}

// Frees the entries that no load since `oldest` asked for.
static void forget(struct scan_cache *cache, uint64_t oldest)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		for (struct entry **at = &cache->buckets[i]; *at != NULL;) {
			struct entry *entry = *at;

			if (entry->load >= oldest) {
				at = &entry->next;
				continue;
			}
			*at = entry->next;
			scan_database_free(entry->database);
			free(entry);
		}
	}
}

void scan_cache_free(struct scan_cache *cache)
{
	if (cache != NULL)
		forget(cache, UINT64_MAX);
	free(cache);
}

void scan_cache_turn(struct scan_cache *cache)
{
	if (cache == NULL)
		return;
	cache->load++;
	if (cache->load > SCAN_CACHE_LOADS)
		forget(cache, cache->load - SCAN_CACHE_LOADS);
}

static struct entry *find(struct scan_cache *cache, const struct text *key, bool is_database)
{
	uint64_t hash = hash_of(key);
	struct entry *entry = cache->buckets[hash % BUCKETS];

	for (; entry != NULL; entry = entry->next) {
		if (entry->hash == hash && entry->length == key->length &&
				(entry->database != NULL) == is_database &&
				memcmp(entry->key, key->data, key->length) == 0) {
			entry->load = cache->load;
			return entry;
		}
	}
	return NULL;
}

// Without memory it is not remembered, and that is all.
static void remember(
		struct scan_cache *cache, const struct text *key, struct scan_database *database)
{
	uint64_t hash = hash_of(key);
	struct entry *entry = malloc(sizeof(*entry) + key->length);

	if (entry == NULL)
		return;
	*entry = (struct entry){ cache->buckets[hash % BUCKETS],
		database == NULL ? NULL : scan_database_share(database), cache->load, hash,
		key->length };
	memcpy(entry->key, key->data, key->length);
	cache->buckets[hash % BUCKETS] = entry;
}

int scan_cache_check(struct scan_cache *cache, const struct scan_pattern *pattern, char *message,
		size_t size)
{
	struct text key = { 0 };
	int ret = 0;

	if (cache == NULL)
		return scan_check(pattern, message, size);
	add_key(&key, pattern);
	if (text_error(&key) != 0 || find(cache, &key, false) == NULL) {
		ret = scan_check(pattern, message, size);
		if (ret == 0 && text_error(&key) == 0)
			remember(cache, &key, NULL);
	}
	text_fini(&key);
	return ret;
}

struct scan_database *scan_cache_compile(
		struct scan_cache *cache, const struct scan_pattern *patterns, unsigned count)
{
	struct scan_database *database;
	struct text key = { 0 };
	struct entry *entry;

	if (cache == NULL)
		return scan_compile(patterns, count);
	for (unsigned i = 0; i < count; i++)
		add_key(&key, &patterns[i]);
	entry = text_error(&key) == 0 ? find(cache, &key, true) : NULL;
	if (entry != NULL) {
		text_fini(&key);
		return scan_database_share(entry->database);
	}
	database = scan_compile(patterns, count);
	if (database != NULL) {
		cache->compiled++;
		if (text_error(&key) == 0)
			remember(cache, &key, database);
	}
	text_fini(&key);
	return database;
}

uint64_t scan_cache_compiled(const struct scan_cache *cache)
{
	return cache == NULL ? 0 : cache->compiled;
}

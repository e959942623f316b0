// SPDX-License-Identifier: BSD-3-Clause
// A table that forgets: entries of one size under a key, at most so many, all memory at creation.
//
// An entry has a rank. Where there is no room, the lowest rank gives way, among equals the one that
// was not looked for the longest; what has RECENT_KEPT gives way only when it has not been looked
// for during `keep_ns`. Thread: the manager alone.
#pragma once

#include "keyed_hash.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	RECENT_KEPT = 2
};

struct recent_config {
	uint32_t capacity; // entries, at least 1
	size_t entry_bytes;
	uint64_t keep_ns;
};

struct recent;

// NULL with errno EINVAL or ENOMEM. The caller frees it with recent_free().
struct recent *recent_create(const struct recent_config *config);
void recent_free(struct recent *table);

// NULL when there is none.
void *recent_find(const struct recent *table, const uint64_t key[KEYED_HASH_WORDS]);
// The entry, renewed; a zeroed one if there was none, and then `is_fresh`. NULL when all that could
// give way is kept. Valid until it gives way to another.
void *recent_get(struct recent *table, const uint64_t key[KEYED_HASH_WORDS], uint64_t now_ns,
		bool *is_fresh);
void recent_raise(struct recent *table, const void *entry, uint8_t rank);
// All entries, in no order: the one behind `entry`, the first for NULL.
void *recent_next(const struct recent *table, const void *entry);

uint32_t recent_count(const struct recent *table);
uint64_t recent_forgotten(const struct recent *table); // entries that gave way
uint64_t recent_refused(const struct recent *table); // times that there was no room

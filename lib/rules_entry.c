// SPDX-License-Identifier: BSD-3-Clause
// Whether one rule holds.
#include "rules_entry.h"

#include <stdlib.h>
#include <string.h>

int rules_compare_patterns(const void *a, const void *b)
{
	const uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return (first > second) - (first < second);
}

static bool ranges_hold(const struct ranges *ranges, const uint8_t key[RANGE_KEY_BYTES])
{
	unsigned low = 0, high = ranges->count;

	// The last range that does not start after the key is at `low` - 1.
	while (low < high) {
		const unsigned middle = low + (high - low) / 2;

		if (memcmp(ranges->items[middle].first, key, RANGE_KEY_BYTES) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && memcmp(key, ranges->items[low - 1].last, RANGE_KEY_BYTES) <= 0;
}

static bool condition_holds(
		const struct condition *condition, const uint32_t *hits, unsigned hit_count)
{
	for (unsigned i = 0; i < hit_count; i++)
		if (bsearch(&hits[i], condition->patterns, condition->count, sizeof(*hits),
				    rules_compare_patterns) != NULL)
			return true;
	return false;
}

bool rules_entry_holds(const struct rules_entry *entry, const struct rules_request *request)
{
	if (entry->protocol != 0 && entry->protocol != request->protocol)
		return false;
	if (entry->ports.count > 0 && !ranges_hold(&entry->ports, request->port))
		return false;
	if (entry->destination.count > 0 && !ranges_hold(&entry->destination, request->destination))
		return false;
	if (entry->source.count > 0 && !ranges_hold(&entry->source, request->source))
		return false;
	for (uint32_t left = entry->others; left != 0; left &= left - 1) {
		const unsigned i = __builtin_ctz(left);

		if (!condition_holds(&entry->conditions[i], request->hits[i],
				    request->hit_counts[i]))
			return false;
	}
	return true;
}

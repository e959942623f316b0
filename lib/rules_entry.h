// SPDX-License-Identifier: BSD-3-Clause
// One rule with its conditions: rules_read.c makes it of YAML, rules.c matches it.
#pragma once

#include "rules.h"
#include "scan_cache.h"

enum {
	// Different patterns of one buffer that one sample can match; more are not seen.
	RULES_HITS_MAX = 256,
	RANGE_KEY_BYTES = 17 // 4 or 6, then the address; or 0, and the port in the last two
};

struct range {
	uint8_t first[RANGE_KEY_BYTES];
	uint8_t last[RANGE_KEY_BYTES];
};

// Sorted and apart from each other. Without any: no condition.
struct ranges {
	struct range *items;
	unsigned count;
};

// Any of the patterns on any of the buffer's values.
struct condition {
	unsigned count; // 0: no condition
	char **expressions;
	uint32_t *patterns; // in the buffer's database, ascending; set by rules_compile()
};

struct rules_entry {
	struct rule rule;
	char *place;
	char *note;
	struct ranges source, destination, ports;
	uint8_t protocol; // 0: any
	struct condition conditions[BUFFER_COUNT];
	enum buffer hook; // condition that it hangs on; BUFFER_COUNT: it has no pattern
	uint32_t others; // 1 << buffer: the conditions besides
};

// Fills `entry`, which is zeroed, from one item of a `rules:` list. `cache` may be NULL. False after complaints, and then
// `rule.id` is the rule's all the same, or 0 when it has none. Empty with rules_entry_fini() either
// way.
bool rules_read(struct rules_entry *entry, const struct yaml_node *item, struct scan_cache *cache,
		struct complaints *complaints);
void rules_entry_fini(struct rules_entry *entry);

// How an expression of a rule is matched in `buffer`.
struct scan_pattern rules_pattern(enum buffer buffer, const char *expression);

// In the order of a condition's patterns, for qsort().
int rules_compare_patterns(const void *a, const void *b);

// What rules are held against.
struct rules_request {
	unsigned hit_buffers; // those from here on have no hits
	unsigned hit_counts[BUFFER_COUNT];
	uint32_t hits[BUFFER_COUNT][RULES_HITS_MAX]; // patterns that matched
	uint8_t source[RANGE_KEY_BYTES];
	uint8_t destination[RANGE_KEY_BYTES];
	uint8_t port[RANGE_KEY_BYTES];
	uint8_t protocol;
};

// Of a compiled rule whose hook's condition holds, or that has none.
bool rules_entry_holds(const struct rules_entry *entry, const struct rules_request *request);

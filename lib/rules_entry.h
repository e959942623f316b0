// SPDX-License-Identifier: BSD-3-Clause
// One rule with its conditions: rules_read.c makes it of YAML, rules.c matches it.
#pragma once

#include "rules.h"
#include "scan_cache.h"

enum {
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
};

// Fills `entry`, which is zeroed, from one item of a `rules:` list. `cache` may be NULL. False after complaints, and then
// `rule.id` is the rule's all the same, or 0 when it has none. Empty with rules_entry_fini() either
// way.
bool rules_read(struct rules_entry *entry, const struct yaml_node *item, struct scan_cache *cache,
		struct complaints *complaints);
void rules_entry_fini(struct rules_entry *entry);

// How an expression of a rule is matched in `buffer`.
struct scan_pattern rules_pattern(enum buffer buffer, const char *expression);

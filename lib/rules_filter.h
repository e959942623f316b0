// SPDX-License-Identifier: BSD-3-Clause
// Tells for most values at once which patterns of a buffer match them, mostly none: a call of the engine
// costs some hundred instructions, on ten bytes too, and most patterns are names.
//
// Thread: immutable once made.
#pragma once

#include "scan.h"

struct rules_filter;

// Of `count` patterns that compile. NULL with errno ENOMEM. Free with rules_filter_free().
struct rules_filter *rules_filter_create(const struct scan_pattern *patterns, unsigned count);
void rules_filter_free(struct rules_filter *filter); // may be NULL

enum {
	RULES_FILTER_SCAN = -1, // only the engine can tell
};

// As scan_block() of the same patterns, or RULES_FILTER_SCAN. Packet path: a look at the value's first
// byte and a few hashes of no more of its last bytes than the longest name has, however many patterns
// there are.
int rules_filter_match(const struct rules_filter *filter, const uint8_t *data, size_t length,
		uint32_t *patterns, unsigned max);

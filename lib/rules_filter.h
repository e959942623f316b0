// SPDX-License-Identifier: BSD-3-Clause
// Tells for most values at once that no pattern of a buffer matches them: a call of the engine costs
// some hundred instructions, on ten bytes too, and most values match nothing.
//
// Thread: immutable once made.
#pragma once

#include "scan.h"

struct rules_filter;

// Of `count` patterns that compile. NULL with errno ENOMEM. Free with rules_filter_free().
struct rules_filter *rules_filter_create(const struct scan_pattern *patterns, unsigned count);
void rules_filter_free(struct rules_filter *filter); // may be NULL

// False: no pattern matches the value. Packet path: a look at its first byte and a few hashes of no more
// of its last bytes than the longest name has, however many patterns there are.
bool rules_filter_lets(const struct rules_filter *filter, const uint8_t *data, size_t length);

// SPDX-License-Identifier: BSD-3-Clause
// What users write, compiled: which values make which application.
//
// Thread: the manager loads and compiles; afterwards rules are immutable and workers match.
#pragma once

#include "application.h"
#include "detect/detect.h"
#include "yaml.h"

struct scan_cache;
struct scan_scratch;
struct flow_key;

struct rule {
	uint32_t id; // as the user wrote it
	uint8_t app;
	uint8_t confidence;
	uint8_t role;
	uint8_t condition_count; // all of them must hold
	uint32_t signals; // 1 << enum signal that a match gives
	const char *note; // "" when there is none
	const char *place; // "file:line"
};

struct rules; // a growing set, then compiled and immutable

struct rules *rules_create(void);
void rules_free(struct rules *rules);
// Before the first rules_add(): what `cache` holds is not compiled again. It is not used after
// rules_compile().
void rules_use_cache(struct rules *rules, struct scan_cache *cache);

// Adds the items of a `rules:` list (design: id, app, confidence, role, match, src, dst, port,
// proto, note). Complains about everything that is wrong, wherever it is: unknown keys and words,
// double ids, patterns that do not compile. What is right is added all the same.
void rules_add(struct rules *rules, const struct yaml_node *list, struct complaints *complaints);
// Adds every rule of a file, or of every *.yaml of a directory in alphabetical order.
void rules_add_path(struct rules *rules, const char *path, struct complaints *complaints);

// After the last rules_add(): 0 or -errno.
int rules_compile(struct rules *rules);

unsigned rules_count(const struct rules *rules);
// In no order before rules_compile(), best first after it.
const struct rule *rules_at(const struct rules *rules, unsigned index);
size_t rules_database_bytes(const struct rules *rules);
// After rules_compile(): so many bytes from the start of this buffer decide what all rules say of it.
// 0: no rule names it; SIZE_MAX: all of them may.
size_t rules_reach(const struct rules *rules, enum buffer buffer);
struct scan_scratch *rules_scratch_create(const struct rules *rules); // NULL with errno ENOMEM

// The ends as the flow's initiator sees them, for src, dst and port conditions.
struct rule_context {
	const uint8_t *source; // 16 bytes, IPv4 as ::ffff:a.b.c.d
	const uint8_t *destination;
	uint16_t destination_port; // host order
	uint8_t protocol;
	bool is_ip4;
};

// Indices of the rules that match, best first: higher confidence, then more conditions, then lower
// id; at most `max`. Adds to `scanned_bytes` what was scanned and returns how many it wrote.
// Packet path: one scan per value, and a look at the rules that use a pattern that matched, so the
// number of rules does not matter; without a scratch no rule with a pattern matches; but each rule without a pattern costs a look (some 10 ns).
unsigned rules_match(const struct rules *rules, struct scan_scratch *scratch,
		const struct findings *findings, const struct rule_context *context,
		uint32_t *matches, unsigned max, uint64_t *scanned_bytes);

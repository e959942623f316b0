// SPDX-License-Identifier: BSD-3-Clause
// Patterns over bytes: the only module that knows the regular expression engine.
//
// Thread: a database is immutable and shared; a scratch belongs to one worker and one set of
// databases, and is made by the manager before the worker ever sees either.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan_database;
struct scan_scratch;

struct scan_pattern {
	const char *expression; // Hyperscan syntax
	bool whole; // must match the whole value, not a part of it
	bool caseless;
};

// 0, or -EINVAL with one line in `message`: what is wrong with this expression.
int scan_check(const struct scan_pattern *pattern, char *message, size_t size);

// How many bytes from its start on decide whether a value matches; SIZE_MAX: all of them may.
size_t scan_reach(const struct scan_pattern *pattern);

// Compiles `count` patterns; a match reports the pattern's index. NULL with errno EINVAL (call
// scan_check() on each to learn which) or ENOMEM. Free with scan_database_free() after every scratch.
struct scan_database *scan_compile(const struct scan_pattern *patterns, unsigned count);
void scan_database_free(struct scan_database *database);
// Another user of the same database, who frees it, too. Any thread may.
struct scan_database *scan_database_share(struct scan_database *database);
size_t scan_database_bytes(const struct scan_database *database);

// One scratch that serves all `count` databases (NULL ones are skipped). NULL with errno ENOMEM.
struct scan_scratch *scan_scratch_create(struct scan_database *const *databases, unsigned count);
void scan_scratch_free(struct scan_scratch *scratch);
size_t scan_scratch_bytes(const struct scan_scratch *scratch);

// Writes the indices of the patterns that match, each once, in no order, at most `max`; returns how
// many. Packet path: no allocation, bounded by length.
unsigned scan_block(const struct scan_database *database, struct scan_scratch *scratch,
		const void *data, size_t length, uint32_t *matches, unsigned max);

const char *scan_engine(void); // name and version of the engine

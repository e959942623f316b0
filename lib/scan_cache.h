// SPDX-License-Identifier: BSD-3-Clause
// Patterns that were compiled before, by their content, so that a reload compiles only what has
// changed. It lives as long as the process, so the engine's version and the CPU are always the same.
//
// Thread: one at a time. Memory: what the last SCAN_CACHE_LOADS loads asked for.
#pragma once

#include "scan.h"

enum {
	SCAN_CACHE_LOADS = 4
};

struct scan_cache;

// NULL with errno ENOMEM. Free with scan_cache_free(); databases that others hold live on.
struct scan_cache *scan_cache_create(void);
void scan_cache_free(struct scan_cache *cache);

// A load begins: forgets what none of the last SCAN_CACHE_LOADS asked for.
void scan_cache_turn(struct scan_cache *cache);

// As scan_check() and scan_compile(), but for what is known. Without a cache, the same as these.
int scan_cache_check(struct scan_cache *cache, const struct scan_pattern *pattern, char *message,
		size_t size);
struct scan_database *scan_cache_compile(
		struct scan_cache *cache, const struct scan_pattern *patterns, unsigned count);

// How many databases were compiled so far.
uint64_t scan_cache_compiled(const struct scan_cache *cache);

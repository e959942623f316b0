// SPDX-License-Identifier: BSD-3-Clause
// The last ten minutes, second by second, for people who look.
//
// Thread: the manager.
#pragma once

#include "counters.h"

enum {
	HISTORY_POINTS = 600, // seconds
};

// One second. Rates are what was counted since the second before.
struct history_point {
	uint64_t time_s; // since the epoch, when it ended
	uint64_t packets[2], bytes[2]; // received, a second: [0] from inside, [1] from outside
	uint64_t dropped, uninspected; // packets a second
	uint64_t flows; // at its end
	uint64_t busy_permille; // of the cycles of all workers
};

struct history {
	struct history_point points[HISTORY_POINTS];
	unsigned count, newest; // index of the newest; neither matters while `count` is 0
	uint64_t last_ns; // when history_add() was last called; 0: never
	struct counters last;
};

// Adds a point from the counters of all workers together. The first call only remembers them.
// Calls should be a second apart; one that comes early is ignored.
void history_add(struct history *history, uint64_t now_ns, const struct counters *total);
// The i-th point, 0: the oldest that is kept.
const struct history_point *history_at(const struct history *history, unsigned i);

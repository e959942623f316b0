// SPDX-License-Identifier: BSD-3-Clause
// What a worker stops looking at when more comes than it can look at, so that it can go on to
// forward all of it. The sign of it is that receive queues are not drained: full bursts, one after
// the other. Each level sheds what the one before does and more; a moment of calm takes one back.
//
// Thread: a worker's own.
#pragma once

#include "counters.h"

enum {
	// Full bursts of one queue in a row: four times what it holds, so that what piled up while
	// the worker was held up for a moment is no overload.
	OVERLOAD_BURSTS = 64,
	OVERLOAD_CALM_MS = 100, // without such a row: one level back
};

struct overload {
	uint8_t level; // enum overload_level
	uint8_t rows[DIRECTIONS_MAX]; // full bursts since the last one that was not
	uint64_t calm; // as `now`
	uint64_t calm_at; // when there has been calm for so long
};

// `calm`: OVERLOAD_CALM_MS in the unit of the clock that overload_note() is shown.
void overload_init(struct overload *overload, uint64_t calm);

// For overload_note(): one level up where there is one, or back. Whether the level has changed.
bool overload_raise(struct overload *overload, uint64_t now);
bool overload_relax(struct overload *overload, uint64_t now);

// Once for each burst of a direction, with its number of packets, 0 among them. Whether the level
// has changed. A clock that goes on steadily, such as the TSC.
static inline bool overload_note(
		struct overload *overload, unsigned direction, unsigned packets, uint64_t now)
{
	if (__builtin_expect(packets == BURST_PACKETS, 0)) {
		if (++overload->rows[direction] < OVERLOAD_BURSTS)
			return false;
		overload->rows[direction] = 0;
		return overload_raise(overload, now);
	}
	overload->rows[direction] = 0;
	return overload->level != OVERLOAD_NONE && now >= overload->calm_at &&
			overload_relax(overload, now);
}

// What is shed at a level and not below it: "streams"; NULL for none.
const char *overload_label(enum overload_level level);

// SPDX-License-Identifier: BSD-3-Clause
// The link state of a pair as of one wire: when one port loses its link, the other is held down
// until it is back, so that the neighbours on both sides know. Decides only; wire.c looks and acts.
//
// At most one port of a pair is held, and no more often than every two seconds. What the held port
// shows is our own doing, and so it is after its release until it has come up, which takes seconds.
// The same holds after the start.
//
// Thread: the manager. Time: milliseconds of any clock that does not run backwards.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	LINK_DEBOUNCE_MS = 100, // a change that did not last so long is none
	LINK_TURN_MS = 1000, // between holding a port and its release, and before the next time
	LINK_ECHO_MS = 10000, // that a link may take to come up: autonegotiation, firmware of E810
	LINK_STEADY_MS = 3000, // after which one has come up; drivers say so before it is true
};

struct link_side {
	bool is_up; // when it was last seen
	bool is_fixed; // its driver cannot hold it down
	uint64_t since_ms; // when it was first seen so
	uint64_t believed_ms; // before then, that it is down says nothing
	uint64_t changes; // so far, those that we caused among them
};

struct link_pair {
	struct link_side sides[2];
	int held; // index of the side that is held down, -1: none
	uint64_t turn_ms; // when the next may be held, or this one released
};

enum link_step {
	LINK_KEEP,
	LINK_HOLD, // take pair->held down
	LINK_RELEASE, // let the side up that pair->held was
};

// Sides as they are when the ports have just started, once more perhaps: what is counted goes on.
void link_start(struct link_pair *pair, bool is_up, bool is_other_up, uint64_t now_ms);
// What a side shows now. Every 100 ms or so.
void link_see(struct link_pair *pair, unsigned side, bool is_up, uint64_t now_ms);
// What is to be done, to `side` unless it is LINK_KEEP; then it counts as done.
enum link_step link_decide(struct link_pair *pair, uint64_t now_ms, unsigned *side);
// It cannot be done: the side is never held again.
void link_refused(struct link_pair *pair, unsigned side);

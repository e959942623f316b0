// SPDX-License-Identifier: BSD-3-Clause
// Whether the workers still poll. Each publishes its counters a thousand times a second, and that is
// its heartbeat; one that is silent for longer than HEALTH_STALLED_MS is told to the log and the service manager, and
// again when it polls on. So is one that is overloaded.
//
// Thread: the manager.
#pragma once

#include "shared.h"

enum {
	WATCH_LOOK_MS = 200, // longest time between two looks that counts: else we were held up
	WATCH_READ_MS = 1000, // between two looks at what was counted
	WATCH_CALM_MS = 10000, // without overload, until the log says that it is over
};

struct watch;

// NULL with errno ENOMEM. Free with watch_free().
struct watch *watch_create(const struct shared *shared);
void watch_free(struct watch *watch);

// Looks at every worker. Every 100 ms or so; `now_ms`, of any clock that never goes back.
void watch_look(struct watch *watch, uint64_t now_ms);

// As of the last look: whether every worker has polled, and none is silent for too long.
bool watch_all_poll(const struct watch *watch);
// How long the worker has been silent, in milliseconds; less than WATCH_LOOK_MS means nothing.
uint64_t watch_silent_ms(const struct watch *watch, unsigned worker);
// How often it was silent for too long.
uint64_t watch_stalls(const struct watch *watch, unsigned worker);

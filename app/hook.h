// SPDX-License-Identifier: BSD-3-Clause
// The site's own commands for bypass switches and the like: hooks.ready when every port has link and
// every worker polls, hooks.degraded when that is no longer so, hooks.stopping before the end.
//
// A shell runs them, one at a time and never on a worker's CPU, with WIRETAG_EVENT and, a line each,
// what is the matter in WIRETAG_REASON; what runs for longer than hooks.timeout is killed. What was
// true only while another command ran is not told.
//
// Thread: the manager.
#pragma once

#include "options.h"
#include "snapshot.h"

struct hooks;

// `source` is copied and asked whether all is well. NULL with errno ENOMEM. Free with hooks_free().
struct hooks *hooks_create(const struct options *options, const struct snapshot_source *source);
// What still runs is killed.
void hooks_free(struct hooks *hooks);

// Looks whether all is well, and runs what is due; waits for nothing. Every 100 ms or so; `now_ms`
// must not run backwards.
void hooks_run(struct hooks *hooks, uint64_t now_ms);
// From the first call on only hooks.stopping is run, once whatever still runs has ended. True when
// that is over, which takes two times hooks.timeout at most.
bool hooks_stop(struct hooks *hooks, uint64_t now_ms);

// How they ended so far, into `snapshot`.
void hooks_gather(const struct hooks *hooks, struct snapshot *snapshot);

// SPDX-License-Identifier: BSD-3-Clause
// A new configuration while packets are forwarded: a thread of its own reads and compiles the
// files, the result is published to the workers at once, and the one before is freed when no worker
// uses it any more. A file with a mistake changes nothing.
//
// Flows keep their application, by number; what happens to their packets is the new policy's at
// once, and rules that are new look at flows that begin or are still inspected.
//
// Thread: the manager; nothing here waits but reload_free().
#pragma once

#include "options.h"
#include "shared.h"

struct reload;

// How the last one ended.
struct reload_state {
	uint64_t ended; // reloads so far; the number of the last one
	bool is_good; // it is in force; true before the first
	uint64_t good_ns; // since the epoch, when what is in force was published
	struct complaints complaints; // of the last one
};

// `options` are what the program started with: what a reload cannot change is compared with them.
// `patterns` were compiled for what is in force; NULL: each reload compiles all of them. NULL with
// errno ENOMEM. Free with reload_free().
struct reload *reload_create(
		const struct options *options, struct shared *shared, struct scan_cache *patterns);
// After the workers have ended. A thread that compiles cannot be interrupted: it is waited for, two
// seconds at most, then false, and what it uses (options, patterns, the reload itself) stays its own.
// Leaves the policy that is in force to the caller.
bool reload_free(struct reload *reload);

// Asks for a reload. Returns its number: when so many have ended, all workers follow the files as
// they were after this call, or the files are at fault.
uint64_t reload_ask(struct reload *reload);

// Goes on with what is under way. Every 100 ms or so.
void reload_run(struct reload *reload);

const struct reload_state *reload_state(const struct reload *reload);

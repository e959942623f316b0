// SPDX-License-Identifier: BSD-3-Clause
// Rules and what happens to the applications that they name: one immutable whole.
//
// Thread: the manager creates, publishes and, after all workers have let go, frees. A worker uses
// the policy that it loaded at the start of a round, with its own scratch of that policy.
#pragma once

#include "action.h"
#include "rules.h"

#include <stdatomic.h>

// What one worker writes while it uses one policy.
struct policy_worker {
	struct scan_scratch *scratch;
	_Atomic uint64_t *rule_matches; // [rules_count()]; the worker writes, anyone reads
};

struct policy {
	struct rules *rules;
	struct action actions[APP_MAX]; // by application
	bool is_tap; // they are counted, not taken; the creator sets it
	unsigned worker_count;
	struct policy_worker *workers; // [worker_count]
};

// Takes over `rules`, compiled; every application is forwarded. NULL with errno ENOMEM, and then
// `rules` is freed too. Free with policy_free().
struct policy *policy_create(struct rules *rules, unsigned worker_count);
void policy_free(struct policy *policy);

// Reads a `policy:` map (application: forward | drop | {tag: {dscp, vlan, pcp}}, `default` for all
// applications that it does not name). Complains about everything that is wrong, including
// applications that no rule names. What belongs to no application is always forwarded.
void policy_read(struct policy *policy, const struct yaml_node *map, struct complaints *complaints);

// SPDX-License-Identifier: BSD-3-Clause
// Rules and what happens to the applications that they name: one immutable whole, but for what the
// workers count in it.
//
// Thread: the manager creates, publishes and, after all workers have let go, frees. A worker uses
// the policy that it loaded at the start of a round, with its own scratch of that policy.
#pragma once

#include "action.h"
#include "meter.h"
#include "rules.h"

#include <stdatomic.h>

enum mode {
	MODE_INLINE,
	MODE_TAP, // what the policy says is counted, not done
	MODE_MONITOR, // likewise, and nothing is forwarded
};

// What one worker writes while it uses one policy.
struct policy_worker {
	struct scan_scratch *scratch;
	_Atomic uint64_t *rule_matches; // [rules_count()]; the worker writes, anyone reads
};

enum {
	POLICY_DIGEST_BYTES = 64 + 1 // a SHA-256 in hexadecimal
};

struct policy {
	struct rules *rules;
	struct action actions[APP_MAX]; // by application
	struct meter meters[APP_MAX]; // of ACTION_POLICE; all workers write
	uint8_t mode; // enum mode, the creator sets it, as the next one
	bool sheds; // under overload
	bool sheds_files; // also what comes from a device that waits until it is asked
	uint32_t closed; // 1 << enum reason: packets not to forward though nothing is known of them
	char digest[POLICY_DIGEST_BYTES]; // of the configuration that it comes from, likewise
	unsigned worker_count;
	struct policy_worker *workers; // [worker_count]
};

// Takes over `rules`, compiled; every application is forwarded. NULL with errno ENOMEM, and then
// `rules` is freed too. Free with policy_free().
struct policy *policy_create(struct rules *rules, unsigned worker_count);
void policy_free(struct policy *policy);

// Reads a `policy:` map (application: forward | drop | {tag: {dscp, vlan, pcp}} | {police: RATE},
// `default` for all applications that it does not name, each with a rate of its own). Complains about everything that is wrong, including
// applications that no rule names. What belongs to no application is always forwarded.
void policy_read(struct policy *policy, const struct yaml_node *map, struct complaints *complaints);

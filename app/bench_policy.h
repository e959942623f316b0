// SPDX-License-Identifier: BSD-3-Clause
// The shipped rules and defaults, with rules for the traffic of `wiretag bench` beside them.
#pragma once

#include "options.h"

struct bench_policy {
	struct options *options; // all defaults
	struct policy *policy;
};

struct bench_policy_config {
	const char *rules; // directory of the shipped ones; NULL: where they are
	unsigned hosts; // rules for hosts of requests
	const char *action; // what happens to the benchmark's datagrams, as in a policy
	unsigned workers;
};

// False after complaints on standard error. Free with bench_policy_fini() after success and failure
// alike.
bool bench_policy_init(struct bench_policy *policy, const struct bench_policy_config *config);
void bench_policy_fini(struct bench_policy *policy);

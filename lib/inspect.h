// SPDX-License-Identifier: BSD-3-Clause
// From payload to verdict: detectors and rules look at a flow until its verdict is final or its
// budget is spent, and tell the manager what they saw.
#pragma once

struct burst;
struct path;

// Inspects the packets whose flow still wants it; gives those among `open` whose flow does not
// REASON_PAST, and all of them the flow's newest `app`.
void inspect_burst(struct path *path, struct burst *burst);

// SPDX-License-Identifier: BSD-3-Clause
// What flows take over from what the manager published of their ends and of themselves.
//
// A datagram flow takes over from a Skype port only while all its datagrams have the form of Skype's
// (FLOW_CANDIDATE), so that a port which something else uses again is not swallowed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct flow;
struct path;
struct verdict;

// Adds to `verdict` what is published now; `is_over`: the flow's last chance, so also what is too weak
// or too slow to ask for while it lasts. False when some of it could not be read just now.
bool inherit(const struct path *path, const struct flow *flow, bool is_over,
		struct verdict *verdict);

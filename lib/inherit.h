// SPDX-License-Identifier: BSD-3-Clause
// What flows take over from what the manager published of their ends and of themselves.
//
// A datagram flow takes over from a Skype port only while all its datagrams have the form of Skype's
// (FLOW_CANDIDATE), so that a port which something else uses again is not swallowed.
#pragma once

#include "verdict.h"

#include <stdbool.h>

struct flow;
struct path;

// What a flow takes over.
struct inheritance {
	struct verdict verdict; // of the flow; what is published is added to it
	bool is_whole; // false when some of it could not be read just now
	bool is_skype_client; // a TCP flow whose initiator is known to run Skype
};

// Adds what is published now; `is_over`: the flow's last chance, so also what is too weak or too slow
// to ask for while it lasts.
void inherit(const struct path *path, const struct flow *flow, bool is_over,
		struct inheritance *inheritance);

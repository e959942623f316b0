// SPDX-License-Identifier: BSD-3-Clause
// Whether the appliance carries traffic, and if not, why.
#pragma once

#include "snapshot.h"

enum {
	HEALTH_STALLED_MS =
			700, // a worker that did not poll for longer hangs: seen within a second
	HEALTH_LINES_MAX = SNAPSHOT_PORTS_MAX + SNAPSHOT_WORKERS_MAX + 2,
	HEALTH_LINE_BYTES = SNAPSHOT_NAME_BYTES + 64,
};

enum health_condition {
	HEALTH_STARTING, // no port or no worker yet
	HEALTH_PORT_STOPPED,
	HEALTH_PORT_DOWN, // no link
	HEALTH_WORKER_STALLED,
	HEALTH_RELOAD_FAILED, // an older configuration is in force; traffic is carried
	HEALTH_COUNT,
};

struct health {
	bool is_ready;
	bool conditions[HEALTH_COUNT];
	unsigned line_count;
	char lines[HEALTH_LINES_MAX][HEALTH_LINE_BYTES]; // one condition of one thing, for people
};

void health_check(const struct snapshot *snapshot, struct health *health);
const char *health_label(enum health_condition condition); // "port-down"

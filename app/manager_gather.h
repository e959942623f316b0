// SPDX-License-Identifier: BSD-3-Clause
// All numbers of one moment, as the manager has them.
#pragma once

#include "manager.h"
#include "snapshot.h"

struct hooks;
struct host_table;
struct reload;
struct watch;

struct gather {
	const struct manager_config *config;
	const struct host_table *hosts;
	const struct reload *reload;
	const struct watch *watch;
	const struct exporter *exporter; // NULL: no events
	const struct hooks *hooks;
	uint64_t start_ns;
};

// For struct snapshot_source, with a struct gather as context.
void manager_gather(void *gather, struct snapshot *snapshot);

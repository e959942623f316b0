// SPDX-License-Identifier: BSD-3-Clause
// What the control socket answers. Names of commands and fields are an interface: wiretagctl and
// scripts rely on them.
//
// Thread: the manager.
#pragma once

#include "options.h"
#include "reload.h"
#include "shared.h"
#include "snapshot.h"

#include <jansson.h>

struct history;
struct host;
struct exporter;
struct host_table;

// Where answers come from.
struct control_source {
	struct snapshot_source snapshot;
	const struct host_table *hosts;
	struct reload *reload;
	struct exporter *exporter; // NULL: no events
	const struct shared *shared;
	const struct options *options;
	const struct history *history;
};

struct answer {
	bool is_good;
	json_t *message; // the caller's; NULL when memory ran out
	uint64_t reload; // answer_reload() will tell, when so many have ended; 0: this is all
};

// `snapshot` is room to gather into.
void answer_request(const struct control_source *source, struct snapshot *snapshot,
		const json_t *request, struct answer *answer);
// How the last reload ended.
void answer_reload(const struct control_source *source, struct answer *answer);

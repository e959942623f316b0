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
	struct shared *shared;
	const struct options *options;
	const struct history *history;
};

struct answer {
	bool is_good;
	json_t *message; // the caller's; NULL when memory ran out
	bool is_busy; // of one that is not good: the same request may get a better one soon
	bool is_capture; // the answer to a good one goes on with a pcapng file
	unsigned inquiry; // answer_inquiry() will tell, about this number; 0: this is all
	uint64_t reload; // answer_reload() will tell, when so many have ended; 0: this is all
};

// `snapshot` is room to gather into.
void answer_request(const struct control_source *source, struct snapshot *snapshot,
		const json_t *request, struct answer *answer);
// An address as people write it. False when it is none, or NULL.
bool answer_address(const char *text, uint8_t address[16], bool *is_ip4);
// The number of an application that has one. False when none is called so, or for NULL.
bool answer_app(const char *name, uint8_t *app);
// The page of flows that a worker was asked for; false: it is not complete yet.
bool answer_inquiry(const struct control_source *source, unsigned inquiry, struct answer *answer);
// Nobody waits for it any more, or never did (0).
void answer_forget(const struct control_source *source, unsigned inquiry);
// How the last reload ended.
void answer_reload(const struct control_source *source, struct answer *answer);

// SPDX-License-Identifier: BSD-3-Clause
// What `wiretag read` found, for people: 80 columns, numbers that can be checked.
//
// One section after the other, so that nothing is kept but the totals.
#pragma once

#include "event.h"
#include "flow.h"
#include "host/call.h"
#include "host/host.h"

#include <stdbool.h>
#include <stdio.h>

// A capture that was read, or the part of it that could be.
struct summary_capture {
	const char *path;
	uint64_t before; // packets of the captures before it
	uint64_t packets, bytes;
	uint64_t first_ns, last_ns;
	bool is_broken;
};

struct summary_share {
	uint64_t flows, packets, bytes;
};

struct summary {
	struct summary_capture *captures;
	unsigned capture_count;
	unsigned host_count; // shown so far
	unsigned weak_count; // hosts that were not, for want of better than weak evidence
	bool shows_weak; // them, too
	struct call *calls; // [call_count], in the order of their ends; the owner frees them
	unsigned call_count;
	unsigned calls_left_out; // for which there was no room
	struct summary_share apps[APP_MAX];
	bool is_bold; // headings, on a terminal
};

// What was read, when all of it was.
void summary_captures(FILE *stream, const struct summary *summary);
// Keeps a call for its host, which comes later.
void summary_call(struct summary *summary, const struct call *call);
// What a host runs and why; counts it only when all evidence is weak.
void summary_host(FILE *stream, struct summary *summary, const struct host *host);
// Adds a flow to the table of applications.
void summary_flow(struct summary *summary, const struct flow_record *record);
// Applications and what became of the packets, after the last flow and the last host.
void summary_totals(FILE *stream, const struct summary *summary, const struct event_stats *stats);

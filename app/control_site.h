// SPDX-License-Identifier: BSD-3-Clause
// The status page: its files, and its questions as /api/summary.json and /api/host/IP.
//
// Thread: the manager's.
#pragma once

#include "control_answer.h"
#include "http.h"

struct site;

// Reads the files, so that a page never waits for a disk. `source` is copied. NULL with errno after
// a log line when they are not there: everything else is served without them. Free with
// site_close().
struct site *site_open(const struct control_source *source);
void site_close(struct site *site);

// For http_delegate(), with the site as context.
http_delegate_answer site_answer;

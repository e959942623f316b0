// SPDX-License-Identifier: BSD-3-Clause
// wiretagctl top: what goes on, second by second.
#pragma once

#include "request.h"

// Until q, SIGINT, SIGTERM or `count` times. The exit status.
int top_run(const struct request *request);

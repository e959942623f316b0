// SPDX-License-Identifier: BSD-3-Clause
// wiretagctl capture: packets of a running wiretag in a file.
#pragma once

#include "request.h"

// Until SIGINT, SIGTERM, a limit, or the end of wiretag. The exit status.
int save_run(const struct request *request);

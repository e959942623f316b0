// SPDX-License-Identifier: BSD-3-Clause
// What the kernel tells of this process and of the machine's huge pages.
#pragma once

#include "snapshot.h"

// Fills `process` and `nodes` from /proc and /sys; what cannot be read stays as it was. Some tens of
// microseconds.
void process_gather(struct snapshot *snapshot);

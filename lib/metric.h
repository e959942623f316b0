// SPDX-License-Identifier: BSD-3-Clause
// A snapshot as Prometheus text, format 0.0.4, or as OpenMetrics text 1.0.0.
//
// What is shown is the list in metrics.def: a metric is one line there, its samples one
// uninterrupted group. No label can be grown by traffic.
#pragma once

#include "snapshot.h"
#include "text.h"

// Appends the whole page. 0 or -ENOMEM.
int metrics_write(struct text *text, const struct snapshot *snapshot);
int metrics_write_open(struct text *text, const struct snapshot *snapshot);

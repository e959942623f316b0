// SPDX-License-Identifier: BSD-3-Clause
// The thread that writes event records: flows from the workers' rings, all else from the manager's.
//
// However slow a disk or a reader is, nobody else waits for it: a full ring loses records and counts
// them. Several sinks get the same records; a reader that stalls stalls no other sink, a disk that
// hangs does.
//
// Thread: the manager calls; the last two from any thread.
#pragma once

#include "options.h"
#include "shared.h"
#include "snapshot.h"

struct exporter;

// NULL after a message. Free with export_close().
struct exporter *export_open(const struct options *options, struct shared *shared);
// Writes what is in the rings, for a few seconds at most. Once no worker runs.
void export_close(struct exporter *exporter);

// Where the manager writes records that are no flows, whole lines. NULL when memory is short, and
// then the record is counted as lost.
FILE *export_stream(struct exporter *exporter);
// Hands over what was written since.
void export_push(struct exporter *exporter);
// The end is near: waits until the thread has taken what the workers told, so that what is pushed
// later comes behind it in every sink. From now on a push waits for room. Some seconds at most, of
// all waiting together. Once no worker runs.
void export_settle(struct exporter *exporter);

// Has files opened anew by their names, soon.
void export_reopen(struct exporter *exporter);

// Records that found no room in a ring.
uint64_t export_lost(const struct exporter *exporter);
void export_gather(const struct exporter *exporter, struct snapshot *snapshot);

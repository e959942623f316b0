// SPDX-License-Identifier: BSD-3-Clause
// One capture at a time: has the workers copy packets, and makes a pcapng file of them.
//
// Thread: the manager's.
#pragma once

#include "control_answer.h"

struct recorder;

// `source` is copied. NULL with errno ENOMEM. Free with recorder_free(), when no worker runs.
struct recorder *recorder_create(const struct control_source *source);
void recorder_free(struct recorder *recorder);

// Begins as the arguments say ({"ip", "flow", "app", "packets", "seconds"}; all may be missing).
// False: `why` is what is wrong.
bool recorder_start(struct recorder *recorder, const json_t *arguments, const char **why);
// What of the file there is by now, at most `room` bytes, of which it needs RECORDER_BYTES_MIN;
// 0: nothing just now, or nothing ever more.
enum {
	RECORDER_BYTES_MIN = 4096
};
size_t recorder_take(struct recorder *recorder, uint8_t *out, size_t room);
// True once recorder_take() has given all of the file, and before anything is started.
bool recorder_is_done(const struct recorder *recorder);
// No more packets: what was copied so far, and the end of the file, can still be taken.
void recorder_stop(struct recorder *recorder);
// Nobody will take it.
void recorder_abandon(struct recorder *recorder);
// About every 100 ms: looks at the limits, and frees what no worker uses any more.
void recorder_run(struct recorder *recorder);

// SPDX-License-Identifier: BSD-3-Clause
// The control socket: questions and orders as lines of JSON over a unix stream socket, in
// Suricata's envelope: {"command": "status", "arguments": {...}} is answered by
// {"return": "OK", "message": ...}, or by "NOK" and what is wrong.
//
// Thread: the manager's; control_run() never waits. A client that is slow or silent costs one of a
// few places for some seconds and delays nobody.
#pragma once

#include "control_answer.h"

struct control;

// Listens at `path`, mode 0660; NULL: where clients look first, which is $RUNTIME_DIRECTORY,
// /run/wiretag for root, or $XDG_RUNTIME_DIR/wiretag. `source` is copied. NULL with errno after a
// log line that says what to do. Free with control_close().
struct control *control_open(const char *path, const struct control_source *source);
void control_close(struct control *control);

const char *control_path(const struct control *control);
// Readable when there is work for control_run(). An epoll descriptor: it can be polled itself.
int control_fd(const struct control *control);
// Does what there is to do. Call it when control_fd() is readable and also every 100 ms or so:
// those who wait for a reload get their answer here, and silent clients are given up.
void control_run(struct control *control);

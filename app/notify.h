// SPDX-License-Identifier: BSD-3-Clause
// Tells the service manager how we are, by the protocol of sd_notify(3): a datagram to
// $NOTIFY_SOCKET; nothing without one.
//
// Thread: the manager. Sending never waits.
#pragma once

// "READY=1", "STOPPING=1", "WATCHDOG=1".
void notify_send(const char *state);

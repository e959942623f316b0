// SPDX-License-Identifier: BSD-3-Clause
// Why a flow ended.
#pragma once

enum flow_end_reason {
	FLOW_END_IDLE, // no packet for the time that its state allows
	FLOW_END_CLOSED, // TCP: both sides closed, or reset
	FLOW_END_REUSED, // TCP: a new handshake on the same key after the end of the old
	FLOW_END_EVICTED, // the table was full
	FLOW_END_STOPPED, // the capture or the program ended
	FLOW_END_COUNT,
};

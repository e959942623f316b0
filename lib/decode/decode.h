// SPDX-License-Identifier: BSD-3-Clause
// Bytes to payload: what a frame is, whose flow it belongs to, where its payload starts.
//
// Pure: reads the frame, writes the packet's record and key, keeps no state. Nothing is read past
// `length`; what cannot be decoded gets a reason and is forwarded like everything else.
#pragma once

#include "packet.h"

// Fills the second group of every packet's record and its key; sets `reason` to REASON_INSPECTED
// where a later stage may look at the payload, else to why it may not:
//   NOT_IP, MALFORMED, DEPTH     protocol is PROTOCOL_NONE, no key: the packet belongs to no flow
//   FRAGMENT, NO_TRANSPORT       key without ports: belongs to a flow, carries no payload for us
//   NO_PAYLOAD                   key with ports, nothing behind the transport header
// `packet->flow` becomes NULL. PACKET_TO_SECOND is set when the sender is ends[1].
void decode_burst(struct burst *burst);

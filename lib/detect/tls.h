// SPDX-License-Identifier: BSD-3-Clause
// The ClientHello, for whatever carries one.
#pragma once

#include "detect/detect.h"

// Reads the first `length` bytes of a handshake that comes without records, as QUIC's does, and adds
// the server name that it asks for as a value of `buffer`. MATCH_MORE: the name may be further on.
enum match tls_read_hello(
		const uint8_t *data, size_t length, enum buffer buffer, struct findings *findings);
// Looks for the server name's extension (RFC 6066 section 3) somewhere in the middle of a hello: by
// its type, and three lengths that must agree. True when a name was added.
bool tls_find_name(
		const uint8_t *data, size_t length, enum buffer buffer, struct findings *findings);

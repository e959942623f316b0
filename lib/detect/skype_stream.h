// SPDX-License-Identifier: BSD-3-Clause
// The first bytes of Skype's TCP connections (2003 to 2017), and what they prove without any key.
//
// Pure functions over the first bytes of one direction, in order, from the stream's start. Each
// direction stands for itself. All of them are decided by SKYPE_STREAM_BYTES.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SKYPE_STREAM_BYTES = 128, // none looks further
	SKYPE_SEED_BYTES = 4, // in clear, then a header of ten bytes under the key stream
	SKYPE_EXCHANGE_BYTES = 48, // of a key exchange, in front of its padding
};

// The padding generator: the low byte of x * 69069 + 17009, from one byte to the next.
static inline bool skype_pads(uint8_t byte, uint8_t next)
{
	return next == (uint8_t)(205 * byte + 113);
}

// False when none of the proofs below can hold: one comparison for each of them, so that others'
// connections cost next to nothing.
static inline bool skype_stream_may_prove(const uint8_t *data, size_t length)
{
	if (length < 19)
		return true;
	if (data[0] == 0x80 || data[0] == 0x16 || data[0] == 0x17) // T1 to T4
		return true;
	return skype_pads(data[6] ^ data[16], data[7] ^ data[17]) || // T5
			(data[8] ^ data[18]) == 0xf2 || // T6
			(length > SKYPE_EXCHANGE_BYTES + 1 &&
					skype_pads(data[SKYPE_EXCHANGE_BYTES],
							data[SKYPE_EXCHANGE_BYTES + 1])); // T7
}

// T1. The client's fake TLS hello: 56 constant bytes, then 16 bytes of the padding generator where a
// hello has random ones (120 bits).
bool skype_is_fake_hello(const uint8_t *data, size_t length);

// T2. A super node's answer to it: 79 constant bytes.
bool skype_is_fake_answer(const uint8_t *data, size_t length);

// T3. The login servers' greeting, an empty TLS handshake record, and the servers' answer, an empty
// application data record before any handshake (RFC 2246 6.2.1 knows neither). The pair proves.
bool skype_is_login_greeting(const uint8_t *data, size_t length);
bool skype_is_login_answer(const uint8_t *data, size_t length);

// T4. What the client sends after the greeting: 15 constant bytes in 2006, 8 of them in 2015.
bool skype_is_login_request(const uint8_t *data, size_t length);

// T5. The RC4 key stream is used twice, for a header of which seven bytes are known and for padding
// that obeys the generator (48 bits), at the start or behind the fake hello or its answer.
bool skype_reuses_key_stream(const uint8_t *data, size_t length);

// T6. The same for the oldest clients, which do not pad: the first message is a node's greeting whose
// number stands in it twice (40 bits).
bool skype_reuses_key_stream_unpadded(const uint8_t *data, size_t length);

// T7. A key exchange value of 48 bytes and then padding in clear: at least five bytes that obey the
// generator (32 bits), since about 2010.
bool skype_pads_key_exchange(const uint8_t *data, size_t length);

// The same with three or four bytes of padding (16 or 24 bits): with a client that runs Skype, enough.
// True of no more than those 51 or 52 bytes, since more would have to be padding, too.
bool skype_pads_key_exchange_briefly(const uint8_t *data, size_t length);

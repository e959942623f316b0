// SPDX-License-Identifier: BSD-3-Clause
// A rate that all workers together keep to: a token bucket as one moment in time, that at which the
// bucket will be full again (the virtual scheduling algorithm, ITU-T I.371 annex A).
//
// Thread: any worker, at any time; one of a few tries that collide lets its packet pass.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct meter {
	_Atomic uint64_t full_at; // 2^-8 ns since the epoch, modulo 2^64
	uint64_t burst; // as time, 2^-8 ns: 50 ms, or two jumbo frames where that is more
	uint64_t per_byte; // 2^-16 ns
};

// For 8,000 .. 10^12 bits of whole frames a second, with a full bucket.
void meter_init(struct meter *meter, uint64_t bits_per_s);

// Packet path: whether these bytes are within the rate; takes them from the bucket if so.
bool meter_pass(struct meter *meter, uint64_t now_ns, uint32_t bytes);

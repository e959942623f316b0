// SPDX-License-Identifier: BSD-3-Clause
#include "meter.h"

enum {
	TIME_SHIFT = 8, // a byte at 1 Tbit/s takes 8 ps
	COST_SHIFT = 8, // further
	TRIES = 4,
	BURST_MS = 50,
	BURST_BYTES_MIN = 2 * 9216,
	PACKET_BYTES_MAX = 65536,
};

static uint64_t cost(const struct meter *meter, uint32_t bytes)
{
	return bytes * meter->per_byte >> COST_SHIFT;
}

void meter_init(struct meter *meter, uint64_t bits_per_s)
{
	uint64_t least;

	atomic_store_explicit(&meter->full_at, 0, memory_order_relaxed);
	meter->per_byte = (UINT64_C(8000000000) << (TIME_SHIFT + COST_SHIFT)) / bits_per_s;
	meter->burst = UINT64_C(1000000) * BURST_MS << TIME_SHIFT;
	least = cost(meter, BURST_BYTES_MIN);
	if (meter->burst < least)
		meter->burst = least;
}

bool meter_pass(struct meter *meter, uint64_t now_ns, uint32_t bytes)
{
	const uint64_t now = now_ns << TIME_SHIFT;
	uint64_t full_at = atomic_load_explicit(&meter->full_at, memory_order_relaxed);

	for (int i = 0; i < TRIES; i++) {
		uint64_t wait = full_at - now;

		// In the past, or so far ahead that the clock was set back: the bucket is full.
		if (wait > meter->burst + cost(meter, PACKET_BYTES_MAX))
			wait = 0;
		if (wait > meter->burst)
			return false;
		if (atomic_compare_exchange_weak_explicit(&meter->full_at, &full_at,
				    now + wait + cost(meter, bytes), memory_order_relaxed,
				    memory_order_relaxed))
			return true;
	}
	return true;
}

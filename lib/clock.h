// SPDX-License-Identifier: BSD-3-Clause
// The clocks, each a system call at worst: not on the packet's path, which has timebase_ns().
#pragma once

#include <stdint.h>
#include <time.h>

// Since any moment in the past; never runs backwards.
static inline uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

static inline uint64_t clock_ms(void)
{
	return clock_ns() / 1000000;
}

// Since the epoch; may be set.
static inline uint64_t clock_wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

// SPDX-License-Identifier: BSD-3-Clause
// All that manager and workers share, and who writes it.
#pragma once

#include "counters.h"
#include "policy.h"

#include <rte_rcu_qsbr.h>
#include <rte_ring_elem.h>

struct inquiry;
struct sniff;

// Wall-clock time from the TSC, so that workers need no system call for it.
struct timebase {
	atomic_uint sequence; // odd while the manager writes
	_Atomic uint64_t tsc, ns; // the same moment
	uint64_t ns_per_tsc; // times 2^32; fixed
};

// What one worker tells. Whatever a worker writes lies in cache lines that no other worker reads.
struct channel {
	alignas(64) struct counters_public *counters; // worker writes, manager reads
	struct rte_ring *evidence; // of struct evidence; worker pushes, manager pulls
	struct rte_ring *records; // of struct flow_record; exporter pulls; NULL: nobody wants them
	struct inquiry *inquiry; // about flows; it says who may touch it
	_Atomic uint64_t records_lost; // worker writes, others read; the ring was full
	atomic_bool is_done; // worker writes: its last word is in the rings
};
static_assert(alignof(struct channel) == 64, "no two workers write into the same cache line");
static_assert(alignof(struct counters_public) == 64 && alignof(struct rte_rcu_qsbr_cnt) >= 64,
		"the same of what they publish");

struct direction {
	uint16_t from, to; // DPDK's numbers of ports
	uint64_t own[2]; // their addresses, as for struct path
	bool waits; // `from` loses nothing that is not fetched: a file, or nothing at all
	atomic_bool is_halted; // manager writes, workers read: the ports are not to be touched
};

struct shared {
	atomic_bool stop; // manager writes, workers read
	_Atomic(struct policy *) policy; // manager publishes; immutable once published
	_Atomic(struct sniff *) sniff; // manager publishes; NULL: nobody captures packets
	struct rte_rcu_qsbr *readers; // workers report by their index, manager waits
	struct timebase time; // manager writes, workers read
	struct published *published; // of hosts: manager writes, workers read

	// Fixed before the first worker starts.
	unsigned worker_count;
	unsigned direction_count;
	struct direction directions[DIRECTIONS_MAX]; // 2 * pair: from inside; + 1: from outside
	struct channel *channels; // [worker_count]
};

// For `worker_count` workers that learn of `hosts` hosts, with rings for flow records if `has_records`.
// NULL with errno ENOMEM.
struct shared *shared_create(unsigned worker_count, uint32_t hosts, bool has_records);
void shared_free(struct shared *shared);

// Manager: makes `time` agree with the system's clock. About once a second.
void timebase_set(struct timebase *time);

// A worker's own copy of the time base.
struct timebase_copy {
	unsigned sequence;
	uint64_t tsc, ns, ns_per_tsc;
};

// Worker: looks whether there is a newer time base; keeps its own while the manager writes.
static inline void timebase_follow(struct timebase_copy *copy, const struct timebase *time)
{
	unsigned sequence = atomic_load_explicit(&time->sequence, memory_order_acquire);
	uint64_t tsc, ns;

	if (sequence == copy->sequence || (sequence & 1) != 0)
		return;
	tsc = atomic_load_explicit(&time->tsc, memory_order_relaxed);
	ns = atomic_load_explicit(&time->ns, memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&time->sequence, memory_order_relaxed) != sequence)
		return;
	*copy = (struct timebase_copy){ sequence, tsc, ns, time->ns_per_tsc };
}

// Nanoseconds since the epoch at `tsc`, which may be a little older than the base.
static inline uint64_t timebase_ns(const struct timebase_copy *copy, uint64_t tsc)
{
	__int128 elapsed = (int64_t)(tsc - copy->tsc);

	return copy->ns + (uint64_t)((elapsed * copy->ns_per_tsc) >> 32);
}

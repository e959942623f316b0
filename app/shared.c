// SPDX-License-Identifier: BSD-3-Clause
#include "shared.h"

#include "evidence.h"
#include "fail.h"
#include "flow.h"
#include "host/published.h"
#include "inquiry.h"
#include "memory.h"

#include <rte_cycles.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	EVIDENCE_RING = 16384, // records that wait for the manager's next round
	RECORD_RING = 16384,
	PUBLISHED_PER_HOST = 4, // itself, its port, flows of its own
};

void timebase_set(struct timebase *time)
{
	unsigned sequence = atomic_load_explicit(&time->sequence, memory_order_relaxed);
	struct timespec now;
	uint64_t tsc;

	tsc = rte_rdtsc();
	clock_gettime(CLOCK_REALTIME, &now);
	if (time->ns_per_tsc == 0)
		time->ns_per_tsc = (uint64_t)(((unsigned __int128)1000000000 << 32) /
				rte_get_tsc_hz());
	atomic_store_explicit(&time->sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&time->tsc, tsc, memory_order_relaxed);
	atomic_store_explicit(&time->ns, now.tv_sec * UINT64_C(1000000000) + now.tv_nsec,
			memory_order_relaxed);
	atomic_store_explicit(&time->sequence, sequence + 2, memory_order_release);
}

// Outside of DPDK's memory: only the two threads of this process use it.
static struct rte_ring *ring_create(const char *name, unsigned element_bytes, unsigned count)
{
	struct rte_ring *ring = memory_alloc(rte_ring_get_memsize_elem(element_bytes, count), -1);

	if (ring != NULL)
		rte_ring_init(ring, name, count, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return ring;
}

static void ring_free(struct rte_ring *ring, unsigned element_bytes, unsigned count)
{
	memory_free(ring, rte_ring_get_memsize_elem(element_bytes, count));
}

static int channel_init(struct channel *channel, bool has_records)
{
	channel->counters = memory_alloc(sizeof(*channel->counters), -1);
	channel->evidence = ring_create("evidence", sizeof(struct evidence), EVIDENCE_RING);
	if (has_records)
		channel->records = ring_create("records", sizeof(struct flow_record), RECORD_RING);
	channel->inquiry = memory_alloc(sizeof(*channel->inquiry), -1);
	if (channel->counters == NULL || channel->evidence == NULL || channel->inquiry == NULL ||
			(has_records && channel->records == NULL))
		return fail(ENOMEM);
	return 0;
}

static struct rte_rcu_qsbr *readers_create(unsigned count)
{
	struct rte_rcu_qsbr *readers;

	readers = aligned_alloc(RTE_CACHE_LINE_SIZE,
			RTE_ALIGN(rte_rcu_qsbr_get_memsize(count), RTE_CACHE_LINE_SIZE));
	if (readers != NULL)
		rte_rcu_qsbr_init(readers, count);
	return readers;
}

static struct channel *channels_create(unsigned count)
{
	struct channel *channels =
			aligned_alloc(alignof(struct channel), count * sizeof(*channels));

	if (channels != NULL)
		memset(channels, 0, count * sizeof(*channels));
	return channels;
}

struct shared *shared_create(unsigned worker_count, uint32_t hosts, bool has_records)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	if (shared == NULL)
		return fail_null(ENOMEM);
	shared->readers = readers_create(worker_count);
	shared->channels = channels_create(worker_count);
	shared->published = published_create(PUBLISHED_PER_HOST * hosts);
	if (shared->readers == NULL || shared->channels == NULL || shared->published == NULL)
		goto err_shared;
	for (; shared->worker_count < worker_count; shared->worker_count++) {
		if (channel_init(&shared->channels[shared->worker_count], has_records) < 0) {
			shared->worker_count++;
			goto err_shared;
		}
	}
	timebase_set(&shared->time);
	return shared;

err_shared:
	shared_free(shared);
	return fail_null(ENOMEM);
}

void shared_free(struct shared *shared)
{
	if (shared == NULL)
		return;
	for (unsigned i = 0; i < shared->worker_count; i++) {
		struct channel *channel = &shared->channels[i];

		memory_free(channel->counters, sizeof(*channel->counters));
		memory_free(channel->inquiry, sizeof(*channel->inquiry));
		ring_free(channel->evidence, sizeof(struct evidence), EVIDENCE_RING);
		ring_free(channel->records, sizeof(struct flow_record), RECORD_RING);
	}
	published_free(shared->published);
	free(shared->channels);
	free(shared->readers);
	free(shared);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "sniff.h"

#include "fail.h"
#include "memory.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

enum {
	RING_BYTES = 4 << 20, // a power of two
	RECORD_ALIGN = 16,
};

// Positions count bytes and only grow; modulo RING_BYTES they are places.
struct ring {
	alignas(64) _Atomic uint64_t head; // worker writes
	_Atomic uint64_t lost; // worker writes
	alignas(64) _Atomic uint64_t tail; // manager writes
	alignas(64) uint8_t data[RING_BYTES];
};

struct sniff {
	struct sniff_filter filter;
	unsigned worker_count;
	size_t bytes; // of all this
	struct ring rings[];
};

struct sniff *sniff_create(const struct sniff_filter *filter, unsigned worker_count)
{
	size_t bytes = sizeof(struct sniff) + worker_count * sizeof(struct ring);
	struct sniff *sniff = memory_alloc(bytes, -1);

	if (sniff == NULL)
		return fail_null(ENOMEM);
	sniff->filter = *filter;
	sniff->worker_count = worker_count;
	sniff->bytes = bytes;
	return sniff;
}

void sniff_free(struct sniff *sniff)
{
	if (sniff != NULL)
		memory_free(sniff, sniff->bytes);
}

// Room for a record at `*position`, which moves on to where it is; NULL when there is none.
static struct sniff_record *ring_room(struct ring *ring, uint32_t bytes, uint64_t *position)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	uint32_t left = RING_BYTES - *position % RING_BYTES;
	struct sniff_record *record = (void *)&ring->data[*position % RING_BYTES];

	if (bytes > left) {
		if (*position + left + bytes - tail > RING_BYTES)
			return NULL;
		record->bytes = 0;
		*position += left;
		return (void *)ring->data;
	}
	return *position + bytes - tail > RING_BYTES ? NULL : record;
}

static void ring_put(struct ring *ring, const struct sniff_record *head, const uint8_t *data)
{
	uint64_t position = atomic_load_explicit(&ring->head, memory_order_relaxed);
	struct sniff_record *record = ring_room(ring, head->bytes, &position);

	if (record == NULL) {
		uint64_t lost = atomic_load_explicit(&ring->lost, memory_order_relaxed);

		atomic_store_explicit(&ring->lost, lost + 1, memory_order_relaxed);
		return;
	}
	*record = *head;
	memcpy(record->data, data, head->length);
	atomic_store_explicit(&ring->head, position + head->bytes, memory_order_release);
}

static bool is_host(const struct sniff_filter *filter, const struct packet *packet,
		const struct flow_key *key)
{
	if (packet->protocol == PROTOCOL_NONE || (flow_key_is_ip4(key) != 0) != filter->is_ip4)
		return false;
	return memcmp(key->ends[0].address, filter->host, sizeof(filter->host)) == 0 ||
			memcmp(key->ends[1].address, filter->host, sizeof(filter->host)) == 0;
}

// Sets `flow` to the packet's flow id, 0: none.
static bool is_wanted(const struct sniff_filter *filter, struct flow_table *flows,
		const struct packet *packet, const struct flow_key *key, uint64_t *flow)
{
	if (filter->has_app && packet->app != filter->app)
		return false;
	if (filter->has_host && !is_host(filter, packet, key))
		return false;
	*flow = packet->flow == NULL ? 0 : flow_id(flow_details(flows, packet->flow), packet->flow);
	return !filter->has_flow || *flow == filter->flow;
}

void sniff_burst(struct sniff *sniff, unsigned index, struct flow_table *flows,
		const struct burst *burst, unsigned direction)
{
	struct ring *ring = &sniff->rings[index];
	uint64_t flow;

	for (unsigned i = 0; i < burst->count; i++) {
		const struct packet *packet = &burst->packets[i];
		uint32_t length = packet->length < SNIFF_BYTES ? packet->length : SNIFF_BYTES;
		struct sniff_record head = {
			.bytes = (sizeof(head) + length + RECORD_ALIGN - 1) &
					~(uint32_t)(RECORD_ALIGN - 1),
			.length = length,
			.wire_length = packet->wire_length,
			.direction = direction,
			.reason = packet->reason,
			.app = packet->app,
			.is_tagged = (packet->flags & PACKET_TAGGED) != 0,
			.time_ns = packet->time_ns,
		};

		if (!is_wanted(&sniff->filter, flows, packet, &burst->keys[i], &flow))
			continue;
		head.flow = flow;
		if (packet->flow != NULL)
			head.confidence = flow_details(flows, packet->flow)->confidence;
		ring_put(ring, &head, packet->data);
	}
}

// The oldest record of a ring; NULL: it is empty.
static const struct sniff_record *ring_peek(struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	const struct sniff_record *record = (const void *)&ring->data[tail % RING_BYTES];

	if (tail == head)
		return NULL;
	if (record->bytes > 0)
		return record;
	tail += RING_BYTES - tail % RING_BYTES;
	atomic_store_explicit(&ring->tail, tail, memory_order_release);
	return (const void *)ring->data;
}

const struct sniff_record *sniff_peek(struct sniff *sniff, unsigned *worker)
{
	const struct sniff_record *oldest = NULL;

	for (unsigned i = 0; i < sniff->worker_count; i++) {
		const struct sniff_record *record = ring_peek(&sniff->rings[i]);

		if (record == NULL || (oldest != NULL && oldest->time_ns <= record->time_ns))
			continue;
		oldest = record;
		*worker = i;
	}
	return oldest;
}

void sniff_pop(struct sniff *sniff, unsigned worker)
{
	struct ring *ring = &sniff->rings[worker];
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	const struct sniff_record *record = (const void *)&ring->data[tail % RING_BYTES];

	atomic_store_explicit(&ring->tail, tail + record->bytes, memory_order_release);
}

uint64_t sniff_lost(const struct sniff *sniff)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < sniff->worker_count; i++)
		lost += atomic_load_explicit(&sniff->rings[i].lost, memory_order_relaxed);
	return lost;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "bench_hash.h"

#include "fail.h"
#include "memory.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PAGE_BYTES = 2 << 20,
	FLOW_BYTES = 160, // what rte_hash takes for one, at most
};

struct record {
	alignas(64) uint64_t last_ns;
	uint64_t packets, bytes;
};

struct bench_hash {
	struct rte_hash *table;
	struct record *records;
	uint32_t flows, used;
	void *heap;
	size_t heap_bytes;
};

static int start_eal(void)
{
	static bool is_started;
	char prefix[64];
	char *argv[] = { (char[]){ "wiretag" }, (char[]){ "--no-huge" }, (char[]){ "--no-pci" },
		(char[]){ "--no-telemetry" }, (char[]){ "--no-shconf" },
		(char[]){ "--log-level=lib.eal:error" }, (char[]){ "-m64" }, prefix, NULL };
	cpu_set_t before;

	if (is_started)
		return 0;
	snprintf(prefix, sizeof(prefix), "--file-prefix=bench-%d", (int)getpid());
	sched_getaffinity(0, sizeof(before), &before);
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]) - 1, argv) < 0)
		return fail(rte_errno);
	is_started = true;
	return sched_setaffinity(0, sizeof(before), &before) < 0 ? fail(errno) : 0;
}

// In a heap of its own, as otherwise rte_hash would be in small pages.
static int create_table(struct bench_hash *hash)
{
	struct rte_hash_parameters parameters = {
		.name = "bench",
		.entries = hash->flows + hash->flows / 8,
		.key_len = sizeof(struct flow_key),
		.hash_func = BENCH_HASH,
	};

	hash->heap_bytes = ((size_t)hash->flows * FLOW_BYTES / PAGE_BYTES + 8) * PAGE_BYTES;
	hash->heap = memory_alloc(hash->heap_bytes, -1);
	if (hash->heap == NULL || rte_malloc_heap_create("bench") < 0 ||
			rte_malloc_heap_memory_add("bench", hash->heap, hash->heap_bytes, NULL, 0,
					PAGE_BYTES) < 0)
		return fail(rte_errno);
	parameters.socket_id = rte_malloc_heap_get_socket("bench");
	hash->table = rte_hash_create(&parameters);
	return hash->table == NULL ? fail(rte_errno) : 0;
}

struct bench_hash *bench_hash_create(uint32_t flows)
{
	struct bench_hash *hash = calloc(1, sizeof(*hash));
	int error;

	if (hash == NULL)
		return NULL;
	hash->flows = flows;
	hash->records = memory_alloc(flows * sizeof(*hash->records), -1);
	if (hash->records != NULL && start_eal() == 0 && create_table(hash) == 0)
		return hash;
	error = errno;
	bench_hash_free(hash);
	return fail_null(error);
}

void bench_hash_free(struct bench_hash *hash)
{
	if (hash == NULL)
		return;
	if (hash->table != NULL) {
		rte_hash_free(hash->table);
		rte_malloc_heap_memory_remove("bench", hash->heap, hash->heap_bytes);
		rte_malloc_heap_destroy("bench");
	}
	memory_free(hash->records, hash->flows * sizeof(*hash->records));
	memory_free(hash->heap, hash->heap_bytes);
	free(hash);
}

static void *add(struct bench_hash *hash, const struct flow_key *key)
{
	struct record *record = &hash->records[hash->used % hash->flows];

	if (rte_hash_add_key_data(hash->table, key, record) == 0)
		hash->used++;
	return record;
}

void bench_hash_burst(struct bench_hash *hash, const struct burst *burst)
{
	const void *keys[BURST_PACKETS];
	void *data[BURST_PACKETS];
	uint64_t hits = 0;

	for (unsigned i = 0; i < burst->count; i++)
		keys[i] = &burst->keys[i];
	rte_hash_lookup_bulk_data(hash->table, keys, burst->count, &hits, data);
	for (unsigned i = 0; i < burst->count; i++) {
		if ((hits >> i & 1) == 0)
			data[i] = add(hash, keys[i]);
		__builtin_prefetch(data[i], 1);
	}
	for (unsigned i = 0; i < burst->count; i++) {
		struct record *record = data[i];

		record->last_ns = burst->packets[i].time_ns;
		record->packets++;
		record->bytes += burst->packets[i].wire_length;
	}
}

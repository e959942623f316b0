// SPDX-License-Identifier: BSD-3-Clause
// What DPDK's hash table would cost in the place of the flow table: rte_hash_lookup_bulk_data() and
// a record of one cache line that is updated.
#pragma once

#include "packet.h"

struct bench_hash;

// The only user of EAL here: starts it without huge pages and devices, and gives rte_hash the same
// kind of memory as the flow table has. NULL with errno. Free with bench_hash_free().
struct bench_hash *bench_hash_create(uint32_t flows);
void bench_hash_free(struct bench_hash *hash);

// Finds the record of each packet of a decoded burst, makes those that are missing, and enters the
// packet in it.
void bench_hash_burst(struct bench_hash *hash, const struct burst *burst);

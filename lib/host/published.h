// SPDX-License-Identifier: BSD-3-Clause
// What the manager decided about hosts, their ports and single flows, for the workers to read.
//
// Thread: the manager alone writes; any number of workers read, without locks and without waiting.
//         A bucket is guarded by a sequence counter, so a reader sees an entry whole or not at all.
// Memory: all at creation, and none is freed while anyone reads, so nobody needs to tell when he is
//         through with an entry (no RCU). A full bucket gives up a node before a host before a flow
//         before a port, among equals the oldest, and takes nothing that is worth less than all it has.
// Cost:   one cache line a question.
#pragma once

#include "keyed_hash.h"
#include "verdict.h"

#include <stdatomic.h>
#include <stdbool.h>

// Who is spoken of. Words as the hash wants them.
struct published_key {
	uint64_t words[KEYED_HASH_WORDS];
};

struct published_key published_host(const uint8_t address[16]);
struct published_key published_port(const uint8_t address[16], uint16_t port);
struct published_key published_flow(uint64_t flow_id);
// A TCP port of `node` that `host` was proven to speak with. Both are IPv4 as ::ffff:a.b.c.d.
struct published_key published_node(const uint8_t host[16], const uint8_t node[16], uint16_t port);

struct published;

// Room for about `capacity` entries. NULL with errno EINVAL or ENOMEM. The caller frees it with
// published_free(), once nobody reads any more.
struct published *published_create(uint32_t capacity);
void published_free(struct published *table);

// Manager. Setting what is already there changes nothing but keeps it young.
void published_set(struct published *table, const struct published_key *key,
		const struct verdict *verdict);
// Manager, every few seconds: forgets addresses for which nothing was set for ten minutes or longer.
void published_expire(struct published *table, uint64_t now_ns);
void published_remove(struct published *table, const struct published_key *key);

// Another number whenever something has changed since; 0 until there is anything at all, and later
// never a multiple of 65536. Ask for it first, then for entries: what changes in between shows in the
// next number.
uint32_t published_generation(const struct published *table);

// False when nothing was set in the last ten minutes for a host, port or node of the address, which
// is IPv4 as ::ffff:a.b.c.d; true of few others. Costs two loads, mostly of cached lines: what spares
// new flows the questions below. Whoever has read the generation sees what was set before.
bool published_may_know(const struct published *table, const uint8_t address[16]);

enum published_answer {
	PUBLISHED_NONE,
	PUBLISHED_FOUND,
	PUBLISHED_BUSY, // was being written at every one of a few tries: ask again later
};
enum published_answer published_get(const struct published *table, const struct published_key *key,
		struct verdict *verdict);

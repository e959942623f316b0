// SPDX-License-Identifier: BSD-3-Clause
// A keyed hash of flow keys, and where it sends them. For flow*.c only.
//
// A sum of products of the key's words, each offset by a secret word, and one more product folded in
// two. Before the fold two keys collide with a chance of 2^-64, whoever chose them, as long as the
// secret is one (NH, RFC 4418 section 5.2). A CRC would not do: it is linear, so that keys which
// differ by a multiple of its polynomial collide under every seed.
#pragma once

#include "likely.h"
#include "packet.h"

#include <stddef.h>
#include <string.h>

enum {
	FLOW_SECRET_WORDS = 8
};

// Word i of a key, the last one half as long. Loaded one by one: a copy on the stack would be
// written by the half and read by the whole, which stalls.
static inline uint64_t flow_key_word(const struct flow_key *key, int i)
{
	uint64_t word;
	uint32_t half;

	if (i < 5) {
		memcpy(&word, (const char *)key + 8 * i, sizeof(word));
		return word;
	}
	memcpy(&half, (const char *)key + 8 * i, sizeof(half));
	return half;
}

static inline uint64_t flow_hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// Of any key.
static inline uint64_t flow_hash_whole(
		const uint64_t secret[FLOW_SECRET_WORDS], const struct flow_key *key)
{
	unsigned __int128 sum = 0;

	for (int i = 0; i < 6; i += 2)
		sum += (unsigned __int128)(flow_key_word(key, i) + secret[i]) *
				(flow_key_word(key, i + 1) + secret[i + 1]);
	return flow_hash_fold((uint64_t)sum ^ secret[6], (uint64_t)(sum >> 64) ^ secret[7]);
}

// Of IPv4 only what can differ: addresses, ports, protocol and VLANs; the tunnel joins the fold.
static inline uint64_t flow_hash_ip4(
		const uint64_t secret[FLOW_SECRET_WORDS], const struct flow_key *key)
{
	unsigned __int128 product;
	uint32_t addresses[2];

	memcpy(&addresses[0], &key->ends[0].address[12], sizeof(addresses[0]));
	memcpy(&addresses[1], &key->ends[1].address[12], sizeof(addresses[1]));
	product = (unsigned __int128)((addresses[0] | (uint64_t)addresses[1] << 32) + secret[0]) *
			(flow_key_word(key, 4) + secret[1]);
	return flow_hash_fold((uint64_t)product ^ secret[6],
			(uint64_t)(product >> 64) ^ secret[7] ^ key->tunnel);
}
static_assert(offsetof(struct flow_key, ports_be) == 4 * sizeof(uint64_t) &&
				offsetof(struct flow_key, protocol_vlans) ==
						4 * sizeof(uint64_t) + sizeof(uint32_t),
		"they are one word");

static inline uint64_t flow_hash(
		const uint64_t secret[FLOW_SECRET_WORDS], const struct flow_key *key)
{
	return likely(flow_key_is_ip4(key)) ? flow_hash_ip4(secret, key) :
					      flow_hash_whole(secret, key);
}

// Uniform whichever of the two buckets is given, as each depends on one half of the hash only.
static inline uint16_t flow_hash_tag(uint64_t hash)
{
	return (hash ^ hash >> 32) | 1; // not 0, which marks an empty slot
}

static inline uint32_t flow_hash_first(uint64_t hash, uint32_t count)
{
	return (hash >> 32) * count >> 32;
}

// Never the first one.
static inline uint32_t flow_hash_second(uint64_t hash, uint32_t count)
{
	uint32_t second = (hash & UINT32_MAX) * (count - 1) >> 32;

	return second + (second >= flow_hash_first(hash, count));
}

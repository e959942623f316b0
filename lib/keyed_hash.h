// SPDX-License-Identifier: BSD-3-Clause
// A hash of three words under a secret, for tables that strangers fill.
//
// Two products of words that are each offset by a secret, added, then one more product folded in two
// (NH, RFC 4418 section 5.2): whoever chose the words, two of them collide by chance only.
#pragma once

#include <stdint.h>

enum {
	KEYED_HASH_WORDS = 3,
	KEYED_HASH_SECRETS = 6
};

static inline uint64_t keyed_hash(
		const uint64_t secret[KEYED_HASH_SECRETS], const uint64_t words[KEYED_HASH_WORDS])
{
	unsigned __int128 sum = (unsigned __int128)(words[0] + secret[0]) * (words[1] + secret[1]);

	sum += (unsigned __int128)(words[2] + secret[2]) * secret[3];
	sum = (unsigned __int128)((uint64_t)sum ^ secret[4]) * ((uint64_t)(sum >> 64) ^ secret[5]);
	return (uint64_t)sum ^ (uint64_t)(sum >> 64);
}

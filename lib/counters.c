// SPDX-License-Identifier: BSD-3-Clause
#include "counters.h"

#include <stddef.h>
#include <string.h>

enum {
	READ_TRIES = 1000
};

static_assert(sizeof(struct counters) % sizeof(uint64_t) == 0, "counters are copied by words");

// A sequence lock: the words are relaxed atomics, so that a torn snapshot is seen and thrown away
// but is never undefined.
void counters_publish(struct counters_public *published, const struct counters *counters)
{
	const uint64_t *words = (const uint64_t *)counters;
	unsigned sequence = atomic_load_explicit(&published->sequence, memory_order_relaxed);

	atomic_store_explicit(&published->sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 0; i < COUNTERS_WORDS; i++)
		atomic_store_explicit(&published->words[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&published->sequence, sequence + 2, memory_order_release);
}

bool counters_read(const struct counters_public *published, struct counters *counters)
{
	struct counters copy;
	uint64_t *words = (uint64_t *)&copy;

	for (unsigned try = 0; try < READ_TRIES; try++) {
		unsigned before = atomic_load_explicit(&published->sequence, memory_order_acquire);

		for (unsigned i = 0; i < COUNTERS_WORDS; i++)
			words[i] = atomic_load_explicit(&published->words[i], memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (before % 2 == 0 &&
				before ==
						atomic_load_explicit(&published->sequence,
								memory_order_relaxed)) {
			*counters = copy;
			return true;
		}
	}
	return false;
}

void counters_add(struct counters *sum, const struct counters *counters)
{
	uint64_t oldest = sum->last_poll_ns;
	const uint64_t *from = (const uint64_t *)counters;
	uint64_t *to = (uint64_t *)sum;

	for (unsigned i = 0; i < COUNTERS_WORDS; i++)
		to[i] += from[i];
	if (oldest == 0 || oldest > counters->last_poll_ns)
		oldest = counters->last_poll_ns;
	sum->last_poll_ns = oldest;
}

static const struct {
	const char *label;
	const char *help;
} reasons[REASON_COUNT] = {
#define REASON(name, group_name, label_text, help_text) [REASON_##name] = { label_text, help_text },
#include "reasons.def"
#undef REASON
};

const char *reason_label(enum reason reason)
{
	return reasons[reason].label;
}

const char *reason_help(enum reason reason)
{
	return reasons[reason].help;
}

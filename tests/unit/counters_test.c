// SPDX-License-Identifier: BSD-3-Clause
#include "counters.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_reason_has_words(void **)
{
	for (enum reason i = 0; i < REASON_COUNT; i++) {
		assert_true(strlen(reason_label(i)) > 0);
		assert_true(strlen(reason_help(i)) > 10);
		for (enum reason j = 0; j < i; j++)
			assert_string_not_equal(reason_label(i), reason_label(j));
	}
	assert_int_equal(reason_group(REASON_INSPECTED), REASON_GROUP_INSPECTED);
	assert_int_equal(reason_group(REASON_PAST), REASON_GROUP_PAST);
	assert_int_equal(reason_group(REASON_NOT_IP), REASON_GROUP_UNINSPECTED);
	assert_int_equal(reason_group(REASON_TX_FULL), REASON_GROUP_DROPPED);
}

static void add_sums_words_and_keeps_the_oldest_poll(void **)
{
	struct counters *sum = calloc(1, sizeof(*sum));
	struct counters one = { .scans = 2, .last_poll_ns = 50, .scan_cycles_sum = 7 };
	struct counters two = { .scans = 3, .last_poll_ns = 40, .scan_cycles_sum = 1 };

	counters_add(sum, &one);
	assert_int_equal(sum->last_poll_ns, 50);
	counters_add(sum, &two);
	assert_int_equal(sum->scans, 5);
	assert_int_equal(sum->scan_cycles_sum, 8);
	assert_int_equal(sum->last_poll_ns, 40);
	free(sum);
}

struct race {
	struct counters_public published;
	atomic_bool stop;
};

// Every word of a snapshot has the same value, so a torn one is visible.
static void *publish_for_ever(void *context)
{
	struct race *race = context;
	struct counters counters;
	uint64_t *words = (uint64_t *)&counters;

	for (uint64_t n = 1; !atomic_load(&race->stop); n++) {
		for (unsigned i = 0; i < COUNTERS_WORDS; i++)
			words[i] = n;
		counters_publish(&race->published, &counters);
		// A worker publishes once a millisecond; here it leaves a few microseconds.
		for (volatile int pause = 0; pause < 20000; pause++)
			;
	}
	return NULL;
}

static void a_snapshot_is_one_moment(void **)
{
	struct race *race = aligned_alloc(64, sizeof(*race));
	struct counters counters;
	const uint64_t *words = (const uint64_t *)&counters;
	uint64_t last = 0;
	unsigned good = 0;
	pthread_t thread;

	memset(race, 0, sizeof(*race));
	assert_int_equal(pthread_create(&thread, NULL, publish_for_ever, race), 0);
	for (int n = 0; n < 20000; n++) {
		if (!counters_read(&race->published, &counters))
			continue;
		good++;
		assert_true(words[0] >= last);
		last = words[0];
		for (unsigned i = 1; i < COUNTERS_WORDS; i++)
			assert_int_equal(words[i], words[0]);
	}
	atomic_store(&race->stop, true);
	pthread_join(thread, NULL);
	assert_true(good > 1000);
	free(race);
}

static void a_stuck_writer_does_not_hold_the_reader(void **)
{
	struct counters_public *published = aligned_alloc(64, sizeof(*published));
	struct counters counters = { .scans = 42 };

	memset(published, 0, sizeof(*published));
	atomic_store(&published->sequence, 1);
	assert_false(counters_read(published, &counters));
	assert_int_equal(counters.scans, 42);
	free(published);
}

// A bound belongs to the bucket that it bounds, as `le` says.
static void sorts_durations(void **)
{
	static const struct {
		uint64_t cycles;
		unsigned bucket;
	} cases[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ 256, 0 },
		{ 257, 1 },
		{ 512, 1 },
		{ 513, 2 },
		{ 1 << 22, 14 },
		{ (1 << 22) + 1, 15 },
		{ 1 << 23, 15 },
		{ UINT64_MAX, 15 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t buckets[DURATION_BUCKETS] = { 0 };

		counters_duration(buckets, cases[i].cycles);
		for (unsigned bucket = 0; bucket < DURATION_BUCKETS; bucket++)
			assert_int_equal(buckets[bucket], bucket == cases[i].bucket);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_durations),
		cmocka_unit_test(every_reason_has_words),
		cmocka_unit_test(add_sums_words_and_keeps_the_oldest_poll),
		cmocka_unit_test(a_snapshot_is_one_moment),
		cmocka_unit_test(a_stuck_writer_does_not_hold_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

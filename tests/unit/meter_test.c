// SPDX-License-Identifier: BSD-3-Clause
#include "meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint64_t start = UINT64_C(1700000000000000000);

// Bytes that pass in `ms` milliseconds from `from` on, when twice the rate is offered.
static uint64_t offer(struct meter *meter, uint64_t bits, uint64_t from, unsigned ms, uint32_t size)
{
	uint64_t step = UINT64_C(4000000000) * size / bits, passed = 0;

	for (uint64_t now = from; now < from + ms * UINT64_C(1000000); now += step)
		if (meter_pass(meter, now, size))
			passed += size;
	return passed;
}

static void every_rate_is_kept(void **)
{
	static const uint64_t rates[] = { 1000000, 10000000, 1000000000, 100000000000 };
	static const uint32_t sizes[] = { 64, 777, 1514, 9018 };

	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		for (unsigned j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			unsigned ms = rates[i] > 1000000000 ? 20 : 2000;
			uint64_t expected = rates[i] / 8 * ms / 1000, passed;
			struct meter meter;

			meter_init(&meter, rates[i]);
			offer(&meter, rates[i], start, 1000, sizes[j]); // the bucket's content
			passed = offer(&meter, rates[i], start + UINT64_C(1000000000), ms,
					sizes[j]);
			assert_in_range(passed, expected * 98 / 100 - 2 * sizes[j],
					expected * 102 / 100 + 2 * sizes[j]);
		}
	}
}

static void a_pause_fills_the_bucket_and_no_more(void **)
{
	const uint64_t second = UINT64_C(1000000000);
	struct meter meter;
	unsigned passed;

	meter_init(&meter, 10000000); // 50 ms are 62,500 bytes
	for (uint64_t now = start; now <= start + 1000 * second; now += 500 * second) {
		passed = 0;
		while (meter_pass(&meter, now, 1000))
			passed++;
		assert_int_equal(passed, 63);
	}
}

static void a_clock_that_was_set_back_blocks_nothing(void **)
{
	struct meter meter;

	meter_init(&meter, 8000);
	assert_true(meter_pass(&meter, start, 1500));
	assert_true(meter_pass(&meter, start / 2, 1500));
	assert_true(meter_pass(&meter, 0, 1500));
	assert_true(meter_pass(&meter, UINT64_MAX, 1500));
	assert_true(meter_pass(&meter, start, 1500));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rate_is_kept),
		cmocka_unit_test(a_pause_fills_the_bucket_and_no_more),
		cmocka_unit_test(a_clock_that_was_set_back_blocks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

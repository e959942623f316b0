// SPDX-License-Identifier: BSD-3-Clause
// Random packets and times against the model, with the same choices on every run.
#include "flow_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * UINT64_C(2685821657736338717) >> 32;
}

static void does_what_the_model_does(void **)
{
	static uint8_t bytes[16384];
	uint64_t state = 88172645463325252;
	struct model_total total = { 0 };

	while (total.packets < 300000) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = next_random(&state);
		model_run(bytes, sizeof(bytes), &total);
	}
	assert_true(total.refused > 100);
	for (int i = 0; i < FLOW_END_COUNT; i++)
		assert_true(total.ended[i] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_what_the_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

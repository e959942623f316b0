// SPDX-License-Identifier: BSD-3-Clause
#include "memory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void is_zero_aligned_and_writable(void **)
{
	static const size_t sizes[] = { 1, 4096, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 5 << 20 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *memory = memory_alloc(sizes[i], i % 2 == 0 ? -1 : 0);

		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % (2 << 20), 0);
		for (size_t at = 0; at < sizes[i]; at++)
			assert_int_equal(memory[at], 0);
		memset(memory, 0xff, sizes[i]);
		memory_free(memory, sizes[i]);
	}
}

static void refuses_what_cannot_be(void **)
{
	assert_null(memory_alloc(0, -1));
	assert_int_equal(errno, ENOMEM);
	assert_null(memory_alloc(SIZE_MAX, -1));
	assert_null(memory_alloc((size_t)1 << 60, -1));
	memory_free(NULL, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_zero_aligned_and_writable),
		cmocka_unit_test(refuses_what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

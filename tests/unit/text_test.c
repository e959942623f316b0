// SPDX-License-Identifier: BSD-3-Clause
#include "text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void grows_and_stays_terminated(void **)
{
	struct text text = { 0 };

	for (unsigned i = 0; i < 20000; i++) {
		text_printf(&text, "%u,", i % 10);
		assert_int_equal(text.length, 2 * (i + 1));
		assert_int_equal(text.data[text.length], '\0');
		assert_true(text.capacity > text.length);
	}
	assert_int_equal(strlen(text.data), 40000);
	assert_int_equal(text_error(&text), 0);
	text_clear(&text);
	assert_string_equal(text.data, "");
	text_add(&text, "a");
	assert_string_equal(text.data, "a");
	text_fini(&text);
	assert_null(text.data);
}

// Lengths around the capacity, each written in one piece.
static void fits_exactly(void **)
{
	for (size_t length = 4090; length < 4100; length++) {
		char *string = calloc(1, length + 1);
		struct text text = { 0 };

		memset(string, 'x', length);
		text_add(&text, string);
		text_printf(&text, "%s", string);
		assert_int_equal(text.length, 2 * length);
		assert_int_equal(strlen(text.data), 2 * length);
		text_fini(&text);
		free(string);
	}
}

static void escapes_what_ends_a_label(void **)
{
	struct text text = { 0 };

	text_escape(&text, "");
	text_escape(&text, "plain");
	text_escape(&text, "\\\"\n");
	text_escape(&text, "a\\b\"c\nd");
	assert_string_equal(text.data, "plain\\\\\\\"\\na\\\\b\\\"c\\nd");
	text_fini(&text);
}

static void keeps_failure_until_the_end(void **)
{
	struct text text = { 0 };

	text_add(&text, "kept");
	text.failed = true;
	text_add(&text, "lost");
	text_printf(&text, "%s", "lost");
	assert_int_equal(text_error(&text), -ENOMEM);
	assert_string_equal(text.data, "kept");
	text_clear(&text);
	assert_int_equal(text_error(&text), 0);
	text_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(fits_exactly),
		cmocka_unit_test(escapes_what_ends_a_label),
		cmocka_unit_test(keeps_failure_until_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

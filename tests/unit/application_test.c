// SPDX-License-Identifier: BSD-3-Clause
#include "application.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void built_in_numbers_are_fixed(void **)
{
	assert_int_equal(application_number("unknown"), APP_UNKNOWN);
	assert_int_equal(application_number("skype"), APP_SKYPE);
	assert_int_equal(application_count(), 2);
	assert_string_equal(application_name(0), "unknown");
	assert_string_equal(application_name(1), "skype");
	assert_string_equal(application_name(2), "unknown");
	assert_string_equal(application_name(255), "unknown");
}

static void a_name_keeps_its_number(void **)
{
	int number = application_number("bit-torrent_2.0");

	assert_true(number > APP_SKYPE);
	assert_int_equal(application_number("another"), number + 1);
	assert_int_equal(application_number("bit-torrent_2.0"), number);
	assert_string_equal(application_name(number), "bit-torrent_2.0");
}

static void refuses_what_is_no_name(void **)
{
	static const char *const bad[] = { "", "Skype", "a b", "a\n", "ä", "a/b",
		"a2345678901234567890123456789012" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		assert_int_equal(application_number(bad[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_true(application_number("a234567890123456789012345678901") > 0);
}

static void the_table_fills_up(void **)
{
	char name[16];

	for (int next = application_count(); next < APP_MAX; next++) {
		snprintf(name, sizeof(name), "app%d", next);
		assert_int_equal(application_number(name), next);
		assert_int_equal(application_count(), next + 1);
	}
	assert_string_equal(application_name(APP_MAX - 1), name);
	assert_int_equal(application_number("one-too-many"), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(application_number("skype"), APP_SKYPE);
}

static void words_go_both_ways(void **)
{
	for (int i = CONFIDENCE_WEAK; i <= CONFIDENCE_CERTAIN; i++)
		assert_int_equal(confidence_of(confidence_name(i)), i);
	assert_string_equal(confidence_name(CONFIDENCE_NONE), "none");
	assert_int_equal(confidence_of("none"), -1);
	assert_int_equal(confidence_of(""), -1);
	for (int i = FLOW_ROLE_NONE + 1; i < FLOW_ROLE_COUNT; i++)
		assert_int_equal(role_of(role_name(i)), i);
	assert_null(role_name(FLOW_ROLE_NONE));
	assert_int_equal(role_of("p2"), -1);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		assert_true(strlen(signal_name(i)) > 0);
		assert_true(strlen(signal_words(i)) > 0);
	}
	assert_string_equal(signal_name(SIGNAL_HTTP_HOST), "http-host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in_numbers_are_fixed),
		cmocka_unit_test(a_name_keeps_its_number),
		cmocka_unit_test(refuses_what_is_no_name),
		cmocka_unit_test(the_table_fills_up),
		cmocka_unit_test(words_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "scan_cache.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct scan_cache *cache;
static const struct scan_pattern patterns[] = { { "one", true, false }, { "two", false, true } };

static int set_up(void **)
{
	cache = scan_cache_create();
	scan_cache_turn(cache);
	return cache == NULL ? -1 : 0;
}

static int tear_down(void **)
{
	scan_cache_free(cache);
	return 0;
}

// Whether what was asked for was compiled anew.
static bool compiles(const struct scan_pattern *wanted, unsigned count)
{
	uint64_t before = scan_cache_compiled(cache);
	struct scan_database *database = scan_cache_compile(cache, wanted, count);

	assert_non_null(database);
	scan_database_free(database);
	return scan_cache_compiled(cache) > before;
}

static void the_same_patterns_are_compiled_once(void **)
{
	const struct scan_pattern copy[] = { { "one", true, false }, { "two", false, true } };

	assert_true(compiles(patterns, 2));
	assert_false(compiles(patterns, 2));
	assert_false(compiles(copy, 2));
}

static void whatever_differs_is_another(void **)
{
	const struct scan_pattern others[][2] = {
		{ { "two", false, true }, { "one", true, false } }, // matches tell their place
		{ { "one", false, false }, { "two", false, true } },
		{ { "one", true, true }, { "two", false, true } },
		{ { "onet", true, false }, { "wo", false, true } },
		{ { "one", true, false }, { "three", false, true } },
	};

	assert_true(compiles(patterns, 2));
	assert_true(compiles(patterns, 1));
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_true(compiles(others[i], 2));
	assert_false(compiles(patterns, 2));
}

// A database and a pattern of the same content are not taken for each other.
static void a_checked_pattern_is_no_database(void **)
{
	char message[64];

	assert_int_equal(scan_cache_check(cache, patterns, message, sizeof(message)), 0);
	assert_true(compiles(patterns, 1));
	assert_false(compiles(patterns, 1));
}

static void what_is_wrong_stays_wrong(void **)
{
	const struct scan_pattern wrong = { "a(b", true, false };

	for (int i = 0; i < 2; i++) {
		char message[64] = "";

		assert_int_equal(
				scan_cache_check(cache, &wrong, message, sizeof(message)), -EINVAL);
		assert_string_not_equal(message, "");
		assert_null(scan_cache_compile(cache, &wrong, 1));
	}
	assert_int_equal(scan_cache_compiled(cache), 0);
}

static void remembers_a_few_loads(void **)
{
	assert_true(compiles(patterns, 2));
	for (int i = 0; i < SCAN_CACHE_LOADS; i++)
		scan_cache_turn(cache);
	assert_false(compiles(patterns, 2));
	for (int i = 0; i < SCAN_CACHE_LOADS + 1; i++)
		scan_cache_turn(cache);
	assert_true(compiles(patterns, 2));
}

// Under a sanitizer, both ends are seen.
static void a_database_lives_as_long_as_anybody_uses_it(void **)
{
	struct scan_database *database = scan_cache_compile(cache, patterns, 2);
	struct scan_scratch *scratch;
	uint32_t matches[2];

	for (int i = 0; i < 2 * SCAN_CACHE_LOADS; i++)
		scan_cache_turn(cache);
	scratch = scan_scratch_create(&database, 1);
	assert_int_equal(scan_block(database, scratch, "TWO", 3, matches, 2), 1);
	assert_int_equal(matches[0], 1);
	scan_scratch_free(scratch);
	scan_database_free(database);
}

static void goes_without(void **)
{
	struct scan_database *database = scan_cache_compile(NULL, patterns, 2);
	char message[64];

	assert_non_null(database);
	assert_int_equal(scan_cache_check(NULL, patterns, message, sizeof(message)), 0);
	scan_database_free(database);
	scan_cache_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_same_patterns_are_compiled_once),
		TEST(whatever_differs_is_another),
		TEST(a_checked_pattern_is_no_database),
		TEST(what_is_wrong_stays_wrong),
		TEST(remembers_a_few_loads),
		TEST(a_database_lives_as_long_as_anybody_uses_it),
		TEST(goes_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

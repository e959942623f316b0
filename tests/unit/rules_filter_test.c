// SPDX-License-Identifier: BSD-3-Clause
#include "rules_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum outcome {
	NONE,
	FOUND,
	SCAN
};

static enum outcome outcome(const char *expression, bool whole, bool caseless, const char *value)
{
	const struct scan_pattern pattern = { expression, whole, caseless };
	struct rules_filter *filter = rules_filter_create(&pattern, 1);
	uint32_t match = 1;
	int count;

	assert_non_null(filter);
	count = rules_filter_match(filter, (const uint8_t *)value, strlen(value), &match, 1);
	rules_filter_free(filter);
	if (count == RULES_FILTER_SCAN)
		return SCAN;
	assert_in_range(count, 0, 1);
	assert_int_equal(match, !count);
	return count == 1 ? FOUND : NONE;
}

static void names_match_only_themselves(void **)
{
	static const char name[] = "a\\.example";
	static const char below[] = "(.+\\.)?(a\\.example|b\\.test)";

	assert_int_equal(outcome(name, true, false, "a.example"), FOUND);
	assert_int_equal(outcome(name, true, true, "A.EXAMPLE"), FOUND);
	assert_int_equal(outcome(name, true, false, "A.example"), NONE);
	assert_int_equal(outcome(name, true, true,
					 "a\x0e"
					 "example"),
			NONE);
	assert_int_equal(outcome(name, true, false, "b.a.example"), NONE);
	assert_int_equal(outcome(name, true, false, "a.exampl"), NONE);
	assert_int_equal(outcome(name, true, false, ""), NONE);
	assert_int_equal(outcome(below, true, true, "a.example"), FOUND);
	assert_int_equal(outcome(below, true, true, "b.test"), FOUND);
	assert_int_equal(outcome(below, true, true, "www.b.Test"), FOUND);
	assert_int_equal(outcome(below, true, true, "..b.test"), FOUND);
	assert_int_equal(outcome(below, true, true, ".b.test"), NONE);
	assert_int_equal(outcome(below, true, true, "wwwb.test"), NONE);
	assert_int_equal(outcome(below, true, true, "b.test.org"), NONE);
	assert_int_equal(outcome(below, true, true, "1.2.3.4.5.6.test"), NONE);
	assert_int_equal(outcome(below, true, true, "........................b.test"), FOUND);
	assert_int_equal(outcome("(.+\\.)?a\\.b\\.c\\.d\\.e\\.f\\.g\\.h\\.i\\.j", true, true,
					 "1.2.3.4.5.6.7.8.9.10.11"),
			SCAN);
}

static void of_other_patterns_the_first_byte_counts(void **)
{
	static const char class[] = "Sk(a|\\x99)?[ |/\\]]x.*";

	assert_int_equal(outcome(class, true, false, "Some"), SCAN);
	assert_int_equal(outcome(class, true, false, "some"), NONE);
	assert_int_equal(outcome(class, true, true, "some"), SCAN);
	assert_int_equal(outcome(class, true, false, "More"), NONE);
	assert_int_equal(outcome("^\\x13Bit", false, false, "GET"), NONE);
	assert_int_equal(outcome("^\\x13Bit", false, false, "\x13"), SCAN);
	assert_int_equal(outcome("^SSH-(2|1)", false, false, "S"), SCAN);
	assert_int_equal(outcome("^SSH-(?:2|1)", false, false, "T"), NONE);
}

static void what_is_not_understood_is_scanned(void **)
{
	static const char *const expressions[] = { "a*b", "a?b", "a{0}b", ".*", "(a|b*)", "(a|)",
		"a|b", "\\\\|b", "a\\\\|b", "a[|]|b", "a[(]|b", "a[^]|]|b", "a(?#()|b",
		"a\\Q(\\E|b", "a\\E*b", "[ab]", "^a", "\\d", "(?i)a", "(a)?b" };

	for (size_t i = 0; i < ARRAY_COUNT(expressions); i++)
		assert_int_equal(outcome(expressions[i], true, false, "zz"), SCAN);
	assert_int_equal(outcome("Bit", false, false, "zz"), SCAN);
	assert_int_equal(outcome("^a|b", false, false, "zz"), SCAN);
}

static unsigned pick(unsigned *seed, unsigned count)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % count;
}

static void put(char *text, size_t size, unsigned *seed, const char *const *parts, unsigned count)
{
	size_t length = 0;

	text[0] = '\0';
	for (unsigned i = 1 + pick(seed, 7); i > 0 && length + 10 < size; i--)
		length += (size_t)snprintf(
				text + length, size - length, "%s", parts[pick(seed, count)]);
}

// The filter finds what the engine finds, each pattern once, or leaves it to the engine.
static unsigned compare_with_engine(
		const struct scan_pattern *patterns, unsigned count, unsigned *seed)
{
	static const char *const bytes[] = { "a", "b", ".", "B", "(", "|", "\\", "a.b", "" };
	struct scan_database *database = scan_compile(patterns, count);
	struct scan_scratch *scratch = scan_scratch_create(&database, 1);
	struct rules_filter *filter = rules_filter_create(patterns, count);
	unsigned told = 0;

	for (unsigned i = 0; i < 200; i++) {
		uint32_t found[4] = { 0 }, matches[4];
		unsigned match_count, all = 0;
		char value[100];
		int found_count;

		put(value, sizeof(value), seed, bytes, ARRAY_COUNT(bytes));
		match_count = scan_block(database, scratch, value, strlen(value), matches, 4);
		found_count = rules_filter_match(
				filter, (const uint8_t *)value, strlen(value), found, 4);
		if (found_count == RULES_FILTER_SCAN)
			continue;
		if (found_count != (int)match_count)
			fail_msg("%s, ...: %d instead of %u for %s", patterns[0].expression,
					found_count, match_count, value);
		for (unsigned j = 0; j < match_count; j++)
			all ^= 1u << found[j] ^ 1u << matches[j];
		assert_int_equal(all, 0);
		told += match_count;
	}
	rules_filter_free(filter);
	scan_scratch_free(scratch);
	scan_database_free(database);
	return told;
}

// Expressions and values of few parts, of any shape.
static void what_the_engine_finds_is_found(void **)
{
	static const char *const parts[] = { "a", "b", "\\.", ".", "*", "+", "?", "(", ")", "|",
		"[", "]", "^", "\\\\", "\\(", "\\x61", "(.+\\.)?", "{2}", "(?:", "B", "a|b",
		"[^(|]", "\\Q", "\\E" };
	unsigned seed = 1, compiled = 0, told = 0;

	for (unsigned i = 0; i < 3000; i++) {
		char expression[100], message[100];
		const struct scan_pattern pattern = { expression, i % 4 != 0, i % 2 == 0 };

		put(expression, sizeof(expression), &seed, parts, ARRAY_COUNT(parts));
		if (scan_check(&pattern, message, sizeof(message)) < 0)
			continue;
		compiled++;
		told += compare_with_engine(&pattern, 1, &seed);
	}
	assert_true(compiled > 300 && told > 300);
}

// Of a few names in one set.
static void names_are_told_apart(void **)
{
	static const char *const names[] = { "a", "b", "a\\.b", "(.+\\.)?a\\.b", "(.+\\.)?b",
		"(.+\\.)?(b|a\\.b|a)", "(a|a|b)", "B", "\\x61\\.B", "(.+\\.)?(a\\.b|b\\.a)" };
	unsigned seed = 1, told = 0;

	for (unsigned i = 0; i < 300; i++) {
		struct scan_pattern patterns[3];

		for (unsigned j = 0; j < 3; j++)
			patterns[j] = (struct scan_pattern){ names[pick(&seed, ARRAY_COUNT(names))],
				true, i % 2 == 0 };
		told += compare_with_engine(patterns, 3, &seed);
	}
	assert_true(told > 3000);
}

static void many_names_are_found(void **)
{
	enum {
		COUNT = 10000
	};
	struct scan_pattern *patterns = calloc(COUNT, sizeof(*patterns));
	struct rules_filter *filter;
	char *text;

	assert_non_null(patterns);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_true(asprintf(&text, "host%u\\.example", i) > 0);
		patterns[i] = (struct scan_pattern){ text, true, true };
	}
	filter = rules_filter_create(patterns, COUNT);
	assert_non_null(filter);
	for (unsigned i = 0; i < 2 * COUNT; i++) {
		uint32_t match;
		char value[32];
		int length = snprintf(value, sizeof(value), "host%u.example", i);

		assert_int_equal(rules_filter_match(
						 filter, (const uint8_t *)value, length, &match, 1),
				i < COUNT);
		if (i < COUNT)
			assert_int_equal(match, i);
	}
	for (unsigned i = 0; i < COUNT; i++)
		free((char *)patterns[i].expression);
	free(patterns);
	rules_filter_free(filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_match_only_themselves),
		cmocka_unit_test(of_other_patterns_the_first_byte_counts),
		cmocka_unit_test(what_is_not_understood_is_scanned),
		cmocka_unit_test(what_the_engine_finds_is_found),
		cmocka_unit_test(names_are_told_apart),
		cmocka_unit_test(many_names_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

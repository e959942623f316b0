// SPDX-License-Identifier: BSD-3-Clause
#include "rules_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool lets(const char *expression, bool whole, bool caseless, const char *value)
{
	const struct scan_pattern pattern = { expression, whole, caseless };
	struct rules_filter *filter = rules_filter_create(&pattern, 1);
	bool is_let;

	assert_non_null(filter);
	is_let = rules_filter_lets(filter, (const uint8_t *)value, strlen(value));
	rules_filter_free(filter);
	return is_let;
}

static void names_let_only_themselves(void **)
{
	static const char name[] = "a\\.example";
	static const char below[] = "(.+\\.)?(a\\.example|b\\.test)";

	assert_true(lets(name, true, false, "a.example"));
	assert_true(lets(name, true, true, "A.EXAMPLE"));
	assert_false(lets(name, true, false, "b.a.example"));
	assert_false(lets(name, true, false, "a.exampl"));
	assert_false(lets(name, true, false, ""));
	assert_true(lets(below, true, true, "a.example"));
	assert_true(lets(below, true, true, "b.test"));
	assert_true(lets(below, true, true, "www.b.Test"));
	assert_false(lets(below, true, true, "wwwb.test"));
	assert_false(lets(below, true, true, "b.test.org"));
	assert_false(lets(below, true, true, "1.2.3.4.5.6.test"));
	assert_true(lets(below, true, true, "........................b.test"));
}

static void other_patterns_let_by_their_first_byte(void **)
{
	static const char class[] = "Sk(a|\\x99)?[ |/\\]]x.*";

	assert_true(lets(class, true, false, "Some"));
	assert_false(lets(class, true, false, "some"));
	assert_true(lets(class, true, true, "some"));
	assert_false(lets(class, true, false, "More"));
	assert_false(lets("^\\x13Bit", false, false, "GET"));
	assert_true(lets("^\\x13Bit", false, false, "\x13"));
	assert_true(lets("^SSH-(2|1)", false, false, "S"));
	assert_false(lets("^SSH-(?:2|1)", false, false, "T"));
}

static void what_is_not_understood_lets_all(void **)
{
	static const char *const expressions[] = { "a*b", "a?b", "a{0}b", ".*", "(a|b*)", "(a|)",
		"a|b", "\\\\|b", "a\\\\|b", "a[|]|b", "a[(]|b", "a[^]|]|b", "a(?#()|b",
		"a\\Q(\\E|b", "a\\E*b", "[ab]", "^a", "\\d", "(?i)a", "(a)?b" };

	for (size_t i = 0; i < ARRAY_COUNT(expressions); i++)
		assert_true(lets(expressions[i], true, false, "zz"));
	assert_true(lets("Bit", false, false, "zz"));
	assert_true(lets("^a|b", false, false, "zz"));
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

// Whatever the engine finds has passed the filter: expressions and values of few parts, of any shape.
static void nothing_that_matches_is_kept_back(void **)
{
	static const char *const parts[] = { "a", "b", "\\.", ".", "*", "+", "?", "(", ")", "|",
		"[", "]", "^", "\\\\", "\\(", "\\x61", "(.+\\.)?", "{2}", "(?:", "B", "a|b",
		"[^(|]", "\\Q", "\\E" };
	static const char *const bytes[] = { "a", "b", ".", "B", "(", "|", "\\", "" };
	unsigned seed = 1, compiled = 0, matched = 0;

	for (unsigned i = 0; i < 3000; i++) {
		char expression[100], value[100], message[100];
		const struct scan_pattern pattern = { expression, i % 4 != 0, i % 2 == 0 };
		struct scan_database *database;
		struct scan_scratch *scratch;
		struct rules_filter *filter;
		uint32_t match;

		put(expression, sizeof(expression), &seed, parts, ARRAY_COUNT(parts));
		if (scan_check(&pattern, message, sizeof(message)) < 0)
			continue;
		compiled++;
		database = scan_compile(&pattern, 1);
		scratch = scan_scratch_create(&database, 1);
		filter = rules_filter_create(&pattern, 1);
		for (unsigned j = 0; j < 200; j++) {
			put(value, sizeof(value), &seed, bytes, ARRAY_COUNT(bytes));
			if (scan_block(database, scratch, value, strlen(value), &match, 1) == 0)
				continue;
			matched++;
			if (!rules_filter_lets(filter, (const uint8_t *)value, strlen(value)))
				fail_msg("%s does not let %s", expression, value);
		}
		rules_filter_free(filter);
		scan_scratch_free(scratch);
		scan_database_free(database);
	}
	assert_true(compiled > 300 && matched > 3000);
}

static void many_names_let_few_others(void **)
{
	enum {
		COUNT = 10000
	};
	struct scan_pattern *patterns = calloc(COUNT, sizeof(*patterns));
	struct rules_filter *filter;
	unsigned let = 0;
	char *text;

	assert_non_null(patterns);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_true(asprintf(&text, "host%u\\.example", i) > 0);
		patterns[i] = (struct scan_pattern){ text, true, true };
	}
	filter = rules_filter_create(patterns, COUNT);
	assert_non_null(filter);
	for (unsigned i = 0; i < 2 * COUNT; i++) {
		char value[32];
		int length = snprintf(value, sizeof(value), "host%u.example", i);
		bool is_let = rules_filter_lets(filter, (const uint8_t *)value, length);

		if (i < COUNT)
			assert_true(is_let);
		else
			let += is_let;
	}
	assert_in_range(let, 0, COUNT / 20);
	for (unsigned i = 0; i < COUNT; i++)
		free((char *)patterns[i].expression);
	free(patterns);
	rules_filter_free(filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_let_only_themselves),
		cmocka_unit_test(other_patterns_let_by_their_first_byte),
		cmocka_unit_test(what_is_not_understood_lets_all),
		cmocka_unit_test(nothing_that_matches_is_kept_back),
		cmocka_unit_test(many_names_let_few_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

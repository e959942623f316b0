// SPDX-License-Identifier: BSD-3-Clause
#include "scan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	MANY = 2000
};

// Whether one pattern matches one value of `length` bytes.
static bool matches(struct scan_pattern pattern, const void *data, size_t length)
{
	char message[256] = "";
	struct scan_database *database;
	struct scan_scratch *scratch;
	uint32_t found[2];
	unsigned count;

	if (scan_check(&pattern, message, sizeof(message)) < 0)
		fail_msg("%s: %s", pattern.expression, message);
	database = scan_compile(&pattern, 1);
	assert_non_null(database);
	scratch = scan_scratch_create(&database, 1);
	assert_non_null(scratch);
	count = scan_block(database, scratch, data, length, found, 2);
	assert_in_range(count, 0, 1);
	if (count == 1)
		assert_int_equal(found[0], 0);
	scan_scratch_free(scratch);
	scan_database_free(database);
	return count == 1;
}

static void the_start_decides(void **)
{
	static const struct {
		const char *expression;
		size_t reach;
	} cases[] = {
		{ "^abc", 4 },
		{ "^(abc|de)f?", 5 },
		{ "^[|(a]b|", SIZE_MAX },
		{ "^[]|(a]b", 3 },
		{ "^[^]|(a]b\\|", 4 },
		{ "^ab(c|d)", 4 },
		{ "^\\x13a{2,9}", 11 },
		{ "^a\\B", 2 },
		{ "^", 1 },
		{ "^a+", SIZE_MAX },
		{ "^a$", SIZE_MAX },
		{ "^a\\b", SIZE_MAX },
		{ "^a(b|$)", SIZE_MAX },
		{ "^a\\z", SIZE_MAX },
		{ "^*ab", SIZE_MAX },
		{ "^?ab", SIZE_MAX },
		{ "^a|b", SIZE_MAX },
		{ "(^a|b)", SIZE_MAX },
		{ "(?i)^a", SIZE_MAX }, // it does, but we do not look so closely
		{ "^[[:alpha:](]|b", SIZE_MAX },
		{ "^(?#()a|b", SIZE_MAX },
		{ "^(?m)a", SIZE_MAX },
		{ "^(?:ab|c)#", 4 },
		{ "^\\Q(\\Ea|b", SIZE_MAX },
		{ "abc", SIZE_MAX },
		{ "\\^abc", SIZE_MAX },
		{ "", SIZE_MAX },
	};
	static const char alphabet[] = "aaabbc\x13(|]^d";
	char value[16];

	srand(1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct scan_pattern pattern = { cases[i].expression, false, false };
		const size_t reach = scan_reach(&pattern);

		if (reach != cases[i].reach)
			fail_msg("%s: %zu", pattern.expression, reach);
		assert_true(scan_reach(&(struct scan_pattern){ pattern.expression, true, false }) ==
				SIZE_MAX);
		if (reach >= sizeof(value))
			continue;
		for (int round = 0; round < 200; round++) {
			for (size_t k = 0; k < sizeof(value); k++)
				value[k] = alphabet[rand() % (sizeof(alphabet) - 1)];
			assert_true(matches(pattern, value, sizeof(value)) ==
					matches(pattern, value, reach));
		}
	}
}

static void whole_values_and_parts(void **)
{
	static const struct {
		const char *expression;
		bool whole, caseless;
		const char *value;
		bool matches;
	} cases[] = {
		{ "ui\\.skype\\.com", true, false, "ui.skype.com", true },
		{ "ui\\.skype\\.com", true, false, "www.skype.com", false },
		{ "ui\\.skype\\.com", true, false, "xui.skype.com", false },
		{ "ui\\.skype\\.com", true, false, "ui.skype.com.evil.example", false },
		{ "ui\\.skype\\.com", true, false, "ui.skype.com.", false },
		{ "ui\\.skype\\.com", true, false, "ui.skype.com\n", false },
		{ "ui\\.skype\\.com", true, false, "x\nui.skype.com", false },
		{ "ui\\.skype\\.com", true, false, "ui.skype.co", false },
		{ "ui\\.skype\\.com", true, false, "uixskype.com", false },
		{ "ui\\.skype\\.com", true, false, "UI.skype.com", false },
		{ "ui\\.skype\\.com", true, true, "UI.skype.com", true },
		{ "ui\\.skype\\.com", true, false, "", false },
		{ "(?i)get", true, false, "GET", true },
		{ "(?i)get", true, false, "GETS", false },
		{ "a|bc", true, false, "a", true },
		{ "a|bc", true, false, "bc", true },
		{ "a|bc", true, false, "ac", false },
		{ "a|bc", true, false, "ab", false },
		{ "^abc$", true, false, "abc", true },
		{ "^abc$", true, false, "abc\n", false },
		{ "(?m)^abc$", true, false, "x\nabc", false },
		{ "a.*b", true, false, "a\nb", true },
		{ ".*", true, false, "", true },
		{ ".*", true, false, "anything", true },
		{ "a*", true, false, "", true },
		{ "a*", true, false, "b", false },
		{ "\\xff.", true, false, "\xff\xc3", true },
		{ "b", false, false, "abbbc", true },
		{ "^b", false, false, "abbbc", false },
		{ "^a", false, false, "abbbc", true },
		{ "B", false, false, "abbbc", false },
		{ "B", false, true, "abbbc", true },
		{ "b*", false, false, "", true },
		{ "b", false, false, "", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scan_pattern pattern = { cases[i].expression, cases[i].whole,
			cases[i].caseless };

		if (matches(pattern, cases[i].value, strlen(cases[i].value)) != cases[i].matches)
			fail_msg("%s on '%s'", cases[i].expression, cases[i].value);
	}
	assert_true(matches((struct scan_pattern){ ".*", true, false }, NULL, 0));
	assert_false(matches((struct scan_pattern){ "a", false, false }, NULL, 0));
	assert_true(matches((struct scan_pattern){ "a\\x00b", true, false }, "a\0b", 3));
}

static void says_why_a_pattern_is_refused(void **)
{
	static const struct {
		const char *expression;
		bool whole;
		const char *message;
	} cases[] = {
		{ "a(b", true, "Missing close parenthesis for group started at index 1." },
		{ "a(b", false, "Missing close parenthesis for group started at index 1." },
		{ "a)|(?:b", true, "Unmatched parentheses at index 1." },
		{ "[a", false, "Unterminated character class starting at index 0." },
		{ "(?<=a)b", true, "Zero-width assertions are not supported." },
		{ "(a)\\1", true, "Back-references are unsupported." },
		{ "a{2,1}", true, "Invalid repeat at index 1." },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scan_pattern pattern = { cases[i].expression, cases[i].whole, false };
		char message[256] = "";

		assert_int_equal(scan_check(&pattern, message, sizeof(message)), -EINVAL);
		assert_string_equal(message, cases[i].message);
	}
	assert_null(scan_compile(&(struct scan_pattern){ "a(b", true, false }, 1));
	assert_int_equal(errno, EINVAL);
	assert_null(scan_compile(NULL, 0));
	assert_int_equal(errno, EINVAL);
}

// Each pattern that matches once, the right ones, never more than there is room for.
static void many_patterns_in_one_scan(void **)
{
	struct scan_pattern patterns[MANY];
	char *expressions[MANY];
	struct scan_database *databases[3] = { NULL };
	struct scan_scratch *scratch;
	uint32_t found[4];

	for (unsigned i = 0; i < MANY; i++) {
		assert_true(asprintf(&expressions[i], "h%u\\.example", i % (MANY - 3)) > 0);
		patterns[i] = (struct scan_pattern){ expressions[i], i != MANY - 1, false };
	}
	databases[0] = scan_compile(patterns, MANY);
	databases[2] = scan_compile(&(struct scan_pattern){ "x", false, false }, 1);
	assert_non_null(databases[0]);
	assert_true(scan_database_bytes(databases[0]) > 0);
	scratch = scan_scratch_create(databases, 3);
	assert_non_null(scratch);
	assert_true(scan_scratch_bytes(scratch) > 0);

	assert_int_equal(scan_block(databases[0], scratch, "h77.example", 11, found, 4), 1);
	assert_int_equal(found[0], 77);
	assert_int_equal(scan_block(databases[0], scratch, "h1.example", 10, found, 4), 2);
	assert_int_equal(found[0] + found[1], 1 + MANY - 2);
	// Pattern MANY - 1 is `h2.example` once more, searched.
	assert_int_equal(scan_block(databases[0], scratch, "h2.example h2.example", 21, found, 4),
			1);
	assert_int_equal(found[0], MANY - 1);
	assert_int_equal(scan_block(databases[0], scratch, "h2.example", 10, found, 1), 1);
	assert_int_equal(scan_block(databases[0], scratch, "h2.example", 10, found, 0), 0);
	assert_int_equal(scan_block(databases[0], scratch, "h9999.example", 13, found, 4), 0);
	assert_int_equal(scan_block(databases[2], scratch, "xxx", 3, found, 4), 1);

	scan_scratch_free(scratch);
	for (unsigned i = 0; i < 3; i++)
		scan_database_free(databases[i]);
	for (unsigned i = 0; i < MANY; i++)
		free(expressions[i]);
}

static void nothing_to_scan_for(void **)
{
	struct scan_database *databases[2] = { NULL };
	struct scan_scratch *scratch = scan_scratch_create(databases, 2);

	assert_non_null(scratch);
	assert_int_equal(scan_scratch_bytes(scratch), 0);
	scan_scratch_free(scratch);
	scan_scratch_free(NULL);
	scan_database_free(NULL);
	assert_memory_equal(scan_engine(), "Hyperscan 5.", 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_start_decides),
		cmocka_unit_test(whole_values_and_parts),
		cmocka_unit_test(says_why_a_pattern_is_refused),
		cmocka_unit_test(many_patterns_in_one_scan),
		cmocka_unit_test(nothing_to_scan_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

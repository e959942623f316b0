// SPDX-License-Identifier: BSD-3-Clause
#include "yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct yaml_file *parse(const char *text, struct complaints *complaints)
{
	return yaml_parse(text, strlen(text), "f", complaints);
}

static void expect_lines(struct complaints *complaints, const char *const *lines)
{
	unsigned count = 0;

	for (; lines[count] != NULL; count++) {
		assert_in_range(count + 1, 1, complaints->count);
		assert_string_equal(complaints->lines[count], lines[count]);
	}
	assert_int_equal(complaints->count, count);
	complaints_fini(complaints);
	assert_int_equal(complaints->count, 0);
}

static const char sample[] = "# a comment\n"
			     "pairs:\n"
			     "  - {inside: a, outside: \"b\\u00e4\"}\n"
			     "  - &second\n"
			     "    inside: 'it''s'\n"
			     "list: [1, *second, []]\n"
			     "empty:\n"
			     "text: |\n"
			     "  two\n"
			     "  lines\n";

static void reads_trees_with_places(void **)
{
	struct complaints complaints = { 0 };
	struct yaml_file *file = parse(sample, &complaints);
	const struct yaml_node *root, *pairs, *list;

	assert_non_null(file);
	assert_int_equal(complaints.count, 0);
	root = yaml_root(file);
	assert_int_equal(yaml_kind(root), YAML_MAP);
	assert_int_equal(yaml_count(root), 4);
	assert_string_equal(yaml_text(yaml_key(root, 1)), "list");
	assert_string_equal(yaml_text(root), "");
	pairs = yaml_get(root, "pairs");
	assert_int_equal(yaml_kind(pairs), YAML_LIST);
	assert_int_equal(yaml_count(pairs), 2);
	assert_string_equal(yaml_text(yaml_get(yaml_item(pairs, 0), "outside")), "b\xc3\xa4");
	assert_string_equal(yaml_text(yaml_get(yaml_item(pairs, 1), "inside")), "it's");
	list = yaml_get(root, "list");
	assert_ptr_equal(yaml_item(list, 1), yaml_item(pairs, 1));
	assert_int_equal(yaml_count(yaml_item(list, 2)), 0);
	assert_int_equal(yaml_place(yaml_item(list, 2)).line, 6);
	assert_int_equal(yaml_place(yaml_item(list, 2)).column, 20);
	assert_int_equal(yaml_kind(yaml_get(root, "empty")), YAML_SCALAR);
	assert_string_equal(yaml_text(yaml_value(root, 3)), "two\nlines\n");
	assert_null(yaml_get(root, "nothing"));
	assert_null(yaml_get(list, "nothing"));
	yaml_close(file);
}

static void an_empty_file_is_an_empty_map(void **)
{
	static const char *const texts[] = { "", "\n", "# nothing\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct complaints complaints = { 0 };
		struct yaml_file *file = parse(texts[i], &complaints);

		assert_non_null(file);
		assert_int_equal(yaml_kind(yaml_root(file)), YAML_MAP);
		assert_int_equal(yaml_count(yaml_root(file)), 0);
		assert_null(yaml_get(yaml_root(file), "a"));
		yaml_complain(&complaints, yaml_root(file), "no %s", "pairs");
		expect_lines(&complaints, (const char *const[]){ "f:1:1: no pairs", NULL });
		yaml_close(file);
	}
}

static void says_what_is_wrong_and_where(void **)
{
	static const struct {
		const char *text;
		const char *lines[5];
	} cases[] = {
		{ "a: [1, 2\nb: 3\n",
				{ "f:2:2: not YAML: did not find expected ',' or ']', while parsing a "
				  "flow sequence that starts at line 1" } },
		{ "a: 1\n\tb: 2\n",
				{ "f:2:1: not YAML: found a tab character that violates indentation, "
				  "while scanning a plain scalar that starts at line 1" } },
		{ "a: 1\nb\x01: 2\n", { "f:2:2: not YAML: control characters are not allowed" } },
		{ "a: *b\n", { "f:1:4: not YAML: found undefined alias" } },
		{ "a: 1\n---\nb: 2\n", { "f:2:1: a second document: a file holds one" } },
		{ "a: 1\nb: {x: 1, x: 2}\na: 3\nb: 4\na: 5\n",
				{ "f:3:1: key 'a' is already at line 1:1",
						"f:5:1: key 'a' is already at line 1:1",
						"f:4:1: key 'b' is already at line 2:1",
						"f:2:11: key 'x' is already at line 2:5" } },
		{ "[a, b]: 1\n{c: d}: 2\n",
				{ "f:1:1: a key must be a word", "f:2:1: a key must be a word" } },
		{ "a: \"b\\0c\"\n", { "f:1:4: text with a NUL byte" } },
		{ "a: &x [1, [*x]]\n", { "f:1:4: an alias inside of what it stands for" } },
		{ "a: &x {b: *x}\n", { "f:1:4: an alias inside of what it stands for" } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct complaints complaints = { 0 };

		assert_null(parse(cases[i].text, &complaints));
		expect_lines(&complaints, cases[i].lines);
	}
}

static void walks_are_bounded(void **)
{
	char bomb[4096] = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
	char deep[256] = "";
	struct complaints complaints = { 0 };
	struct yaml_file *file;

	for (int i = 1; i < 8; i++)
		snprintf(bomb + strlen(bomb), sizeof(bomb) - strlen(bomb),
				"a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
				i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_null(parse(bomb, &complaints));
	expect_lines(&complaints,
			(const char *const[]){ "f:7:5: more than 4194304 values, aliases written "
					       "out",
					NULL });

	memset(deep, '[', 63);
	memset(deep + 63, ']', 63);
	file = parse(deep, &complaints);
	assert_non_null(file);
	yaml_close(file);
	memset(deep, '[', 64);
	memset(deep + 64, ']', 64);
	assert_non_null(file = parse(deep, &complaints));
	yaml_close(file);
	memset(deep, '[', 65);
	memset(deep + 65, ']', 65);
	assert_null(parse(deep, &complaints));
	expect_lines(&complaints,
			(const char *const[]){ "f:1:65: nested deeper than 64 levels", NULL });
	// The same depth by way of an alias.
	assert_null(parse(
			"a: &x [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
			"b: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[*x]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
			&complaints));
	expect_lines(&complaints,
			(const char *const[]){ "f:1:4: nested deeper than 64 levels", NULL });
}

static void files_that_cannot_be_read(void **)
{
	const size_t size = (16 << 20) + 1;
	struct complaints complaints = { 0 };
	char path[] = "/tmp/yaml_test.XXXXXX";
	struct yaml_file *file;
	char *text;
	int fd;

	assert_null(yaml_open("/nowhere/x.yaml", &complaints));
	assert_null(yaml_open("/", &complaints));
	expect_lines(&complaints,
			(const char *const[]){ "/nowhere/x.yaml: cannot be read: No such file or "
					       "directory (look at the path and its permissions)",
					"/: cannot be read: Is a directory (look at the path and "
					"its permissions)",
					NULL });

	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, sample, strlen(sample)), strlen(sample));
	file = yaml_open(path, &complaints);
	assert_non_null(file);
	assert_string_equal(yaml_place(yaml_root(file)).file, path);
	yaml_close(file);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_null(yaml_open(path, &complaints));
	assert_int_equal(complaints.count, 1);
	assert_non_null(strstr(complaints.lines[0], ": larger than 16 MiB, the most that is read"));
	complaints_fini(&complaints);
	close(fd);
	unlink(path);

	text = malloc(size);
	memset(text, '\n', size);
	assert_null(yaml_parse(text, size, "f", &complaints));
	expect_lines(&complaints,
			(const char *const[]){
					"f: larger than 16 MiB, the most that is read", NULL });
	free(text);
}

static void complaints_name_what_would_do(void **)
{
	static const char *const words[] = { "forward", "tag", "drop", NULL };
	struct complaints complaints = { 0 };
	struct yaml_file *file = parse("a: frowrad\nb: tagg\nc: [1]\n"
				       "d: 4095\ne: -1\nf: 12x\ng: 99999999999999999999\nh: 4094\n"
				       "i: 1\nj: ''\n"
				       "k: \"line\\nbreak\"\n",
			&complaints);
	const struct yaml_node *root = yaml_root(file);
	unsigned long number = 0;

	yaml_complain_word(&complaints, yaml_get(root, "a"), "action", words);
	yaml_complain_word(&complaints, yaml_get(root, "b"), "action", words);
	assert_false(yaml_expect(&complaints, yaml_get(root, "c"), YAML_MAP));
	assert_true(yaml_expect(&complaints, yaml_get(root, "c"), YAML_LIST));
	for (const char *key = "cdefgj"; *key != '\0'; key++)
		assert_false(yaml_number(&complaints, yaml_get(root, (const char[]){ *key, '\0' }),
				1, 4094, &number));
	assert_true(yaml_number(&complaints, yaml_get(root, "h"), 1, 4094, &number));
	assert_int_equal(number, 4094);
	assert_true(yaml_number(&complaints, yaml_get(root, "i"), 1, 4094, &number));
	assert_int_equal(number, 1);
	yaml_complain(&complaints, yaml_get(root, "k"), "'%s'", yaml_text(yaml_get(root, "k")));
	complain(&complaints, "no %s", "place");
	expect_lines(&complaints,
			(const char *const[]){ "f:1:4: 'frowrad' is no action; did you mean "
					       "'forward'? There are: forward, tag, drop",
					"f:2:4: 'tagg' is no action; did you mean 'tag'? There "
					"are: forward, tag, drop",
					"f:3:4: this must be a map (key: value), not a list",
					"f:3:4: this must be a single value, not a list",
					"f:4:4: '4095' is no number from 1 to 4094",
					"f:5:4: '-1' is no number from 1 to 4094",
					"f:6:4: '12x' is no number from 1 to 4094",
					"f:7:4: '99999999999999999999' is no number from 1 to 4094",
					"f:10:4: '' is no number from 1 to 4094",
					"f:11:4: 'line?break'", "no place", NULL });
	yaml_close(file);
}

static void every_prefix_is_safe(void **)
{
	for (size_t length = 0; length <= strlen(sample); length++) {
		struct complaints complaints = { 0 };
		char *text = malloc(length + 1); // so that a sanitizer sees its end

		memcpy(text, sample, length);
		text = realloc(text, length > 0 ? length : 1);
		yaml_close(yaml_parse(text, length, "f", &complaints));
		complaints_fini(&complaints);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_trees_with_places),
		cmocka_unit_test(an_empty_file_is_an_empty_map),
		cmocka_unit_test(says_what_is_wrong_and_where),
		cmocka_unit_test(walks_are_bounded),
		cmocka_unit_test(files_that_cannot_be_read),
		cmocka_unit_test(complaints_name_what_would_do),
		cmocka_unit_test(every_prefix_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

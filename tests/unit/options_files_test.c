// SPDX-License-Identifier: BSD-3-Clause
// What a configuration includes, and that what is shown of it says the same.
#include "../../app/options.h"
#include "../../app/options_digest.h"
#include "../../app/options_print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/wiretag-options-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **)
{
	char path[256];

	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/conf.d", folder);
	return mkdir(path, 0700);
}

static int tear_down(void **)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static struct options *load(struct complaints *complaints)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/main.yaml", folder);
	return options_load(path, complaints);
}

static void check_complaints(const char *lines)
{
	struct complaints complaints = { 0 };
	struct options *options = load(&complaints);
	char *seen = NULL, expected[1024];
	size_t size;
	FILE *stream = open_memstream(&seen, &size);

	complaints_print(&complaints, stream);
	fclose(stream);
	snprintf(expected, sizeof(expected), lines, folder);
	assert_string_equal(seen, expected);
	free(seen);
	options_free(options);
	complaints_fini(&complaints);
}

static void last_file_counts(void **)
{
	struct complaints complaints = { 0 };
	struct options *options;

	write_file("main.yaml", "include: [conf.d/*.yaml, none.d/*]\nmtu: 1000\nworkers: 1\n");
	write_file("conf.d/20-b.yaml", "mtu: 3000\nflows: {capacity: 64}\n");
	write_file("conf.d/10-a.yaml", "mtu: 2000\nrule_files: [r.yaml]\n");
	write_file("conf.d/r.yaml", "rules: []\n");
	options = load(&complaints);
	complaints_print(&complaints, stderr);
	// r.yaml is no configuration of its own, but is found by the pattern.
	assert_int_equal(complaints.count, 0);
	assert_int_equal(options->mtu, 3000);
	assert_int_equal(options->workers, 1);
	assert_int_equal(options->flows_capacity, 64);
	assert_int_equal(options->included_count, 3);
	options_free(options);
}

static void complains_with_places(void **)
{
	write_file("main.yaml", "include: [conf.d/10-a.yaml, missing.yaml]\n");
	write_file("conf.d/10-a.yaml", "include: [x]\nmtu: 1\n");
	check_complaints("%1$s/conf.d/10-a.yaml:2:6: '1' is no number from 64 to 9600\n"
			 "%1$s/conf.d/10-a.yaml:1:10: an included file includes no others\n"
			 "%1$s/main.yaml:1:29: there is no file '%1$s/missing.yaml'\n");
}

static char *dump(const struct options *options)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	options_dump(options, stream);
	fclose(stream);
	return text;
}

static void dump_says_the_same(void **)
{
	struct complaints complaints = { 0 };
	struct options *options, *again;
	char *first, *second;

	write_file("main.yaml",
			"include: [conf.d/10-a.yaml]\n"
			"ports: {lan: 'net_null0,copy=1', wan: \"0000:3b:00.0\"}\n"
			"pairs: [{name: w, inside: lan, outside: wan}]\n"
			"rules: [{id: 1, app: a, match: {http.host: 'a\\\\\"b\\t\"'}}]\n"
			"policy:\n  a: {tag: {dscp: cs1}}\n");
	write_file("conf.d/10-a.yaml",
			"rule_files: [../r.yaml]\nlcores: {workers: [2, 3]}\n"
			"metrics: {web_config: web.yaml}\n");
	options = load(&complaints);
	first = dump(options);
	assert_int_equal(complaints.count, 0);
	assert_non_null(strstr(first, "/conf.d/../r.yaml"));
	assert_non_null(strstr(first, "/conf.d/web.yaml"));
	again = options_parse(first, strlen(first), "dump", &complaints);
	complaints_print(&complaints, stderr);
	assert_int_equal(complaints.count, 0);
	second = dump(again);
	assert_string_equal(first, second);
	assert_true(yaml_equal(options->rules, again->rules));
	assert_int_equal(again->cpu_count, 2);
	free(first);
	free(second);
	options_free(options);
	options_free(again);
}

// What main.yaml comes to with this text, and r.yaml with that one.
static const char *digest_of(const char *main, const char *rules)
{
	static char digests[8][POLICY_DIGEST_BYTES];
	static unsigned next;
	struct complaints complaints = { 0 };
	struct options *options;
	char *digest = digests[next++ % 8];

	write_file("main.yaml", main);
	write_file("r.yaml", rules);
	options = load(&complaints);
	complaints_print(&complaints, stderr);
	assert_int_equal(complaints.count, 0);
	options_digest(options, digest);
	options_free(options);
	assert_int_equal(strlen(digest), POLICY_DIGEST_BYTES - 1);
	return digest;
}

static void digest_is_of_what_is_configured(void **)
{
	const char *digest = digest_of("rule_files: [r.yaml]\n", "rules: []\n");

	// How it is written, and a default that is written out, make no difference.
	assert_string_equal(digest,
			digest_of("# a\nmtu:   1500\nrule_files:\n - r.yaml\n", "rules: []\n"));
	assert_string_not_equal(
			digest, digest_of("mtu: 1501\nrule_files: [r.yaml]\n", "rules: []\n"));
	assert_string_not_equal(digest, digest_of("rule_files: [r.yaml]\n", "rules: [ ]\n"));
	// A folder stands for what is in it.
	write_file("conf.d/a.yaml", "rules: []\n");
	digest = digest_of("rule_files: [conf.d]\n", "");
	write_file("conf.d/a.yaml", "rules:  []\n");
	assert_string_not_equal(digest, digest_of("rule_files: [conf.d]\n", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_file_counts),
		cmocka_unit_test(complains_with_places),
		cmocka_unit_test(dump_says_the_same),
		cmocka_unit_test(digest_is_of_what_is_configured),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "ctl/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct view view;
static const char *state = "polls"; // of the worker

// A summary of a pair, a worker and `hosts` hosts, the first one in a call; counters follow from
// `seconds`.
static json_t *make_summary(int seconds, int hosts)
{
	json_t *summary = json_pack(
			"{s:I, s:{s:b, s:I, s:I, s:s}, s:[{s:s, s:s, s:I, s:I, s:I}], "
			"s:[{s:i, s:s, s:I, s:I, s:I}], s:[], s:[{s:s, s:s, s:s, s:s, s:s}]}",
			"time_ns", (json_int_t)seconds * 1000000000, "status", "ready", 1,
			"received_packets", (json_int_t)seconds * 1500, "received_bytes",
			(json_int_t)seconds * 96000, "mode", "inline", "pairs", "from", "lan", "to",
			"wan", "received", (json_int_t)seconds * 1500, "bytes",
			(json_int_t)seconds * 96000, "dropped", (json_int_t)seconds * 7, "workers",
			"lcore", 1, "state", state, "cycles", (json_int_t)seconds * 1000,
			"busy_cycles", (json_int_t)seconds * 250, "packets",
			(json_int_t)seconds * 1500, "hosts", "calls", "ip", "192.0.2.1", "app",
			"skype", "step", "media", "since", "2026-01-02T03:04:05.678+0000", "last",
			"2026-01-02T03:05:06.789+0000");

	assert_non_null(summary);
	for (int i = 0; i < hosts; i++)
		json_array_append_new(json_object_get(summary, "hosts"),
				json_pack("{s:s, s:s}", "ip", "192.0.2.1", "app", "skype"));
	return summary;
}

static int fill(int rows, int hosts)
{
	json_t *before = make_summary(10, hosts), *now = make_summary(12, hosts);

	view_fill(&view, before, now, rows);
	json_decref(before);
	json_decref(now);
	return view.count;
}

static const char *line_with(const char *word)
{
	for (int i = 0; i < view.count; i++) {
		if (strstr(view.lines[i].text, word) != NULL)
			return view.lines[i].text;
	}
	return "";
}

static void test_rates_are_of_the_time_between(void **)
{
	fill(24, 3);
	assert_non_null(strstr(line_with("lan > wan"), " 1.50 k"));
	assert_non_null(strstr(line_with("lan > wan"), " 768.00 k")); // bits
	assert_non_null(strstr(line_with("#####..............."), " 25.0 %"));
	assert_non_null(strstr(view.lines[1].text, "1.50 kpkt/s"));
}

static void test_worker_that_hangs(void **)
{
	state = "HANGS";
	fill(24, 0);
	state = "polls";
	assert_non_null(strstr(line_with("HANGS"), "HANGS                 25.0 %"));
}

static void test_calls(void **)
{
	fill(24, 0);
	assert_non_null(strstr(line_with("CALLS NOW"), "STEP"));
	assert_string_equal(line_with("192.0.2.1"),
			"192.0.2.1         skype       media         03:04:05   03:05:06  ");
}

// Never more lines than rows; no title without a row below it; every section gets some.
static void test_any_number_of_rows(void **)
{
	for (int rows = 0; rows < VIEW_ROWS_MAX + 50; rows++) {
		int count = fill(rows, 40);

		assert_true(count <= rows && count <= VIEW_ROWS_MAX);
		for (int i = 0; i < count; i++)
			assert_false(view.lines[i].is_title &&
					(i + 1 == count || view.lines[i + 1].is_title));
	}
	fill(24, 40);
	assert_int_equal(view.count, 24);
	assert_string_not_equal(line_with("WORKER"), "");
	assert_string_not_equal(line_with("HOST"), "");
}

static void test_nothing_before(void **)
{
	json_t *now = make_summary(12, 1);
	char line[VIEW_LINE_BYTES];

	view_fill(&view, NULL, now, 24);
	assert_non_null(strstr(line_with("lan > wan"), " 0 "));
	view_log(line, NULL, now);
	assert_non_null(strstr(line, "1970-01-01T00:00:12Z ready received 0 pkt/s"));
	json_decref(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_are_of_the_time_between),
		cmocka_unit_test(test_worker_that_hangs),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_any_number_of_rows),
		cmocka_unit_test(test_nothing_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

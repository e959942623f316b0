// SPDX-License-Identifier: BSD-3-Clause
// The page as a scraper reads it: the test parses the text and knows nothing of metric.c.
#include "metric.h"
#include "sample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum {
	SAMPLES_MAX = 32768
};

struct sample {
	char *series; // name{labels}
	double value;
};

struct fixture {
	struct snapshot snapshot;
	struct text text;
	char *copy; // cut into lines by parse()
	struct sample samples[SAMPLES_MAX];
	unsigned count;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	return fixture == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	text_fini(&fixture->text);
	free(fixture->copy);
	free(fixture);
	return 0;
}

static void page_write(struct fixture *fixture)
{
	text_clear(&fixture->text);
	assert_int_equal(metrics_write(&fixture->text, &fixture->snapshot), 0);
	assert_int_equal(fixture->text.data[fixture->text.length - 1], '\n');
	free(fixture->copy);
	fixture->copy = strdup(fixture->text.data);
	assert_non_null(fixture->copy);
}

static void page_parse(struct fixture *fixture)
{
	char *rest;

	page_write(fixture);
	rest = fixture->copy;
	fixture->count = 0;
	for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
		char *space = strrchr(line, ' ');
		char *end;

		if (line[0] == '#')
			continue;
		assert_non_null(space);
		assert_true(fixture->count < SAMPLES_MAX);
		*space = '\0';
		fixture->samples[fixture->count] = (struct sample){ line, strtod(space + 1, &end) };
		assert_true(end != space + 1 && *end == '\0');
		fixture->count++;
	}
}

static double value_of(const struct fixture *fixture, const char *series)
{
	for (unsigned i = 0; i < fixture->count; i++)
		if (strcmp(fixture->samples[i].series, series) == 0)
			return fixture->samples[i].value;
	fail_msg("no series %s", series);
	return NAN;
}

// The sum of all series of `name` whose labels contain `with`; at least one has to be there.
static double sum_of(const struct fixture *fixture, const char *name, const char *with)
{
	double sum = 0;
	bool found = false;

	for (unsigned i = 0; i < fixture->count; i++) {
		const char *series = fixture->samples[i].series;
		size_t length = strcspn(series, "{");

		if (length != strlen(name) || strncmp(series, name, length) != 0 ||
				strstr(series, with) == NULL)
			continue;
		sum += fixture->samples[i].value;
		found = true;
	}
	if (!found)
		fail_msg("no series %s with %s", name, with);
	return sum;
}

static int compare_series(const void *a, const void *b)
{
	return strcmp(((const struct sample *)a)->series, ((const struct sample *)b)->series);
}

static void has_no_series_twice(void **state)
{
	struct fixture *fixture = *state;

	sample_fill_most(&fixture->snapshot);
	page_parse(fixture);
	qsort(fixture->samples, fixture->count, sizeof(fixture->samples[0]), compare_series);
	for (unsigned i = 1; i < fixture->count; i++)
		assert_string_not_equal(fixture->samples[i - 1].series, fixture->samples[i].series);
}

// A sample's name without what belongs to histograms only.
static size_t family_length(const char *series, const char *family)
{
	static const char *const suffixes[] = { "_bucket", "_sum", "_count" };
	size_t length = strlen(family);

	for (unsigned i = 0; i < 3; i++) {
		size_t suffix = strlen(suffixes[i]);

		if (strncmp(series + length, suffixes[i], suffix) == 0)
			return length + suffix;
	}
	return length;
}

// HELP, TYPE, then nothing but samples of that metric; and no metric has two groups.
static void has_one_group_a_metric(void **state)
{
	struct fixture *fixture = *state;
	const char *family = "";
	char *rest;
	char *again;

	sample_fill(&fixture->snapshot, 1);
	page_write(fixture);
	rest = fixture->copy;
	for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
		size_t length = strlen(family);

		if (strncmp(line, "# HELP ", 7) == 0) {
			family = line + 7;
			line = strchr(family, ' ');
			assert_non_null(line);
			assert_true(strlen(line) > 4);
			*line = '\0';
			assert_true(asprintf(&again, "# HELP %s ", family) > 0);
			line = strstr(fixture->text.data, again);
			assert_null(strstr(line + 1, again));
			free(again);
			length = strlen(family);
			assert_int_equal(strncmp(rest, "# TYPE ", 7), 0);
			assert_int_equal(strncmp(rest + 7, family, length), 0);
			assert_int_equal(rest[7 + length], ' ');
			strsep(&rest, "\n");
			continue;
		}
		assert_int_equal(strncmp(line, family, length), 0);
		length = family_length(line, family);
		assert_true(line[length] == '{' || line[length] == ' ');
	}
}

// What a scrape of a large machine costs the manager: processor time, the best of some tries, as
// others may be at work.
static void is_written_in_less_than_20_ms_with_16_workers(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *snapshot = &fixture->snapshot;
	double best_ms = 1e9;

	sample_fill_most(snapshot);
	snapshot->worker_count = 16;
	snapshot->queue_count = 16 * SNAPSHOT_PORTS_MAX;
	for (int i = 0; i < 5; i++) {
		struct timespec start, end;
		double ms;

		text_clear(&fixture->text);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
		assert_int_equal(metrics_write(&fixture->text, snapshot), 0);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		ms = (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6;
		best_ms = ms < best_ms ? ms : best_ms;
	}
	print_message("%zu bytes in %.1f ms\n", fixture->text.length, best_ms);
	assert_true(best_ms < 20);
}

// Names and labels are what dashboards and alerts rest on.
static void keeps_its_names(void **state)
{
	struct fixture *fixture = *state;
	struct text names = { 0 };
	FILE *golden = fopen(GOLDEN, "r");
	char *want = NULL;
	size_t size = 0;
	char *rest;

	assert_non_null(golden);
	assert_true(getdelim(&want, &size, '\0', golden) > 0);
	fclose(golden);
	sample_fill(&fixture->snapshot, 1);
	page_write(fixture);
	rest = fixture->copy;
	for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
		if (strncmp(line, "# TYPE ", 7) != 0)
			continue;
		text_add(&names, line + 7);
		// The labels of its first sample.
		for (const char *at = strpbrk(rest, "{\n"); *at == '{' || *at == ',';) {
			size_t length = strcspn(++at, "=");

			text_printf(&names, " %.*s", (int)length, at);
			for (at += length + 2; *at != '"'; at++)
				at += *at == '\\';
			at++;
		}
		text_add(&names, "\n");
	}
	if (strcmp(names.data, want) != 0) {
		fprintf(stderr, "%s", names.data);
		fail_msg("the names above are not those of %s", GOLDEN);
	}
	text_fini(&names);
	free(want);
}

static void escapes_labels(void **state)
{
	struct fixture *fixture = *state;

	sample_fill(&fixture->snapshot, 1);
	page_parse(fixture);
	value_of(fixture,
			"wiretag_port_info{port=\"p2\",device=\"net_pcap2,rx_pcap=\\\"a\\\\b\\nc\\\"\","
			"driver=\"net_pcap\",mac=\"02:00:00:00:00:02\",numa=\"0\","
			"pair=\"lab \\\"2\\\"\",side=\"inside\"}");
	sum_of(fixture, "wiretag_received_packets_total", "pair=\"lab \\\"2\\\"\"");
}

static void balances_for(const struct fixture *fixture, const char *with)
{
	double received = sum_of(fixture, "wiretag_received_packets_total", with);
	double forwarded = sum_of(fixture, "wiretag_forwarded_packets_total", with);

	assert_true(received > 0);
	assert_true(received == forwarded + sum_of(fixture, "wiretag_drop_packets_total", with));
	assert_true(forwarded ==
			sum_of(fixture, "wiretag_inspected_packets_total", with) +
					sum_of(fixture, "wiretag_past_inspection_packets_total",
							with) +
					sum_of(fixture, "wiretag_uninspected_packets_total", with));
}

static void balances(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t seed = 0; seed < 50; seed++) {
		sample_fill(&fixture->snapshot, seed);
		page_parse(fixture);
		balances_for(fixture, "");
		balances_for(fixture, "pair=\"uplink-0\",direction=\"inside_to_outside\"");
		balances_for(fixture, "pair=\"uplink-0\",direction=\"outside_to_inside\"");
		balances_for(fixture, "pair=\"lab \\\"2\\\"\",direction=\"outside_to_inside\"");
		// The queues of all workers hold what the pairs received.
		assert_true(sum_of(fixture, "wiretag_rxq_packets_total", "") ==
				sum_of(fixture, "wiretag_received_packets_total", ""));
		assert_true(sum_of(fixture, "wiretag_rxq_packets_total", "port=\"p1\"") ==
				sum_of(fixture, "wiretag_received_packets_total",
						"pair=\"uplink-0\",direction=\"outside_to_inside\""));
		assert_true(sum_of(fixture, "wiretag_port_tx_full_drops_total", "port=\"p1\"") ==
				sum_of(fixture, "wiretag_drop_packets_total",
						"pair=\"uplink-0\",direction=\"inside_to_outside\",reason=\"tx-full\""));
	}
}

static void shows_every_reason_from_the_start(void **state)
{
	struct fixture *fixture = *state;

	sample_fill(&fixture->snapshot, 1);
	for (unsigned i = 0; i < fixture->snapshot.worker_count; i++)
		memset(&fixture->snapshot.workers[i].counters, 0, sizeof(struct counters));
	page_parse(fixture);
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		const char *name = "wiretag_uninspected_packets_total";
		char with[64];

		if (reason_group(i) == REASON_GROUP_DROPPED)
			name = "wiretag_drop_packets_total";
		else if (reason_group(i) != REASON_GROUP_UNINSPECTED)
			continue;
		snprintf(with, sizeof(with), ",reason=\"%s\"", reason_label(i));
		assert_true(sum_of(fixture, name, with) == 0);
	}
}

static void histogram_adds_up(const struct fixture *fixture, const char *name, const char *lcore)
{
	char want[128];
	double bound = -1;
	double count = 0;
	double last = 0;

	for (unsigned i = 0; i < fixture->count; i++) {
		const char *series = fixture->samples[i].series;
		const char *le = strstr(series, ",le=\"");

		snprintf(want, sizeof(want), "%s_bucket{lcore=\"%s\"", name, lcore);
		if (strncmp(series, want, strlen(want)) != 0)
			continue;
		assert_non_null(le);
		assert_true(strtod(le + 5, NULL) > bound);
		bound = strtod(le + 5, NULL);
		assert_true(fixture->samples[i].value >= last);
		last = fixture->samples[i].value;
	}
	assert_true(isinf(bound));
	snprintf(want, sizeof(want), "%s_count{lcore=\"%s\"}", name, lcore);
	count = value_of(fixture, want);
	assert_true(count > 0 && count == last);
	snprintf(want, sizeof(want), "%s_sum{lcore=\"%s\"}", name, lcore);
	assert_true(value_of(fixture, want) > 0);
}

static void histograms_add_up(void **state)
{
	static const char *const lcores[] = { "1", "2", "3" };
	struct fixture *fixture = *state;

	sample_fill(&fixture->snapshot, 7);
	fixture->snapshot.workers[0].counters.burst_cycles[0] = 41;
	fixture->snapshot.workers[0].counters.burst_cycles[1] = 1;
	fixture->snapshot.workers[0].counters.burst_cycles_sum = 5000000000;
	page_parse(fixture);
	for (unsigned i = 0; i < 3; i++) {
		histogram_adds_up(fixture, "wiretag_lcore_rx_burst_packets", lcores[i]);
		histogram_adds_up(fixture, "wiretag_burst_duration_seconds", lcores[i]);
		histogram_adds_up(fixture, "wiretag_regex_scan_duration_seconds", lcores[i]);
	}
	// 256 and 512 cycles at 2.5 GHz.
	assert_true(value_of(fixture,
				    "wiretag_burst_duration_seconds_bucket{lcore=\"1\",le=\"1.024e-07\"}") ==
			41);
	assert_true(value_of(fixture,
				    "wiretag_burst_duration_seconds_bucket{lcore=\"1\",le=\"2.048e-07\"}") ==
			42);
	assert_true(value_of(fixture, "wiretag_burst_duration_seconds_sum{lcore=\"1\"}") == 2);
	value_of(fixture, "wiretag_lcore_rx_burst_packets_bucket{lcore=\"1\",le=\"0\"}");
	value_of(fixture, "wiretag_lcore_rx_burst_packets_bucket{lcore=\"1\",le=\"64\"}");
}

static void writes_times_as_seconds(void **state)
{
	struct fixture *fixture = *state;

	sample_fill(&fixture->snapshot, 1);
	fixture->snapshot.process.cpu_ns = 12000000034;
	page_write(fixture);
	assert_non_null(strstr(fixture->text.data, "\nprocess_cpu_seconds_total 12.000000034\n"));
	assert_non_null(strstr(fixture->text.data,
			"\nwiretag_lcore_last_poll_timestamp_seconds{lcore=\"1\"} 1700000000.000000000\n"));
}

// Before the first worker runs, and with the most of everything.
static void writes_the_smallest_and_the_largest(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *snapshot = &fixture->snapshot;

	memset(snapshot, 0, sizeof(*snapshot));
	page_parse(fixture);
	assert_true(value_of(fixture, "wiretag_ready") == 0);
	assert_true(value_of(fixture, "wiretag_degraded{reason=\"starting\"}") == 1);

	sample_fill_most(snapshot);
	page_parse(fixture);
	assert_true(fixture->count > 4000 && fixture->count < SAMPLES_MAX);
	assert_true(sum_of(fixture, "wiretag_rule_matches_total", "rule=\"other\"") > 1e19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(has_no_series_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(has_one_group_a_metric, setup, teardown),
		cmocka_unit_test_setup_teardown(
				is_written_in_less_than_20_ms_with_16_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_its_names, setup, teardown),
		cmocka_unit_test_setup_teardown(escapes_labels, setup, teardown),
		cmocka_unit_test_setup_teardown(balances, setup, teardown),
		cmocka_unit_test_setup_teardown(shows_every_reason_from_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(histograms_add_up, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_times_as_seconds, setup, teardown),
		cmocka_unit_test_setup_teardown(
				writes_the_smallest_and_the_largest, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

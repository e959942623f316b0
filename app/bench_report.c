// SPDX-License-Identifier: BSD-3-Clause
#include "bench_report.h"

#include "fail.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void series_finish(struct series *series)
{
	qsort(series->values, series->count, sizeof(series->values[0]), compare);
}

double series_percentile(const struct series *series, double percent)
{
	double rank = ceil(percent / 100 * series->count);

	if (series->count == 0)
		return 0;
	return series->values[rank < 1 ? 0 : (unsigned)rank - 1];
}

static double median(const struct series *series)
{
	return series_percentile(series, 50);
}

static double stage(const struct bench_result *result, enum bench_stage stage)
{
	return median(&result->stages[stage]);
}

// How each kind of bar is read.
static const struct {
	const char *label, *text;
	bool is_ceiling;
} bars[BAR_COUNT] = {
	[BAR_NONE] = { NULL, NULL, false },
	[BAR_SHARE_OF_IO] = { "share-of-io", "full / io", false },
	[BAR_SHARE_OF_BASE] = { "share-of-base", "rate / base rate", false },
	[BAR_LOSS] = { "loss", "loss of rate", true },
	[BAR_CYCLES] = { "cycles", "cycles more", true },
	[BAR_HASH] = { "hash", "times rte_hash", false },
	[BAR_LATENCY] = { "latency", "microseconds of 99.9 %", true },
};

// Of what was measured; 0 when a part of it was not.
static double quotient(double dividend, double divisor)
{
	return divisor > 0 ? dividend / divisor : 0;
}

static bool has_bar(const struct bench_result *result)
{
	for (unsigned i = STAGE_IO; i <= STAGE_FULL; i++)
		if (result->stages[i].count == 0)
			return false;
	return result->scenario->bar != BAR_NONE;
}

// Microseconds that so many of them do not reach; 0: there are none.
static double microseconds(const struct bench_machine *machine, const struct durations *durations,
		double percent)
{
	return durations_percentile(durations, percent) / (machine->tsc_hz / 1e6);
}

static double measured(const struct bench_machine *machine, const struct bench_result *result)
{
	double full = stage(result, STAGE_FULL), base = median(&result->base);
	double decode = stage(result, STAGE_DECODE);

	switch (result->scenario->bar) {
	case BAR_SHARE_OF_IO:
		return stage(result, STAGE_IO) / full;
	case BAR_SHARE_OF_BASE:
		return base / full;
	case BAR_LOSS:
		return 1 - base / full;
	case BAR_CYCLES:
		return full - base;
	case BAR_HASH:
		return (stage(result, STAGE_HASH) - decode) /
				(stage(result, STAGE_LOOKUP) - decode);
	case BAR_LATENCY:
		return microseconds(machine, &result->bursts, 99.9);
	default:
		return 0;
	}
}

static bool is_met(const struct bench_machine *machine, const struct bench_result *result)
{
	const struct scenario *scenario = result->scenario;
	double value = measured(machine, result);

	return bars[scenario->bar].is_ceiling ? value <= scenario->bar_value :
						value >= scenario->bar_value;
}

void report_begin(FILE *stream, const struct bench_machine *machine)
{
	fprintf(stream,
			"CPU %d, TSC %.3f GHz, bursts of %d, medians of %u rounds of %u packets; "
			"cycles are the TSC's\n",
			machine->cpu, machine->tsc_hz / 1e9, BURST_PACKETS, machine->rounds,
			machine->packets);
	if (!machine->has_huge_pages)
		fputs("no huge pages: io costs about twice and the full path a third to a half more "
		      "than with them\n"
		      "(allow transparent ones: echo madvise | sudo tee "
		      "/sys/kernel/mm/transparent_hugepage/enabled)\n",
				stream);
	fprintf(stream, "\n%-16s %7s %7s %7s %7s %15s %6s %9s  %s\n", "scenario", "io", "decode",
			"lookup", "full", "p1 .. p99", "Mpps", "full / io", "bar");
}

static void print_cycles(FILE *stream, const struct series *series)
{
	if (series->count > 0)
		fprintf(stream, " %7.1f", median(series));
	else
		fprintf(stream, " %7s", "-");
}

static void print_bar(FILE *stream, const struct bench_machine *machine,
		const struct bench_result *result)
{
	const struct scenario *scenario = result->scenario;

	if (!has_bar(result))
		return;
	fprintf(stream, "%s %.2f, %s %.2f: %s", bars[scenario->bar].text, measured(machine, result),
			bars[scenario->bar].is_ceiling ? "at most" : "at least",
			scenario->bar_value, is_met(machine, result) ? "met" : "NOT met");
}

static void print_remarks(FILE *stream, const struct bench_machine *machine,
		const struct bench_result *result)
{
	fprintf(stream, "%16s %s; %u flows in a table of %u, %.0f bytes each; clock %.2f", "",
			result->scenario->what, result->flows, result->capacity,
			result->bytes_per_flow, median(&result->clock));
	if (result->base.count > 0)
		fprintf(stream, "; base %.1f", median(&result->base));
	if (result->together.count > 0)
		fprintf(stream, "; %u workers at once: %.2f times one", result->workers,
				quotient(stage(result, STAGE_FULL), median(&result->together)));
	if (result->stages[STAGE_HASH].count > 0)
		fprintf(stream, "; with rte_hash %.1f", stage(result, STAGE_HASH));
	fprintf(stream, "; a burst takes %.0f, %.0f, %.0f us (50, 99, 99.9 %% of them)",
			microseconds(machine, &result->bursts, 50),
			microseconds(machine, &result->bursts, 99),
			microseconds(machine, &result->bursts, 99.9));
	if (durations_percentile(&result->idle, 50) > 0)
		fprintf(stream, "; the machine alone %.0f, %.0f, %.0f us",
				microseconds(machine, &result->idle, 50),
				microseconds(machine, &result->idle, 99),
				microseconds(machine, &result->idle, 99.9));
	if (result->verdicts_kept >= 0)
		fprintf(stream, "; %.1f %% of the verdicts kept", 100 * result->verdicts_kept);
	if (result->lost > 0)
		fprintf(stream, "; %.3f %% of the packets had no flow",
				100.0 * result->lost / result->packets);
	if (result->dropped > 0)
		fprintf(stream, "; %u measurements disturbed and repeated", result->dropped);
	if (result->disturbed > 0)
		fprintf(stream, "; %u disturbed and kept", result->disturbed);
	fputc('\n', stream);
}

void report_result(FILE *stream, const struct bench_machine *machine,
		const struct bench_result *result)
{
	const struct series *full = &result->stages[STAGE_FULL];

	fprintf(stream, "%-16s", result->scenario->name);
	for (unsigned i = STAGE_IO; i <= STAGE_FULL; i++)
		print_cycles(stream, &result->stages[i]);
	fprintf(stream, " %6.1f .. %5.1f %6.1f %9.2f  ", series_percentile(full, 1),
			series_percentile(full, 99), quotient(machine->tsc_hz / 1e6, median(full)),
			quotient(stage(result, STAGE_IO), median(full)));
	print_bar(stream, machine, result);
	fputc('\n', stream);
	print_remarks(stream, machine, result);
	fflush(stream);
}

static json_t *series_json(const struct series *series)
{
	return json_pack("{s:f,s:f,s:f,s:i}", "median", median(series), "p1",
			series_percentile(series, 1), "p99", series_percentile(series, 99),
			"rounds", (int)series->count);
}

static json_t *durations_json(
		const struct bench_machine *machine, const struct durations *durations)
{
	return json_pack("{s:f,s:f,s:f}", "p50", microseconds(machine, durations, 50), "p99",
			microseconds(machine, durations, 99), "p99.9",
			microseconds(machine, durations, 99.9));
}

static json_t *bar_json(const struct bench_machine *machine, const struct bench_result *result)
{
	const struct scenario *scenario = result->scenario;

	if (!has_bar(result))
		return json_null();
	return json_pack("{s:s,s:s,s:f,s:f,s:b}", "kind", bars[scenario->bar].label, "limit",
			bars[scenario->bar].is_ceiling ? "at-most" : "at-least", "value",
			scenario->bar_value, "measured", measured(machine, result), "met",
			is_met(machine, result));
}

static json_t *result_json(const struct bench_machine *machine, const struct bench_result *result)
{
	double full = stage(result, STAGE_FULL);
	json_t *cycles = json_object();

	for (unsigned i = 0; i < STAGE_COUNT; i++)
		if (result->stages[i].count > 0)
			json_object_set_new(cycles, bench_stage_names[i],
					series_json(&result->stages[i]));
	if (result->base.count > 0)
		json_object_set_new(cycles, "base", series_json(&result->base));
	if (result->together.count > 0)
		json_object_set_new(cycles, "together", series_json(&result->together));
	return json_pack(
			"{s:s,s:s,s:o,s:f,s:f,s:i,s:i,s:f,s:f,s:f,s:i,s:i,s:o,s:i,s:f,s:f,s:o,s:o}",
			"name", result->scenario->name, "what", result->scenario->what, "cycles",
			cycles, "mpps", quotient(machine->tsc_hz / 1e6, full), "ratio",
			quotient(stage(result, STAGE_IO), full), "flows", (int)result->flows,
			"capacity", (int)result->capacity, "bytes_per_flow", result->bytes_per_flow,
			"clock", median(&result->clock), "no_flow",
			quotient(result->lost, result->packets), "dropped", (int)result->dropped,
			"disturbed", (int)result->disturbed, "bar", bar_json(machine, result),
			"workers", (int)result->workers, "scaling",
			quotient(full, median(&result->together)), "verdicts_kept",
			result->verdicts_kept, "burst_us", durations_json(machine, &result->bursts),
			"idle_us", durations_json(machine, &result->idle));
}

int report_json(FILE *stream, const struct bench_machine *machine,
		const struct bench_result *results, unsigned count)
{
	json_t *list = json_array(), *root;
	int ret;

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, result_json(machine, &results[i]));
	root = json_pack("{s:{s:i,s:I,s:b,s:i,s:i,s:i,s:b},s:o}", "machine", "cpu", machine->cpu,
			"tsc_hz", (json_int_t)machine->tsc_hz, "huge_pages",
			machine->has_huge_pages, "burst", BURST_PACKETS, "rounds",
			(int)machine->rounds, "packets", (int)machine->packets, "quick",
			machine->is_quick, "scenarios", list);
	ret = root == NULL ? -1 : json_dumpf(root, stream, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	fputc('\n', stream);
	json_decref(root);
	return ret < 0 ? fail(ENOMEM) : 0;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "bench.h"

#include "bench_crowd.h"
#include "bench_machine.h"
#include "bench_policy.h"
#include "bench_report.h"
#include "fail.h"

#include <rte_cycles.h>

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_DONE = 0,
	EXIT_INPUT = 1,
	EXIT_USAGE = 2,
	EXIT_HOST = 3,
	ROUNDS = 12,
	PACKETS = 1 << 18, // short enough to find rounds that nobody disturbs
	QUICK_ROUNDS = 2,
	QUICK_PACKETS = 1 << 13,
	QUICK_FLOWS = 10000, // at most
	QUICK_HOSTS = 100, // at most
	TRIES = 20, // to measure undisturbed
	WARM_UP = 16, // one packet for so many measured ones goes ahead
};

struct arguments {
	const char *rules, *capture;
	bool json, quick, without_skype;
	unsigned rounds, workers;
	uint32_t packets;
	int stage; // the only one to measure; -1: all
};

struct bench {
	struct arguments arguments;
	struct bench_machine machine;
	const struct scenario *chosen[SCENARIO_COUNT];
	struct bench_result results[SCENARIO_COUNT];
	unsigned count; // of chosen
	int cpus[CROWD_MAX]; // that may be used, the first one for what is measured alone
	unsigned cpu_count;
	bool shows_progress;
};

// One scenario while it is measured.
struct run {
	struct bench *bench;
	struct scenario scenario; // as it is made smaller for --quick
	struct bench_result *result;
	struct bench_policy_config config;
	struct bench_policy policy, base_policy;
	struct lane *lane, *base;
	struct lane *crowd[CROWD_MAX]; // the first one is `lane`
};

static void show_progress(const struct run *run, const char *step, unsigned round)
{
	const struct bench *bench = run->bench;

	if (bench->shows_progress)
		fprintf(stderr, "\r\033[K[%u/%u] %s: %s %u/%u",
				(unsigned)(run->result - bench->results) + 1, bench->count,
				run->scenario.name, step, round, bench->machine.rounds);
}

static void hide_progress(const struct bench *bench)
{
	if (bench->shows_progress)
		fputs("\r\033[K", stderr);
}

static void measure(
		struct run *run, struct lane *lane, enum bench_stage stage, struct series *series)
{
	uint32_t packets = run->bench->machine.packets;
	// A quick run does the same work each time, so that its instructions can be counted.
	int tries = run->bench->arguments.quick ? 1 : TRIES;
	double cycles = 0;

	for (int try = 0; try < tries; try++) {
		uint64_t switches, start, count;

		lane_prepare(lane, stage, packets + packets / WARM_UP);
		lane_run(lane, stage, packets / WARM_UP);
		switches = machine_switches();
		start = rte_rdtsc();
		count = lane_run(lane, stage, packets);
		cycles = (double)(rte_rdtsc() - start) / count;
		if (machine_switches() == switches) {
			series->values[series->count++] = cycles;
			return;
		}
		run->result->dropped++;
	}
	run->result->dropped--;
	run->result->disturbed++;
	series->values[series->count++] = cycles;
}

// All workers at once.
static void measure_together(struct run *run)
{
	const struct bench *bench = run->bench;
	unsigned workers = bench->arguments.workers;
	int tries = bench->arguments.quick ? 1 : TRIES;
	struct series *series = &run->result->together;
	uint64_t switches = 1;
	double cycles = 0;

	while (tries-- > 0 && switches != 0) {
		cycles = crowd_run(run->crowd, bench->cpus, workers, bench->machine.packets,
				&switches);
		run->result->dropped += switches != 0 && tries > 0;
	}
	run->result->disturbed += switches != 0;
	series->values[series->count++] = cycles;
}

// With the rest of an appliance on another CPU, or on this one where there is no other.
static void measure_watched(struct run *run)
{
	const struct bench *bench = run->bench;
	struct watch *watch = watch_start(run->lane, bench->cpus[bench->cpu_count > 1],
			run->scenario.reloads ? &run->config : NULL);

	measure(run, run->lane, STAGE_FULL, &run->result->stages[STAGE_FULL]);
	watch_stop(watch);
}

// As long as the bursts of this round, so that it is disturbed as often.
static void measure_idle(struct run *run)
{
	machine_idle(&run->result->idle, durations_percentile(lane_durations(run->lane), 50),
			run->bench->machine.packets / BURST_PACKETS);
}

static void measure_stage(struct run *run, enum bench_stage stage)
{
	if (stage == STAGE_FULL && run->scenario.is_watched)
		measure_watched(run);
	else
		measure(run, run->lane, stage, &run->result->stages[stage]);
}

static bool wants_stage(const struct run *run, enum bench_stage stage)
{
	if (stage == STAGE_HASH && run->scenario.bar != BAR_HASH)
		return false;
	return run->bench->arguments.stage < 0 || run->bench->arguments.stage == (int)stage;
}

static void run_rounds(struct run *run)
{
	struct bench_result *result = run->result;

	for (unsigned round = 0; round < run->bench->machine.rounds; round++) {
		show_progress(run, "round", round + 1);
		result->clock.values[result->clock.count++] = machine_clock();
		for (unsigned stage = 0; stage < STAGE_COUNT; stage++)
			if (wants_stage(run, stage))
				measure_stage(run, stage);
		if (run->bench->arguments.workers > 1)
			measure_together(run);
		if (run->base != NULL)
			measure(run, run->base, STAGE_FULL, &result->base);
		if (run->scenario.bar == BAR_LATENCY)
			measure_idle(run);
	}
	for (unsigned stage = 0; stage < STAGE_COUNT; stage++)
		series_finish(&result->stages[stage]);
	series_finish(&result->base);
	series_finish(&result->together);
	series_finish(&result->clock);
}

static void describe(struct run *run)
{
	struct bench_result *result = run->result;
	const struct counters *counters = lane_counters(run->lane);

	for (unsigned reason = 0; reason < REASON_COUNT; reason++)
		result->packets += counters->packets[0][reason];
	result->bursts = *lane_durations(run->lane);
	result->lost = counters->packets[0][REASON_NO_FLOW];
	result->flows = lane_flows(run->lane);
	result->capacity = run->scenario.capacity;
	result->workers = run->bench->arguments.workers;
	result->bytes_per_flow = (double)lane_table_bytes(run->lane) / run->scenario.capacity;
	result->verdicts_kept = run->scenario.traffic.kind == SOURCE_SYNS &&
					run->scenario.traffic.opens == 1 ?
			lane_verdicts_kept(run->lane) :
			-1;
}

static const uint32_t skype_detectors = 1u << DETECTOR_skype_http | 1u << DETECTOR_skype_tcp |
		1u << DETECTOR_skype_udp | 1u << DETECTOR_natmap;

static struct lane *create_lane(const struct run *run, const struct bench_policy *policy,
		unsigned worker, bool is_base)
{
	const struct scenario *scenario = &run->scenario;
	const struct options *options = policy->options;
	const bool is_without =
			run->bench->arguments.without_skype || (is_base && scenario->is_skype);
	const struct lane_config config = {
		.traffic = is_base ? scenario->base : scenario->traffic,
		.capture = run->bench->arguments.capture,
		.policy = policy->policy,
		.worker = worker,
		.capacity = scenario->capacity,
		.timeouts = options->timeouts,
		.budget = { options->inspect_packets, options->inspect_bytes,
				(options->inspect_quic_packets + 999) / 1000 },
		.streams = {
			.streams = options->streams_capacity,
			.small_buffers = options->streams_small_buffers,
			.large_buffers = options->streams_large_buffers,
			.budget = options->inspect_stream_bytes,
		},
		.fragments = options->fragments_capacity,
		.has_hash = !is_base && scenario->bar == BAR_HASH,
		.renews_requests = (!is_base || scenario->is_skype) && scenario->renews_requests,
		.has_published = !is_without && scenario->is_skype,
		.detectors_off = is_without ? skype_detectors : 0,
	};
	struct lane *lane = lane_create(&config);

	if (lane == NULL && errno != EINVAL)
		fprintf(stderr, "wiretag: %s: %s\n", scenario->name, strerror(errno));
	return lane;
}

// After create_lane() failed.
static int exit_status(void)
{
	return errno == EINVAL ? EXIT_INPUT : EXIT_HOST;
}

static int create_crowd(struct run *run)
{
	for (unsigned i = 1; i < run->bench->arguments.workers; i++) {
		run->crowd[i] = create_lane(run, &run->policy, i, false);
		if (run->crowd[i] == NULL)
			return exit_status();
	}
	return EXIT_DONE;
}

// Takes all that the scenario needs; run_fini() gives it back after success and failure alike.
static int run_init(struct run *run)
{
	const struct scenario *scenario = &run->scenario;
	struct bench_policy_config base;

	show_progress(run, "opens its flows", 0);
	run->config = (struct bench_policy_config){
		.rules = run->bench->arguments.rules,
		.hosts = scenario->hosts,
		.action = scenario->action != NULL ? scenario->action : "{tag: {dscp: cs1}}",
		.workers = run->bench->arguments.workers,
	};
	base = run->config;
	base.action = scenario->base_action;
	if (!bench_policy_init(&run->policy, &run->config))
		return EXIT_INPUT;
	run->lane = create_lane(run, &run->policy, 0, false);
	run->crowd[0] = run->lane;
	if (run->lane == NULL || create_crowd(run) != EXIT_DONE)
		return exit_status();
	if (scenario->base.flows == 0 || run->bench->arguments.stage >= 0)
		return EXIT_DONE;
	if (base.action != NULL && !bench_policy_init(&run->base_policy, &base))
		return EXIT_INPUT;
	run->base = create_lane(run,
			scenario->base_action != NULL ? &run->base_policy : &run->policy, 0, true);
	return run->base == NULL ? exit_status() : EXIT_DONE;
}

static void run_fini(struct run *run)
{
	for (unsigned i = 0; i < CROWD_MAX; i++)
		lane_free(run->crowd[i]);
	lane_free(run->base);
	bench_policy_fini(&run->policy);
	bench_policy_fini(&run->base_policy);
}

static void make_quick(struct scenario *scenario)
{
	struct traffic *const traffics[] = { &scenario->traffic, &scenario->base };

	for (int i = 0; i < 2; i++) {
		traffics[i]->flows = RTE_MIN(traffics[i]->flows, (uint32_t)QUICK_FLOWS);
		traffics[i]->newest = 0;
	}
	scenario->capacity = RTE_MIN(scenario->capacity, (uint32_t)QUICK_FLOWS);
	scenario->hosts = RTE_MIN(scenario->hosts, (unsigned)QUICK_HOSTS);
}

static int run_scenario(struct bench *bench, unsigned index)
{
	struct run run = {
		.bench = bench,
		.scenario = *bench->chosen[index],
		.result = &bench->results[index],
	};
	int status;

	if (bench->arguments.quick)
		make_quick(&run.scenario);
	run.result->scenario = bench->chosen[index];
	status = run_init(&run);
	if (status == EXIT_DONE) {
		run_rounds(&run);
		describe(&run);
	}
	hide_progress(bench);
	if (status == EXIT_DONE && !bench->arguments.json)
		report_result(stdout, &bench->machine, run.result);
	run_fini(&run);
	return status;
}

void bench_help(FILE *stream)
{
	fputs("\nMeasures the packet's path with packets from memory, on one CPU, and says what each\n"
	      "stage costs in TSC cycles a packet; needs no root. Without a name all scenarios but\n"
	      "mix and mix-new run, and those as well with --capture.\n\n"
	      "  --capture FILE   traffic of the scenarios mix and mix-new\n"
	      "  --json           one JSON object instead of the table\n"
	      "  --packets N      in each measurement\n"
	      "  --quick          few rounds with few flows: to try it, not to measure\n"
	      "  --rounds N       measurements of each stage, 1 to 100\n"
	      "  --rules DIR      instead of the shipped rules\n"
	      "  --stage NAME     measure only io, decode, lookup or full\n"
	      "  --without-skype  leave Skype's detectors out\n"
	      "  --workers N      as well so many at once, each on a CPU of its own\n\n",
			stream);
	for (unsigned i = 0; i < SCENARIO_COUNT; i++)
		fprintf(stream, "  %-16s %s\n", scenarios[i].name, scenarios[i].what);
}

static bool number_of(const char *text, unsigned long max, unsigned long *number)
{
	char *end;

	*number = strtoul(text, &end, 10);
	return end != text && *end == '\0' && *number >= 1 && *number <= max;
}

static int stage_of(const char *name)
{
	for (int i = 0; i < STAGE_COUNT; i++)
		if (strcmp(bench_stage_names[i], name) == 0)
			return i;
	return -1;
}

static bool take_option(struct arguments *arguments, int option)
{
	unsigned long number;

	switch (option) {
	case 'r':
		arguments->rules = optarg;
		return true;
	case 'c':
		arguments->capture = optarg;
		return true;
	case 'j':
		arguments->json = true;
		return true;
	case 'q':
		arguments->quick = true;
		return true;
	case 's':
		arguments->stage = stage_of(optarg);
		return arguments->stage >= 0;
	case 'x':
		arguments->without_skype = true;
		return true;
	case 'n':
		if (!number_of(optarg, ROUNDS_MAX, &number))
			return false;
		arguments->rounds = number;
		return true;
	case 'w':
		if (!number_of(optarg, CROWD_MAX, &number))
			return false;
		arguments->workers = number;
		return true;
	case 'p':
		if (!number_of(optarg, UINT32_MAX / 2, &number))
			return false;
		arguments->packets = number;
		return true;
	default:
		return false;
	}
}

static bool parse(struct arguments *arguments, int argc, char **argv)
{
	static const struct option options[] = {
		{ "capture", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "packets", required_argument, NULL, 'p' },
		{ "quick", no_argument, NULL, 'q' },
		{ "rounds", required_argument, NULL, 'n' },
		{ "rules", required_argument, NULL, 'r' },
		{ "stage", required_argument, NULL, 's' },
		{ "without-skype", no_argument, NULL, 'x' },
		{ "workers", required_argument, NULL, 'w' },
		{ 0 },
	};
	int option;

	arguments->stage = -1;
	arguments->workers = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(arguments, option))
			return false;
	return true;
}

static bool choose_named(struct bench *bench, const char *name)
{
	const struct scenario *scenario = scenario_find(name);

	if (scenario == NULL) {
		fprintf(stderr, "wiretag: there is no scenario '%s'; there are:\n", name);
		for (unsigned i = 0; i < SCENARIO_COUNT; i++)
			fprintf(stderr, "  %-16s %s\n", scenarios[i].name, scenarios[i].what);
		return false;
	}
	if (scenario->traffic.kind == SOURCE_CAPTURE && bench->arguments.capture == NULL) {
		fprintf(stderr, "wiretag: scenario %s needs --capture FILE\n", name);
		return false;
	}
	if (bench->count < SCENARIO_COUNT)
		bench->chosen[bench->count++] = scenario;
	return true;
}

static bool choose(struct bench *bench, char **names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!choose_named(bench, names[i]))
			return false;
	for (unsigned i = 0; count == 0 && i < SCENARIO_COUNT; i++)
		if (scenarios[i].traffic.kind != SOURCE_CAPTURE || bench->arguments.capture != NULL)
			bench->chosen[bench->count++] = &scenarios[i];
	return true;
}

static void look_at_machine(struct bench *bench)
{
	const struct arguments *arguments = &bench->arguments;
	unsigned rounds = arguments->quick ? QUICK_ROUNDS : ROUNDS;
	uint32_t packets = arguments->quick ? QUICK_PACKETS : PACKETS;

	bench->shows_progress = isatty(STDERR_FILENO);
	machine_pin_to(bench->cpus[0]);
	bench->machine = (struct bench_machine){
		.cpu = bench->cpus[0],
		.tsc_hz = machine_tsc_hz(),
		.has_huge_pages = machine_has_huge_pages(),
		.rounds = arguments->rounds != 0 ? arguments->rounds : rounds,
		.packets = arguments->packets != 0 ? arguments->packets : packets,
		.is_quick = arguments->quick,
	};
}

static bool has_cpus(struct bench *bench)
{
	bench->cpu_count = machine_cpus(bench->cpus, CROWD_MAX);
	if (bench->arguments.workers <= bench->cpu_count)
		return true;
	fprintf(stderr, "wiretag: --workers %u: this process may use %u CPUs\n",
			bench->arguments.workers, bench->cpu_count);
	return false;
}

static int run_all(struct bench *bench)
{
	int status = EXIT_DONE;

	look_at_machine(bench);
	if (!bench->arguments.json)
		report_begin(stdout, &bench->machine);
	for (unsigned i = 0; i < bench->count && status == EXIT_DONE; i++)
		status = run_scenario(bench, i);
	if (status == EXIT_DONE && bench->arguments.json &&
			report_json(stdout, &bench->machine, bench->results, bench->count) < 0)
		status = EXIT_HOST;
	return status;
}

int bench_main(int argc, char **argv)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	int status = EXIT_USAGE;

	if (bench == NULL)
		return EXIT_HOST;
	if (parse(&bench->arguments, argc, argv) && has_cpus(bench) &&
			choose(bench, argv + optind, argc - optind))
		status = run_all(bench);
	free(bench);
	return status;
}

// SPDX-License-Identifier: BSD-3-Clause
// wiretag: a bump in the wire that says what each flow is.
#include "bench.h"
#include "clock.h"
#include "eal.h"
#include "eal_cpus.h"
#include "log.h"
#include "manager.h"
#include "options_digest.h"
#include "options_print.h"
#include "options_web.h"
#include "port.h"
#include "probe.h"
#include "replay.h"
#include "scan_cache.h"
#include "shared.h"
#include "worker.h"

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include <errno.h>
#include <getopt.h>
#include <numa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

LOG_TYPE("main");

enum {
	EXIT_DONE = 0,
	EXIT_INPUT = 1, // the input or configuration is at fault
	EXIT_USAGE = 2,
	EXIT_HOST = 3, // the host lacks something
};

// Everything that `wiretag run` takes, in the order in which it does.
struct run {
	struct options *options;
	struct policy *policy;
	struct scan_cache *patterns; // compiled for it
	struct host_plan plan;
	struct port ports[OPTIONS_PORTS_MAX];
	struct port_pools pools;
	struct port_config port_config;
	struct shared *shared;
	struct worker *workers[OPTIONS_WORKERS_MAX];
	struct wire *wire;
	struct manager *manager;
};

// Reads the file and all that it names; complaints are on standard error when it returns false.
static bool run_read(struct run *run, const char *path, bool is_check)
{
	struct complaints complaints = { 0 };

	run->options = options_load(path, &complaints);
	if (run->options != NULL) {
		options_need_pairs(run->options, &complaints);
		web_config_free(options_web(run->options, &complaints));
		run->policy = options_policy(run->options,
				is_check ? 1 : cpus_worker_count(run->options), run->patterns,
				&complaints);
		if (run->policy != NULL)
			options_digest(run->options, run->policy->digest);
	}
	complaints_print(&complaints, stderr);
	if (complaints.count > 0) {
		policy_free(run->policy);
		run->policy = NULL;
	}
	complaints_fini(&complaints);
	return run->policy != NULL;
}

static int run_find_ports(struct run *run)
{
	for (unsigned i = 0; i < run->plan.device_count; i++) {
		const struct device *device = &run->plan.devices[i];
		int id = eal_find_port(device);

		if (id < 0)
			return id;
		run->ports[i] = (struct port){
			.name = device->port->name,
			.device = device->name,
			.id = id,
			.node = device->node,
			.is_physical = device->is_physical,
			.waits = port_waits(device->port->device),
		};
	}
	return 0;
}

static void run_pair_ports(struct run *run)
{
	struct shared *shared = run->shared;

	for (unsigned i = 0; i < run->options->pair_count; i++) {
		const struct pair_options *pair = &run->options->pairs[i];
		const struct port *inside = &run->ports[pair->inside];
		const struct port *outside = &run->ports[pair->outside];
		uint64_t one = port_address(inside), other = port_address(outside);
		struct direction direction = { inside->id, outside->id,
			{ one != 0 ? one : other, other != 0 ? other : one }, inside->waits };

		shared->directions[shared->direction_count++] = direction;
		direction.from = outside->id;
		direction.to = inside->id;
		direction.waits = outside->waits;
		shared->directions[shared->direction_count++] = direction;
	}
}

static int run_create_workers(struct run *run)
{
	const struct options *options = run->options;

	for (unsigned i = 0; i < run->shared->worker_count; i++) {
		struct worker_config config = {
			.index = i,
			.node = numa_available() < 0 ?
					-1 :
					numa_node_of_cpu(run->plan.placement.workers[i]),
			.flows = options->flows_capacity,
			.timeouts = options->timeouts,
			.budget = { options->inspect_packets, options->inspect_bytes,
				(options->inspect_quic_packets + 999) / 1000 },
			.tunnels_off = options->tunnels_off,
			.fragments = options->fragments_capacity,
			.streams = {
				.streams = options->streams_capacity,
				.small_buffers = options->streams_small_buffers,
				.large_buffers = options->streams_large_buffers,
				.budget = options->inspect_stream_bytes,
			},
		};

		run->workers[i] = worker_create(run->shared, &config);
		if (run->workers[i] == NULL) {
			LOG(ERR, "no memory for a worker with %u flows; a smaller flows.capacity needs less",
					config.flows);
			return -errno;
		}
	}
	return 0;
}

static int run_start_ports(struct run *run)
{
	for (unsigned i = 0; i < run->options->pair_count; i++) {
		const struct pair_options *pair = &run->options->pairs[i];
		struct port *inside = &run->ports[pair->inside];
		struct port *outside = &run->ports[pair->outside];

		if (port_start(inside, outside, &run->pools, &run->port_config) < 0 ||
				port_start(outside, inside, &run->pools, &run->port_config) < 0)
			return -errno;
	}
	return 0;
}

// Takes everything, in order; run_free() gives it back after success and failure alike.
static int run_prepare(struct run *run)
{
	const struct options *options = run->options;
	unsigned workers;

	if (run_find_ports(run) < 0)
		return -errno;
	workers = port_queues(run->ports, options->port_count, run->plan.placement.worker_count);
	run->port_config = (struct port_config){
		.queues = workers,
		.by_addresses = options->spread == SPREAD_ADDRESSES,
		.mtu = options->mtu,
		.mbufs = run->plan.mbufs,
		.mbuf_bytes = run->plan.mbuf_bytes,
	};
	run->shared = shared_create(workers, options->hosts_capacity,
			options->events_file != NULL || options->events_unix != NULL);
	if (run->shared == NULL) {
		LOG(ERR, "no memory for %u workers", workers);
		return -errno;
	}
	atomic_store(&run->shared->policy, run->policy);
	run_pair_ports(run);
	if (port_pools_init(&run->pools, run->ports, options->port_count, &run->port_config) < 0)
		return -errno;
	return run_create_workers(run);
}

static int run_forward(struct run *run)
{
	struct wire_config wire = { run->options, run->shared, run->ports, &run->pools,
		&run->port_config };
	struct manager_config config = {
		.options = run->options,
		.plan = &run->plan,
		.shared = run->shared,
		.patterns = run->patterns,
		.ports = run->ports,
		.pools = &run->pools,
	};

	// The manager asks ports for their statistics, which some drivers only bear once started.
	if (run_start_ports(run) < 0)
		return -errno;
	config.wire = run->wire = wire_open(&wire, clock_ms());
	if (run->wire == NULL)
		return -errno;
	run->manager = manager_create(&config);
	if (run->manager == NULL)
		return -errno;
	for (unsigned i = 0; i < run->shared->worker_count; i++)
		rte_eal_remote_launch(worker_main, run->workers[i], i + 1);
	if (!manager_run(run->manager)) {
		// Nothing that a worker may still use can be given back but by the end itself.
		manager_close(run->manager);
		_Exit(EXIT_HOST);
	}
	rte_eal_mp_wait_lcore();
	return 0;
}

static void run_stop(struct run *run)
{
	wire_close(run->wire);
	for (unsigned i = 0; i < run->plan.device_count && run->ports[i].name != NULL; i++)
		port_stop(&run->ports[i]);
	if (!manager_free(run->manager)) {
		// What a thread still uses is left to it; only the end of the process ends it.
		eal_stop();
		_Exit(EXIT_DONE);
	}
	// A reload may have put another in the place of the first, and freed that.
	if (run->shared != NULL)
		run->policy = atomic_load(&run->shared->policy);
	for (unsigned i = 0; i < OPTIONS_WORKERS_MAX; i++)
		worker_free(run->workers[i]);
	port_pools_fini(&run->pools);
	shared_free(run->shared);
	eal_stop();
}

static int run_host(struct run *run)
{
	int ret;

	if (eal_plan(run->options, &run->plan) < 0 || eal_start(run->options, &run->plan) < 0)
		return -errno;
	ret = run_prepare(run);
	if (ret == 0)
		ret = run_forward(run);
	run_stop(run);
	return ret;
}

// What `wiretag check` is asked besides.
struct check {
	int probe, dump, print_eal; // flags for getopt_long()
};

// The value of -c, which is all that there is to say but for the switches of `check` where that is
// not NULL; NULL after a message otherwise.
static const char *only_config(int argc, char **argv, struct check *check)
{
	static struct check ignored;
	struct check *c = check != NULL ? check : &ignored;
	const struct option options[] = {
		{ "probe", no_argument, &c->probe, 1 },
		{ "dump-config", no_argument, &c->dump, 1 },
		{ "print-eal", no_argument, &c->print_eal, 1 },
		{ 0 },
	};
	const char *path = NULL;

	for (int option; (option = getopt_long(argc, argv, "c:",
					  check != NULL ? options : &options[3], NULL)) != -1;) {
		if (option == 'c')
			path = optarg;
		else if (option != 0)
			return NULL;
	}
	if (optind < argc)
		fprintf(stderr, "wiretag: nothing is known of '%s'\n", argv[optind]);
	else if (path == NULL)
		fprintf(stderr, "wiretag: -c FILE is missing\n");
	else
		return path;
	return NULL;
}

static int run_main(int argc, char **argv)
{
	const char *path = only_config(argc, argv, NULL);
	struct run run = { 0 };
	int status = EXIT_DONE;

	if (path == NULL)
		return EXIT_USAGE;
	manager_hold_signals();
	run.patterns = scan_cache_create();
	if (!run_read(&run, path, false))
		status = EXIT_INPUT;
	else if (run_host(&run) < 0)
		status = EXIT_HOST;
	policy_free(run.policy);
	scan_cache_free(run.patterns);
	options_free(run.options);
	return status;
}

// Answers on standard output; the exit status.
static int check_answer(const struct check *check, const struct run *run, const char *path)
{
	const struct options *options = run->options;
	struct host_plan plan;

	if (check->dump)
		options_dump(options, stdout);
	if (check->print_eal &&
			(eal_place(options, &plan) < 0 || eal_print(options, &plan, stdout) < 0))
		return EXIT_HOST;
	if (!check->dump && !check->print_eal)
		printf("%s: %u pairs, %u rules: good\n", path, options->pair_count,
				rules_count(run->policy->rules));
	return !check->probe || probe_host(stdout, options) == 0 ? EXIT_DONE : EXIT_HOST;
}

static int check_main(int argc, char **argv)
{
	struct check check = { 0 };
	const char *path = only_config(argc, argv, &check);
	struct run run = { 0 };
	int status = EXIT_INPUT;

	if (path == NULL)
		return EXIT_USAGE;
	if (run_read(&run, path, true))
		status = check_answer(&check, &run, path);
	policy_free(run.policy);
	options_free(run.options);
	return status;
}

static void run_help(FILE *stream)
{
	fputs("\nForwards between the pairs of ports that FILE names until SIGTERM or SIGINT.\n",
			stream);
}

static void check_help(FILE *stream)
{
	fputs("\n--probe looks at the host as well: what it lacks, with the command that mends it.\n"
	      "--dump-config shows the value of every key, as a file that says the same.\n"
	      "--print-eal shows what DPDK would be started with.\n",
			stream);
	fputs("\nThe keys of FILE, each with its default:\n\n", stream);
	options_help(stream);
}

static const struct command {
	const char *name, *usage, *help;
	int (*main)(int argc, char **argv); // returns the exit status
	void (*more_help)(FILE *stream);
} commands[] = {
	{ "read", "[-c FILE] [-r DIR] [--json] [--workers N] [--write OUT.pcap] CAPTURE...",
			"classify captures", replay_main, replay_help },
	{ "run", "-c FILE", "forward between pairs of ports", run_main, run_help },
	{ "check", "-c FILE [--probe] [--dump-config] [--print-eal]",
			"validate configuration and rules", check_main, check_help },
	{ "bench", "[OPTION...] [SCENARIO...]", "measure the packet's path", bench_main,
			bench_help },
};

static void print_usage(FILE *stream)
{
	fputs("usage:\n", stream);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stream, "  wiretag %s %s\n      %s\n", commands[i].name, commands[i].usage,
				commands[i].help);
	fputs("  wiretag --version\n  wiretag COMMAND --help\n", stream);
}

static int run_command(const struct command *command, int argc, char **argv)
{
	int status;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		printf("usage: wiretag %s %s\n", command->name, command->usage);
		command->more_help(stdout);
		return EXIT_DONE;
	}
	status = command->main(argc, argv);
	if (status == EXIT_USAGE)
		fprintf(stderr, "usage: wiretag %s %s\n", command->name, command->usage);
	return status;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (strcmp(word, "--version") == 0) {
		printf("wiretag %s (%s)\n", WIRETAG_VERSION, rte_version());
		return EXIT_DONE;
	}
	if (strcmp(word, "--help") == 0) {
		print_usage(stdout);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(word, commands[i].name) == 0)
			return run_command(&commands[i], argc - 1, argv + 1);
	}
	if (word[0] != '\0')
		fprintf(stderr, "wiretag: there is no command '%s'\n", word);
	print_usage(stderr);
	return EXIT_USAGE;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "replay.h"

#include "capture.h"
#include "fail.h"
#include "options.h"
#include "replay_engine.h"
#include "rules_default.h"
#include "summary.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	BAR_WIDTH = 30,
	BAR_INTERVAL_MS = 100,
};

struct arguments {
	const char *config;
	const char *rules;
	const char *write;
	unsigned long workers;
	bool json;
	bool all; // hosts of weak evidence, too
};

struct replay {
	struct arguments arguments;
	struct options *options;
	struct policy *policy;
	struct engine *engine;
	struct capture_writer *writer; // NULL: nothing is written, or nothing yet
	struct summary summary;
	bool shows_progress;
	uint64_t progress_ms; // when it was last shown
	int write_error; // of the file that is written
	bool failed;
};

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void progress_show(struct replay *replay, const char *path, const struct capture *capture)
{
	static const char full[] = "##############################";
	uint64_t position, size, now;
	int done;

	if (!replay->shows_progress)
		return;
	now = clock_ms();
	if (now - replay->progress_ms < BAR_INTERVAL_MS)
		return;
	replay->progress_ms = now;
	position = capture_position(capture);
	size = capture_size(capture);
	done = size == 0 ? 0 : (int)(position * BAR_WIDTH / size);
	fprintf(stderr, "\r\033[K[%.*s%*s] %.1f MB  %s", done, full, BAR_WIDTH - done, "",
			position / 1e6, path);
}

static void progress_clear(const struct replay *replay)
{
	if (replay->shows_progress)
		fputs("\r\033[K", stderr);
}

// One line about what went wrong; the run goes on and fails in the end.
static void complain_about(struct replay *replay, const char *message)
{
	progress_clear(replay);
	fprintf(stderr, "%s\n", message);
	replay->failed = true;
}

static void flow_ended(void *context, const struct flow_record *record)
{
	struct replay *replay = context;

	summary_flow(&replay->summary, record);
	if (replay->arguments.json)
		event_flow(stdout, record);
}

static void host_ended(void *context, const struct host *host)
{
	struct replay *replay = context;

	if (replay->arguments.json)
		event_host(stdout, host);
	else
		summary_host(stdout, &replay->summary, host);
}

static void call_ended(void *context, const struct call *call)
{
	struct replay *replay = context;

	if (replay->arguments.json)
		event_call(stdout, call);
	else
		summary_call(&replay->summary, call);
}

static void frame_left(void *context, const struct frame *frame)
{
	struct replay *replay = context;

	if (replay->writer != NULL && replay->write_error == 0)
		replay->write_error = -capture_write(replay->writer, frame);
}

// Whether it makes sense to go on.
static bool output_works(const struct replay *replay)
{
	return replay->write_error == 0 && !ferror(stdout);
}

// Makes the file to write like the first capture; later ones have to fit.
static int prepare_writer(struct replay *replay, const struct capture *capture)
{
	char message[CAPTURE_MESSAGE_BYTES];

	if (replay->arguments.write == NULL)
		return 0;
	if (replay->writer != NULL) {
		if (capture_accepts(replay->writer, capture, message) == 0)
			return 0;
	} else {
		replay->writer = capture_create(replay->arguments.write, capture, message);
		if (replay->writer != NULL)
			return 0;
		replay->write_error = errno;
	}
	complain_about(replay, message);
	return fail(EINVAL);
}

static void account(struct summary_capture *books, const struct frame *frame)
{
	if (books->packets++ == 0)
		books->first_ns = books->last_ns = frame->time_ns;
	if (frame->time_ns < books->first_ns)
		books->first_ns = frame->time_ns;
	if (frame->time_ns > books->last_ns)
		books->last_ns = frame->time_ns;
	books->bytes += frame->wire_length;
}

static void read_frames(
		struct replay *replay, struct summary_capture *books, struct capture *capture)
{
	enum capture_result result = CAPTURE_END;
	char message[CAPTURE_MESSAGE_BYTES];
	struct frame frame;

	errno = 0;
	while (output_works(replay) &&
			(result = capture_next(capture, &frame, message)) == CAPTURE_FRAME) {
		account(books, &frame);
		engine_add(replay->engine, capture_link(capture), &frame);
		if (books->packets % BURST_PACKETS == 0)
			progress_show(replay, books->path, capture);
	}
	progress_clear(replay);
	if (result == CAPTURE_BROKEN) {
		complain_about(replay, message);
		books->is_broken = true;
	}
}

static void read_capture(struct replay *replay, struct summary_capture *books)
{
	char message[CAPTURE_MESSAGE_BYTES];
	struct capture *capture = capture_open(books->path, message);

	if (capture == NULL) {
		complain_about(replay, message);
		books->is_broken = true;
		return;
	}
	if (prepare_writer(replay, capture) == 0)
		read_frames(replay, books, capture);
	else
		books->is_broken = true;
	capture_close(capture);
}

static void read_captures(struct replay *replay)
{
	struct summary *summary = &replay->summary;
	uint64_t before = 0;

	for (unsigned i = 0; i < summary->capture_count && output_works(replay); i++) {
		summary->captures[i].before = before;
		read_capture(replay, &summary->captures[i]);
		before += summary->captures[i].packets;
	}
	engine_flush(replay->engine);
}

static void report(struct replay *replay)
{
	struct event_stats stats;

	if (!replay->arguments.json)
		summary_captures(stdout, &replay->summary);
	engine_end(replay->engine);
	engine_stats(replay->engine, &stats);
	if (replay->arguments.json)
		event_stats(stdout, &stats);
	else
		summary_totals(stdout, &replay->summary, &stats);
}

// Tells once of each output that did not take everything.
static void close_outputs(struct replay *replay)
{
	char message[CAPTURE_MESSAGE_BYTES];
	int error = replay->write_error;

	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		snprintf(message, sizeof(message), "standard output: %s",
				strerror(errno == 0 ? EIO : errno));
		complain_about(replay, message);
	}
	if (replay->writer == NULL)
		return;
	if (capture_finish(replay->writer) < 0 && error == 0)
		error = errno;
	if (error != 0) {
		snprintf(message, sizeof(message), "%s: %s", replay->arguments.write,
				strerror(error));
		complain_about(replay, message);
	}
}

// The rules of one directory with the policy of the configuration, if there is one.
static struct policy *load_rules(
		const struct replay *replay, const char *path, struct complaints *complaints)
{
	struct rules *rules = rules_create();
	struct policy *policy;

	if (rules == NULL)
		goto err_rules;
	rules_add_path(rules, path, complaints);
	if (complaints->count > 0 || rules_compile(rules) < 0)
		goto err_compile;
	policy = policy_create(rules, replay->arguments.workers);
	if (policy == NULL)
		goto err_rules;
	if (replay->options->policy != NULL)
		policy_read(policy, replay->options->policy, complaints);
	return policy;

err_compile:
	rules_free(rules);
err_rules:
	if (complaints->count == 0)
		complain(complaints, "%s: %s", path, strerror(errno));
	return NULL;
}

static void load(struct replay *replay, struct complaints *complaints)
{
	const struct arguments *arguments = &replay->arguments;
	char path[PATH_MAX];

	if (arguments->config != NULL)
		replay->options = options_load(arguments->config, complaints);
	else
		replay->options = options_parse("", 0, "defaults", complaints);
	if (replay->options == NULL)
		return;
	if (arguments->rules != NULL) {
		replay->policy = load_rules(replay, arguments->rules, complaints);
	} else if (arguments->config != NULL) {
		replay->policy = options_policy(
				replay->options, arguments->workers, NULL, complaints);
	} else {
		rules_default(path);
		replay->policy = load_rules(replay, path, complaints);
	}
}

static int create_engine(struct replay *replay)
{
	const struct options *options = replay->options;
	const struct engine_config config = {
		.policy = replay->policy,
		.worker_count = replay->arguments.workers,
		.flows_capacity = options->flows_capacity,
		.timeouts = options->timeouts,
		// Offline there is time for everything.
		.budget = { options->inspect_packets, options->inspect_bytes, UINT32_MAX },
		.tunnels_off = options->tunnels_off,
		.fragments = options->fragments_capacity,
		.streams = {
			.streams = options->streams_capacity,
			.small_buffers = options->streams_small_buffers,
			.large_buffers = options->streams_large_buffers,
			.budget = options->inspect_stream_bytes,
		},
		.hosts_capacity = options->hosts_capacity,
		// The report shows each host once.
		.hosts_expiry_s = replay->arguments.json ? options->hosts_expiry_ms / 1000 :
							   UINT32_MAX,
		.flow_ended = flow_ended,
		.host_ended = host_ended,
		.call_ended = call_ended,
		.is_backbone = options->hosts_backbone != 0,
		.frame_left = frame_left,
		.context = replay,
	};

	replay->engine = engine_create(&config);
	if (replay->engine != NULL)
		return 0;
	fprintf(stderr, "wiretag: %lu tables for %u flows: %s\n", replay->arguments.workers,
			options->flows_capacity, strerror(errno));
	return fail(errno);
}

// Whether what is to be written is one of the captures that are still to be read.
static bool would_overwrite(const struct replay *replay)
{
	const char *path = replay->arguments.write;
	struct stat written, read;

	if (path == NULL || stat(path, &written) < 0)
		return false;
	for (unsigned i = 0; i < replay->summary.capture_count; i++)
		if (stat(replay->summary.captures[i].path, &read) == 0 &&
				read.st_dev == written.st_dev && read.st_ino == written.st_ino) {
			fprintf(stderr, "%s: would be overwritten before it is read\n", path);
			return true;
		}
	return false;
}

static int run(struct replay *replay)
{
	struct complaints complaints = { 0 };
	unsigned wrong;

	if (would_overwrite(replay))
		return 1;
	load(replay, &complaints);
	complaints_print(&complaints, stderr);
	wrong = complaints.count;
	complaints_fini(&complaints);
	if (wrong > 0 || replay->policy == NULL || create_engine(replay) < 0)
		return 1;
	read_captures(replay);
	report(replay);
	close_outputs(replay);
	return replay->failed;
}

static bool parse_workers(struct arguments *arguments, const char *text)
{
	char *end;

	errno = 0;
	arguments->workers = strtoul(text, &end, 10);
	return errno == 0 && *end == '\0' && text[0] != '-' && arguments->workers >= 1 &&
			arguments->workers <= ENGINE_WORKERS_MAX;
}

// False when the command line is wrong; then that was said.
static bool parse(struct arguments *arguments, int argc, char **argv)
{
	enum {
		WORKERS = 256
	};
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "rules", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ "write", required_argument, NULL, 'w' },
		{ "workers", required_argument, NULL, WORKERS },
		{ 0 },
	};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "c:r:jaw:", options, NULL)) != -1) {
		if (option == 'c') {
			arguments->config = optarg;
		} else if (option == 'r') {
			arguments->rules = optarg;
		} else if (option == 'j') {
			arguments->json = true;
		} else if (option == 'a') {
			arguments->all = true;
		} else if (option == 'w') {
			arguments->write = optarg;
		} else if (option == WORKERS && !parse_workers(arguments, optarg)) {
			fprintf(stderr, "wiretag read: --workers is from 1 to %u, not '%s'\n",
					ENGINE_WORKERS_MAX, optarg);
			return false;
		} else if (option == '?') {
			return false;
		}
	}
	if (optind == argc)
		fprintf(stderr, "wiretag read: which capture?\n");
	return optind < argc;
}

int replay_main(int argc, char **argv)
{
	struct replay replay = { .arguments.workers = 1 };
	int status;

	if (!parse(&replay.arguments, argc, argv))
		return 2;
	// A closed pipe is an error of standard output, and is reported as one.
	signal(SIGPIPE, SIG_IGN);
	replay.summary.shows_weak = replay.arguments.all;
	replay.summary.is_bold = isatty(STDOUT_FILENO);
	// Not between records on the same terminal.
	replay.shows_progress =
			isatty(STDERR_FILENO) && !(replay.arguments.json && replay.summary.is_bold);
	replay.summary.capture_count = argc - optind;
	replay.summary.captures = calloc(argc - optind, sizeof(*replay.summary.captures));
	if (replay.summary.captures == NULL) {
		perror("wiretag");
		return 1;
	}
	for (int i = optind; i < argc; i++)
		replay.summary.captures[i - optind].path = argv[i];
	status = run(&replay);
	engine_free(replay.engine);
	policy_free(replay.policy);
	options_free(replay.options);
	free(replay.summary.calls);
	free(replay.summary.captures);
	return status;
}

void replay_help(FILE *stream)
{
	fputs("\nClassifies captures (pcap, pcapng; - is standard input), one after the other as if\n"
	      "they were one, and reports hosts, applications and totals.\n\n"
	      "  -c, --config FILE   rules, policy and limits of this configuration\n"
	      "  -r, --rules DIR     the rules of DIR/*.yaml instead\n"
	      "  -j, --json          a JSON record for every flow, host and call, one a line\n"
	      "  -a, --all           hosts with weak evidence only, too\n"
	      "  -w, --write FILE    write the packets as the policy leaves them\n"
	      "      --workers N     spread over N workers (1); the verdicts are the same\n",
			stream);
}

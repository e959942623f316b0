// SPDX-License-Identifier: BSD-3-Clause
#include "manager.h"

#include "clock.h"
#include "control.h"
#include "control_site.h"
#include "event.h"
#include "export.h"
#include "fail.h"
#include "history.h"
#include "hook.h"
#include "host/host.h"
#include "host/skype.h"
#include "http.h"
#include "log.h"
#include "manager_gather.h"
#include "notify.h"
#include "reload.h"
#include "telemetry.h"
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

LOG_TYPE("manager");

enum {
	TICK_MS = 100,
	TICKS_PER_S = 1000 / TICK_MS,
	STOP_MS = 5000, // longest time that workers may take to stop
};

struct manager {
	struct manager_config config;
	struct host_table *hosts;
	struct reload *reload;
	struct skype *skype;
	struct watch *watch;
	struct exporter *exporter; // NULL: off
	struct gather gather;
	struct http *http; // NULL: off
	struct site *site; // NULL: off
	struct hooks *hooks;
	struct control *control; // NULL: off
	struct history history;
	int signals, timer; // file descriptors
	unsigned ticks;
	bool is_announced; // the service manager knows that we are ready
	uint64_t reloads; // that ended when the web server last looked
	uint64_t stats_ns; // when the next stats record is due
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

static void signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

void manager_hold_signals(void)
{
	sigset_t set;

	signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

// Where to write records; NULL: nobody wants them.
static FILE *events(struct manager *m)
{
	return m->exporter == NULL ? NULL : export_stream(m->exporter);
}

static void write_host(void *context, const struct host *host)
{
	struct manager *m = context;
	FILE *stream;

	if (m->skype != NULL)
		skype_forget_host(m->skype, host);
	stream = events(m);
	if (stream != NULL)
		event_host(stream, host);
}

static void write_detection(void *context, const struct host *host, const struct host_app *app)
{
	FILE *stream = events(context);

	if (stream != NULL)
		event_host_detection(stream, host, app);
}

static void write_call(void *context, const struct call *call)
{
	FILE *stream = events(context);

	if (stream != NULL)
		event_call(stream, call);
}

static int open_events(struct manager *m)
{
	const struct options *options = m->config.options;

	if (options->events_file == NULL && options->events_unix == NULL)
		return 0;
	m->exporter = export_open(options, m->config.shared);
	return m->exporter == NULL ? -errno : 0;
}

static int open_files(struct manager *m)
{
	struct itimerspec tick = {
		.it_interval.tv_nsec = TICK_MS * 1000000,
		.it_value.tv_nsec = TICK_MS * 1000000,
	};
	sigset_t set;

	signal_set(&set);
	m->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	m->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (m->signals < 0 || m->timer < 0 || timerfd_settime(m->timer, 0, &tick, NULL) < 0) {
		LOG(ERR, "no timer or signals: %s", strerror(errno));
		return fail(errno);
	}
	return open_events(m);
}

// A second program on the host finds the usual place taken, and goes without.
static int open_control(struct manager *m, const struct control_source *source)
{
	const char *path = m->config.options->control_socket;
	bool is_auto;

	if (path == NULL)
		return 0;
	is_auto = strcmp(path, OPTIONS_SOCKET_AUTO) == 0;
	m->control = control_open(is_auto ? NULL : path, source);
	if (m->control != NULL) {
		LOG(INFO, "control socket at %s", control_path(m->control));
		return 0;
	}
	return is_auto ? 0 : -errno;
}

// The terms under which pages are served. False after messages, when these are at fault.
static bool load_web(const struct manager *m, struct web_config **web)
{
	struct complaints complaints = { 0 };
	bool is_good;

	*web = options_web(m->config.options, &complaints);
	is_good = complaints.count == 0;
	for (unsigned i = 0; i < complaints.count; i++)
		LOG(ERR, "%s", complaints.lines[i]);
	complaints_fini(&complaints);
	return is_good;
}

// New certificates and passwords come with every reload; where these are at fault, the old ones stay.
static void follow_reload(struct manager *m)
{
	struct web_config *web;

	if (m->http == NULL || reload_state(m->reload)->ended == m->reloads)
		return;
	m->reloads = reload_state(m->reload)->ended;
	if (load_web(m, &web) && web != NULL)
		http_change(m->http, web);
}

// Those who may ask for the numbers.
static int open_services(struct manager *m)
{
	struct web_config *web;
	const struct options *options = m->config.options;
	struct snapshot_source source = { .gather = manager_gather, .context = &m->gather };
	const struct control_source answers = { source, m->hosts, m->reload, m->exporter,
		m->config.shared, options, &m->history };

	m->hooks = hooks_create(options, &source);
	if (m->hooks == NULL)
		return fail(ENOMEM);
	m->gather = (struct gather){ &m->config, m->hosts, m->reload, m->watch, m->exporter,
		m->hooks, now_ns() };
	if (options->metrics_listen != NULL) {
		if (!load_web(m, &web))
			return fail(EINVAL);
		m->http = http_open(options->metrics_listen, web, &source);
		if (m->http == NULL)
			return -errno;
		m->site = site_open(&answers);
		if (m->site != NULL)
			http_delegate(m->http, site_answer, m->site);
		LOG(INFO, "metrics at %s", http_url(m->http));
	}
	if (open_control(m, &answers) < 0)
		return -errno;
	if (options->telemetry && telemetry_open(&source) < 0)
		LOG(WARNING, "no telemetry: %s", strerror(errno));
	return 0;
}

struct manager *manager_create(const struct manager_config *config)
{
	const struct options *options = config->options;
	struct manager *m = calloc(1, sizeof(*m));
	struct skype_config skype = {
		.capacity = options->hosts_capacity,
		.published = config->shared->published,
		.call_ended = write_call,
		.context = m,
	};
	struct host_config hosts = {
		.capacity = options->hosts_capacity,
		.expiry_s = options->hosts_expiry_ms / 1000,
		.is_backbone = options->hosts_backbone != 0,
		.ended = write_host,
		.judged = write_detection,
		.context = m,
	};

	if (m == NULL)
		return fail_null(ENOMEM);
	m->config = *config;
	m->signals = m->timer = -1;
	m->hosts = host_table_create(&hosts);
	if (m->hosts == NULL) {
		LOG(ERR, "no memory for %u hosts", hosts.capacity);
		goto err_manager;
	}
	m->reload = reload_create(options, config->shared, config->patterns);
	if (m->reload == NULL) {
		LOG(ERR, "no memory for reloads");
		goto err_manager;
	}
	m->watch = watch_create(config->shared);
	if (m->watch == NULL) {
		LOG(ERR, "no memory to watch %u workers", config->shared->worker_count);
		goto err_manager;
	}
	skype.hosts = m->hosts;
	m->skype = skype_create(&skype);
	if (m->skype == NULL) {
		LOG(ERR, "no memory for the Skype ports of %u hosts", hosts.capacity);
		goto err_manager;
	}
	if (open_files(m) < 0 || open_services(m) < 0)
		goto err_manager;
	return m;

err_manager:
	manager_free(m);
	return NULL;
}

void manager_close(struct manager *m)
{
	telemetry_close();
	control_close(m->control);
	http_close(m->http);
	site_close(m->site);
	export_close(m->exporter);
	m->control = NULL;
	m->http = NULL;
	m->site = NULL;
	m->exporter = NULL;
}

bool manager_free(struct manager *m)
{
	bool is_free;

	if (m == NULL)
		return true;
	manager_close(m);
	hooks_free(m->hooks);
	if (m->timer >= 0)
		close(m->timer);
	if (m->signals >= 0)
		close(m->signals);
	is_free = reload_free(m->reload);
	watch_free(m->watch);
	skype_free(m->skype);
	host_table_free(m->hosts);
	free(m);
	return is_free;
}

static void take_evidence(struct manager *m, struct rte_ring *ring)
{
	struct evidence evidence;

	for (unsigned left = rte_ring_count(ring); left > 0; left--) {
		if (rte_ring_sc_dequeue_elem(ring, &evidence, sizeof(evidence)) != 0)
			return;
		skype_learn(m->skype, &evidence);
	}
}

// All that the workers have seen so far.
static void take_all(struct manager *m)
{
	const struct shared *shared = m->config.shared;

	for (unsigned i = 0; i < shared->worker_count; i++)
		take_evidence(m, shared->channels[i].evidence);
}

// False when a worker's counters could not be read just now and are missing.
static bool total(const struct shared *shared, struct counters *sum)
{
	struct counters counters;
	bool is_whole = true;

	for (unsigned i = 0; i < shared->worker_count; i++) {
		if (counters_read(shared->channels[i].counters, &counters))
			counters_add(sum, &counters);
		else
			is_whole = false;
	}
	return is_whole;
}

static void remember(struct manager *m)
{
	struct counters sum = { 0 };

	if (total(m->config.shared, &sum))
		history_add(&m->history, now_ns(), &sum);
}

// The totals so far. Returns how many packets were dropped.
static uint64_t sum_up(const struct manager *m, struct event_stats *stats)
{
	struct counters sum = { 0 };
	uint64_t dropped = 0;

	*stats = (struct event_stats){ .time_ns = now_ns(), .not_flow = EVENT_UNKNOWN };
	total(m->config.shared, &sum);
	for (unsigned i = 0; i < DIRECTIONS_MAX; i++) {
		stats->bytes += sum.received_bytes[i];
		for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
			stats->reasons[reason] += sum.packets[i][reason];
			stats->packets += sum.packets[i][reason];
			if (reason_group(reason) == REASON_GROUP_DROPPED)
				dropped += sum.packets[i][reason];
		}
	}
	// Once all flows have ended.
	if (sum.flows == 0)
		stats->not_flow = stats->packets - sum.ended_packets;
	stats->flows = sum.flows_created;
	stats->hosts = host_stats(m->hosts)->learned;
	stats->evidence_lost = sum.evidence_lost;
	if (m->exporter != NULL)
		stats->records_lost = export_lost(m->exporter);
	return dropped;
}

static void write_stats(struct manager *m)
{
	struct event_stats stats;
	FILE *stream = events(m);

	if (stream == NULL)
		return;
	sum_up(m, &stats);
	event_stats(stream, &stats);
}

static void tick(struct manager *m)
{
	uint64_t expirations;

	if (read(m->timer, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	watch_look(m->watch, clock_ms());
	take_all(m);
	if (m->exporter != NULL)
		export_push(m->exporter);
	reload_run(m->reload);
	follow_reload(m);
	wire_run(m->config.wire, clock_ms());
	hooks_run(m->hooks, clock_ms());
	if (m->config.options->telemetry)
		telemetry_refresh();
	if (m->ticks++ % TICKS_PER_S != 0)
		return;
	timebase_set(&m->config.shared->time);
	remember(m);
	// A service manager that hears nothing for some seconds restarts us.
	if (watch_all_poll(m->watch)) {
		notify_send(m->is_announced ? "WATCHDOG=1" : "READY=1");
		m->is_announced = true;
	}
	host_expire(m->hosts, now_ns());
	skype_expire(m->skype, now_ns());
	if (now_ns() >= m->stats_ns) {
		m->stats_ns = now_ns() + m->config.options->events_stats_ms * UINT64_C(1000000);
		write_stats(m);
	}
}

static bool is_told_to_stop(struct manager *m)
{
	struct signalfd_siginfo info;

	while (read(m->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGHUP) {
			LOG(INFO, "stopping after %s", strsignal(info.ssi_signo));
			return true;
		}
		reload_ask(m->reload);
		if (m->exporter != NULL)
			export_reopen(m->exporter);
	}
	return false;
}

static bool are_done(const struct shared *shared)
{
	for (unsigned i = 0; i < shared->worker_count; i++) {
		if (!atomic_load_explicit(&shared->channels[i].is_done, memory_order_acquire))
			return false;
	}
	return true;
}

static bool stop_workers(struct manager *m)
{
	struct shared *shared = m->config.shared;
	bool is_done = false;

	atomic_store_explicit(&shared->stop, true, memory_order_relaxed);
	for (int ms = 0; ms < STOP_MS && !is_done; ms++) {
		usleep(1000);
		is_done = are_done(shared);
		take_all(m);
	}
	if (!is_done)
		LOG(ERR, "a worker does not stop within %d seconds", STOP_MS / 1000);
	return is_done;
}

// Forgets the hosts, so that each is written.
static void finish(struct manager *m)
{
	struct event_stats stats;
	uint64_t dropped;

	skype_finish(m->skype);
	if (m->exporter != NULL)
		export_settle(m->exporter);
	host_end_all(m->hosts);
	write_stats(m);
	dropped = sum_up(m, &stats);
	LOG(INFO, "%lu packets received = %lu forwarded + %lu dropped; %lu flows, %lu hosts",
			stats.packets, stats.packets - dropped, dropped, stats.flows, stats.hosts);
	if (stats.records_lost > 0 || stats.evidence_lost > 0)
		LOG(WARNING, "%lu event records and %lu pieces of evidence found no room",
				stats.records_lost, stats.evidence_lost);
}

bool manager_run(struct manager *m)
{
	bool is_done, is_stopping = false;
	struct pollfd files[] = {
		{ .fd = m->signals, .events = POLLIN },
		{ .fd = m->timer, .events = POLLIN },
		{ .events = POLLIN }, // the web server's, which may change
		{ .fd = m->control == NULL ? -1 : control_fd(m->control), .events = POLLIN },
	};

	do {
		files[2].fd = m->http == NULL ? -1 : http_fd(m->http);
		if (poll(files, RTE_DIM(files), -1) < 0 && errno != EINTR)
			break;
		tick(m);
		if (m->http != NULL)
			http_run(m->http);
		if (m->control != NULL)
			control_run(m->control);
		if (!is_stopping && is_told_to_stop(m)) {
			is_stopping = true;
			notify_send("STOPPING=1");
		}
	} while (!is_stopping || !hooks_stop(m->hooks, clock_ms()));
	is_done = stop_workers(m);
	finish(m);
	return is_done;
}

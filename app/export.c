// SPDX-License-Identifier: BSD-3-Clause
#include "export.h"

#include "event.h"
#include "fail.h"
#include "log.h"
#include "sink.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

LOG_TYPE("events");

enum {
	BATCHES = 1024, // texts of the manager that wait
	BATCH_BYTES_MAX = 16 << 20, // of all of them
	PUSH_BYTES = 1 << 20, // written without a push: pushed
	RECORDS_AT_A_TIME = 512, // of one worker, before others are looked at
	IDLE_MS = 20,
	WAIT_MS = 2000, // for the thread, at the end
	NICE = 5, // the manager, on the same CPU, comes first
};

// Lines of the manager.
struct batch {
	char *text; // the exporter frees it
	size_t length;
};

struct exporter {
	struct shared *shared;
	struct sink sinks[SNAPSHOT_SINKS_MAX];
	unsigned sink_count;
	struct rte_ring *batches; // of struct batch; manager pushes, thread pulls
	_Atomic uint64_t batch_bytes; // in the ring
	_Atomic uint64_t lost; // lines of the manager that found no room; manager writes
	atomic_bool stop, reopen; // manager writes, thread reads
	int wake; // eventfd: there is something to do
	bool is_running;
	pthread_t thread;

	// The manager's own.
	FILE *stream; // NULL: nothing was written since the last push
	char *text;
	size_t length;
	bool may_wait;
	unsigned waits_ms; // still allowed
};

static void put(struct exporter *e, const char *text, size_t length)
{
	for (unsigned i = 0; i < e->sink_count; i++)
		sink_put(&e->sinks[i], text, length);
}

// Flows that ended or were recognised. Returns how many.
static unsigned take_records(struct exporter *e, struct rte_ring *ring)
{
	struct flow_record record;
	unsigned count = 0;
	size_t length = 0;
	char *text = NULL;
	FILE *stream;

	if (ring == NULL || rte_ring_empty(ring))
		return 0;
	stream = open_memstream(&text, &length);
	if (stream == NULL)
		return 0;
	while (count < RECORDS_AT_A_TIME &&
			rte_ring_sc_dequeue_elem(ring, &record, sizeof(record)) == 0) {
		event_flow(stream, &record);
		count++;
	}
	fclose(stream);
	put(e, text, length);
	free(text);
	return count;
}

static unsigned take_batch(struct exporter *e)
{
	struct batch batch;

	if (rte_ring_sc_dequeue_elem(e->batches, &batch, sizeof(batch)) != 0)
		return 0;
	put(e, batch.text, batch.length);
	atomic_fetch_sub_explicit(&e->batch_bytes, batch.length, memory_order_relaxed);
	free(batch.text);
	return 1;
}

// A bit of everything, and the sinks may take it. Returns how much there was.
static unsigned run_once(struct exporter *e)
{
	unsigned count = 0;

	if (atomic_exchange_explicit(&e->reopen, false, memory_order_acquire))
		for (unsigned i = 0; i < e->sink_count; i++)
			sink_reopen(&e->sinks[i]);
	for (unsigned i = 0; i < e->shared->worker_count; i++)
		count += take_records(e, e->shared->channels[i].records);
	count += take_batch(e);
	for (unsigned i = 0; i < e->sink_count; i++)
		sink_flush(&e->sinks[i]);
	return count;
}

static bool are_empty(const struct exporter *e)
{
	for (unsigned i = 0; i < e->sink_count; i++)
		if (e->sinks[i].fd >= 0 && !sink_is_empty(&e->sinks[i]))
			return false;
	return true;
}

static void wait_for_work(const struct exporter *e)
{
	struct pollfd wake = { .fd = e->wake, .events = POLLIN };
	uint64_t wakes;

	if (poll(&wake, 1, IDLE_MS) == 1 && read(e->wake, &wakes, sizeof(wakes)) < 0)
		LOG(DEBUG, "eventfd: %s", strerror(errno));
}

static void *export_main(void *exporter)
{
	struct exporter *e = exporter;

	// Linux: of this thread alone.
	setpriority(PRIO_PROCESS, gettid(), NICE);
	while (!atomic_load_explicit(&e->stop, memory_order_acquire)) {
		if (run_once(e) == 0)
			wait_for_work(e);
	}
	while (run_once(e) != 0)
		;
	for (int ms = 0; ms < WAIT_MS && !are_empty(e); ms += IDLE_MS) {
		usleep(IDLE_MS * 1000);
		run_once(e);
	}
	return NULL;
}

static int add_sink(struct exporter *e, enum sink_kind kind, const char *path, const char *key)
{
	int ret;

	if (path == NULL)
		return 0;
	ret = sink_open(&e->sinks[e->sink_count++], kind, path);
	if (ret < 0)
		LOG(ERR, "%s '%s': %s", key, path, strerror(-ret));
	return ret;
}

static int start(struct exporter *e)
{
	int error;

	e->batches = aligned_alloc(RTE_CACHE_LINE_SIZE,
			RTE_ALIGN((size_t)rte_ring_get_memsize_elem(sizeof(struct batch), BATCHES),
					(size_t)RTE_CACHE_LINE_SIZE));
	e->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->batches == NULL || e->wake < 0) {
		LOG(ERR, "no memory for events");
		return fail(ENOMEM);
	}
	rte_ring_init(e->batches, "events", BATCHES, RING_F_SP_ENQ | RING_F_SC_DEQ);
	error = pthread_create(&e->thread, NULL, export_main, e);
	if (error != 0) {
		LOG(ERR, "no thread to write events: %s", strerror(error));
		return fail(error);
	}
	e->is_running = true;
	pthread_setname_np(e->thread, "wiretag-events");
	return 0;
}

struct exporter *export_open(const struct options *options, struct shared *shared)
{
	struct exporter *e = calloc(1, sizeof(*e));
	const char *file = options->events_file;
	enum sink_kind kind = file != NULL && strcmp(file, "-") == 0 ? SINK_STDOUT : SINK_FILE;

	if (e == NULL)
		return fail_null(ENOMEM);
	e->shared = shared;
	e->wake = -1;
	e->waits_ms = WAIT_MS;
	if (add_sink(e, kind, file, "events.file") < 0 ||
			add_sink(e, SINK_UNIX, options->events_unix, "events.unix") < 0 ||
			start(e) < 0) {
		export_close(e);
		return NULL;
	}
	return e;
}

static void wake(const struct exporter *e)
{
	static const uint64_t one = 1;

	if (write(e->wake, &one, sizeof(one)) < 0)
		LOG(DEBUG, "eventfd: %s", strerror(errno));
}

// False when the thread hangs, in a disk that takes nothing: then what it uses is left to it.
static bool join(struct exporter *e)
{
	struct timespec until;

	if (!e->is_running)
		return true;
	atomic_store_explicit(&e->stop, true, memory_order_release);
	wake(e);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 2 * WAIT_MS / 1000;
	if (pthread_timedjoin_np(e->thread, NULL, &until) == 0)
		return true;
	LOG(ERR, "events: the disk does not take the last records");
	return false;
}

void export_close(struct exporter *e)
{
	struct batch batch;

	if (e == NULL)
		return;
	export_push(e);
	if (!join(e))
		return;
	for (unsigned i = 0; i < e->sink_count; i++)
		sink_close(&e->sinks[i]);
	while (e->is_running && rte_ring_sc_dequeue_elem(e->batches, &batch, sizeof(batch)) == 0)
		free(batch.text);
	if (e->wake >= 0)
		close(e->wake);
	free(e->batches);
	free(e);
}

static void lose(struct exporter *e, uint64_t lines)
{
	atomic_fetch_add_explicit(&e->lost, lines, memory_order_relaxed);
}

FILE *export_stream(struct exporter *e)
{
	if (e->stream != NULL && ftell(e->stream) > PUSH_BYTES)
		export_push(e);
	if (e->stream == NULL)
		e->stream = open_memstream(&e->text, &e->length);
	if (e->stream == NULL)
		lose(e, 1);
	return e->stream;
}

static bool push(struct exporter *e, struct batch *batch)
{
	if (atomic_load_explicit(&e->batch_bytes, memory_order_relaxed) + batch->length >
			BATCH_BYTES_MAX)
		return false;
	atomic_fetch_add_explicit(&e->batch_bytes, batch->length, memory_order_relaxed);
	if (rte_ring_sp_enqueue_elem(e->batches, batch, sizeof(*batch)) == 0)
		return true;
	atomic_fetch_sub_explicit(&e->batch_bytes, batch->length, memory_order_relaxed);
	return false;
}

void export_push(struct exporter *e)
{
	struct batch batch;
	bool is_pushed;

	if (e->stream == NULL)
		return;
	fclose(e->stream);
	e->stream = NULL;
	batch = (struct batch){ e->text, e->length };
	while (!(is_pushed = push(e, &batch)) && e->may_wait && e->waits_ms > 0) {
		usleep(1000);
		e->waits_ms--;
	}
	if (is_pushed)
		return;
	for (const char *at = batch.text; (at = strchr(at, '\n')) != NULL; at++)
		lose(e, 1);
	free(batch.text);
}

void export_settle(struct exporter *e)
{
	e->may_wait = true;
	for (unsigned i = 0; i < e->shared->worker_count; i++) {
		const struct rte_ring *ring = e->shared->channels[i].records;

		while (!rte_ring_empty(ring) && e->waits_ms > 0) {
			usleep(1000);
			e->waits_ms--;
		}
	}
}

void export_reopen(struct exporter *e)
{
	atomic_store_explicit(&e->reopen, true, memory_order_release);
	wake(e);
}

uint64_t export_lost(const struct exporter *e)
{
	uint64_t lost = atomic_load_explicit(&e->lost, memory_order_relaxed);

	for (unsigned i = 0; i < e->shared->worker_count; i++)
		lost += atomic_load_explicit(
				&e->shared->channels[i].records_lost, memory_order_relaxed);
	return lost;
}

void export_gather(const struct exporter *e, struct snapshot *snapshot)
{
	static const char *const names[] = {
		[SINK_FILE] = "file",
		[SINK_STDOUT] = "stdout",
		[SINK_UNIX] = "unix",
	};

	snapshot->sink_count = e->sink_count;
	for (unsigned i = 0; i < e->sink_count; i++) {
		const struct sink *sink = &e->sinks[i];
		struct snapshot_sink *out = &snapshot->sinks[i];

		out->name = names[sink->kind];
		out->is_connected = atomic_load_explicit(&sink->is_connected, memory_order_relaxed);
		out->records = atomic_load_explicit(&sink->records, memory_order_relaxed);
		out->waiting_bytes =
				atomic_load_explicit(&sink->waiting_bytes, memory_order_relaxed);
		out->waiting_records =
				atomic_load_explicit(&sink->waiting_records, memory_order_relaxed);
		for (unsigned reason = 0; reason < SINK_DROP_COUNT; reason++)
			out->dropped[reason] = atomic_load_explicit(
					&sink->dropped[reason], memory_order_relaxed);
		out->dropped[SINK_DROP_RING_FULL] = export_lost(e);
	}
}

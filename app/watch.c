// SPDX-License-Identifier: BSD-3-Clause
#include "watch.h"

#include "fail.h"
#include "health.h"
#include "log.h"
#include "notify.h"

#include <stdio.h>
#include <stdlib.h>

LOG_TYPE("watch");

struct heart {
	unsigned beat; // the worker's sequence number when it was last looked at; 0: never polled
	uint64_t silent_ms;
	uint64_t stalls;
	bool is_stalled;

	uint64_t raised; // overload, as counted at the last look
	uint64_t shed; // packets, before the overload at hand
	uint64_t calm_ms; // since it was last raised
	bool is_overloaded;
};

struct watch {
	const struct shared *shared;
	uint64_t looked_ms; // 0: never
	uint64_t read_ms; // when the counters were last looked at
	struct heart hearts[]; // [shared->worker_count]
};

struct watch *watch_create(const struct shared *shared)
{
	struct watch *watch =
			calloc(1, sizeof(*watch) + shared->worker_count * sizeof(watch->hearts[0]));

	if (watch == NULL)
		return fail_null(ENOMEM);
	watch->shared = shared;
	return watch;
}

void watch_free(struct watch *watch)
{
	free(watch);
}

// `systemctl status` shows it.
static void tell(const char *format, unsigned worker, uint64_t ms)
{
	char status[128] = "STATUS=";

	snprintf(status + 7, sizeof(status) - 7, format, worker, ms);
	notify_send(status);
}

static void stall(struct heart *heart, unsigned worker)
{
	heart->is_stalled = true;
	heart->stalls++;
	LOG(ERR, "worker %u has not polled for %lu ms: its packets wait, and the service manager's watchdog is fed no more",
			worker, heart->silent_ms);
	tell("worker %u has not polled for %lu ms", worker, heart->silent_ms);
}

static void resume(struct heart *heart, unsigned worker)
{
	heart->is_stalled = false;
	LOG(NOTICE, "worker %u polls again after %lu ms", worker, heart->silent_ms);
	tell("worker %u polls again after %lu ms", worker, heart->silent_ms);
}

static void listen(struct heart *heart, unsigned beat, unsigned worker, uint64_t passed_ms)
{
	bool is_silent = beat == heart->beat;

	heart->beat = beat;
	// Whoever has not begun is not missed.
	if (is_silent && beat != 0)
		heart->silent_ms += passed_ms;
	if (heart->silent_ms > HEALTH_STALLED_MS && !heart->is_stalled)
		stall(heart, worker);
	if (is_silent)
		return;
	if (heart->is_stalled)
		resume(heart, worker);
	heart->silent_ms = 0;
}

static uint64_t shed_of(const struct counters *counters)
{
	uint64_t packets = 0;

	for (unsigned i = 0; i < DIRECTIONS_MAX; i++)
		packets += counters->packets[i][REASON_OVERLOAD_STREAM] +
				counters->packets[i][REASON_OVERLOAD_PATTERN] +
				counters->packets[i][REASON_OVERLOAD_FLOW];
	return packets;
}

// Two lines for each overload, however often its level changes.
static void follow_overload(struct heart *heart, const struct counters *counters, unsigned worker,
		uint64_t passed_ms)
{
	uint64_t raised = 0, shed = shed_of(counters);
	bool is_new;

	for (unsigned i = 0; i < OVERLOAD_LEVELS; i++)
		raised += counters->overload_raised[i];
	is_new = raised != heart->raised;
	heart->raised = raised;
	heart->calm_ms = is_new || counters->overload_level != OVERLOAD_NONE ?
			0 :
			heart->calm_ms + passed_ms;
	if (is_new && !heart->is_overloaded) {
		heart->is_overloaded = true;
		LOG(WARNING, "worker %u is overloaded: it forwards all and looks at less", worker);
	} else if (heart->is_overloaded && heart->calm_ms >= WATCH_CALM_MS) {
		heart->is_overloaded = false;
		LOG(NOTICE, "worker %u looks at all packets again; %lu were forwarded without",
				worker, shed - heart->shed);
	}
	if (!heart->is_overloaded)
		heart->shed = shed;
}

static void look_at_counters(struct watch *watch, uint64_t now_ms)
{
	struct counters counters;

	for (unsigned i = 0; i < watch->shared->worker_count; i++)
		if (counters_read(watch->shared->channels[i].counters, &counters))
			follow_overload(&watch->hearts[i], &counters, i, now_ms - watch->read_ms);
	watch->read_ms = now_ms;
}

void watch_look(struct watch *watch, uint64_t now_ms)
{
	uint64_t passed_ms = watch->looked_ms == 0 ? 0 : now_ms - watch->looked_ms;

	// Whatever held us up may have held up the workers: a machine that was stopped, say.
	if (passed_ms > WATCH_LOOK_MS)
		passed_ms = WATCH_LOOK_MS;
	watch->looked_ms = now_ms;
	for (unsigned i = 0; i < watch->shared->worker_count; i++) {
		const struct counters_public *counters = watch->shared->channels[i].counters;

		listen(&watch->hearts[i],
				atomic_load_explicit(&counters->sequence, memory_order_relaxed), i,
				passed_ms);
	}
	if (now_ms - watch->read_ms >= WATCH_READ_MS)
		look_at_counters(watch, now_ms);
}

bool watch_all_poll(const struct watch *watch)
{
	for (unsigned i = 0; i < watch->shared->worker_count; i++) {
		const struct heart *heart = &watch->hearts[i];

		if (heart->beat == 0 || heart->is_stalled)
			return false;
	}
	return true;
}

uint64_t watch_silent_ms(const struct watch *watch, unsigned worker)
{
	return watch->hearts[worker].silent_ms;
}

uint64_t watch_stalls(const struct watch *watch, unsigned worker)
{
	return watch->hearts[worker].stalls;
}

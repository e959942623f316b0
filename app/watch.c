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
};

struct watch {
	const struct shared *shared;
	uint64_t looked_ms; // 0: never
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

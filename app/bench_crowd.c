// SPDX-License-Identifier: BSD-3-Clause
#include "bench_crowd.h"

#include "bench_machine.h"
#include "evidence.h"
#include "fail.h"
#include "memory.h"

#include <rte_cycles.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
	RING = 1024,
	PUSHED = 64, // into each ring at a time
	RELOAD_EVERY = 200, // milliseconds, and what it takes
	RELOADS_MAX = 64, // of a watch; the old ones are kept, for nobody tells when the lane is done
};

struct member {
	struct lane *lane;
	pthread_barrier_t *barrier;
	uint32_t packets;
	int cpu; // -1: where it is
	double rate; // packets a cycle
	uint64_t switches;
};

static void *member_run(void *argument)
{
	struct member *member = argument;
	uint64_t start, switches, count;

	if (member->cpu >= 0)
		machine_pin_to(member->cpu);
	lane_prepare(member->lane, STAGE_FULL, member->packets);
	pthread_barrier_wait(member->barrier);
	switches = machine_switches();
	start = rte_rdtsc();
	count = lane_run(member->lane, STAGE_FULL, member->packets);
	member->rate = (double)count / (rte_rdtsc() - start);
	member->switches = machine_switches() - switches;
	return NULL;
}

double crowd_run(struct lane *const *lanes, const int *cpus, unsigned count, uint32_t packets,
		uint64_t *switches)
{
	struct member members[CROWD_MAX];
	pthread_t threads[CROWD_MAX];
	pthread_barrier_t barrier;
	double rate = 0;

	*switches = 0;
	pthread_barrier_init(&barrier, NULL, count);
	for (unsigned i = 0; i < count; i++) {
		members[i] = (struct member){
			.lane = lanes[i],
			.barrier = &barrier,
			.packets = packets,
			.cpu = i == 0 ? -1 : cpus[i],
		};
		// The others would wait for ever for one that is missing.
		if (i > 0 && pthread_create(&threads[i], NULL, member_run, &members[i]) != 0)
			abort();
	}
	member_run(&members[0]);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			pthread_join(threads[i], NULL);
		rate += members[i].rate;
		*switches += members[i].switches;
	}
	pthread_barrier_destroy(&barrier);
	return 1 / rate;
}

struct watch {
	struct counters_public *published[WATCHED_WORKERS];
	struct rte_ring *rings[WATCHED_WORKERS];
	struct lane *lane;
	struct counters counters, sum;
	int cpu;
	const struct bench_policy_config *reload; // NULL: none
	struct bench_policy policies[RELOADS_MAX];
	unsigned policy_count;
	atomic_bool stop;
	bool is_running;
	pthread_t thread;
};

static size_t ring_bytes(void)
{
	return rte_ring_get_memsize_elem(sizeof(struct evidence), RING);
}

static void watch_once(struct watch *watch)
{
	struct evidence evidence[PUSHED] = { 0 };

	for (unsigned i = 1; i < WATCHED_WORKERS; i++) {
		counters_publish(watch->published[i], &watch->counters);
		rte_ring_sp_enqueue_bulk_elem(
				watch->rings[i], evidence, sizeof(evidence[0]), PUSHED, NULL);
	}
	for (unsigned i = 0; i < WATCHED_WORKERS; i++) {
		if (counters_read(watch->published[i], &watch->counters))
			counters_add(&watch->sum, &watch->counters);
		while (rte_ring_sc_dequeue_burst_elem(watch->rings[i], evidence,
				       sizeof(evidence[0]), PUSHED, NULL) > 0)
			continue;
	}
}

static void watch_reload(struct watch *watch)
{
	struct bench_policy *policy = &watch->policies[watch->policy_count];

	if (watch->policy_count == RELOADS_MAX)
		return;
	watch->policy_count++;
	if (bench_policy_init(policy, watch->reload))
		lane_set_policy(watch->lane, policy->policy);
}

static void *watch_run(void *argument)
{
	const struct timespec millisecond = { 0, 1000000 };
	struct watch *watch = argument;
	unsigned round = 0;

	machine_pin_to(watch->cpu);
	while (!atomic_load_explicit(&watch->stop, memory_order_relaxed)) {
		watch_once(watch);
		if (watch->reload != NULL && round++ % RELOAD_EVERY == 0)
			watch_reload(watch);
		nanosleep(&millisecond, NULL);
	}
	return NULL;
}

static int watch_create_others(struct watch *watch)
{
	for (unsigned i = 1; i < WATCHED_WORKERS; i++) {
		watch->published[i] = memory_alloc(sizeof(*watch->published[i]), -1);
		watch->rings[i] = memory_alloc(ring_bytes(), -1);
		if (watch->published[i] == NULL || watch->rings[i] == NULL)
			return fail(ENOMEM);
		rte_ring_init(watch->rings[i], "others", RING, RING_F_SP_ENQ | RING_F_SC_DEQ);
	}
	return 0;
}

struct watch *watch_start(struct lane *lane, int cpu, const struct bench_policy_config *reload)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	watch->lane = lane;
	watch->cpu = cpu;
	watch->reload = reload;
	watch->rings[0] = lane_watch(lane, &watch->published[0]);
	if (watch_create_others(watch) == 0 &&
			pthread_create(&watch->thread, NULL, watch_run, watch) == 0) {
		watch->is_running = true;
		return watch;
	}
	watch_stop(watch);
	return fail_null(ENOMEM);
}

void watch_stop(struct watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->is_running) {
		atomic_store_explicit(&watch->stop, true, memory_order_relaxed);
		pthread_join(watch->thread, NULL);
	}
	lane_watch(watch->lane, NULL);
	lane_set_policy(watch->lane, NULL);
	for (unsigned i = 0; i < watch->policy_count; i++)
		bench_policy_fini(&watch->policies[i]);
	for (unsigned i = 1; i < WATCHED_WORKERS; i++) {
		memory_free(watch->published[i], sizeof(*watch->published[i]));
		memory_free(watch->rings[i], ring_bytes());
	}
	free(watch);
}

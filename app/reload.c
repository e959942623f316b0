// SPDX-License-Identifier: BSD-3-Clause
#include "reload.h"

#include "fail.h"
#include "log.h"
#include "options_digest.h"
#include "options_web.h"
#include "scan_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

LOG_TYPE("reload");

enum {
	NICE = 10, // the manager, on the same CPU, comes first
	END_S = 2, // longest time that the end waits for a compile
	LINES_LOGGED = 20, // complaints about one reload
};

enum phase {
	PHASE_IDLE,
	PHASE_COMPILING, // the thread runs
	PHASE_REPLACED, // published; a worker may still use the old policy
};

struct reload {
	const struct options *options;
	struct shared *shared;
	struct scan_cache *patterns; // the thread's own while it runs
	uint64_t compiled; // databases, by it
	enum phase phase;
	bool is_asked; // for another one, after the one under way
	pthread_t thread;
	struct policy *old;
	uint64_t token; // of the workers' quiescence
	struct reload_state state;

	// The thread's own until it sets is_compiled.
	struct policy *policy; // NULL: there are complaints
	struct complaints complaints;
	atomic_bool is_compiled;
	atomic_int thread_id; // as the kernel numbers it; 0: not known yet
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

struct reload *reload_create(
		const struct options *options, struct shared *shared, struct scan_cache *patterns)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return fail_null(ENOMEM);
	r->options = options;
	r->shared = shared;
	r->patterns = patterns;
	r->state.is_good = true;
	r->state.good_ns = now_ns();
	return r;
}

// False when the thread does not end in time.
static bool join(struct reload *r)
{
	struct timespec until;

	// Now it is waited for.
	setpriority(PRIO_PROCESS, atomic_load(&r->thread_id), 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_S;
	return pthread_timedjoin_np(r->thread, NULL, &until) == 0;
}

bool reload_free(struct reload *r)
{
	if (r == NULL)
		return true;
	if (r->phase == PHASE_COMPILING && !join(r)) {
		policy_free(r->old);
		LOG(NOTICE, "a reload still compiled its rules: it ends with the program");
		return false;
	}
	if (r->phase == PHASE_COMPILING)
		policy_free(r->policy);
	policy_free(r->old);
	complaints_fini(&r->complaints);
	complaints_fini(&r->state.complaints);
	free(r);
	return true;
}

static void compile(struct reload *r)
{
	struct options *options = options_load(r->options->path, &r->complaints);
	uint64_t before = scan_cache_compiled(r->patterns);

	if (options == NULL)
		return;
	scan_cache_turn(r->patterns);
	options_need_pairs(options, &r->complaints);
	options_need_restart(r->options, options, &r->complaints);
	// The manager reads it once more when it puts it to use.
	web_config_free(options_web(options, &r->complaints));
	r->policy = options_policy(options, r->shared->worker_count, r->patterns, &r->complaints);
	if (r->policy != NULL)
		options_digest(options, r->policy->digest);
	options_free(options);
	r->compiled = scan_cache_compiled(r->patterns) - before;
	if (r->complaints.count > 0) {
		policy_free(r->policy);
		r->policy = NULL;
	}
}

static void *compile_main(void *reload)
{
	struct reload *r = reload;

	// Linux: of this thread alone.
	setpriority(PRIO_PROCESS, gettid(), NICE);
	atomic_store(&r->thread_id, gettid());
	compile(r);
	atomic_store_explicit(&r->is_compiled, true, memory_order_release);
	return NULL;
}

static void end(struct reload *r, bool is_good)
{
	r->phase = PHASE_IDLE;
	r->state.ended++;
	r->state.is_good = is_good;
	complaints_fini(&r->state.complaints);
	r->state.complaints = r->complaints;
	r->complaints = (struct complaints){ 0 };
}

static void start(struct reload *r)
{
	int error;

	r->is_asked = false;
	atomic_store_explicit(&r->is_compiled, false, memory_order_relaxed);
	error = pthread_create(&r->thread, NULL, compile_main, r);
	if (error == 0) {
		r->phase = PHASE_COMPILING;
		return;
	}
	LOG(ERR, "no reload: no thread to read the files: %s", strerror(error));
	complain(&r->complaints, "%s: no thread to read it: %s", r->options->path, strerror(error));
	end(r, false);
}

static void refuse(struct reload *r)
{
	const struct complaints *complaints = &r->complaints;
	unsigned count = RTE_MIN(complaints->count, (unsigned)LINES_LOGGED);

	for (unsigned i = 0; i < count; i++)
		LOG(ERR, "%s", complaints->lines[i]);
	if (complaints->count > count)
		LOG(ERR, "and %u more", complaints->count - count);
	LOG(ERR, "reload %lu changes nothing: what was in force stays", r->state.ended + 1);
	end(r, false);
}

// From here on every round of a worker takes the new policy, as a whole.
static void publish(struct reload *r)
{
	r->old = atomic_exchange_explicit(&r->shared->policy, r->policy, memory_order_acq_rel);
	r->token = rte_rcu_qsbr_start(r->shared->readers);
	r->policy = NULL;
	r->phase = PHASE_REPLACED;
	r->state.is_good = true;
	r->state.good_ns = now_ns();
}

static void finish_compile(struct reload *r)
{
	if (!atomic_load_explicit(&r->is_compiled, memory_order_acquire))
		return;
	pthread_join(r->thread, NULL);
	if (r->policy == NULL)
		refuse(r);
	else
		publish(r);
}

static void finish_replace(struct reload *r)
{
	// A worker that hangs keeps the old policy alive, and delays only the next reload.
	if (rte_rcu_qsbr_check(r->shared->readers, r->token, false) == 0)
		return;
	policy_free(r->old);
	r->old = NULL;
	end(r, true);
	LOG(INFO, "reload %lu: %u rules in force, %lu sets of patterns compiled", r->state.ended,
			rules_count(atomic_load(&r->shared->policy)->rules), r->compiled);
}

uint64_t reload_ask(struct reload *r)
{
	if (r->phase == PHASE_IDLE) {
		start(r);
		return r->state.ended + (r->phase != PHASE_IDLE);
	}
	// The one under way may have read the files already.
	r->is_asked = true;
	return r->state.ended + 2;
}

void reload_run(struct reload *r)
{
	if (r->phase == PHASE_COMPILING)
		finish_compile(r);
	else if (r->phase == PHASE_REPLACED)
		finish_replace(r);
	if (r->phase == PHASE_IDLE && r->is_asked)
		start(r);
}

const struct reload_state *reload_state(const struct reload *r)
{
	return &r->state;
}

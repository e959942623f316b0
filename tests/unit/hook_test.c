// SPDX-License-Identifier: BSD-3-Clause
#include "clock.h"
#include "health.h"
#include "hook.h"
#include "sample.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PATIENCE_MS = 60000,
	TEXT_BYTES = 1024,
};

struct bench {
	struct options options;
	struct hooks *hooks;
	bool is_well;
	char path[64]; // that the commands write to
	char commands[HOOK_COUNT][256];
	struct snapshot *seen;
};

static void gather(void *context, struct snapshot *snapshot)
{
	const struct bench *b = context;

	sample_fill(snapshot, 1);
	snapshot->ports[1].up = b->is_well;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	int fd;

	*state = b;
	snprintf(b->path, sizeof(b->path), "/tmp/hook-test-XXXXXX");
	fd = mkstemp(b->path);
	if (fd < 0)
		return -1;
	close(fd);
	for (unsigned i = 0; i < HOOK_COUNT; i++) {
		snprintf(b->commands[i], sizeof(b->commands[i]),
				"echo \"$WIRETAG_EVENT:$WIRETAG_REASON\" >> %s", b->path);
		b->options.hooks[i] = b->commands[i];
	}
	b->options.hooks_timeout_ms = PATIENCE_MS;
	b->is_well = true;
	b->seen = calloc(1, sizeof(*b->seen));
	b->hooks = hooks_create(&b->options, &(struct snapshot_source){ gather, b });
	return b->hooks == NULL;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	hooks_free(b->hooks);
	unlink(b->path);
	free(b->seen);
	free(b);
	return 0;
}

static const char *written(const struct bench *b)
{
	static char text[TEXT_BYTES];
	FILE *file = fopen(b->path, "r");

	memset(text, 0, sizeof(text));
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) < sizeof(text) - 1);
	fclose(file);
	return text;
}

// Lets the hooks run until `runs` have ended as `outcome`.
static void run_until(struct bench *b, enum hook hook, enum hook_outcome outcome, uint64_t runs)
{
	uint64_t end = clock_ms() + PATIENCE_MS;

	do {
		assert_true(clock_ms() < end);
		usleep(1000);
		hooks_run(b->hooks, clock_ms());
		hooks_gather(b->hooks, b->seen);
	} while (b->seen->hook_runs[hook][outcome] < runs);
	assert_int_equal(b->seen->hook_runs[hook][outcome], runs);
}

static void stop(struct bench *b)
{
	uint64_t end = clock_ms() + PATIENCE_MS;

	while (!hooks_stop(b->hooks, clock_ms())) {
		assert_true(clock_ms() < end);
		usleep(1000);
	}
	hooks_gather(b->hooks, b->seen);
}

static void tells_each_change_once(void **state)
{
	struct bench *b = *state;

	run_until(b, HOOK_READY, HOOK_DONE, 1);
	assert_int_equal(b->seen->is_bypassed, 0);
	for (int i = 0; i < 20; i++)
		hooks_run(b->hooks, clock_ms() + 10000);
	assert_string_equal(written(b), "ready:\n");
	b->is_well = false;
	run_until(b, HOOK_DEGRADED, HOOK_DONE, 1);
	assert_int_equal(b->seen->is_bypassed, 1);
	assert_string_equal(written(b), "ready:\ndegraded:port p1: no link\n");
	b->is_well = true;
	run_until(b, HOOK_READY, HOOK_DONE, 2);
	assert_int_equal(b->seen->is_bypassed, 0);
	stop(b);
	assert_int_equal(b->seen->hook_runs[HOOK_STOPPING][HOOK_DONE], 1);
	assert_int_equal(b->seen->is_bypassed, 1);
	assert_string_equal(written(b), "ready:\ndegraded:port p1: no link\nready:\nstopping:\n");
	// Whatever comes now is too late.
	b->is_well = false;
	hooks_run(b->hooks, clock_ms() + 10000);
	stop(b);
	assert_int_equal(b->seen->hook_runs[HOOK_STOPPING][HOOK_DONE], 1);
	assert_int_equal(b->seen->hook_runs[HOOK_DEGRADED][HOOK_DONE], 1);
}

static void tells_nothing_before_all_is_well(void **state)
{
	struct bench *b = *state;

	b->is_well = false;
	for (int i = 0; i < 10; i++)
		hooks_run(b->hooks, 1000 * i);
	assert_string_equal(written(b), "");
}

static void counts_failures(void **state)
{
	struct bench *b = *state;

	b->options.hooks[HOOK_READY] = "exit 3";
	run_until(b, HOOK_READY, HOOK_FAILED, 1);
	b->options.hooks[HOOK_DEGRADED] = "kill -9 $$";
	b->is_well = false;
	run_until(b, HOOK_DEGRADED, HOOK_FAILED, 1);
	assert_int_equal(b->seen->is_bypassed, 0);
	b->options.hooks[HOOK_STOPPING] = "/nonexistent/bypass on";
	stop(b);
	assert_int_equal(b->seen->hook_runs[HOOK_STOPPING][HOOK_FAILED], 1);
	assert_int_equal(b->seen->is_bypassed, 0);
}

// And all that it started.
static void kills_what_takes_too_long(void **state)
{
	struct bench *b = *state;
	char command[256];

	snprintf(command, sizeof(command), "(sleep 2; echo late >> %s) & wait", b->path);
	b->options.hooks[HOOK_READY] = command;
	b->options.hooks_timeout_ms = 500;
	run_until(b, HOOK_READY, HOOK_TIMED_OUT, 1);
	sleep(2);
	assert_string_equal(written(b), "");
	// A stop waits no longer for one that is under way than it would have had.
	b->options.hooks[HOOK_DEGRADED] = command;
	b->is_well = false;
	hooks_run(b->hooks, clock_ms());
	stop(b);
	assert_int_equal(b->seen->hook_runs[HOOK_DEGRADED][HOOK_TIMED_OUT], 1);
	assert_int_equal(b->seen->hook_runs[HOOK_STOPPING][HOOK_DONE], 1);
}

static void hands_on_no_files_and_no_signals(void **state)
{
	struct bench *b = *state;
	unsigned long blocked, ignored;
	unsigned files;
	char command[256];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	assert_true(dup2(STDERR_FILENO, 9) == 9);
	snprintf(command, sizeof(command),
			"ls /proc/self/fd | wc -l >> %s; grep -E '^Sig(Blk|Ign)' /proc/self/status >> %s",
			b->path, b->path);
	b->options.hooks[HOOK_READY] = command;
	run_until(b, HOOK_READY, HOOK_DONE, 1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	assert_int_equal(sscanf(written(b), "%u SigBlk: %lx SigIgn: %lx", &files, &blocked,
					 &ignored),
			3);
	assert_int_equal(files, 4); // three, and the folder that ls looks at
	assert_int_equal(blocked, 0);
	assert_int_equal(ignored >> (SIGPIPE - 1) & 1, 0);
}

static void is_done_at_once_without_commands(void **state)
{
	struct bench *b = *state;

	memset(b->options.hooks, 0, sizeof(b->options.hooks));
	hooks_run(b->hooks, 1000);
	assert_true(hooks_stop(b->hooks, 1000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tells_each_change_once),
		TEST(tells_nothing_before_all_is_well),
		TEST(counts_failures),
		TEST(kills_what_takes_too_long),
		TEST(hands_on_no_files_and_no_signals),
		TEST(is_done_at_once_without_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

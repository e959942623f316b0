// SPDX-License-Identifier: BSD-3-Clause
#include "hook.h"

#include "fail.h"
#include "health.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

LOG_TYPE("hook");

enum {
	GAP_MS = 1000, // from the start of one command to the next at least
	REASON_BYTES = 4096,
};

struct hooks {
	const struct options *options;
	struct snapshot_source source;
	struct snapshot *snapshot;
	struct health health;
	bool is_stopping;
	bool is_told_ready; // the site was told last, if it wants to know
	enum hook running; // while pid > 0
	pid_t pid; // of the command and of its process group
	uint64_t start_ms; // of the last one; 0: none yet
	uint64_t runs[HOOK_COUNT][HOOK_OUTCOMES];
	bool is_bypassed;
};

extern char **environ;

struct hooks *hooks_create(const struct options *options, const struct snapshot_source *source)
{
	struct hooks *hooks = calloc(1, sizeof(*hooks));

	if (hooks == NULL)
		return fail_null(ENOMEM);
	hooks->options = options;
	hooks->source = *source;
	hooks->snapshot = calloc(1, sizeof(*hooks->snapshot));
	if (hooks->snapshot == NULL) {
		free(hooks);
		return fail_null(ENOMEM);
	}
	return hooks;
}

static void kill_command(const struct hooks *hooks)
{
	kill(-hooks->pid, SIGKILL);
}

void hooks_free(struct hooks *hooks)
{
	if (hooks == NULL)
		return;
	if (hooks->pid > 0) {
		kill_command(hooks);
		waitpid(hooks->pid, NULL, 0);
	}
	free(hooks->snapshot);
	free(hooks);
}

static void end(struct hooks *hooks, enum hook_outcome outcome)
{
	hooks->pid = 0;
	hooks->runs[hooks->running][outcome]++;
	if (outcome == HOOK_DONE)
		hooks->is_bypassed = hooks->running != HOOK_READY;
}

// Signals and files of ours are not for the command.
static int spawn(pid_t *pid, const char *command, char **environment)
{
	char shell[] = "sh", option[] = "-c";
	char *const arguments[] = { shell, option, (char *)command, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int error;

	sigfillset(&all);
	sigemptyset(&none);
	if (posix_spawn_file_actions_init(&files) != 0)
		return ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return ENOMEM;
	}
	error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes,
			POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	if (error == 0)
		error = posix_spawn(pid, "/bin/sh", &files, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

static void write_reason(const struct health *health, char reason[REASON_BYTES])
{
	size_t length = snprintf(reason, REASON_BYTES, "WIRETAG_REASON=");

	for (unsigned i = 0; i < health->line_count && length < REASON_BYTES; i++)
		length += snprintf(reason + length, REASON_BYTES - length, "%s%s",
				i == 0 ? "" : "\n", health->lines[i]);
}

// Our environment, with two more. NULL without memory.
static char **make_environment(char *event, char *reason)
{
	size_t count = 0;
	char **environment;

	while (environ[count] != NULL)
		count++;
	environment = calloc(count + 3, sizeof(*environment));
	if (environment == NULL)
		return NULL;
	environment[0] = event;
	environment[1] = reason;
	memcpy(environment + 2, environ, count * sizeof(*environment));
	return environment;
}

static void start(struct hooks *hooks, enum hook hook, uint64_t now_ms)
{
	const char *command = hooks->options->hooks[hook];
	char event[64], reason[REASON_BYTES];
	char **environment = make_environment(event, reason);
	int error = ENOMEM;

	if (command == NULL) {
		free(environment);
		return;
	}
	snprintf(event, sizeof(event), "WIRETAG_EVENT=%s", hook_name(hook));
	write_reason(&hooks->health, reason);
	hooks->running = hook;
	hooks->start_ms = now_ms;
	if (environment != NULL)
		error = spawn(&hooks->pid, command, environment);
	free(environment);
	if (error == 0)
		return;
	LOG(ERR, "hook '%s' does not start: %s", hook_name(hook), strerror(error));
	end(hooks, HOOK_FAILED);
}

// Says how the command ended, if it did; kills it in time.
static void reap(struct hooks *hooks, uint64_t now_ms)
{
	const char *name = hook_name(hooks->running);
	uint64_t ms = now_ms - hooks->start_ms;
	int status;

	if (waitpid(hooks->pid, &status, WNOHANG) == 0) {
		if (ms < hooks->options->hooks_timeout_ms)
			return;
		kill_command(hooks);
		waitpid(hooks->pid, &status, 0);
		LOG(ERR, "hook '%s' is killed after %lu ms, hooks.timeout", name, ms);
		end(hooks, HOOK_TIMED_OUT);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		LOG(INFO, "hook '%s' done in %lu ms", name, ms);
		end(hooks, HOOK_DONE);
		return;
	}
	LOG(ERR, "hook '%s' failed after %lu ms: %s %d", name, ms,
			WIFEXITED(status) ? "exit status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	end(hooks, HOOK_FAILED);
}

void hooks_run(struct hooks *hooks, uint64_t now_ms)
{
	bool has_any = hooks->options->hooks[HOOK_READY] != NULL ||
			hooks->options->hooks[HOOK_DEGRADED] != NULL;

	if (!has_any || hooks->is_stopping)
		return;
	if (hooks->pid > 0)
		reap(hooks, now_ms);
	if (hooks->pid > 0 || (hooks->start_ms != 0 && now_ms - hooks->start_ms < GAP_MS))
		return;
	hooks->source.gather(hooks->source.context, hooks->snapshot);
	health_check(hooks->snapshot, &hooks->health);
	if (hooks->health.is_ready == hooks->is_told_ready)
		return;
	hooks->is_told_ready = hooks->health.is_ready;
	start(hooks, hooks->is_told_ready ? HOOK_READY : HOOK_DEGRADED, now_ms);
}

bool hooks_stop(struct hooks *hooks, uint64_t now_ms)
{
	if (hooks->pid > 0)
		reap(hooks, now_ms);
	if (hooks->pid == 0 && !hooks->is_stopping) {
		hooks->is_stopping = true;
		start(hooks, HOOK_STOPPING, now_ms);
	}
	return hooks->pid == 0;
}

void hooks_gather(const struct hooks *hooks, struct snapshot *snapshot)
{
	memcpy(snapshot->hook_runs, hooks->runs, sizeof(snapshot->hook_runs));
	snapshot->is_bypassed = hooks->is_bypassed;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const labels[HEALTH_COUNT] = {
	[HEALTH_STARTING] = "starting",
	[HEALTH_PORT_STOPPED] = "port-stopped",
	[HEALTH_PORT_DOWN] = "port-down",
	[HEALTH_WORKER_STALLED] = "worker-stalled",
	[HEALTH_RELOAD_FAILED] = "reload-failed",
};

const char *health_label(enum health_condition condition)
{
	return labels[condition];
}

__attribute__((format(printf, 3, 4))) static void found(
		struct health *health, enum health_condition condition, const char *format, ...)
{
	va_list arguments;

	health->conditions[condition] = true;
	if (condition != HEALTH_RELOAD_FAILED)
		health->is_ready = false;
	if (health->line_count == HEALTH_LINES_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(health->lines[health->line_count++], HEALTH_LINE_BYTES, format, arguments);
	va_end(arguments);
}

static void check_worker(struct health *health, const struct snapshot_worker *worker)
{
	if (worker->counters.last_poll_ns == 0)
		found(health, HEALTH_WORKER_STALLED, "lcore %u: has not polled yet", worker->lcore);
	else if (worker->silent_ms > HEALTH_STALLED_MS)
		found(health, HEALTH_WORKER_STALLED, "lcore %u: has not polled for %" PRIu64 " ms",
				worker->lcore, worker->silent_ms);
}

void health_check(const struct snapshot *snapshot, struct health *health)
{
	*health = (struct health){ .is_ready = true };
	if (snapshot->port_count == 0 || snapshot->worker_count == 0)
		found(health, HEALTH_STARTING, "no port is polled yet");
	for (unsigned i = 0; i < snapshot->port_count; i++) {
		const struct snapshot_port *port = &snapshot->ports[i];

		if (!port->started)
			found(health, HEALTH_PORT_STOPPED, "port %s: not started", port->name);
		else if (port->held)
			found(health, HEALTH_PORT_DOWN,
					"port %s: held down, the other port of its pair has no link",
					port->name);
		else if (!port->up)
			found(health, HEALTH_PORT_DOWN, "port %s: no link", port->name);
	}
	for (unsigned i = 0; i < snapshot->worker_count; i++)
		check_worker(health, &snapshot->workers[i]);
	if (!snapshot->config.last_load_ok)
		found(health, HEALTH_RELOAD_FAILED,
				"the last reload failed: an older configuration is in force");
}

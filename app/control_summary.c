// SPDX-License-Identifier: BSD-3-Clause
// All that a screen shows, in one answer whose size traffic cannot grow.
#include "control_question.h"
#include "event.h"
#include "history.h"
#include "host/host.h"

enum {
	HOSTS_SHOWN = 24,
	CALLS_SHOWN = 24,
};

// Whether `a` is of more interest than `b`: surer, and then heard of later.
static bool is_before(const struct host *a, const struct host *b)
{
	int sure_a = a->app_count == 0 ? -1 : a->apps[0].confidence;
	int sure_b = b->app_count == 0 ? -1 : b->apps[0].confidence;

	return sure_a != sure_b ? sure_a > sure_b : a->last_ns > b->last_ns;
}

// Enters a host in a list that is in order, if it is among the first.
static void rank(const struct host *best[HOSTS_SHOWN], unsigned *count, const struct host *host)
{
	unsigned at = *count;

	if (at == HOSTS_SHOWN && !is_before(host, best[at - 1]))
		return;
	if (at == HOSTS_SHOWN)
		at--;
	else
		++*count;
	for (; at > 0 && is_before(host, best[at - 1]); at--)
		best[at] = best[at - 1];
	best[at] = host;
}

static json_t *first_hosts(const struct host_table *hosts)
{
	const struct host *best[HOSTS_SHOWN];
	json_t *items = json_array();
	unsigned count = 0;

	for (const struct host *host = host_next(hosts, NULL); host != NULL;
			host = host_next(hosts, host))
		rank(best, &count, host);
	for (unsigned i = 0; i < count; i++)
		add_host(items, best[i]);
	return items;
}

// A call under way is the newest step of its host's life: it has begun and not ended.
static void add_call(json_t *items, const struct host *host, const struct host_app *app)
{
	const struct host_step *step =
			app->step_count == 0 ? NULL : &app->steps[app->step_count - 1];
	char address[EVENT_ADDRESS_BYTES], since[EVENT_TIME_BYTES], last[EVENT_TIME_BYTES];

	if (step == NULL || (step->step != STEP_CALL && step->step != STEP_MEDIA))
		return;
	event_address(address, host->address, host->is_ip4);
	event_time(since, step->time_ns);
	event_time(last, step->last_ns);
	json_array_append_new(items,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "ip", address, "app",
					application_name(app->app), "step", step_name(step->step),
					"since", since, "last", last, "flow_id",
					(json_int_t)step->flow_id));
}

static json_t *calls_now(const struct host_table *hosts)
{
	json_t *items = json_array();

	for (const struct host *host = host_next(hosts, NULL);
			host != NULL && json_array_size(items) < CALLS_SHOWN;
			host = host_next(hosts, host)) {
		for (unsigned i = 0; i < host->app_count; i++)
			add_call(items, host, &host->apps[i]);
	}
	return items;
}

static json_t *make_point(const struct history_point *point)
{
	return json_pack("[I, I, I, I, I, I, I, I, I]", (json_int_t)point->time_s,
			(json_int_t)point->packets[0], (json_int_t)point->packets[1],
			(json_int_t)point->bytes[0], (json_int_t)point->bytes[1],
			(json_int_t)point->dropped, (json_int_t)point->uninspected,
			(json_int_t)point->flows, (json_int_t)point->busy_permille);
}

static json_t *make_history(const struct history *history)
{
	json_t *points = json_array();

	for (unsigned i = 0; i < history->count; i++)
		json_array_append_new(points, make_point(history_at(history, i)));
	return json_pack("{s:[s, s, s, s, s, s, s, s, s], s:o}", "columns", "time",
			"packets_from_inside", "packets_from_outside", "bytes_from_inside",
			"bytes_from_outside", "dropped", "uninspected", "flows", "busy_permille",
			"points", points);
}

json_t *answer_summary(const struct question *q)
{
	json_t *summary = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "time_ns",
			(json_int_t)q->snapshot->time_ns, "status", answer_status(q), "pairs",
			answer_pairs(q), "workers", answer_workers(q), "apps", answer_apps(q),
			"drops", answer_drops(q), "hosts", first_hosts(q->source->hosts), "calls",
			calls_now(q->source->hosts));

	if (json_is_true(json_object_get(q->arguments, "history")))
		json_object_set_new(summary, "history", make_history(q->source->history));
	return summary;
}

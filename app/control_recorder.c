// SPDX-License-Identifier: BSD-3-Clause
#include "control_recorder.h"

#include "application.h"
#include "clock.h"
#include "fail.h"
#include "pcapng.h"
#include "sniff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum phase {
	PHASE_IDLE,
	PHASE_HEAD, // the file's first blocks are to be taken
	PHASE_RUNNING,
	PHASE_STOPPING, // a worker may still copy
	PHASE_DRAINING, // none does
};

struct recorder {
	struct control_source source;
	enum phase phase;
	bool is_abandoned;
	struct sniff *sniff; // not while idle
	uint64_t token; // STOPPING: of the workers' quiescence
	uint64_t packets_left; // UINT64_MAX: no limit
	uint64_t end_ms; // of the monotonic clock; UINT64_MAX: never
};

struct recorder *recorder_create(const struct control_source *source)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return fail_null(ENOMEM);
	r->source = *source;
	return r;
}

static void set_sniff(struct recorder *r, struct sniff *sniff)
{
	atomic_store_explicit(&r->source.shared->sniff, sniff, memory_order_release);
}

static void end(struct recorder *r)
{
	sniff_free(r->sniff);
	r->sniff = NULL;
	r->phase = PHASE_IDLE;
	r->is_abandoned = false;
}

void recorder_free(struct recorder *r)
{
	if (r == NULL)
		return;
	set_sniff(r, NULL);
	end(r);
	free(r);
}

static bool read_filter(const json_t *arguments, struct sniff_filter *filter, const char **why)
{
	const json_t *ip = json_object_get(arguments, "ip"),
		     *app = json_object_get(arguments, "app");
	const json_t *flow = json_object_get(arguments, "flow");

	*filter = (struct sniff_filter){ .has_host = ip != NULL,
		.has_flow = flow != NULL,
		.has_app = app != NULL,
		.flow = json_integer_value(flow) };
	if (filter->has_host &&
			!answer_address(json_string_value(ip), filter->host, &filter->is_ip4))
		*why = "'ip' is no address";
	else if (filter->has_flow && filter->flow == 0)
		*why = "'flow' is no flow_id: 'flows' and the events show them";
	else if (filter->has_app && !answer_app(json_string_value(app), &filter->app))
		*why = "no rule names such an 'app': 'rules' shows them";
	else
		return true;
	return false;
}

// A limit above 0; UINT64_MAX: there is none.
static uint64_t limit_of(const json_t *arguments, const char *name)
{
	json_int_t limit = json_integer_value(json_object_get(arguments, name));

	return limit <= 0 ? UINT64_MAX : (uint64_t)limit;
}

bool recorder_start(struct recorder *r, const json_t *arguments, const char **why)
{
	uint64_t seconds = limit_of(arguments, "seconds");
	struct sniff_filter filter;

	if (!read_filter(arguments, &filter, why))
		return false;
	if (r->phase != PHASE_IDLE) {
		*why = "another capture is under way: one at a time";
		return false;
	}
	r->sniff = sniff_create(&filter, r->source.shared->worker_count);
	if (r->sniff == NULL) {
		*why = "no memory to copy packets into";
		return false;
	}
	r->packets_left = limit_of(arguments, "packets");
	r->end_ms = seconds > UINT32_MAX ? UINT64_MAX : clock_ms() + 1000 * seconds;
	r->phase = PHASE_HEAD;
	set_sniff(r, r->sniff);
	return true;
}

// The index of the port that a direction's packets come from.
static unsigned port_from(const struct options *options, unsigned direction)
{
	const struct pair_options *pair = &options->pairs[direction / 2];

	return direction % 2 == 0 ? pair->inside : pair->outside;
}

static size_t take_head(struct recorder *r, uint8_t *out, size_t room)
{
	const struct options *options = r->source.options;
	size_t length = pcapng_section(out, room, "wiretag " WIRETAG_VERSION);

	for (unsigned i = 0; i < options->port_count; i++)
		length += pcapng_interface(
				out + length, room - length, options->ports[i].name, SNIFF_BYTES);
	r->phase = PHASE_RUNNING;
	return length;
}

// What was decided, for people who read the capture.
static void comment_on(char *text, size_t size, const struct sniff_record *record)
{
	const char *done = reason_group(record->reason) == REASON_GROUP_DROPPED ? "dropped" :
			record->is_tagged					? "tagged" :
										  "forwarded";
	int length = snprintf(text, size, "%s", application_name(record->app));

	if (record->app != APP_UNKNOWN)
		length += snprintf(text + length, size - length, " (%s)",
				confidence_name(record->confidence));
	if (record->flow != 0)
		length += snprintf(text + length, size - length, ", flow %lu", record->flow);
	snprintf(text + length, size - length, ", %s, %s", done, reason_label(record->reason));
}

static size_t take_packets(struct recorder *r, uint8_t *out, size_t room)
{
	size_t length = 0, bytes = 1;
	char comment[128];
	unsigned worker;

	while (bytes > 0 && r->packets_left > 0) {
		const struct sniff_record *record = sniff_peek(r->sniff, &worker);
		struct pcapng_packet packet;

		if (record == NULL)
			break;
		comment_on(comment, sizeof(comment), record);
		packet = (struct pcapng_packet){
			.interface = port_from(r->source.options, record->direction),
			.time_ns = record->time_ns,
			.length = record->length,
			.wire_length = record->wire_length,
			.data = record->data,
			.comment = comment,
		};
		bytes = pcapng_packet(out + length, room - length, &packet);
		length += bytes;
		if (bytes > 0)
			sniff_pop(r->sniff, worker);
		if (bytes > 0 && r->packets_left != UINT64_MAX)
			r->packets_left--;
	}
	return length;
}

size_t recorder_take(struct recorder *r, uint8_t *out, size_t room)
{
	size_t length;

	if (r->phase == PHASE_IDLE || r->is_abandoned)
		return 0;
	if (r->phase == PHASE_HEAD)
		return take_head(r, out, room);
	length = take_packets(r, out, room);
	if (r->packets_left == 0)
		recorder_stop(r);
	if (length == 0 && r->phase == PHASE_DRAINING) {
		length = pcapng_statistics(out, room, 0, clock_wall_ns(), sniff_lost(r->sniff));
		end(r);
	}
	return length;
}

bool recorder_is_done(const struct recorder *r)
{
	return r->phase == PHASE_IDLE;
}

void recorder_stop(struct recorder *r)
{
	if (r->phase != PHASE_HEAD && r->phase != PHASE_RUNNING)
		return;
	set_sniff(r, NULL);
	r->token = rte_rcu_qsbr_start(r->source.shared->readers);
	r->phase = PHASE_STOPPING;
}

void recorder_abandon(struct recorder *r)
{
	recorder_stop(r);
	r->is_abandoned = r->phase != PHASE_IDLE;
}

void recorder_run(struct recorder *r)
{
	if (r->phase == PHASE_RUNNING && clock_ms() >= r->end_ms)
		recorder_stop(r);
	// A worker that hangs keeps the memory, and delays only the next capture.
	if (r->phase == PHASE_STOPPING &&
			rte_rcu_qsbr_check(r->source.shared->readers, r->token, false) != 0)
		r->phase = PHASE_DRAINING;
	if (r->phase == PHASE_DRAINING && r->is_abandoned)
		end(r);
}

// SPDX-License-Identifier: BSD-3-Clause
// Live flows, a page at a time, each from one worker.
#include "control_question.h"
#include "event.h"
#include "inquiry.h"

#include <stdlib.h>
#include <string.h>

// What goes on with the list: the worker in the upper half, its bucket in the lower one.
static json_t *next_of(const struct control_source *source, unsigned worker)
{
	const struct inquiry *inquiry = source->shared->channels[worker].inquiry;
	uint64_t next = (uint64_t)worker << 32 | inquiry->bucket;

	if (!inquiry->is_end)
		return json_integer((json_int_t)next);
	return worker + 1 < source->shared->worker_count ?
			json_integer((json_int_t)(worker + 1) << 32) :
			json_null();
}

json_t *answer_flows(const struct question *q)
{
	const struct shared *shared = q->source->shared;
	const json_t *ip = json_object_get(q->arguments, "ip");
	const json_t *app = json_object_get(q->arguments, "app");
	json_int_t first = json_integer_value(json_object_get(q->arguments, "first"));
	struct inquiry *inquiry;

	if (first < 0 || (uint64_t)first >> 32 >= shared->worker_count)
		return refuse(q, "'first' is none that an answer called 'next'");
	inquiry = shared->channels[first >> 32].inquiry;
	if (inquiry_is_open(inquiry) || inquiry->is_awaited) {
		q->answer->is_busy = true;
		return refuse(q, "a worker is answering others: try again");
	}
	inquiry->has_host = ip != NULL;
	inquiry->has_app = app != NULL;
	inquiry->bucket = (uint32_t)first;
	if (ip != NULL && !answer_address(json_string_value(ip), inquiry->host, &inquiry->is_ip4))
		return refuse(q, "'ip' is no address");
	if (app != NULL && !answer_app(json_string_value(app), &inquiry->app))
		return refuse(q, "no rule names such an 'app': 'rules' shows them");
	inquiry->is_awaited = true;
	inquiry_ask(inquiry);
	q->answer->inquiry = 1 + (unsigned)(first >> 32);
	return json_null();
}

// As it would be written if the flow ended now, but for why it ended.
static json_t *make_flow(const struct flow_record *record)
{
	char *text = NULL;
	json_t *event = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (stream != NULL) {
		event_flow(stream, record);
		fclose(stream);
		event = json_loadb(text, size, JSON_DISABLE_EOF_CHECK, NULL);
		json_object_del(json_object_get(event, "flow"), "reason");
	}
	free(text);
	return event;
}

void answer_forget(const struct control_source *source, unsigned number)
{
	if (number != 0)
		source->shared->channels[number - 1].inquiry->is_awaited = false;
}

bool answer_inquiry(const struct control_source *source, unsigned number, struct answer *answer)
{
	const struct inquiry *inquiry = source->shared->channels[number - 1].inquiry;
	json_t *flows;

	if (inquiry_is_open(inquiry))
		return false;
	flows = json_array();
	for (unsigned i = 0; i < inquiry->count; i++)
		json_array_append_new(flows, make_flow(&inquiry->flows[i]));
	*answer = (struct answer){
		.is_good = true,
		.message = json_pack(
				"{s:o, s:o}", "next", next_of(source, number - 1), "flows", flows),
	};
	return true;
}

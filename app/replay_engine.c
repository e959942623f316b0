// SPDX-License-Identifier: BSD-3-Clause
#include "replay_engine.h"

#include "decode/decode.h"
#include "fail.h"
#include "fragment.h"
#include "host/published.h"
#include "host/skype.h"
#include "media.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <stdlib.h>
#include <string.h>

enum {
	HEADROOM_BYTES = 8, // for the tags that a policy may push
	LINE_BYTES = 64,
	FRAMES_BYTES = BURST_PACKETS * (CAPTURE_FRAME_MAX + HEADROOM_BYTES + LINE_BYTES),
	// A packet gives a few pieces of evidence at most: a batch never fills the ring.
	EVIDENCE_RING = 64 * BURST_PACKETS,
};

static const uint64_t second_ns = 1000000000;
// A flow table knows by itself when a flow had ended; ageing only makes room and records in time.
static const uint64_t age_ns = 10 * second_ns;
// Captures are not always in order, but not by as much as this.
static const uint64_t disorder_ns = 60 * second_ns;

struct engine_worker {
	struct engine *engine;
	struct path path;
	struct burst burst;
	struct evidence evidence; // the oldest that was not learned yet, if there is any
	bool has_evidence;
};

struct engine {
	struct engine_config config;
	struct host_table *hosts;
	struct published *published;
	struct skype *skype;
	struct engine_worker *workers;
	struct burst batch;
	struct packet *order[BURST_PACKETS]; // where each packet of the batch went
	uint8_t *frames; // the batch's bytes, one frame after the other
	size_t frames_used;
	uint64_t number; // of the newest packet
	uint64_t bytes;
	uint64_t not_flow;
	uint64_t flows; // ended
	uint64_t now_ns; // newest time so far
	uint64_t aged_ns; // when flows and hosts were last aged
};

static void flow_ended(void *context, struct flow_table *, const struct flow *flow,
		enum flow_end_reason reason)
{
	struct engine_worker *worker = context;
	struct engine *engine = worker->engine;
	struct flow_record record;

	engine->flows++;
	if (engine->config.flow_ended == NULL)
		return;
	path_describe_ended(&worker->path, flow, reason, &record);
	engine->config.flow_ended(engine->config.context, &record);
}

static struct rte_ring *create_ring(void)
{
	ssize_t bytes = rte_ring_get_memsize_elem(sizeof(struct evidence), EVIDENCE_RING);
	struct rte_ring *ring = bytes < 0 ? NULL : aligned_alloc(LINE_BYTES, bytes);

	if (ring != NULL)
		rte_ring_init(ring, "evidence", EVIDENCE_RING, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return ring;
}

static int worker_init(struct engine *engine, unsigned index)
{
	const struct engine_config *config = &engine->config;
	struct path *path = &engine->workers[index].path;
	struct streams_config streams = config->streams;
	const struct flow_config flows = {
		.capacity = config->flows_capacity,
		.node = -1,
		.timeouts = config->timeouts,
		.counters = &path->counters,
		.ended = flow_ended,
		.context = &engine->workers[index],
	};
	const struct fragments_config fragments = {
		.datagrams = config->fragments,
		.node = -1,
		.counters = &path->counters,
	};
	struct media_config media = { .node = -1, .counters = &path->counters };

	streams.node = -1;
	streams.counters = &path->counters;
	engine->workers[index].engine = engine;
	path->published = engine->published;
	path->policy = config->policy;
	path->scratch = &config->policy->workers[index];
	path->budget = config->budget;
	path->tunnels_off = config->tunnels_off;
	path->has_numbers = true;
	path->evidence = create_ring();
	if (path->evidence == NULL)
		return fail(ENOMEM);
	media.evidence = path->evidence;
	path->media = media_create(&media);
	path->flows = flow_table_create(&flows);
	path->streams = streams_create(&streams);
	path->fragments = fragments_create(&fragments);
	return path->flows == NULL || path->streams == NULL || path->fragments == NULL ||
					path->media == NULL ?
			fail(errno) :
			0;
}

static int workers_init(struct engine *engine)
{
	engine->workers = calloc(engine->config.worker_count, sizeof(*engine->workers));
	if (engine->workers == NULL)
		return fail(ENOMEM);
	for (unsigned i = 0; i < engine->config.worker_count; i++)
		if (worker_init(engine, i) < 0)
			return fail(errno);
	return 0;
}

static void host_ended(void *context, const struct host *host)
{
	const struct engine *engine = context;

	if (engine->skype != NULL)
		skype_forget_host(engine->skype, host);
	if (engine->config.host_ended != NULL)
		engine->config.host_ended(engine->config.context, host);
}

static int hosts_init(struct engine *engine)
{
	const struct engine_config *config = &engine->config;
	const struct host_config hosts = {
		.capacity = config->hosts_capacity,
		.expiry_s = config->hosts_expiry_s,
		.is_backbone = config->is_backbone,
		.ended = host_ended,
		.context = engine,
	};
	struct skype_config skype = {
		.capacity = config->hosts_capacity,
		.call_ended = config->call_ended,
		.context = config->context,
	};

	engine->hosts = skype.hosts = host_table_create(&hosts);
	engine->published = skype.published = published_create(4 * config->hosts_capacity);
	if (engine->hosts == NULL || engine->published == NULL)
		return fail(errno);
	engine->skype = skype_create(&skype);
	return engine->skype == NULL ? fail(errno) : 0;
}

struct engine *engine_create(const struct engine_config *config)
{
	struct engine *engine;
	int error;

	if (config->worker_count == 0 || config->worker_count > ENGINE_WORKERS_MAX)
		return fail_null(EINVAL);
	engine = calloc(1, sizeof(*engine));
	if (engine == NULL)
		return NULL;
	engine->config = *config;
	engine->frames = malloc(FRAMES_BYTES);
	if (engine->frames == NULL || hosts_init(engine) < 0 || workers_init(engine) < 0) {
		error = errno;
		engine_free(engine);
		return fail_null(error);
	}
	return engine;
}

void engine_free(struct engine *engine)
{
	if (engine == NULL)
		return;
	for (unsigned i = 0; engine->workers != NULL && i < engine->config.worker_count; i++) {
		streams_free(engine->workers[i].path.streams);
		flow_table_free(engine->workers[i].path.flows);
		fragments_free(engine->workers[i].path.fragments);
		media_free(engine->workers[i].path.media);
		free(engine->workers[i].path.evidence);
	}
	free(engine->workers);
	free(engine->frames);
	skype_free(engine->skype);
	published_free(engine->published);
	host_table_free(engine->hosts);
	free(engine);
}

// Any function of the addresses will do that is the same for both directions. Those of the outermost
// packet, as NICs do it: all fragments of a datagram have them.
static struct engine_worker *worker_of(struct engine *engine, unsigned index)
{
	const struct packet *packet = &engine->batch.packets[index];
	const uint8_t *ip = packet->data + packet->network;
	unsigned bytes = packet->version == 4 ? 8 : 32;
	uint32_t hash = 0, word;

	if (packet->version == 0)
		return &engine->workers[0];
	ip += packet->version == 4 ? 12 : 8;
	for (unsigned i = 0; i < bytes; i += sizeof(word)) {
		memcpy(&word, ip + i, sizeof(word));
		hash ^= word;
	}
	hash *= 0x9e3779b1;
	return &engine->workers[(uint64_t)hash * engine->config.worker_count >> 32];
}

static void spread(struct engine *engine)
{
	const struct burst *batch = &engine->batch;

	for (unsigned i = 0; i < engine->config.worker_count; i++) {
		engine->workers[i].burst.count = 0;
		engine->workers[i].burst.link = batch->link;
		engine->workers[i].burst.now_ns = engine->now_ns;
	}
	if (engine->config.worker_count > 1)
		decode_burst(&engine->batch, engine->workers[0].path.tunnels_off);
	for (unsigned i = 0; i < batch->count; i++) {
		struct engine_worker *worker = engine->config.worker_count > 1 ?
				worker_of(engine, i) :
				&engine->workers[0];
		struct packet *packet = &worker->burst.packets[worker->burst.count++];

		*packet = batch->packets[i];
		engine->order[i] = packet;
	}
}

// The worker with the oldest evidence that was not learned yet; NULL when there is none left.
static struct engine_worker *oldest_evidence(struct engine *engine)
{
	struct engine_worker *oldest = NULL;

	for (unsigned i = 0; i < engine->config.worker_count; i++) {
		struct engine_worker *worker = &engine->workers[i];

		if (!worker->has_evidence)
			worker->has_evidence = rte_ring_dequeue_elem(worker->path.evidence,
							       &worker->evidence,
							       sizeof(worker->evidence)) == 0;
		if (worker->has_evidence &&
				(oldest == NULL ||
						worker->evidence.number < oldest->evidence.number))
			oldest = worker;
	}
	return oldest;
}

static void learn(struct engine *engine)
{
	struct engine_worker *worker;

	while ((worker = oldest_evidence(engine)) != NULL) {
		skype_learn(engine->skype, &worker->evidence);
		worker->has_evidence = false;
	}
}

// What flows carried in the seconds before `now_ns`.
static void tell_media(struct engine *engine, uint64_t now_ns)
{
	for (unsigned i = 0; i < engine->config.worker_count; i++) {
		media_age(engine->workers[i].path.media, now_ns, engine->number, MEDIA_SLOTS);
		learn(engine);
	}
}

static void end_calls(struct engine *engine)
{
	tell_media(engine, UINT64_MAX);
	skype_finish(engine->skype);
}

static void age(struct engine *engine)
{
	if (engine->now_ns - engine->aged_ns < age_ns)
		return;
	for (unsigned i = 0; i < engine->config.worker_count; i++) {
		struct flow_table *flows = engine->workers[i].path.flows;

		flow_age(flows, engine->now_ns, flow_table_buckets(flows));
	}
	tell_media(engine, engine->now_ns);
	host_expire(engine->hosts, engine->now_ns);
	skype_expire(engine->skype, engine->now_ns);
	engine->aged_ns = engine->now_ns;
}

static void end_flows(struct engine *engine)
{
	for (unsigned i = 0; i < engine->config.worker_count; i++)
		flow_end_all(engine->workers[i].path.flows);
}

static void leave(struct engine *engine, unsigned index)
{
	const struct packet *packet = engine->order[index];
	uint32_t pushed = engine->batch.packets[index].data - packet->data;
	const struct frame frame = {
		.data = packet->data,
		.length = packet->length,
		.wire_length = packet->wire_length + pushed,
		.time_ns = packet->time_ns,
	};

	engine->not_flow += packet->flow == NULL;
	if (engine->config.frame_left != NULL &&
			reason_group(packet->reason) != REASON_GROUP_DROPPED)
		engine->config.frame_left(engine->config.context, &frame);
}

static void run_batch(struct engine *engine)
{
	struct burst *batch = &engine->batch;

	spread(engine);
	for (unsigned i = 0; i < engine->config.worker_count; i++) {
		struct engine_worker *worker = &engine->workers[i];

		if (worker->burst.count == 0)
			continue;
		path_burst(&worker->path, &worker->burst);
		path_count(&worker->path, &worker->burst, 0);
	}
	learn(engine);
	for (unsigned i = 0; i < batch->count; i++)
		leave(engine, i);
	batch->count = 0;
	engine->frames_used = 0;
}

void engine_flush(struct engine *engine)
{
	run_batch(engine);
	age(engine);
}

// Moves the clock to the next packet's time.
static void pass_time(struct engine *engine, uint64_t time_ns)
{
	if (engine->number == 0) {
		engine->now_ns = engine->aged_ns = time_ns;
	} else if (time_ns > engine->now_ns) {
		engine->now_ns = time_ns;
	} else if (engine->now_ns - time_ns > disorder_ns) {
		// An older capture follows: nothing can be said of flows across it.
		run_batch(engine);
		end_calls(engine);
		end_flows(engine);
		engine->now_ns = engine->aged_ns = time_ns;
	}
}

void engine_add(struct engine *engine, enum link link, const struct frame *frame)
{
	struct burst *batch = &engine->batch;
	uint8_t *data;

	if (batch->count == BURST_PACKETS || batch->link != link)
		engine_flush(engine);
	pass_time(engine, frame->time_ns);
	data = engine->frames + engine->frames_used + HEADROOM_BYTES;
	memcpy(data, frame->data, frame->length);
	engine->frames_used += (HEADROOM_BYTES + frame->length + LINE_BYTES - 1) & -LINE_BYTES;
	batch->link = link;
	batch->packets[batch->count++] = (struct packet){
		.data = data,
		.time_ns = frame->time_ns,
		.number = ++engine->number,
		.length = frame->length,
		.wire_length = frame->wire_length,
	};
	engine->bytes += frame->wire_length;
}

void engine_end(struct engine *engine)
{
	engine_flush(engine);
	end_calls(engine);
	end_flows(engine);
	host_end_all(engine->hosts);
}

void engine_stats(const struct engine *engine, struct event_stats *stats)
{
	*stats = (struct event_stats){
		.time_ns = engine->now_ns,
		.packets = engine->number,
		.bytes = engine->bytes,
		.not_flow = engine->not_flow,
		.flows = engine->flows,
		.hosts = host_stats(engine->hosts)->learned,
	};
	for (unsigned i = 0; i < engine->config.worker_count; i++) {
		const struct counters *counters = &engine->workers[i].path.counters;

		stats->evidence_lost += counters->evidence_lost;
		for (unsigned reason = 0; reason < REASON_COUNT; reason++)
			stats->reasons[reason] += counters->packets[0][reason];
	}
}

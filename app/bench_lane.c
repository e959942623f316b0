// SPDX-License-Identifier: BSD-3-Clause
#include "bench_lane.h"

#include "bench_hash.h"
#include "decode/decode.h"
#include "evidence.h"
#include "fail.h"
#include "fragment.h"
#include "host/published.h"
#include "mbuf.h"
#include "memory.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <stdlib.h>

enum {
	EVIDENCE_RING = 4096,
	EVIDENCE_BURSTS = 32, // until the ring is emptied, as a manager would
	PACKET_NS = 50, // 20 Mpps
	BURST_NS = BURST_PACKETS * PACKET_NS,
	PUBLISH_BURSTS = 1000000 / BURST_NS, // a millisecond
	AGE_BUCKETS = 64, // at a time, as a worker does
	PUBLISHED = 4 * 65536,
};

static const uint64_t second_ns = 1000000000;
static const uint64_t start_ns = 1700000000 * UINT64_C(1000000000);

const char *const bench_stage_names[STAGE_COUNT] = { "io", "decode", "lookup", "full", "hash" };

struct lane {
	struct path path;
	alignas(64) struct burst burst;
	struct rte_mbuf *mbufs[BURST_PACKETS];

	struct lane_config config;
	struct source *source;
	struct bench_hash *hash; // NULL: none
	struct published *hosts; // NULL: none
	_Atomic(const struct policy *) policy;
	struct counters_public published;
	size_t ring_bytes;
	uint64_t bursts;
	struct durations durations; // of the bursts of STAGE_FULL
	bool is_watched; // another thread empties the ring
	uint64_t age_at, age_every; // nanoseconds
};

static int create_ring(struct lane *lane)
{
	lane->ring_bytes = rte_ring_get_memsize_elem(sizeof(struct evidence), EVIDENCE_RING);
	lane->path.evidence = memory_alloc(lane->ring_bytes, -1);
	if (lane->path.evidence == NULL)
		return fail(ENOMEM);
	return rte_ring_init(lane->path.evidence, "evidence", EVIDENCE_RING,
			RING_F_SP_ENQ | RING_F_SC_DEQ);
}

// As large as a manager's with default options, and one host in it.
static int create_published(struct lane *lane)
{
	static const uint8_t host[16] = {
		[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1
	};
	const struct verdict verdict = { APP_SKYPE, CONFIDENCE_STRONG, FLOW_ROLE_P2P,
		1u << SIGNAL_SKYPE_PORT };
	struct published_key key = published_port(host, 40000);

	lane->hosts = published_create(PUBLISHED);
	if (lane->hosts == NULL)
		return -1;
	published_set(lane->hosts, &key, &verdict);
	lane->path.published = lane->hosts;
	return 0;
}

// As worker.c does it.
static void receive(struct lane *lane, unsigned count)
{
	struct burst *burst = &lane->burst;
	uint64_t now_ns = start_ns + ++lane->bursts * BURST_NS;

	burst->count = count;
	burst->now_ns = now_ns;
	for (unsigned i = 0; i < count; i++)
		mbuf_receive(lane->mbufs[i], now_ns, &burst->packets[i]);
}

// As worker.c does it, with a sink that always has room.
static void transmit(struct lane *lane)
{
	const struct burst *burst = &lane->burst;
	unsigned count = 0;

	if (!burst->has_edits) {
		source_sink(lane->source, lane->mbufs, burst->count);
		return;
	}
	for (unsigned i = 0; i < burst->count; i++) {
		const struct packet *packet = &burst->packets[i];
		struct rte_mbuf *mbuf = packet->owner;
		uint8_t *start = rte_pktmbuf_mtod(mbuf, uint8_t *);

		if (reason_group(packet->reason) == REASON_GROUP_DROPPED) {
			source_sink(lane->source, &mbuf, 1);
			continue;
		}
		if (packet->data < start)
			rte_pktmbuf_prepend(mbuf, start - packet->data);
		lane->mbufs[count++] = mbuf;
	}
	source_sink(lane->source, lane->mbufs, count);
}

static void count_burst(struct counters *counters, unsigned packets, uint64_t cycles)
{
	unsigned size = packets <= 1 ? 1 : 33 - __builtin_clz(packets - 1);

	counters->polls++;
	counters->burst_packets[size]++;
	counters_duration(counters->burst_cycles, cycles);
	counters->burst_cycles_sum += cycles;
	counters->busy_cycles += cycles;
}

// What a worker does between bursts, and what its manager does to the ring.
static void between_bursts(struct lane *lane)
{
	uint64_t now_ns = lane->burst.now_ns;

	if (now_ns >= lane->age_at) {
		flow_age(lane->path.flows, now_ns, AGE_BUCKETS);
		lane->age_at = now_ns + lane->age_every;
	}
	if (lane->bursts % PUBLISH_BURSTS == 0)
		counters_publish(&lane->published, &lane->path.counters);
	if (lane->bursts % EVIDENCE_BURSTS == 0 && !lane->is_watched)
		rte_ring_reset(lane->path.evidence);
}

// Returns the cycles that a burst takes from receive to transmit.
static uint64_t forward(struct lane *lane, unsigned count)
{
	const struct policy *policy = atomic_load_explicit(&lane->policy, memory_order_acquire);
	uint64_t start = rte_rdtsc(), cycles;

	lane->path.policy = policy;
	lane->path.scratch = &policy->workers[lane->config.worker];
	receive(lane, count);
	path_burst(&lane->path, &lane->burst);
	transmit(lane);
	path_count(&lane->path, &lane->burst, 0);
	cycles = rte_rdtsc() - start;
	count_burst(&lane->path.counters, count, cycles);
	between_bursts(lane);
	return cycles;
}

static void run_io(struct lane *lane, unsigned bursts)
{
	for (unsigned i = 0; i < bursts; i++) {
		source_fill(lane->source, lane->mbufs);
		source_sink(lane->source, lane->mbufs, BURST_PACKETS);
	}
}

static void run_decode(struct lane *lane, unsigned bursts)
{
	for (unsigned i = 0; i < bursts; i++) {
		source_fill(lane->source, lane->mbufs);
		receive(lane, BURST_PACKETS);
		decode_burst(&lane->burst, lane->path.tunnels_off);
		source_sink(lane->source, lane->mbufs, BURST_PACKETS);
	}
}

static void run_lookup(struct lane *lane, unsigned bursts)
{
	for (unsigned i = 0; i < bursts; i++) {
		source_fill(lane->source, lane->mbufs);
		receive(lane, BURST_PACKETS);
		decode_burst(&lane->burst, lane->path.tunnels_off);
		flow_lookup_burst(lane->path.flows, &lane->burst);
		source_sink(lane->source, lane->mbufs, BURST_PACKETS);
	}
}

static void run_full(struct lane *lane, unsigned bursts)
{
	for (unsigned i = 0; i < bursts; i++) {
		source_fill(lane->source, lane->mbufs);
		durations_add(&lane->durations, forward(lane, BURST_PACKETS));
	}
}

static void run_hash(struct lane *lane, unsigned bursts)
{
	for (unsigned i = 0; i < bursts; i++) {
		source_fill(lane->source, lane->mbufs);
		receive(lane, BURST_PACKETS);
		decode_burst(&lane->burst, lane->path.tunnels_off);
		bench_hash_burst(lane->hash, &lane->burst);
		source_sink(lane->source, lane->mbufs, BURST_PACKETS);
	}
}

uint64_t lane_run(struct lane *lane, enum bench_stage stage, uint32_t packets)
{
	static void (*const runs[STAGE_COUNT])(struct lane *, unsigned) = { run_io, run_decode,
		run_lookup, run_full, run_hash };
	unsigned bursts = (packets + BURST_PACKETS - 1) / BURST_PACKETS;

	runs[stage](lane, bursts);
	return (uint64_t)bursts * BURST_PACKETS;
}

void lane_prepare(struct lane *lane, enum bench_stage stage, uint32_t packets)
{
	unsigned count;

	if (!lane->config.renews_requests || stage < STAGE_FULL)
		return;
	while ((count = source_renew(lane->source, lane->mbufs, packets)) > 0)
		forward(lane, count);
}

// Connections are mostly long past inspection; those that are renewed are not.
static void stop_inspecting(struct lane *lane)
{
	for (unsigned i = 0; i < lane->burst.count; i++) {
		struct flow *flow = lane->burst.packets[i].flow;

		if (flow != NULL)
			flow_stop_inspecting(flow_details(lane->path.flows, flow), flow);
	}
}

static void open_flows(struct lane *lane)
{
	unsigned count;

	source_reopen(lane->source);
	while ((count = source_open(lane->source, lane->mbufs)) > 0) {
		forward(lane, count);
		if (lane->config.traffic.kind == SOURCE_REQUESTS)
			stop_inspecting(lane);
		if (lane->hash != NULL)
			bench_hash_burst(lane->hash, &lane->burst);
	}
}

// Of the wire's own ports, whose frames would not be forwarded: none of the source's.
static const uint8_t ports[2][PACKET_ADDRESS_BYTES] = { { 2, 0, 0, 0, 1, 1 },
	{ 2, 0, 0, 0, 1, 2 } };

struct lane *lane_create(const struct lane_config *config)
{
	struct lane *lane = memory_alloc(sizeof(*lane), -1);
	struct flow_config flows = {
		.capacity = config->capacity, .node = -1, .timeouts = config->timeouts
	};
	struct streams_config streams = config->streams;
	struct fragments_config fragments = { .datagrams = config->fragments, .node = -1 };
	int error;

	if (lane == NULL)
		return NULL;
	lane->config = *config;
	atomic_init(&lane->policy, config->policy);
	lane->path.budget = config->budget;
	lane->path.findings.off = config->detectors_off;
	flows.counters = &lane->path.counters;
	lane->source = source_create(&config->traffic, config->capture);
	lane->path.flows = lane->source == NULL ? NULL : flow_table_create(&flows);
	streams.node = -1;
	streams.counters = &lane->path.counters;
	lane->path.streams = streams_create(&streams);
	fragments.counters = &lane->path.counters;
	lane->path.fragments = fragments_create(&fragments);
	for (unsigned i = 0; i < 2; i++)
		lane->path.own[i] = packet_address(ports[i]);
	if (config->has_hash)
		lane->hash = bench_hash_create(config->traffic.flows);
	if (lane->path.flows == NULL || lane->path.streams == NULL ||
			lane->path.fragments == NULL || create_ring(lane) < 0 ||
			(config->has_hash && lane->hash == NULL) ||
			(config->has_published && create_published(lane) < 0)) {
		error = errno;
		lane_free(lane);
		return fail_null(error);
	}
	lane->age_every = second_ns * AGE_BUCKETS / flow_table_buckets(lane->path.flows);
	open_flows(lane);
	return lane;
}

void lane_free(struct lane *lane)
{
	if (lane == NULL)
		return;
	flow_table_free(lane->path.flows);
	streams_free(lane->path.streams);
	fragments_free(lane->path.fragments);
	bench_hash_free(lane->hash);
	published_free(lane->hosts);
	memory_free(lane->path.evidence, lane->ring_bytes);
	source_free(lane->source);
	memory_free(lane, sizeof(*lane));
}

const struct counters *lane_counters(const struct lane *lane)
{
	return &lane->path.counters;
}

const struct durations *lane_durations(const struct lane *lane)
{
	return &lane->durations;
}

uint32_t lane_flows(const struct lane *lane)
{
	return flow_count(lane->path.flows);
}

struct rte_ring *lane_watch(struct lane *lane, struct counters_public **published)
{
	lane->is_watched = published != NULL;
	if (published != NULL)
		*published = &lane->published;
	return lane->path.evidence;
}

void lane_set_policy(struct lane *lane, const struct policy *policy)
{
	atomic_store_explicit(&lane->policy, policy != NULL ? policy : lane->config.policy,
			memory_order_release);
}

size_t lane_table_bytes(const struct lane *lane)
{
	return (size_t)flow_table_buckets(lane->path.flows) * 64 +
			lane->config.capacity * (sizeof(struct flow) + sizeof(struct flow_details));
}

double lane_verdicts_kept(struct lane *lane)
{
	uint64_t kept = 0, packets = 0;
	unsigned count;

	source_reopen(lane->source);
	while ((count = source_open(lane->source, lane->mbufs)) > 0) {
		receive(lane, count);
		decode_burst(&lane->burst, lane->path.tunnels_off);
		flow_lookup_burst(lane->path.flows, &lane->burst);
		for (unsigned i = 0; i < count; i++) {
			const struct packet *packet = &lane->burst.packets[i];

			kept += packet->flow != NULL && packet->flow->app != APP_UNKNOWN;
		}
		packets += count;
		source_sink(lane->source, lane->mbufs, count);
	}
	return packets == 0 ? 0 : (double)kept / packets;
}

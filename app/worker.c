// SPDX-License-Identifier: BSD-3-Clause
#include "worker.h"

#include "evidence.h"
#include "fail.h"
#include "fragment.h"
#include "inquiry.h"
#include "log.h"
#include "mbuf.h"
#include "media.h"
#include "memory.h"
#include "overload.h"
#include "port.h"
#include "sniff.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <sched.h>
#include <string.h>

LOG_TYPE("worker");

static_assert(BURST_PACKETS == 1 << (BURST_BUCKETS - 2), "the last bucket is a full burst");

enum {
	TX_TRIES = 64, // then the rest of the burst is dropped
	AGE_BUCKETS = 64, // at a time
	PUBLISHES_PER_S = 1000,
	AGE_SLOTS = 8, // of what Skype flows carry, each time: all of them in a quarter of a second
	DRAIN_MS = 50, // longest time to forward after the word to stop
	DRAIN_QUIET_MS = 5, // nothing arrived for so long: nothing is under way
	END_MS = 2000, // longest time to wait for the exporter to take the last flow records
};

struct worker {
	struct path path;
	alignas(64) struct burst burst;
	struct rte_mbuf *mbufs[BURST_PACKETS];
	uint8_t positions[BURST_PACKETS]; // in the burst, of mbufs to transmit

	struct shared *shared;
	struct channel *channel;
	struct sniff *sniff; // of this round; NULL: nobody captures packets
	unsigned index;
	struct overload overload;
	struct timebase_copy time;
	uint64_t started; // TSC cycles, as those below
	uint64_t publish_at;
	uint64_t age_at;
	uint64_t publish_cycles, age_cycles; // from one time to the next
	uint64_t end_by; // when to give up on the exporter; 0 while it need not keep up
	uint64_t records_lost;
};

// On the packet's path, but for the end of the program.
static void worker_tell(struct worker *w, struct flow_record *record)
{
	struct channel *channel = w->channel;

	while (rte_ring_sp_enqueue_elem(channel->records, record, sizeof(*record)) != 0) {
		if (rte_rdtsc() >= w->end_by) {
			atomic_store_explicit(&channel->records_lost, ++w->records_lost,
					memory_order_relaxed);
			return;
		}
		rte_pause();
	}
}

static void worker_flow_ended(void *context, struct flow_table *, const struct flow *flow,
		enum flow_end_reason reason)
{
	struct worker *w = context;
	struct flow_record record;

	path_describe_ended(&w->path, flow, reason, &record);
	w->path.counters.ended_packets += record.packets_to_server + record.packets_to_client;
	worker_tell(w, &record);
}

static void worker_flow_judged(void *context, struct flow_table *table, const struct flow *flow)
{
	struct flow_record record;

	flow_describe(table, flow, FLOW_END_IDLE, &record);
	record.is_detection = true;
	worker_tell(context, &record);
}

struct worker *worker_create(struct shared *shared, const struct worker_config *config)
{
	struct worker *w = memory_alloc(sizeof(*w), config->node);
	struct flow_config flows = {
		.capacity = config->flows,
		.node = config->node,
		.timeouts = config->timeouts,
	};
	struct streams_config streams = config->streams;
	struct fragments_config fragments = {
		.datagrams = config->fragments,
		.node = config->node,
	};
	struct media_config media = { .node = config->node };

	if (w == NULL)
		return NULL;
	w->shared = shared;
	w->index = config->index;
	w->channel = &shared->channels[config->index];
	w->path.budget = config->budget;
	w->path.tunnels_off = config->tunnels_off;
	w->path.evidence = w->channel->evidence;
	w->path.published = shared->published;
	flows.counters = &w->path.counters;
	streams.node = config->node;
	streams.counters = &w->path.counters;
	if (w->channel->records != NULL) {
		flows.ended = worker_flow_ended;
		flows.judged = worker_flow_judged;
		flows.context = w;
	}
	w->path.flows = flow_table_create(&flows);
	if (w->path.flows == NULL)
		goto err_worker;
	w->path.streams = streams_create(&streams);
	if (w->path.streams == NULL)
		goto err_flows;
	fragments.counters = &w->path.counters;
	w->path.fragments = fragments_create(&fragments);
	if (w->path.fragments == NULL)
		goto err_streams;
	media.evidence = w->path.evidence;
	media.counters = &w->path.counters;
	w->path.media = media_create(&media);
	if (w->path.media == NULL)
		goto err_fragments;
	return w;

err_fragments:
	fragments_free(w->path.fragments);
err_streams:
	streams_free(w->path.streams);
err_flows:
	flow_table_free(w->path.flows);
err_worker:
	memory_free(w, sizeof(*w));
	return NULL;
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	media_free(w->path.media);
	fragments_free(w->path.fragments);
	streams_free(w->path.streams);
	flow_table_free(w->path.flows);
	memory_free(w, sizeof(*w));
}

static void burst_receive(struct worker *w, uint16_t port, uint64_t now_ns)
{
	struct burst *b = &w->burst;

	b->count = rte_eth_rx_burst(port, w->index, w->mbufs, BURST_PACKETS);
	b->now_ns = now_ns;
	b->summed = 0;
	for (unsigned i = 0; i < b->count; i++) {
		struct rte_mbuf *mbuf = w->mbufs[i];

		mbuf_receive(mbuf, now_ns, &b->packets[i]);
		b->summed |= (uint64_t)port_summed(mbuf) << i;
	}
}

// The frame of a tagged packet may have grown to the left.
static void sync_mbuf(struct rte_mbuf *mbuf, const struct packet *packet)
{
	uint8_t *start = rte_pktmbuf_mtod(mbuf, uint8_t *);

	if (packet->data < start)
		rte_pktmbuf_prepend(mbuf, start - packet->data);
}

// Frees what is to be dropped; the others' mbufs stand in w->mbufs, in order: as they were received
// when the path has touched none.
static unsigned select_mbufs(struct worker *w)
{
	unsigned count = 0;

	if (!w->burst.has_edits)
		return w->burst.count;
	for (unsigned i = 0; i < w->burst.count; i++) {
		struct packet *packet = &w->burst.packets[i];

		if (reason_group(packet->reason) == REASON_GROUP_DROPPED) {
			rte_pktmbuf_free(packet->owner);
			continue;
		}
		sync_mbuf(packet->owner, packet);
		w->positions[count] = i;
		w->mbufs[count++] = packet->owner;
	}
	return count;
}

static void burst_transmit(struct worker *w, uint16_t port)
{
	unsigned count = select_mbufs(w), sent = 0;

	for (int tries = 0; sent < count && tries < TX_TRIES; tries++) {
		if (tries > 0)
			rte_pause();
		sent += rte_eth_tx_burst(port, w->index, w->mbufs + sent, count - sent);
	}
	for (; sent < count; sent++) {
		w->burst.packets[w->burst.has_edits ? w->positions[sent] : sent].reason =
				REASON_TX_FULL;
		rte_pktmbuf_free(w->mbufs[sent]);
	}
}

static void count_burst(struct counters *counters, unsigned packets, uint64_t cycles)
{
	unsigned size = packets <= 1 ? 1 : 33 - __builtin_clz(packets - 1);

	counters->burst_packets[size]++;
	counters_duration(counters->burst_cycles, cycles);
	counters->burst_cycles_sum += cycles;
	counters->busy_cycles += cycles;
}

// Does as the level says from here on.
static void shed(struct worker *w)
{
	const enum overload_level level = w->overload.level;
	struct counters *counters = &w->path.counters;

	counters->overload_raised[level] += level > counters->overload_level;
	counters->overload_level = level;
	w->path.overload = level;
	flow_admit(w->path.flows, level < OVERLOAD_FLOWS);
}

// A file always has a full burst: that is no overload.
static bool may_shed(const struct policy *policy, const struct direction *direction)
{
	return policy->sheds && (!direction->waits || policy->sheds_files);
}

// What happens to packets, in order. Returns how many there were.
static unsigned worker_forward(struct worker *w, unsigned direction)
{
	const struct direction *d = &w->shared->directions[direction];
	struct counters *counters = &w->path.counters;
	uint64_t start = rte_rdtsc();

	if (__builtin_expect(atomic_load_explicit(&d->is_halted, memory_order_acquire), 0))
		return 0;
	burst_receive(w, d->from, timebase_ns(&w->time, start));
	counters->polls++;
	if (overload_note(&w->overload, direction, may_shed(w->path.policy, d) ? w->burst.count : 0,
			    start))
		shed(w);
	if (w->burst.count == 0) {
		counters->polls_empty++;
		counters->burst_packets[0]++;
		return 0;
	}
	memcpy(w->path.own, d->own, sizeof(w->path.own));
	path_burst(&w->path, &w->burst);
	if (__builtin_expect(w->sniff != NULL, 0))
		sniff_burst(w->sniff, w->index, w->path.flows, &w->burst, direction);
	burst_transmit(w, d->to);
	path_count(&w->path, &w->burst, direction);
	count_burst(counters, w->burst.count, rte_rdtsc() - start);
	return w->burst.count;
}

static void worker_publish(struct worker *w, uint64_t now)
{
	struct counters *counters = &w->path.counters;

	counters->cycles = now - w->started;
	counters->last_poll_ns = timebase_ns(&w->time, now);
	counters->flows = flow_count(w->path.flows);
	counters_publish(w->channel->counters, counters);
	w->publish_at = now + w->publish_cycles;
}

// One look at every port. Returns how many packets there were.
static unsigned worker_round(struct worker *w)
{
	struct shared *shared = w->shared;
	struct policy *policy = atomic_load_explicit(&shared->policy, memory_order_acquire);
	unsigned packets = 0;
	uint64_t now;

	timebase_follow(&w->time, &shared->time);
	w->sniff = atomic_load_explicit(&shared->sniff, memory_order_acquire);
	w->path.policy = policy;
	w->path.scratch = &policy->workers[w->index];
	for (unsigned i = 0; i < shared->direction_count; i++)
		packets += worker_forward(w, i);
	now = rte_rdtsc();
	if (now >= w->age_at) {
		flow_age(w->path.flows, timebase_ns(&w->time, now), AGE_BUCKETS);
		w->age_at = now + w->age_cycles;
	}
	if (__builtin_expect(inquiry_is_open(w->channel->inquiry), 0))
		inquiry_work(w->channel->inquiry, w->path.flows);
	if (now >= w->publish_at) {
		media_age(w->path.media, timebase_ns(&w->time, now), 0, AGE_SLOTS);
		worker_publish(w, now);
	}
	rte_rcu_qsbr_quiescent(shared->readers, w->index);
	return packets;
}

static void worker_start(struct worker *w)
{
	uint64_t hz = rte_get_tsc_hz();

	timebase_follow(&w->time, &w->shared->time);
	overload_init(&w->overload, hz * OVERLOAD_CALM_MS / 1000);
	w->started = rte_rdtsc();
	w->publish_cycles = hz / PUBLISHES_PER_S;
	// The whole table in about a second.
	w->age_cycles = hz * AGE_BUCKETS / RTE_MAX(flow_table_buckets(w->path.flows), AGE_BUCKETS);
	rte_rcu_qsbr_thread_register(w->shared->readers, w->index);
	rte_rcu_qsbr_thread_online(w->shared->readers, w->index);
	LOG(INFO, "worker %u polls on CPU %d", w->index, sched_getcpu());
}

// Forwards what is under way when the program is told to stop.
static void worker_drain(struct worker *w)
{
	uint64_t ms = rte_get_tsc_hz() / 1000, now = rte_rdtsc();
	uint64_t end = now + DRAIN_MS * ms, quiet = now + DRAIN_QUIET_MS * ms;

	while (now < end && now < quiet) {
		unsigned packets = worker_round(w);

		now = rte_rdtsc();
		if (packets > 0)
			quiet = now + DRAIN_QUIET_MS * ms;
	}
}

static void worker_finish(struct worker *w)
{
	uint64_t now = rte_rdtsc();

	rte_rcu_qsbr_thread_offline(w->shared->readers, w->index);
	rte_rcu_qsbr_thread_unregister(w->shared->readers, w->index);
	media_age(w->path.media, UINT64_MAX, 0, MEDIA_SLOTS);
	w->end_by = now + END_MS * (rte_get_tsc_hz() / 1000);
	flow_end_all(w->path.flows);
	worker_publish(w, rte_rdtsc());
	atomic_store_explicit(&w->channel->is_done, true, memory_order_release);
}

int worker_main(void *worker)
{
	struct worker *w = worker;

	worker_start(w);
	while (!atomic_load_explicit(&w->shared->stop, memory_order_relaxed)) {
		if (worker_round(w) == 0)
			rte_pause();
	}
	worker_drain(w);
	worker_finish(w);
	return 0;
}

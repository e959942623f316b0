// SPDX-License-Identifier: BSD-3-Clause
// Any frames through the whole path, with a small table and a policy that tags and drops: frames
// stay in their buffers and every one is counted once.
#include "evidence.h"
#include "fragment.h"
#include "path.h"
#include "stream.h"

#include <rte_ring_elem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADROOM = 4,
	EVIDENCE_SLOTS = 8,
	FRAMES_MAX = 256
};

static const char config[] =
		"rules:\n"
		"  - {id: 1, app: skype, match: {http.host: 'ui\\.skype\\.com'}}\n"
		"  - {id: 2, app: web, confidence: weak, match: {http.method: 'GET|POST'}}\n"
		"  - {id: 3, app: odd, confidence: weak, match: {payload: '\\x00\\x01'}}\n"
		"policy:\n"
		"  skype: {tag: {dscp: cs1, vlan: 100, pcp: 1}}\n"
		"  web: {tag: {dscp: ef}}\n"
		"  odd: drop\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *need(void *pointer)
{
	if (pointer == NULL)
		abort();
	return pointer;
}

static struct policy *make_policy(void)
{
	struct complaints complaints = { 0 };
	struct yaml_file *file = need(yaml_parse(config, strlen(config), "fuzz", &complaints));
	struct rules *rules = need(rules_create());
	struct policy *policy;

	rules_add(rules, yaml_get(yaml_root(file), "rules"), &complaints);
	if (rules_compile(rules) != 0)
		abort();
	policy = need(policy_create(rules, 1));
	policy_read(policy, yaml_get(yaml_root(file), "policy"), &complaints);
	if (complaints.count != 0) {
		complaints_print(&complaints, stderr);
		abort();
	}
	yaml_close(file);
	return policy;
}

static struct path *make_path(void)
{
	struct path *path = need(calloc(1, sizeof(*path)));
	const struct flow_config flows = {
		.capacity = 64,
		.node = -1,
		.timeouts = { 1000, 5000, 100, 1000, 2000 },
		.counters = &path->counters,
	};
	const struct fragments_config fragments = {
		.datagrams = 16,
		.node = -1,
		.counters = &path->counters,
	};

	// So few that they run out.
	path->streams = need(streams_create(&(struct streams_config){
			4, 3, 1, STREAM_WINDOW_BYTES, -1, &path->counters }));
	path->fragments = need(fragments_create(&fragments));
	path->policy = make_policy();
	path->scratch = &path->policy->workers[0];
	path->flows = need(flow_table_create(&flows));
	path->evidence = need(aligned_alloc(RTE_CACHE_LINE_SIZE,
			rte_ring_get_memsize_elem(sizeof(struct evidence), EVIDENCE_SLOTS)));
	if (rte_ring_init(path->evidence, "fuzz", EVIDENCE_SLOTS, RING_F_SP_ENQ | RING_F_SC_DEQ) !=
			0)
		abort();
	path->budget = (struct path_budget){ .packets = 4, .bytes = 4096 };
	return path;
}

// Every frame in a buffer of its own, so that a byte too far is seen.
static uint8_t *take_frame(struct packet *packet, const uint8_t *data, size_t length, uint64_t now)
{
	uint8_t *buffer = need(malloc(HEADROOM + length + 1));

	memcpy(buffer + HEADROOM, data, length);
	*packet = (struct packet){
		.data = buffer + HEADROOM,
		.length = length,
		.wire_length = length,
		.time_ns = now,
	};
	return buffer;
}

static void run_burst(struct path *path, struct burst *burst, uint8_t **buffers)
{
	path_burst(path, burst);
	path_count(path, burst, 0);
	for (unsigned i = 0; i < burst->count; i++) {
		const struct packet *packet = &burst->packets[i];

		if (packet->data < buffers[i] || packet->reason >= REASON_COUNT)
			abort();
		free(buffers[i]);
	}
}

static uint64_t counted(const struct counters *counters)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < REASON_COUNT; i++)
		sum += counters->packets[0][i];
	return sum;
}

// A frame is two bytes of length, the second of them also the burst's end and the time that went
// by, and so many bytes.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct path *path;
	static struct burst burst;
	uint64_t now = 1000000000000;
	uint8_t *buffers[BURST_PACKETS];
	uint64_t sent = 0;
	uint64_t before;

	if (path == NULL)
		path = make_path();
	before = counted(&path->counters);
	burst.count = 0;
	burst.link = LINK_ETHERNET;
	while (size >= 2 && sent < FRAMES_MAX) {
		size_t length = data[0] | (data[1] & 7) << 8;
		bool ends = data[1] & 8;

		now += (uint64_t)(data[1] >> 4) << 25;
		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		buffers[burst.count] = take_frame(&burst.packets[burst.count], data, length, now);
		burst.count++;
		sent++;
		data += length;
		size -= length;
		burst.now_ns = now;
		if (ends || burst.count == BURST_PACKETS) {
			run_burst(path, &burst, buffers);
			burst.count = 0;
		}
	}
	run_burst(path, &burst, buffers);
	flow_age(path->flows, now, 4);
	flow_end_all(path->flows); // so that an input alone makes its finding
	rte_ring_reset(path->evidence);
	if (counted(&path->counters) != before + sent)
		abort();
	return 0;
}

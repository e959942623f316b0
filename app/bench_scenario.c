// SPDX-License-Identifier: BSD-3-Clause
#include "bench_scenario.h"

#include <string.h>

#define MILLION 1000000
#define TABLE_1M (1 << 20)
#define TAG "{tag: {dscp: cs1}}"

#define UNIFORM(count)                                                                             \
	{                                                                                          \
		.kind = SOURCE_DATAGRAMS, .flows = (count)                                         \
	}
#define REQUESTS(percent)                                                                          \
	{                                                                                          \
		.kind = SOURCE_REQUESTS, .flows = MILLION, .requests_percent = (percent)           \
	}
#define PIECES(swapped)                                                                            \
	{                                                                                          \
		.kind = SOURCE_REQUESTS, .flows = MILLION, .requests_percent = 100,                \
		.is_cut = true, .is_swapped = (swapped)                                            \
	}

// clang-format off
#define HTTP(percent, rules, bar_kind, value)                                                      \
	{ .name = "http-" #percent "-" #rules,                                                     \
	  .what = #percent " % of packets are HTTP requests, " #rules " host rules",               \
	  .traffic = REQUESTS(percent), .capacity = TABLE_1M, .hosts = rules,                      \
	  .bar = bar_kind, .bar_value = value, .base = REQUESTS(percent), .renews_requests = true }

// Each on a flow that begins with a SYN, before it is measured; the base is past inspection.
#define SEGMENTS(label, swapped, text)                                                             \
	{ .name = label, .what = "HTTP requests of 8 segments each, " text,                        \
	  .traffic = PIECES(swapped), .capacity = TABLE_1M, .hosts = 10, .base = PIECES(swapped),  \
	  .renews_requests = true }

#define DATAGRAM_FLOOD { .kind = SOURCE_DATAGRAMS, .flows = TABLE_1M, .opens = 1 }
#define SYN_FLOOD { .kind = SOURCE_SYNS, .flows = TABLE_1M, .opens = 1 }
#define SKYPE(label, kind, room, most, text)                                                       \
	{ .name = label, .what = text ", with the Skype detectors and without", .traffic = kind,   \
	  .capacity = room, .bar = BAR_CYCLES, .bar_value = most, .base = kind,                    \
	  .renews_requests = true, .is_skype = true }

const struct scenario scenarios[SCENARIO_COUNT] = {
	{ .name = "flows-10k", .what = "10,000 flows", .traffic = UNIFORM(10000), .capacity = 16384,
	  .bar = BAR_SHARE_OF_IO, .bar_value = 0.35 },
	{ .name = "flows-1m", .what = "1 million flows", .traffic = UNIFORM(MILLION),
	  .capacity = TABLE_1M, .bar = BAR_SHARE_OF_IO, .bar_value = 0.20 },
	{ .name = "flows-1m-zipf", .what = "1 million flows, Zipf 0.99",
	  .traffic = { .kind = SOURCE_DATAGRAMS, .flows = MILLION, .zipf = 0.99 },
	  .capacity = TABLE_1M, .bar = BAR_SHARE_OF_IO, .bar_value = 0.27 },
	{ .name = "flows-4m", .what = "4 million flows", .traffic = UNIFORM(4 * MILLION),
	  .capacity = 4 * TABLE_1M, .bar = BAR_SHARE_OF_IO, .bar_value = 0.17 },
	{ .name = "flows-16m", .what = "16 million flows", .traffic = UNIFORM(16 * MILLION),
	  .capacity = 16 * TABLE_1M },
	{ .name = "flood", .what = "each packet is the SYN of a new flow, table full",
	  .traffic = { .kind = SOURCE_SYNS, .flows = TABLE_1M, .opens = 1 }, .capacity = TABLE_1M,
	  .bar = BAR_SHARE_OF_BASE, .bar_value = 0.50, .base = UNIFORM(MILLION) },
	{ .name = "flood-udp", .what = "each packet is the datagram of a new flow, table full",
	  .traffic = { .kind = SOURCE_DATAGRAMS, .flows = TABLE_1M, .opens = 1 },
	  .capacity = TABLE_1M, .base = UNIFORM(MILLION) },
	{ .name = "churn-10m", .what = "10 million flows offered to a table of 4 million, 5 % of packets open one",
	  .traffic = { .kind = SOURCE_DATAGRAMS, .flows = 10 * MILLION, .newest = 3 * MILLION,
	               .opens = 20 },
	  .capacity = 4 * TABLE_1M, .bar = BAR_SHARE_OF_BASE, .bar_value = 0.60,
	  .base = UNIFORM(4 * MILLION) },
	HTTP(1, 10, BAR_LOSS, 0.06),
	HTTP(1, 1000, BAR_LOSS, 0.06),
	HTTP(1, 10000, BAR_LOSS, 0.06),
	HTTP(10, 10, BAR_NONE, 0),
	HTTP(10, 1000, BAR_NONE, 0),
	HTTP(10, 10000, BAR_NONE, 0),
	HTTP(100, 10, BAR_NONE, 0),
	HTTP(100, 1000, BAR_NONE, 0),
	HTTP(100, 10000, BAR_NONE, 0),
	SEGMENTS("segments", false, "in order, all inspected"),
	SEGMENTS("segments-swapped", true, "each pair swapped, so every second waits"),
	{ .name = "watched", .what = "1 million flows, 16 workers' counters and rings are read all the time",
	  .traffic = UNIFORM(MILLION), .capacity = TABLE_1M, .bar = BAR_LOSS, .bar_value = 0.03,
	  .base = UNIFORM(MILLION), .is_watched = true },
	{ .name = "reload", .what = "the same with 1 % HTTP requests, while rules are loaded again and again",
	  .traffic = REQUESTS(1), .capacity = TABLE_1M, .hosts = 10, .bar = BAR_LATENCY,
	  .bar_value = 50, .is_watched = true, .reloads = true, .renews_requests = true },
	{ .name = "forward", .what = "10,000 flows, nothing is done to them",
	  .traffic = UNIFORM(10000), .capacity = 16384, .action = "forward" },
	{ .name = "dscp", .what = "10,000 flows, DSCP set", .traffic = UNIFORM(10000),
	  .capacity = 16384, .action = TAG, .bar = BAR_CYCLES, .bar_value = 10,
	  .base = UNIFORM(10000), .base_action = "forward" },
	{ .name = "vlan", .what = "10,000 flows, VLAN tag pushed", .traffic = UNIFORM(10000),
	  .capacity = 16384, .action = "{tag: {vlan: 100}}", .bar = BAR_CYCLES, .bar_value = 15,
	  .base = UNIFORM(10000), .base_action = "forward" },
	SKYPE("skype-udp", UNIFORM(10000), 16384, 5, "10,000 flows of datagrams"),
	SKYPE("skype-udp-new", DATAGRAM_FLOOD, TABLE_1M, 60, "each packet the datagram of a new flow"),
	SKYPE("skype-tcp", REQUESTS(0), TABLE_1M, 5, "1 million connections"),
	SKYPE("skype-syn", SYN_FLOOD, TABLE_1M, 60, "each packet the SYN of a new flow"),
	SKYPE("skype-tcp-new", REQUESTS(100), TABLE_1M, 60, "each packet the first of a connection"),
	{ .name = "mix", .what = "a capture, its flows established",
	  .traffic = { .kind = SOURCE_CAPTURE, .flows = MILLION }, .capacity = TABLE_1M },
	{ .name = "mix-new", .what = "a capture, every flow new with each pass",
	  .traffic = { .kind = SOURCE_CAPTURE, .flows = MILLION, .renews = true },
	  .capacity = TABLE_1M },
	{ .name = "hash", .what = "1 million flows, lookup against rte_hash_lookup_bulk_data()",
	  .traffic = UNIFORM(MILLION), .capacity = TABLE_1M, .bar = BAR_HASH, .bar_value = 1.9 },
	{ .name = "hash-4m", .what = "4 million flows, lookup against rte_hash_lookup_bulk_data()",
	  .traffic = UNIFORM(4 * MILLION), .capacity = 4 * TABLE_1M, .bar = BAR_HASH,
	  .bar_value = 1.9 },
};
// clang-format on

const struct scenario *scenario_find(const char *name)
{
	for (unsigned i = 0; i < SCENARIO_COUNT; i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	return NULL;
}

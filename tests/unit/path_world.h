// SPDX-License-Identifier: BSD-3-Clause
// A path of its own with a few rules, and packets to send along it.
#pragma once

#include "evidence.h"
#include "path.h"
#include "stream.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	RING_SLOTS = 16,
	OF_A_CHECK = 3, // pieces of evidence: the proof, what the client tells, the rule
	FRAME_BYTES = 2048,
	HEADROOM = 8,
	TCP = 6,
	UDP = 17
};

static const char rules_text[] =
		"- {id: 1001, app: skype, confidence: certain, role: version-check,\n"
		"   match: {http.host: 'ui\\.skype\\.com'}}\n"
		"- {id: 1, app: greeter, confidence: strong,\n"
		"   match: {payload: ['^hello', '^\\x02hello, is anybody out there who hears "
		"what we shout so loudly[?]']}}\n"
		"- {id: 2, app: timed, port: 123, proto: udp}\n";
static const char policy_text[] = "{skype: {tag: {dscp: cs1}}, greeter: drop}";

struct fixture {
	struct path path;
	struct policy *policy;
	struct burst burst;
	uint8_t room[BURST_PACKETS][FRAME_BYTES];
	uint64_t sequence;
};

static struct policy *make_policy(void)
{
	struct complaints complaints = { 0 };
	struct yaml_file *rules_file, *policy_file;
	struct rules *rules = rules_create();
	struct policy *policy;

	rules_file = yaml_parse(rules_text, strlen(rules_text), "rules", &complaints);
	policy_file = yaml_parse(policy_text, strlen(policy_text), "policy", &complaints);
	rules_add(rules, yaml_root(rules_file), &complaints);
	assert_int_equal(rules_compile(rules), 0);
	policy = policy_create(rules, 1);
	policy_read(policy, yaml_root(policy_file), &complaints);
	complaints_print(&complaints, stderr);
	assert_int_equal(complaints.count, 0);
	complaints_fini(&complaints);
	yaml_close(rules_file);
	yaml_close(policy_file);
	return policy;
}

static int create(void **state)
{
	struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) & ~(size_t)63);
	struct flow_config flows = {
		.capacity = 64,
		.node = -1,
		.timeouts = { 30000, 3600000, 5000, 60000, 200000 },
		.counters = &f->path.counters,
	};

	const struct streams_config streams = { 16, 16, 4, STREAM_WINDOW_BYTES, -1,
		&f->path.counters };

	memset(f, 0, sizeof(*f));
	f->path.streams = streams_create(&streams);
	f->policy = make_policy();
	f->path.policy = f->policy;
	f->path.scratch = &f->policy->workers[0];
	f->path.flows = flow_table_create(&flows);
	f->path.budget = (struct path_budget){ .packets = 4, .bytes = 4096 };
	f->path.has_numbers = true;
	f->path.evidence = aligned_alloc(
			64, rte_ring_get_memsize_elem(sizeof(struct evidence), RING_SLOTS));
	assert_int_equal(rte_ring_init(f->path.evidence, "evidence", RING_SLOTS,
					 RING_F_SP_ENQ | RING_F_SC_DEQ),
			0);
	*state = f;
	return 0;
}

static int destroy(void **state)
{
	struct fixture *f = *state;

	flow_table_free(f->path.flows);
	streams_free(f->path.streams);
	policy_free(f->policy);
	free(f->path.evidence);
	free(f);
	return 0;
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

// One IPv4 packet from 10.0.0.`from` to 10.0.0.`to`, client ports above 1000.
static struct packet *add(
		struct fixture *f, unsigned protocol, const unsigned ends[4], const char *payload)
{
	unsigned header = protocol == TCP ? 20 : 8;
	unsigned length = (unsigned)strlen(payload);
	uint8_t *frame = f->room[f->burst.count] + HEADROOM;
	struct packet *packet = &f->burst.packets[f->burst.count++];

	memset(frame, 0, 14 + 20 + header);
	put16(frame + 12, 0x0800);
	frame[14] = 0x45;
	put16(frame + 16, 20 + header + length);
	frame[22] = 64;
	frame[23] = (uint8_t)protocol;
	frame[26] = frame[30] = 10;
	frame[29] = (uint8_t)ends[0];
	frame[33] = (uint8_t)ends[2];
	put16(frame + 34, ends[1]);
	put16(frame + 36, ends[3]);
	if (protocol == TCP) {
		frame[46] = 5 << 4;
		frame[41] = length != 0;
		frame[47] = length == 0 ? 0x02 : 0x18;
	} else {
		put16(frame + 38, 8 + length);
	}
	memcpy(frame + 34 + header, payload, length);
	*packet = (struct packet){ .data = frame,
		.time_ns = 1000000000000 + ++f->sequence,
		.number = f->sequence,
		.length = 34 + header + length,
		.wire_length = 34 + header + length };
	f->burst.now_ns = packet->time_ns;
	return packet;
}

static void run(struct fixture *f)
{
	path_burst(&f->path, &f->burst);
	path_count(&f->path, &f->burst, 0);
	f->burst.count = 0;
}

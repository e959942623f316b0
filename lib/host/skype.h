// SPDX-License-Identifier: BSD-3-Clause
// Skype across flows: compares what workers observed of datagrams with what the same hosts sent
// before, and tells the host table and the workers what that proves.
//
// What one datagram says is never proof of its receiver, so nobody is framed by what others send to
// him: evidence about a host rests on packets from that host's address.
//
// Thread: the manager alone. Memory: all at creation; hosts and flows that proved nothing give way
// first, proven Skype ports last. Time: that of the evidence, which should come in order.
#pragma once

#include "evidence.h"
#include "host/call.h"
#include "host/host.h"
#include "host/published.h"

struct skype_config {
	// As many UDP ports of hosts, and twice as many flows and pairs of hosts, at 3 kB in all; a
	// sixteenth as many super nodes and hosts in calls, at 5.6 kB in all
	uint32_t capacity;
	struct host_table *hosts;
	struct published *published;
	// Called when a call or transfer is over; its evidence has been learned. May be NULL.
	void (*call_ended)(void *context, const struct call *call);
	void *context;
};

struct skype_stats {
	uint64_t observations;
	uint64_t calls; // and transfers that have ended
	uint64_t ports; // proven Skype ports now
	uint64_t forgotten; // endpoints and dialogues that gave way to others
	uint64_t refused; // for which there was no room
};

struct skype;

// NULL with errno EINVAL or ENOMEM. The caller frees it with skype_free(), before the host table.
struct skype *skype_create(const struct skype_config *config);
void skype_free(struct skype *skype);

// Takes any evidence: compares observations, hands everything else to the host table, and publishes
// what follows from it.
void skype_learn(struct skype *skype, const struct evidence *evidence);

// Takes back what was published of ports without certain evidence for ten minutes, and ends calls that
// are over. Every few seconds.
void skype_expire(struct skype *skype, uint64_t now_ns);
// Ends all calls: nothing more will be learned.
void skype_finish(struct skype *skype);
// Takes back what was published of the host, which the host table forgets.
void skype_forget_host(struct skype *skype, const struct host *host);

void skype_stats(const struct skype *skype, struct skype_stats *stats);

// SPDX-License-Identifier: BSD-3-Clause
#include "wire.h"

#include "fail.h"
#include "link.h"
#include "log.h"

#include <rte_ethdev.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

LOG_TYPE("wire");

enum {
	RESET_RETRY_MS = 1000,
};

struct pair {
	struct port *ports[2]; // inside, outside
	struct link_pair link;
	struct direction *directions; // from inside, from outside
	atomic_bool wants_reset[2]; // DPDK's threads write
	bool is_halted; // workers leave the ports alone, or are about to
	uint64_t token; // of the workers' quiescence since
	uint64_t retry_ms; // when a port that did not come back is tried again
};

struct wire {
	struct wire_config config;
	unsigned pair_count;
	struct pair pairs[PAIRS_MAX];
};

static bool is_up(const struct port *port)
{
	struct rte_eth_link link;

	// Where the driver reports changes by interrupts, DPDK has the state at hand; others are asked.
	return rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static int on_reset(uint16_t, enum rte_eth_event_type, void *flag, void *)
{
	atomic_store_explicit((atomic_bool *)flag, true, memory_order_relaxed);
	return 0;
}

static void pair_start(struct pair *pair, uint64_t now_ms)
{
	link_start(&pair->link, is_up(pair->ports[0]), is_up(pair->ports[1]), now_ms);
}

struct wire *wire_open(const struct wire_config *config, uint64_t now_ms)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (wire == NULL)
		return fail_null(ENOMEM);
	wire->config = *config;
	wire->pair_count = config->options->pair_count;
	for (unsigned i = 0; i < wire->pair_count; i++) {
		const struct pair_options *options = &config->options->pairs[i];
		struct pair *pair = &wire->pairs[i];

		pair->ports[0] = &config->ports[options->inside];
		pair->ports[1] = &config->ports[options->outside];
		pair->directions = &config->shared->directions[2 * i];
		for (unsigned side = 0; side < 2; side++) {
			uint16_t id = pair->ports[side]->id;

			// A program that was killed may have left it down.
			rte_eth_dev_set_link_up(id);
			rte_eth_dev_callback_register(id, RTE_ETH_EVENT_INTR_RESET, on_reset,
					&pair->wants_reset[side]);
		}
		pair_start(pair, now_ms);
	}
	return wire;
}

static void release(struct pair *pair)
{
	if (pair->link.held >= 0)
		rte_eth_dev_set_link_up(pair->ports[pair->link.held]->id);
	pair->link.held = -1;
}

void wire_close(struct wire *wire)
{
	if (wire == NULL)
		return;
	for (unsigned i = 0; i < wire->pair_count; i++) {
		struct pair *pair = &wire->pairs[i];

		release(pair);
		for (unsigned side = 0; side < 2; side++)
			rte_eth_dev_callback_unregister(pair->ports[side]->id,
					RTE_ETH_EVENT_INTR_RESET, on_reset,
					&pair->wants_reset[side]);
	}
	free(wire);
}

static void hold(struct pair *pair, unsigned side)
{
	const struct port *port = pair->ports[side], *lost = pair->ports[1 - side];
	int ret = rte_eth_dev_set_link_down(port->id);

	if (ret == 0) {
		LOG(WARNING, "port '%s' has no link: '%s' is held down", lost->name, port->name);
		return;
	}
	LOG(WARNING, "port '%s' has no link, and '%s' cannot be taken down (%s): its neighbour does not notice",
			lost->name, port->name, strerror(-ret));
	link_refused(&pair->link, side);
}

static void follow_link(struct pair *pair, uint64_t now_ms)
{
	unsigned side;

	switch (link_decide(&pair->link, now_ms, &side)) {
	case LINK_HOLD:
		hold(pair, side);
		break;
	case LINK_RELEASE:
		LOG(WARNING, "port '%s' has link again: '%s' is let up",
				pair->ports[1 - side]->name, pair->ports[side]->name);
		rte_eth_dev_set_link_up(pair->ports[side]->id);
		break;
	case LINK_KEEP:
		break;
	}
}

static void halt(struct pair *pair, bool is_halted)
{
	pair->is_halted = is_halted;
	for (unsigned i = 0; i < 2; i++)
		atomic_store_explicit(
				&pair->directions[i].is_halted, is_halted, memory_order_release);
}

static bool wants_reset(const struct pair *pair)
{
	return atomic_load_explicit(&pair->wants_reset[0], memory_order_relaxed) ||
			atomic_load_explicit(&pair->wants_reset[1], memory_order_relaxed);
}

// No worker touches the ports. 0, or -errno after a message.
static int reset_ports(const struct wire *wire, struct pair *pair)
{
	for (unsigned side = 0; side < 2; side++) {
		if (!atomic_exchange(&pair->wants_reset[side], false))
			continue;
		LOG(WARNING, "port '%s' is reset, as its driver asks", pair->ports[side]->name);
		if (port_reset(pair->ports[side], pair->ports[1 - side], wire->config.pools,
				    wire->config.port_config) == 0)
			continue;
		atomic_store(&pair->wants_reset[side], true);
		return -errno;
	}
	return 0;
}

// The ports of one pair stand still while it is under way; all others go on.
static void follow_reset(const struct wire *wire, struct pair *pair, uint64_t now_ms)
{
	struct rte_rcu_qsbr *readers = wire->config.shared->readers;

	if (!pair->is_halted) {
		halt(pair, true);
		pair->token = rte_rcu_qsbr_start(readers);
	}
	if (rte_rcu_qsbr_check(readers, pair->token, false) == 0 || now_ms < pair->retry_ms)
		return;
	release(pair);
	if (reset_ports(wire, pair) < 0) {
		pair->retry_ms = now_ms + RESET_RETRY_MS;
		return;
	}
	pair_start(pair, now_ms);
	halt(pair, false);
}

void wire_run(struct wire *wire, uint64_t now_ms)
{
	for (unsigned i = 0; i < wire->pair_count; i++) {
		struct pair *pair = &wire->pairs[i];

		if (pair->is_halted || wants_reset(pair)) {
			follow_reset(wire, pair, now_ms);
			continue;
		}
		for (unsigned side = 0; side < 2; side++)
			link_see(&pair->link, side, is_up(pair->ports[side]), now_ms);
		if (wire->config.options->link_propagation)
			follow_link(pair, now_ms);
	}
}

void wire_gather(const struct wire *wire, struct snapshot *snapshot)
{
	for (unsigned i = 0; i < wire->pair_count; i++) {
		for (unsigned side = 0; side < 2; side++) {
			const struct link_pair *link = &wire->pairs[i].link;
			const struct port *port = wire->pairs[i].ports[side];
			struct snapshot_port *out = &snapshot->ports[port - wire->config.ports];

			out->held = link->held == (int)side;
			out->link_changes = link->sides[side].changes;
		}
	}
}

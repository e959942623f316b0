// SPDX-License-Identifier: BSD-3-Clause
#include "inherit.h"

#include "evidence.h"
#include "host/published.h"
#include "path.h"

#include <netinet/in.h>

// Takes over what is published under the key. False when it could not be read just now.
static bool take(const struct published *published, struct published_key key,
		struct verdict *verdict)
{
	struct verdict found;
	enum published_answer answer = published_get(published, &key, &found);

	if (answer == PUBLISHED_FOUND)
		verdict_add(verdict, &found);
	return answer != PUBLISHED_BUSY;
}

static struct published_key port_of(const struct flow_key *key, unsigned side)
{
	return published_port(key->ends[side].address, ntohs(key->ports_be[side]));
}

// From a Skype port to a gateway's: weak, until it is seen to carry a call.
static bool take_gateway(const struct published *published, struct published_key key,
		struct verdict *verdict)
{
	struct verdict found = { 0 };
	bool is_read = take(published, key, &found);

	if (found.app == APP_SKYPE)
		verdict_add(verdict,
				&(struct verdict){ APP_SKYPE, CONFIDENCE_WEAK, FLOW_ROLE_CALL,
						found.signals });
	return is_read;
}

static bool inherit_datagrams(const struct path *path, const struct flow *flow,
		const struct flow_details *details, struct verdict *verdict)
{
	bool is_read = take(path->published, published_flow(flow_id(details, flow)), verdict);

	for (unsigned side = 0; side < 2; side++) {
		if (flow->key.ports_be[!side] == htons(GATEWAY_PORT))
			is_read &= take_gateway(
					path->published, port_of(&flow->key, side), verdict);
		else
			is_read &= take(path->published, port_of(&flow->key, side), verdict);
	}
	return is_read;
}

// A connection that shows nothing by itself, between two hosts that run Skype.
static void inherit_hosts(
		const struct published *published, const struct flow *flow, struct verdict *verdict)
{
	struct verdict first = { 0 }, second = { 0 };

	take(published, published_host(flow->key.ends[0].address), &first);
	if (first.app == APP_UNKNOWN)
		return;
	take(published, published_host(flow->key.ends[1].address), &second);
	if (first.app == second.app)
		verdict_add(verdict, &first);
}

// A start that proves little by itself (see skype_tcp.c) proves enough where the client runs Skype.
static void add_own(struct verdict *verdict)
{
	if (verdict->app == APP_SKYPE && verdict->confidence == CONFIDENCE_WEAK &&
			(verdict->signals & 1u << SIGNAL_SKYPE_KEY_EXCHANGE) != 0)
		verdict->confidence = CONFIDENCE_STRONG;
}

static void inherit_connection(
		const struct path *path, const struct flow *flow, struct inheritance *inheritance)
{
	const struct published *published = path->published;
	const struct flow_details *details = flow_details(path->flows, flow);
	unsigned client = (flow->state & FLOW_FROM_SECOND) != 0;
	struct verdict *verdict = &inheritance->verdict;
	struct verdict host = { 0 };
	bool is_whole = take(published, port_of(&flow->key, !client), verdict);

	is_whole &= take(published, published_host(flow->key.ends[client].address), &host);
	inheritance->is_skype_client = host.app == APP_SKYPE;
	if (inheritance->is_skype_client && verdict->confidence < CONFIDENCE_STRONG) {
		is_whole &= take(published,
				published_node(flow->key.ends[client].address,
						flow->key.ends[!client].address,
						ntohs(flow->key.ports_be[!client])),
				verdict);
		is_whole &= take(published, published_flow(flow_id(details, flow)), verdict);
		add_own(verdict);
	}
	inheritance->is_whole = is_whole;
}

void inherit(const struct path *path, const struct flow *flow, bool is_over,
		struct inheritance *inheritance)
{
	uint8_t protocol = flow_key_protocol(&flow->key);

	inheritance->is_whole = true;
	inheritance->is_skype_client = false;
	if (!flow_key_is_ip4(&flow->key))
		return;
	if (protocol == IPPROTO_UDP && (flow->state & FLOW_CANDIDATE) != 0)
		inheritance->is_whole = inherit_datagrams(
				path, flow, flow_details(path->flows, flow), &inheritance->verdict);
	if (protocol != IPPROTO_TCP ||
			(!published_may_know(path->published, flow->key.ends[0].address) &&
					!published_may_know(path->published,
							flow->key.ends[1].address)))
		return;
	inherit_connection(path, flow, inheritance);
	if (is_over && inheritance->verdict.app == APP_SKYPE)
		take(path->published,
				published_flow(flow_id(flow_details(path->flows, flow), flow)),
				&inheritance->verdict);
	if (is_over && inheritance->verdict.app == APP_UNKNOWN)
		inherit_hosts(path->published, flow, &inheritance->verdict);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "inherit.h"

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

static bool inherit_datagrams(const struct path *path, const struct flow *flow,
		const struct flow_details *details, struct verdict *verdict)
{
	bool is_read = take(path->published, published_flow(flow_id(details, flow)), verdict);

	is_read &= take(path->published, port_of(&flow->key, 0), verdict);
	is_read &= take(path->published, port_of(&flow->key, 1), verdict);
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

bool inherit(const struct path *path, const struct flow *flow, bool is_over,
		struct verdict *verdict)
{
	const struct flow_details *details = flow_details(path->flows, flow);
	uint8_t protocol = flow_key_protocol(&flow->key);
	bool is_read = true;

	if (!flow_key_is_ip4(&flow->key))
		return true;
	if (protocol == IPPROTO_UDP && (flow->state & FLOW_CANDIDATE) != 0)
		return inherit_datagrams(path, flow, details, verdict);
	if (protocol != IPPROTO_TCP)
		return true;
	is_read = take(path->published, port_of(&flow->key, (flow->state & FLOW_FROM_SECOND) == 0),
			verdict);
	if (is_over && verdict->app == APP_UNKNOWN)
		inherit_hosts(path->published, flow, verdict);
	return is_read;
}

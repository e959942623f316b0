// SPDX-License-Identifier: BSD-3-Clause
// TCP connections that show nothing by themselves, and what the host's other traffic says of them.
// A1 to A3 are numbered as in the README. Only of hosts that are known to run Skype.
#include "host/skype_state.h"

#include <stdio.h>
#include <string.h>

enum {
	TEXT_BYTES = 64, // cut to what evidence holds
};

static const uint64_t MILLISECOND_NS = 1000000;
static const uint64_t ANSWERED_NS = 5000 * MILLISECOND_NS;
static const uint64_t MEMORY_NS = 600000 * MILLISECOND_NS; // of nodes

static struct pair *pair_get(struct skype *skype, const uint8_t host[16], const uint8_t peer[16],
		uint64_t now_ns)
{
	struct published_key key = published_node(host, peer, 0);
	bool is_fresh;
	struct pair *pair = recent_get(skype->pairs, key.words, now_ns, &is_fresh);

	if (pair != NULL && is_fresh) {
		memcpy(pair->host, host, sizeof(pair->host));
		memcpy(pair->peer, peer, sizeof(pair->peer));
	}
	return pair;
}

static struct node *node_of(struct pair *pair, uint16_t port)
{
	for (int i = 0; i < NODES; i++)
		if (pair->nodes[i].port == port)
			return &pair->nodes[i];
	return NULL;
}

static void forget_node(struct skype *skype, const struct pair *pair, struct node *node)
{
	struct published_key key = published_node(pair->host, pair->peer, node->port);

	published_remove(skype->config.published, &key);
	*node = (struct node){ 0 };
}

// A free one, or the one that was proven the longest ago.
static struct node *node_room(struct skype *skype, struct pair *pair)
{
	struct node *oldest = &pair->nodes[0];

	for (int i = 1; i < NODES; i++)
		if (pair->nodes[i].time_ns < oldest->time_ns)
			oldest = &pair->nodes[i];
	if (oldest->time_ns != 0)
		forget_node(skype, pair, oldest);
	return oldest;
}

void skype_connection_note_node(struct skype *skype, const uint8_t host[16], const uint8_t peer[16],
		uint16_t port, uint64_t time_ns)
{
	const struct verdict verdict = { APP_SKYPE, CONFIDENCE_WEAK, FLOW_ROLE_P2P,
		1u << SIGNAL_SKYPE_SAME_NODE };
	struct published_key key = published_node(host, peer, port);
	struct pair *pair = port == 0 ? NULL : pair_get(skype, host, peer, time_ns);
	struct node *node;

	if (pair == NULL)
		return;
	node = node_of(pair, port);
	if (node == NULL)
		node = node_room(skype, pair);
	node->port = port;
	if (node->time_ns < time_ns)
		node->time_ns = time_ns;
	recent_raise(skype->pairs, pair, 1);
	published_set(skype->config.published, &key, &verdict);
}

void skype_connection_expire(struct skype *skype, struct pair *pair, uint64_t now_ns)
{
	for (int i = 0; i < NODES; i++)
		if (pair->nodes[i].time_ns != 0 && now_ns > pair->nodes[i].time_ns + MEMORY_NS)
			forget_node(skype, pair, &pair->nodes[i]);
}

bool skype_is_fallback(uint16_t first_port, uint64_t first_ns, uint16_t port, uint64_t time_ns)
{
	return (port == 443 || port == 80) && first_port >= 1024 &&
			skype_is_fallback_pause(first_ns, time_ns);
}

bool skype_is_fallback_pause(uint64_t first_ns, uint64_t time_ns)
{
	return time_ns >= first_ns + 1500 * MILLISECOND_NS &&
			time_ns <= first_ns + 1700 * MILLISECOND_NS;
}

bool skype_is_server_port(uint16_t port)
{
	return port == 33033 || port == 12350 || port == 13392;
}

bool skype_is_answered_node(uint64_t answer_ns, uint64_t time_ns)
{
	return answer_ns != 0 && time_ns >= answer_ns && time_ns <= answer_ns + ANSWERED_NS;
}

static void tell(struct skype *skype, const struct evidence *seen, enum signal signal,
		enum confidence confidence, const char *text)
{
	struct evidence evidence = *seen;

	evidence.is_observation = 0;
	evidence.signal = signal;
	evidence.confidence = confidence;
	evidence.text_length = strnlen(text, sizeof(evidence.text));
	memcpy(evidence.text, text, evidence.text_length);
	host_learn(skype->config.hosts, &evidence);
}

static void publish_connection(struct skype *skype, uint64_t flow_id)
{
	const struct verdict verdict = { APP_SKYPE, CONFIDENCE_WEAK, FLOW_ROLE_P2P,
		1u << SIGNAL_SKYPE_CONNECTION };
	struct published_key key = published_flow(flow_id);

	published_set(skype->config.published, &key, &verdict);
}

// The same port may have been tried before that, with the same pause.
static void publish_chain(
		struct skype *skype, const struct pair *pair, const struct connection *tried)
{
	publish_connection(skype, tried->flow_id);
	for (int i = 0; i < CONNECTIONS; i++)
		if (pair->connections[i].port == tried->port &&
				skype_is_fallback_pause(
						pair->connections[i].time_ns, tried->time_ns))
			publish_connection(skype, pair->connections[i].flow_id);
}

// A2
static void examine_fallback(struct skype *skype, const struct pair *pair,
		const struct connection *now, const struct evidence *seen)
{
	char text[TEXT_BYTES];

	for (int i = 0; i < CONNECTIONS; i++) {
		const struct connection *other = &pair->connections[i];
		// Told by two workers, the second may come first.
		const struct connection *first = other->time_ns < now->time_ns ? other : now;
		const struct connection *second = first == now ? other : now;

		if (!skype_is_fallback(first->port, first->time_ns, second->port, second->time_ns))
			continue;
		publish_chain(skype, pair, first);
		publish_connection(skype, second->flow_id);
		snprintf(text, sizeof(text), "port %u, and %u after %.2f s", first->port,
				second->port, (double)(second->time_ns - first->time_ns) / 1e9);
		tell(skype, seen, SIGNAL_SKYPE_CONNECTION, CONFIDENCE_WEAK, text);
		return;
	}
}

// A1
static void examine_node(struct skype *skype, struct pair *pair, const struct evidence *seen)
{
	const struct node *node = node_of(pair, seen->peer_port);
	char text[TEXT_BYTES];

	if (node == NULL || !skype_is_answered_node(node->time_ns, seen->time_ns))
		return;
	snprintf(text, sizeof(text), "to port %u, which spoke %.2f s before", node->port,
			(double)(seen->time_ns - node->time_ns) / 1e9);
	tell(skype, seen, SIGNAL_SKYPE_SAME_NODE, CONFIDENCE_STRONG, text);
}

// A3
static void examine_server_port(struct skype *skype, const struct evidence *seen)
{
	char text[TEXT_BYTES];

	if (!skype_is_server_port(seen->peer_port))
		return;
	snprintf(text, sizeof(text), "to the login servers' port %u", seen->peer_port);
	tell(skype, seen, SIGNAL_SKYPE_CONNECTION, CONFIDENCE_WEAK, text);
}

static bool is_known(const struct pair *pair, uint64_t flow_id)
{
	for (int i = 0; i < CONNECTIONS; i++)
		if (pair->connections[i].flow_id == flow_id)
			return true;
	return false;
}

void skype_connection_examine(struct skype *skype, const struct evidence *seen)
{
	const struct connection connection = { seen->time_ns, seen->flow_id, seen->peer_port };
	struct pair *pair = pair_get(skype, seen->host, seen->peer, seen->time_ns);

	if (pair == NULL || is_known(pair, seen->flow_id))
		return;
	examine_node(skype, pair, seen);
	examine_server_port(skype, seen);
	examine_fallback(skype, pair, &connection, seen);
	pair->connections[pair->connection_count++ % CONNECTIONS] = connection;
}

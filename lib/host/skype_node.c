// SPDX-License-Identifier: BSD-3-Clause
// Super nodes: whom others ask to join, and who lets them.
//
// Only a super node accepts a probe, answers the fake TLS hello or is greeted as one, so one such
// event tells, of a remote node as well (Ehlert & Petgang 2006; Biondi & Desclaux 2006). Where the
// acceptance is not seen, five hosts that asked and then connected do, or a hundred that asked:
// others are asked by ten at most (Rossi et al. 2008). Per ten minutes.
#include "host/skype_state.h"

#include <string.h>

enum {
	JOINED_MIN = 5,
	ASKED_MIN = 100,
};

static const uint64_t WINDOW_NS = 600 * UINT64_C(1000000000);

static void describe(const struct skype *skype, const struct super *node)
{
	if (node->is_node || node->joined >= JOINED_MIN || node->asked >= ASKED_MIN)
		host_describe(skype->config.hosts, node->address, true, APP_SKYPE,
				&(struct host_traits){
						.is_super_node = true, .clients = node->joined });
}

static struct super *node_get(struct skype *skype, const uint8_t address[16], uint64_t now_ns)
{
	struct published_key key = published_host(address);
	bool is_fresh;
	struct super *node = recent_get(skype->supers, key.words, now_ns, &is_fresh);

	if (node == NULL)
		return NULL;
	if (is_fresh)
		memcpy(node->address, address, sizeof(node->address));
	if (is_fresh || now_ns > node->since_ns + WINDOW_NS) {
		node->since_ns = now_ns;
		node->asked = node->joined = 0;
	}
	return node;
}

static uint32_t client_hash(const struct skype *skype, const uint8_t address[16])
{
	struct published_key key = published_host(address);

	return keyed_hash(skype->secret, key.words) >> 32;
}

// NULL when it is not among the window's, and there is no room or it is not to be added.
static struct super_client *client_get(struct super *node, uint32_t hash, bool may_add)
{
	struct super_client *client;

	for (unsigned i = 0; i < node->asked; i++)
		if (node->clients[i].hash == hash)
			return &node->clients[i];
	if (!may_add || node->asked == SUPER_CLIENTS)
		return NULL;
	client = &node->clients[node->asked++];
	*client = (struct super_client){ .hash = hash };
	return client;
}

void skype_node_asked(struct skype *skype, const struct evidence *seen)
{
	struct super *node = node_get(skype, seen->peer, seen->time_ns);

	if (node == NULL || client_get(node, client_hash(skype, seen->host), true) == NULL)
		return;
	if (node->asked == ASKED_MIN)
		describe(skype, node);
}

static void join(struct skype *skype, struct super *node, const uint8_t client_address[16],
		bool may_add)
{
	struct super_client *client = client_get(node, client_hash(skype, client_address), may_add);

	if (client != NULL && !client->has_joined) {
		client->has_joined = true;
		node->joined++;
		recent_raise(skype->supers, node, 1);
	}
	describe(skype, node);
}

void skype_node_accepted(struct skype *skype, const struct evidence *seen)
{
	struct super *node = node_get(skype, seen->host, seen->time_ns);

	if (node == NULL)
		return;
	node->is_node = true;
	join(skype, node, seen->peer, true);
}

void skype_node_stream(struct skype *skype, const struct evidence *seen)
{
	bool is_responder = !seen->is_from_initiator;
	struct super *node = node_get(skype, is_responder ? seen->host : seen->peer, seen->time_ns);
	bool is_joining = seen->step == STEP_BOOTSTRAP + 1;

	if (node == NULL)
		return;
	if (is_joining || (is_responder && seen->signal == SIGNAL_SKYPE_FAKE_ANSWER))
		node->is_node = true;
	join(skype, node, is_responder ? seen->peer : seen->host, is_joining);
}
